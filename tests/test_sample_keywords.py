"""Values for the keywords that bind several parts of a value: valid as jsonschema judges, or refused with a word on why."""

import contextlib

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mockapi.scenario.sample import NoValueError, sample
from mockapi.wire.json import dumps

TEXT = {"type": "string"}
WHOLE = {"type": "integer"}


def obj(properties=None, required=None, **more):
    schema = {"type": "object", "properties": properties or {}, **more}
    return {**schema, "required": list(properties or {}) if required is None else required}


def many(items, least, **more):
    return {"type": "array", "items": items, "minItems": least, **more}


def judged(schema, value):
    return list(jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker()).iter_errors(value))


ZIP = {
    **obj({"country": {"enum": ["NL", "US"]}, "zip": TEXT}),
    "if": {"properties": {"country": {"const": "US"}}},
    "then": {"properties": {"zip": {"pattern": "^\\d{5}$"}}},
    "else": {"properties": {"zip": {"pattern": "^\\d{4} [A-Z]{2}$"}}},
}
KEYWORDS = [
    {"not": {"type": "string"}},
    {"type": "string", "not": {"const": "example value"}},
    {"type": "integer", "not": {"enum": list(range(-5, 60))}},
    {"type": "integer", "not": {"multipleOf": 2}},
    {"type": "integer", "not": {"minimum": 0}},
    {"type": "string", "not": {"pattern": "a"}},
    {"type": "string", "not": {"minLength": 2}},
    obj({"a": TEXT, "b": TEXT}, required=[], **{"not": {"required": ["a", "b"]}}),
    obj({"a": TEXT, "b": TEXT}, **{"not": {"properties": {"a": {"const": "example a"}}}}),
    {"type": "array", "not": {"contains": {"type": "string"}}, "minItems": 1},
    {"type": ["array", "null"], "not": {"type": "array"}},
    ZIP,
    {**obj({"kind": TEXT}, required=["kind"]), "if": {"properties": {"kind": {"minLength": 3}}}, "then": {"required": ["more"]}},
    {"type": "integer", "if": {"minimum": 0}, "then": {"multipleOf": 7}, "else": {"maximum": -10}},
    {"type": "integer", "if": True, "then": {"minimum": 50}},
    {"if": {"type": "string"}, "then": False},
    {
        "allOf": [{"if": {"properties": {"k": {"const": n}}}, "then": {"required": [f"r{n}"]}} for n in range(6)],
        **obj({"k": {"enum": [5, 4, 3]}}),
    },
    {"type": "object", "patternProperties": {"^x-": WHOLE}, "additionalProperties": False, "minProperties": 3},
    {"type": "object", "patternProperties": {"^x-": WHOLE}, "properties": {"x-a": {"minimum": 5}}, "required": ["x-a", "x-b"]},
    {"type": "object", "patternProperties": {"^[a-z]{2}$": {"type": "string", "maxLength": 4}}, "minProperties": 1},
    {"type": "object", "propertyNames": {"pattern": "^[A-Z]+$"}, "minProperties": 2},
    {"type": "object", "propertyNames": {"enum": ["p", "q"]}, "minProperties": 2, "additionalProperties": WHOLE},
    {"type": "object", "properties": {"Bad": TEXT, "ok": TEXT}, "propertyNames": {"maxLength": 2}},
    obj({"card": TEXT}, dependentRequired={"card": ["billing"]}),
    obj({"card": TEXT}, required=[], dependentRequired={"card": ["billing"], "billing": ["card", "x"]}),
    obj({"card": TEXT}, dependentSchemas={"card": obj({"billing": {"type": "string", "minLength": 20}})}),
    obj({"card": TEXT, "b": TEXT}, required=["b"], dependentSchemas={"card": False}),
    obj({"card": TEXT}, dependencies={"card": ["billing"]}),
    {"type": "array", "contains": WHOLE, "minContains": 3},
    {"type": "array", "contains": WHOLE, "minContains": 2, "maxContains": 2, "minItems": 5},
    {"type": "array", "items": WHOLE, "contains": {"minimum": 5}, "maxContains": 1, "minItems": 3},
    {"type": "array", "contains": TEXT, "minContains": 0, "maxContains": 0, "minItems": 1},
    {"type": "array", "prefixItems": [TEXT, WHOLE], "contains": {"const": 5}, "minContains": 2},
    {"type": "array", "items": WHOLE, "contains": {"multipleOf": 3}, "minContains": 3, "uniqueItems": True},
    {"allOf": [obj({"a": TEXT}), obj({"b": TEXT})], "unevaluatedProperties": False},
    {**obj({"a": TEXT}), "unevaluatedProperties": False, "anyOf": [obj({"b": WHOLE}), obj({"c": WHOLE})]},
    {"type": "object", "unevaluatedProperties": WHOLE, "properties": {"a": TEXT}, "minProperties": 3},
    {"type": "array", "prefixItems": [TEXT], "unevaluatedItems": False, "minItems": 1},
    {"allOf": [{"prefixItems": [TEXT, WHOLE]}], "type": "array", "unevaluatedItems": False, "minItems": 2},
    {"type": "array", "contains": {"const": 3}, "unevaluatedItems": TEXT, "minItems": 3},
    {"oneOf": [{"type": "number"}, WHOLE]},
    {"oneOf": [{"multipleOf": 3}, {"multipleOf": 5}], "type": "integer", "minimum": 1},
    {"oneOf": [{"required": ["a"]}, {"required": ["b"]}], "type": "object", "properties": {"a": TEXT, "b": TEXT}},
    {"oneOf": [{"type": "string", "minLength": 3}, {"type": "string", "maxLength": 20}]},
    {"oneOf": [obj({"a": TEXT}), obj({"a": TEXT, "b": TEXT})]},
    {"oneOf": [True, False]},
    {"oneOf": [{"type": "string"}, {"type": "string", "enum": ["example value"]}]},
    {"enum": ["a", "bcd"], "minLength": 2},
    {"enum": [1, 2, 15], "multipleOf": 5},
    {"const": 5, "minimum": 3},
    {"enum": [None, {"a": 1}, {"a": "x"}], "properties": {"a": TEXT}, "type": "object"},
    {"enum": ["n", "2020-02-30", "2020-02-28"], "format": "date"},
    {"enum": [1, 2, 3], "not": {"const": 1}},
    {"enum": [1, True, False], "type": "boolean"},
    {"const": 1.0, "type": "integer"},
    many({"type": "string", "pattern": "^[a-c]\\d$"}, 8, uniqueItems=True),
    {"type": "array", "items": {"type": "string", "pattern": "^x{2,}$"}, "minItems": 3, "uniqueItems": True},
    many({"type": "string", "pattern": "^(foo|bar|b[a-z])$"}, 4, uniqueItems=True),
    many({"type": "string", "format": "uuid"}, 4, uniqueItems=True),
    many({"type": "string", "format": "date"}, 400, uniqueItems=True),
    many({"type": "string", "maxLength": 2}, 30, uniqueItems=True),
    many({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, 30, uniqueItems=True),
    many(WHOLE, 1000, uniqueItems=True),
    many(obj({"id": WHOLE, "t": TEXT}), 4, uniqueItems=True),
    {"type": "array", "prefixItems": [TEXT, TEXT, TEXT], "uniqueItems": True, "minItems": 3},
    {"type": "array", "minItems": 4, "uniqueItems": True},
    many({"type": ["boolean", "null"]}, 3, uniqueItems=True),
    {"type": "array", "items": {"anyOf": [{"const": 1}, {"const": 2}, {"const": 3}]}, "minItems": 3, "uniqueItems": True},
    {"allOf": [{"anyOf": [{"const": 1}, {"const": 2}]}, {"anyOf": [{"const": 2}, {"const": 3}]}]},
    {"allOf": [{"anyOf": [obj({"a": TEXT}), obj({"b": TEXT})]}, {"anyOf": [obj({"c": TEXT}), obj({"d": TEXT})]}]},
    {"anyOf": [WHOLE, TEXT], "allOf": [{"anyOf": [{"type": "boolean"}, TEXT]}, {"oneOf": [WHOLE, TEXT]}]},
    {"allOf": [{"multipleOf": 4}, {"multipleOf": 6}], "type": "integer", "minimum": 1},
    {"allOf": [{"multipleOf": 0.5}, {"multipleOf": 0.75}], "type": "number", "minimum": 1},
    {"type": "integer", "multipleOf": 1.5, "minimum": 1},
    {"type": "number", "multipleOf": 0.1, "minimum": 0.25},
    {"type": "number", "multipleOf": 0.01, "minimum": 19.995, "maximum": 20.5},
    {"allOf": [{"pattern": "[A-Z]"}, {"pattern": "[0-9]"}, {"pattern": "[!?]"}], "type": "string", "minLength": 8},
    {"type": "string", "pattern": "^(?=.*[A-Z])(?=.*\\d)[A-Za-z\\d]{8,}$"},
    {"type": "string", "pattern": "^(?!admin).+$"},
    {"allOf": [{"pattern": "^a"}, {"pattern": "z$"}], "type": "string"},
    {
        "$defs": {"A": obj({"a": TEXT}), "B": obj({"b": TEXT}), "C": obj({"c": WHOLE})},
        "allOf": [{"$ref": "#/$defs/A"}, {"$ref": "#/$defs/B"}, {"$ref": "#/$defs/C"}],
    },
    {
        "$defs": {"A": {"type": "string"}},
        "properties": {"a": {"$ref": "#/$defs/A", "minLength": 30}},
        "required": ["a"],
        "type": "object",
    },
    {"$ref": "#/$defs/a%20b", "$defs": {"a b": WHOLE}},
    {"allOf": [{**obj({"a": TEXT}, required=[]), "additionalProperties": False}, {**obj({"a": TEXT, "b": TEXT}, required=[])}]},
    {"type": "string", "format": "date", "minLength": 10, "maxLength": 10},
    {"type": "string", "format": "email", "minLength": 40},
    {"type": "string", "format": "uri", "pattern": "^https://"},
    {"type": ["string", "integer"], "minLength": 5, "maxLength": 3},
    {"type": "array", "items": {"not": {"type": "string"}}, "minItems": 2},
    obj({"a": {"not": {"type": "null"}, "oneOf": [{"type": "null"}, {"minimum": 3, "type": "integer"}]}}),
    {"type": "object", "maxProperties": 1, "properties": {"a": TEXT, "b": TEXT}, "anyOf": [{"required": ["b"]}]},
    {
        "type": "array",
        "minItems": 2,
        "items": {"$ref": "#/$defs/n"},
        "uniqueItems": True,
        "$defs": {"n": obj({"v": WHOLE, "next": {"oneOf": [{"$ref": "#/$defs/n"}, {"type": "null"}]}})},
    },
    {"not": {"not": {"type": "integer"}}},
    {"type": "object", "not": {"maxProperties": 2}},
]


@pytest.mark.parametrize("schema", KEYWORDS, ids=range(len(KEYWORDS)))
def test_the_value_is_valid(schema):
    value = sample(schema)
    assert judged(schema, value) == []
    assert sample(schema) == value


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"enum": ["a", "bcd"], "minLength": 2}, "bcd"),
        ({"enum": [1, True, False], "type": "boolean"}, True),
        ({"type": "string", "not": {"const": "example value"}}, "example value 2"),
        ({"type": "integer", "not": {"minimum": 0}}, -1),
        ({"oneOf": [{"required": ["a"]}, {"required": ["b"]}], **obj({"a": TEXT, "b": TEXT}, required=[])}, {"a": "example a"}),
        ({"allOf": [{"multipleOf": 4}, {"multipleOf": 6}], "type": "integer", "minimum": 1}, 12),
        (
            {"items": [TEXT, WHOLE], "additionalItems": {"type": "boolean"}, "type": "array", "minItems": 3},
            ["example value", 1, True],
        ),
        (obj({"card": TEXT}, dependencies={"card": ["cvc"]}), {"card": "example card", "cvc": "example cvc"}),
    ],
)
def test_the_value_is_plain(schema, value):
    assert dumps(sample(schema)) == dumps(value)


