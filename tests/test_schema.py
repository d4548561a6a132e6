"""The published JSON Schema: every key has words, every shipped scenario is valid under it."""

import json

import jsonschema
import pytest
import yaml

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


@pytest.mark.parametrize(
    "data", [{}, {"steps": [{"reply": 3}]}, {"steps": [{"reply": [{"messag": "x"}]}]}, {"steps": [], "webhooks": {}}]
)
def test_the_schema_refuses_what_the_loader_refuses(data):
    assert list(jsonschema.Draft202012Validator(SCHEMA).iter_errors(data))


def test_the_shipped_schema_is_current():
    shipped = SCENARIOS / "scenario.schema.json"
    assert shipped.read_bytes().strip() == pretty(SCHEMA), "run: mockapi schema > scenarios/scenario.schema.json"
    assert loads(shipped.read_bytes())
