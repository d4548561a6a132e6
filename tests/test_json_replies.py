"""A `json` reply must fit the schema that the request asks for: else the scenario is wrong, and says where."""

import pytest

from mockapi.scenario.fit import misfit

CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "array", "items": {"$ref": "#/$defs/day"}}},
    "required": ["city", "days"],
    "additionalProperties": False,
    "$defs": {"day": {"type": "object", "properties": {"temp": {"type": "integer"}}, "required": ["temp"]}},
}

SCENARIO = """
steps:
  - when: {input: fits}
    reply: [{json: {city: Oslo, days: [{temp: 3}]}}]
  - when: {input: rendered}
    reply:
      - json: {city: "{{ input }}", days: [{temp: "{{ turn }}"}]}
  - when: {input: text}
    reply:
      - json: {city: "{{ input }}", days: [{temp: "about {{ turn }}"}]}
  - reply:
      - reasoning: hm
      - json: {city: Oslo, days: [{temp: 3}, {temp: hot}]}
"""


def ask(server, text, schema=CITY, **options):
    form = {"type": "json_schema", "name": "weather", "schema": schema}
    return server.post({"model": "gpt-4o", "input": text, "text": {"format": form}, **options})


@pytest.mark.parametrize("text", ["fits", "rendered"])
def test_a_reply_that_fits_is_given(serve, text):
    assert ask(serve(SCENARIO), text).json()["status"] == "completed"


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("text", "test:10", 'at \'/days/0/temp\' the schema wants type: "integer", got "about 1"'),
        ("x", "test:13", 'at \'/days/1/temp\' the schema wants type: "integer", got "hot"'),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_one_that_does_not_fit_is_an_error_with_its_place(serve, text, place, problem, stream):
    answer = ask(serve(SCENARIO), text, stream=stream)
    error = answer.json()["error"]
    assert (answer.status_code, answer.headers["x-should-retry"], error["code"]) == (500, "false", "mock_json_mismatch")
    assert error["message"] == (
        f"The json reply at {place} does not fit the schema 'weather' that the request asks for: {problem}. "
        "Mend the scenario, or write fault: {bad_json: …} if that is meant."
    )


def test_without_a_schema_any_value_is_given(serve):
    server = serve(SCENARIO)
    for form in ({"type": "json_object"}, {"type": "text"}):
        assert server.post({"model": "gpt-4o", "input": "json", "text": {"format": form}}).status_code == 200


@pytest.mark.parametrize(
    ("value", "schema", "told"),
    [
        ({"a": 1}, {"required": ["b"]}, 'at \'/\' the schema wants required: ["b"], got {"a":1}'),
        ({"a": {"b": 1}}, {"properties": {"a": False}}, "at '/a' the schema wants nothing, got {\"b\":1}"),
        ([1, "x"], {"items": {"type": "integer"}}, 'at \'/1\' the schema wants type: "integer", got "x"'),
        ("x", {"anyOf": [{"type": "integer"}]}, 'at \'/\' the schema wants anyOf: [{"type":"integer"}], got "x"'),
        ("x" * 200, {"maxLength": 3}, f"at '/' the schema wants maxLength: 3, got \"{'x' * 119}…"),
        (1, {"$ref": "#/$defs/a", "$defs": {"a": {"type": "null"}}}, "at '/' the schema wants type: \"null\", got 1"),
        (1, {"$ref": "https://a.example/b"}, ""),
        (1, {"type": "integer"}, ""),
    ],
)
def test_what_does_not_fit_is_told_at_its_deepest_place(value, schema, told):
    assert misfit(value, schema) == told
