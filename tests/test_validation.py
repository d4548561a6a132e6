"""What a wrong request is told: code, param and message as the real API gives them (ERRORS.md §4)."""

import pytest

from mockapi.errors import ApiError
from mockapi.wire.content import MAX_TEXT
from mockapi.wire.items import ITEM_TYPES
from mockapi.wire.parse import _body, _validated, parse_create
from mockapi.wire.requests import CreateRequest

OK = {"model": "gpt-4o", "input": "x"}
ONE_OF_INPUT = "expected one of a string or array of input items, but got"


def told(body):
    with pytest.raises(ApiError) as caught:
        parse_create(body)
    error = caught.value
    assert (error.status, error.type) == (400, "invalid_request_error")
    return error.code, error.param, error.message


@pytest.mark.parametrize(
    ("extra", "code", "param", "message"),
    [
        ({"model": None}, "invalid_type", "model", "Invalid type for 'model': expected a string, but got an object instead."),
        ({"model": 7}, "invalid_type", "model", "Invalid type for 'model': expected a string, but got an integer instead."),
        ({"input": None}, "invalid_type", "input", "Invalid type for 'input': expected a string, but got an object instead."),
        ({"input": {}}, "invalid_type", "input", f"Invalid type for 'input': {ONE_OF_INPUT} an object instead."),
        ({"input": 1.5}, "invalid_type", "input", f"Invalid type for 'input': {ONE_OF_INPUT} a decimal number instead."),
        ({"input": [1]}, "invalid_type", "input[0]", "Invalid type for 'input[0]': expected an input item, but got an integer instead."),
        ({"input": [None]}, "invalid_type", "input[0]", "Invalid type for 'input[0]': expected an input item, but got null instead."),
        ({"input": [{}]}, "invalid_value", "input[0]", "Invalid value: ''. Supported values are: 'assistant', 'system', 'developer', and 'user'."),
        ({"input": [{"role": "bogus", "content": "x"}]}, "invalid_value", "input[0]", "Invalid value: 'bogus'. Supported values are: 'assistant', 'system', 'developer', and 'user'."),
        ({"input": [{"type": "bogus"}]}, "invalid_value", "input[0]", "Invalid value: 'bogus'. Supported values are: " + ", ".join(f"'{name}'" for name in ITEM_TYPES[:-1]) + f", and '{ITEM_TYPES[-1]}'."),
        ({"input": [{"role": "user"}]}, "missing_required_parameter", "input[0].content", "Missing required parameter: 'input[0].content'."),
        ({"input": [{"role": "user", "content": [{"type": "bogus"}]}]}, "invalid_value", "input[0].content[0].type", "Invalid value: 'bogus'. Supported values are: 'input_text', 'input_image', 'input_audio', 'output_text', 'refusal', 'input_file', 'computer_screenshot', 'summary_text', and 'encrypted_content'."),
        ({"input": [{"role": "user", "content": [{"type": "output_text"}]}]}, "invalid_value", "input[0].content[0]", "Invalid value: 'output_text'. Supported values are: 'input_text', 'input_image', 'input_file', 'scoped_content', and 'input_audio'."),
        ({"input": [{"role": "assistant", "content": [{"type": "input_text", "text": "x"}]}]}, "invalid_value", "input[0].content[0]", "Invalid value: 'input_text'. Supported values are: 'output_text' and 'refusal'."),
        ({"input": [{"role": "user", "content": [{"type": "input_text"}]}]}, "missing_required_parameter", "input[0].content[0].text", "Missing required parameter: 'input[0].content[0].text'."),
        ({"input": [{"role": "user", "content": "x", "phase": "commentary"}]}, "unknown_parameter", "input[0].phase", "Unknown parameter: 'input[0].phase'."),
        ({"input": [{"role": "assistant", "content": "x", "phase": "late"}]}, "invalid_value", "input[0].phase", "Invalid value: 'late'. Supported values are: 'commentary' and 'final_answer'."),
        ({"input": [{"type": "reasoning", "id": "rs_1", "summary": [], "status": "completed"}]}, "unknown_parameter", "input[0].status", "Unknown parameter: 'input[0].status'."),
        ({"input": [{"type": "function_call", "call_id": "c"}]}, "missing_required_parameter", "input[0].arguments", "Missing required parameter: 'input[0].arguments'."),
        ({"input": [{"role": "user", "content": "x", "bogus": 1}]}, "unknown_parameter", "input[0].bogus", "Unknown parameter: 'input[0].bogus'."),
        ({"stop": 1}, "unknown_parameter", "stop", "Unknown parameter: 'stop'. Did you mean 'store'?"),
        ({"sto": 1}, "unknown_parameter", "sto", "Unknown parameter: 'sto'. Did you mean 'store'?"),
        ({"stre": 1}, "unknown_parameter", "stre", "Unknown parameter: 'stre'. Did you mean 'store' or 'stream'?"),
        ({"strem": 1}, "unknown_parameter", "strem", "Unknown parameter: 'strem'. Did you mean 'stream' or 'store'?"),
        ({"strem": 1, "stream": True}, "unknown_parameter", "strem", "Unknown parameter: 'strem'. Did you mean 'store'?"),
        ({"inpu": 1}, "unknown_parameter", "inpu", "Unknown parameter: 'inpu'."),
        ({"modell": 1}, "unknown_parameter", "modell", "Unknown parameter: 'modell'."),
        ({"max_tokens": 1}, "unknown_parameter", "max_tokens", "Unknown parameter: 'max_tokens'."),
        ({"n": 1}, "unknown_parameter", "n", "Unknown parameter: 'n'."),
        ({"messages": []}, "unsupported_parameter", None, "Unsupported parameter: 'messages'. In the Responses API, this parameter has moved to 'input'. Try again with the new parameter. See the API documentation for more information: https://platform.openai.com/docs/api-reference/responses/create."),
        ({"include": ["bogus.thing"]}, "invalid_value", "include[0]", "Invalid value: 'bogus.thing'. Supported values are: 'file_search_call.results', 'web_search_call.results', 'web_search_call.action.sources', 'message.input_image.image_url', 'computer_call_output.output.image_url', 'code_interpreter_call.outputs', 'reasoning.encrypted_content', and 'message.output_text.logprobs'."),
        ({"include": "x"}, "invalid_type", "include", "Invalid type for 'include': expected an array of one of 'fil...lts', 'web...lts', 'web...ces', 'mes...url', 'com...url', 'cod...uts', 'rea...ent', or 'mes...obs', but got a string instead."),
        ({"max_output_tokens": 15}, "integer_below_min_value", "max_output_tokens", "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got 15 instead."),
        ({"max_tool_calls": 0}, "integer_below_min_value", "max_tool_calls", "Invalid 'max_tool_calls': integer below minimum value. Expected a value >= 1, but got 0 instead."),
        ({"context_management": [{"type": "compaction", "compact_threshold": 1}]}, "integer_below_min_value", "context_management[0].compact_threshold", "Invalid 'context_management[0].compact_threshold': integer below minimum value. Expected a value >= 1000, but got 1 instead."),
        ({"context_management": "x"}, "invalid_type", "context_management", "Invalid type for 'context_management': expected an array of objects, but got a string instead."),
        ({"truncation": "never"}, "invalid_value", "truncation", "Invalid value: 'never'. Supported values are: 'auto' and 'disabled'."),
        ({"truncation": {}}, "invalid_type", "truncation", "Invalid type for 'truncation': expected one of 'auto' or 'disabled', but got an object instead."),
        ({"service_tier": "x"}, "invalid_value", "service_tier", "Invalid value: 'x'. Supported values are: 'auto', 'default', 'fast', 'flex', and 'priority'."),
        ({"prompt_cache_retention": "x"}, "invalid_value", "prompt_cache_retention", "Invalid value: 'x'. Supported values are: 'in_memory' and '24h'."),
        ({"reasoning": "x"}, "invalid_type", "reasoning", "Invalid type for 'reasoning': expected an object, but got a string instead."),
        ({"reasoning": {"effort": "x"}}, "invalid_value", "reasoning.effort", "Invalid value: 'x'. Supported values are: 'none', 'minimal', 'low', 'medium', 'high', 'xhigh', and 'max'."),
        ({"reasoning": {"summary": "x"}}, "invalid_value", "reasoning.summary", "Invalid value: 'x'. Supported values are: 'concise', 'detailed', and 'auto'."),
        ({"reasoning": {"generate_summary": "auto"}}, "unknown_parameter", "reasoning.generate_summary", "Unknown parameter: 'reasoning.generate_summary'."),
        ({"reasoning": {"effort": {}}}, "invalid_type", "reasoning.effort", "Invalid type for 'reasoning.effort': expected one of one of 'none', 'minimal', 'low', 'medium', 'high', 'xhigh', or 'max' or integer, but got an object instead."),
        ({"reasoning": {"effort": []}}, "invalid_type", "reasoning.effort", "Invalid type for 'reasoning.effort': expected one of one of 'none', 'minimal', 'low', 'medium', 'high', 'xhigh', or 'max' or integer, but got an array instead."),
        ({"reasoning": {"effort": 3}}, "invalid_type", "reasoning.effort", "Invalid type for 'reasoning.effort': expected one of 'minimal', 'low', 'medium', or 'high', but got an integer instead."),
        *[({"input": [{**item, "id": "x_1"}]}, "invalid_value", "input[0].id", f"Invalid 'input[0].id': 'x_1'. Expected an ID that begins with '{prefix}'.") for prefix, item in (("msg", {"role": "user", "content": "x"}), ("msg", {"role": "assistant", "content": "x"}), ("fc", {"type": "function_call", "call_id": "c", "name": "f", "arguments": ""}), ("ctc", {"type": "custom_tool_call", "call_id": "c", "name": "f", "input": ""}), ("rs", {"type": "reasoning", "summary": []}))],
        ({"input": [{"type": "item_reference"}]}, "missing_required_parameter", "input[0].id", "Missing required parameter: 'input[0].id'."),
        ({"input": [{"type": "function_call_output", "call_id": "c"}]}, "missing_required_parameter", "input[0].output", "Missing required parameter: 'input[0].output'."),
        ({"input": [{"type": "function_call_output", "call_id": "c", "output": 3}]}, "invalid_type", "input[0].output", "Invalid type for 'input[0].output': expected one of a string or array of objects, but got an integer instead."),
        ({"input": [{"type": "function_call_output", "call_id": "", "output": "x"}]}, "empty_string", "input[0].call_id", "Invalid 'input[0].call_id': empty string. Expected a string with minimum length 1, but got an empty string instead."),
        ({"input": [{"type": "function_call_output", "call_id": "c" * 65, "output": "x"}]}, "string_above_max_length", "input[0].call_id", "Invalid 'input[0].call_id': string too long. Expected a string with maximum length 64, but got a string with length 65 instead."),
        ({"input": [{"role": "user", "content": 3}]}, "invalid_type", "input[0].content", "Invalid type for 'input[0].content': expected one of a string or array of objects, but got an integer instead."),
        ({"input": [{"type": "mcp_approval_response", "approval_request_id": "x", "approve": "yes"}]}, "invalid_type", "input[0].approve", "Invalid type for 'input[0].approve': expected a boolean, but got a string instead."),
        ({"conversation": {}}, "missing_required_parameter", "conversation.id", "Missing required parameter: 'conversation.id'."),
        ({"conversation": 3}, "invalid_type", "conversation", "Invalid type for 'conversation': expected one of a string or an object, but got an integer instead."),
        ({"prompt": {}}, "missing_required_parameter", "prompt.id", "Missing required parameter: 'prompt.id'."),
        ({"prompt": {"id": 3}}, "invalid_type", "prompt.id", "Invalid type for 'prompt.id': expected a string, but got an integer instead."),
        ({"moderation": {}}, "missing_required_parameter", "moderation.model", "Missing required parameter: 'moderation.model'."),
        ({"moderation": {"model": "m", "policy": {"input": {"mode": "x"}}}}, "invalid_value", "moderation.policy.input.mode", "Invalid value: 'x'. Supported values are: 'score' and 'block'."),
        ({"tools": [{"type": "nope"}]}, "invalid_value", "tools[0].type", None),
        ({"tools": [{"type": "function", "name": ""}]}, "empty_string", "tools[0].name", "Invalid 'tools[0].name': empty string. Expected a string with minimum length 1, but got an empty string instead."),
        ({"tools": [{"type": "function", "name": "f", "strict": "yes"}]}, "invalid_type", "tools[0].strict", "Invalid type for 'tools[0].strict': expected a boolean, but got a string instead."),
        ({"tools": [{"type": "function", "name": "f", "parameters": []}]}, "invalid_type", "tools[0].parameters", "Invalid type for 'tools[0].parameters': expected an object, but got an array instead."),
        ({"tools": [{"type": "file_search"}]}, "missing_required_parameter", "tools[0].vector_store_ids", "Missing required parameter: 'tools[0].vector_store_ids'."),
        ({"tools": [{"type": "code_interpreter"}]}, "missing_required_parameter", "tools[0].container", "Missing required parameter: 'tools[0].container'."),
        ({"tools": [{"type": "mcp"}]}, "missing_required_parameter", "tools[0].server_label", "Missing required parameter: 'tools[0].server_label'."),
        ({"tools": [{"type": "web_search", "search_context_size": "huge"}]}, "invalid_value", "tools[0].search_context_size", "Invalid value: 'huge'. Supported values are: 'low', 'medium', and 'high'."),
        ({"tool_choice": {"type": "allowed_tools", "mode": "x", "tools": []}}, "invalid_value", "tool_choice.mode", "Invalid value: 'x'. Supported values are: 'auto' and 'required'."),
        ({"tool_choice": {"type": "mcp"}}, "missing_required_parameter", "tool_choice.server_label", "Missing required parameter: 'tool_choice.server_label'."),
        ({"tool_choice": {}}, "missing_required_parameter", "tool_choice.type", "Missing required parameter: 'tool_choice.type'."),
        ({"tool_choice": "required"}, None, "tool_choice", "Tool choice 'required' must be specified with 'tools' parameter."),
        ({"tools": [{"type": "shell"}], "tool_choice": {"type": "function", "name": "f"}}, None, "tool_choice", "Tool choice 'function' not found in 'tools' parameter."),
        ({"text": {"format": {"type": "json_schema", "name": "n"}}}, "missing_required_parameter", "text.format.schema", "Missing required parameter: 'text.format.schema'."),
        ({"text": {"format": {"type": "json_schema", "name": "a b", "schema": {}}}}, "invalid_value", "text.format.name", "Invalid 'text.format.name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."),
        ({"text": {"format": {}}}, "missing_required_parameter", "text.format.type", "Missing required parameter: 'text.format.type'."),
        ({"context_management": [{"type": "x"}]}, "invalid_value", "context_management[0].type", "Invalid value: 'x'. Supported values are: 'compaction'."),
        ({"top_p": 1.5}, "decimal_above_max_value", "top_p", "Invalid 'top_p': decimal above maximum value. Expected a value <= 1, but got 1.5 instead."),
        ({"presence_penalty": -3}, "decimal_below_min_value", "presence_penalty", "Invalid 'presence_penalty': decimal below minimum value. Expected a value >= -2, but got -3 instead."),
        ({"frequency_penalty": 3}, "decimal_above_max_value", "frequency_penalty", "Invalid 'frequency_penalty': decimal above maximum value. Expected a value <= 2, but got 3 instead."),
        ({"max_output_tokens": 16.5}, "invalid_type", "max_output_tokens", "Invalid type for 'max_output_tokens': expected an integer, but got a decimal number instead."),
        ({"safety_identifier": "x" * 129}, "string_above_max_length", "safety_identifier", "Invalid 'safety_identifier': string too long. Expected a string with maximum length 128, but got a string with length 129 instead."),
        ({"prompt_cache_options": {"ttl": "24h"}}, "invalid_value", "prompt_cache_options.ttl", "Invalid value: '24h'. Supported values are: '30m' and '12h'."),
        ({"text": {"format": {"type": "x"}}}, "invalid_value", "text.format.type", "Invalid value: 'x'. Supported values are: 'json_object', 'text', and 'json_schema'."),
        ({"text": {"format": {"type": "json_schema", "schema": {}}}}, "missing_required_parameter", "text.format.name", "Missing required parameter: 'text.format.name'."),
        ({"text": {"verbosity": "x"}}, "invalid_value", "text.verbosity", "Invalid value: 'x'. Supported values are: 'low', 'medium', and 'high'."),
        ({"tools": "x"}, "invalid_type", "tools", "Invalid type for 'tools': expected an array of tools, but got a string instead."),
        ({"tools": [{}]}, "missing_required_parameter", "tools[0].type", "Missing required parameter: 'tools[0].type'."),
        ({"tools": [{"type": "function"}]}, "missing_required_parameter", "tools[0].name", "Missing required parameter: 'tools[0].name'."),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "missing_required_parameter", "tools[0].name", "Missing required parameter: 'tools[0].name'."),
        ({"tools": [{"type": "function", "name": "a b"}]}, "invalid_value", "tools[0].name", "Invalid 'tools[0].name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."),
        ({"tools": [{"type": "local_shell"}] * 129}, "array_above_max_length", "tools", "Invalid 'tools': array too long. Expected an array with maximum length 128, but got an array with length 129 instead."),
        ({"tool_choice": 1}, "invalid_type", "tool_choice", "Invalid type for 'tool_choice': expected one of an object or 'none', 'auto', or 'required', but got an integer instead."),
        ({"tool_choice": "x"}, "invalid_value", "tool_choice", "Invalid value: 'x'. Supported values are: 'none', 'auto', and 'required'."),
        ({"tool_choice": {"type": "function"}}, "missing_required_parameter", "tool_choice.name", "Missing required parameter: 'tool_choice.name'."),
        ({"metadata": "x"}, "invalid_type", "metadata", "Invalid type for 'metadata': expected a metadata object, but got a string instead."),
        ({"metadata": {"tags": []}}, "invalid_type", "metadata.tags", "Invalid type for 'metadata.tags': expected a string, but got an array instead."),
        ({"metadata": {str(n): "" for n in range(17)}}, "object_above_max_properties", "metadata", "Invalid 'metadata': too many properties. Expected an object with at most 16 properties, but got an object with 17 properties instead."),
        ({"metadata": {"a": "x" * 513}}, "string_above_max_length", "metadata.a", "Invalid 'metadata.a': string too long. Expected a string with maximum length 512, but got a string with length 513 instead."),
        ({"metadata": {"k" * 65: ""}}, "property_name_above_max_length", "metadata." + "k" * 65, "Invalid 'metadata.kkk...kkk': string too long. Expected a string with maximum length 64, but got a string with length 65 instead."),
        ({"stream_options": {"include_usage": True}, "stream": True}, "unknown_parameter", "stream_options.include_usage", "Unknown parameter: 'stream_options.include_usage'."),
        ({"stream_options": {"include_obfuscation": False}}, None, "stream_options", "The 'stream_options' parameter is only allowed when 'stream' is enabled."),
        ({"temperature": "1"}, "invalid_type", "temperature", "Invalid type for 'temperature': expected a decimal, but got a string instead."),
        ({"temperature": -1}, "decimal_below_min_value", "temperature", "Invalid 'temperature': decimal below minimum value. Expected a value >= 0, but got -1 instead."),
        ({"temperature": 99.0}, "decimal_above_max_value", "temperature", "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 99.0 instead."),
        ({"top_logprobs": 21}, "integer_above_max_value", "top_logprobs", "Invalid 'top_logprobs': integer above maximum value. Expected a value <= 20, but got 21 instead."),
        ({"prompt_cache_key": "x" * 65}, "string_above_max_length", "prompt_cache_key", "Invalid 'prompt_cache_key': string too long. Expected a string with maximum length 64, but got a string with length 65 instead."),
        *[({name: "x"}, "invalid_type", name, f"Invalid type for '{name}': expected a boolean, but got a string instead.") for name in ("stream", "background", "store", "parallel_tool_calls")],
        *[({name: 1}, "invalid_type", name, f"Invalid type for '{name}': expected a string, but got an integer instead.") for name in ("instructions", "user", "safety_identifier", "prompt_cache_key", "previous_response_id")],
        *[({name: "x"}, "invalid_type", name, f"Invalid type for '{name}': expected an object, but got a string instead.") for name in ("moderation", "stream_options", "prompt", "text")],
    ],
)  # fmt: skip
def test_told_as_the_real_api_does(extra, code, param, message):
    assert told({**OK, **extra})[:2] == (code, param)
    assert message is None or told({**OK, **extra})[2] == message


