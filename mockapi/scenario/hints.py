"""What a criterion tells an index: what must be true of a request for it to hold, and is quick to look up."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

__all__ = ["OF_OUTPUTS", "Hint", "is_name", "pairs_of", "pointer_hints", "text_hints"]

Get = Callable[[Any], object]


class Hint(NamedTuple):
    """The criterion holds only if what `get` finds in the request has one of `keys`.

    `value`: it equals one. `member`: one is among those it lists. `text`: one is contained in it, both casefolded.
    Hints of the same `field` and `kind` have the same `get`.
    """

    field: str
    kind: Literal["value", "member", "text"]
    get: Get
    keys: Sequence[Hashable]


def is_name(glob: str) -> bool:
    """Whether a glob is a plain name."""
    return not any(mark in glob for mark in "*?[")


def text_hints(field: str, needles: Sequence[str], get: Get) -> tuple[Hint, ...]:
    """Of a text that contains one of these, if there are any."""
    return (Hint(field, "text", get, needles),) if needles else ()


def pointer_hints(field: str, wanted: object, needles: Sequence[str], get: Get) -> tuple[Hint, ...]:
    """Of a value in the body. A mapping may be a matcher of texts and a value to be equal to: nothing is told of it."""
    if isinstance(wanted, str):
        return text_hints(field, needles, get)
    if wanted is None or isinstance(wanted, int | float):
        return (Hint(field, "member", lambda facts: [got if isinstance(got := get(facts), int | float) else None], (wanted,)),)
    return ()


def pairs_of(get: Get) -> Get:
    """The pairs of a mapping that `get` finds."""
    return lambda facts: list(got.items()) if isinstance(got := get(facts), Mapping) else []


OF_OUTPUTS: Mapping[str, Get] = {
    "name": lambda facts: [output.name for output in facts.context.outputs],
    "call_id": lambda facts: [output.call_id for output in facts.context.outputs],
}
"""What the tool outputs of a request are known by."""
