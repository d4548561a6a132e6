"""An agent loop (user message → function_call → function_call_output → text), in three ways."""

import json

import pytest

from .conftest import SCENARIOS

TOOLS = [
    {
        "type": "function",
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        "strict": False,
    }
]
PARAMETERS = {**TOOLS[0]["parameters"], "required": ["city"], "additionalProperties": False}
STRICT = {**TOOLS[0], "parameters": PARAMETERS, "strict": True}
QUESTION = "What is the weather in Paris?"
ANSWER = "It is 21 °C in Paris."


def call_tool(call):
    city = json.loads(call.arguments)["city"]
    output = json.dumps({"city": city, "temp_c": 21 if city == "Paris" else 7})
    return {"type": "function_call_output", "call_id": call.call_id, "output": output}


@pytest.fixture
def client(serve):
    return serve(paths=(SCENARIOS,), unmatched="error").sdk()


def test_by_previous_response_id(client):
    first = client.responses.create(model="gpt-4o", input=QUESTION, tools=TOOLS)
    (call,) = first.output
    assert (call.type, call.name, call.status) == ("function_call", "get_weather", "completed")
    second = client.responses.create(model="gpt-4o", input=[call_tool(call)], tools=TOOLS, previous_response_id=first.id)
    assert second.output_text == ANSWER
    assert second.previous_response_id == first.id
    assert second.usage.input_tokens > first.usage.input_tokens


def test_by_history_that_the_client_replays(client):
    history = [{"role": "user", "content": QUESTION}]
    first = client.responses.create(model="gpt-4o", input=history, tools=TOOLS, store=False)
    history += first.output
    history.append(call_tool(first.output[0]))
    second = client.responses.create(model="gpt-4o", input=history, tools=TOOLS, store=False)
    assert second.output_text == ANSWER


def test_streamed(client):
    with client.responses.stream(model="gpt-4o", input=QUESTION, tools=TOOLS) as stream:
        done = [event for event in stream if event.type == "response.function_call_arguments.done"]
        first = stream.get_final_response()
    assert json.loads(done[0].arguments) == {"city": "Paris"}
    with client.responses.stream(
        model="gpt-4o", input=[call_tool(first.output[0])], tools=TOOLS, previous_response_id=first.id
    ) as stream:
        assert stream.get_final_response().output_text == ANSWER


def test_parallel_calls(client):
    text = "weather in Oslo and Paris"
    first = client.responses.create(model="gpt-4o", input=text, tools=TOOLS)
    assert [json.loads(call.arguments)["city"] for call in first.output] == ["Oslo", "Paris"]
    outputs = [call_tool(call) for call in first.output]
    second = client.responses.create(model="gpt-4o", input=outputs, tools=TOOLS, previous_response_id=first.id)
    assert second.output_text == ANSWER
    one = client.responses.create(model="gpt-4o", input=text, tools=TOOLS, parallel_tool_calls=False)
    assert len(one.output) == 1


def test_a_parsed_response_can_be_replayed(client):
    """`parse` adds parsed fields to its items; replaying them must not trip over those."""
    first = client.responses.parse(model="gpt-4o", input=QUESTION, tools=[STRICT])
    history = [{"role": "user", "content": QUESTION}, *first.output, call_tool(first.output[0])]
    assert client.responses.create(model="gpt-4o", input=history, tools=TOOLS).output_text == ANSWER


DEEP = """
steps:
  - when: {input: start}
    reply: [{function_call: {name: a, arguments: {}}}]
  - when: {input: again, tool_output: {name: a, output: /^(?P<first>\\w+)/}}
    reply: "{{ match.first }} {{ turn }} {{ previous.output[0].name }}"
  - when: {tool_output: a}
    reply: [{custom_tool_call: {name: b, input: x}}]
  - when: {tool_output: b}
    reply: "{{ tool_outputs.a }}, {{ tool_outputs.b }}, {{ conversation | length }}, {{ turn }}"
"""


@pytest.mark.parametrize("replay", [False, True])
def test_templates_see_the_whole_conversation(serve, replay):
    server = serve(DEEP, unmatched="error")
    history, previous, response = [], None, None
    for turn, make in enumerate(
        (
            lambda r: [{"role": "user", "content": "start"}],
            lambda r: [{"type": "function_call_output", "call_id": r["output"][0]["call_id"], "output": "one"}],
            lambda r: [{"type": "custom_tool_call_output", "call_id": r["output"][0]["call_id"], "output": "two"}],
        )
    ):
        own = make(response)
        history += own
        body = {"model": "m", "input": history if replay else own}
        if previous and not replay:
            body["previous_response_id"] = previous
        answer = server.post(body)
        assert answer.status_code == 200, (turn, answer.text)
        response = answer.json()
        previous = response["id"]
        history += response["output"]
    assert response["output"][0]["content"][0]["text"] == "one, two, 5, 3"


def test_a_step_with_input_does_not_call_its_tool_forever(serve):
    """The user's message still stands in the history when the tool's output comes."""
    server = serve(DEEP)
    first = server.post({"model": "m", "input": "start"}).json()
    output = {"type": "function_call_output", "call_id": first["output"][0]["call_id"], "output": "one"}
    both = [output, {"role": "user", "content": "again"}]
    second = server.post({"model": "m", "input": both, "previous_response_id": first["id"]}).json()
    assert second.get("error") is None
    assert second["output"][0]["content"][0]["text"] == "one 2 a"
