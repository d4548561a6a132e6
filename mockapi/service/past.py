"""What a request goes on from: a stored response, a conversation, or nothing; and its own items, resolved.

The *effective input* is the past's items, then the request's own. What stands before the newest compaction item is replaced by
what that item holds.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from mockapi.errors import ApiError
from mockapi.scenario.context import NEW_CONTEXT, Context, text_of
from mockapi.scenario.history import check_history, duplicate
from mockapi.service.compacted import Restored, newest, restore
from mockapi.service.core import Core
from mockapi.service.records import Records, Seen
from mockapi.service.seeds import Seeds
from mockapi.service.turns import Turns
from mockapi.stores.records import ConversationRecord
from mockapi.wire.catalogue import told
from mockapi.wire.ids import is_id, partition_of
from mockapi.wire.json import JsonObject
from mockapi.wire.requests import full_items
from mockapi.wire.validation import bad_prefix

__all__ = ["NO_PAST", "Effective", "Past", "Pasts", "Referring"]


class Referring(Protocol):
    """A request that names where it goes on from, and brings items."""

    @property
    def input_items(self) -> list[JsonObject]:
        """Its own items."""

    @property
    def text_alone(self) -> str:
        """Its input, if it is one text; else nothing."""

    @property
    def previous_response_id(self) -> str | None:
        """The response it follows."""

    @property
    def conversation_id(self) -> str | None:
        """The conversation it is part of."""


@dataclass(frozen=True, slots=True)
class Past:
    """What stands before a request's own items."""

    context: Context = NEW_CONTEXT
    parent: Seen | None = None
    conversation: ConversationRecord | None = None

    @property
    def partition(self) -> str | None:
        """What the ids of a chain or conversation share."""
        source = self.parent.record.id if self.parent else self.conversation.id if self.conversation else ""
        return partition_of(source) if source else None


class Effective(NamedTuple):
    """The effective input: its past, the request's own items as resolved (a text alone as it is), and the fold of both.

    `restored` is what a compaction item among the own items held; `start` is where the items begin that still count.
    """

    past: Past
    own: str | list[JsonObject]
    context: Context
    start: int = 0
    restored: Restored | None = None

    @property
    def is_alone(self) -> bool:
        """It has no past, and its own items speak of nothing that a store has."""
        return self.past is NO_PAST and (isinstance(self.own, str) or _is_plain(self.own, NEW_CONTEXT))

    @property
    def items(self) -> list[JsonObject]:
        """The own items, in full."""
        return full_items(self.own) if isinstance(self.own, str) else self.own


NO_PAST = Past()


