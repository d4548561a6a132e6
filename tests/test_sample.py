"""Sampled values are valid under their schemas (judged by jsonschema), for a corpus of schemas as people send them."""

import contextlib
import re

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockapi.scenario.pattern import text_for_pattern
from mockapi.scenario.sample import NoValueError, sample
from mockapi.wire.json import dumps


def obj(properties=None, required=None, **more):
    schema = {"type": "object", "properties": properties or {}, **more}
    return {**schema, "required": list(properties or {}) if required is None else required}


TREE = {
    "$defs": {"node": obj({"value": {"type": "integer"}, "left": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}})},
    "$ref": "#/$defs/node",
}
LINKED = obj({"value": {"type": "string"}, "next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}})
CORPUS = [
    True,
    {},
    {"type": "string"},
    {"type": "integer"},
    {"type": "number"},
    {"type": "boolean"},
    {"type": "null"},
    {"type": "array"},
    {"type": "object"},
    {"type": ["string", "null"]},
    {"type": ["null", "integer"]},
    {"const": {"a": [1]}},
    {"const": None},
    {"enum": ["red", "green"]},
    {"enum": [3, "x", None], "type": "string"},
    {"type": "string", "minLength": 30},
    {"type": "string", "maxLength": 3},
    {"type": "string", "minLength": 5, "maxLength": 5},
    {"type": "string", "maxLength": 0},
    {"type": "string", "pattern": "^[A-Z]{3}-\\d{4}$"},
    {"type": "string", "pattern": "^(foo|bar)+$", "minLength": 9},
    {"type": "string", "pattern": "^[^a-z]+$", "minLength": 4},
    {"type": "string", "pattern": "^\\+?[1-9]\\d{1,14}$"},
    {"type": "string", "pattern": "^#[0-9a-fA-F]{6}$"},
    {"type": "string", "pattern": "^\\S+@\\S+\\.\\S+$"},
    {"type": "string", "pattern": "^[\\w.-]+/[\\w.-]+(:[\\w.-]+)?$"},
    {"type": "string", "pattern": "colou?r"},
    *[
        {"type": "string", "format": name}
        for name in ("date-time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid", "uri", "regex")
    ],
    {"type": "integer", "minimum": 10},
    {"type": "integer", "maximum": -10},
    {"type": "integer", "minimum": 3, "maximum": 3},
    {"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 5},
    {"type": "integer", "multipleOf": 7, "minimum": 50},
    {"type": "number", "minimum": 0.5, "maximum": 0.75},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    {"type": "number", "exclusiveMaximum": -1},
    {"type": "number", "multipleOf": 0.25, "minimum": 2.1},
    {"minimum": 5},
    {"type": "array", "items": {"type": "integer"}, "minItems": 3},
    {"type": "array", "items": {"type": "string"}, "maxItems": 0},
    {"type": "array", "items": {"type": "integer"}, "minItems": 4, "uniqueItems": True},
    {"type": "array", "items": {"type": "string"}, "minItems": 3, "uniqueItems": True},
    {"type": "array", "items": {"enum": ["a", "b", "c"]}, "minItems": 3, "uniqueItems": True},
    {"type": "array", "items": {"type": "boolean"}, "minItems": 2, "uniqueItems": True},
    {"type": "array", "items": {"type": "integer", "maximum": 5, "minimum": 1}, "minItems": 5, "uniqueItems": True},
    {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False, "minItems": 2},
    {"type": "array", "contains": {"const": 7}},
    {"items": {"type": "array", "items": {"type": "array", "items": {"type": "number"}}}},
    obj({"city": {"type": "string"}, "unit": {"enum": ["c", "f"]}}, additionalProperties=False),
    obj({"a": {"type": "string"}}, required=["a", "b"], additionalProperties={"type": "integer"}),
    obj({"a": {"type": "string"}, "b": False}, required=["a"]),
    obj({}, minProperties=3),
    obj({"a": {}, "b": {}, "c": {}}, required=["b"], maxProperties=1),
    {"properties": {"a": {"type": "integer"}}},
    {"anyOf": [{"type": "string"}, {"type": "integer"}]},
    {"anyOf": [{"type": "null"}, {"type": "integer"}]},
    {"oneOf": [obj({"kind": {"const": "a"}}), obj({"kind": {"const": "b"}})]},
    {"anyOf": [False, {"type": "string", "minLength": 3, "maxLength": 1}, {"type": "boolean"}]},
    {"type": "object", "anyOf": [{"required": ["a"]}, {"required": ["b"]}], "properties": {"a": {"type": "string"}}},
    {"allOf": [obj({"a": {"type": "string"}}), obj({"b": {"type": "integer"}})]},
    {"allOf": [{"type": "integer", "minimum": 3}, {"minimum": 7}, {"maximum": 9}]},
    {"allOf": [{"type": "number"}, {"type": "integer"}]},
    {"allOf": [{"enum": [1, 2, 3]}, {"enum": [3, 4]}]},
    {"$defs": {"id": {"type": "string", "minLength": 2}}, **obj({"x": {"$ref": "#/$defs/id"}})},
    {"$defs": {"a/b": {"type": "integer"}}, **obj({"x": {"$ref": "#/$defs/a~1b", "minimum": 4}})},
    {"definitions": {"p": obj({"n": {"type": "string"}})}, "type": "array", "items": {"$ref": "#/definitions/p"}, "minItems": 2},
    TREE,
    LINKED,
    obj({"children": {"type": "array", "items": {"$ref": "#"}}}),
    obj({"children": {"type": "array", "items": {"$ref": "#"}}, "name": {"type": "string"}}, additionalProperties=False),
    {
        "$defs": {
            "expr": {"anyOf": [{"$ref": "#/$defs/sum"}, {"$ref": "#/$defs/num"}]},
            "sum": obj({"left": {"$ref": "#/$defs/expr"}, "right": {"$ref": "#/$defs/expr"}}),
            "num": obj({"n": {"type": "number"}}),
        },
        **obj({"e": {"$ref": "#/$defs/expr"}}),
    },
    obj({"a": obj({"b": obj({"c": obj({"d": {"type": "array", "items": obj({"e": {"type": "string"}}), "minItems": 1}})})})}),
    obj({name: {"type": ["string", "null"]} for name in "abcdefghijklmnop"}, additionalProperties=False),
]


@pytest.mark.parametrize("schema", CORPUS, ids=range(len(CORPUS)))
def test_the_value_is_valid(schema):
    value = sample(schema)
    jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).validate(value)
    assert sample(schema) == value


def test_the_corpus_is_large():
    assert len(CORPUS) >= 60


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        (False, "allows nothing"),
        ({"type": "string", "minLength": 5, "maxLength": 3}, "contradict"),
        ({"type": "integer", "minimum": 5, "maximum": 3}, "contradict"),
        ({"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 4}, "contradict"),
        ({"type": "array", "minItems": 5, "maxItems": 3}, "contradict"),
        ({"allOf": [{"type": "string"}, {"type": "integer"}]}, "contradict"),
        ({"enum": [1], "type": "string"}, "no enum value"),
        ({"enum": []}, "no enum value"),
        ({"$ref": "#/nope"}, "leads nowhere"),
        ({"$ref": "https://example.com/x"}, "only references inside"),
        ({"$ref": "#"}, "without end"),
        (obj({"me": {"$ref": "#"}}), "without end"),
        ({"type": "array", "items": {"$ref": "#"}, "minItems": 1}, "without end"),
        ({"anyOf": []}, None),
        ({"type": "array", "items": {"const": 1}, "minItems": 2, "uniqueItems": True}, "not enough different"),
        ({"type": "string", "pattern": "(?=x)y"}, "no text is known"),
        ({"type": "string", "pattern": "^a$", "minLength": 3}, "no text of that length"),
        ({"type": "string", "minLength": 10**9}, "too large"),
        ({"type": "array", "minItems": 10**9}, "too large"),
        (obj({"x": {"type": "string"}}, required=["x"], maxProperties=0), "contradict"),
        ({"type": "string", "pattern": "^(a+)+(a{60}|)\\bb$"}, "no text is known"),
        ({"type": "string", "pattern": "(a{1500}){1500}"}, "no text is known"),
        ({"type": "string", "pattern": "[^\\s\\S]"}, "no text is known"),
        ({"type": "string", "pattern": "[\ud800-\udfff]"}, "no text is known"),
        ({"type": "string", "pattern": "^(x|y|z)+$", "minLength": 1990, "maxLength": 1991}, None),
        ({"type": "number", "minimum": 1e308, "multipleOf": 1e-10}, None),
        ({"type": "number", "minimum": 1, "multipleOf": 5e-324}, None),
        ({"type": "integer", "minimum": 10**400}, None),
        ({"type": "array", "maxItems": 1e308}, None),
        (
            {
                "type": "object",
                "allOf": [{"required": [f"a{n}" for n in range(40_000)]}, {"required": [f"b{n}" for n in range(40_000)]}],
            },
            "too large",
        ),
        ({"allOf": [{"enum": list(range(30_000))}, {"enum": list(range(29_999, 59_999))}]}, None),
    ],
)
def test_what_has_no_value_says_where(schema, reason):
    if reason is None:  # a value or a refusal, but soon, and nothing else
        with contextlib.suppress(NoValueError):
            assert dumps(sample(schema))
        return
    with pytest.raises(NoValueError, match=reason):
        sample(schema)


def test_a_huge_schema_is_refused():
    wide = obj({f"p{n}": obj({f"q{m}": {"type": "string"} for m in range(300)}) for n in range(300)})
    with pytest.raises(NoValueError, match="too large"):
        sample(wide)


leaves = st.sampled_from([{"type": kind} for kind in ("string", "integer", "number", "boolean", "null")] + [{"enum": ["a", 1]}])
schemas = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.dictionaries(st.sampled_from("abc"), inner, max_size=3).map(obj),
        inner.map(lambda items: {"type": "array", "items": items, "minItems": 1}),
        st.lists(inner, min_size=1, max_size=3).map(lambda each: {"anyOf": each}),
    ),
    max_leaves=8,
)


@given(schemas)
def test_random_schemas(schema):
    assert list(jsonschema.Draft202012Validator(schema).iter_errors(sample(schema))) == []


@given(st.from_regex(r"[a-c]{1,3}(\[[a-z]{1,3}\]|\\d|\\w|x\*|y\+|z\?|(a|b)){0,4}", fullmatch=True))
def test_random_patterns(pattern):
    try:
        re.compile(pattern)
    except re.error:
        return
    text = text_for_pattern(pattern)
    assert text is not None
    assert re.search(pattern, text)
