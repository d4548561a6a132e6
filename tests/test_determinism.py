"""Two runs under the virtual clock give the same bytes, also with racing clients; under the real one only the time part differs."""

import asyncio
import re

import httpx
import pytest

from mockapi.wire.ids import digest, digest_within

from .conftest import SCENARIOS

CHAT = """
steps:
  - when: {input: coin}
    chance: 0.5
    error: server_error
    reply: heads
  - when: {input: jitter}
    pace: {first: 100ms, rate: 50/s, jitter: 50%}
    reply: a b c d e f
  - reply: "{{ input }} and so on"
"""


def one_run(serve, clients=16, turns=3):
    """Each client has a chain of its own; answers by client."""
    server = serve(CHAT)

    async def client(number, connection):
        answers, previous = [], None
        for turn in range(turns):
            body = {"model": "gpt-5.6", "input": f"client {number} turn {turn}", "stream": turn % 2 == 1}
            body |= {"previous_response_id": previous} if previous else {}
            answer = await connection.post("/responses", json=body)
            answers.append((answer.content, sorted(answer.headers.items())))
            previous = re.search(r"resp_[0-9a-f]{50}", answer.text)[0]
        return answers

    async def race():
        headers = {"authorization": "Bearer one-key"}
        async with httpx.AsyncClient(base_url=server.base_url, headers=headers, timeout=20) as connection:
            return await asyncio.gather(*(client(number, connection) for number in range(clients)))

    return asyncio.run(race())


def without_date(run):
    return [[(body, [h for h in headers if h[0] != "date"]) for body, headers in answers] for answers in run]


def test_two_runs_with_racing_clients_give_the_same_bytes(serve):
    assert without_date(one_run(serve)) == without_date(one_run(serve))


def test_racing_clients_that_say_the_same_get_the_same_set_of_answers(serve):
    def run():
        server = serve(CHAT)

        async def race():
            headers = {"authorization": "Bearer one-key"}
            async with httpx.AsyncClient(base_url=server.base_url, headers=headers, timeout=20) as connection:
                body = {"model": "gpt-4o", "input": "the same"}
                answers = await asyncio.gather(*(connection.post("/responses", json=body) for _ in range(16)))
                return sorted(answer.content for answer in answers)

        return asyncio.run(race())

    first, second = run(), run()
    assert first == second
    assert len(set(first)) == 16


def test_another_seed_gives_other_ids(serve):
    ids = [serve(CHAT, seed=seed).post({"model": "m", "input": "x"}).json()["id"] for seed in ("a", "b", "a")]
    assert ids[0] != ids[1]
    assert ids[0] == ids[2]


def test_under_the_real_clock_only_the_time_part_differs(serve):
    def chain():
        server = serve(CHAT, clock="real")
        first = server.post({"model": "m", "input": "x"}).json()["id"]
        return [first, server.post({"model": "m", "input": "y", "previous_response_id": first}).json()["id"]]

    def timeless(ids):
        return [value[: 5 + 18] + value[5 + 26 :] for value in ids]

    assert timeless(chain()) == timeless(chain())


def test_ids_follow_the_real_scheme(serve):
    server = serve(CHAT)
    first = server.post({"model": "m", "input": "x"}).json()
    second = server.post({"model": "m", "input": "y", "previous_response_id": first["id"]}).json()
    for body in (first, second):
        for value, prefix in ((body["id"], "resp"), (body["output"][0]["id"], "msg")):
            assert re.fullmatch(rf"{prefix}_[0-9a-f]{{16}}00[0-9a-f]{{32}}", value)
            assert int(value[len(prefix) + 19 :][:8], 16) == body["created_at"] == 1_767_225_600
    partitions = {body["id"][5:21] for body in (first, second)} | {second["output"][0]["id"][4:20]}
    assert len(partitions) == 1


def test_chance_is_decided_by_seed_request_and_ordinal(serve):
    def run(seed):
        server = serve(CHAT, seed=seed)
        return [server.post({"model": "m", "input": "coin"}).status_code for _ in range(40)]

    first = run("a")
    assert first == run("a")
    assert first != run("b")
    assert 5 < first.count(500) < 35


def test_jitter_is_the_same_in_every_run(serve):
    body = {"model": "m", "input": "jitter", "stream": True}
    assert serve(CHAT).post(body).content == serve(CHAT).post(body).content


@pytest.mark.parametrize("text", ["my name is Ada", "tell me a long story"])
def test_shipped_scenarios_are_deterministic(serve, text):
    body = {"model": "gpt-5.6", "input": text, "stream": True}
    assert serve(paths=(SCENARIOS,)).post(body).content == serve(paths=(SCENARIOS,)).post(body).content


@pytest.mark.parametrize("place", ["", "key\nproject", "k" * 300, "schlüssel\n"])
def test_a_digest_whose_beginning_was_hashed_before_is_the_same_digest(place):
    for key, content, number in ((b"seed", b"content", 0), (b"seed", b"other", 12), (b"k" * 100, b"", 3)):
        expected = digest(key, place.encode(), content, b"%d" % number)
        assert [digest_within(key, place, content, number) for _ in range(2)] == [expected, expected]
