"""Streams of background runs: read while they wait, left, resumed, and taken on by another server."""

import json

import pytest

from mockapi.service.responses import Responses

from .backends import run as in_one_loop
from .conftest import parse_sse
from .test_service import create, make
from .test_time import CUT, DURATIONS, FAILS, MANUAL, POLLS, WORDS, Client


def test_the_stream_of_a_run():
    client = Client(DURATIONS)
    events = parse_sse(client.create(stream=True))
    assert [name for name, _ in events[:4]] == [
        "response.created", "response.queued", "response.in_progress", "response.output_item.added",
    ]  # fmt: skip
    assert [data["response"]["status"] for _, data in events[:3]] == ["queued", "queued", "in_progress"]
    assert [data["sequence_number"] for _, data in events] == list(range(len(events)))
    assert not any("obfuscation" in data for _, data in events)
    assert events[-1][0] == "response.completed"
    assert client.status(events[0][1]["response"]["id"]) == "completed"  # being delivered took its time


@pytest.mark.parametrize("text", [DURATIONS, POLLS, FAILS, CUT, "steps: [{reply: one two}]"])
def test_every_tail_is_the_rest_of_the_same_stream(text):
    client = Client(text)
    whole = client.create(stream=True)
    events = parse_sse(whole)
    response_id = events[0][1]["response"]["id"]
    assert client.get(response_id, "?stream=true").text == whole
    for after in range(len(events) + 2):
        tail = client.get(response_id, f"?stream=true&starting_after={after}").text
        assert parse_sse(tail) == events[after + 1 :]


@pytest.mark.parametrize(
    ("query", "code", "param"),
    [
        ("?stream=1", "invalid_type", "stream"),
        ("?stream=true&starting_after=-1", "integer_below_min_value", "starting_after"),
        ("?stream=true&starting_after=x", "invalid_type", "starting_after"),
        ("?stream=true&starting_after=1.5", "invalid_type", "starting_after"),
        ("?stream=true&starting_after=" + "9" * 301, "invalid_type", "starting_after"),
        ("?include_obfuscation=no", "invalid_type", "include_obfuscation"),
    ],
)
def test_what_is_asked_of_a_stream_is_checked(query, code, param):
    client = Client(POLLS)
    response_id = parse_sse(client.create(stream=True))[0][1]["response"]["id"]
    error = client.get(response_id, query, 400).json()["error"]
    assert (error["code"], error["param"]) == (code, param)


def test_what_cannot_be_streamed_says_why():
    client = Client(DURATIONS)
    sync, silent = client.create(background=False)["id"], client.create()["id"]
    streamed = parse_sse(client.create(stream=True))[0][1]["response"]["id"]
    client.clock("5m")
    client.get(streamed, "?stream=true")
    client.clock("1s")
    for response_id, reason in (
        (sync, "cannot be streamed because it was not created with background=true."),
        (silent, "cannot be streamed because it was not created with stream=true."),
        (streamed, "can no longer be streamed because it is more than 5 minutes old."),
    ):
        error = client.get(response_id, "?stream=true", 400).json()["error"]
        assert error == {
            "message": f"This response {reason}", "type": "invalid_request_error", "param": "stream", "code": "invalid_request_error",
        }  # fmt: skip


def test_the_sdk_resumes(in_process):
    client = in_process(DURATIONS)
    with client.responses.stream(model="gpt-4o", input="x", background=True) as stream:
        events = list(stream)
    response_id = events[0].response.id
    with client.responses.stream(response_id=response_id, starting_after=5) as stream:
        rest = list(stream)
        assert stream.get_final_response().output_text == WORDS
    assert [event.sequence_number for event in rest] == [event.sequence_number for event in events if event.sequence_number > 5]
    again = list(client.responses.retrieve(response_id, stream=True, starting_after=3))
    assert [event.sequence_number for event in again] == list(range(4, len(events)))


def test_a_moved_clock_wakes_a_stream_that_waits(serve):
    """Under the real clock: the stream would take an hour, and ends when the clock is moved by two."""
    import httpx

    server = serve("steps: [{pace: {first: 30m, rate: 2/h}, reply: one two three}]", clock="real")
    headers = {"authorization": "Bearer test-key"}
    body = {"model": "m", "input": "x", "stream": True}
    with httpx.stream("POST", f"{server.base_url}/responses", json=body, headers=headers, timeout=20) as answer:
        chunks = answer.iter_text()
        seen = next(chunks)
        assert "output_text.delta" not in seen
        httpx.post(f"{server.url}/_mock/clock", json={"advance": "2h"}, headers=headers)
        seen += "".join(chunks)
    assert parse_sse(seen)[-1][0] == "response.completed"


def test_an_open_stream_ends_when_its_run_is_cancelled(serve):
    import httpx

    server = serve(f"steps: [{{background: {{in_progress: 1h}}, reply: {WORDS}}}]", clock="real")
    headers = {"authorization": "Bearer test-key"}
    body = {"model": "m", "input": "x", "stream": True, "background": True}
    with httpx.stream("POST", f"{server.base_url}/responses", json=body, headers=headers, timeout=20) as answer:
        chunks = answer.iter_text()
        seen = next(chunks)
        response_id = seen.split('"id":"')[1].split('"')[0]
        cancelled = httpx.post(f"{server.base_url}/responses/{response_id}/cancel", headers=headers).json()
        seen += "".join(chunks)
    events = parse_sse(seen)
    assert [name for name, _ in events] == ["response.created", "response.queued", "response.in_progress", "response.failed"]
    assert events[-1][1]["response"] == cancelled
    assert cancelled["status"] == "cancelled"
    tail = server.get(f"/responses/{response_id}?stream=true&starting_after=1").text
    assert parse_sse(tail) == events[2:]
    calls = httpx.get(f"{server.url}/_mock/requests", headers=headers).json()["data"]
    assert [call["operation"] for call in calls if "events" in call] == []  # it never shows events that did not go out


