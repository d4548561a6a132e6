"""The official SDK cannot tell: every way of calling it, over a socket and in process."""

import httpx
import openai
import pytest
from pydantic import BaseModel

from .conftest import SCENARIOS, parse_sse

HELLO = """
steps:
  - when: {input: hello}
    reply: Hello there, general Kenobi!
"""


@pytest.fixture
def client(serve):
    return serve(HELLO).sdk()


def test_create_gives_the_scripted_text(client):
    response = client.responses.create(model="gpt-4o", input="hello")
    assert response.output_text == "Hello there, general Kenobi!"
    assert response.status == "completed"
    assert response.model == "gpt-4o-2024-08-06"
    assert response.id.startswith("resp_")
    assert len(response.id) == len("resp_") + 50
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens


def test_create_in_process(in_process):
    assert in_process(HELLO).responses.create(model="gpt-4o", input="hello").output_text == "Hello there, general Kenobi!"


def test_plain_stream(client):
    events = list(client.responses.create(model="gpt-4o", input="hello", stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert (
        "".join(event.delta for event in events if event.type == "response.output_text.delta") == "Hello there, general Kenobi!"
    )
    assert events[0].type == "response.created"
    assert events[-1].type == "response.completed"


def test_stream_helper_accumulates_the_final_response(client):
    with client.responses.stream(model="gpt-4o", input="hello") as stream:
        texts = [event.delta for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert "".join(texts) == final.output_text == "Hello there, general Kenobi!"


def test_stream_in_process(in_process):
    with in_process(HELLO).responses.stream(model="gpt-4o", input="hello") as stream:
        assert stream.get_final_response().output_text == "Hello there, general Kenobi!"


@pytest.mark.anyio
async def test_async_create_and_stream(serve):
    async with serve(HELLO).async_sdk() as client:
        response = await client.responses.create(model="gpt-4o", input="hello")
        assert response.output_text == "Hello there, general Kenobi!"
        async with client.responses.stream(model="gpt-4o", input="hello") as stream:
            assert (await stream.get_final_response()).output_text == "Hello there, general Kenobi!"


def test_raw_response_has_the_real_headers(client):
    raw = client.responses.with_raw_response.create(model="gpt-4o", input="hello")
    assert raw.headers["content-type"] == "application/json"
    assert raw.headers["openai-version"] == "2020-10-01"
    assert raw.headers["x-request-id"].startswith("req_")
    assert len(raw.headers["x-request-id"]) == len("req_") + 32
    assert raw.headers["openai-organization"]
    assert raw.headers["openai-project"].startswith("proj_")
    assert int(raw.headers["openai-processing-ms"]) >= 1
    assert raw.headers["x-ratelimit-limit-requests"] == "30000"
    assert raw.headers["x-mock-scenario"] == "test"
    assert raw.headers["x-mock-step"] == "step 1"
    assert raw.parse().output_text == "Hello there, general Kenobi!"


def test_streams_carry_no_rate_limit_headers(serve):
    answer = serve(HELLO).post({"model": "gpt-4o", "input": "hello", "stream": True})
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["x-request-id"].startswith("req_")
    assert not [name for name in answer.headers if name.startswith("x-ratelimit")]


def test_with_streaming_response(client):
    with client.responses.with_streaming_response.create(model="gpt-4o", input="hello") as raw:
        assert b"general Kenobi" in b"".join(raw.iter_bytes())


class CalendarEvent(BaseModel):
    name: str
    date: str
    participants: list[str]


def test_parse_gives_the_scripted_value(serve):
    client = serve(paths=(SCENARIOS,)).sdk()
    response = client.responses.parse(model="gpt-4o", input="The fair is on Friday.", text_format=CalendarEvent)
    assert response.output_parsed == CalendarEvent(name="Science fair", date="Friday", participants=["Alice", "Bob"])


def test_parse_streamed(serve):
    client = serve(paths=(SCENARIOS,)).sdk()
    with client.responses.stream(model="gpt-4o", input="The fair is on Friday.", text_format=CalendarEvent) as stream:
        assert stream.get_final_response().output_parsed.participants == ["Alice", "Bob"]


def test_refusal(serve):
    client = serve(paths=(SCENARIOS,)).sdk()
    response = client.responses.parse(model="gpt-4o", input="plan a heist", text_format=CalendarEvent)
    assert response.output_parsed is None
    assert response.output[0].content[0].refusal.startswith("I'm sorry")
    with client.responses.stream(model="gpt-4o", input="plan a heist", text_format=CalendarEvent) as stream:
        types = [event.type for event in stream]
    assert "response.refusal.delta" in types
    assert "response.refusal.done" in types


def test_retrieve_equals_what_was_created(client):
    created = client.responses.create(model="gpt-4o", input="hello")
    assert client.responses.retrieve(created.id).model_dump() == created.model_dump()


def test_retrieve_of_a_streamed_response_adds_billing_and_nothing_else(serve):
    server = serve(HELLO)
    *_, (name, last) = parse_sse(server.post({"model": "gpt-4o", "input": "hello", "stream": True}).text)
    assert name == "response.completed"
    body = server.get(f"/responses/{last['response']['id']}").json()
    assert body.pop("billing") == {"payer": "developer"}
    assert body == last["response"]


def test_retrieve_unknown(client):
    with pytest.raises(openai.NotFoundError, match=r"Response with id 'resp_nope' not found\."):
        client.responses.retrieve("resp_nope")
    with pytest.raises(openai.BadRequestError, match=r"Invalid 'response_id': 'x'\. Expected an ID that begins with 'resp'\."):
        client.responses.retrieve("x")


def test_store_false_is_not_retrievable(client):
    response = client.responses.create(model="gpt-4o", input="hello", store=False)
    assert response.id[len("resp_") + 16 : len("resp_") + 18] == "01"
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(response.id)
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model="gpt-4o", input="hello", previous_response_id=response.id)
    assert caught.value.code == "previous_response_not_found"
    assert caught.value.param == "previous_response_id"


def test_projects_never_meet(serve):
    server = serve(HELLO)
    response = server.sdk("key-one").responses.create(model="gpt-4o", input="hello")
    for other in (server.sdk("key-two"), server.sdk("key-one", project="proj_other")):
        with pytest.raises(openai.NotFoundError):
            other.responses.retrieve(response.id)


def test_background_create_answers_queued_then_completes(client):
    created = client.responses.create(model="gpt-4o", input="hello", background=True)
    assert (created.status, created.output, created.usage) == ("queued", [], None)
    polled = client.responses.retrieve(created.id)
    assert (polled.status, polled.output_text) == ("completed", "Hello there, general Kenobi!")


def test_background_stream_begins_queued_and_has_no_obfuscation(client):
    events = list(client.responses.create(model="gpt-4o", input="hello", background=True, stream=True))
    assert [event.type for event in events[:3]] == ["response.created", "response.queued", "response.in_progress"]
    assert [event.response.status for event in events[:3]] == ["queued", "queued", "in_progress"]
    assert not [event for event in events if "obfuscation" in event.to_dict()]


def test_obfuscation_pads_deltas_and_can_be_switched_off(client):
    on = client.responses.create(model="gpt-4o", input="hello", stream=True)
    deltas = [event.to_dict() for event in on if event.type == "response.output_text.delta"]
    assert all((len(delta["delta"]) + len(delta["obfuscation"])) % 16 == 0 for delta in deltas)
    off = client.responses.create(model="gpt-4o", input="hello", stream=True, stream_options={"include_obfuscation": False})
    assert not [event for event in off if "obfuscation" in event.to_dict()]


def test_a_failing_stream_raises_with_the_scripted_message(serve):
    client = serve(paths=(SCENARIOS,)).sdk()
    with pytest.raises(openai.APIError, match="The model failed to generate a response"):
        list(client.responses.create(model="gpt-4o", input="tell me a story that breaks", stream=True))
    response = client.responses.create(model="gpt-4o", input="tell me a story that breaks")
    assert response.status == "failed"
    assert response.error.code == "server_error"
    assert response.usage is None


def test_missing_key_is_401(serve):
    answer = httpx.post(f"{serve(HELLO).base_url}/responses", json={})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="OpenAI API"'
    assert answer.json()["error"]["message"] == "Missing bearer or basic authentication in header"
