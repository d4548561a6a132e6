"""Stored responses: chains, branches, deletion, the listed input, retention switches; by the official SDK."""

import json

import openai
import pytest

from .conftest import make_app

SCENARIO = """
steps:
  - when: {input: weather, tools: [get_weather]}
    reply: [{reasoning: Let me see.}, {function_call: {name: get_weather, arguments: {city: Oslo}}}]
  - when: {tool_output: get_weather}
    reply: It is {{ tool_outputs.get_weather }} °C.
  - when: {input: fails}
    reply: half
    fail: server_error
  - reply: "turn {{ turn }}, {{ conversation | length }} items"
"""
TOOLS = [{"type": "function", "name": "get_weather", "parameters": {"type": "object", "properties": {}}, "strict": False}]


@pytest.fixture
def client(in_process):
    return in_process(SCENARIO)


def say(client, text, **options):
    return client.responses.create(**{"model": "gpt-5", "input": text, **options})


def texts(items):
    return [item.content[0].text if item.type == "message" else item.type for item in items]


def partition(some_id):
    return some_id.partition("_")[2][:16]


def test_a_chain_carries_its_context(client):
    first = say(client, "one")
    second = say(client, "two", previous_response_id=first.id)
    third = say(client, "three", previous_response_id=second.id)
    assert [r.output_text for r in (first, second, third)] == ["turn 1, 1 items", "turn 2, 3 items", "turn 3, 5 items"]
    assert third.previous_response_id == second.id
    assert {partition(each) for each in (first.id, second.id, third.output[0].id)} == {partition(first.id)}


def test_branches_from_one_parent(client):
    root = say(client, "one")
    left, right = say(client, "left", previous_response_id=root.id), say(client, "right", previous_response_id=root.id)
    assert left.id != right.id
    assert texts(client.responses.input_items.list(left.id, order="asc")) == ["one", "turn 1, 1 items", "left"]
    assert texts(client.responses.input_items.list(right.id, order="asc")) == ["one", "turn 1, 1 items", "right"]


def test_instructions_are_not_carried(client):
    first = say(client, "one", instructions="Be brief.")
    second = say(client, "two", previous_response_id=first.id)
    assert (first.instructions, second.instructions) == ("Be brief.", None)
    assert [item.role for item in client.responses.input_items.list(second.id)] == ["user", "assistant", "user"]


def test_the_listed_input_has_pages_newest_first(client):
    response = None
    for number in range(4):
        response = say(client, f"n{number}", previous_response_id=response.id if response else None)
    everything = ["n0", "turn 1, 1 items", "n1", "turn 2, 3 items", "n2", "turn 3, 5 items", "n3"]
    assert texts(client.responses.input_items.list(response.id, limit=2)) == everything[::-1]
    assert texts(client.responses.input_items.list(response.id, limit=3, order="asc")) == everything
    page = client.responses.input_items.with_raw_response.list(response.id, limit=3)
    body = json.loads(page.text)
    assert list(body) == ["object", "data", "first_id", "has_more", "last_id"]
    assert (body["first_id"], body["last_id"], body["has_more"]) == (body["data"][0]["id"], body["data"][2]["id"], True)
    rest = json.loads(client.responses.input_items.with_raw_response.list(response.id, after=body["last_id"]).text)
    assert (len(rest["data"]), rest["has_more"]) == (4, False)
    assert body["data"][0] == {
        "id": body["first_id"],
        "type": "message",
        "status": "completed",
        "content": [{"type": "input_text", "text": "n3"}],
        "role": "user",
    }


def test_tool_outputs_are_listed_with_their_call(client):
    asked = say(client, "weather", tools=TOOLS)
    call = asked.output[1]
    output = {"type": "function_call_output", "call_id": call.call_id, "output": "21"}
    answered = say(client, [output], previous_response_id=asked.id, tools=TOOLS)
    assert answered.output_text == "It is 21 °C."
    listed = client.responses.input_items.list(answered.id, order="asc").data
    assert [item.type for item in listed] == ["message", "reasoning", "function_call", "function_call_output"]
    assert listed[2].id == call.id
    assert (listed[3].id[:3], listed[3].status, listed[3].call_id) == ("fc_", "completed", call.call_id)


