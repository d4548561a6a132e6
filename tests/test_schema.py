"""The published JSON Schema: every key has words, every shipped scenario is valid under it."""

import json

import jsonschema
import pytest
import yaml

from mockapi.errors import ScenarioError
from mockapi.scenario.load import load_text
from mockapi.scenario.model import ScenarioFile
from mockapi.scenario.schema import scenario_schema
from mockapi.scenario.vocabulary import EXAMPLES, KEYS
from mockapi.wire.json import loads, pretty

from .conftest import ROOT, SCENARIOS

SCHEMA = scenario_schema()
SHIPPED = [*sorted(SCENARIOS.rglob("*.yaml")), *sorted((ROOT / "examples").glob("*/*.yaml"))]


def objects(part, where="scenario"):
    """(where, properties) of every object in a schema."""
    if isinstance(part, dict):
        if isinstance(part.get("properties"), dict):
            yield where, part["properties"]
        for key, each in part.items():
            yield from objects(each, f"{where}/{key}")
    elif isinstance(part, list):
        for each in part:
            yield from objects(each, where)


def test_every_key_has_a_description():
    keys = [(f"{where}.{name}", part) for where, properties in objects(SCHEMA) for name, part in properties.items()]
    assert len(keys) > 800
    assert [where for where, part in keys if not part.get("description")] == []


def test_every_word_of_the_vocabulary_is_used():
    names = {name for _, properties in objects(SCHEMA) for name in properties}
    assert set(KEYS) - names == set()


@pytest.mark.parametrize("key", EXAMPLES)
def test_examples_are_shown_and_valid(key):
    model, name = key.split(".")
    properties = (SCHEMA if model == ScenarioFile.__name__ else SCHEMA["$defs"][model])["properties"]
    assert properties[name]["examples"] == EXAMPLES[key]
    judge = jsonschema.Draft202012Validator({**properties[name], "$defs": SCHEMA["$defs"]})
    assert [error for example in EXAMPLES[key] for error in judge.iter_errors(example)] == []


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_it_accepts_the_shipped_scenarios(path):
    assert list(jsonschema.Draft202012Validator(SCHEMA).iter_errors(yaml.safe_load(path.read_text()))) == []


