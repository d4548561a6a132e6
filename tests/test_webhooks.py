"""Webhooks: posted when a background response ends, signed so that the official SDK accepts them, retried on the clock."""

import asyncio
import json
import socket

import httpx
import pytest
from openai import OpenAI

from mockapi import courier
from mockapi.clock import wall
from mockapi.courier import Courier
from mockapi.service import posting
from mockapi.service.webhooks import Webhooks, next_attempt
from mockapi.wire.webhooks import DEFAULT_SECRET

from .backends import run as in_one_loop
from .test_service import create, make

BODY = {"model": "m", "input": "x", "background": True}
DELIVERIES = "/_mock/requests?operation=webhooks.delivery"


class Held:
    """Service, courier and clock in the test's hands; nothing moves by itself."""

    def __init__(self, text: str, **settings) -> None:
        self.service = make(text, **settings)
        self.core = self.service.core
        self.courier = Courier(self.core)

    async def respond(self, text="x") -> str:
        return (await create(self.service, {**BODY, "input": text})).timeline.response_id

    async def after(self, seconds: float) -> None:
        self.core.clock.time += seconds
        await self.courier.run_due()

    async def journal(self):
        return [(entry.status, entry.note) for entry in await self.core.store.get_entries("p")]


def scenario(url, *, fault="", steps="[{reply: hi}]", more=""):
    fault = f", fault: {fault}" if fault else ""
    return f"webhooks: {{url: '{url}'{fault}{more}}}\nsteps: {steps}"


def unwrap(post, secret=DEFAULT_SECRET):
    return OpenAI(api_key="k", webhook_secret=secret).webhooks.unwrap(post.body, post.headers)


def ids(posts):
    return [json.loads(post.body)["data"]["id"] for post in posts]


def test_the_sdk_unwraps_what_a_background_response_sends(receiver):
    async def run():
        held = Held(scenario(receiver.url, steps="[{pace: {first: 8s}, reply: hi}]"))
        response_id = await held.respond()
        await held.after(7)
        before = len(receiver.posts)
        await held.after(1)
        await held.after(100_000)
        return response_id, before

    response_id, before = asyncio.run(run())
    (post,) = receiver.posts
    event = unwrap(post)
    assert (before, event.type, event.data.id, event.object) == (0, "response.completed", response_id, "event")
    assert event.created_at == 1_000_008
    assert list(json.loads(post.body)) == ["object", "id", "type", "created_at", "data"]
    assert event.id.startswith("evt_")
    assert post.headers["webhook-id"].startswith("wh_")
    assert post.headers["user-agent"] == "OpenAI/1.0 (+https://platform.openai.com/docs/webhooks)"
    assert post.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("step", "event_type"),
    [
        ("{reply: hi}", "response.completed"),
        ("{fail: server_error}", "response.failed"),
        ("{reply: one two three four, incomplete: content_filter}", "response.incomplete"),
    ],
)
def test_the_type_is_the_responses_status(receiver, step, event_type):
    async def run():
        held = Held(scenario(receiver.url, steps=f"[{step}]"))
        await held.respond()
        await held.after(0)

    asyncio.run(run())
    assert [unwrap(post).type for post in receiver.posts] == [event_type]


def test_only_listed_events_and_background_responses_are_told(receiver):
    async def run():
        steps = "[{when: {input: bad}, fail: server_error}, {reply: hi}]"
        held = Held(scenario(receiver.url, steps=steps, more=", events: [response.failed]"))
        await held.respond("good")
        await create(held.service, {**BODY, "background": False, "input": "bad"})
        wanted = await held.respond("bad")
        await held.after(0)
        return wanted, await held.core.store.get_deliveries("p")

    wanted, left = asyncio.run(run())
    assert (ids(receiver.posts), left) == ([wanted], ())


def test_secrets_are_the_scenarios_else_the_servers(receiver):
    async def run(text, **settings):
        held = Held(text, **settings)
        await held.respond()
        await held.after(0)

    asyncio.run(run(scenario(receiver.url, more=", secret: plain text"), webhook_secret="other"))
    asyncio.run(run(scenario(receiver.url), webhook_secret="whsec_c2VjcmV0"))
    asyncio.run(run("steps: [{reply: hi}]", webhook_url=(receiver.url,)))
    for post, secret in zip(receiver.posts, ("plain text", "whsec_c2VjcmV0", DEFAULT_SECRET), strict=True):
        assert unwrap(post, secret).type == "response.completed"


def test_a_url_named_twice_is_told_once(receiver):
    async def run():
        held = Held(scenario(receiver.url), webhook_url=(receiver.url, receiver.url + "2"))
        await held.respond()
        await held.after(0)

    asyncio.run(run())
    assert sorted(post.path for post in receiver.posts) == ["/hook", "/hook2"]
    first, second = (post.headers["webhook-id"] for post in receiver.posts)
    assert first != second


