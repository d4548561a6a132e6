"""The journal is written behind the answer: who asks for it sees every call that was answered before."""

import asyncio

import httpx

from mockapi.service.pending import Pending
from mockapi.stores.memory import MemoryStore

from .conftest import make_app


def test_who_waits_waits_for_what_was_begun_before():
    async def story():
        pending, told = Pending(), []
        await pending.wait()  # nothing was begun
        first = pending.begin()
        waiting = asyncio.ensure_future(pending.wait())
        waiting.add_done_callback(lambda _: told.append("waited"))
        await asyncio.sleep(0)
        second = pending.begin()
        told.append("first ends")
        pending.end(first)
        await waiting
        told.append("second ends")
        pending.end(second)
        await pending.wait()
        return told

    assert asyncio.run(story()) == ["first ends", "waited", "second ends"]


def test_the_journal_has_every_call_that_was_answered(monkeypatch):
    plain, gate, waiting = MemoryStore.add_entry, asyncio.Event(), asyncio.Event()

    async def add_entry(self, project, call):
        waiting.set()
        await gate.wait()
        await plain(self, project, call)

    monkeypatch.setattr(MemoryStore, "add_entry", add_entry)
    monkeypatch.setattr(MemoryStore, "is_immediate", False)

    async def story():
        transport = httpx.ASGITransport(app=make_app("steps: [{reply: x}]"))
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost", headers={"authorization": "Bearer k"}
        ) as one:
            body = {"model": "gpt-4o", "input": "x"}
            created = asyncio.ensure_future(one.post("/v1/responses", json=body))
            await waiting.wait()
            asked = asyncio.ensure_future(one.get("/_mock/requests"))
            cleared = asyncio.ensure_future(one.delete("/_mock/requests"))
            for _ in range(20):
                await asyncio.sleep(0)
            assert not asked.done()
            assert not cleared.done()
            gate.set()
            await created
            return (
                len((await asked).json()["data"]),
                (await cleared).status_code,
                (await one.get("/_mock/requests")).json()["data"],
            )

    found, status, left = asyncio.run(story())
    assert (found, status, left) == (1, 200, [])
