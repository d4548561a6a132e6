"""What hostile users of the state found: each once, so that it stays mended."""

import json

import pytest
from starlette.testclient import TestClient

from .conftest import gives_way, make_app

TOLD = """
steps:
  - when: {input: think}
    reply: [{reasoning: hm}, {message: thought}]
  - reply: "turn {{ turn }}: {% for item in conversation %}{% if item.type == 'message' %}{{ item.content[0].text }}|{% endif %}{% endfor %}"
"""
USER = {"role": "user", "content": "hello"}


class Client:
    def __init__(self, text=TOLD, key="k", **settings):
        self.client = TestClient(make_app(text, **settings), base_url="http://localhost")
        self.headers = {"authorization": f"Bearer {key}"}

    def ask(self, method, path, body=None):
        answer = self.client.request(method, f"/v1{path}", json=body, headers=self.headers)
        return answer.status_code, answer.json()

    def post(self, path, status=200, **body):
        got, answer = self.ask("POST", path, body)
        assert got == status, answer
        return answer

    def create(self, text="go on", status=200, **options):
        return self.post("/responses", status, **{"model": "gpt-4o", "input": text, **options})


def said(body):
    return body["output"][0]["content"][0]["text"]


@pytest.mark.parametrize("model", ["gpt-5", "gpt-5.6"])
def test_made_up_encrypted_reasoning_can_be_replayed(model):
    client = Client()
    first = client.create("think", model=model, store=False, include=["reasoning.encrypted_content"])
    assert first["output"][0]["encrypted_content"].startswith("gAAAAA")
    client.create([USER, *first["output"], USER], model=model, store=False)
    other = Client(seed="other")
    error = other.create([USER, *first["output"], USER], 400, model=model, store=False)["error"]
    assert error["code"] == "invalid_encrypted_content"


def test_zero_retention_with_a_model_that_does_not_reason():
    client = Client(zdr=("k",))
    assert client.create()["store"] is False
    tools = [{"type": "code_interpreter", "container": {"type": "auto"}}]
    error = client.create("x", 400, tools=tools)["error"]
    assert error["message"] == "Code interpreter tool cannot be used for this organization due to Zero Data Retention"
    for path in ("/responses/compact", "/responses/input_tokens"):
        error = client.post(path, 400, model="gpt-4o", previous_response_id="resp_x")["error"]
        assert error["code"] == "unsupported_parameter"


def test_responses_that_follow_themselves_are_refused_at_load():
    from mockapi.errors import ScenarioError

    seeds = "responses: {resp_a: {previous_response_id: resp_b}, resp_b: {previous_response_id: resp_a}}\nsteps: []"
    with pytest.raises(ScenarioError, match=r"responses.resp_a.previous_response_id: the response follows itself"):
        make_app(seeds)
    with pytest.raises(ScenarioError, match="expected an item"):
        make_app("conversations: {conv_a: {items: [{type: item_reference, id: msg_1}]}}\nsteps: []")


def compacted(client):
    first = client.create("one")
    second = client.create("two", previous_response_id=first["id"])
    return client.post("/responses/compact", model="gpt-4o", previous_response_id=second["id"])["output"]


RESTORED = "one|turn 1: one||two|turn 2: one|turn 1: one||two||"


@pytest.mark.parametrize("settings", [{}, {"history": "lenient"}])
def test_a_chain_goes_on_behind_a_compaction(settings):
    client = Client(**settings)
    output = compacted(client)
    third = client.create([*output, {"role": "user", "content": "three"}])
    assert said(third) == f"turn 3: {RESTORED}three|"
    fourth = client.create("four", previous_response_id=third["id"])
    assert said(fourth).startswith(f"turn 4: {RESTORED}three|")
    again = client.post("/responses/compact", model="gpt-4o", previous_response_id=fourth["id"])["output"]
    assert said(client.create([*again, {"role": "user", "content": "five"}])).startswith(f"turn 5: {RESTORED}three|")


def test_a_compaction_in_a_conversation_is_restored_and_verified():
    client = Client()
    output = compacted(client)
    made = client.post("/conversations", items=[{"role": "user", "content": "old"}, *output])["id"]
    assert said(client.create("three", conversation=made)) == f"turn 3: {RESTORED}three|"
    assert said(client.create("four", conversation=made)).startswith(f"turn 4: {RESTORED}three|")
    other = client.post("/conversations", items=[{"role": "user", "content": "old"}])["id"]
    client.create([*output, {"role": "user", "content": "three"}], conversation=other)
    assert said(client.create("four", conversation=other)).startswith(f"turn 4: {RESTORED}three|")
    bad = {"type": "compaction", "encrypted_content": "garbage"}
    assert client.post("/conversations", 400, items=[bad])["error"]["code"] == "invalid_encrypted_content"
    assert client.post(f"/conversations/{made}/items", 400, items=[bad])["error"]["code"] == "invalid_encrypted_content"


