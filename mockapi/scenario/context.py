"""The effective input, folded: what matching and chains need of it, whatever its length.

Folding goes on where the parent stopped, so that a turn costs the same at depth 1 and at depth 500.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace

from mockapi.wire.json import JsonObject, dumps, loads

__all__ = ["CLIENT_TYPES", "Call", "Context", "ToolOutput", "text_of"]

CLIENT_TYPES = frozenset(
    {
        "function_call_output",
        "custom_tool_call_output",
        "computer_call_output",
        "local_shell_call_output",
        "shell_call_output",
        "apply_patch_call_output",
        "mcp_approval_response",
        "tool_search_output",
        "additional_tools",
        "configuration_update",
        "compaction_trigger",
        "item_reference",
    }
)
"""Items a client makes; messages are told apart by role, every other item is made by the model."""

_OUTPUT_SUFFIX = "_output"


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a tool that the client runs."""

    type: str
    name: str


@dataclass(frozen=True, slots=True)
class ToolOutput:
    """The client's answer to a call, with the call's name."""

    name: str
    call_id: str
    output: str


@dataclass(frozen=True, slots=True)
class Context:
    """Where a conversation stands.

    `runs` counts runs of model-made items; `outputs` and `approvals` stand after the last of them; `has_user_after` tells
    that a user message follows the newest of those; `calls` are those without an output yet.
    """

    runs: int = 0
    is_in_run: bool = False
    user_text: str = ""
    has_user: bool = False
    has_user_after: bool = False
    system_text: str = ""
    outputs: tuple[ToolOutput, ...] = ()
    approvals: tuple[bool, ...] = ()
    calls: Mapping[str, Call] = None  # type: ignore[assignment]  # set to {} below
    tokens: int = 0

    def __post_init__(self) -> None:
        if self.calls is None:
            object.__setattr__(self, "calls", {})

    @property
    def turn(self) -> int:
        """1 + the number of runs of model-made items."""
        return self.runs + 1

    @property
    def brings_outputs(self) -> bool:
        """This turn brings tool outputs, and no user message after them."""
        return bool(self.outputs or self.approvals) and not self.has_user_after

    def with_items(self, items: Iterable[JsonObject], tokens: int = 0) -> "Context":
        """Further on by a request's own input items."""
        now = self
        for item in items:
            now = _STEPS.get(_kind(item), _model_made)(now, item)
        return replace(now, tokens=now.tokens + tokens) if tokens else now

    def with_output(self, calls: Mapping[str, tuple[str, str]], *, has_items: bool, tokens: int = 0) -> "Context":
        """Further on by a response's output: a run of the model, and the calls it opened."""
        if not has_items:
            return self
        opened = {**self.calls, **{call_id: Call(*call) for call_id, call in calls.items()}}
        return replace(_run(self), calls=opened, tokens=self.tokens + tokens)

    def to_bytes(self) -> bytes:
        """For the store."""
        return dumps(asdict(self))

    @staticmethod
    def from_bytes(data: bytes) -> "Context":
        """From the store."""
        value = loads(data)
        if not isinstance(value, dict):
            raise TypeError("a stored context is a JSON object")
        outputs = tuple(ToolOutput(**each) for each in value["outputs"])
        calls = {call_id: Call(**call) for call_id, call in value["calls"].items()}
        return Context(**{**value, "outputs": outputs, "approvals": tuple(value["approvals"]), "calls": calls})


def _kind(item: Mapping[str, object]) -> str:
    kind = str(item.get("type", "message"))
    if kind == "message":
        return str(item.get("role", "user"))
    if kind in CLIENT_TYPES and kind.endswith(_OUTPUT_SUFFIX):
        return "output"
    return kind if kind in CLIENT_TYPES or kind in ("function_call", "custom_tool_call") else "model"


def _run(context: Context) -> Context:
    if context.is_in_run:
        return context
    return replace(context, runs=context.runs + 1, is_in_run=True, outputs=(), approvals=(), has_user_after=False)


def _model_made(context: Context, item: JsonObject) -> Context:
    return _run(context)


def _called(context: Context, item: JsonObject) -> Context:
    calls = {**context.calls, str(item["call_id"]): Call(str(item["type"]), str(item.get("name", "")))}
    return replace(_run(context), calls=calls)


def _user(context: Context, item: JsonObject) -> Context:
    text = text_of(item.get("content"))
    return replace(context, is_in_run=False, user_text=text, has_user=True, has_user_after=True)


def _system(context: Context, item: JsonObject) -> Context:
    text = text_of(item.get("content"))
    return replace(context, is_in_run=False, system_text=f"{context.system_text}\n{text}".strip("\n"))


def _answered(context: Context, item: JsonObject) -> Context:
    call_id = str(item.get("call_id"))
    call = context.calls.get(call_id)
    name = call.name or call.type if call else str(item.get("name") or item["type"]).removesuffix(_OUTPUT_SUFFIX)
    output = ToolOutput(name, call_id, text_of(item.get("output")))
    still_open = {key: value for key, value in context.calls.items() if key != call_id}
    return replace(
        context, is_in_run=False, outputs=(*context.outputs, output), has_user_after=False, calls=still_open
    )


def _approved(context: Context, item: JsonObject) -> Context:
    approvals = (*context.approvals, item.get("approve") is True)
    return replace(context, is_in_run=False, approvals=approvals, has_user_after=False)


def _passed(context: Context, item: JsonObject) -> Context:
    return replace(context, is_in_run=False)


_STEPS = {
    "user": _user,
    "system": _system,
    "developer": _system,
    "assistant": _model_made,
    "function_call": _called,
    "custom_tool_call": _called,
    "output": _answered,
    "mcp_approval_response": _approved,
    "additional_tools": _passed,
    "configuration_update": _passed,
    "compaction_trigger": _passed,
    "item_reference": _passed,
}


def text_of(content: object) -> str:
    """The text in a message's content or a tool's output: a string, or its text parts joined by new lines."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        texts = [part.get("text", part.get("refusal")) for part in content if isinstance(part, Mapping)]
        return "\n".join(text for text in texts if isinstance(text, str))
    return "" if content is None else dumps(content).decode()