def test_failures_are_tried_again_with_growing_pauses_and_the_same_id(receiver):
    receiver.answers += [500, 302, None, 404]

    async def run():
        held = Held(scenario(receiver.url))
        await held.respond()
        counts = []
        for seconds in (0, 4.5, 0.5, 29, 1, 119, 1, 599, 1, 100_000):
            await held.after(seconds)
            counts.append(len(receiver.posts))
        return counts, await held.journal()

    counts, journal = asyncio.run(run())
    assert counts == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert len({(post.headers["webhook-id"], post.body, post.path) for post in receiver.posts}) == 1
    assert [status for status, _ in journal] == [500, 302, None, 404, 200]
    assert [note.partition(",")[0] for _, note in journal] == [f"attempt {n}" for n in range(1, 6)]
    assert "RemoteProtocolError" in journal[2][1]


def test_after_72_hours_nobody_tries_again(receiver):
    receiver.answers += [500] * 50

    async def run():
        held = Held(scenario(receiver.url))
        await held.respond()
        await held.after(0)
        hours = 0
        while await held.core.store.get_deliveries("p"):
            hours += 1
            await held.after(3_600)
        return hours, await held.journal()

    hours, journal = asyncio.run(run())
    assert hours <= 72
    assert [note for _, note in journal][-2:] == ["attempt 9", "attempt 10, the last"]
    assert next_attempt(9, 0.0, 72 * 3_600.0) is None


