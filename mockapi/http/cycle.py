"""One request and its answer: uvicorn's cycle, made cheaper, and with a shorter way for answers that are ready."""

import asyncio
import logging
from collections.abc import Coroutine, Generator
from contextvars import Context
from functools import lru_cache, partial
from typing import Any, Protocol

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle
from uvicorn.server import ServerState

from mockapi.http.head import Head

__all__ = ["Connection", "Cycle", "Rest", "beginning", "begun", "cycle_of"]


class Connection(Protocol):
    """What a cycle needs of the connection that it is on."""

    transport: asyncio.Transport
    flow: FlowControl
    logger: logging.Logger
    access_logger: logging.Logger
    access_log: bool
    server_state: ServerState

    def on_response_complete(self) -> None:
        """Told when the answer is complete."""

    def read_on(self) -> None:
        """Told when what has come of the body is taken, and reading is paused."""

    def close(self, *, is_read: bool) -> None:
        """Close it; `is_read` tells whether the whole request has come."""


class Cycle(RequestResponseCycle):
    """One request and its answer. What is the same for all, until something happens, stands in the class."""

    disconnected = False
    body: bytes | bytearray = b""  # type: ignore[assignment]  # what has come and was not received yet
    more_body = True
    response_started = False
    response_complete = False
    chunked_encoding: bool | None = None
    expected_content_length = 0
    _has_news = False  # there is something to receive
    _event: asyncio.Event | None = None
    _held: Any = None  # the start of an answer that is written with its body

    def __init__(self, connection: Connection, scope: Any, *, keep_alive: bool, expects_100: bool) -> None:
        """As uvicorn's has it; `expects_100` tells that the client waits for leave to send the body."""
        self._connection = connection
        self.scope = scope
        self.transport = connection.transport
        self.flow = connection.flow
        self.keep_alive = keep_alive
        self.waiting_for_100_continue = expects_100

    @property
    def message_event(self) -> asyncio.Event:  # type: ignore[override]
        """Set when there may be something to receive; made when somebody waits for it."""
        if self._event is None:
            self._event = asyncio.Event()
        return self._event

    @property
    def logger(self) -> logging.Logger:  # type: ignore[override]
        """For errors of the application."""
        return self._connection.logger

    @property
    def access_logger(self) -> logging.Logger:  # type: ignore[override]
        """For requests."""
        return self._connection.access_logger

    @property
    def access_log(self) -> bool:  # type: ignore[override]
        """Whether requests are logged."""
        return self._connection.access_log

    @property
    def default_headers(self) -> list[tuple[bytes, bytes]]:  # type: ignore[override]
        """The server's own headers."""
        return self._connection.server_state.default_headers

    def on_response(self) -> None:
        """The answer is complete."""
        self._connection.on_response_complete()

    def take(self, body: bytes) -> int:
        """More of the request's body has come; how much is waiting to be received."""
        if not self.body:
            self.body = body
        elif isinstance(self.body, bytearray):
            self.body += body
        else:
            self.body = bytearray(self.body + body)
        self.tell()
        return len(self.body)

    def tell(self) -> None:
        """There is something to receive: more of the body, its end, or the client has hung up."""
        self._has_news = True
        if self._event is not None:
            self._event.set()

    async def receive(self) -> Any:
        """As ASGI has it."""
        if self.waiting_for_100_continue and not (self.disconnected or self.transport.is_closing()):
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.waiting_for_100_continue = False
        if not self.disconnected and not self.response_complete:
            if self.flow.read_paused:
                self._connection.read_on()
            if not self._has_news:
                await self.message_event.wait()
            self._has_news = False
            if self._event is not None:
                self._event.clear()
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        body, self.body = self.body, b""
        return {"type": "http.request", "body": bytes(body), "more_body": self.more_body}

    def whole_body(self) -> bytes | None:
        """What `receive` would give, at once, where that is the whole body; else nothing is taken."""
        if self.more_body or self.disconnected or self.response_complete or not self._has_news or self.waiting_for_100_continue:
            return None
        if self.flow.read_paused:
            self._connection.read_on()
        self._has_news = False
        if self._event is not None:
            self._event.clear()
        body, self.body = self.body, b""
        return bytes(body)

    def answer(self, status: int, head: Head, body: bytes) -> bool:
        """Send a whole answer, as two messages to `send` would, at once; False where that cannot be, and nothing is sent."""
        if self.flow.write_paused or self.response_started or self._held is not None or self.scope["method"] == "HEAD":
            return False
        if not self.disconnected:
            self._write(status, head, body)
        return True

    async def send(self, message: Any) -> None:
        """As ASGI has it."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        held, self._held = self._held, None
        if self.waiting_for_100_continue and self.more_body:
            self.keep_alive = False  # nobody knows whether the body will come
        if message["type"] == "http.response.start":  # a second one tells of an error before the first has gone out
            if type(message.get("headers")) is Head and not self.response_started and self.scope["method"] != "HEAD":
                self._held = message
                return
        elif held is not None and message.get("more_body", False):
            await super().send(held)
        elif held is not None:
            if not self.disconnected:
                self._write(held["status"], held["headers"], message.get("body", b""))
            return
        is_last = message["type"] == "http.response.body" and not message.get("more_body", False)
        if self.keep_alive or not self.more_body or not is_last:
            await super().send(message)
        else:
            self.keep_alive = True  # uvicorn would close at once
            await super().send(message)
            self._connection.close(is_read=False)

    def _write(self, status: int, head: Head, body: bytes) -> None:
        """Head and whole body at once; the request is done then."""
        connection, self.response_started, self.response_complete = self._connection, True, True
        self.waiting_for_100_continue = False
        begin = beginning(status, tuple(connection.server_state.default_headers))
        close = b"" if self.keep_alive else b"connection: close\r\n"
        if head.form.is_sized:
            whole = b"".join((begin, head.lines, close, b"\r\n", body))
        else:
            chunk = (b"%x\r\n" % len(body), body, b"\r\n") if body else ()
            whole = b"".join((begin, head.lines, close, b"transfer-encoding: chunked\r\n\r\n", *chunk, b"0\r\n\r\n"))
        self.transport.write(whole)
        if self._event is not None:
            self._event.set()
        if not self.keep_alive:
            connection.close(is_read=not self.more_body)
        connection.on_response_complete()


@lru_cache(maxsize=64)
def beginning(status: int, headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """The status and the server's own headers, which change once a second."""
    return b"".join([STATUS_LINE[status], *[b"%b: %b\r\n" % pair for pair in headers]])


