"""Warnings about what goes on for a while, told seldom."""

import logging

from mockapi.clock import stopwatch

__all__ = ["Seldom"]

log = logging.getLogger("mockapi")

_PAUSE_S = 10.0


class Seldom:
    """Writes the first warning of a kind, then one in ten seconds at most."""

    def __init__(self) -> None:
        self._last: float | None = None

    def warn(self, message: str, *values: object) -> None:
        """Write it, or not."""
        now = stopwatch()
        if self._last is None or now - self._last >= _PAUSE_S:
            self._last = now
            log.warning(message, *values)
