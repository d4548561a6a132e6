"""One call and its answer: what is known of it so far, so that errors, log and later the journal can speak of it."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from starlette.datastructures import QueryParams
from starlette.types import Message, Receive, Scope, Send

from mockapi.engine.faults import Hit
from mockapi.engine.timeline import Timeline
from mockapi.errors import ApiError
from mockapi.http.cycle import cycle_of
from mockapi.http.faults import FaultyLine, Line
from mockapi.http.head import Head
from mockapi.http.messages import JSON, Answer, Caller, Headers, RequestHeaders, error_answer, standard_headers
from mockapi.scenario.match import Facts, Known
from mockapi.service.core import Core
from mockapi.service.pending import Pending
from mockapi.wire.ids import digest, request_id_of
from mockapi.wire.json import dumps

__all__ = ["Exchange"]


class Exchange:
    """Passed to every operation; `send` remembers the status that went out."""

    caller: Caller | None = None
    request_id: str | None = None
    status: int | None = None
    note = ""
    code: str | None = None
    is_cut = False  # the client hung up before the whole answer had gone out
    is_stream = False
    body = b""
    response = b""
    timeline: Timeline | None = None
    answered_by: tuple[str, str] = ("", "")
    is_legacy = False  # a call of an API that is gone
    resumed: Timeline | None = None
    fault = ""
    facts: Facts | None = None  # what matching saw of a create that was answered
    _known: Known | None = None  # the same of one that was refused
    advice: Mapping[str, str] = MappingProxyType({})  # what the answer's headers tell of asking again
    is_whole = True
    has_left = False  # a fault met the answer, and before that was over its client hung up, though nothing kept it waiting
    last_event: int | None = None  # that the client got, of a stream that a fault met
    _line: FaultyLine | None = None
    _held: tuple[Pending, int] | None = None

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.receive = receive
        self._send = send
        self.headers = RequestHeaders(dict(scope["headers"]))

    async def send(self, message: Message) -> None:
        """Pass a message on."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)

    def arm(self, hit: object, core: Core) -> None:
        """Let a fault (a `Hit`; None for none) meet the answer on its way; the one that was armed first stays."""
        if not isinstance(hit, Hit) or self._line is not None or self.caller is None:
            return
        line = Line(self.caller.project, self.scope, self.receive, self._send, self.standard_headers)
        self._line = FaultyLine(hit, core, line, lambda: self.resumed or self.timeline, lambda: self._hold(core.entering))
        self._send = self._line.send

    def _hold(self, entering: Pending) -> None:
        """Whoever reads the journal from now on waits for this call: its client knows that it is over."""
        self._held = (entering, entering.begin())

    def entered(self) -> None:
        """The journal has it, or never will."""
        if self._held is not None:
            entering, number = self._held
            self._held = None
            entering.end(number)

    @property
    def is_broken(self) -> bool:
        """Whether a fault has ended the answer before its time."""
        return self._line is not None and self._line.is_broken

    @property
    def known(self) -> Known | None:
        """What a create went on from, for whoever verifies."""
        return self._known if self.facts is None else self.facts.known

    def let_go(self) -> None:
        """Keep what the log and the journal tell, and nothing of the connection; it sends and receives nothing any more."""
        scope = self.scope
        self.scope = {"method": scope["method"], "path": scope["path"], "query_string": scope["query_string"]}
        self.receive, self._send, self._line = _nothing_comes, _nothing_goes, None

    def settle(self) -> None:
        """Once it is over: tell what the client saw of it where a fault met it."""
        line = self._line
        self.is_whole = self.status is not None and not self.is_cut if line is None else line.is_whole
        if line is not None:
            self.note = ", ".join(filter(None, (self.note, line.note)))
            self.answered_by = self.answered_by if any(self.answered_by) else line.scripted_by
            self.status = line.status
            self.is_cut = self.is_cut or line.is_broken
            self.fault = str(line.fault)
            self.advice = _advice(line.headers)
            self.last_event = line.last_event
            self.has_left = line.has_left

    @property
    def query(self) -> QueryParams:
        """The query string, parsed."""
        return QueryParams(self.scope["query_string"])

    @property
    def path_params(self) -> Mapping[str, str]:
        """What the route caught."""
        params: Mapping[str, str] = self.scope.get("path_params", _NONE)
        return params

    @property
    def scenario(self) -> str | None:
        """The scenario the request names: by its URL, or by header."""
        params = self.scope.get("path_params")
        return (params and params.get("scenario")) or self.headers.sent(b"x-mock-scenario")

    def standard_headers(self, processing_ms: int = 1, *, is_known: bool = True) -> Headers:
        """Headers of every answer; calls that were never identified get an id from their URL. Who `is_known` is told so."""
        if self.request_id is None:
            url = f"{self.scope['method']} {self.scope['path']}".encode("utf-8", "surrogatepass")
            self.request_id = request_id_of(digest(b"", url))
        return standard_headers(self.request_id, processing_ms, self.caller if is_known else None)

    @property
    def identified_caller(self) -> Caller:
        """Who asks, once that is known."""
        assert self.caller is not None
        return self.caller

    def standard_values(self, processing_ms: int = 1) -> tuple[bytes, bytes]:
        """What a head says of this call: milliseconds, request id."""
        assert self.request_id is not None
        return b"%d" % processing_ms if processing_ms > 1 else b"1", self.request_id.encode()

    async def answer_whole(self, head: Head, body: bytes) -> None:
        """Send a whole body of `timeline`, whose length the head has if it is no stream."""
        self.status = 200
        cycle = cycle_of(self._send)
        if cycle is not None and cycle.answer(200, head, body):
            return
        await self._send({"type": "http.response.start", "status": 200, "headers": head})
        await self._send({"type": "http.response.body", "body": body})

    async def answer(self, answer: Answer) -> None:
        """Send a ready answer in one piece."""
        status, body, headers = answer
        self.response, self.status = body, status
        if status >= 400:
            self.advice = _advice(headers)
        length = (b"content-length", b"%d" % len(body))
        await self._send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
        await self._send({"type": "http.response.body", "body": body})

    async def answer_json(self, body: Mapping[str, object], status: int = 200, headers: Headers | None = None) -> None:
        """Send an object as JSON."""
        await self.answer(Answer(status, dumps(body), [JSON, *(headers or [])]))

    async def fail(self, error: ApiError) -> None:
        """Send an error, unless an answer has begun: then the connection ends without its end."""
        self.note, self.code = error.code or "", error.code
        self.answered_by = error.answered_by or self.answered_by
        self._known, self.facts = error.known if isinstance(error.known, Known) else self.known, None
        if self.status is None:
            await self.answer(error_answer(error, self.standard_headers(is_known=error.status != 401)))


async def _nothing_comes() -> Message:
    return {"type": "http.disconnect"}


async def _nothing_goes(message: Message) -> None:
    """The call is over."""


_NONE: Mapping[str, str] = {}
_ADVICE = (b"retry-after", b"retry-after-ms", b"x-should-retry")


def _advice(headers: Iterable[tuple[bytes, bytes]]) -> Mapping[str, str]:
    return {name.lower().decode(): value.decode("latin-1") for name, value in headers if name.lower() in _ADVICE}
