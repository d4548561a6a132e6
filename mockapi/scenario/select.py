"""Which scenario answers, and which step; and when none does, how near the nearest came."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import NamedTuple

from mockapi.scenario.load import Scenario, Step
from mockapi.scenario.match import Facts, Verdict, judge, match_criteria

__all__ = ["Candidate", "Selection", "select_other", "select_step", "unmatched_message"]

_NEAREST = 3

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


def unmatched_message(candidates: Sequence[Candidate], facts: Facts) -> str:
    """What a person needs inside a test's traceback: the three nearest steps, wanted and got."""
    lines = ["No scenario step matches this request."]
    if not candidates:
        return lines[0] + " No scenario is loaded."
    misses = [miss for candidate in candidates for miss in _misses(candidate, facts)]
    for _, text in sorted(misses, key=lambda miss: miss[0])[:_NEAREST]:
        lines.append(text)
    return "\n".join(lines)


def _misses(candidate: Candidate, facts: Facts) -> Iterable[tuple[tuple[int, int], str]]:
    scenario, waiting = candidate.scenario, candidate.open_steps
    for step in scenario.steps:
        verdict = judge(step.criteria, facts)
        where = f"{scenario.name}, {step.name} ({scenario.file}:{step.line})"
        reasons = [str(difference) for difference in verdict.differences]
        if candidate.is_used_up(step):
            reasons.append(f"used up: it may be used {step.times} time{'s' if step.times != 1 else ''}")
        elif step not in waiting:
            reasons.append("not its turn: the steps of a script are used in order")
        reasons = reasons or ["its chance did not fire"]
        is_next = scenario.is_script and step in waiting  # what a script waits for explains its miss best
        yield (
            (0 if is_next else len(reasons), _nearness(verdict)),
            f"- {where}:" + "".join(f"\n    {reason}" for reason in reasons),
        )


def _nearness(verdict: Verdict) -> int:
    """Among steps with as many differences, those that agree in more come first."""
    return len(verdict.differences) - verdict.criteria
