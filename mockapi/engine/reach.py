"""Faults that have nothing to act on in what a scenario itself says: told by `mockapi check`.

Each step is played, as a stream and as a body; what templates say is not known before they are asked.
"""

from collections.abc import Iterator, Mapping, Sequence

from mockapi.engine.faults import BodyFaults, StreamFaults
from mockapi.engine.planner import Moment, plan_reply
from mockapi.engine.timeline import Timeline
from mockapi.errors import Problem
from mockapi.scenario.context import NEW_CONTEXT
from mockapi.scenario.faults import Fault
from mockapi.scenario.load import CREATE, Scenario, Step
from mockapi.scenario.match import Facts
from mockapi.scenario.select import Selection
from mockapi.scenario.spoil import spoiled
from mockapi.wire.requests import CreateRequest

__all__ = ["unreached"]

_NOBODY = b"check"
_RETRIEVE = "responses.retrieve"
_NO_NAMES: Mapping[str, object] = {}


def unreached(scenario: Scenario) -> Iterator[Problem]:
    """One warning for each thing that a step's fault will never do."""
    for step in (*scenario.steps, *scenario.others):
        for what in _idle(scenario, step) if step.fault is not None else ():
            yield Problem(scenario.file, step.line, 1, f"steps[{step.index}].fault", f"never reached: {what}")


def _idle(scenario: Scenario, step: Step) -> Sequence[str]:
    fault = step.fault
    assert fault is not None
    if step.endpoint != CREATE or step.error is not None:
        streams = step.endpoint == _RETRIEVE and step.error is None
        return () if streams else _of_body(fault, is_error=step.error is not None)
    if step.reply is None or step.reply.constant is None or (step.fail is not None and step.fail.render is not None):
        return ()
    if (fault.bad_tool_call or fault.bad_json) and spoiled(step.reply.constant.drafts, fault) == step.reply.constant.drafts:
        return [f"{fault}: there is nothing of that kind in the reply"]
    wants = step.wants_stream
    if wants is False:
        return _of_body(fault, is_error=False)
    # A position by number is elsewhere in a background stream: told is what neither reaches. A body may be asked for, too.
    idle = [_of_stream(fault, _timeline(scenario, step, is_background=each)) for each in (False, True)]
    return [what for what in idle[0] if what in idle[1] and (wants or not what.startswith("corrupt_json"))]


def _timeline(scenario: Scenario, step: Step, *, is_background: bool) -> Timeline:
    request = CreateRequest(model="gpt-4o", input="x", stream=True, background=is_background)
    facts = Facts(request, {}, {}, NEW_CONTEXT)
    moment = Moment(_NOBODY, 0.0, seal="00" * 32)
    return plan_reply(facts, Selection(scenario, step), lambda: _NO_NAMES, moment)


def _of_stream(fault: Fault, timeline: Timeline) -> Sequence[str]:
    played = StreamFaults(fault, lambda number: b"")
    for event in timeline.events():
        for _ in played.feed(event.framed):
            pass
    for _ in played.finish():
        pass
    return played.unreached


def _of_body(fault: Fault, *, is_error: bool) -> Sequence[str]:
    """What a body of any length has no place for."""
    told = [what for what in BodyFaults(fault, b"").unreached if not what.startswith("disconnect")]
    return [what for what in told if is_error or not what.startswith("stream_error")]
