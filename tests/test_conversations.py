"""Conversations by the official SDK: eight operations, what responses append, the lock."""

import asyncio
import json

import openai
import pytest

from .conftest import make_app
from .test_service import create, make

SCENARIO = """
steps:
  - when: {input: fails}
    reply: half
    fail: server_error
  - when: {input: refused}
    error: {status: 500, message: refused}
  - when: {input: call me, tools: [f]}
    reply: [{function_call: {name: f, arguments: {}}}]
  - reply: "turn {{ turn }}, {{ conversation | length }} items"
"""
TOOLS = [{"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}, "strict": False}]
USER = {"role": "user", "content": "hello"}


@pytest.fixture
def client(in_process):
    return in_process(SCENARIO)


def say(client, text, **options):
    return client.responses.create(**{"model": "gpt-4o", "input": text, **options})


def texts(client, conversation_id, **options):
    return [item.content[0].text for item in client.conversations.items.list(conversation_id, **options)]


def test_create_and_retrieve(client):
    made = client.conversations.create(items=[USER], metadata={"topic": "demo"})
    assert json.loads(made.to_json()) == {
        "id": made.id, "created_at": 1_767_225_600, "metadata": {"topic": "demo"}, "object": "conversation",
    }  # fmt: skip
    assert client.conversations.retrieve(made.id) == made
    assert (made.id[:5], len(made.id)) == ("conv_", 53)
    raw = client.conversations.with_raw_response.retrieve(made.id).text
    assert list(json.loads(raw)) == ["id", "object", "created_at", "metadata"]
    (item,) = client.conversations.items.list(made.id).data
    assert (item.id[-16:], item.status, item.content[0].type) == (made.id[-16:], "completed", "input_text")


def test_nothing_at_all_is_enough(client):
    made = client.conversations.create()
    assert made.metadata == {}
    body = json.loads(client.conversations.items.with_raw_response.list(made.id).text)
    assert body == {"object": "list", "data": [], "first_id": None, "has_more": False, "last_id": None}


def test_metadata_is_replaced_as_a_whole(client):
    made = client.conversations.create(metadata={"a": "1", "b": "2"})
    changed = client.conversations.update(made.id, metadata={"c": "3"})
    assert (changed.metadata, changed.created_at) == ({"c": "3"}, made.created_at)
    assert client.conversations.retrieve(made.id).metadata == {"c": "3"}


def test_items_are_added_listed_read_and_removed(client):
    made = client.conversations.create()
    added = client.conversations.items.create(
        made.id, items=[{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}]
    )
    assert [(item.role, item.content[0].type, item.content[0].text) for item in added.data] == [
        ("user", "input_text", "one"),
        ("assistant", "output_text", "two"),
    ]
    more = client.conversations.items.create(made.id, items=[{"role": "developer", "content": "three"}])
    assert len(more.data) == 1
    assert texts(client, made.id) == ["three", "two", "one"]
    assert texts(client, made.id, order="asc", limit=1) == ["one", "two", "three"]
    assert texts(client, made.id, after=added.data[1].id) == ["one"]
    assert texts(client, made.id, after=added.data[0].id, order="asc") == ["two", "three"]
    assert client.conversations.items.retrieve(added.data[0].id, conversation_id=made.id) == added.data[0]
    left = client.conversations.items.delete(added.data[0].id, conversation_id=made.id)
    assert left.id == made.id
    assert texts(client, made.id) == ["three", "two"]
    with pytest.raises(openai.NotFoundError) as caught:
        client.conversations.items.retrieve(added.data[0].id, conversation_id=made.id)
    assert caught.value.body["message"] == f"Item with id '{added.data[0].id}' not found in conversation."


def test_a_response_is_appended_with_its_input(client):
    made = client.conversations.create(items=[USER])
    first = say(client, "one", conversation=made.id)
    second = say(client, "two", conversation={"id": made.id})
    assert (first.output_text, second.output_text) == ("turn 1, 2 items", "turn 2, 4 items")
    assert (first.conversation.id, first.previous_response_id) == (made.id, None)
    assert texts(client, made.id) == ["turn 2, 4 items", "two", "turn 1, 2 items", "one", "hello"]
    assert first.id[5:21] == made.id[-16:] == first.output[0].id[4:20]
    assert client.conversations.items.list(made.id).data[0].id == second.output[0].id
    listed = client.responses.input_items.list(second.id, order="asc")
    assert [item.content[0].text for item in listed] == ["hello", "one", "turn 1, 2 items", "two"]


def test_streamed_and_background_responses_too(client):
    made = client.conversations.create()
    list(client.responses.create(model="gpt-4o", input="one", conversation=made.id, stream=True))
    say(client, "two", conversation=made.id, background=True)
    assert texts(client, made.id, order="asc") == ["one", "turn 1, 1 items", "two", "turn 2, 3 items"]


def test_unstored_responses_are_appended_and_failed_ones_are_not(client):
    made = client.conversations.create()
    say(client, "one", conversation=made.id, store=False)
    say(client, "fails", conversation=made.id)
    with pytest.raises(openai.InternalServerError):
        say(client, "refused", conversation=made.id)
    assert texts(client, made.id, order="asc") == ["one", "turn 1, 1 items"]


def test_open_calls_are_answered_in_the_conversation(client):
    made = client.conversations.create()
    asked = say(client, "call me", conversation=made.id, tools=TOOLS)
    with pytest.raises(openai.BadRequestError, match="No tool output found for function call"):
        say(client, "and now?", conversation=made.id)
    output = {"type": "function_call_output", "call_id": asked.output[0].call_id, "output": "done"}
    say(client, [output], conversation=made.id)
    assert [item.type for item in client.conversations.items.list(made.id, order="asc")] == [
        "message", "function_call", "function_call_output", "message",
    ]  # fmt: skip
    removed = client.conversations.items.list(made.id, order="asc").data[2]
    client.conversations.items.delete(removed.id, conversation_id=made.id)
    with pytest.raises(openai.BadRequestError, match="No tool output found for function call"):
        say(client, "and now?", conversation=made.id)


def test_the_past_is_not_sent_again(client):
    made = client.conversations.create()
    first = say(client, "one", conversation=made.id)
    again = [*(item.model_dump(exclude_none=True) for item in first.output), {"role": "user", "content": "two"}]
    with pytest.raises(openai.BadRequestError, match=f"Duplicate item found with id {first.output[0].id}"):
        say(client, again, conversation=made.id)


def test_items_of_responses_can_be_put_into_another_conversation(client):
    first = say(client, "one")
    made = client.conversations.create(items=[{"type": "item_reference", "id": first.output[0].id}])
    assert client.conversations.items.list(made.id).data[0].id == first.output[0].id
    with pytest.raises(openai.BadRequestError, match="Duplicate item found"):
        client.conversations.items.create(made.id, items=[{"type": "item_reference", "id": first.output[0].id}])
    with pytest.raises(openai.NotFoundError, match="Item with id 'msg_nope' not found"):
        client.conversations.items.create(made.id, items=[{"type": "item_reference", "id": "msg_nope"}])


def test_deleting_a_conversation(client):
    made = client.conversations.create(items=[USER])
    response = say(client, "one", conversation=made.id)
    gone = client.conversations.delete(made.id)
    assert (gone.id, gone.object, gone.deleted) == (made.id, "conversation.deleted", True)
    for ask in (client.conversations.retrieve, client.conversations.delete, client.conversations.items.list):
        with pytest.raises(openai.NotFoundError, match=f"Conversation with id '{made.id}' not found"):
            ask(made.id)
    with pytest.raises(openai.NotFoundError, match="Conversation with id"):
        say(client, "two", conversation=made.id)
    assert client.responses.retrieve(response.id).id == response.id


REFUSED = [
    ("post", "/conversations", {"items": [USER] * 21}, 400, "array_above_max_length", "items",
     "Invalid 'items': array too long. Expected an array with maximum length 20, but got an array with length 21 instead."),
    ("post", "/conversations", {"items": "x"}, 400, "invalid_type", "items", "Invalid type for 'items': expected an array, but got a string instead."),
    ("post", "/conversations", {"items": [{}]}, 400, "invalid_value", "items[0]",
     "Invalid value: ''. Supported values are: 'assistant', 'system', 'developer', and 'user'."),
    ("post", "/conversations", {"items": [7]}, 400, "invalid_type", "items[0]", "Invalid type for 'items[0]': expected an input item, but got an integer instead."),
    ("post", "/conversations", {"metadata": {"a": 1}}, 400, "invalid_type", "metadata.a", "Invalid type for 'metadata.a': expected a string, but got an integer instead."),
    ("post", "/conversations", {"metadata": "x"}, 400, "invalid_type", "metadata", "Invalid type for 'metadata': expected a metadata object, but got a string instead."),
    ("post", "/conversations", {"metadata": {str(n): "" for n in range(17)}}, 400, "object_above_max_properties", "metadata",
     "Invalid 'metadata': too many properties. Expected an object with at most 16 properties, but got an object with 17 properties instead."),
    ("post", "/conversations", {"itms": []}, 400, "unknown_parameter", "itms", "Unknown parameter: 'itms'. Did you mean 'items'?"),
    ("post", "/conversations/{id}", {}, 400, "missing_required_parameter", "metadata", "Missing required parameter: 'metadata'."),
    ("post", "/conversations/{id}/items", {}, 400, "missing_required_parameter", "items", "Missing required parameter: 'items'."),
    ("post", "/conversations/{id}/items", {"items": [{"role": "bogus", "content": "x"}]}, 400, "invalid_value", "items[0]",
     "Invalid value: 'bogus'. Supported values are: 'assistant', 'system', 'developer', and 'user'."),
    ("post", "/conversations/{id}/items", {"items": [USER, {"role": "user"}]}, 400, "missing_required_parameter", "items[1].content",
     "Missing required parameter: 'items[1].content'."),
    ("get", "/conversations/conv_nope", None, 404, None, None, "Conversation with id 'conv_nope' not found."),
    ("get", "/conversations/x", None, 400, "invalid_value", "conversation_id", "Invalid 'conversation_id': 'x'. Expected an ID that begins with 'conv'."),
    ("get", "/conversations/{id}/items?limit=0", None, 400, "integer_below_min_value", "limit",
     "Invalid 'limit': integer below minimum value. Expected a value >= 1, but got 0 instead."),
    ("get", "/conversations/{id}/items?limit=1000", None, 400, "integer_above_max_value", "limit",
     "Invalid 'limit': integer above maximum value. Expected a value <= 100, but got 1000 instead."),
    ("get", "/conversations/{id}/items?after=msg_nope", None, 404, None, "after", "Item with id 'msg_nope' not found."),
    ("get", "/conversations/{id}/items/msg_nope", None, 404, None, None, "Item with id 'msg_nope' not found in conversation."),
    ("delete", "/conversations/{id}/items/msg_nope", None, 404, None, None, "Item with id 'msg_nope' not found in conversation."),
    ("delete", "/conversations/conv_" + "x" * 300, None, 404, None, None, "Conversation with id 'conv_" + "x" * 300 + "' not found."),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "status", "code", "param", "message"), REFUSED)
def test_refused_as_by_the_real_api(method, path, body, status, code, param, message):
    from starlette.testclient import TestClient

    client = TestClient(make_app(SCENARIO))
    auth = {"authorization": "Bearer k"}
    made = client.post("/v1/conversations", json={"items": [USER]}, headers=auth).json()["id"]
    answer = client.request(
        method, f"/v1{path.replace('{id}', made)}", headers=auth, **({"json": body} if body is not None else {})
    )
    assert answer.status_code == status
    assert answer.json() == {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}
    assert answer.text.startswith('{\n  "error": {')
    kept = client.get(f"/v1/conversations/{made}/items", headers=auth).json()["data"]
    assert len(kept) == 1  # nothing was half appended


def test_malformed_json():
    from starlette.testclient import TestClient

    client = TestClient(make_app(SCENARIO))
    answer = client.post("/v1/conversations", content=b"{", headers={"authorization": "Bearer k"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_json")
    assert client.post("/v1/conversations", headers={"authorization": "Bearer k"}).status_code == 200


def test_both_references(client):
    made, first = client.conversations.create(), say(client, "one")
    with pytest.raises(openai.BadRequestError) as caught:
        say(client, "x", conversation=made.id, previous_response_id=first.id)
    assert caught.value.body["message"] == (
        "Mutually exclusive parameters: ''. Ensure you are only providing one of: 'pre..._id' or 'conversation'."
    )


SLOW = "steps: [{pace: {first: 1s, rate: 1/s}, reply: one two three}]"


def conversation_of(service):
    from mockapi.service.conversations import Conversations

    return Conversations(service.core)


@pytest.mark.parametrize("is_stored", [True, False])
@pytest.mark.parametrize("is_whole", [True, False])
def test_the_lock_holds_until_delivery_ends(is_stored, is_whole):
    from mockapi.service.core import Call
    from mockapi.wire.operations import ListQuery

    async def run():
        service = make(SLOW)
        conversations = conversation_of(service)
        made = json.loads(await conversations.create(Call("p", "conversations.create"), b"x" * 32))
        body = {"model": "gpt-4o", "input": "hi", "conversation": made["id"], "store": is_stored}

        async def items():
            return json.loads(await conversations.list_items("p", made["id"], ListQuery()))["data"]

        running = await create(service, body)
        with pytest.raises(openai_error()) as caught:
            await create(service, body)
        during = await items()
        await service.delivered(running, is_whole=is_whole)
        return caught.value, during, await items(), await create(service, body)

    error, during, after, again = asyncio.run(run())
    assert (error.status, error.code, error.param) == (400, "conversation_locked", "conversation")
    assert error.message == "Another process is currently operating on this conversation. Please retry in a few seconds."
    assert during == []
    assert [item["role"] for item in after] == (["assistant", "user"] if is_whole else [])
    assert again.timeline.plan.usage["input_tokens"] > 0


def openai_error():
    from mockapi.errors import ApiError

    return ApiError


def test_a_background_run_holds_the_lock_by_the_clock():
    from mockapi.errors import ApiError
    from mockapi.service.core import Call
    from mockapi.wire.operations import ListQuery

    async def run():
        service = make(SLOW)
        conversations = conversation_of(service)
        made = json.loads(await conversations.create(Call("p", "conversations.create"), b"x" * 32))
        body = {"model": "gpt-4o", "input": "hi", "conversation": made["id"], "background": True}
        await create(service, body)
        service.core.clock.time += 2.9
        with pytest.raises(ApiError, match="Another process"):
            await create(service, body)
        service.core.clock.time += 0.2
        await create(service, body)
        service.core.clock.time += 5
        return json.loads(await conversations.list_items("p", made["id"], ListQuery()))["data"]

    assert len(asyncio.run(run())) == 4


def test_a_turn_that_nobody_ends_is_given_up():
    """A server that died while it delivered: the conversation is free again some time after the end was due."""
    from mockapi.service.core import Call

    async def run():
        service = make(SLOW)
        conversations = conversation_of(service)
        made = json.loads(await conversations.create(Call("p", "conversations.create"), b"x" * 32))
        body = {"model": "gpt-4o", "input": "hi", "conversation": made["id"]}
        await create(service, body)
        service.core.clock.time += 3 + 601
        return await create(service, body)

    assert asyncio.run(run()).timeline.plan.is_stored
