"""What hostile users of time found: each once, so that it stays mended."""

import asyncio

import pytest

from .conftest import parse_sse
from .test_service import create, make
from .test_time import DURATIONS, FAILS, MANUAL, POLLS, STUCK, Client


def in_conversation(client, **options):
    made = client.ask("POST", "/v1/conversations", {}).json()["id"]
    return made, client.create(conversation=made, **options)["id"]


def items(client, conversation_id):
    return client.ask("GET", f"/v1/conversations/{conversation_id}/items").json()["data"]


def test_what_was_cancelled_and_deleted_stays_cancelled():
    client = Client(DURATIONS)
    made, response_id = in_conversation(client)
    client.cancel(response_id)
    client.ask("DELETE", f"/v1/responses/{response_id}")
    again = {"model": "gpt-4o", "input": "x", "conversation": made, "background": True}
    client.ask("POST", "/v1/responses", again)
    client.clock("5s")
    assert items(client, made) == []


@pytest.mark.parametrize(("text", "cancels"), [(DURATIONS, True), (FAILS, False), (STUCK, False)])
def test_what_was_forgotten_appends_nothing_that_it_did_not_say(text, cancels):
    client = Client(text)
    made, response_id = in_conversation(client)
    if cancels:
        client.cancel(response_id)
    client.clock("31d")
    client.get(response_id, status=404)
    assert items(client, made) == []
    client.ask("POST", "/v1/responses", {"model": "gpt-4o", "input": "x", "conversation": made})


def test_an_evicted_run_holds_no_conversation():
    client = Client(DURATIONS, max_responses=2)
    made, response_id = in_conversation(client)
    client.cancel(response_id)
    for text in ("a", "b"):
        client.create(text)
    client.clock("1m")
    assert items(client, made) == []
    other, _ = in_conversation(client)
    for text in ("c", "d"):
        client.create(text)
    client.ask("POST", "/v1/responses", {"model": "gpt-4o", "input": "x", "conversation": other})


@pytest.mark.parametrize("text", [MANUAL, POLLS])
def test_runs_that_no_clock_moves_hold_their_conversation_however_long(text):
    client = Client(text)
    made, response_id = in_conversation(client)
    client.clock("11m")
    body = {"model": "gpt-4o", "input": "x", "conversation": made}
    assert client.ask("POST", "/v1/responses", body, 400).json()["error"]["code"] == "conversation_locked"
    for _ in range(4):
        client.get(response_id) if text == POLLS else client.ask("GET", "/_mock/clock")
    if text == MANUAL:
        client.advance(response_id)
        client.advance(response_id)
    assert len(items(client, made)) == 2


@pytest.mark.parametrize("text", [MANUAL, POLLS])
def test_unstored_runs_that_no_clock_moves_are_forgotten_too(text):
    client = Client(text)
    response_id = client.create(store=False)["id"]
    client.clock("1h")
    for _ in range(4):
        client.get(response_id) if text == POLLS else client.ask("GET", "/_mock/clock")
    if text == MANUAL:
        client.advance(response_id)
        done = client.advance(response_id)
        assert done["completed_at"] == done["created_at"]  # moves are no seconds
    client.clock("9m59s")
    client.get(response_id)
    client.clock("1s")
    client.get(response_id, status=404)


def test_streams_of_what_was_reset_end(serve):
    import httpx

    server = serve(MANUAL, clock="virtual")
    headers = {"authorization": "Bearer test-key"}
    body = {"model": "m", "input": "x", "stream": True, "background": True}
    with httpx.stream("POST", f"{server.base_url}/responses", json=body, headers=headers, timeout=20) as answer:
        chunks = answer.iter_text()
        seen = next(chunks)
        httpx.post(f"{server.url}/_mock/reset", headers=headers)
        seen += "".join(chunks)
    assert parse_sse(seen)[-1][0] == "response.queued"


def test_no_wake_is_missed_between_looking_and_waiting():
    """With a store that takes its time: what changes after a look ends the wait that follows it."""

    async def run():
        service = make(MANUAL)
        created = await create(service, {"model": "gpt-4o", "input": "x", "background": True, "stream": True})
        store, plain = service.core.store, service.core.store.get_response
        play = service.play(created)
        pieces = play.pieces()
        await anext(pieces)

        async def cancelled_meanwhile(project, response_id):
            record = await plain(project, response_id)
            store.get_response = plain
            await service.runs.cancel("p", created.timeline.response_id)
            return record

        store.get_response = cancelled_meanwhile
        return [data async for data, _ in pieces]

    (last,) = asyncio.run(asyncio.wait_for(run(), 10))
    assert parse_sse(last.decode())[-1][0] == "response.failed"


def test_clocks_that_are_moved_together_still_have_a_date():
    client = Client("steps: [{reply: x}]")
    for path in ("/_mock/clock", "/_mock/clock?project=*"):
        client.ask("POST", path, {"set": "9998-12-31T00:00:00Z"})
    assert client.ask("GET", "/_mock/clock").json()["now"] == "9999-01-01T00:00:00Z"
    client.create()
    assert client.ask("GET", "/_mock/usage").json()["data"][0]["day"] == "9999-01-01"


def test_output_that_is_not_there_yet_cannot_be_referred_to():
    client, twin = Client(MANUAL), Client(MANUAL)
    other = twin.create()["id"]
    twin.advance(other)
    item_id = twin.advance(other)["output"][0]["id"]
    response_id = client.create()["id"]
    assert response_id == other
    ask = {"model": "gpt-4o", "input": [{"type": "item_reference", "id": item_id}, {"role": "user", "content": "x"}]}
    client.ask("POST", "/v1/responses", ask, 404)
    client.cancel(response_id)
    client.ask("POST", "/v1/responses", ask, 404)
    twin.ask("POST", "/v1/responses", ask)


def test_a_poll_step_of_a_tenth_adds_up():
    client = Client("steps: [{background: {queued: 1s}, reply: x}]", poll_step=0.1)
    response_id = client.create()["id"]
    assert [client.status(response_id) for _ in range(12)] == ["queued"] * 10 + ["completed"] * 2


def test_a_cancel_just_before_an_event_and_its_replay_agree():
    async def run():
        service = make(DURATIONS)
        created = await create(service, {"model": "gpt-4o", "input": "x", "background": True, "stream": True})
        play, offsets = service.play(created), [piece.offset_s for piece in created.timeline.pieces()]
        pieces = play.pieces()
        seen = [(await anext(pieces))[0]]
        service.core.clock.time = created.plan.started_at + offsets[2] - 5e-6
        seen.append((await anext(pieces))[0])
        await service.runs.cancel("p", created.timeline.response_id)
        seen += [data async for data, _ in pieces]
        replay = await service.runs.resume("p", created.timeline.response_id, -1)
        return b"".join(seen), b"".join([data async for data, _ in replay.pieces()])

    live, replayed = asyncio.run(run())
    assert live == replayed
    assert parse_sse(live.decode())[-1][0] == "response.failed"
