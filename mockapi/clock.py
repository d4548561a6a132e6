"""The clock: the only module that reads time or waits. Seconds since 1970 throughout.

`real` follows wall time, and waiting really waits. `virtual` stands still at 2026-01-01T00:00:00Z, and waiting passes at
once. How far a project's clock was moved is state, and stands in the store.
"""

import asyncio
import time
from abc import ABC, abstractmethod
from typing import Literal

__all__ = [
    "EPOCH",
    "EVERYBODY",
    "LATEST",
    "Clock",
    "ClockName",
    "RealClock",
    "VirtualClock",
    "is_set_within",
    "make_clock",
    "outside_time",
    "pause",
    "stopwatch",
    "timestamp",
    "wall",
    "within",
]

ClockName = Literal["real", "virtual"]

EPOCH = 1_767_225_600.0
"""2026-01-01T00:00:00Z: where every project's virtual clock starts."""


EVERYBODY = "*"
"""Wakes whoever waits, in every project."""

_LONGEST_WAIT_S = 86_400.0  # of one timer; whoever waits longer looks at the clock once a day


class Clock(ABC):
    """What the rest of the program knows of time."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Future[None]]] = {}
        self.changes = 0
        """How often anybody was woken: who looks something up, and waits for it to change, tells what he saw."""

    @abstractmethod
    def now(self) -> float:
        """The time of a project whose clock was not moved."""

    @property
    @abstractmethod
    def is_virtual(self) -> bool:
        """Whether durations pass at once."""

    async def wait(self, project: str, seconds: float | None = None, *, since: int | None = None) -> None:
        """Wait for so many seconds of wall time (None: without end), or until `wake`, whichever comes first.

        Returns at once if `changes` is no longer `since`: what was looked up before may not hold.
        """
        if since is not None and since != self.changes:
            return
        loop = asyncio.get_running_loop()
        rung: asyncio.Future[None] = loop.create_future()
        waiting = self._waiting.setdefault(project, set())
        waiting.add(rung)
        timer = None if seconds is None else loop.call_later(min(max(seconds, 0.0), _LONGEST_WAIT_S), _ring, rung)
        try:
            await rung
        finally:
            waiting.discard(rung)
            if not waiting:
                self._waiting.pop(project, None)
            if timer is not None:
                timer.cancel()

    def wake(self, project: str) -> None:
        """Something of this project (or of `*` everybody) has changed: whoever waits looks again."""
        self.changes += 1
        for name in [*self._waiting] if project == EVERYBODY else [project]:
            for rung in self._waiting.get(name, ()):
                _ring(rung)


def _ring(rung: "asyncio.Future[None]") -> None:
    if not rung.done():
        rung.set_result(None)


class RealClock(Clock):
    """Wall time, as it was when the process began, and from then on steady: nobody who sets the machine's clock moves it."""

    is_virtual = False

    def __init__(self) -> None:
        super().__init__()
        self._ahead = time.time() - time.monotonic()

    def now(self) -> float:
        """Wall time."""
        return self._ahead + time.monotonic()


class VirtualClock(Clock):
    """Time that moves only when told."""

    is_virtual = True

    def now(self) -> float:
        """Always the same moment."""
        return EPOCH


LATEST = 253_370_764_800.0
"""9999-01-01T00:00:00Z: no project's clock shows more."""


def make_clock(name: ClockName) -> Clock:
    """The clock of a `--clock` value."""
    return VirtualClock() if name == "virtual" else RealClock()


def pause(seconds: float) -> None:
    """Sleep, outside any loop and any project: for commands, never for answers."""
    time.sleep(seconds)


async def outside_time(seconds: float) -> None:
    """Wait seconds of wall time, whatever a project's clock shows: for what only a client's own patience can end."""
    await asyncio.sleep(seconds)


stopwatch = time.perf_counter
"""Seconds on a monotonic watch, for what the log says a request took; never part of an answer."""


_BEGAN_S = time.time() - time.perf_counter()


def timestamp(read: float) -> float:
    """What the stopwatch read, in seconds since 1970: as steady, and nearly the same in every process of every machine."""
    return _BEGAN_S + read


def wall() -> float:
    """Wall time, whatever a project's clock shows: for what others hold against their own watch (webhook timestamps, claims)."""
    return time.time()


def within(seconds: float) -> asyncio.Timeout:
    """A bound on waiting for somebody else: `async with within(5): …` ends with `TimeoutError`."""
    return asyncio.timeout(seconds)


async def is_set_within(event: asyncio.Event, seconds: float) -> bool:
    """Wait until an event is set, or seconds of wall time have passed; whether it is set."""
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return event.is_set()
