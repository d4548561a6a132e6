"""The use cases: the only place that joins match, plan, store and clock."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import TypeAdapter

from mockapi.clock import Clock
from mockapi.engine.items import Cut, Shaping
from mockapi.engine.pace import Pace
from mockapi.engine.plan import Background, Ending, Plan, Progress
from mockapi.engine.score import ScoreKey
from mockapi.engine.timeline import Timeline, state_at
from mockapi.errors import ApiError, MockError
from mockapi.scenario.context import Context
from mockapi.scenario.load import Scenario, Step
from mockapi.scenario.match import Facts
from mockapi.scenario.model import PaceForm
from mockapi.scenario.names import History, template_names
from mockapi.scenario.reply import Rendered, message_drafts
from mockapi.scenario.select import Candidate, Selection, select_step, unmatched_message
from mockapi.settings import Settings
from mockapi.stores.base import ResponseRecord, Store
from mockapi.wire.catalogue import error_from, failure_of
from mockapi.wire.ids import chance, digest, is_id, partition_of
from mockapi.wire.json import JsonObject, dumps, loads
from mockapi.wire.models import family_of
from mockapi.wire.objects import echo_request, usage_object
from mockapi.wire.requests import CreateRequest, parse_create
from mockapi.wire.tokens import count_input
from mockapi.wire.validation import bad_json

__all__ = ["Call", "Created", "Service"]

_PROGRESS = TypeAdapter(Progress)
_DELIVERED = dumps(Progress(is_delivered=True))
_HUNG_UP = dumps(Progress(cut="hung_up"))
_PENDING = dumps(Progress())

# Ids inside a request carry seconds; content is compared without them, so that a chain derives the same ids on any day.
_SECONDS = re.compile(rb"(_[0-9a-f]{18})[0-9a-f]{8}(?=[0-9a-f]{24})")


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP call as the use cases see it."""

    project: str
    operation: str
    body: bytes = b""
    headers: Mapping[str, str] | None = None
    scenario: str | None = None


@dataclass(frozen=True, slots=True)
class Created:
    """A planned response, ready to be delivered."""

    plan: Plan
    timeline: Timeline
    is_stream: bool
    project: str


@dataclass(frozen=True, slots=True)
class _Parent:
    """What a chain goes on from."""

    record: ResponseRecord
    plan: Plan
    context: Context


