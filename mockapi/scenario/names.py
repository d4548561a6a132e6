"""What templates may speak of: `input`, `match`, `request`, `tool_outputs`, `turn`, `conversation`, `previous`."""

from collections.abc import Iterable, Mapping

from mockapi.scenario.context import Context
from mockapi.scenario.match import Facts
from mockapi.wire.json import JsonObject, loads

__all__ = ["NAMES", "History", "template_names"]

NAMES = ("input", "match", "request", "tool_outputs", "turn", "conversation", "previous")
"""Every name that a template may speak of."""

History = list[JsonObject]
"""Items before this request's own, oldest first."""


def template_names(
    facts: Facts, groups: Mapping[str, str], history: History, own: History, previous: object
) -> Mapping[str, object]:
    """The names for one request with its `own` items; `history` may be empty where no template needs it."""
    outputs = {**_outputs(history, own), **{each.name: _parsed(each.output) for each in facts.context.outputs}}
    return {
        "input": facts.context.user_text,
        "match": groups,
        "request": facts.raw,
        "tool_outputs": outputs,
        "turn": facts.context.turn,
        "conversation": [*history, *own],
        "previous": previous,
    }


def _outputs(*parts: Iterable[JsonObject]) -> dict[str, object]:
    """Every tool output by its call's name; the newest wins."""
    found: dict[str, object] = {}
    context = Context()
    for part in parts:
        for item in part:
            context = context.with_items([item])
            if context.outputs:
                found[context.outputs[-1].name] = _parsed(context.outputs[-1].output)
    return found


def _parsed(output: str) -> object:
    """JSON outputs as data, others as text."""
    try:
        return loads(output)
    except ValueError:
        return output
