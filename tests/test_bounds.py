"""The memory store is bounded in bytes over all projects; the oldest goes first, and whatever goes is counted."""

import asyncio
import gc
import tracemalloc

import pytest
from starlette.testclient import TestClient

from mockapi.bench.load import run_load_bench
from mockapi.stores.memory import MemoryStore
from mockapi.stores.records import ConversationRecord, Delivery, Entry, ResponseRecord
from mockapi.wire.buckets import Demand

from .conftest import make_app

BOUND = 1_000_000
FULL = BOUND + 40_000  # what was put in last stands beyond the bound for a moment


def entry(number, size=5_000):
    return Entry(f"req_{number}", 0.0, 1.0, "responses.create", "POST", "/", "", {}, b"x" * size, 200, b"")


async def add(store, project, number, size=5_000):
    await store.take_ordinal(project, b"%d" % number)
    await store.take_prefixes(project, [b"p%d" % number])
    await store.add_response(project, ResponseRecord(f"resp_{number}", b"x" * size, b"{}", b"c", b"[]"))
    await store.add_entry(project, entry(number, size))
    await store.add_conversation(
        project, ConversationRecord(f"conv_{number}", 0.0, b"{}", b"c"), [(f"msg_{number}", b"x" * size)]
    )
    await store.add_delivery(project, Delivery(f"wh_{number}", f"resp_{number}", "http://localhost/", "s", 0.0, ()))


def test_one_project_is_bounded_and_keeps_what_is_newest():
    async def use():
        store = MemoryStore(max_bytes=BOUND)
        for number in range(500):
            await add(store, "p", number)
            assert await store.get_size() <= FULL
        assert await store.get_response("p", "resp_499") is not None
        assert await store.get_response("p", "resp_0") is None
        assert (await store.get_entries("p"))[-1].id == "req_499"
        return await store.get_evictions()

    evictions = asyncio.run(use())
    assert set(evictions) >= {"responses", "journal", "conversations"}
    assert all(number > 0 for number in evictions.values())


def test_projects_at_rest_give_way_to_those_in_use():
    async def use():
        store = MemoryStore(max_bytes=BOUND)
        for number in range(20):
            await add(store, "at rest", number)
        await store.put_scenario("at rest", "kept", "steps: []")
        await store.use_step("at rest", "kept", 0, None)
        for number in range(60):
            await add(store, "busy", number)
        return len(await store.get_entries("at rest")), len(await store.get_entries("busy")), await store.get_scenarios("at rest")

    resting, busy, scenarios = asyncio.run(use())
    assert resting < 20
    assert busy == 60
    assert scenarios == {"kept": "steps: []"}  # what a person has put there stays


def test_many_projects_are_bounded_together():
    async def use():
        store = MemoryStore(max_bytes=BOUND)
        for number in range(1_000):
            await add(store, f"p{number % 300}", number, size=1_000)
            assert await store.get_size() <= FULL
        for number in range(300):
            await store.put_scenario(f"p{number}", "large", "x" * 10_000)
            assert await store.get_size() <= FULL
        assert await store.get_scenarios("p299") == {"large": "x" * 10_000}
        assert (await store.get_evictions())["projects"] > 0  # uploads alone were too much

    asyncio.run(use())


def test_what_is_taken_away_counts_no_more():
    async def use():
        store = MemoryStore()
        empty = await store.get_size()
        await add(store, "p", 1)
        await store.put_scenario("p", "one", "steps: []")
        await store.put_scenario("p", "one", "steps: [{reply: longer}]")
        await store.add_usage("p", {"a": 1})
        await store.add_usage("p", {"a": 1})
        await store.draw("p", [Demand(b"bucket", 10, 1)], 0.0)
        assert await store.get_size() > 10_000
        full = await store.get_size()
        await add(store, "p", 2)
        await store.drop_response("p", "resp_2")
        await store.drop_delivery("p", "wh_2")
        record = await store.get_conversation("p", "conv_2")
        assert await store.change_conversation("p", record, dropped="msg_2")
        await store.drop_scenario("p", "one")
        assert full - 2_000 < await store.get_size() < full + 20_000
        await store.clear_entries("p")
        await store.forget("p")
        assert await store.get_size() == empty == 0
        await add(store, "p", 1)
        await store.forget_all()
        assert await store.get_size() == 0
        assert await store.get_evictions() == {}

    asyncio.run(use())


def test_sums_of_usage_are_bounded():
    async def use():
        store = MemoryStore()
        for number in range(10_010):
            await store.add_usage("p", {f"model {number}": 1})
        usage = await store.get_usage("p")
        assert len(usage) == 10_000
        assert "model 10009" in usage
        assert await store.get_evictions() == {"usage": 10}

    asyncio.run(use())


def test_a_project_that_is_alone_keeps_its_uploads():
    async def use():
        store = MemoryStore(max_bytes=BOUND)
        await store.put_scenario("*", "everybodys", "x" * 100_000)
        await store.put_scenario("p", "large", "x" * 2_000_000)
        return await store.get_scenarios("p"), await store.get_scenarios("*")

    own, everybodys = asyncio.run(use())
    assert len(own["large"]) == 2_000_000
    assert len(everybodys["everybodys"]) == 100_000


@pytest.mark.slow
def test_memory_stays_flat_under_load():
    told = []
    rows = run_load_bench(60_000, told.append)
    assert all(line.endswith(" 0 of them failed") for line in told)
    assert [row.ours < 256 for row in rows] == [True] * 8


LONG = 60_000
BODY = {"model": "gpt-4o", "input": "x", "store": False}
KEY = {"authorization": "Bearer k"}


def body(**more):
    return {"json": {**BODY, **more}, "headers": KEY}


KINDS = {
    "models": (400, lambda n: body(model=f"{n}{'m' * 200_000}")),
    "tools": (200, lambda n: body(tools=[{"type": "function", "name": "f", "description": f"{n}{'d' * 140_000}"}])),
    "includes": (200, lambda n: body(include=["file_search_call.results"] * (10_000 + n))),
    "containers": (200, lambda n: body(tools=[{"type": "code_interpreter", "container": f"{n}{'c' * 200_000}"}])),
    "keys": (431, lambda n: {"json": BODY, "headers": {"authorization": f"Bearer {n}{'k' * LONG}"}}),
    "other keys": (431, lambda n: {"json": BODY, "headers": {"api-key": f"{n}{'k' * LONG}"}}),
    "projects": (431, lambda n: {"json": BODY, "headers": {**KEY, "openai-project": f"{n}{'p' * LONG}"}}),
    "scenarios": (404, lambda n: {"json": BODY, "headers": {**KEY, "x-mock-scenario": f"{n}{'s' * LONG}"}}),
    "ids": (404, lambda n: {"url": f"/v1/responses/resp_{n}{'i' * LONG}", "method": "GET", "headers": KEY}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_clients_send_is_remembered_within_the_bound_alone(kind):
    """Whatever is kept for speed is small, or has no room for what is long."""
    status, call = KINDS[kind]
    with TestClient(make_app("steps: [{reply: x}]", max_memory=1, journal=0)) as client:

        def ask_all(numbers):
            for number in numbers:
                asked = {"method": "POST", "url": "/v1/responses", **call(number)}
                assert client.request(**asked).status_code == status

        ask_all(range(3))
        tracemalloc.start()
        try:
            ask_all(range(1_000, 1_015))
            gc.collect()
            assert tracemalloc.get_traced_memory()[0] < 1_000_000
        finally:
            tracemalloc.stop()
