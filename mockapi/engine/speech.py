"""What the model says: messages and reasoning, and how they are streamed (WIRE.md §4 "Per item")."""

from collections.abc import Iterator, Sequence

from mockapi.engine.entry import Draft, Item, ItemGrammar, Play, blanked, mappings, string
from mockapi.engine.pace import split_text
from mockapi.engine.shaping import Cut, Shaping, Slots
from mockapi.wire.ids import chance
from mockapi.wire.json import JsonObject, dumps
from mockapi.wire.opaque import opaque_at_first
from mockapi.wire.seal import seal

__all__ = ["MESSAGE", "REASONING", "span_end"]


def span_end(annotation: Item) -> int:
    """The character after which an annotation is due: the end of what it cites."""
    end = annotation.get("end_index", annotation.get("index", 0))
    return end if isinstance(end, int) else 0


def _closed(item: Item) -> JsonObject:
    """The message as `output_item.done` and the body show it: log probabilities have six decimals there."""
    content = item.get("content")
    return {**item, "content": [_rounded(part) for part in content]} if isinstance(content, list) else dict(item)


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


def _message_events(item: Item, play: Play) -> Iterator[Draft]:
    for index, part in enumerate(mappings(item.get("content"))):
        at: JsonObject = {"content_index": index}
        if part["type"] == "refusal":
            yield from _refusal_events(part, at, play)
        else:
            yield from _text_events(part, at, play)
    audio = play.script.get("audio")
    if isinstance(audio, dict):
        yield from _audio_events(audio, play)


def _refusal_events(part: Item, at: JsonObject, play: Play) -> Iterator[Draft]:
    refusal = str(part["refusal"])
    yield Draft("content_part.added", {**at, "part": {"type": "refusal", "refusal": ""}})
    for delta in split_text(refusal, play.chunk):
        yield Draft("refusal.delta", {**at, "delta": delta}, is_delta=True)
    yield Draft("refusal.done", {**at, "refusal": refusal})
    yield Draft("content_part.done", {**at, "part": part})


def _text_events(part: Item, at: JsonObject, play: Play) -> Iterator[Draft]:
    text, logprobs = str(part["text"]), mappings(part.get("logprobs"))
    empty = {"type": "output_text", "annotations": [], "logprobs": [], "text": ""}
    yield Draft("content_part.added", {**at, "part": empty})
    deltas = [(str(entry["token"]), [entry]) for entry in logprobs] or [(d, []) for d in split_text(text, play.chunk)]
    pending = list(enumerate(mappings(part.get("annotations"))))
    position = 0
    for delta, entries in deltas:
        fields = {**at, "delta": delta, "logprobs": entries}
        yield Draft("output_text.delta", fields, is_delta=True, is_obfuscated=True)
        position += len(delta)
        due = [each for each in pending if _is_due(each[1], position)] if pending else []
        yield from _annotations(due, at)
        pending = [each for each in pending if each not in due]
    yield from _annotations(pending, at)
    yield Draft("output_text.done", {**at, "logprobs": list(logprobs), "text": text})
    yield Draft("content_part.done", {**at, "part": {**part, "logprobs": []}})


def _is_due(annotation: Item, position: int) -> bool:
    """Behind the span it cites; a container's files are cited behind the whole text (openai-code-interpreter-tool.1)."""
    return annotation.get("type") != "container_file_citation" and span_end(annotation) <= position


def _annotations(due: Sequence[tuple[int, Item]], at: JsonObject) -> Iterator[Draft]:
    for index, annotation in due:
        fields = {**at, "annotation": annotation, "annotation_index": index}
        yield Draft("output_text.annotation.added", fields)


def _audio_events(audio: Item, play: Play) -> Iterator[Draft]:
    """Never recorded; the SDK's events name neither item nor index, so nothing of it is in the item."""
    yield Draft("audio.delta", {"delta": string(audio, "data")}, is_delta=True, place="response")
    for delta in split_text(string(audio, "transcript"), play.chunk):
        yield Draft("audio.transcript.delta", {"delta": delta}, is_delta=True, place="response")
    yield Draft("audio.transcript.done", {}, place="response")
    yield Draft("audio.done", {}, place="response")


def _finish_message(item: JsonObject, shaping: Shaping, slots: Slots) -> JsonObject:
    return {**item, "content": [_finished_part(part, shaping, slots) for part in mappings(item.get("content"))]}


