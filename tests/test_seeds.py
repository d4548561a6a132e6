"""What scenarios lay down: prompts, conversations, responses; and errors that they script for other endpoints."""

import json

import openai
import pytest
from starlette.testclient import TestClient

from .conftest import gives_way, make_app

SCENARIO = """
prompts:
  pmpt_weather:
    version: 2
    model: gpt-5.2
    messages:
      - {role: developer, text: "You speak {{language}}."}
      - {role: user, text: "Weather in {{ city }}?"}
    variables: [language, city]
  pmpt_plain: {messages: [{text: Hello.}]}
conversations:
  conv_support:
    metadata: {topic: refunds}
    items:
      - {role: user, content: Where is my money?}
      - message: On its way.
      - {id: msg_kept, role: user, content: Thanks.}
responses:
  resp_first: {input: Hi there, output: Hello!}
  resp_second:
    previous_response_id: resp_first
    input: [{role: user, content: And now?}]
    output: [{reasoning: Hm.}, {message: Now this.}]
    model: gpt-5
    metadata: {a: b}
steps:
  - when: {prompt: pmpt_weather, instructions: You speak French}
    reply: "Il pleut, turn {{ turn }}."
  - reply: "turn {{ turn }}: {% for item in conversation %}{{ item.content[0].text if item.type == 'message' else item.type }}|{% endfor %}"
"""


@pytest.fixture
def client(in_process):
    return in_process(SCENARIO)


def say(client, text="go on", **options):
    return client.responses.create(**{"model": "gpt-5", "input": text, **options})


def test_a_conversation_is_there_from_the_start(client):
    made = client.conversations.retrieve("conv_support")
    assert made.metadata == {"topic": "refunds"}
    items = client.conversations.items.list("conv_support", order="asc").data
    assert [(item.role, item.content[0].text) for item in items] == [
        ("user", "Where is my money?"), ("assistant", "On its way."), ("user", "Thanks."),
    ]  # fmt: skip
    assert items[2].id == "msg_kept"
    assert say(client, conversation="conv_support").output_text == "turn 2: Where is my money?|On its way.|Thanks.|go on|"
    assert len(client.conversations.items.list("conv_support").data) == 5


def test_what_is_deleted_stays_deleted(client):
    client.conversations.delete("conv_support")
    with pytest.raises(openai.NotFoundError):
        client.conversations.retrieve("conv_support")
    client.responses.delete("resp_first")
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve("resp_first")


def test_responses_are_there_from_the_start(client):
    second = client.responses.retrieve("resp_second")
    assert (second.output_text, second.model, second.metadata, second.previous_response_id) == (
        "Now this.", "gpt-5-2025-08-07", {"a": "b"}, "resp_first",
    )  # fmt: skip
    assert client.responses.retrieve("resp_first").output_text == "Hello!"
    listed = client.responses.input_items.list("resp_second", order="asc").data
    assert [item.content[0].text for item in listed] == ["Hi there", "Hello!", "And now?"]
    told = say(client, previous_response_id="resp_second")
    assert told.output_text == "turn 3: Hi there|Hello!|And now?|reasoning|Now this.|go on|"


def test_items_of_seeds_can_be_referred_to(client):
    told = say(client, [{"type": "item_reference", "id": "msg_kept"}, {"role": "user", "content": "and?"}])
    assert told.output_text == "turn 1: Thanks.|and?|"


def test_every_project_has_its_own():
    app = TestClient(make_app(SCENARIO), base_url="http://localhost")
    for key in ("a", "b"):
        headers = {"authorization": f"Bearer {key}"}
        body = {"model": "gpt-4o", "input": "x", "conversation": "conv_support"}
        assert app.post("/v1/responses", json=body, headers=headers).status_code == 200
        assert len(app.get("/v1/conversations/conv_support/items", headers=headers).json()["data"]) == 5
    app.post("/_mock/reset", headers=headers)
    assert len(app.get("/v1/conversations/conv_support/items", headers=headers).json()["data"]) == 3


def test_a_prompt_gives_instructions_and_model(client):
    raw = client.responses.with_raw_response.create(
        prompt={"id": "pmpt_weather", "variables": {"language": "French", "city": "Nice"}}
    )
    body = json.loads(raw.text)
    assert body["instructions"] == [
        {"type": "message", "content": [{"type": "input_text", "text": "You speak French."}], "role": "developer"},
        {"type": "message", "content": [{"type": "input_text", "text": "Weather in Nice?"}], "role": "user"},
    ]
    assert body["model"] == "gpt-5.2-2025-12-11"
    assert body["prompt"] == {
        "id": "pmpt_weather", "variables": {"language": "French", "city": "Nice"}, "version": "2",
    }  # fmt: skip
    assert body["output"][0]["content"][0]["text"] == "Il pleut, turn 1."
    assert client.responses.create(prompt={"id": "pmpt_plain"}, model="gpt-4.1").model == "gpt-4.1-2025-04-14"
    body = json.loads(client.responses.with_raw_response.retrieve(body["id"]).text)
    assert body["instructions"][0]["role"] == "developer"


