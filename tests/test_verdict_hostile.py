"""What a hostile user of the verdict found: good clients that were judged bad, and bad ones that were not."""

import asyncio
from functools import partial
from random import Random

import httpx
import openai
import pytest
from openai import AsyncOpenAI

from mockapi.verdict import judge

from .conftest import parse_sse
from .test_verdict import NEVER, REFUSED, R, call, poll, polls, resumed, sdk, told, torn, torn_run, words

AS_ONE = {"authorization": "Bearer test-key"}
QUOTA = b'{"error": {"type": "insufficient_quota", "code": "insufficient_quota"}}'
LOCKED = b'{"error": {"type": "invalid_request_error", "code": "conversation_locked"}}'
DATED = {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}

quota = partial(call, status=429, response=QUOTA)
locked = partial(call, status=400, response=LOCKED)
run_anew = partial(call, body={"stream": True, "background": True})
cancelled = partial(poll, operation="responses.cancel", method="POST", path=f"/v1/responses/{R}/cancel", status="cancelled")


def attempt(began_s, count, status=200, **fields):
    """A call as the SDK makes it, which counts its retries."""
    return call(began_s, status, headers={"x-stainless-retry-count": str(count)}, **fields)


def picked(began_s, fault, status=500, **fields):
    return call(began_s, status, headers={"x-mock-fault": fault}, **fields)


ROWS = [
    # several calls of the SDK with the same body are told apart by its count of retries
    ("retry_after", {"good"}, [attempt(0, 0, 429, advice=REFUSED), attempt(0.1, 0, 429, advice=REFUSED), attempt(2.01, 1), attempt(2.11, 1)]),
    ("retry_after", {"good"}, [attempt(0, 0, 429, advice={"retry-after": "9"}), attempt(0.1, 0, 429, advice=REFUSED), attempt(2.2, 1), attempt(9.1, 1)]),
    ("retry_after", {"good", "bad"}, [attempt(0, 0, 429, advice=REFUSED), attempt(0.1, 0, 429, advice=REFUSED), attempt(0.3, 1), attempt(2.2, 1)]),
    ("retry_after", {"bad"}, [attempt(0, 0, 429, advice=REFUSED), attempt(0.1, 0)]),
    ("retry_after", {"unknown"}, [attempt(at, count, 429, advice=REFUSED) for at, count in ((0, 0), (2, 1), (2.1, 0))]),
    ("retry_after", {"bad"}, [attempt(at, count, 429, advice=REFUSED) for at, count in ((0, 0), (2, 1), (2.1, 0), (2.2, 1))]),
    ("retry", {"good"}, [attempt(0, 0, 500), attempt(0.1, 0, 500), attempt(0.6, 1), attempt(0.7, 1)]),
    ("retry", {"good", "unknown"}, [attempt(0, 0, 500), attempt(0.1, 0, 500, took_s=9), attempt(0.6, 1)]),
    ("back_off", {"good"}, [attempt(at, count, 500) for at, count in ((0, 0), (0.5, 1), (1.5, 2), (1.501, 0), (2, 1), (3, 2))]),
    ("back_off", {"bad"}, [attempt(at, 0, 500) for at in (0, 0.01, 0.02)]),
    ("retry", {"unknown"}, [attempt(at, at % 3, 500) for at in range(12)]),
    ("retry", {"bad"}, [attempt(at, at, 500) for at in range(12)]),
    ("retry", {"bad"}, [attempt(at, 0, 500) for at in range(12)]),
    # a header of the mock makes it another call
    ("no_retry", {"good"}, [picked(0, "invalid_prompt", 400), picked(0.01, "context_length_exceeded", 400)]),
    ("back_off", set(), [picked(0, "server_error"), picked(0.01, "html_error"), picked(0.02, "disconnect")]),
    ("no_retry", {"bad"}, [picked(0, "invalid_prompt", 400), picked(0.01, "invalid_prompt", 400)]),
    # a refusal that says itself that time mends it, and one that does not though its status does
    ("no_retry", set(), [locked(0), locked(1), call(2)]),
    ("retry", {"good"}, [locked(0), locked(1), call(2)]),
    ("back_off", {"bad"}, [locked(0), locked(0.01), locked(0.02)]),
    ("back_off", {"good"}, [locked(0), locked(1), locked(2), locked(3), call(4)]),
    ("no_retry", {"unknown"}, [call(0, 404), call(1, 404), call(2)]),
    ("no_retry", {"bad"}, [call(0, 404), call(1, 404)]),
    ("no_retry", {"bad"}, [call(0, 400, scenario="s"), call(1)]),
    ("no_retry", {"bad"}, [call(0, 500, advice=NEVER), call(1)]),
    ("no_retry", {"good"}, [quota(0)]),
    ("no_retry", {"bad"}, [quota(0), quota(1)]),
    ("no_retry", {"unknown"}, [attempt(n, n, 429, response=QUOTA) for n in range(3)]),
    ("no_retry", {"bad"}, [attempt(n, 0, 429, response=QUOTA) for n in range(3)]),
    ("retry", set(), [quota(0), quota(1)]),
    # what was not read is not known to be the same
    ("no_retry", {"unknown"}, [call(n, 413, request=b"") for n in (0, 1)]),
    ("no_retry", {"bad"}, [call(n, 413) for n in (0, 1)]),
    # pauses that chance decides, and those that a date dictates
    ("back_off", set(), [call(n, 429, advice=DATED) for n in range(4)]),
    ("back_off", {"unknown"}, [call(n, 500) for n in (0, 1.9, 2.4, 4.2)]),
    ("back_off", {"bad"}, [call(n, 500) for n in (0, 1, 2.1, 3)]),
    ("back_off", {"bad"}, [call(n, 500) for n in (0, 4, 6, 7, 7.5)]),
    ("polling", {"unknown"}, polls(0, 1.4, 2.8, 3.4, 4.1)),
    ("polling", {"bad"}, polls(0, 1.4, 2.4, 3.1, 3.5)),
    # reading the result is no polling
    ("end_of_polling", {"unknown"}, [*polls(0, 1, 2), *(poll(at, "completed") for at in (3, 3.01, 3.02))]),
    ("end_of_polling", {"unknown"}, [*polls(0, 1, 2), *(poll(at, "completed") for at in (3, 30, 60))]),
    ("end_of_polling", {"unknown"}, [*polls(0, 1), *(poll(at, "completed", query=f"include={at}") for at in (2, 3, 4))]),
    ("end_of_polling", {"bad"}, [*polls(0, 1, 2), *(poll(at, "completed") for at in (3, 4.1, 5.3))]),
    # a synchronous response ends with its connection: there may be nothing to look at
    ("duplicates", {"unknown"}, [torn(0), call(1, body={"stream": True})]),
    ("duplicates", {"bad"}, [torn_run(0), run_anew(1)]),
    # who cancels a run may start another
    ("resume", {"good"}, [torn_run(0), cancelled(1), run_anew(2)]),
    ("unfinished_stream", {"good"}, [torn_run(0), cancelled(1), run_anew(2)]),
    ("duplicates", {"good"}, [torn_run(0), cancelled(1), run_anew(2)]),
    ("resume", {"bad"}, [torn_run(0), run_anew(1), cancelled(2)]),
    ("resume", {"good"}, [torn_run(0), resumed(1), cancelled(2)]),
    # who hangs up of its own accord has not been cut off
    ("unfinished_stream", set(), [torn(0, fault="duplicate", has_left=True), call(1, body={"previous_response_id": R})]),
    ("retry", set(), [call(0, fault="duplicate", is_whole=False, has_left=True)]),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "said", "entries"), ROWS)
