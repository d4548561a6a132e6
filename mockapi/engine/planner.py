"""The planner: a matched step and a request become a plan. Pure; what it needs of clock, store and chance is given to it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from mockapi.engine.faults import Hit
from mockapi.engine.items import Cut, Shaping
from mockapi.engine.mould import Mould
from mockapi.engine.pace import Chunk, Pace
from mockapi.engine.plan import COMPLETED, NEVER_S, Background, Ending, Plan
from mockapi.engine.score import USUAL_KEY, Score, ScoreKey, score_of
from mockapi.engine.shaping import ImageSettings, container_of, image_settings, links_of, showable
from mockapi.engine.timeline import Timeline
from mockapi.errors import ApiError
from mockapi.scenario.faults import Fault
from mockapi.scenario.load import Step
from mockapi.scenario.match import Facts
from mockapi.scenario.reply import Rendered, check_json
from mockapi.scenario.responder import respond
from mockapi.scenario.select import Selection
from mockapi.scenario.spoil import spoiled
from mockapi.wire.catalogue.scripted import error_from, failure_of
from mockapi.wire.counter import FRAMING_TOKENS, Counter, Counting
from mockapi.wire.ids import request_id_of
from mockapi.wire.json import JsonObject
from mockapi.wire.models import family_of
from mockapi.wire.objects import PLAIN, Usage, echo_request, tool_usage
from mockapi.wire.requests import CreateRequest

__all__ = ["Moment", "Names", "count_input", "plan_given", "plan_reply", "scripted_error", "scripted_hit", "usual_mould"]

Names = Callable[[], Mapping[str, object]]
"""What templates may speak of; asked only if something is to be rendered."""


class Moment(NamedTuple):
    """What of the world goes into a plan: the digest all ids derive from, the clock's seconds, the chain's partition.

    `input_tokens` of them `cached_tokens` are billed, counted by `counting`; `seal` is the key of encrypted contents;
    `instructions` are a prompt's messages, shown instead of the request's.
    """

    identity: bytes
    now: float
    partition: str | None = None
    input_tokens: int = 0
    cached_tokens: int = 0
    counting: Counting = "estimate"
    seal: str = ""
    instructions: Sequence[JsonObject] | None = None

    @property
    def request_id(self) -> str:
        """The `x-request-id` of the call."""
        return request_id_of(self.identity)


def plan_reply(facts: Facts, selection: Selection, names: Names, moment: Moment, hit: Hit | None = None) -> Timeline:
    """The timeline of the answer, spoiled as the fault says; raises the `ApiError` that the step scripts instead, if it does."""
    request, step = facts.request, selection.step
    fault = hit.fault if hit else None
    if step is None:
        return _timeline(facts, _spoiled(Rendered(respond(facts), {}), fault), COMPLETED, moment)
    scenario = selection.scenario.name if selection.scenario else ""
    error = scripted_error(facts, selection, names, moment) if step.error is not None else None
    if error is not None:
        raise error
    reply = step.reply.rendered(names) if step.reply else _SILENT if step.ends_early else Rendered(respond(facts), {})
    if reply.jsons and not (fault and fault.bad_json):
        check_json(reply, request.text)
    reply = _spoiled(reply, fault)
    ending = _ending(step, names, _fillers(request, moment)) if selection.fires and step.ends_early else COMPLETED
    return _timeline(facts, reply, ending, moment, step, scenario)


def usual_mould(facts: Facts, selection: Selection, counting: Counting, seal: str) -> Mould | None:
    """What `plan_reply` would fill for this request, unmet by any fault; None where step or request are not the usual ones."""
    step, scenario, request = selection.step, selection.scenario, facts.request
    if step is None or scenario is None or not step.is_usual or not _is_usual(request):
        return None
    mould = _usual_mould(
        step, scenario.name, request.model, request.store, request.wants_obfuscation, _included(request), counting, seal
    )
    return None if mould.scripted else mould


def _is_usual(request: CreateRequest) -> bool:
    """It has no parameter that leaves a trace in the answer, but `model` and `store`."""
    if request.background or not request.given <= PLAIN:
        return False
    return type(request.input) is str or not (_links(request) or request.asks_to_compact)


def _spoiled(reply: Rendered, fault: Fault | None) -> Rendered:
    return replace(reply, drafts=spoiled(reply.drafts, fault)) if fault and (fault.bad_tool_call or fault.bad_json) else reply


def scripted_hit(facts: Facts, selection: Selection, moment: Moment) -> Hit | None:
    """The fault of the step, if it has one and its chance fired."""
    fault = selection.step.fault if selection.step is not None and selection.fires else None
    if fault is None or selection.step is None:
        return None
    by = (selection.scenario.name if selection.scenario else "", selection.step.name)
    return Hit(fault, _fillers(facts.request, moment), by)


def scripted_error(facts: Facts, selection: Selection, names: Names, moment: Moment) -> ApiError | None:
    """The error that the step scripts, if it does and its chance fired."""
    step = selection.step
    if step is None or step.error is None or not selection.fires:
        return None
    error = error_from(step.error.rendered(names), _fillers(facts.request, moment))
    error.answered_by = (selection.scenario.name if selection.scenario else "", step.name)
    error.hit = scripted_hit(facts, selection, moment)
    return error


def plan_given(facts: Facts, reply: Rendered, moment: Moment) -> Timeline:
    """The timeline of a reply that no step gives: what a scenario lays down from the start."""
    return _timeline(facts, reply, COMPLETED, moment)


_NOTHING: JsonObject = {}  # never changed
_SILENT = Rendered(b"[]", {}, is_constant=True)
_INSTANT = Pace()


def _timeline(
    facts: Facts, reply: Rendered, ending: Ending, moment: Moment, step: Step | None = None, scenario: str = ""
) -> Timeline:
    request = facts.request
    is_own = step is not None and reply is (step.reply.constant if step.reply else _SILENT)  # not one that a fault has spoiled
    is_usual = step is not None and is_own and ending is COMPLETED and not step.pace.jitter
    if is_usual and step is not None and _is_usual(request):
        mould = _usual_mould(
            step, scenario, request.model, request.store, request.wants_obfuscation, _included(request), moment.counting,
            moment.seal,
        )  # fmt: skip
        if not mould.scripted:
            return mould.usual(moment.identity, moment.now, moment.input_tokens, moment.cached_tokens, moment.partition)
        spent = mould.score.output_tokens, mould.score.reasoning_tokens
    else:
        mould = _mould(request, reply, ending, moment, step, scenario)
        spent = _spent(mould.score, request, ending)
    usage: Mapping[str, object] = Usage(moment.input_tokens, *spent, moment.cached_tokens)
    if mould.scripted:
        usage = _with_scripted(usage, mould.scripted)
    return mould.timeline(moment.identity, moment.now, usage, moment.partition)


def _links(request: CreateRequest) -> tuple[tuple[str, str], ...]:
    return () if isinstance(request.input, str) else links_of(request.input)


@lru_cache(maxsize=256)
def _usual_mould(
    step: Step, scenario: str, model: str, store: bool, obfuscation: bool, include: tuple[str, ...], counting: Counting, seal: str
) -> Mould:
    """That of a constant step for requests without unusual parameters; a step that is loaded anew is another one."""
    options = None if obfuscation else {"include_obfuscation": False}
    request = CreateRequest(model=model, input="", store=store, include=list(include), stream_options=options)
    reply = step.reply.constant if step.reply else _SILENT
    assert reply is not None
    return _mould(request, reply, COMPLETED, Moment(b"", 0.0, counting=counting, seal=seal), step, scenario)


def _mould(request: CreateRequest, reply: Rendered, ending: Ending, moment: Moment, step: Step | None, scenario: str) -> Mould:
    """What of a plan follows from the step and the request's parameters."""
    pace = _paced(step.pace.first, step.pace.rate, step.pace.chunk, step.pace.jitter, step.pace.keepalive) if step else _INSTANT
    defaults = step.defaults if step else _NOTHING
    overrides, usage, own_id = _NOTHING, _NOTHING, ""
    if defaults or reply.overrides:
        overrides = {**defaults, **reply.overrides}
        usage = {**_figures(defaults.get("usage")), **_figures(overrides.pop("usage", None))}
        own_id = str(overrides.pop("id", ""))
    key = _key(request, ending, moment, pace)
    score = score_of(reply.drafts, key, is_constant=reply.is_constant)
    if score.searches:
        overrides = {"tool_usage": tool_usage(score.searches), **overrides}
    if moment.instructions is not None:
        overrides = {"instructions": moment.instructions, **overrides}
    blank = Plan(
        digest=b"",
        started_at=0.0,
        echo=echo_request(request, overrides),
        drafts=reply.drafts,
        key=key,
        usage=_NOTHING,
        scenario=scenario,
        step=step.name if step else "",
        id=own_id,
        is_stored=request.store,
        ending=ending,
        background=_background(step, request, pace) if request.background else None,
    )
    return Mould(blank, score, usage)


