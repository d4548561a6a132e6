"""Faults that are switched on at run time: which one meets a call, before anything else is looked at but key and JSON.

A fault that is switched on is a scenario of one step, kept apart from the scenarios.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import NamedTuple, TypeVar

from mockapi.engine.faults import Hit
from mockapi.engine.planner import Moment, scripted_error, scripted_hit
from mockapi.errors import ApiError, MockError, Problem, ScenarioError
from mockapi.scenario.context import NEW_CONTEXT
from mockapi.scenario.load import CREATE, Scenario, Step, load_text
from mockapi.scenario.match import Facts, match_criteria
from mockapi.scenario.names import template_names
from mockapi.scenario.select import Selection
from mockapi.service.core import Call, Core
from mockapi.stores.base import ALL_PROJECTS, uses_of_fault
from mockapi.wire.ids import chance
from mockapi.wire.json import JsonObject, dumps
from mockapi.wire.parse import parse_create
from mockapi.wire.requests import CreateRequest

__all__ = ["FAULTS", "Faults", "raw_facts"]

FAULTS = "faults"
"""What answers call the scenario of such a fault; its step has the fault's name."""

_KEYS = {"name", "when", "chance", "times", "fault", "error", "armed"}
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_MOST = 100
_PICKED = "picked by X-Mock-Fault alone"
_LONGEST_HEADER = 1_000


_Asked = TypeVar("_Asked")
Charge = Callable[[], Awaitable[None]]


class _Armed(NamedTuple):
    """A fault that is switched on; one that `is_picked` waits for the header."""

    name: str
    scenario: Scenario
    step: Step
    is_picked: bool


@lru_cache(maxsize=1024)
def _compiled(name: str, text: str) -> _Armed:
    """Compiled once, so that a fault which does not match costs next to nothing; `MockError` 400 with all its problems."""
    try:
        scenario = load_text(text, FAULTS)
    except ScenarioError as error:
        raise _refused("\n".join(map(_worded, error.problems))) from None
    return _Armed(name, scenario, (*scenario.steps, *scenario.others)[0], scenario.about == _PICKED)


def _worded(problem: Problem) -> str:
    """In the words of the call: that a fault is kept as a step is nobody's affair."""
    key = problem.key.removeprefix("steps[0]").removeprefix(".")
    return f"{key}: {problem.message}" if key else problem.message


