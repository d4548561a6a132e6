"""Strict schemas are checked in the real API's words."""

import pytest
from pydantic import BaseModel

from mockapi.errors import ApiError
from mockapi.wire.parse import parse_create


class Leaf(BaseModel):
    name: str
    size: float | None


class Tree(BaseModel):
    leaves: list[Leaf]
    child: "Tree | None"


def text(schema, **options):
    form = {"type": "json_schema", "name": "answer", "schema": schema, "strict": True, **options}
    return {"model": "gpt-4o", "input": "x", "text": {"format": form}}


def tool(parameters, **options):
    made = {"type": "function", "name": "f", "parameters": parameters, "strict": True, **options}
    return {"model": "gpt-4o", "input": "x", "tools": [{"type": "custom", "name": "c"}, made]}


def obj(properties, **options):
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False, **options}


def nested(levels):
    schema = obj({"a": {"type": "string"}})
    for _ in range(levels):
        schema = obj({"a": schema})
    return schema


ROWS = [
    ({"type": "object", "properties": {}}, "In context=(), 'additionalProperties' is required to be supplied and to be false."),
    (
        obj({"a": {"type": "string"}}, required=[]),
        "In context=(), 'required' is required to be supplied and to be an array including every key in properties. Missing 'a'.",
    ),
    (obj({"blockedReason": {"description": "x"}}), "In context=('properties', 'blockedReason'), schema must have a 'type' key."),
    (
        obj({"a": {"type": "array", "items": {"type": "object", "properties": {}}}}),
        "In context=('properties', 'a', 'items'), 'additionalProperties' is required to be supplied and to be false.",
    ),
    (obj({"a": {"allOf": [{"type": "string"}]}}), "In context=('properties', 'a'), 'allOf' is not permitted."),
    (obj({"a": {"oneOf": [{"type": "string"}]}}), "In context=('properties', 'a'), 'oneOf' is not permitted."),
    (
        obj({"a": {"anyOf": [{"type": "null"}, {"type": "object"}]}}),
        "In context=('properties', 'a', 'anyOf', '1'), 'additionalProperties' is required to be supplied and to be false.",
    ),
    (
        obj({"a": {"$ref": "#/$defs/A"}}, **{"$defs": {"A": {"type": "object"}}}),
        "In context=('$defs', 'A'), 'additionalProperties' is required to be supplied and to be false.",
    ),
    (
        obj({}, required=["b"]),
        "In context=(), 'required' is required to be supplied and to be an array including every key in properties. "
        "Extra required key 'b' supplied.",
    ),
    ({"anyOf": [obj({})]}, "schema must be a JSON Schema of 'type: \"object\"', got 'type: \"None\"'."),
    (
        {"type": "array", "items": {"type": "string"}},
        "schema must be a JSON Schema of 'type: \"object\"', got 'type: \"array\"'.",
    ),
]


@pytest.mark.parametrize(("schema", "reason"), ROWS)
def test_refused(schema, reason):
    for body, what, param, code in (
        (text(schema), "response_format 'answer'", "text.format.schema", "invalid_json_schema"),
        (tool(schema), "function 'f'", "tools[1].parameters", "invalid_function_parameters"),
    ):
        with pytest.raises(ApiError) as caught:
            parse_create(body)
        error = caught.value
        assert (error.message, error.param, error.code, error.status) == (
            f"Invalid schema for {what}: {reason}",
            param,
            code,
            400,
        )
        parse_create(text(schema, strict=False) if code == "invalid_json_schema" else tool(schema, strict=False))
        parse_create(text(schema, strict=None) if code == "invalid_json_schema" else tool(schema, strict=None))


def test_depth_and_size_are_bounded():
    parse_create(text(nested(9)))
    with pytest.raises(ApiError, match="nested 10 levels deep at most"):
        parse_create(text(nested(10)))
    parse_create(text(obj({f"p{n}": {"type": "string"} for n in range(5_000)})))
    with pytest.raises(ApiError, match="5000 properties in total at most"):
        parse_create(text(obj({f"p{n}": {"type": "string"} for n in range(5_001)})))


def test_what_the_sdk_makes_of_models_is_accepted(in_process):
    client = in_process("steps: []")
    for model in (Leaf, Tree):
        assert isinstance(client.responses.parse(model="gpt-4o", input="x", text_format=model).output_parsed, model)
