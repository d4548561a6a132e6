"""The event grammar: one entry an item type says which events lie between `output_item.added` and `.done`.

Adding an item type is adding an entry to `GRAMMAR`. Facts: WIRE.md §4 "Per item", event_grammar.json.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mockapi.engine.items import span_end
from mockapi.engine.pace import Chunk, split_text
from mockapi.wire.ids import text_of_length
from mockapi.wire.json import JsonObject

__all__ = ["GRAMMAR", "Draft", "ItemGrammar", "closed"]

Item = Mapping[str, object]


class Draft(NamedTuple):
    """One event before it has its place: `type` without `response.`, its own fields, and whether it is a delta."""

    type: str
    fields: JsonObject
    is_delta: bool = False
    is_obfuscated: bool = False


@dataclass(frozen=True, slots=True)
class ItemGrammar:
    """How one item type is streamed: what `added` shows of it, and the events between."""

    opening: Callable[[Item], JsonObject]
    events: Callable[[Item, Chunk], Iterator[Draft]]


def closed(item: Item) -> JsonObject:
    """The item as `output_item.done` and the body show it: log probabilities have six decimals there."""
    content = item.get("content")
    if item.get("type") != "message" or not isinstance(content, list):
        return dict(item)
    return {**item, "content": [_rounded(part) for part in content]}


def _rounded(part: Item) -> JsonObject:
    logprobs = part.get("logprobs")
    if not logprobs or not isinstance(logprobs, list):
        return dict(part)
    return {**part, "logprobs": [_round_entry(entry) for entry in logprobs]}


def _round_entry(entry: Item) -> JsonObject:
    rounded = dict(entry)
    logprob, top = entry.get("logprob"), entry.get("top_logprobs")
    if isinstance(logprob, float):
        rounded["logprob"] = round(logprob, 6)
    if isinstance(top, list):
        rounded["top_logprobs"] = [_round_entry(each) for each in top]
    return rounded


def _blanked(**blank: object) -> Callable[[Item], JsonObject]:
    """An opening that shows the item in progress, some fields still empty."""

    def opening(item: Item) -> JsonObject:
        shown = {key: blank.get(key, value) for key, value in item.items()}
        if "status" in shown:
            shown["status"] = "in_progress"
        return shown

    return opening


def _one_text(field: str, event: str) -> Callable[[Item, Chunk], Iterator[Draft]]:
    """Deltas of one string field, then `.done` with the whole of it."""

    def events(item: Item, chunk: Chunk) -> Iterator[Draft]:
        text = str(item[field])
        for delta in split_text(text, chunk):
            yield Draft(f"{event}.delta", {"delta": delta}, is_delta=True, is_obfuscated=True)
        yield Draft(f"{event}.done", {field: text})

    return events


def _parts(item: Item, key: str) -> Sequence[Item]:
    parts = item.get(key)
    return parts if isinstance(parts, list) else []


def _message_events(item: Item, chunk: Chunk) -> Iterator[Draft]:
    for index, part in enumerate(_parts(item, "content")):
        at: JsonObject = {"content_index": index}
        if part["type"] == "refusal":
            yield from _refusal_events(part, at, chunk)
        else:
            yield from _text_events(part, at, chunk)


def _refusal_events(part: Item, at: JsonObject, chunk: Chunk) -> Iterator[Draft]:
    refusal = str(part["refusal"])
    yield Draft("content_part.added", {**at, "part": {"type": "refusal", "refusal": ""}})
    for delta in split_text(refusal, chunk):
        yield Draft("refusal.delta", {**at, "delta": delta}, is_delta=True)
    yield Draft("refusal.done", {**at, "refusal": refusal})
    yield Draft("content_part.done", {**at, "part": part})


def _text_events(part: Item, at: JsonObject, chunk: Chunk) -> Iterator[Draft]:
    text, logprobs = str(part["text"]), _parts(part, "logprobs")
    empty = {"type": "output_text", "annotations": [], "logprobs": [], "text": ""}
    yield Draft("content_part.added", {**at, "part": empty})
    deltas = [(str(entry["token"]), [entry]) for entry in logprobs] or [(d, []) for d in split_text(text, chunk)]
    pending = list(enumerate(_parts(part, "annotations")))
    position = 0
    for delta, entries in deltas:
        fields = {**at, "delta": delta, "logprobs": entries}
        yield Draft("output_text.delta", fields, is_delta=True, is_obfuscated=True)
        position += len(delta)
        due = [each for each in pending if span_end(each[1]) <= position]
        yield from _annotations(due, at)
        pending = [each for each in pending if each not in due]
    yield from _annotations(pending, at)
    yield Draft("output_text.done", {**at, "logprobs": list(logprobs), "text": text})
    yield Draft("content_part.done", {**at, "part": {**part, "logprobs": []}})


def _annotations(due: Sequence[tuple[int, Item]], at: JsonObject) -> Iterator[Draft]:
    for index, annotation in due:
        fields = {**at, "annotation": annotation, "annotation_index": index}
        yield Draft("output_text.annotation.added", fields)


def _reasoning_opening(item: Item) -> JsonObject:
    shown: JsonObject = {**item, "summary": []}
    if "content" in shown:
        shown["content"] = []
    sealed = shown.get("encrypted_content")
    if isinstance(sealed, str):  # short and different from the one at done, as recorded
        shown["encrypted_content"] = "gAAAAAB" + text_of_length(sealed.encode()[:64], max(32, len(sealed) * 3 // 4))
    return shown


def _reasoning_events(item: Item, chunk: Chunk) -> Iterator[Draft]:
    for index, part in enumerate(_parts(item, "summary")):
        text, at = str(part["text"]), {"summary_index": index}
        yield Draft("reasoning_summary_part.added", {**at, "part": {"type": "summary_text", "text": ""}})
        for delta in split_text(text, chunk):
            fields = {**at, "delta": delta}
            yield Draft("reasoning_summary_text.delta", fields, is_delta=True, is_obfuscated=True)
        yield Draft("reasoning_summary_text.done", {**at, "text": text})
        yield Draft("reasoning_summary_part.done", {**at, "part": part})
    for index, part in enumerate(_parts(item, "content")):
        text = str(part["text"])
        for delta in split_text(text, chunk):
            yield Draft("reasoning_text.delta", {"content_index": index, "delta": delta}, is_delta=True)
        yield Draft("reasoning_text.done", {"content_index": index, "text": text})


GRAMMAR: Mapping[str, ItemGrammar] = {
    "message": ItemGrammar(_blanked(content=[]), _message_events),
    "reasoning": ItemGrammar(_reasoning_opening, _reasoning_events),
    "function_call": ItemGrammar(_blanked(arguments=""), _one_text("arguments", "function_call_arguments")),
    "custom_tool_call": ItemGrammar(_blanked(input=""), _one_text("input", "custom_tool_call_input")),
}
"""Every item type that can be scripted."""
