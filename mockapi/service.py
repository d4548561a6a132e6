"""The use cases: the only place that joins match, plan, store and clock."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import NamedTuple

from pydantic import TypeAdapter

from mockapi.clock import Clock
from mockapi.engine.plan import Plan, Progress
from mockapi.engine.planner import Moment, Names, plan_reply
from mockapi.engine.timeline import Timeline, state_at
from mockapi.errors import ApiError, MockError
from mockapi.scenario.context import NEW_CONTEXT, Context
from mockapi.scenario.library import Library
from mockapi.scenario.load import Scenario, Step
from mockapi.scenario.match import Facts
from mockapi.scenario.names import History, template_names
from mockapi.scenario.select import Candidate, Selection, select_step, unmatched_message
from mockapi.settings import Settings
from mockapi.stores.base import ALL_PROJECTS, ResponseRecord, Store
from mockapi.wire.capabilities import check_capabilities
from mockapi.wire.counter import counter_of
from mockapi.wire.ids import chance, digest, is_id, partition_of
from mockapi.wire.json import JsonObject, dumps, loads
from mockapi.wire.models import SNAPSHOTS
from mockapi.wire.requests import CreateRequest, parse_create
from mockapi.wire.validation import bad_json

__all__ = ["NO_MATCH", "Call", "Created", "Service"]

NO_MATCH = "mock_no_match"
"""The code of a miss."""

_PROGRESS = TypeAdapter(Progress)
_DELIVERED = dumps(Progress(is_delivered=True))
_HUNG_UP = dumps(Progress(cut="hung_up"))
_PENDING = dumps(Progress())

# Ids inside a request carry seconds; content is compared without them, so that a chain derives the same ids on any day.
_SECONDS = re.compile(rb"(_[0-9a-f]{18})[0-9a-f]{8}(?=[0-9a-f]{24})")


class Call(NamedTuple):
    """One HTTP call as the use cases see it."""

    project: str
    operation: str
    body: bytes = b""
    headers: Mapping[str, str] | None = None
    scenario: str | None = None


class Created(NamedTuple):
    """A planned response, ready to be delivered."""

    timeline: Timeline
    is_stream: bool
    project: str

    @property
    def plan(self) -> Plan:
        """Its plan."""
        return self.timeline.plan


@dataclass(frozen=True, slots=True)
class _Parent:
    """What a chain goes on from."""

    record: ResponseRecord
    plan: Plan
    context: Context


class Service:
    """What the mock does, whatever carries the calls."""

    def __init__(self, settings: Settings, store: Store, clock: Clock, library: Library) -> None:
        self.settings = settings
        self.store = store
        self.clock = clock
        self.library = library
        self._counter = counter_of(settings.tokens)  # what is not installed shows here, not at the first request
        self._seed = digest(b"", settings.seed.encode("utf-8", "surrogateescape"))

    async def identify(self, call: Call) -> bytes:
        """The digest all ids of this call derive from: seed, project, content, and how often it was seen (DESIGN.md)."""
        project = call.project.encode()
        named = f"{call.operation}\n{call.scenario or ''}\n".encode()
        content = digest(b"", named + _SECONDS.sub(rb"\1", call.body), size=16)
        ordinal = await self.store.take_ordinal(call.project, content)
        return digest(self._seed, project, content, b"%d" % ordinal)

    async def create(self, call: Call, identity: bytes) -> Created:
        """Plan the answer to `POST /v1/responses` and remember it; `ApiError` is an answer too."""
        raw = _parsed(call.body)
        request = parse_create(raw, lenient=self.settings.validation == "off")
        self._check_model(request.model)
        parent = await self._referenced(call.project, request)
        if self.settings.capabilities == "on":
            check_capabilities(request)
        items = request.input_items
        _check_references(items)
        context = (parent.context if parent else NEW_CONTEXT).with_items(items, self._counter.count(items))
        facts = Facts(request, raw, call.headers or {}, context)
        selection = await self._select(call, facts, identity)
        names = await self._names(call.project, facts, selection, parent)
        partition = partition_of(request.previous_response_id) if request.previous_response_id else None
        moment = Moment(identity, await self.now(call.project), partition, self.settings.tokens)
        timeline = plan_reply(facts, selection, names, moment)
        if timeline.plan.is_stored:
            timeline = await self._remember(call.project, timeline, context, items, request.previous_response_id)
        return Created(timeline, request.stream, call.project)

    def _check_model(self, model: str) -> None:
        """Any name is a model unless the settings list them; the empty one never is, but with a prompt's model."""
        if not self.is_model(model):
            message = f"The requested model '{model}' does not exist."
            raise ApiError(message, param="model", code="model_not_found")

    def is_model(self, name: str) -> bool:
        """Whether a name is a model here."""
        globs = self.settings.models
        names = [name, *(alias for alias, snapshot in SNAPSHOTS.items() if snapshot == name)]
        return bool(name) and (not globs or any(fnmatchcase(each, glob) for glob in globs for each in names))

    async def delivered(self, created: Created, *, is_whole: bool) -> None:
        """Delivery ended: the response becomes visible, or, when the client hung up, is cancelled."""
        if created.plan.is_stored and not self.is_instant(created.timeline):
            progress = _DELIVERED if is_whole else _HUNG_UP
            await self.store.set_progress(created.project, created.timeline.response_id, progress, 0)

    def is_instant(self, timeline: Timeline) -> bool:
        """Nothing is waited for: the response is delivered the moment it is made."""
        return self.clock.is_virtual or timeline.ends_s == 0.0 or timeline.plan.background is not None

    async def retrieve(self, project: str, response_id: str) -> bytes:
        """The body of `GET /v1/responses/{id}` now; 404 as the real API's."""
        record = await self.store.get_response(project, response_id)
        body = await self._visible(project, record) if record else None
        if body is None:
            raise ApiError(f"Response with id '{response_id}' not found.", status=404)
        return body

    async def now(self, project: str) -> float:
        """The project's time, in seconds."""
        return self.clock.now() + await self.store.get_offset(project)

    async def _visible(self, project: str, record: ResponseRecord) -> bytes | None:
        progress = _PROGRESS.validate_json(record.progress)
        now = None if self.clock.is_virtual else await self.now(project)
        return state_at(Plan.from_bytes(record.plan), progress, now)

    async def _referenced(self, project: str, request: CreateRequest) -> _Parent | None:
        """The state phase, in the measured order (ERRORS.md §1)."""
        previous, conversation = request.previous_response_id, request.conversation_id
        if self.settings.validation == "on":
            _check_prefixes(previous, conversation)
        if previous and conversation:
            message = "Mutually exclusive parameters: ''. Ensure you are only providing one of: 'pre..._id' or 'conversation'."
            raise ApiError(message, code="mutually_exclusive_parameters")
        if conversation:
            raise ApiError(f"Conversation with id '{conversation}' not found.", status=404)
        if request.prompt:
            raise ApiError(f"Prompt with id '{request.prompt['id']}' not found.", status=404)
        parent = await self._parent(project, previous) if previous else None
        if not request.input and not previous and self.settings.validation == "on":
            message = "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation' must be provided."
            raise ApiError(message, code="missing_required_parameter")
        return parent

    async def _parent(self, project: str, response_id: str) -> _Parent:
        record = await self.store.get_response(project, response_id)
        if record is None or await self._visible(project, record) is None:
            message = f"Previous response with id '{response_id}' not found."
            raise ApiError(message, param="previous_response_id", code="previous_response_not_found")
        return _Parent(record, Plan.from_bytes(record.plan), Context.from_bytes(record.context))

    async def _select(self, call: Call, facts: Facts, identity: bytes) -> Selection:
        """The step that answers; uses are counted here, so that racing requests never share the last one."""
        scenarios = await self._tried(call)

        def fires(step: Step, scenario: str) -> bool:
            label = f"{scenario}/{step.index}".encode()
            return chance(identity, b"chance", label) < (step.chance or 0.0)

        while True:
            candidates = [Candidate(scenario, await self._uses(call.project, scenario)) for scenario in scenarios]
            selection = select_step(candidates, facts, fires)
            if selection.step is None or selection.scenario is None:
                break
            step, name = selection.step, selection.scenario.name
            if await self.store.use_step(call.project, name, step.index, step.times):
                return selection
        ways = {scenario.unmatched or self.settings.unmatched for scenario in scenarios} or {self.settings.unmatched}
        if "error" in ways:
            raise MockError(unmatched_message(candidates, facts), status=422, code=NO_MATCH)
        return selection

    async def _uses(self, project: str, scenario: Scenario) -> Mapping[int, int]:
        return await self.store.step_uses(project, scenario.name) if scenario.is_counted else {}

    async def _tried(self, call: Call) -> tuple[Scenario, ...]:
        own, everybodys = await self.store.get_scenarios(call.project), await self.store.get_scenarios(ALL_PROJECTS)
        scenarios = self.library.scenarios_for(own, everybodys)
        if call.scenario is None:
            return scenarios
        chosen = tuple(scenario for scenario in scenarios if scenario.name == call.scenario)
        if not chosen:
            known = ", ".join(scenario.name for scenario in scenarios) or "none is loaded"
            message = f"There is no scenario '{call.scenario}'. Known: {known}."
            raise MockError(message, status=404, code="mock_unknown_scenario")
        return chosen

    async def _remember(
        self, project: str, timeline: Timeline, context: Context, items: list[JsonObject], parent_id: str | None
    ) -> Timeline:
        """Store the plan; on a collision with a live record the next ids are taken."""
        score = timeline.score
        while True:
            has_items, tokens = bool(score.finished.items), score.output_tokens
            after = context.with_output(timeline.calls, has_items=has_items, tokens=tokens)
            plan = timeline.plan
            record = ResponseRecord(
                timeline.response_id,
                plan.to_bytes(),
                _DELIVERED if self.is_instant(timeline) else _PENDING,
                after.to_bytes(),
                dumps(items),
                parent_id,
            )
            if await self.store.add_response(project, record):
                return timeline
            again = digest(b"collision", plan.digest)
            timeline = Timeline(plan._replace(digest=again, id=""), score)

    async def _names(self, project: str, facts: Facts, selection: Selection, parent: _Parent | None) -> Names:
        """What templates may speak of; the chain is read only if this step's templates need it."""
        history: History = []
        if parent is None or selection.step is None:
            return lambda: template_names(facts, selection.groups, history, None)
        needs = selection.step.needs
        fresh = {f"tool_outputs.{output.name}" for output in facts.context.outputs}
        wants_outputs = {need for need in needs if need.startswith("tool_outputs.")} - fresh
        if "conversation" in needs or wants_outputs:
            history = await self._history(project, parent)
        previous: object = None
        if "previous" in needs:
            previous = loads(await self._visible(project, parent.record) or b"null")
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
