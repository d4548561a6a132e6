"""Every row of the error catalogue, provoked: status, headers and body to the byte (`tests/error_cases` has the rows)."""

import ast
import base64
import json
import re

import pytest
from starlette.testclient import TestClient

from mockapi.errors import ScenarioError
from mockapi.http.messages import error_answer
from mockapi.scenario.load import load_text
from mockapi.wire.catalogue import ERROR_CODES, ERROR_NAMES, ROWS, row_of, told
from mockapi.wire.catalogue.scripted import check_header, error_from

from .conftest import ROOT, make_app
from .error_cases import CASES, SCRIPTED
from .error_cases.api import CALL, IMAGE_URL, OUTPUT, PNG, SCENARIO, SETTINGS, Api, Case, call
from .error_cases.tools import obj


def bytes_of(case: Case, fields: dict[str, str]) -> bytes:
    message, param = case.message, case.param
    for name, value in fields.items():
        message = message.replace(f"{{{name}}}", value)
    if case.layout == "empty":
        return b""
    if case.layout == "edge":
        body = {"error": {"message": message, "type": case.type, "code": case.code, "param": param}, "status": case.status}
        return json.dumps(body, indent=2, ensure_ascii=False).encode()
    body = {"error": {"message": message, "type": case.type, "param": param, "code": case.code}}
    return json.dumps(body, indent=2 if case.layout == "pretty" else None, ensure_ascii=False).encode()


def check(case: Case, answer, fields: dict[str, str]) -> None:
    wanted = bytes_of(case, fields)
    assert answer.content == wanted
    assert (answer.status_code, answer.headers["content-length"]) == (case.status, str(len(wanted)))
    kind = {"edge": "text/plain", "empty": None}.get(case.layout, "application/json")
    assert answer.headers.get("content-type") == kind
    own = ("www-authenticate", "retry-after", "x-content-type-options", "x-should-retry")
    assert {name: answer.headers[name] for name in own if name in answer.headers} == case.headers
    assert answer.headers["openai-version"] == "2020-10-01"
    assert answer.headers["x-request-id"].startswith("req_")


@pytest.fixture
def api():
    with TestClient(make_app(SCENARIO, **SETTINGS), base_url="http://localhost") as client:
        yield Api(client)


@pytest.mark.parametrize("name", CASES)
def test_a_request_provokes_it(api, name):
    sent = CASES[name].send(api)
    answer, fields = sent if isinstance(sent, tuple) else (sent, {})
    check(CASES[name], answer, fields)


@pytest.mark.parametrize("name", SCRIPTED)
def test_a_scenario_provokes_what_no_request_can(name):
    case = SCRIPTED[name][1]
    with TestClient(make_app(f"steps: [{{error: {name}}}]")) as client:
        answer = case.send(Api(client))
    check(case, answer, {"request_id": answer.headers["x-request-id"]})


def test_every_row_is_provoked():
    assert sorted([*CASES, *SCRIPTED]) == sorted(row.name for row in ROWS)
    assert all(reason for reason, _ in SCRIPTED.values())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_scenario_can_ask_for_any_row_by_name(row):
    """What a bare name gives is complete: no place is left without a value, and headers can be sent."""
    error = error_from({"code": row.name}, {"model": "gpt-4o"})
    assert set(row.placeholders) <= set(row.sample)
    assert (error.status, error.type, error.layout) == (row.status, row.type, row.layout)
    assert not re.search(r"\{\w+\}", error.message + (error.param or ""))
    for value in error.headers.values():
        check_header(value)


def test_names_are_unique_and_a_code_means_its_first_row():
    names = [row.name for row in ROWS]
    assert len(set(names)) == len(names)
    for code in ERROR_CODES:
        first = next(row for row in ROWS if row.code == code)
        assert row_of(code) is first
        assert first.name == code or code not in names
    assert len(set(ERROR_NAMES)) == len(ERROR_NAMES)


