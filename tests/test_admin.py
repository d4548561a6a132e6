"""The admin API: the journal, the clock, reset; and who may call it."""

import base64
import json

import pytest
from starlette.testclient import TestClient

from .conftest import make_app

KEY = {"authorization": "Bearer k"}
OTHER = {"authorization": "Bearer other"}
SERVER = "steps: [{name: greet, when: {input: hi}, reply: hello}, {name: once, times: 1, when: {input: once}, reply: first}]"


def connect(text=SERVER, **settings):
    return TestClient(make_app(text, **settings), base_url="http://localhost")


@pytest.fixture
def client():
    return connect()


def say(client, text, headers=KEY, **body):
    answer = client.post("/v1/responses", json={"model": "m", "input": text, **body}, headers=headers)
    return answer.json()["output"][0]["content"][0]["text"] if answer.status_code == 200 and not body else answer


def code(answer):
    return answer.status_code, answer.json()["error"]["code"]


def test_the_journal_holds_request_and_answer(client):
    say(client, "hi")
    say(client, "hi", stream=True)
    say(client, "never asked")
    client.post("/v1/responses", json={"model": "m", "input": 3}, headers={**KEY, "api-key": "sk-secret-secret-secret"})
    first, second, third, fourth = client.get("/_mock/requests", headers=KEY).json()["data"]
    assert (first["operation"], first["status"], first["scenario"], first["step"]) == ("responses.create", 200, "test", "greet")
    assert first["request"] == {"model": "m", "input": "hi"}
    assert first["response"]["output"][0]["content"][0]["text"] == "hello"
    assert first["unmatched"] is False
    assert [event["type"] for event in second["events"]][-1] == "response.completed"
    assert third["unmatched"] is True
    assert (fourth["status"], fourth["note"]) == (400, "invalid_type")
    assert "secret-secret" not in json.dumps(fourth)
    assert client.get(f"/_mock/requests/{first['id']}", headers=KEY).json() == first
    assert client.get("/_mock/requests", headers=OTHER).json() == {"data": [], "has_more": False}


def test_the_journal_is_filtered_and_paged(client):
    for text in ("hi", "x", "hi", "y"):
        say(client, text)
    client.get("/v1/responses/resp_x", headers=KEY)

    def listed(query):
        body = client.get(f"/_mock/requests?{query}", headers=KEY).json()
        return [entry["id"] for entry in body["data"]], body["has_more"]

    everything, _ = listed("")
    assert len(everything) == 5
    assert listed("limit=2") == (everything[:2], True)
    assert listed(f"limit=2&after={everything[1]}") == (everything[2:4], True)
    assert listed("operation=responses.retrieve") == (everything[4:], False)
    assert listed("unmatched=true") == ([everything[1], everything[3]], False)
    assert listed("scenario=test") == ([everything[0], everything[2]], False)
    for query in (
        "limit=0",
        "limit=1001",
        "limit=x",
        "limit=²",
        "limit=" + "9" * 5000,
        "unmatched=1",
        "operatoin=x",
        "project=k2",
    ):
        assert code(client.get(f"/_mock/requests?{query}", headers=KEY)) == (400, "mock_invalid_query")
    assert code(client.get("/_mock/requests?after=req_x", headers=KEY)) == (404, "mock_unknown_request")
    assert code(client.get("/_mock/requests/req_x", headers=KEY)) == (404, "mock_unknown_request")
    client.delete("/_mock/requests", headers=KEY)
    assert listed("") == ([], False)


def test_the_journal_is_bounded():
    client = connect(journal=3)
    for n in range(5):
        say(client, f"call {n}")
    entries = client.get("/_mock/requests", headers=KEY).json()["data"]
    assert [entry["request"]["input"] for entry in entries] == ["call 2", "call 3", "call 4"]


def test_a_miss_is_journalled_as_unmatched():
    client = connect(unmatched="error")
    say(client, "never asked")
    (entry,) = client.get("/_mock/requests?unmatched=true", headers=KEY).json()["data"]
    assert (entry["status"], entry["note"]) == (422, "mock_no_match")


