"""What the forms of reply items are made of: common fields, texts that may come from templates, verbatim items."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, WithJsonSchema, create_model

from mockapi.scenario.units import DURATION, parse_duration
from mockapi.wire.json import JsonObject, dumps
from mockapi.wire.typed import OneOf, by_kind

__all__ = [
    "OPEN",
    "STRICT",
    "Arguments",
    "CallForm",
    "Caller",
    "Common",
    "Duration",
    "Identified",
    "ItemForm",
    "LinkForm",
    "Payload",
    "Texts",
    "as_text",
    "by_type",
    "json_text",
    "link",
    "text_list",
    "verbatim",
    "without",
]

STRICT = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)
OPEN = ConfigDict(extra="allow", strict=True, frozen=True, defer_build=True)

Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    WithJsonSchema({"type": "string", "pattern": DURATION, "examples": ["250ms", "2s", "1h30m"]}),
]
"""As scenarios write it; in seconds."""


class Identified(BaseModel):
    """An item of a type without status; any item may give its id."""

    model_config = STRICT

    id: str | None = None


class Common(Identified):
    """An item of a type with the usual statuses."""

    status: Literal["in_progress", "completed", "incomplete"] | None = None


Texts = Annotated[object, by_kind("text or a list of texts", text=str, items=list[str])]
Arguments = Annotated[object, by_kind("a mapping, or text sent as it is", text=str, mapping=dict[str, object])]
Payload = Annotated[object, by_kind("text, a mapping or a list", text=str, mapping=dict[str, object], items=list[object])]


class CallerForm(BaseModel):
    """Who made a call; a program is the newest one of the reply unless its call id is given."""

    model_config = STRICT

    type: Literal["direct", "program"]
    caller_id: str | None = None


Caller = Annotated[object, by_kind("direct, program or a mapping", text=Literal["direct", "program"], mapping=CallerForm)]


class LinkForm(Identified):
    """What calls and their answers have in common."""

    call_id: str | None = None
    caller: Caller = None
    created_by: str | None = None


class CallForm(LinkForm):
    """A call, or its answer, of a type with the usual statuses."""

    status: Literal["in_progress", "completed", "incomplete"] | None = None


@dataclass(frozen=True, slots=True)
class ItemForm:
    """How one item type is written.

    `long` is its long form, `main` the field that a scalar stands for, `draft` makes the item in wire fields of it, without
    the ids and statuses that are filled in later. `wire` is what an item with its own `type:` must have for its events;
    None for a way of writing that is no item type of its own.
    """

    long: Any
    draft: Callable[[Mapping[str, object]], JsonObject]
    main: str | None = None
    wire: Mapping[str, Any] | None = field(default_factory=dict)


def by_type(expected: str, choices: Mapping[str, Any], default: str | None = None) -> OneOf:
    """Mappings told apart by the string under `type`, or by `default` where there is none."""

    def pick(value: object) -> str | None:
        tag = value.get("type", default) if isinstance(value, dict) else None
        return tag if isinstance(tag, str) else None

    return OneOf(pick, choices, expected=expected)


def verbatim(name: str, wire: Mapping[str, Any]) -> Any:
    """The model of an item with its own `type:`: what its type's events need; everything else in it is sent as it is."""
    fields: Any = {"type": (Literal[name], ...), "id": (str | None, None)}
    fields |= {key: kind if isinstance(kind, tuple) else (kind, ...) for key, kind in wire.items()}
    model: Any = create_model(f"Verbatim_{name}", __config__=OPEN, **fields)
    return model


def as_text(value: object) -> str:
    """A rendered value as text: an expression keeps its type, and a text field wants words."""
    return value if isinstance(value, str) else "" if value is None else dumps(value).decode()


def text_list(value: object) -> list[str]:
    """A text or a list of them as a list."""
    if value is None:
        return []
    return [as_text(each) for each in value] if isinstance(value, list) else [as_text(value)]


def json_text(value: object) -> str:
    """Arguments as the wire has them: text is sent as it is, a mapping as JSON."""
    return value if isinstance(value, str) else dumps({} if value is None else value).decode()


def link(kind: str, form: Mapping[str, object], **fields: object) -> JsonObject:
    """An item of the form's own wire fields, a caller spelt out, and these."""
    caller = form.get("caller")
    return {"type": kind, **form, **({"caller": {"type": caller}} if isinstance(caller, str) else {}), **fields}


def without(form: Mapping[str, object], *names: str) -> JsonObject:
    """A form without some of its keys."""
    return {key: value for key, value in form.items() if key not in names}
