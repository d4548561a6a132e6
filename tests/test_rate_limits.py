"""Rate limits: token buckets on the project's clock, told in the real API's words (ERRORS.md §8, §11)."""

import asyncio
import re

import httpx
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from openai import OpenAI, RateLimitError
from starlette.testclient import TestClient

from mockapi.cli import main
from mockapi.clock import EPOCH
from mockapi.scenario.load import load_text
from mockapi.server import build_app
from mockapi.settings import Settings
from mockapi.stores.memory import MemoryStore
from mockapi.wire.buckets import MINUTE_S, Bucket, Demand, draw, seconds_until
from mockapi.wire.limits import Gauge, Limit, Payer, Rates, limit_error, parse_limit, rate_headers

from .conftest import ROOT, HandClock, make_app

ASK = {"model": "gpt-4o", "input": "hi"}
HELP = "Visit https://platform.openai.com/account/rate-limits to learn more."
RATE_HEADERS = [f"x-ratelimit-{what}-{kind}" for what in ("limit", "remaining", "reset") for kind in ("requests", "tokens")]


def connect(text=None, key="k", **settings):
    return TestClient(make_app(text, **settings), headers={"authorization": f"Bearer {key}"}, base_url="http://localhost")


def limited(limits, **settings):
    """A server whose models have these limits, under the virtual clock."""
    return connect(f"rate_limits: {limits}\nsteps: [{{reply: hi}}]", **settings)


@pytest.fixture
def hand(monkeypatch):
    """A real clock in the test's hands, for every application made from here on."""
    clock = HandClock()
    monkeypatch.setattr("mockapi.server.make_clock", lambda name: clock)
    return clock


def ask(client, **changes):
    return client.post("/v1/responses", json={**ASK, **changes})


def shown(answer):
    return [answer.headers[name] for name in RATE_HEADERS]


def body_of(kind, message):
    """The bytes of a rate limit error: key order and pretty-printing are the real API's."""
    return (
        f'{{\n  "error": {{\n    "message": "{message}",\n    "type": "{kind}",\n    "param": null,\n'
        '    "code": "rate_limit_exceeded"\n  }\n}'
    )


def test_without_a_limit_the_headers_are_the_recorded_ones():
    answer = ask(connect())
    assert shown(answer) == ["30000", "150000000", "29999", "149999992", "2ms", "0s"]
    assert answer.json()["usage"]["input_tokens"] == 8