def test_an_object_can_be_asked_for():
    assert sample({}, is_object=True) == {}
    assert sample({"anyOf": [TEXT, obj({"a": WHOLE})]}, is_object=True) == {"a": 1}
    with pytest.raises(NoValueError, match="contradict"):
        sample(TEXT, is_object=True)


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"not": {}}, "fits 'not'"),
        ({"type": "string", "oneOf": [{}, {}]}, "fits 'oneOf'"),
        ({"const": 1, "minimum": 2}, "fits 'minimum'"),
        ({"enum": ["a", "b"], "format": "date"}, "fits 'format'"),
        ({"type": "object", "propertyNames": False, "required": ["a"]}, "allows nothing at 'a'"),
        ({"allOf": [{"const": 1}, {"const": 2}]}, "constants contradict"),
        ({"type": "string", "minLength": 20, "maxLength": 30, "format": "date"}, "fits 'format'"),
        ({"type": "thing"}, "no type 'thing'"),
        ({"$ref": "#name"}, "only references inside"),
        ({"$dynamicRef": "#name"}, "fits '\\$dynamicRef'"),
        (obj({"a": TEXT}, unevaluatedProperties=False, minProperties=2), "contradict"),
        (many(TEXT, 2, contains=WHOLE), "contradict"),
    ],
)
def test_what_cannot_be_satisfied_is_named(schema, reason):
    with pytest.raises(NoValueError, match=reason):
        sample(schema)


