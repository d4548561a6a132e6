"""Everything that happens later: background runs, polls, cancel, resume, retention, clocks. No test sleeps."""

import asyncio
import json

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from mockapi.errors import ApiError
from mockapi.service.responses import Responses

from .backends import run as in_one_loop
from .conftest import make_app, parse_sse
from .test_service import create, make

WORDS = "one two three four five"
DURATIONS = f"steps: [{{background: {{queued: 2s, in_progress: 8s}}, reply: {WORDS}}}]"
POLLS = f"steps: [{{background: {{queued: 1, in_progress: 2}}, reply: {WORDS}}}]"
MANUAL = f"steps: [{{background: manual, reply: {WORDS}}}]"
STUCK = f"steps: [{{when: {{input: q}}, background: {{stuck: queued}}, reply: x}}, {{background: {{stuck: in_progress}}, reply: {WORDS}}}]"
FAILS = "steps: [{background: {in_progress: 1s}, reply: half, fail: server_error}]"
CUT = "steps: [{background: {in_progress: 1s}, reply: one two three four, incomplete: max_output_tokens}]"


class Client:
    """The API and the admin API of one project."""

    def __init__(self, text, **settings):
        self.client = TestClient(make_app(text, **settings), base_url="http://localhost")
        self.headers = {"authorization": "Bearer k"}

    def ask(self, method, path, body=None, status=200):
        answer = self.client.request(method, path, json=body, headers=self.headers)
        assert answer.status_code == status, answer.text
        return answer

    def create(self, text="go", **options):
        body = {"model": "gpt-4o", "input": text, "background": True, **options}
        answer = self.ask("POST", "/v1/responses", body)
        return answer.text if options.get("stream") else answer.json()

    def get(self, response_id, query="", status=200):
        return self.ask("GET", f"/v1/responses/{response_id}{query}", status=status)

    def status(self, response_id):
        return self.get(response_id).json()["status"]

    def cancel(self, response_id, status=200):
        return self.ask("POST", f"/v1/responses/{response_id}/cancel", status=status).json()

    def advance(self, response_id, status=200):
        return self.ask("POST", f"/_mock/responses/{response_id}/advance", status=status).json()

    def clock(self, text):
        return self.ask("POST", "/_mock/clock", {"advance": text}).json()


def test_a_create_answers_queued_at_once():
    body = Client(DURATIONS).create()
    assert (body["status"], body["background"], body["output"], body["usage"]) == ("queued", True, [], None)
    assert (body["service_tier"], body["completed_at"], body["error"]) == ("auto", None, None)
    assert "billing" not in body


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (DURATIONS, ["queued"] * 2 + ["in_progress"] * 8 + ["completed"] * 2),
        (POLLS, ["queued", "in_progress", "in_progress", "completed", "completed"]),
        (FAILS, ["in_progress", "failed", "failed"]),
        (CUT, ["in_progress", "incomplete"]),
        ("steps: [{reply: at once}]", ["completed", "completed"]),
        ("defaults: {background: {queued: 1}}\nsteps: [{reply: x}]", ["queued", "completed"]),
        (STUCK, ["in_progress"] * 20),
    ],
)
def test_polls_see_the_states(text, expected):
    client = Client(text)
    response_id = client.create()["id"]
    bodies = [client.get(response_id).json() for _ in expected]
    assert [body["status"] for body in bodies] == expected
    for body in bodies:
        is_over = body["status"] not in ("queued", "in_progress")
        assert bool(body["output"]) == is_over
        assert ("billing" in body) == is_over
        assert (body["usage"] is not None) == (body["status"] in ("completed", "incomplete"))


def test_a_poll_step_can_be_set():
    client = Client(DURATIONS, poll_step=5.0)
    response_id = client.create()["id"]
    assert [client.status(response_id) for _ in range(3)] == ["queued", "in_progress", "completed"]


def test_polls_of_one_run_leave_others_alone():
    client = Client(POLLS)
    first, second = client.create("a")["id"], client.create("b")["id"]
    assert [client.status(first) for _ in range(4)][-1] == "completed"
    assert client.status(second) == "queued"


def test_the_clock_moves_runs_on():
    client = Client(DURATIONS)
    response_id = client.create()["id"]
    client.clock("2s")
    assert client.status(response_id) == "in_progress"
    client.clock("1h")
    done = client.get(response_id).json()
    assert (done["status"], done["completed_at"] - done["created_at"]) == ("completed", 10)


def test_a_manual_run_moves_by_hand():
    client = Client(MANUAL)
    response_id = client.create()["id"]
    assert [client.status(response_id) for _ in range(3)] == ["queued"] * 3
    client.clock("10d")
    assert client.advance(response_id)["status"] == "in_progress"
    assert client.status(response_id) == "in_progress"
    assert client.advance(response_id)["output"][0]["content"][0]["text"] == WORDS
    assert client.advance(response_id, 400)["error"]["code"] == "mock_not_manual"
    other = Client(DURATIONS)
    assert other.advance(other.create()["id"], 400)["error"]["code"] == "mock_not_manual"
    assert other.advance("resp_nope", 404)["error"]["message"] == "Response with id 'resp_nope' not found."


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


