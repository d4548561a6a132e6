"""Which step answers: order, `times`, scripts, named scenarios, and what a miss says."""

import pytest
from starlette.testclient import TestClient

from mockapi.scenario.load import load_text
from mockapi.server import build_app
from mockapi.settings import Settings

from .conftest import SCENARIOS

AUTH = {"authorization": "Bearer k"}


def connect(*texts, **settings):
    scenarios = [load_text(text, f"s{n}") for n, text in enumerate(texts)]
    return TestClient(build_app(Settings(clock="virtual", **settings), scenarios))


def ask(client, text="x", path="/v1/responses", **headers):
    answer = client.post(path, json={"model": "m", "input": text}, headers={**AUTH, **headers})
    body = answer.json()
    return body["output"][0]["content"][0]["text"] if answer.status_code == 200 else (answer.status_code, body["error"]["code"])


def test_the_first_matching_step_answers():
    client = connect("steps: [{when: {input: a}, reply: one}, {when: {input: ab}, reply: two}, {reply: rest}]")
    assert [ask(client, "ab"), ask(client, "b")] == ["one", "rest"]


def test_times_is_used_up_then_the_next_answers():
    client = connect("steps: [{times: 2, reply: first}, {reply: then}]")
    assert [ask(client) for _ in range(4)] == ["first", "first", "then", "then"]


def test_errors_may_come_a_number_of_times():
    client = connect("steps: [{times: 2, error: rate_limit_exceeded}, {reply: fine}]")
    assert [ask(client) for _ in range(3)] == [(429, "rate_limit_exceeded"), (429, "rate_limit_exceeded"), "fine"]


def test_a_script_goes_in_order_and_ends():
    client = connect(
        "mode: script\nsteps: [{reply: one}, {times: 2, reply: two}, {when: {input: z}, reply: three}]", unmatched="error"
    )
    assert [ask(client) for _ in range(3)] == ["one", "two", "two"]
    assert ask(client, "x") == (422, "mock_no_match")
    assert ask(client, "z") == "three"
    assert ask(client, "z") == (422, "mock_no_match")


def test_progress_belongs_to_the_project():
    client = connect("mode: script\nsteps: [{reply: one}, {reply: two}]")
    assert ask(client) == "one"
    assert ask(client, authorization="Bearer other") == "one"
    assert ask(client, **{"openai-project": "proj_x"}) == "one"
    assert ask(client) == "two"


def test_several_scenarios_are_tried_in_order():
    client = connect("steps: [{when: {input: a}, reply: first}]", "steps: [{reply: second}]")
    assert [ask(client, "a"), ask(client, "b")] == ["first", "second"]


@pytest.mark.parametrize("how", ["header", "url"])
def test_a_request_can_name_one_scenario(how):
    client = connect("steps: [{reply: first}]", "steps: [{reply: second}]")

    def named(name):
        if how == "header":
            return ask(client, **{"x-mock-scenario": name})
        return ask(client, path=f"/scenarios/{name}/v1/responses")

    assert [named("s1"), named("s0")] == ["second", "first"]
    assert named("nope") == (404, "mock_unknown_scenario")


def test_unmatched_auto_gives_a_deterministic_text():
    client = connect("steps: [{when: {input: a}, reply: x}]")
    assert ask(client, "b c") == "This is mockapi; no scenario step matched this request. You said: “b c”"


def test_a_scenario_may_insist_on_an_error():
    client = connect("steps: [{when: {input: a}, reply: x}]", "unmatched: error\nsteps: [{when: {input: a}, reply: x}]")
    assert ask(client, "b") == (422, "mock_no_match")


