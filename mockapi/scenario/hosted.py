"""How calls that the server runs itself are written in a reply."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, Field, model_validator

from mockapi.scenario.fields import (
    OPEN,
    STRICT,
    Arguments,
    Identified,
    ItemForm,
    Payload,
    Texts,
    as_text,
    by_type,
    json_text,
    text_list,
    without,
)
from mockapi.wire.ids import text_of_length
from mockapi.wire.json import JsonObject
from mockapi.wire.opaque import opaque
from mockapi.wire.tools import Tool, echo_tool
from mockapi.wire.typed import by_kind

__all__ = ["HOSTED", "PartialImages", "Picture"]

Form = Mapping[str, object]


class SourceForm(BaseModel):
    """A source of a search."""

    model_config = STRICT

    type: Literal["url"] = "url"
    url: str


Source = Annotated[object, by_kind("an address, or {url: …}", text=str, mapping=SourceForm)]


class SearchAction(BaseModel):
    """A search."""

    model_config = STRICT

    type: Literal["search"] = "search"
    query: str | None = None
    queries: list[str] | None = None
    sources: list[Source] = []


class OpenPageAction(BaseModel):
    """A page is opened."""

    model_config = STRICT

    type: Literal["open_page"]
    url: str


class FindAction(BaseModel):
    """A pattern is looked for in a page."""

    model_config = STRICT

    type: Literal["find_in_page"]
    pattern: str
    url: str


_WEB_ACTIONS = {"search": SearchAction, "open_page": OpenPageAction, "find_in_page": FindAction}
WebAction = Annotated[object, by_type("an action: search, open_page or find_in_page", _WEB_ACTIONS, default="search")]


class WebSearchForm(Identified):
    """The long form of `web_search_call`: a `query`, or the wire's `action`."""

    status: Literal["in_progress", "searching", "completed", "failed", "incomplete"] | None = None
    query: str | None = None
    action: WebAction | None = None
    """What was done, in full: search, open_page or find_in_page."""
    sources: list[Source] | None = None

    @model_validator(mode="after")
    def _says_it_once(self) -> "WebSearchForm":
        if self.query is not None and self.action is not None:
            raise ValueError("give query or action, not both")
        if self.sources and isinstance(self.action, OpenPageAction | FindAction):
            raise ValueError("only a search has sources")
        return self


class ResultForm(BaseModel):
    """One result of a file search."""

    model_config = STRICT

    file_id: str | None = None
    filename: str | None = None
    score: Annotated[float, Field(ge=0, le=1)] | None = None
    text: str | None = None
    attributes: dict[str, str | float | bool] | None = None


class FileSearchForm(Identified):
    """The long form of `file_search_call`."""

    status: Literal["in_progress", "searching", "completed", "incomplete", "failed"] | None = None
    queries: Texts = ()
    results: list[ResultForm] | None = None


class LogsForm(BaseModel):
    """What code printed."""

    model_config = STRICT

    type: Literal["logs"]
    logs: str


class CodeImageForm(BaseModel):
    """A picture that code drew."""

    model_config = STRICT

    type: Literal["image"]
    url: str


_CODE_OUTPUTS = by_type("logs or an image", {"logs": LogsForm, "image": CodeImageForm})
CodeOutput = Annotated[object, by_kind("text that was printed, or a mapping", text=str, mapping=Annotated[object, _CODE_OUTPUTS])]


class CodeInterpreterForm(Identified):
    """The long form of `code_interpreter_call`."""

    status: Literal["in_progress", "completed", "incomplete", "interpreting", "failed"] | None = None
    code: str | None = None
    """The code that was run."""
    container_id: str | None = None
    outputs: Annotated[object, by_kind("text or a list of outputs", text=str, items=list[CodeOutput])] = None


class FileForm(BaseModel):
    """A picture in a file beside the scenario."""

    model_config = STRICT

    file: str


Picture = Annotated[object, by_kind("base64, or {file: path}", text=str, mapping=FileForm)]
PartialImages = Annotated[
    object,
    by_kind("a count or a list of pictures", number=Annotated[int, Field(ge=0, le=10)], items=list[Picture]),
]


