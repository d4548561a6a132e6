"""Whether one `when` holds whenever another does: decided from what is written, and "no" wherever that is not certain."""

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, NamedTuple

from mockapi.scenario.model import OPERATIONS, ToolOutputForm, When
from mockapi.scenario.text import compile_text, regex_of
from mockapi.scenario.values import exact

__all__ = ["Wants", "covers", "wants_of"]

_GLOB = frozenset("*?[")


class Wants(NamedTuple):
    """A `when`, taken apart once: the operations it is about, and its keys that ask for something."""

    operations: frozenset[str]
    keys: Mapping[str, object]


def wants_of(when: When) -> Wants:
    """What a `when` asks for."""
    operations = frozenset(name for name in OPERATIONS if fnmatchcase(name, when.endpoint or OPERATIONS[0]))
    keys = {name: value for name in _KEYS if (value := getattr(when, name)) is not None}
    keys |= {name: _NORMAL[name](keys[name]) for name in _NORMAL.keys() & keys.keys()}
    if keys.get("model") == "*":
        del keys["model"]
    return Wants(operations, keys)


def covers(one: Wants, other: Wants) -> bool:
    """Whether every request that `other` holds for is one that `one` holds for too."""
    for name, wanted in one.keys.items():
        if name not in other.keys or not _COVERED.get(name, _is_same)(wanted, other.keys[name]):
            return False
    if "input" in one.keys and "tool_output" not in one.keys and "tool_output" in other.keys:
        return False  # on a turn that brings outputs `input` holds only beside `tool_output`
    return one.operations >= other.operations


def _is_same(one: object, other: object) -> bool:
    return exact(one) == exact(other)


def _model(one: object, other: object) -> bool:
    if one == other:
        return True
    return isinstance(other, str) and _GLOB.isdisjoint(other) and fnmatchcase(other, str(one))


def _tools(one: object, other: object) -> bool:
    return isinstance(one, list) and isinstance(other, list) and set(one) <= set(other)


def _mapping(one: object, other: object) -> bool:
    """Equality, or the keys of one are among those of the other, with what they want."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return all(key in other and _mapping(each, other[key]) for key, each in one.items())
    return _is_same(one, other)


def _reference(one: object, other: object) -> bool:
    return (one is True and isinstance(other, str)) or _is_same(one, other)


def _tool_output(one: object, other: object) -> bool:
    if not isinstance(one, Mapping) or not isinstance(other, Mapping):
        return False
    return all(key in other and (_text if key == "output" else _is_same)(each, other[key]) for key, each in one.items())


class _Matcher(NamedTuple):
    """A text matcher's word and what stands under it; what is contained is compared whatever its case."""

    kind: str
    value: Any


def _headers(one: object, other: object) -> bool:
    return isinstance(one, list) and isinstance(other, list) and all(any(map(partial(_header, each), other)) for each in one)


def _header(one: tuple[str, _Matcher], other: tuple[str, _Matcher]) -> bool:
    return one[0] == other[0] and _text(one[1], other[1])


def _body(one: object, other: object) -> bool:
    if not isinstance(one, Mapping) or not isinstance(other, Mapping):
        return False
    return all(pointer in other and _at_pointer(wanted, other[pointer]) for pointer, wanted in one.items())


def _at_pointer(one: object, other: object) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return _text(_matcher(one), _matcher(other))
    return _is_same(one, other)


def _matcher(written: object) -> _Matcher:
    if isinstance(written, Mapping):
        ((kind, value),) = written.items()
        if kind in ("any", "all"):
            return _Matcher(kind, [_matcher(each) for each in value])
        return _Matcher(kind, str(value).casefold() if kind == "contains" else written if kind == "not" else value)
    text = str(written)
    is_pattern = text.startswith("/") and regex_of(text) is not None
    return _Matcher("matches", text) if is_pattern else _Matcher("contains", text.casefold())


def _tool_output_wanted(written: object) -> object:
    form = written.model_dump(exclude_none=True) if isinstance(written, ToolOutputForm) else {"name": written}
    return {key: _matcher(each) if key == "output" else each for key, each in form.items()}


def _headers_wanted(written: object) -> object:
    """(name, matcher) of each: two names may be one."""
    return [(name.lower(), _matcher(each)) for name, each in written.items()] if isinstance(written, Mapping) else written


def _text(one: Any, other: Any) -> bool:
    """Whether every text that fits the second matcher fits the first."""
    kind, value = one
    other_kind, narrower = other
    if kind == other_kind == "contains":
        return value in narrower
    if one == other or (kind == "contains" and not value):
        return True
    if other_kind == "equals":
        return _fits(one, narrower)
    if other_kind == "any":
        return bool(narrower) and all(_text(one, each) for each in narrower)
    if other_kind == "all" and any(_text(one, each) for each in narrower):
        return True
    if kind in ("any", "all"):
        return (any if kind == "any" else all)(_text(each, other) for each in value)
    return False


def _fits(matcher: _Matcher, text: str) -> bool:
    kind, value = matcher
    if kind in ("any", "all"):
        return (any if kind == "any" else all)(_fits(each, text) for each in value)
    return compile_text(value if kind == "not" else {kind: value}).test(text).holds


_NORMAL: Mapping[str, Callable[[object], object]] = {
    "input": _matcher,
    "instructions": _matcher,
    "tool_output": _tool_output_wanted,
    "headers": _headers_wanted,
}
"""Keys whose values are brought into a form that is quick to compare."""

_COVERED: Mapping[str, Callable[[object, object], bool]] = {
    "model": _model,
    "input": _text,
    "tool_output": _tool_output,
    "instructions": _text,
    "tools": _tools,
    "tool_choice": _mapping,
    "conversation": _reference,
    "previous_response": _reference,
    "metadata": _mapping,
    "headers": _headers,
    "body": _body,
}
"""How each key of `when` is compared; the others must be equal."""

_KEYS = tuple(name for name in When.model_fields if name != "endpoint")