def test_reset_forgets_one_project_or_all(client):
    def state(headers):
        return say(client, "once", headers), len(client.get("/_mock/requests", headers=headers).json()["data"])

    created = client.post("/v1/responses", json={"model": "m", "input": "hi"}, headers=KEY).json()["id"]
    client.put("/_mock/scenarios/own", content="steps: []", headers=KEY)
    for headers in (KEY, OTHER):
        assert state(headers)[0] == "first"
    assert client.post("/_mock/reset", headers=KEY).json() == {"status": "reset"}
    assert client.get(f"/v1/responses/{created}", headers=KEY).status_code == 404
    assert len(client.get("/_mock/scenarios", headers=KEY).json()["scenarios"]) == 1
    assert state(KEY)[0] == "first"
    assert state(OTHER)[0] != "first"
    client.post("/_mock/reset?project=*", headers=KEY)
    assert state(OTHER)[0] == "first"


def test_the_clock_moves_forward_in_one_project(client):
    assert client.get("/_mock/clock", headers=KEY).json() == {
        "now": "2026-01-01T00:00:00Z",
        "unix": 1_767_225_600.0,
        "clock": "virtual",
    }
    assert client.post("/_mock/clock", json={"advance": "1h30m"}, headers=KEY).json()["now"] == "2026-01-01T01:30:00Z"
    assert (
        client.post("/_mock/clock", json={"set": "2026-02-01T00:00:00+01:00"}, headers=KEY).json()["now"]
        == "2026-01-31T23:00:00Z"
    )
    assert say(client, "hi", metadata={"a": "b"}).json()["created_at"] == 1_769_900_400
    assert client.get("/_mock/clock", headers=OTHER).json()["now"] == "2026-01-01T00:00:00Z"
    client.post("/_mock/reset", headers=KEY)
    assert client.get("/_mock/clock", headers=KEY).json()["now"] == "2026-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"set": "2025-01-01T00:00:00Z"}, "A clock moves forward only"),
        ({"set": "2026-02-01T00:00:00"}, "The time needs a zone"),
        ({"set": "12026-01-01T00:00:00Z"}, "Send"),
        ({"set": 3}, "Send"),
        ({"advance": "-10m"}, "A duration is written like"),
        ({"advance": 10}, "A duration is written like"),
        ({"advance": "90000h"}, "ten years at most"),
        ({}, "Send"),
        ({"advance": "1s", "set": "2026-02-01T00:00:00Z"}, "Send"),
        ([], "must be a JSON object"),
    ],
)
def test_a_clock_is_told_what_it_understands(client, body, message):
    answer = client.post("/_mock/clock", json=body, headers=KEY)
    assert answer.status_code == 400
    assert message in answer.json()["error"]["message"]
    assert client.get("/_mock/clock", headers=KEY).json()["now"] == "2026-01-01T00:00:00Z"


def test_the_clock_is_not_moved_beyond_the_year_9998(client):
    client.post("/_mock/clock", json={"set": "9998-12-31T00:00:00Z"}, headers=KEY)
    answer = client.post("/_mock/clock", json={"advance": "2d"}, headers=KEY)
    assert "year 9998" in answer.json()["error"]["message"]


FORMS = [
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "text/plain",
    "text/plain;charset=UTF-8",
    "Text/Plain",
]


@pytest.mark.parametrize("content_type", FORMS)
@pytest.mark.parametrize("path", ["/_mock/reset", "/_mock/clock", "/_mock/scenarios/reload", "/_mock/reset?project=*"])
def test_a_browsers_form_cannot_change_state(client, path, content_type):
    say(client, "once")
    answer = client.post(path, content='{"advance": "1h"}', headers={"content-type": content_type, **KEY})
    assert code(answer) == (415, "mock_content_type")
    assert say(client, "once") != "first"
    assert client.get("/_mock/clock", headers=KEY).json()["now"] == "2026-01-01T00:00:00Z"


def test_a_page_that_sends_nothing_of_its_own_cannot_change_state(client):
    assert code(client.post("/_mock/reset?project=*")) == (415, "mock_content_type")


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil.example"])
def test_foreign_pages_cannot_change_state(client, origin):
    answer = client.post("/_mock/reset", headers={**KEY, "origin": origin})
    assert code(answer) == (403, "mock_origin_not_allowed")
    assert client.post("/_mock/reset", headers={**KEY, "origin": "http://localhost:3000"}).status_code == 200


