"""Calls that the server runs itself: search, code, images, MCP (WIRE.md §4 "Per item"; what `include` shows: §3)."""

from collections.abc import Iterator

from mockapi.engine.entry import Draft, Item, Play, in_steps, one_delta, one_text, string
from mockapi.engine.picture import tiny_picture
from mockapi.engine.shaping import Cut, Shaping, Slots
from mockapi.wire.json import JsonObject
from mockapi.wire.opaque import opaque_at_first

__all__ = [
    "code_events",
    "code_opening",
    "compaction_events",
    "compaction_opening",
    "cut_image",
    "cut_mcp_call",
    "finish_approval",
    "finish_code",
    "finish_file_search",
    "finish_image",
    "finish_mcp_call",
    "finish_web_search",
    "image_events",
    "list_tools_events",
    "list_tools_opening",
    "mcp_call_events",
]


def finish_web_search(item: JsonObject, shaping: Shaping, slots: Slots) -> JsonObject:
    """Sources of a search are shown only when the request includes them."""
    action = item.get("action")
    if not isinstance(action, dict) or action.get("type") != "search":
        return item
    shown = {key: value for key, value in action.items() if key != "sources"}
    if "web_search_call.action.sources" in shaping.include:
        shown["sources"] = action.get("sources", [])
    return {**item, "action": shown}


def finish_file_search(item: JsonObject, shaping: Shaping, slots: Slots) -> JsonObject:
    """Results are null unless the request includes them."""
    is_shown = "file_search_call.results" in shaping.include
    return {**item, "results": item.get("results", []) if is_shown else None}


def finish_code(item: JsonObject, shaping: Shaping, slots: Slots) -> JsonObject:
    """Outputs are null unless the request includes them; all calls of a response share a container."""
    outputs = item.get("outputs", []) if "code_interpreter_call.outputs" in shaping.include else None
    return {**item, "container_id": slots.container(item.get("container_id")), "outputs": outputs}


def code_opening(item: Item) -> JsonObject:
    """No code yet; outputs that will be shown are an empty list."""
    shown: JsonObject = {**item, "status": "in_progress", "code": ""}
    return {**shown, "outputs": []} if isinstance(item.get("outputs"), list) else shown


_code = one_text("code", "code_interpreter_call_code")
_after_code = in_steps("code_interpreter_call", "interpreting", "completed")


def code_events(item: Item, play: Play) -> Iterator[Draft]:
    """The code as it is written, then its run."""
    yield Draft("code_interpreter_call.in_progress", {})
    yield from _code(item, play)
    if item.get("status") != "incomplete":  # cut while it was written, it never ran
        yield from _after_code(item, play)


def finish_image(item: JsonObject, shaping: Shaping, slots: Slots) -> JsonObject:
    """What is not scripted is as the offered tool asks for it; a picture that is not scripted is a tiny PNG."""
    asked, prompt = shaping.image, item.get("revised_prompt")
    made: JsonObject = {
        "background": asked.background or "opaque",
        "output_format": "png",
        "quality": asked.quality or "low",
        "result": None if item.get("status") == "failed" else tiny_picture(str(prompt or "")),
        "revised_prompt": None,
        "size": asked.size or "1024x1024",
    }
    return made | item


_PARTIAL_FIELDS = ("background", "output_format", "quality", "size")
_image_begins = in_steps("image_generation_call", "in_progress", "generating")
_image_ends = in_steps("image_generation_call", "completed")


def image_events(item: Item, play: Play) -> Iterator[Draft]:
    """Partial pictures: those scripted, or as many of the whole one as were scripted or asked for."""
    yield from _image_begins(item, play)
    partial = play.script.get("partial_images", play.shaping.image.partial_images)
    result = item.get("result")
    pictures = partial if isinstance(partial, list) else [result] * int(str(partial)) if isinstance(result, str) else []
    for index, picture in enumerate(pictures):
        fields = {key: item[key] for key in _PARTIAL_FIELDS if key in item}
        fields |= {"partial_image_b64": picture, "partial_image_index": index}
        yield Draft("image_generation_call.partial_image", fields, is_delta=True)
    yield from _image_ends(item, play)


def cut_image(item: Item, cut: Cut) -> JsonObject:
    """A picture that was never finished."""
    return {**item, "result": None}


def list_tools_opening(item: Item) -> JsonObject:
    """No tools are known yet, and no error."""
    return {key: [] if key == "tools" else value for key, value in item.items() if key != "error"}


def list_tools_events(item: Item, play: Play) -> Iterator[Draft]:
    """Ends `failed` when the item tells an error."""
    yield Draft("mcp_list_tools.in_progress", {})
    yield Draft("mcp_list_tools.failed" if item.get("error") else "mcp_list_tools.completed", {})


def mcp_call_events(item: Item, play: Play) -> Iterator[Draft]:
    """Arguments come in one delta; after an approval the call begins a second time, as recorded."""
    arguments = string(item, "arguments")
    yield Draft("mcp_call.in_progress", {})
    yield one_delta("mcp_call_arguments", arguments)
    if item.get("approval_request_id"):
        yield Draft("mcp_call.in_progress", {})
    yield Draft("mcp_call_arguments.done", {"arguments": arguments})
    if item.get("error") or item.get("status") == "failed":
        yield Draft("mcp_call.failed", {})
    elif item.get("status", "completed") == "completed":
        yield Draft("mcp_call.completed", {})


def cut_mcp_call(item: Item, cut: Cut) -> JsonObject:
    """A call that was cut while it was written has neither output nor error."""
    return {**item, "arguments": cut.text(string(item, "arguments")), "output": None, "error": None}


def finish_mcp_call(item: JsonObject, shaping: Shaping, slots: Slots) -> JsonObject:
    """The first call behind an approval names the request that was approved."""
    return item if item.get("approval_request_id") else {**item, "approval_request_id": slots.approved()}


def finish_approval(item: JsonObject, shaping: Shaping, slots: Slots) -> JsonObject:
    """An answer is to the newest request, unless it names another."""
    asked = item.get("approval_request_id") or slots.newest("mcp_approval_request", "mcpr")
    return {**item, "approval_request_id": asked}


def compaction_opening(item: Item) -> JsonObject:
    """Shorter and different from what it is at its end, as recorded."""
    return {**item, "encrypted_content": opaque_at_first(string(item, "encrypted_content"))}


def compaction_events(item: Item, play: Play) -> Iterator[Draft]:
    """Nothing, as recorded, unless the SDK's newer progress events are scripted."""
    for _ in range(int(str(play.script.get("compacting", 0)))):
        yield Draft("compaction.compacting", {})
