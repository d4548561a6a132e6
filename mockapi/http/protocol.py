"""HTTP/1.1 as uvicorn speaks it, with a short way for answers that are ready.

Most answers of a mock are ready the moment they are asked for. So an application that says it `begins_at_once` is begun by hand,
as soon as its request has come, and becomes a task only when it waits for something: most requests are answered without a task,
an event or another turn of the loop. Other applications are run as uvicorn does.

uvicorn also checks and joins the headers of an answer one by one and writes head and body apart; here both go out in one write
(`mockapi.http.cycle`). Everything else (headers that are no `Head`, a body in pieces, HEAD) goes uvicorn's own way, so that
whatever wraps the application's `send` still works: middleware that changes headers makes a plain list of them.
"""

import asyncio
from collections import deque
from contextvars import Context, copy_context
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from mockapi.errors import MockError
from mockapi.http.cycle import Cycle, beginning, begun
from mockapi.http.messages import error_answer, standard_headers
from mockapi.wire.ids import digest, request_id_of

__all__ = ["MOST_HEAD", "TRANSPORT", "Protocol"]

MOST_HEAD = 65_536
"""Bytes of a request's URL and headers together, as uvicorn's other parser has it; more is a 431."""

TRANSPORT = "mockapi.transport"
"""The scope's extension with the connection's `asyncio.Transport` under "transport"; absent where there is no connection."""


