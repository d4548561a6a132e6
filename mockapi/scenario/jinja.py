"""Templates: Jinja2, sandboxed, and an allow-list of our own on the syntax tree, checked at load.

Allowed are expressions, `if`, and `for` over at most 200 elements, two deep, 2,000 rounds together; a million characters.
No calls, no assignments, no macros, no imports:
Jinja's own sandbox would let a nested loop run for minutes (STYLE.md "Traps").
"""

from collections.abc import Callable, ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from functools import lru_cache

from jinja2 import StrictUndefined, TemplateSyntaxError, Undefined, meta, nodes, pass_context
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import SandboxedEnvironment

from mockapi.errors import MockError
from mockapi.scenario.template import Render, TemplateError, Where
from mockapi.wire.json import dumps, loads

__all__ = ["compile_template", "needs_of", "spoken_in"]

MOST_ELEMENTS = 200
MOST_LOOPS = 2_000
MOST_TEXT = 1_000_000
_DEEPEST_FOR = 2
_DEEPEST = 50

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


@pass_context
def _bounded(context: Context, values: Iterable[object]) -> Iterator[object]:
    """What a loop runs over; counts the loops of one rendering."""
    loops = context["_loops"]
    for number, value in enumerate(values, 1):
        loops[0] += 1
        if number > MOST_ELEMENTS or loops[0] > MOST_LOOPS:
            raise ValueError(f"a loop runs over {MOST_ELEMENTS} elements, all loops together {MOST_LOOPS:,} times at most")
        yield value


def _join(values: Iterable[object], separator: str = "", attribute: str | None = None) -> str:
    if attribute is not None:
        values = [value.get(attribute) if isinstance(value, Mapping) else value for value in values]
    parts = [_as_text(value) for value in values]
    if sum(map(len, parts)) + len(separator) * len(parts) > MOST_TEXT:
        raise ValueError(f"a template makes at most {MOST_TEXT:,} characters")
    return separator.join(parts)


def _replace(value: object, old: str, new: str, count: int = -1) -> str:
    text = _as_text(value)
    if len(text) + text.count(old) * len(new) > MOST_TEXT:
        raise ValueError(f"a template makes at most {MOST_TEXT:,} characters")
    return text.replace(old, new, count)


def _round(value: float, precision: int = 0) -> float:
    if not 0 <= precision <= 15:
        raise ValueError("round takes 0 to 15 digits")
    return round(value, precision)


_ENVIRONMENT = _Environment(
    undefined=StrictUndefined,
    autoescape=False,
    keep_trailing_newline=True,
    finalize=lambda value: value if isinstance(value, str | Undefined) else _as_text(value),
)
_ENVIRONMENT.globals.clear()
_ENVIRONMENT.filters = {name: _ENVIRONMENT.filters[name] for name in _FILTERS} | {
    "_bounded": _bounded,
    "join": _join,
    "replace": _replace,
    "round": _round,
    "tojson": lambda value: dumps(_data(value)).decode(),
}


def compile_template(text: str, where: Where, *, keeps_type: bool) -> Render:
    """A function that renders a text with templates; `TemplateError` for what is not allowed.

    Plain ones, where nothing more can be wrong, are made into code when they are rendered first: that is most of the work.
    """
    try:
        is_plain = _is_plain(_parsed(text))
        tree = _parsed(text) if is_plain else _ENVIRONMENT.parse(text)  # loops are changed by their check
        _check(tree)
    except TemplateError:
        raise
    except TemplateSyntaxError as error:
        raise TemplateError(f"not a template: {error.message}") from None
    except (RecursionError, *_UNFIT) as error:
        raise _unfit(error) from None
    if not is_plain:
        return _made(text, tree, where, keeps_type=keeps_type)
    made: list[Render] = []

    def render(names: Mapping[str, object]) -> object:
        if not made:
            made.append(_made(text, _ENVIRONMENT.parse(text), where, keeps_type=keeps_type))
        return made[0](names)

    return render


_UNFIT = (SyntaxError, MemoryError, OverflowError, TypeError, ValueError, ArithmeticError)
_PLAIN = frozenset((nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.Getattr, nodes.Getitem))


@lru_cache(maxsize=16)
def _parsed(text: str) -> nodes.Template:
    """Kept until its names have been asked for; nobody may change it."""
    return _ENVIRONMENT.parse(text)


def _is_plain(tree: nodes.Template) -> bool:
    return all(type(node) in _PLAIN for node in tree.find_all(nodes.Node))


def _unfit(error: BaseException) -> TemplateError:
    return TemplateError(f"not a template that can be compiled: {error}")


def _made(text: str, tree: nodes.Template, where: Where, *, keeps_type: bool) -> Render:
    try:
        expression = _expression_of(tree, text)
        if expression is not None:
            run = _ENVIRONMENT.compile_expression(expression, undefined_to_none=False)
            finish = _plain if keeps_type else _as_text
            return lambda names: _guarded(lambda: finish(_defined(run(**names))), where)
        template = _ENVIRONMENT.from_string(tree)
    except TemplateSyntaxError as error:
        raise TemplateError(f"not a template: {error.message}") from None
    except (RecursionError, *_UNFIT) as error:
        raise _unfit(error) from None
    return lambda names: _guarded(lambda: _limited(template.render(**names, _loops=[0])), where)


