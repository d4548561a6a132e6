"""State that no call has made: what scenarios lay down, and with `--unknown-ids create` whatever is asked for.

An id is taken once per project: what a client deletes stays deleted, since its record stays.
"""

from collections.abc import Mapping, Sequence

from mockapi.engine.items import Shaping
from mockapi.engine.planner import plan_given
from mockapi.engine.score import ScoreKey, score_of
from mockapi.scenario.context import NEW_CONTEXT, Context
from mockapi.scenario.forms import draft_of, long_item
from mockapi.scenario.match import Facts
from mockapi.scenario.reply import Rendered
from mockapi.scenario.seeds import ConversationSeed, PromptForm, ResponseSeed
from mockapi.service.compacted import folded
from mockapi.service.core import Call, Core
from mockapi.service.made import Made, prefix_after
from mockapi.service.records import DELIVERED, items_of
from mockapi.stores.records import ConversationRecord
from mockapi.wire.ids import Derivation, digest, partition_of, thread_id
from mockapi.wire.json import JsonObject, dumps
from mockapi.wire.listing import ITEM_PREFIXES, listed_item
from mockapi.wire.requests import CreateRequest, full_items

__all__ = ["Seeds", "thread_items"]

_SHOWN = Shaping(is_encrypted=True)
_INVENTED = "This is mockapi: this was asked for by an id that nobody made here."


