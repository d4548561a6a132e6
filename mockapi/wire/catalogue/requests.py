"""Bodies and queries that are not valid: the generic grammar of ERRORS.md §4.1, and what §4.2 adds to it.

Rows of §4.2 that are instances of these (a field with its type, range or list of values) come from the types of `mockapi.wire`.
"""

from mockapi.wire.catalogue.row import BODIES, CREATE, Row

__all__ = ["ROWS"]

_PATH = {"path": "input"}
_GENERIC = "§4.1"
_OUTSIDE = "Expected a value {sign} {bound}, but got {value} instead."

ROWS = (
    Row(
        "invalid_json",
        "Invalid body: failed to parse JSON value. Please check the value to ensure it is valid JSON. (Common errors include "
        "trailing commas, missing closing brackets, missing quotation marks, etc.)",
        "invalid_json",
        endpoints=BODIES,
        source="§2",
        note="Recorded of the Conversations API; that the Responses API says the same is inferred.",
    ),
    Row(
        "json_too_deep",
        "Invalid body: failed to parse JSON value. Arrays and objects may be nested 200 levels deep at most.",
        "invalid_json",
        endpoints=BODIES,
        confidence="assumed",
        source="§2",
    ),
    Row(
        "repeated_key",
        "Invalid body: failed to parse JSON value. The key '{key}' stands more than once in the same object.",
        "invalid_json",
        endpoints=BODIES,
        confidence="assumed",
        source="§2",
        sample={"key": "model"},
        note="Whether the real API minds is not known; of two values a client can only have meant one.",
    ),
    Row(
        "unsupported_content_type",
        "Unsupported content type: '{type}'. This API method only accepts 'application/json' requests, but you specified the "
        "header 'Content-Type: {header}'. Please try again with a supported content type.",
        "unsupported_content_type",
        endpoints=BODIES,
        confidence="assumed",
        source="§2",
        sample={"type": "text/plain", "header": "text/plain;charset=UTF-8"},
        note="That it is refused is documented nowhere: words as of other endpoints. No header at all is taken as JSON.",
    ),
    Row(
        "unknown_parameter",
        "Unknown parameter: '{path}'.{hint}",
        "unknown_parameter",
        param="{path}",
        endpoints=BODIES,
        source=_GENERIC,
        sample={"path": "stor", "hint": " Did you mean 'store'?"},
    ),
    Row(
        "moved_parameter",
        "Unsupported parameter: 'messages'. In the Responses API, this parameter has moved to 'input'. Try again with the new "
        "parameter. See the API documentation for more information: "
        "https://platform.openai.com/docs/api-reference/responses/create.",
        "unsupported_parameter",
        endpoints=CREATE,
        source=_GENERIC,
    ),
    Row(
        "missing_required_parameter",
        "Missing required parameter: '{path}'.",
        "missing_required_parameter",
        param="{path}",
        endpoints=BODIES,
        source=_GENERIC,
        sample=_PATH,
    ),
    Row(
        "input_required",
        "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation' must be provided.",
        "missing_required_parameter",
        endpoints=("responses.create", "responses.compact"),
        source="§4.2",
        note="That compact says the same is inferred.",
    ),
    Row(
        "invalid_type",
        "Invalid type for '{path}': expected {expected}, but got {got} instead.",
        "invalid_type",
        param="{path}",
        endpoints=BODIES,
        source=_GENERIC,
        sample={**_PATH, "expected": "a string", "got": "an integer"},
    ),
    Row(
        "invalid_type_integer",
        "Invalid type for '{path}': expected an integer, but got a string value that could not be converted into an integer.",
        "invalid_type",
        param="{path}",
        endpoints=("*.input_items", "*.list", "responses.retrieve"),
        source="§2",
        sample={"path": "limit"},
        note="Recorded of form fields of multipart endpoints; queries, which carry text too, are assumed to say the same.",
    ),
    Row(
        "invalid_value",
        "Invalid value: '{value}'. Supported values are: {values}.",
        "invalid_value",
        param="{path}",
        endpoints=BODIES,
        source=_GENERIC,
        sample={"path": "truncation", "value": "never", "values": "'auto' and 'disabled'"},
    ),
    Row(
        "invalid_id",
        "Invalid '{path}': '{value}'. Expected an ID that begins with '{prefix}'.",
        "invalid_value",
        param="{path}",
        endpoints=BODIES,
        source="§4.2",
        sample={"path": "conversation", "value": "abc", "prefix": "conv"},
        note="Conflict C1: inside streams the text is in brackets since 2026-07; bodies of HTTP errors are as here.",
    ),
    Row(
        "pattern_mismatch",
        "Invalid '{path}': string does not match pattern. Expected a string that matches the pattern '{pattern}'.",
        "invalid_value",
        param="{path}",
        endpoints=BODIES,
        source=_GENERIC,
        sample={"path": "tools[0].name", "pattern": "^[a-zA-Z0-9_-]+$"},
    ),
    *(
        Row(
            f"{kind}_{word}_{extreme[:3]}_value",
            f"Invalid '{{path}}': {kind} {word} {extreme} value. {_OUTSIDE.replace('{sign}', sign)}",
            f"{kind}_{word}_{extreme[:3]}_value",
            param="{path}",
            endpoints=BODIES,
            source=_GENERIC,
            sample={"path": path, "bound": bound, "value": value},
        )
        for kind, word, extreme, sign, path, bound, value in (
            ("integer", "below", "minimum", ">=", "max_output_tokens", "16", "1"),
            ("integer", "above", "maximum", "<=", "limit", "100", "1000"),
            ("decimal", "below", "minimum", ">=", "temperature", "0", "-1"),
            ("decimal", "above", "maximum", "<=", "temperature", "2", "99.0"),
        )
    ),
    *(
        Row(
            name,
            "Invalid '{shown}': string too long. Expected a string with maximum length {most}, "
            "but got a string with length {length} instead.",
            name,
            param="{path}",
            endpoints=BODIES,
            source=_GENERIC,
            sample=sample,
        )
        for name, sample in (
            ("string_above_max_length", {"path": "user", "shown": "user", "most": "64", "length": "65"}),
            (
                "property_name_above_max_length",
                {"path": f"metadata.{'k' * 65}", "shown": "metadata.kkk...kkk", "most": "64", "length": "65"},
            ),
        )
    ),
    Row(
        "empty_string",
        "Invalid '{path}': empty string. Expected a string with minimum length 1, but got an empty string instead.",
        "empty_string",
        param="{path}",
        endpoints=BODIES,
        source=_GENERIC,
        sample={"path": "tools[0].name"},
    ),
    Row(
        "array_above_max_length",
        "Invalid '{path}': array too long. Expected an array with maximum length {most}, "
        "but got an array with length {length} instead.",
        "array_above_max_length",
        param="{path}",
        endpoints=BODIES,
        source=_GENERIC,
        sample={"path": "tools", "most": "128", "length": "129"},
    ),
    Row(
        "empty_array",
        "Invalid '{path}': empty array. Expected an array with minimum length 1, but got an empty array instead.",
        "empty_array",
        param="{path}",
        source=_GENERIC,
        sample={"path": "tools[0].vector_store_ids"},
        note="The code is measured, the text inferred; which arrays must not be empty is assumed.",
    ),
    Row(
        "object_above_max_properties",
        "Invalid '{path}': too many properties. Expected an object with at most {most} properties, "
        "but got an object with {length} properties instead.",
        "object_above_max_properties",
        param="{path}",
        endpoints=BODIES,
        source=_GENERIC,
        sample={"path": "metadata", "most": "16", "length": "17"},
    ),
    Row(
        "mutually_exclusive_parameters",
        "Mutually exclusive parameters: '{path}'. Ensure you are only providing one of: {names}.",
        "mutually_exclusive_parameters",
        param="{path}",
        endpoints=BODIES,
        source=_GENERIC,
        sample={"path": "input[0].content[0]", "names": "'file_id' or 'image_url'"},
    ),
    Row(
        "mutually_exclusive_history",
        "Mutually exclusive parameters: ''. Ensure you are only providing one of: 'pre..._id' or 'conversation'.",
        "mutually_exclusive_parameters",
        endpoints=("responses.create", "responses.input_tokens"),
        source="§5",
    ),
    Row(
        "missing_mutually_exclusive_parameters",
        "Missing mutually exclusive parameters: '{path}'. Ensure you are providing exactly one of: {names}.",
        "missing_mutually_exclusive_parameters",
        param="{path}",
        endpoints=BODIES,
        confidence="V-",
        source=_GENERIC,
        sample={"path": "input[0].content[0]", "names": "'file_id' or 'image_url'"},
    ),
    Row(
        "stream_options_without_stream",
        "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
        param="stream_options",
        confidence="V-",
        source="§4.2",
        note="The code is not shown in the source; `param` is inferred.",
    ),
    Row(
        "completion_window_not_allowed",
        "The completion window '{window}' requires 'background' to be true, 'stream' to be false, and standard processing.",
        param="background_options.completion_window",
        confidence="assumed",
        source="SDK 3.54, `BackgroundOptions`",
        sample={"window": "2h"},
        note="The rule is documented; status, code and words are assumed.",
    ),
)