def test_a_miss_names_the_three_nearest_steps_with_wanted_and_got():
    client = connect(
        """
steps:
  - {name: far, when: {input: paris, model: gpt-5*, stream: true}, reply: x}
  - {name: near, when: {input: paris, model: m}, reply: x}
  - {name: used, times: 1, reply: x}
  - {name: other, when: {input: rome}, reply: x}
""",
        unmatched="error",
    )
    assert ask(client) == "x"
    answer = client.post("/v1/responses", json={"model": "m", "input": "berlin"}, headers=AUTH)
    assert answer.status_code == 422
    assert answer.headers["x-should-retry"] == "false"
    message = answer.json()["error"]["message"]
    assert (
        message
        == """\
No scenario step matches this request: model 'm', input 'berlin'.
The nearest:
- s0, near (s0:4):
    ✗ input: wanted containing 'paris', got 'berlin'
    ✓ model: wanted 'm', got 'm'
- s0, used (s0:5):
    ✗ times: wanted at most 1 use, got 1 use already: it is used up
- s0, other (s0:6):
    ✗ input: wanted containing 'rome', got 'berlin'"""
    )


def test_a_miss_without_scenarios_says_so():
    client = TestClient(build_app(Settings(clock="virtual", unmatched="error"), []))
    answer = client.post("/v1/responses", json={"model": "m", "input": "x"}, headers=AUTH)
    assert "No scenario is loaded: say what to answer with mockapi.reply(...)" in answer.json()["error"]["message"]


def test_chance_that_does_not_fire_falls_back_to_the_reply_or_to_the_next_step():
    client = connect(
        "steps: [{when: {input: a}, chance: 0.0, error: server_error, reply: saved}, {chance: 0.0, reply: never}, {reply: next}]"
    )
    assert [ask(client, "a"), ask(client, "b")] == ["saved", "next"]
    assert ask(connect("steps: [{chance: 1.0, error: server_error, reply: saved}]")) == (500, "server_error")


@pytest.mark.parametrize(
    ("step", "status", "error", "headers"),
    [
        ("error: rate_limit_exceeded", 429, {"type": "requests", "code": "rate_limit_exceeded"}, {"retry-after": "1"}),
        ("error: {code: rate_limit_exceeded, type: tokens}", 429, {"type": "tokens"}, {"retry-after": "1"}),
        ("error: insufficient_quota", 429, {"type": "insufficient_quota", "code": "insufficient_quota"}, {}),
        ("error: server_error", 500, {"type": "server_error"}, {}),
        ("error: server_is_overloaded", 503, {"type": "service_unavailable_error"}, {"retry-after": "1"}),
        ("error: {status: 418}", 418, {"type": "invalid_request_error", "code": None}, {}),
        ("error: {status: 502, code: x, param: p, headers: {X-A: b}}", 502, {"code": "x", "param": "p"}, {"x-a": "b"}),
        ("error: {code: rate_limit_exceeded, headers: {retry-after: '7'}}", 429, {}, {"retry-after": "7"}),
    ],
)
def test_scripted_errors(step, status, error, headers):
    answer = connect(f"steps: [{{{step}}}]").post("/v1/responses", json={"model": "m", "input": "x"}, headers=AUTH)
    assert answer.status_code == status
    assert list(answer.json()["error"]) == ["message", "type", "param", "code"]
    assert answer.json()["error"].items() >= error.items()
    assert dict(answer.headers).items() >= headers.items()
    assert answer.text.startswith('{\n  "error": {\n    "message": ')


def test_overrides_win():
    client = connect(
        """
defaults: {model: gpt-mock, usage: {input_tokens: 5}}
steps:
  - reply:
      id: resp_mine
      metadata: {a: b}
      service_tier: flex
      usage: {output_tokens: 9, reasoning_tokens: 4, cached_tokens: 2}
      output: hi
"""
    )
    body = client.post("/v1/responses", json={"model": "m", "input": "x"}, headers=AUTH).json()
    assert (body["id"], body["model"], body["metadata"], body["service_tier"]) == ("resp_mine", "gpt-mock", {"a": "b"}, "flex")
    assert body["usage"] == {
        "input_tokens": 5,
        "input_tokens_details": {"cache_write_tokens": 0, "cached_tokens": 2},
        "output_tokens": 9,
        "output_tokens_details": {"reasoning_tokens": 4},
        "total_tokens": 14,
    }
    assert client.get("/v1/responses/resp_mine", headers=AUTH).json() == body
    again = client.post("/v1/responses", json={"model": "m", "input": "x"}, headers=AUTH).json()
    assert again["id"] != "resp_mine"  # taken: the next id is derived


