"""What faults leave on the server: a whole response, an entry in the journal, and nothing that still runs."""

import asyncio
import gc
import random
import socket
import struct
import sys
from pathlib import Path

import httpx
import pytest

from .conftest import parse_sse
from .test_fault_wire import SCENARIO, deltas, journal, plain, raw, server

__all__ = ["server"]  # fixtures

WORDS = "one two three four"


@pytest.mark.parametrize(
    "text", ["cut", "reset", "truncate", "refused", "impatient", "html", "bytes", "drop", "error", "corrupt"]
)
@pytest.mark.parametrize("stream", [False, True])
def test_the_response_is_whole_on_the_server(server, text, stream):
    raw(server, text, stream=stream)
    (entry,) = journal(server)
    body = server.sdk().responses.create(model="gpt-4o", input="and", previous_response_id=entry["response_id"])
    assert body.previous_response_id == entry["response_id"]
    with pytest.raises(httpx.RemoteProtocolError):  # the step for retrieve, once
        server.get(f"/responses/{entry['response_id']}")
    assert server.get(f"/responses/{entry['response_id']}").json()["status"] == "completed"


@pytest.mark.parametrize("paced", [False, True])
def test_a_cut_stream_that_waits_is_whole_too(serve, paced):
    pace = ", pace: {rate: 1000/s}" if paced else ""
    server = serve(f"steps: [{{reply: one two three four, fault: {{disconnect: output_text.delta#2}}{pace}}}]", clock="real")
    got, _ = raw(server, "x", stream=True)
    assert deltas(got) == ["one", " two"]
    response_id = parse_sse(plain(got))[0][1]["response"]["id"]
    assert server.get(f"/responses/{response_id}").json()["output"][0]["content"][0]["text"] == WORDS


def test_a_client_that_gives_up_is_noticed(server):
    for text in ("timeout", "stall"):
        with pytest.raises(httpx.TimeoutException):
            httpx.post(
                f"{server.base_url}/responses", json={"model": "gpt-4o", "input": text}, timeout=0.05,
                headers={"authorization": "Bearer test-key"},
            )  # fmt: skip
    notes = []
    while len(notes) < 2:
        notes = [entry["note"] for entry in journal(server)]
    assert notes == ["test/step 2, fault timeout", "test/step 8, fault stall"]


def test_the_journal_names_the_fault_and_what_was_missed(server):
    raw(server, "far", stream=True)
    raw(server, "duplicate", stream=False)
    assert [(entry["fault"], entry["note"]) for entry in journal(server)] == [
        ("disconnect", "test/step 23, fault disconnect (never reached: disconnect at output_text.delta#9)"),
        ("duplicate", "test/step 15, fault duplicate (never reached: duplicate: this is no stream)"),
    ]


def left_behind(server):
    """(open files, unfinished tasks, blocks of memory) of this process, whose thread the server is."""
    httpx.post(f"{server.url}/_mock/reset", headers={"authorization": "Bearer test-key"})
    gc.collect()
    tasks = sum(isinstance(each, asyncio.Task) and not each.done() for each in gc.get_objects())
    return len(list(Path("/proc/self/fd").iterdir())), tasks, sys.getallocatedblocks()


def test_two_hundred_random_faults_leave_nothing_behind(serve):
    """No task, connection or file handle is left, memory is back where it was, and the server answers."""
    server = serve(SCENARIO)
    texts = [
        "refused",
        "bytes",
        "cut",
        "reset",
        "truncate",
        "error",
        "malformed",
        "corrupt",
        "drop",
        "torn",
        "html",
        "slow",
        "impatient",
    ]
    chosen = random.Random(7)
    for text in texts:  # what is made once and kept is made now
        for stream in (True, False):
            raw(server, text, stream=stream)
    files, tasks, blocks = left_behind(server)
    for _ in range(200):
        raw(server, chosen.choice(texts), stream=chosen.random() < 0.7)
    after = left_behind(server)
    assert server.post({"model": "gpt-4o", "input": "plain"}).status_code == 200
    assert after[0] <= files + 2
    assert after[1] <= tasks
    assert after[2] < blocks + 1_500  # the 200 responses themselves, which the reset forgets, take about 3,800


def test_a_client_that_resets_the_connection_itself(server):
    """Its hang-up in the middle of an endless stall does not stay in the way."""
    host, port = server.url.removeprefix("http://").split(":")
    body = b'{"model": "gpt-4o", "input": "stall", "stream": true}'
    with socket.create_connection((host, int(port))) as sock:
        head = f"POST /v1/responses HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\nContent-Length: {len(body)}\r\n\r\n"
        sock.sendall(head.encode() + body)
        sock.recv(100)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    entries = []
    while not entries:
        entries = journal(server, key="k")
    assert entries[0]["fault"] == "stall"
