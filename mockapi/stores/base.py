"""The store protocol: what is remembered, per project, and how it may change.

Every backend passes `tests/test_stores.py`. All calls name the project: two projects never see each other's anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

__all__ = ["ResponseRecord", "Store"]


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

    async def forget(self, project: str) -> None:
        """Forget everything of one project."""

    async def is_ready(self) -> bool:
        """Whether the store answers."""