def test_requests_per_minute_to_the_letter(hand):
    client = limited("{gpt-4o: {rpm: 3}}")
    answers = [ask(client) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [shown(answer)[::2] for answer in answers] == [
        ["3", "2", "20s"],
        ["3", "1", "40s"],
        ["3", "0", "1m0s"],
        ["3", "0", "1m0s"],
    ]
    assert shown(answers[0])[1::2] == ["150000000", "149999992", "0s"]
    assert answers[3].headers["retry-after"] == "20"
    assert answers[3].headers["content-type"] == "application/json"
    message = f"Rate limit reached for gpt-4o in organization org-mock on requests per min (RPM): Limit 3, Used 3, Requested 1. Please try again in 20s. {HELP}"
    assert answers[3].text == body_of("requests", message)


def test_tokens_per_minute_to_the_letter(hand):
    client = limited("{gpt-4o: {tpm: 60}}")
    first = ask(client, max_output_tokens=40)  # 8 of input, 40 that may come out
    assert shown(first) == ["30000", "60", "29999", "12", "2ms", "48s"]
    hand.time += 0.5
    answer = ask(client, max_output_tokens=20)
    message = f"Rate limit reached for gpt-4o in organization org-mock on tokens per min (TPM): Limit 60, Used 48, Requested 28. Please try again in 15.5s. {HELP}"
    assert (answer.status_code, answer.text) == (429, body_of("tokens", message))
    assert answer.headers["retry-after"] == "16"
    assert shown(answer) == ["30000", "60", "29999", "12", "2ms", "47.5s"]


def test_a_request_above_the_limit_is_too_large_and_is_not_told_to_wait():
    client = limited("{gpt-4o: {rpm: 1, tpm: 100}}")
    ask(client)
    answer = ask(client, max_output_tokens=93)
    project = answer.headers["openai-project"]
    message = (
        f"Request too large for gpt-4o in project {project} organization org-mock on tokens per min (TPM): Limit 100, Requested 101. "
        f"The input or output tokens must be reduced in order to run successfully. {HELP}"
    )
    assert (answer.status_code, answer.text) == (429, body_of("tokens", message))
    assert "retry-after" not in answer.headers
    assert client.get("/_mock/clock").json()["now"] == "2026-01-01T00:00:00Z"


@pytest.mark.parametrize(
    ("key", "headers", "place"),
    [
        ("sk-proj-abc", {}, "in project {shown} organization org-mock"),
        ("k", {"openai-project": "proj_mine"}, "in project proj_mine organization org-mock"),
        ("k", {"openai-organization": "org-ours"}, "in organization org-ours"),
    ],
)
def test_project_keys_are_told_of_their_project(key, headers, place):
    client = limited("{gpt-4o: {rpm: 1}}", key=key)
    answers = [client.post("/v1/responses", json=ASK, headers=headers) for _ in range(2)]
    place = place.format(shown=answers[0].headers["openai-project"])
    assert answers[1].json()["error"]["message"].startswith(f"Rate limit reached for gpt-4o {place} on requests per min (RPM): ")


@pytest.mark.parametrize(
    ("wait_s", "told", "retry_after"),
    [
        (0.0001, "1ms", "1"),
        (0.084, "84ms", "1"),
        (1.0, "1s", "1"),
        (1.146, "1.146s", "2"),
        (8.64, "8.64s", "9"),
        (60.0, "1m0s", "60"),
    ],
)
def test_waits_are_told_as_the_real_api_tells_them(wait_s, told, retry_after):
    limit = 60_000_000
    error = limit_error("tokens", "m", Payer("o", "p"), Gauge(limit, limit - wait_s * 1_000_000), limit)
    assert f"try again in {told}. Visit" in error.message
    assert error.headers == {"retry-after": retry_after}


def test_resets_are_told_to_the_millisecond():
    names = rate_headers(Rates(Gauge(10, 0.0), Gauge(150_000_000, 149_999_970.0)))
    assert list(names) == RATE_HEADERS
    assert list(names.values()) == ["10", "150000000", "0", "149999970", "1m0s", "0s"]


def test_streams_and_background_creates_carry_no_rate_limit_headers():
    client = limited("{gpt-4o: {rpm: 2, tpm: 1000}}")
    kept = ("stream", "background")
    answers = [ask(client, **{flag: True}) for flag in kept for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 200, 429, 200]  # each refusal moves the clock by 30 s
    assert [name for answer in answers for name in answer.headers if name.startswith("x-ratelimit")] == []
    assert answers[2].headers["retry-after"] == "30"
    assert answers[2].headers["content-type"] == "application/json"


def test_who_is_over_the_limit_is_told_that_before_anything_else(hand):
    client = limited("{gpt-4o: {rpm: 2}}")
    broken = {"temperature": "hot"}
    assert [ask(client, **broken).status_code for _ in range(3)] == [400, 400, 429]  # an invalid request is a request
    assert ask(client, previous_response_id="resp_unknown").status_code == 429
    assert client.post("/v1/responses", content=b"{").status_code == 400  # not even JSON: no request
    hand.time += 30
    assert [ask(client, **changes).status_code for changes in ({}, broken)] == [200, 429]


def test_a_scenario_that_is_not_there_limits_nothing():
    client = connect("steps: [{reply: hi}]", rate_limit=Limit(rpm=1))
    unknown = [client.post("/scenarios/none/v1/responses", json=body) for body in (ASK, {}, ASK)]
    assert [answer.status_code for answer in unknown] == [404, 400, 404]
    assert ask(client).status_code == 200


def test_an_invalid_request_costs_no_tokens_and_a_refused_one_nothing(hand):
    client = limited("{gpt-4o: {rpm: 10, tpm: 30}}")
    answers = [
        ask(client, max_output_tokens=10_000),
        ask(client, max_output_tokens=-1),
        ask(client, max_output_tokens=20),
        ask(client),
    ]
    assert [answer.status_code for answer in answers] == [429, 400, 200, 429]
    assert [answers[n].headers["x-ratelimit-remaining-requests"] for n in (0, 2, 3)] == ["10", "8", "8"]
    assert [answers[n].headers["x-ratelimit-remaining-tokens"] for n in (0, 2, 3)] == ["30", "2", "2"]


def test_a_chain_is_charged_whole_at_each_turn(hand):
    client = limited("{gpt-4o: {tpm: 1000}}")
    first = ask(client).json()
    second = ask(client, previous_response_id=first["id"])
    assert second.json()["usage"]["input_tokens"] > first["usage"]["input_tokens"]
    spent = first["usage"]["input_tokens"] + second.json()["usage"]["input_tokens"]
    assert second.headers["x-ratelimit-remaining-tokens"] == str(1000 - spent)


def test_compact_is_limited_with_creates_and_other_calls_are_not():
    client = limited("{gpt-4o: {rpm: 2, tpm: 500}}")
    answer = client.post("/v1/responses/compact", json=ASK)
    left = 500 - answer.json()["usage"]["input_tokens"]
    assert shown(answer) == ["2", "500", "1", str(left), "30s", f"{60 * (500 - left) / 500:g}s"]
    assert ask(client).status_code == 200
    assert [client.post("/v1/responses/input_tokens", json=ASK).status_code for _ in range(3)] == [200] * 3
    assert client.post("/v1/conversations", json={}).status_code == 200
    refused = client.post("/v1/responses/compact", json={"model": "gpt-4o"})  # invalid, and over the limit
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "30")
    assert shown(refused)[0] == "2"
    assert client.post("/v1/responses/compact", json={"model": "gpt-4o"}).status_code == 400