@pytest.mark.parametrize(
    "item",
    [
        {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"},
        {"type": "mcp_approval_response", "approval_request_id": "mcpr_1", "approve": True},
        {"type": "message", "role": "user", "content": "hi"},
        {"role": "user", "content": [{"type": "input_text", "text": "hi"}]},
        {"type": "local_shell_call_output", "id": "lsh_1", "output": "x"},
        {"message": "hi"},
    ],
)
def test_it_accepts_the_seeds_that_the_loader_accepts(item):
    data = {"steps": [], "conversations": {"conv_1": {"items": [item]}}, "responses": {"resp_1": {"input": [item]}}}
    load_text(json.dumps(data))
    assert list(jsonschema.Draft202012Validator(SCHEMA).iter_errors(data)) == []


def test_no_value_is_refused_because_it_fits_twice():
    assert '"oneOf"' not in json.dumps(SCHEMA)


MUTANTS = [
    None,
    "",
    "x",
    "2s",
    "2x",
    0,
    1,
    1.0,
    -1,
    True,
    [],
    {},
    ["x"],
    {"a": 1},
    {"not": "x"},
    [{"message": "hi"}],
    "/x/",
    "12",
    "manual",
]


def mutations(data):
    """The data with one of its values, each in its turn, replaced by something else, or left out."""
    for at, parent, key in [*places(data)]:
        kept = parent[key]
        for mutant in MUTANTS:
            parent[key] = mutant
            yield at, data
        if isinstance(parent, dict):
            del parent[key]
            yield at, data
        parent[key] = kept


def places(value, at=()):
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in pairs:
        yield (*at, key), value, key
        yield from places(each, (*at, key))


def is_loaded(text):
    try:
        load_text(text)
    except ScenarioError:
        return False
    return True


RICH = """
{"mode": "rules", "unmatched": "auto", "rate_limits": {"gpt-*": {"rpm": 1}}, "prompts": {"pmpt_a": {"version": 2, "messages": [{"text": "x"}]}},
 "conversations": {"conv_a": {"metadata": {"a": "b"}, "items": [{"message": "hi"}, {"role": "user", "content": "x"},
  {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"}]}},
 "responses": {"resp_a": {"input": "x", "output": [{"reasoning": "hm"}]}},
 "webhooks": {"url": "http://127.0.0.1/x", "events": ["response.completed"], "fault": {"delay": "5s"}},
 "defaults": {"pace": {"first": "1s", "rate": "5/s", "chunk": 3, "jitter": "5%"}, "background": {"queued": 1}},
 "steps": [
  {"when": {"input": {"any": ["x", {"not": "/y/"}]}, "tool_output": {"name": "f", "output": "x"}, "endpoint": "responses.c*",
    "headers": {"a": "b"}, "body": {"/x": 1}, "tool_choice": {"type": "function"}, "conversation": true, "turn": 2},
   "chance": 0.5, "reply": [{"function_call": {"name": "f", "arguments": {"a": 1}}}], "error": {"status": 500, "headers": {"a": "b"}}},
  {"reply": {"output": "x", "usage": {"input_tokens": 3}}, "fault": {"stall": {"at": "output_text.delta#3", "for": "1s"}}, "times": 2},
  {"fault": {"disconnect": {"after_bytes": 3}, "slow_body": "10B/s", "split_utf8": true}},
  {"fail": {"code": "x"}, "background": "manual"}, {"incomplete": "content_filter", "fault": "timeout"}]}
"""


@pytest.mark.parametrize("part", range(6))
def test_it_refuses_nothing_that_the_loader_accepts(part):
    data = json.loads(RICH)
    data = {**data, "steps": []} if part == 5 else {"steps": [data["steps"][part]]}
    judge = jsonschema.Draft202012Validator(SCHEMA)
    verdicts = [(at, judge.is_valid(each)) for at, each in mutations(data) if is_loaded(json.dumps(each))]
    assert len(verdicts) > 3
    assert [at for at, is_valid in verdicts if not is_valid] == []


@pytest.mark.parametrize(
    "part",
    [
        {"steps": [{}]},
        {"steps": [{"when": {}}]},
        {"steps": [{"error": "rate_limit_exceded"}]},
        {"steps": [{"error": {"message": "x"}}]},
        {"steps": [{"reply": "x", "when": {"input": {"containing": "x"}}}]},
        {"steps": [{"reply": "x", "when": {"endpoint": "responses.creat"}}]},
        {"steps": [{"reply": "x", "when": {"body": {"model": "x"}}}]},
        {"steps": [{"reply": "x", "pace": {"first": "2 seconds"}}]},
        {"steps": [{"reply": "x", "pace": {"rate": "50"}}]},
        {"steps": [{"reply": "x", "pace": {"jitter": "a lot"}}]},
        {"steps": [{"reply": "x", "fault": {"drop": "output_text.delta#0"}}]},
        {"steps": [{"reply": "x", "fault": {"slow_body": "100"}}]},
        {"steps": [{"reply": "x", "fault": {}}]},
        {"steps": [{"reply": "x", "fault": {"stall": {"at": 3, "for_": "2s"}}}]},
        {"steps": [{"reply": "x", "fault": {"corrupt_json": 1}}]},
        {"steps": [{"reply": "x", "background": {}}]},
        {"steps": [], "prompts": {"prompt_1": {}}},
        {"steps": [], "rate_limits": {"*": {}}},
        {"steps": [], "webhooks": {"url": "http://127.0.0.1/x", "fault": {"delay": "5"}}},
    ],
)
def test_it_refuses_what_can_be_said(part):
    assert not is_loaded(json.dumps(part))
    assert list(jsonschema.Draft202012Validator(SCHEMA).iter_errors(part))


@pytest.mark.parametrize(
    "data", [{}, {"steps": [{"reply": 3}]}, {"steps": [{"reply": [{"messag": "x"}]}]}, {"steps": [], "webhooks": {}}]
)
def test_the_schema_refuses_what_the_loader_refuses(data):
    assert list(jsonschema.Draft202012Validator(SCHEMA).iter_errors(data))


def test_the_shipped_schema_is_current():
    shipped = SCENARIOS / "scenario.schema.json"
    assert shipped.read_bytes().strip() == pretty(SCHEMA), "run: mockapi schema > scenarios/scenario.schema.json"
    assert loads(shipped.read_bytes())
