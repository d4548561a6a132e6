"""Matching: one row a key; the answer is evidence."""

import pytest

from mockapi.scenario.context import Context
from mockapi.scenario.load import load_text
from mockapi.scenario.match import Facts, judge, resolve_pointer
from mockapi.scenario.text import compile_text
from mockapi.wire.parse import parse_create

USER = {"role": "user", "content": "What is the Weather in Paris?"}
CALL = {"type": "function_call", "call_id": "call_1", "name": "get_weather", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "call_1", "output": '{"temp": 21}'}
ASSISTANT = {"role": "assistant", "content": "Sunny."}
APPROVAL = {"type": "mcp_approval_response", "approval_request_id": "mcpr_1", "approve": True}
F = {"type": "function", "name": "f"}
FUNCTION = {"type": "function", "name": "get_weather", "parameters": {}}


def facts(headers=None, **body):
    raw = {"model": "gpt-4o", "input": [USER], **body}
    request = parse_create(raw)
    return Facts(request, raw, headers or {}, Context().with_items(request.input_items))


def verdict(when, **options):
    scenario = load_text(f"steps: [{{when: {when}, reply: x}}]")
    return judge(scenario.steps[0].criteria, facts(**options))


@pytest.mark.parametrize(
    ("when", "body", "holds"),
    [
        ("{}", {}, True),
        ("{model: gpt-4*}", {}, True),
        ("{model: gpt-5*}", {}, False),
        ("{input: weather in paris}", {}, True),
        ("{input: rome}", {}, False),
        ("{input: '/in (?P<city>[A-Z]\\w+)/'}", {}, True),
        ("{input: '/IN PARIS/'}", {}, False),
        ("{input: '/IN PARIS/i'}", {}, True),
        ("{input: {equals: 'What is the Weather in Paris?'}}", {}, True),
        ("{input: {equals: what}}", {}, False),
        ("{input: {not: rome}}", {}, True),
        ("{input: {any: [rome, paris]}}", {}, True),
        ("{input: {all: [rome, paris]}}", {}, False),
        ("{input: {matches: 'P.ris'}}", {}, True),
        ("{input: {contains: PARIS}}", {}, True),
        ("{input: x}", {"input": [ASSISTANT]}, False),
        # the newest user message
        ("{input: first}", {"input": [{"role": "user", "content": "first"}, USER]}, False),
        # a turn that brings tool outputs
        ("{input: paris}", {"input": [USER, CALL, OUTPUT]}, False),
        ("{input: paris, tool_output: get_weather}", {"input": [USER, CALL, OUTPUT]}, True),
        ("{input: paris}", {"input": [CALL, OUTPUT, USER]}, True),
        ("{tool_output: get_weather}", {"input": [USER, CALL, OUTPUT]}, True),
        ("{tool_output: other}", {"input": [USER, CALL, OUTPUT]}, False),
        ("{tool_output: get_weather}", {"input": [USER, CALL, OUTPUT, ASSISTANT, USER]}, False),
        ("{tool_output: {name: get_weather, output: '21'}}", {"input": [USER, CALL, OUTPUT]}, True),
        ("{tool_output: {name: get_weather, output: '22'}}", {"input": [USER, CALL, OUTPUT]}, False),
        ("{tool_output: {call_id: call_1}}", {"input": [USER, CALL, OUTPUT]}, True),
        ("{tool_output: {call_id: call_2}}", {"input": [USER, CALL, OUTPUT]}, False),
        ("{approval: true}", {"input": [USER, APPROVAL]}, True),
        ("{approval: false}", {"input": [USER, APPROVAL]}, False),
        ("{approval: true}", {}, False),
        ("{turn: 1}", {}, True),
        ("{turn: 2}", {"input": [USER, CALL, OUTPUT]}, True),
        ("{turn: 2}", {"input": [USER, ASSISTANT, ASSISTANT, USER]}, True),
        ("{turn: 3}", {"input": [USER, CALL, OUTPUT, ASSISTANT, USER]}, True),
        ("{instructions: brief}", {"instructions": "Be brief."}, True),
        ("{instructions: brief}", {"input": [{"role": "developer", "content": "Be brief."}, USER]}, True),
        ("{instructions: brief}", {}, False),
        ("{tools: [get_weather]}", {"tools": [FUNCTION]}, True),
        ("{tools: [get_weather, web_search]}", {"tools": [FUNCTION, {"type": "web_search_preview"}]}, True),
        ("{tools: [web_search]}", {"tools": [{"type": "web_search_2025_08_26"}]}, True),
        ("{tools: [file_search]}", {"tools": [FUNCTION]}, False),
        ("{tool_choice: auto}", {}, True),
        ("{tool_choice: {type: function}}", {"tools": [F], "tool_choice": {"type": "function", "name": "f"}}, True),
        ("{tool_choice: {name: g}}", {"tools": [F], "tool_choice": {"type": "function", "name": "f"}}, False),
        ("{stream: true}", {"stream": True}, True),
        ("{stream: true}", {}, False),
        ("{store: true}", {}, True),
        ("{background: false}", {}, True),
        ("{conversation: true}", {"conversation": "conv_1"}, True),
        ("{conversation: conv_1}", {"conversation": {"id": "conv_1"}}, True),
        ("{conversation: false}", {}, True),
        ("{previous_response: resp_1}", {"previous_response_id": "resp_1"}, True),
        ("{previous_response: true}", {}, False),
        ("{prompt: pmpt_1}", {"prompt": {"id": "pmpt_1"}}, True),
        ("{prompt: pmpt_1}", {}, False),
        ("{format: Event}", {"text": {"format": {"type": "json_schema", "name": "Event", "schema": {}}}}, True),
        ("{format: Event}", {}, False),
        ("{metadata: {a: b}}", {"metadata": {"a": "b", "c": "d"}}, True),
        ("{metadata: {a: c}}", {"metadata": {"a": "b"}}, False),
        ("{headers: {X-Test: one}}", {"headers": {"x-test": "one two"}}, True),
        ("{headers: {X-Test: one}}", {}, False),
        ("{headers: {X-Test: {not: one}}}", {}, True),
        ("{input: {not: one}}", {"input": [ASSISTANT]}, False),
        ("{input: /usr/bin}", {"input": "look in /usr/bin"}, True),
        ("{input: {matches: '^/v1/r'}}", {"input": "/v1/responses"}, True),
        ("{input: '/^(a+)+$/'}", {"input": "a" * 40 + "!"}, False),
        ("{body: {/input/²: x}}", {}, False),
        ("{body: {/temperature: {not: hot}}}", {"temperature": 0.5}, False),
        ("{body: {/temperature: 0.5}}", {"temperature": 0.5}, True),
        ("{body: {/temperature: 0.5}}", {"temperature": 0.6}, False),
        ("{body: {/input/0/content: paris}}", {}, True),
        ("{body: {/metadata: {a: b}}}", {"metadata": {"a": "b", "c": "d"}}, True),
        ("{body: {/nope: 1}}", {}, False),
        ("{body: {/max_output_tokens: 1}}", {"max_output_tokens": 100}, False),
        ("{body: {/stream: 1}}", {"stream": True}, False),
        ("{endpoint: responses.create}", {}, True),
    ],
)
def test_when(when, body, holds):
    result = verdict(when, **body)
    assert (not result.differences) is holds
    for difference in result.differences:
        assert difference.field
        assert difference.wanted
        assert difference.got