def test_variables_may_be_images(client):
    image = {"type": "input_image", "detail": "auto", "file_id": "file-1"}
    raw = client.responses.with_raw_response.create(
        prompt={"id": "pmpt_weather", "variables": {"language": {"type": "input_text", "text": "French"}, "city": image}}
    )
    messages = json.loads(raw.text)["instructions"]
    assert messages[0]["content"] == [{"type": "input_text", "text": "You speak French."}]
    assert messages[1]["content"] == [{"type": "input_text", "text": "Weather in ?"}, image]


@pytest.mark.parametrize(
    ("prompt", "status", "message", "param", "code"),
    [
        ({"id": "pmpt_nope"}, 404, "Prompt with id 'pmpt_nope' not found.", None, None),
        ({"id": "pmpt_plain", "version": "7"}, 404, "Prompt with id 'pmpt_plain' and version '7' not found.", None, None),
        (
            {"id": "pmpt_weather", "variables": {"language": "French"}},
            400,
            "Missing required parameter: 'prompt.variables.city'.",
            "prompt.variables.city",
            "missing_required_parameter",
        ),
        (
            {"id": "pmpt_plain", "variables": {"x": "y"}},
            400,
            "Unknown parameter: 'prompt.variables.x'.",
            "prompt.variables.x",
            "unknown_parameter",
        ),
    ],
)
def test_prompts_are_checked(client, prompt, status, message, param, code):
    with pytest.raises(openai.APIStatusError) as caught:
        client.responses.create(prompt=prompt, model="gpt-4o")
    error = caught.value
    assert (error.status_code, error.body["message"], error.param, error.code) == (status, message, param, code)


ENDPOINTS = """
steps:
  - {when: {endpoint: responses.retrieve}, times: 1, error: server_error}
  - {when: {endpoint: "conversations.items.*", conversation: conv_b}, error: {status: 503, code: broken, message: Broken.}}
  - {when: {endpoint: responses.delete, headers: {x-test: "yes"}}, error: rate_limit_exceeded}
  - {when: {endpoint: conversations.update, body: {/metadata/a: "1"}}, error: {status: 409, message: Conflict.}}
  - {reply: hi}
conversations: {conv_a: {}, conv_b: {}}
"""


def test_other_endpoints_fail_as_scripted(in_process):
    client = in_process(ENDPOINTS)
    response = say(client)
    with pytest.raises(openai.InternalServerError):
        client.responses.retrieve(response.id)
    assert client.responses.retrieve(response.id).id == response.id  # `times: 1`
    assert client.conversations.items.list("conv_a").data == []
    with pytest.raises(openai.InternalServerError, match="Broken") as caught:
        client.conversations.items.list("conv_b")
    assert caught.value.response.headers["x-mock-step"] == "step 2"
    with pytest.raises(openai.RateLimitError):
        client.responses.delete(response.id, extra_headers={"x-test": "yes"})
    client.responses.delete(response.id)
    with pytest.raises(openai.ConflictError):
        client.conversations.update("conv_a", metadata={"a": "1"})
    assert client.conversations.update("conv_a", metadata={"a": "2"}).metadata == {"a": "2"}


def test_steps_of_other_endpoints_are_not_in_the_way_of_a_script(in_process):
    client = in_process(
        "mode: script\nsteps: [{when: {endpoint: responses.retrieve}, error: server_error}, {reply: one}, {reply: two}]"
    )
    assert [say(client).output_text, say(client).output_text] == ["one", "two"]


def test_racing_readers_of_a_seed_all_find_it():
    import asyncio

    from mockapi.service.conversations import Conversations

    from .test_service import make

    async def run():
        service = make(SCENARIO)
        gives_way(service.core.store, "get_conversation")
        conversations = Conversations(service.core)
        return await asyncio.gather(*(conversations.retrieve("p", "conv_support") for _ in range(4)))

    bodies = asyncio.run(run())
    assert len(set(bodies)) == 1
    assert json.loads(bodies[0])["metadata"] == {"topic": "refunds"}


def test_a_seed_that_was_forgotten_with_time_does_not_come_back():
    app = TestClient(make_app(SCENARIO), base_url="http://localhost")
    headers = {"authorization": "Bearer k"}
    assert app.get("/v1/responses/resp_first", headers=headers).status_code == 200
    app.post("/_mock/clock", json={"advance": "31d"}, headers=headers)
    for _ in range(2):
        assert app.get("/v1/responses/resp_first", headers=headers).status_code == 404