@pytest.mark.parametrize("polls", [0, 1, 2, 5, 9])
def test_a_run_is_cancelled_where_it_is(polls):
    client = Client(DURATIONS)
    response_id = client.create()["id"]
    for _ in range(polls):
        client.get(response_id)
    body = client.cancel(response_id)
    assert (body["status"], body["output"], body["usage"], body["error"], body["service_tier"]) == (
        "cancelled",
        [],
        None,
        None,
        "auto",
    )
    assert "billing" not in body
    assert client.cancel(response_id) == body == client.get(response_id).json()
    client.clock("1h")
    assert client.status(response_id) == "cancelled"
    refused = client.ask("POST", "/v1/responses", {"model": "gpt-4o", "input": "x", "previous_response_id": response_id}, 400)
    assert refused.json()["error"]["code"] == "previous_response_not_found"


def test_what_cannot_be_cancelled_says_why():
    for text, message in (
        ("steps: [{reply: x}]", "Cannot cancel a completed response."),
        (FAILS.replace("1s", "0s"), "Cannot cancel a failed response."),
        (CUT.replace("1s", "0s"), "Cannot cancel a response in terminal state."),
    ):
        client = Client(text)
        assert client.cancel(client.create()["id"], 400)["error"]["message"] == message
    client = Client(DURATIONS)
    assert (
        client.cancel(client.create(background=False)["id"], 400)["error"]["message"] == "Cannot cancel a synchronous response."
    )
    assert client.cancel("resp_nope", 404)["error"]["message"] == "Response with id 'resp_nope' not found."
    assert client.cancel("x", 400)["error"]["param"] == "response_id"


def test_a_cancelled_run_shows_what_it_had_streamed():
    client = Client(MANUAL)
    response_id = json.loads(client.ask("POST", "/v1/responses", {"model": "m", "input": "x", "background": True}).text)["id"]
    client.advance(response_id)
    assert client.cancel(response_id)["status"] == "cancelled"
    assert client.advance(response_id, 400)["error"]["code"] == "mock_not_manual"


def test_a_running_response_is_not_deleted():
    client = Client(DURATIONS)
    response_id = client.create()["id"]
    error = client.ask("DELETE", f"/v1/responses/{response_id}", status=400).json()["error"]
    assert error["message"] == "Cannot delete an in-flight response."
    client.clock("10s")
    client.ask("DELETE", f"/v1/responses/{response_id}")
    client.get(response_id, status=404)


def test_nothing_follows_a_response_that_still_runs():
    client = Client(DURATIONS)
    response_id = client.create()["id"]
    body = {"model": "gpt-4o", "input": "x", "previous_response_id": response_id}
    assert client.ask("POST", "/v1/responses", body, 400).json()["error"]["code"] == "previous_response_not_found"
    client.clock("10s")
    client.ask("POST", "/v1/responses", body)


def test_stored_responses_are_kept_for_thirty_days():
    client = Client("steps: [{reply: x}]")
    made = client.ask("POST", "/v1/conversations", {}).json()["id"]
    kept = client.create(background=False, conversation=made)["id"]
    client.clock("29d")
    client.clock("23h59m")
    client.get(kept)
    client.clock("1m")
    client.get(kept, status=404)
    client.ask("DELETE", f"/v1/responses/{kept}", status=404)
    body = {"model": "gpt-4o", "input": "x", "previous_response_id": kept}
    assert client.ask("POST", "/v1/responses", body, 400).json()["error"]["code"] == "previous_response_not_found"
    client.clock("3000d")
    assert len(client.ask("GET", f"/v1/conversations/{made}/items").json()["data"]) == 2


def test_unstored_runs_are_kept_for_ten_minutes_after_their_end():
    client = Client(DURATIONS)
    created = client.create(store=False)
    assert created["store"] is False
    client.clock("9m")
    assert client.status(created["id"]) == "completed"
    client.clock("1m9s")
    client.get(created["id"])
    client.clock("1s")
    client.get(created["id"], status=404)
    cancelled = client.create("other", store=False)["id"]
    client.cancel(cancelled)
    client.clock("9m59s")
    client.get(cancelled)
    client.clock("1s")
    client.get(cancelled, status=404)


def test_a_conversation_is_locked_as_long_as_a_run_takes():
    client = Client(DURATIONS)
    made = client.ask("POST", "/v1/conversations", {}).json()["id"]
    first = client.create(conversation=made)["id"]
    again = {"model": "gpt-4o", "input": "x", "conversation": made, "background": True}
    assert client.ask("POST", "/v1/responses", again, 400).json()["error"]["code"] == "conversation_locked"
    assert client.ask("GET", f"/v1/conversations/{made}/items").json()["data"] == []
    for _ in range(11):
        client.get(first)
    assert len(client.ask("GET", f"/v1/conversations/{made}/items").json()["data"]) == 2
    second = client.ask("POST", "/v1/responses", again).json()["id"]
    client.cancel(second)
    client.ask("POST", "/v1/responses", again)
    client.clock("1h")
    assert len(client.ask("GET", f"/v1/conversations/{made}/items").json()["data"]) == 4


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


