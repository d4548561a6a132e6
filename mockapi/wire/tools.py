"""Tools a request may offer, and how a body shows them (SDK `ToolParam`; WIRE.md §2 "Echo normalisation")."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Required

from pydantic import Field, StringConstraints, with_config

from mockapi.wire.json import JsonObject
from mockapi.wire.media import MCP_SERVER
from mockapi.wire.typed import STRICT, AnyObject, ModelName, OneOf, TypedDict, by_kind, tagged

__all__ = ["TOOL_TYPES", "Tool", "ToolChoice", "echo_tool", "tool_names"]

ToolName = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[a-zA-Z0-9_-]+$")]
StringOrObject = Annotated[str | JsonObject, by_kind("one of a string or an object", text=str, mapping=AnyObject)]
NamesOrObject = Annotated[list[str] | JsonObject, by_kind("one of an array or an object", items=list[str], mapping=AnyObject)]
ApprovalOrObject = Annotated[
    str | JsonObject, by_kind("one of a string or an object", text=Literal["always", "never"], mapping=AnyObject)
]
Callers = list[Literal["direct", "programmatic"]]

FunctionTool = TypedDict(
    "FunctionTool",
    {
        "type": Required[Literal["function"]],
        "name": Required[ToolName],
        "parameters": AnyObject | None,
        "strict": bool | None,
        "description": str | None,
        "allowed_callers": Callers | None,
        "async": bool | None,
        "defer_loading": bool | None,
        "output_schema": AnyObject | None,
    },
    total=False,
)
with_config(STRICT)(FunctionTool)

CustomTool = TypedDict(
    "CustomTool",
    {
        "type": Required[Literal["custom"]],
        "name": Required[ToolName],
        "description": str | None,
        "format": AnyObject | None,
        "allowed_callers": Callers | None,
        "async": bool | None,
        "defer_loading": bool | None,
    },
    total=False,
)
with_config(STRICT)(CustomTool)


@with_config(STRICT)
class FileSearch(TypedDict, total=False):
    """`file_search`."""

    type: Required[Literal["file_search"]]
    vector_store_ids: Required[Annotated[list[str], Field(min_length=1)]]
    filters: AnyObject | None
    max_num_results: Annotated[int, Field(ge=1, le=50)] | None
    ranking_options: AnyObject | None


@with_config(STRICT)
class UserLocation(TypedDict, total=False):
    """Where a web search is made from."""

    type: Literal["approximate"] | None
    city: str | None
    country: str | None
    region: str | None
    timezone: str | None


@with_config(STRICT)
class WebSearch(TypedDict, total=False):
    """`web_search` and its preview, dated or not."""

    type: Required[Literal["web_search", "web_search_2025_08_26", "web_search_preview", "web_search_preview_2025_03_11"]]
    external_web_access: bool | None
    filters: AnyObject | None
    search_content_types: list[Literal["text", "image"]] | None
    search_context_size: Literal["low", "medium", "high"] | None
    user_location: UserLocation | None


@with_config(STRICT)
class CodeInterpreter(TypedDict, total=False):
    """`code_interpreter`; the container is an id or a request for one."""

    type: Required[Literal["code_interpreter"]]
    container: Required[StringOrObject]
    allowed_callers: Callers | None


@with_config(STRICT)
class ImageGeneration(TypedDict, total=False):
    """`image_generation`."""

    type: Required[Literal["image_generation"]]
    action: Literal["generate", "edit", "auto"] | None
    background: Literal["transparent", "opaque", "auto"] | None
    complexity: Literal["low", "medium", "high"] | None
    frame_count: int | None
    frame_duration_ms: int | None
    input_fidelity: Literal["high", "low"] | None
    input_image_mask: AnyObject | None
    model: ModelName | None
    moderation: Literal["auto", "low"] | None
    n: int | None
    output_compression: Annotated[int, Field(ge=0, le=100)] | None
    output_format: Literal["png", "webp", "jpeg", "gif", "svg"] | None
    partial_images: Annotated[int, Field(ge=0, le=3)] | None
    quality: Literal["low", "medium", "high", "xhigh", "max", "auto"] | None
    size: str | None
    svg: AnyObject | None


@with_config(STRICT)
class Mcp(TypedDict, total=False):
    """`mcp`: a remote server or a connector."""

    type: Required[Literal["mcp"]]
    server_label: Required[str]
    allowed_callers: Callers | None
    allowed_tools: NamesOrObject | None
    authorization: str | None
    connector_id: str | None
    defer_loading: bool | None
    headers: dict[str, str] | None
    require_approval: ApprovalOrObject | None
    server_description: str | None
    server_url: str | None
    tunnel_id: str | None


@with_config(STRICT)
class Computer(TypedDict, total=False):
    """`computer`."""

    type: Required[Literal["computer"]]


@with_config(STRICT)
class ComputerPreview(TypedDict, total=False):
    """`computer_use_preview`; sizes in pixels."""

    type: Required[Literal["computer_use_preview"]]
    display_height: Required[int]
    display_width: Required[int]
    environment: Required[Literal["windows", "mac", "linux", "ubuntu", "browser"]]


@with_config(STRICT)
class Shell(TypedDict, total=False):
    """`shell`."""

    type: Required[Literal["shell"]]
    allowed_callers: Callers | None
    environment: AnyObject | None


@with_config(STRICT)
class ApplyPatch(TypedDict, total=False):
    """`apply_patch`."""

    type: Required[Literal["apply_patch"]]
    allowed_callers: Callers | None


@with_config(STRICT)
class Bare(TypedDict, total=False):
    """A tool without settings."""

    type: Required[Literal["local_shell", "programmatic_tool_calling"]]


@with_config(STRICT)
class ToolSearch(TypedDict, total=False):
    """`tool_search`."""

    type: Required[Literal["tool_search"]]
    description: str | None
    execution: Literal["server", "client"] | None
    parameters: AnyObject | None


MemberTool = Annotated[JsonObject, tagged({"function": FunctionTool, "custom": CustomTool})]


@with_config(STRICT)
class Namespace(TypedDict, total=False):
    """`namespace`: a named group of functions."""

    type: Required[Literal["namespace"]]
    name: Required[ToolName]
    description: Required[str]
    tools: Required[list[MemberTool]]


_TOOLS: dict[str, Any] = {
    "function": FunctionTool,
    "file_search": FileSearch,
    "computer": Computer,
    "computer_use_preview": ComputerPreview,
    "web_search": WebSearch,
    "web_search_2025_08_26": WebSearch,
    "web_search_preview": WebSearch,
    "web_search_preview_2025_03_11": WebSearch,
    "mcp": Annotated[Mcp, MCP_SERVER],
    "code_interpreter": CodeInterpreter,
    "programmatic_tool_calling": Bare,
    "image_generation": ImageGeneration,
    "local_shell": Bare,
    "shell": Shell,
    "custom": CustomTool,
    "namespace": Namespace,
    "tool_search": ToolSearch,
    "apply_patch": ApplyPatch,
}
TOOL_TYPES = tuple(_TOOLS)
Tool = Annotated[JsonObject, tagged(_TOOLS)]


@with_config(STRICT)
class NamedChoice(TypedDict, total=False):
    """`tool_choice` naming one function or custom tool."""

    type: Required[Literal["function", "custom"]]
    name: Required[str]


@with_config(STRICT)
class McpChoice(TypedDict, total=False):
    """`tool_choice` naming an MCP server, or one of its tools."""

    type: Required[Literal["mcp"]]
    server_label: Required[str]
    name: str | None


@with_config(STRICT)
class AllowedChoice(TypedDict, total=False):
    """`tool_choice` that narrows the tools."""

    type: Required[Literal["allowed_tools"]]
    mode: Required[Literal["auto", "required"]]
    tools: Required[list[AnyObject]]


@with_config(STRICT)
class HostedChoice(TypedDict, total=False):
    """`tool_choice` naming a hosted tool by its type."""

    type: Required[str]


_CHOICES: dict[str, Any] = {
    "option": Literal["none", "auto", "required"],
    "named": NamedChoice,
    "mcp": McpChoice,
    "allowed_tools": AllowedChoice,
    "hosted": HostedChoice,
}


def _pick_choice(value: object) -> str | None:
    if isinstance(value, str):
        return "option"
    if not isinstance(value, dict):
        return None
    kind = value.get("type")
    if kind in ("mcp", "allowed_tools"):
        return str(kind)
    return "hosted" if isinstance(kind, str) and kind not in ("function", "custom") else "named"


ToolChoice = Annotated[
    str | JsonObject,
    OneOf(_pick_choice, _CHOICES, expected="one of an object or 'none', 'auto', or 'required'"),
]

_LOCATION = {"type": "approximate", "city": None, "country": "US", "region": None, "timezone": None}
_DEFAULTS: dict[str, JsonObject] = {
    "file_search": {
        "filters": None,
        "max_num_results": 20,
        "ranking_options": {"ranker": "auto", "score_threshold": 0.0},
    },
    "image_generation": {
        "background": "auto",
        "moderation": "auto",
        "n": 1,
        "output_compression": 100,
        "output_format": "png",
        "quality": "auto",
        "size": "auto",
    },
    "mcp": {"allowed_tools": None, "headers": None},
    "tool_search": {"description": None, "parameters": None},
    "web_search": {"filters": None, "search_context_size": "medium", "user_location": _LOCATION},
    "web_search_preview": {"search_context_size": "medium", "user_location": _LOCATION},
}


def echo_tool(tool: Mapping[str, object]) -> JsonObject:
    """The tool as a response body shows it: defaults filled in, `type` first, then alphabetical."""
    kind = str(tool["type"])
    family = kind.removesuffix("_2025_08_26").removesuffix("_2025_03_11")
    merged: JsonObject = {**_DEFAULTS.get(family, {}), **{k: v for k, v in tool.items() if v is not None}}
    if kind == "function":
        parameters = tool.get("parameters") or {"type": "object", "properties": {}}
        strict = tool.get("strict")
        merged |= {
            "description": tool.get("description"),
            "parameters": parameters,
            "strict": _is_strict_schema(parameters) if strict is None else strict,
        }
    elif kind == "mcp" and isinstance(url := tool.get("server_url"), str):
        merged["server_url"] = _redacted(url)
    return {"type": kind} | {key: merged[key] for key in sorted(merged) if key != "type"}


def _is_strict_schema(schema: object) -> bool:
    """Omitted `strict`: the server tries strict and falls back to false (WIRE.md §11)."""
    if not isinstance(schema, Mapping) or schema.get("additionalProperties") is not False:
        return False
    properties = schema.get("properties")
    required = schema.get("required")
    return isinstance(properties, Mapping) and isinstance(required, list) and set(properties) == set(map(str, required))


def _redacted(url: str) -> str:
    """`https://host/<redacted>`, as newer bodies show an MCP server's path."""
    scheme, separator, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{separator}{host}/<redacted>" if slash and path else url


def tool_names(tools: object) -> list[str]:
    """Names and types that `when: tools` may ask for: of functions, custom tools, namespaces, servers, hosted tools."""
    names: list[str] = []
    for tool in tools if isinstance(tools, list) else []:
        if not isinstance(tool, Mapping):
            continue
        names += [str(tool[key]) for key in ("type", "name", "server_label") if isinstance(tool.get(key), str)]
        names += tool_names(tool.get("tools"))
        if str(tool.get("type", "")).startswith("web_search"):
            names.append("web_search")
    return names
