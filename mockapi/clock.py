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
    "Clock",
    "ClockName",
    "RealClock",
    "VirtualClock",
    "is_set_within",
    "make_clock",
    "pause",
    "stopwatch",
    "wall",
    "within",
]

ClockName = Literal["real", "virtual"]

EPOCH = 1_767_225_600.0
"""2026-01-01T00:00:00Z: where every project's virtual clock starts."""


class Clock(ABC):
    """What the rest of the program knows of time."""

    @abstractmethod
    def now(self) -> float:
        """The time of a project whose clock was not moved."""

    @abstractmethod
    async def wait(self, seconds: float) -> None:
        """Let a duration pass on one response's own local time; returns at once when it is not positive."""

    @property
    @abstractmethod
    def is_virtual(self) -> bool:
        """Whether durations pass at once."""


class RealClock(Clock):
    """Wall time."""

    is_virtual = False

    def now(self) -> float:
        """Wall time."""
        return time.time()

    async def wait(self, seconds: float) -> None:
        """Sleep."""
        if seconds > 0:
            await asyncio.sleep(seconds)


class VirtualClock(Clock):
    """Time that moves only when told."""

    is_virtual = True

    def now(self) -> float:
        """Always the same moment."""
        return EPOCH

    async def wait(self, seconds: float) -> None:
        """Pass at once."""


def make_clock(name: ClockName) -> Clock:
    """The clock of a `--clock` value."""
    return VirtualClock() if name == "virtual" else RealClock()


def pause(seconds: float) -> None:
    """Sleep, outside any loop and any project: for commands, never for answers."""
    time.sleep(seconds)


def stopwatch() -> float:
    """Seconds on a monotonic watch, for what the log says a request took; never part of an answer."""
    return time.perf_counter()


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
