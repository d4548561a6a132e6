"""Webhook endpoints, as the official SDK manages them."""

import httpx
import pytest
from openai import BadRequestError, NotFoundError, OpenAI

STEP = "steps: [{reply: hi}]"
TYPES = ["response.completed"]


def register(client, url, **options):
    return client.webhooks.create(**{"name": "mine", "url": url, "event_types": TYPES, **options})


def test_register_and_receive(serve, receiver):
    client = serve(STEP).sdk()
    endpoint = register(client, receiver.url)
    response = client.responses.create(model="m", input="x", background=True)
    (post,) = receiver.wait_for(1)
    event = OpenAI(api_key="k", webhook_secret=endpoint.signing_secret).webhooks.unwrap(post.body, post.headers)
    assert (event.type, event.data.id) == ("response.completed", response.id)


def test_create_retrieve_update_delete(serve):
    server = serve(STEP)
    client = server.sdk()
    made = register(client, "http://127.0.0.1:1/a")
    assert made.signing_secret.startswith("whsec_")
    assert made.object == "webhook_endpoint"
    found = client.webhooks.retrieve(made.id)
    assert found.model_dump() == {k: v for k, v in made.model_dump().items() if k != "signing_secret"}
    assert found.signing_secret_hint.endswith(made.signing_secret[-4:])
    httpx.post(f"{server.url}/_mock/clock", json={"advance": "1h"}, headers={"authorization": "Bearer test-key"})
    assert client.webhooks.update(made.id, name="mine").updated_at == made.updated_at
    changed = client.webhooks.update(made.id, name="other", url="http://localhost:2/", event_types=["batch.failed"])
    assert (changed.name, changed.url, changed.event_types) == ("other", "http://localhost:2/", ["batch.failed"])
    assert (changed.created_at, changed.updated_at) == (made.created_at, made.created_at + 3_600)
    assert "signing_secret" not in changed.model_dump()
    gone = client.webhooks.delete(made.id)
    assert (gone.id, gone.deleted, gone.object) == (made.id, True, "webhook_endpoint.deleted")
    for call in (client.webhooks.retrieve, client.webhooks.delete, client.webhooks.rotate_secret):
        with pytest.raises(NotFoundError, match=f"Webhook endpoint with id '{made.id}' not found"):
            call(made.id)


def test_pages_are_newest_first_and_projects_apart(serve):
    server = serve(STEP)
    client, other = server.sdk(), server.sdk("other")
    made = [register(client, f"http://127.0.0.1:1/{n}").id for n in range(5)]
    assert [each.id for each in client.webhooks.list(limit=2)] == made[::-1]
    page = client.webhooks.list(limit=2, after=made[3])
    assert ([each.id for each in page.data], page.has_more) == ([made[2], made[1]], True)
    assert list(other.webhooks.list()) == []
    with pytest.raises(NotFoundError):
        other.webhooks.retrieve(made[0])


def test_rotating_the_secret(serve, receiver):
    server = serve(STEP)
    client = server.sdk()
    made = register(client, receiver.url)
    rotated = client.webhooks.rotate_secret(made.id, keep_old_secret_active_for_24_hours=True)
    assert rotated.signing_secret != made.signing_secret
    client.responses.create(model="m", input="x", background=True)
    post = receiver.wait_for(1)[0]
    for secret in (made.signing_secret, rotated.signing_secret):
        assert OpenAI(api_key="k").webhooks.unwrap(post.body, post.headers, secret=secret).type == "response.completed"
    again = client.webhooks.rotate_secret(made.id)
    client.responses.create(model="m", input="y", background=True)
    post = receiver.wait_for(2)[1]
    assert len(post.headers["webhook-signature"].split()) == 1
    assert OpenAI(api_key="k").webhooks.unwrap(post.body, post.headers, secret=again.signing_secret).object == "event"


def test_a_test_event(serve, receiver):
    client = serve(STEP).sdk()
    made = register(client, receiver.url)
    receiver.answers.append(418)
    result = client.webhooks.test(made.id, event_type="response.failed")
    assert (result.status_code, result.success, result.webhook_endpoint_id) == (418, True, made.id)
    post = receiver.posts[0]
    assert OpenAI(api_key="k").webhooks.unwrap(post.body, post.headers, secret=made.signing_secret).type == "response.failed"
    client.webhooks.update(made.id, url="http://127.0.0.1:9/")
    with pytest.raises(BadRequestError, match="could not be reached"):
        client.webhooks.test(made.id, event_type="response.failed")


def test_event_types(serve):
    listed = serve(STEP).sdk().webhooks.event_types.list()
    assert {"response.completed", "response.cancelled", "batch.failed"} <= set(listed.data)


def test_the_sdks_own_list_of_event_types_is_ours():
    from typing import get_args, get_type_hints

    from openai.types.webhooks import WebhookCreateParams

    from mockapi.wire.endpoints import EVENT_TYPES

    (element,) = get_args(get_args(get_type_hints(WebhookCreateParams, include_extras=True)["event_types"])[0])
    assert get_args(element) == EVENT_TYPES


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"name": None}, "missing_required_parameter", "Missing required parameter: 'name'."),
        (
            {"name": ""},
            "empty_string",
            "Invalid 'name': empty string. Expected a string with minimum length 1, but got an empty string instead.",
        ),
        ({"url": 3}, "invalid_type", "Invalid type for 'url': expected a string, but got an integer instead."),
        (
            {"event_types": "response.failed"},
            "invalid_type",
            "Invalid type for 'event_types': expected an array, but got a string instead.",
        ),
        ({"secret": "x"}, "unknown_parameter", "Unknown parameter: 'secret'."),
    ],
)
def test_bad_bodies(serve, change, code, message):
    server = serve(STEP, validation="off" if change == {"name": None} else "on")
    body = {"name": "n", "url": "http://localhost/", "event_types": TYPES, **change}
    answer = httpx.post(f"{server.base_url}/webhook_endpoints", json=body, headers={"authorization": "Bearer k"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    assert answer.json()["error"]["message"] == message


def test_an_unknown_event_type(serve):
    with pytest.raises(BadRequestError) as caught:
        register(serve(STEP).sdk(), "http://localhost/", event_types=["response.done"])
    assert (caught.value.param, caught.value.code) == ("event_types[0]", "invalid_value")
    assert "Invalid value: 'response.done'. Supported values are: 'batch.completed', " in caught.value.message


def test_listed_hosts_may_be_registered(in_process):
    client = in_process(STEP, webhook_hosts=("*.example.com",))
    assert register(client, "https://hooks.example.com/x").url == "https://hooks.example.com/x"


def test_at_most_a_hundred(in_process):
    client = in_process(STEP)
    for n in range(100):
        register(client, f"http://127.0.0.1/{n}")
    with pytest.raises(BadRequestError, match="keeps 100 webhook endpoints"):
        register(client, "http://127.0.0.1/more")