def _key(request: CreateRequest, ending: Ending, moment: Moment, pace: Pace) -> ScoreKey:
    links, container = _links(request), container_of(request.tools) if request.tools else ""
    is_short = len(container) + sum(len(each) for _, each in links) <= _LONGEST_KEPT
    key = (_score_key if is_short else _score_key.__wrapped__)(
        pace,
        family_of(request.model).encrypts_always,
        request.background,
        request.wants_obfuscation,
        request.parallel_tool_calls,
        _included(request),
        request.top_logprobs,
        _cut(request, ending),
        request.max_tool_calls,
        image_settings(request.tools),
        moment.counting,
        moment.seal,
        links,
        container,
    )
    return replace(key, seed=moment.identity.hex()) if pace.jitter else key


_LONGEST_KEPT = 1_000  # characters of ids that a request names


def _included(request: CreateRequest) -> tuple[str, ...]:
    """What is included, each once."""
    return tuple(dict.fromkeys(request.include)) if request.include else ()


def _background(step: Step | None, request: CreateRequest, pace: Pace) -> Background:
    """How the run of a background response goes."""
    form = step.background if step else None
    if form is None:
        return Background(is_streamed=request.stream)
    if isinstance(form, str):  # manual
        return Background(1.0, 1.0, "manual", is_spread=True, is_streamed=request.stream)
    if form.stuck is not None:
        queued_s, in_progress_s = (NEVER_S, 0.0) if form.stuck == "queued" else (0.0, NEVER_S)
        return Background(queued_s, in_progress_s, is_spread=True, is_streamed=request.stream)
    spans = (form.queued or 0.0, form.in_progress or 0.0)
    by_polls = any(isinstance(span, int) for span in spans)
    is_spread = pace.is_instant and spans[1] != 0.0
    return Background(
        float(str(spans[0])), float(str(spans[1])), "polls" if by_polls else "clock", is_spread, is_streamed=request.stream
    )  # fmt: skip