def _finished_part(part: Item, shaping: Shaping, slots: Slots) -> JsonObject:
    if part["type"] != "output_text":
        return dict(part)
    text = str(part["text"])
    logprobs: object = []
    if shaping.has_logprobs:
        logprobs = part.get("logprobs") or _made_logprobs(text, shaping)
    annotations = [_finished_annotation(each, slots) for each in mappings(part.get("annotations"))]
    return {"type": "output_text", "annotations": annotations, "logprobs": logprobs, "text": text}


def _finished_annotation(annotation: Item, slots: Slots) -> JsonObject:
    """A cited container file is in the response's container; any id of it that is not given is filled in."""
    if annotation["type"] != "container_file_citation":
        return dict(annotation)
    container, file_id = annotation.get("container_id"), annotation.get("file_id")
    made = {"container_id": container or slots.container(), "file_id": file_id or slots.take("cfile")}
    return {"type": "container_file_citation"} | dict(sorted({**annotation, **made}.items()))


def _made_logprobs(text: str, shaping: Shaping) -> list[JsonObject]:
    """One entry a delta, with figures decided by hash."""
    return [_made_logprob(token, shaping.top_logprobs) for token in split_text(text, shaping.chunk)]


def _made_logprob(token: str, top: int) -> JsonObject:
    probability = -chance(b"logprob", token.encode())
    candidates = [(f"{token}{n or ''}", probability - n) for n in range(top)]
    entry = {"bytes": list(token.encode()), "logprob": probability, "token": token}
    tops = [{"bytes": list(name.encode()), "logprob": value, "token": name} for name, value in candidates]
    return {**entry, "top_logprobs": tops}


def _cut_message(item: Item, cut: Cut) -> JsonObject:
    parts = [dict(part) for part in mappings(item.get("content"))]
    field = "refusal" if parts and parts[-1]["type"] == "refusal" else "text"
    if parts:
        text = cut.text(str(parts[-1][field]))
        parts[-1] = {**parts[-1], field: text}
        if field == "text":
            parts[-1]["annotations"] = _still_cited(parts[-1], len(text))
            parts[-1].pop("logprobs", None)
    return {**item, "content": parts}


def _still_cited(part: Item, length: int) -> list[Item]:
    return [annotation for annotation in mappings(part.get("annotations")) if span_end(annotation) <= length]


def _reasoning_opening(item: Item) -> JsonObject:
    shown: JsonObject = {**item, "summary": []}
    if "content" in shown:
        shown["content"] = []
    secret = shown.get("encrypted_content")
    if isinstance(secret, str):
        shown["encrypted_content"] = opaque_at_first(secret)
    return shown


def _reasoning_events(item: Item, play: Play) -> Iterator[Draft]:
    for index, part in enumerate(mappings(item.get("summary"))):
        text, at = str(part["text"]), {"summary_index": index}
        yield Draft("reasoning_summary_part.added", {**at, "part": {"type": "summary_text", "text": ""}})
        for delta in split_text(text, play.chunk):
            fields = {**at, "delta": delta}
            yield Draft("reasoning_summary_text.delta", fields, is_delta=True, is_obfuscated=True)
        yield Draft("reasoning_summary_text.done", {**at, "text": text})
        yield Draft("reasoning_summary_part.done", {**at, "part": part})
    for index, part in enumerate(mappings(item.get("content"))):
        text = str(part["text"])
        for delta in split_text(text, play.chunk):
            yield Draft("reasoning_text.delta", {"content_index": index, "delta": delta}, is_delta=True)
        yield Draft("reasoning_text.done", {"content_index": index, "text": text})


def _finish_reasoning(item: JsonObject, shaping: Shaping, slots: Slots) -> JsonObject:
    scripted = item.pop("encrypted_content", None)
    finished = {"summary": [], **item}
    if shaping.is_encrypted or shaping.encrypts_always:
        hidden = dumps([finished["summary"], finished.get("content")])
        finished["encrypted_content"] = scripted or seal(bytes.fromhex(shaping.seal), hidden, 400 + len(hidden))
        if shaping.encrypts_always:
            finished.setdefault("content", [])
    return finished


def _cut_reasoning(item: Item, cut: Cut) -> JsonObject:
    """The raw text is cut, which comes last; else the summary."""
    field = "content" if mappings(item.get("content")) else "summary"
    parts = [dict(part) for part in mappings(item.get(field))]
    if parts:
        parts[-1]["text"] = cut.text(str(parts[-1]["text"]))
    return {**item, field: parts}


MESSAGE = ItemGrammar("msg", blanked(content=[]), _message_events, closing=_closed, finish=_finish_message, cut=_cut_message)
REASONING = ItemGrammar("rs", _reasoning_opening, _reasoning_events, status=None, finish=_finish_reasoning, cut=_cut_reasoning)
