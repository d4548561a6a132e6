"""What is there now: stored responses, conversations and items as a client may see them at this moment.

Conversations whose response has ended are brought up to date here, by whoever looks at them next (DESIGN.md "Consequences").
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import NamedTuple

from pydantic import TypeAdapter

from mockapi.engine.plan import Plan, Progress
from mockapi.engine.score import including
from mockapi.engine.timeline import KEPT_S, Timeline, is_visible, run_status_at, state_at, status_at
from mockapi.errors import damaged
from mockapi.scenario.context import Context
from mockapi.service.compacted import folded
from mockapi.service.core import Core
from mockapi.stores.records import ConversationRecord, Owner, ResponseRecord, Turn
from mockapi.wire.json import Encodable, JsonObject, dumps, encoded, loads

__all__ = ["DELIVERED", "HUNG_UP", "KEPT", "PENDING", "Records", "Seen", "context_after", "item_of", "items_of", "progress_of"]

DELIVERED = dumps(Progress(is_delivered=True))
HUNG_UP = dumps(Progress(cut="hung_up"))
PENDING = dumps(Progress())

_STALE_S = 600.0
"""How long after its end was due a turn that nobody ended still holds its conversation: its server is gone."""

KEPT = ("completed", "incomplete")
"""Responses that end so are appended to their conversation (what the real API does with others is not known)."""


class Seen(NamedTuple):
    """A stored response that a client may see now."""

    record: ResponseRecord
    plan: Plan

    @property
    def context(self) -> Context:
        """Where the conversation stands at its end."""
        return Context.of(self.record.context)


class Records:
    """Reads of one server's state."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._store = core.store

    async def response(self, project: str, response_id: str) -> Seen | None:
        """A response that can be seen: delivered, or a background run."""
        record = await self._store.get_response(project, response_id)
        if record is None:
            return None
        plan, progress, now = Plan.of(record.plan), progress_of(record), await self._core.now(project)
        return Seen(record, plan) if is_visible(plan, progress, now) else None

    async def body(self, project: str, seen: Seen, include: Sequence[str] = ()) -> bytes:
        """Its body now, with what `include` adds to what its create asked for."""
        plan = self.shown(seen.plan, include)
        return state_at(plan, progress_of(seen.record), await self._core.now(project)) or b"null"

    def shown(self, plan: Plan, include: Sequence[str]) -> Plan:
        """A plan, with what a GET includes beside what its create asked for."""
        return plan._replace(key=including(plan.key, include, self._core.seal)) if include else plan

    async def status(self, project: str, seen: Seen) -> str | None:
        """Its status now."""
        return status_at(seen.plan, progress_of(seen.record), await self._core.now(project))

    async def conversation(self, project: str, conversation_id: str) -> ConversationRecord | None:
        """A conversation, brought up to date; its `turn` is set only while a response runs on it."""
        while True:
            record = await self._store.get_conversation(project, conversation_id)
            if record is None or record.is_deleted:
                return None
            if record.turn is None:
                return record
            is_kept = await self._has_ended(project, record.turn)
            if is_kept is None:
                return record
            if await self.end_turn(project, record, is_kept=is_kept):
                continue

    async def end_turn(self, project: str, record: ConversationRecord, *, is_kept: bool) -> bool:
        """End the turn of this record: append its items, or drop them; False if the record has moved on."""
        turn = record.turn
        if turn is None:
            return False
        context = context_after(self._core, project, record, turn) if is_kept else record.context
        ended = replace(record, turn=None, context=context)
        return await self._store.change_conversation(project, ended, turn.items if is_kept else ())

    async def _has_ended(self, project: str, turn: Turn) -> bool | None:
        """Whether the items of an ended turn are kept; None while it runs."""
        now = await self._core.now(project)
        record = await self._store.get_response(project, turn.response_id) if turn.is_recorded else None
        if record is None:
            if turn.is_recorded:  # forgotten: if it ran then, nobody will end it
                return turn.is_kept and now > turn.due
            return False if now > turn.due + _STALE_S else None
        plan, progress = Plan.of(record.plan), progress_of(record)
        if progress.cut == "hung_up":
            return False
        status = run_status_at(plan, progress, now)
        if status not in ("queued", "in_progress"):
            return status in KEPT
        is_lost = now >= plan.started_at + KEPT_S or (plan.background is None and now > turn.due + _STALE_S)
        return False if is_lost else None

    async def item(self, project: str, item_id: str) -> JsonObject | None:
        """An item by its id, wherever it is kept."""
        owner = await self._store.find_item(project, item_id)
        return None if owner is None else await self._item_of(project, owner, item_id)

    async def _item_of(self, project: str, owner: Owner, item_id: str) -> JsonObject | None:
        if owner.is_conversation:
            kept = await self._store.get_item(project, owner.id, item_id)
            return None if kept is None else item_of(kept.data)
        seen = await self.response(project, owner.id)
        if seen is None:
            return None
        is_over = await self.status(project, seen) in ("completed", "incomplete", "failed")
        output = items_of(Timeline(seen.plan).output) if is_over else []
        everything = [*items_of(seen.record.input_items), *output]
        return next((item for item in everything if item.get("id") == item_id), None)

    async def reasoning_before(self, project: str, item_id: str) -> str | None:
        """The reasoning item that stood right before a stored item, when a response made or brought them."""
        owner = await self._store.find_item(project, item_id)
        record = await self._store.get_response(project, owner.id) if owner and not owner.is_conversation else None
        if record is None or item_id not in record.item_ids:
            return None
        place = record.item_ids.index(item_id)
        before = record.item_ids[place - 1] if place else ""
        return before if before.startswith("rs_") else None


@cache
def _adapter() -> TypeAdapter[Progress]:
    return TypeAdapter(Progress)


def progress_of(record: ResponseRecord) -> Progress:
    """A stored progress; `StoreError` for what is none."""
    try:
        return _adapter().validate_json(record.progress)
    except ValueError:
        raise damaged(f"the progress of {record.id}") from None


def context_after(core: Core, project: str, record: ConversationRecord, turn: Turn) -> bytes:
    """The conversation's context when a turn's items have been appended."""
    items = [item_of(data) for _, data in turn.items]
    after = folded(core, project, Context.from_bytes(record.context), items, turn.tokens)
    return after._replace(prefix=turn.prefix).to_bytes()


def item_of(data: bytes) -> JsonObject:
    """A stored item; `StoreError` for what is none."""
    try:
        value = loads(data)
    except ValueError:
        raise damaged("an item") from None
    return value if isinstance(value, dict) else {}


def items_of(data: bytes | Encodable) -> list[JsonObject]:
    """A stored JSON array of items."""
    value = loads(encoded(data))
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
