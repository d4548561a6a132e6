"""Building blocks of request types: strict, unknown keys refused, unions that know their members by name.

Tags of unions begin with a character of the private use area, so that the error mapper can tell them from keys in a location.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn, Union

from pydantic import (
    AfterValidator,
    ConfigDict,
    Discriminator,
    FailFast,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    StringConstraints,
    Tag,
    TypeAdapter,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, PydanticCustomError, PydanticKnownError, core_schema
from typing_extensions import TypedDict as TypedDict  # noqa: PLC0414 - pydantic needs this one before Python 3.12

from mockapi.wire.models import MAX_MODEL

if TYPE_CHECKING:
    from pydantic.json_schema import JsonSchemaValue

__all__ = [
    "FIRST_ERROR",
    "REFUSED",
    "STRICT",
    "AnyObject",
    "Lazy",
    "ModelName",
    "OneOf",
    "Status",
    "TypedDict",
    "by_kind",
    "id_of",
    "keys_of",
    "refuse",
    "tagged",
]

STRICT = ConfigDict(extra="forbid", strict=True)

Status = Literal["in_progress", "completed", "incomplete"]

ModelName = Annotated[str, StringConstraints(max_length=MAX_MODEL)]

AnyObject = Annotated[dict[str, object], WithJsonSchema({"type": "object"})]


class _FirstError(FailFast):
    """Hashable, so that it can stand inside a union."""

    __hash__ = object.__hash__


FIRST_ERROR = _FirstError()
"""Metadata of long lists: one wrong element is told, not a million."""

_LONGEST_ID = 64

TAG = "\ue000"


def keys_of(loc: Sequence[str | int]) -> tuple[str | int, ...]:
    """A location without union tags."""
    return tuple(part for part in loc if isinstance(part, int) or not part.startswith(TAG))


REFUSED = "refused"


def refuse(row: str, /, **fields: object) -> NoReturn:
    """Refuse the value that a validator looks at, in the words of a row of the catalogue; its `{path}` is where the value is."""
    raise PydanticCustomError(REFUSED, "the real API refuses this: {row}", {"row": row, "fields": fields})


class _Pick(Discriminator):
    """A discriminator that can stand inside another union: typing hashes it, and its context is a dict."""

    __hash__ = object.__hash__


class OneOf:
    """Metadata for `Annotated[…, OneOf(…)]`: a union whose member is picked by a function of the raw value.

    `expected` words the message when the type is wrong, `supported` lists the values when the tag is unknown here,
    `universe` those of the larger union that a tag must belong to before its place matters.
    """

    def __init__(
        self,
        pick: Callable[[object], str | None],
        choices: Mapping[str, object],
        *,
        expected: str,
        supported: Sequence[str] = (),
        universe: Sequence[str] = (),
        error: str = "union",
    ) -> None:
        members: Any = tuple(Annotated[choice, Tag(f"{TAG}{tag}")] for tag, choice in choices.items())
        discriminator = _Pick(
            lambda value: None if (tag := pick(value)) is None else f"{TAG}{tag}",
            custom_error_type=error,
            custom_error_message="no member of the union fits",
            custom_error_context={
                "expected": expected,
                "supported": "|".join(supported),
                "universe": "|".join(universe),
            },
        )
        self._union = Annotated[Union[members], discriminator]  # noqa: UP007 - built from a tuple

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return handler.generate_schema(self._union)


class Lazy:
    """Metadata for `Annotated[…, Lazy(check, whole)]`: a large type whose validators are built when a value needs them.

    `check` validates a value; `whole` gives the whole type, for the JSON Schema.
    """

    def __init__(self, check: Callable[[object], object], whole: Callable[[], TypeAdapter[Any]]) -> None:
        self._check = check
        self._whole = whole

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self._check)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> "JsonSchemaValue":
        return handler(self._whole().core_schema)


def id_of(prefix: str) -> AfterValidator:
    """Metadata of an item's id: it begins with its type's prefix, and has 64 characters at most (ERRORS.md §4.2)."""

    def check(value: str) -> str:
        if len(value) > _LONGEST_ID:
            raise PydanticKnownError("string_too_long", {"max_length": _LONGEST_ID})
        if not value.startswith(prefix):
            raise PydanticCustomError("id_prefix", "wrong prefix", {"prefix": prefix})
        return value

    return AfterValidator(check)


def tagged(choices: Mapping[str, object], *, universe: Sequence[str] = ()) -> OneOf:
    """Objects told apart by the string under `type`."""

    def pick(value: object) -> str | None:
        tag = value.get("type") if isinstance(value, dict) else None
        return tag if isinstance(tag, str) else None

    return OneOf(pick, choices, expected="an object", supported=list(choices), universe=universe)


def by_kind(expected: str, **choices: object) -> OneOf:
    """Members told apart by the JSON type of the value: `text`, `items` (an array), `mapping`, `flag`, `number`."""

    def pick(value: object) -> str | None:
        kind = _KINDS.get(type(value))
        return kind if kind in choices else None

    return OneOf(pick, choices, expected=expected)


_KINDS: Mapping[type, str] = {str: "text", list: "items", dict: "mapping", bool: "flag", int: "number"}
