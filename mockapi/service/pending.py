"""What was begun and is not done yet, for those who must not look before it is."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Pending"]


class Pending:
    """Things that take a moment to do; who waits, waits for those alone that were begun before."""

    def __init__(self) -> None:
        self._begun: set[object] = set()
        self._waiting: list[tuple[set[object], asyncio.Future[None]]] = []

    @contextmanager
    def one(self) -> Iterator[None]:
        """One thing, from its beginning to its end, however it ends."""
        thing = object()
        self._begun.add(thing)
        try:
            yield
        finally:
            self._begun.discard(thing)
            for left, done in self._waiting:
                left.discard(thing)
                if not left and not done.done():
                    done.set_result(None)

    async def wait(self) -> None:
        """Until everything is done that has begun."""
        if not self._begun:
            return
        waiting = set(self._begun), asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        try:
            await waiting[1]
        finally:
            self._waiting.remove(waiting)
