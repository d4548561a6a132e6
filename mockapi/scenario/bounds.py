"""What keeps the making of a value short: the errors it ends with, and the steps it may take."""

from collections.abc import Callable

__all__ = ["Budget", "NoValueError", "SpentError", "TooDeepError"]

_MOST_STEPS = 80_000
_MOST_SLOW = 3


class NoValueError(ValueError):
    """No value fits, or none was found within the bounds; the message says where in the schema."""


class TooDeepError(NoValueError):
    """Nothing ends at this depth; a larger one may help."""


class SpentError(Exception):
    """No steps are left. Not a `NoValueError`: another candidate would not help."""


class Budget:
    """Steps for one value. A step takes about a microsecond, so what counts them ends soon, the same way on every machine."""

    def __init__(self) -> None:
        self._left = _MOST_STEPS
        self._slow_left = _MOST_SLOW

    def spend(self, steps: int) -> None:
        """Take steps; `SpentError` when none are left."""
        self._left -= steps
        if self._left < 0:
            raise SpentError("no value in the steps there are")

    def refill(self) -> None:
        """All the steps again; what was slow stays spent."""
        self._left = _MOST_STEPS

    def slowly(self, search: Callable[[], bool | None]) -> bool | None:
        """What a search says that is known to be slow; None, unasked, once there were a few."""
        if self._slow_left <= 0:
            return None
        self._slow_left -= 1
        return search()
