"""Schemas, tools, images and files."""

from collections.abc import Callable

from .api import CALL, IMAGE_URL, OUTPUT, PNG, Api, Case, create, part, tool

INVALID_IMAGE = "Invalid 'input[0].content[0].image_url'. Expected a base64-encoded data URL with an image MIME type (e.g. 'data:image/png;base64,aW1nIGJ5dGVzIGhlcmU='), but got "


def image(url: str) -> Callable[[Api], object]:
    return part(type="input_image", image_url=url)


TOOLS: dict[str, Case] = {
    "no_json_word": Case(
        create(instructions="answer as json", text={"format": {"type": "json_object"}}),
        "Response input messages must contain the word 'json' in some form to use 'text.format' of type 'json_object'.",
        param="text.format",
    ),
    "tool_choice_not_found": Case(
        create(tool_choice={"type": "function", "name": "f"}),
        "Tool choice 'function' not found in 'tools' parameter.",
        param="tool_choice",
    ),
    "tool_choice_without_tools": Case(
        create(tool_choice="required"), "Tool choice 'required' must be specified with 'tools' parameter.", param="tool_choice"
    ),
    "connector_without_authorization": Case(
        tool(type="mcp", server_label="a", connector_id="connector_a"),
        "Must specify 'authorization' parameter with 'connector_id'",
    ),
    "image_edit_without_source": Case(
        tool(type="image_generation", action="edit"),
        "ImageGenTool action 'edit' requires an image, mask, or previous context",
        param="input", type="image_generation_user_error",
    ),
    "invalid_input_fidelity_model": Case(
        tool(type="image_generation", model="gpt-image-2-codex", input_fidelity="high"),
        "The model 'gpt-image-2-codex' does not support the 'input_fidelity' parameter.",
        "invalid_input_fidelity_model", type="image_generation_user_error",
    ),
    "image_url_not_a_url": Case(
        image("cat.png"),
        "Invalid 'input[0].content[0].image_url'. Expected a valid URL, but got a value with an invalid format.",
        "invalid_value", IMAGE_URL,
    ),
    "image_without_base64": Case(
        image("data:image/png,abc"), INVALID_IMAGE + "a value without the ';base64' separator.", "invalid_value", IMAGE_URL
    ),
    "image_mime_type": Case(
        image("data:text/plain;base64,YWJj"), INVALID_IMAGE + "unsupported MIME type 'text/plain'.", "invalid_value", IMAGE_URL
    ),
    "image_bad_base64": Case(
        image("data:image/png;base64,a%b"), INVALID_IMAGE + "an invalid base64-encoded value.", "invalid_value", IMAGE_URL
    ),
    "not_an_image": Case(
        image("data:image/png;base64,aW1nIGJ5dGVzIGhlcmU="),
        "The image data you provided does not represent a valid image. Please check your input and try again with one of the supported image formats: ['image/jpeg', 'image/png', 'image/gif', 'image/webp'].",
        "invalid_value", "input",
    ),
    "file_mime_type": Case(
        create(input=[CALL, {**OUTPUT, "output": [{"type": "input_file", "file_data": f"{PNG}"}]}]),
        "Invalid file data: 'input[1].output[0].file_data'. Expected a base64-encoded data URL with a valid file MIME type (e.g. 'data:text/plain;base64,SGVsbG8sIFdvcmxkIQ=='), but got unsupported MIME type 'image/png'. Please see https://platform.openai.com/docs/assistants/tools/file-search#supported-files for supported file types.",
        "invalid_value", "input[1].output[0].file_data",
    ),
}  # fmt: skip


def obj(properties, **options):
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False, **options}


def nested(levels: int):
    schema = obj({"a": {"type": "string"}})
    for _ in range(levels):
        schema = obj({"a": schema})
    return schema


REQUIRED = "In context=(), 'required' is required to be supplied and to be an array including every key in properties."
DEEP = ", ".join(["'properties', 'a'"] * 10)
SCHEMAS = {
    "not_an_object": ({"properties": {}}, "schema must be a JSON Schema of 'type: \"object\"', got 'type: \"None\"'"),
    "no_type": (obj({"reason": {}}), "In context=('properties', 'reason'), schema must have a 'type' key"),
    "additional_properties": (
        {"type": "object", "properties": {}, "required": []},
        "In context=(), 'additionalProperties' is required to be supplied and to be false",
    ),
    "required": (obj({"a": {"type": "string"}}, required=[]), f"{REQUIRED} Missing 'a'"),
    "extra_required": (obj({}, required=["b"]), f"{REQUIRED} Extra required key 'b' supplied"),
    "keyword": (obj({}, allOf=[]), "In context=(), 'allOf' is not permitted"),
    "too_deep": (nested(10), f"In context=({DEEP}), schemas may be nested 10 levels deep at most"),
    "too_large": (
        obj({f"p{number}": {"type": "string"} for number in range(5_001)}),
        "In context=(), schemas may have 5000 properties in total at most",
    ),
    "too_many_values": (
        obj({"a": {"enum": list(range(1_001))}}), "In context=('properties', 'a'), schemas may have 1000 values of enums in total"
    ),
    "enum_too_long": (
        obj({"a": {"enum": [f"{number:0>70}" for number in range(251)]}}),
        "In context=('properties', 'a'), an enum of over 250 values may be 15000 characters long in total",
    ),
    "too_much_text": (
        obj({f"{n:03}{'n' * 997}": {"type": "string"} for n in range(121)}),
        f"In context=('properties', '000{'n' * 997}'), names and values of a schema may be 120000 characters long in total",
    ),
}  # fmt: skip


def response_schema(schema) -> Callable[[Api], object]:
    return create(text={"format": {"type": "json_schema", "name": "answer", "strict": True, "schema": schema}})


def function_schema(schema) -> Callable[[Api], object]:
    return tool(type="function", name="f", strict=True, parameters=schema)


for reason, (schema, words) in SCHEMAS.items():
    TOOLS[f"response_schema_{reason}"] = Case(
        response_schema(schema),
        f"Invalid schema for response_format 'answer': {words}.",
        "invalid_json_schema",
        "text.format.schema",
    )
    TOOLS[f"function_schema_{reason}"] = Case(
        function_schema(schema),
        f"Invalid schema for function 'f': {words}.",
        "invalid_function_parameters",
        "tools[0].parameters",
    )
TOOLS["schema_unicode_class"] = Case(
    function_schema(obj({"name": {"type": "string", "pattern": r"^\p{L}+$"}})),
    "Invalid JSON schema: regex unicode property classes are not supported. Found at $.properties.name.pattern.",
    "invalid_json_schema",
    "tools",
)