def test_who_does_not_answer_in_time_has_failed(monkeypatch):
    monkeypatch.setattr(posting, "_PATIENCE_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:

        async def run():
            held = Held(scenario(f"http://127.0.0.1:{silent.getsockname()[1]}/"))
            await held.respond()
            await held.after(0)
            return await held.journal(), len(await held.core.store.get_deliveries("p"))

        assert asyncio.run(run()) == ([(None, "attempt 1, no answer within 0.05 s")], 1)


def test_a_jump_of_the_clock_sends_in_order_of_time(receiver):
    steps = ", ".join(f"{{when: {{input: w{n}}}, pace: {{first: {n}s}}, reply: x}}" for n in (30, 10, 20))

    async def run():
        held = Held(scenario(receiver.url, steps=f"[{steps}]"))
        by_pace = {n: await held.respond(f"w{n}") for n in (30, 10, 20)}
        await held.after(100_000)
        return [by_pace[n] for n in (10, 20, 30)]

    assert asyncio.run(run()) == ids(receiver.posts)
    assert [json.loads(post.body)["created_at"] for post in receiver.posts] == [1_000_010, 1_000_020, 1_000_030]


def test_a_run_that_goes_on_is_put_back_and_one_that_is_hastened_comes(receiver):
    async def run():
        held = Held(scenario(receiver.url, steps="[{pace: {first: 8s}, reply: hi}]"))
        webhooks, store = Webhooks(held.core), held.core.store
        response_id = await held.respond()
        await webhooks.hasten("p", response_id, held.core.clock.time)
        await held.after(0)
        put_back = [each.due for each in await store.get_deliveries("p")]
        await webhooks.hasten("p", response_id, float("inf"))
        await held.after(100)
        never = len(receiver.posts)
        await webhooks.hasten("p", response_id, held.core.clock.time)
        await held.after(0)
        return put_back, never, len(receiver.posts)

    assert asyncio.run(run()) == ([1_000_008.0], 0, 1)


@pytest.mark.parametrize(
    ("background", "moves", "event_type"),
    [
        ("{queued: 2s, in_progress: 3s}", ["poll"] * 5, "response.completed"),
        ("{queued: 2s, in_progress: 3s}", ["poll", "cancel"], "response.cancelled"),
        ("{queued: 1, in_progress: 2}", ["poll"] * 3, "response.completed"),
        ("manual", ["advance", "advance"], "response.completed"),
        ("{stuck: queued}", ["cancel", "cancel"], "response.cancelled"),
    ],
)
def test_runs_that_end_by_something_else_than_the_clock(serve, receiver, background, moves, event_type):
    server = serve(scenario(receiver.url, steps=f"[{{background: {background}, reply: hi}}]"))
    client = server.sdk()
    response = client.responses.create(model="m", input="x", background=True)
    key = {"authorization": "Bearer test-key"}
    for move in moves:
        assert receiver.posts == [] or move == "cancel"
        if move == "advance":
            httpx.post(f"{server.url}/_mock/responses/{response.id}/advance", headers=key).raise_for_status()
        else:
            (client.responses.retrieve if move == "poll" else client.responses.cancel)(response.id)
    (post,) = receiver.wait_for(1)
    event = unwrap(post)
    assert (event.type, event.data.id) == (event_type, response.id)
    assert event.created_at == (client.responses.retrieve(response.id).completed_at or event.created_at)


def test_what_is_forgotten_when_a_clock_jumps_far_is_told_all_the_same(receiver):
    async def run():
        held = Held(scenario(receiver.url, steps="[{background: {in_progress: 8s}, reply: hi}]"))
        created = await create(held.service, {**BODY, "store": False})
        await held.after(40 * 86_400)
        return created.timeline.response_id

    assert [asyncio.run(run())] == ids(receiver.posts)


def test_a_response_that_is_gone_is_not_told(receiver):
    async def run():
        held = Held(scenario(receiver.url))
        await held.core.store.drop_response("p", await held.respond())
        await held.after(0)
        return await held.core.store.get_deliveries("p")

    assert (asyncio.run(run()), receiver.posts) == ((), [])


def test_two_couriers_send_each_event_once(receiver):
    async def run():
        held = Held(scenario(receiver.url))
        expected = [await held.respond(f"{n}") for n in range(30)]
        await asyncio.gather(*(Courier(held.core).run_due() for _ in range(3)))
        return expected

    expected = asyncio.run(run())
    assert sorted(ids(receiver.posts)) == sorted(expected)


def test_two_urls_do_not_wait_for_each_other(receiver, monkeypatch):
    monkeypatch.setattr(posting, "_PATIENCE_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:

        async def run():
            urls = (f"http://127.0.0.1:{silent.getsockname()[1]}/", receiver.url)
            held = Held("steps: [{reply: hi}]", webhook_url=urls)
            for n in range(2):
                await held.respond(f"{n}")
            await held.after(0)
            return [entry.path for entry in await held.core.store.get_entries("p")], urls

        paths, urls = asyncio.run(run())
    assert paths == [urls[1]] * 2 + [urls[0]] * 2


def test_a_server_posts_by_itself_and_writes_it_down(serve, receiver):
    server = serve(scenario(receiver.url, steps="[{pace: {first: 10m}, reply: hi}]"))
    key = {"authorization": "Bearer test-key"}
    response = server.sdk().responses.create(model="m", input="x", background=True)
    httpx.post(f"{server.url}/_mock/clock", json={"advance": "1h"}, headers=key).raise_for_status()
    (post,) = receiver.wait_for(1)
    event = server.sdk(webhook_secret=DEFAULT_SECRET).webhooks.unwrap(post.body, post.headers)
    assert event.data.id == response.id
    listed = httpx.get(f"{server.url}{DELIVERIES}", headers=key).json()["data"]
    while not listed:  # the receiver has it before the journal does
        listed = httpx.get(f"{server.url}{DELIVERIES}", headers=key).json()["data"]
    (entry,) = listed
    assert (entry["method"], entry["path"], entry["status"], entry["note"]) == ("POST", receiver.url, 200, "attempt 1")
    assert entry["request"] == json.loads(post.body)
    assert entry["headers"]["webhook-id"] == post.headers["webhook-id"]


def test_a_real_clock_sends_when_the_run_ends(serve, receiver):
    server = serve(scenario(receiver.url, steps="[{pace: {first: 100ms}, reply: hi}]"), clock="real")
    response = server.sdk().responses.create(model="m", input="x", background=True)
    (post,) = receiver.wait_for(1)
    assert unwrap(post).data.id == response.id
    assert server.sdk().responses.retrieve(response.id).status == "completed"


def test_reset_empties_the_outbox():
    async def run():
        held = Held(scenario("http://127.0.0.1:9/", steps="[{pace: {first: 8s}, reply: hi}]"))
        await held.respond()
        await held.core.store.forget("p")
        await held.after(100)
        return await held.journal()

    assert asyncio.run(run()) == []


def test_stopping_lets_an_attempt_end(receiver):
    async def run():
        held = Held(scenario(receiver.url))
        await held.respond()
        async with held.courier.running():
            await asyncio.to_thread(receiver.wait_for, 1)
        return await held.journal()

    assert asyncio.run(run()) == [(200, "attempt 1")]


def test_stopping_does_not_wait_for_who_never_answers(monkeypatch):
    monkeypatch.setattr(courier, "_GRACE_S", 0.01)
    with socket.create_server(("127.0.0.1", 0)) as silent:

        async def run():
            held = Held(scenario(f"http://127.0.0.1:{silent.getsockname()[1]}/"))
            await held.respond()
            async with held.courier.running():
                accepted, _ = await asyncio.to_thread(silent.accept)
            accepted.close()
            return (
                await held.journal(),
                await held.core.store.outbox_targets(wall()),
                len(await held.core.store.get_deliveries("p")),
            )

        assert asyncio.run(run()) == ([], [], 1)  # still claimed: another server goes on when the claim has run out


def test_who_overtakes_a_delivery_does_not_take_it_from_a_server_that_sends_it_already(store):
    url = "http://127.0.0.1:1/hook"

    async def run():
        service = make(scenario(url, fault="out_of_order"), store=store)
        core, webhooks = service.core, Webhooks(service.core)
        for text in "ab":
            await create(service, {**BODY, "input": text})

        async def claimed():
            return await store.claim_delivery("p", url, await core.now("p"), wall(), wall() + 60)

        first = await claimed()
        assert await webhooks.opened("p", first, await core.now("p")) is None  # held back until the second has gone out
        core.clock.time += 60
        second, again = await claimed(), await claimed()  # each by another server
        assert again.id == first.id
        sent = await webhooks.opened("p", second, await core.now("p"))
        await webhooks.told("p", sent, await core.now("p"), is_delivered=True)
        assert await claimed() is None
        await webhooks.told("p", again, await core.now("p"), is_delivered=True)
        assert await store.get_deliveries("p") == ()

    in_one_loop(run())