@pytest.mark.parametrize(
    ("body", "first"),
    [
        ({}, "model"),
        ({"model": "m"}, "input"),
        ({"model": "m", "input": "x", "temperature": "x", "bogus": 1}, "bogus"),
        ({"model": "m", "input": [1], "temperature": "x"}, "input[0]"),
        ({"model": "m", "input": "x", "top_logprobs": -1, "metadata": 3, "tools": 3}, "tools"),
        ({"model": "m", "input": "x", "store": 1, "reasoning": 1, "text": 1}, "text"),
    ],
)
def test_the_first_error_in_the_measured_order_is_told(body, first):
    assert told(body)[1] == first


def test_null_is_an_omitted_parameter():
    request = parse_create({**OK, "temperature": None, "tools": None, "metadata": None, "stream": None})
    assert (request.temperature, list(request.tools), request.metadata, request.stream) == (None, [], None, False)


def test_values_are_kept_as_sent():
    item = {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "x"}]}
    assert parse_create({**OK, "input": [item]}).input_items == [item]


def test_short_messages_become_whole_items():
    request = parse_create({**OK, "input": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]})
    assert [item["content"][0]["type"] for item in request.input_items] == ["input_text", "output_text"]
    assert all(item["type"] == "message" for item in request.input_items)


BY_TYPE_ALONE = {
    "instructions": "i",
    "previous_response_id": "resp_1",
    "user": "u",
    "stream": True,
    "store": False,
    "background": True,
    "parallel_tool_calls": False,
}


