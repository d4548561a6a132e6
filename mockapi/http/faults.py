"""The pump of faults: carries out what the engine makes of an answer, on the connection that it goes out on."""

import asyncio
import socket
import struct
from collections.abc import Callable, Coroutine, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

from starlette.types import Message, Receive, Scope, Send

from mockapi.clock import outside_time
from mockapi.engine.faults import Act, BodyFaults, Hit, StreamFaults
from mockapi.engine.timeline import Timeline
from mockapi.http.messages import Answer, Headers, error_answer, hung_up
from mockapi.http.protocol import TRANSPORT
from mockapi.service.core import Core
from mockapi.wire.catalogue import ERROR_CODES
from mockapi.wire.catalogue.scripted import error_from, failure_of
from mockapi.wire.json import JsonObject

__all__ = ["FaultyLine", "Line"]

_PAGE = (
    "<html>\r\n<head><title>{status} {reason}</title></head>\r\n<body>\r\n<center><h1>{status} {reason}</h1></center>\r\n"
    "<hr><center>cloudflare</center>\r\n</body>\r\n</html>\r\n"
)
_REASONS = {502: "Bad Gateway", 503: "Service Temporarily Unavailable", 504: "Gateway Time-out", 520: "Web server error"}


def _nothing() -> None: ...


class Line(NamedTuple):
    """A call's way to its client, and the headers that every answer has."""

    project: str
    scope: Scope
    receive: Receive
    send: Send
    standard_headers: Callable[[], Headers]