@pytest.mark.parametrize("limit", ["--5", "-", "٣", "1e3", "", "5" * 400])
def test_limits_that_are_no_numbers(limit):
    client = Client()
    made = client.post("/conversations")["id"]
    status, body = client.ask("GET", f"/conversations/{made}/items?limit={limit}")
    assert (status, body["error"]["code"], body["error"]["param"]) == (400, "invalid_type", "limit")
    assert client.ask("GET", f"/conversations/{made}/items?limit=0000000000000000000000005")[0] == 200
    lenient = Client(validation="off")
    made = lenient.post("/conversations")["id"]
    assert lenient.ask("GET", f"/conversations/{made}/items?limit={limit}")[0] == 200


def test_deleting_leaves_what_others_know():
    client = Client()
    made = client.post("/conversations")["id"]
    responses = [client.create(text, conversation=made) for text in ("one", "two", "three")]
    client.ask("DELETE", f"/conversations/{made}")
    assert len(client.ask("GET", f"/responses/{responses[2]['id']}/input_items")[1]["data"]) == 5
    assert said(client.create("four", previous_response_id=responses[2]["id"])).count("|") >= 7
    first = client.create("one")
    second = client.create("two", previous_response_id=first["id"])
    third = client.create("three", previous_response_id=second["id"])
    client.ask("DELETE", f"/responses/{second['id']}")
    assert client.ask("GET", f"/responses/{second['id']}")[0] == 404
    assert client.ask("DELETE", f"/responses/{second['id']}")[0] == 404
    assert len(client.ask("GET", f"/responses/{third['id']}/input_items")[1]["data"]) == 5
    client.create([{"type": "item_reference", "id": second["output"][0]["id"]}, USER], 404)


def test_models_with_odd_names_are_counted():
    client = Client()
    client.create(model="a\nb")
    (row,) = client.client.get("/_mock/usage", headers=client.headers).json()["data"]
    assert (row["model"], row["responses"]) == ("a\nb", 1)


def test_every_unknown_id_can_be_made_up():
    client = Client(unknown_ids="create", validation="off", history="lenient")
    client.create(prompt={"id": "pmpt_1", "variables": {"a": "b"}})
    assert client.ask("GET", "/conversations/conv_z/items/msg_1")[1]["id"] == "msg_1"
    assert client.ask("DELETE", "/conversations/conv_z/items/msg_1")[0] == 200
    assert client.ask("GET", "/conversations/conv_z/items?after=msg_1")[0] == 200
    client.create(previous_response_id="abc", conversation="xyz")
    client.create(previous_response_id="abc")
    assert client.ask("GET", "/responses/abc")[0] == 200
    reference, output = (
        {"type": "item_reference", "id": "fc_1"},
        {"type": "function_call_output", "call_id": "call_1", "output": "x"},
    )
    strict = Client("steps: [{reply: ok}]", unknown_ids="create")
    strict.create([reference, output])


CUT = """
steps:
  - when: {input: cut}
    reply: [{function_call: {name: f, arguments: {city: Oslo}}}]
    incomplete: max_output_tokens
  - reply: ok
"""


def test_a_call_that_was_cut_needs_no_output():
    client = Client(CUT)
    first = client.create("cut")
    assert said(client.create("again", previous_response_id=first["id"])) == "ok"
    output = {"type": "function_call_output", "call_id": first["output"][0]["call_id"], "output": "x"}
    assert said(client.create([output], previous_response_id=first["id"])) == "ok"


@pytest.mark.parametrize(
    ("item", "code", "message"),
    [
        ({"type": "function_call_output", "id": "msg_1", "call_id": "c", "output": "x"}, "invalid_value", "begins with 'fc'."),
        ({"type": "web_search_call", "id": "fc_1", "status": "completed"}, "invalid_value", "begins with 'ws'."),
        ({"type": "computer_call", "id": "fc_1", "call_id": "c"}, "invalid_value", "begins with 'cu'."),
        ({**USER, "id": "msg_" + "a" * 300}, "string_above_max_length", "Expected a string with maximum length 64, but got a string with length 304 instead."),
    ],
)  # fmt: skip
def test_ids_of_items_are_checked(item, code, message):
    error = Client().create([item], 400)["error"]
    assert (error["code"], error["param"]) == (code, "input[0].id")
    assert error["message"].endswith(message)


