"""Templates: Jinja2, sandboxed, and an allow-list of our own on the syntax tree, checked at load.

Allowed are expressions, `if`, and `for` over at most 200 elements, two deep. No calls, no assignments, no macros, no imports:
Jinja's own sandbox would let a nested loop run for minutes (STYLE.md "Traps").
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from jinja2 import StrictUndefined, TemplateSyntaxError, Undefined, meta, nodes
from jinja2.sandbox import SandboxedEnvironment

from mockapi.errors import MockError
from mockapi.wire.json import dumps, loads

__all__ = ["Render", "TemplateError", "Where", "compile_value", "is_template", "static_needs"]

Render = Callable[[Mapping[str, object]], object]

MOST_ELEMENTS = 200
_DEEPEST_FOR = 2

_NODES = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.List, nodes.Dict, nodes.Pair,
    nodes.Tuple, nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.Filter, nodes.Test, nodes.Compare, nodes.Operand,
    nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Mod, nodes.Concat, nodes.And, nodes.Or, nodes.Not,
    nodes.Neg, nodes.Pos, nodes.CondExpr, nodes.If, nodes.For, nodes.Keyword,
)  # fmt: skip
_FILTERS = frozenset(
    (
        "abs", "capitalize", "count", "d", "default", "dictsort", "first", "float", "int", "items", "join", "last", "length",
        "list", "lower", "map", "max", "min", "rejectattr", "replace", "reverse", "round", "select", "selectattr", "sort",
        "string", "sum", "title", "tojson", "trim", "truncate", "unique", "upper", "urlencode", "wordcount",
    )
)  # fmt: skip


class TemplateError(ValueError):
    """A template that is refused at load."""


@dataclass(frozen=True, slots=True)
class Where:
    """Where a template stands, for errors at run time."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class _Environment(SandboxedEnvironment):
    """Mappings first: `x.items` is the key `items`. Only numbers are multiplied, only numbers have remainders."""

    intercepted_binops = frozenset({"*", "%"})

    def getattr(self, obj: object, attribute: str) -> object:
        if isinstance(obj, Mapping):
            return obj[attribute] if attribute in obj else self.undefined(obj=obj, name=attribute)
        return super().getattr(obj, attribute)

    def call_binop(self, context: object, operator: str, left: object, right: object) -> object:
        if not isinstance(left, int | float) or not isinstance(right, int | float):
            raise TypeError(f"{operator} is for numbers")
        return super().call_binop(context, operator, left, right)  # type: ignore[arg-type]


def _bounded(values: Iterable[object]) -> list[object]:
    kept: list[object] = []
    for value in values:
        if len(kept) == MOST_ELEMENTS:
            raise ValueError(f"a loop runs over {MOST_ELEMENTS} elements at most")
        kept.append(value)
    return kept


_ENVIRONMENT = _Environment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)
_ENVIRONMENT.globals.clear()
_ENVIRONMENT.filters = {name: _ENVIRONMENT.filters[name] for name in _FILTERS} | {
    "_bounded": _bounded,
    "tojson": lambda value: dumps(value).decode(),
}


def is_template(text: str) -> bool:
    """Strings without `{{` and `{%` are never rendered."""
    return "{{" in text or "{%" in text


def compile_value(
    value: object, where: Callable[[tuple[str | int, ...]], Where], path: tuple[str | int, ...] = ()
) -> Render | None:
    """A function that renders a tree of values; None if there is nothing to render in it.

    `where` tells where the string at a path stands. Raises `TemplateError` for what is not allowed.
    """
    if isinstance(value, str):
        return _compile_text(value, where(path)) if is_template(value) else None
    if isinstance(value, Mapping):
        return _compile_mapping(value, where, path)
    if isinstance(value, list):
        return _compile_list(value, where, path)
    return None


def _compile_mapping(
    value: Mapping[str, object], where: Callable[[tuple[str | int, ...]], Where], path: tuple[str | int, ...]
) -> Render | None:
    renders = {key: compile_value(each, where, (*path, key)) for key, each in value.items()}
    if not any(renders.values()):
        return None
    return lambda names: {
        key: render(names) if (render := renders[key]) else each for key, each in value.items()
    }  # fmt: skip


def _compile_list(
    value: list[object], where: Callable[[tuple[str | int, ...]], Where], path: tuple[str | int, ...]
) -> Render | None:
    renders = [compile_value(each, where, (*path, index)) for index, each in enumerate(value)]
    if not any(renders):
        return None
    return lambda names: [
        render(names) if render else each for render, each in zip(renders, value, strict=True)
    ]  # fmt: skip


def _compile_text(text: str, where: Where) -> Render:
    try:
        tree = _ENVIRONMENT.parse(text)
    except TemplateSyntaxError as error:
        raise TemplateError(f"not a template: {error.message}") from None
    _check(tree, 0)
    if _is_one_expression(tree):
        inner = text.strip()[2:-2].removeprefix("-").removeprefix("+").removesuffix("-").removesuffix("+")
        expression = _ENVIRONMENT.compile_expression(inner, undefined_to_none=False)
        return lambda names: _plain(_guarded(lambda: expression(**names), where), where)
    template = _ENVIRONMENT.from_string(tree)
    return lambda names: _guarded(lambda: template.render(**names), where)


def _is_one_expression(tree: nodes.Template) -> bool:
    if len(tree.body) != 1 or not isinstance(tree.body[0], nodes.Output):
        return False
    parts = tree.body[0].nodes
    return len(parts) == 1 and not isinstance(parts[0], nodes.TemplateData)


def _check(node: nodes.Node, loops: int) -> None:
    if type(node) not in _NODES:
        raise TemplateError(f"{type(node).__name__.lower()} is not allowed in a template")
    if isinstance(node, nodes.Filter) and node.name not in _FILTERS:
        raise TemplateError(f"the filter {node.name!r} is not allowed; allowed: {', '.join(sorted(_FILTERS))}")
    if isinstance(node, nodes.For):
        loops += 1
        if loops > _DEEPEST_FOR or node.recursive:
            raise TemplateError(f"loops may be {_DEEPEST_FOR} deep at most")
    for child in node.iter_child_nodes():
        _check(child, loops)
    if isinstance(node, nodes.For):
        node.iter = nodes.Filter(node.iter, "_bounded", [], [], None, None, lineno=node.lineno)
        node.set_environment(_ENVIRONMENT)


def _guarded(render: Callable[[], object], where: Where) -> object:
    """Run a template; whatever it trips over is told with file and line."""
    try:
        value = render()
        if isinstance(value, Undefined):
            str(value)  # raises, naming what is undefined
    except MockError:
        raise
    except Exception as error:  # noqa: BLE001 - a template can raise anything; the client gets the reason
        message = f"The template at {where} failed: {error}"
        raise MockError(message, status=500, code="mock_template_error") from None
    return value


def _plain(value: object, where: Where) -> object:
    """An expression's value as JSON data: lazy sequences become lists."""
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return _guarded(lambda: loads(dumps(value)), where)


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


def _needs_of(text: str) -> Iterator[str]:
    tree = _ENVIRONMENT.parse(text)
    yield from meta.find_undeclared_variables(tree)
    for node in tree.find_all(nodes.Getattr):
        if isinstance(node.node, nodes.Name) and node.node.name == "tool_outputs":
            yield f"tool_outputs.{node.attr}"
