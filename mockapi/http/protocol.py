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
from typing import Any

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from mockapi.http.cycle import Cycle, begun
from mockapi.http.parsing import (
    DISCARD,
    FORGOTTEN,
    PAIRS,
    SHORT,
    body_parser,
    framing,
    is_leave_asked,
    pair_of,
    parts_of,
    parts_of_short,
)
from mockapi.http.refusal import MOST_HEAD, MOST_UNREAD, HeadTooLongError, reason_of, refusal, size_of_head

__all__ = ["TRANSPORT", "Protocol"]

TRANSPORT = "mockapi.transport"
"""The scope's extension with the connection's `asyncio.Transport` under "transport"; absent where there is no connection."""


class Protocol(HttpToolsProtocol):
    """One connection.

    Its transport is in reach of the application (`TRANSPORT`): faults drop connections. Requests are answered in their order,
    each in a turn of the loop of its own, so that who sends many at once does not keep others waiting. What is refused before
    it is a request (too long a head, no HTTP) is told behind the answers that are due, and ends the connection. Trailers are read
    and forgotten; there are no WebSockets.
    """

    cycle: Cycle | None  # type: ignore[assignment]  # the newest; none before the first request
    pipeline: deque[Cycle]  # type: ignore[assignment]  # those that wait behind the one that is answered, the newest first
    url = b""
    _answering: Cycle | None = None
    _came: Cycle | None = None  # its head has come just now, and nothing stands before it
    _idle_since: float | None = None
    _piece = 0  # bytes that have come last
    _unread = 0  # bytes that have come since a head began or some of a body came, the piece included in which it did
    _refusal = b""  # said when every answer that is due is given

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """As uvicorn has it."""
        super().connection_made(transport)
        self._extensions: dict[str, dict[object, object]] = {TRANSPORT: {"transport": transport}}
        self._asgi = {"version": self.asgi_version, "spec_version": "2.3"}
        self._begins_at_once = getattr(self.config.app, "begins_at_once", False)

    def data_received(self, data: bytes) -> None:
        """As uvicorn has it, but a request begins when all of its bytes that have come are read."""
        self._piece = size = len(data)
        self._unread += size
        self._idle_since = None
        try:
            self.parser.feed_data(data)
        except (httptools.HttpParserUpgrade, httptools.HttpParserError) as error:
            self._stop_at(error, data)
        cycle, self._came = self._came, None
        if cycle is not None:
            self._begin(cycle)
        elif self._unread > MOST_UNREAD and self.parser is not DISCARD:
            self._refuse(431)
        elif self.cycle is not None and self.cycle.response_complete:
            self._rest()  # the end of a body that nobody read, or a part of a head, may be the last of the client

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
        if self.pipeline:
            self.loop.call_soon(self._begin_next)
            return
        self.flow.resume_reading()
        if self._refusal:
            self._tell_refusal()
            return
        self._rest()

    def read_on(self) -> None:
        """Go on reading, so that a hang-up is seen, unless many requests wait: more can wait with their client."""
        if len(self.pipeline) < _MOST_WAITING:
            self.flow.resume_reading()

    def _rest(self) -> None:
        """Nothing is due: if nothing comes either, the connection is closed."""
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def _begin_next(self) -> None:
        if self.pipeline:  # it is empty if the client has hung up since
            cycle = self.pipeline.pop()
            self.read_on()
            self._begin(cycle)

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
        self._unread = self._piece
        self.expect_100_continue = False
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """As uvicorn has it, but each pair that is often sent stands in memory once, whoever keeps it."""
        pair = PAIRS.get((name, value))
        if pair is None:
            pair = pair_of(name, value)
            if is_leave_asked(pair):
                self.expect_100_continue = True
        self.headers.append(pair)

    def on_headers_complete(self) -> None:
        """As uvicorn has it (without a limit of concurrency), but for the class of the cycle and what is looked up."""
        parser, root, headers = self.parser, self.root_path, self.headers
        if self._unread > MOST_HEAD and size_of_head(self.url, headers) > MOST_HEAD:
            raise HeadTooLongError
        version = parser.get_http_version()
        path, raw_path, query = parts_of_short(self.url) if len(self.url) < SHORT else parts_of(self.url)
        self.scope = {
            "type": "http",
            "asgi": self._asgi,  # type: ignore[typeddict-item]
            "http_version": version,
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,  # type: ignore[typeddict-item]
            "method": parser.get_method().decode("ascii"),
            "root_path": root,
            "path": root + path if root else path,
            "raw_path": root.encode("ascii") + raw_path if root else raw_path,
            "query_string": query,
            "headers": headers,
            "state": self.app_state.copy(),
            "extensions": self._extensions,
        }
        self.headers = FORGOTTEN
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

    def on_body(self, body: bytes) -> None:
        """As uvicorn has it."""
        self._unread = 0
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            return
        if cycle.take(body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()

    def on_message_complete(self) -> None:
        """As uvicorn has it; after a head that asks for an upgrade the parser says so, too, before the body."""
        cycle = self.cycle
        if cycle is not None and not self.parser.should_upgrade():
            cycle.more_body = False
            cycle.tell()

    def stop_reading(self) -> None:
        """Pass over whatever comes."""
        self.parser = DISCARD

    def _stop_at(self, error: Exception, data: bytes) -> None:
        """What the parser told of some data; of what stands behind the last request nobody wants to know."""
        if self.parser is DISCARD:
            return
        if isinstance(error, httptools.HttpParserUpgrade):
            self._decline_upgrade(data[error.args[0] :])
        else:
            self._refuse(431 if isinstance(error.__context__, HeadTooLongError) else 400)

    def _decline_upgrade(self, rest: bytes) -> None:
        """Answer as if no upgrade was asked for (`curl --http2`, Java's HttpClient). A new parser reads the body, and no more."""
        cycle = self.cycle
        assert cycle is not None
        cycle.keep_alive = False
        self.parser = body_parser(self)
        try:
            self.parser.feed_data(framing(cycle.scope["headers"]))
            self.parser.feed_data(rest)
        except (httptools.HttpParserUpgrade, httptools.HttpParserError) as error:
            self._stop_at(error, b"")

    def _refuse(self, status: int) -> None:
        """End the connection behind the answers that are due; a request whose body broke off gets none but this."""
        self.logger.warning(reason_of(status))
        self.stop_reading()
        words = refusal(status, tuple(self.server_state.default_headers))
        cycle = self.cycle
        if cycle is not None and cycle.more_body:
            cycle.disconnected = True
            cycle.tell()
            if cycle.response_started:
                words = b""
            if cycle is self._came:
                self._came = None
            if cycle in self.pipeline:
                self.pipeline.remove(cycle)
        due = self._came or self._answering
        self._refusal = words
        if not self.pipeline and (due is None or due.response_complete or due.disconnected):
            self._tell_refusal()

    def _tell_refusal(self) -> None:
        self.transport.write(self._refusal)
        self.close(is_read=False)

    def close(self, *, is_read: bool) -> None:
        """Close; where a request was not read to its end, lingering: a reset would hide the answer from the client."""
        if is_read or self.transport.is_closing():
            self.transport.close()
            return
        self.stop_reading()
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(_LINGER_S, self.transport.close)


async def _all_of(rest: Any) -> None:
    await rest


_MOST_WAITING = 100  # requests of one connection, and those that come with the last of them
_LINGER_S = 2.0  # for a client to send the rest, and to read why nobody wants it