def test_what_a_rule_says(rule, said, entries):
    named = [entry._replace(id=f"req_{index}") for index, entry in enumerate(entries)]
    found = [judgement for judgement in judge(named).judgements if judgement.rule == rule]
    assert {judgement.verdict for judgement in found} == said, found


def test_a_journal_of_other_calls_is_not_called_empty():
    assert judge([call(0, 404, operation="")]).summary == "Nothing to judge: the journal has no call to an API that is emulated."


def calls_of_the_sdk(random, began_s):
    """The attempts of a few calls that one worker makes with the official SDK, one after another."""
    most, now = random.choice([2, 4]), began_s
    for _ in range(random.randint(1, 3)):
        for count in range(most + 1):
            kind, took_s = random.choice(["fine", "limited", "limited", "broken", "silent"]), random.uniform(0.001, 0.3)
            wait_s = random.choice([0.2, 1, 3])
            if kind == "limited":
                yield attempt(now, count, 429, took_s=took_s, advice={"retry-after-ms": str(wait_s * 1000)})
            elif kind == "silent":
                yield attempt(now, count, None, took_s=took_s, fault="disconnect", is_whole=False)
            else:
                yield attempt(now, count, 500 if kind == "broken" else 200, took_s=took_s)
            back_off_s = min(0.5 * 2**count, 8) * (1 - 0.25 * random.random())
            now += took_s + random.uniform(0.0005, 0.05) + (wait_s if kind == "limited" else back_off_s)
            if kind == "fine":
                break


@pytest.mark.parametrize("seed", [*range(60), 1745, 3845])
def test_workers_that_use_the_sdk_are_never_bad(seed):
    """Side by side, under one key, with the same body."""
    random = Random(seed)
    workers = [calls_of_the_sdk(random, random.uniform(0, 3)) for _ in range(random.randint(1, 5))]
    entries = [entry for worker in workers for entry in worker]
    bad = [found for found in judge(entries).judgements if found.verdict == "bad"]
    assert not bad


SCENARIO = """
steps:
  - {when: {input: crowded}, times: 2, error: {code: rate_limit_exceeded, headers: {retry-after-ms: "200"}}}
  - {when: {input: twice}, reply: one two three four five six seven, pace: {rate: 5/s}, fault: {duplicate: output_text.delta#1}}
  - {when: {input: quota}, error: insufficient_quota}
  - {when: {input: long}, reply: one two three four}
  - {reply: fine}
"""


