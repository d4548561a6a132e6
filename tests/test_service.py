"""The use cases, on a store and a clock that the test holds in its hands."""

import asyncio
import json

import pytest

from mockapi.engine.plan import Plan, Progress
from mockapi.engine.timeline import Timeline
from mockapi.errors import ApiError
from mockapi.scenario.library import Library
from mockapi.scenario.load import load_text
from mockapi.service.core import Call, Core
from mockapi.service.responses import Responses
from mockapi.settings import Settings
from mockapi.stores.memory import MemoryStore

from .conftest import HandClock, parse_sse


def make(text="steps: [{reply: hi}]", now=1_000_000.0, store=None, **settings):
    return Responses(
        Core(Settings(**settings), store or MemoryStore(), HandClock(now), Library(scenarios=[load_text(text, "s")]))
    )


async def create(service, body, project="p"):
    call = Call(project, "responses.create", json.dumps(body).encode(), {})
    return await service.create(call, await service.core.identify(call))


BODY = {"model": "m", "input": "x"}
SLOW = "steps: [{pace: {first: 1s, rate: 1/s}, reply: one two three}]"


@pytest.mark.parametrize("is_whole", [True, False])
def test_delivery_is_written_down(is_whole):
    async def run():
        service = make(SLOW)
        created = await create(service, BODY)
        before = await service.core.store.get_response("p", created.timeline.response_id)
        await service.delivered(created, is_whole=is_whole)
        after = await service.core.store.get_response("p", created.timeline.response_id)
        return json.loads(before.progress), json.loads(after.progress)

    before, after = asyncio.run(run())
    assert (before["is_delivered"], before["cut"]) == (False, None)
    assert (after["is_delivered"], after["cut"]) == ((True, None) if is_whole else (False, "hung_up"))


def test_a_hung_up_response_stays_unseen_and_cannot_be_a_parent():
    async def run():
        service = make(SLOW)
        created = await create(service, BODY)
        await service.delivered(created, is_whole=False)
        service.core.clock.time += 1_000
        with pytest.raises(ApiError, match="not found"):
            await service.retrieve("p", created.timeline.response_id)
        with pytest.raises(ApiError) as caught:
            await create(service, {**BODY, "previous_response_id": created.timeline.response_id})
        return caught.value.code

    assert asyncio.run(run()) == "previous_response_not_found"


def test_only_the_time_part_of_ids_depends_on_the_day():
    async def chain(now):
        service = make(now=now)
        first = (await create(service, BODY)).timeline.response_id
        second = (await create(service, {**BODY, "previous_response_id": first})).timeline.response_id
        return [first, second]

    def timeless(ids):
        return [value[:23] + value[31:] for value in ids]

    today, later = asyncio.run(chain(1_000_000.0)), asyncio.run(chain(2_000_000.0))
    assert today != later
    assert timeless(today) == timeless(later)


def test_chained_input_counts_fully_and_instructions_do_not_carry_over():
    async def run():
        service = make("steps: [{reply: one two three}]")
        first = await create(service, {**BODY, "input": "a b c", "instructions": "d e f g h"})
        chained = await create(service, {**BODY, "input": "a b c", "previous_response_id": first.timeline.response_id})
        return first.plan.usage, chained.plan.usage

    first, chained = asyncio.run(run())
    assert first["input_tokens"] == 7 + 3 + 5
    assert chained["input_tokens"] == 7 + 3 + 3 + 3  # framing, the old input, its answer, the new input


def test_defaults_hold_for_steps_that_do_not_say_otherwise():
    text = "defaults: {pace: {first: 5s}}\nsteps: [{when: {input: own}, pace: {first: 1s}, reply: x}, {reply: x}]"

    async def run():
        service = make(text)
        return [(await create(service, {**BODY, "input": text})).timeline.ends_s for text in ("own", "other")]

    assert asyncio.run(run()) == [1.0, 5.0]


def test_chance_that_does_not_fire_ends_well():
    async def run(step):
        return (await create(make(f"steps: [{{chance: 0.0, reply: x, {step}}}]"), BODY)).plan.ending.status

    assert [asyncio.run(run(step)) for step in ("fail: server_error", "incomplete: content_filter")] == ["completed"] * 2


