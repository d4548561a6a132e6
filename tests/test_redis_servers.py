"""Servers whose store is a Redis that goes away, comes back, or is lost; and several servers that take turns."""

import json
import logging
from contextlib import ExitStack, suppress
from itertools import cycle
from time import monotonic

import httpx
import pytest
from openai import OpenAI

from .conftest import parse_sse
from .redis_server import RedisServer
from .test_shared import KEY, ask, create, soon

REPLY = "steps: [{reply: hello}]"
RUN = "steps: [{background: {queued: 1h, in_progress: 1h}, reply: one two three four five}]"
BODY = {"model": "gpt-4o", "input": "x"}


@pytest.fixture
def redis(caplog):
    """A Redis of the test's own; whatever becomes of it, no server fails inside."""
    made = RedisServer()
    yield made
    made.stop()
    assert [each.getMessage() for each in caplog.records if each.levelno >= logging.ERROR] == []


def refused(answer):
    """An answer of a server without its store, in the API's shape."""
    assert answer.status_code == 503, answer.text
    assert answer.headers["retry-after"] == "1"
    error = answer.json()["error"]
    assert (error["type"], error["param"], error["code"]) == ("service_unavailable_error", None, "mock_store_unavailable")
    return error["message"]


def lines_until_cut(stream):
    """The lines of a stream, also of one that is cut off."""
    with suppress(httpx.TransportError):
        yield from stream.iter_lines()


def test_a_server_outlives_its_redis(serve, redis):
    server = serve(REPLY, store=redis.url)
    lost = create(server)["id"]
    redis.kill()
    assert "is it running?" in refused(server.post(BODY, "k"))
    refused(server.get(f"/responses/{lost}", "k"))
    refused(server.get("/conversations/conv_1", "k"))
    refused(httpx.get(f"{server.url}/_mock/requests", headers=KEY))
    assert httpx.get(f"{server.url}/_mock/health").status_code == 200
    assert httpx.get(f"{server.url}/_mock/ready").status_code == 503
    redis.start()
    assert soon(lambda: httpx.get(f"{server.url}/_mock/ready").status_code == 200)
    assert server.get(f"/responses/{lost}", "k").status_code == 404  # nothing was kept on disk
    assert create(server)["output"][0]["content"][0]["text"] == "hello"


def test_the_sdk_gets_through_a_short_break(serve, redis):
    server = serve(REPLY, store=redis.url)
    create(server)
    redis.kill()
    refused(server.post(BODY, "k"))
    redis.start()
    with OpenAI(base_url=server.base_url, api_key="k", max_retries=5) as client:
        assert client.responses.create(model="gpt-4o", input="x").output_text == "hello"


def test_a_stream_whose_redis_is_lost_ends(serve, redis):
    server = serve("steps: [{pace: {first: 1h}, reply: late}]", clock="real", store=redis.url)
    with httpx.stream("POST", f"{server.url}/v1/responses", headers=KEY, json={**BODY, "stream": True}, timeout=20) as stream:
        redis.kill()
        redis.start()
        assert soon(lambda: httpx.get(f"{server.url}/_mock/ready").status_code == 200)
        ask(server, "POST", "/_mock/clock", {"advance": "2h"})
        assert "response.completed" not in "".join(lines_until_cut(stream))


def test_webhooks_wait_for_a_redis_that_is_away(serve, receiver):
    redis = RedisServer("--appendonly", "yes", "--appendfsync", "always")
    try:
        server = serve(RUN, clock="real", store=redis.url, webhook_url=(receiver.url,))
        made = create(server, background=True)["id"]
        redis.kill()
        refused(server.get(f"/responses/{made}", "k"))
        redis.start()
        assert soon(lambda: httpx.get(f"{server.url}/_mock/ready").status_code == 200)
        ask(server, "POST", "/_mock/clock", {"advance": "3h"})
        assert json.loads(receiver.wait_for(1)[0].body)["data"]["id"] == made
    finally:
        redis.stop()


def test_a_full_redis_is_told_in_the_answer(serve, redis):
    server = serve(REPLY, store=redis.url)
    create(server)
    redis.ask("CONFIG", "SET", "maxmemory", "1")
    assert "maxmemory" in refused(server.post(BODY, "k"))
    assert httpx.post(f"{server.url}/_mock/reset", headers=KEY).status_code == 200  # what makes room is possible
    redis.ask("CONFIG", "SET", "maxmemory", "0")
    create(server)


def test_serve_says_why_it_cannot_begin(spawn_command):
    redis = RedisServer("--requirepass", "right")
    try:
        process = spawn_command("serve", "--port", "0", "--store", f"redis://:wrong@127.0.0.1:{redis.port}/0")
        out, err = process.communicate(timeout=30)
    finally:
        redis.stop()
    assert (process.returncode, out) == (2, "")
    assert err.count("\n") == 1
    assert f"The store redis://127.0.0.1:{redis.port}/0 does not let us in" in err


def test_three_servers_take_turns(serve, redis):
    turn = cycle([serve(RUN, clock="real", store=redis.url) for _ in range(3)])
    thread = ask(next(turn), "POST", "/v1/conversations")["id"]
    for number in range(1, 7):
        create(next(turn), conversation=thread, input=f"{number}")
        assert len(ask(next(turn), "GET", f"/v1/conversations/{thread}/items")["data"]) == 2 * number
    previous = create(next(turn))["id"]
    for _ in range(5):
        previous = create(next(turn), previous_response_id=previous)["id"]
    assert len(ask(next(turn), "GET", f"/v1/responses/{previous}/input_items")["data"]) == 11
    ask(next(turn), "DELETE", f"/v1/responses/{previous}")
    assert next(turn).get(f"/responses/{previous}", "k").status_code == 404


