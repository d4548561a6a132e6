"""Hostile requests: the API's error shape, no traceback, nothing stored, the server lives."""

import http.client
import json
import socket

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from mockapi.wire.json import loads, repeated_key

from .conftest import make_app

AUTH = {"authorization": "Bearer k"}
STEP = "steps: [{reply: fine}]"


@pytest.fixture(scope="module")
def client():
    app = make_app(STEP, max_body=30_000_000)
    with TestClient(app, raise_server_exceptions=False, base_url="http://localhost") as connection:
        yield connection


def is_alive(client) -> bool:
    return client.post("/v1/responses", json={"model": "m", "input": "x"}, headers=AUTH).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b"[]",
        b'"text"',
        b"null",
        b'{"model": "m", "input": "x",}',
        b'{"model": "m", "input": "\xff\xfe"}',
        b'{"model": "m", "input": "x", "temperature": NaN}',
        b'{"model": "m", "input": "x", "temperature": Infinity}',
        b'{"model": "m", "input": "\\ud800"}',
        b"[" * 10_000 + b"]" * 10_000,
        b'{"model": "m", "input": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    ],
    ids=range(14),
)
def test_not_json(client, body):
    answer = client.post("/v1/responses", content=body, headers=AUTH)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/json"
    error = answer.json()["error"]
    assert list(error) == ["message", "type", "param", "code"]
    assert error["code"] == "invalid_json"
    assert "Traceback" not in answer.text
    assert is_alive(client)


def test_a_twenty_megabyte_string(client):
    answer = client.post("/v1/responses", json={"model": "m", "input": "x" * 20_000_000}, headers=AUTH)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "string_above_max_length"
    assert len(answer.content) < 1000
    assert is_alive(client)


def test_a_body_over_the_limit_is_413(client):
    answer = client.post("/v1/responses", content=b"x" * 30_000_001, headers=AUTH)
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "mock_body_too_large"
    assert answer.headers["x-should-retry"] == "false"
    assert is_alive(client)


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("GET", "/v1/nope", 404, ""),
        ("POST", "/", 404, ""),
        ("GET", "/v1/assistants", 404, ""),
        ("PUT", "/v1/responses", 405, "Invalid method for URL (PUT /v1/responses)"),
        ("GET", "/v1/responses", 405, "Invalid method for URL (GET /v1/responses)"),
        ("POST", "/v1/responses/resp_1/cancel", 404, "Response with id 'resp_1' not found."),
        ("GET", "/v1/conversations/conv_1/items", 404, "Conversation with id 'conv_1' not found."),
        ("DELETE", "/v1/responses/resp_1", 404, "Response with id 'resp_1' not found."),
        ("GET", "/v1/responses/resp_1?stream=true", 404, "Response with id 'resp_1' not found."),
        ("GET", "/v1/responses/resp_" + "x" * 3000, 404, "not found."),
        ("GET", "/v1/responses/x", 400, "Invalid 'response_id': 'x'. Expected an ID that begins with 'resp'."),
        ("GET", "/v1/responses/..%2f..%2fetc%2fpasswd", 404, ""),
    ],
)
def test_other_routes(client, method, path, status, body):
    answer = client.request(method, path, headers=AUTH)
    assert answer.status_code == status
    if body:
        assert body in answer.json()["error"]["message"]
    else:
        assert answer.text == ""
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("extra", "status", "code", "message"),
    [
        ({"previous_response_id": "resp_nope"}, 400, "previous_response_not_found", "Previous response with id 'resp_nope' not found."),
        ({"previous_response_id": "nope"}, 400, "invalid_value", "Invalid 'previous_response_id': 'nope'. Expected an ID that begins with 'resp'."),
        ({"conversation": "conv_1"}, 404, None, "Conversation with id 'conv_1' not found."),
        ({"conversation": "x"}, 400, "invalid_value", "Invalid 'conversation': 'x'. Expected an ID that begins with 'conv'."),
        ({"conversation": "conv_1", "previous_response_id": "resp_1"}, 400, "mutually_exclusive_parameters", "Mutually exclusive parameters: ''. Ensure you are only providing one of: 'pre..._id' or 'conversation'."),
        ({"prompt": {"id": "pmpt_1"}}, 404, None, "Prompt with id 'pmpt_1' not found."),
        ({"input": ""}, 400, "missing_required_parameter", "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation' must be provided."),
        ({"input": []}, 400, "missing_required_parameter", "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation' must be provided."),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, 404, None, "Item with id 'msg_1' not found."),
        ({"input": [{"id": "msg_1"}]}, 404, None, "Item with id 'msg_1' not found."),
    ],
)  # fmt: skip
def test_references(client, extra, status, code, message):
    answer = client.post("/v1/responses", json={"model": "m", "input": "x", **extra}, headers=AUTH)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert (error["code"], error["message"], error["type"]) == (code, message, "invalid_request_error")