def nested(number, wrap, leaf):
    for _ in range(number):
        leaf = wrap(leaf)
    return leaf


def doubled(word, leaf):
    parts = {f"d{n}": {word: [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)}
    return {"$defs": {**parts, "d40": leaf}, "$ref": "#/$defs/d0"}


SLOW = "a" * 60 + "!"
HOSTILE = {
    "a regular expression": {"const": SLOW, "pattern": "^(a|aa)+$"},
    "many of them": obj({f"p{n}": {"const": SLOW, "pattern": f"^(a|aa|{n})+$"} for n in range(200)}, required=[]),
    "many branches": {"anyOf": [{"const": SLOW, "pattern": f"^(a|aa|{n})+$"} for n in range(200)]},
    "property names": {"required": [SLOW], "patternProperties": {f"^(a|aa|{n})+$": True for n in range(100)}, "type": "object"},
    "hard to compile": {"type": "string", "pattern": "(" * 60 + "a" + ")+" * 60},
    "hard to compile, only judged": {"const": "x", "pattern": "(" * 80 + "a" + "){2}" * 80},
    "a long pattern": {"type": "string", "pattern": "(a|b)" * 200_000},
    "many long patterns": obj({f"p{n}": {"type": "string", "pattern": "[a-z]" * 990 + str(n)} for n in range(100)}),
    "long texts of patterns": obj({f"p{n}": {"type": "string", "pattern": "^\\d{4000}$"} for n in range(100)}),
    "doubled allOf": doubled("allOf", WHOLE),
    "doubled anyOf": doubled("anyOf", False),
    "doubled, only judged": {**doubled("allOf", WHOLE), "const": 1},
    "itself": {"$ref": "#"},
    "itself or itself": {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]},
    "not itself": {"not": {"$ref": "#"}},
    "one of itself": {"oneOf": [{"$ref": "#"}, WHOLE]},
    "if itself": {"if": {"$ref": "#"}, "then": {"$ref": "#"}, "else": {"$ref": "#"}},
    "unevaluated itself": {"allOf": [{"$ref": "#"}], "unevaluatedProperties": {"$ref": "#"}},
    "wide and itself": obj({key: {"$ref": "#"} for key in "abcdefgh"}, required=[]),
    "many types": {"type": [f"t{n}" for n in range(20_000)], "enum": [f"t{n}" for n in range(20_000)]},
    "many types twice": {"allOf": [{"type": [f"t{n}" for n in range(20_000)]}, {"type": [f"u{n}" for n in range(20_000)]}]},
    "many values": {"anyOf": [{"const": list(range(1000))} for _ in range(5000)], "not": {}},
    "many names": {
        "not": {"required": [f"k{n}" for n in range(50_000)]},
        "anyOf": [{"const": {"a": 1}}] * 5000,
        "minProperties": 2,
    },
    "a huge enum": {"enum": list(range(200_000)), "not": WHOLE},
    "a huge enum of objects": {"enum": [{"a": n} for n in range(100_000)], "required": ["b"]},
    "many enums": {"allOf": [{"enum": list(range(n, n + 3000))} for n in range(200)]},
    "deep not": nested(5000, lambda inner: {"not": inner}, WHOLE),
    "deep if": nested(60, lambda inner: {"if": inner, "then": inner, "else": inner}, WHOLE),
    "deep anyOf": nested(190, lambda inner: {"anyOf": [inner, inner]}, False),
    "a deep value": {"const": nested(5000, lambda inner: [inner], 1), "uniqueItems": True},
    "many conditions": {"allOf": [{"if": {"required": [f"k{n}"]}, "then": {"required": [f"r{n}"]}} for n in range(300)], **obj()},
    "many choices": {
        "allOf": [*({"anyOf": [{"required": [f"a{n}"]}, {"required": [f"b{n}"]}]} for n in range(40)), {"maxProperties": 3}],
        "type": "object",
    },
    "many unevaluated": obj(
        {},
        ["q"],
        allOf=[{"anyOf": [{"properties": {f"p{n}": TEXT}}, True]} for n in range(200)],
        unevaluatedProperties=False,
    ),
    "many dependencies": obj({f"k{n}": TEXT for n in range(500)}, dependentRequired={f"k{n}": [f"k{n + 1}"] for n in range(500)}),
    "many different": many(many(WHOLE, 300, uniqueItems=True), 300, uniqueItems=True),
    "many items": many(many(many(WHOLE, 1000), 1000), 1000),
    "long texts": many({"type": "string", "minLength": 1_000_000}, 1000),
    "many multiples": {"type": "number", "allOf": [{"multipleOf": 1 / n} for n in range(2, 200)], "minimum": 1},
    "a tiny step": {"type": "number", "multipleOf": 5e-324, "minimum": 1e308},
    "a long text in a format": {"const": "a." * 2400 + "!", "format": "email"},
}


