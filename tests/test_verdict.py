"""The verdict on a client: each rule by rows of the journal, then real clients against a server, then the command."""

import asyncio
import json
from collections import deque
from functools import partial

import httpx
import openai
import pytest
from click.testing import CliRunner
from openai import AsyncOpenAI, OpenAI

from mockapi.cli import main
from mockapi.engine.plan import Background, Plan
from mockapi.engine.score import USUAL_KEY
from mockapi.stores.records import Entry
from mockapi.verdict import RULES, judge
from mockapi.wire.objects import Echo

R = "resp_" + "0" * 50


def plan(**fields):
    return Plan(b"\1" * 32, 0.0, Echo(*([b""] * 10)), b"[]", USUAL_KEY, {}, id=R, **fields).to_bytes()


def call(began_s, status=200, **fields):
    """A create in the journal that began then; `after` is what the answer told, `body` what was asked."""
    took_s, body = fields.pop("took_s", 0.0), {"model": "m", "input": "x", **fields.pop("body", {})}
    told = {
        "operation": "responses.create",
        "method": "POST",
        "path": "/v1/responses",
        "query": "",
        "headers": {},
        "response": b"",
    }
    request = json.dumps(body).encode() if fields.get("method", "POST") == "POST" else b""
    entry = {
        "id": "",
        "at": 0.0,
        "took_ms": took_s * 1000,
        "request": request,
        "status": status,
        **told,
        "project": "p",
        **fields,
    }
    return Entry(began_s=began_s, **entry)


def poll(began_s, status="in_progress", **fields):
    """A GET of the response."""
    body = json.dumps({"id": R, "status": status}).encode()
    what = {"operation": "responses.retrieve", "method": "GET", "path": f"/v1/responses/{R}", "response": body}
    return call(began_s, **{**what, **fields})


REFUSED = {"retry-after": "2"}
NEVER = {"x-should-retry": "false"}
resumed = partial(poll, response=b"", query="stream=true&starting_after=4")
torn = partial(call, body={"stream": True}, fault="truncate", is_whole=False, last_event=4, plan=plan())
torn_run = partial(torn, body={"stream": True, "background": True}, plan=plan(background=Background()))
unseen = partial(call, status=None, fault="disconnect", is_whole=False, plan=plan())
made = partial(unseen, operation="conversations.create", plan=b"", response=b'{"id": "conv_1"}')


def failing(*moments, status=500, **fields):
    return [call(moment, status, **fields) for moment in moments]


def polls(*moments):
    return [poll(moment) for moment in moments]


