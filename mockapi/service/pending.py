"""What was begun and is not done yet, for those who must not look before it is."""

import asyncio

__all__ = ["Pending"]


class Pending:
    """Things that take a moment to do; who waits, waits for those alone that were begun before."""

    def __init__(self) -> None:
        self._last = 0
        self._begun: set[int] = set()
        self._waiting: list[tuple[set[int], asyncio.Future[None]]] = []

    def begin(self) -> int:
        """One thing begins; its number, for `end`."""
        self._last = number = self._last + 1
        self._begun.add(number)
        return number

    def end(self, number: int) -> None:
        """It is over, however it ended."""
        self._begun.discard(number)
        for left, done in self._waiting:
            left.discard(number)
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
