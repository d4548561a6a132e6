"""What is kept of a planned response: its record, its turn in a conversation, what it cost."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import accumulate

from mockapi.engine.timeline import Timeline
from mockapi.scenario.match import Facts
from mockapi.service.core import Core
from mockapi.service.made import Made, prefix_after
from mockapi.service.past import Effective
from mockapi.service.playing import Play
from mockapi.service.records import DELIVERED, HUNG_UP, KEPT, PENDING, Records, context_after, items_of, progress_of
from mockapi.service.usage import amounts_of, containers_of, plain_amounts, sum_names
from mockapi.service.webhooks import Webhooks
from mockapi.stores.records import Amounts, ConversationRecord, ResponseRecord, Turn
from mockapi.wire.catalogue import told
from mockapi.wire.counter import Counter
from mockapi.wire.ids import digest
from mockapi.wire.json import JsonObject, dumps
from mockapi.wire.requests import CreateRequest

__all__ = ["LEAST_CACHED", "Keeping"]

LEAST_CACHED = 1_024  # tokens of a prefix that the prompt cache keeps, in blocks of so many:
_CACHE_BLOCK = 128
_HOUR_S = 3_600


class Keeping:
    """Writes what a create leaves behind."""

    def __init__(self, core: Core, records: Records) -> None:
        self._core = core
        self._store = core.store
        self._records = records
        self._webhooks = Webhooks(core)

    async def remember(self, project: str, timeline: Timeline, effective: Effective, request: CreateRequest) -> Timeline:
        """Store the plan; on a collision with a live record the next ids are taken. The timeline that was stored."""
        conversation = effective.past.conversation
        if conversation is not None:
            timeline = await self._kept_in(project, timeline, effective, request, conversation)
        else:
            amounts = _plain_amounts(timeline, request) or await self._amounts(project, timeline, request)
            if not timeline.plan.is_stored and not request.background:
                await self._store.add_usage(project, amounts)
                return timeline
            known = _NONE if isinstance(effective.own, str) else await self._known(project, effective.own)
            while not await self._store.keep_response(project, self._made(timeline, effective, request, known), amounts):
                timeline = _with_next_ids(timeline)
        if timeline.plan.background is not None:
            await self._webhooks.schedule(project, timeline.response_id, timeline.plan)
        return timeline

    async def _kept_in(
        self, project: str, timeline: Timeline, effective: Effective, request: CreateRequest, known_as: ConversationRecord
    ) -> Timeline:
        """With its turn in the conversation, which comes last: a store that failed after it would leave that locked."""
        known = _NONE if isinstance(effective.own, str) else await self._known(project, effective.own)
        amounts = _plain_amounts(timeline, request) or await self._amounts(project, timeline, request)
        record = self._record(timeline, effective, request, known)
        while (request.store or request.background) and not await self._store.keep_response(project, record, _NOTHING):
            timeline = _with_next_ids(timeline)
            record = self._record(timeline, effective, request, known)
        await self._store.add_usage(project, amounts)
        conversation: ConversationRecord | None = known_as
        while conversation is not None and not await self._take_turn(project, timeline, record, conversation):
            conversation = await self._records.conversation(project, conversation.id)
            if conversation is None or conversation.turn is not None:
                await self._store.drop_response(project, record.id)
                await self._store.add_usage(project, {name: -amount for name, amount in amounts.items()})
                raise told("conversation_locked")
        return timeline

    def _made(self, timeline: Timeline, effective: Effective, request: CreateRequest, known: frozenset[str]) -> Made:
        progress = DELIVERED if self.is_instant(timeline) and timeline.plan.background is None else PENDING
        return Made(timeline, effective.own, effective.context, request.previous_response_id, progress, known=known)

    def _record(self, timeline: Timeline, effective: Effective, request: CreateRequest, known: frozenset[str]) -> ResponseRecord:
        """With its place in the conversation."""
        conversation = effective.past.conversation
        record = self._made(timeline, effective, request, known).record()
        if conversation is None:
            return record
        return record._replace(conversation_id=conversation.id, before=conversation.count)

    async def _known(self, project: str, own: Sequence[JsonObject]) -> frozenset[str]:
        """Those of the items' ids that were stored before: they are kept."""
        given = [str(item["id"]) for item in own if item.get("id") is not None]
        return await self._store.held_items(project, given) if given else _NONE

    async def _take_turn(
        self, project: str, timeline: Timeline, record: ResponseRecord, conversation: ConversationRecord
    ) -> bool:
        """Append the response's items to its conversation, now or when it ends; False if the conversation has moved on."""
        own = items_of(record.input_items)
        held = await self._store.held_items(project, [str(item["id"]) for item in own], conversation.id)
        new = [item for item in own if str(item["id"]) not in held]
        items = tuple((str(item["id"]), dumps(item)) for item in (*new, *items_of(timeline.whole_output(self._core.seal))))
        tokens = self._core.counter.count(new) + timeline.score.output_tokens
        due = timeline.plan.started_at + timeline.ends_s
        plan = timeline.plan
        is_kept, is_recorded = plan.ending.status in KEPT, plan.is_stored or plan.background is not None
        turn = Turn(record.id, due, items, tokens, prefix_after(plan.digest), is_kept, is_recorded)
        if self.is_instant(timeline):
            if not is_kept:
                return True
            return await self._store.change_conversation(
                project, replace(conversation, context=context_after(self._core, project, conversation, turn)), turn.items
            )
        return await self._store.change_conversation(project, replace(conversation, turn=turn))

    async def delivered(self, project: str, timeline: Timeline, conversation_id: str | None, *, is_whole: bool) -> None:
        """Delivery ended: the response becomes visible, or, when the client hung up, is cancelled; so does its turn.

        A background run goes on without its client; one whose time passes by being delivered is over then.
        """
        if timeline.plan.background is not None:
            await self._played(project, timeline, is_whole=is_whole)
            return
        if self.is_instant(timeline):
            return
        if timeline.plan.is_stored:
            await self._store.set_progress(project, timeline.response_id, DELIVERED if is_whole else HUNG_UP, 0)
        if conversation_id is not None:
            is_kept = is_whole and timeline.plan.ending.status in KEPT
            while (record := await self._store.get_conversation(project, conversation_id)) is not None:
                is_ours = record.turn is not None and record.turn.response_id == timeline.response_id
                if not is_ours or await self._records.end_turn(project, record, is_kept=is_kept):
                    break

    async def _played(self, project: str, timeline: Timeline, *, is_whole: bool) -> None:
        if not is_whole or not Play(self._core, project, timeline).is_instant:
            return
        while (record := await self._store.get_response(project, timeline.response_id)) is not None:
            progress = progress_of(record)
            now = await self._core.now(project)
            moved = replace(progress, moved_s=max(progress.moved_s, timeline.ends_s), ended_at=now)
            if progress.cut or await self._store.set_progress(project, record.id, dumps(moved), record.version):
                await self._webhooks.moved(project, record.id, timeline.plan, progress if progress.cut else moved)
                break

    def is_instant(self, timeline: Timeline) -> bool:
        """Nothing is waited for: the response is over the moment it is made."""
        if timeline.plan.background is not None:
            return timeline.ends_s == 0.0
        return self._core.clock.is_virtual or timeline.ends_s == 0.0

    async def cached_tokens(self, project: str, facts: Facts, effective: Effective, tokens: int, identity: bytes) -> int:
        """How many input tokens a project has sent before with the same beginning (WIRE.md §10).

        A beginning is model, instructions and tools, then the past, then the request's own items one by one.
        """
        if tokens < LEAST_CACHED:
            return 0
        request, counted = facts.request, effective.items[effective.start :]
        sums = _sums(counted, self._core.counter)
        before = tokens - sums[-1]
        head = [request.model, request.instructions, request.tools]
        key = digest(b"prefix", dumps([*head, facts.context.prefix]), size=16)
        after = digest(b"prefix", dumps([*head, prefix_after(identity)]), size=16)  # what a response that follows begins with
        keys, lengths = [after, key], [0, before]
        for item, total in zip(counted, sums[1:], strict=True):
            key = digest(key, dumps(_without_id(item)), size=16)
            keys.append(key)
            lengths.append(before + total)
        last = await self._store.take_prefixes(project, keys)
        return lengths[last] // _CACHE_BLOCK * _CACHE_BLOCK if last >= 0 and lengths[last] >= LEAST_CACHED else 0

    async def _amounts(self, project: str, timeline: Timeline, request: CreateRequest) -> Mapping[str, int]:
        """What a response with tool calls adds to the project's sums of the day and model."""
        plan, score = timeline.plan, timeline.score
        names = sum_names(plan.started_at, request.model)
        amounts = amounts_of(names, plan.usage, score)
        for container, memory in containers_of(score, request.tools):
            hour = int(plan.started_at // _HOUR_S)
            if await self._store.take_ordinal(project, digest(b"session", container.encode(), b"%d" % hour)) == 0:
                name = names.sessions(memory)
                amounts[name] = amounts.get(name, 0) + 1
        return amounts


def _with_next_ids(timeline: Timeline) -> Timeline:
    """The same response with other ids: its own are taken."""
    plan = timeline.plan
    return Timeline(plan._replace(digest=digest(b"collision", plan.digest), id=""), timeline.score)


def _plain_amounts(timeline: Timeline, request: CreateRequest) -> Amounts | None:
    plan = timeline.plan
    return plain_amounts(plan.started_at, request.model, plan.usage, timeline.score)


def _sums(items: Sequence[JsonObject], counter: Counter) -> list[int]:
    """Tokens of the first 0, 1, 2, … items."""
    return list(accumulate((counter.count([item]) for item in items), initial=0))


def _without_id(item: JsonObject) -> JsonObject:
    return {key: value for key, value in item.items() if key not in ("id", "status")}


_NONE: frozenset[str] = frozenset()
_NOTHING: Mapping[str, int] = {}