@pytest.mark.parametrize("extra", [{}, BY_TYPE_ALONE, *({name: value} for name, value in BY_TYPE_ALONE.items())])
def test_a_request_that_needs_no_validator_is_what_the_validator_makes_of_it(extra):
    body = {**OK, **extra}
    ours, pydantics = parse_create(body), _validated(body)
    assert ours == pydantics
    assert ours.given == pydantics.given == set(body)
    assert all(getattr(ours, name) == getattr(_body().model_validate(body), name) for name in CreateRequest.__annotations__)
    assert ours.changed(store=False).store is False
    assert (CreateRequest().given, CreateRequest().store) == (set(), True)


@pytest.mark.parametrize("name", [*OK, *BY_TYPE_ALONE])
@pytest.mark.parametrize("wrong", [7, 1.5, [1], {"a": 1}])
def test_what_is_not_of_the_one_type_goes_to_the_validator(name, wrong):
    assert told({**OK, name: wrong})[0] in ("invalid_type", "invalid_value", "missing_required_parameter")


def test_a_text_that_is_too_long_is_refused_beside_plain_parameters():
    assert told({**OK, "input": "x" * (MAX_TEXT + 1), "store": True})[:2] == ("string_above_max_length", "input")
    assert parse_create({**OK, "input": "x" * MAX_TEXT}).input == "x" * MAX_TEXT
