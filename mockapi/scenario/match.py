"""Matching: does a step answer this request? The answer is evidence, not a boolean.

A `when` is compiled to criteria once; each tells what was wanted and what came.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import NamedTuple

from mockapi.scenario.context import Context
from mockapi.scenario.hints import OF_OUTPUTS, Hint, is_name, pairs_of, pointer_hints, text_hints
from mockapi.scenario.model import ToolOutputForm, When
from mockapi.scenario.text import TextMatcher, compile_text, is_matcher
from mockapi.wire.json import JsonObject, dumps
from mockapi.wire.requests import CreateRequest
from mockapi.wire.tools import tool_names

__all__ = ["Criterion", "Difference", "Facts", "Known", "Verdict", "compile_when", "judge", "match_criteria", "shown"]

_LONGEST_SHOWN = 200


class Facts(NamedTuple):
    """What matching may look at: the request, its raw body and headers, and the effective input, folded."""

    request: CreateRequest
    raw: JsonObject
    headers: Mapping[str, str]
    context: Context

    @property
    def known(self) -> "Known":
        """What body and headers alone do not tell of it."""
        return Known(self.context, self.request.model, self.request.instructions, self.request.store)

    @property
    def instructions(self) -> str:
        """`instructions` and system or developer messages together."""
        return f"{self.request.instructions or ''}\n{self.context.system_text}".strip("\n")

    @property
    def tools(self) -> list[str]:
        """Names and types on offer."""
        return tool_names(self.offered)

    @property
    def offered(self) -> list[JsonObject]:
        """The tools on offer: the request's, and those that `additional_tools` items of its input add (SDK)."""
        added: list[JsonObject] = []
        for item in self.request.input if isinstance(self.request.input, list) else []:
            tools = item.get("tools")
            if item.get("type") == "additional_tools" and isinstance(tools, list):
                added += tools
        return [*self.request.tools, *added] if added else self.request.tools


class Known(NamedTuple):
    """What matching saw of a create beyond its body and headers: the effective input, and what prompt or project set."""

    context: Context
    model: str
    instructions: str | None
    store: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """One criterion that does not hold."""

    field: str
    wanted: str
    got: str

    def __str__(self) -> str:
        return f"{self.field}: wanted {self.wanted}, got {self.got}"


@dataclass(slots=True)
class Verdict:
    """What came of comparing one step: no differences means it answers; `groups` feed `match.NAME`."""

    differences: list[Difference] = field(default_factory=list)
    groups: dict[str, str] = field(default_factory=dict)
    criteria: int = 0


class Said(str):
    """What came, in words; other values are shown as data."""

    __slots__ = ()


class _Holds:
    """The answer of a check that holds."""


HOLDS = _Holds()

Check = Callable[[Facts, dict[str, str]], object]
"""`HOLDS`, else what came: a value, or words for it; named groups are put into the dict."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """One key of a `when`, compiled. `get` is what came, for whoever wants to see it although the check holds.

    Each of `hints` is true of every request that the check holds for: indexes go by them.
    """

    field: str
    wanted: str
    check: Check
    get: Callable[[Facts], object]
    literal: str | None = None
    hints: tuple[Hint, ...] = ()


def judge(criteria: Iterable[Criterion], facts: Facts) -> Verdict:
    """Compare a step with a request: every difference, in words."""
    verdict = Verdict()
    for criterion in criteria:
        got = criterion.check(facts, verdict.groups)
        verdict.criteria += 1
        if got is not HOLDS:
            verdict.differences.append(Difference(criterion.field, criterion.wanted, shown(got)))
    return verdict


def count_differences(criteria: Iterable[Criterion], facts: Facts) -> int:
    """How many criteria do not hold."""
    groups: dict[str, str] = {}
    return sum(criterion.check(facts, groups) is not HOLDS for criterion in criteria)


def match_criteria(criteria: Iterable[Criterion], facts: Facts) -> Mapping[str, str] | None:
    """What the regular expressions of a matching step caught; None at the first criterion that does not hold."""
    groups: dict[str, str] = {}
    for criterion in criteria:
        if criterion.check(facts, groups) is not HOLDS:
            return None
    return groups


def compile_when(when: When) -> tuple[Criterion, ...]:
    """The criteria of a `when`, in the order of the model's fields."""
    return tuple(
        criterion
        for name in type(when).model_fields
        if (value := getattr(when, name)) is not None and (build := _BUILDERS.get(name))
        for criterion in build(value, when)
    )


