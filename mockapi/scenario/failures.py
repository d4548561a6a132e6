"""How a step fails: an HTTP error instead of an answer, or a failure after it."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from mockapi.scenario.fields import STRICT
from mockapi.scenario.template import is_template
from mockapi.wire.catalogue import ERROR_NAMES, ROWS, row_of
from mockapi.wire.catalogue.scripted import check_header
from mockapi.wire.typed import by_kind

__all__ = ["Error", "ErrorForm", "Fail", "FailForm"]


def _known_code(value: str) -> str:
    if row_of(value) is None:
        raise _unknown_code(value)
    return value


def _unknown_code(value: str) -> PydanticCustomError:
    return PydanticCustomError("unknown_code", "unknown error code", {"given": value, "known": "|".join(ERROR_NAMES)})


def _header_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name):
        raise ValueError(f"{name!r} is not a header's name")
    if name.lower() in ("content-length", "transfer-encoding", "connection"):
        raise ValueError(f"{name!r} belongs to the connection, not to the answer")
    return name


def _header_value(value: str) -> str:
    if not is_template(value):
        check_header(value)
    return value


HeaderName = Annotated[str, AfterValidator(_header_name)]
HeaderValue = Annotated[str, AfterValidator(_header_value)]


class ErrorForm(BaseModel):
    """An HTTP error instead of an answer."""

    model_config = STRICT | {"json_schema_extra": {"anyOf": [{"required": ["code"]}, {"required": ["status"]}]}}

    code: str | None = None
    """The error's code; one of the catalogue (`mockapi errors`) brings everything else."""
    status: Annotated[int, Field(ge=400, le=599)] | None = None
    """The HTTP status; with it the code may be any."""
    type: str | None = None
    """The error's type."""
    message: str | None = None
    """What the error says."""
    param: str | None = None
    """The parameter that the error is about."""
    headers: dict[HeaderName, HeaderValue] | None = None
    """Headers of the answer, such as `retry-after`."""

    @model_validator(mode="after")
    def _says_what(self) -> "ErrorForm":
        if self.status is None and self.code is None:
            raise ValueError("give a status, or a code of the catalogue (`mockapi errors` lists it)")
        if self.status is None and row_of(str(self.code)) is None:
            raise _unknown_code(str(self.code))
        return self


class FailForm(BaseModel):
    """A failure after the reply's items."""

    model_config = STRICT

    code: str
    """The code of the failure."""
    message: str | None = None
    """What the failure says."""
    type: str | None = None
    """The type in the `error` event."""


_CODES = [*dict.fromkeys([*ERROR_NAMES, *(row.name for row in ROWS)])]
KnownCode = Annotated[str, AfterValidator(_known_code), WithJsonSchema({"type": "string", "enum": _CODES})]
Error = Annotated[str | ErrorForm, by_kind("a code or a mapping", text=KnownCode, mapping=ErrorForm)]
Fail = Annotated[str | FailForm, by_kind("a code or a mapping", text=str, mapping=FailForm)]
