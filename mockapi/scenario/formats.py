"""The formats that values are made in, and told by."""

import re
from collections.abc import Iterator
from datetime import date
from ipaddress import IPv6Address

__all__ = ["is_in_format", "texts_in_format"]

_URI = "https://example.com/"
_FORMATS = {
    "date-time": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "time": "00:00:00Z",
    "duration": "P1D",
    "email": "user@example.com",
    "idn-email": "user@example.com",
    "hostname": "example.com",
    "idn-hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "uri": _URI,
    "uri-reference": _URI,
    "iri": _URI,
    "iri-reference": _URI,
    "url": _URI,
    "json-pointer": "/example",
    "relative-json-pointer": "0",
    "regex": "example",
    "uri-template": "https://example.com/{id}",
    "byte": "ZXhhbXBsZQ==",
}
_NUMBERED = {
    "date-time": "2026-01-01T{:02}:{:02}:{:02}Z",
    "date": "{3}-{4:02}-{5:02}",
    "time": "{:02}:{:02}:{:02}Z",
    "duration": "P{6}D",
    "email": "user{6}@example.com",
    "hostname": "host{6}.example.com",
    "ipv4": "198.51.{7}.{8}",
    "ipv6": "2001:db8::{6:x}",
    "uuid": "00000000-0000-4000-8000-{6:012}",
    "uri": "https://example.com/{6}",
    "json-pointer": "/example{6}",
    "relative-json-pointer": "{6}",
    "regex": "example{6}",
    "uri-template": "https://example.com/{{id}}/{6}",
    "byte": "{6:04}",
}
_LIKE = {
    **dict.fromkeys(("uri-reference", "iri", "iri-reference", "url"), "uri"),
    "idn-email": "email",
    "idn-hostname": "hostname",
}
_DATE, _TIME = r"\d{4}-\d\d-\d\d", r"([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)"
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = rf"{_LABEL}(\.{_LABEL})*"
_BYTE = r"(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_SHAPES = {
    "date-time": rf"{_DATE}T{_TIME}",
    "date": _DATE,
    "time": _TIME,
    "duration": r"P(?=.)(\d+Y)?(\d+M)?(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+S)?)?|P\d+W",
    "email": rf"[\w!#$%&'*+/=?^`{{|}}~-]+(\.[\w!#$%&'*+/=?^`{{|}}~-]+)*@{_HOST}",
    "hostname": _HOST,
    "ipv4": rf"{_BYTE}(\.{_BYTE}){{3}}",
    "ipv6": r"[0-9a-fA-F:.]{2,45}",
    "uuid": r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
    "uri": r"[A-Za-z][A-Za-z0-9+.-]*:(?!//?$)[\w\-.~:/?#@!$&'()*+,;=%]+",
    "json-pointer": r"(/([^/~]|~[01])*)*",
    "relative-json-pointer": r"(0|[1-9]\d*)(#|(/([^/~]|~[01])*)*)",
    "regex": r"[\w ^$]*",
    "uri-template": r"[\w:/.-]*(\{\w+\}[\w:/.-]*)*",
    "byte": r"([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?",
}
_COMPILED = {name: re.compile(shape, re.ASCII) for name, shape in _SHAPES.items()}
_LONGEST = 5_000
"""A longer text is in no format that is known: some shapes need time that grows faster than the text."""


def texts_in_format(name: str, most: int) -> Iterator[str]:
    """Different texts in a format, the plainest first, `most` of them where it has so many; none if it is not known."""
    if name not in _FORMATS:
        return
    yield _FORMATS[name]
    shape = _NUMBERED[_LIKE.get(name, name)]
    for n in range(1, most):
        clock = (n // 3600 % 24, n // 60 % 60, n % 60)
        yield shape.format(*clock, 2026 + n // 336, n // 28 % 12 + 1, n % 28 + 1, n + 1, n // 250 % 250, n % 250 + 2)


def is_in_format(name: str, text: str) -> bool | None:
    """True if it is, or if nobody says what the format is; None otherwise: a format may bind or not, and ours are narrow."""
    if name not in _FORMATS:
        return True
    kind = _LIKE.get(name, name)
    if len(text) > _LONGEST or _COMPILED[kind].fullmatch(text) is None:
        return None
    return _is_real(kind, text) or None


def _is_real(kind: str, text: str) -> bool:
    """Whether a text of the right shape says something: there is no 30th of February."""
    try:
        if kind == "ipv6":
            IPv6Address(text)
        elif kind in ("date", "date-time"):
            date.fromisoformat(text[:10])
    except ValueError:
        return False
    return True