def test_the_first_glob_of_the_first_scenario_counts_then_the_servers_limit(hand):
    client = limited("{gpt-4o-mini: {rpm: 1}, 'gpt-4o*': {rpm: 2}, 'gpt-4o-mini*': {rpm: 9}}", rate_limit=Limit(rpm=5))
    models = ("gpt-4o-mini", "gpt-4o", "gpt-4o-audio", "o3")
    assert [ask(client, model=model).headers["x-ratelimit-limit-requests"] for model in models] == ["1", "2", "2", "5"]
    assert [ask(client, model=model).status_code for model in models] == [429, 200, 200, 200]  # each model has its own bucket


def test_a_snapshot_and_its_alias_are_one_model(hand):
    client = limited("{gpt-4o: {rpm: 2}}")
    names = ["gpt-4o", "gpt-4o-2024-08-06", "gpt-4o"]
    assert [ask(client, model=model).status_code for model in names] == [200, 200, 429]


def test_a_prompts_model_is_limited_and_a_request_without_a_model_is_not():
    client = connect(
        "rate_limits: {o3: {rpm: 1}}\nprompts: {pmpt_1: {model: o3, messages: [{text: hi}]}}\nsteps: [{reply: hi}]",
    )
    assert [client.post("/v1/responses", json={"prompt": {"id": "pmpt_1"}}).status_code for _ in range(2)] == [200, 429]
    everybody = limited("{'*': {rpm: 1}}")
    bad = [{"input": "hi"}, {"model": 3, "input": "hi"}, {"model": "", "input": "hi"}]
    assert {everybody.post("/v1/responses", json=body).status_code for body in bad for _ in range(2)} == {400}


def test_each_scenario_has_buckets_of_its_own(hand):
    client = connect()
    for name, rpm in (("a", 1), ("b", 2)):
        text = f"rate_limits: {{'*': {{rpm: {rpm}}}}}\nsteps: [{{reply: hi}}]"
        client.put(f"/_mock/scenarios/{name}", content=text, headers={"content-type": "application/yaml"})
    statuses = {name: [client.post(f"/scenarios/{name}/v1/responses", json=ASK).status_code for _ in range(3)] for name in "ab"}
    assert statuses == {"a": [200, 429, 429], "b": [200, 200, 429]}
    assert ask(client).status_code == 429  # no scenario is named: the first one's limit


def test_projects_have_buckets_of_their_own_and_reset_fills_them(hand):
    client = limited("{'*': {rpm: 1}}")
    other = {"authorization": "Bearer other"}
    assert [ask(client).status_code for _ in range(2)] == [200, 429]
    assert client.post("/v1/responses", json=ASK, headers=other).status_code == 200
    assert client.post("/v1/responses", json=ASK, headers={"openai-project": "proj_2"}).status_code == 200
    client.post("/_mock/reset")
    assert ask(client).status_code == 200
    assert client.post("/v1/responses", json=ASK, headers=other).status_code == 429


def test_a_limit_that_is_changed_begins_with_a_full_bucket(hand):
    client = connect()

    def upload(rpm):
        text = f"rate_limits: {{'*': {{rpm: {rpm}}}}}\nsteps: [{{reply: hi}}]"
        client.put("/_mock/scenarios/s", content=text, headers={"content-type": "application/yaml"})

    upload(1)
    assert [ask(client).status_code for _ in range(2)] == [200, 429]
    upload(2)
    assert [ask(client).status_code for _ in range(3)] == [200, 200, 429]


def test_moving_the_clock_refills(hand):
    client = limited("{'*': {rpm: 60}}")
    assert [ask(client).status_code for _ in range(61)] == [200] * 60 + [429]
    client.post("/_mock/clock", json={"advance": "2500ms"})
    assert [ask(client).status_code for _ in range(3)] == [200, 200, 429]


