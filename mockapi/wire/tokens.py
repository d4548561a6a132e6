"""A first, deterministic token count: words, digits by three, signs; close enough to make `usage` plausible."""

import re
from collections.abc import Iterable, Mapping

__all__ = ["FRAMING_TOKENS", "count_output", "count_text", "count_tokens", "split_tokens"]

FRAMING_TOKENS = 7  # what a tiny prompt costs beyond its text (WIRE.md §10: "Tell me a joke." is 12)

_TOKEN = re.compile(r"\s*(?:[^\W\d_]{1,10}|\d{1,3}|[^\w\s]|_+)|\s+")
_TEXT_KEYS = frozenset(
    ("text", "refusal", "arguments", "input", "output", "name", "code", "content", "summary", "tools", "parameters")
)


def split_tokens(text: str) -> list[str]:
    """The text in pieces about the size of tokens; joined, they are the text."""
    return _TOKEN.findall(text)


def count_text(text: str) -> int:
    """Tokens in a text; 0 for the empty one."""
    return len(_TOKEN.findall(text)) if text else 0


def count_tokens(value: object) -> int:
    """Tokens of a request's part: every text in it; 0 for nothing."""
    return _count(value) if value else 0


def count_output(items: Iterable[Mapping[str, object]]) -> tuple[int, int]:
    """(output tokens, of which reasoning tokens) of finished items."""
    total = reasoning = 0
    for item in items:
        tokens = _count(item) + (0 if item.get("type") == "message" else FRAMING_TOKENS)
        total += tokens
        reasoning += tokens if item.get("type") == "reasoning" else 0
    return total, reasoning


def _count(value: object) -> int:
    if isinstance(value, str):
        return count_text(value)
    total = 0
    if isinstance(value, dict):
        for key in _TEXT_KEYS & value.keys():
            total += _count(value[key])
    elif isinstance(value, list):
        for part in value:
            total += _count(part)
    return total
