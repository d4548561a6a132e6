"""Faults that have nothing to act on in what a scenario itself says: told by `mockapi check`.

Each step is played, as a stream and as a body; what templates say is not known before they are asked.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from mockapi.engine.faults import BodyFaults, StreamFaults
from mockapi.engine.planner import Moment, plan_reply
from mockapi.engine.timeline import Timeline
from mockapi.errors import Problem
from mockapi.scenario.context import NEW_CONTEXT
from mockapi.scenario.faults import Fault
from mockapi.scenario.load import CREATE, Scenario, Step
from mockapi.scenario.match import Facts
from mockapi.scenario.model import OPERATIONS
from mockapi.scenario.reply import Rendered, Reply
from mockapi.scenario.select import Selection
from mockapi.scenario.spoil import spoiled
from mockapi.wire.json import JsonObject
from mockapi.wire.requests import CreateRequest

__all__ = ["unreached"]

_NOBODY = b"check"
_RETRIEVE = "responses.retrieve"
_NO_NAMES: Mapping[str, object] = {}
_OF_HALVES = ("disconnect at", "malformed", "stall", "stream_error", "truncate")
"""What a position of these means on a body: its half."""


def unreached(scenario: Scenario) -> Iterator[Problem]:
    """One warning for each thing that a step's fault will never do."""
    steps = {step.index: step for step in (*scenario.steps, *scenario.others)}  # a glob's step is among both
    for step in steps.values():
        for what in _idle(scenario, step) if step.fault is not None else ():
            yield Problem(scenario.file, step.line, 1, f"steps[{step.index}].fault", f"never reached: {what}")


def _idle(scenario: Scenario, step: Step) -> Sequence[str]:
    fault = step.fault
    assert fault is not None
    if step.error is not None:
        return _of_body(fault, is_error=True)
    operations = {name for name in OPERATIONS if fnmatchcase(name, step.endpoint)}
    if _RETRIEVE in operations:
        return ()  # its streams are those of any response
    if CREATE not in operations:
        return _of_body(fault, is_error=False)
    idle = _of_create(scenario, step, fault)
    return idle if operations == {CREATE} else [what for what in idle if not what.startswith("corrupt_json")]


def _of_create(scenario: Scenario, step: Step, fault: Fault) -> Sequence[str]:
    if step.reply is None or step.reply.constant is None or (step.fail is not None and step.fail.render is not None):
        return ()
    if (fault.bad_tool_call or fault.bad_json) and spoiled(step.reply.constant.drafts, fault) == step.reply.constant.drafts:
        return [f"{fault}: there is nothing of that kind in the reply"]
    wants = step.wants_stream
    if wants is False:
        return _of_body(fault, is_error=False)
    idle = _of_stream(fault, _timeline(scenario, step, {}))
    for timeline in _timelines(scenario, step) if idle else ():
        still = _of_stream(fault, timeline)
        idle = [what for what in idle if what in still]
    if wants:
        return idle
    # A body may be asked for, too.
    return [
        f"{what} (in a stream; of a JSON body it is the half)" if what.startswith(_OF_HALVES) else what
        for what in idle
        if not what.startswith("corrupt_json")
    ]


_MOST: JsonObject = {
    "tools": [{"type": "image_generation", "partial_images": 3}],
    "input": [{"type": "mcp_approval_response", "approval_request_id": "mcpr_check", "approve": True}],
}
"""What makes a stream longer than the step alone says: pictures on their way, a call that was approved."""
_LEAST: JsonObject = {"parallel_tool_calls": False, "max_tool_calls": 1}
_COMPACTED = b'{"verbatim":{"type":"compaction","encrypted_content":"x"}}'


def _timelines(scenario: Scenario, step: Step) -> Iterator[Timeline]:
    """The other streams that requests can make of a step; what one of them reaches is not told."""
    longest = _longest(step)
    behind: JsonObject = {"background": True}
    yield _timeline(scenario, step, behind)
    for fields in ({}, behind):
        yield _timeline(scenario, step, {**fields, **_LEAST})
        yield _timeline(scenario, longest, {**fields, **_MOST})


def _longest(step: Step) -> Step:
    """The step for a request that lets it say most: cut at no limit, compacted at its end, every wait as long as can be."""
    reply, pace = step.reply, step.pace
    assert reply is not None
    assert reply.constant is not None
    drafts = reply.constant.drafts
    if not (step.fail or step.incomplete):
        drafts = b"[%b]" % b",".join([part for part in (drafts[1:-1], _COMPACTED) if part])
    return replace(
        step,
        reply=Reply(Rendered(drafts, reply.constant.overrides)),
        incomplete=None if step.incomplete == "max_output_tokens" else step.incomplete,
        pace=pace.model_copy(update={"rate": pace.rate and pace.rate / (1 + pace.jitter), "jitter": 0.0}),
    )


def _timeline(scenario: Scenario, step: Step, fields: JsonObject) -> Timeline:
    request = CreateRequest(**{"model": "gpt-4o", "input": "x", "stream": True, **fields})
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