class Seeds:
    """Lays down what is asked for."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._store = core.store

    @property
    def invents(self) -> bool:
        """Whether whatever is asked for is there."""
        return self._core.settings.unknown_ids == "create"

    async def conversation(self, project: str, conversation_id: str) -> bool:
        """Lay a conversation down; False if there is none of that id, or it was there already, deleted or not."""
        scenarios = await self._core.scenarios_of(project)
        seed = next((each for scenario in scenarios if (each := scenario.conversations.get(conversation_id))), None)
        if seed is None and self.invents:
            seed = ConversationSeed()
        if seed is None:
            return False
        now = await self._core.now(project)
        identity = self._core.identity_of(project, "conversation", conversation_id)
        written = _written(seed.items, identity)
        items = thread_items(written, identity, now, conversation_id, known=_ids(written))
        context = folded(self._core, project, NEW_CONTEXT, items)._replace(prefix=prefix_after(identity))
        record = ConversationRecord(conversation_id, now, dumps(seed.metadata), context.to_bytes())
        return await self._store.add_conversation(project, record, [(str(item["id"]), dumps(item)) for item in items])

    async def response(self, project: str, response_id: str) -> bool:
        """Lay a response down, and first those that it follows; False if there is none of that id, or it was there already."""
        scenarios = await self._core.scenarios_of(project)
        chain: list[tuple[str, ResponseSeed]] = []
        wanted: str | None = response_id
        while wanted is not None and wanted not in {each for each, _ in chain}:
            seed = next((each for scenario in scenarios if (each := scenario.responses.get(str(wanted)))), None)
            if seed is None:
                break
            chain.append((wanted, seed))
            wanted = seed.previous_response_id
        if not chain and self.invents:
            chain = [(response_id, ResponseSeed(output=_INVENTED))]
        is_laid = False
        for each_id, seed in reversed(chain):
            is_laid = await self._lay_response(project, each_id, seed)
        return is_laid

    async def _lay_response(self, project: str, response_id: str, seed: ResponseSeed) -> bool:
        identity = self._core.identity_of(project, "response", response_id)
        parent_id = seed.previous_response_id
        parent = await self._store.get_response(project, parent_id) if parent_id else None
        past = Context.of(parent.context) if parent else NEW_CONTEXT
        own = full_items(seed.input) if isinstance(seed.input, str) else _written(_list(seed.input), identity)
        given = {"model": seed.model, "input": "", "instructions": seed.instructions, "metadata": dict(seed.metadata)}
        request = CreateRequest(**given, previous_response_id=parent_id)  # checked by the seed's form
        context = folded(self._core, project, past, own)
        output = [{"message": seed.output}] if isinstance(seed.output, str) else _list(seed.output)
        reply = Rendered(dumps([draft_of(long_item(item)) for item in output]), {"id": response_id})
        moment = (await self._core.moment_of(Call(project, ""), identity))._replace(partition=partition_of(response_id))
        timeline = plan_given(Facts(request, {}, {}, context), reply, moment)
        return await self._store.add_response(project, Made(timeline, own, context, parent_id, DELIVERED, known=_ids(own)))

    async def holder(self, project: str, item_id: str) -> bool:
        """Lay down the response or conversation that an item is written in; False if there is none, or was one before."""
        scenarios = await self._core.scenarios_of(project)
        for scenario in scenarios:
            for name, conversation in scenario.conversations.items():
                if _holds(conversation.items, item_id):
                    return await self.conversation(project, name)
            for name, response in scenario.responses.items():
                parts = [*_list(response.input), *_list(response.output)]
                if _holds(parts, item_id):
                    return await self.response(project, name)
        return False

    def invented_item(self, item_id: str) -> JsonObject | None:
        """Something that can stand where an id is referred to that nobody made."""
        if not self.invents:
            return None
        if item_id.startswith("rs_"):
            return {"id": item_id, "type": "reasoning", "summary": []}
        if item_id.startswith("fc_"):
            call_id = f"call_{item_id.removeprefix('fc_')}"[:64]
            return {
                "id": item_id, "type": "function_call", "status": "completed", "arguments": "{}", "call_id": call_id,
                "name": "unknown",
            }  # fmt: skip
        part = {"type": "output_text", "annotations": [], "logprobs": [], "text": _INVENTED}
        return {"id": item_id, "type": "message", "status": "completed", "content": [part], "role": "assistant"}

    async def prompt(self, project: str, prompt_id: str, version: str | None, variables: Sequence[str]) -> PromptForm | None:
        """A hosted prompt of that id and, if one is named, version; an invented one takes any variables."""
        for scenario in await self._core.scenarios_of(project):
            form = scenario.prompts.get(prompt_id)
            if form is not None and version in (None, form.version):
                return form
        return PromptForm(version=version or "1", variables=list(variables)) if self.invents else None


def thread_items(
    items: Sequence[Mapping[str, object]],
    identity: bytes,
    now: float,
    conversation_id: str,
    *,
    known: frozenset[str] = frozenset(),
) -> list[JsonObject]:
    """Items as the Conversations API keeps them: with ids of its own kind, but for those that are known already."""
    partition = partition_of(conversation_id) or identity[:8].hex()
    listed = []
    for number, item in enumerate(items, 1):
        prefix = ITEM_PREFIXES.get(str(item["type"]), "item")
        given = item.get("id")
        item_id = str(given) if given in known else thread_id(prefix, identity, number, int(now), partition)
        listed.append(listed_item(item, item_id))
    return listed


def _written(items: Sequence[Mapping[str, object]], identity: bytes) -> list[JsonObject]:
    """Seed items, the short forms spelt out."""
    found: list[JsonObject] = []
    for number, item in enumerate(items):
        if "role" in item or "type" in item:
            found += full_items([dict(item)])
            continue
        score = score_of(dumps([draft_of(long_item(item))]), ScoreKey(shaping=_SHOWN))
        ids = score.ids(Derivation(digest(identity, b"%d" % number), is_stored=True, seconds=0))
        found += items_of(score.filled(score.output, ids))
    return found


def _list(value: object) -> list[JsonObject]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _holds(items: Sequence[Mapping[str, object]], item_id: str) -> bool:
    return any(item_id in (item.get("id"), *(_id(inner) for inner in item.values())) for item in items)


def _id(inner: object) -> object:
    return inner.get("id") if isinstance(inner, Mapping) else None


def _ids(items: Sequence[Mapping[str, object]]) -> frozenset[str]:
    return frozenset(str(item["id"]) for item in items if item.get("id") is not None)
