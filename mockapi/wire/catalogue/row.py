"""What a row of the error catalogue holds, and how its words are filled."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from mockapi.errors import ApiError, Layout

__all__ = ["BODIES", "CREATE", "Confidence", "Row", "filled"]

Confidence = Literal["V", "V-", "D", "2nd", "I", "assumed"]
"""How well a row is known, in the words of ERRORS.md: seen verbatim, seen with some fields not shown, official documentation,
second hand, inferred; `assumed`: the mock's own choice where nothing is known."""

BODIES = ("responses.*", "conversations.*")
CREATE = ("responses.create",)

_NONE: Mapping[str, str] = {}
_LONGEST_FIELD = 10_000  # characters: what a client sends is not sent back by the megabyte
_PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Row:
    """One error of the real API. `message` and `param` are templates; `sample` has a value for each of their placeholders.

    `endpoints` are operations, with globs; one in parentheses is not served by the mock. `source` is the section of ERRORS.md.
    """

    name: str
    message: str
    code: str | None = None
    status: int = 400
    type: str | None = "invalid_request_error"
    param: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    endpoints: tuple[str, ...] = CREATE
    confidence: Confidence = "V"
    source: str = ""
    sample: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    layout: Layout = "pretty"

    @property
    def placeholders(self) -> frozenset[str]:
        """Names of the fields that its message and `param` want."""
        return frozenset(_PLACE.findall(self.message + (self.param or "")))

    def error(self, fields: Mapping[str, object] = _NONE) -> ApiError:
        """The error with these fields in its words, 10,000 characters of each at most; KeyError if one is missing."""
        fields = {name: _cut(str(value)) for name, value in fields.items()}
        return ApiError(
            filled(self.message, fields),
            status=self.status,
            type=self.type,
            param=None if self.param is None else filled(self.param, fields),
            code=self.code,
            headers=self.headers,
            layout=self.layout,
        )


def _cut(value: str) -> str:
    return value if len(value) <= _LONGEST_FIELD else f"{value[:_LONGEST_FIELD]}…"


def filled(template: str, fields: Mapping[str, object]) -> str:
    """A template with values in its places, once: braces inside a value stay as they are."""
    return _PLACE.sub(lambda place: str(fields[place[1]]), template)
