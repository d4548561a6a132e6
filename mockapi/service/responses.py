"""Responses: create, deliver, retrieve, delete, list the input."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from mockapi.engine.faults import Hit
from mockapi.engine.plan import Plan
from mockapi.engine.planner import Names, count_input, plan_reply, scripted_hit
from mockapi.engine.timeline import Timeline
from mockapi.errors import ApiError
from mockapi.scenario.match import Facts, Known
from mockapi.scenario.names import History, template_names
from mockapi.scenario.seeds import fill_prompt
from mockapi.scenario.select import Selection
from mockapi.service.compacted import is_compacting, with_compaction
from mockapi.service.core import Call, Core, parsed
from mockapi.service.faults import Faults
from mockapi.service.keeping import LEAST_CACHED, Keeping
from mockapi.service.limits import Cost, RateLimiter
from mockapi.service.paging import page_of
from mockapi.service.past import NO_PAST, Effective, Past, Pasts
from mockapi.service.playing import Play
from mockapi.service.records import Records, progress_of
from mockapi.service.runs import Runs
from mockapi.service.seeds import Seeds
from mockapi.service.selection import Selector
from mockapi.wire.capabilities import check_capabilities
from mockapi.wire.catalogue import told
from mockapi.wire.ids import partition_among
from mockapi.wire.json import JsonObject, dumps, loads
from mockapi.wire.limits import Rates
from mockapi.wire.models import family_of
from mockapi.wire.operations import ListQuery
from mockapi.wire.requests import CreateRequest, parse_create

__all__ = ["Created", "Responses"]

_ENCRYPTED = "reasoning.encrypted_content"


class Created(NamedTuple):
    """A planned response, ready to be delivered: the fault that meets it on the way, and how its model's limits stand."""

    timeline: Timeline
    is_stream: bool
    project: str
    conversation_id: str | None = None
    hit: Hit | None = None
    known: Known | None = None
    rates: Rates | None = None

    @property
    def plan(self) -> Plan:
        """Its plan."""
        return self.timeline.plan


class _Asked(NamedTuple):
    """A request that can be answered: checked, with what it goes on from, and what is shown for its prompt's messages."""

    request: CreateRequest
    effective: Effective
    facts: Facts
    instructions: Sequence[JsonObject] | None


