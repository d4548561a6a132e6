"""Templates inside the values of a scenario: which strings are some, and trees of them. Jinja itself is loaded for the first one.

What is allowed in a template is told in `mockapi.scenario.jinja`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

__all__ = ["Render", "TemplateError", "Where", "compile_value", "is_template", "spoken_names", "static_needs"]

Render = Callable[[Mapping[str, object]], object]


class TemplateError(ValueError):
    """A template that is refused at load."""


@dataclass(frozen=True, slots=True)
class Where:
    """Where a template stands, for errors at run time."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


def is_template(text: str) -> bool:
    """Strings without `{{` and `{%` are never rendered."""
    return "{{" in text or "{%" in text


Path = tuple[str | int, ...]


class _Compiler:
    """Compiles a tree of values; where a string stands, and whether it keeps its type, depends on its path."""

    def __init__(self, where: Callable[[Path], Where], keeps_type: Callable[[Path], bool]) -> None:
        self._where = where
        self._keeps_type = keeps_type

    def compile(self, value: object, path: Path = ()) -> Render | None:
        if isinstance(value, str):
            if not is_template(value):
                return None
            return _compile_text(value, self._where(path), keeps_type=self._keeps_type(path))
        if isinstance(value, Mapping):
            return self._mapping(value, path)
        if isinstance(value, list):
            return self._list(value, path)
        return None

    def _mapping(self, value: Mapping[str, object], path: Path) -> Render | None:
        renders = {key: self.compile(each, (*path, key)) for key, each in value.items()}
        if not any(renders.values()):
            return None
        return lambda names: {
            key: render(names) if (render := renders[key]) else each for key, each in value.items()
        }  # fmt: skip

    def _list(self, value: list[object], path: Path) -> Render | None:
        renders = [self.compile(each, (*path, index)) for index, each in enumerate(value)]
        if not any(renders):
            return None
        return lambda names: [
            render(names) if render else each for render, each in zip(renders, value, strict=True)
        ]  # fmt: skip


def compile_value(
    value: object, where: Callable[[Path], Where], keeps_type: Callable[[Path], bool] = lambda path: False
) -> Render | None:
    """A function that renders a tree of values; None if there is nothing to render in it.

    `where` tells where the string at a path stands; a string that is one whole expression keeps its value's type where
    `keeps_type` says so, else it becomes text. Raises `TemplateError` for what is not allowed.
    """
    return _Compiler(where, keeps_type).compile(value)


def static_needs(value: object) -> Iterator[str]:
    """The names that the templates in a tree use; of `tool_outputs` also which: `tool_outputs.get_weather`."""
    if isinstance(value, str):
        if is_template(value):
            yield from _needs_of(value)
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from static_needs(each)
    elif isinstance(value, list):
        for each in value:
            yield from static_needs(each)


def spoken_names(text: str) -> frozenset[str]:
    """The names that a template speaks of and does not define itself; `match` with its group: `match.city`."""
    from mockapi.scenario.jinja import spoken_in  # noqa: PLC0415 - start-up time where no file has templates

    return spoken_in(text)


def _compile_text(text: str, where: Where, *, keeps_type: bool) -> Render:
    from mockapi.scenario.jinja import compile_template  # noqa: PLC0415 - as above

    return compile_template(text, where, keeps_type=keeps_type)


def _needs_of(text: str) -> Iterator[str]:
    from mockapi.scenario.jinja import needs_of  # noqa: PLC0415 - as above

    return needs_of(text)
