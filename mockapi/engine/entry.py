"""What one entry of the event grammar says about an item type, and the parts that entries are made of."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from mockapi.engine.pace import Chunk, split_text
from mockapi.engine.shaping import Cut, Shaping, Slots
from mockapi.wire.json import JsonObject

__all__ = [
    "Draft",
    "Item",
    "ItemGrammar",
    "Play",
    "already_ended",
    "as_it_is",
    "bare",
    "blanked",
    "by_client",
    "by_server",
    "cut_field",
    "in_steps",
    "mappings",
    "one_delta",
    "one_text",
    "string",
]

Item = Mapping[str, object]
Place = Literal["item", "output", "response"]


class Draft(NamedTuple):
    """One event before it has its place: `type` without `response.`, its own fields, and whether it is a delta.

    `place` tells what it names of where it stands: the item and its output index, the index alone, or nothing.
    """

    type: str
    fields: JsonObject
    is_delta: bool = False
    is_obfuscated: bool = False
    place: Place = "item"


class Play(NamedTuple):
    """How an item is played: the size of its deltas, and what was scripted for its events beside the wire's fields."""

    chunk: Chunk = "words"
    script: Mapping[str, object] = {}
    shaping: Shaping = Shaping()


def as_it_is(item: Item) -> JsonObject:
    """The whole item."""
    return dict(item)


def blanked(**blank: object) -> Callable[[Item], JsonObject]:
    """An opening that shows the item in progress, some fields still empty."""

    def opening(item: Item) -> JsonObject:
        shown = {key: blank.get(key, value) for key, value in item.items()}
        if "status" in shown:
            shown["status"] = "in_progress"
        return shown

    return opening


def already_ended(**blank: object) -> Callable[[Item], JsonObject]:
    """An opening with some fields still empty that has the status of the end, as the server's own outputs do."""
    return lambda item: {key: blank.get(key, value) for key, value in item.items()}


def bare(item: Item) -> JsonObject:
    """An opening that shows nothing but that there is an item."""
    return {key: "in_progress" if key == "status" else item[key] for key in ("id", "type", "status") if key in item}


def _no_events(item: Item, play: Play) -> Iterator[Draft]:
    yield from ()


def _finished(item: JsonObject, shaping: Shaping, slots: Slots) -> JsonObject:
    return item


def _whole(item: Item, cut: Cut) -> JsonObject:
    return dict(item)


def _by_nobody(item: Item) -> str:
    return ""


def by_server(item: Item) -> str:
    """A call that the server runs itself: `max_tool_calls` counts it."""
    return "server"


def by_client(item: Item) -> str:
    """A call that the client runs: `parallel_tool_calls: false` allows one."""
    return "client"


@dataclass(frozen=True, slots=True)
class ItemGrammar:
    """How one item type is finished and streamed.

    `prefix` begins its ids. `opening` is what `output_item.added` shows, `closing` what `output_item.done` and the body
    show, `events` what lies between. `status` is the one it ends with, None for types that have none. `call` is "own" for
    a call with a `call_id`, or the type of the call that it answers. `runs` tells who runs it: "server", "client" or "".
    `finish` fills in what depends on the request; `cut` is what is left of the item when the response ends early, and
    `cut_status` its status then. Neighbours of a type that `interleaves` begin one after the other, end so too, and only the last
    of them gets `output_item.done` (WIRE.md §4 "Ordering across items").
    """

    prefix: str
    opening: Callable[[Item], JsonObject] = as_it_is
    events: Callable[[Item, Play], Iterator[Draft]] = _no_events
    closing: Callable[[Item], JsonObject] = as_it_is
    status: str | None = "completed"
    call: str = ""
    runs: Callable[[Item], str] = _by_nobody
    finish: Callable[[JsonObject, Shaping, Slots], JsonObject] = _finished
    cut: Callable[[Item, Cut], JsonObject] = _whole
    cut_status: str = "incomplete"
    interleaves: bool = False

    def ended(self, item: Item, cut: Cut) -> JsonObject:
        """The item as it is when the response ends in the middle of it."""
        left = self.cut(item, cut)
        return {**left, "status": self.cut_status} if self.status else left


def string(item: Item, key: str) -> str:
    """A field as text; "" where there is none."""
    value = item.get(key)
    return "" if value is None else str(value)


def mappings(value: object) -> list[Mapping[str, object]]:
    """The mappings in a list; none in anything else."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def one_text(field: str, event: str) -> Callable[[Item, Play], Iterator[Draft]]:
    """Deltas of one string field, then `.done` with the whole of it."""

    def events(item: Item, play: Play) -> Iterator[Draft]:
        text = string(item, field)
        for delta in split_text(text, play.chunk):
            yield Draft(f"{event}.delta", {"delta": delta}, is_delta=True, is_obfuscated=True)
        yield Draft(f"{event}.done", {field: text})

    return events


def one_delta(event: str, text: str) -> Draft:
    """A whole text as one delta, as calls made by programs and MCP calls have it."""
    return Draft(f"{event}.delta", {"delta": text}, is_delta=True, is_obfuscated=True)


def in_steps(kind: str, *steps: str) -> Callable[[Item, Play], Iterator[Draft]]:
    """Progress events without fields of their own; `completed` only if the item was."""

    def events(item: Item, play: Play) -> Iterator[Draft]:
        for step in steps:
            if step != "completed" or item.get("status") == "completed":
                yield Draft(f"{kind}.{step}", {})

    return events


def cut_field(field: str) -> Callable[[Item, Cut], JsonObject]:
    """An early end in the middle of one text field."""
    return lambda item, cut: {**item, field: cut.text(string(item, field))}