class ImageErrorForm(BaseModel):
    """Why there is no picture."""

    model_config = OPEN

    message: str
    type: str = "image_generation_user_error"


class ImageForm(Identified):
    """The long form of `image_generation_call`."""

    status: Literal["in_progress", "completed", "generating", "failed"] | None = None
    result: Picture | None = None
    """The picture: base64, or `{file: path}`."""
    partial_images: PartialImages | None = None
    """How many pictures are shown on the way, or which."""
    action: Literal["generate", "edit", "auto"] | None = None
    """Whether the picture was made or edited."""
    background: Literal["transparent", "opaque", "auto"] | None = None
    error: ImageErrorForm | None = None
    """Why there is no picture."""
    output_format: Literal["png", "webp", "jpeg", "gif", "svg"] | None = None
    quality: Literal["low", "medium", "high", "xhigh", "max", "auto"] | None = None
    revised_prompt: str | None = None
    size: str | None = None
    svg_usage: dict[str, object] | None = None


class McpToolForm(BaseModel):
    """A tool of an MCP server."""

    model_config = STRICT

    name: str
    description: str | None = None
    """What the tool is for."""
    input_schema: dict[str, object] | None = None
    annotations: dict[str, object] | None = None
    """Its hints for clients."""


McpTool = Annotated[object, by_kind("a name or a mapping", text=str, mapping=McpToolForm)]


class McpListToolsForm(Identified):
    """The long form of `mcp_list_tools`."""

    server_label: str
    tools: list[McpTool] | None = None
    """Names of tools, or tools in full."""
    error: str | None = None
    """Why the server's tools could not be listed."""


class McpCallForm(Identified):
    """The long form of `mcp_call`."""

    status: Literal["in_progress", "completed", "incomplete", "calling", "failed"] | None = None
    name: str
    server_label: str
    arguments: Arguments = None
    output: Payload = None
    """What the tool said; a mapping is sent as JSON."""
    error: Annotated[object, by_kind("text or a mapping", text=str, mapping=dict[str, object])] = None
    """What the tool said when it failed, or a mapping."""
    approval_request_id: str | None = None

    @model_validator(mode="after")
    def _ends_one_way(self) -> "McpCallForm":
        if self.output is not None and self.error is not None:
            raise ValueError("a call has an output or an error, not both")
        return self


class McpApprovalRequestForm(Identified):
    """The long form of `mcp_approval_request`."""

    name: str
    server_label: str
    arguments: Arguments = None


class McpApprovalResponseForm(Identified):
    """The long form of `mcp_approval_response`."""

    approve: bool
    approval_request_id: str | None = None
    reason: str | None = None


class CompactionForm(Identified):
    """The long form of `compaction`; `compacting` counts the progress events before its end."""

    encrypted_content: str | None = None
    created_by: str | None = None
    compacting: Annotated[int, Field(ge=0, le=100)] = 0


class AdditionalToolsForm(Identified):
    """The long form of `additional_tools`."""

    role: Literal["unknown", "user", "assistant", "system", "critic", "discriminator", "developer", "tool"] = "developer"
    tools: list[Tool]


def _sources(value: object) -> list[JsonObject]:
    given = value if isinstance(value, list) else []
    return [{"type": "url", "url": each["url"] if isinstance(each, Mapping) else as_text(each)} for each in given]


def _web_search(form: Form) -> JsonObject:
    given = form.get("action")
    action: JsonObject = {"type": "search", **(given if isinstance(given, Mapping) else {})}
    if action["type"] == "search":
        action.setdefault("query", as_text(form.get("query")) or next(iter(text_list(action.get("queries"))), ""))
        sources = form.get("sources", action.get("sources"))
        if sources is not None:
            action["sources"] = _sources(sources)
    return {"type": "web_search_call", **without(form, "query", "sources"), "action": action}


def _result(form: Form) -> JsonObject:
    """A whole result: an id that follows from the file's name."""
    filename = as_text(form.get("filename") or "document.txt")
    made = {"attributes": {}, "file_id": "file-" + text_of_length(filename.encode()[:64], 22), "score": 0.9, "text": ""}
    return dict(sorted({**made, **form, "filename": filename}.items()))


