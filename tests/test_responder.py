"""The auto-responder: useful without a script, and an agent loop with it ends."""

import enum
import json

import pytest
from pydantic import BaseModel, Field

SCRIPT = "steps: [{when: {input: never asked}, reply: x}]"
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "strict": True,
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "unit": {"enum": ["c", "f"]}},
        "required": ["city", "unit"],
        "additionalProperties": False,
    },
}
TIME = {"type": "function", "name": "get_time", "parameters": None, "strict": False}
CUSTOM = {"type": "custom", "name": "sql"}


@pytest.fixture
def client(serve):
    return serve(SCRIPT).sdk()


def ask(client, **options):
    return client.responses.create(**{"model": "gpt-4o", "input": "Hello there", **options})


def test_text_says_what_it_understood(client):
    assert ask(client).output_text == "This is mockapi; no scenario step matched this request. You said: “Hello there”"
    assert ask(client, input="x" * 500).output_text.endswith("x…”")


def test_auto_calls_the_first_function_once_and_then_answers(client):
    first = ask(client, tools=[WEATHER, TIME])
    (call,) = first.output
    assert (call.type, call.name) == ("function_call", "get_weather")
    assert json.loads(call.arguments) == {"city": "example city", "unit": "c"}
    output = {"type": "function_call_output", "call_id": call.call_id, "output": "21 degrees"}
    second = ask(client, input=[output], tools=[WEATHER, TIME], previous_response_id=first.id)
    assert second.output_text == "This is mockapi; no scenario step matched this request. get_weather returned “21 degrees”."
    third = ask(client, tools=[WEATHER], previous_response_id=second.id)
    assert third.output[0].type == "function_call"


