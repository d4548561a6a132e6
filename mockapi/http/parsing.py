"""What httptools' parser works with: what is remembered of heads, and whom it tells of a body alone, or nobody."""

from collections import deque
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import unquote

import httptools

__all__ = [
    "DISCARD",
    "FORGOTTEN",
    "PAIRS",
    "SHORT",
    "Reader",
    "body_parser",
    "framing",
    "is_leave_asked",
    "pair_of",
    "parts_of",
    "parts_of_short",
]

SHORT = 256
"""Bytes of a URL, or of a header, that is worth remembering: most requests go to the same few URLs, with the same headers."""

_MOST_PAIRS = 4_096
PAIRS: dict[tuple[bytes, bytes], tuple[bytes, bytes]] = {}
"""Headers as they come, and as they are handed on."""

FORGOTTEN: Any = deque(maxlen=0)
"""A list of headers that keeps none: for trailers."""


def pair_of(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    """A header as it is handed on; short ones are remembered in `PAIRS`, but for those that ask for leave."""
    pair = name.lower(), value
    if len(name) + len(value) < SHORT and not is_leave_asked(pair):
        if len(PAIRS) >= _MOST_PAIRS:
            PAIRS.clear()
        PAIRS[name, value] = pair
    return pair


def is_leave_asked(pair: tuple[bytes, bytes]) -> bool:
    """Whether the client waits for leave to send its body."""
    return pair[0] == b"expect" and pair[1].lower() == b"100-continue"


def parts_of(url: bytes) -> tuple[str, bytes, bytes]:
    """(path, path as it came, query) of a request's URL; httptools' error for one that is none."""
    parsed = httptools.parse_url(url)
    path: bytes = parsed.path
    text = path.decode("ascii")
    return unquote(text) if "%" in text else text, path, parsed.query or b""


parts_of_short = lru_cache(maxsize=1024)(parts_of)
"""The same for URLs of less than `SHORT` bytes, which are remembered."""


class _Discard:
    """A parser that passes over all that comes."""

    def feed_data(self, data: bytes) -> None:
        """Nothing is made of it."""


DISCARD: Any = _Discard()
"""The parser of a connection on which nobody listens any more."""


class Reader(Protocol):
    """Who is told of a body."""

    def on_body(self, body: bytes) -> None:
        """A piece of it."""

    def on_message_complete(self) -> None:
        """That was all."""

    def stop_reading(self) -> None:
        """Nothing comes any more."""


class _BodyAlone:
    """Hands on the body of one request, and nothing behind it."""

    def __init__(self, reader: Reader) -> None:
        self._reader: Reader | None = reader

    def on_body(self, body: bytes) -> None:
        if self._reader is not None:
            self._reader.on_body(body)

    def on_message_complete(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.on_message_complete()
            reader.stop_reading()


_FRAMING = (b"content-length", b"transfer-encoding")


def body_parser(reader: Reader) -> Any:
    """A parser for the body of one request: to be fed its `framing` first."""
    return httptools.HttpRequestParser(_BodyAlone(reader))


def framing(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """As much of a head as a parser has to know to read the body."""
    lines = [b"%b: %b\r\n" % pair for pair in headers if pair[0] in _FRAMING]
    return b"".join((b"POST / HTTP/1.1\r\n", *lines, b"\r\n"))
