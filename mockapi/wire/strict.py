"""The rules of strict schemas: what structured outputs and strict functions may use (WIRE.md §11, ERRORS.md §7).

Every object names all its properties as required and allows no others; a few keywords are not permitted. Told is the first thing
that is wrong, outside in. The words for keywords that are not permitted, and for the limits, are assumed.
"""

from collections.abc import Iterator, Mapping

from mockapi.errors import ApiError
from mockapi.wire.json import JsonObject

__all__ = ["check_strict"]

_FORBIDDEN = ("allOf", "oneOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "patternProperties")
_TYPED = ("$ref", "anyOf", "enum", "const")
_REQUIRED = "'required' is required to be supplied and to be an array including every key in properties."
_MOST_PROPERTIES = 5_000
_DEEPEST = 10

Path = tuple[str, ...]
Finding = tuple[Path, str]


def check_strict(text: Mapping[str, object] | None, tools: list[JsonObject]) -> None:
    """`ApiError` for the first schema that says `strict: true` and breaks the rules: `text.format`, then the functions."""
    form = (text or {}).get("format")
    for index, tool in enumerate(tools):
        if tool["type"] == "function" and tool.get("strict") is True:
            found = next(_findings(tool.get("parameters")), None)
            if found is not None:
                raise _refused(f"function '{tool['name']}'", found, f"tools[{index}].parameters", "invalid_function_parameters")
    if isinstance(form, Mapping) and form.get("type") == "json_schema" and form.get("strict") is True:
        found = next(_findings(form.get("schema")), None)
        if found is not None:
            raise _refused(f"response_format '{form['name']}'", found, "text.format.schema", "invalid_json_schema")


def _refused(what: str, finding: Finding, param: str, code: str) -> ApiError:
    path, reason = finding
    where = f"In context={path!r}, " if path or not reason.startswith("schema must be") else ""
    return ApiError(f"Invalid schema for {what}: {where}{reason}.", param=param, code=code)


def _findings(schema: object) -> Iterator[Finding]:
    kind = schema.get("type") if isinstance(schema, Mapping) else None
    if not isinstance(schema, Mapping) or kind != "object":
        yield (), f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{kind}\"'"
        return
    yield from _walk(schema, (), 0, [0])


def _walk(schema: object, path: Path, depth: int, properties: list[int]) -> Iterator[Finding]:
    if not isinstance(schema, Mapping):
        return
    for name in _FORBIDDEN:
        if name in schema:
            yield path, f"'{name}' is not permitted"
    if "type" not in schema and not any(name in schema for name in _TYPED):
        yield path, "schema must have a 'type' key"
    if schema.get("type") == "object":
        yield from _object(schema, path, depth, properties)
    yield from _walk(schema.get("items"), (*path, "items"), depth, properties)
    for index, each in enumerate(_list(schema.get("anyOf"))):
        yield from _walk(each, (*path, "anyOf", str(index)), depth, properties)
    for key in ("$defs", "definitions"):
        for name, each in _mapping(schema.get(key)).items():
            yield from _walk(each, (*path, key, name), 0, properties)


def _object(schema: Mapping[str, object], path: Path, depth: int, properties: list[int]) -> Iterator[Finding]:
    own, required = _mapping(schema.get("properties")), schema.get("required")
    properties[0] += len(own)
    if depth >= _DEEPEST:
        yield path, f"schemas may be nested {_DEEPEST} levels deep at most"
        return
    if properties[0] > _MOST_PROPERTIES:
        yield path, f"schemas may have {_MOST_PROPERTIES} properties in total at most"
        return
    if schema.get("additionalProperties") is not False:
        yield path, "'additionalProperties' is required to be supplied and to be false"
    names = required if isinstance(required, list) else []
    missing = next((name for name in own if name not in names), None)
    if missing is not None:
        yield path, f"{_REQUIRED} Missing '{missing}'"
    extra = next((name for name in names if name not in own), None)
    if extra is not None:
        yield path, f"{_REQUIRED} Extra required key '{extra}' supplied"
    for name, each in own.items():
        yield from _walk(each, (*path, "properties", name), depth + 1, properties)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
