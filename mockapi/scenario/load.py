"""Scenario files become scenarios: read, checked, compiled. Everything that can be refused is refused here."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from mockapi.errors import Problem, ScenarioError, UsageError
from mockapi.scenario.checks import impossible
from mockapi.scenario.failures import ErrorForm, FailForm
from mockapi.scenario.faults import Fault, fault_of
from mockapi.scenario.limits import limits_of
from mockapi.scenario.match import Criterion, compile_when
from mockapi.scenario.model import NAME_PATTERN, ScenarioFile, StepForm, has_part
from mockapi.scenario.pictures import with_pictures
from mockapi.scenario.places import PlaceError
from mockapi.scenario.reply import Reply, compile_reply
from mockapi.scenario.report import problems_of, warnings_of
from mockapi.scenario.seeds import ConversationSeed, PromptForm, ResponseSeed, circular
from mockapi.scenario.source import Source, read_source
from mockapi.scenario.template import Render, TemplateError, Where, compile_value, static_needs
from mockapi.scenario.timing import BackgroundForm, PaceForm
from mockapi.scenario.webhooks import WebhookForm
from mockapi.wire.json import JsonObject
from mockapi.wire.limits import Limit

__all__ = ["Scenario", "Step", "file_states", "find_files", "load_file", "load_paths", "load_text"]

_ENDINGS = (".yaml", ".yml", ".json")
CREATE = "responses.create"
"""The endpoint of a step that names none."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An `error` or `fail` as written, and how its templates are rendered."""

    form: JsonObject
    render: Render | None

    def rendered(self, names: Callable[[], Mapping[str, object]]) -> Mapping[str, object]:
        """The form for one request."""
        value = self.render(names()) if self.render else self.form
        return value if isinstance(value, Mapping) else self.form


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """A compiled step, equal to itself alone. `needs` are the template names it uses, `tool_outputs.NAME` spelt out."""

    index: int
    name: str
    line: int
    criteria: tuple[Criterion, ...]
    times: int | None
    chance: float | None
    reply: Reply | None
    error: Answer | None
    fail: Answer | None
    incomplete: Literal["max_output_tokens", "content_filter"] | None
    pace: PaceForm
    defaults: JsonObject
    needs: frozenset[str]
    background: BackgroundForm | str | None = None
    endpoint: str = CREATE
    fault: Fault | None = None
    wants_stream: bool | None = None

    is_usual: bool = False
    """It always gives the same reply, whose pace is no chance's affair, and nothing else."""

    def is_for(self, operation: str) -> bool:
        """Whether it is about an operation, and has something to say there."""
        breaks = self.error is not None or self.fault is not None
        return fnmatchcase(operation, self.endpoint) and has_part(operation, replies=self.reply is not None, breaks=breaks)

    @property
    def ends_early(self) -> bool:
        """It scripts how the response ends: without a reply there is none, while a mere fault meets an automatic one."""
        return bool(self.fail or self.incomplete)

    @property
    def falls_back(self) -> bool:
        """When its chance does not fire, the reply is given without error, ending or fault; other steps do not match then."""
        return self.reply is not None and bool(self.error or self.fail or self.incomplete or self.fault)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A compiled scenario file.

    `steps` answer creates, `others` other endpoints; `seals` are the encrypted contents that it scripts, `warnings` what is odd
    about it, though it works; `rate_limits` are (model glob, limits).
    """

    name: str
    about: str
    file: str
    is_script: bool
    unmatched: Literal["auto", "error"] | None
    steps: tuple[Step, ...]
    is_counted: bool
    digest: bytes
    others: tuple[Step, ...] = ()
    prompts: Mapping[str, PromptForm] = field(default_factory=dict)
    conversations: Mapping[str, ConversationSeed] = field(default_factory=dict)
    responses: Mapping[str, ResponseSeed] = field(default_factory=dict)
    seals: frozenset[str] = frozenset()
    warnings: tuple[Problem, ...] = ()
    webhooks: WebhookForm | None = None
    rate_limits: tuple[tuple[str, Limit], ...] = ()


def find_files(paths: Iterable[Path]) -> list[Path]:
    """The scenario files at these paths, sorted; folders are searched one level, `DIR/**` all the way down.

    `UsageError` if a path is not there.
    """
    found: list[Path] = []
    for path in paths:
        is_deep = path.name == "**"
        place = path.parent if is_deep else path
        if is_deep and not place.is_dir():
            raise UsageError(f"there is no folder at {place}")
        if place.is_dir():
            inside = place.rglob("*") if is_deep else place.glob("*")
            found += sorted(file for file in inside if _is_scenario(file))
        elif place.is_file():
            found.append(place)
        else:
            raise UsageError(f"there is no scenario file or folder at {path}")
    return list({path.resolve(): path for path in reversed(found)}.values())[::-1]


def file_states(paths: Iterable[Path]) -> Mapping[Path, tuple[int, ...]] | None:
    """What differs when one of the scenario files at these paths was written, came or went; None if a path is not there."""
    states: dict[Path, tuple[int, ...]] = {}
    try:
        for file in find_files(paths):
            state = file.stat()
            states[file] = (state.st_ino, state.st_size, state.st_mtime_ns)
    except (UsageError, OSError):  # gone, perhaps for a moment
        return None
    return states


def _is_scenario(file: Path) -> bool:
    """Editors keep the JSON Schema beside the scenarios; it is not one."""
    name = file.name.lower()
    return name.endswith(_ENDINGS) and not name.endswith(".schema.json") and file.is_file()


def load_paths(paths: Iterable[Path]) -> tuple[Scenario, ...]:
    """All scenarios at these paths, by name; `ScenarioError` with the problems of all files, `UsageError` if one is missing."""
    scenarios: dict[str, Scenario] = {}
    problems: list[Problem] = []
    for path in find_files(paths):
        try:
            scenario = load_file(path)
        except ScenarioError as error:
            problems += error.problems
            continue
        if scenario.name in scenarios:
            other = scenarios[scenario.name].file
            problems.append(Problem(str(path), 1, 1, "scenario", f"the name {scenario.name!r} is taken by {other}"))
        scenarios[scenario.name] = scenario
    if problems:
        raise ScenarioError(problems)
    return tuple(scenarios[name] for name in sorted(scenarios))


def load_file(path: Path) -> Scenario:
    """One scenario file; `ScenarioError` with all its problems."""
    return _compile(read_source(path), default_name=path.stem, folder=path.parent)


def load_text(text: str, name: str = "scenario") -> Scenario:
    """A scenario given as text, YAML or JSON."""
    return _compile(read_source(Path(name), name=name, text=text), default_name=name)


def _compile(source: Source, default_name: str, folder: Path | None = None) -> Scenario:
    try:
        model = ScenarioFile.model_validate(source.data)
    except ValidationError as error:
        raise ScenarioError(problems_of(error, source)) from None
    raw_steps = _list(source.data["steps"] if isinstance(source.data, dict) else [])
    problems: list[Problem] = []
    steps: list[Step] = []
    for index, (form, raw) in enumerate(zip(model.steps, raw_steps, strict=True)):
        try:
            sound = {**raw, "reply": _sound(("steps", index, "reply"), raw.get("reply"), source, folder)}
            steps.append(_compile_step(index, form, sound, model, source))
        except ScenarioError as error:
            problems += error.problems
    seeds: dict[str, dict[str, dict[str, Any]]] = {"conversations": {}, "responses": {}}
    for kind, found in seeds.items():
        for seed_id, seed in _seeds_of(source, kind):
            try:
                found[seed_id] = {key: _sound((kind, seed_id, key), value, source, folder) for key, value in seed.items()}
            except ScenarioError as error:
                problems += error.problems
    problems += [source.problem_at(("responses", *path), message) for path, message in circular(model.responses)]
    if problems:
        raise ScenarioError(problems)
    name = model.scenario or default_name
    if not re.fullmatch(NAME_PATTERN, name):
        message = f"the file's stem {name!r} cannot be the scenario's name; give it one of letters, digits, '.', '_' and '-'"
        raise ScenarioError([Problem(source.file, 1, 1, "scenario", message)])
    is_script = model.mode == "script"
    return Scenario(
        name,
        model.about or "",
        source.file,
        is_script,
        model.unmatched,
        tuple(step for step in steps if fnmatchcase(CREATE, step.endpoint)),
        is_script or any(step.times for step in steps),
        source.digest,
        tuple(step for step in steps if step.endpoint != CREATE),
        model.prompts,
        {seed_id: ConversationSeed.model_construct(**seed) for seed_id, seed in seeds["conversations"].items()},
        {seed_id: ResponseSeed.model_construct(**seed) for seed_id, seed in seeds["responses"].items()},
        frozenset(_seals(source.data)),
        warnings_of(source),
        model.webhooks,
        limits_of(model.rate_limits),
    )


def _run_of(value: object) -> BackgroundForm | str | None:
    return value if isinstance(value, BackgroundForm | str) else None


def _seals(value: object) -> Iterator[str]:
    """Every `encrypted_content` that is written in a file: clients will bring them back."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            if key == "encrypted_content" and isinstance(each, str):
                yield each
            else:
                yield from _seals(each)
    elif isinstance(value, list):
        for each in value:
            yield from _seals(each)


