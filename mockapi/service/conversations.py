"""Conversations: eight operations on state that outlives responses (WIRE.md §7)."""

from collections.abc import Sequence
from dataclasses import replace

from mockapi.scenario.context import NEW_CONTEXT, Context
from mockapi.scenario.history import duplicate
from mockapi.service.compacted import folded
from mockapi.service.core import Call, Core
from mockapi.service.made import prefix_after
from mockapi.service.paging import no_cursor
from mockapi.service.past import Pasts
from mockapi.service.records import Records, item_of
from mockapi.service.seeds import Seeds, thread_items
from mockapi.stores.records import ConversationRecord, ItemRecord
from mockapi.wire.catalogue import told
from mockapi.wire.ids import digest, thread_id
from mockapi.wire.json import JsonObject, dumps, loads
from mockapi.wire.listing import gated, list_body
from mockapi.wire.operations import ConversationCreate, ConversationUpdate, ItemsCreate, ListQuery, parse_body
from mockapi.wire.requests import full_items

__all__ = ["Conversations"]


class Conversations:
    """What the mock does with conversations; bodies out, `ApiError` for what the real API refuses."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self._store = core.store
        self._seeds = Seeds(core)
        self._pasts = Pasts(core, Records(core), self._seeds)

    async def create(self, call: Call, identity: bytes) -> bytes:
        """A new conversation, with its first items."""
        request = parse_body(ConversationCreate, self.core.parsed(call.body or b"{}"), lenient=self.core.is_lenient)
        now = await self.core.now(call.project)
        number = 0
        while True:
            conversation_id = thread_id("conv", identity, -number, int(now), identity[:8].hex())
            items = await self._items(call.project, request.items, identity, conversation_id)
            record = ConversationRecord(
                conversation_id, now, dumps(request.metadata or {}), self._folded(call.project, items, identity)
            )
            if await self._store.add_conversation(call.project, record, _pairs(items)):
                return _shown(record)
            number += 1

    async def retrieve(self, project: str, conversation_id: str) -> bytes:
        """The conversation; its items are never in it."""
        return _shown(await self._pasts.conversation(project, conversation_id))

    async def update(self, call: Call, conversation_id: str) -> bytes:
        """Replace the metadata as a whole."""
        request = parse_body(ConversationUpdate, self.core.parsed(call.body), lenient=self.core.is_lenient)
        while True:
            record = await self._pasts.conversation(call.project, conversation_id)
            changed = replace(record, metadata=dumps(request.metadata))
            if await self._store.change_conversation(call.project, changed):
                return _shown(changed)

    async def delete(self, project: str, conversation_id: str) -> bytes:
        """Take the conversation away; responses of it stay, and know its items."""
        while True:
            record = await self._pasts.conversation(project, conversation_id)
            if await self._store.change_conversation(project, replace(record, is_deleted=True)):
                return dumps({"id": conversation_id, "object": "conversation.deleted", "deleted": True})

    async def add_items(self, call: Call, identity: bytes, conversation_id: str, query: ListQuery) -> bytes:
        """Append items; the list of those alone, in the order given."""
        request = parse_body(ItemsCreate, self.core.parsed(call.body), lenient=self.core.is_lenient)
        while True:
            record = await self._pasts.conversation(call.project, conversation_id)
            items = await self._items(call.project, request.items, identity, conversation_id)
            ids = [str(item["id"]) for item in items]
            held = await self._store.held_items(call.project, ids, conversation_id)
            if held:
                raise duplicate(next(each for each in ids if each in held))
            changed = replace(record, context=self._folded(call.project, items, identity, record.context))
            if await self._store.change_conversation(call.project, changed, _pairs(items)):
                return list_body([gated(item, query.include) for item in items], has_more=False)

    async def _items(self, project: str, given: Sequence[JsonObject], identity: bytes, conversation_id: str) -> list[JsonObject]:
        """Items as they are kept; references are replaced by what they refer to."""
        found: list[JsonObject] = []
        known: set[str] = set()
        for item in full_items(list(given)):
            item_id = str(item.get("id"))
            if item.get("type") == "item_reference":
                referred = await self._pasts.item(project, item_id)
                if referred is None:
                    raise told("item_not_found", id=item_id, path="items")
                found.append(referred)
                known.add(item_id)
                continue
            if "id" in item and await self._store.find_item(project, item_id) is not None:
                known.add(item_id)
            found.append(item)
        await self._pasts.verify(project, found)
        ids = [str(item["id"]) for item in found if item.get("id") in known]
        if len(set(ids)) < len(ids):
            raise duplicate(next(each for each in ids if ids.count(each) > 1))
        now = await self.core.now(project)
        return thread_items(found, identity, now, conversation_id, known=frozenset(known))

    async def list_items(self, project: str, conversation_id: str, query: ListQuery) -> bytes:
        """A page of items, newest first unless asked otherwise."""
        await self._pasts.conversation(project, conversation_id)
        after: int | None = None
        if query.after is not None:
            cursor = await self._store.get_item(project, conversation_id, query.after)
            if cursor is None and not self._seeds.invents:
                raise no_cursor(query.after)
            after = None if cursor is None else cursor.number
        is_ascending = query.order == "asc"
        kept = await self._store.get_items(
            project, conversation_id, query.limit + 1, after=after, is_ascending=is_ascending
        )  # fmt: skip
        shown = [gated(item_of(record.data), query.include) for record in kept[: query.limit]]
        return list_body(shown, has_more=len(kept) > query.limit)

    async def get_item(self, project: str, conversation_id: str, item_id: str, query: ListQuery) -> bytes:
        """One item."""
        found = await self._item(project, conversation_id, item_id)
        item = item_of(found.data) if found else self._seeds.invented_item(item_id)
        return dumps(gated(item or {}, query.include))

    async def delete_item(self, project: str, conversation_id: str, item_id: str) -> bytes:
        """Drop one item; the conversation."""
        while True:
            record = await self._pasts.conversation(project, conversation_id)
            await self._item(project, conversation_id, item_id)
            kept = await self._store.get_items(project, conversation_id)
            left = [item_of(each.data) for each in kept if each.id != item_id]
            context = self._folded(project, left, digest(b"deleted", record.context, item_id.encode("utf-8", "surrogatepass")))
            if await self._store.change_conversation(project, replace(record, context=context), dropped=item_id):
                return _shown(record)

    def _folded(self, project: str, items: Sequence[JsonObject], identity: bytes, before: bytes | None = None) -> bytes:
        """The conversation's context, further on by these items."""
        past = NEW_CONTEXT if before is None else Context.from_bytes(before)
        return folded(self.core, project, past, items)._replace(prefix=prefix_after(identity)).to_bytes()

    async def _item(self, project: str, conversation_id: str, item_id: str) -> ItemRecord | None:
        """An item that is there; None for one that is made up."""
        record = await self._pasts.conversation(project, conversation_id)
        found = await self._store.get_item(project, record.id, item_id)
        if found is None and not self._seeds.invents:
            raise told("conversation_item_not_found", id=item_id[:100])
        return found


def _shown(record: ConversationRecord) -> bytes:
    body = {"id": record.id, "object": "conversation", "created_at": int(record.created_at)}
    return dumps({**body, "metadata": loads(record.metadata)})


def _pairs(items: Sequence[JsonObject]) -> list[tuple[str, bytes]]:
    return [(str(item["id"]), dumps(item)) for item in items]
