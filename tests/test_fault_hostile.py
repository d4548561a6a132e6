"""What a hostile user of the faults found: streams that wait, pipelined requests, what the journal says, small print."""

import asyncio
import gc
import json
import socket
from contextlib import suppress

import httpx
import pytest

from .conftest import parse_sse

KEY = {"authorization": "Bearer test-key"}
PACED = "{rate: 200/s}"


def request(path="/v1/responses", method="POST", **body):
    data = json.dumps({"model": "gpt-4o", "input": "x", **body}).encode() if method == "POST" else b""
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer test-key\r\nContent-Length: {len(data)}\r\n\r\n"
    return head.encode() + data


def connect(server):
    host, port = server.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=10)


def journal(server, at_least=1):
    entries = []
    while len(entries) < at_least:
        entries = httpx.get(f"{server.url}/_mock/requests", headers=KEY).json()["data"]
    return entries


@pytest.mark.parametrize(
    "fault", ["disconnect", "timeout", "{delay: 1h}", "{stall: {at: output_text.delta#2}}", "{disconnect: {after_bytes: 0}}"]
)
def test_a_stream_that_waits_is_whole_on_the_server(serve, fault):
    """Also where the fault ends it before its first event, or is what the client gives up at."""
    server = serve(
        f"steps: [{{when: {{input: broken}}, reply: one two three, pace: {PACED}, fault: {fault}}}, {{reply: fine}}]",
        clock="real",
    )
    conversation = httpx.post(f"{server.base_url}/conversations", json={}, headers=KEY).json()["id"]
    with suppress(httpx.HTTPError):
        httpx.post(
            f"{server.base_url}/responses", headers=KEY, timeout=0.1,
            json={"model": "gpt-4o", "input": "broken", "stream": True, "conversation": conversation},
        )  # fmt: skip
    entry = journal(server, at_least=2)[-1]
    assert "hung up" not in entry["note"]
    body = server.get(f"/responses/{entry['response_id']}").json()
    assert body["output"][0]["content"][0]["text"] == "one two three"
    items = server.get(f"/conversations/{conversation}/items").json()["data"]
    assert [item["role"] for item in items] == ["assistant", "user"]
    assert server.post({"model": "gpt-4o", "input": "next", "conversation": conversation}).status_code == 200


def unfinished():
    gc.collect()
    return sum(isinstance(each, asyncio.Task) and not each.done() for each in gc.get_objects())


@pytest.mark.parametrize(
    "fault",
    [
        "disconnect",
        "{disconnect: {after_bytes: 5}}",
        "{disconnect: output_text.delta, reset: true}",
        "timeout",
        "{slow_body: 1kB/s}",
    ],
)
def test_a_request_behind_the_broken_one_leaves_nothing_behind(serve, fault):
    server = serve(f"steps: [{{reply: one two three, fault: {fault}}}]", clock="real")
    journal_before = unfinished()
    for _ in range(10):
        with connect(server) as sock:
            sock.sendall(request(stream=True) + request("/v1/models", "GET"))
            if "timeout" not in fault:
                sock.recv(10)
    entries = journal(server, at_least=10)
    assert {entry["operation"] for entry in entries} == {"responses.create"}
    assert not [entry for entry in entries if "internal error" in (entry["note"] or "")]
    while unfinished() > journal_before:
        httpx.get(f"{server.url}/_mock/health")  # the loop goes on meanwhile
    assert server.get("/models").status_code == 200


def test_scripted_refusals_of_a_key_do_not_name_an_organization(serve):
    answer = serve("steps: [{error: invalid_api_key_edge}]").post({"model": "gpt-4o", "input": "x"})
    assert answer.status_code == 401
    assert not {"openai-organization", "openai-project"} & set(answer.headers)


@pytest.mark.parametrize("path", ["/v1/images/foo", "/v1/images/variations", "/v1/nope"])
def test_routes_that_are_none_have_no_body(serve, path):
    answer = httpx.post(f"{serve().url}{path}", headers=KEY, json={})
    assert (answer.status_code, answer.content, answer.headers["x-content-type-options"]) == (404, b"", "nosniff")


