"""What responses cost: sums per project, day of the clock and model; and what they come to in dollars."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from mockapi.engine.score import Score
from mockapi.stores.records import Amounts
from mockapi.wire.json import JsonObject
from mockapi.wire.models import snapshot_of
from mockapi.wire.objects import tokens_of

__all__ = ["amounts_of", "containers_of", "plain_amounts", "shown_sums", "split_key", "sum_names"]

_DAY_S = 86_400
_COUNTED = ("responses", "input_tokens", "cached_tokens", "output_tokens")
_MEMORIES = ("1g", "4g", "16g", "64g")
"""What a container can have; anything else is counted as the smallest."""
_CALLS = frozenset(
    (
        "web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call", "mcp_call", "computer_call",
        "shell_call", "function_call", "custom_tool_call", "apply_patch_call", "local_shell_call", "tool_search_call",
    )
)  # fmt: skip


class SumNames(NamedTuple):
    """The names of the sums of one day of the clock and one model."""

    responses: str
    input_tokens: str
    cached_tokens: str
    output_tokens: str
    place: str

    def calls(self, kind: str) -> str:
        """Of tool calls of a type."""
        return f"{self.place}calls.{kind}"

    def sessions(self, memory: str) -> str:
        """Of sessions of the code interpreter with so much memory."""
        return f"{self.place}code_interpreter_sessions.{memory}"


def sum_names(now: float, model: str) -> SumNames:
    """Names as the store has them: the day of the clock, counted from 1970, the model, what is summed."""
    return _sum_names(int(now // _DAY_S), model)


@lru_cache(maxsize=1024)
def _sum_names(day: int, model: str) -> SumNames:
    place = f"{day}\n{snapshot_of(model)}\n"
    return SumNames._make([*(f"{place}{what}" for what in _COUNTED), place])


def split_key(name: str) -> tuple[int, str, str]:
    """(day, model, what is summed) of a sum's name."""
    day, rest = name.split("\n", 1)
    model, what = rest.rsplit("\n", 1)
    return int(day), model, what


def plain_amounts(now: float, model: str, usage: Mapping[str, object], score: Score) -> Amounts | None:
    """What a response without tool calls adds: itself and its tokens; the same object for as many tokens. None with calls."""
    return _plain_amounts(int(now // _DAY_S), model, tokens_of(usage)) if _CALLS.isdisjoint(score.kinds) else None


@lru_cache(maxsize=1024)
def _plain_amounts(day: int, model: str, tokens: tuple[int, int, int]) -> Amounts:
    return Amounts(_plain_sums(_sum_names(day, model), tokens))


def _plain_sums(names: SumNames, tokens: tuple[int, int, int]) -> dict[str, int]:
    read, cached, written = tokens
    return {names.responses: 1, names.input_tokens: read, names.cached_tokens: cached, names.output_tokens: written}


def amounts_of(names: SumNames, usage: Mapping[str, object], score: Score) -> dict[str, int]:
    """What any response adds: itself, its tokens, its tool calls by type."""
    amounts = _plain_sums(names, tokens_of(usage))
    for item in score.finished.items:
        kind = str(item["type"])
        if kind in _CALLS:
            amounts[names.calls(kind)] = amounts.get(names.calls(kind), 0) + 1
    return amounts


def shown_sums(*parts: Mapping[str, int]) -> JsonObject:
    """Sums as the admin API shows them, several together."""
    sums: dict[str, int] = {}
    for part in parts:
        for name, amount in part.items():
            sums[name] = sums.get(name, 0) + amount
    plain = {name: sums.get(name, 0) for name in _COUNTED}
    return {
        **plain,
        "tool_calls": _below("calls.", sums),
        "code_interpreter_sessions": _below("code_interpreter_sessions.", sums),
    }


def _below(prefix: str, sums: Mapping[str, int]) -> dict[str, int]:
    return {name.removeprefix(prefix): amount for name, amount in sorted(sums.items()) if name.startswith(prefix)}


def containers_of(score: Score, tools: Sequence[JsonObject]) -> Iterator[tuple[str, str]]:
    """(container id, its memory) of each code interpreter call: a session is one container in one hour of the clock."""
    if "code_interpreter_call" not in score.kinds:
        return
    calls = [item for item in score.finished.items if item["type"] == "code_interpreter_call"]
    container = next((tool.get("container") for tool in tools if tool["type"] == "code_interpreter"), None)
    memory = container.get("memory_limit") if isinstance(container, Mapping) else None
    for call in calls:
        yield str(call.get("container_id")), memory if memory in _MEMORIES else _MEMORIES[0]
