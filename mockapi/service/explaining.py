"""Why a call in the journal was answered as it was: every step that it was tried with, as the steps are now."""

from mockapi.errors import MockError
from mockapi.scenario.explain import Explanation, explain, refusal_of
from mockapi.scenario.load import Scenario
from mockapi.scenario.select import Candidate
from mockapi.service.core import Core
from mockapi.service.evidence import facts_of_entry
from mockapi.stores.records import Entry
from mockapi.wire.json import object_of

__all__ = ["Explaining"]


class Explaining:
    """Explains calls of one server's journals."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._store = core.store

    async def explain(self, project: str, entry_id: str) -> tuple[Entry, Explanation]:
        """A call, and what its steps say to it now: those that it used up itself are told as they were before it."""
        entry = next((entry for entry in await self._core.entries(project) if entry.id == entry_id), None)
        if entry is None:
            why = "another key made it, or the journal has forgotten it"
            message = f"There is no call '{entry_id}' in the journal of this API key: {why}."
            raise MockError(message, status=404, code="mock_unknown_request")
        candidates = [await self._candidate(project, scenario, entry) for scenario in await self._core.scenarios_of(project)]
        explanation = explain(candidates, facts_of_entry(entry), entry.operation)
        return entry, explanation._replace(refused=_refusal(entry))

    async def _candidate(self, project: str, scenario: Scenario, entry: Entry) -> Candidate:
        uses = dict(await self._store.step_uses(project, scenario.name))
        for step in (*scenario.steps, *scenario.others):
            if (scenario.name, step.name) == (entry.scenario, entry.step) and uses.get(step.index):
                uses[step.index] -= 1
        return Candidate(scenario, uses)


def _refusal(entry: Entry) -> str:
    """Status, code and words of an error that no step, no fault and no want of a step has made."""
    error = object_of(entry.response).get("error")
    if entry.step or entry.fault or entry.is_unmatched or not isinstance(error, dict):
        return ""
    return refusal_of(entry.status, error.get("code"), error.get("message"))
