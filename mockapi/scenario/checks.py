"""What no stream can show, though each of its parts is well written: told at load, with its place."""

from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence

from mockapi.scenario.forms import ITEM_TYPES
from mockapi.scenario.places import At, Placed, items_of
from mockapi.scenario.template import is_template

__all__ = ["impossible", "unanswered", "unknown_types"]

Finding = tuple[At, str]


def impossible(reply: object) -> Iterator[Finding]:
    """(where in the reply, what is wrong): annotations beyond their text, partial images of nothing, ids that come twice."""
    items = list(items_of(reply))
    yield from _repeated(items)
    for item in items:
        yield from _misplaced_annotations(item)
        if item.kind == "image_generation_call":
            yield from _pictures_of_nothing(item)


def unknown_types(reply: object) -> Iterator[Finding]:
    """(where in the reply, the type) of items that are sent as they are because nobody knows their type."""
    for item in items_of(reply):
        if "type" in item.form and item.kind not in ITEM_TYPES:
            yield (*item.at, "type"), item.kind


def unanswered(reply: object, before: Sequence[Placed] = ()) -> Iterator[Finding]:
    """(where in the reply, what is odd) of tool outputs without their call: none of its type and call id goes before."""
    seen = list(before)
    for item in items_of(reply):
        called = _call_of(item.kind)
        if called and not _is_called(item, called, seen):
            yield item.at, f"the {item.kind} answers no {called}: none goes before it"
        seen.append(item)


def _call_of(kind: str) -> str:
    """The type that an output item answers; "" for items that answer nothing."""
    if not kind.endswith("_output"):
        return ""
    return "tool_search_call" if kind == "tool_search_output" else kind.removesuffix("_output")


def _is_called(item: Placed, called: str, seen: Sequence[Placed]) -> bool:
    """By its call id where it names one; a template may name any, and a program of an earlier turn may still run."""
    call_id = item.form.get("call_id")
    if call_id is None:
        return any(each.kind == called for each in seen)
    is_open = is_template(str(call_id)) or item.kind == "program_output"
    return is_open or any(each.kind == called and each.form.get("call_id") in (call_id, None) for each in seen)


def _repeated(items: list[Placed]) -> Iterator[Finding]:
    """Clients tell items apart by their ids, calls of one type by their call ids."""
    seen: dict[tuple[str, str], int] = {}
    for number, item in enumerate(items, 1):
        for key, family in (("id", ""), ("call_id", item.kind)):
            value = item.form.get(key)
            if not isinstance(value, str) or is_template(value):
                continue
            other = seen.setdefault((f"{key}{family}", value), number)
            if other != number:
                yield (*item.at, key), f"{value!r} is the {key} of item {other} already"


def _misplaced_annotations(item: Placed) -> Iterator[Finding]:
    """Only in messages in their long form: one with its own `type:` is sent as it is."""
    if item.kind != "message" or "type" in item.form:
        return
    content = item.form.get("content")
    parts = [(item.at, item.form)]
    if isinstance(content, list):
        parts = [((*item.at, "content", index), part) for index, part in enumerate(content)]
    for at, part in parts:
        text, annotations = part.get("text", ""), part.get("annotations")
        if isinstance(text, str) and not is_template(text) and isinstance(annotations, list):
            for index, annotation in enumerate(annotations):
                if problem := _misplaced(annotation, len(text)):
                    yield (*at, "annotations", index), problem


def _misplaced(annotation: Mapping[str, object], length: int) -> str:
    start, end = annotation.get("start_index", 0), annotation.get("end_index", annotation.get("index", 0))
    if not isinstance(start, int) or not isinstance(end, int) or start < 0 or end < 0:
        return "an annotation's indexes count characters from 0"
    if start > end:
        return f"the annotation begins at {start}, after its end at {end}"
    return f"the annotation ends at {end}, but the text has {length} characters" if end > length else ""


def _pictures_of_nothing(item: Placed) -> Iterator[Finding]:
    result, partial = item.form.get("result"), item.form.get("partial_images")
    has_none = "error" in item.form or item.form.get("status") == "failed" or "type" in item.form
    if isinstance(partial, int) and partial and result is None and has_none:
        yield (*item.at, "partial_images"), "a count of partial images shows the result so often, and there is none"
    pictures = [((*item.at, "result"), result)] if result is not None else []
    if isinstance(partial, list):
        pictures += [((*item.at, "partial_images", index), each) for index, each in enumerate(partial)]
    for at, picture in pictures:
        if isinstance(picture, str) and not is_template(picture) and not _is_picture(picture):
            yield at, "a picture is base64, and not empty"


def _is_picture(text: str) -> bool:
    try:
        return bool(b64decode(text, validate=True))
    except ValueError:
        return False
