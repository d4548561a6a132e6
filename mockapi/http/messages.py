"""Requests in, answers out: reading bodies within bounds, the real API's headers, the one place that sends bytes."""

import asyncio
import base64
import re
from collections.abc import Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import quote

from starlette.types import Receive

from mockapi.errors import ApiError, MockError
from mockapi.http.cycle import cycle_of
from mockapi.http.head import Head, HeadForm
from mockapi.wire.catalogue import told
from mockapi.wire.ids import ORGANIZATION, project_id_of
from mockapi.wire.json import pretty, spaced
from mockapi.wire.limits import MOST_REQUESTS, MOST_TOKENS

__all__ = [
    "Answer",
    "Caller",
    "ClientGoneError",
    "Headers",
    "RequestHeaders",
    "caller_of",
    "error_answer",
    "hung_up",
    "read_body",
    "standard_headers",
]

Headers = list[tuple[bytes, bytes]]
Form = list[tuple[bytes, bytes | None]]

JSON = (b"content-type", b"application/json")
EVENT_STREAM = (b"content-type", b"text/event-stream; charset=utf-8")
_VERSION = (b"openai-version", b"2020-10-01")
_AT_ONCE = (b"openai-processing-ms", b"1")
_REQUEST_ID = b"x-request-id"
_RATES: Form = [
    (b"x-ratelimit-limit-requests", b"%d" % MOST_REQUESTS),
    (b"x-ratelimit-limit-tokens", b"%d" % MOST_TOKENS),
    (b"x-ratelimit-remaining-requests", b"%d" % (MOST_REQUESTS - 1)),
    (b"x-ratelimit-remaining-tokens", None),
    (b"x-ratelimit-reset-requests", b"2ms"),
    (b"x-ratelimit-reset-tokens", b"0s"),
]
_RATE_FORM = HeadForm(_RATES)
"""Only on compact and on synchronous creates that are not streamed (ERRORS.md §11)."""


_LONGEST_CALLER = 8_192  # bytes: of who asked last something is remembered


class ClientGoneError(Exception):
    """The client hung up before its request was complete; there is nobody to answer."""


class Answer(NamedTuple):
    """A ready answer: status, its own headers, and the whole body."""

    status: int
    body: bytes
    headers: Iterable[tuple[bytes, bytes]] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Caller:
    """Who asks: state belongs to the API key plus the `OpenAI-Project` header (DESIGN.md "Whose state")."""

    project: str
    key: str
    headers: tuple[tuple[bytes, bytes], ...]
    """What answers tell of it."""


class RequestHeaders(Mapping[str, str]):
    """Request headers by lower-case name; the last wins. Few are ever looked at: each is decoded when it is."""

    __slots__ = ("raw",)

    def __init__(self, raw: Mapping[bytes, bytes]) -> None:
        self.raw = raw

    def __getitem__(self, name: str) -> str:
        return self.raw[name.encode("latin-1", "replace")].decode("latin-1")

    def sent(self, name: bytes) -> str | None:
        """A header that few requests send, by its name in bytes: quicker to miss."""
        value = self.raw.get(name)
        return None if value is None else value.decode("latin-1")

    @property
    def media_type(self) -> str:
        """What the body is, in lower case, without parameters: what is said first; empty where nothing is."""
        return re.split("[;,]", self.sent(b"content-type") or "", maxsplit=1)[0].strip().lower()

    def __iter__(self) -> Iterator[str]:
        return (name.decode("latin-1") for name in self.raw)

    def __len__(self) -> int:
        return len(self.raw)


class MaskedHeaders(RequestHeaders):
    """Request headers as the journal has them: whoever reads them, keys are masked."""

    __slots__ = ()

    def __getitem__(self, name: str) -> str:
        value = super().__getitem__(name)
        return _hidden(value) if name in _SECRETS else value


_SECRETS = frozenset(
    ("authorization", "proxy-authorization", "api-key", "x-api-key", "x-mock-admin-key", "cookie", "x-goog-api-key")
)


def _hidden(value: str) -> str:
    """The scheme, and four characters of a long secret: enough to tell two keys apart, too little to use one."""
    scheme, _, secret = value.rpartition(" ")
    end = secret[-4:] if len(secret) >= 16 else ""
    return f"{scheme} ****{end}".strip()


def caller_of(headers: RequestHeaders, accepted: Sequence[str] = ()) -> Caller:
    """The caller; 401 with the real API's bodies if no key came, or none of the accepted (ERRORS.md §2)."""
    get = headers.raw.get
    caller = _caller(
        get(b"authorization", b""), get(b"api-key", b""), get(b"openai-project", b""), get(b"openai-organization", b"")
    )
    if accepted and caller.key not in accepted:
        raise _incorrect_key(caller.key)
    return caller


@lru_cache(maxsize=256)
def _caller(authorization: bytes, api_key: bytes, project: bytes, organization: bytes) -> Caller:
    if len(authorization) + len(api_key) + len(project) + len(organization) > _LONGEST_CALLER:
        message = f"The headers that tell who asks are over {_LONGEST_CALLER} bytes together."
        raise MockError(message, status=431, code="mock_headers_too_large")
    scheme, _, key = authorization.decode("latin-1").partition(" ")
    if scheme.lower() == "basic":
        key = _password(key.strip())
    key = key.strip() if scheme.lower() in ("bearer", "basic") else api_key.decode("latin-1")
    if not key:
        raise told("missing_authentication")
    shown = project or project_id_of(key).encode()
    about = (b"openai-organization", organization or ORGANIZATION.encode()), (b"openai-project", shown)
    return Caller(f"{key}\n{project.decode('latin-1')}", key, about)