class Service:
    """What the mock does, whatever carries the calls."""

    def __init__(self, settings: Settings, store: Store, clock: Clock, scenarios: Sequence[Scenario]) -> None:
        self.settings = settings
        self.store = store
        self.clock = clock
        self.scenarios = tuple(scenarios)
        self._seed = settings.seed.encode()

    async def identify(self, call: Call) -> bytes:
        """The digest all ids of this call derive from: seed, project, content, and how often it was seen (DESIGN.md)."""
        project = call.project.encode()
        content = digest(b"", call.operation.encode(), _SECONDS.sub(rb"\1", call.body), size=16)
        ordinal = await self.store.take_ordinal(call.project, content)
        return digest(self._seed, project, content, b"%d" % ordinal)

    async def create(self, call: Call, identity: bytes) -> Created:
        """Plan the answer to `POST /v1/responses` and remember it; `ApiError` is an answer too."""
        raw = _parsed(call.body)
        request = parse_create(raw)
        parent = await self._referenced(call.project, request)
        items = request.input_items
        _check_references(items)
        tokens = count_input(items, request.instructions, request.tools)
        context = (parent.context if parent else Context()).with_items(items, tokens)
        facts = Facts(request, raw, call.headers or {}, context)
        selection = await self._select(call, facts, identity)
        plan = await self._plan(call, facts, selection, identity, parent)
        timeline = Timeline(plan)
        if plan.is_stored:
            plan = await self._remember(call.project, plan, timeline, context, items, request.previous_response_id)
            timeline = timeline if plan is timeline.plan else Timeline(plan)
        return Created(plan, timeline, request.stream, call.project)

    async def delivered(self, created: Created, *, is_whole: bool) -> None:
        """Delivery ended: the response becomes visible, or, when the client hung up, is cancelled."""
        if created.plan.is_stored:
            progress = _DELIVERED if is_whole else _HUNG_UP
            await self.store.set_progress(created.project, created.plan.response_id, progress, 0)

    async def retrieve(self, project: str, response_id: str) -> bytes:
        """The body of `GET /v1/responses/{id}` now; 404 as the real API's."""
        record = await self.store.get_response(project, response_id)
        body = self._visible(project, record) if record else None
        if body is None:
            raise ApiError(f"Response with id '{response_id}' not found.", status=404)
        return body

    def _visible(self, project: str, record: ResponseRecord) -> bytes | None:
        progress = _PROGRESS.validate_json(record.progress)
        return state_at(Plan.from_bytes(record.plan), progress, self.clock.now(project))

    async def _referenced(self, project: str, request: CreateRequest) -> _Parent | None:
        """The state phase, in the measured order (ERRORS.md §1)."""
        previous, conversation = request.previous_response_id, request.conversation_id
        _check_prefixes(previous, conversation)
        if previous and conversation:
            message = (
                "Mutually exclusive parameters: ''. Ensure you are only providing one of: 'pre..._id' or 'conversation'."
            )
            raise ApiError(message, code="mutually_exclusive_parameters")
        if conversation:
            raise ApiError(f"Conversation with id '{conversation}' not found.", status=404)
        if request.prompt:
            raise ApiError(f"Prompt with id '{request.prompt['id']}' not found.", status=404)
        parent = await self._parent(project, previous) if previous else None
        if not request.input and not previous:
            message = "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation' must be provided."
            raise ApiError(message, code="missing_required_parameter")
        return parent

    async def _parent(self, project: str, response_id: str) -> _Parent:
        record = await self.store.get_response(project, response_id)
        if record is None or self._visible(project, record) is None:
            message = f"Previous response with id '{response_id}' not found."
            raise ApiError(message, param="previous_response_id", code="previous_response_not_found")
        return _Parent(record, Plan.from_bytes(record.plan), Context.from_bytes(record.context))

    async def _select(self, call: Call, facts: Facts, identity: bytes) -> Selection:
        """The step that answers; uses are counted here, so that racing requests never share the last one."""
        scenarios = self._tried(call.scenario)

        def fires(step: Step, scenario: str) -> bool:
            label = f"{scenario}/{step.index}".encode()
            return step.chance is None or chance(identity, b"chance", label) < step.chance

        while True:
            candidates = [
                Candidate(scenario, await self.store.step_uses(call.project, scenario.name)) for scenario in scenarios
            ]
            selection = select_step(candidates, facts, fires)
            if selection.step is None or selection.scenario is None:
                break
            step, name = selection.step, selection.scenario.name
            if not _counts(selection.scenario, step) or await self.store.use_step(
                call.project, name, step.index, step.times
            ):
                return selection
        refusers = [scenario.unmatched for scenario in scenarios if scenario.unmatched == "error"]
        if refusers or self.settings.unmatched == "error":
            raise MockError(unmatched_message(candidates, facts), status=422, code="mock_no_match")
        return selection

    def _tried(self, name: str | None) -> tuple[Scenario, ...]:
        if name is None:
            return self.scenarios
        chosen = tuple(scenario for scenario in self.scenarios if scenario.name == name)
        if not chosen:
            known = ", ".join(scenario.name for scenario in self.scenarios) or "none is loaded"
            message = f"There is no scenario '{name}'. Known: {known}."
            raise MockError(message, status=404, code="mock_unknown_scenario")
        return chosen

    async def _plan(
        self, call: Call, facts: Facts, selection: Selection, identity: bytes, parent: _Parent | None
    ) -> Plan:
        request, step = facts.request, selection.step
        request_names = {"model": request.model, "request_id": f"req_{identity.hex()[:32]}"}
        names = await self._names(call.project, facts, selection, parent)
        if step and step.error and selection.fires:
            raise error_from(step.error.rendered(names()), request_names)
        reply = _reply(step, names, facts)
        pace = _pace(step.pace if step else PaceForm())
        ending = _ending(step, names, request_names) if selection.fires else Ending()
        echo = echo_request(request, stored=request.store)
        overrides = {**(step.defaults if step else {}), **reply.overrides}
        scripted_usage = {**_usage(step.defaults.get("usage") if step else None), **_usage(reply.overrides.get("usage"))}
        kept = {key: value for key, value in overrides.items() if key not in ("usage", "id")}
        key = ScoreKey(
            shaping=_shaping(request, pace, ending),
            pace=pace,
            is_obfuscated=request.wants_obfuscation and not request.background,
            first_sequence=3 if request.background else 2,
            seed=identity.hex() if pace.jitter else "",
        )
        plan = Plan(
            digest=identity.hex(),
            started_at=self.clock.now(call.project),
            echo=echo.overridden(kept) if kept else echo,
            drafts=reply.drafts.decode(),
            key=key,
            usage={},
            scenario=selection.scenario.name if selection.scenario else "",
            step=step.name if step else "",
            id=str(reply.overrides.get("id", "")),
            partition=partition_of(parent.plan.response_id) if parent else None,
            is_stored=request.store,
            ending=ending,
            background=Background() if request.background else None,
        )
        score = plan.score
        usage = _counted(facts.context.tokens, score.output_tokens, score.reasoning_tokens, scripted_usage)
        return replace(plan, usage=usage)

    async def _remember(
        self, project: str, plan: Plan, timeline: Timeline, context: Context, items: list[JsonObject], parent: str | None
    ) -> Plan:
        """Store the plan; on a collision with a live record the next ids are taken."""
        score = timeline.score
        while True:
            after = context.with_output(
                score.calls(plan.ids), has_items=bool(score.finished.items), tokens=score.output_tokens
            )
            record = ResponseRecord(
                plan.response_id, plan.to_bytes(), _PENDING, after.to_bytes(), dumps(items), parent_id=parent
            )
            if await self.store.add_response(project, record):
                return plan
            again = digest(b"collision", bytes.fromhex(plan.digest)).hex()
            plan = replace(plan, digest=again, id="")

    async def _names(
        self, project: str, facts: Facts, selection: Selection, parent: _Parent | None
    ) -> Callable[[], Mapping[str, object]]:
        """What templates may speak of; the chain is read only if this step's templates need it."""
        needs = selection.step.needs if selection.step else frozenset()
        history: History = []
        fresh = {f"tool_outputs.{output.name}" for output in facts.context.outputs}
        wants_outputs = {need for need in needs if need.startswith("tool_outputs.")} - fresh
        if parent and ("conversation" in needs or wants_outputs):
            history = await self._history(project, parent)
        previous: object = None
        if parent and "previous" in needs:
            previous = loads(self._visible(project, parent.record) or b"null")
        return lambda: template_names(facts, selection.groups, history, previous)

    async def _history(self, project: str, parent: _Parent) -> History:
        """Inputs and outputs of all ancestors, oldest first."""
        turns: list[list[JsonObject]] = []
        record: ResponseRecord | None = parent.record
        while record is not None:
            plan = Plan.from_bytes(record.plan)
            turns.append([*_items(record.input_items), *_items(Timeline(plan).output)])
            record = await self.store.get_response(project, record.parent_id) if record.parent_id else None
        return [item for turn in reversed(turns) for item in turn]


