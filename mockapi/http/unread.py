"""What is answered to bytes that never become a request: no HTTP, or a head without bounds."""

from collections.abc import Collection, Iterable
from functools import lru_cache
from itertools import islice

from mockapi.errors import MockError
from mockapi.http.cycle import beginning
from mockapi.http.messages import error_answer, standard_headers
from mockapi.wire.ids import digest, request_id_of

__all__ = ["MOST_HEAD", "HeadTooLongError", "Meter", "reason_of", "refusal", "size_of_head"]

MOST_HEAD = 65_536
"""Bytes of a request's URL, and of the names and values of its headers, together: what uvicorn's other parser reads."""


_REASONS = {
    400: "Invalid HTTP request received.",
    431: f"The URL and the headers of the request are over {MOST_HEAD} bytes.",
}


class HeadTooLongError(Exception):
    """Ends the parsing of a request."""


def size_of_head(url: bytes, headers: Iterable[tuple[bytes, bytes]]) -> int:
    """In bytes."""
    return len(url) + sum(len(name) + len(value) for name, value in headers)


class Meter:
    """Watches what comes in pieces: heads that are not complete, and what ends neither a header nor a trailer."""

    def __init__(self) -> None:
        self._place = (0, 0, 0)
        self._size = 0  # of the headers up to there
        self._stuck = 0  # bytes that have come since

    def is_over(self, url: bytes, headers: Collection[tuple[bytes, bytes]], came: int) -> bool:
        """Whether that is too long: what is known of a head, and so many bytes more of which nothing is known yet."""
        place, before = (len(url), id(headers), len(headers)), self._place
        if place == before:
            self._stuck = self._stuck + came if came else 0
        else:
            is_same = place[1] == before[1] and place[2] >= before[2]
            counted = before[2] if is_same else 0
            self._size = size_of_head(b"", islice(headers, counted, None)) + (self._size if is_same else 0)
            self._place, self._stuck = place, 0
        return self._stuck > MOST_HEAD or self._size + len(url) > MOST_HEAD


def reason_of(status: int) -> str:
    """One sentence, for 400 and 431."""
    return _REASONS[status]


@lru_cache(maxsize=8)
def refusal(status: int, default_headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """The whole answer, head and body; what is no HTTP (400) is told as uvicorn does."""
    reason = _REASONS[status]
    body, headers = reason.encode(), [(b"content-type", b"text/plain; charset=utf-8")]
    if status == 431:
        error = MockError(reason, status=status, code="mock_headers_too_large")
        _, body, told = error_answer(error, standard_headers(request_id_of(digest(b"", body))))
        headers = [*told]
    headers += [(b"content-length", b"%d" % len(body)), (b"connection", b"close")]
    return b"".join((beginning(status, default_headers), *[b"%b: %b\r\n" % pair for pair in headers], b"\r\n", body))
