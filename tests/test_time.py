"""Everything that happens later: background runs, polls, cancel, retention, clocks. No test sleeps."""

import asyncio
import json

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from mockapi.errors import ApiError
from mockapi.service.responses import Responses

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
