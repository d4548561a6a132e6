"""Faults of what the model says: tool calls and structured outputs that are wrong in one way, exactly."""

from collections.abc import Callable, Mapping
from typing import Any

from mockapi.scenario.faults import Fault
from mockapi.wire.json import dumps, loads

__all__ = ["spoiled"]

_Mapping = dict[str, Any]


def spoiled(drafts: bytes, fault: Fault | None) -> bytes:
    """A JSON array of drafts; every tool call, or every JSON message, is spoiled if the fault says so."""
    if fault is None or not (fault.bad_tool_call or fault.bad_json):
        return drafts
    return dumps([_spoiled(draft, fault) for draft in _list(loads(drafts))])


def _spoiled(draft: _Mapping, fault: Fault) -> _Mapping:
    item = draft.get("verbatim", draft)
    if fault.bad_tool_call and item.get("type") in ("function_call", "mcp_call"):
        item = _bad_call(item, fault.bad_tool_call)
    elif fault.bad_tool_call == "unknown_tool" and item.get("type") == "custom_tool_call":
        item = {**item, "name": f"{item['name']}_unknown"}
    elif fault.bad_json and item.get("type") == "message":
        item = {**item, "content": [_bad_part(part, fault.bad_json) for part in _list(item.get("content"))]}
    return {**draft, "verbatim": item} if "verbatim" in draft else item


def _bad_call(item: _Mapping, how: str) -> _Mapping:
    if how == "unknown_tool":
        return {**item, "name": f"{item['name']}_unknown"}
    return {**item, "arguments": _bad_text(str(item.get("arguments", "")), _OF_CALLS[how])}


def _bad_part(part: _Mapping, how: str) -> _Mapping:
    text = part.get("text")
    if part.get("type") != "output_text" or not isinstance(text, str) or _parsed(text) is None:
        return part
    bad = _bad_text(text, how)
    return part if bad == text else {**part, "text": bad, "annotations": []}


def _bad_text(text: str, how: str) -> str:
    value = _parsed(text)
    if how == "invalid":
        return text[: max(1, len(text) // 2)] if isinstance(value, dict | list) else f"{{{text}"
    if not isinstance(value, dict) or not value:
        return text  # there is no key to spoil
    return dumps(_WAYS[how](value, next(iter(value)))).decode()


def _without(value: _Mapping, key: str) -> _Mapping:
    return {name: each for name, each in value.items() if name != key}


def _of_another_type(value: _Mapping, key: str) -> _Mapping:
    return {**value, key: 42 if isinstance(value[key], str) else "not what the schema asks for"}


_OF_CALLS = {"invalid_json": "invalid", "missing_argument": "missing_key", "wrong_type": "wrong_type"}
_WAYS: Mapping[str, Callable[[_Mapping, str], _Mapping]] = {"missing_key": _without, "wrong_type": _of_another_type}


def _parsed(text: str) -> object:
    """The JSON value of a text; None if it is not JSON."""
    try:
        return loads(text)
    except ValueError:
        return None


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
