"""The clock: the only module that reads time or waits. Seconds since 1970 throughout.

A clock is an offset per project. `real` follows wall time, and waiting really waits. `virtual` stands still at
2026-01-01T00:00:00Z until it is told to move, and waiting passes at once.
"""

import asyncio
import time
from abc import ABC, abstractmethod
from typing import Literal

__all__ = ["EPOCH", "Clock", "ClockName", "RealClock", "VirtualClock", "make_clock", "stopwatch"]

ClockName = Literal["real", "virtual"]

EPOCH = 1_767_225_600.0
"""2026-01-01T00:00:00Z: where every project's virtual clock starts."""


class Clock(ABC):
    """What the rest of the program knows of time."""

    @abstractmethod
    def now(self, project: str) -> float:
        """The project's time."""

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

    def now(self, project: str) -> float:
        """Wall time; the same in every project."""
        return time.time()

    async def wait(self, seconds: float) -> None:
        """Sleep."""
        if seconds > 0:
            await asyncio.sleep(seconds)


class VirtualClock(Clock):
    """Time that moves only when told."""

    is_virtual = True

    def now(self, project: str) -> float:
        """The same moment in every project until it is moved."""
        return EPOCH

    async def wait(self, seconds: float) -> None:
        """Pass at once."""


def make_clock(name: ClockName) -> Clock:
    """The clock of a `--clock` value."""
    return VirtualClock() if name == "virtual" else RealClock()


def stopwatch() -> float:
    """Seconds on a monotonic watch, for what the log says a request took; never part of an answer."""
    return time.perf_counter()
