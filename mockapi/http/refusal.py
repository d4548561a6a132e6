"""What is answered to bytes that never become a request: no HTTP, or a head without bounds."""

from collections.abc import Iterable
from functools import lru_cache

from mockapi.errors import MockError
from mockapi.http.cycle import beginning
from mockapi.http.messages import error_answer, standard_headers
from mockapi.wire.ids import digest, request_id_of

__all__ = ["MOST_HEAD", "MOST_UNREAD", "HeadTooLongError", "reason_of", "refusal", "size_of_head"]

MOST_HEAD = 65_536
"""Bytes of a request's URL, and of the names and values of its headers, together: what uvicorn's other parser reads."""

MOST_UNREAD = 524_288
"""Bytes of a head, or of trailers, that do not end, and of which the parser keeps some all the while."""

_REASONS = {
    400: "Invalid HTTP request received.",
    431: f"The URL and the headers of the request are over {MOST_HEAD} bytes.",
}


class HeadTooLongError(Exception):
    """Ends the parsing of a request."""


def size_of_head(url: bytes, headers: Iterable[tuple[bytes, bytes]]) -> int:
    """In bytes."""
    return len(url) + sum(len(name) + len(value) for name, value in headers)


def reason_of(status: int) -> str:
    """One sentence, for 400 and 431."""
    return _REASONS[status]


@lru_cache(maxsize=8)
def refusal(status: int, default_headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """The whole answer, head and body; what is no HTTP (400) is told as uvicorn does. It is no call: all have one request id."""
    reason = _REASONS[status]
    body, headers = reason.encode(), [(b"content-type", b"text/plain; charset=utf-8")]
    if status == 431:
        error = MockError(reason, status=status, code="mock_headers_too_large")
        _, body, told = error_answer(error, standard_headers(request_id_of(digest(b"", body))))
        headers = [*told]
    headers += [(b"content-length", b"%d" % len(body)), (b"connection", b"close")]
    return b"".join((beginning(status, default_headers), *[b"%b: %b\r\n" % pair for pair in headers], b"\r\n", body))
