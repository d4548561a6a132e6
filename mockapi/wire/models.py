"""What is known of models: snapshots behind aliases, and defaults that bodies show (WIRE.md §2).

One row a family; the first row whose prefix fits a model's name describes it. An unknown name is taken as a current
reasoning model if it looks like one (`gpt-5…`, `gpt-6…`, `o1…`), else as a plain one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

__all__ = ["MAX_MODEL", "SNAPSHOTS", "Family", "family_of", "names_of", "snapshot_of"]

MAX_MODEL = 256
"""Characters of a model's name. The bound is ours: what is remembered of models has one, too."""

SNAPSHOTS = {
    "gpt-4.1": "gpt-4.1-2025-04-14",
    "gpt-4.1-mini": "gpt-4.1-mini-2025-04-14",
    "gpt-4.1-nano": "gpt-4.1-nano-2025-04-14",
    "gpt-4o": "gpt-4o-2024-08-06",
    "gpt-4o-mini": "gpt-4o-mini-2024-07-18",
    "gpt-5": "gpt-5-2025-08-07",
    "gpt-5-mini": "gpt-5-mini-2025-08-07",
    "gpt-5-nano": "gpt-5-nano-2025-08-07",
    "gpt-5-pro": "gpt-5-pro-2025-10-06",
    "gpt-5.1": "gpt-5.1-2025-11-13",
    "gpt-5.2": "gpt-5.2-2025-12-11",
    "gpt-5.2-pro": "gpt-5.2-pro-2025-12-11",
    "gpt-5.4": "gpt-5.4-2026-03-05",
    "gpt-5.4-mini": "gpt-5.4-mini-2026-03-17",
    "gpt-5.4-nano": "gpt-5.4-nano-2026-03-17",
    "gpt-5.5": "gpt-5.5-2026-04-23",
    "gpt-5.5-pro": "gpt-5.5-pro-2026-04-23",
    "gpt-5.6": "gpt-5.6-sol",
    "o1": "o1-2024-12-17",
    "o3": "o3-2025-04-16",
    "o3-mini": "o3-mini-2025-01-31",
    "o4-mini": "o4-mini-2025-04-16",
}


@dataclass(frozen=True, slots=True)
class Family:
    """Defaults and limits shared by models whose names begin with `prefix`; empty tuples mean that the limits are not known."""

    prefix: str
    is_reasoning: bool
    effort: str | None = None
    context: str = "current_turn"
    top_p: float = 1.0
    cache_retention: str = "in_memory"
    encrypts_always: bool = False
    efforts: tuple[str, ...] = ()
    verbosities: tuple[str, ...] = ()
    caches_24h_only: bool = False


_NEWEST_EFFORTS = ("none", "low", "medium", "high", "xhigh", "max")
_NEWEST: Mapping[str, Any] = {
    "context": "all_turns",
    "top_p": 0.98,
    "cache_retention": "24h",
    "encrypts_always": True,
    "efforts": _NEWEST_EFFORTS,
    "caches_24h_only": True,
}

_FAMILIES = (
    Family("gpt-6", True, "medium", **_NEWEST),
    Family("gpt-5.6", True, "medium", **_NEWEST),
    Family("gpt-5.5", True, "medium", "current_turn", 0.98, "24h"),
    Family("gpt-5.4", True, "none", "current_turn", 0.98, "24h"),
    Family("gpt-5.3", True, "medium", "current_turn", 0.98, "24h"),
    Family("gpt-5.2", True, "none", "current_turn", 0.98, "24h"),
    Family("gpt-5.1-codex", True, "medium", "current_turn", 0.98),
    Family("gpt-5.1", True, "none"),
    Family("gpt-5-chat", False),
    Family("gpt-5-pro", True, "high"),
    Family("gpt-5", True, "medium"),
    Family("o1", True, "medium"),
    Family("o3", True, "medium"),
    Family("o4", True, "medium"),
    Family("codex", True, "medium"),
    Family("computer-use", True, "medium"),
    Family("gpt-4.1-mini", False, verbosities=("medium",)),
    Family("gpt-4o-mini", False, verbosities=("medium",)),
    Family("", False),
)


def snapshot_of(model: str) -> str:
    """The name a body shows for a requested model: the dated snapshot where one is known, else the name itself."""
    return SNAPSHOTS.get(model, model)


def names_of(model: str) -> tuple[str, ...]:
    """Under which names a model is known: its own, and the aliases of a snapshot."""
    return _names_of(model) if len(model) <= MAX_MODEL else (model,)


@lru_cache(maxsize=1024)
def _names_of(model: str) -> tuple[str, ...]:
    return (model, *(alias for alias, snapshot in SNAPSHOTS.items() if snapshot == model))


@lru_cache(maxsize=1024)
def family_of(model: str) -> Family:
    """The row that describes a model; every name has one."""
    return next(family for family in _FAMILIES if model.startswith(family.prefix))
