"""Drafts become finished items: defaults, statuses, ids as slots, fields that show only on `include`, a cut last item.

A *draft* is an output item as the scenario wrote it, in wire fields, with or without id. A *slot* is a piece of text that
stands for an id until the response it belongs to is known, so that everything else can be rendered once per step.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mockapi.engine.pace import Chunk, split_text
from mockapi.scenario.context import CALL_TYPES
from mockapi.wire.ids import chance, text_of_length
from mockapi.wire.json import JsonObject, dumps, loads, ordered
from mockapi.wire.tokens import count_text, split_tokens

__all__ = ["PREFIXES", "Cut", "Finished", "Shaping", "finish_items", "span_end"]

PREFIXES = {"message": "msg", "reasoning": "rs", "function_call": "fc", "custom_tool_call": "ctc"}
"""Id prefix of every item type that can be scripted (WIRE.md §3)."""

_WITH_STATUS = ("message", "function_call", "custom_tool_call")
_CUT_FIELDS = {"function_call": "arguments", "custom_tool_call": "input"}


@dataclass(frozen=True, slots=True)
class Cut:
    """How the last item ends early: at so many tokens if it is longer, else at its half."""

    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Shaping:
    """What of the request decides how drafts become items."""

    has_logprobs: bool = False
    top_logprobs: int = 0
    is_encrypted: bool = False
    encrypts_always: bool = False
    one_call: bool = False
    chunk: Chunk = "words"
    cut: Cut | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """Finished items with slots; `prefixes[n]` is the prefix of slot n, `slot(n)` its text."""

    items: tuple[JsonObject, ...]
    prefixes: tuple[str, ...]
    mark: str

    def slot(self, ordinal: int) -> str:
        """The text that stands for an id."""
        return _slot(self.mark, ordinal)


def finish_items(drafts: bytes, shaping: Shaping) -> Finished:
    """Finished items from a JSON array of drafts."""
    parsed = loads(drafts)
    items: list[JsonObject] = [dict(draft) for draft in parsed] if isinstance(parsed, list) else []
    if shaping.one_call:
        items = _with_one_call(items)
    if shaping.cut is not None and items:
        is_verbatim, last = _unwrapped(items[-1])
        items[-1] = {"verbatim": _cut(last, shaping.cut)} if is_verbatim else _cut(last, shaping.cut)
    slots = _Slots(_mark_absent_from(drafts))
    finished = tuple(_finished(item, shaping, slots) for item in items)
    return Finished(finished, tuple(slots.prefixes), slots.mark)


def _slot(mark: str, ordinal: int) -> str:
    return f"@{mark}#{ordinal}@"


def _mark_absent_from(text: bytes) -> str:
    number = 0
    while b"@%d#" % number in text:
        number += 1
    return str(number)


class _Slots:
    """Hands out slots in order."""

    def __init__(self, mark: str) -> None:
        self.mark = mark
        self.prefixes: list[str] = []

    def take(self, prefix: str) -> str:
        self.prefixes.append(prefix)
        return _slot(self.mark, len(self.prefixes) - 1)


def _unwrapped(draft: Mapping[str, object]) -> tuple[bool, Mapping[str, object]]:
    """Whether the draft is to be sent as it is, and the draft itself."""
    inner = draft.get("verbatim")
    return (True, inner) if "type" not in draft and isinstance(inner, dict) else (False, draft)


def _finished(draft: Mapping[str, object], shaping: Shaping, slots: _Slots) -> JsonObject:
    is_verbatim, draft = _unwrapped(draft)
    kind = str(draft["type"])
    item: JsonObject = dict(draft)
    if item.get("id") is None:
        item["id"] = slots.take(PREFIXES[kind])
    if kind in _WITH_STATUS:
        item.setdefault("status", "completed")
    if kind in CALL_TYPES and "call_id" not in draft:
        item["call_id"] = slots.take("call")
    if kind == "message":
        item.setdefault("role", "assistant")
        item["content"] = [part if is_verbatim else _finished_part(part, shaping) for part in _dicts(item["content"])]
    if kind == "reasoning" and not is_verbatim:
        _finish_reasoning(item, shaping)
    return ordered(item)


def _dicts(value: object) -> list[Mapping[str, object]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _finished_part(part: Mapping[str, object], shaping: Shaping) -> JsonObject:
    if part["type"] != "output_text":
        return dict(part)
    text = str(part["text"])
    logprobs: object = []
    if shaping.has_logprobs:
        logprobs = part.get("logprobs") or _made_logprobs(text, shaping)
    return {"type": "output_text", "annotations": part.get("annotations", []), "logprobs": logprobs, "text": text}


def _made_logprobs(text: str, shaping: Shaping) -> list[JsonObject]:
    """One entry a delta, with figures decided by hash."""
    return [_made_logprob(token, shaping.top_logprobs) for token in split_text(text, shaping.chunk)]


def _made_logprob(token: str, top: int) -> JsonObject:
    probability = -chance(b"logprob", token.encode())
    candidates = [(f"{token}{n or ''}", probability - n) for n in range(top)]
    entry = {"bytes": list(token.encode()), "logprob": probability, "token": token}
    tops = [{"bytes": list(name.encode()), "logprob": value, "token": name} for name, value in candidates]
    return {**entry, "top_logprobs": tops}


def _finish_reasoning(item: JsonObject, shaping: Shaping) -> None:
    item.setdefault("summary", [])
    scripted = item.pop("encrypted_content", None)
    if not (shaping.is_encrypted or shaping.encrypts_always):
        return
    item["encrypted_content"] = scripted or _sealed(item)
    if shaping.encrypts_always:
        item.setdefault("content", [])


def _sealed(item: Mapping[str, object]) -> str:
    """Opaque text about as long as the real one; derived from what it hides."""
    hidden = dumps([item.get("summary"), item.get("content")])
    return "gAAAAAB" + text_of_length(hidden[:64], 400 + len(hidden))


def _with_one_call(items: Sequence[JsonObject]) -> list[JsonObject]:
    """`parallel_tool_calls: false` keeps the first call only."""
    kept: list[JsonObject] = []
    for item in items:
        if item.get("type") in CALL_TYPES and any(other.get("type") in CALL_TYPES for other in kept):
            continue
        kept.append(item)
    return kept


def _cut(item: Mapping[str, object], cut: Cut) -> JsonObject:
    kind = item["type"]
    if kind in _CUT_FIELDS:
        field = _CUT_FIELDS[str(kind)]
        return {**item, "status": "incomplete", field: _cut_text(str(item[field]), cut)}
    if kind == "message":
        parts = [dict(part) for part in _dicts(item.get("content"))]
        field = "refusal" if parts and parts[-1]["type"] == "refusal" else "text"
        if parts:
            text = _cut_text(str(parts[-1][field]), cut)
            parts[-1] = {**parts[-1], field: text}
            if field == "text":
                parts[-1]["annotations"] = _still_cited(parts[-1], len(text))
                parts[-1].pop("logprobs", None)
        return {**item, "status": "incomplete", "content": parts}
    if kind == "reasoning":
        summary = [dict(part) for part in _dicts(item.get("summary"))]
        if summary:
            summary[-1]["text"] = _cut_text(str(summary[-1]["text"]), cut)
        return {**item, "summary": summary}
    return dict(item)


def _still_cited(part: Mapping[str, object], length: int) -> list[Mapping[str, object]]:
    return [annotation for annotation in _dicts(part.get("annotations")) if span_end(annotation) <= length]


def span_end(annotation: Mapping[str, object]) -> int:
    """The character after which an annotation is due: the end of what it cites."""
    end = annotation.get("end_index", annotation.get("index", 0))
    return end if isinstance(end, int) else 0


def _cut_text(text: str, cut: Cut) -> str:
    if cut.tokens is not None and count_text(text) > cut.tokens:
        return "".join(split_tokens(text)[: cut.tokens])
    return text[: len(text) // 2]
