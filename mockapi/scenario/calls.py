"""How calls of functions, tool searches and programs are written in a reply, and what answers them."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from mockapi.scenario.fields import Arguments, CallForm, ItemForm, LinkForm, Payload, as_text, json_text, link
from mockapi.wire.json import JsonObject
from mockapi.wire.opaque import opaque
from mockapi.wire.tools import Tool, echo_tool

__all__ = ["CALLS"]

Form = Mapping[str, object]


class FunctionCallForm(CallForm):
    """The long form of `function_call`."""

    name: str
    arguments: Arguments = None
    namespace: str | None = None
    is_async: bool | None = Field(None, alias="async")


class CustomToolCallForm(CallForm):
    """The long form of `custom_tool_call`."""

    name: str
    input: str
    namespace: str | None = None
    is_async: bool | None = Field(None, alias="async")


class CallOutputForm(CallForm):
    """The long form of `function_call_output` and `custom_tool_call_output`: text, or content parts."""

    output: Payload = ""
    """Text, a mapping (sent as JSON), or content parts."""
    name: str | None = None
    namespace: str | None = None


class ToolSearchCallForm(CallForm):
    """The long form of `tool_search_call`."""

    arguments: dict[str, object] | None = None
    """What is searched for."""
    execution: Literal["server", "client"] = "server"


class ToolSearchOutputForm(CallForm):
    """The long form of `tool_search_output`."""

    tools: list[Tool] | None = None
    """The tools that were found, as a request offers them."""
    execution: Literal["server", "client"] = "server"


class ProgramForm(LinkForm):
    """The long form of `program`."""

    code: str
    """The program."""
    fingerprint: str | None = None


class ProgramOutputForm(LinkForm):
    """The long form of `program_output`."""

    status: Literal["completed", "incomplete"] | None = None
    result: Payload = ""
    """What the program returned: text, or a mapping."""


def _function_call(form: Form) -> JsonObject:
    arguments = json_text(form.get("arguments", {}))
    return link("function_call", form, name=as_text(form["name"]), arguments=arguments)


def _custom_tool_call(form: Form) -> JsonObject:
    return link("custom_tool_call", form, name=as_text(form["name"]), input=as_text(form["input"]))


def _function_call_output(form: Form) -> JsonObject:
    return link("function_call_output", form, output=_payload(form))


def _custom_tool_call_output(form: Form) -> JsonObject:
    return link("custom_tool_call_output", form, output=_payload(form))


def _payload(form: Form) -> object:
    """Text, content parts as they are, or a mapping as JSON."""
    output = form.get("output", "")
    return output if isinstance(output, list) else as_text(output)


def _tool_search_call(form: Form) -> JsonObject:
    return _searching("tool_search_call", form, arguments=form.get("arguments", {}))


def _tool_search_output(form: Form) -> JsonObject:
    tools = form.get("tools")
    return _searching("tool_search_output", form, tools=[echo_tool(tool) for tool in tools] if isinstance(tools, list) else [])


def _searching(kind: str, form: Form, **fields: object) -> JsonObject:
    """Searches of the server have no call id."""
    execution = form.get("execution", "server")
    call_id: JsonObject = {"call_id": None} if execution == "server" else {}
    return {**call_id, **link(kind, form, execution=execution, **fields)}


def _program(form: Form) -> JsonObject:
    code = as_text(form["code"])
    return {"fingerprint": opaque(code.encode(), 400 + len(code)), **link("program", form, code=code)}


def _program_output(form: Form) -> JsonObject:
    return link("program_output", form, result=as_text(form.get("result")))


CALLS: Mapping[str, ItemForm] = {
    "function_call": ItemForm(FunctionCallForm, _function_call, wire={"name": str, "arguments": str}),
    "custom_tool_call": ItemForm(CustomToolCallForm, _custom_tool_call, wire={"name": str, "input": str}),
    "tool_search_call": ItemForm(ToolSearchCallForm, _tool_search_call),
    "tool_search_output": ItemForm(ToolSearchOutputForm, _tool_search_output),
    "program": ItemForm(ProgramForm, _program, "code", wire={"code": str}),
    "program_output": ItemForm(ProgramOutputForm, _program_output, "result", wire={"result": str}),
    "function_call_output": ItemForm(CallOutputForm, _function_call_output),
    "custom_tool_call_output": ItemForm(CallOutputForm, _custom_tool_call_output),
}
"""Calls by name, and the answers to them that a response's output can hold."""
