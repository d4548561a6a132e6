"""Verification: was that asked, how often, in which order, and nothing else? By the criteria of steps, on the journal's calls."""

from collections.abc import Callable, Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cached_property, lru_cache
from typing import NamedTuple

from mockapi.errors import MockError, ScenarioError
from mockapi.scenario.load import CREATE, Scenario, Step, load_text
from mockapi.scenario.match import Facts, match_criteria
from mockapi.scenario.nearness import Row, compare, lines_of, summary_of
from mockapi.scenario.select import Candidate, place_of, unmatched_message
from mockapi.service.core import Core
from mockapi.service.evidence import DELIVERY, facts_of_entry, made_by
from mockapi.service.records import Records
from mockapi.stores.base import ALL_PROJECTS
from mockapi.stores.records import Entry
from mockapi.wire.json import JsonObject, dumps, loads

__all__ = ["KEYS", "NOT_VERIFIED", "Finding", "Verification"]

NOT_VERIFIED = "mock_not_verified"
"""The code of the answer to a verification that fails."""

_NEAREST = 3
_MOST_SHOWN = 5
_LONGEST_BODY = 1_000
KEYS = ("when", "count", "at_least", "at_most", "sequence", "only", "all_steps_used", "scripts_used", "all_matched", "all_over")


class Near(NamedTuple):
    """A call of the journal, and how near it came to what was expected."""

    label: str
    call: str
    rows: Sequence[Row]

    @property
    def data(self) -> JsonObject:
        """As JSON."""
        return {"request": self.call, "what": self.label, "criteria": [row.data for row in self.rows]}


class Finding(NamedTuple):
    """What came of one expectation; one that does not hold has the nearest calls, or lines that tell the rest."""

    holds: bool
    expected: str
    found: str
    nearest: Sequence[Near] = ()
    lines: Sequence[str] = ()

    def __str__(self) -> str:
        text = [f"Expected {self.expected}, found {self.found}.", *self.lines]
        text += ["The nearest:"] if self.nearest else []
        for near in self.nearest:
            text += [f"- {near.label}:", *lines_of(near.rows)]
        return "\n".join(text)

    @property
    def data(self) -> JsonObject:
        """As JSON."""
        return {"expected": self.expected, "found": self.found, "nearest": [near.data for near in self.nearest]}


class _Call:
    """One call of the journal, numbered as it came; what it says is read when somebody looks."""

    def __init__(self, number: int, entry: Entry) -> None:
        self.number = number
        self.entry = entry

    @cached_property
    def facts(self) -> Facts:
        return facts_of_entry(self.entry)

    @property
    def label(self) -> str:
        """`request 2 (responses.create 200): model 'gpt-4o', input 'Hello'`."""
        entry = self.entry
        what = entry.operation or f"{entry.method} {entry.path}"
        said = summary_of(self.facts) if entry.operation.startswith("responses.c") else entry.path
        return f"request {self.number} ({what} {entry.status or '-'}): {said}"

    def fits(self, step: Step) -> bool:
        is_meant = fnmatchcase(self.entry.operation, step.endpoint)
        return is_meant and match_criteria(step.criteria, self.facts) is not None

    def near(self, steps: Sequence[Step]) -> Near:
        """How near it came to the nearest of some steps."""
        tried = [compare(step.criteria, self.facts) for step in steps if fnmatchcase(self.entry.operation, step.endpoint)]
        return Near(self.label, self.entry.id, min(tried, key=_failing, default=[]))


def _failing(rows: Sequence[Row]) -> int:
    return sum(not row.holds for row in rows)


class _Asked(NamedTuple):
    """The calls of a project that are verified, in order."""

    calls: Sequence[_Call]

    def fitting(self, step: Step) -> list[_Call]:
        return [call for call in self.calls if call.fits(step)]

    def of(self, endpoints: Collection[str]) -> list[_Call]:
        return [call for call in self.calls if any(fnmatchcase(call.entry.operation, endpoint) for endpoint in endpoints)]

    def nearest(self, step: Step, without: Collection[_Call] = ()) -> list[Near]:
        """The calls that came nearest to a step, the first of equals first."""
        near = [call.near([step]) for call in self.of([step.endpoint]) if call not in without]
        return sorted(near, key=lambda each: _failing(each.rows))[:_NEAREST]