def test_named_groups_reach_templates():
    assert verdict("{input: '/in (?P<city>\\w+)/'}").groups == {"city": "Paris"}


def test_evidence_names_field_wanted_and_got():
    (difference,) = verdict("{model: gpt-5*}").differences
    assert str(difference) == "model: wanted 'gpt-5*', got 'gpt-4o'"


def test_all_differences_are_told():
    fields = [difference.field for difference in verdict("{model: x, input: y, stream: true}").differences]
    assert fields == ["model", "input", "stream"]


@pytest.mark.parametrize(
    ("matcher", "problem"),
    [
        ("/(/", "not a regular expression"),
        ({"equal": "x"}, "unknown text matcher 'equal'"),
        ({"equals": 3}, "quote it"),
        (3, "quote it"),
        ({"equals": "a", "contains": "b"}, "one of equals"),
        ([], "one of equals"),
    ],
)
def test_bad_matchers(matcher, problem):
    with pytest.raises(ValueError, match=problem.replace("(", r"\(")):
        compile_text(matcher)


@pytest.mark.parametrize(
    ("pointer", "expected"),
    [("", (True, {"a": [{"b/c": 1}]})), ("/a/0/b~1c", (True, 1)), ("/a/1", (False, None)), ("/a/x", (False, None))],
)
def test_pointer(pointer, expected):
    assert resolve_pointer({"a": [{"b/c": 1}]}, pointer) == expected


def test_context_survives_the_store():
    context = Context().with_items([USER, CALL, {"role": "system", "content": "s"}, OUTPUT, APPROVAL], 7)
    assert Context.from_bytes(context.to_bytes()) == context


def test_folding_on_equals_folding_at_once():
    items = [USER, CALL, OUTPUT, ASSISTANT, USER, APPROVAL]
    whole = Context().with_items(items)
    for cut in range(len(items)):
        assert Context().with_items(items[:cut]).with_items(items[cut:]) == whole
