"""A store that fails for a while: answers say so, and nothing that goes on beside them ends for good."""

import asyncio
import json
import logging

import pytest
from starlette.testclient import TestClient

from mockapi.courier import Courier
from mockapi.errors import StoreError
from mockapi.herald import Herald
from mockapi.service.records import Records
from mockapi.stores.base import SCENARIO_FILES
from mockapi.stores.memory import MemoryStore

from .conftest import make_app
from .test_service import create, make

KEY = {"authorization": "Bearer k"}
BODY = {"model": "gpt-4o", "input": "x"}
BUG = "please report this"


class Failing(MemoryStore):
    """Raises where it is told to, and counts how often it did; its news are the test's."""

    def __init__(self):
        super().__init__()
        self.failing: set[str] = set()
        self.failed = 0
        self.news: list[str] = []

    def __getattribute__(self, name):
        found = super().__getattribute__(name)
        if name == "failing" or name not in self.failing:
            return found

        async def fails(*arguments, **options):
            self.failed += 1
            raise StoreError("it is gone")

        return fails

    async def heard(self):
        await turns(lambda: self.news)
        told, self.news = self.news, []
        return told


@pytest.fixture(autouse=True)
def _is_soon_asked_again(monkeypatch):
    monkeypatch.setattr("mockapi.courier._AGAIN_S", 0.001)
    monkeypatch.setattr("mockapi.herald._AGAIN_S", 0.001)


async def turns(is_done):
    """Let everybody else go on until something is so."""
    async with asyncio.timeout(10):
        while not is_done():  # noqa: ASYNC110 - of anything
            await asyncio.sleep(0)


@pytest.mark.parametrize("name", ["outbox_targets", "claim_delivery", "get_response", "get_offset"])
def test_webhooks_wait_for_the_store_and_then_go_out(receiver, caplog, name):
    async def run():
        store = Failing()
        service = make(f"webhooks: {{url: '{receiver.url}'}}\nsteps: [{{reply: hi}}]", store=store)
        store.failing = {name}
        async with Courier(service.core).running():
            store.failing = set()
            made = await create(service, {**BODY, "background": True})
            store.failing = {name}
            await turns(lambda: store.failed >= 3)
            store.failing = set()
            await turns(lambda: any(each.operation == "webhooks.delivery" for each in store._seen("p").entries))
        return made.timeline.response_id

    response_id = asyncio.run(run())
    assert json.loads(receiver.wait_for(1)[0].body)["data"]["id"] == response_id
    assert [each for each in caplog.messages if "webhooks wait: it is gone" in each]
    assert BUG not in caplog.text


def test_what_was_sent_is_not_sent_again_because_that_could_not_be_written_down(receiver):
    async def run():
        store = Failing()
        service = make(f"webhooks: {{url: '{receiver.url}'}}\nsteps: [{{reply: hi}}]", store=store)
        await create(service, {**BODY, "background": True})
        store.failing = {"drop_delivery"}
        async with Courier(service.core).running():
            await turns(lambda: store.failed >= 3)
            store.failing = set()
            await turns(lambda: not store._seen("p").outbox.entries)

    asyncio.run(run())
    assert len(receiver.posts) == 1


def test_news_are_heard_again_and_everybody_looks_since_some_may_have_been_missed(caplog):
    async def run():
        store = Failing()
        core = make(store=store).core
        store.failing = {"heard"}
        async with Herald(core).running():
            waiting = [asyncio.ensure_future(core.clock.wait(project)) for project in "ab"]
            await turns(lambda: store.failed >= 3 and all(each.done() for each in waiting))
            store.failing, core.outbox_changed = set(), asyncio.Event()
            alone = [asyncio.ensure_future(Courier(core).run_due()), asyncio.ensure_future(core.clock.wait("c"))]
            store.news = ["c"]
            await turns(alone[1].done)
            await asyncio.gather(*alone)
            assert core.outbox_changed.is_set()

    asyncio.run(run())
    assert [each for each in caplog.messages if each == "other servers are not heard: it is gone"] == [
        "other servers are not heard: it is gone"
    ]


def test_files_that_another_server_read_again_are_read_without_telling_it_back(tmp_path, caplog):
    from mockapi.scenario.library import Library

    file = tmp_path / "s.yaml"
    file.write_text("steps: [{reply: old}]")
    core = make().core
    core.library = Library([file])
    core.store.tell = None  # whoever tells fails
    caplog.set_level(logging.INFO, logger="mockapi")
    for text in ("steps: [{reply: new}]", "steps: [{reply: broken"):
        file.write_text(text)
        Herald(core).pass_on(SCENARIO_FILES)
    assert caplog.messages[0] == "scenarios reloaded as another server did, changed: s"
    assert caplog.messages[1].startswith("scenarios were not reloaded: ")


@pytest.fixture
def failing(monkeypatch):
    """A client of a server on such a store."""
    store = Failing()
    monkeypatch.setattr("mockapi.server.make_store", lambda settings: store)
    return store


def test_a_stream_whose_end_cannot_be_stored_does_not_end(failing, caplog):
    with TestClient(make_app("steps: [{pace: {rate: 50/s}, reply: one two three}]", clock="real"), headers=KEY) as client:
        failing.failing = {"set_progress"}
        answer = client.post("/v1/responses", json={**BODY, "stream": True})
        assert "response.output_text.delta" in answer.text
        assert "response.completed" not in answer.text
        response_id = json.loads(answer.text.split("data: ")[1].split("\n")[0])["response"]["id"]
        failing.failing = set()
        assert client.get(f"/v1/responses/{response_id}").status_code == 404
        assert client.post("/v1/responses", json=BODY).status_code == 200
    assert failing.failed >= 1
    assert BUG not in caplog.text


