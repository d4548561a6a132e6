"""Faults on positions that a scenario's own replies never reach: told by `mockapi check`."""

from collections import Counter
from collections.abc import Iterator

from mockapi.engine.score import ScoreKey, compose
from mockapi.errors import Problem
from mockapi.scenario.faults import Position
from mockapi.scenario.load import CREATE, Scenario, Step

__all__ = ["unreached"]

_AROUND = Counter({"created": 1, "in_progress": 1, "queued": 1, "completed": 1, "failed": 1, "incomplete": 1, "error": 1})


def unreached(scenario: Scenario) -> Iterator[Problem]:
    """One warning a position; replies with templates or made by the auto-responder are not known before they are asked for."""
    for step in scenario.steps:
        if step.fault is None or step.reply is None or step.reply.constant is None or step.endpoint != CREATE:
            continue
        for name, place in step.fault.positions.items():
            problem = _missed(place, _events(step))
            if problem:
                yield Problem(scenario.file, step.line, 1, f"steps[{step.index}].fault.{name}", problem)


def _events(step: Step) -> Counter[str]:
    assert step.reply is not None
    assert step.reply.constant is not None
    score = compose(step.reply.constant.drafts, ScoreKey())
    return _AROUND + Counter(note.type.removeprefix("response.") for note in score.notes)


def _missed(place: Position, events: Counter[str]) -> str:
    if place.number is not None:
        last = events.total() - len(_AROUND) + 4  # at most: queued before, an error event behind
        return "" if place.number <= last else f"no event has the number {place.number}: the last one has {last} at most"
    most = events[place.type]
    if most >= place.nth or place.type == "keepalive":
        return ""
    some = f"the reply streams {most} such event{'s' if most != 1 else ''}" if most else "the reply streams no such event"
    return f"{place} is never reached: {some}"
