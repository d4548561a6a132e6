"""What a project's calls have left behind: its responses and conversations as they are now, in the order that they were made."""

from mockapi.engine.plan import Plan
from mockapi.engine.timeline import Timeline
from mockapi.errors import ApiError
from mockapi.scenario.load import CREATE
from mockapi.service.conversations import Conversations
from mockapi.service.core import Core
from mockapi.service.evidence import made_by
from mockapi.service.records import Records, item_of
from mockapi.stores.records import Entry
from mockapi.wire.json import JsonObject, loads, object_of

__all__ = ["Overview"]


class Overview:
    """Reads a project's state without changing it; what the journal has forgotten is not listed."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._store = core.store
        self._records = Records(core)
        self._conversations = Conversations(core)

    async def responses(self, project: str) -> list[JsonObject]:
        """The responses that creates have made, each as it is now; one that is not stored as it was delivered."""
        made: dict[str, Entry] = {}
        for entry in await self._core.entries(project):
            if entry.operation == CREATE and entry.status == 200:
                made[made_by(entry)] = entry
        return [await self._response(project, response_id, entry) for response_id, entry in made.items() if response_id]

    async def _response(self, project: str, response_id: str, entry: Entry) -> JsonObject:
        seen = await self._records.response(project, response_id)
        body = loads(await self._records.body(project, seen) if seen else _delivered(entry))
        return body if isinstance(body, dict) else {}

    async def conversations(self, project: str) -> list[JsonObject]:
        """The conversations that calls have made or named, each with its items, oldest first."""
        known: dict[str, None] = {}
        for entry in await self._core.entries(project):
            name = _conversation_id(entry)
            if name:
                known[name] = None
        shown = [await self._conversation(project, each) for each in known]
        return [each for each in shown if each is not None]

    async def _conversation(self, project: str, conversation_id: str) -> JsonObject | None:
        try:
            body = loads(await self._conversations.retrieve(project, conversation_id))
        except ApiError:
            return None  # deleted, or never there
        items: list[JsonObject] = [item_of(record.data) for record in await self._store.get_items(project, conversation_id)]
        return {**body, "items": items} if isinstance(body, dict) else None


def _delivered(entry: Entry) -> bytes:
    return Timeline(Plan.of(entry.plan)).answer if entry.plan else entry.response


def _conversation_id(entry: Entry) -> str:
    """The conversation that a call made or went on from."""
    if entry.operation == CREATE:
        body = object_of(entry.request)
        named = body.get("conversation")
        return str(named.get("id", "")) if isinstance(named, dict) else str(named or "")
    if entry.operation == "conversations.create" and entry.status == 200:
        return str(object_of(entry.response).get("id", ""))
    return ""
