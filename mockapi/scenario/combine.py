"""Several schemas as one, for making values: `allOf` folded in, and every keyword that offers ways out as a list of choices.

What is folded steers the making of candidates and may be rough; whether a value is valid is judged under the schema as it came.
"""

from fractions import Fraction
from itertools import zip_longest
from math import ceil, lcm
from typing import NamedTuple

from mockapi.scenario.bounds import Budget, NoValueError
from mockapi.scenario.values import exact, fraction_of, is_number, list_of, mapping_of
from mockapi.wire.json import JsonObject

__all__ = ["CHOICES", "HOLDS", "PATTERNS", "Combiner", "Hold", "holds_of"]

CHOICES, HOLDS, PATTERNS = "*choices", "*holds", "*patterns"
"""Keys of folded schemas: lists of branches of which one each applies; a `Hold` for each `contains`; every `pattern`."""

_DEPENDENT = ("dependentRequired", "dependentSchemas", "dependencies")
_FOLDED = frozenset({"anyOf", "oneOf", "contains", "minContains", "maxContains", "pattern"})
_FOLDED_THOROUGHLY = _FOLDED | {"if", "then", "else", *_DEPENDENT}
_SCHEMAS = frozenset({"items", "additionalProperties", "propertyNames", "unevaluatedItems", "unevaluatedProperties"})


class Hold(NamedTuple):
    """What an array contains at least and at most so often."""

    part: object
    least: int
    most: float | None


def holds_of(schema: JsonObject) -> list[Hold]:
    """What arrays of a folded schema contain."""
    return [hold for hold in list_of(schema.get(HOLDS)) if isinstance(hold, Hold)]


class Combiner:
    """Folds schemas; `is_thorough` tells whether conditions and dependencies become choices too."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self.is_thorough = False

    def normal(self, schema: JsonObject) -> JsonObject:
        """A copy of a schema in the form that can be folded."""
        folded = _FOLDED_THOROUGHLY if self.is_thorough else _FOLDED
        if folded.isdisjoint(schema):
            return dict(schema)
        normal: JsonObject = {key: schema[key] for key in schema if key not in folded}
        choices = [branches for key in ("anyOf", "oneOf") if isinstance(branches := schema.get(key), list)]
        choices += self._conditions(schema) if self.is_thorough else []
        if choices:
            normal[CHOICES] = choices
        if "contains" in schema:
            least, most = schema.get("minContains"), schema.get("maxContains")
            normal[HOLDS] = [Hold(schema["contains"], ceil(least) if is_number(least) else 1, most if is_number(most) else None)]
        if isinstance(schema.get("pattern"), str):
            normal[PATTERNS] = [schema["pattern"]]
        return normal

    def _conditions(self, schema: JsonObject) -> list[list[object]]:
        """The two ways out of each condition."""
        conditions: list[list[object]] = []
        if "if" in schema and schema.keys() & {"then", "else"}:
            conditions.append([{"allOf": [schema["if"], schema.get("then", True)]}, schema.get("else", True)])
        for word in _DEPENDENT:
            for key, part in mapping_of(schema.get(word)).items():
                self._budget.spend(2)
                conditions.append([{"required": part} if isinstance(part, list) else part, {"properties": {key: False}}])
        return conditions

    def merge(self, left: JsonObject, right: JsonObject, name: str) -> JsonObject:
        """Both normal schemas at once; `NoValueError` where they contradict each other plainly."""
        if not left:
            return right
        self._budget.spend(2 + (len(left) + len(right)) // 4)
        merged: JsonObject = {**left, **right}
        for key in left.keys() & right.keys():
            merged[key] = self._both(key, left[key], right[key], name)
        if "additionalProperties" in merged and "properties" in merged:
            merged["properties"] = self._enclosed(left, right, mapping_of(merged["properties"]))
        return merged

    def _both(self, key: str, left: object, right: object, name: str) -> object:
        self._budget.spend(sum(len(each) for each in (left, right) if isinstance(each, list | dict)) // 10)
        if key in ("properties", "patternProperties"):
            return _united(mapping_of(left), mapping_of(right))
        if key == "enum":
            known = set(map(exact, list_of(right)))
            return [each for each in list_of(left) if exact(each) in known]
        if key == "const" and exact(left) != exact(right):
            raise NoValueError(f"the constants contradict each other at {name!r}")
        if key == "type":
            self._budget.spend(len(list_of(left)) * len(list_of(right)) // 20)
            return _common_types(left, right, name)
        if key == "prefixItems":
            return [_each(*pair) for pair in zip_longest(list_of(left), list_of(right), fillvalue=True)]
        if key in _SCHEMAS:
            return _each(left, right)
        if isinstance(left, list) and isinstance(right, list):
            return list(dict.fromkeys(map(str, [*left, *right]))) if key == "required" else [*left, *right]
        return _bounds(key, left, right)

    def _enclosed(self, left: JsonObject, right: JsonObject, properties: JsonObject) -> JsonObject:
        """The properties of both, those that only one knows under the other's `additionalProperties` too."""
        enclosed = dict(properties)
        for one, other in ((left, right), (right, left)):
            if "additionalProperties" not in one or "patternProperties" in one:
                continue
            self._budget.spend(len(enclosed) // 5)
            unknown = mapping_of(other.get("properties")).keys() - mapping_of(one.get("properties")).keys()
            enclosed |= {key: _each(enclosed[key], one["additionalProperties"]) for key in unknown}
        return enclosed


def _each(left: object, right: object) -> object:
    if left is True or left is right:
        return right
    return left if right is True else {"allOf": [left, right]}


def _united(left: JsonObject, right: JsonObject) -> JsonObject:
    return {**left, **right, **{key: _each(left[key], right[key]) for key in left.keys() & right.keys()}}


def _bounds(key: str, left: object, right: object) -> object:
    if not is_number(left) or not is_number(right):
        return right
    if key.startswith(("min", "exclusiveMin")):
        return max(left, right)
    if key.startswith(("max", "exclusiveMax")):
        return min(left, right)
    return _common_multiple(left, right) if key == "multipleOf" and left and right else right


def _common_multiple(left: int | float, right: int | float) -> int | float:
    one, other = fraction_of(left), fraction_of(right)
    common = Fraction(
        lcm(one.numerator * other.denominator, other.numerator * one.denominator), one.denominator * other.denominator
    )
    try:
        return int(common) if common.denominator == 1 else float(common)
    except OverflowError:
        return right


def _common_types(left: object, right: object, name: str) -> object:
    lefts = left if isinstance(left, list) else [left]
    rights = right if isinstance(right, list) else [right]
    common = [each for each in lefts if each in rights or (each == "integer" and "number" in rights)]
    common += [each for each in rights if each == "integer" and "number" in lefts and each not in common]
    if not common:
        raise NoValueError(f"the types contradict each other at {name!r}")
    return common if len(common) > 1 else common[0]