def _expression_of(tree: nodes.Template, text: str) -> str | None:
    """The inside of a template that is one whole expression; None for any other."""
    stripped = text.strip()
    if not (stripped.startswith("{{") and stripped.endswith("}}")):
        return None
    if len(tree.body) != 1 or not isinstance(tree.body[0], nodes.Output):
        return None
    parts = tree.body[0].nodes
    if len(parts) != 1 or isinstance(parts[0], nodes.TemplateData):
        return None
    return stripped[2:-2].removeprefix("-").removeprefix("+").removesuffix("-").removesuffix("+")


def _defined(value: object) -> object:
    if isinstance(value, Undefined):
        str(value)  # raises, naming what is undefined
    return value


def _limited(text: str) -> str:
    if len(text) > MOST_TEXT:
        raise ValueError(f"a template makes at most {MOST_TEXT:,} characters")
    return text


def _data(value: object) -> object:
    """An expression's value as JSON data, lazy sequences as lists; what is not data is refused."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): _data(each) for key, each in value.items()}
    if isinstance(value, list | tuple | Iterator | KeysView | ValuesView | ItemsView) and not isinstance(value, LoopContext):
        return [_data(each) for each in value]
    raise TypeError(f"{type(value).__name__} is not data")


def _plain(value: object) -> object:
    """Data as it is; infinite numbers are none."""
    return loads(dumps(_data(value)))


def _as_text(value: object) -> str:
    """What an expression writes into a text: lists and mappings as JSON, nothing for null."""
    if isinstance(value, str):
        return _limited(str(value))
    return "" if value is None else _limited(dumps(_plain(value)).decode())


def _check(node: nodes.Node, loops: int = 0, depth: int = 0) -> None:
    if type(node) not in _NODES:
        raise TemplateError(f"{type(node).__name__.lower()} is not allowed in a template")
    if depth > _DEEPEST:
        raise TemplateError(f"nested deeper than {_DEEPEST} levels")
    if isinstance(node, nodes.Filter) and node.name not in _FILTERS:
        raise TemplateError(f"the filter {node.name!r} is not allowed; allowed: {', '.join(sorted(_FILTERS))}")
    if isinstance(node, nodes.For):
        loops += 1
        if loops > _DEEPEST_FOR or node.recursive:
            raise TemplateError(f"loops may be {_DEEPEST_FOR} deep at most")
    for child in node.iter_child_nodes():
        _check(child, loops, depth + 1)
    if isinstance(node, nodes.For):
        node.iter = nodes.Filter(node.iter, "_bounded", [], [], None, None, lineno=node.lineno)
        node.set_environment(_ENVIRONMENT)


def _guarded(render: Callable[[], object], where: Where) -> object:
    """Run a template; whatever it trips over is told with file and line."""
    try:
        return render()
    except Exception as error:  # noqa: BLE001 - a template can raise anything; the client gets the reason
        message = f"The template at {where} failed: {error}"
        raise MockError(message, status=500, code="mock_template_error") from None


def needs_of(text: str) -> Iterator[str]:
    """The names that a text's templates use; of `tool_outputs` also which."""
    tree = _parsed(text)
    if _is_plain(tree):
        yield from {name.name for name in tree.find_all(nodes.Name)}
    else:
        yield from meta.find_undeclared_variables(tree)
    named: set[int] = set()
    for node in tree.find_all((nodes.Getattr, nodes.Getitem)):
        key = _key_of(node, "tool_outputs")
        if isinstance(key, str):
            named.add(id(getattr(node, "node", None)))
            yield f"tool_outputs.{key}"
    if any(name.name == "tool_outputs" and id(name) not in named for name in tree.find_all(nodes.Name)):
        yield "tool_outputs.*"


def spoken_in(text: str) -> frozenset[str]:
    """See `mockapi.scenario.template.spoken_names`."""
    tree = _ENVIRONMENT.parse(text)
    names = meta.find_undeclared_variables(tree)
    if any(name.name == "match" and name.ctx == "store" for name in tree.find_all(nodes.Name)):
        return frozenset(names)  # a loop's own `match`: which is meant where is not told apart
    keys = (_key_of(node, "match") for node in tree.find_all((nodes.Getattr, nodes.Getitem)))
    return frozenset(names | {f"match.{key}" for key in keys if isinstance(key, str | int)})


def _key_of(node: nodes.Node, name: str) -> object:
    """What is taken out of the value of that name, where it is written plainly; else None."""
    inner = getattr(node, "node", None)
    if not (isinstance(inner, nodes.Name) and inner.name == name):
        return None
    if isinstance(node, nodes.Getattr):
        return node.attr
    return node.arg.value if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const) else None