def _file_search(form: Form) -> JsonObject:
    item = {"type": "file_search_call", **form, "queries": text_list(form.get("queries"))}
    results = form.get("results")
    return {**item, "results": [_result(each) for each in results]} if isinstance(results, list) else item


def _code_output(output: object) -> JsonObject:
    return dict(output) if isinstance(output, Mapping) else {"type": "logs", "logs": as_text(output)}


def _code_interpreter(form: Form) -> JsonObject:
    item = {"type": "code_interpreter_call", **form, "code": as_text(form.get("code"))}
    outputs = form.get("outputs")
    if outputs is not None:
        item["outputs"] = [_code_output(each) for each in (outputs if isinstance(outputs, list) else [outputs])]
    return item


def _image(form: Form) -> JsonObject:
    item: JsonObject = {"type": "image_generation_call", **without(form, "partial_images")}
    if "partial_images" in form:
        item["script"] = {"partial_images": form["partial_images"]}
    error = form.get("error")
    if isinstance(error, Mapping):
        item = {"status": "failed", **item, "error": {"type": "image_generation_user_error", **error}}
    return item


def _mcp_tool(tool: object) -> JsonObject:
    form = tool if isinstance(tool, Mapping) else {"name": as_text(tool)}
    made = {"annotations": {"read_only": False}, "description": None, "input_schema": {"type": "object", "properties": {}}}
    return {**made, **form}


def _mcp_list_tools(form: Form) -> JsonObject:
    tools = form.get("tools")
    return {"type": "mcp_list_tools", **form, "tools": [_mcp_tool(tool) for tool in tools] if isinstance(tools, list) else []}


def _mcp_call(form: Form) -> JsonObject:
    """A call that failed has an error and no output; error text is what the tool said."""
    error, output = form.get("error"), form.get("output")
    if isinstance(error, str):
        error = {"type": "mcp_tool_execution_error", "content": [{"type": "text", "text": error}]}
    made: JsonObject = {"approval_request_id": None, **({"status": "failed"} if error else {})}
    told = {"arguments": json_text(form.get("arguments", {})), "error": error}
    return {"type": "mcp_call", **made, **form, **told, "output": None if output is None else as_text(output)}


def _approval_request(form: Form) -> JsonObject:
    return {"type": "mcp_approval_request", **form, "arguments": json_text(form.get("arguments", {}))}


def _approval_response(form: Form) -> JsonObject:
    return {"type": "mcp_approval_response", **form}


def _compaction(form: Form) -> JsonObject:
    item: JsonObject = {"type": "compaction", "encrypted_content": opaque(b"compaction", 2_400), **without(form, "compacting")}
    return {**item, "script": {"compacting": form["compacting"]}} if form.get("compacting") else item


def _additional_tools(form: Form) -> JsonObject:
    tools = form["tools"]
    shown = [echo_tool(tool) for tool in tools] if isinstance(tools, list) else []
    return {"type": "additional_tools", "role": "developer", **form, "tools": shown}


_MCP = {"server_label": str, "name": str, "arguments": str}

HOSTED: Mapping[str, ItemForm] = {
    "web_search_call": ItemForm(WebSearchForm, _web_search, "query"),
    "file_search_call": ItemForm(FileSearchForm, _file_search, "queries", wire={"queries": list[str]}),
    "code_interpreter_call": ItemForm(CodeInterpreterForm, _code_interpreter, "code", wire={"code": str}),
    "image_generation_call": ItemForm(
        ImageForm, _image, wire={"result": (Picture | None, None), "partial_images": (PartialImages | None, None)}
    ),
    "mcp_list_tools": ItemForm(McpListToolsForm, _mcp_list_tools, wire={"server_label": str, "tools": list[object]}),
    "mcp_call": ItemForm(McpCallForm, _mcp_call, wire=_MCP),
    "mcp_approval_request": ItemForm(McpApprovalRequestForm, _approval_request, wire=_MCP),
    "mcp_approval_response": ItemForm(McpApprovalResponseForm, _approval_response),
    "compaction": ItemForm(CompactionForm, _compaction, wire={"encrypted_content": str}),
    "additional_tools": ItemForm(AdditionalToolsForm, _additional_tools),
}
"""Calls of the server's own tools, and what else it adds to a response's output."""