def test_a_background_run_goes_on_without_its_client(serve):
    import httpx

    server = serve(f"steps: [{{background: {{in_progress: 4m}}, reply: {WORDS}}}]", clock="real")
    headers = {"authorization": "Bearer test-key"}
    body = {"model": "m", "input": "x", "stream": True, "background": True}
    with httpx.stream("POST", f"{server.base_url}/responses", json=body, headers=headers, timeout=20) as answer:
        response_id = next(answer.iter_text()).split('"id":"')[1].split('"')[0]
    assert server.get(f"/responses/{response_id}").json()["status"] == "in_progress"
    httpx.post(f"{server.url}/_mock/clock", json={"advance": "3m"}, headers=headers)
    first = server.get(f"/responses/{response_id}").json()
    httpx.post(f"{server.url}/_mock/clock", json={"advance": "90s"}, headers=headers)
    assert (first["status"], server.get(f"/responses/{response_id}").json()["status"]) == ("in_progress", "completed")
    assert parse_sse(server.get(f"/responses/{response_id}?stream=true&starting_after=4").text)[-1][0] == "response.completed"


def test_a_manual_stream_waits_for_its_moves(serve):
    import httpx

    server = serve(MANUAL, clock="virtual")
    headers = {"authorization": "Bearer test-key"}
    body = {"model": "m", "input": "x", "stream": True, "background": True}
    with httpx.stream("POST", f"{server.base_url}/responses", json=body, headers=headers, timeout=20) as answer:
        chunks = answer.iter_text()
        seen = next(chunks)
        assert parse_sse(seen)[-1][0] == "response.queued"
        response_id = seen.split('"id":"')[1].split('"')[0]
        for expected in ("response.in_progress", "response.completed"):
            httpx.post(f"{server.url}/_mock/responses/{response_id}/advance", headers=headers)
            while parse_sse(seen)[-1][0] != expected:
                seen += next(chunks)
    assert server.get(f"/responses/{response_id}?stream=true").text == seen


def test_a_second_server_goes_on_with_what_the_first_had_stored(backend):
    """Killed at any moment: what another process sees of the store is all that a run needs."""
    from mockapi.scenario.library import Library
    from mockapi.service.conversations import Conversations
    from mockapi.service.core import Call, Core
    from mockapi.settings import Settings
    from mockapi.wire.operations import ListQuery

    from .conftest import HandClock

    store = backend.make()

    async def run():
        first = make(DURATIONS, store=store)
        made = json.loads(await Conversations(first.core).create(Call("p", "conversations.create"), b"x" * 32))
        body = {"model": "gpt-4o", "input": "x", "background": True, "stream": True}
        running = await create(first, {**body, "conversation": made["id"]})
        other = await create(first, {**body, "input": "y"})
        first.core.clock.time += 3
        play = first.play(running)
        seen = (await anext(play.pieces()))[0]
        dead = await backend.other(first.core.store)

        clock = HandClock(first.core.clock.time + 1)
        second = Responses(Core(Settings(), dead, clock, Library(scenarios=[])))
        response_id, last = running.timeline.response_id, parse_sse(seen.decode())[-1][1]["sequence_number"]
        states = [json.loads(await second.retrieve("p", response_id))["status"]]
        cancelled = json.loads(await second.runs.cancel("p", other.timeline.response_id))
        resumed = await second.runs.resume("p", response_id, last)
        rest = b"".join([data async for data, _ in resumed.pieces()])  # waiting moves the hand clock
        states.append(json.loads(await second.retrieve("p", response_id))["status"])
        whole = b"".join(piece.data for piece in running.timeline.pieces())
        listed = json.loads(await Conversations(second.core).list_items("p", made["id"], ListQuery()))["data"]
        return states, cancelled["status"], seen + rest == whole, len(listed)

    assert in_one_loop(run()) == [(["in_progress", "completed"], "cancelled", True, 2)]


EXAMPLE = f"steps: [{{background: {{queued: 20ms, in_progress: 200ms}}, reply: [{{reasoning: hm}}, {{message: {WORDS}}}]}}]"


def test_the_sdks_example_of_a_stream_that_is_dropped_and_resumed(serve):
    """The openai-python repository's examples/responses/background_streaming.py, under the real clock."""
    client = serve(EXAMPLE, clock="real").sdk()
    response_id, seen = None, []
    with client.responses.stream(model="gpt-5", input="solve 8x + 31 = 2", background=True) as stream:
        for event in stream:
            if event.type == "response.created":
                response_id = event.response.id
            seen.append(event.sequence_number)
            if event.sequence_number == 10:
                break
    with client.responses.stream(response_id=response_id, starting_after=10) as stream:
        seen += [event.sequence_number for event in stream]
        assert stream.get_final_response().output_text == WORDS
    assert seen == list(range(len(seen)))


@pytest.mark.anyio
async def test_the_sdks_async_example_of_polling(serve):
    """The same repository's examples/responses/background_async.py."""
    async with serve(EXAMPLE, clock="real").async_sdk() as client:
        created = None
        async for event in await client.responses.create(model="gpt-5", input="solve", background=True, stream=True):
            if event.type == "response.created":
                created = event.response.id
                break
        seen = set()
        while not seen & {"completed", "failed", "cancelled"}:
            seen.add((await client.responses.retrieve(created)).status)
        assert seen <= {"queued", "in_progress", "completed"}
        response = await client.responses.retrieve(created)
    assert response.output_text == WORDS
