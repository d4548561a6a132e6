"""Every item a request may bring as input (SDK `ResponseInputItemParam`; list of types: ERRORS.md §4.2)."""

from typing import Annotated, Any, Literal, Required

from pydantic import ConfigDict, StringConstraints, with_config

from mockapi.wire.content import (
    MAX_TEXT,
    AssistantPart,
    OutputPart,
    ReasoningText,
    SummaryText,
    Text,
    UserPart,
)
from mockapi.wire.json import JsonObject
from mockapi.wire.listing import ITEM_PREFIXES, RECORDED_PREFIXES
from mockapi.wire.tools import Tool
from mockapi.wire.typed import FIRST_ERROR, STRICT, AnyObject, OneOf, Status, TypedDict, by_kind, id_of

__all__ = ["ITEM_TYPES", "Input", "InputItem", "InputMessage", "OutputMessage"]

# Shapes that only hosted or beta tools make are checked for their keys, not in depth.
_LOOSE = ConfigDict(extra="allow", strict=True)

CallId = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Phase = Literal["commentary", "final_answer"]


_PARTS_OR_TEXT = "one of a string or array of objects"
UserContent = Annotated[str | list[JsonObject], by_kind(_PARTS_OR_TEXT, text=Text, items=Annotated[list[UserPart], FIRST_ERROR])]
AssistantContent = Annotated[
    str | list[JsonObject], by_kind(_PARTS_OR_TEXT, text=Text, items=Annotated[list[AssistantPart], FIRST_ERROR])
]
CallOutput = Annotated[str | list[JsonObject], by_kind(_PARTS_OR_TEXT, text=Text, items=Annotated[list[OutputPart], FIRST_ERROR])]


@with_config(STRICT)
class InputMessage(TypedDict, total=False):
    """A message of a user, system or developer."""

    type: Literal["message"] | None
    role: Required[Literal["user", "system", "developer"]]
    content: Required[UserContent]
    id: Annotated[str, id_of("msg")] | None
    status: Status | None


@with_config(STRICT)
class OutputMessage(TypedDict, total=False):
    """A message of the assistant: what `output` held, or a short `{role, content}`."""

    type: Literal["message"] | None
    role: Required[Literal["assistant"]]
    content: Required[AssistantContent]
    id: Annotated[str, id_of("msg")] | None
    status: Status | None
    phase: Phase | None


@with_config(STRICT)
class Caller(TypedDict, total=False):
    """Who made a call: the model directly, or a program."""

    type: Required[Literal["direct", "program"]]
    caller_id: str | None


FunctionCall = TypedDict(
    "FunctionCall",
    {
        "type": Required[Literal["function_call"]],
        "arguments": Required[Text],
        "call_id": Required[CallId],
        "name": Required[str],
        "id": Annotated[str, id_of("fc")] | None,
        "caller": Caller | None,
        "namespace": str | None,
        "status": Status | None,
        "async": bool | None,
    },
    total=False,
)
with_config(STRICT)(FunctionCall)


@with_config(STRICT)
class FunctionCallOutput(TypedDict, total=False):
    """The client's answer to a `function_call`."""

    type: Required[Literal["function_call_output"]]
    call_id: CallId | None
    output: Required[CallOutput]
    id: Annotated[str, id_of("fc")] | None
    caller: Caller | None
    name: str | None
    namespace: str | None
    status: Status | None


CustomToolCall = TypedDict(
    "CustomToolCall",
    {
        "type": Required[Literal["custom_tool_call"]],
        "call_id": Required[CallId],
        "input": Required[Text],
        "name": Required[str],
        "id": Annotated[str, id_of("ctc")] | None,
        "caller": Caller | None,
        "namespace": str | None,
        "status": Status | None,
        "async": bool | None,
    },
    total=False,
)
with_config(STRICT)(CustomToolCall)


@with_config(STRICT)
class CustomToolCallOutput(TypedDict, total=False):
    """The client's answer to a `custom_tool_call`."""

    type: Required[Literal["custom_tool_call_output"]]
    call_id: Required[CallId]
    output: Required[CallOutput]
    id: str | None
    caller: Caller | None
    status: Status | None


@with_config(STRICT)
class Reasoning(TypedDict, total=False):
    """A reasoning item; `status` is refused on it (ERRORS.md §4.2)."""

    type: Required[Literal["reasoning"]]
    summary: Required[list[SummaryText]]
    id: Annotated[str, id_of("rs")] | None
    content: list[ReasoningText] | None
    encrypted_content: str | None


@with_config(STRICT)
class Compaction(TypedDict, total=False):
    """What `/responses/compact` made of older items."""

    type: Required[Literal["compaction"]]
    encrypted_content: Required[Annotated[str, StringConstraints(max_length=2 * MAX_TEXT)]]
    id: Annotated[str, id_of("cmp")] | None


@with_config(STRICT)
class CompactionTrigger(TypedDict, total=False):
    """Asks for compaction now."""

    type: Required[Literal["compaction_trigger"]]
    id: str | None