def test_values_with_braces_stay_as_they_are(api):
    error = told("unknown_parameter", path="{hint}{path}", hint="{0}{{}}")
    assert (error.message, error.param) == ("Unknown parameter: '{hint}{path}'.{0}{{}}", "{hint}{path}")
    answer = api.create(**{"{path}": 1})
    assert answer.json()["error"]["message"] == "Unknown parameter: '{path}'."


@pytest.mark.parametrize(
    ("name", "fields", "length"),
    [
        ("context_length_exceeded", {}, 228),
        ("unsupported_file", {}, 177),
        ("decimal_below_min_value", {"path": "temperature", "bound": 0, "value": -1}, 236),
        ("mutually_exclusive_history", {}, 242),
        ("response_not_found", {"id": "resp_" + "0" * 50}, 197),
        ("invalid_api_key", {"masked": "invalid-key"}, 240),
    ],
)
def test_bodies_are_as_long_as_recorded(name, fields, length):
    """The Content-Length of recordings (ERRORS.md §1)."""
    assert len(error_answer(told(name, **fields), []).body) == length


def test_a_row_wants_all_its_fields():
    with pytest.raises(KeyError, match="prefix"):
        told("invalid_id", path="x", value="y")


def words_of(template: str) -> list[str]:
    """The parts of a message that say something by themselves."""
    return [words for words in re.split(r"\{\w+\}", template) if len(words) >= 20]


def test_no_message_stands_anywhere_else():
    fragments = {words.strip(): row.name for row in ROWS for words in words_of(row.message)}
    found = []
    for file in sorted((ROOT / "mockapi").rglob("*.py")):
        if file.parent.name == "catalogue":
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found += [(file.name, name) for words, name in fragments.items() if words in node.value]
    assert found == []


INPUT_IMAGE = [{"role": "user", "content": [{"type": "input_image", "image_url": "cat.png"}]}]
NOT_A_URL = "Expected a valid URL, but got a value with an invalid format."


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "param", "message"),
    [
        ("/v1/conversations", {"item": []}, 400, "unknown_parameter", "item", "Unknown parameter: 'item'. Did you mean 'items'?"),
        ("/v1/conversations", {"items": INPUT_IMAGE}, 400, "invalid_value", "items[0].content[0].image_url", f"Invalid 'items[0].content[0].image_url'. {NOT_A_URL}"),
        ("/v1/conversations", {"items": [{}]}, 400, "invalid_value", "items[0]", "Invalid value: ''. Supported values are: 'assistant', 'system', 'developer', and 'user'."),
        ("/v1/conversations", {"items": [{"role": "user", "content": "x"}] * 21}, 400, "array_above_max_length", "items", "Invalid 'items': array too long. Expected an array with maximum length 20, but got an array with length 21 instead."),
        ("/v1/conversations/conv_1", {}, 400, "missing_required_parameter", "metadata", "Missing required parameter: 'metadata'."),
        ("/v1/conversations/conv_1/items", {"items": []}, 404, None, None, "Conversation with id 'conv_1' not found."),
        ("/v1/responses/compact", {"input": "x"}, 400, "missing_required_parameter", "model", "Missing required parameter: 'model'."),
        ("/v1/responses/compact", {"model": "gpt-4o", "input": INPUT_IMAGE}, 400, "invalid_value", IMAGE_URL, f"Invalid '{IMAGE_URL}'. {NOT_A_URL}"),
        ("/v1/responses/compact", {"model": "gpt-4o"}, 400, "missing_required_parameter", None, "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation' must be provided."),
        ("/v1/responses/compact", {"model": "gpt-4o", "input": [CALL]}, 400, None, "input", "No tool output found for function call call_1."),
        ("/v1/responses/compact", {"model": "gpt-4o", "previous_response_id": "resp_1"}, 400, "previous_response_not_found", "previous_response_id", "Previous response with id 'resp_1' not found."),
        ("/v1/responses/input_tokens", {"input": [OUTPUT]}, 400, None, "input", "No tool call found for function call output with call_id call_1."),
        ("/v1/responses/input_tokens", {"input": INPUT_IMAGE}, 400, "invalid_value", IMAGE_URL, f"Invalid '{IMAGE_URL}'. {NOT_A_URL}"),
        ("/v1/responses/input_tokens", {"tools": [{"type": "mcp", "server_label": "a", "connector_id": "c"}]}, 400, None, None, "Must specify 'authorization' parameter with 'connector_id'"),
    ],
)  # fmt: skip
def test_other_endpoints_are_as_exact(api, path, body, status, code, param, message):
    case = Case(call("POST", path, body), message, code, param, status)
    check(case, case.send(api), {})