def test_what_is_not_included_is_not_listed(client):
    first = say(client, "weather", tools=TOOLS, include=["reasoning.encrypted_content"])
    call = first.output[1]
    output = {"type": "function_call_output", "call_id": call.call_id, "output": "21"}
    second = say(client, [output], previous_response_id=first.id, tools=TOOLS)
    plain = client.responses.input_items.list(second.id, order="asc").data[1]
    full = client.responses.input_items.list(second.id, order="asc", include=["reasoning.encrypted_content"]).data[1]
    assert plain.encrypted_content is None
    assert full.encrypted_content == first.output[0].encrypted_content


def test_a_deleted_response_is_gone_and_its_children_work(client):
    first = say(client, "one")
    second = say(client, "two", previous_response_id=first.id)
    answer = client.responses.with_raw_response.delete(first.id)
    assert json.loads(answer.text) == {"id": first.id, "object": "response.deleted", "deleted": True}
    for ask in (client.responses.retrieve, client.responses.delete, client.responses.input_items.list):
        with pytest.raises(openai.NotFoundError, match=f"Response with id '{first.id}' not found"):
            ask(first.id)
    with pytest.raises(openai.BadRequestError, match="Previous response with id"):
        say(client, "x", previous_response_id=first.id)
    third = say(client, "three", previous_response_id=second.id)
    assert third.output_text.startswith("turn 3, ")


def test_a_failed_response_can_be_fetched(client):
    failed = say(client, "fails")
    assert client.responses.retrieve(failed.id).status == "failed"


def test_what_is_not_stored_is_not_there(client):
    response = say(client, "one", store=False)
    assert response.id[21:23] == "01"
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(response.id)
    with pytest.raises(openai.BadRequestError) as caught:
        say(client, "two", previous_response_id=response.id)
    assert (caught.value.code, caught.value.param) == ("previous_response_not_found", "previous_response_id")


def test_a_client_that_replays_its_history_keeps_the_partition(client):
    first = say(client, "one", store=False)
    history = [{"role": "user", "content": "one"}, *(item.model_dump(exclude_none=True) for item in first.output)]
    second = say(client, [*history, {"role": "user", "content": "two"}], store=False)
    assert second.output_text == "turn 2, 3 items"
    assert partition(second.id) == partition(first.id)


@pytest.mark.parametrize(
    ("query", "code", "param", "message"),
    [
        ({"limit": 0}, "integer_below_min_value", "limit", "Expected a value >= 1, but got 0 instead."),
        ({"limit": 101}, "integer_above_max_value", "limit", "Expected a value <= 100, but got 101 instead."),
        ({"limit": "x"}, "invalid_type", "limit", "could not be converted into an integer."),
        ({"order": "up"}, "invalid_value", "order", "Supported values are: 'asc' and 'desc'."),
        ({"include": ["nope"]}, "invalid_value", "include[0]", "Invalid value: 'nope'."),
    ],
)
def test_queries_are_checked(client, query, code, param, message):
    response = say(client, "one")
    with pytest.raises(openai.BadRequestError, match="Invalid") as caught:
        client.responses.input_items.list(response.id, **query)
    assert (caught.value.code, caught.value.param) == (code, param)
    assert message in caught.value.body["message"]


def test_an_unknown_cursor(client):
    response = say(client, "one")
    with pytest.raises(openai.NotFoundError, match="Item with id 'msg_nope' not found"):
        client.responses.input_items.list(response.id, after="msg_nope")