def test_errors_before_a_stream_are_plain_json(client):
    answer = client.post("/v1/responses", json={"model": "m", "stream": True}, headers=AUTH)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"].startswith("req_")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=8), children, max_size=4),
    max_leaves=12,
)
PARAMETERS = [
    "model", "input", "tools", "tool_choice", "text", "reasoning", "metadata", "include", "stream", "store", "prompt",
    "conversation", "previous_response_id", "instructions", "background", "context_management", "stream_options",
    "temperature", "max_output_tokens", "user", "bogus",
]  # fmt: skip
ITEM_KEYS = ["type", "role", "content", "id", "call_id", "output", "arguments", "name", "summary", "status", "encrypted_content"]
ITEM_VALUES = st.sampled_from(
    ["message", "function_call", "function_call_output", "reasoning", "item_reference", "user", "assistant", "compaction"]
)
items = st.dictionaries(st.sampled_from(ITEM_KEYS), json_values | ITEM_VALUES, max_size=6)
bodies = st.dictionaries(st.sampled_from(PARAMETERS), json_values | st.lists(items, max_size=3), max_size=6)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bodies, st.booleans())
def test_random_bodies_are_answered_or_refused_in_the_envelope(client, body, complete):
    base = {"model": "m", "input": "x"} if complete else {}
    answer = client.post("/v1/responses", json={**base, **body}, headers=AUTH)
    assert answer.status_code in (200, 400, 404)
    if answer.status_code != 200:
        assert list(answer.json()["error"]) == ["message", "type", "param", "code"]


def test_a_client_that_hangs_up_in_its_request_does_no_harm(serve):
    server = serve(STEP)
    port = int(server.url.rsplit(":", 1)[1])
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", port)) as sock:
            sock.sendall(b"POST /v1/responses HTTP/1.1\r\nhost: x\r\nauthorization: Bearer k\r\ncontent-length: 100\r\n\r\n{")
    assert server.post({"model": "m", "input": "x"}).status_code == 200


@pytest.mark.parametrize("value", ["Bearer", "Bearer ", "Token x", ""])
def test_no_usable_key(client, value):
    answer = client.post("/v1/responses", json={}, headers={"authorization": value})
    assert answer.status_code == 401


def test_strange_header_values_do_no_harm(serve):
    server = serve(STEP)
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=10)
    connection.putrequest("POST", "/v1/responses")
    for name, value in (
        ("authorization", b"Bearer k\xe9"),
        ("openai-project", b"\xe9" * 10),
        ("openai-organization", b"o" * 4000),
        ("x-mock-scenario", b"\xe9"),
        ("content-length", b"2"),
    ):
        connection.putheader(name, value)
    connection.endheaders(b"{}")
    answer = connection.getresponse()
    assert (answer.status, b"missing_required_parameter" in answer.read()) == (400, True)
    connection.close()


def test_health_and_ready_need_no_key(client):
    assert client.get("/_mock/health").json() == {"status": "ok"}
    assert client.get("/_mock/ready").json() == {"status": "ready", "scenarios": 1, "evictions": {}}


def test_an_internal_error_shows_no_traceback(monkeypatch):
    from mockapi.service.responses import Responses

    async def broken(self, call, identity):
        raise RuntimeError("secret detail")

    monkeypatch.setattr(Responses, "create", broken)
    with TestClient(make_app(STEP), raise_server_exceptions=False) as connection:
        answer = connection.post("/v1/responses", json={"model": "m", "input": "x"}, headers=AUTH)
    assert answer.status_code == 500
    assert answer.json()["error"]["type"] == "server_error"
    assert "secret" not in answer.text
    assert answer.headers["x-should-retry"] == "false"


def test_http_client_sees_keepalive_after_errors(serve):
    server = serve(STEP)
    with httpx.Client(base_url=server.base_url, headers=AUTH) as connection:
        assert connection.post("/responses", content=b"{").status_code == 400
        assert connection.post("/responses", json={"model": "m", "input": "x"}).status_code == 200


CREATES = [
    ("/v1/responses", {"model": "m", "input": "x"}),
    ("/v1/responses/compact", {"model": "m", "input": "x"}),
    ("/v1/responses/input_tokens", {"model": "m", "input": "x"}),
    ("/v1/conversations", {"metadata": {"a": "b"}}),
    ("/v1/webhook_endpoints", {"url": "http://127.0.0.1:9/x", "enabled_events": ["response.completed"]}),
]


def posted(client, path, content, **headers):
    return client.post(path, content=content, headers={**AUTH, **headers})


def stored(client):
    shown = [client.get(f"/_mock/{kind}", headers=AUTH) for kind in ("responses", "conversations")]
    return [answer.raise_for_status().json() for answer in shown]


@pytest.mark.parametrize(("path", "body"), CREATES, ids=lambda value: value if isinstance(value, str) else "")
@pytest.mark.parametrize(
    "content_type",
    ["text/plain;charset=UTF-8", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "nonsense"],
)
def test_a_body_that_says_it_is_no_json_is_refused(client, path, body, content_type):
    before = stored(client)
    answer = posted(client, path, json.dumps(body).encode(), **{"content-type": content_type})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "unsupported_content_type")
    assert f"'Content-Type: {content_type}'" in error["message"]
    assert stored(client) == before


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/vnd.x+json",
        "application/json, application/json",
        "",
        None,
    ],
)
def test_a_body_that_may_be_json_is_read(client, content_type):
    headers = {} if content_type is None else {"content-type": content_type}
    assert posted(client, "/v1/responses", b'{"model": "m", "input": "x"}', **headers).status_code == 200


