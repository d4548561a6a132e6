"""What `mockapi check --strict` finds beyond what is wrong: parts of a scenario that can do nothing, and names nobody knows.

A finding is told only where it is certain from the files alone.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from mockapi.errors import Problem
from mockapi.scenario.covering import Wants, covers, wants_of
from mockapi.scenario.model import OPERATIONS, ScenarioFile, StepForm, ToolOutputForm, When, has_part
from mockapi.scenario.names import NAMES
from mockapi.scenario.seeds import PROMPT_VARIABLE, PromptForm
from mockapi.scenario.source import Source, read_source
from mockapi.scenario.template import is_template, spoken_names
from mockapi.scenario.text import compile_text, is_matcher, regex_of

__all__ = ["audit_files", "audit_source"]

At = tuple[str | int, ...]
Finding = tuple[At, str]


class _Uses(NamedTuple):
    """What of some files may use their prompts: every text beside the prompts, and what the steps ask for."""

    texts: Sequence[str]
    whens: Sequence[When]


def audit_files(files: Iterable[str]) -> list[Problem]:
    """The findings of scenario files that load; a prompt counts as used when any of the files uses it."""
    sources = [read_source(Path(file)) for file in files]
    forms = [ScenarioFile.model_validate(source.data) for source in sources]
    uses = _uses_in(sources, forms)
    return [problem for source, form in zip(sources, forms, strict=True) for problem in _audited(source, form, uses)]


def audit_source(source: Source) -> list[Problem]:
    """The findings of one file by itself."""
    form = ScenarioFile.model_validate(source.data)
    return _audited(source, form, _uses_in([source], [form]))


def _audited(source: Source, form: ScenarioFile, uses: _Uses) -> list[Problem]:
    found = [*_unreachable(form), *_unknown_names(source.data, form), *_prompts(form, uses)]
    problems = [source.problem_at(at, message) for at, message in found]
    return sorted(problems, key=lambda problem: (problem.line, problem.column))


def _uses_in(sources: Iterable[Source], forms: Iterable[ScenarioFile]) -> _Uses:
    texts = [text for source in sources for text in _texts_beside_prompts(source.data)]
    return _Uses(texts, [step.when for form in forms for step in form.steps])


def _unreachable(form: ScenarioFile) -> Iterator[Finding]:
    """Steps behind one that always answers what they ask for, and steps whose chance never comes."""
    taken: list[tuple[int, Wants]] = []
    for index, step in enumerate(form.steps):
        wants = _wants_of(step)
        before = next((number for number, earlier in taken if covers(earlier, wants)), None)
        if before is not None:
            name = f" ({form.steps[before].name})" if form.steps[before].name else ""
            yield ("steps", index), f"never answers: steps[{before}]{name} is earlier, and matches all that this one asks for"
        elif step.chance == 0 and not _falls_back(step):
            yield ("steps", index, "chance"), "never answers: its chance is 0"
        if form.mode == "rules" and step.times is None and (step.chance in (None, 1) or _falls_back(step)):
            taken.append((index, wants))


def _wants_of(step: StepForm) -> Wants:
    """What a step asks for, of the operations that it does something for."""
    wants = wants_of(step.when)
    breaks = step.error is not None or step.fault is not None
    operations = (name for name in wants.operations if has_part(name, replies=step.reply is not None, breaks=breaks))
    return wants._replace(operations=frozenset(operations))


def _falls_back(step: StepForm) -> bool:
    """Without its chance the reply is given plainly: it answers either way."""
    return step.reply is not None and any((step.error, step.fail, step.incomplete, step.fault))


def _unknown_names(data: object, form: ScenarioFile) -> Iterator[Finding]:
    written = data.get("steps") if isinstance(data, Mapping) else None
    for index, (raw, step) in enumerate(zip(written if isinstance(written, list) else [], form.steps, strict=True)):
        groups = set(_groups_of(step.when))
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


def _groups_of(when: When) -> Iterator[str]:
    """The named groups that the regular expressions of a `when` can catch."""
    output = when.tool_output.output if isinstance(when.tool_output, ToolOutputForm) else None
    at_pointers = [each for each in (when.body or {}).values() if is_matcher(each)]
    for matcher in (when.input, when.instructions, output, *(when.headers or {}).values(), *at_pointers):
        yield from _groups_in(matcher)


def _groups_in(matcher: object) -> Iterator[str]:
    """What a text matcher hands on: what stands under `not` catches nothing."""
    if isinstance(matcher, str):
        pattern = regex_of(matcher)
        yield from pattern.groupindex if pattern else ()
    elif isinstance(matcher, Mapping):
        ((kind, value),) = matcher.items()
        if kind == "matches":  # with or without the slashes
            yield from _groups_in(value if regex_of(value) else f"/{value}/")
        elif kind in ("any", "all"):
            for each in value:
                yield from _groups_in(each)


def _prompts(form: ScenarioFile, uses: _Uses) -> Iterator[Finding]:
    named = "\n".join(uses.texts)
    for prompt_id, prompt in form.prompts.items():
        is_named = re.search(rf"(?<![A-Za-z0-9_]){re.escape(prompt_id)}(?![A-Za-z0-9_])", named)
        if not (is_named or any(_may_be_met(when, prompt) for when in uses.whens) or any(map(_tells_prompt, uses.texts))):
            yield ("prompts", prompt_id), "unused: no step's `when`, no reply and no seed of these files names this prompt"
        yield from _variables(("prompts", prompt_id), prompt)


def _may_be_met(when: When, prompt: PromptForm) -> bool:
    """Whether a step that names no prompt answers requests with this one: all creates, or by what the prompt says."""
    wants = wants_of(when)
    if OPERATIONS[0] not in wants.operations or when.prompt is not None:
        return False
    asks_for_parts = any(f"{pointer}/".startswith("/prompt/") for pointer in when.body or ())
    sets_model = when.model is not None and prompt.model is not None and fnmatchcase(prompt.model, when.model)
    if not wants.keys or asks_for_parts or sets_model:
        return True
    matchers = [compile_text(each) for each in (when.instructions, when.input) if each is not None]
    texts = [message.text for message in prompt.messages]
    return any(PROMPT_VARIABLE.search(text) or matcher.test(text).holds for matcher in matchers for text in texts)


def _tells_prompt(text: str) -> bool:
    """Whether a template may tell which prompt was asked for."""
    return is_template(text) and "prompt" in text


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
