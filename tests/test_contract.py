"""The official SDK is the contract: everything it knows is supported or named in the one "not yet" table, and everything we
send validates under its types."""

from typing import get_args

import pytest
from openai.types.responses import Response, ResponseInputItemParam, ResponseOutputItem, ResponseStreamEvent
from openai.types.responses.response_create_params import (
    ResponseCreateParamsBase,
    ResponseCreateParamsNonStreaming,
    ResponseCreateParamsStreaming,
)
from openai.types.responses.tool_param import ToolParam
from pydantic import TypeAdapter

from mockapi.engine.grammar import GRAMMAR
from mockapi.wire.items import ITEM_TYPES
from mockapi.wire.later import LATER_EVENTS, LATER_ITEMS, LATER_PARAMETERS
from mockapi.wire.requests import INCLUDABLE, CreateRequest
from mockapi.wire.tools import TOOL_TYPES

from .conftest import SCENARIOS, parse_sse


def type_names(union) -> set[str]:
    """The `type` literals of a union of models or typed dicts."""
    names: set[str] = set()
    for member in get_args(union):
        if isinstance(member, type) and (field := getattr(member, "model_fields", {}).get("type")):
            names |= set(get_args(field.annotation))
        elif isinstance(member, type) and "type" in getattr(member, "__annotations__", {}):
            from typing import get_type_hints

            hint = get_type_hints(member)["type"]
            names |= {each for each in get_args(hint) if isinstance(each, str)}
            names |= {name for part in get_args(hint) for name in get_args(part) if isinstance(name, str)}
        else:
            names |= type_names(member)
    return names


def test_every_request_parameter_is_known():
    sdk = set(ResponseCreateParamsBase.__annotations__)
    sdk |= set(ResponseCreateParamsStreaming.__annotations__) | set(ResponseCreateParamsNonStreaming.__annotations__)
    ours = set(CreateRequest.model_fields)
    assert sdk - ours - LATER_PARAMETERS == set()
    assert set() == LATER_PARAMETERS & ours


def test_every_output_item_type_is_known():
    sdk = type_names(ResponseOutputItem)
    assert len(sdk) > 20
    assert sdk - set(GRAMMAR) - LATER_ITEMS == set()
    assert set() == LATER_ITEMS & set(GRAMMAR)


def test_every_input_item_type_is_accepted():
    sdk = type_names(ResponseInputItemParam)
    assert len(sdk) > 25
    assert sdk - set(ITEM_TYPES) - {"configuration_update"} == set()


def test_every_tool_type_is_accepted():
    assert type_names(ToolParam) - set(TOOL_TYPES) == set()


def test_every_includable_is_accepted():
    from openai.types.responses import ResponseIncludable

    assert set(get_args(ResponseIncludable)) == set(INCLUDABLE)


def test_every_event_type_is_known(serve):
    sdk = type_names(ResponseStreamEvent)
    assert len(sdk) > 50
    sent = {name for stream in all_streams(serve) for name, _ in stream}
    assert sdk - sent - LATER_EVENTS == set()
    assert sent & LATER_EVENTS == set()


EVERYTHING = """
steps:
  - when: {input: {equals: everything}}
    reply:
      - reasoning: {summary: [One., Two.], content: [raw thoughts]}
      - message:
          phase: commentary
          content:
            - text: A fact.
              annotations: [{type: url_citation, start_index: 0, end_index: 6, title: A, url: "https://a.example"}]
            - text: More.
      - refusal: no
      - json: {a: [1, null, true]}
      - function_call: {name: f, arguments: {a: 1}}
      - function_call: {name: g, arguments: "not json", namespace: n}
      - custom_tool_call: {name: c, input: SELECT 1}
      - type: message
        content: [{type: output_text, text: verbatim, annotations: [], logprobs: []}]
  - when: {input: {equals: fails}}
    reply: half of it
    fail: {code: server_error, message: broken}
  - when: {input: {equals: cut}}
    reply: [{message: first}, {message: one two three four}]
    incomplete: content_filter
  - when: {input: {equals: cut call}}
    reply: [{function_call: {name: f, arguments: {a: some text}}}]
    incomplete: max_output_tokens
""".replace("refusal: no", "refusal: I won't.")

