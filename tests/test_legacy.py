"""Calls of the removed Assistants API: a removed route's 404, and a word on what takes its place."""

import logging
import re

import pytest
from starlette.testclient import TestClient

from mockapi.http.legacy import REPLACEMENTS, replacement_of

from .conftest import make_app

KEY = {"authorization": "Bearer k"}
NOTE = "the Assistants API is gone since 2026-08-26; instead: "


@pytest.fixture
def client():
    with TestClient(make_app("steps: [{reply: fine}]"), base_url="http://localhost") as connection:
        yield connection


def listed(client, query: str) -> list[dict]:
    return client.get(f"/_mock/requests?{query}", headers=KEY).json()["data"]


@pytest.mark.parametrize("base", ["/v1", "/scenarios/test/v1", "/scenarios/threads/v1", "/openai/v1", "/openai"])
@pytest.mark.parametrize("row", REPLACEMENTS, ids=lambda row: f"{row.method} {row.path}")
def test_every_call_is_a_removed_route(client, base, row):
    path = base + re.sub(r"\{(\w+)\}", r"\1_1", row.path)
    answer = client.request(row.method, path, headers=KEY, params={"api-version": "2024-05-01-preview"})
    assert (answer.status_code, answer.content) == (404, b"")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "content-type" not in answer.headers
    (entry,) = listed(client, "legacy=true")
    assert (entry["method"], entry["path"], entry["status"]) == (row.method, path, 404)
    assert entry["note"] == NOTE + row.instead
    assert entry["id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("method", "path", "instead"),
    [
        ("POST", "/threads", "POST /v1/conversations"),
        ("POST", "/threads/", "POST /v1/conversations"),
        ("GET", "/threads/thread_1/messages", "GET /v1/conversations/{conversation_id}/items"),
        ("POST", "/threads/thread_1/runs/run_1/cancel", "POST /v1/responses/{response_id}/cancel"),
        ("GET", "/threads/thread_1/runs/run_1", "GET /v1/responses/{response_id}"),
        ("POST", "/threads/runs", "POST /v1/conversations, then POST /v1/responses with its id as conversation"),
        ("PUT", "/threads", "Responses and Conversations; no such call was known"),
        ("GET", "/threads/thread_1/what/is/this", "Responses and Conversations; no such call was known"),
    ],
)
def test_what_takes_its_place(method, path, instead):
    assert replacement_of(method, path) == instead


def test_the_log_says_it_too(client, caplog):
    with caplog.at_level(logging.INFO, logger="mockapi"):
        client.post("/v1/assistants", headers=KEY)
    assert "POST /v1/assistants 404 " in caplog.text
    assert f"{NOTE}keep model, instructions and tools in your code" in caplog.text
    assert caplog.records[-1].call["note"].startswith(NOTE)


def test_the_filter_knows_both_sides(client):
    client.post("/v1/responses", json={"model": "gpt-4o", "input": "x"}, headers=KEY)
    client.get("/v1/assistants", headers=KEY)
    client.get("/v1/threadsandmore", headers=KEY)
    assert [entry["path"] for entry in listed(client, "legacy=true")] == ["/v1/assistants"]
    assert [entry["path"] for entry in listed(client, "legacy=false")] == ["/v1/responses", "/v1/threadsandmore"]
    assert len(listed(client, "")) == 3
    answer = client.get("/_mock/requests?legacy=maybe", headers=KEY)
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, "'legacy' is true or false.")


def test_a_path_cannot_write_log_lines_of_its_own(client, caplog):
    with caplog.at_level(logging.INFO, logger="mockapi"):
        client.get("/v1/threads/%0Aforged%20line", headers=KEY)
    assert "\nforged" not in caplog.text


def test_without_a_key_it_is_gone_as_well(client):
    assert client.post("/v1/threads").status_code == 404
    assert listed(client, "legacy=true") == []
