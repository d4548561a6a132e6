"""Is the effective input a history that a model can go on from? The errors users report most (ERRORS.md §6).

Calls and outputs are compared as sets over the effective input: an output may stand before its call. An output for a call that
an earlier turn has answered already counts as one without a call (not recorded).
"""

from collections.abc import Mapping, Sequence

from mockapi.errors import ApiError
from mockapi.scenario.context import APPROVAL, NEW_CONTEXT, Context, answered_call, awaits_output, output_of
from mockapi.wire.catalogue import told
from mockapi.wire.json import JsonObject

__all__ = ["check_history"]

_OUTPUT = "_output"


def check_history(items: Sequence[JsonObject], past: Context, reasoning_of: Mapping[str, str]) -> None:
    """`ApiError` for the first thing that does not fit: `items` are the request's own, `past` what stands before them.

    `reasoning_of` tells for stored items which reasoning item their response made right before them.
    """
    _check_duplicates(items)
    _check_calls(items, past)
    _check_approvals(items, past)
    _check_followers(items, past)
    _check_reasoning(items, reasoning_of)


def _check_duplicates(items: Sequence[JsonObject]) -> None:
    seen: set[str] = set()
    for item in items:
        item_id = item.get("id")
        if isinstance(item_id, str) and item.get("type") != "local_shell_call_output":
            if item_id in seen:
                raise duplicate(item_id)
            seen.add(item_id)


def duplicate(item_id: str) -> ApiError:
    """An item that is there twice."""
    return told("duplicate_item", id=item_id)


def _check_calls(items: Sequence[JsonObject], past: Context) -> None:
    for kind, call_id in past.orphans:
        raise _no_call(kind, call_id)
    calls = NEW_CONTEXT._replace(calls=past.calls).with_items(item for item in items if awaits_output(item)).calls
    hosted = {str(item["call_id"]) for item in items if not is_output(item) and isinstance(item.get("call_id"), str)}
    answered: set[str] = set()
    for item in items:
        if is_output(item):
            call_id = answered_call(item)
            call = calls.get(call_id)
            is_known = output_of(call.type) == item["type"] if call else call_id in hosted
            if not is_known and item.get("call_id") is not None:
                raise _no_call(str(item["type"]), call_id)
            answered.add(call_id)
    for call_id, call in calls.items():
        if call_id not in answered and not call.is_optional:
            raise told("no_tool_output", kind=call.type.replace("_", " "), call_id=call_id)


def _check_approvals(items: Sequence[JsonObject], past: Context) -> None:
    """An approval is asked for once, and answered once (that it is refused otherwise, and the words, are assumed)."""
    asked = {name for name, call in past.calls.items() if call.type == APPROVAL}
    asked |= {str(item.get("id")) for item in items if item.get("type") == APPROVAL}
    for item in items:
        if item.get("type") == "mcp_approval_response":
            request_id = str(item.get("approval_request_id"))
            if request_id not in asked:
                raise told("no_approval_request", id=request_id)
            asked.remove(request_id)


def _no_call(kind: str, call_id: str) -> ApiError:
    return told("no_tool_call", kind=kind.replace("_", " "), call_id=call_id)


def is_output(item: Mapping[str, object]) -> bool:
    """Whether an item is the output of a call."""
    kind = str(item.get("type"))
    return kind.endswith(_OUTPUT) and kind not in ("program_output", "multi_agent_call_output") and not _is_hosted(item)


def _is_hosted(item: Mapping[str, object]) -> bool:
    """Outputs that the model's side made, which a client only replays."""
    return item.get("type") == "tool_search_output" and (item.get("execution") == "server" or item.get("call_id") is None)


def _check_followers(items: Sequence[JsonObject], past: Context) -> None:
    """A reasoning item is followed by what it led to; several may stand in a row."""
    first = next((item for item in items if item.get("type") != "reasoning"), None)
    if past.thought and (first is None or not _is_models(first)):
        raise _unfollowed(past.thought)
    for number, item in enumerate(items):
        if item.get("type") != "reasoning" or not isinstance(item.get("id"), str):
            continue
        after = next((each for each in items[number + 1 :] if each.get("type") != "reasoning"), None)
        if after is None or not _is_models(after):
            raise _unfollowed(str(item["id"]))


def _unfollowed(item_id: str) -> ApiError:
    return told("reasoning_without_follower", id=item_id)


def _is_models(item: Mapping[str, object]) -> bool:
    if item.get("type") == "message":
        return item.get("role") == "assistant"
    return item.get("type") != "mcp_approval_response" and not is_output(item)


def _check_reasoning(items: Sequence[JsonObject], reasoning_of: Mapping[str, str]) -> None:
    there = {item.get("id") for item in items}
    for item in items:
        needed = reasoning_of.get(str(item.get("id")))
        if needed is not None and needed not in there:
            raise told("item_without_reasoning", id=item["id"], kind=item["type"], needed=needed)