def test_numbers_as_json_writes_them(serve):
    server = serve("steps: [{reply: fine}]")
    for chance in (1e-6, 1e-2, 0.5):
        form = {"name": "rare", "error": "slow_down", "chance": chance, "when": {"body": {"/temperature": 1e-6}}}
        assert httpx.post(f"{server.url}/_mock/faults", headers=KEY, json=form).status_code == 200
    httpx.post(
        f"{server.url}/_mock/faults",
        headers=KEY,
        json={"name": "rare", "error": "slow_down", "when": {"body": {"/temperature": 1e-6}}},
    )
    assert server.post({"model": "gpt-4o", "input": "x", "temperature": 1e-6}).status_code == 429
    assert server.post({"model": "gpt-4o", "input": "x", "temperature": 0.5}).status_code == 200


def test_the_journal_names_the_step_whose_fault_it_was(serve):
    server = serve("steps:\n  - {reply: fine}\n  - {name: polls, when: {endpoint: responses.retrieve}, fault: {html_error: 503}}")
    server.get("/responses/resp_1")
    httpx.post(f"{server.url}/_mock/faults", headers=KEY, json={"name": "page", "fault": "html_error"})
    server.post({"model": "gpt-4o", "input": "x", "bogus": 1})
    assert [(entry["scenario"], entry["step"], entry["status"]) for entry in journal(server, 2)] == [
        ("test", "polls", 503),
        ("faults", "page", 502),
    ]


def test_a_resumed_stream_that_is_cut_was_not_hung_up(serve):
    text = "steps:\n  - {reply: one two three, background: {in_progress: 4m}}\n  - {when: {endpoint: responses.retrieve}, fault: {truncate: 3}}"
    server = serve(text, clock="real")
    first = server.post({"model": "gpt-4o", "input": "x", "background": True, "stream": False}).json()["id"]
    created = httpx.stream(
        "POST",
        f"{server.base_url}/responses",
        headers=KEY,
        json={"model": "gpt-4o", "input": "y", "background": True, "stream": True},
    )
    with created as answer:
        line = next(line for line in answer.iter_lines() if line.startswith("data: "))
    response_id = json.loads(line.removeprefix("data: "))["response"]["id"]
    httpx.post(f"{server.url}/_mock/clock", headers=KEY, json={"advance": "3m"})
    got = server.get(f"/responses/{response_id}?stream=true").text
    assert parse_sse(got)[-1][1]["sequence_number"] == 3
    assert journal(server, 3)[-1]["note"] == "resumed, fault truncate"
    assert first != response_id


def test_an_unknown_failure_says_the_same_streamed_or_not(serve):
    server = serve("steps: [{reply: one two, fault: {stream_error: {at: 4, code: strange}}}]")
    streamed = parse_sse(server.post({"model": "gpt-4o", "input": "x", "stream": True}).text)[-2][1]["error"]
    plain = server.post({"model": "gpt-4o", "input": "x"})
    assert (plain.status_code, plain.json()["error"]["message"]) == (500, streamed["message"])


SHORT_GRACE = "from mockapi import server; from mockapi.cli import main; server.GRACE_S = 1; main()"


def test_shutting_down_drops_what_a_fault_holds(spawn, tmp_path):
    (tmp_path / "s.yaml").write_text("steps: [{fault: timeout}]")
    spawned = spawn(str(tmp_path / "s.yaml"), program=("-c", SHORT_GRACE))
    host, port = spawned.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as sock:
        sock.sendall(request())
        assert httpx.get(f"{spawned.url}/_mock/health").status_code == 200  # what came before has been read too
        spawned.process.terminate()
        with suppress(ConnectionResetError):
            assert sock.recv(1000) == b""
    _, told = spawned.process.communicate(timeout=20)
    assert spawned.process.returncode == 0
    assert "Traceback" not in told