def cycle_of(call: object) -> Cycle | None:
    """The cycle whose own `receive` or `send` this is; None if anything may stand between, which has to see the messages."""
    cycle = getattr(call, "__self__", None)
    return cycle if type(cycle) is Cycle else None


class Rest:
    """What is left of a coroutine that was begun by hand: to be awaited in a task with the same context."""

    def __init__(self, work: Coroutine[Any, Any, None], waits_for: object, context: Context) -> None:
        """`waits_for` is what it has waited for since."""
        self._work = work
        self._waits_for = waits_for
        self.context = context

    def __await__(self) -> Generator[Any, Any, None]:
        work, waits_for = self._work, self._waits_for
        _mark(waits_for, is_awaited=True)
        while True:
            try:
                got = yield waits_for
            except BaseException as error:  # noqa: BLE001 - it is the coroutine's, whatever it is
                step = partial(work.throw, error)
            else:
                step = partial(work.send, got)
            try:
                waits_for = step()
            except StopIteration:
                return


def begun(work: Coroutine[Any, Any, None], context: Context) -> Rest | None:
    """Run a coroutine until it waits; None if it never did, else what is left of it.

    So far it runs outside any task: `asyncio.current_task()` is None there, and whatever needs a task must not come before the
    coroutine has waited for something.
    """
    try:
        waits_for = context.run(work.send, None)
    except StopIteration:
        return None
    _mark(waits_for, is_awaited=False)  # others may begin to wait for it before the rest does
    return Rest(work, waits_for, context)


def _mark(future: Any, *, is_awaited: bool) -> None:
    """As whoever begins to wait for a future does it for the task, which takes the mark away; None is a mere turn of the loop."""
    if future is not None:
        future._asyncio_future_blocking = is_awaited
