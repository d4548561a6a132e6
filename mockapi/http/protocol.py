"""HTTP/1.1 as uvicorn speaks it, with a short way for answers that are ready.

Most answers of a mock are ready the moment they are asked for: a head that is constant but for a few values, and the whole body.
uvicorn checks and joins their headers one by one and writes head and body apart; here both go out in one write. Everything else
(headers that are no `Head`, a body in pieces, HEAD) goes uvicorn's own way, so that whatever wraps the application's `send`
still works: middleware that changes headers makes a plain list of them.
"""

import asyncio
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from mockapi.http.head import Head

__all__ = ["TRANSPORT", "Protocol"]

TRANSPORT = "mockapi.transport"
"""The scope's extension with the connection's `asyncio.Transport` under "transport"; absent where there is no connection."""


class Cycle(RequestResponseCycle):
    """One request and its answer."""

    _held: Any = None  # the start of an answer that is written with its body

    async def send(self, message: Any) -> None:
        """As ASGI has it."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        held, self._held = self._held, None
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
        await super().send(message)

    def _write(self, status: int, head: Head, body: bytes) -> None:
        """Head and whole body at once; the request is done then."""
        self.response_started = self.response_complete = True
        self.waiting_for_100_continue = False
        parts = [STATUS_LINE[status], _lines(tuple(self.default_headers)), head.lines]
        if not self.keep_alive:
            parts.append(b"connection: close\r\n")
        if head.form.is_sized:
            parts += (b"\r\n", body)
        else:
            chunk = (b"%x\r\n" % len(body), body, b"\r\n") if body else ()
            parts += (b"transfer-encoding: chunked\r\n\r\n", *chunk, b"0\r\n\r\n")
        self.transport.write(b"".join(parts))
        self.message_event.set()
        if not self.keep_alive:
            self.transport.close()
        self.on_response()


@lru_cache(maxsize=8)
def _lines(headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """The server's own headers, which change once a second."""
    return b"".join([b"%b: %b\r\n" % pair for pair in headers])


class Protocol(HttpToolsProtocol):
    """One connection.

    Its transport is in reach of the application (`TRANSPORT`): faults drop connections.
    """

    _answering: RequestResponseCycle | None = None
    _idle_since: float | None = None
    cycle: Cycle | None  # type: ignore[assignment]  # none before the first request

    def _unset_keepalive_if_required(self) -> None:
        """Called for every request: the timer stays, and finds out by itself that the connection is in use."""
        self._idle_since = None

    def on_response_complete(self) -> None:
        """As uvicorn has it, with one timer for the whole connection instead of one after each answer."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
            return
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection if it was idle for the whole time; else look again when it may have been."""
        self.timeout_keep_alive_task = None
        if self._idle_since is None or self.transport.is_closing():
            return  # the next answer sets it again
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left <= 0.0:
            self.transport.close()
        else:
            self.timeout_keep_alive_task = self.loop.call_later(left, self.timeout_keep_alive_handler)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """As uvicorn has it, but it is known which request is being answered: others may wait behind it."""
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def connection_lost(self, exc: Exception | None) -> None:
        """As uvicorn has it, which tells the newest request alone: whoever is answered learns it too; the timer goes."""
        super().connection_lost(exc)
        self.pipeline.clear()
        if self._answering is not None and not self._answering.response_complete:
            self._answering.disconnected = True
            self._answering.message_event.set()
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()

    def on_header(self, name: bytes, value: bytes) -> None:
        """As uvicorn has it, but each pair that is often sent stands in memory once, whoever keeps it."""
        pair = _shared_pair(name, value) if len(value) < _SHORT else (name.lower(), value)
        if pair[0] == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append(pair)

    def on_headers_complete(self) -> None:
        """As uvicorn has it (without a limit of concurrency), but for the class of the cycle and what is looked up."""
        parser, scope = self.parser, self.scope
        version = parser.get_http_version()
        scope["method"] = parser.get_method().decode("ascii")
        if version != "1.1":
            scope["http_version"] = version
        if parser.should_upgrade() and self._should_upgrade():
            return
        path, raw_path, scope["query_string"] = _parts_of_short(self.url) if len(self.url) < _SHORT else _parts_of(self.url)
        scope["path"], scope["raw_path"] = self.root_path + path, self.root_path.encode("ascii") + raw_path
        scope["extensions"] = {TRANSPORT: {"transport": self.transport}}
        before = self.cycle
        self.cycle = Cycle(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=version != "1.0" and parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:  # pipelined: it waits for its turn
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))


_SHORT = 256  # bytes of what is worth remembering: most requests go to the same few URLs, with the same headers


@lru_cache(maxsize=4096)
def _shared_pair(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    return name.lower(), value


def _parts_of(url: bytes) -> tuple[str, bytes, bytes]:
    """(path, path as it came, query) of a request's URL."""
    parsed = httptools.parse_url(url)
    path: bytes = parsed.path
    text = path.decode("ascii")
    return unquote(text) if "%" in text else text, path, parsed.query or b""


_parts_of_short = lru_cache(maxsize=1024)(_parts_of)
