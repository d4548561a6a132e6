"""`POST /_mock/verify`: counts, sequences, nothing else, steps that nobody used; what a refusal tells."""

import pytest
from starlette.testclient import TestClient

from .conftest import make_app

KEY = {"authorization": "Bearer k"}
SCENARIO = """
steps:
  - {name: lunch, when: {input: lunch}, reply: soup}
  - {name: call, when: {input: weather}, reply: [{function_call: {name: look_up, arguments: {}, call_id: call_1}}]}
  - {name: answer, when: {tool_output: look_up}, reply: sunny}
"""


@pytest.fixture(scope="module")
def client():
    """A client whose project was asked four things: lunch, the weather, its tool's output in a chain, and nothing known."""
    client = TestClient(make_app(SCENARIO), base_url="http://localhost")
    ask(client, "what is for lunch")
    first = ask(client, "the weather please", model="gpt-5").json()
    output = [{"type": "function_call_output", "call_id": "call_1", "output": "21"}]
    assert ask(client, output, previous_response_id=first["id"], stream=True).status_code == 200
    client.get(f"/v1/responses/{first['id']}", headers=KEY)
    ask(client, "who are you", metadata={"a": "b"})
    return client


def ask(client, text, headers=KEY, **body):
    return client.post("/v1/responses", json={"model": "m", "input": text, **body}, headers=headers)


def verify(client, headers=KEY, query="", **form):
    return client.post(f"/_mock/verify{query}", json=form, headers=headers)


HOLDS = [
    {"when": {"input": "lunch"}},
    {"when": {"input": "lunch"}, "count": 1},
    {"when": {"input": "dinner"}, "count": 0},
    {"count": 4},
    {"at_least": 2, "at_most": 4},
    {"when": {"model": "m"}, "count": 3},
    {"when": {"metadata": {"a": "b"}}, "count": 1},
    {"when": {"turn": 2}, "count": 1},
    {"when": {"tool_output": {"name": "look_up", "output": "21"}}, "count": 1},  # its name stands in the response before
    {"when": {"tool_output": "look_up", "input": "weather"}, "count": 1},
    {"when": {"previous_response": True, "stream": True}, "count": 1},
    {"when": {"endpoint": "responses.retrieve"}, "count": 1},
    {"when": {"endpoint": "*"}, "count": 5},
    {"sequence": [{"input": "lunch"}, {"input": "who"}]},
    {"sequence": [{"input": "lunch"}, {"input": "weather"}, {"endpoint": "responses.retrieve"}, {"input": "who"}]},
    {"sequence": [{}, {}, {}, {}]},
    {"only": [{"input": "/lunch|weather|who/"}, {"tool_output": "look_up"}]},
    {"all_steps_used": True},
    {"scripts_used": True},
]


@pytest.mark.parametrize("form", HOLDS, ids=str)
def test_what_holds_is_200(client, form):
    answer = verify(client, **form)
    assert (answer.status_code, answer.json().get("status")) == (200, "verified"), answer.text


FAILS = [
    ({"when": {"input": "lunch"}, "count": 2}, "Expected 2 requests of responses.create with input containing 'lunch', found 1 among 5 requests."),
    ({"when": {"input": "dinner"}}, "- request 1 (responses.create 200): model 'm', input 'what is for lunch':\n    ✗ input: wanted containing 'dinner', got 'what is for lunch'"),
    ({"when": {"input": "the", "model": "m"}}, "- request 1 (responses.create 200): model 'm', input 'what is for lunch':\n    ✗ input: wanted containing 'the', got 'what is for lunch'\n    ✓ model: wanted 'm', got 'm'"),
    ({"count": 0}, "Expected 0 requests of responses.create with anything, found 4 among 5 requests.\n- request 1 (responses.create 200): model 'm', input 'what is for lunch'"),
    ({"at_least": 7}, "Expected at least 7 of"),
    ({"at_most": 1}, "Expected at most 1 of"),
    ({"at_least": 1, "at_most": 3}, "Expected 1 to 3 of"),
    ({"when": {"endpoint": "responses.cancel"}}, "Expected at least 1 of responses.cancel with anything, found 0 among 5 requests."),
    ({"sequence": [{"input": "who"}, {"input": "lunch"}]}, "Expected a sequence of 2 requests; number 2 is responses.create with input containing 'lunch', found it only before its turn: request 1 (responses.create 200)"),
    ({"sequence": [{"input": "lunch"}, {"input": "lunch"}]}, "- number 1 was request 1 (responses.create 200)"),
    ({"only": [{"input": "lunch"}]}, "Expected no request but input containing 'lunch', found 3 others.\nThe nearest:\n- request 2 (responses.create 200): model 'gpt-5', input 'the weather please':\n    ✗ input: wanted containing 'lunch', got 'the weather please'"),
    ({"only": []}, "Expected no request at all, found 4 others."),
    ({"all_matched": True}, "Expected that a scenario step answers every request, found 1 request without one.\n- request 5 (responses.create 200): model 'm', input 'who are you'\n    sent: {\"model\":\"m\""),
]  # fmt: skip


@pytest.mark.parametrize(("form", "words"), FAILS, ids=[str(form) for form, _ in FAILS])
def test_what_does_not_is_409_and_says_why(client, form, words):
    answer = verify(client, **form)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], answer.headers["x-should-retry"]) == (409, "mock_not_verified", "false")
    assert words in error["message"]