def test_projects_are_apart(in_process):
    from starlette.testclient import TestClient

    app = TestClient(make_app(SCENARIO), base_url="http://testserver")
    mine, yours = (
        openai.OpenAI(base_url="http://testserver/v1", api_key=key, http_client=app, max_retries=0) for key in ("mine", "yours")
    )
    response, conversation = say(mine, "one"), mine.conversations.create(items=[{"role": "user", "content": "hi"}])
    item = mine.conversations.items.list(conversation.id).data[0]
    compacted = mine.responses.compact(model="gpt-5", input="one")
    refused = [
        lambda: yours.responses.retrieve(response.id),
        lambda: yours.responses.delete(response.id),
        lambda: yours.responses.input_items.list(response.id),
        lambda: say(yours, "x", previous_response_id=response.id),
        lambda: say(yours, "x", conversation=conversation.id),
        lambda: yours.conversations.retrieve(conversation.id),
        lambda: yours.conversations.update(conversation.id, metadata={}),
        lambda: yours.conversations.items.list(conversation.id),
        lambda: yours.conversations.items.create(conversation.id, items=[{"role": "user", "content": "x"}]),
        lambda: yours.conversations.delete(conversation.id),
        lambda: say(yours, [{"type": "item_reference", "id": item.id}]),
        lambda: say(yours, [compacted.output[-1].model_dump(exclude_none=True), {"role": "user", "content": "x"}]),
    ]
    for call in refused:
        with pytest.raises(openai.APIStatusError) as caught:
            call()
        assert caught.value.status_code in (400, 404)
    assert mine.conversations.retrieve(conversation.id).id == conversation.id
    app.close()


def test_a_thousand_turns_are_a_thousand_small_records():
    import asyncio

    from mockapi.wire.json import encoded

    from .test_service import create, make

    async def run():
        service = make("steps: [{reply: A short answer.}]")
        parent, sizes = None, []
        for number in range(1_000):
            body = {"model": "gpt-4o", "input": f"question {number}", **({"previous_response_id": parent} if parent else {})}
            parent = (await create(service, body)).timeline.response_id
            record = await service.core.store.get_response("p", parent)
            sizes.append(sum(len(encoded(part)) for part in (record.plan, record.progress, record.context, record.input_items)))
        return sizes

    sizes = asyncio.run(run())
    assert max(sizes) < min(sizes) + 200  # the ids and counts that grow by a digit, nothing else


def test_zero_data_retention(in_process):
    client = in_process(SCENARIO, key="zdr", zdr=("zdr",))
    response = say(client, "weather", tools=TOOLS)
    assert json.loads(client.responses.with_raw_response.create(model="gpt-5", input="x").text)["store"] is False
    assert response.output[0].encrypted_content.startswith("gAAAAA")
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(response.id)
    with pytest.raises(openai.BadRequestError) as caught:
        say(client, "x", previous_response_id=response.id)
    assert caught.value.code == "unsupported_parameter"
    assert caught.value.body["message"] == ("Previous response cannot be used for this organization due to Zero Data Retention.")
    polled = client.responses.retrieve(say(client, "later", background=True).id)
    assert (polled.status, polled.background) == ("completed", True)
    other = in_process(SCENARIO, key="other", zdr=("zdr",))
    assert other.responses.retrieve(say(other, "x").id).status == "completed"


def test_unknown_ids_can_be_made_up(in_process):
    client = in_process(SCENARIO, unknown_ids="create", history="lenient", validation="off")
    assert say(client, "x", previous_response_id="resp_old").output_text.startswith("turn 2")
    assert client.responses.retrieve("resp_other").status == "completed"
    assert client.responses.input_items.list("resp_third").data == []
    assert say(client, "x", conversation="conv_old").output_text.startswith("turn 1")
    assert len(client.conversations.items.list("conv_old").data) == 2
    assert say(client, [{"type": "item_reference", "id": "msg_old"}, {"role": "user", "content": "x"}]).status == "completed"
    assert say(client, "x", prompt={"id": "pmpt_old", "variables": {"a": "b"}}).status == "completed"
    client.responses.delete("resp_other")
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve("resp_other")
    assert client.conversations.delete("conv_never").deleted is True
    assert say(client, [{"type": "function_call_output", "call_id": "call_lost", "output": "x"}]).status == "completed"
