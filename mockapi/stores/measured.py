"""A store whose calls are timed; one in memory is not worth it: its calls take a microsecond, and so would the watch."""

from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction
from typing import Any, cast

from mockapi.clock import stopwatch
from mockapi.stores.base import Store

__all__ = ["measured"]

_WAITING = ("heard",)  # takes as long as nothing happens

Observe = Callable[[str, float], None]
"""Told the name of a call and how many seconds it took, also of one that failed."""


def measured(store: Store, observe: Observe) -> Store:
    """The same store, timed."""
    return cast(Store, _Measured(store, observe))


class _Measured:
    def __init__(self, store: Store, observe: Observe) -> None:
        self._store = store
        self._observe = observe

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if name in _WAITING or not iscoroutinefunction(found):
            return found
        timed = self._timed(name, found)
        setattr(self, name, timed)  # found without this the next time
        return timed

    def _timed(self, name: str, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        observe = self._observe

        async def timed(*arguments: Any, **named: Any) -> Any:
            began = stopwatch()
            try:
                return await call(*arguments, **named)
            finally:
                observe(name, stopwatch() - began)

        return timed
