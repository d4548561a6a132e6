"""The pump: plays a timeline on the clock. What is due goes out in one piece; sse-starlette carries what waits."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from starlette.types import Receive

from mockapi.http.exchange import Exchange
from mockapi.http.head import Head
from mockapi.http.messages import hung_up
from mockapi.service.playing import Play

__all__ = ["pump", "send_stream", "wait_or_hang_up"]

Delivered = Callable[[bool], Coroutine[Any, Any, None]]
"""Called once: True just before the last piece goes out, False if the client hung up before."""


async def pump(play: Play, delivered: Delivered) -> AsyncIterator[bytes]:
    """The stream's bytes when they are due; tells once how the delivery ended."""
    is_whole = False
    try:
        async for data, is_last in play.pieces():
            if is_last:
                is_whole = True
                await delivered(True)
            yield data
    finally:
        if not is_whole:  # also when the task is cancelled, which must not cut this short
            await asyncio.shield(asyncio.ensure_future(delivered(False)))


async def send_stream(exchange: Exchange, play: Play, delivered: Delivered, head: Head) -> None:
    """Answer with a stream of server-sent events."""
    if play.is_instant:
        await delivered(True)
        await exchange.answer_whole(head, play.at_once())
        return
    from sse_starlette.sse import AppStatus, EventSourceResponse  # noqa: PLC0415 - start-up time until a stream waits

    # Shutting down is the server's business: it lets running streams end within its grace time.
    AppStatus.enable_automatic_graceful_drain = False
    await asyncio.sleep(0)  # what follows needs a task, and a request may have begun without one
    told = _Once(delivered)
    response = EventSourceResponse(pump(play, told), sep="\n", ping=0)
    response.raw_headers = [*head]  # the real API's, without those that the library adds
    try:
        await response(exchange.scope, exchange.receive, exchange.send)
    finally:
        if not told.is_told:  # it ended before its first piece: nobody has pumped
            await asyncio.shield(asyncio.ensure_future(told(False)))


class _Once:
    """Passes the end of a delivery on, and knows whether it was told."""

    def __init__(self, delivered: Delivered) -> None:
        self._delivered = delivered
        self.is_told = False

    async def __call__(self, is_whole: bool) -> None:
        self.is_told = True
        await self._delivered(is_whole)


async def wait_or_hang_up(play: Play, receive: Receive) -> bool:
    """Let a response take its time; False at once if the client hangs up meanwhile."""
    if play.is_instant:
        return True
    return not await hung_up(receive, play.until_end())
