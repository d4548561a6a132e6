"""Drafts become finished items: defaults, statuses, ids as slots, fields that show only on `include`, a cut last item.

A *draft* is an output item as the scenario wrote it, in wire fields, with or without id; `script` in it holds what is scripted
for its events beside the wire's fields. A draft `{"verbatim": item}` is sent as it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mockapi.engine.grammar import grammar_of
from mockapi.engine.shaping import Cut, ImageSettings, Shaping, Slots, slot_text
from mockapi.wire.json import JsonObject, loads, ordered

__all__ = ["Cut", "Finished", "ImageSettings", "Shaping", "finish_items"]


@dataclass(frozen=True, slots=True)
class Finished:
    """Finished items with slots, what is scripted for the events of each; `prefixes[n]` is the prefix of slot n."""

    items: tuple[JsonObject, ...]
    scripts: tuple[Mapping[str, object], ...]
    prefixes: tuple[str, ...]
    mark: str

    def slot(self, ordinal: int) -> str:
        """The text that stands for an id."""
        return slot_text(self.mark, ordinal)


class _Draft(NamedTuple):
    """A draft taken apart."""

    item: Mapping[str, object]
    script: Mapping[str, object]
    is_verbatim: bool


def finish_items(drafts: bytes, shaping: Shaping) -> Finished:
    """Finished items from a JSON array of drafts."""
    parsed = loads(drafts)
    taken = [_taken_apart(draft) for draft in parsed] if isinstance(parsed, list) else []
    if shaping.one_call or shaping.most_hosted is not None:
        taken = _allowed(taken, shaping)
    if shaping.cut is not None and taken:
        last = taken[-1]
        taken[-1] = last._replace(item=grammar_of(last.item["type"]).ended(last.item, shaping.cut))
    slots = Slots(_mark_absent_from(drafts), shaping.links, shaping.container)
    items = tuple(_finished(draft, shaping, slots) for draft in taken)
    return Finished(items, tuple(draft.script for draft in taken), tuple(slots.prefixes), slots.mark)


def _mark_absent_from(text: bytes) -> str:
    number = 0
    while b"@%d#" % number in text:
        number += 1
    return str(number)


def _taken_apart(draft: Mapping[str, object]) -> _Draft:
    inner, script = draft.get("verbatim"), draft.get("script")
    is_verbatim = "type" not in draft and isinstance(inner, dict)
    item = inner if is_verbatim and isinstance(inner, dict) else {k: v for k, v in draft.items() if k != "script"}
    return _Draft(item, script if isinstance(script, dict) else {}, is_verbatim)


def _finished(draft: _Draft, shaping: Shaping, slots: Slots) -> JsonObject:
    item: JsonObject = dict(draft.item)
    kind = str(item["type"])
    grammar = grammar_of(kind)
    if item.get("id") is None:
        item["id"] = slots.take(grammar.prefix)
    if grammar.call and "call_id" not in item:
        item["call_id"] = slots.take("call") if grammar.call == "own" else slots.newest(grammar.call)
    if "caller" in item:
        item["caller"] = _with_caller_id(item["caller"], slots)
    if kind == "message":
        item.setdefault("role", "assistant")
    if not draft.is_verbatim:
        item = grammar.finish(item, shaping, slots)
    if grammar.status:
        item.setdefault("status", grammar.status)
    slots.remember(kind, item.get("call_id") or item["id"])
    return ordered(item)


def _with_caller_id(caller: object, slots: Slots) -> object:
    """A program that calls is the newest one, unless its call id is given."""
    if isinstance(caller, dict) and caller.get("type") == "program" and "caller_id" not in caller:
        return {**caller, "caller_id": slots.newest("program")}
    return caller


def _allowed(drafts: Sequence[_Draft], shaping: Shaping) -> list[_Draft]:
    """What the request allows: one call of the client's without `parallel_tool_calls`, and `max_tool_calls` hosted ones.

    What answers a call goes with it; an item that is sent as it is always stays.
    """
    kept: list[_Draft] = []
    room = {"client": 1 if shaping.one_call else None, "server": shaping.most_hosted}
    was_dropped: dict[str, bool] = {}
    for draft in drafts:
        if draft.is_verbatim:
            kept.append(draft)
            continue
        grammar = grammar_of(draft.item["type"])
        runner = grammar.runs(draft.item)
        left = room.get(runner)
        answered = f"{grammar.call} {draft.item['call_id']}" if "call_id" in draft.item else grammar.call
        is_dropped = was_dropped.get(answered, False) if left is None else left == 0
        kind = str(draft.item["type"])
        was_dropped[kind] = was_dropped[f"{kind} {draft.item.get('call_id')}"] = is_dropped
        if is_dropped:
            continue
        if left is not None:
            room[runner] = left - 1
        kept.append(draft)
    return kept
