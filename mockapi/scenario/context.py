"""The effective input, folded: what matching and chains need of it, whatever its length.

Folding goes on where the parent stopped, so that a turn costs the same at depth 1 and at depth 500.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from mockapi.wire.json import Encodable, JsonObject, dumps, encoded, loads

__all__ = [
    "APPROVAL",
    "AWAITING_TYPES",
    "CALL_TYPES",
    "CLIENT_TYPES",
    "NEW_CONTEXT",
    "Call",
    "Context",
    "ToolOutput",
    "answered_call",
    "awaits_output",
    "output_of",
    "text_of",
]

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

CALL_TYPES = ("function_call", "custom_tool_call")
"""Calls of tools that the client runs, by name."""

AWAITING_TYPES = frozenset(
    (*CALL_TYPES, "computer_call", "local_shell_call", "apply_patch_call", "shell_call", "tool_search_call")
)  # fmt: skip
"""Calls that a client answers with an output item, unless they are hosted (`awaits_output`)."""

APPROVAL = "mcp_approval_request"
"""What a client may answer: `calls` has those that are open, by their item's id."""

_MOST_SYSTEM_TEXT = 16_384  # characters of system messages that matching looks at: the newest of them

_OUTPUT_SUFFIX = "_output"
_ANSWERS = ("function_call_output", "custom_tool_call_output", "computer_call_output", "apply_patch_call_output")
"""Outputs that nobody but a client makes."""


class Call(NamedTuple):
    """A call of a tool that the client runs.

    An asynchronous one may be answered at any later turn, one that was cut in its middle need not be answered at all.
    """

    type: str
    name: str
    is_optional: bool = False


class ToolOutput(NamedTuple):
    """The client's answer to a call, with the call's name."""

    name: str
    call_id: str
    output: str


class Context(NamedTuple):
    """Where a conversation stands.

    `runs` counts runs of model-made items; `outputs` and `approvals` stand after the last of them; `has_user_after` tells
    that a user message follows the newest of those; `calls` are those without an output yet, `orphans` (type, call id) of
    outputs without a call; `thought` is the id of a reasoning item that nothing follows; `prefix` tells this past from any
    other, for the prompt cache; `tokens` is what it costs to read it.

    Two are made for every create: there by `tuple.__new__`, in half the time.
    """

    runs: int = 0
    is_in_run: bool = False
    user_text: str = ""
    has_user: bool = False
    has_user_after: bool = False
    system_text: str = ""
    outputs: tuple[ToolOutput, ...] = ()
    approvals: tuple[bool, ...] = ()
    orphans: tuple[tuple[str, str], ...] = ()
    thought: str = ""
    prefix: str = ""
    calls: Mapping[str, Call] = MappingProxyType({})
    tokens: int = 0

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
        fold = _Fold(self)
        for item in items:
            fold.take(item)
        return fold.context(tokens)

    def with_output(self, calls: Mapping[str, Call], *, has_items: bool, tokens: int = 0, prefix: str = "") -> "Context":
        """Further on by a response's output: a run of the model, and the calls it opened."""
        if not has_items:
            return self._replace(prefix=prefix)
        was = self.is_in_run  # else what stood before is no longer newest
        return tuple.__new__(Context, (
            self.runs if was else self.runs + 1, True, self.user_text, self.has_user, was and self.has_user_after,
            self.system_text, self.outputs if was else (), self.approvals if was else (), self.orphans, "", prefix,
            {**self.calls, **calls} if calls else self.calls, self.tokens + tokens,
        ))  # fmt: skip

    def with_user_text(self, text: str, tokens: int = 0) -> "Context":
        """Further on by one user message."""
        runs, _, _, _, _, system_text, outputs, approvals, orphans, thought, prefix, calls, before = self
        return tuple.__new__(Context, (
            runs, False, text, True, True, system_text, outputs, approvals, orphans, thought, prefix, calls, before + tokens,
        ))  # fmt: skip

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        return len(self.user_text) + len(self.system_text) + 200

    def to_bytes(self) -> bytes:
        """For the store."""
        return dumps([*self[:-2], dict(self.calls), self.tokens])

    @staticmethod
    def of(part: bytes | Encodable) -> "Context":
        """A stored context."""
        return part if isinstance(part, Context) else Context.from_bytes(encoded(part))

    @staticmethod
    def from_bytes(data: bytes) -> "Context":
        """From the store."""
        values = loads(data)
        if not isinstance(values, list):
            raise TypeError("a stored context is a JSON array")
        *plain, outputs, approvals, orphans, thought, prefix, calls, tokens = values
        named = {call_id: Call(*call) for call_id, call in calls.items()}
        told = tuple(ToolOutput(*each) for each in outputs)
        lost = tuple((kind, call_id) for kind, call_id in orphans)
        return Context._make([*plain, told, tuple(approvals), lost, thought, prefix, named, tokens])


