"""The judge says of a value what jsonschema says, or that it cannot tell."""

import contextlib

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockapi.scenario.bounds import Budget, SpentError
from mockapi.scenario.judge import Judge
from mockapi.scenario.pattern import Patterns
from tests.test_sample_keywords import random_schemas

values = st.recursive(
    st.sampled_from([None, True, False, 0, 1, 2, 3, 1.0, 1.5, 0.3, -2, 10**30, "", "a", "ab", "b1", "AB", "2026-01-01"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "ab", "key_1", "AB"]), inner, max_size=3)
    ),
    max_leaves=5,
)


def verdict(schema, value):
    budget = Budget()
    return Judge(schema, Patterns(budget), budget).fits(value, schema)


@settings(deadline=None)
@given(random_schemas, values)
def test_the_verdict_is_that_of_jsonschema(schema, value):
    with contextlib.suppress(SpentError):
        assert verdict(schema, value) in (None, jsonschema.Draft202012Validator(schema).is_valid(value))


OPEN = {"properties": {"a": True}, "unevaluatedProperties": False}
ROWS = [
    ({"multipleOf": 0.1}, 0.3, None),  # exactly three times; as floats have it, not
    ({"multipleOf": 0.5}, 1.5, True),
    ({"multipleOf": 3}, 10**30, False),
    ({"not": {"format": "email"}}, "x", None),  # formats may bind or not
    ({"format": "date"}, "2026-02-30", None),
    ({"format": "ipv6"}, "2001:db8::8:800:200c:417a", True),
    ({"format": "ipv6"}, "1::2::3", None),
    ({"format": "colour"}, "x", True),
    ({"not": {"pattern": "("}}, "x", None),
    ({"not": {"pattern": "^(a|aa)+$"}}, "a" * 60 + "!", None),
    ({"pattern": "x"}, "\ud800", None),
    ({"$ref": "#/nowhere"}, 1, None),
    ({"not": {"$dynamicRef": "#x"}}, 1, None),
    ({"not": {"type": "thing"}}, 1, None),
    ({"anyOf": [{"$dynamicRef": "#x"}, {"type": "integer"}]}, 1, True),
    ({"oneOf": [{"$dynamicRef": "#x"}, {"type": "integer"}]}, 1, None),
    ({"if": {"$dynamicRef": "#x"}, "then": {"minimum": 1}, "else": {"minimum": 2}}, 3, True),
    ({"if": {"$dynamicRef": "#x"}, "then": {"minimum": 1}, "else": {"minimum": 2}}, 1, None),
    ({"properties": {"a": {"$id": "b", "$ref": "#/x"}}, "x": True}, {"a": 1}, None),
    ({"properties": {"a": {"$id": "b", "type": "integer"}}}, {"a": 1}, True),
    ({"items": [True, {"type": "string"}], "additionalItems": False}, [1, "a"], True),
    ({"items": [True], "additionalItems": False}, [1, "a"], False),
    ({"uniqueItems": True}, [1, True, "1", [1], {"a": 1}], True),
    ({"uniqueItems": True}, [1, 1.0], False),
    ({"uniqueItems": True}, [{"a": 1, "b": 2}, {"b": 2, "a": 1}], False),
    (OPEN, {"a": 1}, True),
    (OPEN, {"b": 1}, False),
    ({"$ref": "#/$defs/o", "unevaluatedProperties": False, "$defs": {"o": {"properties": {"a": True}}}}, {"a": 1}, True),
    ({"if": {"required": ["a"], "properties": {"a": True}}, "else": {"properties": {"b": True}}, **OPEN}, {"b": 1}, True),
    ({"if": {"required": ["b"], "properties": {"b": True}}, "then": {"required": ["a"]}, **OPEN}, {"a": 1, "b": 1}, True),
    ({"dependentSchemas": {"a": {"properties": {"b": True}}}, **OPEN}, {"a": 1, "b": 1}, True),
    ({"anyOf": [{"properties": {"b": {"const": 1}}}, True], **OPEN}, {"b": 2}, False),
    ({"patternProperties": {"^x": True}, "unevaluatedProperties": False}, {"x1": 1}, True),
    ({"patternProperties": {"(": True}, "unevaluatedProperties": False}, {"x1": 1}, None),
    ({"prefixItems": [True], "contains": {"type": "string"}, "unevaluatedItems": False}, [1, "a"], True),
    ({"prefixItems": [True], "contains": {"type": "string"}, "unevaluatedItems": False}, [1, "a", 2], False),
    ({"allOf": [{"items": True}], "unevaluatedItems": False}, [1], True),
    ({"not": {"$ref": "#"}}, 1, None),
]


@pytest.mark.parametrize(("schema", "value", "expected"), ROWS, ids=range(len(ROWS)))
def test_verdicts(schema, value, expected):
    assert verdict(schema, value) is expected


def test_what_takes_long_is_given_up():
    parts = {f"d{n}": {"not": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2}} for n in range(40)}
    with pytest.raises(SpentError):
        verdict({"$defs": {**parts, "d40": False}, "$ref": "#/$defs/d0"}, 1)
