"""Two servers on one store: what one is told the other knows. Run for every store that processes can share."""

import json
from time import monotonic

import httpx
import pytest

from .backends import BACKENDS
from .conftest import SCENARIOS, parse_sse

RUN = "steps: [{background: {queued: 1h, in_progress: 1h}, reply: one two three}]"
PACED = "steps: [{pace: {first: 1h}, reply: late}]"
KEY = {"authorization": "Bearer k"}


@pytest.fixture(params=[name for name in sorted(BACKENDS) if name != "memory"])
def shared(request, tmp_path):
    """What `--store` calls an empty place."""
    with BACKENDS[request.param](tmp_path) as made:
        yield made.url


@pytest.fixture
def pair(serve, shared):
    """Two servers on it, of one scenario."""

    def start(text, **settings):
        return [serve(text, store=shared, **settings) for _ in range(2)]

    return start


def ask(server, method, path, body=None, **query):
    answer = httpx.request(method, f"{server.url}{path}", json=body, params=query, headers=KEY, timeout=20)
    assert answer.status_code == 200, answer.text
    return answer.json() if "json" in answer.headers.get("content-type", "") else answer.text


def soon(look):
    """What becomes true when the news have come; they come within 100 ms, and a slow machine is given more."""
    until = monotonic() + 10
    while not (found := look()) and monotonic() < until:
        pass
    return found


def create(server, **fields):
    return ask(server, "POST", "/v1/responses", {"model": "gpt-4o", "input": "x", **fields})


def test_a_run_of_one_is_polled_resumed_and_cancelled_on_the_other(pair):
    one, other = pair(RUN, clock="real")
    first, second = (create(one, background=True)["id"] for _ in range(2))
    assert ask(other, "GET", f"/v1/responses/{first}")["status"] == "queued"
    ask(other, "POST", "/_mock/clock", {"advance": "90m"})
    assert ask(one, "GET", f"/v1/responses/{first}")["status"] == "in_progress"
    assert ask(other, "POST", f"/v1/responses/{second}/cancel")["status"] == "cancelled"
    assert ask(one, "GET", f"/v1/responses/{second}")["status"] == "cancelled"


def test_a_stream_is_resumed_on_the_other_and_ends_when_the_first_moves_the_clock(pair):
    one, other = pair(RUN, clock="real")
    with httpx.stream("POST", f"{one.url}/v1/responses", headers=KEY, json={
        "model": "gpt-4o", "input": "x", "background": True, "stream": True
    }) as stream:  # fmt: skip
        begun = next(stream.iter_text())
    seen = parse_sse(begun)
    response_id, last = seen[0][1]["response"]["id"], seen[-1][1]["sequence_number"]
    query = {"stream": "true", "starting_after": last}
    with httpx.stream("GET", f"{other.url}/v1/responses/{response_id}", headers=KEY, params=query, timeout=20) as stream:
        ask(one, "POST", "/_mock/clock", {"advance": "3h"})
        rest = parse_sse(stream.read().decode())
    assert rest[0][1]["sequence_number"] == last + 1
    assert rest[-1][0] == "response.completed"


def test_an_answer_that_waits_follows_a_clock_that_the_other_moves(pair):
    one, other = pair(PACED, clock="real")
    body = {"model": "gpt-4o", "input": "x", "stream": True}
    with httpx.stream("POST", f"{one.url}/v1/responses", headers=KEY, json=body, timeout=20) as stream:
        ask(other, "POST", "/_mock/clock", {"advance": "100h"})
        assert parse_sse(stream.read().decode())[-1][0] == "response.completed"


def test_a_reset_ends_what_waits_on_the_other(pair):
    one, other = pair(PACED, clock="real")
    body = {"model": "gpt-4o", "input": "x", "stream": True}
    with httpx.stream("POST", f"{one.url}/v1/responses", headers=KEY, json=body, timeout=20) as stream:
        ask(other, "POST", "/_mock/reset")
        assert "response.completed" not in stream.read().decode()


def test_uploads_faults_usage_and_the_journal_are_everybodys(pair):
    one, other = pair("steps: [{reply: plain}]")
    httpx.put(f"{one.url}/_mock/scenarios/mine", content="steps: [{reply: uploaded}]", headers=KEY).raise_for_status()
    assert create(other)["output"][0]["content"][0]["text"] == "uploaded"
    ask(other, "POST", "/_mock/faults", {"name": "f", "error": "rate_limit_exceeded", "times": 1})
    statuses = [each.post({"model": "gpt-4o", "input": "x"}, key="k").status_code for each in (one, other, one)]
    assert statuses == [429, 200, 200]
    assert soon(lambda: len(ask(other, "GET", "/_mock/requests")["data"]) == 4)
    assert ask(one, "GET", "/_mock/usage") == ask(other, "GET", "/_mock/usage")
    assert ask(one, "GET", "/_mock/usage")["total"]["responses"] == 3


def test_files_that_one_reads_again_are_read_by_the_other(serve, shared, tmp_path):
    file = tmp_path / "s.yaml"
    file.write_text("steps: [{reply: old}]")
    one, other = (serve(None, paths=(file,), store=shared) for _ in range(2))
    file.write_text("steps: [{name: new, reply: new}]")
    assert ask(one, "POST", "/_mock/scenarios/reload")["changed"] == ["s"]
    assert soon(lambda: ask(other, "GET", "/_mock/scenarios")["scenarios"][0]["steps"][0]["name"] == "new")
    assert create(other)["output"][0]["content"][0]["text"] == "new"


def test_each_webhook_comes_once_while_both_live(pair, receiver):
    servers = pair(RUN, clock="real", webhook_url=(receiver.url,))
    ids = {create(servers[number % 2], background=True)["id"] for number in range(20)}
    ask(servers[0], "POST", "/_mock/clock", {"advance": "3h"})
    receiver.wait_for(20)
    query = {"operation": "webhooks.delivery", "limit": 1000}
    assert soon(lambda: len(ask(servers[0], "GET", "/_mock/requests", **query)["data"]) == 20)
    told = [json.loads(each.body)["data"]["id"] for each in receiver.posts]
    assert sorted(told) == sorted(ids)


def test_what_was_acknowledged_is_there_after_a_kill(spawn, shared):
    server = spawn(str(SCENARIOS), "--store", shared)
    made = create(server, background=True)
    thread = ask(server, "POST", "/v1/conversations", {"items": [{"role": "user", "content": "hi"}]})
    said = create(server, conversation=thread["id"])
    server.process.kill()
    server.process.wait()
    again = spawn(str(SCENARIOS), "--store", shared)
    assert ask(again, "GET", f"/v1/responses/{made['id']}")["id"] == made["id"]
    assert ask(again, "GET", f"/v1/responses/{said['id']}") == said
    assert len(ask(again, "GET", f"/v1/conversations/{thread['id']}/items")["data"]) == 3


def test_webhooks_of_a_server_that_is_gone_are_sent_by_another(spawn, serve, shared, receiver, tmp_path):
    file = tmp_path / "run.yaml"
    file.write_text(RUN)
    dead = spawn(str(file), "--store", shared, "--webhook-url", receiver.url)
    made = create(dead, background=True)["id"]
    dead.process.kill()
    dead.process.wait()
    other = serve(RUN, store=shared, clock="real", webhook_url=(receiver.url,))
    ask(other, "POST", "/_mock/clock", {"advance": "3h"})
    receiver.wait_for(1)
    assert json.loads(receiver.posts[0].body)["data"]["id"] == made