class Faults:
    """Switches faults on and off, and finds the one that meets a call."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._store = core.store

    async def arm(self, project: str, form: Mapping[str, object]) -> JsonObject:
        """Switch a fault on: `{"name", "when", "fault" or "error", "times", "chance", "armed"}`; how it is listed.

        With `armed: false` only the header `X-Mock-Fault` picks it. `MockError` 400 says what is wrong.
        """
        unknown = sorted(set(form) - _KEYS)
        name = form.get("name", form.get("fault", form.get("error")))
        if unknown:
            raise _refused(f"There is no key '{unknown[0]}'. Keys: {', '.join(sorted(_KEYS))}.")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise _refused("'name' is missing: up to 64 letters, digits, '.', '_' and '-'.")
        if not isinstance(form.get("armed", True), bool):
            raise _refused("'armed' is true or false.")
        given = {key: value for key, value in form.items() if key not in ("name", "armed")}
        text = _text(name, given, is_armed=form.get("armed", True) is True)
        _compiled(name, text)
        known = await self._store.get_faults(project)
        if len(known) >= _MOST and name not in known:
            raise _refused(f"There are {_MOST} faults already: DELETE some.")
        if project == ALL_PROJECTS:
            await self._store.forget_uses(uses_of_fault(name))
        await self._store.put_fault(project, name, text)
        return {"name": name, "status": "on"}

    async def listed(self, project: str) -> list[JsonObject]:
        """The faults that a project's calls may meet, in the order that they are tried, with how often they did."""
        shown: list[JsonObject] = []
        for name, text in (await self._texts(project)).items():
            armed = _compiled(name, text)
            step = armed.step
            hits = (await self._store.step_uses(project, uses_of_fault(name))).get(0, 0)
            what = str(step.fault) if step.fault else "error"
            shown.append({"name": name, "what": what, "times": step.times, "hits": hits, "armed": not armed.is_picked})
        return shown

    async def disarm(self, project: str, name: str | None) -> None:
        """Switch one fault off, or all; `MockError` 404 if there is none of that name."""
        names = [*await self._store.get_faults(project)] if name is None else [name]
        for each in names:
            if not await self._store.drop_fault(project, each) and name is not None:
                raise MockError(f"There is no fault '{name}'.", status=404, code="mock_unknown_fault")
            if project == ALL_PROJECTS:
                await self._store.forget_uses(uses_of_fault(each))

    def is_idle(self, call: Call) -> bool:
        """Whether no fault is on for this call, nor named by it: most calls meet none."""
        standing, headers = call.standing, call.headers
        if standing is None or standing.faults or standing.everybodys_faults:
            return False
        return headers is None or not self._core.settings.fault_header or not headers.get("x-mock-fault")

    async def meet(self, call: Call, facts: Facts, identity: bytes) -> Hit | None:
        """The fault that this call meets; raises the error that it answers with instead."""
        texts = await self._texts_for(call)
        picked = self._picked(call, texts) if self._core.settings.fault_header else None
        if picked is not None:
            return await self._met(call, picked, facts, identity)
        for name, text in texts.items():
            armed = _compiled(name, text)
            if self._matches(armed, call, facts, identity):
                hit = await self._met(call, armed, facts, identity)
                if hit is not None:
                    return hit
        return None

    async def _met(self, call: Call, armed: _Armed, facts: Facts, identity: bytes) -> Hit | None:
        """The hit, unless the fault is used up."""
        if not await self._store.use_step(call.project, uses_of_fault(armed.name), 0, armed.step.times):
            return None
        return self._hit(armed, facts, await self._core.moment_of(call, identity))

    async def before(
        self, call: Call, raw: JsonObject, identity: bytes, asking: Awaitable[_Asked], charge: Charge | None = None
    ) -> _Asked:
        """What a call asks for. One that is refused meets its fault, then its rate limit (`charge`), before it is told why."""
        try:
            return await asking
        except ApiError as error:
            await self.refused(call, raw, identity, error, charge)
            raise

    async def refused(self, call: Call, raw: JsonObject, identity: bytes, error: ApiError, charge: Charge | None = None) -> None:
        """Let a call that is about to be told this error meet its fault, then its rate limit: raises what comes before it."""
        if not self.is_idle(call):
            error.hit = await self.meet(call, _facts_of(call, raw), identity)
        if charge is not None:
            await _charged(charge, error.hit)

    async def _texts(self, project: str) -> Mapping[str, str]:
        return _both(*await self._store.faults_for(project))

    async def _texts_for(self, call: Call) -> Mapping[str, str]:
        standing = call.standing
        return await self._texts(call.project) if standing is None else _both(standing.faults, standing.everybodys_faults)

    def _picked(self, call: Call, texts: Mapping[str, str]) -> _Armed | None:
        """The fault that the request names: one that is known, or written out (`disconnect: output_text.delta#3`)."""
        wanted = (call.headers or {}).get("x-mock-fault")
        if not wanted:
            return None
        if wanted in texts:
            return _compiled(wanted, texts[wanted])
        if len(wanted) > _LONGEST_HEADER:
            raise _refused(f"X-Mock-Fault has {_LONGEST_HEADER} characters at most.")
        problems: list[str] = []
        for key in ("fault", "error"):
            try:
                return _compiled("X-Mock-Fault", _inline(key, wanted, call.operation))
            except MockError as error:
                problems.append(error.message)
        known = f" Known by name: {', '.join(texts)}." if texts else ""
        raise _refused(f"X-Mock-Fault: {wanted!r} is no fault's name, no fault and no error.{known} As a fault: {problems[0]}")

    @staticmethod
    def _matches(armed: _Armed, call: Call, facts: Facts, identity: bytes) -> bool:
        step = armed.step
        is_meant = step.endpoint == call.operation or fnmatchcase(call.operation, step.endpoint)
        if armed.is_picked or not is_meant or match_criteria(step.criteria, facts) is None:
            return False
        return step.chance is None or chance(identity, b"fault", armed.name.encode()) < step.chance

    @staticmethod
    def _hit(armed: _Armed, facts: Facts, moment: Moment) -> Hit | None:
        selection = Selection(armed.scenario, armed.step)
        error = scripted_error(facts, selection, lambda: template_names(facts, {}, [], [], None), moment)
        if error is not None:
            raise error
        return scripted_hit(facts, selection, moment)


def _both(own: Mapping[str, str], everybodys: Mapping[str, str]) -> Mapping[str, str]:
    return {**own, **{name: text for name, text in everybodys.items() if name not in own}} if everybodys else own


async def _charged(charge: Charge, hit: object) -> None:
    try:
        await charge()
    except ApiError as error:
        error.hit = hit
        raise


def _text(name: str, form: Mapping[str, object], *, is_armed: bool) -> str:
    about = {} if is_armed else {"about": _PICKED}
    return dumps({"scenario": FAULTS, **about, "steps": [{"name": name, **form}]}).decode()


def _inline(key: str, written: str, operation: str) -> str:
    """A scenario in YAML, so that the header is read as its value would be."""
    return f"scenario: {FAULTS}\nsteps:\n- {{name: X-Mock-Fault, when: {{endpoint: {operation}}}, {key}: {_as_value(written)}}}"


def _as_value(written: str) -> str:
    return written if ":" not in written or written.lstrip().startswith("{") else f"{{{written}}}"


def raw_facts(call: Call, raw: JsonObject) -> Facts:
    """What can be known of a call of another endpoint than create: its path, headers and body."""
    target = call.target.partition("/")[0] or None
    is_conversation = call.operation.startswith("conversations.")
    request = CreateRequest(
        conversation=target if is_conversation else None, previous_response_id=None if is_conversation else target
    )
    return Facts(request, raw, call.headers or {}, NEW_CONTEXT)


def _facts_of(call: Call, raw: JsonObject) -> Facts:
    """What can be known of a create that may be invalid; nothing of what it goes on from."""
    if call.operation != CREATE:
        return raw_facts(call, raw)
    try:
        request = parse_create(raw, lenient=True)
    except ApiError:
        return raw_facts(call, raw)
    items: Sequence[JsonObject] = request.input_items
    return Facts(request, raw, call.headers or {}, NEW_CONTEXT.with_items(items))


def _refused(message: str) -> MockError:
    return MockError(message, status=400, code="mock_invalid_fault")
