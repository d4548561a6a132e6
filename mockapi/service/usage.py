"""What responses cost: sums per project, day of the clock and model; and what they come to in dollars."""

from collections.abc import Iterator, Mapping, Sequence

from mockapi.wire.json import JsonObject
from mockapi.wire.models import snapshot_of

__all__ = ["amounts_of", "containers_of", "shown_sums", "split_key", "usage_key"]

_DAY_S = 86_400
_MEMORIES = ("1g", "4g", "16g", "64g")
"""What a container can have; anything else is counted as the smallest."""
_CALLS = frozenset(
    (
        "web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call", "mcp_call", "computer_call",
        "shell_call", "function_call", "custom_tool_call", "apply_patch_call", "local_shell_call", "tool_search_call",
    )
)  # fmt: skip


def usage_key(now: float, model: str) -> str:
    """What the names of sums begin with: the day of the clock, counted from 1970, and the model."""
    return f"{int(now // _DAY_S)}\n{snapshot_of(model)}\n"


def split_key(name: str) -> tuple[int, str, str]:
    """(day, model, what is summed) of a sum's name."""
    day, rest = name.split("\n", 1)
    model, what = rest.rsplit("\n", 1)
    return int(day), model, what


def amounts_of(usage: Mapping[str, object], items: Sequence[Mapping[str, object]]) -> dict[str, int]:
    """What one response adds: itself, its tokens, its tool calls by type."""
    details = usage.get("input_tokens_details")
    cached = details.get("cached_tokens", 0) if isinstance(details, dict) else 0
    amounts = {
        "responses": 1,
        "input_tokens": _count(usage.get("input_tokens")),
        "cached_tokens": _count(cached),
        "output_tokens": _count(usage.get("output_tokens")),
    }
    for item in items:
        kind = str(item["type"])
        if kind in _CALLS:
            amounts[f"calls.{kind}"] = amounts.get(f"calls.{kind}", 0) + 1
    return amounts


def shown_sums(*parts: Mapping[str, int]) -> JsonObject:
    """Sums as the admin API shows them, several together."""
    sums: dict[str, int] = {}
    for part in parts:
        for name, amount in part.items():
            sums[name] = sums.get(name, 0) + amount
    plain = {name: sums.get(name, 0) for name in ("responses", "input_tokens", "cached_tokens", "output_tokens")}
    return {
        **plain,
        "tool_calls": _below("calls.", sums),
        "code_interpreter_sessions": _below("code_interpreter_sessions.", sums),
    }


def _below(prefix: str, sums: Mapping[str, int]) -> dict[str, int]:
    return {name.removeprefix(prefix): amount for name, amount in sorted(sums.items()) if name.startswith(prefix)}


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0


def containers_of(items: Sequence[Mapping[str, object]], tools: Sequence[JsonObject]) -> Iterator[tuple[str, str]]:
    """(container id, its memory) of each code interpreter call: a session is one container in one hour of the clock."""
    calls = [item for item in items if item["type"] == "code_interpreter_call"]
    if not calls:
        return
    container = next((tool.get("container") for tool in tools if tool["type"] == "code_interpreter"), None)
    memory = container.get("memory_limit") if isinstance(container, Mapping) else None
    for call in calls:
        yield str(call.get("container_id")), memory if memory in _MEMORIES else _MEMORIES[0]