def _items(data: bytes) -> list[JsonObject]:
    value = loads(data)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _parsed(body: bytes) -> JsonObject:
    try:
        value = loads(body)
    except ValueError:
        raise bad_json() from None
    if not isinstance(value, dict):
        raise bad_json()
    return value


def _check_prefixes(previous: str | None, conversation: str | None) -> None:
    for name, prefix, value in (
        ("previous_response_id", "resp", previous),
        ("conversation", "conv", conversation),
    ):
        if value is not None and not is_id(value, prefix):
            message = f"Invalid '{name}': '{value}'. Expected an ID that begins with '{prefix}'."
            raise ApiError(message, param=name, code="invalid_value")


def _check_references(items: Sequence[JsonObject]) -> None:
    for item in items:
        if item.get("type") == "item_reference":
            raise ApiError(f"Item with id '{item['id']}' not found.", status=404, param="input")


def _counts(scenario: Scenario, step: Step) -> bool:
    return scenario.is_script or step.times is not None


def _reply(step: Step | None, names: Callable[[], Mapping[str, object]], facts: Facts) -> Rendered:
    if step is None:
        return Rendered(message_drafts(_unscripted(facts)), {})
    return step.reply.rendered(names) if step.reply else Rendered(b"[]", {})


def _unscripted(facts: Facts) -> str:
    """The short deterministic text for a request that no scenario answers."""
    text = " ".join(facts.context.user_text.split())
    said = f" You said: “{text[:200]}”" if text else ""
    return f"This is mockapi; no scenario step matched this request.{said}"


def _shaping(request: CreateRequest, pace: Pace, ending: Ending) -> Shaping:
    is_cut = ending.status == "incomplete"
    limit = request.max_output_tokens if ending.reason == "max_output_tokens" else None
    return Shaping(
        has_logprobs="message.output_text.logprobs" in request.include,
        top_logprobs=request.top_logprobs,
        is_encrypted="reasoning.encrypted_content" in request.include,
        encrypts_always=family_of(request.model).encrypts_always,
        one_call=not request.parallel_tool_calls,
        chunk=pace.chunk,
        cut=Cut(limit) if is_cut else None,
    )


def _pace(form: PaceForm) -> Pace:
    interval = 1 / form.rate if form.rate else 0.0
    return Pace(first_s=form.first, interval_s=interval, chunk=form.chunk, jitter=form.jitter)


def _ending(step: Step | None, names: Callable[[], Mapping[str, object]], fillers: Mapping[str, str]) -> Ending:
    if step and step.fail:
        return Ending("failed", failure_of(step.fail.rendered(names()), fillers))
    if step and step.incomplete:
        return Ending("incomplete", reason=step.incomplete)
    return Ending()


def _usage(form: object) -> JsonObject:
    return {key: value for key, value in form.items() if value is not None} if isinstance(form, dict) else {}


def _counted(input_tokens: int, output: int, reasoning: int, scripted: JsonObject) -> JsonObject:
    def figure(name: str, counted: int) -> int:
        value = scripted.get(name, counted)
        return value if isinstance(value, int) else counted

    usage = usage_object(
        figure("input_tokens", input_tokens),
        figure("output_tokens", output),
        figure("reasoning_tokens", reasoning),
        figure("cached_tokens", 0),
    )
    for name in ("input_tokens_details", "output_tokens_details", "total_tokens"):
        if name in scripted:
            details, wins = usage[name], scripted[name]
            usage[name] = {**details, **wins} if isinstance(details, dict) and isinstance(wins, dict) else wins
    return usage