def test_a_scripted_item_id_wins():
    client = connect("steps: [{reply: [{message: {text: hi, id: msg_mine, status: incomplete}}]}]")
    body = client.post("/v1/responses", json={"model": "m", "input": "x"}, headers=AUTH).json()
    assert (body["output"][0]["id"], body["output"][0]["status"]) == ("msg_mine", "incomplete")


SHIPPED = [
    ("my name is Ada", {}, "Hello Ada, nice to meet you!"),
    ("please say hello", {}, "Hello from mockapi!"),
    ("How many r's are in strawberry?", {"model": "gpt-5"}, "There are 3 r's in “strawberry”."),
    ("What is new?", {"tools": [{"type": "web_search"}]}, "A park has opened."),
    (
        "What does the handbook say?",
        {"tools": [{"type": "file_search", "vector_store_ids": ["vs_1"]}]},
        "Thirty days of holidays.",
    ),
    ("Roll 2 dice", {"tools": [{"type": "code_interpreter", "container": {"type": "auto"}}]}, "You rolled 7."),
    ("Draw a cat", {"tools": [{"type": "image_generation"}]}, ""),
    ("Which system is this?", {"tools": [{"type": "shell"}]}, "Linux."),
]


@pytest.mark.parametrize(("text", "extra", "expected"), SHIPPED)
def test_shipped_scenarios_answer(text, extra, expected):
    client = TestClient(build_app(Settings(paths=(SCENARIOS,), clock="virtual", unmatched="error")))
    body = client.post("/v1/responses", json={"model": "gpt-4o", "input": text, **extra}, headers=AUTH).json()
    assert body["output"][-1]["content"][0]["text"] == expected


def test_shipped_hosted_tools_ask_before_they_call():
    client = TestClient(build_app(Settings(paths=(SCENARIOS,), clock="virtual", unmatched="error")))
    tools = [{"type": "mcp", "server_label": "links", "server_url": "https://links.example"}]
    body = {"model": "gpt-4o", "input": "Please shorten the link", "tools": tools}
    first = client.post("/v1/responses", json=body, headers=AUTH).json()
    asked = first["output"][-1]
    assert asked["type"] == "mcp_approval_request"
    approval = {"type": "mcp_approval_response", "approval_request_id": asked["id"], "approve": True}
    again = {**body, "input": [approval], "previous_response_id": first["id"]}
    call, message = client.post("/v1/responses", json=again, headers=AUTH).json()["output"]
    assert (call["approval_request_id"], call["output"]) == (asked["id"], "https://s.example/1")
    assert message["content"][0]["text"] == "It is https://s.example/1"


def test_shipped_reasoning_scripts_its_usage():
    client = TestClient(build_app(Settings(paths=(SCENARIOS,), clock="virtual")))
    body = client.post("/v1/responses", json={"model": "gpt-5", "input": "how many r's are in strawberry"}, headers=AUTH).json()
    assert len(body["output"][0]["summary"]) == 2
    assert body["usage"]["output_tokens_details"] == {"reasoning_tokens": 128}


def test_shipped_long_stream():
    client = TestClient(build_app(Settings(paths=(SCENARIOS,), clock="virtual")))
    answer = client.post("/v1/responses", json={"model": "m", "input": "tell me a long story", "stream": True}, headers=AUTH)
    assert answer.text.count("event: response.output_text.delta") > 200
    body = client.post("/v1/responses", json={"model": "m", "input": "tell me a long story"}, headers=AUTH).json()
    assert body["completed_at"] - body["created_at"] >= 5
    cut = client.post("/v1/responses", json={"model": "m", "input": "tell me a story that is cut"}, headers=AUTH).json()
    assert (cut["status"], cut["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    assert (cut["completed_at"], cut["output"][0]["status"]) == (None, "incomplete")