def shown(value: object) -> str:
    """A value for people: words as they are, anything else as data, long ones cut."""
    if isinstance(value, Said):
        return str(value)
    text = repr(value) if isinstance(value, str) else dumps(value).decode()
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def _equal(name: str, wanted: object, get: Callable[[Facts], object]) -> list[Criterion]:
    def check(facts: Facts, groups: dict[str, str]) -> object:
        got = get(facts)
        return HOLDS if got == wanted and type(got) is type(wanted) else got

    return [Criterion(name, shown(wanted), check, get, hints=(Hint(name, "value", get, (wanted,)),))]


def _text(name: str, matcher: TextMatcher, get: Callable[[Facts], str | None]) -> Criterion:
    def check(facts: Facts, groups: dict[str, str]) -> object:
        got = get(facts)
        result = matcher.test(got or "")
        groups.update(result.groups)
        return HOLDS if result.holds else Said("nothing") if got is None else got

    return Criterion(name, matcher.wanted, check, get, matcher.literal, text_hints(name, matcher.needles, get))


def _model(value: object, when: When) -> list[Criterion]:
    glob = str(value)

    def check(facts: Facts, groups: dict[str, str]) -> object:
        return HOLDS if fnmatchcase(facts.request.model, glob) else facts.request.model

    hints = (Hint("model", "value", _model_of, (glob,)),) if is_name(glob) else ()
    return [Criterion("model", shown(glob), check, _model_of, hints=hints)]


def _model_of(facts: Facts) -> str:
    return facts.request.model


def _input(value: object, when: When) -> list[Criterion]:
    inner = _text("input", compile_text(value), lambda facts: facts.context.user_text)

    def check(facts: Facts, groups: dict[str, str]) -> object:
        if when.tool_output is None and facts.context.brings_outputs:
            return Said("tool outputs and no user message after them (name `tool_output` to match such a turn)")
        return inner.check(facts, groups) if facts.context.has_user else Said("no user message")

    return [Criterion("input", inner.wanted, check, inner.get, inner.literal, inner.hints)]


def _tool_output(value: object, when: When) -> list[Criterion]:
    wanted = value.model_dump(exclude_none=True) if isinstance(value, ToolOutputForm) else {"name": value}
    matcher = compile_text(wanted["output"]) if "output" in wanted else None

    def check(facts: Facts, groups: dict[str, str]) -> object:
        for output in reversed(facts.context.outputs):
            if wanted.get("name") not in (None, output.name) or wanted.get("call_id") not in (None, output.call_id):
                continue
            if matcher is None:
                return HOLDS
            result = matcher.test(output.output)
            groups.update(result.groups)
            if result.holds:
                return HOLDS
        return get(facts)

    def get(facts: Facts) -> object:
        came = [f"{output.name}: {output.output}" if matcher else output.name for output in facts.context.outputs]
        return came or Said("no tool output")

    words = {**wanted, "output": matcher.wanted} if matcher else wanted
    hints = tuple(Hint(f"tool_output {key}", "member", find, (wanted[key],)) for key, find in OF_OUTPUTS.items() if key in wanted)
    return [Criterion("tool_output", shown(value if isinstance(value, str) else words), check, get, hints=hints)]


def _approval(value: object, when: When) -> list[Criterion]:
    def check(facts: Facts, groups: dict[str, str]) -> object:
        return HOLDS if value in facts.context.approvals else get(facts)

    def get(facts: Facts) -> object:
        return list(facts.context.approvals) or Said("no approval")

    hint = Hint("approval", "member", lambda facts: facts.context.approvals, (value is True,))
    return [Criterion("approval", shown(value), check, get, hints=(hint,))]


def _tools(value: object, when: When) -> list[Criterion]:
    wanted = list(value) if isinstance(value, list) else []

    def check(facts: Facts, groups: dict[str, str]) -> object:
        offered = facts.tools
        missing = [name for name in wanted if name not in offered]
        return Said(f"no {', '.join(missing)} among {shown(sorted(set(offered)))}") if missing else HOLDS

    hints = tuple(Hint("tools", "member", lambda facts: facts.tools, (name,)) for name in wanted)
    return [Criterion("tools", shown(wanted), check, lambda facts: sorted(set(facts.tools)), hints=hints)]


def _includes(got: object, wanted: object) -> bool:
    """Equality, or for mappings: every wanted key is there and fits."""
    if isinstance(wanted, Mapping) and isinstance(got, Mapping):
        return all(key in got and _includes(got[key], each) for key, each in wanted.items())
    return got == wanted