def test_jitter_depends_on_the_seed():
    text = "steps: [{pace: {rate: 10/s, jitter: 50%}, reply: a b c d}]"

    async def run(seed):
        created = await create(make(text, seed=seed), BODY)
        return [event.offset_s for event in created.timeline.events()]

    assert asyncio.run(run("a")) == asyncio.run(run("a")) != asyncio.run(run("b"))


def test_the_request_id_stands_in_a_server_errors_message():
    async def run():
        service = make("steps: [{error: server_error}]")
        call = Call("p", "responses.create", json.dumps(BODY).encode(), {})
        identity = await service.core.identify(call)
        with pytest.raises(ApiError) as caught:
            await service.create(call, identity)
        return identity, caught.value

    identity, error = asyncio.run(run())
    assert f"Please include the request ID req_{identity.hex()[:32]} in your message." in error.message


def test_plans_of_another_version_are_refused():
    created = asyncio.run(create(make(), BODY))
    data = created.plan.to_bytes()
    assert Plan.from_bytes(data) == created.plan
    with pytest.raises(ValueError, match="version 2 cannot be read"):
        Plan.from_bytes(data.replace(b'"version":1', b'"version":2'))


def test_a_store_that_was_written_to_disk_goes_on(serve):
    """A second service on the same records sees what the first promised: nothing else is remembered (DESIGN.md)."""

    async def run():
        first = make("steps: [{pace: {first: 1s}, reply: one two}]")
        created = await create(first, {**BODY, "background": True})
        record = await first.core.store.get_response("p", created.timeline.response_id)
        second = make("steps: []", now=first.core.clock.time)
        await second.core.store.add_response("p", record)
        states = []
        for seconds in (0, 0.5, 0.6):
            second.core.clock.time += seconds
            states.append(json.loads(await second.retrieve("p", record.id)))
        return created, states

    created, states = asyncio.run(run())
    assert [state["status"] for state in states] == ["in_progress", "in_progress", "completed"]
    assert states[-1]["output"] == json.loads(created.timeline.output)


def test_progress_defaults():
    assert Progress() == Progress(is_delivered=False, cut=None)


def test_an_approval_does_not_outlive_the_models_turn(serve):
    server = serve("steps: [{when: {approval: true}, reply: approved}, {reply: plain}]")
    asked = {"type": "mcp_approval_request", "id": "mcpr_1", "server_label": "s", "name": "n", "arguments": "{}"}
    approval = {"type": "mcp_approval_response", "approval_request_id": "mcpr_1", "approve": True}
    first = server.post({"model": "m", "input": [asked, approval], "store": True}).json()
    second = server.post({"model": "m", "input": "x", "previous_response_id": first["id"]}).json()
    texts = [body["output"][0]["content"][0]["text"] for body in (first, second)]
    assert texts == ["approved", "plain"]


def test_background_creates_carry_no_rate_limit_headers(serve):
    answer = serve("steps: [{reply: hi}]").post({**BODY, "background": True})
    assert not [name for name in answer.headers if name.startswith("x-ratelimit")]


def test_streams_that_wait_have_the_headers_of_those_that_do_not(serve):
    text = "steps: [{when: {input: slow}, pace: {first: 10ms}, reply: a}, {reply: a}]"
    server = serve(text, clock="real")
    slow, fast = (server.post({**BODY, "input": text, "stream": True}) for text in ("slow", "fast"))
    assert {*slow.headers} == {*fast.headers}
    assert [name for name, _ in parse_sse(slow.text)] == [name for name, _ in parse_sse(fast.text)]


def test_replies_that_look_like_slots_are_left_alone():
    created = asyncio.run(create(make('steps: [{reply: "@0#0@ @1#0@ @2#1@"}]'), BODY))
    (item,) = json.loads(Timeline(created.plan).output)
    assert item["content"][0]["text"] == "@0#0@ @1#0@ @2#1@"
    assert item["id"].startswith("msg_")