@pytest.mark.parametrize(
    ("choice", "called"),
    [
        ("auto", "get_weather"),
        ("required", "get_weather"),
        ("none", None),
        ({"type": "function", "name": "get_time"}, "get_time"),
        ({"type": "custom", "name": "sql"}, "sql"),
        ({"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "get_time"}]}, "get_time"),
    ],
)
def test_tool_choice(client, choice, called):
    (item,) = ask(client, tools=[WEATHER, TIME, CUSTOM], tool_choice=choice).output
    assert getattr(item, "name", None) == called


@pytest.mark.parametrize("choice", ["required", {"type": "function", "name": "get_time"}])
def test_a_forced_tool_is_called_once_a_turn(client, choice):
    first = ask(client, tools=[TIME], tool_choice=choice)
    output = {"type": "function_call_output", "call_id": first.output[0].call_id, "output": "noon"}
    second = ask(client, input=[output], tools=[TIME], tool_choice=choice, previous_response_id=first.id)
    assert "noon" in second.output_text


def test_functions_of_a_namespace_are_called_with_it(client):
    group = {"type": "namespace", "name": "crm", "description": "x", "tools": [TIME]}
    (call,) = ask(client, tools=[group]).output
    assert (call.name, call.namespace) == ("get_time", "crm")


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Address(BaseModel):
    street: str
    zip_code: str = Field(pattern=r"^\d{5}$")


class Person(BaseModel):
    name: str
    age: int = Field(ge=18, le=30)
    nickname: str | None
    favourite: Colour
    addresses: list[Address] = Field(min_length=2)
    friend: "Person | None"


class Shape(BaseModel):
    either: Address | Person
    numbers: list[float]
    flags: dict[str, bool] = {}


@pytest.mark.parametrize("model", [Address, Person])
def test_parse_gets_a_valid_instance(client, model):
    response = client.responses.parse(model="gpt-4o", input="x", text_format=model)
    assert isinstance(response.output_parsed, model)
    with client.responses.stream(model="gpt-4o", input="x", text_format=model) as stream:
        assert isinstance(stream.get_final_response().output_parsed, model)


def test_schemas_that_are_not_strict(client):
    schema = {"type": "json_schema", "name": "Shape", "schema": Shape.model_json_schema(), "strict": False}
    assert Shape.model_validate_json(ask(client, text={"format": schema}).output_text)


def test_arguments_are_an_object_where_the_schema_leaves_it_open(client):
    parameters = {"anyOf": [{"type": "string"}, {"type": "object", "properties": {"a": {"type": "integer"}}}]}
    (call,) = ask(client, tools=[{"type": "function", "name": "f", "strict": False, "parameters": parameters}]).output
    assert json.loads(call.arguments) == {"a": 1}


def test_json_object_gives_an_object(client):
    text = ask(client, text={"format": {"type": "json_object"}}, input="as json please").output_text
    assert "as json please" in json.loads(text)["message"]


@pytest.mark.parametrize(
    "body",
    [
        {"text": {"format": {"type": "json_schema", "name": "n", "schema": {"$ref": "#"}}}},
        {"tools": [{"type": "function", "name": "f", "parameters": {"enum": []}}], "tool_choice": "required"},
        {"tools": [{"type": "function", "name": "f", "parameters": {"type": "object", "not": {}}}], "tool_choice": "required"},
    ],
)
def test_no_value_is_a_clear_error(serve, body):
    answer = serve(SCRIPT).post({"model": "m", "input": "x", **body})
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert error["code"] == "mock_no_value"
    assert "Script a reply for this request." in error["message"]


def test_the_answer_is_deterministic(serve):
    body = {"model": "m", "input": "x", "tools": [WEATHER]}
    assert serve(SCRIPT).post(body).content == serve(SCRIPT).post(body).content


HOSTED = {
    "web_search": {"type": "web_search"},
    "web_search_preview": {"type": "web_search_preview"},
    "file_search": {"type": "file_search", "vector_store_ids": ["vs_1"]},
    "code_interpreter": {"type": "code_interpreter", "container": {"type": "auto"}},
    "image_generation": {"type": "image_generation"},
    "mcp": {"type": "mcp", "server_label": "crm", "server_url": "https://a.example", "allowed_tools": ["find"]},
}
MADE = {"web_search_preview": "web_search_call", "mcp": "mcp_call"}


@pytest.mark.parametrize("name", HOSTED)
def test_a_hosted_tool_is_called_when_it_is_asked_for(client, name):
    choice = {"type": name, **({"server_label": "crm"} if name == "mcp" else {})}
    expected = [MADE.get(name, f"{name}_call"), "message"]
    for asked, tools in (
        (choice, [WEATHER, *HOSTED.values()]),
        ("required", [HOSTED[name]]),
        ({"type": "allowed_tools", "mode": "required", "tools": [choice]}, list(HOSTED.values())),
    ):
        response = ask(client, tools=tools, tool_choice=asked)
        assert [item.type for item in response.output] == expected
        assert "Hello there" in response.output_text or "crm" in response.output_text


@pytest.mark.parametrize("choice", ["auto", "none", {"type": "file_search"}, {"type": "mcp", "server_label": "other"}])
def test_a_hosted_tool_is_not_called_unasked(client, choice):
    tools = [HOSTED["web_search"], HOSTED["mcp"]]
    assert [item.type for item in ask(client, tools=tools, tool_choice=choice).output] == ["message"]


def test_functions_come_before_hosted_tools_when_any_is_required(client):
    (call,) = ask(client, tools=[HOSTED["web_search"], WEATHER], tool_choice="required").output
    assert call.type == "function_call"


def test_what_hosted_tools_found_is_cited_and_shown_on_include(client):
    include = ["file_search_call.results", "web_search_call.action.sources", "code_interpreter_call.outputs"]
    found = {}
    for name in ("web_search", "file_search", "code_interpreter"):
        response = ask(client, tools=[HOSTED[name]], tool_choice="required", include=include)
        found[name], message = response.output
        for annotation in message.content[0].annotations:
            assert getattr(annotation, "end_index", getattr(annotation, "index", 0)) == len(response.output_text)
    assert found["web_search"].action.sources[0].url.startswith("https://example.com/")
    assert found["file_search"].results[0].file_id == "file-example"
    assert found["code_interpreter"].outputs[0].logs == "Hello there"


def test_a_hosted_tool_and_a_schema_give_a_value_after_the_call(client):
    with client.responses.stream(
        model="gpt-4o", input="x", text_format=Address, tools=[HOSTED["web_search"]], tool_choice="required"
    ) as stream:
        final = stream.get_final_response()
    assert [item.type for item in final.output] == ["web_search_call", "message"]
    assert isinstance(final.output_parsed, Address)


def test_a_function_that_allows_no_arguments_is_passed_over_unless_it_is_asked_for(in_process):
    import openai

    impossible = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 2, "maximum": 1}}, "required": ["n"]}
    tools = [
        {"type": "function", "name": "never", "parameters": impossible, "strict": False},
        {"type": "function", "name": "fine", "parameters": {"type": "object", "properties": {}}, "strict": False},
    ]
    client = in_process("steps: []")
    assert client.responses.create(model="gpt-4o", input="x", tools=tools).output[0].name == "fine"
    assert client.responses.create(model="gpt-4o", input="x", tools=tools[:1]).output_text.startswith("This is mockapi")
    with pytest.raises(openai.UnprocessableEntityError, match="the parameters of the function 'never'"):
        client.responses.create(model="gpt-4o", input="x", tools=tools, tool_choice={"type": "function", "name": "never"})