def test_under_the_virtual_clock_a_refusal_moves_the_clock_by_what_it_told():
    client = limited("{'*': {rpm: 7}}")
    statuses = [ask(client).status_code for _ in range(10)]
    assert statuses == [200] * 7 + [429, 200, 429]  # told 9 s, then 9 s again
    assert client.get("/_mock/clock").json()["now"] == "2026-01-01T00:00:18Z"


def test_under_the_real_clock_a_refusal_moves_nothing(hand):
    client = limited("{'*': {rpm: 1}}")
    before = hand.time
    assert [ask(client).status_code for _ in range(3)] == [200, 429, 429]
    assert (hand.time, client.get("/_mock/clock").json()["now"]) == (before, "1970-01-12T13:46:40Z")


def test_a_retrying_sdk_gets_through(serve, monkeypatch):
    naps = []
    monkeypatch.setattr(OpenAI, "_sleep_for_retry", lambda self, **how: naps.append(how["response"].headers["retry-after"]))
    server = serve("rate_limits: {'*': {rpm: 2}}\nsteps: [{reply: hi}]")
    patient = server.sdk().with_options(max_retries=2)
    assert [patient.responses.create(**ASK).output_text for _ in range(6)] == ["hi"] * 6
    assert naps == ["30"] * 4
    impatient = server.sdk(key="other")
    with pytest.raises(RateLimitError) as caught:
        [impatient.responses.create(**ASK) for _ in range(3)]
    assert (caught.value.type, caught.value.code) == ("requests", "rate_limit_exceeded")


