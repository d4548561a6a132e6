"""Random sequences of state operations against a small reference model, for every store."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from starlette.testclient import TestClient

from .backends import BACKENDS
from .conftest import make_app

SCENARIO = "steps: [{reply: 'turn {{ turn }}, {{ conversation | length }} items'}]"
TEXTS = st.sampled_from(["one", "two", "three", "four"])


class Machine(RuleBasedStateMachine):
    """The server beside plain dictionaries that say what must be there: chains, deletion, conversations, compaction."""

    backend = "memory"

    responses = Bundle("responses")
    conversations = Bundle("conversations")

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.place = BACKENDS[self.backend](Path(self.folder.name))
        self.client = TestClient(make_app(SCENARIO, store=self.place.__enter__().url))
        self.client.__enter__()
        self.stored: dict[str, list[tuple[str, str]]] = {}  # response id → (role, text) of input and output, ancestors first
        self.gone: set[str] = set()
        self.threads: dict[str, list[tuple[str, str]]] = {}
        self.metadata: dict[str, dict[str, str]] = {}

    def teardown(self):
        self.client.__exit__(None, None, None)
        self.place.__exit__(None, None, None)
        self.folder.cleanup()

    def ask(self, method, path, body=None, **query):
        answer = self.client.request(method, f"/v1{path}", json=body, params=query, headers={"authorization": "Bearer k"})
        assert answer.status_code < 500, answer.text
        return answer.status_code, answer.json()

    def created(self, before, text, **fields):
        """Create a response after some past; what it must say follows from the past alone."""
        status, body = self.ask("POST", "/responses", {"model": "gpt-4o", "input": text, **fields})
        assert status == 200, body
        own = [*before, ("user", text)]
        turn = 1 + sum(1 for n, (role, _) in enumerate(own) if role == "assistant" and (n == 0 or own[n - 1][0] != role))
        said = f"turn {turn}, {len(own)} items"
        assert body["output"][0]["content"][0]["text"] == said
        return body, [*own, ("assistant", said)]

    @rule(target=responses, text=TEXTS, store=st.booleans())
    def create(self, text, store):
        body, items = self.created([], text, store=store)
        if store:
            self.stored[body["id"]] = items
        else:
            self.gone.add(body["id"])
        return body["id"]

    @rule(target=responses, parent=responses, text=TEXTS)
    def chain(self, parent, text):
        if parent in self.gone:
            status, body = self.ask("POST", "/responses", {"model": "gpt-4o", "input": text, "previous_response_id": parent})
            assert (status, body["error"]["code"]) == (400, "previous_response_not_found")
            return multiple()
        if any(ancestor in self.gone for ancestor in self.ancestors(parent)):
            return multiple()  # what a template sees of a chain with a hole is not promised
        body, items = self.created(self.stored[parent], text, previous_response_id=parent)
        assert body["id"][5:21] == parent[5:21]
        self.stored[body["id"]] = items
        self.parents[body["id"]] = parent
        return body["id"]

    @property
    def parents(self):
        return self.__dict__.setdefault("_parents", {})

    def ancestors(self, response_id):
        while response_id in self.parents:
            response_id = self.parents[response_id]
            yield response_id

    @rule(response=responses)
    def retrieve(self, response):
        status, body = self.ask("GET", f"/responses/{response}")
        if response in self.gone:
            assert (status, body["error"]["message"]) == (404, f"Response with id '{response}' not found.")
        else:
            assert (status, body["output"][0]["content"][0]["text"]) == (200, self.stored[response][-1][1])

    @rule(response=responses, limit=st.integers(1, 4))
    def input_items(self, response, limit):
        if response in self.gone or any(ancestor in self.gone for ancestor in self.ancestors(response)):
            return
        assert self.paged(f"/responses/{response}/input_items", limit) == self.stored[response][-2::-1]

    def paged(self, path, limit):
        """Every item of a list, newest first, page by page."""
        found, ids, query = [], [], {}
        while True:
            status, page = self.ask("GET", path, limit=limit, **query)
            assert status == 200
            assert len(page["data"]) <= limit
            found += [(item["role"], item["content"][0]["text"]) for item in page["data"]]
            ids += [item["id"] for item in page["data"]]
            if not page["has_more"]:
                break
            query = {"after": page["last_id"]}
        assert len(set(ids)) == len(ids)
        return found

    @rule(response=responses)
    def delete(self, response):
        status, _ = self.ask("DELETE", f"/responses/{response}")
        assert status == (404 if response in self.gone else 200)
        self.gone.add(response)

    @rule(response=responses, text=TEXTS)
    def compact(self, response, text):
        if response in self.gone or any(ancestor in self.gone for ancestor in self.ancestors(response)):
            return
        status, body = self.ask("POST", "/responses/compact", {"model": "gpt-4o", "previous_response_id": response})
        assert status == 200
        users = [said for role, said in self.stored[response] if role == "user"]
        assert [item["content"][0]["text"] for item in body["output"][:-1]] == users
        self.created(self.stored[response], text, store=False, input=[*body["output"], {"role": "user", "content": text}])

    @rule(target=conversations, texts=st.lists(TEXTS, max_size=3))
    def converse(self, texts):
        items = [{"role": "user", "content": text} for text in texts]
        status, body = self.ask("POST", "/conversations", {"items": items, "metadata": {"n": str(len(texts))}})
        assert status == 200
        self.threads[body["id"]] = [("user", text) for text in texts]
        self.metadata[body["id"]] = {"n": str(len(texts))}
        return body["id"]

    @rule(conversation=conversations, text=TEXTS, store=st.booleans())
    def respond(self, conversation, text, store):
        if conversation not in self.threads:
            status, _ = self.ask("POST", "/responses", {"model": "gpt-4o", "input": text, "conversation": conversation})
            assert status == 404
            return
        body, items = self.created(self.threads[conversation], text, conversation=conversation, store=store)
        self.threads[conversation] = items
        assert body["conversation"] == {"id": conversation}

    @rule(conversation=conversations, text=TEXTS)
    def add_item(self, conversation, text):
        body = {"items": [{"role": "assistant", "content": text}]}
        status, _ = self.ask("POST", f"/conversations/{conversation}/items", body)
        assert status == (200 if conversation in self.threads else 404)
        if conversation in self.threads:
            self.threads[conversation].append(("assistant", text))

    @rule(conversation=conversations, place=st.integers(0, 9))
    def drop_item(self, conversation, place):
        if not self.threads.get(conversation):
            return
        place %= len(self.threads[conversation])
        _, page = self.ask("GET", f"/conversations/{conversation}/items", order="asc", limit=100)
        status, body = self.ask("DELETE", f"/conversations/{conversation}/items/{page['data'][place]['id']}")
        assert (status, body["object"]) == (200, "conversation")
        del self.threads[conversation][place]

    @rule(conversation=conversations, value=TEXTS)
    def update(self, conversation, value):
        status, body = self.ask("POST", f"/conversations/{conversation}", {"metadata": {"v": value}})
        assert status == (200 if conversation in self.threads else 404)
        if conversation in self.threads:
            self.metadata[conversation] = body["metadata"]
            assert body["metadata"] == {"v": value}

    @rule(conversation=consumes(conversations))
    def drop(self, conversation):
        status, _ = self.ask("DELETE", f"/conversations/{conversation}")
        assert status == (200 if self.threads.pop(conversation, None) is not None else 404)

    @invariant()
    def conversations_are_as_they_must_be(self):
        for conversation, items in self.threads.items():
            assert self.paged(f"/conversations/{conversation}/items", 3) == items[::-1]
            assert self.ask("GET", f"/conversations/{conversation}")[1]["metadata"] == self.metadata[conversation]


SETTINGS = settings(
    max_examples=15, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)


@pytest.mark.parametrize("name", sorted(BACKENDS))
def test_state_is_what_the_model_says(name):
    run_state_machine_as_test(type("On", (Machine,), {"backend": name}), settings=SETTINGS)


def test_the_reference_model_is_not_vacuous():
    """The machine notices a server that forgets: the same checks fail against a wrong expectation."""
    machine = Machine()
    response = machine.create(text="one", store=True)
    machine.stored[response][-1] = ("assistant", "something else")
    with pytest.raises(AssertionError, match="something else"):
        machine.retrieve(response)
    machine.teardown()