def test_side_by_side_calls_of_the_sdk(serve):
    server = serve(SCENARIO)

    async def ask():
        async with AsyncOpenAI(base_url=server.base_url, api_key="test-key", max_retries=2) as client:
            return await asyncio.gather(*(client.responses.create(model="gpt-4o", input="crowded") for _ in range(2)))

    assert [answer.output_text for answer in asyncio.run(ask())] == ["fine", "fine"]
    judged = told(server)["judgements"]
    assert [(each["rule"], each["verdict"]) for each in judged] == [*[("retry_after", "good")] * 2, *[("retry", "good")] * 2]


def test_the_sdk_and_a_quota(serve, monkeypatch):
    server = serve(SCENARIO)
    monkeypatch.setattr("openai._base_client.SyncAPIClient._sleep_for_retry", lambda *_, **__: None)
    with pytest.raises(openai.RateLimitError):
        sdk(server, max_retries=2).responses.create(model="gpt-4o", input="quota")
    assert words(server) == {"no_retry": "unknown"}


def test_a_locked_conversation_is_asked_again(serve):
    server = serve("steps: [{when: {input: slow}, reply: one two three, pace: {rate: 1/s}}, {reply: fine}]", clock="real")
    client = server.sdk()
    conversation = client.conversations.create().id
    stream = iter(client.responses.create(model="gpt-4o", input="slow", conversation=conversation, stream=True))
    next(stream)
    with pytest.raises(openai.BadRequestError, match="Another process"):
        client.responses.create(model="gpt-4o", input="x", conversation=conversation)
    assert httpx.post(f"{server.url}/_mock/clock", json={"advance": "1h"}, headers=AS_ONE).status_code == 200
    assert [*stream][-1].type == "response.completed"
    client.responses.create(model="gpt-4o", input="x", conversation=conversation)
    assert words(server) == {"retry": "good"}


def test_a_client_that_hangs_up_of_its_own_accord(serve):
    server = serve(SCENARIO, clock="real")
    with server.sdk().responses.create(model="gpt-4o", input="twice", stream=True) as stream:
        response_id = next(iter(stream)).response.id
    journal = []
    while not journal:  # the server notices a moment later
        journal = httpx.get(f"{server.url}/_mock/requests", headers=AS_ONE).json()["data"]
    server.post({"model": "gpt-4o", "input": "y", "previous_response_id": response_id})
    assert words(server) == {"no_retry": "good"}


def test_a_stream_cut_exactly_behind_an_event(serve):
    """Who resumes behind the last event that came has left nothing out."""
    server = serve(SCENARIO)
    body = {"model": "gpt-4o", "input": "long", "stream": True, "background": True}
    whole = server.post(body).content
    cut = whole.index(b"\n\n", whole.index(b"output_text.delta")) + 2
    seen = parse_sse(whole[:cut].decode())
    armed = {"name": "cut", "fault": {"disconnect": {"after_bytes": cut}}}
    key = AS_ONE
    assert httpx.post(f"{server.url}/_mock/faults", json=armed, headers=key).status_code == 200
    client = server.sdk()
    events = []
    with pytest.raises(openai.APIConnectionError):
        events.extend(each for each in client.responses.create(**body) if not events.append(each))
    server.settle()
    assert events[-1].sequence_number == seen[-1][1]["sequence_number"]
    httpx.delete(f"{server.url}/_mock/faults", headers=key)
    assert [*client.responses.retrieve(events[0].response.id, stream=True, starting_after=events[-1].sequence_number)]
    assert words(server) == {"unfinished_stream": "good", "resume": "good"}


def test_a_body_cut_behind_its_last_byte_is_whole(serve):
    server = serve("steps: [{reply: fine}]")
    length = len(server.post({"model": "gpt-4o", "input": "x"}).content)
    fault = {"x-mock-fault": f"disconnect: {{after_bytes: {length}}}"}
    server = serve("steps: [{reply: fine}]", fault_header=True)
    assert len(server.post({"model": "gpt-4o", "input": "x"}, headers=fault).content) == length
    assert told(server)["verdict"] is None


@pytest.mark.parametrize("is_stream", [False, True])
def test_who_has_all_of_a_slow_body_may_leave(serve, is_stream):
    """Right behind the last byte, or the terminal event: it has waited for all that came."""
    server = serve("steps: [{reply: one two, fault: {slow_body: 40kB/s}}]", clock="real")
    body = {"model": "gpt-4o", "input": "x", "stream": is_stream}
    with httpx.stream("POST", f"{server.base_url}/responses", json=body, headers=AS_ONE) as answer:
        seen = b""
        for piece in answer.iter_raw():
            seen += piece
            if b"event: response.completed" in seen and seen.endswith(b"\n\n"):
                break
    assert b'"status":"completed"' in seen or b'"status": "completed"' in seen
    server.settle()
    assert told(server)["summary"] == "Nothing to judge: 1 of 1 calls met a fault or an error."
