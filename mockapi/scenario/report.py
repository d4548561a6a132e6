"""What pydantic found wrong in a scenario file, in words for the person who wrote it: file:line:column, key, what was meant."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from mockapi.errors import Problem
from mockapi.scenario.checks import unanswered, unknown_types
from mockapi.scenario.failures import ErrorForm, FailForm
from mockapi.scenario.faults import FaultForm
from mockapi.scenario.forms import FORMS, ITEM_TYPES
from mockapi.scenario.limits import RateForm
from mockapi.scenario.model import (
    Defaults,
    ReplyForm,
    ScenarioFile,
    StepForm,
    ToolOutputForm,
    UsageForm,
    When,
)
from mockapi.scenario.places import Placed, items_of
from mockapi.scenario.seeds import ConversationSeed, PromptForm, PromptMessage, ResponseSeed
from mockapi.scenario.source import Source
from mockapi.scenario.timing import BackgroundForm, PaceForm
from mockapi.scenario.webhooks import WebhookForm
from mockapi.wire.typed import keys_of

__all__ = ["problems_of", "warnings_of"]

_MODELS: Mapping[str, type[BaseModel]] = {
    "": ScenarioFile,
    "steps": StepForm,
    "when": When,
    "defaults": Defaults,
    "reply": ReplyForm,
    "error": ErrorForm,
    "fail": FailForm,
    "pace": PaceForm,
    "background": BackgroundForm,
    "usage": UsageForm,
    "fault": FaultForm,
    "tool_output": ToolOutputForm,
    "prompts": PromptForm,
    "messages": PromptMessage,
    "conversations": ConversationSeed,
    "responses": ResponseSeed,
    "webhooks": WebhookForm,
    "rate_limits": RateForm,
    **{name: form.long for name, form in FORMS.items() if form.long is not object},
}

_NAMED = ("prompts", "conversations", "responses", "rate_limits")
"""Keys whose values stand under names that people give."""

Path = tuple[str | int, ...]


def problems_of(error: ValidationError, source: Source) -> list[Problem]:
    """One problem an error, sorted by where it stands; a misspelt key before the key that it should have been."""
    details = sorted(error.errors(include_url=False), key=lambda detail: detail["type"] == "missing")
    found = [_problem(detail, source) for detail in details]
    return sorted(found, key=lambda problem: (problem.line, problem.column))


def warnings_of(source: Source) -> tuple[Problem, ...]:
    """What works, but is probably not meant, in a scenario that passed its model."""
    data = source.data if isinstance(source.data, Mapping) else {}
    found = [
        ((*here, *at), message)
        for here, items, before in _item_lists(data)
        for at, message in (*((at, _unknown_type(kind)) for at, kind in unknown_types(items)), *unanswered(items, before))
    ]
    return tuple(source.problem_at(path, message) for path, message in found)


def _item_lists(data: Mapping[str, Any]) -> Iterator[tuple[Path, object, Sequence[Placed]]]:
    """(path, items, items before them) of all lists of items in a scenario; what a seed follows is not looked at."""
    for index, step in enumerate(data["steps"]):
        yield ("steps", index, "reply"), step.get("reply"), ()
    for name, seed in (data.get("conversations") or {}).items():
        yield ("conversations", name, "items"), seed.get("items"), ()
    for name, seed in (data.get("responses") or {}).items():
        if not seed.get("previous_response_id"):
            yield ("responses", name, "input"), seed.get("input"), ()
            yield ("responses", name, "output"), seed.get("output"), list(items_of(seed.get("input")))


def _unknown_type(kind: str) -> str:
    near = get_close_matches(kind, ITEM_TYPES, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"the item type {kind!r} is not known: it is sent as it is, added and done{hint}"


def _problem(detail: ErrorDetails, source: Source) -> Problem:
    path = keys_of(detail["loc"])
    if path and path[-1] == "[key]":  # pydantic's mark for an error in a key itself
        path = path[:-1]
    return source.problem_at(path, _message(detail, path, source))


def _message(detail: ErrorDetails, path: Path, source: Source) -> str:
    tell = _TELLERS.get(detail["type"])
    return tell(detail, path, source) if tell else str(detail["msg"]).removeprefix("Value error, ")


def _unknown_key(detail: ErrorDetails, path: Path, source: Source) -> str:
    return "unknown key" + _meant(str(path[-1]), _known_keys(path))


def _unknown_code(detail: ErrorDetails, path: Path, source: Source) -> str:
    given, known = str(detail["ctx"]["given"]), str(detail["ctx"]["known"]).split("|")
    words = "unknown error code" if isinstance(detail["input"], str) else f"unknown error code {given!r}, and no status"
    near = get_close_matches(given, known)
    return words + (_meant(given, near, show=3) if near else "; `mockapi errors` lists all")


def _unknown_value(detail: ErrorDetails, path: Path, source: Source) -> str:
    expected = str(detail["ctx"]["expected"])
    near = get_close_matches(str(detail["input"]), re.findall(r"'([^']*)'", expected), n=1)
    return f"expected {expected}, got {detail['input']!r}" + (f"; did you mean {near[0]!r}?" if near else "")


def _wrong_kind(detail: ErrorDetails, path: Path, source: Source) -> str:
    expected = _KINDS.get(detail["type"]) or str(detail["ctx"]["expected"])
    value = detail["input"]
    if detail["type"] == "union" and isinstance(value, Mapping) and isinstance(value.get("type"), str):
        return f"expected {expected}, got one of type {value['type']!r}"
    hint = _quote_hint(value, path, source) if "text" in expected else ""
    return f"expected {expected}, got {_got(value)}{hint}"


def _bad_item(detail: ErrorDetails, path: Path, source: Source) -> str:
    return _item_message(detail["input"], path, source)


_KINDS = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}
_TELLERS: Mapping[str, Callable[[ErrorDetails, Path, Source], str]] = {
    "extra_forbidden": _unknown_key,
    "string_pattern_mismatch": lambda detail, path, source: f"must match the pattern {detail['ctx']['pattern']}",
    "missing": lambda detail, path, source: "this key is required",
    "item": _bad_item,
    "unknown_code": _unknown_code,
    "unknown_endpoint": lambda detail, path, source: (
        "unknown endpoint" + _meant(str(detail["input"]), str(detail["ctx"]["known"]).split("|"), show=3)
    ),
    "literal_error": _unknown_value,
    "union": _wrong_kind,
    **dict.fromkeys(_KINDS, _wrong_kind),
}


def _item_message(value: object, path: Path, source: Source) -> str:
    if isinstance(value, Mapping) and "type" in value:
        return f"expected text as the item's type, got {_got(value['type'])}"
    if not isinstance(value, Mapping) or len(value) != 1:
        expected = "expected an item: a mapping with one key, its type"
        return f"{expected}; got {_got(value)}{_quote_hint(value, path, source)}"
    name = str(next(iter(value)))
    return f"unknown item type {name!r}" + _meant(name, FORMS)


def _known_keys(path: Path) -> list[str]:
    names = [part for part in path[:-1] if isinstance(part, str)]
    is_named = len(names) == 2 and names[0] in _NAMED
    model = _MODELS.get(names[0] if is_named else names[-1] if names else "")
    if model is None:
        return []
    return [field.alias or name for name, field in model.model_fields.items()]


def _meant(name: str, known: Iterable[str], show: int = 1) -> str:
    known = list(known)
    near: Sequence[str] = get_close_matches(name, known, n=show, cutoff=0.5 if show > 1 else 0.6)
    if near:
        return "; did you mean " + " or ".join(repr(each) for each in near) + "?"
    return f"; known: {', '.join(known)}" if known else ""


def _got(value: object) -> str:
    words: Mapping[type, str] = {
        bool: "a boolean",
        int: "a number",
        float: "a number",
        list: "a list",
        dict: "a mapping",
    }
    return "nothing" if value is None else words.get(type(value), repr(value))


def _quote_hint(value: object, path: Path, source: Source) -> str:
    written = source.written_at(path)
    if written is None or not isinstance(value, bool | int | float):
        return ""
    return f'; quote it: "{written}"'
