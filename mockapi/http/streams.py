"""The pump: plays a timeline on the clock. What is due goes out in one piece; sse-starlette carries what waits."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from sse_starlette.sse import AppStatus, EventSourceResponse
from starlette.types import Receive, Scope, Send

from mockapi.clock import Clock, stopwatch
from mockapi.engine.timeline import Timeline
from mockapi.http.messages import EVENT_STREAM, Headers

__all__ = ["pump", "send_stream", "wait_or_hang_up"]

# Shutting down is the server's business: it lets running streams end within its grace time.
AppStatus.enable_automatic_graceful_drain = False

Delivered = Callable[[bool], Coroutine[Any, Any, None]]
"""Called once: True just before the last piece goes out, False if the client hung up before."""


async def pump(timeline: Timeline, clock: Clock, delivered: Delivered) -> AsyncIterator[bytes]:
    """The stream's bytes, each piece when it is due; late pieces are joined, so a stream keeps its schedule without drift."""
    began = stopwatch()
    pieces = list(timeline.pieces())
    pending: list[bytes] = []
    is_whole = False
    try:
        for number, (offset, piece) in enumerate(pieces, 1):
            left = 0.0 if clock.is_virtual else offset - (stopwatch() - began)
            if left > 0:
                if pending:
                    yield b"".join(pending)
                    pending = []
                    left = offset - (stopwatch() - began)
                await clock.wait(left)
            pending.append(piece)
            if number == len(pieces):
                is_whole = True
                await delivered(True)
        yield b"".join(pending)
    finally:
        if not is_whole:  # also when the task is cancelled, which must not cut this short
            await asyncio.shield(asyncio.ensure_future(delivered(False)))


async def send_stream(
    timeline: Timeline, clock: Clock, delivered: Delivered, headers: Headers, scope: Scope, receive: Receive, send: Send
) -> None:
    """Answer with a stream of server-sent events."""
    if clock.is_virtual or timeline.ends_s == 0.0:
        await delivered(True)
        await send({"type": "http.response.start", "status": 200, "headers": [EVENT_STREAM, *headers]})
        await send({"type": "http.response.body", "body": timeline.stream})
        return
    response = EventSourceResponse(pump(timeline, clock, delivered), sep="\n", ping=0)
    response.raw_headers = [EVENT_STREAM, *headers]  # the real API's, without those that the library adds
    await response(scope, receive, send)


async def wait_or_hang_up(clock: Clock, seconds: float, receive: Receive) -> bool:
    """Let a duration pass; False at once if the client hangs up meanwhile."""
    if clock.is_virtual or seconds <= 0:
        return True
    waiting = asyncio.ensure_future(clock.wait(seconds))
    gone = asyncio.ensure_future(_hung_up(receive))
    try:
        done, _ = await asyncio.wait({waiting, gone}, return_when=asyncio.FIRST_COMPLETED)
        return waiting in done
    finally:
        for task in (waiting, gone):
            task.cancel()


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
