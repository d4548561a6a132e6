"""What pydantic found wrong in a scenario file, in words for the person who wrote it: file:line:column, key, what was meant."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from mockapi.errors import Problem
from mockapi.scenario.forms import FORMS, LATER
from mockapi.scenario.model import (
    Defaults,
    ErrorForm,
    FailForm,
    PaceForm,
    ReplyForm,
    ScenarioFile,
    StepForm,
    ToolOutputForm,
    UsageForm,
    When,
)
from mockapi.scenario.source import Source

__all__ = ["problems_of"]

_MODELS: Mapping[str, type[BaseModel]] = {
    "": ScenarioFile,
    "steps": StepForm,
    "when": When,
    "defaults": Defaults,
    "reply": ReplyForm,
    "error": ErrorForm,
    "fail": FailForm,
    "pace": PaceForm,
    "usage": UsageForm,
    "tool_output": ToolOutputForm,
    **{name: form.long for name, form in FORMS.items() if form.long is not object},
}

Path = tuple[str | int, ...]


def problems_of(error: ValidationError, source: Source) -> list[Problem]:
    """One problem an error, sorted by where it stands."""
    found = [_problem(detail, source) for detail in error.errors(include_url=False)]
    return sorted(found, key=lambda problem: (problem.line, problem.column))


def _problem(detail: ErrorDetails, source: Source) -> Problem:
    path = tuple(part for part in detail["loc"] if isinstance(part, int) or not part.startswith(("<", "[")))
    return source.problem_at(path, _message(detail, path, source))


def _message(detail: ErrorDetails, path: Path, source: Source) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return "unknown key" + _meant(str(path[-1]), _known_keys(path))
    if kind == "missing":
        return "this key is required"
    if kind == "item":
        return _item_message(detail["input"], path, source)
    if kind == "unknown_code":
        return "unknown error code" + _meant(str(detail["input"]), str(context["known"]).split("|"), show=3)
    if kind == "literal_error":
        return f"expected {context['expected']}, got {detail['input']!r}"
    if kind in ("string_type", "union"):
        expected = "text" if kind == "string_type" else str(context["expected"])
        return f"expected {expected}, got {_got(detail['input'])}{_quote_hint(detail['input'], path, source)}"
    return str(detail["msg"]).removeprefix("Value error, ")


def _item_message(value: object, path: Path, source: Source) -> str:
    if not isinstance(value, Mapping) or ("type" not in value and len(value) != 1):
        expected = "expected an item: a mapping with one key, its type"
        return f"{expected}; got {_got(value)}{_quote_hint(value, path, source)}"
    name = str(value["type"] if "type" in value else next(iter(value)))
    if name in LATER:
        return f"the item type {name!r} is not supported yet"
    return f"unknown item type {name!r}" + _meant(name, FORMS)


def _known_keys(path: Path) -> list[str]:
    names = [part for part in path[:-1] if isinstance(part, str)]
    model = _MODELS.get(names[-1] if names else "")
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
    words: Mapping[type, str] = {bool: "a boolean", int: "a number", float: "a number", list: "a list", dict: "a mapping"}
    return "nothing" if value is None else words.get(type(value), repr(value))


def _quote_hint(value: object, path: Path, source: Source) -> str:
    written = source.written_at(path)
    if written is None or not (value is None or isinstance(value, bool | int | float)):
        return ""
    return f'; quote it: "{written}"'
