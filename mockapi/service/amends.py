"""Ends of deliveries that the store could not be told of: told again when it answers, or a conversation would stay locked."""

import asyncio
import logging

from mockapi.clock import outside_time, stopwatch
from mockapi.errors import StoreError
from mockapi.service.responses import Created, Responses

__all__ = ["Amends"]

log = logging.getLogger("mockapi")

_AGAIN_S = 0.2
_LONGEST_S = 600.0  # by then a conversation is free without anybody's help
_MOST = 10_000


class Amends:
    """One task while there is something to be told."""

    def __init__(self, responses: Responses) -> None:
        self._use = responses
        self._waiting: dict[tuple[str, str], tuple[Created, float]] = {}
        self._task: asyncio.Task[None] | None = None

    async def delivered(self, created: Created, *, is_whole: bool) -> None:
        """As `Responses.delivered`; what raises `StoreError` is cancelled later: the client was not told of an end."""
        try:
            await self._use.delivered(created, is_whole=is_whole)
        except StoreError:
            if len(self._waiting) < _MOST:
                self._waiting[created.project, created.timeline.response_id] = created, stopwatch() + _LONGEST_S
            if self._task is None or self._task.done():
                self._task = asyncio.ensure_future(self._run())
            raise

    async def _run(self) -> None:
        while self._waiting:
            key, (created, until) = next(iter(self._waiting.items()))
            try:
                await self._use.delivered(created, is_whole=False)
            except StoreError:
                if stopwatch() < until:
                    await outside_time(_AGAIN_S)
                    continue
            except Exception:  # must not keep the others waiting
                log.exception("a response was not ended inside the mock: please report this")
            self._waiting.pop(key, None)