TOOLS = [
    {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}, "strict": None},
    {"type": "custom", "name": "c"},
    {"type": "web_search"},
    {"type": "file_search", "vector_store_ids": ["vs_1"]},
    {"type": "code_interpreter", "container": {"type": "auto"}},
    {"type": "mcp", "server_label": "m", "server_url": "https://mcp.example/secret"},
    {"type": "image_generation"},
    {"type": "computer"},
    {"type": "shell"},
    {"type": "apply_patch"},
    {"type": "local_shell"},
    {"type": "tool_search"},
]
FULL = {
    "model": "gpt-5.6",
    "tools": TOOLS,
    "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
    "text": {"format": {"type": "json_schema", "name": "s", "schema": {"type": "object"}}, "verbosity": "low"},
    "reasoning": {"effort": "high", "summary": "auto"},
    "metadata": {"a": "b"},
    "include": ["reasoning.encrypted_content"],
    "instructions": "Be brief.",
    "prompt_cache_options": {"mode": "explicit", "ttl": "30m"},
    "max_tool_calls": 3,
    "user": "me",
    "service_tier": "fast",
    "access_programs": {"cyber": "standard"},
    "image": {"context_compression": "auto"},
}
WITH_LOGPROBS = {"model": "gpt-4o", "include": ["message.output_text.logprobs"], "top_logprobs": 2}


def all_streams(serve):
    server = serve(EVERYTHING)
    for text in ("everything", "fails", "cut", "cut call"):
        for body in ({"model": "gpt-4o"}, FULL, WITH_LOGPROBS, {"model": "gpt-4o", "background": True}):
            yield parse_sse(server.post({**body, "input": text, "stream": True}).text)


# The recorded nested error event does not fit the SDK's flat type for it; the SDK raises on it, as it should.
NOT_CHECKED = {"error"}


def test_every_event_validates_under_the_sdk(serve):
    adapter = TypeAdapter(ResponseStreamEvent)
    checked = 0
    for stream in all_streams(serve):
        for name, data in stream:
            if name not in NOT_CHECKED:
                adapter.validate_python(data)
                checked += 1
            assert name == data["type"]
        assert [data["sequence_number"] for _, data in stream] == list(range(len(stream)))
    assert checked > 250


@pytest.mark.parametrize("text", ["everything", "fails", "cut", "cut call", "unscripted"])
@pytest.mark.parametrize("extra", [{"model": "gpt-4o"}, FULL, WITH_LOGPROBS], ids=["plain", "full", "logprobs"])
def test_every_body_validates_under_the_sdk(serve, text, extra):
    body = serve(EVERYTHING).post({**extra, "input": text}).json()
    TypeAdapter(Response).validate_python(body)
    assert body["status"] == {"fails": "failed", "cut": "incomplete", "cut call": "incomplete"}.get(text, "completed")


def test_shipped_scenarios_validate_under_the_sdk(serve):
    server = serve(paths=(SCENARIOS,))
    for text in ("say hello", "how many r's are in strawberry", "tell me a long story"):
        for _, data in parse_sse(server.post({"model": "gpt-5", "input": text, "stream": True}).text):
            assert TypeAdapter(ResponseStreamEvent).validate_python(data).type == data["type"]


def test_echo_of_every_parameter(serve):
    """WIRE.md §2 "Echo normalisation" and §13."""
    body = serve(EVERYTHING).post({**FULL, "input": "everything"}).json()
    assert body["model"] == "gpt-5.6-sol"
    assert body["service_tier"] == "priority"
    assert body["metadata"] == {"a": "b"}
    assert body["text"]["format"] == {
        "type": "json_schema",
        "description": None,
        "name": "s",
        "schema": {"type": "object"},
        "strict": True,
    }
    assert body["reasoning"] == {"context": "all_turns", "effort": "high", "mode": "standard", "summary": "detailed"}
    assert body["prompt_cache_options"] == {"mode": "explicit", "ttl": "30m"}
    assert body["prompt_cache_retention"] == "24h"
    assert body["top_p"] == 0.98
    by_type = {tool["type"]: tool for tool in body["tools"]}
    assert by_type["function"] == {
        "type": "function",
        "description": None,
        "name": "f",
        "parameters": {"type": "object", "properties": {}},
        "strict": False,
    }
    assert by_type["mcp"]["server_url"] == "https://mcp.example/<redacted>"
    assert by_type["mcp"]["allowed_tools"] is None
    assert by_type["web_search"]["search_context_size"] == "medium"
    assert by_type["file_search"]["max_num_results"] == 20
    for name in ("input", "include", "stream", "stream_options", "context_management"):
        assert name not in body
