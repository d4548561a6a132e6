"""The scenarios that a request is tried with, and which of their steps may answer it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from functools import cached_property
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from mockapi.scenario.index import StepIndex
from mockapi.scenario.load import CREATE, Scenario, Step
from mockapi.scenario.match import Facts

__all__ = ["Shelf", "Tried"]

_FEW = 16  # steps that are tried as quickly as they are looked up

Found = tuple[Scenario, Iterable[Step]]
"""A scenario, and those of its steps that may answer, in order. The steps are gone when the next one is asked for."""


class _Steps(NamedTuple):
    """The steps for one operation: by scenario, each with its scenario's place, and where there are many an index."""

    by_scenario: Sequence[Found]
    placed: Sequence[tuple[int, Step]]
    lookup: StepIndex | None


class Shelf:
    """Scenarios in the order that they are tried in. Indexes are made when an operation is first asked for, and kept."""

    def __init__(self, scenarios: Iterable[Scenario]) -> None:
        self.scenarios = tuple(scenarios)
        self._steps: dict[str, _Steps] = {}

    def found(self, operation: str, facts: Facts) -> Iterable[Found]:
        """Every step that answers this request is among them; others may be."""
        steps = self._steps.get(operation) or self.prepared(operation)
        return steps.by_scenario if steps.lookup is None else self._picked(steps, steps.lookup.places(facts))

    def _picked(self, steps: _Steps, places: Iterator[int]) -> Iterator[Found]:
        placed = steps.placed
        for number, group in groupby((placed[place] for place in places), key=itemgetter(0)):
            yield self.scenarios[number], (step for _, step in group)

    def has(self, operation: str) -> bool:
        """Whether there is a step for an operation."""
        return bool((self._steps.get(operation) or self.prepared(operation)).by_scenario)

    def prepared(self, operation: str) -> _Steps:
        """Make the index of an operation, so that no request has to wait for it."""
        by_scenario = [(scenario, steps) for scenario in self.scenarios if (steps := _steps_for(scenario, operation))]
        places = {id(scenario): number for number, scenario in enumerate(self.scenarios)}
        placed = [(places[id(scenario)], step) for scenario, steps in by_scenario for step in steps]
        index = StepIndex(step for _, step in placed) if len(placed) > _FEW else None
        made = self._steps[operation] = _Steps(by_scenario, placed, index)
        return made


def _steps_for(scenario: Scenario, operation: str) -> Sequence[Step]:
    if operation == CREATE:
        return scenario.steps
    return [step for step in scenario.others if step.is_for(operation)]


class Tried(tuple[Scenario, ...]):
    """Scenarios by their order, from several shelves: of each without those that a shelf before it has by the same name."""

    def __new__(cls, shelves: Sequence[Shelf] = ()) -> "Tried":
        """In the order of the shelves."""
        known: dict[str, Scenario] = {}
        for shelf in shelves:
            for scenario in shelf.scenarios:
                known.setdefault(scenario.name, scenario)
        return super().__new__(cls, known.values())

    def __init__(self, shelves: Sequence[Shelf] = ()) -> None:
        parts: list[tuple[Shelf, Set[str]]] = []
        before: set[str] = set()
        for shelf in shelves:
            names = {scenario.name for scenario in shelf.scenarios}
            parts.append((shelf, frozenset(before & names)))
            before |= names
        self._parts = tuple(parts)
        self._alone = shelves[0] if len(shelves) == 1 else None
        self._only: dict[str, Tried] = {}

    def found(self, operation: str, facts: Facts) -> Iterable[Found]:
        """As a shelf has it."""
        return self._found(operation, facts) if self._alone is None else self._alone.found(operation, facts)

    def _found(self, operation: str, facts: Facts) -> Iterator[Found]:
        for shelf, hidden in self._parts:
            for scenario, steps in shelf.found(operation, facts):
                if scenario.name not in hidden:
                    yield scenario, steps

    def has(self, operation: str) -> bool:
        """Whether there may be a step for an operation."""
        return any(shelf.has(operation) for shelf, _ in self._parts)

    def only(self, name: str) -> "Tried | None":
        """The one scenario of that name."""
        if name not in self._only:
            found = self._by_name.get(name)
            if found is None:
                return None
            self._only[name] = Tried([Shelf([found])])
        return self._only[name]

    @cached_property
    def _by_name(self) -> Mapping[str, Scenario]:
        return {scenario.name: scenario for scenario in self}

    @cached_property
    def limited(self) -> Sequence[Scenario]:
        """Those that limit rates."""
        return [scenario for scenario in self if scenario.rate_limits]

    @cached_property
    def ways(self) -> frozenset[str | None]:
        """What becomes of a miss: what the scenarios say, None for nothing."""
        return frozenset(scenario.unmatched for scenario in self)

    @cached_property
    def seals(self) -> frozenset[str]:
        """The encrypted contents that are scripted."""
        return frozenset(seal for scenario in self for seal in scenario.seals)