class Pasts:
    """Finds pasts; `ApiError` in the real API's words for what is not there or does not fit."""

    def __init__(self, core: Core, records: Records, seeds: Seeds) -> None:
        self._core = core
        self._store = core.store
        self._records = records
        self._seeds = seeds
        self.turns = Turns(core)

    async def find(self, project: str, request: Referring) -> Past:
        """The state phase (ERRORS.md §1): both references, the conversation, the response."""
        previous, conversation = request.previous_response_id, request.conversation_id
        if previous is None and conversation is None:
            return NO_PAST
        if not self._core.is_lenient:
            _check_prefixes(previous, conversation)
        if previous and conversation and self._core.is_lenient:
            previous = None
        if previous and conversation:
            raise told("mutually_exclusive_history")
        if conversation:
            record = await self.conversation(project, conversation)
            return Past(Context.from_bytes(record.context), conversation=record)
        return await self._after(project, previous) if previous else NO_PAST

    async def conversation(self, project: str, conversation_id: str) -> ConversationRecord:
        """A conversation that is there; 404 if it is not."""
        record = await self._records.conversation(project, conversation_id)
        if record is None:
            await self._seeds.conversation(project, conversation_id)  # or somebody else does at this moment
            record = await self._records.conversation(project, conversation_id)
        if record is None:
            raise told("conversation_not_found", id=conversation_id)
        return record

    async def response(self, project: str, response_id: str) -> Seen | None:
        """A response that can be seen, or that a scenario or `--unknown-ids` makes be there."""
        seen = await self._records.response(project, response_id)
        if seen is None:
            await self._seeds.response(project, response_id)
            seen = await self._records.response(project, response_id)
        return seen

    async def _after(self, project: str, response_id: str) -> Past:
        seen = await self.response(project, response_id)
        status = await self._records.status(project, seen) if seen else None
        if seen is None or not seen.plan.is_stored or status in ("queued", "in_progress", "cancelled"):
            raise told("previous_response_not_found", id=response_id)
        return Past(seen.context, parent=seen)

    async def effective(self, project: str, request: Referring, past: Past, *, is_stored: bool = True) -> Effective:
        """The effective input, its history checked."""
        text, context = request.text_alone, past.context
        if text and not (context.calls or context.orphans or context.thought):
            return Effective(past, text, context.with_user_text(text, self._core.counter.count_text(text)))
        items = request.input_items
        if _is_plain(items, past.context):
            return Effective(past, items, self._further(past.context, items))
        if any("id" in item or item.get("type") == "compaction" for item in items):
            resolved = [await self._resolved(project, item, is_stored=is_stored) for item in items]
            items = [item for item in resolved if item is not None]
            await self._check_known(project, items, past, is_stored=is_stored)
        await self.verify(project, items)
        start, restored = newest(self._core, project, items)
        counted = items
        if restored is not None:
            context, counted = restored.context, items[start:]
        if self._is_strict:
            needed = await self._needed_reasoning(project, counted)
            check_history(counted, context, needed)
        return Effective(past, items, self._further(context, counted), start, restored)

    def _further(self, context: Context, items: Sequence[JsonObject]) -> Context:
        tokens = self._core.counter.count(items)
        if len(items) == 1 and items[0].get("role") == "user":
            return context.with_user_text(text_of(items[0].get("content")), tokens)
        return context.with_items(items, tokens)

    async def _resolved(self, project: str, item: JsonObject, *, is_stored: bool) -> JsonObject | None:
        """An item as it is; a reference replaced by what it refers to, by nothing where that is let pass."""
        if item.get("type") != "item_reference":
            return item
        item_id = str(item["id"])
        found = await self.item(project, item_id)
        if found is None and self._is_strict:
            raise _no_item(item_id, is_stored=is_stored)
        return found

    @property
    def _is_strict(self) -> bool:
        return self._core.settings.history == "strict"

    async def item(self, project: str, item_id: str) -> JsonObject | None:
        """An item that is kept, that a scenario lays down, or that `--unknown-ids` invents."""
        found = await self._records.item(project, item_id)
        if found is None and await self._seeds.holder(project, item_id):
            found = await self._records.item(project, item_id)
        return found or self._seeds.invented_item(item_id)

    async def _check_known(self, project: str, items: Sequence[JsonObject], past: Past, *, is_stored: bool) -> None:
        """Reasoning that only the server could read must be kept; items of the past are not sent again."""
        if not self._is_strict:
            return
        given = [item_id for item in items if isinstance(item_id := item.get("id"), str)]
        repeated = None if past is NO_PAST else await self._repeated(project, given, past)
        if repeated is not None:
            raise duplicate(repeated)
        for item in items:
            item_id = item.get("id")
            if not isinstance(item_id, str):
                continue
            is_bare = item.get("type") == "reasoning" and item.get("encrypted_content") is None and not item.get("content")
            if is_bare and await self.item(project, item_id) is None:
                raise _no_item(item_id, is_stored=is_stored)

    async def _repeated(self, project: str, item_ids: Collection[str], past: Past) -> str | None:
        """One of the ids that the past has already."""
        if past.conversation is not None:
            held = await self._store.held_items(project, item_ids, past.conversation.id)
            return next((each for each in item_ids if each in held), None)
        wanted = await self._store.held_items(project, item_ids)
        if not wanted or past.parent is None:
            return None
        async for record in self.turns.chain(project, past.parent.record):
            found = next((each for each in record.item_ids if each in wanted), None)
            if found is not None:
                return found
        return None

    async def verify(self, project: str, items: Sequence[JsonObject]) -> None:
        """Refuse sealed contents that are not of this server and project, nor written in a scenario."""
        sealed = [item for item in items if isinstance(item.get("encrypted_content"), str)]
        if sealed and self._is_strict:
            scripted = (await self._core.scenarios_of(project)).seals
            for item in sealed:
                if item["encrypted_content"] not in scripted:
                    restore(self._core, project, item)

    async def _needed_reasoning(self, project: str, items: Sequence[JsonObject]) -> dict[str, str]:
        needed: dict[str, str] = {}
        for item in items:
            item_id = item.get("id")
            if isinstance(item_id, str) and item.get("type") != "reasoning":
                before = await self._records.reasoning_before(project, item_id)
                if before is not None:
                    needed[item_id] = before
        return needed

    async def all_items(self, project: str, effective: Effective) -> list[JsonObject]:
        """The effective input's items, oldest first; of what was compacted those that are kept."""
        own = effective.items[effective.start :]
        if effective.restored is not None:
            return [*effective.restored.items, *own]
        past = effective.past
        return [*await self.turns.of(project, past.parent.record if past.parent else None, past.conversation), *own]


def _is_plain(items: Sequence[JsonObject], past: Context) -> bool:
    """Messages that refer to nothing, after a past that waits for nothing: there is nothing to resolve or to check."""
    if past.calls or past.orphans or past.thought:
        return False
    return not any([item.get("type") != "message" or "id" in item for item in items])


def _check_prefixes(previous: str | None, conversation: str | None) -> None:
    for name, prefix, value in (("previous_response_id", "resp", previous), ("conversation", "conv", conversation)):
        if value is not None and not is_id(value, prefix):
            raise bad_prefix(name, value, prefix)


def _no_item(item_id: str, *, is_stored: bool) -> ApiError:
    return told("item_not_found", id=item_id, path="input") if is_stored else told("item_not_persisted", id=item_id)
