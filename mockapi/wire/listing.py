"""Items as lists show them: with an id, a status, the wire's key order, and only what `include` asks for (WIRE.md §3, §6)."""

from collections.abc import Collection, Mapping, Sequence

from mockapi.wire.json import JsonObject, dumps, ordered

__all__ = ["ITEM_PREFIXES", "RECORDED_PREFIXES", "gated", "list_body", "listed_item"]

ITEM_PREFIXES: Mapping[str, str] = {
    "additional_tools": "at",
    "agent_message": "amsg",
    "apply_patch_call": "apc",
    "apply_patch_call_output": "apco",
    "code_interpreter_call": "ci",
    "compaction": "cmp",
    "compaction_trigger": "cmpt",
    "computer_call": "cu",
    "computer_call_output": "cuo",
    "configuration_update": "cfg",
    "custom_tool_call": "ctc",
    "custom_tool_call_output": "ctco",
    "file_search_call": "fs",
    "function_call": "fc",
    "function_call_output": "fc",
    "image_generation_call": "ig",
    "local_shell_call": "lsh",
    "local_shell_call_output": "lsho",
    "mcp_approval_request": "mcpr",
    "mcp_approval_response": "mcpa",
    "mcp_call": "mcp",
    "mcp_list_tools": "mcpl",
    "message": "msg",
    "multi_agent_call": "mac",
    "multi_agent_call_output": "maco",
    "program": "cm",
    "program_output": "cmo",
    "reasoning": "rs",
    "shell_call": "sh",
    "shell_call_output": "sho",
    "tool_search_call": "tsc",
    "tool_search_output": "tso",
    "web_search_call": "ws",
}
"""Id prefix of every item type; those of client-made outputs other than `function_call_output` are not recorded."""

RECORDED_PREFIXES = frozenset(
    (
        "apply_patch_call", "code_interpreter_call", "compaction", "computer_call", "custom_tool_call", "file_search_call",
        "function_call", "function_call_output", "image_generation_call", "local_shell_call", "mcp_approval_request",
        "mcp_call", "mcp_list_tools", "message", "program", "program_output", "reasoning", "shell_call", "shell_call_output",
        "tool_search_call", "tool_search_output", "web_search_call",
    )
)  # fmt: skip
"""Types whose prefix is known, so that another one is refused (WIRE.md §3)."""

_WITHOUT_STATUS = frozenset(
    (
        "reasoning", "compaction", "compaction_trigger", "mcp_list_tools", "mcp_approval_request", "mcp_approval_response",
        "program", "additional_tools", "configuration_update", "item_reference",
    )
)  # fmt: skip

_GATED: Mapping[str, tuple[str, str]] = {
    "file_search_call": ("file_search_call.results", "results"),
    "code_interpreter_call": ("code_interpreter_call.outputs", "outputs"),
}


def listed_item(item: Mapping[str, object], item_id: str) -> JsonObject:
    """An item as stored and listed: finished, with its id."""
    given = item if None not in item.values() else {key: value for key, value in item.items() if value is not None}
    status = {} if item.get("type") in _WITHOUT_STATUS else {"status": "completed"}
    return ordered({**status, **given, "id": item_id})


def gated(item: Mapping[str, object], include: Collection[str]) -> JsonObject:
    """The item without what only `include` shows."""
    kind, shown = item.get("type"), dict(item)
    rule = _GATED.get(str(kind))
    if rule is not None and rule[0] not in include:
        shown[rule[1]] = None
    elif kind == "reasoning" and "reasoning.encrypted_content" not in include:
        shown.pop("encrypted_content", None)
    elif kind == "web_search_call" and "web_search_call.action.sources" not in include:
        shown["action"] = _without(shown.get("action"), "sources")
    elif kind == "message":
        shown["content"] = [_part(part, include) for part in _list(shown.get("content"))]
    elif kind == "computer_call_output" and "computer_call_output.output.image_url" not in include:
        shown["output"] = _without(shown.get("output"), "image_url")
    return shown


def _part(part: object, include: Collection[str]) -> object:
    if isinstance(part, Mapping):
        if part.get("type") == "input_image" and "message.input_image.image_url" not in include:
            return _without(part, "image_url")
        if part.get("type") == "output_text" and part.get("logprobs") and "message.output_text.logprobs" not in include:
            return {**part, "logprobs": []}
    return part


def _without(value: object, key: str) -> object:
    return {name: each for name, each in value.items() if name != key} if isinstance(value, Mapping) else value


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else []


def list_body(items: Sequence[Mapping[str, object]], *, has_more: bool) -> bytes:
    """A page of items; first and last are null in an empty one (not recorded)."""
    ids = [item["id"] for item in items] or [None]
    page = {"object": "list", "data": items, "first_id": ids[0], "has_more": has_more, "last_id": ids[-1]}
    return dumps(page)
