"""Requests in, answers out: reading bodies within bounds, the real API's headers, the one place that sends bytes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote

from starlette.types import Receive, Scope, Send

from mockapi.errors import ApiError, MockError
from mockapi.wire.ids import alnum, digest
from mockapi.wire.json import pretty

__all__ = ["Answer", "Caller", "Headers", "caller_of", "error_answer", "headers_of", "read_body", "standard_headers"]

Headers = list[tuple[bytes, bytes]]

JSON = (b"content-type", b"application/json")
EVENT_STREAM = (b"content-type", b"text/event-stream; charset=utf-8")
NOSNIFF = (b"x-content-type-options", b"nosniff")
_VERSION = (b"openai-version", b"2020-10-01")


class Answer(NamedTuple):
    """A ready answer: status, its own headers, and the whole body."""

    status: int
    body: bytes
    headers: Sequence[tuple[bytes, bytes]] = ()
    note: str = ""

    async def send(self, send: Send, more: Iterable[tuple[bytes, bytes]] = ()) -> None:
        """Send it in one piece."""
        length = (b"content-length", b"%d" % len(self.body))
        start = {"type": "http.response.start", "status": self.status, "headers": [*self.headers, *more, length]}
        await send(start)
        await send({"type": "http.response.body", "body": self.body})


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: state belongs to the API key plus the `OpenAI-Project` header (DESIGN.md "Whose state")."""

    project: str
    organization: bytes
    project_id: bytes


@lru_cache(maxsize=1024)
def _caller(key: str, project: str | None, organization: str | None) -> Caller:
    shown = project or "proj_" + alnum(digest(b"project", key.encode(), size=24))
    return Caller(f"{key}\n{project or ''}", (organization or "org-mock").encode("latin-1"), shown.encode("latin-1"))


def headers_of(scope: Scope) -> Mapping[str, str]:
    """Request headers by lower-case name; the last wins."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def caller_of(headers: Mapping[str, str]) -> Caller:
    """The caller; 401 with the real API's body if no key came (ERRORS.md §2)."""
    scheme, _, key = headers.get("authorization", "").partition(" ")
    if scheme.lower() not in ("bearer", "basic") or not key.strip():
        raise ApiError(
            "Missing bearer or basic authentication in header",
            status=401,
            headers={"www-authenticate": 'Bearer realm="OpenAI API"'},
        )
    return _caller(key.strip(), headers.get("openai-project"), headers.get("openai-organization"))


async def read_body(receive: Receive, most: int) -> bytes:
    """The whole request body; 413 if it is longer than `most` bytes; OSError if the client hung up meanwhile."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionResetError("the client hung up before its request was complete")
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > most:
            raise MockError(f"The request body is over {most} bytes.", status=413, code="mock_body_too_large")
        chunks.append(chunk)
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def standard_headers(request_id: str, processing_ms: int = 1, caller: Caller | None = None) -> Headers:
    """Headers on every answer (ERRORS.md §11); organization and project only for known callers."""
    headers = [
        _VERSION,
        (b"openai-processing-ms", b"%d" % max(1, processing_ms)),
        (b"x-request-id", request_id.encode()),
    ]
    if caller is not None:
        headers += [(b"openai-organization", caller.organization), (b"openai-project", caller.project_id)]
    return headers


@lru_cache(maxsize=1024)
def mock_headers(scenario: str, step: str) -> Headers:
    """Which scenario and step answered; text that no header can carry is percent-encoded."""
    if not scenario:
        return []
    return [
        (b"x-mock-scenario", scenario.encode("latin-1")),
        (b"x-mock-step", quote(step, safe=" !#$&'()*+,/:;=?@[]").encode()),
    ]


def error_answer(error: ApiError) -> Answer:
    """An error as the real API writes it: pretty-printed, keys in its order."""
    own = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in error.headers.items()]
    return Answer(error.status, pretty(error.body), [JSON, *own], note=error.code or "")