@pytest.mark.parametrize("is_stream", [True, False])
@pytest.mark.parametrize(("is_stored", "name"), [(True, "set_progress"), (False, "change_conversation")])
def test_a_conversation_is_free_again_as_soon_as_the_store_is_back(failing, monkeypatch, is_stream, is_stored, name):
    monkeypatch.setattr("mockapi.service.amends._AGAIN_S", 0.001)
    text = "steps: [{when: {input: slow}, pace: {rate: 50/s}, reply: one two three}, {reply: hi}]"
    taken = MemoryStore.change_conversation

    async def take_turn(self, project, changed, items=()):
        failing.failing = {name}  # from the moment that the response runs
        return await taken(self, project, changed, items)

    with TestClient(make_app(text, clock="real"), headers=KEY) as client:
        conversation = client.post("/v1/conversations", json={}).json()["id"]
        body = {**BODY, "conversation": conversation}
        with monkeypatch.context() as patch:
            patch.setattr(MemoryStore, "change_conversation", take_turn)
            answer = client.post("/v1/responses", json={**body, "input": "slow", "stream": is_stream, "store": is_stored})
        assert "response.completed" not in answer.text
        assert is_stream or answer.status_code == 503
        assert client.post("/v1/responses", json=body).json()["error"]["code"] == "conversation_locked"
        failed = failing.failed
        while failing.failed < failed + 2:  # it is tried again meanwhile
            client.get("/v1/models")
        failing.failing = set()
        while (again := client.post("/v1/responses", json=body)).status_code == 400:
            assert again.json()["error"]["code"] == "conversation_locked"
        assert again.status_code == 200
        listed = client.get(f"/v1/conversations/{conversation}/items").json()["data"]
        assert [item["content"][0]["text"] for item in listed] == ["hi", "x"]  # nothing of the one that broke off


@pytest.mark.parametrize("name", ["keep_response", "add_usage", "change_conversation"])
def test_a_create_that_the_store_refused_leaves_its_conversation_free(failing, name):
    with TestClient(make_app("steps: [{pace: {rate: 50/s}, reply: hi}]"), headers=KEY) as client:
        body = {**BODY, "conversation": client.post("/v1/conversations", json={}).json()["id"]}
        failing.failing = {name}
        assert client.post("/v1/responses", json=body).status_code == 503
        failing.failing = set()
        assert client.post("/v1/responses", json=body).status_code == 200


def test_a_create_that_finds_its_conversation_taken_meanwhile_costs_nothing(failing, monkeypatch):
    async def lost(self, *told, **more):
        return False

    async def gone(self, *told):
        return None

    def used(client):
        return client.get("/_mock/usage", headers={"host": "localhost"}).json()["total"]["responses"]

    with TestClient(make_app("steps: [{reply: hi}]"), headers=KEY) as client:
        body = {**BODY, "conversation": client.post("/v1/conversations", json={}).json()["id"]}
        find = Records.conversation
        with monkeypatch.context() as patch:
            patch.setattr(MemoryStore, "change_conversation", lost)
            seen = []
            patch.setattr(Records, "conversation", lambda *told: (gone if seen else find)(*told, *(seen.append(1) or ())))
            assert client.post("/v1/responses", json=body).json()["error"]["code"] == "conversation_locked"
        assert used(client) == 0
        assert client.post("/v1/responses", json=body).status_code == 200
        assert used(client) == 1


@pytest.mark.parametrize("name", ["take_call", "keep_response", "use_step"])
def test_wherever_a_create_meets_it_the_answer_is_503(failing, name, caplog):
    with TestClient(make_app("steps: [{reply: hi}]"), headers=KEY) as client:
        failing.failing = {name}
        answer = client.post("/v1/responses", json=BODY)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert answer.json()["error"]["code"] == "mock_store_unavailable"
        failing.failing = set()
        assert client.post("/v1/responses", json=BODY).status_code == 200
    assert BUG not in caplog.text


def test_an_upload_is_replaced_in_one_step_so_that_no_call_finds_none(failing):
    with TestClient(make_app(None), base_url="http://127.0.0.1", headers=KEY) as client:
        failing.failing = {"drop_scenario"}
        for text in ("one", "two"):
            steps = f"steps: [{{times: 1, reply: {text}}}]"
            put = client.put("/_mock/scenarios/s", content=steps, headers={"content-type": "application/yaml"})
            assert put.status_code == 200, put.text
            assert client.post("/v1/responses", json=BODY).json()["output"][0]["content"][0]["text"] == text


def test_a_change_that_others_cannot_be_told_of_is_made(failing, caplog):
    with TestClient(make_app("steps: [{reply: hi}]"), base_url="http://127.0.0.1", headers=KEY) as client:
        failing.failing = {"tell"}
        assert [client.post("/_mock/clock", json={"advance": "1h"}).status_code for _ in "12"] == [200, 200]
        assert client.post("/_mock/scenarios/reload").status_code == 200
        assert client.post("/_mock/reset").status_code == 200
    assert [each for each in caplog.messages if "other servers" in each] == [
        "other servers were not told of a change: it is gone"
    ]