class Responses:
    """What the mock does with responses."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self._store = core.store
        self._records = Records(core)
        self._seeds = Seeds(core)
        self._pasts = Pasts(core, self._records, self._seeds)
        self._keeping = Keeping(core, self._records)
        self._selector = Selector(core)
        self._faults = Faults(core)
        self._limiter = RateLimiter(core)
        self.runs = Runs(core)

    async def create(self, call: Call, identity: bytes) -> Created:
        """Plan the answer to `POST /v1/responses` and remember it; `ApiError` is an answer too."""
        raw = parsed(call.body)
        asked = await self._faults.before(call, raw, identity, self._asked(call, raw), partial(self._charge_invalid, call, raw))
        hit: Hit | None = None
        try:
            hit = await self._faults.meet(call, asked.facts, identity)
            return await self._created(call, identity, asked, hit)
        except ApiError as error:
            error.hit = hit or error.hit
            error.known = asked.facts.known
            raise

    async def _charge_invalid(self, call: Call, raw: JsonObject) -> None:
        await self._limiter.charge_invalid(call, Cost(raw.get("model"), is_shown=_is_synchronous(raw)))

    async def _created(self, call: Call, identity: bytes, asked: _Asked, hit: Hit | None) -> Created:
        request, effective, facts = asked.request, asked.effective, asked.facts
        tokens = count_input(facts, self.core.counter)
        scenarios, rates = await self.core.tried(call), None
        if self._limiter.is_limited(scenarios):
            cost = Cost(request.model, tokens + (request.max_output_tokens or 0), _is_synchronous(facts.raw))
            rates = await self._limiter.charge(call, scenarios, cost)
        selection = await self._selector.select(call, facts, identity, scenarios)
        names = await self._names(call.project, facts, selection, effective)
        cached = 0
        if tokens >= LEAST_CACHED:
            cached = await self._keeping.cached_tokens(call.project, facts, effective, tokens, identity)
        partition = effective.past.partition or (None if isinstance(effective.own, str) else partition_among(effective.own))
        moment = await self.core.moment_of(call, identity, partition, tokens, cached)
        if asked.instructions is not None:
            moment = moment._replace(instructions=asked.instructions)
        hit = hit or scripted_hit(facts, selection, moment)
        timeline = plan_reply(facts, selection, names, moment, hit)
        if is_compacting(request, timeline):
            before = await self._pasts.all_items(call.project, effective)
            timeline = with_compaction(self.core, call.project, timeline, effective.context, before)
        timeline = await self._keeping.remember(call.project, timeline, effective, request)
        return Created(timeline, request.stream, call.project, request.conversation_id, hit, facts.known, rates)

    async def _asked(self, call: Call, raw: JsonObject) -> _Asked:
        """The request, checked: its body, what it refers to, its history. `ApiError` in the real API's words."""
        request = self._with_retention(call, parse_create(raw, lenient=self.core.is_lenient))
        if request.prompt is None:
            self.core.check_model(request.model)
            goes_on = request.previous_response_id is not None or request.conversation is not None
            past, shown = await self._pasts.find(call.project, request) if goes_on else NO_PAST, None
        else:
            past, request, shown = await self._prompted(call.project, request)
        self._check_state(request, past)
        if self.core.settings.capabilities == "on":
            check_capabilities(request)
        effective = await self._pasts.effective(call.project, request, past, is_stored=request.store)
        return _Asked(request, effective, Facts(request, raw, call.headers or {}, effective.context), shown)

    def _with_retention(self, call: Call, request: CreateRequest) -> CreateRequest:
        """In a project with zero data retention nothing is stored, and reasoning comes encrypted (WIRE.md §6)."""
        if not self.core.settings.zdr or call.key not in self.core.settings.zdr:
            return request
        self.core.check_retention(call, request.previous_response_id)
        if any(tool["type"] == "code_interpreter" for tool in request.tools):
            raise told("zdr_code_interpreter")
        include = [*request.include, _ENCRYPTED] if family_of(request.model).is_reasoning else request.include
        return request.model_copy(update={"store": False, "include": include})

    async def _prompted(self, project: str, request: CreateRequest) -> tuple[Past, CreateRequest, Sequence[JsonObject]]:
        """A request with a prompt: its past, the request with the template's model and instructions, and those as messages."""
        prompt: JsonObject = dict(request.prompt or {})
        past = await self._pasts.find(project, request) if request.conversation_id else None
        version = prompt.get("version")
        variables = prompt.get("variables")
        given = variables if isinstance(variables, dict) else {}
        form = await self._seeds.prompt(project, str(prompt["id"]), version if isinstance(version, str) else None, list(given))
        if form is None:
            raise told("prompt_version_not_found" if version else "prompt_not_found", id=prompt["id"], version=version)
        past = past or await self._pasts.find(project, request)
        messages = fill_prompt(form, given)
        texts = [str(part["text"]) for each in messages for part in _parts(each) if "text" in part]
        update: JsonObject = {
            "model": request.model or form.model or "gpt-4o",
            "instructions": "\n".join([*texts, *([request.instructions] if request.instructions else [])]),
            "prompt": {**prompt, "version": form.version},
        }
        changed = request.model_copy(update=update)
        self.core.check_model(changed.model)
        return past, changed, messages

    def _check_state(self, request: CreateRequest, past: Past) -> None:
        if past.conversation is not None and past.conversation.turn is not None:
            raise told("conversation_locked")
        is_silent = not request.input and not request.previous_response_id and not request.prompt and not request.conversation_id
        if is_silent and not self.core.is_lenient:
            raise told("input_required")

    async def _names(self, project: str, facts: Facts, selection: Selection, effective: Effective) -> Names:
        """What templates may speak of; the past is read only if this step's templates need it."""
        past = effective.past
        history: History = effective.restored.items if effective.restored else []
        previous: object = None
        needs = selection.step.needs if selection.step else frozenset()
        if needs and effective.restored is None and (past.parent or past.conversation):
            fresh = {f"tool_outputs.{output.name}" for output in facts.context.outputs}
            if "conversation" in needs or {need for need in needs if need.startswith("tool_outputs.")} - fresh:
                history = await self._pasts.turns.of(project, past.parent.record if past.parent else None, past.conversation)
        if "previous" in needs and past.parent is not None:
            previous = loads(await self._records.body(project, past.parent))
        return lambda: template_names(facts, selection.groups, history, effective.items[effective.start :], previous)

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


def _parts(message: JsonObject) -> list[JsonObject]:
    content = message.get("content")
    return [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []
