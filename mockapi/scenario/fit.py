"""Where a value does not fit a JSON Schema, in words for the person who scripted it."""

from collections.abc import Iterator

from mockapi.scenario.bounds import Budget, NoValueError, SpentError
from mockapi.scenario.judge import Judge
from mockapi.scenario.pattern import Patterns
from mockapi.scenario.values import list_of, mapping_of, resolve
from mockapi.wire.json import dumps

__all__ = ["misfit"]

_LONGEST = 120


def misfit(value: object, schema: object) -> str:
    """What is wrong with a value under a schema, at its deepest place; "" if it fits, or if that cannot be told."""
    budget = Budget()
    judge = Judge(schema, Patterns(budget), budget)
    try:
        return _told(judge, value, schema, schema) if judge.fits(value, schema) is False else ""
    except (SpentError, RecursionError):
        return ""


def _told(judge: Judge, value: object, schema: object, root: object, path: str = "") -> str:
    """The first part that does not fit explains the whole."""
    for step, part, inner in _parts(value, schema, root):
        if judge.fits(part, inner) is False:
            return _told(judge, part, inner, root, path + step)
    keyword = judge.misfit(value, schema)
    wanted = f"{keyword}: {_short(schema[keyword])}" if isinstance(schema, dict) and keyword in schema else "nothing"
    return f"at '{path or '/'}' the schema wants {wanted}, got {_short(value)}"


def _parts(value: object, schema: object, root: object) -> Iterator[tuple[str, object, object]]:
    """(path, value, schema) of what a schema says of parts of the value, and of the value by reference."""
    if not isinstance(schema, dict):
        return
    if "$ref" in schema:
        try:
            yield "", value, resolve(root, schema["$ref"])
        except NoValueError:
            return
    members, known = mapping_of(value), mapping_of(schema.get("properties"))
    for key, part in known.items():
        if key in members:
            yield f"/{key}", members[key], part
    items = schema.get("items")
    for index, each in enumerate(list_of(value) if isinstance(items, dict) else []):
        yield f"/{index}", each, items


def _short(value: object) -> str:
    text = dumps(value).decode()
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
