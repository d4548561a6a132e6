"""Access, models, and bodies that are not valid."""

from .api import Case, call, create, part, tool

BEARER = {"www-authenticate": 'Bearer realm="OpenAI API"'}
NOSNIFF = {"x-content-type-options": "nosniff"}

REQUESTS: dict[str, Case] = {
    "missing_authentication": Case(
        lambda api: api.create(key=None), "Missing bearer or basic authentication in header", status=401, headers=BEARER
    ),
    "missing_bearer": Case(call("GET", "/v1/models", key=None), "Missing bearer authentication in header", status=401, headers=BEARER),
    "invalid_api_key": Case(
        lambda api: api.create(key="test-context-key"),
        "Incorrect API key provided: test-con****-key. You can find your API key at https://platform.openai.com/account/api-keys.",
        "invalid_api_key", status=401, headers=BEARER,
    ),
    "invalid_api_key_edge": Case(
        lambda api: api.create(key="sk-proj-0123456789"),
        "Incorrect API key provided: sk-proj-******6789. You can find your API key at https://platform.openai.com/account/api-keys.",
        "invalid_api_key", status=401, headers=BEARER, layout="edge",
    ),
    "unknown_url": Case(call("GET", "/v1/nope"), "", status=404, headers=NOSNIFF, layout="empty"),
    "removed_api": Case(call("POST", "/v1/threads", {}), "", status=404, headers=NOSNIFF, layout="empty"),
    "wrong_method": Case(call("GET", "/v1/responses"), "Invalid method for URL (GET /v1/responses)", status=405),
    "model_not_found": Case(
        create(model="llama-3"), "The requested model 'llama-3' does not exist.", "model_not_found", "model", layout="line"
    ),
    "model_unknown": Case(call("GET", "/v1/models/llama-3"), "The model 'llama-3' does not exist", "model_not_found", "model", 404),
    "model_not_supported": Case(
        create(model="text-embedding-3-small"),
        "The requested model 'text-embedding-3-small' is not supported with the Responses API.",
        param="model",
    ),
    "unsupported_value": Case(
        create(model="gpt-5.6", reasoning={"effort": "minimal"}),
        "Unsupported value: 'minimal' is not supported with the 'gpt-5.6' model. Supported values are: 'none', 'low', 'medium', 'high', 'xhigh', and 'max'.",
        "unsupported_value", "reasoning.effort",
    ),
    "unsupported_parameter": Case(
        create(reasoning={"effort": "low"}),
        "Unsupported parameter: 'reasoning.effort' is not supported with this model.",
        "unsupported_parameter", "reasoning.effort",
    ),
    "unsupported_sampling": Case(
        create(model="gpt-5", temperature=0.5),
        "Unsupported parameter: 'temperature' is not supported with this model.",
        param="temperature",
    ),
    "unsupported_logprobs": Case(
        create(model="gpt-5", top_logprobs=1),
        "logprobs are not supported with reasoning models.",
        "unsupported_parameter", "top_logprobs",
    ),
    "unsupported_encryption": Case(
        create(include=["reasoning.encrypted_content"]), "Encrypted content is not supported with this model.", param="include"
    ),
    "unsupported_tools": Case(
        create(
            model="gpt-5",
            reasoning={"effort": "minimal"},
            tools=[{"type": "web_search"}, {"type": "function", "name": "f"}, {"type": "image_generation"}],
        ),
        "The following tools cannot be used with reasoning.effort 'minimal': web_search, image_generation.",
        param="tools",
    ),
    "unsupported_cache_retention": Case(
        create(model="gpt-5.6", prompt_cache_retention="in_memory"),
        "This model is compatible only with 24h extended prompt caching",
        "invalid_parameter", "prompt_cache_retention",
    ),
    "invalid_json": Case(
        call("POST", "/v1/responses", content=b"{"),
        "Invalid body: failed to parse JSON value. Please check the value to ensure it is valid JSON. (Common errors include trailing commas, missing closing brackets, missing quotation marks, etc.)",
        "invalid_json",
    ),
    "json_too_deep": Case(
        call("POST", "/v1/responses", content=b'{"input": ' + b"[" * 250 + b"]" * 250 + b"}"),
        "Invalid body: failed to parse JSON value. Arrays and objects may be nested 200 levels deep at most.",
        "invalid_json",
    ),
    "repeated_key": Case(
        call("POST", "/v1/responses", content=b'{"model": "gpt-4o", "input": "x", "temperature": 9, "temperature": 0.5}'),
        "Invalid body: failed to parse JSON value. The key 'temperature' stands more than once in the same object.",
        "invalid_json",
    ),
    "unsupported_content_type": Case(
        call("POST", "/v1/responses", content=b'{"model": "gpt-4o", "input": "x"}', content_type="text/plain;charset=UTF-8"),
        "Unsupported content type: 'text/plain'. This API method only accepts 'application/json' requests, but you specified the header 'Content-Type: text/plain;charset=UTF-8'. Please try again with a supported content type.",
        "unsupported_content_type",
    ),
    "unknown_parameter": Case(
        create(stre=True), "Unknown parameter: 'stre'. Did you mean 'store' or 'stream'?", "unknown_parameter", "stre"
    ),
    "moved_parameter": Case(
        create(messages=[]),
        "Unsupported parameter: 'messages'. In the Responses API, this parameter has moved to 'input'. Try again with the new parameter. See the API documentation for more information: https://platform.openai.com/docs/api-reference/responses/create.",
        "unsupported_parameter",
    ),
    "missing_required_parameter": Case(
        call("POST", "/v1/responses", {"model": "gpt-4o"}),
        "Missing required parameter: 'input'.", "missing_required_parameter", "input",
    ),
    "input_required": Case(
        create(input=[]),
        "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation' must be provided.",
        "missing_required_parameter",
    ),
    "invalid_type": Case(
        create(stream="yes"), "Invalid type for 'stream': expected a boolean, but got a string instead.", "invalid_type", "stream"
    ),
    "invalid_type_integer": Case(
        lambda api: api.call("GET", f"/v1/responses/{api.made('x')}/input_items?limit=many"),
        "Invalid type for 'limit': expected an integer, but got a string value that could not be converted into an integer.",
        "invalid_type", "limit",
    ),
    "invalid_value": Case(
        create(truncation="never"), "Invalid value: 'never'. Supported values are: 'auto' and 'disabled'.", "invalid_value", "truncation"
    ),
    "invalid_id": Case(
        create(conversation="abc"),
        "Invalid 'conversation': 'abc'. Expected an ID that begins with 'conv'.", "invalid_value", "conversation",
    ),
    "pattern_mismatch": Case(
        tool(type="function", name="a b"),
        "Invalid 'tools[0].name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.",
        "invalid_value", "tools[0].name",
    ),
    "integer_below_min_value": Case(
        create(max_output_tokens=1),
        "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got 1 instead.",
        "integer_below_min_value", "max_output_tokens",
    ),
    "integer_above_max_value": Case(
        lambda api: api.call("GET", f"/v1/responses/{api.made('x')}/input_items?limit=1000"),
        "Invalid 'limit': integer above maximum value. Expected a value <= 100, but got 1000 instead.",
        "integer_above_max_value", "limit",
    ),
    "decimal_below_min_value": Case(
        create(temperature=-1),
        "Invalid 'temperature': decimal below minimum value. Expected a value >= 0, but got -1 instead.",
        "decimal_below_min_value", "temperature",
    ),
    "decimal_above_max_value": Case(
        create(temperature=99.0),
        "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 99.0 instead.",
        "decimal_above_max_value", "temperature",
    ),
    "string_above_max_length": Case(
        create(prompt_cache_key="k" * 65),
        "Invalid 'prompt_cache_key': string too long. Expected a string with maximum length 64, but got a string with length 65 instead.",
        "string_above_max_length", "prompt_cache_key",
    ),
    "property_name_above_max_length": Case(
        create(metadata={"k" * 65: "v"}),
        "Invalid 'metadata.kkk...kkk': string too long. Expected a string with maximum length 64, but got a string with length 65 instead.",
        "property_name_above_max_length", "metadata." + "k" * 65,
    ),
    "empty_string": Case(
        tool(type="function", name=""),
        "Invalid 'tools[0].name': empty string. Expected a string with minimum length 1, but got an empty string instead.",
        "empty_string", "tools[0].name",
    ),
    "array_above_max_length": Case(
        create(tools=[{"type": "function", "name": f"f{number}"} for number in range(129)]),
        "Invalid 'tools': array too long. Expected an array with maximum length 128, but got an array with length 129 instead.",
        "array_above_max_length", "tools",
    ),
    "empty_array": Case(
        tool(type="file_search", vector_store_ids=[]),
        "Invalid 'tools[0].vector_store_ids': empty array. Expected an array with minimum length 1, but got an empty array instead.",
        "empty_array", "tools[0].vector_store_ids",
    ),
    "object_above_max_properties": Case(
        create(metadata={str(number): "v" for number in range(17)}),
        "Invalid 'metadata': too many properties. Expected an object with at most 16 properties, but got an object with 17 properties instead.",
        "object_above_max_properties", "metadata",
    ),
    "mutually_exclusive_parameters": Case(
        tool(type="mcp", server_label="a", server_url="https://a.example/mcp", connector_id="connector_a", authorization="t"),
        "Mutually exclusive parameters: 'tools[0]'. Ensure you are only providing one of: 'server_url' or 'connector_id'.",
        "mutually_exclusive_parameters", "tools[0]",
    ),
    "missing_mutually_exclusive_parameters": Case(
        part(type="input_image", detail="low"),
        "Missing mutually exclusive parameters: 'input[0].content[0]'. Ensure you are providing exactly one of: 'file_id' or 'image_url'.",
        "missing_mutually_exclusive_parameters", "input[0].content[0]",
    ),
    "completion_window_not_allowed": Case(
        create(background_options={"completion_window": "2h"}),
        "The completion window '2h' requires 'background' to be true, 'stream' to be false, and standard processing.",
        None, "background_options.completion_window",
    ),
    "stream_options_without_stream": Case(
        create(stream_options={"include_obfuscation": False}),
        "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
        param="stream_options",
    ),
}  # fmt: skip