def test_a_refusal_is_data_too(client):
    (failed,) = verify(client, when={"input": "dinner", "model": "gpt-*"}).json()["failed"]
    assert failed["found"] == "0 among 5 requests"
    assert failed["nearest"][0]["criteria"] == [
        {"field": "input", "holds": False, "wanted": "containing 'dinner'", "got": "'the weather please'"},
        {"field": "model", "holds": True, "wanted": "'gpt-*'", "got": "'gpt-5'"},
    ]
    entry = client.get(f"/_mock/requests/{failed['nearest'][0]['request']}", headers=KEY).json()
    assert entry["request"]["input"] == "the weather please"


def test_several_expectations_must_all_hold(client):
    assert verify(client, count=4, sequence=[{}], only=[{}]).status_code == 200
    failed = verify(client, count=3, sequence=[{"input": "x"}], only=[{}]).json()["failed"]
    assert [each["expected"].split()[0] for each in failed] == ["3", "a"]


BAD = [
    ({}, "Say what is expected"),
    ({"wen": {}}, "There is no key 'wen'."),
    ({"when": 3}, "'when' is a mapping"),
    ({"when": {"inptu": "x"}}, "when.inptu: unknown key; did you mean 'input'?"),
    ({"when": {"input": "/(/"}}, "when.input: "),
    ({"sequence": [{}, {"turn": "x"}]}, "sequence[1].turn: expected a whole number"),
    ({"sequence": []}, "'sequence' is a list of `when`s."),
    ({"only": {}}, "'only' is a list of `when`s."),
    ({"count": -1}, "'count' is a whole number"),
    ({"count": True}, "'count' is a whole number"),
    ({"count": 1, "at_least": 1}, "'count' is an exact number"),
    ({"at_least": 2, "at_most": 1}, "'at_most' is less than 'at_least'."),
    ({"all_steps_used": 1}, "'all_steps_used' is true, or left out."),
]


@pytest.mark.parametrize(("form", "words"), BAD, ids=[str(form) for form, _ in BAD])
def test_a_wrong_form_is_400(client, form, words):
    error = verify(client, **form)
    assert (error.status_code, error.json()["error"]["code"]) == (400, "mock_invalid_verification")
    assert words in error.json()["error"]["message"]


def test_projects_are_verified_apart(client):
    other = {"authorization": "Bearer other"}
    assert verify(client, headers=other, only=[]).status_code == 200
    assert verify(client, headers=other, count=4, query="?project=*").status_code == 200


def test_a_step_that_nobody_used_is_named_with_the_nearest_request():
    client = TestClient(make_app(SCENARIO), base_url="http://localhost")
    ask(client, "what is for lunch")
    message = verify(client, all_steps_used=True).json()["error"]["message"]
    assert message.startswith(
        "Expected that every step is used, found 2 steps that nothing asked for.\n- never used: test, call (test:4)"
    )
    assert "nearest: request 1 (responses.create 200): model 'm', input 'what is for lunch'" in message
    client.put("/_mock/scenarios/own", content="mode: script\nsteps: [{name: one, reply: x}, {name: two, reply: y}]", headers=KEY)
    ask(client, "what is for lunch")
    message = verify(client, scripts_used=True).json()["error"]["message"]
    assert "found 1 step that nothing asked for.\n- never used: own, two (own:2)" in message
    assert "test, call" not in message  # the project's own alone


def test_a_miss_is_told_as_it_was_at_the_time():
    client = TestClient(
        make_app("steps: [{name: once, times: 1, when: {input: x}, reply: y}]", unmatched="error"), base_url="http://localhost"
    )
    assert ask(client, "z").status_code == 422
    ask(client, "x")
    message = verify(client, all_matched=True).json()["error"]["message"]
    assert "✗ input: wanted containing 'x', got 'z'" in message
    assert "used up" not in message


def test_a_prompts_texts_and_a_conversation_are_seen_as_the_step_saw_them():
    text = "prompts: {pmpt_1: {model: gpt-5, messages: [{role: system, text: be brief}]}}\nsteps: [{reply: hello}]"
    client = TestClient(make_app(text), base_url="http://localhost")
    conversation = client.post("/v1/conversations", json={}, headers=KEY).json()["id"]
    body = {"prompt": {"id": "pmpt_1"}, "input": "hi", "conversation": conversation}
    for _ in range(2):
        assert client.post("/v1/responses", json=body, headers=KEY).status_code == 200
    client.post(f"/v1/conversations/{conversation}/items", json={"items": [{"role": "user", "content": "later"}]}, headers=KEY)
    when = {"model": "gpt-5", "instructions": "brief", "input": "hi", "conversation": True}
    assert verify(client, when={**when, "turn": 2}, count=1).status_code == 200
    assert verify(client, when=when, count=2).status_code == 200


def test_calls_that_were_refused_count_too():
    client = TestClient(make_app("steps: [{reply: x, error: server_error, chance: 1.0}]"), base_url="http://localhost")
    ask(client, "a")
    ask(client, 3)
    ask(client, "b", previous_response_id="resp_" + "0" * 50)
    assert verify(client, count=3).status_code == 200
    assert verify(client, when={"input": "/a|b/"}, count=2).status_code == 200
