"""What is counted for `usage`: the texts of requests and items, by the estimate or by o200k itself."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import import_module
from typing import Literal, Protocol

from mockapi.errors import UsageError
from mockapi.wire.json import JsonObject, dumps
from mockapi.wire.tokens import count_text

__all__ = ["FRAMING_TOKENS", "Counter", "Counting", "counter_of"]

Counting = Literal["estimate", "bpe"]

FRAMING_TOKENS = 7  # what a tiny prompt costs beyond its text (WIRE.md §10: "Tell me a joke." is 12)

_TEXT_KEYS = frozenset(
    ("text", "refusal", "arguments", "input", "output", "name", "code", "content", "summary", "tools", "parameters")
)


@dataclass(frozen=True, slots=True)
class Counter:
    """Counts tokens; the same value has the same count on every machine."""

    count_text: Callable[[str], int]

    def count(self, value: object) -> int:
        """Tokens of a request's part: every text in it; 0 for nothing."""
        if isinstance(value, str):
            return self.count_text(value) if value else 0
        if isinstance(value, dict):
            value = [each for key, each in value.items() if key in _TEXT_KEYS]
        return sum(map(self.count, value)) if isinstance(value, list) else 0

    def count_tools(self, tools: Sequence[JsonObject]) -> int:
        """Tokens of the tools on offer: their names, descriptions and schemas, as they are written."""
        if not tools:
            return 0
        text = dumps([{k: v for k, v in tool.items() if k != "type"} for tool in tools])
        return _tools_counted(self, text) if len(text) <= _MOST_KEPT else self.count_text(text.decode())

    def count_output(self, items: Iterable[Mapping[str, object]]) -> tuple[int, int]:
        """(output tokens, of which reasoning tokens) of finished items."""
        total = reasoning = 0
        for item in items:
            tokens = self.count(item) + (0 if item.get("type") == "message" else FRAMING_TOKENS)
            total += tokens
            reasoning += tokens if item.get("type") == "reasoning" else 0
        return total, reasoning


_MOST_KEPT = 131_072  # bytes: 128 tools are 100 kB at most as a rule


@lru_cache(maxsize=64)
def _tools_counted(counter: Counter, tools: bytes) -> int:
    """Kept, since every request of an agent offers the same tools."""
    return counter.count_text(tools.decode())


@cache
def counter_of(counting: Counting) -> Counter:
    """The counter of that name, made once; `UsageError` if it is not installed.

    `bpe` loads the vocabulary of o200k, once in a process: about 50 ms and 70 MB.
    """
    return Counter(_bpe() if counting == "bpe" else count_text)


class _Tokenizer(Protocol):
    def count(self, text: str) -> int: ...


def _bpe() -> Callable[[str], int]:
    try:
        module = import_module("rs_bpe.bpe")
    except ImportError:
        raise UsageError("--tokens bpe needs a package that is not installed; run: pip install 'mockapi[tokens]'") from None
    tokenizer: _Tokenizer = module.openai.o200k_base()

    def count(text: str) -> int:
        try:
            return tokenizer.count(text)
        except UnicodeEncodeError:  # half of a surrogate pair: no UTF-8 has it
            return tokenizer.count(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))

    return count
