"""JSON in and out, by pydantic-core: the one place that fixes strictness and style."""

import json  # noqa: TID251 - it alone shows what stands twice
import re
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Protocol

from pydantic_core import from_json, to_json

__all__ = [
    "Encodable",
    "JsonObject",
    "dumps",
    "encoded",
    "is_too_deep",
    "loads",
    "object_of",
    "ordered",
    "pretty",
    "repeated_key",
    "spaced",
]

JsonObject = dict[str, object]


class Encodable(Protocol):
    """A value that never changes and can become bytes: whoever keeps it in memory need not make them."""

    @property
    def size(self) -> int:
        """About how many bytes those are."""

    def to_bytes(self) -> bytes:
        """The same bytes each time."""


def encoded(part: bytes | Encodable) -> bytes:
    """A value's bytes, or those it is already."""
    return part if isinstance(part, bytes) else part.to_bytes()


def loads(data: bytes | str) -> object:
    """Parse JSON; ValueError for anything that is not JSON: NaN, bad UTF-8, over 200 levels of nesting."""
    value = from_json(data, allow_inf_nan=False, cache_strings="keys")
    if _HUGE.search(data) if isinstance(data, bytes) else _HUGE.search(data.encode()):
        _check_finite(value)
    return value


_HUGE = re.compile(rb"\d(?:[eE]\+?\d{3}|\d{299})")  # it begins with digits alone: the rest is passed over quickly


def _check_finite(value: object) -> None:
    """A number too large for a float has become infinite, which JSON cannot say."""
    if isinstance(value, float) and not isfinite(value):
        raise ValueError("a number is too large")
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _check_finite(each)


def object_of(data: bytes) -> JsonObject:
    """The object that JSON is; an empty one for nothing, and for anything else."""
    try:
        value = loads(data) if data else {}
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def is_too_deep(error: ValueError) -> bool:
    """Whether what `loads` complains of is nesting alone."""
    return "recursion limit" in str(error)


def repeated_key(data: bytes, value: object) -> str | None:
    """A key that stands twice in one object of `data`; None if none does. `value` is what `loads` made of it."""
    kept = to_json(value)
    if kept == data:  # so it is where clients write JSON without spaces
        return None
    if not any(mark in data for mark in _MISLEADING) and data.count(b'":') == kept.count(b'":'):  # so it is with usual spaces
        return None
    try:
        json.loads(data, object_pairs_hook=_unrepeated, parse_int=str, parse_float=str)
    except _RepeatedError as found:
        return found.key
    return None


_MISLEADING = (b"\\u0022", b"\\u003a", b"\\u003A", b" :", b"\t:", b"\n:", b"\r:")
"""Without them `":` stands as often in what was kept of JSON as in all of it, unless a key was dropped: quotes and colons have no
other spelling."""


class _RepeatedError(Exception):
    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def _unrepeated(pairs: Sequence[tuple[str, object]]) -> None:
    if len(dict(pairs)) == len(pairs):
        return
    seen = set()
    for key, _ in pairs:
        if key in seen:
            raise _RepeatedError(key)
        seen.add(key)


def dumps(value: object) -> bytes:
    """One line, no spaces, UTF-8: how the real API writes bodies of 2xx answers and event data."""
    return to_json(value)


def pretty(value: object) -> bytes:
    """Two-space indent, no trailing newline: how the real API writes request errors (ERRORS.md §1)."""
    return to_json(value, indent=2)


def spaced(value: object) -> bytes:
    """One line with spaces behind commas and colons of objects: how errors from deeper inside are written (ERRORS.md §1)."""
    if not isinstance(value, Mapping):
        return to_json(value)
    return b"{%b}" % b", ".join(b"%b: %b" % (to_json(name), spaced(each)) for name, each in value.items())


def ordered(item: Mapping[str, object]) -> JsonObject:
    """The wire's key order for items: `id`, `type`, `status`, then alphabetical (WIRE.md §2)."""
    shown = {key: item[key] for key in ("id", "type", "status") if key in item}
    for key in sorted(item):
        shown[key] = item[key]  # those at its head keep their places
    return shown