@with_config(STRICT)
class ItemReference(TypedDict, total=False):
    """Names a stored item instead of repeating it; `type` may be omitted."""

    type: Literal["item_reference"] | None
    id: Required[str]


@with_config(STRICT)
class McpApprovalResponse(TypedDict, total=False):
    """The client's answer to an `mcp_approval_request`."""

    type: Required[Literal["mcp_approval_response"]]
    approval_request_id: Required[str]
    approve: Required[bool]
    id: str | None
    reason: str | None


@with_config(STRICT)
class AdditionalTools(TypedDict, total=False):
    """Tools added in the middle of a conversation."""

    type: Required[Literal["additional_tools"]]
    role: Required[Literal["developer"]]
    tools: Required[list[Tool]]
    id: str | None


@with_config(STRICT)
class ConfigurationUpdate(TypedDict, total=False):
    """Settings changed in the middle of a conversation."""

    type: Required[Literal["configuration_update"]]
    id: str | None
    reasoning: AnyObject | None
    text: AnyObject | None


def _shape(name: str, required: str) -> Any:
    """A hosted tool's item: its type, the keys it must have, and whatever else came with it."""
    make: Any = TypedDict  # called with fields made at run time, which no type checker can follow
    own_id: Any = Annotated[str, id_of(ITEM_PREFIXES[name])] if name in RECORDED_PREFIXES else str
    fields: dict[str, Any] = {"type": Required[Literal[name]], "id": own_id | None}
    fields |= {key: Required[object] for key in required.split()}
    return with_config(_LOOSE)(make(name, fields, total=False))


_ITEMS: dict[str, Any] = {
    "additional_tools": AdditionalTools,
    "agent_message": _shape("agent_message", ""),
    "apply_patch_call": _shape("apply_patch_call", "call_id operation status"),
    "apply_patch_call_output": _shape("apply_patch_call_output", "call_id status"),
    "code_interpreter_call": _shape("code_interpreter_call", "code container_id"),
    "compaction": Compaction,
    "compaction_trigger": CompactionTrigger,
    "computer_call": _shape("computer_call", "call_id"),
    "computer_call_output": _shape("computer_call_output", "call_id output"),
    "custom_tool_call": CustomToolCall,
    "custom_tool_call_output": CustomToolCallOutput,
    "file_search_call": _shape("file_search_call", "queries"),
    "function_call": FunctionCall,
    "function_call_output": FunctionCallOutput,
    "image_generation_call": _shape("image_generation_call", "result"),
    "item_reference": ItemReference,
    "local_shell_call": _shape("local_shell_call", "action call_id"),
    "local_shell_call_output": _shape("local_shell_call_output", "output"),
    "mcp_approval_request": _shape("mcp_approval_request", "arguments name server_label"),
    "mcp_approval_response": McpApprovalResponse,
    "mcp_call": _shape("mcp_call", "arguments name server_label"),
    "mcp_list_tools": _shape("mcp_list_tools", "server_label tools"),
    "message": None,  # told apart by role
    "multi_agent_call": _shape("multi_agent_call", ""),
    "multi_agent_call_output": _shape("multi_agent_call_output", ""),
    "program": _shape("program", "call_id code fingerprint"),
    "program_output": _shape("program_output", "call_id result"),
    "reasoning": Reasoning,
    "shell_call": _shape("shell_call", "action call_id"),
    "shell_call_output": _shape("shell_call_output", "call_id output"),
    "tool_search_call": _shape("tool_search_call", "arguments"),
    "tool_search_output": _shape("tool_search_output", "tools"),
    "web_search_call": _shape("web_search_call", ""),
}
ITEM_TYPES = tuple(_ITEMS)
"""The 33 types that the real API's own error message lists, in its order."""

_ROLES = ("assistant", "system", "developer", "user")
_MESSAGES = {"assistant": OutputMessage, "system": InputMessage, "developer": InputMessage, "user": InputMessage}
_CHOICES = {name: item for name, item in _ITEMS.items() if item} | _MESSAGES
_CHOICES |= {"configuration_update": ConfigurationUpdate}  # newer than the measured list (SDK 3.52)


def _pick_item(value: object) -> str | None:
    """The member of the union a raw item belongs to: by type, or by role where it is a message."""
    if not isinstance(value, dict):
        return None
    kind = value.get("type")
    if kind is None and "role" not in value and "id" in value:
        kind = "item_reference"
    if kind in (None, "message"):
        role = value.get("role")
        return role if isinstance(role, str) and role in _ROLES else None
    return kind if isinstance(kind, str) and kind not in _ROLES else None


InputItem = Annotated[JsonObject, OneOf(_pick_item, _CHOICES, expected="an input item", supported=_ROLES, universe=ITEM_TYPES)]
Input = Annotated[
    str | list[JsonObject],
    by_kind("one of a string or array of input items", text=Text, items=Annotated[list[InputItem], FIRST_ERROR]),
]
