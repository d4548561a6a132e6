"""The rules of strict schemas: what structured outputs and strict functions may use (WIRE.md §11, ERRORS.md §7).

Every object names all its properties as required and allows no others; a few keywords are not permitted. Told is the first thing
that is wrong, outside in.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from mockapi.errors import ApiError
from mockapi.wire.catalogue import told
from mockapi.wire.json import JsonObject

__all__ = ["check_strict"]

_FORBIDDEN = ("allOf", "oneOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "patternProperties")
_TYPED = ("$ref", "anyOf", "enum", "const")
_MOST_PROPERTIES = 5_000
_DEEPEST = 10
_MOST_VALUES = 1_000
_LARGE_ENUM = 250
_MOST_ENUM_TEXT = 15_000
_MOST_TEXT = 120_000

Path = tuple[str, ...]
_UNICODE_CLASS = re.compile(r"(?<!\\)(?:\\\\)*\\[pP]\{")


class Finding(NamedTuple):
    """What is wrong: where, the reason as the catalogue names it, and what fills its words."""

    path: Path
    reason: str
    fields: Mapping[str, object] = {}


def check_strict(text: Mapping[str, object] | None, tools: list[JsonObject]) -> None:
    """`ApiError` for the first schema that says `strict: true` and breaks the rules: `text.format`, then the functions."""
    form = (text or {}).get("format")
    for place, tool in _functions(tools):
        if tool.get("strict") is True:
            found = next(_findings(tool.get("parameters")), None)
            if found is not None:
                raise _refused("function_schema", str(tool["name"]), found, "tools", place)
    if isinstance(form, Mapping) and form.get("type") == "json_schema" and form.get("strict") is True:
        found = next(_findings(form.get("schema")), None)
        if found is not None:
            raise _refused("response_schema", str(form["name"]), found, "text.format.schema")


def _functions(tools: object, before: str = "tools") -> Iterator[tuple[str, JsonObject]]:
    """(where it stands, the function) of those on offer, in namespaces too."""
    for index, tool in enumerate(_list(tools)):
        if isinstance(tool, dict) and tool["type"] == "function":
            yield f"{before}[{index}]", tool
        elif isinstance(tool, dict) and tool["type"] == "namespace":
            yield from _functions(tool["tools"], f"{before}[{index}].tools")


def _refused(family: str, name: str, finding: Finding, param: str, place: str = "") -> ApiError:
    path, reason, fields = finding
    if reason == "unicode_class":
        return told("schema_unicode_class", path=param, place="".join(("$", *(f".{each}" for each in path), ".pattern")))
    return told(f"{family}_{reason}", name=name, context=repr(path), place=place, **fields)


def _findings(schema: object) -> Iterator[Finding]:
    kind = schema.get("type") if isinstance(schema, Mapping) else None
    if not isinstance(schema, Mapping) or kind != "object":
        yield Finding((), "not_an_object", {"kind": kind})
        return
    if "anyOf" in schema:
        yield Finding((), "keyword", {"key": "anyOf"})
    yield from _walk(schema, (), 0, _Counts())


@dataclass(slots=True)
class _Counts:
    """What a whole schema has so far: properties, values of enums, characters of names and values."""

    properties: int = 0
    values: int = 0
    characters: int = 0


def _walk(schema: object, path: Path, depth: int, counts: _Counts) -> Iterator[Finding]:
    if not isinstance(schema, Mapping):
        return
    yield from _values(schema, path, counts)
    for name in _FORBIDDEN:
        if name in schema:
            yield Finding(path, "keyword", {"key": name})
    if "type" not in schema and not any(name in schema for name in _TYPED):
        yield Finding(path, "no_type")
    if isinstance(pattern := schema.get("pattern"), str) and _UNICODE_CLASS.search(pattern):
        yield Finding(path, "unicode_class")
    kind = schema.get("type")
    if kind == "object" or (isinstance(kind, list) and "object" in kind):
        yield from _object(schema, path, depth, counts)
    yield from _walk(schema.get("items"), (*path, "items"), depth, counts)
    for index, each in enumerate(_list(schema.get("anyOf"))):
        yield from _walk(each, (*path, "anyOf", str(index)), depth, counts)
    for key in ("$defs", "definitions"):
        for name, each in _mapping(schema.get(key)).items():
            counts.characters += len(name)
            yield from _walk(each, (*path, key, name), 0, counts)


def _values(schema: Mapping[str, object], path: Path, counts: _Counts) -> Iterator[Finding]:
    """The limits of enums and of all names and values together (WIRE.md §11)."""
    values = _list(schema.get("enum"))
    size = sum(len(value) for value in values if isinstance(value, str))
    const = schema.get("const")
    counts.values += len(values)
    counts.characters += size + (len(const) if isinstance(const, str) else 0)
    if len(values) > _LARGE_ENUM and size > _MOST_ENUM_TEXT:
        yield Finding(path, "enum_too_long", {"most": _MOST_ENUM_TEXT, "values": _LARGE_ENUM})
    if counts.values > _MOST_VALUES:
        yield Finding(path, "too_many_values", {"most": _MOST_VALUES})
    if counts.characters > _MOST_TEXT:
        yield Finding(path, "too_much_text", {"most": _MOST_TEXT})


def _object(schema: Mapping[str, object], path: Path, depth: int, counts: _Counts) -> Iterator[Finding]:
    own, required = _mapping(schema.get("properties")), schema.get("required")
    counts.properties += len(own)
    counts.characters += sum(map(len, own))
    if depth >= _DEEPEST:
        yield Finding(path, "too_deep", {"most": _DEEPEST})
        return
    if counts.properties > _MOST_PROPERTIES:
        yield Finding(path, "too_large", {"most": _MOST_PROPERTIES})
        return
    if schema.get("additionalProperties") is not False:
        yield Finding(path, "additional_properties")
    names = required if isinstance(required, list) else []
    missing = next((name for name in own if name not in names), None)
    if missing is not None:
        yield Finding(path, "required", {"key": missing})
    extra = next((name for name in names if name not in own), None)
    if extra is not None:
        yield Finding(path, "extra_required", {"key": extra})
    for name, each in own.items():
        yield from _walk(each, (*path, "properties", name), depth + 1, counts)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