class FaultyLine:
    """Stands between an operation and its client. `is_broken` once the answer has ended before its time, or as another."""

    def __init__(
        self, hit: Hit, core: Core, line: Line, played: Callable[[], Timeline | None], hold: Callable[[], None] = _nothing
    ) -> None:
        """`played` is the timeline of a stream; `hold` is called right before the client sees the connection drop."""
        self.fault, self._fillers, self.scripted_by = hit
        self._core = core
        self._line = line
        self._played = played
        self._hold = hold
        self._start: Message = {}
        self._stream: StreamFaults | None = None
        self._body: BodyFaults | None = None
        self.status: int | None = None
        self.is_broken = False
        self._is_over = False

    @property
    def note(self) -> str:
        """What the journal says of it: the fault, and which of its places the answer never reached."""
        met: StreamFaults | BodyFaults | None = self._stream or self._body
        missed = met.unreached if met is not None else ()
        return f"fault {self.fault}" + (f" (never reached: {', '.join(missed)})" if missed else "")

    @property
    def is_whole(self) -> bool:
        """Whether the client got an answer to its end: all of a body, the terminal event of a stream."""
        met: StreamFaults | BodyFaults | None = self._stream or self._body
        return met.is_whole if met is not None else self.status is not None

    @property
    def has_left(self) -> bool:
        """Whether the client hung up on an answer that had begun, of its own accord: neither it nor the fault had ended it."""
        return self.status is not None and not self._is_over

    @property
    def last_event(self) -> int | None:
        """The `sequence_number` of the last event that the client got, -1 for none; None if this was no stream."""
        return self._stream.last if self._stream is not None else None

    @property
    def headers(self) -> Headers:
        """What went out before the body."""
        return [*self._start["headers"]] if self.status is not None else []

    async def send(self, message: Message) -> None:
        """Pass a message on, as the fault has it; nothing goes out once it is over."""
        if self._is_over:
            return
        if message["type"] == "http.response.start":
            self._start = {**message, "headers": list(message["headers"])}
            await self._begin()
        elif self._stream is not None:
            await self._carry_out(self._stream.feed(message.get("body", b"")), is_early=True)
            if not message.get("more_body", False) and not self._is_over:
                await self._carry_out(self._stream.finish(), is_early=False)
        else:
            await self._whole(message.get("body", b""))

    async def _begin(self) -> None:
        """Before the headers: lateness, silence, a dropped connection, somebody else's page."""
        fault = self.fault
        if fault.delay_s and not await self._wait(fault.delay_s):
            return
        if fault.times_out:
            await self._wait_outside_time(fault.timeout_s)
            await self._cut()
        elif fault.disconnect == -1:
            await self._cut()
        elif fault.html_error is not None:
            await self._answer(_html(fault.html_error))
        elif _is_stream(self._start) and (timeline := self._played()) is not None:
            self._stream = StreamFaults(fault, partial(self._failing, timeline))

    def _failing(self, timeline: Timeline, number: int) -> bytes:
        return timeline.breaking_off(failure_of(self._failure, self._fillers), number)

    @property
    def _failure(self) -> JsonObject:
        code, message = self.fault.failure
        return {"code": code, **({"message": message} if message else {})}

    async def _whole(self, body: bytes) -> None:
        fault = self.fault
        if fault.stream_error is not None and self._start["status"] < 400:  # no stream: the failure is the answer
            failure = failure_of(self._failure, self._fillers)
            unknown = {} if self.fault.failure[0] in ERROR_CODES else {"status": 500, "type": failure["type"]}
            error = error_from({**self._failure, "message": failure["message"], **unknown}, self._fillers)
            await self._answer(error_answer(error, self._line.standard_headers()))
            return
        self._body = BodyFaults(fault, body)
        length = self._body.length
        kept = [(name, value) for name, value in self._start["headers"] if name != b"content-length"]
        self._start["headers"] = kept if length is None else [*kept, (b"content-length", b"%d" % length)]
        await self._carry_out(self._body.acts(), is_early=self._body.is_spoiled)

    async def _answer(self, answer: Answer) -> None:
        """Another answer in the place of this one."""
        length = (b"content-length", b"%d" % len(answer.body))
        self._start = {**self._start, "status": answer.status, "headers": [*answer.headers, length]}
        await self._write(answer.body, is_last=True)
        self._is_over = self.is_broken = True

    async def _carry_out(self, acts: Iterator[Act], *, is_early: bool) -> None:
        """Do what the engine says; `is_early` tells whether an end among it comes before that of the answer."""
        for act in acts:
            if act.kind == "send":
                await self._write(act.data)
            elif act.kind == "end":
                await self._write(b"", is_last=True)
                self._is_over, self.is_broken = True, is_early
            elif act.kind == "cut":
                await self._begun()
                await self._cut()
            elif not await self._wait(act.seconds):
                return

    async def _begun(self) -> None:
        if self.status is None:
            self.status = self._start["status"]
            await self._line.send(self._start)

    async def _write(self, data: bytes, *, is_last: bool = False) -> None:
        await self._begun()
        await self._line.send({"type": "http.response.body", "body": data, "more_body": not is_last})

    async def _wait(self, seconds: float | None) -> bool:
        """Let time of the project's clock pass, or wait for the client to give up; False if it did."""
        if seconds is None:
            return await self._wait_outside_time(None)
        return await self._is_there(self._core.let_pass(self._line.project, seconds))

    async def _wait_outside_time(self, seconds: float | None) -> bool:
        """Wait as long as the client would, whatever the project's clock says."""
        return await self._is_there(asyncio.Event().wait() if seconds is None else outside_time(seconds))

    async def _is_there(self, waiting: Coroutine[Any, Any, object]) -> bool:
        """Wait; False at once if the client hangs up meanwhile. Whoever gives up here gives up because of the fault."""
        try:
            is_gone = await hung_up(self._line.receive, waiting)
        except asyncio.CancelledError:  # by sse-starlette, which has noticed it first, or because the server stops
            self._is_over = self.is_broken = True
            transport = self._transport
            if transport is not None:
                transport.abort()
                await asyncio.sleep(0)  # the connection learns it before anybody thinks of an answer
            raise
        self._is_over = self._is_over or is_gone
        self.is_broken = self.is_broken or is_gone
        return not is_gone

    @property
    def _transport(self) -> asyncio.Transport | None:
        found: asyncio.Transport | None = self._line.scope.get("extensions", {}).get(TRANSPORT, {}).get("transport")
        return found

    async def _cut(self) -> None:
        """Drop the connection once everything written has left."""
        self._is_over = self.is_broken = True
        transport = self._transport
        if transport is None:  # in process: an answer without its end is all that can be shown
            return
        if self.fault.reset:
            await _drained(transport)
            self._hold()
            _reset(transport)
        else:
            if not transport.get_write_buffer_size():  # else the client has yet to read, and may ask of the journal before
                self._hold()
            transport.close()
        await hung_up(self._line.receive, asyncio.Event().wait())


def _is_stream(start: Message) -> bool:
    headers: Sequence[tuple[bytes, bytes]] = start["headers"]
    return any(name == b"content-type" and value.startswith(b"text/event-stream") for name, value in headers)


def _html(status: int) -> Answer:
    page = _PAGE.format(status=status, reason=_REASONS.get(status, "Error"))
    return Answer(status, page.encode(), [(b"content-type", b"text/html"), (b"server", b"cloudflare")])


async def _drained(transport: asyncio.Transport) -> None:
    """A reset throws away what is not sent yet: let it go first, for as long as somebody takes it."""
    while transport.get_write_buffer_size() and not transport.is_closing():
        await outside_time(0.001)


def _reset(transport: asyncio.Transport) -> None:
    sock = transport.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