def test_history_is_checked_in_what_a_conversation_brings():
    client = Client()
    lost = {"type": "function_call_output", "call_id": "call_x", "output": "x"}
    made = client.post("/conversations", items=[USER, lost])["id"]
    assert (
        client.create(status=400, conversation=made)["error"]["message"]
        == "No tool call found for function call output with call_id call_x."
    )
    call = {"type": "function_call", "call_id": "call_x", "name": "f", "arguments": "{}"}
    mended = client.post("/conversations", items=[USER, lost, call, {"role": "assistant", "content": "done"}])["id"]
    client.create(conversation=mended)


def test_tools_count_as_input():
    client = Client()
    words = "Returns the weather of a city at a given moment, as measured by the nearest station. " * 5
    tools = [
        {"type": "function", "name": "get_weather", "description": words, "parameters": {"type": "object", "properties": {}}}
    ]
    counts = [
        client.post("/responses/input_tokens", model="gpt-4o", input="x", tools=each)["input_tokens"] for each in ([], tools)
    ]
    assert counts[1] - counts[0] > 80


def test_a_page_of_a_long_chain_reads_what_it_needs(monkeypatch):
    client = Client("steps: [{reply: ok}]")
    parent = client.create()["id"]
    for _ in range(60):
        parent = client.create(previous_response_id=parent)["id"]
    from mockapi.service import turns

    read = []
    plain = turns.items_of
    monkeypatch.setattr(turns, "items_of", lambda data: read.append(data) or plain(data))
    page = client.ask("GET", f"/responses/{parent}/input_items?limit=4")[1]
    assert (len(page["data"]), page["has_more"]) == (4, True)
    assert len(read) < 10
    rest = client.ask("GET", f"/responses/{parent}/input_items?limit=100&after={page['last_id']}")[1]
    assert len(rest["data"]) == 100


def test_the_journal_knows_every_operation():
    client = Client()
    made = client.post("/conversations", items=[USER])["id"]
    item = client.ask("GET", f"/conversations/{made}/items")[1]["data"][0]["id"]
    first = client.create(conversation=made)
    for method, path, body in (
        ("GET", f"/conversations/{made}", None),
        ("POST", f"/conversations/{made}", {"metadata": {}}),
        ("POST", f"/conversations/{made}/items", {"items": [USER]}),
        ("GET", f"/conversations/{made}/items/{item}", None),
        ("DELETE", f"/conversations/{made}/items/{item}", None),
        ("DELETE", f"/conversations/{made}", None),
        ("GET", f"/responses/{first['id']}/input_items", None),
        ("POST", "/responses/compact", {"model": "gpt-4o", "input": "x"}),
        ("POST", "/responses/input_tokens", {"input": "x"}),
        ("DELETE", f"/responses/{first['id']}", None),
    ):
        assert client.ask(method, path, body)[0] == 200, path
    calls = client.client.get("/_mock/requests", headers=client.headers).json()["data"]
    assert [call["operation"] for call in calls] == [
        "conversations.create", "conversations.items.list", "responses.create", "conversations.retrieve", "conversations.update",
        "conversations.items.create", "conversations.items.retrieve", "conversations.items.delete", "conversations.delete",
        "responses.input_items", "responses.compact", "responses.input_tokens", "responses.delete",
    ]  # fmt: skip
    assert json.loads(json.dumps(calls[1]["response"]))["object"] == "list"


def test_an_item_stands_in_a_conversation_once():
    client = Client("steps: [{background: manual, reply: done}]")
    kept = client.post("/conversations", items=[USER])["id"]
    item = client.ask("GET", f"/conversations/{kept}/items")[1]["data"][0]["id"]
    made = client.post("/conversations")["id"]
    reference = {"type": "item_reference", "id": item}
    run = client.create([reference, {"role": "user", "content": "go"}], conversation=made, background=True)["id"]
    client.post(f"/conversations/{made}/items", items=[reference])
    for _ in range(2):
        client.client.post(f"/_mock/responses/{run}/advance", headers=client.headers)
    listed = client.ask("GET", f"/conversations/{made}/items?order=asc")[1]["data"]
    assert [each["id"] for each in listed].count(item) == 1
    assert len(listed) == 3
    assert client.ask("DELETE", f"/conversations/{made}/items/{item}")[0] == 200
    assert len(client.ask("GET", f"/conversations/{made}/items")[1]["data"]) == 2