def _seeds_of(source: Source, kind: str) -> Iterator[tuple[str, JsonObject]]:
    """The seeds of one kind as written; a key without a value was not given."""
    written = source.data.get(kind) if isinstance(source.data, dict) else None
    for seed_id, seed in written.items() if isinstance(written, dict) else ():
        yield seed_id, {key: value for key, value in seed.items() if value is not None}


def _sound(here: tuple[str | int, ...], reply: object, source: Source, folder: Path | None) -> object:
    """A reply, or a list of items, that can be played; its pictures are read."""
    if reply is None or isinstance(reply, str) or here[-1] == "metadata":
        return reply
    problems = [source.problem_at((*here, *at), message) for at, message in impossible(reply)]
    if problems:
        raise ScenarioError(problems)
    try:
        return with_pictures(reply, folder)
    except PlaceError as error:
        raise ScenarioError([source.problem_at((*here, *error.at), str(error))]) from None


def _list(value: object) -> Sequence[dict[str, object]]:
    return value if isinstance(value, list) else []


def _compile_step(index: int, form: StepForm, raw: dict[str, object], model: ScenarioFile, source: Source) -> Step:
    here: tuple[str | int, ...] = ("steps", index)
    times = form.times or (1 if model.mode == "script" else None)
    templates = _Templates(source, here)
    defaults = model.defaults
    pace = form.pace or defaults.pace or PaceForm()
    reply = templates.reply(raw["reply"]) if form.reply is not None else None
    does_more = form.error is not None or form.fail is not None or form.incomplete or form.fault is not None or pace.jitter
    return Step(
        index=index,
        name=form.name or f"step {index + 1}",
        line=source.line_of(here),
        criteria=compile_when(form.when),
        times=times,
        chance=form.chance,
        reply=reply,
        error=templates.answer("error", form.error) if form.error is not None else None,
        fail=templates.answer("fail", form.fail) if form.fail is not None else None,
        incomplete=form.incomplete,
        pace=pace,
        defaults=defaults.model_dump(include={"model", "usage"}, exclude_none=True),
        background=_run_of(form.background) or _run_of(defaults.background),
        endpoint=form.when.endpoint or CREATE,
        fault=fault_of(form.fault),
        wants_stream=form.when.stream,
        is_usual=reply is not None and reply.constant is not None and not reply.constant.jsons and not does_more,
        needs=frozenset(need for key in ("reply", "error", "fail") for need in static_needs(raw.get(key))),
    )


