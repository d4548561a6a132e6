"""`GET /_mock/usage` and `--prices`: what a day of calls would have cost."""

import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from mockapi.cli import main
from mockapi.errors import UsageError
from mockapi.prices import Prices, cost_of, load_prices

from .conftest import make_app

KEY = {"authorization": "Bearer k"}
SCENARIO = """
steps:
  - when: {input: code}
    reply: [{code_interpreter_call: {code: print(1), container_id: cntr_1}}, {message: done}]
  - when: {input: search}
    reply: [{file_search_call: a}, {file_search_call: b}, {web_search_call: c}, {message: done}]
  - reply: {output: short, usage: {input_tokens: 1000000, output_tokens: 100000, cached_tokens: 400000}}
"""


@pytest.fixture
def client():
    return TestClient(make_app(SCENARIO), base_url="http://localhost")


def say(client, text, key="k", **options):
    body = {"model": "gpt-4o", "input": text, **options}
    answer = client.post("/v1/responses", json=body, headers={"authorization": f"Bearer {key}"})
    assert answer.status_code == 200, answer.text


def usage(client, **query):
    return client.get("/_mock/usage", headers=KEY, params=query).json()


CODE = [{"type": "code_interpreter", "container": {"type": "auto", "memory_limit": "4g"}}]


def test_nothing_yet(client):
    body = usage(client)
    assert body["data"] == []
    assert body["total"]["responses"] == 0
    assert body["total"]["cost"] == {
        "tokens": None, "web_search": None, "file_search": 0.0, "code_interpreter": 0.0, "file_storage": None,
    }  # fmt: skip


def test_sums_by_model_and_day(client):
    say(client, "hello")
    say(client, "hello")
    client.post("/_mock/clock", json={"advance": "1d"}, headers=KEY)
    say(client, "hello", model="gpt-5")
    first, second = usage(client)["data"]
    assert (first["day"], first["model"], first["responses"]) == ("2026-01-01", "gpt-4o-2024-08-06", 2)
    assert (first["input_tokens"], first["cached_tokens"], first["output_tokens"]) == (2_000_000, 800_000, 200_000)
    assert (second["day"], second["model"], second["responses"]) == ("2026-01-02", "gpt-5-2025-08-07", 1)
    assert usage(client)["total"]["input_tokens"] == 3_000_000


def test_projects_are_apart_and_together(client):
    say(client, "hello")
    say(client, "hello", key="other")
    assert usage(client)["total"]["responses"] == 1
    assert usage(client, project="*")["total"]["responses"] == 2
    client.post("/_mock/reset", headers=KEY)
    assert usage(client)["total"]["responses"] == 0


def test_tools_cost_what_is_built_in(client):
    say(client, "search")
    say(client, "code", tools=CODE)
    say(client, "code", tools=CODE)  # the same container in the same hour: one session
    client.post("/_mock/clock", json={"advance": "1h"}, headers=KEY)
    say(client, "code")
    (row,) = usage(client)["data"]
    assert row["tool_calls"] == {"code_interpreter_call": 3, "file_search_call": 2, "web_search_call": 1}
    assert row["code_interpreter_sessions"] == {"1g": 1, "4g": 1}
    assert row["cost"] == {
        "tokens": None, "web_search": None, "file_search": 0.005, "code_interpreter": 0.15, "file_storage": None,
    }  # fmt: skip


def test_prices_of_a_file(tmp_path):
    path = tmp_path / "prices.yaml"
    path.write_text("models: {gpt-4o*: {input: 2.5, cached_input: 1.25, output: 10}}\nweb_search: 10\nfile_storage: 0.1\n")
    client = TestClient(make_app(SCENARIO, prices=path), base_url="http://localhost")
    say(client, "hello")
    say(client, "search")
    row = usage(client)["data"][0]
    assert row["cost"]["web_search"] == 0.01
    assert row["cost"]["file_storage"] == 0.0
    assert row["cost"]["tokens"] == pytest.approx(0.6 * 2.5 + 0.4 * 1.25 + 0.1 * 10, abs=0.001)
    say(client, "hello", model="gpt-5")
    assert usage(client)["total"]["cost"]["tokens"] is None


def test_cached_input_costs_as_much_unless_told():
    sums = {"input_tokens": 1_000_000, "cached_tokens": 500_000, "output_tokens": 0}
    prices = Prices.model_validate({"models": {"*": {"input": 2, "output": 8}}})
    assert cost_of(sums, "m", prices)["tokens"] == 2.0


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("models: {gpt-4o: {input: 1}}", "models.gpt-4o.output: Field required"),
        ("models: {gpt-4o: {input: -1, output: 1}}", "models.gpt-4o.input: Input should be greater than or equal to 0"),
        ("modles: {}", "modles: Extra inputs are not permitted"),
        ("web_search: many", "web_search: Input should be a valid number"),
        ("[", "is not YAML"),
        ("[]", "expected a mapping with models, web_search, file_storage"),
        ("", "is empty"),
    ],
)
def test_a_wrong_file_is_told_in_one_sentence(tmp_path, text, told):
    path = tmp_path / "prices.yaml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        load_prices(path)
    assert str(caught.value).startswith("--prices: ")
    assert told in str(caught.value)


def test_a_missing_file(tmp_path):
    result = CliRunner().invoke(main, ["serve", "--port", "0", "--prices", str(tmp_path / "nope.yaml")])
    assert result.exit_code == 2
    assert "nope.yaml:1:1: cannot be read: No such file or directory" in result.output
