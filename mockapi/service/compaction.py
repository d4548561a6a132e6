"""`POST /v1/responses/compact` and `/input_tokens`: what can be asked of an effective input without a response to it."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

from mockapi.engine.faults import Hit
from mockapi.engine.planner import Moment, count_input, plan_given, scripted_error, scripted_hit
from mockapi.errors import ApiError
from mockapi.scenario.match import Facts
from mockapi.scenario.names import template_names
from mockapi.scenario.select import Selection
from mockapi.service.compacted import compact, summary_tokens
from mockapi.service.core import Call, Core
from mockapi.service.faults import Faults
from mockapi.service.limits import Cost, RateLimiter
from mockapi.service.past import Effective, Pasts
from mockapi.service.records import Records, items_of
from mockapi.service.seeds import Seeds
from mockapi.service.selection import Selector
from mockapi.wire.catalogue import told
from mockapi.wire.ids import Derivation, partition_among
from mockapi.wire.json import JsonObject, dumps
from mockapi.wire.limits import Rates
from mockapi.wire.listing import ITEM_PREFIXES, listed_item
from mockapi.wire.objects import Usage
from mockapi.wire.operations import CompactRequest, TokenCountRequest, parse_body
from mockapi.wire.requests import CreateRequest
from mockapi.wire.validation import missing_parameter

__all__ = ["Compacted", "Compaction"]

_OVERHEAD_TOKENS = 120
"""What the real API adds to the input for its compaction prompt; recordings show some such figure, not which."""


class Compacted(NamedTuple):
    """The body of an answer, how its model's limits stand, the fault that meets it on the way, scenario and step that made it."""

    body: bytes
    rates: Rates | None = None
    hit: Hit | None = None
    by: tuple[str, str] = ("", "")