@pytest.mark.parametrize(
    ("host", "allowed", "status"),
    [
        ("localhost:7357", (), 200),
        ("127.0.0.1:7357", (), 200),
        ("[::1]:7357", (), 200),
        ("mock.localhost", (), 200),
        ("rebound.example", (), 403),
        ("", (), 403),
        ("mockapi:7357", (), 403),
        ("mockapi:7357", ("mockapi",), 200),
        ("anything", ("*",), 200),
    ],
)
def test_hosts(host, allowed, status):
    client = connect(allowed_hosts=allowed)
    assert client.post("/_mock/reset", headers={**KEY, "host": host}).status_code == status
    assert client.get("/_mock/requests", headers={**KEY, "host": host}).status_code == status
    assert client.get("/_mock/health", headers={"host": host}).status_code == 200


def test_the_admin_key():
    client = connect(admin_key="secret")
    assert code(client.get("/_mock/requests", headers=KEY)) == (401, "mock_admin_key")
    assert code(client.post("/_mock/reset", headers={**KEY, "x-mock-admin-key": "wrong"})) == (401, "mock_admin_key")
    assert client.post("/_mock/reset", headers={**KEY, "x-mock-admin-key": "secret"}).status_code == 200
    assert client.get("/_mock/ready").status_code == 200


def test_admin_calls_need_a_project(client):
    assert client.get("/_mock/requests").status_code == 401
    assert client.get("/_mock/nope", headers=KEY).status_code == 404
    assert client.patch("/_mock/reset", headers=KEY).status_code == 405


@pytest.mark.parametrize("path", ["/openai/v1/responses", "/openai/responses?api-version=2025-04-01-preview"])
def test_azures_urls_and_key(client, path):
    answer = client.post(path, json={"model": "m", "input": "hi"}, headers={"api-key": "azure-key"})
    assert answer.json()["output"][0]["content"][0]["text"] == "hello"
    url = path.partition("?")[0] + "/" + answer.json()["id"]
    assert client.get(url, headers={"api-key": "azure-key"}).status_code == 200


def test_models():
    client = connect()
    body = client.get("/v1/models", headers=KEY).json()
    assert body["object"] == "list"
    assert {"gpt-4o", "gpt-4o-2024-08-06"} <= {model["id"] for model in body["data"]}
    assert client.get("/v1/models/any-name", headers=KEY).json()["id"] == "any-name"
    narrow = connect(models=("gpt-4o*", "my-model"))
    names = {model["id"] for model in narrow.get("/v1/models", headers=KEY).json()["data"]}
    assert "my-model" in names
    assert "gpt-5" not in names
    assert code(narrow.get("/v1/models/gpt-5", headers=KEY)) == (404, "model_not_found")
    assert client.get("/v1/models").json()["error"]["message"] == "Missing bearer authentication in header"


@pytest.mark.parametrize("path", ["/chat/completions", "/embeddings", "/files/file-1", "/vector_stores"])
def test_other_apis_say_that_they_are_not_emulated(client, path):
    answer = client.post(f"/v1{path}", json={}, headers=KEY)
    assert code(answer) == (404, "mock_not_emulated")
    assert answer.headers["x-should-retry"] == "false"


def test_everybody(client):
    say(client, "hi")
    say(client, "hi", OTHER)
    assert len(client.get("/_mock/requests?project=*", headers=KEY).json()["data"]) == 2
    assert client.post("/_mock/clock?project=*", json={"advance": "1h"}, headers=KEY).json()["now"] == "2026-01-01T01:00:00Z"
    assert client.get("/_mock/clock", headers=OTHER).json()["now"] == "2026-01-01T01:00:00Z"
    client.delete("/_mock/requests?project=*", headers=KEY)
    assert client.get("/_mock/requests", headers=OTHER).json()["data"] == []


def test_secrets_never_stand_in_the_journal(client):
    secrets = {
        "authorization": "Bearer k",
        "x-api-key": "sk-secretsecretsecret",
        "cookie": "sid=abc",
        "x-mock-admin-key": "adminpw",
    }
    client.post("/v1/responses?api-key=sk-live-123&x=1", json={"model": "m", "input": "hi"}, headers=secrets)
    (entry,) = client.get("/_mock/requests", headers=KEY).json()["data"]
    text = json.dumps(entry)
    assert [value for value in ("secretsecretse", "sid=abc", "adminpw", "sk-live") if value in text] == []
    assert (entry["headers"]["authorization"], entry["query"]) == ("Bearer ****", "api-key=****&x=1")


