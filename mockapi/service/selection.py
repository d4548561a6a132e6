"""Which step answers a call; uses are counted here, so that racing requests never share the last one."""

import logging
from collections.abc import Callable, Mapping, Sequence

from mockapi.engine.faults import Hit
from mockapi.engine.planner import scripted_error, scripted_hit
from mockapi.errors import MockError
from mockapi.scenario.load import CREATE, Scenario, Step
from mockapi.scenario.match import Facts
from mockapi.scenario.names import template_names
from mockapi.scenario.select import Candidate, Fires, Selection, select_among, unmatched_message
from mockapi.scenario.tried import Tried
from mockapi.service.core import Call, Core
from mockapi.service.faults import Faults, raw_facts
from mockapi.wire.ids import chance
from mockapi.wire.json import JsonObject

__all__ = ["NO_MATCH", "Selector"]

log = logging.getLogger("mockapi")

NO_MATCH = "mock_no_match"
"""The code of a miss."""


class Selector:
    """Picks steps of the scenarios that a call is tried with."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._store = core.store
        self._faults = Faults(core)

    async def select(self, call: Call, facts: Facts, identity: bytes, scenarios: Tried) -> Selection:
        """The step that answers a create; `MockError` 422 for a miss where that is an error."""
        while True:
            selection = await self._found(call, CREATE, facts, _fires(identity), scenarios)
            scenario, step, _, _ = selection
            if step is None or scenario is None:
                break
            if await self._store.use_step(call.project, scenario.name, step.index, step.times):
                return selection
        ways = scenarios.ways
        if "error" in ways or (self._core.settings.unmatched == "error" and (None in ways or not ways)):
            message = unmatched_message(await self._candidates(call.project, scenarios), facts)
            log.warning("%s", message)
            raise MockError(message, status=422, code=NO_MATCH)
        return selection

    async def select_other(self, call: Call, facts: Facts, identity: bytes) -> Selection:
        """The step that a scenario has for a call of another endpoint; none is not a miss."""
        scenarios = await self._core.tried(call)
        while call.operation != CREATE and scenarios.has(call.operation):
            selection = await self._found(call, call.operation, facts, _fires(identity), scenarios)
            if await self._is_used(call.project, selection):
                return selection
        return Selection()

    async def scripted(self, call: Call, identity: bytes, raw: JsonObject) -> Hit | None:
        """The fault that meets this call of another endpoint; raises the error that is scripted for it, if one is."""
        facts = raw_facts(call, raw)
        hit = await self._faults.meet(call, facts, identity)
        selection = await self.select_other(call, facts, identity)
        if selection.step is None or not selection.fires:
            return hit
        moment = await self._core.moment_of(call, identity)
        error = scripted_error(facts, selection, lambda: template_names(facts, selection.groups, [], [], None), moment)
        if error is not None:
            error.hit = hit or error.hit
            raise error
        return hit or scripted_hit(facts, selection, moment)

    async def _is_used(self, project: str, selection: Selection) -> bool:
        """Count the use; False if somebody else took the last one meanwhile."""
        step, scenario = selection.step, selection.scenario
        if step is None or scenario is None:
            return True
        return await self._store.use_step(project, scenario.name, step.index, step.times)

    async def _found(self, call: Call, operation: str, facts: Facts, fires: Fires, scenarios: Tried) -> Selection:
        """The first step that matches now; scripts have an order for creates alone."""
        for scenario, steps in scenarios.found(operation, facts):
            uses = await self._store.step_uses(call.project, scenario.name) if scenario.is_counted else _UNCOUNTED
            candidate = tuple.__new__(Candidate, (scenario, uses))  # half the time of Candidate(…)
            found = select_among(candidate, steps, facts, fires, in_order=operation == CREATE)
            if found is not None:
                return found
        return Selection()

    async def _candidates(self, project: str, scenarios: Sequence[Scenario]) -> list[Candidate]:
        candidates = []
        for scenario in scenarios:
            uses = await self._store.step_uses(project, scenario.name) if scenario.is_counted else _UNCOUNTED
            candidates.append(Candidate(scenario, uses))
        return candidates


_UNCOUNTED: Mapping[int, int] = {}


def _fires(identity: bytes) -> Callable[[Step, str], bool]:
    """Whether a step's chance fires for one call."""

    def fires(step: Step, scenario: str) -> bool:
        return chance(identity, b"chance", f"{scenario}/{step.index}".encode()) < (step.chance or 0.0)

    return fires
