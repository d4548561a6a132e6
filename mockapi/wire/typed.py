"""Building blocks of request types: strict, unknown keys refused, unions that know their members by name.

Tags of unions are written `<tag>`, so that the error mapper can tell them from keys in a location.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, Union

from pydantic import ConfigDict, Discriminator, Tag, WithJsonSchema
from typing_extensions import TypedDict as TypedDict  # noqa: PLC0414 - pydantic needs this one before Python 3.12

__all__ = ["STRICT", "AnyObject", "Status", "TypedDict", "one_of", "tagged"]

STRICT = ConfigDict(extra="forbid", strict=True)

Status = Literal["in_progress", "completed", "incomplete"]

AnyObject = Annotated[dict[str, object], WithJsonSchema({"type": "object"})]


class _Pick(Discriminator):
    """A discriminator that can stand inside another union: typing hashes it, and its context is a dict."""

    __hash__ = object.__hash__


def one_of(
    pick: Callable[[Any], str | None],
    choices: Mapping[str, Any],
    expected: str,
    supported: Sequence[str] = (),
    universe: Sequence[str] = (),
    error: str = "union",
) -> Any:
    """A union whose member is picked by a function of the raw value.

    `expected` words the message when the type is wrong, `supported` lists the values when the tag is unknown here,
    `universe` those of the larger union that a tag must belong to before its place matters.
    """
    members = tuple(Annotated[choice, Tag(f"<{tag}>")] for tag, choice in choices.items())
    discriminator = _Pick(
        lambda value: None if (tag := pick(value)) is None else f"<{tag}>",
        custom_error_type=error,
        custom_error_message="no member of the union fits",
        custom_error_context={"expected": expected, "supported": "|".join(supported), "universe": "|".join(universe)},
    )
    return Annotated[Union[members], discriminator]  # noqa: UP007 - built from a tuple


def tagged(choices: Mapping[str, Any], expected: str = "an object", universe: Sequence[str] = ()) -> Any:
    """A union told apart by the string under `type`."""

    def pick(value: object) -> str | None:
        tag = value.get("type") if isinstance(value, Mapping) else None
        return tag if isinstance(tag, str) else None

    return one_of(pick, choices, expected, list(choices), universe)