def test_seeds_of_two_files_that_follow_each_other_end():
    client = Client("responses: {resp_a: {input: a, output: one, previous_response_id: resp_b}}\nsteps: [{reply: ok}]")
    other = "responses: {resp_b: {input: b, output: two, previous_response_id: resp_a}}\nsteps: []"
    json_type = {**client.headers, "content-type": "application/yaml"}
    assert client.client.put("/_mock/scenarios/other", content=other, headers=json_type).status_code == 200
    stored = client.create()["output"][0]
    client.create([stored, USER], previous_response_id="resp_a")
    assert len(client.ask("GET", "/responses/resp_a/input_items")[1]["data"]) == 3


def test_prefixes_outlive_the_counters_of_what_was_seen():
    client = Client("steps: [{reply: ok}]", max_responses=3)
    long = "word " * 1_500
    client.create(long)
    for number in range(4):
        client.post("/responses/input_tokens", input=f"{number}")
    assert client.create(long)["usage"]["input_tokens_details"]["cached_tokens"] >= 1_024


def test_what_was_refused_as_locked_costs_nothing_and_is_not_there():
    client = Client("steps: [{background: manual, reply: done}]")
    made = client.post("/conversations")["id"]
    client.create(conversation=made, background=True)
    before = client.client.get("/_mock/usage", headers=client.headers).json()["total"]["responses"]
    client.create("other", 400, conversation=made, background=True)
    assert client.client.get("/_mock/usage", headers=client.headers).json()["total"]["responses"] == before == 1


def test_odd_memories_are_counted():
    client = Client("steps: [{reply: [{code_interpreter_call: {code: x, container_id: cntr_1}}]}]")
    client.create(tools=[{"type": "code_interpreter", "container": {"type": "auto", "memory_limit": "9\nz"}}])
    (row,) = client.client.get("/_mock/usage", headers=client.headers).json()["data"]
    assert row["code_interpreter_sessions"] == {"1g": 1}


def test_a_compaction_is_billed_the_same_however_it_comes_back():
    client = Client("steps: [{reply: ok}]")
    options = {"context_management": [{"type": "compaction", "compact_threshold": 1_000}]}
    first = client.create("word " * 3_000, **options)
    made = client.post("/conversations")["id"]
    client.create("word " * 3_000, conversation=made, **options)
    billed = {
        client.create("next", previous_response_id=first["id"])["usage"]["input_tokens"],
        client.create([*first["output"], {"role": "user", "content": "next"}])["usage"]["input_tokens"],
        client.create("next", conversation=made)["usage"]["input_tokens"],
    }
    assert len(billed) == 1


PACED = """
steps:
  - when: {input: fails}
    pace: {first: 1s, rate: 1/s}
    reply: one two
    fail: server_error
  - pace: {first: 1s, rate: 1/s}
    reply: one two
"""


@pytest.mark.parametrize(("text", "is_stored", "count"), [("fails", True, 0), ("fails", False, 0), ("works", False, 2)])
def test_a_paced_response_is_appended_only_as_it_ends(text, is_stored, count):
    import asyncio

    from mockapi.service.conversations import Conversations
    from mockapi.service.core import Call
    from mockapi.wire.operations import ListQuery

    from .test_service import create, make

    async def run():
        service = make(PACED)
        conversations = Conversations(service.core)

        async def items():
            return json.loads(await conversations.list_items("p", made["id"], ListQuery()))["data"]

        made = json.loads(await conversations.create(Call("p", "conversations.create"), b"x" * 32))
        body = {"model": "gpt-4o", "input": text, "conversation": made["id"], "store": is_stored, "stream": True}
        running = await create(service, body)
        service.core.clock.time += 5  # due, and not delivered yet: a slow client
        before = await items()
        await service.delivered(running, is_whole=True)
        return before, await items()

    before, after = asyncio.run(run())
    assert (before, len(after)) == ([], count)


def test_two_racing_polls_move_a_run_twice():
    import asyncio

    from .test_service import create, make

    async def run():
        service = make("steps: [{background: {queued: 2}, reply: x}]")
        created = await create(service, {"model": "gpt-4o", "input": "x", "background": True})
        gives_way(service.core.store, "get_response")
        polls = [service.retrieve("p", created.timeline.response_id) for _ in range(4)]
        return sorted(json.loads(body)["status"] for body in await asyncio.gather(*polls))

    assert asyncio.run(run()) == ["completed", "completed", "queued", "queued"]