@pytest.mark.parametrize(
    "body",
    [
        {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": PNG}]}]},
        {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "https://example.com/a b.png", "file_id": None}]}]},
        {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "file_1"}]}]},
        {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "data:image/webp;base64," + base64.b64encode(b"RIFF\0\0\0\0WEBPVP8 ").decode()}]}]},
        {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "data:image/jpeg;charset=x;base64,/9j/4AAQ"}]}]},
        {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "DATA:image/jpeg;base64,_9j_4AAQ"}]}]},
        {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5\n"}]}]},
        {"input": [{"role": "user", "content": [{"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}]}]},
        {"input": [{"role": "user", "content": [{"type": "input_file", "file_data": "JVBERi0="}]}]},
        {"tools": [{"type": "mcp", "server_label": "a", "server_url": "https://a.example/mcp"}]},
        {"tools": [{"type": "mcp", "server_label": "a", "connector_id": "c", "authorization": "t", "server_url": None}]},
        {"tools": [{"type": "mcp", "server_label": "a"}]},
        {"tools": [{"type": "image_generation", "action": "edit"}], "input": [{"role": "user", "content": [{"type": "input_image", "file_id": "file_1"}]}]},
        {"tools": [{"type": "image_generation", "action": "edit", "input_image_mask": {"file_id": "file_1"}}]},
        {"tools": [{"type": "image_generation", "action": "generate", "input_fidelity": "high"}]},
        {"text": {"format": {"type": "json_object"}}, "input": "as JSON"},
        {"text": {"format": {"type": "json_object"}}, "input": [CALL, {**OUTPUT, "output": "{json: no}"}]},
        {"text": {"format": {"type": "json_object"}}, "input": [{"role": "developer", "content": "Json!"}, {"role": "user", "content": "x"}]},
        {"tools": [{"type": "function", "name": "f", "strict": True, "parameters": obj({"a": {"type": "string", "pattern": r"^\\p{2}[a-z]$"}})}]},
        {"tools": [{"type": "function", "name": "f", "strict": False, "parameters": obj({"a": {"type": "string", "pattern": r"\p{L}"}})}]},
        {"model": "gpt-5", "reasoning": {"effort": "minimal"}, "tools": [{"type": "function", "name": "f"}]},
        {"model": "gpt-5", "reasoning": {"effort": "low"}, "tools": [{"type": "web_search"}]},
    ],
)  # fmt: skip
def test_ordinary_requests_pass(api, body):
    assert api.create(**body).status_code == 200


@pytest.mark.parametrize("by", ["previous_response_id", "conversation"])
def test_what_a_request_goes_on_from_may_have_the_word_and_the_picture(api, by):
    conversation = api.call("POST", "/v1/conversations", {}).json()["id"]
    goes_on = {by: conversation if by == "conversation" else api.made("as json")}
    assert api.create(text={"format": {"type": "json_object"}}, **goes_on).status_code == 200
    assert api.create(tools=[{"type": "image_generation", "action": "edit"}], **goes_on).status_code == 200


@pytest.mark.parametrize(
    "name",
    ["no_json_word", "connector_without_authorization", "mutually_exclusive_parameters", "image_edit_without_source", "empty_array",
     "schema_unicode_class", "image_url_not_a_url", "not_an_image", "file_mime_type", "missing_mutually_exclusive_parameters"],
)  # fmt: skip
def test_validation_off_accepts_it(name):
    with TestClient(make_app("steps: [{reply: fine}]", validation="off", history="lenient")) as client:
        answer = CASES[name].send(Api(client))
    assert answer.status_code == 200


def test_capabilities_off_accepts_it():
    with TestClient(make_app("steps: [{reply: fine}]", capabilities="off")) as client:
        for name in ("model_not_supported", "unsupported_tools"):
            assert CASES[name].send(Api(client)).status_code == 200


def ask(error: str):
    with TestClient(make_app(f"steps: [{{error: {error}}}]")) as client:
        return Api(client).create()


def test_a_type_picks_another_row_of_the_code():
    answer = ask("{code: rate_limit_exceeded, type: tokens}")
    assert answer.json()["error"]["type"] == "tokens"
    assert "on tokens per min (TPM)" in answer.json()["error"]["message"]
    assert answer.headers["retry-after"] == "1"


def test_what_the_scenario_gives_wins():
    answer = ask("{code: rate_limit_tokens, status: 420, message: slow, headers: {Retry-After: '7'}}")
    assert answer.json()["error"] == {
        "message": "slow",
        "type": "invalid_request_error",
        "param": None,
        "code": "rate_limit_tokens",
    }
    answer = ask("{code: response_not_found, message: gone}")
    assert (answer.status_code, answer.json()["error"]["message"], answer.json()["error"]["code"]) == (404, "gone", None)
    answer = ask("{code: rate_limit_exceeded, headers: {Retry-After: '7'}}")
    assert answer.headers["retry-after"] == "7"
    answer = ask("{code: unknown_url, message: not empty}")
    assert answer.json()["error"]["message"] == "not empty"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        ("rate_limit_exceded", "unknown error code; did you mean 'rate_limit_exceeded'"),
        ("respons_not_found", "unknown error code; did you mean 'response_not_found'"),
        ("zzzzz", "unknown error code; `mockapi errors` lists all"),
        (
            "{code: conversation_lokced}",
            "unknown error code 'conversation_lokced', and no status; did you mean 'conversation_locked'",
        ),
        ("{message: x}", "give a status, or a code of the catalogue (`mockapi errors` lists it)"),
    ],
)
def test_an_unknown_code_is_refused_with_the_nearest(error, message):
    with pytest.raises(ScenarioError) as caught:
        load_text(f"steps:\n  - error: {error}", "test")
    (problem,) = caught.value.problems
    assert (problem.line, problem.key) == (2, "steps[0].error")
    assert problem.message.startswith(message)


def test_a_stream_can_fail_with_any_code():
    scenario = "steps: [{reply: x, fail: response_not_found}]"
    with TestClient(make_app(scenario)) as client:
        text = Api(client).create(stream=True).text
    assert '"code":"response_not_found","message":"The model failed to generate a response."' in text


def test_the_page_is_current():
    from .errors_page import page

    assert (ROOT / "docs" / "errors.md").read_text() == page(), "run: python -m tests.reference_pages"


def test_what_is_repeated_of_a_request_has_a_bound(api):
    """Ids, keys and values of a megabyte are not sent back by the megabyte."""
    long = "a" * 1_000_000
    bodies = [
        {"previous_response_id": f"resp_{long}"},
        {"conversation": f"conv_{long}"},
        {"prompt": {"id": f"pmpt_{long}"}},
        {"input": [{"type": "item_reference", "id": f"msg_{long}"}]},
        {long: 1},
        {"text": {long: 1}},
        {"metadata": {long: "x"}},
        {"model": long},
        {"service_tier": long},
        {"tools": [{"type": long}]},
    ]
    for body in bodies:
        answer = api.create(**body)
        assert 400 <= answer.status_code < 500
        assert len(answer.content) < 30_000
        assert "aaaaaaaaaa" in answer.text or "too long" in answer.text