class Verification:
    """Holds a project's journal against what a test expects."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._store = core.store
        self._records = Records(core)

    async def verify(self, project: str, form: Mapping[str, object]) -> dict[str, Finding]:
        """What came of every expectation of the form, by its key; `MockError` 400 says what is wrong with it."""
        unknown = sorted(set(form) - set(KEYS))
        if unknown:
            raise _refused(f"There is no key '{unknown[0]}'. Keys: {', '.join(KEYS)}.")
        entries = [entry for entry in await self._core.entries(project) if entry.operation != DELIVERY]
        asked = _Asked([_Call(number, entry) for number, entry in enumerate(entries, start=1)])
        found: dict[str, Finding] = {}
        if "when" in form or {"count", "at_least", "at_most"} & set(form):
            found["when"] = _counted(asked, _step(form.get("when", {})), _bounds(form))
        if "sequence" in form:
            found["sequence"] = _in_order(asked, _steps(form, "sequence"))
        if "only" in form:
            found["only"] = _nothing_else(asked, _steps(form, "only"))
        if _is_set(form, "all_matched"):
            found["all_matched"] = await self._matched(project, asked)
        if _is_set(form, "all_steps_used"):
            found["all_steps_used"] = await self._used(project, asked, _every)
        if _is_set(form, "scripts_used"):
            found["scripts_used"] = await self._used(project, asked, _scripted)
        if _is_set(form, "all_over"):
            found["all_over"] = await self._over(project, asked)
        if not found:
            raise _refused(f"Say what is expected: one or more of {', '.join(KEYS)}.")
        return found

    async def _over(self, project: str, asked: _Asked) -> Finding:
        """No background run goes on."""
        lines: list[str] = []
        for call in asked.of([CREATE]):
            if call.facts.request.background and call.entry.status == 200:
                response_id = made_by(call.entry)
                seen = await self._records.response(project, response_id)
                status = await self._records.status(project, seen) if seen else None
                if status in ("queued", "in_progress"):
                    lines.append(f"- {response_id} of {call.label} is still {status}")
        expected = "that every background response is over"
        return Finding(not lines, expected, _number(len(lines), "that runs", "that run") if lines else "that", lines=lines)

    async def _candidates(self, project: str) -> list[Candidate]:
        scenarios = await self._core.scenarios_of(project)
        return [Candidate(scenario, await self._store.step_uses(project, scenario.name)) for scenario in scenarios]

    async def _matched(self, project: str, asked: _Asked) -> Finding:
        """Every create was answered by a step."""
        missed = [call for call in asked.calls if call.entry.is_unmatched]
        expected = "that a scenario step answers every request"
        if not missed:
            return Finding(True, expected, "that")
        candidates = await self._candidates(project)
        lines: list[str] = []
        for call in missed[:_MOST_SHOWN]:
            lines += [f"- {call.label}", f"    sent: {_body(call.entry)}"]
            lines += [f"    {line}" for line in _miss_of(call, candidates)]
        return Finding(False, expected, f"{_number(len(missed), 'request')} without one", lines=lines)

    async def _used(self, project: str, asked: _Asked, which: Callable[[Scenario, bool], Sequence[Step]]) -> Finding:
        """Every step (of the project's own scenarios, if it has any) answered at least once."""
        own = await self._store.get_scenarios(project) if project != ALL_PROJECTS else {}
        unused = [
            (candidate.scenario, step)
            for candidate in await self._candidates(project)
            if not own or candidate.scenario.name in own
            for step in which(candidate.scenario, bool(own))
            if not candidate.uses.get(step.index)
        ]
        expected = "that every step is used" if which is _every else "that every step of the scripts is used"
        if not unused:
            return Finding(True, expected, "that")
        lines: list[str] = []
        for scenario, step in unused[:_MOST_SHOWN]:
            lines.append(f"- never used: {place_of(scenario, step)}")
            for near in asked.nearest(step)[:1]:
                lines += [f"    nearest: {near.label}", *lines_of(near.rows, "        ")]
        return Finding(False, expected, f"{_number(len(unused), 'step')} that nothing asked for", lines=lines)


def _every(scenario: Scenario, has_own: bool) -> Sequence[Step]:
    return [*{step.index: step for step in (*scenario.steps, *scenario.others)}.values()]


def _scripted(scenario: Scenario, has_own: bool) -> Sequence[Step]:
    return scenario.steps if scenario.is_script and has_own else ()


def _counted(asked: _Asked, step: Step, bounds: tuple[int, int | None]) -> Finding:
    fitting = asked.fitting(step)
    least, most = bounds
    expected = f"{_range(least, most)} of {step.endpoint} with {_wanted(step)}"
    found = f"{len(fitting)} among {_number(len(asked.calls), 'request')}"
    if len(fitting) < least:
        return Finding(False, expected, found, asked.nearest(step, without=fitting))
    if most is not None and len(fitting) > most:
        return Finding(False, expected, found, lines=[f"- {call.label}" for call in fitting[:_MOST_SHOWN]])
    return Finding(True, expected, found)


def _in_order(asked: _Asked, steps: Sequence[Step]) -> Finding:
    """Each after the one before; others may stand between."""
    expected = f"a sequence of {_number(len(steps), 'request')}"
    rest = asked
    seen: list[str] = []
    for number, step in enumerate(steps, start=1):
        fitting = rest.fitting(step)
        if not fitting:
            before = [call for call in asked.fitting(step) if call not in rest.calls]
            found = f"it only before its turn: {before[-1].label}" if before else "none"
            expected = f"{expected}; number {number} is {step.endpoint} with {_wanted(step)}"
            return Finding(False, expected, found, rest.nearest(step), seen)
        rest = _Asked([call for call in asked.calls if call.number > fitting[0].number])
        seen.append(f"- number {number} was {fitting[0].label}")
    return Finding(True, expected, "it")


def _nothing_else(asked: _Asked, steps: Sequence[Step]) -> Finding:
    """Every call of the endpoints that are named fits one of the steps; with none named: creates."""
    expected = f"no request but {' or '.join(_wanted(step) for step in steps)}" if steps else "no request at all"
    calls = asked.of({step.endpoint for step in steps} or {CREATE})
    others = [call for call in calls if not any(call.fits(step) for step in steps)]
    if not others:
        return Finding(True, expected, "none")
    return Finding(False, expected, _number(len(others), "other"), [call.near(steps) for call in others[:_NEAREST]])


def _wanted(step: Step) -> str:
    return ", ".join(f"{criterion.field} {criterion.wanted}" for criterion in step.criteria) or "anything"


def _number(count: int, noun: str, nouns: str | None = None) -> str:
    return f"{count or 'no'} {noun if count == 1 else nouns or f'{noun}s'}"


def _range(least: int, most: int | None) -> str:
    if least == most:
        return f"{least} request{'s' if least != 1 else ''}"
    if most is None:
        return f"at least {least}"
    return f"{least} to {most}" if least else f"at most {most}"


def _body(entry: Entry) -> str:
    text = entry.request.decode("utf-8", "replace")
    return text if len(text) <= _LONGEST_BODY else f"{text[:_LONGEST_BODY]}…"


def _miss_of(call: _Call, candidates: Sequence[Candidate]) -> list[str]:
    """What the miss was told at the time; one that was answered all the same is held against the steps as they are now."""
    entry = call.entry
    told = loads(entry.response) if entry.status == 422 and entry.response else None
    error = told.get("error") if isinstance(told, dict) else None
    message = str(error["message"]) if isinstance(error, dict) else unmatched_message(candidates, call.facts)
    return message.splitlines()[1:] or [message]


def _bounds(form: Mapping[str, object]) -> tuple[int, int | None]:
    given = {key: form[key] for key in ("count", "at_least", "at_most") if form.get(key) is not None}
    for key, value in given.items():
        if type(value) is not int or value < 0:
            raise _refused(f"'{key}' is a whole number, 0 or more.")
    if "count" in given and len(given) > 1:
        raise _refused("'count' is an exact number: it stands without 'at_least' and 'at_most'.")
    if "count" in given:
        return int(str(given["count"])), int(str(given["count"]))
    least = int(str(given.get("at_least", 0 if "at_most" in given else 1)))
    most = int(str(given["at_most"])) if "at_most" in given else None
    if most is not None and most < least:
        raise _refused("'at_most' is less than 'at_least'.")
    return least, most


def _is_set(form: Mapping[str, object], key: str) -> bool:
    if form.get(key, True) is not True:
        raise _refused(f"'{key}' is true, or left out.")
    return key in form


def _steps(form: Mapping[str, object], key: str) -> list[Step]:
    given = form[key]
    if not isinstance(given, list) or (key == "sequence" and not given):
        raise _refused(f"'{key}' is a list of `when`s.")
    return [_step(each, f"{key}[{number}]") for number, each in enumerate(given)]


def _step(when: object, name: str = "when") -> Step:
    """A `when`, compiled as a step's."""
    if isinstance(when, dict) and set(when) == {"when"}:
        when = when["when"]
    if not isinstance(when, dict):
        raise _refused(f"'{name}' is a mapping, as in a scenario's step.")
    written = dumps(when)
    return (_compiled if len(written) <= _LONGEST_KEPT else _compiled.__wrapped__)(written, name)


_LONGEST_KEPT = 65_536  # bytes of a `when`


@lru_cache(maxsize=256)
def _compiled(when: bytes, name: str) -> Step:
    text = dumps({"scenario": "verify", "steps": [{"when": loads(when), "fault": "timeout"}]}).decode()
    try:
        scenario = load_text(text, "verify")
    except ScenarioError as error:
        told = [f"{problem.key.replace('steps[0].when', name)}: {problem.message}" for problem in error.problems]
        raise _refused("\n".join(told)) from None
    return (*scenario.steps, *scenario.others)[0]


def _refused(message: str) -> MockError:
    return MockError(message, status=400, code="mock_invalid_verification")