@pytest.mark.parametrize("schema", HOSTILE.values(), ids=HOSTILE)
def test_hostile_schemas_end(schema):
    with contextlib.suppress(NoValueError):
        assert dumps(sample(schema))


def test_what_is_too_large_gets_a_small_value():
    wide = obj({f"p{n}": obj({f"q{m}": TEXT for m in range(300)}, required=[]) for n in range(300)}, required=["p7"])
    assert sample(wide) == {"p7": {}}


@pytest.mark.parametrize(
    "schema",
    [
        {
            "type": 5,
            "properties": 3,
            "items": "x",
            "required": {"a": 1},
            "enum": "abc",
            "pattern": 3,
            "minimum": "x",
            "allOf": {},
        },
        {"type": "object", "properties": {"a": 5}, "required": [1, None, ["x"]], "dependentRequired": {"a": 5}},
        {"type": "object", "patternProperties": {"(": {}}, "required": ["a"]},
        {
            "type": "array",
            "minItems": -3,
            "maxItems": "x",
            "prefixItems": 5,
            "contains": 7,
            "minContains": "a",
            "maxContains": -2,
        },
        {"type": ["a", 5]},
        {"type": []},
        {"anyOf": 5, "oneOf": {}, "allOf": [5, None], "not": None},
        {"type": "number", "multipleOf": 0, "maximum": True},
    ],
)
def test_malformed_schemas_end(schema):
    with contextlib.suppress(NoValueError):
        assert dumps(sample(schema))