async def race(app, count, **changes):
    """The statuses of so many creates at once."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://t/v1", headers={"authorization": "Bearer k"}) as client:
        answers = await asyncio.gather(*(client.post("/responses", json={**ASK, **changes}) for _ in range(count)))
    return [answer.status_code for answer in answers]


@pytest.mark.parametrize(("limit", "changes"), [(Limit(rpm=10), {}), (Limit(tpm=1_000), {"max_output_tokens": 92})])
def test_racing_requests_never_overdraw(hand, monkeypatch, limit, changes):
    now = MemoryStore.get_offset

    async def slow(self, project):  # a store that is not memory lets others run at each call
        await asyncio.sleep(0)
        return await now(self, project)

    monkeypatch.setattr(MemoryStore, "get_offset", slow)
    statuses = asyncio.run(race(make_app("steps: [{reply: hi}]", rate_limit=limit), 50, **changes))
    assert (statuses.count(200), statuses.count(429)) == (10, 40)


def test_refused_requests_are_in_the_journal():
    client = limited("{'*': {rpm: 1}}")
    ask(client), ask(client)
    entries = client.get("/_mock/requests").json()["data"]
    assert [(entry["status"], entry["note"]) for entry in entries] == [(200, "test/step 1"), (429, "rate_limit_exceeded")]


def test_a_scripted_quota_error_comes_as_often_as_it_says_and_costs_its_request(hand):
    client = connect("rate_limits: {'*': {rpm: 3}}\nsteps: [{times: 2, error: insufficient_quota}, {reply: fine}]")
    answers = [ask(client) for _ in range(4)]
    assert [answer.json().get("error", {}) and answer.json()["error"]["code"] for answer in answers] == [
        "insufficient_quota", "insufficient_quota", None, "rate_limit_exceeded",
    ]  # fmt: skip
    assert [answer.status_code for answer in answers] == [429, 429, 200, 429]
    assert answers[0].json()["error"]["type"] == "insufficient_quota"


def test_refusals_use_no_step(hand):
    client = connect("rate_limits: {'*': {rpm: 1}}\nmode: script\nsteps: [{reply: one}, {reply: two}]")
    assert [ask(client).status_code for _ in range(2)] == [200, 429]
    hand.time += 60
    assert ask(client).json()["output"][0]["content"][0]["text"] == "two"


def test_two_runs_under_the_virtual_clock_give_the_same_bytes():
    runs = [[ask(client).content for _ in range(9)] for client in (limited("{'*': {rpm: 4, tpm: 50}}") for _ in range(2))]
    assert runs[0] == runs[1]
    assert len(set(runs[0])) > 4


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("60rpm", Limit(60)),
        ("100000tpm", Limit(tpm=100_000)),
        (" 60 RPM , 100000tpm ", Limit(60, 100_000)),
        ("1000000000tpm", Limit(tpm=1_000_000_000)),
        ("", None),
    ],
)
def test_limits_as_people_write_them(text, limit):
    assert parse_limit(text) == limit


@pytest.mark.parametrize("model", ["\\ud800", "{model}", "m\\n" * 1_000])
def test_strange_models_have_buckets_too(model):
    client = limited("{'*': {rpm: 1}}", rate_limit=Limit(9))
    body = b'{"input": "hi", "model": "%s"}' % model.encode()
    assert [client.post("/v1/responses", content=body).status_code for _ in range(2)][1] in (400, 429)


def test_the_pages_scenario_loads():
    page = (ROOT / "docs" / "limits.md").read_text()
    scenario = load_text(re.search(r"```yaml\n(.*?)```", page, re.DOTALL)[1])
    assert scenario.rate_limits == (("gpt-4o-mini", Limit(500)), ("gpt-4o*", Limit(60, 100_000)))


WRITTEN = "a rate limit is written like 60rpm, 100000tpm or 60rpm,100000tpm"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("60", f"{WRITTEN}, got '60'"),
        ("60rpm,", f"{WRITTEN}, got '60rpm,'"),
        ("1.5rpm", f"{WRITTEN}, got '1.5rpm'"),
        ("60rps", f"{WRITTEN}, got the unit 'rps'; did you mean 'rpm'?"),
        ("60xyz", f"{WRITTEN}, got the unit 'xyz'"),
        ("60rpm,5tpm,7rpm", "rpm is given twice in '60rpm,5tpm,7rpm'"),
        ("0rpm", "rpm is a whole number from 1 to 1000000000, got 0"),
        ("-5tpm", "tpm is a whole number from 1 to 1000000000, got -5"),
        ("1000000001tpm", "tpm is a whole number from 1 to 1000000000, got 1000000001"),
        ("x" * 50, f"{WRITTEN}, got '{'x' * 37}...'"),
    ],
)
def test_wrong_limits_are_refused_in_one_sentence(text, problem):
    result = CliRunner().invoke(main, ["serve"], env={"MOCKAPI_RATE_LIMIT": text})
    assert result.exit_code == 2
    assert result.output.splitlines()[-1] == f"Error: Invalid value for '--rate-limit' (env var: 'MOCKAPI_RATE_LIMIT'): {problem}"


def test_serve_takes_the_option(monkeypatch):
    seen = []
    monkeypatch.setattr("mockapi.server.serve", lambda settings, say: seen.append(settings.rate_limit))
    for arguments in (["--rate-limit", "60rpm,100000tpm"], []):
        assert CliRunner().invoke(main, ["serve", *arguments]).exit_code == 0
    assert seen == [Limit(60, 100_000), None]
    assert build_app(Settings(rate_limit=seen[0]))


MOMENTS = st.lists(st.tuples(st.floats(0, 90), st.integers(0, 120)), max_size=60)


@given(capacity=st.integers(1, 1_000_000_000), asked=MOMENTS, start=st.sampled_from([0.0, EPOCH, 1.8e9 + 0.123]))
def test_never_more_is_granted_than_capacity_and_refill(capacity, asked, start):
    now, bucket, grants = start, None, []
    for wait, amount in asked:
        now += wait
        demand = Demand(b"k", capacity, amount * capacity // 100)
        granted, (bucket,) = draw([bucket], [demand], now)
        assert bucket.level <= capacity
        if granted:
            grants.append((now, demand.amount))
            most = max(  # of every stretch of time that ends here
                sum(amount for _, amount in grants[n:]) - (now - since) * capacity / MINUTE_S
                for n, (since, _) in enumerate(grants)
            )
            assert most <= capacity * (1 + 1e-6)


@given(
    capacity=st.integers(1, 1_000_000_000),
    level=st.floats(0, 1),
    share=st.floats(0, 1),
    at=st.sampled_from([0.0, EPOCH, EPOCH + 0.1, 1.8e9 + 0.123]),
)
def test_after_the_wait_that_is_told_the_request_passes(capacity, level, share, at):
    demand, bucket = Demand(b"k", capacity, max(1, int(share * capacity))), Bucket(level * capacity, at)
    drawn = draw([bucket], [demand], at)
    if not drawn.is_granted:
        error = limit_error("tokens", "m", Payer("o", "p"), Gauge(capacity, drawn.buckets[0].level), demand.amount)
        retry_after = float(error.headers["retry-after"])
        assert draw([bucket], [demand], at + retry_after).is_granted
        assert retry_after - seconds_until(demand.amount, bucket.level, capacity) <= 1.01  # and no longer than needed
