"""Reply items as people write them: a one-key mapping whose key is the wire's item type, or a verbatim item with `type`.

One entry in `FORMS` an item type: its long form, and how it becomes a draft (an output item in wire fields, without the ids
and statuses that are filled in later). The entries stand with their families.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model

from mockapi.scenario.calls import CALLS
from mockapi.scenario.fields import STRICT, ItemForm, verbatim, without
from mockapi.scenario.hosted import HOSTED
from mockapi.scenario.machines import MACHINES
from mockapi.scenario.speech import SPEECH
from mockapi.wire.json import JsonObject
from mockapi.wire.typed import Lazy, OneOf, by_kind

__all__ = ["FORMS", "ITEM_TYPES", "ItemForm", "ReplyItem", "ShortItem", "draft_of", "long_item", "without_nulls"]

FORMS: Mapping[str, ItemForm] = {**SPEECH, **CALLS, **MACHINES, **HOSTED}
"""Every way to write an item."""

ITEM_TYPES = tuple(name for name, form in FORMS.items() if form.wire is not None)
"""The item types of the wire; an item with another `type` is sent as it is, without events of its own."""

_SCRIPT_KEYS = {"image_generation_call": "partial_images"}
"""Keys for the events that an item with its own `type:` may have beside the wire's."""


def _one_key(value: object) -> str | None:
    if not isinstance(value, dict):
        return None
    if "type" in value:
        kind = value["type"]
        return None if not isinstance(kind, str) else f"type:{kind}" if kind in ITEM_TYPES else "type:"
    return str(next(iter(value))) if len(value) == 1 else None


def _wrapped(name: str, form: ItemForm) -> Any:
    """A mapping with one key; a scalar is the short form where there is one."""
    inner = form.long
    if form.main and form.long is not object:
        long = by_kind("text, or a mapping with the long form", text=str, mapping=form.long)
        inner = Annotated[object, long]
    return create_model(f"{name}_item", __config__=STRICT, item=(inner, Field(alias=name)))


class _UnknownItem(BaseModel):
    model_config = ConfigDict(
        extra="allow",
        strict=True,
        frozen=True,
        json_schema_extra={"properties": {"type": {"type": "string", "not": {"enum": list(ITEM_TYPES)}}}},
    )

    type: str
    id: str | None = None


_KINDS = (*FORMS, *(f"type:{name}" for name in ITEM_TYPES), "type:")
"""What `_one_key` tells of items that may be written."""


@cache
def _member(kind: str) -> Any:
    """The model of a kind, made when the first such item is read: most files have items of few kinds."""
    if kind == "type:":
        return _UnknownItem
    written, _, name = kind.rpartition(":")
    form = FORMS[name]
    return verbatim(name, form.wire or {}) if written else _wrapped(name, form)


@cache
def _adapter(kind: str) -> TypeAdapter[Any]:
    return TypeAdapter(_member(kind))


@cache
def _any_item(kinds: Sequence[str] = _KINDS) -> TypeAdapter[Any]:
    members = {kind: _member(kind) for kind in kinds}
    union = OneOf(_one_key, members, expected="an item: a mapping with one key, its type", error="item")
    return TypeAdapter(Annotated[JsonObject, union])


def _checked(value: object) -> object:
    kind = _one_key(value)
    if kind in _KINDS:
        with suppress(ValidationError):
            return _adapter(kind).validate_python(value)
    return _any_item().validate_python(value)  # says what is wrong


ReplyItem = Annotated[JsonObject, Lazy(_checked, _any_item)]

ShortItem = Annotated[JsonObject, Lazy(_checked, lambda: _any_item(tuple(FORMS)))]
"""A reply item where one with its own `type:` is something else."""


def without_nulls(form: Mapping[str, object]) -> JsonObject:
    """A key that is there without a value was not given."""
    return {str(key): value for key, value in form.items() if value is not None}


def long_item(item: Mapping[str, object]) -> JsonObject:
    """An item as written, its short form spelt out: what a scalar stands for is settled before templates are rendered."""
    if "type" in item:
        return dict(item)
    ((name, value),) = item.items()
    form = FORMS[name]
    is_short = form.main is not None and (form.long is object or not isinstance(value, Mapping))
    if is_short:
        return {name: {form.main: value}}
    return {name: without_nulls(value) if isinstance(value, Mapping) else {}}


def draft_of(item: Mapping[str, object]) -> JsonObject:
    """The draft of an item in its long form, rendered."""
    if "type" in item:
        key = _SCRIPT_KEYS.get(str(item["type"]))
        if key is None or key not in item:
            return {"verbatim": dict(item)}
        script = {} if item[key] is None else {"script": {key: item[key]}}
        return {"verbatim": without(item, key), **script}
    ((name, form),) = item.items()
    if not isinstance(form, Mapping):
        raise TypeError(f"{name} is in its long form here")
    return FORMS[name].draft(form)