names = st.sampled_from(["a", "b", "ab", "key_1"])
patterns = st.sampled_from(["^a", "b$", "[0-9]", "^[A-Z]{2}$", "a|b"])
small = st.integers(0, 3)
leaves = st.one_of(
    st.sampled_from([True, False, {}, {"const": 3}, {"enum": [1, "a", None, [1], {"a": 1}]}]),
    st.sampled_from(["string", "integer", "number", "object", "array", "boolean"]).map(lambda kind: {"type": kind}),
    st.fixed_dictionaries(
        {},
        optional={
            "minimum": st.integers(-3, 9),
            "maximum": st.integers(-3, 9),
            "multipleOf": st.sampled_from([2, 3, 0.5, 1.5, 0.1]),
            "minLength": small,
            "maxLength": st.integers(0, 12),
            "pattern": patterns,
            "minItems": small,
            "maxItems": small,
            "uniqueItems": st.booleans(),
            "required": st.lists(names, max_size=2),
            "minProperties": small,
            "maxProperties": small,
            "dependentRequired": st.dictionaries(names, st.lists(names, max_size=2), max_size=1),
            "format": st.sampled_from(["date", "email", "uuid", "uri"]),
        },
    ),
)


def branching(inner):
    some = st.lists(inner, min_size=1, max_size=3)
    return st.fixed_dictionaries(
        {},
        optional={
            **dict.fromkeys(("allOf", "anyOf", "oneOf", "prefixItems"), some),
            **dict.fromkeys(("not", "if", "then", "else", "contains", "items", "unevaluatedItems"), inner),
            **dict.fromkeys(("additionalProperties", "propertyNames", "unevaluatedProperties"), inner),
            **dict.fromkeys(("properties", "dependentSchemas"), st.dictionaries(names, inner, max_size=2)),
            "patternProperties": st.dictionaries(patterns, inner, max_size=1),
            "minContains": small,
            "maxContains": small,
        },
    )


def grown(leaf):
    return st.recursive(leaf, lambda inner: st.one_of(branching(inner), inner), max_leaves=10)


# No endless recursion here: jsonschema could not judge it.
random_schemas = st.builds(
    lambda schema, part: {"$defs": {"d": part}, "allOf": [schema]}, grown(leaves | st.just({"$ref": "#/$defs/d"})), grown(leaves)
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(random_schemas)
def test_random_schemas_get_a_valid_value_or_none(schema):
    with contextlib.suppress(NoValueError):
        assert judged(schema, sample(schema)) == []
