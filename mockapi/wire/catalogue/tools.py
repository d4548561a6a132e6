"""Structured output, schemas and tools (ERRORS.md §7)."""

from mockapi.wire.catalogue.row import Confidence, Row

__all__ = ["ROWS"]

_SECTION = "§7"
_REQUIRED = "'required' is required to be supplied and to be an array including every key in properties."
_CONTEXT = "In context={context}, "

_REASONS: tuple[tuple[str, str, Confidence, dict[str, str]], ...] = (
    ("not_an_object", "schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{kind}\"'", "V", {"kind": "None"}),
    ("no_type", _CONTEXT + "schema must have a 'type' key", "V", {}),
    (
        "additional_properties",
        _CONTEXT + "'additionalProperties' is required to be supplied and to be false",
        "V",
        {},
    ),
    ("required", _CONTEXT + _REQUIRED + " Missing '{key}'", "V", {"key": "city"}),
    ("extra_required", _CONTEXT + _REQUIRED + " Extra required key '{key}' supplied", "assumed", {"key": "city"}),
    ("keyword", _CONTEXT + "'{key}' is not permitted", "assumed", {"key": "allOf"}),
    ("too_deep", _CONTEXT + "schemas may be nested {most} levels deep at most", "assumed", {"most": "10"}),
    ("too_large", _CONTEXT + "schemas may have {most} properties in total at most", "assumed", {"most": "5000"}),
    ("too_many_values", _CONTEXT + "schemas may have {most} values of enums in total", "assumed", {"most": "1000"}),
    (
        "enum_too_long",
        _CONTEXT + "an enum of over {values} values may be {most} characters long in total",
        "assumed",
        {"most": "15000", "values": "250"},
    ),
    (
        "too_much_text",
        _CONTEXT + "names and values of a schema may be {most} characters long in total",
        "assumed",
        {"most": "120000"},
    ),
)
_KINDS = (
    ("response_schema", "response_format", "text.format.schema", "invalid_json_schema"),
    ("function_schema", "function", "{place}.parameters", "invalid_function_parameters"),
)

ROWS = (
    *(
        Row(
            f"{family}_{reason}",
            f"Invalid schema for {what} '{{name}}': {words}.",
            code,
            param=param,
            confidence=confidence,
            source=_SECTION,
            sample={"name": "weather", "context": "('properties', 'place')", "place": "tools[0]", **sample},
            note="The words of the reason are assumed." if confidence == "assumed" else "",
        )
        for family, what, param, code in _KINDS
        for reason, words, confidence, sample in _REASONS
    ),
    Row(
        "schema_unicode_class",
        "Invalid JSON schema: regex unicode property classes are not supported. Found at {place}.",
        "invalid_json_schema",
        param="{path}",
        source=_SECTION,
        sample={"path": "tools", "place": "$.properties.name.pattern"},
        note="Recorded of a tool; that `text.format.schema` is the `param` of the other schema is assumed.",
    ),
    Row(
        "no_json_word",
        "Response input messages must contain the word 'json' in some form to use 'text.format' of type 'json_object'.",
        param="text.format",
        source=_SECTION,
        note="Only the request's own input is read; a request that goes on from something, or has a prompt, is accepted.",
    ),
    Row(
        "tool_choice_not_found",
        "Tool choice '{kind}' not found in 'tools' parameter.",
        param="tool_choice",
        confidence="V-",
        source=_SECTION,
        sample={"kind": "function"},
    ),
    Row(
        "tool_choice_without_tools",
        "Tool choice 'required' must be specified with 'tools' parameter.",
        param="tool_choice",
        confidence="2nd",
        source=_SECTION,
    ),
    Row(
        "connector_without_authorization",
        "Must specify 'authorization' parameter with 'connector_id'",
        confidence="V-",
        source=_SECTION,
        note="Type, code and `param` are not shown in the source.",
    ),
    Row(
        "http_error",
        "Error retrieving tool list from MCP server: '{label}'. Http status code: {status} ({reason})",
        "http_error",
        424,
        "external_connector_error",
        "tools",
        source=_SECTION,
        sample={"label": "plaid", "status": "401", "reason": "Unauthorized"},
    ),
    Row(
        "vector_store_not_found",
        "Vector store with id ['{id}'] not found.",
        status=404,
        confidence="V-",
        source=_SECTION,
        sample={"id": "vs_123"},
        note="Conflict C7: 404 or 400, both undated; 404 as for everything else that is not found.",
    ),
    Row("container_expired", "Container is expired.", confidence="V-", source=_SECTION, note="Code and `param` are not shown."),
    Row(
        "image_edit_without_source",
        "ImageGenTool action 'edit' requires an image, mask, or previous context",
        type="image_generation_user_error",
        param="input",
        confidence="V-",
        source=_SECTION,
    ),
    Row(
        "transparent_background",
        "Transparent background is not supported for this model.",
        "invalid_value",
        type="image_generation_user_error",
        source=_SECTION,
        note="`param` is not shown, nor which models refuse it.",
    ),
    Row(
        "invalid_input_fidelity_model",
        "The model '{model}' does not support the 'input_fidelity' parameter.",
        "invalid_input_fidelity_model",
        type="image_generation_user_error",
        source=_SECTION,
        sample={"model": "gpt-image-2-codex"},
        note="`param` is not shown in the source.",
    ),
)