def _password(credentials: str) -> str:
    """The key in basic authentication: the password, or the user name where that is empty; nothing if it is neither."""
    try:
        user, _, password = base64.b64decode(credentials, validate=True).decode("utf-8").partition(":")
    except ValueError:
        return ""
    return password or user


def _incorrect_key(key: str) -> ApiError:
    row = "invalid_api_key_edge" if key.startswith("sk-") else "invalid_api_key"
    return told(row, masked=masked(key))


def masked(key: str) -> str:
    """A key as errors and logs show it: first 8 and last 4 characters (ERRORS.md §2)."""
    return f"{key[:8]}{'*' * (len(key) - 12)}{key[-4:]}" if len(key) > 12 else key


async def read_body(receive: Receive, most: int, headers: RequestHeaders) -> bytes:
    """The whole request body; 413 if it is longer than `most` bytes, or says so; `ClientGoneError` if the client hung up."""
    cycle = cycle_of(receive)
    body = None if cycle is None else cycle.whole_body()
    if body is not None:
        _check_size(len(body), most)
        return body
    declared = headers.raw.get(b"content-length", b"")
    _check_size(int(declared) if declared.isdigit() and len(declared) < 20 else 0, most)
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        _check_size(size, most)
        is_last = not message.get("more_body", False)
        if is_last and not chunks:
            return chunk
        chunks.append(chunk)
        if is_last:
            return b"".join(chunks)


def _check_size(size: int, most: int) -> None:
    if size > most:
        raise MockError(f"The request body is over {most} bytes.", status=413, code="mock_body_too_large")


async def hung_up(receive: Receive, waiting: Coroutine[Any, Any, object]) -> bool:
    """Wait for something; True, and it is cancelled, as soon as the client hangs up meanwhile."""
    task = asyncio.ensure_future(waiting)
    gone = asyncio.ensure_future(_disconnect(receive))
    try:
        done, _ = await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if task in done:
            task.result()  # what went wrong meanwhile is told
        return task not in done
    finally:
        for each in (task, gone):
            each.cancel()


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def rate_headers(used: int) -> Headers:
    """`x-ratelimit-*` after a call that read so many tokens."""
    return list(Head(_RATE_FORM, (tokens_left(used),)))


def tokens_left(used: int) -> bytes:
    """What `x-ratelimit-remaining-tokens` says."""
    return b"%d" % (MOST_TOKENS - used)


def standard_headers(request_id: str, processing_ms: int = 1, caller: Caller | None = None) -> Headers:
    """Headers on every answer (ERRORS.md §11); organization and project only for known callers."""
    spent = (b"openai-processing-ms", b"%d" % processing_ms) if processing_ms > 1 else _AT_ONCE
    return [_VERSION, spent, (_REQUEST_ID, request_id.encode()), *(() if caller is None else caller.headers)]


@lru_cache(maxsize=256)
def whole_form(caller: Caller, scenario: str, step: str, is_limited: bool) -> HeadForm:
    """Heads of created responses that are not streamed; to fill in: milliseconds, request id, tokens left, length.

    `x-ratelimit-*` only where `is_limited`; without it there are no tokens left to tell of.
    """
    rates = _RATES if is_limited else ()
    return HeadForm([JSON, *_standard_form(caller), *mock_headers(scenario, step), *rates, (b"content-length", None)])


@lru_cache(maxsize=256)
def stream_form(caller: Caller, scenario: str, step: str) -> HeadForm:
    """Heads of streams; to fill in: milliseconds, request id."""
    return HeadForm([EVENT_STREAM, *_standard_form(caller), *mock_headers(scenario, step)])


def _standard_form(caller: Caller) -> Form:
    return [_VERSION, (_AT_ONCE[0], None), (_REQUEST_ID, None), *caller.headers]


@lru_cache(maxsize=1024)
def mock_headers(scenario: str, step: str) -> Headers:
    """Which scenario and step answered; text that no header can carry is percent-encoded."""
    if not scenario:
        return []
    return [
        (b"x-mock-scenario", scenario.encode("latin-1")),
        (b"x-mock-step", quote(step, safe=" !#$&'()*+,/:;=?@[]").encode()),
    ]


def error_answer(error: ApiError, standard: Headers) -> Answer:
    """An error as the real API writes it, keys in its order; its own headers win over the standard ones."""
    body, content_type = _written(error)
    headers = dict([*content_type, *standard])
    if error.answered_by is not None:
        headers.update(mock_headers(*error.answered_by))
    headers.update({name.encode("latin-1"): value.encode("latin-1") for name, value in error.headers.items()})
    return Answer(error.status, body, list(headers.items()))


def _written(error: ApiError) -> tuple[bytes, Headers]:
    """(body, its content type); that of the edge is text, with the status inside and keys in another order (ERRORS.md §1)."""
    if error.layout == "empty":
        return b"", []
    if error.layout == "line":
        return spaced(error.body), [JSON]
    if error.layout == "edge":
        body = {"error": {"message": error.message, "type": error.type, "code": error.code, "param": error.param}}
        return pretty({**body, "status": error.status}), [(b"content-type", b"text/plain")]
    return pretty(error.body), [JSON]