class _Templates:
    """Compiles a step's templates; a refused one is told with its line."""

    def __init__(self, source: Source, here: tuple[str | int, ...]) -> None:
        self._source = source
        self._here = here

    def reply(self, raw: object) -> Reply:
        seen: list[tuple[str | int, ...]] = []
        try:
            return compile_reply(raw, self._locator(("reply",), seen))
        except TemplateError as fault:
            raise ScenarioError([self._source.problem_at(seen[-1], str(fault))]) from None

    def answer(self, key: str, form: object) -> Answer:
        written: JsonObject = {"code": form} if isinstance(form, str) else _given(form)
        seen: list[tuple[str | int, ...]] = []
        try:
            return Answer(written, compile_value(written, self._locator((key,), seen)))
        except TemplateError as fault:
            raise ScenarioError([self._source.problem_at(seen[-1], str(fault))]) from None

    def _locator(self, key: tuple[str | int, ...], seen: list[tuple[str | int, ...]]) -> "_Locator":
        return _Locator(self._source, (*self._here, *key), seen)


@dataclass(frozen=True, slots=True)
class _Locator:
    """Tells where the string at a path stands, and remembers which it was asked for last."""

    source: Source
    base: tuple[str | int, ...]
    seen: list[tuple[str | int, ...]]

    def __call__(self, path: tuple[str | int, ...]) -> Where:
        self.seen.append(self.source.written_path((*self.base, *path)))
        return Where(self.source.file, self.source.line_of(self.seen[-1]))


def _given(form: object) -> JsonObject:
    return form.model_dump(exclude_none=True) if isinstance(form, ErrorForm | FailForm) else {}
