"""What the auto-responder does where a request asks for a tool that the server runs: a plausible call, always the same."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from mockapi.scenario.match import Facts
from mockapi.wire.json import JsonObject

__all__ = ["HostedCall", "hosted_call"]

Tool = Mapping[str, object]


class HostedCall(NamedTuple):
    """The call as a reply item, what to say of it, and what that cites, without its span."""

    item: JsonObject
    said: str
    citation: JsonObject | None = None


def hosted_call(facts: Facts) -> HostedCall | None:
    """The call that `tool_choice` asks for; None if it asks for none, or for a tool that is not offered."""
    tool = _chosen(facts.request.tool_choice, facts.request.tools)
    if tool is None:
        return None
    words = " ".join(facts.context.user_text.split())[:100] or "example"
    return _MAKERS[_family(tool)](tool, words, facts.request.tool_choice)


def _family(tool: Tool) -> str:
    """Previews and dated types are one tool."""
    kind = str(tool.get("type"))
    return "web_search" if kind.startswith("web_search") else kind


def _chosen(choice: object, tools: Sequence[Tool]) -> Tool | None:
    """`required` asks for the first one on offer; other texts ask for none."""
    hosted = [tool for tool in tools if _family(tool) in _MAKERS]
    if choice == "required":
        return hosted[0] if hosted else None
    if not isinstance(choice, dict):
        return None
    if choice.get("type") != "allowed_tools":
        return _fitting(choice, hosted)
    allowed = choice.get("tools")
    if choice.get("mode") != "required" or not isinstance(allowed, list):
        return None
    fitting = (_fitting(each, hosted) for each in allowed if isinstance(each, dict))
    return next((tool for tool in fitting if tool), None)


def _fitting(choice: Tool, hosted: Sequence[Tool]) -> Tool | None:
    """The offered tool that a choice names: by type, an MCP server also by label."""
    label = choice.get("server_label")
    fitting = (tool for tool in hosted if _family(tool) == _family(choice))
    return next((tool for tool in fitting if label is None or tool.get("server_label") == label), None)


def _web_search(tool: Tool, words: str, choice: object) -> HostedCall:
    url = "https://example.com/?utm_source=openai"
    citation: JsonObject = {"type": "url_citation", "title": "Example", "url": url}
    item: JsonObject = {"web_search_call": {"query": words, "sources": [url]}}
    return HostedCall(item, f"The web says about “{words}”: example.", citation)


def _file_search(tool: Tool, words: str, choice: object) -> HostedCall:
    result = {"filename": "example.txt", "file_id": "file-example", "score": 0.9, "text": f"About {words}."}
    citation: JsonObject = {"type": "file_citation", "file_id": "file-example", "filename": "example.txt"}
    item: JsonObject = {"file_search_call": {"queries": [words], "results": [result]}}
    return HostedCall(item, f"The files say about “{words}”: example.", citation)


def _code_interpreter(tool: Tool, words: str, choice: object) -> HostedCall:
    code = f"print({words!r})"
    return HostedCall({"code_interpreter_call": {"code": code, "outputs": [words]}}, f"The code printed “{words}”.")


def _image_generation(tool: Tool, words: str, choice: object) -> HostedCall:
    return HostedCall({"image_generation_call": {"revised_prompt": words}}, f"Here is a picture of “{words}”.")


def _mcp(tool: Tool, words: str, choice: object) -> HostedCall:
    named = choice.get("name") if isinstance(choice, dict) else None
    name, label = str(named or _first_allowed(tool) or "example_tool"), str(tool["server_label"])
    item = {"name": name, "server_label": label, "arguments": {}, "output": "example output"}
    return HostedCall({"mcp_call": item}, f"{label} answered {name} with “example output”.")


def _first_allowed(tool: Tool) -> object:
    allowed = tool.get("allowed_tools")
    names = allowed.get("tool_names") if isinstance(allowed, dict) else allowed
    return next(iter(names), None) if isinstance(names, list) else None


_MAKERS: Mapping[str, Callable[[Tool, str, object], HostedCall]] = {
    "web_search": _web_search,
    "file_search": _file_search,
    "code_interpreter": _code_interpreter,
    "image_generation": _image_generation,
    "mcp": _mcp,
}