NEW_CONTEXT = Context()
"""Where every conversation begins."""


class _Fold:
    """A context on its way past some items."""

    def __init__(self, start: Context) -> None:
        (
            self.runs, self.is_in_run, self.user_text, self.has_user, self.has_user_after, self.system_text,
            self.outputs, self.approvals, self.orphans, self.thought, self.prefix, calls, self.tokens,
        ) = start  # fmt: skip
        self.calls = dict(calls)

    def context(self, tokens: int) -> Context:
        return Context(
            self.runs, self.is_in_run, self.user_text, self.has_user, self.has_user_after, self.system_text,
            self.outputs, self.approvals, self.orphans, self.thought, self.prefix, self.calls, self.tokens + tokens,
        )  # fmt: skip

    def take(self, item: JsonObject) -> None:
        kind = str(item.get("type", "message"))
        if kind == "tool_search_output" and item.get("execution") == "server":
            self.run()
        elif kind == "message":
            self._message(item)
        elif kind == "mcp_approval_response":
            self.approvals = (*self.approvals, item.get("approve") is True)
            self.calls.pop(str(item.get("approval_request_id")), None)
            self.is_in_run = self.has_user_after = False
        elif kind in CLIENT_TYPES:
            self.is_in_run = False
            if kind.endswith(_OUTPUT_SUFFIX):
                self._answer(kind, item)
        else:
            self.run()
            if awaits_output(item):
                self._call(kind, item)
            elif kind == APPROVAL and isinstance(item.get("id"), str):
                self.calls[str(item["id"])] = Call(kind, str(item.get("name", "")), is_optional=True)
            self.thought = str(item.get("id") or "") if kind == "reasoning" else ""

    def run(self) -> None:
        """A model-made item: the first of a run begins it, and what stood before it is no longer newest."""
        if not self.is_in_run:
            self.runs += 1
            self.is_in_run, self.has_user_after, self.outputs, self.approvals = True, False, (), ()

    def _call(self, kind: str, item: JsonObject) -> None:
        call_id = str(item["call_id"])
        answer = (output_of(kind), call_id)
        if answer in self.orphans:  # its output stood before it
            self.orphans = tuple(each for each in self.orphans if each != answer)
            return
        is_optional = item.get("async") is True or item.get("status") == "incomplete"
        self.calls[call_id] = Call(kind, str(item.get("name", "")), is_optional)

    def _message(self, item: JsonObject) -> None:
        role, text = item.get("role"), text_of(item.get("content"))
        if role == "assistant":
            self.run()
            self.thought = ""
            return
        self.is_in_run = False
        if role == "user":
            self.user_text, self.has_user, self.has_user_after = text, True, True
        else:
            self.system_text = f"{self.system_text}\n{text}".strip("\n")[-_MOST_SYSTEM_TEXT:]

    def _answer(self, kind: str, item: JsonObject) -> None:
        call_id = answered_call(item)
        call = self.calls.pop(call_id, None)
        name = call.name or call.type if call else str(item.get("name") or kind.removesuffix(_OUTPUT_SUFFIX))
        self.outputs = (*self.outputs, ToolOutput(name, call_id, text_of(item.get("output"))))
        if call is None and kind in _ANSWERS and item.get("call_id") is not None:
            self.orphans = (*self.orphans, (kind, call_id))
        self.has_user_after = False


def output_of(call_type: str) -> str:
    """The type of the item that answers a call."""
    return "tool_search_output" if call_type == "tool_search_call" else f"{call_type}{_OUTPUT_SUFFIX}"


def awaits_output(item: Mapping[str, object]) -> bool:
    """Whether a client has to answer this call (WIRE.md §6 "function outputs")."""
    kind = item.get("type")
    if kind not in AWAITING_TYPES or not isinstance(item.get("call_id"), str):
        return False
    if kind == "tool_search_call":
        return item.get("execution") == "client"
    environment = item.get("environment")
    return not (isinstance(environment, Mapping) and environment.get("type") == "container_reference")


def answered_call(item: Mapping[str, object]) -> str:
    """The call that an output answers; a local shell's names it in `id` (SDK `LocalShellCallOutput`)."""
    return str(item.get("call_id", item.get("id")))


def text_of(content: object) -> str:
    """The text in a message's content or a tool's output: a string, or its text parts joined by new lines."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        texts = [part.get("text", part.get("refusal")) for part in content if isinstance(part, dict)]
        return "\n".join(text for text in texts if isinstance(text, str))
    return "" if content is None else dumps(content).decode()
