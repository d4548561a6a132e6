"""Which scenario answers, and which step; and when none does, how near the nearest came."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from heapq import nsmallest
from types import MappingProxyType
from typing import NamedTuple

from mockapi.scenario.load import Scenario, Step
from mockapi.scenario.match import Facts, count_differences, match_criteria
from mockapi.scenario.nearness import Row, compare, lines_of, summary_of

__all__ = ["Candidate", "Selection", "nearness", "obstacle", "place_of", "select_among", "unmatched_message"]

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

    def open_among(self, steps: Iterable[Step], *, in_order: bool = True) -> Iterable[Step]:
        """Those that may answer now: in a script, where its order counts, only the next one."""
        if not self.scenario.is_counted:
            return steps
        if in_order and self.scenario.is_script:
            following = self.next_step
            return (step for step in steps if step is following)
        return (step for step in steps if not self.is_used_up(step))

    @property
    def next_step(self) -> Step | None:
        """The first step that is not used up."""
        steps = self.scenario.steps
        first = bisect_left(steps, True, key=lambda step: not self.is_used_up(step))
        if self.scenario.others or len(self.uses) not in (first, first + 1):  # some were used out of order
            return next((step for step in steps if not self.is_used_up(step)), None)
        return steps[first] if first < len(steps) else None


class Selection(NamedTuple):
    """The step that answers, what its regular expressions caught, and whether its chance fired; no step is a miss."""

    scenario: Scenario | None = None
    step: Step | None = None
    groups: Mapping[str, str] = MappingProxyType({})
    fires: bool = True


def select_among(
    candidate: Candidate, steps: Iterable[Step], facts: Facts, fires: Fires, *, in_order: bool = True
) -> Selection | None:
    """The first of a candidate's steps that matches; `in_order` tells whether a script's order counts."""
    for step in candidate.open_among(steps, in_order=in_order) if candidate.scenario.is_counted else steps:
        groups = match_criteria(step.criteria, facts)
        if groups is None:
            continue
        fired = step.chance is None or fires(step, candidate.scenario.name)
        if fired or step.falls_back:
            return tuple.__new__(Selection, (candidate.scenario, step, groups, fired))  # half the time of Selection(…)
    return None


def obstacle(candidate: Candidate, step: Step, *, in_order: bool = True) -> Row | None:
    """What keeps a step from answering whatever is asked: its uses, or its turn in a script."""
    if candidate.is_used_up(step):
        used = candidate.uses.get(step.index, 0)
        return Row("times", False, f"at most {_uses(step.times or 0)}", f"{_uses(used)} already: it is used up")
    if in_order and candidate.scenario.is_script and step is not candidate.next_step:
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
    ranked = nsmallest(
        _NEAREST, (miss for candidate in candidates for miss in _misses(candidate, facts)), key=lambda miss: miss[0]
    )
    lines = [head, "The nearest:" if ranked else "The scenarios have no step for it."]
    for _, candidate, step in ranked:
        lines.append(f"- {place_of(candidate.scenario, step)}:")
        lines += lines_of(nearness(candidate, step, facts))
    return "\n".join(lines)


def place_of(scenario: Scenario, step: Step) -> str:
    """`weather, ask (weather.yaml:4)`."""
    return f"{scenario.name}, {step.name} ({scenario.file}:{step.line})"


def _misses(candidate: Candidate, facts: Facts) -> Iterable[tuple[tuple[int, int], Candidate, Step]]:
    scenario = candidate.scenario
    following = candidate.next_step if scenario.is_script else None
    for step in scenario.steps:
        differences = count_differences(step.criteria, facts)
        is_next = step is following  # what a script waits for explains its miss best
        is_closed = (scenario.is_script and not is_next) or candidate.is_used_up(step)
        # Among steps with as many differences, those that agree in more come first.
        yield (0 if is_next else max(differences + is_closed, 1), differences - len(step.criteria)), candidate, step


def _uses(number: int) -> str:
    return f"{number} use{'s' if number != 1 else ''}"


def _turn(candidate: Candidate) -> str:
    following = candidate.next_step
    return repr(following.name) if following else "nobody: the script is over"