def count_input(facts: Facts, counter: Counter) -> int:
    """Tokens that the effective input, the instructions and the tools of a request cost."""
    request, tokens = facts.request, facts.context.tokens + FRAMING_TOKENS
    if request.instructions:
        tokens += counter.count(request.instructions)
    return tokens + counter.count_tools(request.tools) if request.tools else tokens


def _fillers(request: CreateRequest, moment: Moment) -> Mapping[str, str]:
    return {"model": request.model, "request_id": moment.request_id}


def _ending(step: Step, names: Names, fillers: Mapping[str, str]) -> Ending:
    if step.fail:
        return Ending("failed", failure_of(step.fail.rendered(names), fillers))
    if step.incomplete:
        return Ending("incomplete", reason=step.incomplete)
    return COMPLETED


def _spent(score: Score, request: CreateRequest, ending: Ending) -> tuple[int, int]:
    """(output tokens, of which reasoning tokens); a response stopped by its limit has spent the limit at most."""
    limit = request.max_output_tokens if ending.reason == "max_output_tokens" else None
    if limit is None:
        return score.output_tokens, score.reasoning_tokens
    return min(score.output_tokens, limit), min(score.reasoning_tokens, limit)


def _cut(request: CreateRequest, ending: Ending) -> Cut | None:
    if ending.status != "incomplete":
        return None
    return Cut(request.max_output_tokens if ending.reason == "max_output_tokens" else None)


@lru_cache(maxsize=256)
def _paced(first_s: float, rate: float | None, chunk: Chunk, jitter: float, keepalive_s: float) -> Pace:
    return Pace(first_s, 1 / rate if rate else 0.0, chunk, jitter, keepalive_s)


@lru_cache(maxsize=256)
def _score_key(
    pace: Pace,
    encrypts_always: bool,
    background: bool,
    obfuscation: bool,
    parallel: bool,
    include: tuple[str, ...],
    top_logprobs: int,
    cut: Cut | None,
    most_hosted: int | None,
    image: ImageSettings,
    counting: Counting,
    seal: str,
    links: tuple[tuple[str, str], ...],
    container: str,
) -> ScoreKey:
    """Few keys serve all requests; made once, they are also hashed faster."""
    has_logprobs = "message.output_text.logprobs" in include
    shaping = Shaping(
        has_logprobs=has_logprobs,
        top_logprobs=top_logprobs if has_logprobs else 0,
        is_encrypted="reasoning.encrypted_content" in include,
        encrypts_always=encrypts_always,
        one_call=not parallel,
        chunk=pace.chunk,
        cut=cut,
        include=showable(include),
        most_hosted=most_hosted,
        image=image,
        seal=seal if encrypts_always or "reasoning.encrypted_content" in include else "",
        links=links,
        container=container,
    )
    key = ScoreKey(shaping, pace, obfuscation and not background, 3 if background else 2, counting=counting)
    return USUAL_KEY if key == USUAL_KEY else key


def _figures(form: object) -> JsonObject:
    return {key: value for key, value in form.items() if value is not None} if isinstance(form, dict) else {}


def _with_scripted(counted: Mapping[str, object], scripted: Mapping[str, object]) -> JsonObject:
    """Scripted figures win; the total follows unless it is scripted too."""
    details = {"cached_tokens": "input_tokens_details", "reasoning_tokens": "output_tokens_details"}
    usage = dict(counted)
    for name, value in scripted.items():
        key = details.get(name, name)
        before = usage[key]
        if isinstance(before, dict):
            usage[key] = {**before, **(value if isinstance(value, dict) else {name: value})}
        else:
            usage[key] = value
    if "total_tokens" not in scripted:
        usage["total_tokens"] = sum(int(str(usage[name])) for name in ("input_tokens", "output_tokens"))
    return usage
