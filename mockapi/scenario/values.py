"""JSON values as JSON Schema looks at them, and references between the parts of a schema."""

from fractions import Fraction
from typing import TypeGuard
from urllib.parse import unquote

from mockapi.scenario.bounds import NoValueError
from mockapi.scenario.verdict import Verdict
from mockapi.wire.json import JsonObject

__all__ = ["exact", "fraction_of", "has_type", "is_number", "list_of", "mapping_of", "resolve"]

_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "number": (int, float),
    "null": type(None),
    "array": list,
    "object": dict,
}


def has_type(value: object, kind: object) -> Verdict:
    """Whether a value has one type of JSON Schema; None for a type that there is not."""
    if isinstance(value, bool) or kind == "boolean":
        return isinstance(value, bool) and kind == "boolean"
    if kind == "integer":
        return isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    types = _TYPES.get(str(kind))
    return isinstance(value, types) if types else None


def exact(value: object) -> object:
    """What two values have in common if JSON Schema calls them equal: 1 is 1.0, and true is not 1."""
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, list):
        return ("list", *map(exact, value))
    if isinstance(value, dict):
        return frozenset((key, exact(each)) for key, each in value.items())
    return value


def fraction_of(number: int | float) -> Fraction:
    """A number exactly as it is written."""
    return Fraction(number) if isinstance(number, int) else Fraction(repr(number))


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether it is a number; true is not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def list_of(value: object) -> list[object]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def mapping_of(value: object) -> JsonObject:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def resolve(root: object, reference: object) -> object:
    """The schema that a `$ref` names; `NoValueError` if it is not in this schema."""
    if not isinstance(reference, str) or not (reference == "#" or reference.startswith("#/")):
        raise NoValueError(f"only references inside the schema (#/…) are followed, not {reference!r}")
    node = root
    for raw in reference.removeprefix("#").split("/")[1:]:
        part = unquote(raw).replace("~1", "/").replace("~0", "~")
        if isinstance(node, dict) and part in node:
            node = node[part]
        elif isinstance(node, list) and part.isdecimal() and int(part) < len(node):
            node = node[int(part)]
        else:
            raise NoValueError(f"the reference {reference!r} leads nowhere")
    return node
