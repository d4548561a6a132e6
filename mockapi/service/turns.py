"""The items behind a response or a conversation, turn by turn.

A chain is read from its end: whoever wants the newest items does not read the oldest. What was deleted or compacted is still part
of what the model saw, so context and items always agree.
"""

from collections.abc import AsyncIterator, Sequence

from mockapi.engine.plan import Plan
from mockapi.engine.timeline import Timeline
from mockapi.service.compacted import expanded
from mockapi.service.core import Core
from mockapi.service.records import item_of, items_of
from mockapi.stores.records import ConversationRecord, ResponseRecord
from mockapi.wire.json import JsonObject

__all__ = ["Turns"]


class Turns:
    """Reads items of one server's state."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._store = core.store

    async def of(self, project: str, parent: ResponseRecord | None, conversation: ConversationRecord | None) -> list[JsonObject]:
        """What a model sees before a request's own items, oldest first; of what was compacted what its item holds."""
        if conversation is not None:
            items = await self._kept(project, conversation.id)
        else:
            turns = [turn async for turn in self._from(project, parent)]
            items = [item for turn in reversed(turns) for item in turn]
        return expanded(self._core, project, items)

    async def listed(self, project: str, record: ResponseRecord) -> AsyncIterator[JsonObject]:
        """The effective input of a stored response, newest first."""
        for item in reversed(items_of(record.input_items)):
            yield item
        async for turn in self._before(project, record):
            for item in reversed(turn):
                yield item

    async def _before(self, project: str, record: ResponseRecord) -> AsyncIterator[Sequence[JsonObject]]:
        """The turns before a response, newest first."""
        if record.conversation_id is not None:
            yield await self._kept(project, record.conversation_id, record.before)
            return
        parent = await self._store.get_response(project, record.parent_id) if record.parent_id else None
        async for turn in self._from(project, parent, record.id):
            yield turn

    async def chain(self, project: str, record: ResponseRecord | None, child_id: str = "") -> AsyncIterator[ResponseRecord]:
        """A response, and those it follows, newest first; each once, and never its child, whatever scenarios lay down."""
        seen = {child_id}
        while record is not None and record.id not in seen:
            seen.add(record.id)
            yield record
            record = await self._store.get_response(project, record.parent_id) if record.parent_id else None

    async def _from(self, project: str, record: ResponseRecord | None, child_id: str = "") -> AsyncIterator[Sequence[JsonObject]]:
        """A response's own turn, then those before it, newest first."""
        async for each in self.chain(project, record, child_id):
            yield [*items_of(each.input_items), *items_of(Timeline(Plan.of(each.plan)).whole_output(self._core.seal))]
            if each.conversation_id is not None:
                yield await self._kept(project, each.conversation_id, each.before)
                return

    async def _kept(self, project: str, conversation_id: str, before: int | None = None) -> list[JsonObject]:
        records = await self._store.get_items(project, conversation_id)
        return [item_of(record.data) for record in records if before is None or record.number < before]