class Compaction:
    """Compacts and counts."""

    def __init__(self, core: Core) -> None:
        self.core = core
        records, seeds = Records(core), Seeds(core)
        self._store = core.store
        self._pasts = Pasts(core, records, seeds)
        self._selector = Selector(core)
        self._faults = Faults(core)
        self._limiter = RateLimiter(core)

    async def compact(self, call: Call, identity: bytes) -> Compacted:
        """The body of `response.compaction`: every user message, then one compaction item that stands for everything else."""
        raw = self.core.parsed(call.body)
        charged = partial(self._limiter.charge_invalid, call, Cost(raw.get("model")))
        facts, effective = await self._faults.before(call, raw, identity, self._asked_compact(call, raw), charged)
        hit = await self._faults.meet(call, facts, identity)
        try:
            return await self._compacted(call, identity, facts, effective, hit)
        except ApiError as error:
            error.hit = hit or error.hit
            raise

    async def _compacted(self, call: Call, identity: bytes, facts: Facts, effective: Effective, hit: Hit | None) -> Compacted:
        tokens = count_input(facts, self.core.counter)
        cost = Cost(facts.request.model, tokens + _OVERHEAD_TOKENS)
        rates = await self._limiter.charge(call, await self.core.tried(call), cost)
        items = await self._pasts.all_items(call.project, effective)
        moment = await self.core.moment_of(call, identity)
        source = _derivation(identity, effective.past.partition, items, moment.now)
        selection = await self._selector.select_other(call, facts, identity)
        scripted = self._scripted(facts, selection, items, effective, moment)
        if scripted is not None:
            output, usage = scripted
        else:
            output = await self._output(call.project, effective, items, source)
            usage = Usage(tokens + _OVERHEAD_TOKENS, summary_tokens(tokens), 0)
        body = {"id": source.id("resp", 0), "object": "response.compaction", "created_at": int(moment.now)}
        made = dumps({**body, "output": output, "usage": dict(usage)})
        return Compacted(made, rates, hit or scripted_hit(facts, selection, moment), _by(selection))

    async def _asked_compact(self, call: Call, raw: JsonObject) -> tuple[Facts, Effective]:
        """What is to be compacted, checked; `ApiError` in the real API's words."""
        request = parse_body(CompactRequest, raw, lenient=self.core.is_lenient)
        if "model" not in raw and not self.core.is_lenient:
            raise missing_parameter("model")
        model = request.model or ("gpt-4o" if self.core.is_lenient else "")
        self.core.check_model(model)
        if not request.input and not request.previous_response_id and not self.core.is_lenient:
            raise told("input_required")
        self.core.check_retention(call, request.previous_response_id)
        effective = await self._pasts.effective(call.project, request, await self._pasts.find(call.project, request))
        given = CreateRequest(model=model, instructions=request.instructions, previous_response_id=request.previous_response_id)
        return Facts(given, raw, call.headers or {}, effective.context), effective

    async def _output(
        self, project: str, effective: Effective, items: Sequence[JsonObject], source: Derivation
    ) -> list[JsonObject]:
        users = [item for item in items if item.get("type") == "message" and item.get("role") == "user"]
        made = source.input_ids([ITEM_PREFIXES["message"]] * len(users))
        output = [
            listed_item({**item, "status": "completed"}, await self._kept_id(project, item) or new_id)
            for item, new_id in zip(users, made, strict=True)
        ]
        sealed = compact(self.core, project, effective.context, items, summary_tokens(effective.context.tokens))
        return [*output, {"id": source.id("cmp", 1), "type": "compaction", "encrypted_content": sealed}]

    async def _kept_id(self, project: str, item: JsonObject) -> str | None:
        item_id = item.get("id")
        return item_id if isinstance(item_id, str) and await self._store.find_item(project, item_id) is not None else None

    def _scripted(
        self, facts: Facts, selection: Selection, items: list[JsonObject], effective: Effective, moment: Moment
    ) -> tuple[list[JsonObject], Mapping[str, object]] | None:
        """(output, usage) as a step scripts them; raises the error that it scripts instead, if it does."""
        step = selection.step
        if step is None:
            return None
        own = effective.items[effective.start :]
        history = items[: len(items) - len(own)]

        def names() -> Mapping[str, object]:
            return template_names(facts, selection.groups, history, own, None)

        error = scripted_error(facts, selection, names, moment)
        if error is not None:
            raise error
        if step.reply is None:
            return None
        timeline = plan_given(
            facts, step.reply.rendered(names), moment._replace(input_tokens=count_input(facts, self.core.counter))
        )
        return items_of(timeline.whole_output(self.core.seal)), timeline.plan.usage

    async def count(self, call: Call, identity: bytes) -> Compacted:
        """The body of `response.input_tokens`: what a create with this input would be billed."""
        raw = self.core.parsed(call.body)
        facts, effective = await self._faults.before(call, raw, identity, self._asked_count(call, raw))
        hit = await self._faults.meet(call, facts, identity)
        tokens = count_input(facts, self.core.counter)
        moment = await self.core.moment_of(call, identity)
        selection = await self._selector.select_other(call, facts, identity)
        scripted = self._scripted(facts, selection, effective.items, effective, moment)
        if scripted is not None:
            tokens = int(str(scripted[1]["input_tokens"]))
        body = dumps({"object": "response.input_tokens", "input_tokens": tokens})
        return Compacted(body, None, hit or scripted_hit(facts, selection, moment), _by(selection))

    async def _asked_count(self, call: Call, raw: JsonObject) -> tuple[Facts, Effective]:
        request = parse_body(TokenCountRequest, raw, lenient=self.core.is_lenient)
        if request.model:
            self.core.check_model(request.model)
        self.core.check_retention(call, request.previous_response_id)
        effective = await self._pasts.effective(call.project, request, await self._pasts.find(call.project, request))
        given = CreateRequest(
            model=request.model,
            instructions=request.instructions,
            tools=list(request.tools),
            tool_choice=request.tool_choice,
            text=request.text,
            previous_response_id=request.previous_response_id,
            conversation=request.conversation_id,
        )
        return Facts(given, raw, call.headers or {}, effective.context), effective


def _by(selection: Selection) -> tuple[str, str]:
    """The scenario and step that answer; a fault alone answers nothing."""
    scenario, step = selection.scenario, selection.step
    return (scenario.name, step.name) if scenario and step and step.reply else ("", "")


def _derivation(identity: bytes, partition: str | None, items: Sequence[JsonObject], now: float) -> Derivation:
    """Ids of what compacting makes carry the flag of what is not stored (WIRE.md §3)."""
    partition = partition or partition_among(items)
    return Derivation(identity, is_stored=False, seconds=int(now), partition=partition)
