"""What is remembered of a body changes no answer: the same calls are asked of a server that remembers and of one that does not."""

import copy
import json

import pytest
from starlette.testclient import TestClient

from mockapi.service import asking
from mockapi.service.asking import Asking

from .conftest import make_app

SCENARIO = """
steps:
  - when: {input: twice}
    times: 2
    reply: for two
  - when: {input: twice}
    reply: "then {{ input }}"
  - when: {headers: {x-kind: odd}}
    reply: odd
  - when: {input: perhaps}
    chance: 0.5
    error: rate_limit_exceeded
    reply: it did not
  - when: {input: cut}
    fault: {truncate: 5}
    reply: one two three
  - when: {input: stops}
    incomplete: max_output_tokens
    reply: one two three
  - when: {input: code}
    reply:
      - code_interpreter_call: print(1)
      - message: done
  - when: {input: figures}
    reply: {output: [{message: ready}], usage: {input_tokens: 7}}
  - when: {turn: 2}
    reply: the second turn
  - reply: constant
"""
TOOL = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}
FORMAT = {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object", "properties": {"a": {"type": "string"}}}}}
LONG = "word " * 1_500
BODIES = [
    {"input": "plain"},
    {"input": "plain", "stream": True},
    {"input": "plain", "stream": True, "stream_options": {"include_obfuscation": False}},
    {"input": "plain", "store": False},
    {"input": "plain", "background": True},
    {"input": "plain", "include": ["message.output_text.logprobs"]},
    {"input": "plain", "instructions": "be short", "temperature": 0.5, "metadata": {"a": "b"}},
    {"input": "plain", "tools": [TOOL], "tool_choice": "required"},
    {"input": "plain", "text": FORMAT},
    {"input": [{"role": "user", "content": "plain"}]},
    {"input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "plain"}]}]},
    {"input": [{"type": "message", "role": "system", "content": "you"}, {"type": "message", "role": "user", "content": "a"}]},
    {"input": [{"type": "message", "role": "user", "content": "a"}, {"type": "compaction_trigger"}]},
    {"input": "plain", "context_management": [{"type": "compaction", "compact_threshold": 1000}]},
    {"input": LONG[:4_000]},
    {"input": LONG},
    *({"input": name} for name in ("twice", "perhaps", "cut", "stops", "code", "figures")),
    {"input": ""},
    {"input": 7},
    {"input": "plain", "unknown": 1},
    {"input": "plain", "previous_response_id": "resp_nothing"},
    {"input": "plain", "conversation": "conv_nothing"},
    {"input": "plain", "prompt": {"id": "pmpt_nothing"}},
]


@pytest.fixture
def pair(monkeypatch):
    """Two servers of the same settings, the second of which remembers no body."""

    def start(text=SCENARIO, **settings):
        apps = [make_app(text, **settings) for _ in range(2)]
        return [TestClient(app, base_url="http://localhost", headers={"authorization": "Bearer key"}) for app in apps]

    plain, forgetful = Asking._remembered, set()

    def remembered(self, body, asked):
        return asked if id(self) in forgetful else plain(self, body, asked)

    monkeypatch.setattr(Asking, "_remembered", remembered)
    made = Asking.__init__

    def init(self, *told):
        made(self, *told)
        if len(made_so_far) % 2:
            forgetful.add(id(self))
        made_so_far.append(self)

    made_so_far: list[Asking] = []
    monkeypatch.setattr(Asking, "__init__", init)
    start.made = made_so_far
    return start


def both(clients, method, path, **how):
    """What both say; the time that a call took is nobody's affair."""
    answers = []
    for client in clients:
        answer = client.request(method, path, **how)
        headers = {name: value for name, value in answer.headers.items() if name != "openai-processing-ms"}
        answers.append((answer.status_code, headers, answer.content))
    assert answers[0] == answers[1]
    return answers[0]


def create(clients, body, **headers):
    return both(clients, "POST", "/v1/responses", content=json.dumps({"model": "gpt-4o", **body}).encode(), headers=headers)


@pytest.mark.parametrize("settings", [{}, {"validation": "off"}, {"capabilities": "off"}, {"zdr": ("key",)}], ids=str)
def test_every_answer_is_the_same(pair, settings):
    clients = pair(**settings)
    for _ in range(4):
        for body in BODIES:
            create(clients, body)
        create(clients, BODIES[0], **{"x-kind": "odd"})
        create(clients, BODIES[0])
    remembering, forgetful = pair.made
    assert remembering._known if not settings.get("zdr") else not remembering._known
    assert not forgetful._known
    usage = both(clients, "GET", "/_mock/usage")[2]
    assert json.loads(usage)["total"]["responses"] > 40


def test_what_comes_of_a_response_is_the_same(pair):
    clients = pair()
    for _ in range(4):
        made = json.loads(create(clients, BODIES[0])[2])["id"]
        both(clients, "GET", f"/v1/responses/{made}")
        both(clients, "GET", f"/v1/responses/{made}/input_items")
        followed = create(clients, {"input": "and then", "previous_response_id": made})
        assert b"the second turn" in followed[2]
        both(clients, "DELETE", f"/v1/responses/{made}")


def test_a_scenario_that_is_uploaded_or_named_answers_at_once(pair):
    clients = pair()
    assert all(b"constant" in create(clients, BODIES[0])[2] for _ in range(3))
    for text in ("one", "other"):
        both(clients, "PUT", "/_mock/scenarios/mine", content=f"steps: [{{reply: {text}}}]")
        assert text.encode() in create(clients, BODIES[0])[2]
        assert b"constant" in create(clients, BODIES[0], **{"x-mock-scenario": "test"})[2]
    both(clients, "DELETE", "/_mock/scenarios/mine")
    assert b"constant" in create(clients, BODIES[0])[2]


def test_a_fault_that_is_switched_on_meets_what_was_asked_before(pair):
    clients = pair()
    for _ in range(3):
        create(clients, BODIES[0])
    both(clients, "POST", "/_mock/faults", json={"name": "down", "error": "server_error", "times": 1})
    assert [create(clients, BODIES[0])[0] for _ in range(2)] == [500, 200]


def test_nobody_changes_what_is_remembered(pair):
    clients = pair()
    for body in [*BODIES, *BODIES]:
        create(clients, body)
    known = pair.made[0]._known
    before = {body: copy.deepcopy((vars(asked.request), asked.facts.raw)) for body, asked in known.items()}
    for body in [*BODIES, *BODIES]:
        create(clients, body)
    assert len(before) > 10
    assert {body: (vars(asked.request), asked.facts.raw) for body, asked in known.items()} == before


def test_it_is_bounded(pair, monkeypatch):
    monkeypatch.setattr(asking, "_MOST_BODIES", 3)
    clients = pair()
    for number in [0, *range(5), *range(1, 5), 0]:  # the second time counts
        create(clients, {"input": f"question {number}"})
    assert [json.loads(body)["input"] for body in pair.made[0]._known] == ["question 3", "question 4", "question 0"]
    for _ in range(3):
        create(clients, {"input": LONG})
    assert len(pair.made[0]._known) == 3
