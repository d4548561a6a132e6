"""Whether a value is valid under a JSON Schema (2020-12), in a bounded number of steps.

A verdict is True, False or None: not to be told (a pattern too slow to search, a reference out of the schema, a number on which
decimal and binary arithmetic differ). Only True is a promise, so None never becomes True, not under `not` either.
"""

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from functools import partial
from operator import ge, gt, le, lt, pos
from typing import Any

from mockapi.scenario.bounds import Budget, NoValueError
from mockapi.scenario.formats import is_in_format
from mockapi.scenario.pattern import Patterns
from mockapi.scenario.values import exact, fraction_of, has_type, is_number, list_of, mapping_of, resolve
from mockapi.scenario.verdict import Verdict, counted, either, every, negated, some
from mockapi.wire.json import JsonObject, dumps

__all__ = ["Judge"]

Check = Callable[["Judge", object, object, JsonObject], Verdict]

_DEEPEST = 100
_FEW = 8
_SIZED = (list, dict)


class Judge:
    """Judges values under the schemas of one document."""

    def __init__(self, root: object, patterns: Patterns, budget: Budget) -> None:
        self._root = root
        self._patterns = patterns
        self._budget = budget
        self._depth = 0
        self._followed: set[tuple[int, int]] = set()
        self._choices: dict[int, tuple[object, frozenset[object]]] = {}

    def fits(self, value: object, schema: object) -> Verdict:
        """True if the value is valid; None where that cannot be told."""
        if not isinstance(schema, dict):
            return schema is not False
        self._budget.spend(1 + (len(value) // _FEW if isinstance(value, _SIZED) else 0))
        if self._depth >= _DEEPEST or ("$id" in schema and self._is_apart(schema)):
            return None
        checks = _CHECKS.get(type(value), _FOR_ALL)
        self._depth += 1
        try:
            return self._verdict(checks, value, schema)
        finally:
            self._depth -= 1

    def _verdict(self, checks: Mapping[str, Check], value: object, schema: JsonObject) -> Verdict:
        known = True
        for key, argument in schema.items():
            if key in checks:
                if isinstance(argument, _SIZED) and len(argument) > _FEW:
                    self._budget.spend(len(argument) // _FEW)
                verdict = checks[key](self, argument, value, schema)
                if verdict is False:
                    return False
                known = known and verdict is True
        return known or None

    def misfit(self, value: object, schema: object) -> str:
        """The keyword that a value does not fit, to be shown to people."""
        checks = _CHECKS.get(type(value), _FOR_ALL)
        parts = schema if isinstance(schema, dict) else {}
        return next((key for key in parts if key in checks and not checks[key](self, parts[key], value, parts)), "false")

    def _is_apart(self, schema: JsonObject) -> bool:
        """Whether a schema with an `$id` of its own holds references, which that would change."""
        return schema is not self._root and b'"$ref"' in dumps(schema)

    def _reference(self, reference: object, value: object, schema: JsonObject) -> Verdict:
        try:
            target = resolve(self._root, reference)
        except NoValueError:
            return None
        step = (id(target), id(value))
        if step in self._followed:
            return None
        self._followed.add(step)
        try:
            return self.fits(value, target)
        finally:
            self._followed.discard(step)

    def _unknown(self, argument: object, value: object, schema: JsonObject) -> Verdict:
        return None

    def _type(self, argument: object, value: object, schema: JsonObject) -> Verdict:
        return (
            has_type(value, argument)
            if isinstance(argument, str)
            else some([has_type(value, kind) for kind in list_of(argument)])
        )

    def _const(self, argument: object, value: object, schema: JsonObject) -> Verdict:
        return exact(value) == exact(argument)

    def _enum(self, argument: object, value: object, schema: JsonObject) -> Verdict:
        choices, wanted = list_of(argument), exact(value)
        if any(exact(choice) == wanted for choice in choices[:_FEW]):
            return True
        if id(choices) not in self._choices:
            self._budget.spend(len(choices))
            self._choices[id(choices)] = (choices, frozenset(map(exact, choices)))
        return wanted in self._choices[id(choices)][1]

    def _all_of(self, argument: object, value: object, schema: JsonObject) -> Verdict:
        return every(self.fits(value, each) for each in list_of(argument))

    def _any_of(self, argument: object, value: object, schema: JsonObject) -> Verdict:
        return some(self.fits(value, each) for each in list_of(argument))

    def _one_of(self, argument: object, value: object, schema: JsonObject) -> Verdict:
        return counted([self.fits(value, each) for each in list_of(argument)], 1, 1)

    def _not(self, argument: object, value: object, schema: JsonObject) -> Verdict:
        return negated(self.fits(value, argument))

    def _if(self, argument: object, value: object, schema: JsonObject) -> Verdict:
        verdict = self.fits(value, argument)
        if verdict is None:
            return every(self.fits(value, schema.get(key, True)) for key in ("then", "else")) or None
        return self.fits(value, schema.get("then" if verdict else "else", True))

    # --- texts and numbers

    def _pattern(self, argument: object, value: object, schema: JsonObject) -> Verdict:
        return self._patterns.is_found(str(argument), str(value))

    def _format(self, argument: object, value: object, schema: JsonObject) -> Verdict:
        return is_in_format(str(argument), str(value))

    def _multiple_of(self, argument: object, value: object, schema: JsonObject) -> Verdict:
        if not is_number(argument) or not is_number(value) or not argument:
            return True
        is_multiple = fraction_of(value) % fraction_of(argument) == 0
        if isinstance(value, int) and isinstance(argument, int):
            return is_multiple
        return is_multiple if _is_roughly_whole(value, argument) is is_multiple else None

    # --- arrays

    def _items(self, argument: object, value: object, schema: JsonObject) -> Verdict:
        if isinstance(argument, list):
            return self._prefix_items(argument, value, schema)
        return every(self.fits(each, argument) for each in list_of(value)[len(list_of(schema.get("prefixItems"))) :])

    def _additional_items(self, argument: object, value: object, schema: JsonObject) -> Verdict:
        prefix = schema.get("items")
        return not isinstance(prefix, list) or every(self.fits(each, argument) for each in list_of(value)[len(prefix) :])

    def _prefix_items(self, argument: object, value: object, schema: JsonObject) -> Verdict:
        return every(self.fits(each, part) for each, part in zip(list_of(value), list_of(argument), strict=False))

    def _contains(self, argument: object, value: object, schema: JsonObject) -> Verdict:
        least, most = schema.get("minContains", 1), schema.get("maxContains")
        verdicts = [self.fits(each, argument) for each in list_of(value)]
        return counted(verdicts, least if is_number(least) else 1, most if is_number(most) else len(verdicts))

    def _unique_items(self, argument: object, value: object, schema: JsonObject) -> Verdict:
        items = list_of(value)
        return argument is not True or len(set(map(exact, items))) == len(items)

    def _unevaluated_items(self, argument: object, value: object, schema: JsonObject) -> Verdict:
        return self._unseen(dict(enumerate(list_of(value))), argument, value, schema, "unevaluatedItems")

    # --- objects

    def _properties(self, argument: object, value: object, schema: JsonObject) -> Verdict:
        known, members = mapping_of(argument), mapping_of(value)
        return every([self.fits(members[key], part) for key, part in known.items() if key in members])

    def _pattern_properties(self, argument: object, value: object, schema: JsonObject) -> Verdict:
        return every(
            either(negated(self._patterns.is_found(pattern, key)), partial(self.fits, each, part))
            for pattern, part in mapping_of(argument).items()
            for key, each in mapping_of(value).items()
        )

    def is_additional(self, key: str, schema: JsonObject) -> Verdict:
        """Whether neither `properties` nor `patternProperties` speak of a name."""
        if key in mapping_of(schema.get("properties")):
            return False
        return every(negated(self._patterns.is_found(each, key)) for each in mapping_of(schema.get("patternProperties")))

    def _additional_properties(self, argument: object, value: object, schema: JsonObject) -> Verdict:
        return every(
            either(negated(self.is_additional(key, schema)), partial(self.fits, each, argument))
            for key, each in mapping_of(value).items()
        )

    def _property_names(self, argument: object, value: object, schema: JsonObject) -> Verdict:
        return every(self.fits(key, argument) for key in mapping_of(value))

    def _required(self, argument: object, value: object, schema: JsonObject) -> Verdict:
        members = mapping_of(value)
        return all(str(key) in members for key in list_of(argument))

    def _dependent(self, argument: object, value: object, schema: JsonObject) -> Verdict:
        members = mapping_of(value)
        return every(
            self._required(part, value, schema) if isinstance(part, list) else self.fits(value, part)
            for key, part in mapping_of(argument).items()
            if key in members
        )

    def _unevaluated_properties(self, argument: object, value: object, schema: JsonObject) -> Verdict:
        return self._unseen(mapping_of(value), argument, value, schema, "unevaluatedProperties")

    # --- what `unevaluated…` speaks of

    def _unseen(self, parts: Mapping[Any, object], argument: object, value: object, schema: JsonObject, word: str) -> Verdict:
        try:
            seen = self._seen(value, {key: each for key, each in schema.items() if key != word})
        except NoValueError:
            return None
        return every(self.fits(each, argument) for key, each in parts.items() if key not in seen)

    def _seen(self, value: object, schema: object) -> set[object]:
        """The names or indexes that a schema which the value fits has looked at; `NoValueError` if that cannot be told."""
        if not isinstance(schema, dict):
            return set()
        if self._depth >= _DEEPEST:
            raise NoValueError("the schema recurses without end")
        self._budget.spend(1)
        self._depth += 1
        try:
            return set(self._seen_here(value, schema)).union(*(self._seen(value, each) for each in self._adjacent(value, schema)))
        finally:
            self._depth -= 1

    def _seen_here(self, value: object, schema: JsonObject) -> Iterator[object]:
        if isinstance(value, dict):
            is_all = schema.keys() & {"additionalProperties", "unevaluatedProperties"}
            yield from (key for key in value if is_all or not _sure(self.is_additional(key, schema)))
        elif isinstance(value, list):
            if schema.keys() & {"items", "unevaluatedItems"}:
                yield from range(len(value))
            yield from range(len(list_of(schema.get("prefixItems"))))
            if "contains" in schema:
                yield from (index for index, each in enumerate(value) if _sure(self.fits(each, schema["contains"])))

    def _adjacent(self, value: object, schema: JsonObject) -> Iterator[object]:
        """The schemas that speak of the same value, and hold."""
        if "$ref" in schema:
            yield resolve(self._root, schema["$ref"])
        yield from list_of(schema.get("allOf"))
        for key in ("anyOf", "oneOf"):
            yield from (each for each in list_of(schema.get(key)) if _sure(self.fits(value, each)))
        for key, part in mapping_of(schema.get("dependentSchemas")).items():
            if key in mapping_of(value):
                yield part
        if "if" in schema:
            holds = _sure(self.fits(value, schema["if"]))
            yield from (schema["if"], schema.get("then")) if holds else (schema.get("else"),)


def _is_roughly_whole(value: int | float, step: int | float) -> bool:
    """Whether the quotient is whole as floats have it."""
    try:
        return (value / step).is_integer()
    except OverflowError:
        return (Fraction(value) / Fraction(step)).denominator == 1


def _sure(verdict: Verdict) -> bool:
    if verdict is None:
        raise NoValueError("what is looked at cannot be told")
    return verdict


def _bound(holds: Callable[[float, float], bool], size: Callable[[Any], float]) -> Check:
    """The check of a keyword that bounds a number, or a size."""

    def check(judge: Judge, argument: object, value: object, schema: JsonObject) -> Verdict:
        return not is_number(argument) or holds(size(value), argument)

    return check


_FOR_ALL: Mapping[str, Check] = {
    "$ref": Judge._reference,
    "$dynamicRef": Judge._unknown,
    "$recursiveRef": Judge._unknown,
    "type": Judge._type,
    "const": Judge._const,
    "enum": Judge._enum,
    "allOf": Judge._all_of,
    "anyOf": Judge._any_of,
    "oneOf": Judge._one_of,
    "not": Judge._not,
    "if": Judge._if,
}
_FOR_NUMBERS: Mapping[str, Check] = {
    **_FOR_ALL,
    "minimum": _bound(ge, pos),
    "maximum": _bound(le, pos),
    "exclusiveMinimum": _bound(gt, pos),
    "exclusiveMaximum": _bound(lt, pos),
    "multipleOf": Judge._multiple_of,
}
_CHECKS: Mapping[type, Mapping[str, Check]] = {
    int: _FOR_NUMBERS,
    float: _FOR_NUMBERS,
    str: {
        **_FOR_ALL,
        "minLength": _bound(ge, len),
        "maxLength": _bound(le, len),
        "pattern": Judge._pattern,
        "format": Judge._format,
    },
    list: {
        **_FOR_ALL,
        "minItems": _bound(ge, len),
        "maxItems": _bound(le, len),
        "uniqueItems": Judge._unique_items,
        "items": Judge._items,
        "prefixItems": Judge._prefix_items,
        "additionalItems": Judge._additional_items,
        "contains": Judge._contains,
        "unevaluatedItems": Judge._unevaluated_items,
    },
    dict: {
        **_FOR_ALL,
        "minProperties": _bound(ge, len),
        "maxProperties": _bound(le, len),
        "required": Judge._required,
        "properties": Judge._properties,
        "patternProperties": Judge._pattern_properties,
        "additionalProperties": Judge._additional_properties,
        "propertyNames": Judge._property_names,
        "dependentRequired": Judge._dependent,
        "dependentSchemas": Judge._dependent,
        "dependencies": Judge._dependent,
        "unevaluatedProperties": Judge._unevaluated_properties,
    },
}