def test_the_sdks_example_of_polling(in_process):
    client = in_process(DURATIONS)
    response = client.responses.create(model="gpt-4o", input="x", background=True)
    seen = [response.status]
    while response.status in {"queued", "in_progress"}:
        response = client.responses.retrieve(response.id)
        seen.append(response.status)
    assert seen == ["queued"] * 3 + ["in_progress"] * 8 + ["completed"]
    assert response.output_text == WORDS


def test_the_sdk_cancels(in_process):
    client = in_process(DURATIONS)
    response = client.responses.create(model="gpt-4o", input="x", background=True)
    assert client.responses.cancel(response.id).status == "cancelled"
    with pytest.raises(openai.BadRequestError, match="Cannot cancel a synchronous response"):
        client.responses.cancel(client.responses.create(model="gpt-4o", input="x").id)


ORDER = ["queued", "in_progress", "end"]
spans = st.sampled_from([0.0, 0.5, 1.0, 2.0, 7.5])


@given(spans, spans, st.lists(st.tuples(st.sampled_from(["poll", "wait", "cancel", "resume", "delete"]), spans), max_size=12))
def test_every_history_of_a_run_is_a_path_of_the_state_machine(queued, in_progress, moves):
    """Whatever a client does when: statuses never go back, what is over stays as it is, every tail is the stream's."""
    text = f"steps: [{{background: {{queued: {queued}s, in_progress: {in_progress}s}}, reply: {WORDS}}}]"

    async def run():
        service: Responses = make(text)
        created = await create(service, {"model": "gpt-4o", "input": "x", "background": True, "stream": True})
        response_id, clock = created.timeline.response_id, service.core.clock
        started, seen, final, cancelled_at = clock.time, [], None, None
        for move, span in moves:
            if move == "wait":
                clock.time += span
            elif move == "cancel":
                try:
                    final = json.loads(await service.runs.cancel("p", response_id))
                    cancelled_at = clock.time - started if cancelled_at is None else cancelled_at
                    seen.append("cancelled")
                except ApiError as error:
                    assert error.message == "Cannot cancel a completed response."  # noqa: PT017
            elif move == "delete":
                try:
                    await service.delete("p", response_id)
                except ApiError as error:
                    assert error.message == "Cannot delete an in-flight response."  # noqa: PT017
                    continue
                break
            elif move == "poll":
                body = json.loads(await service.retrieve("p", response_id))
                seen.append(body["status"])
                assert final is None or body == final
                final = body if body["status"] in ("completed", "cancelled") else None
            elif final is not None:  # only a stream that has ended ends: others would wait for the clock
                play = await service.runs.resume("p", response_id, 2)
                data = b"".join([data async for data, _ in play.pieces()])
                events = parse_sse(data.decode())
                assert [event["sequence_number"] for _, event in events] == list(range(3, 3 + len(events)))
                whole = parse_sse(b"".join(piece.data for piece in created.timeline.pieces()).decode())
                kept = events if cancelled_at is None else events[:-1]
                assert kept == [event for event in whole if event[1]["sequence_number"] > 2][: len(kept)]
        ranks = [ORDER.index("end" if status in ("completed", "cancelled") else status) for status in seen]
        assert ranks == sorted(ranks)
        assert len({status for status in seen if status in ("completed", "cancelled")}) <= 1

    asyncio.run(run())


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


@pytest.mark.parametrize(
    "body", [{"set": "2025-01-01T00:00:00Z"}, {"advance": "3650000d"}, {"set": "9999-12-31T00:00:00Z"}, {"advance": "-1s"}, {}]
)
def test_clocks_that_cannot_be_set(body):
    client = Client(POLLS)
    assert client.ask("POST", "/_mock/clock", body, 400).json()["error"]["code"] == "mock_clock"
    assert client.ask("GET", "/_mock/clock").json()["now"] == "2026-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{queued: 1, in_progress: 2s}", "give queued and in_progress both as durations, or both as numbers of polls"),
        ("{stuck: queued, queued: 1s}", "a run is stuck, or it takes its time: not both"),
        ("{}", "say queued and in_progress, or stuck"),
        ("{queued: soon}", "a duration is written like 250ms, 2s, 10m or 1h30m"),
        ("{queued: -1}", "greater than or equal to 0"),
        ("{stuck: completed}", "expected 'queued' or 'in_progress', got 'completed'"),
        ("by hand", "expected 'manual', got 'by hand'"),
        ("{quued: 1s}", "unknown key; did you mean 'queued'?"),
    ],
)
def test_impossible_runs_are_refused_at_load(text, message):
    from mockapi.errors import ScenarioError

    with pytest.raises(ScenarioError) as caught:
        make_app(f"steps: [{{background: {text}, reply: x}}]")
    assert message in str(caught.value)


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