ROWS = [
    # what comes too soon, and what does not
    ("retry_after", "good", "2 s", [call(0, 429, advice=REFUSED), call(2.1)]),
    ("retry_after", "good", "2 s", [call(0, 429, advice=REFUSED), call(1.996)]),
    ("retry_after", "bad", "after 1 s; it was told to wait 2 s", [call(0, 429, advice=REFUSED), call(1)]),
    ("retry_after", "bad", "after 10 ms; it was told to wait 50 ms", [call(0, 429, advice={**REFUSED, "retry-after-ms": "50"}), call(0.01)]),
    ("retry_after", "bad", "after 100 ms", [call(0, 503, advice=REFUSED), call(2.5, 503, advice=REFUSED), call(2.6)]),
    ("retry_after", None, "", [call(0, 429, advice=REFUSED)]),
    ("retry_after", None, "", [call(0, 429, advice=REFUSED), call(0.1, body={"input": "else"})]),
    ("retry_after", None, "", [call(0, 429, advice=REFUSED), call(0.1, project="another")]),
    ("retry_after", None, "", [call(0, 429, advice={"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}), call(0.1)]),
    ("retry_after", None, "", [call(0, 429, advice={"retry-after": "inf"}), call(0.1)]),
    ("retry_after", "good", "300 s", [call(0, 429, advice={"retry-after": "300"}), call(301)]),
    # what no retry helps
    ("no_retry", "good", "a 400", failing(0, status=400)),
    ("no_retry", "bad", "2 more times, after a 401", failing(0, 1, 2, status=401)),
    ("no_retry", "bad", "1 more times, after a 500", failing(0, 1, advice=NEVER)),
    ("no_retry", "good", "a 500", failing(0, advice=NEVER)),
    ("no_retry", "good", "a 400", failing(0, 100, status=400)),
    ("no_retry", None, "", failing(0, 1, status=409)),
    ("no_retry", None, "", failing(0, 1, status=400, advice={"x-should-retry": "true"})),
    # what a retry may help
    ("retry", "good", "after a 500, and had its answer at attempt 2", [*failing(0), call(1)]),
    ("retry", "good", "after a 408, and gave up at attempt 3", failing(0, 1, 2, status=408)),
    ("retry", "good", "after no answer", [unseen(0), call(1)]),
    ("retry", "good", "after half an answer", [call(0, fault="truncate", is_whole=False), call(1)]),
    ("retry", "bad", "Made 11 attempts", failing(*range(11))),
    ("retry", "unknown", "after a 409", failing(0, status=409)),
    ("retry", None, "", [call(0), call(1)]),
    ("retry", None, "", [call(0, is_whole=False), call(1)]),
    ("retry", None, "", [torn(0), call(1, body={"stream": True})]),
    # pauses
    ("back_off", "good", "500 ms, 1 s, 2 s", failing(0, 0.5, 1.5, 3.5)),
    ("back_off", "good", "more and more", failing(0, 8, 15, 21)),
    ("back_off", "bad", "Hammered", failing(0, 0.001, 0.002)),
    ("back_off", "bad", "did not grow: 1 s, 1 s, 1 s", failing(0, 1, 2, 3)),
    ("back_off", "bad", "and 4 more", failing(*range(11))),
    ("back_off", "unknown", "may be chance", failing(0, 1, 2)),
    ("back_off", None, "", failing(0, 0.001)),
    ("back_off", None, "", failing(0, 0.001, 0.002, status=400)),
    ("back_off", None, "", failing(0, 3, 6, 9, advice=REFUSED)),
    ("back_off", "bad", "did not grow: 1 s, 1 s, 1 s", failing(0, 11, 22, 33, took_s=10)),
    # a stream without its end
    ("unfinished_stream", "good", "it asked again", [torn(0), call(1, body={"stream": True})]),
    ("unfinished_stream", "good", "the response was read", [torn(0), poll(1)]),
    ("unfinished_stream", "good", "was resumed", [torn_run(0), resumed(1)]),
    ("unfinished_stream", "good", "it hung up", [torn(0, fault="stall")]),
    ("unfinished_stream", "bad", "as if it were whole", [torn(0), call(1, body={"previous_response_id": R}), poll(2)]),
    ("unfinished_stream", "good", "was read", [torn(0), poll(1), call(2, body={"previous_response_id": R})]),
    ("unfinished_stream", "unknown", "no later call", [torn(0), call(1)]),
    ("unfinished_stream", "unknown", "no later call", [torn(0), call(1, request=b"{"), call(2, request=b"[]")]),
    ("unfinished_stream", None, "", [torn(0, is_whole=True)]),
    # a background stream that broke off
    ("resume", "good", "behind event 4", [torn_run(0), resumed(1)]),
    ("resume", "good", "behind event 4", [torn_run(0), resumed(1, query="stream=true")]),
    ("resume", "bad", "behind event 5, but had seen them up to 4", [torn_run(0), resumed(1, query="stream=true&starting_after=5")]),
    ("resume", "good", "Read the response", [torn_run(0), poll(1)]),
    ("resume", "bad", "anew", [torn_run(0), call(1, body={"stream": True, "background": True})]),
    ("resume", "bad", "anew", [torn_run(0), torn_run(1), resumed(2)]),
    ("resume", "unknown", "nobody asked for the rest", [torn_run(0)]),
    ("resume", None, "", [torn(0), call(1, body={"stream": True})]),
    ("resume", None, "", [torn_run(0, last_event=-1), torn_run(1, is_whole=True)]),
    ("resume", "good", "behind event 7", [resumed(0, fault="disconnect", is_whole=False, last_event=7), resumed(1)]),
    # polls
    ("polling", "good", "1 s, 1 s, 1 s", polls(0, 1, 2, 3)),
    ("polling", "good", "1 s, 2 s", [*polls(0, 1), poll(3, "completed")]),
    ("polling", "bad", "tight loop", polls(0, 0.001, 0.002)),
    ("polling", "bad", "shorter and shorter", polls(0, 4, 6, 7, 7.5)),
    ("polling", "unknown", "may be chance", polls(0, 4, 6)),
    ("polling", None, "", polls(0, 1)),
    ("polling", None, "", [poll(moment, "completed") for moment in (0, 0.001, 0.002)]),
    ("end_of_polling", "good", "completed", [*polls(0, 1), poll(2, "completed")]),
    ("end_of_polling", "unknown", "once more after it was failed", [*polls(0), poll(2, "failed"), poll(3, "failed")]),
    ("end_of_polling", "bad", "2 more times", [*polls(0), *(poll(n, "cancelled") for n in (1, 2, 3))]),
    ("end_of_polling", None, "", polls(0, 1, 2)),
    # the same thing twice
    ("duplicates", "bad", R, [torn_run(0), call(1, body={"stream": True, "background": True})]),
    ("duplicates", "good", "Looked at", [torn(0), poll(1), torn(2)]),
    ("duplicates", "good", "Idempotency-Key", [unseen(n, headers={"idempotency-key": "k"}) for n in (0, 1)]),
    ("duplicates", "unknown", "could not", [unseen(0, headers={"idempotency-key": "k"}), call(1, headers={"idempotency-key": "l"})]),
    ("duplicates", "unknown", "could not", [unseen(0), call(1)]),
    ("duplicates", "unknown", "could not", [torn(0, plan=plan(is_stored=False)), torn(1, is_whole=True)]),
    ("duplicates", "unknown", "could not", [torn(0, last_event=-1), torn(1, is_whole=True)]),
    ("duplicates", "unknown", "had made conv_1", [made(0), made(1)]),
    ("duplicates", None, "", failing(0, 1)),
    ("duplicates", None, "", [unseen(0)]),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "word", "said", "entries"), ROWS)
def test_each_rule(rule, word, said, entries):
    named = [entry._replace(id=f"req_{index}") for index, entry in enumerate(entries)]
    found = [judgement for judgement in judge(named).judgements if judgement.rule == rule]
    first = found[0] if found else None
    assert (first and first.verdict) == word, first
    if first is not None:
        assert said in first.why
        assert first.why.endswith(".")
        assert set(first.evidence) <= {entry.id for entry in named}
        assert len(first.evidence) >= 1


def test_every_rule_has_rows_of_every_kind_it_can_give():
    assert {row[0] for row in ROWS} == set(RULES)
    for rule in RULES:
        assert {"good", "bad"} <= {row[1] for row in ROWS if row[0] == rule} - {None} or rule == "retry_after"


def test_the_order_of_the_journal_does_not_matter():
    entries = [call(n, 500, id=f"req_{n}") for n in (0, 1, 3, 7)]
    assert judge(entries) == judge(entries[::-1])


def test_calls_at_the_same_time_are_no_retries():
    assert judge([call(0, 500, took_s=5), call(1, 500, took_s=5), call(2, took_s=5)]).word == "unknown"


def test_nothing_to_judge_is_not_good():
    assert (judge([]).word, judge([]).summary) == (None, "Nothing to judge: the journal is empty.")
    fine = judge([call(0), call(1)])
    assert (fine.word, fine.summary) == (None, "Nothing to judge: no fault met any of 2 calls.")
    assert judge([call(0, fault="duplicate")]).summary == "Nothing to judge: 1 of 1 calls met a fault or an error."
    assert judge([call(0)], 7).summary.endswith("7 older calls were not judged: the journal has forgotten them.")
    assert judge([call(0, 500, operation="webhooks.delivery")]).calls == 0


def test_the_whole_is_as_bad_as_its_worst_part():
    good, unknown, bad = [*failing(0), call(1)], failing(0, project="q"), failing(0, 1, status=400, project="r")
    assert [judge(calls).word for calls in (good, [*good, *unknown], [*good, *unknown, *bad])] == ["good", "unknown", "bad"]
    assert judge([*good, *unknown, *bad]).summary == "1 bad, 1 unknown, 1 good; 4 of 5 calls met a fault or an error."


SCENARIO = """
steps:
  - when: {input: busy}
    times: 1
    error: {code: rate_limit_exceeded, headers: {retry-after-ms: "20"}}
  - {when: {input: crowded}, times: 2, error: rate_limit_exceeded}
  - {when: {input: wrong}, error: {code: invalid_prompt, status: 400}}
  - {when: {input: refused}, times: 1, fault: disconnect, reply: here}
  - {when: {input: cut}, times: 1, reply: one two three four, fault: {disconnect: output_text.delta#2}}
  - {when: {input: endless}, reply: one two three four, fault: {drop: completed}}
  - {when: {input: whole}, reply: one two, fault: {truncate: completed}}
  - {when: {input: torn}, reply: one two, fault: {disconnect: {after_bytes: 20}}}
  - {when: {input: spoiled}, reply: one two, fault: {malformed: completed}}
  - {when: {input: late}, reply: one two, fault: {reorder: output_text.done}}
  - {when: {input: failing}, reply: one two, fault: {stream_error: {at: 4}}}
  - {when: {input: half}, reply: one two, fault: corrupt_json}
  - {when: {input: page}, reply: one two, fault: {html_error: 503}}
  - {when: {input: silent}, reply: one two, fault: {stall: {at: output_text.delta#1}}}
  - {reply: fine}
"""


@pytest.fixture
def server(serve):
    return serve(SCENARIO)


def told(server, **params):
    answer = httpx.get(f"{server.url}/_mock/verdict", params=params, headers={"authorization": "Bearer test-key"})
    assert answer.status_code == 200, answer.text
    return answer.json()


def words(server):
    return {judgement["rule"]: judgement["verdict"] for judgement in told(server)["judgements"]}


def sdk(server, **options):
    server.clients.append(OpenAI(base_url=server.base_url, api_key="test-key", **options))
    return server.clients[-1]


def test_the_sdk_waits_as_it_is_told(server):
    assert sdk(server, max_retries=2).responses.create(model="gpt-4o", input="busy").output_text == "fine"
    assert words(server) == {"retry_after": "good", "retry": "good"}
    body = told(server)
    assert (body["verdict"], body["calls"], body["met"], body["forgotten"]) == ("good", 2, 1, 0)
    journal = httpx.get(f"{server.url}/_mock/requests", headers={"authorization": "Bearer test-key"}).json()["data"]
    assert body["judgements"][0]["evidence"] == [entry["id"] for entry in journal]


def test_the_async_sdk_waits_too(server):
    async def ask():
        async with AsyncOpenAI(base_url=server.base_url, api_key="test-key", max_retries=2) as client:
            return await client.responses.create(model="gpt-4o", input="busy")

    assert asyncio.run(ask()).output_text == "fine"
    assert words(server) == {"retry_after": "good", "retry": "good"}


def test_the_sdk_leaves_alone_what_is_hopeless(server):
    with pytest.raises(openai.BadRequestError):
        sdk(server, max_retries=2).responses.create(model="gpt-4o", input="wrong")
    assert words(server) == {"no_retry": "good"}


def test_the_sdk_asks_again_after_a_dropped_connection(server, monkeypatch):
    monkeypatch.setattr("openai._base_client.SyncAPIClient._sleep_for_retry", lambda *_, **__: None)
    sdk(server, max_retries=2).responses.create(model="gpt-4o", input="refused")
    assert words(server) == {"retry": "good", "duplicates": "unknown"}


def test_a_client_that_hammers(server):
    while server.post({"model": "gpt-4o", "input": "crowded"}).status_code == 429:
        pass
    for _ in range(3):
        server.post({"model": "gpt-4o", "input": "wrong"})
    assert words(server) == {"retry_after": "bad", "retry": "good", "no_retry": "bad"}
    assert told(server)["verdict"] == "bad"


def torn_stream(server, client, **options):
    """(the id, the last number) that a client has seen of a stream which is cut."""
    stream, seen = client.responses.create(model="gpt-4o", input="cut", stream=True, **options), []
    with pytest.raises(openai.APIConnectionError):
        deque(map(seen.append, stream))
    server.settle()
    return seen[0].response.id, seen[-1].sequence_number


def test_a_client_that_resumes(server):
    client = server.sdk()
    response_id, last = torn_stream(server, client, background=True)
    assert [*client.responses.retrieve(response_id, stream=True, starting_after=last)][-1].type == "response.completed"
    assert words(server) == {"unfinished_stream": "good", "resume": "good"}
    assert f"behind event {last}." in told(server)["judgements"][1]["why"]


def test_a_client_that_starts_anew(server):
    client = server.sdk()
    torn_stream(server, client, background=True)
    assert [*client.responses.create(model="gpt-4o", input="cut", stream=True, background=True)]
    assert words(server) == {"unfinished_stream": "good", "resume": "bad", "duplicates": "bad"}


def test_a_client_that_looks_before_it_asks_again(server):
    client = server.sdk()
    response_id, _ = torn_stream(server, client)
    client.responses.retrieve(response_id)
    client.responses.create(model="gpt-4o", input="cut", stream=True).close()
    assert words(server) == {"unfinished_stream": "good", "duplicates": "good"}


@pytest.mark.parametrize(
    ("text", "seen"),
    [("endless", "unknown"), ("torn", "unknown"), ("spoiled", "unknown"), ("whole", None), ("late", None), ("failing", None)],
)
def test_which_streams_have_an_end(server, text, seen):
    with httpx.Client() as client:
        body = {"model": "gpt-4o", "input": text, "stream": True}
        try:
            client.post(f"{server.base_url}/responses", json=body, headers={"authorization": "Bearer test-key"})
        except httpx.RemoteProtocolError:
            assert text == "torn"
    server.settle()
    assert words(server).get("unfinished_stream") == seen


def test_a_client_that_hangs_up_on_silence(server):
    with pytest.raises(openai.APITimeoutError):
        [*server.sdk(timeout=0.1).responses.create(model="gpt-4o", input="silent", stream=True)]
    server.settle()
    assert words(server) == {"unfinished_stream": "good"}


@pytest.mark.parametrize(
    ("text", "said"), [("half", "half an answer"), ("page", "a 503"), ("failing", "a 500"), ("torn", "half")]
)
def test_which_bodies_are_whole(server, text, said):
    try:
        server.post({"model": "gpt-4o", "input": text})
    except httpx.RemoteProtocolError:
        assert text == "torn"
    server.settle()
    (judgement,) = told(server)["judgements"]
    assert (judgement["rule"], judgement["verdict"]) == ("retry", "unknown")
    assert said in judgement["why"]


def test_a_run_that_takes_its_time_is_polled_too_often(serve):
    server = serve("steps: [{reply: done, background: {in_progress: 8}}]")
    client = server.sdk()
    response = client.responses.create(model="gpt-4o", input="x", background=True)
    while response.status != "completed":
        response = client.responses.retrieve(response.id)
    for _ in range(2):
        client.responses.retrieve(response.id)
    assert words(server) == {"polling": "bad", "end_of_polling": "bad"}
    assert told(server)["summary"] == "2 bad; no fault met any of 12 calls."


def test_what_the_journal_has_forgotten_is_told(serve):
    server = serve(SCENARIO, journal=2)
    for _ in range(5):
        server.post({"model": "gpt-4o", "input": "x"})
    assert (told(server)["forgotten"], told(server, project="*")["forgotten"]) == (3, 3)
    assert told(server)["verdict"] is None
    httpx.delete(f"{server.url}/_mock/requests", headers={"authorization": "Bearer test-key"})
    assert told(server)["summary"] == "Nothing to judge: the journal is empty."


def test_clients_are_told_apart(server):
    for key in ("one", "two"):
        server.post({"model": "gpt-4o", "input": "wrong"}, key=key)
    body = told(server, project="*")
    assert [judgement["verdict"] for judgement in body["judgements"]] == ["good", "good"]
    assert told(server)["calls"] == 0


def run(server, *arguments, **options):
    return CliRunner().invoke(main, ["verdict", "--url", server.url, *arguments], env={"OPENAI_API_KEY": ""}, **options)


def test_the_command_shows_a_table(server):
    assert run(server).output == "Nothing to judge: the journal is empty.\n"
    for _ in range(6):
        server.post({"model": "gpt-4o", "input": "wrong"})
    server.post({"model": "gpt-4o", "input": "page"})
    result = run(server, "--key", "test-key")
    assert result.exit_code == 1
    first, evidence, second, _, summary = result.output.splitlines()
    assert first == "bad      no_retry           Sent the same call again, 5 more times, after a 400, which no retry helps."
    assert evidence.split()[:2] == told(server)["judgements"][0]["evidence"][:2]
    assert evidence.endswith(" and 2 more")
    assert second.startswith("unknown  retry              Did not ask again after a 503;")
    assert summary == "1 bad, 1 unknown; 7 of 7 calls met a fault or an error."


def test_the_command_as_json(server):
    server.post({"model": "gpt-4o", "input": "page"})
    result = run(server, "--key", "test-key", "--json")
    assert (result.exit_code, json.loads(result.output)) == (0, told(server))
    for scope in ([], ["--project", "*"]):
        assert json.loads(run(server, "--json", *scope).output)["calls"] == 1
    assert json.loads(run(server, "--json", "--key", "test-key", "--project", "proj_2").output)["calls"] == 0
    assert json.loads(run(server, "--json", "--key", "other").output)["calls"] == 0


def test_wrong_usage_is_2(serve):
    server = serve(SCENARIO, admin_key="secret")
    said = {
        run(server): "X-Mock-Admin-Key",
        run(server, "--project", "proj_1"): "give --key",
        CliRunner().invoke(
            main, ["verdict", "--url", "http://127.0.0.1:1"]
        ): "no server answers at http://127.0.0.1:1/_mock/verdict",
        CliRunner().invoke(main, ["verdict", "--url", "127.0.0.1:7357"]): "http://HOST:PORT",
        CliRunner().invoke(main, ["verdict", "--url", "http://[::1"]): "http://HOST:PORT",
        CliRunner().invoke(main, ["verdict", "--url", f"{server.url}/v1/nowhere"]): "this does not look like mockapi",
        CliRunner().invoke(main, ["verdict", "--nonsense"]): "No such option",
    }
    for result, words_of_it in said.items():
        assert result.exit_code == 2
        assert words_of_it in result.output
    assert run(server, "--admin-key", "secret").exit_code == 0
