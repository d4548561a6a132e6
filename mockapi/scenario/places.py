"""Where the items of a reply stand in it."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

__all__ = ["At", "PlaceError", "Placed", "items_of", "replaced"]

At = tuple[str | int, ...]


class PlaceError(Exception):
    """Something in a reply is wrong; `at` leads there from the reply."""

    def __init__(self, at: At, message: str) -> None:
        super().__init__(message)
        self.at = at


class Placed(NamedTuple):
    """An item as written: the path to its long form, its type, and that form; a short form is an empty one."""

    at: At
    kind: str
    form: Mapping[str, object]


def items_of(reply: object) -> Iterator[Placed]:
    """The items of a reply that passed the model."""
    output, at = (reply.get("output"), ("output",)) if isinstance(reply, Mapping) else (reply, ())
    for index, item in enumerate(output if isinstance(output, list) else []):
        if "type" in item or "role" in item:
            yield Placed((*at, index), str(item.get("type", "message")), {"type": "message", **item})
        else:
            ((name, form),) = item.items()
            is_long = isinstance(form, Mapping) and name != "json"  # the value of `json` is the client's, no form
            yield Placed((*at, index, name), name, form if is_long else {})


def replaced(tree: object, at: At, value: object) -> object:
    """The tree with another value at a path; what is not on the path is shared."""
    if not at:
        return value
    key, *rest = at
    if isinstance(tree, list):
        return [replaced(each, tuple(rest), value) if index == key else each for index, each in enumerate(tree)]
    assert isinstance(tree, Mapping)
    return {name: replaced(each, tuple(rest), value) if name == key else each for name, each in tree.items()}
