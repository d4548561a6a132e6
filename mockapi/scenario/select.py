"""Which scenario answers, and which step; and when none does, how near the nearest came."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import NamedTuple

from mockapi.scenario.load import Scenario, Step
from mockapi.scenario.match import Facts, Verdict, judge, match_criteria
from mockapi.scenario.nearness import Row, compare, lines_of, summary_of

__all__ = ["Candidate", "Selection", "nearness", "obstacle", "place_of", "select_other", "select_step", "unmatched_message"]

_NEAREST = 3
_SCRIPT = "say what to answer with mockapi.reply(...) in a test, or with a scenario that the server is given"

Fires = Callable[[Step, str], bool]
"""Whether a step's `chance` fires for this request."""


class Candidate(NamedTuple):
    """A scenario that is tried, and how often its steps were used in this project."""

    scenario: Scenario
    uses: Mapping[int, int]

    def is_used_up(self, step: Step) -> bool:
        """Whether the step may not be used again."""
        return step.times is not None and self.uses.get(step.index, 0) >= step.times

    @property
    def open_steps(self) -> Sequence[Step]:
        """Steps that may answer now: in a script only the next one."""
        if not self.scenario.is_counted:
            return self.scenario.steps
        left = [step for step in self.scenario.steps if not self.is_used_up(step)]
        return left[:1] if self.scenario.is_script else left


class Selection(NamedTuple):
    """The step that answers, what its regular expressions caught, and whether its chance fired; no step is a miss."""

    scenario: Scenario | None = None
    step: Step | None = None
    groups: Mapping[str, str] = MappingProxyType({})
    fires: bool = True


def select_step(candidates: Iterable[Candidate], facts: Facts, fires: Fires) -> Selection:
    """The first matching step of any candidate."""
    for candidate in candidates:
        for step in candidate.open_steps:
            groups = match_criteria(step.criteria, facts)
            if groups is None:
                continue
            fired = step.chance is None or fires(step, candidate.scenario.name)
            if fired or step.falls_back:
                return Selection(candidate.scenario, step, groups, fired)
    return Selection()


def select_other(candidates: Iterable[Candidate], facts: Facts, operation: str, fires: Fires) -> Selection:
    """The first matching step for an endpoint other than create; scripts have no order there."""
    for candidate in candidates:
        for step in candidate.scenario.others:
            if not fnmatchcase(operation, step.endpoint) or candidate.is_used_up(step):
                continue
            groups = match_criteria(step.criteria, facts)
            fired = step.chance is None or fires(step, candidate.scenario.name)
            if groups is not None and (fired or step.falls_back):
                return Selection(candidate.scenario, step, groups, fired)
    return Selection()


def obstacle(candidate: Candidate, step: Step, *, in_order: bool = True) -> Row | None:
    """What keeps a step from answering whatever is asked: its uses, or its turn in a script."""
    if candidate.is_used_up(step):
        used = candidate.uses.get(step.index, 0)
        return Row("times", False, f"at most {_uses(step.times or 0)}", f"{_uses(used)} already: it is used up")
    if in_order and step not in candidate.open_steps:
        return Row("order", False, "its turn in the script", f"the turn of {_turn(candidate)}")
    return None


def nearness(candidate: Candidate, step: Step, facts: Facts) -> list[Row]:
    """Every criterion of a step that did not answer; what fails first."""
    rows, stop = compare(step.criteria, facts), obstacle(candidate, step)
    if stop is None and step.chance is not None and all(row.holds for row in rows):
        stop = Row("chance", False, f"a chance of {step.chance:g} to fire", "it did not")
    return rows if stop is None else [stop, *rows]


def unmatched_message(candidates: Sequence[Candidate], facts: Facts) -> str:
    """What a person needs inside a test's traceback: the three nearest steps, each criterion with ✓ or ✗, wanted and got."""
    head = f"No scenario step matches this request: {summary_of(facts)}."
    if not candidates:
        return f"{head} No scenario is loaded: {_SCRIPT}."
    ranked = sorted((miss for candidate in candidates for miss in _misses(candidate, facts)), key=lambda miss: miss[0])
    lines = [head, "The nearest:" if ranked else "The scenarios have no step for it."]
    for _, candidate, step in ranked[:_NEAREST]:
        lines.append(f"- {place_of(candidate.scenario, step)}:")
        lines += lines_of(nearness(candidate, step, facts))
    return "\n".join(lines)


def place_of(scenario: Scenario, step: Step) -> str:
    """`weather, ask (weather.yaml:4)`."""
    return f"{scenario.name}, {step.name} ({scenario.file}:{step.line})"


def _misses(candidate: Candidate, facts: Facts) -> Iterable[tuple[tuple[int, int], Candidate, Step]]:
    scenario, waiting = candidate.scenario, candidate.open_steps
    for step in scenario.steps:
        verdict = judge(step.criteria, facts)
        is_next = scenario.is_script and step in waiting  # what a script waits for explains its miss best
        obstacles = len(verdict.differences) + (step not in waiting or candidate.is_used_up(step))
        yield (0 if is_next else max(obstacles, 1), _nearness(verdict)), candidate, step


def _uses(number: int) -> str:
    return f"{number} use{'s' if number != 1 else ''}"


def _turn(candidate: Candidate) -> str:
    waiting = candidate.open_steps
    return repr(waiting[0].name) if waiting else "nobody: the script is over"


def _nearness(verdict: Verdict) -> int:
    """Among steps with as many differences, those that agree in more come first."""
    return len(verdict.differences) - verdict.criteria
