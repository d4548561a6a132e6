"""Heads of ready answers: headers that are the same for many, with places for the values that differ."""

import re
from collections.abc import Iterator, Sequence

__all__ = ["Head", "HeadForm"]

_NO_NAME = re.compile(rb'[\x00-\x1f\x7f()<>@,;:\[\]={} \t\\"]')
_NO_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


class HeadForm:
    """Headers in order; a value of None is a place, filled for each answer.

    Encoded once, for `mockapi.http.protocol`; ValueError for what no header can carry.
    """

    def __init__(self, pairs: Sequence[tuple[bytes, bytes | None]]) -> None:
        for name, value in pairs:
            if _NO_NAME.search(name) or (value is not None and _NO_VALUE.search(value)):
                raise ValueError(f"no header can say {name!r}: {value!r}")
        self.pairs = tuple(pairs)
        self.lines = b"".join([b"%b: %b\r\n" % (name, _escaped(value)) for name, value in pairs])
        self.is_sized = any(name == b"content-length" for name, _ in pairs)


def _escaped(value: bytes | None) -> bytes:
    return b"%b" if value is None else value.replace(b"%", b"%%")


class Head:
    """The headers of one answer whose body follows at once; as ASGI wants them, an iterable of pairs.

    `values` are for the places of the form, and are no client's words: digits, ids.
    """

    __slots__ = ("form", "values")

    def __init__(self, form: HeadForm, values: tuple[bytes, ...]) -> None:
        self.form = form
        self.values = values

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        values = iter(self.values)
        for name, value in self.form.pairs:
            yield name, next(values) if value is None else value

    @property
    def lines(self) -> bytes:
        """As they stand on the wire."""
        return self.form.lines % self.values