def test_workers_hear_each_other(spawn, redis, tmp_path):
    (tmp_path / "late.yaml").write_text("steps: [{pace: {first: 1h}, reply: late}]")
    server = spawn(str(tmp_path / "late.yaml"), "--workers", "3", "--store", redis.url)
    with ExitStack() as stack:
        streams = [
            stack.enter_context(
                httpx.stream("POST", f"{server.url}/v1/responses", headers=KEY, json={**BODY, "stream": True}, timeout=20)
            )
            for _ in range(9)  # whichever workers take them
        ]
        ask(server, "POST", "/_mock/clock", {"advance": "2h"})
        assert {parse_sse(each.read().decode())[-1][0] for each in streams} == {"response.completed"}


class Machines:
    """Three servers in processes of their own behind a client that takes the next where one is gone."""

    def __init__(self, spawn, scenario, *options):
        self.all = [spawn(str(scenario), *options) for _ in range(3)]
        self.turn = cycle(self.all)

    def ask(self, method, path, body=None, **query):
        for _ in range(30):
            server = next(self.turn)
            try:
                answer = httpx.request(method, f"{server.url}{path}", json=body, params=query, headers=KEY, timeout=20)
            except httpx.TransportError:
                continue
            if answer.status_code != 503:
                return answer
        raise AssertionError("nobody answers")

    def kill(self, server):
        server.process.kill()
        server.process.wait()


@pytest.fixture
def kept():
    """A Redis that writes everything down before it answers."""
    made = RedisServer("--appendonly", "yes", "--appendfsync", "always")
    yield made
    made.stop()


@pytest.fixture
def machines(spawn, kept, receiver, tmp_path):
    (tmp_path / "run.yaml").write_text("""
steps:
  - {when: {input: quick}, reply: hello}
  - {when: {input: slow}, background: {in_progress: 1s}, reply: one two three four five six seven eight nine ten}
""")
    return Machines(spawn, tmp_path / "run.yaml", "--store", kept.url, "--webhook-url", receiver.url)


@pytest.mark.slow
def test_a_stream_goes_on_elsewhere_when_its_machine_dies(machines):
    first = machines.all[0]
    body = {"model": "gpt-4o", "input": "slow", "background": True, "stream": True}
    seen = []
    with httpx.stream("POST", f"{first.url}/v1/responses", headers=KEY, json=body, timeout=20) as stream:
        for line in lines_until_cut(stream):
            if line.startswith("data: "):
                seen.append(json.loads(line.removeprefix("data: ")))
                if len(seen) == 6:
                    machines.kill(first)
    assert seen[-1]["type"] != "response.completed"
    made, last = seen[0]["response"]["id"], seen[-1]["sequence_number"]
    rest = parse_sse(machines.ask("GET", f"/v1/responses/{made}", stream="true", starting_after=last).text)
    whole = parse_sse(machines.ask("GET", f"/v1/responses/{made}", stream="true").text)
    assert [*seen, *(data for _, data in rest)] == [data for _, data in whole]
    assert whole[-1][0] == "response.completed"


@pytest.mark.slow
def test_a_run_ends_and_its_webhook_comes_when_its_machine_dies(machines, receiver):
    body = {"model": "gpt-4o", "input": "slow", "background": True}
    answer = httpx.post(f"{machines.all[0].url}/v1/responses", headers=KEY, json=body, timeout=20)
    machines.kill(machines.all[0])
    made = answer.json()["id"]
    receiver.answers.append(500)  # the first attempt fails: it is made again, with the same id
    receiver.wait_for(1)
    assert machines.ask("GET", f"/v1/responses/{made}").json()["status"] == "completed"
    until = monotonic() + 30
    while len(receiver.posts) < 2 and monotonic() < until:
        machines.ask("POST", "/_mock/clock", {"advance": "1m"})
    assert {json.loads(each.body)["data"]["id"] for each in receiver.posts} == {made}
    assert len({each.headers["webhook-id"] for each in receiver.posts}) == 1
    assert len(receiver.posts) >= 2


@pytest.mark.slow
def test_what_was_acknowledged_stays_when_machines_and_redis_die(machines, kept):
    thread, ids = machines.ask("POST", "/v1/conversations").json()["id"], []
    for number in range(60):
        answer = machines.ask("POST", "/v1/responses", {"model": "gpt-4o", "input": "quick", "conversation": thread})
        assert answer.status_code == 200, answer.text
        ids.append(answer.json()["id"])
        if number == 20:
            machines.kill(machines.all[1])
        if number == 40:
            kept.kill()
            kept.start()
    assert len(set(ids)) == 60
    assert {machines.ask("GET", f"/v1/responses/{each}").status_code for each in ids} == {200}
    items, after = [], {}
    while True:
        page = machines.ask("GET", f"/v1/conversations/{thread}/items", limit=100, order="asc", **after).json()
        items += page["data"]
        if not page["has_more"]:
            break
        after = {"after": page["last_id"]}
    assert len(items) >= 120  # one that was cut off in the middle may be there without its answer
    assert [each["role"] for each in items[::2]] == ["user"] * (len(items) // 2)
