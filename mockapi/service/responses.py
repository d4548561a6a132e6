"""Responses: create, deliver, retrieve, delete, list the input."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from mockapi.engine.faults import Hit
from mockapi.engine.plan import Plan
from mockapi.engine.planner import Moment, Names, plan_reply, scripted_hit, usual_mould
from mockapi.engine.timeline import Timeline
from mockapi.errors import ApiError
from mockapi.scenario.match import Facts
from mockapi.scenario.names import History, template_names
from mockapi.scenario.select import Selection
from mockapi.service.asking import Asked, Asking
from mockapi.service.compacted import is_compacting, with_compaction
from mockapi.service.core import Call, Core
from mockapi.service.faults import Faults
from mockapi.service.keeping import LEAST_CACHED, Keeping
from mockapi.service.limits import Cost, RateLimiter
from mockapi.service.paging import page_of
from mockapi.service.past import Effective, Pasts
from mockapi.service.playing import Play
from mockapi.service.records import Records, progress_of
from mockapi.service.runs import Runs
from mockapi.service.seeds import Seeds
from mockapi.service.selection import Selector
from mockapi.wire.catalogue import told
from mockapi.wire.ids import partition_among
from mockapi.wire.json import JsonObject, dumps, loads
from mockapi.wire.limits import Rates
from mockapi.wire.operations import ListQuery

__all__ = ["Created", "Responses"]


class Created(NamedTuple):
    """A planned response, ready to be delivered.

    With the fault that meets it on the way, what matching saw, and how its model's limits stand.
    """

    timeline: Timeline
    is_stream: bool
    project: str
    conversation_id: str | None = None
    hit: Hit | None = None
    facts: Facts | None = None
    rates: Rates | None = None

    @property
    def plan(self) -> Plan:
        """Its plan."""
        return self.timeline.plan


class Responses:
    """What the mock does with responses."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self._store = core.store
        self._records = Records(core)
        self._seeds = Seeds(core)
        self._pasts = Pasts(core, self._records, self._seeds)
        self._asking = Asking(core, self._pasts, self._seeds)
        self._keeping = Keeping(core, self._records)
        self._selector = Selector(core)
        self._faults = Faults(core)
        self._limiter = RateLimiter(core)
        self.runs = Runs(core)

    async def create(self, call: Call, identity: bytes) -> Created:
        """Plan the answer to `POST /v1/responses` and remember it; `ApiError` is an answer too."""
        asked = self._asking.known(call)
        if asked is None:
            raw = self.core.parsed(call.body)
            try:
                asked = await self._asking.asked(call, raw)
            except ApiError as error:
                await self._faults.refused(call, raw, identity, error, partial(self._charge_invalid, call, raw))
                raise
        hit: Hit | None = None
        try:
            if not self._faults.is_idle(call):
                hit = await self._faults.meet(call, asked.facts, identity)
            return await self._created(call, identity, asked, hit)
        except ApiError as error:
            error.hit = hit or error.hit
            error.known = asked.facts.known
            raise

    async def _charge_invalid(self, call: Call, raw: JsonObject) -> None:
        await self._limiter.charge_invalid(call, Cost(raw.get("model"), is_shown=_is_synchronous(raw)))

    async def _created(self, call: Call, identity: bytes, asked: Asked, hit: Hit | None) -> Created:
        request, effective, facts, tokens = asked.request, asked.effective, asked.facts, asked.tokens
        core, standing, rates = self.core, call.standing, None
        if standing is None:
            scenarios, offset = await core.tried(call), await self._store.get_offset(call.project)
        else:
            scenarios, offset = core.tried_by(call, standing.scenarios, standing.everybodys_scenarios), standing.offset
        if self._limiter.is_limited(scenarios):
            cost = Cost(request.model, tokens + (request.max_output_tokens or 0), _is_synchronous(facts.raw))
            rates = await self._limiter.charge(call, scenarios, cost)
        selection = await self._selector.select(call, facts, identity, scenarios)
        cached = 0
        if tokens >= LEAST_CACHED:
            cached = await self._keeping.cached_tokens(call.project, facts, effective, tokens, identity)
        partition = effective.past.partition or (None if isinstance(effective.own, str) else partition_among(effective.own))
        mould = None if hit else usual_mould(facts, selection, core.settings.tokens, core.seal)
        if mould is not None:
            timeline = mould.usual(identity, core.at(offset), tokens, cached, partition)
        else:
            moment = core.moment(offset, identity, partition, tokens, cached)
            timeline, hit = await self._planned(call, asked, selection, moment, hit)
        timeline = await self._keeping.remember(call.project, timeline, effective, request)
        fields = timeline, request.stream, call.project, request.conversation_id, hit, facts, rates
        return tuple.__new__(Created, fields)  # half the time of Created(…)

    async def _planned(
        self, call: Call, asked: Asked, selection: Selection, moment: Moment, hit: Hit | None
    ) -> tuple[Timeline, Hit | None]:
        """The answer, and the fault that meets it."""
        effective, facts, step = asked.effective, asked.facts, selection.step
        needs = step.needs if step is not None else frozenset()
        names = await self._names(call.project, facts, needs, selection.groups, effective)
        if asked.instructions is not None:
            moment = moment._replace(instructions=asked.instructions)
        hit = hit or scripted_hit(facts, selection, moment)
        timeline = plan_reply(facts, selection, names, moment, hit)
        if is_compacting(asked.request, timeline):
            before = await self._pasts.all_items(call.project, effective)
            return with_compaction(self.core, call.project, timeline, effective.context, before), hit
        return timeline, hit

    async def _names(
        self, project: str, facts: Facts, needs: frozenset[str], groups: Mapping[str, str], effective: Effective
    ) -> Names:
        """What templates may speak of; the past is read only if this step's templates need it."""
        past = effective.past
        history: History = effective.restored.items if effective.restored else []
        previous: object = None
        if needs and effective.restored is None and (past.parent or past.conversation):
            fresh = {f"tool_outputs.{output.name}" for output in facts.context.outputs}
            if "conversation" in needs or {need for need in needs if need.startswith("tool_outputs.")} - fresh:
                history = await self._pasts.turns.of(project, past.parent.record if past.parent else None, past.conversation)
        if "previous" in needs and past.parent is not None:
            previous = loads(await self._records.body(project, past.parent))
        return lambda: template_names(facts, groups, history, effective.items[effective.start :], previous)

    def is_instant(self, created: Created) -> bool:
        """Nothing is waited for: it was delivered the moment it was made."""
        return self._keeping.is_instant(created.timeline)

    def play(self, created: Created) -> Play:
        """Its first playing."""
        return Play(self.core, created.project, created.timeline)

    async def delivered(self, created: Created, *, is_whole: bool) -> None:
        """Delivery ended: the response becomes visible, or, when the client hung up, is cancelled."""
        await self._keeping.delivered(created.project, created.timeline, created.conversation_id, is_whole=is_whole)

    async def retrieve(self, project: str, response_id: str, include: Sequence[str] = ()) -> bytes:
        """The body of `GET /v1/responses/{id}` now; 404 as the real API's."""
        return await self.runs.poll(project, response_id, include)

    async def delete(self, project: str, response_id: str) -> bytes:
        """Take a response away; 404 if there is none, 400 while it runs. Those that follow it still know what it said."""
        while True:
            seen = await self.runs.seen(project, response_id)
            if await self._records.status(project, seen) in ("queued", "in_progress"):
                raise told("delete_in_flight")
            deleted = dumps(replace(progress_of(seen.record), is_deleted=True))
            if await self._store.set_progress(project, response_id, deleted, seen.record.version):
                return dumps({"id": response_id, "object": "response.deleted", "deleted": True})

    async def input_items(self, project: str, response_id: str, query: ListQuery) -> bytes:
        """A page of the whole effective input: what stood before, and the request's own items."""
        seen = await self.runs.seen(project, response_id)
        return await page_of(self._pasts.turns.listed(project, seen.record), query)


def _is_synchronous(raw: JsonObject) -> bool:
    """Neither streamed nor in the background, as far as the body says."""
    return raw.get("stream") is not True and raw.get("background") is not True
