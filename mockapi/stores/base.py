"""The store protocol: what is remembered, per project, and how it may change.

Every backend passes `tests/test_stores.py`. All calls name the project: two projects never see each other's anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

__all__ = ["ALL_PROJECTS", "Entry", "ResponseRecord", "Store"]


@dataclass(frozen=True, slots=True)
class ResponseRecord:
    """One response: its plan and progress as bytes, and what a chain needs at its end, so that depth costs nothing.

    `version` counts the changes of `progress`; `input_items` are this request's own, as JSON.
    """

    id: str
    plan: bytes
    progress: bytes
    context: bytes
    input_items: bytes
    parent_id: str | None = None
    version: int = 0


class Entry(NamedTuple):
    """One call in the journal. `plan` is that of the response it made, for its events; times in seconds, `took_ms` in ms."""

    id: str
    at: float
    took_ms: float
    operation: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    request: bytes
    status: int | None
    response: bytes
    plan: bytes = b""
    scenario: str = ""
    step: str = ""
    is_stream: bool = False
    is_unmatched: bool = False
    note: str = ""

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        return len(self.request) + len(self.response) + len(self.plan) + 1_000


ALL_PROJECTS = "*"
"""Everybody: uploads for all, moves of every clock, the journals together."""


class Store(Protocol):
    """Bounded memory of responses, counters and script progress."""

    async def take_ordinal(self, project: str, key: bytes) -> int:
        """How often `key` was taken before in this project, counting this call from then on. Atomic."""

    async def add_response(self, project: str, record: ResponseRecord) -> bool:
        """Remember a new response; False, and nothing changed, if its id is taken."""

    async def get_response(self, project: str, response_id: str) -> ResponseRecord | None:
        """The record, or None if there is none (any more)."""

    async def set_progress(self, project: str, response_id: str, progress: bytes, version: int) -> bool:
        """Change the progress if the record still has `version`; False if it has moved on or is gone."""

    async def step_uses(self, project: str, scenario: str) -> Mapping[int, int]:
        """How often each step (by its index) of a scenario was used."""

    async def use_step(self, project: str, scenario: str, step: int, most: int | None) -> bool:
        """Count one use of a step unless it was used `most` times already; False then. Atomic."""

    async def put_scenario(self, project: str, name: str, text: str) -> None:
        """Keep an uploaded scenario, instead of one of that name."""

    async def drop_scenario(self, project: str, name: str) -> bool:
        """Forget an uploaded scenario and how often its steps were used; False, and nothing changed, if there is none."""

    async def get_scenarios(self, project: str) -> Mapping[str, str]:
        """Uploaded scenarios by name."""

    async def forget_uses(self, scenario: str) -> None:
        """Forget how often a scenario's steps were used, in every project that has no upload of that name."""

    async def move_clock(self, project: str, seconds: float) -> None:
        """Move a project's clock forward."""

    async def get_offset(self, project: str) -> float:
        """How far a project's clock was moved, in seconds; moves of everybody's clock (`*`) included."""

    async def add_entry(self, project: str, entry: Entry) -> None:
        """Write a call into the project's journal; the oldest is forgotten when it is full."""

    async def get_entries(self, project: str) -> Sequence[Entry]:
        """The project's journal, oldest first; of `*` everybody's."""

    async def clear_entries(self, project: str) -> None:
        """Forget the project's journal; of `*` everybody's."""

    async def forget(self, project: str) -> None:
        """Forget everything of one project: responses, counters, script progress, clock, uploads, journal."""

    async def forget_all(self) -> None:
        """Forget everything of every project."""

    async def is_ready(self) -> bool:
        """Whether the store answers."""