def _subset(name: str, get: Callable[[Facts], object]) -> Callable[[object, When], list[Criterion]]:
    def build(value: object, when: When) -> list[Criterion]:
        def check(facts: Facts, groups: dict[str, str]) -> object:
            got = get(facts)
            return HOLDS if _includes(got, value) else got

        pairs = value.items() if isinstance(value, Mapping) and name == "metadata" else ()
        hints = tuple(Hint(name, "member", pairs_of(get), (pair,)) for pair in pairs if isinstance(pair[1], str))
        return [Criterion(name, shown(value), check, get, hints=hints)]

    return build


def _reference(name: str, get: Callable[[Facts], str | None]) -> Callable[[object, When], list[Criterion]]:
    """True or false asks for presence, a string for that id."""

    def build(value: object, when: When) -> list[Criterion]:
        def check(facts: Facts, groups: dict[str, str]) -> object:
            got = get(facts)
            fits = (got is not None) == value if isinstance(value, bool) else got == value
            return HOLDS if fits else got or Said("none")

        is_there = Hint(f"{name} is there", "value", lambda facts: get(facts) is not None, (value,))
        hint = is_there if isinstance(value, bool) else Hint(name, "value", get, (value,))
        return [Criterion(name, shown(value), check, lambda facts: get(facts) or Said("none"), hints=(hint,))]

    return build


def _instructions(value: object, when: When) -> list[Criterion]:
    return [_text("instructions", compile_text(value), lambda facts: facts.instructions or None)]


def _format(value: object, when: When) -> list[Criterion]:
    def get(facts: Facts) -> object:
        form = (facts.request.text or {}).get("format")
        return form.get("name", form["type"]) if form else None

    return _equal("format", value, get)


def _prompt(value: object, when: When) -> list[Criterion]:
    return _equal("prompt", value, lambda facts: facts.request.prompt["id"] if facts.request.prompt else None)


def _headers(value: object, when: When) -> list[Criterion]:
    def build(name: str, matcher: object) -> Criterion:
        return _text(f"headers.{name}", compile_text(matcher), lambda facts: facts.headers.get(name.lower()))

    return [build(str(name), matcher) for name, matcher in value.items()] if isinstance(value, Mapping) else []


def _body(value: object, when: When) -> list[Criterion]:
    return [_at_pointer(str(pointer), wanted) for pointer, wanted in value.items()] if isinstance(value, Mapping) else []


def _at_pointer(pointer: str, wanted: object) -> Criterion:
    """A string is a text matcher on texts; anything else is compared."""
    name = f"body{pointer}"
    matcher = compile_text(wanted) if is_matcher(wanted) else None

    def check(facts: Facts, groups: dict[str, str]) -> object:
        found, got = resolve_pointer(facts.raw, pointer)
        if not found:
            return Said("nothing")
        if matcher is not None and isinstance(got, str):
            result = matcher.test(got)
            groups.update(result.groups)
            return HOLDS if result.holds else got
        return HOLDS if _includes(got, wanted) and isinstance(got, bool) == isinstance(wanted, bool) else got

    def get(facts: Facts) -> object:
        found, got = resolve_pointer(facts.raw, pointer)
        return got if found else Said("nothing")

    words, literal = (matcher.wanted, matcher.literal) if matcher else (shown(wanted), None)
    return Criterion(name, words, check, get, literal, pointer_hints(name, wanted, matcher.needles if matcher else (), get))


def resolve_pointer(value: object, pointer: str) -> tuple[bool, object]:
    """(found, value) at an RFC 6901 JSON Pointer."""
    for raw in pointer.split("/")[1:]:
        part = raw.replace("~1", "/").replace("~0", "~")
        if isinstance(value, Mapping) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isascii() and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return False, None
    return True, value


def _flag(name: str) -> Callable[[object, When], list[Criterion]]:
    return lambda value, when: _equal(name, value, lambda facts: getattr(facts.request, name))


_BUILDERS: Mapping[str, Callable[[object, When], list[Criterion]]] = {
    "model": _model,
    "input": _input,
    "tool_output": _tool_output,
    "approval": _approval,
    "turn": lambda value, when: _equal("turn", value, lambda facts: facts.context.turn),
    "instructions": _instructions,
    "tools": _tools,
    "tool_choice": _subset("tool_choice", lambda facts: facts.request.tool_choice),
    "stream": _flag("stream"),
    "background": _flag("background"),
    "store": _flag("store"),
    "conversation": _reference("conversation", lambda facts: facts.request.conversation_id),
    "previous_response": _reference("previous_response", lambda facts: facts.request.previous_response_id),
    "prompt": _prompt,
    "format": _format,
    "metadata": _subset("metadata", lambda facts: facts.request.metadata or {}),
    "headers": _headers,
    "body": _body,
}
"""How each key of `when` becomes criteria; `endpoint` selects the operation before any of them."""