def test_refused_keys_are_refused_by_the_admin_api_too():
    client = connect(api_keys=("k",))
    for call in (
        client.put("/_mock/scenarios/evil?project=*", content="steps: []", headers=OTHER),
        client.post("/_mock/reset?project=*", headers=OTHER),
        client.post("/_mock/scenarios/reload", headers={"content-type": "application/json"}),
        client.get("/_mock/requests", headers=OTHER),
    ):
        assert call.status_code == 401
    assert client.post("/_mock/reset", headers=KEY).status_code == 200


def test_only_listed_content_types_change_state(client):
    for content_type in ("application/csp-report", "application/octet-stream", "image/png"):
        assert code(client.post("/_mock/reset", headers={"content-type": content_type, **KEY})) == (415, "mock_content_type")
    assert client.post("/_mock/reset", headers={"content-type": "application/json; charset=utf-8", **KEY}).status_code == 200


@pytest.mark.parametrize("host", ["[::1", "[x]"])
def test_nonsense_hosts_are_refused(client, host):
    assert client.get("/_mock/requests", headers={**KEY, "host": host}).status_code == 403
    assert client.post("/_mock/reset", headers={**KEY, "origin": f"http://{host}"}).status_code == 403


def test_hosts_are_compared_without_case_and_with_their_port():
    client = connect(allowed_hosts=("Mock.Local", "other:8080"))
    for host, status in (("mock.local:1", 200), ("OTHER:8080", 200), ("other:9", 403)):
        assert client.get("/_mock/requests", headers={**KEY, "host": host}).status_code == status


def test_what_is_refused_changes_nothing(client):
    assert say(client, "once") == "first"
    assert client.delete("/_mock/scenarios/test", headers=KEY).status_code == 404
    assert say(client, "once") != "first"


def test_every_entry_has_an_id_of_its_own(client):
    for _ in range(3):
        client.get("/v1/models", headers=KEY)
    ids = [entry["id"] for entry in client.get("/_mock/requests", headers=KEY).json()["data"]]
    assert len(set(ids)) == 3


def test_a_snapshot_of_a_listed_model_exists():
    client = connect(models=("gpt-4.1",))
    assert client.get("/v1/models/gpt-4.1-2025-04-14", headers=KEY).status_code == 200


def test_calls_that_no_operation_takes_are_journalled_too(client):
    for method, path in (("POST", "/v1/chat/completions"), ("GET", "/v1/nope"), ("PUT", "/v1/responses"), ("GET", "/v1/nope")):
        client.request(method, path, headers=KEY)
    entries = client.get("/_mock/requests", headers=KEY).json()["data"]
    assert [(entry["method"], entry["path"], entry["status"]) for entry in entries] == [
        ("POST", "/v1/chat/completions", 404),
        ("GET", "/v1/nope", 404),
        ("PUT", "/v1/responses", 405),
        ("GET", "/v1/nope", 404),
    ]
    assert len({entry["id"] for entry in entries}) == 4


@pytest.mark.parametrize(("credentials", "status"), [(":good", 200), ("good:", 200), ("me:good", 200), (":bad", 401), (":", 401)])
def test_basic_authentication_carries_the_key_as_password(credentials, status):
    client = connect(api_keys=("good",))
    headers = {"authorization": "Basic " + base64.b64encode(credentials.encode()).decode()}
    assert client.post("/v1/responses", json={"model": "m", "input": "hi"}, headers=headers).status_code == status
    assert client.post("/v1/responses", json={}, headers={"authorization": "Basic !!"}).status_code == 401


@pytest.mark.parametrize("body", [{}, {"model": "gpt-4.1"}, {"model": 5, "input": 7}, {"input": []}])
def test_validation_off_needs_no_input(body):
    client = connect("steps: [{reply: fine}]", validation="off")
    assert client.post("/v1/responses", json=body, headers=KEY).status_code == 200


def test_a_listing_is_bounded_in_bytes(client):
    for _ in range(3):
        say(client, "x" * 3_000_000)
    first = client.get("/_mock/requests", headers=KEY).json()
    assert (len(first["data"]), first["has_more"]) == (1, True)
    rest = client.get("/_mock/requests", headers=KEY, params={"after": first["data"][0]["id"]}).json()
    assert (len(rest["data"]), rest["has_more"]) == (1, True)


def test_health_answers_head(client):
    for path in ("/_mock/health", "/_mock/ready"):
        assert client.head(path).status_code == 200