class Protocol(HttpToolsProtocol):
    """One connection.

    Its transport is in reach of the application (`TRANSPORT`): faults drop connections. Requests are answered in their order,
    each in a turn of the loop of its own, so that who sends many at once does not keep others waiting. A head that does not end
    takes no more memory than `MOST_HEAD` and what is read at once.
    """

    cycle: Cycle | None  # type: ignore[assignment]  # the newest; none before the first request
    pipeline: deque[Cycle]  # type: ignore[assignment]  # those that wait behind the one that is answered, the newest first
    scope: Any  # None from the beginning of a head to its end
    _answering: Cycle | None = None
    _came: Cycle | None = None  # its head has come just now, and nothing stands before it
    _idle_since: float | None = None
    _grown = 0  # bytes that have come of a head without beginning or ending it
    _is_refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """As uvicorn has it."""
        super().connection_made(transport)
        self._extensions: dict[str, dict[object, object]] = {TRANSPORT: {"transport": transport}}
        self._asgi = {"version": self.asgi_version, "spec_version": "2.3"}
        self._begins_at_once = getattr(self.config.app, "begins_at_once", False)

    def data_received(self, data: bytes) -> None:
        """As uvicorn has it, but a request begins when all of its bytes that have come are read."""
        if self._is_refused:
            return
        head = self.headers
        super().data_received(data)
        cycle, self._came = self._came, None
        if cycle is not None:
            self._begin(cycle)
        elif self.scope is None and self.headers is head and not self._is_refused:
            self._grown += len(data)
            if self._grown > MOST_HEAD:
                self._refuse()

    def _begin(self, cycle: Cycle) -> None:
        """Answer a request: at once, as far as that goes."""
        self._answering = cycle
        work = cycle.run_asgi(self.app)
        context = Context() if self.config.reset_contextvars else copy_context()
        rest = begun(work, context) if self._begins_at_once else work
        if rest is not None:
            task = self.loop.create_task(_all_of(rest), context=context)
            task.add_done_callback(self.tasks.discard)
            self.tasks.add(task)

    def on_response_complete(self) -> None:
        """As uvicorn has it, with one timer for the whole connection instead of one after each answer."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self.loop.call_soon(self._begin_next)
            return
        if self._is_refused:
            self._tell_refusal()
            return
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def _begin_next(self) -> None:
        if self.pipeline:  # it is empty if the client has hung up since
            self._begin(self.pipeline.pop())

    def _unset_keepalive_if_required(self) -> None:
        """Called for every request: the timer stays, and finds out by itself that the connection is in use."""
        self._idle_since = None

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

    def connection_lost(self, exc: Exception | None) -> None:
        """As uvicorn has it, which tells the newest request alone: whoever is answered learns it too; the timer goes."""
        super().connection_lost(exc)
        self.pipeline.clear()
        if self._answering is not None and not self._answering.response_complete:
            self._answering.disconnected = True
            self._answering.tell()
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()

    def on_message_begin(self) -> None:
        """A request begins; its scope is made when its head is complete."""
        self.url = b""
        self.expect_100_continue = False
        self.headers = []
        self.scope = None
        self._grown = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """As uvicorn has it, but each pair that is often sent stands in memory once, whoever keeps it."""
        if len(value) < _SHORT:
            self.headers.append(_shared_pair(name, value))
        else:
            self.headers.append((name.lower(), value))
            self._check_head()
        if len(name) == _EXPECT and name.lower() == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True

    def on_headers_complete(self) -> None:
        """As uvicorn has it (without a limit of concurrency), but for the class of the cycle and what is looked up."""
        parser, root, headers = self.parser, self.root_path, self.headers
        version = parser.get_http_version()
        if len(self.url) < _SHORT:
            path, raw_path, query = _parts_of_short(self.url)
        else:
            self._check_head()
            path, raw_path, query = _parts_of(self.url)
        self.scope = {
            "type": "http",
            "asgi": self._asgi,
            "http_version": version,
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "method": parser.get_method().decode("ascii"),
            "root_path": root,
            "path": root + path if root else path,
            "raw_path": root.encode("ascii") + raw_path if root else raw_path,
            "query_string": query,
            "headers": headers,
            "state": self.app_state.copy(),
            "extensions": self._extensions,
        }
        if parser.should_upgrade() and self._should_upgrade():
            return
        before = self.cycle
        self.cycle = cycle = Cycle(
            self,
            self.scope,
            keep_alive=version != "1.0" and parser.should_keep_alive(),
            expects_100=self.expect_100_continue,
        )
        if before is None or before.response_complete:
            self._came = cycle
        else:  # pipelined: it waits for its turn
            self.flow.pause_reading()
            self.pipeline.appendleft(cycle)

    def _check_head(self) -> None:
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > MOST_HEAD:
            self._refuse()
            raise _HeadTooLongError

    def _refuse(self) -> None:
        """Answer a head that is too long, behind those before it.

        What the client still sends is passed over for a while: a reset would hide the answer from it.
        """
        self._is_refused = True
        if self.cycle is None or self.cycle.response_complete:
            self._tell_refusal()

    def _tell_refusal(self) -> None:
        self.logger.warning("A request was refused: its URL and headers are over %d bytes.", MOST_HEAD)
        self.transport.write(_refusal(tuple(self.server_state.default_headers)))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(_LINGER_S, self.transport.close)

    def send_400_response(self, msg: str) -> None:
        """As uvicorn has it, unless the refusal was told already."""
        if not self._is_refused:
            super().send_400_response(msg)

    def on_body(self, body: bytes) -> None:
        """As uvicorn has it."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete or (self.parser.should_upgrade() and self._should_upgrade()):
            return
        if cycle.take(body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()

    def on_message_complete(self) -> None:
        """As uvicorn has it."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete or (self.parser.should_upgrade() and self._should_upgrade()):
            return
        cycle.more_body = False
        cycle.tell()


class _HeadTooLongError(Exception):
    """Ends the parsing of a request."""


def _refusal(default_headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    message = f"The URL and the headers of the request are over {MOST_HEAD} bytes."
    error = MockError(message, status=431, code="mock_headers_too_large")
    answer = error_answer(error, standard_headers(request_id_of(digest(b"", message.encode()))))
    headers = [*answer.headers, (b"content-length", b"%d" % len(answer.body)), (b"connection", b"close")]
    return b"".join([beginning(431, default_headers), *[b"%b: %b\r\n" % pair for pair in headers], b"\r\n", answer.body])


async def _all_of(rest: Any) -> None:
    await rest


_LINGER_S = 2.0  # for a client to send the rest and read why it was refused
_EXPECT = len(b"expect")
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