def test_what_has_no_body_has_no_content_type_to_refuse(client):
    made = posted(client, "/v1/conversations", b"", **{"content-type": "application/x-www-form-urlencoded"})
    assert made.status_code == 200


def test_a_very_long_content_type_is_repeated_in_part(client):
    answer = posted(client, "/v1/responses", b"{}", **{"content-type": "x" * 50_000})
    assert (answer.status_code, len(answer.content) < 25_000) == (400, True)


@pytest.mark.parametrize(("path", "body"), CREATES, ids=lambda value: value if isinstance(value, str) else "")
@pytest.mark.parametrize("spaces", [(",", ":"), (", ", ": "), (" ,\n", " :\t")], ids=["compact", "usual", "strange"])
def test_a_key_that_stands_twice_is_refused(client, path, body, spaces):
    text = json.dumps(body, separators=spaces)
    twice = f'{text[:-1]}{spaces[0]}"extra"{spaces[1]}{{"k"{spaces[1]}1{spaces[0]}"\\u006b"{spaces[1]}1}}}}'
    before = stored(client)
    error = posted(client, path, twice.encode()).json()["error"]
    assert stored(client) == before
    assert (error["code"], "The key 'k' stands more than once" in error["message"]) == ("invalid_json", True)


@pytest.mark.parametrize("path", ["/_mock/verify", "/_mock/faults", "/_mock/clock"])
def test_so_it_is_in_the_admin_api(client, path):
    error = posted(client, path, b'{"a": 1, "a": 2}', **{"content-type": "application/json"}).json()["error"]
    assert (error["code"], "'a'" in error["message"]) == ("mock_invalid_body", True)


def test_equal_keys_of_different_objects_are_no_repetition(client):
    body = {
        "model": "m",
        "input": [{"role": "user", "content": 'a "b": "b": 1'}, {"role": "user", "content": "é\u2028"}],
        "temperature": 1e0,
    }
    for text in (json.dumps(body), json.dumps(body, indent=1), json.dumps(body, ensure_ascii=False)):
        assert posted(client, "/v1/responses", text.encode()).status_code == 200


@settings(max_examples=200, deadline=None)
@given(json_values, st.sampled_from([(",", ":"), (", ", ": ")]), st.booleans())
def test_no_repetition_is_seen_where_none_is(value, separators, is_ascii):
    data = json.dumps(value, separators=separators, ensure_ascii=is_ascii).encode("utf-8", "surrogatepass")
    try:
        parsed = loads(data)
    except ValueError:  # a half of a surrogate pair
        return
    assert repeated_key(data, parsed) is None


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=8), json_values, json_values, st.sampled_from([(",", ":"), (", ", ": ")]))
def test_every_repetition_is_seen(key, first, second, separators):
    comma, colon = separators
    name, one, two = (json.dumps(each, separators=separators, ensure_ascii=False) for each in (key, first, second))
    data = f'[{{"other"{colon}0{comma}{name}{colon}{one}{comma}{name}{colon}{two}}}]'.encode("utf-8", "surrogatepass")
    try:
        parsed = loads(data)
    except ValueError:
        return
    assert repeated_key(data, parsed) == key


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":2,"b" :3}',
        b'{"a":1,"a":2,"b"\t:3}',
        b'{"a":1,"a":2,"b"\r:3}',
        b'{"a":1,"a":2,"b"\n:3}',
        b'{"a":1, "a":2,"x":"\\u0022:"}',
        b'{"a":1,"a":2, "x":"\\"\\u003a"}',
        b'{"a":1,"a":2, "x":"\\"\\u003A"}',
        b'{"a":1,"\\u0061":2}',
    ],
)
def test_what_looks_like_as_many_keys_is_counted_exactly(data):
    assert repeated_key(data, loads(data)) == "a"


def test_without_validation_any_type_is_read_and_the_last_of_two_counts():
    with TestClient(make_app(STEP, validation="off")) as connection:
        body = b'{"model": "m", "input": "x", "temperature": 9, "temperature": 0.5}'
        answer = posted(connection, "/v1/responses", body, **{"content-type": "text/plain"})
    assert (answer.status_code, answer.json()["temperature"]) == (200, 0.5)


def test_a_thousand_unknown_keys_are_one_error(client):
    body = {"model": "m", "input": "x", **{f"unknown_{n}": n for n in range(1_000)}}
    error = client.post("/v1/responses", json=body, headers=AUTH).json()["error"]
    assert (error["code"], error["param"]) == ("unknown_parameter", "unknown_0")


def test_very_long_ids(client):
    long = "resp_" + "a" * 10_000
    error = client.post("/v1/responses", json={"model": "m", "input": "x", "previous_response_id": long}, headers=AUTH).json()[
        "error"
    ]
    assert error["code"] == "previous_response_not_found"
    assert client.get(f"/v1/responses/resp_{'x' * 300}", headers=AUTH).status_code == 404
