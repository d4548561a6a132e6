"""What `mockapi check --strict` finds beyond what is wrong: parts of a scenario that can do nothing, and names nobody knows.

A finding is told only where it is certain from the files alone.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from mockapi.errors import Problem
from mockapi.scenario.covering import Wants, covers, wants_of
from mockapi.scenario.model import ScenarioFile, StepForm
from mockapi.scenario.names import NAMES
from mockapi.scenario.seeds import PROMPT_VARIABLE, PromptForm
from mockapi.scenario.source import Source, read_source
from mockapi.scenario.template import is_template, spoken_names
from mockapi.scenario.text import regex_of

__all__ = ["audit_files", "audit_source"]

At = tuple[str | int, ...]
Finding = tuple[At, str]


def audit_files(files: Iterable[str]) -> list[Problem]:
    """The findings of scenario files that load; a prompt counts as used when any of the files names it."""
    sources = [read_source(Path(file)) for file in files]
    texts = [text for source in sources for text in _texts_beside_prompts(source.data)]
    return [problem for source in sources for problem in audit_source(source, texts)]


def audit_source(source: Source, texts: Sequence[str] | None = None) -> list[Problem]:
    """The findings of one file; `texts` are those that may name its prompts (default: its own)."""
    form = ScenarioFile.model_validate(source.data)
    texts = list(_texts_beside_prompts(source.data)) if texts is None else texts
    found = [*_unreachable(form), *_unknown_names(source.data), *_prompts(form, texts)]
    problems = [source.problem_at(at, message) for at, message in found]
    return sorted(problems, key=lambda problem: (problem.line, problem.column))


def _unreachable(form: ScenarioFile) -> Iterator[Finding]:
    """Steps behind one that always answers what they ask for, and steps whose chance never comes."""
    taken: list[tuple[int, Wants]] = []
    for index, step in enumerate(form.steps):
        wants = wants_of(step.when)
        before = next((number for number, earlier in taken if covers(earlier, wants)), None)
        if before is not None:
            name = f" ({form.steps[before].name})" if form.steps[before].name else ""
            yield ("steps", index), f"never answers: steps[{before}]{name} is earlier, and matches all that this one asks for"
        elif step.chance == 0 and not _falls_back(step):
            yield ("steps", index, "chance"), "never answers: its chance is 0"
        if form.mode == "rules" and step.times is None and (step.chance in (None, 1) or _falls_back(step)):
            taken.append((index, wants))


def _falls_back(step: StepForm) -> bool:
    """Without its chance the reply is given plainly: it answers either way."""
    return step.reply is not None and any((step.error, step.fail, step.incomplete, step.fault))


def _unknown_names(data: object) -> Iterator[Finding]:
    written = data.get("steps") if isinstance(data, Mapping) else None
    for index, raw in enumerate(written if isinstance(written, list) else []):
        groups = set(_groups_of(raw.get("when")))
        for key in ("reply", "error", "fail"):
            for at, text in _texts(raw.get(key), ("steps", index, key)):
                if is_template(text):
                    yield from ((at, message) for message in _unknown_in(text, groups))


def _unknown_in(text: str, groups: set[str]) -> Iterator[str]:
    for name in sorted(spoken_names(text)):
        group = name.removeprefix("match.")
        if group != name and group not in groups:
            known = f"; it has {', '.join(sorted(groups))}" if groups else ""
            yield f"no regular expression of this step's `when` has a group {group!r}{known}"
        elif group == name and name not in NAMES:
            near = get_close_matches(name, NAMES, n=1)
            yield f"templates know no name {name!r}" + (
                f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(NAMES)}"
            )


def _groups_of(when: object) -> Iterator[str]:
    """The named groups of every regular expression in a `when` as written."""
    for _, text in _texts(when, ()):
        yield from _groups_in(text)


def _groups_in(text: str) -> Iterator[str]:
    """Of `/…/`; what stands under `matches` may come without the slashes."""
    for candidate in (text, f"/{text}/"):
        try:
            pattern = regex_of(candidate)
        except ValueError:
            continue
        yield from pattern.groupindex if pattern else ()


def _prompts(form: ScenarioFile, texts: Sequence[str]) -> Iterator[Finding]:
    named = "\n".join(texts)
    for prompt_id, prompt in form.prompts.items():
        if not re.search(rf"(?<![A-Za-z0-9_]){re.escape(prompt_id)}(?![A-Za-z0-9_])", named):
            yield ("prompts", prompt_id), "unused: no step's `when`, no reply and no seed of these files names this prompt"
        yield from _variables(("prompts", prompt_id), prompt)


def _variables(at: At, prompt: PromptForm) -> Iterator[Finding]:
    used: set[str] = set()
    for index, message in enumerate(prompt.messages):
        for name in dict.fromkeys(PROMPT_VARIABLE.findall(message.text)):
            used.add(name)
            if name not in prompt.variables:
                yield (*at, "messages", index, "text"), f"{name!r} is not among the prompt's variables: it stays as it is written"
    for index, name in enumerate(prompt.variables):
        if name not in used:
            yield (*at, "variables", index), f"unused: no message of the prompt has {name!r}"


def _texts_beside_prompts(data: object) -> Iterator[str]:
    """Every text in what may name a prompt."""
    for key in ("steps", "conversations", "responses"):
        yield from (text for _, text in _texts(data.get(key) if isinstance(data, Mapping) else None, ()))


def _texts(value: object, at: At) -> Iterator[tuple[At, str]]:
    """Every text in a tree, and where it stands."""
    if isinstance(value, str):
        yield at, value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _texts(each, (*at, str(key)))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _texts(each, (*at, index))
