"""A value that is valid under a JSON Schema: deterministic, small, and readable where the schema leaves room.

Written for the schemas people send as `text.format` and function `parameters` (JSON Schema 2020-12 without remote references).
The plainest candidate is judged first; where it is not valid, each part of the value is sought among candidates that are judged
one by one. Recursion ends at the shallowest valid value.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import count, islice

from mockapi.scenario.bounds import Budget, NoValueError, SpentError, TooDeepError
from mockapi.scenario.combine import CHOICES, HOLDS, Combiner, holds_of
from mockapi.scenario.judge import Judge
from mockapi.scenario.pattern import Patterns
from mockapi.scenario.rows import Row, part_at, prefix_of
from mockapi.scenario.scalars import MOST_ITEMS, numbers, texts, whole
from mockapi.scenario.values import has_type, list_of, mapping_of, resolve
from mockapi.wire.json import JsonObject

__all__ = ["NoValueError", "sample"]

_DEPTHS = (4, 8, 16, 32)
_STEP = 5
_MOST_NAMES = 2_000
_MOST_OTHERS = 20
_HEAD = 10
"""So many candidates of each way are tried before more of the first."""


def sample(schema: object, *, is_object: bool = False) -> object:
    """A value valid under the schema, an object if asked for; `NoValueError` if none is found in a bounded number of steps.

    The schema may be contradictory, endless or too large. Formats are taken to bind.
    """
    sampler = _Sampler(schema)
    wanted = {"allOf": [{"type": "object"}, schema]} if is_object else schema
    try:
        return sampler.any_valid(wanted)
    except RecursionError:
        raise NoValueError("the schema is nested too deeply") from None


class _Sampler:
    def __init__(self, root: object) -> None:
        self._root = root
        self._budget = Budget()
        self._patterns = Patterns(self._budget)
        self._judge = Judge(root, self._patterns, self._budget)
        self._combiner = Combiner(self._budget)
        self._is_thorough = self._is_small = False

    def any_valid(self, schema: object) -> object:
        """The plainest value if it is valid, or the first one that is; a small one where the steps do not suffice."""
        try:
            return self._plain_or_thorough(schema)
        except SpentError:
            self._begin_thorough()
            self._is_small = True
        try:
            return self._shallowest(schema)
        except SpentError:
            raise NoValueError("the schema is too large: no value was found in the steps there are") from None

    def _plain_or_thorough(self, schema: object) -> object:
        failed: NoValueError | None = None
        try:
            value = self._shallowest(schema)
            if self._judge.fits(value, schema):
                return value
        except NoValueError as error:
            failed = error
        self._begin_thorough()
        try:
            return self._shallowest(schema)
        except NoValueError as error:
            raise failed or error from None

    def _begin_thorough(self) -> None:
        self._is_thorough = self._combiner.is_thorough = True
        self._budget.refill()

    def _shallowest(self, schema: object) -> object:
        for depth in _DEPTHS[:-1]:
            try:
                return self.value(schema, depth, "value")
            except TooDeepError:
                continue  # a shallower value is nicer; this schema has none
        return self.value(schema, _DEPTHS[-1], "value")

    def value(self, schema: object, depth: int, name: str) -> object:
        """A value for a (sub)schema; `name` is the property it is for, and words its text."""
        if self._is_thorough:
            return next(self._fitting(schema, depth, name))
        self._begin(schema, name)
        for candidate in self._made([schema], depth, name):
            return candidate
        raise NoValueError(f"no value was found at {name!r}")

    def _begin(self, schema: object, name: str) -> None:
        self._budget.spend(_STEP)
        if schema is False:
            raise NoValueError(f"the schema allows nothing at {name!r}")

    def _fitting(self, schema: object, depth: int, name: str) -> Iterator[object]:
        """Values for a (sub)schema, at least one, judged if this is thorough; `NoValueError` if there is none."""
        self._begin(schema, name)
        is_none, misfit = True, ""
        for candidate in self._made([schema], depth, name):
            if not self._is_thorough or self._judge.fits(candidate, schema):
                is_none = False
                yield candidate
            elif not misfit:
                misfit = f" that fits {self._judge.misfit(candidate, schema)!r}"
        if is_none:
            raise NoValueError(f"no value was found{misfit} at {name!r}")

    def _others(self, schema: object, depth: int, name: str) -> Iterator[object]:
        """Some more values than the first."""
        try:
            yield from islice(self._fitting(schema, depth, name), 1, _MOST_OTHERS)
        except NoValueError:
            return  # then there are fewer

    def _made(self, schemas: list[object], depth: int, name: str) -> Iterator[object]:
        """Candidates for several schemas at once; not judged."""
        if depth <= 0 and any(isinstance(schema, dict) for schema in schemas):
            raise TooDeepError(f"the schema recurses without end at {name!r}")
        only = schemas[0]
        if len(schemas) == 1 and isinstance(only, dict) and "$ref" not in only and "allOf" not in only:
            merged = self._combiner.normal(only)
        else:
            merged = self._resolved(schemas, depth, name)
        if CHOICES not in merged:
            return self._unbranched(merged, depth, name)
        choices = list_of(merged.pop(CHOICES))
        self._budget.spend(len(choices))
        if len(choices) > 1:
            merged[CHOICES] = choices[1:]
        branches = sorted(list_of(choices[0]), key=_is_null)
        is_deeper = len(choices) == 1 or any(isinstance(branch, dict) and "$ref" in branch for branch in branches)
        return self._in_turn(partial(self._made, [merged, branch], depth - is_deeper, name) for branch in branches)

    def _resolved(self, schemas: Iterable[object], depth: int, name: str) -> JsonObject:
        """Schemas as one, `$ref` followed and `allOf` folded in."""
        self._budget.spend(_STEP)
        merged: JsonObject = {}
        waiting = deque((schema, 0) for schema in schemas)
        while waiting:
            schema, level = waiting.popleft()
            if schema is False:
                raise NoValueError(f"the schema allows nothing at {name!r}")
            if level > depth:
                raise TooDeepError(f"the schema refers to itself without end at {name!r}")
            if not isinstance(schema, dict):
                continue
            normal = self._combiner.normal(schema)
            if "$ref" in normal:
                self._budget.spend(1)
                waiting.append((resolve(self._root, normal.pop("$ref")), level + 1))
            waiting.extend((part, level + 1) for part in list_of(normal.pop("allOf", None)))
            merged = self._combiner.merge(merged, normal, name)
        return merged

    def _in_turn(self, makers: Iterable["partial[Iterator[object]]"]) -> Iterator[object]:
        """Some candidates of each way, then all the others; `NoValueError` after them if a way has none."""
        failed: NoValueError | None = None
        streams = [_later(maker) for maker in makers]
        for most in (_HEAD, None):
            for stream in streams:
                try:
                    yield from islice(stream, most)
                except NoValueError as error:
                    failed = failed if isinstance(failed, TooDeepError) else error
        if failed:
            raise failed

    def _unbranched(self, schema: JsonObject, depth: int, name: str) -> Iterator[object]:
        if "const" in schema:
            return iter([schema["const"]])
        if isinstance(schema.get("enum"), list):
            return self._chosen(list_of(schema["enum"]), schema.get("type"), name)
        kinds = _kinds(schema)
        if len(kinds) == 1 or not self._is_thorough:
            return self._of_kind(kinds[0] if kinds else "null", schema, depth, name)
        return self._in_turn(partial(self._of_kind, kind, schema, depth, name) for kind in kinds)

    def _chosen(self, choices: list[object], kind: object, name: str) -> Iterator[object]:
        kinds = kind if isinstance(kind, list) else [kind] if kind else []
        is_none = True
        for choice in choices:
            self._budget.spend(1 + len(kinds) // 10)
            if not kinds or any(has_type(choice, each) for each in kinds):
                is_none = False
                yield choice
        if is_none:
            raise NoValueError(f"no enum value has the type asked for at {name!r}")

    def _of_kind(self, kind: str, schema: JsonObject, depth: int, name: str) -> Iterator[object]:
        if kind == "object":
            return self._objects(schema, depth, name)
        if kind == "array":
            return self._arrays(schema, depth, name)
        if kind == "string":
            return texts(schema, name, self._patterns, self._budget)
        if kind in ("integer", "number"):
            return numbers(schema, kind, name, self._budget)
        if kind not in ("boolean", "null"):
            raise NoValueError(f"there is no type {kind!r}, asked for at {name!r}")
        return iter([True, False] if kind == "boolean" else [None])

    # --- objects

    def _objects(self, schema: JsonObject, depth: int, name: str) -> Iterator[JsonObject]:
        known, needed = mapping_of(schema.get("properties")), [str(key) for key in list_of(schema.get("required"))]
        least = whole(schema, "minProperties", 0)
        if max(len(needed), len(known), least) > _MOST_NAMES:
            raise NoValueError(f"the schema is too large: over {_MOST_NAMES} properties at {name!r}")
        required = frozenset(needed)
        parts = {key: self._part(schema, key) for key in [*known, *(key for key in needed if key not in known)]}
        failed: NoValueError | None = None
        for draft, extra in self._drafts(parts, required, depth):
            try:
                value = self._enlarged(draft, max(least, len(draft) + extra), schema, depth, name)
                yield self._cut(value, schema, required, least, name)
            except NoValueError as error:
                failed = failed or error
        if failed:
            raise failed

    def _drafts(self, parts: JsonObject, required: frozenset[str], depth: int) -> Iterator[tuple[JsonObject, int]]:
        """Objects before they have the size asked for, and how much larger than that they may be."""
        full: JsonObject = {}
        for key, part in parts.items():
            if key not in required and self._is_small:
                continue
            try:
                full[key] = self.value(part, depth - 1, key)
            except NoValueError:
                if key in required:
                    raise
        yield full, 0
        bare = {key: full[key] for key in full if key in required}
        yield bare, 0
        for key in [key for key in full if key not in required]:
            yield {other: full[other] for other in full if other != key}, 0
        for key in full:
            for other in self._others(parts[key], depth - 1, key):
                yield {**full, key: other}, 0
                yield {**bare, key: other}, 0
        yield from ((full, extra) for extra in range(1, 4))

    def _part(self, schema: JsonObject, key: str) -> object:
        """What a schema says of one property."""
        known = mapping_of(schema.get("properties"))
        if not self._is_thorough:
            return known.get(key, schema.get("additionalProperties", True))
        if not self._judge.fits(key, schema.get("propertyNames", True)):
            return False
        named = mapping_of(schema.get("patternProperties"))
        parts = [known[key]] if key in known else []
        parts += [part for pattern, part in named.items() if self._patterns.is_found(pattern, key)]
        rest = schema.get("additionalProperties", schema.get("unevaluatedProperties", True))
        return {"allOf": parts} if len(parts) > 1 else parts[0] if parts else rest

    def _enlarged(self, draft: JsonObject, least: int, schema: JsonObject, depth: int, name: str) -> JsonObject:
        """The draft with as many further properties as it needs; fewer where no more can be found."""
        value = dict(draft)
        names = self._names(schema, depth, name) if len(value) < least else iter(())
        for key in islice(names, least + _MOST_OTHERS):
            if len(value) >= least:
                break
            self._budget.spend(1)
            if key in value:
                continue
            try:
                value[key] = self.value(self._part(schema, key), depth - 1, key)
            except TooDeepError:
                raise
            except NoValueError:
                continue  # another name may do
        return value

    def _names(self, schema: JsonObject, depth: int, name: str) -> Iterator[str]:
        if self._is_thorough and "propertyNames" in schema:
            yield from map(str, self._fitting({"allOf": [{"type": "string"}, schema["propertyNames"]]}, depth - 1, "key"))
        for pattern in mapping_of(schema.get("patternProperties")) if self._is_thorough else ():
            yield from self._patterns.texts(pattern, 0, 100, name)
        yield from (f"key_{number}" for number in count(1))

    def _cut(self, value: JsonObject, schema: JsonObject, required: frozenset[str], least: int, name: str) -> JsonObject:
        """The value with as many properties as it may have."""
        most = whole(schema, "maxProperties", _MOST_NAMES)
        if len(value) > most:
            ordered = [*(key for key in value if key in required), *(key for key in value if key not in required)]
            value = {key: value[key] for key in ordered[:most]}
        if len(value) < max(least, len(required)):
            raise NoValueError(f"the bounds of the object contradict each other at {name!r}")
        return value

    # --- arrays

    def _arrays(self, schema: JsonObject, depth: int, name: str) -> Iterator[list[object]]:
        least, most = whole(schema, "minItems", 0), whole(schema, "maxItems", MOST_ITEMS)
        if least > most or least > MOST_ITEMS:
            raise NoValueError(f"the bounds of the array contradict each other, or are too large, at {name!r}")
        wanted = min(max(least, 0 if self._is_small else 1), most)
        base = self._filled(schema, depth, name, most, wanted)
        yield base
        for size in (least, *range(wanted + 1, min(wanted + 3, most) + 1)):
            try:
                yield self._filled(schema, depth, name, size, size)
            except NoValueError:
                continue  # the first one was possible
        for index in range(min(len(base), _MOST_OTHERS)):
            others = self._others(part_at(schema, index), depth - 1, name)
            yield from ([*base[:index], other, *base[index + 1 :]] for other in others)

    def _filled(self, schema: JsonObject, depth: int, name: str, most: int, wanted: int) -> list[object]:
        """An array of at most `most` items; `wanted` of them, or fewer where that many cannot be."""
        row = Row(schema, self._judge, name, is_capped=self._is_thorough)
        prefix = prefix_of(schema)
        try:
            for part in islice(prefix, most):
                row.add(partial(self._fitting, part, depth - 1, name))
            for part, times in self._contained(schema):
                row.fill(partial(self._fitting, part, depth - 1, name), min(len(row.items) + times, most))
            row.fill(partial(self._fitting, part_at(schema, len(prefix)), depth - 1, name), wanted)
        except NoValueError:
            if len(row.items) < whole(schema, "minItems", 0):
                raise
        return row.items

    def _contained(self, schema: JsonObject) -> Iterator[tuple[object, int]]:
        """What `contains` asks for, and how often; behind the items that have a place of their own."""
        rest = part_at(schema, MOST_ITEMS)
        for part, least, most in holds_of(schema):
            if most != 0 and rest is not False:
                yield {"allOf": [part, rest]} if isinstance(rest, dict) else part, max(least, 1)


def _later(maker: "partial[Iterator[object]]") -> Iterator[object]:
    """What the maker makes, not before it is asked for."""
    yield from maker()


_BY_KEY = {
    "properties": "object", "required": "object", "additionalProperties": "object", "minProperties": "object",
    "items": "array", "prefixItems": "array", "minItems": "array", HOLDS: "array", "minimum": "number",
    "maximum": "number", "exclusiveMinimum": "number", "exclusiveMaximum": "number", "multipleOf": "number",
}  # fmt: skip


def _is_null(schema: object) -> bool:
    return isinstance(schema, dict) and schema.get("type") == "null"


def _kinds(schema: JsonObject) -> list[str]:
    """The types to make: those asked for, null last; or all, from the one that the other keys speak of."""
    kind = schema.get("type")
    if isinstance(kind, list):
        return [str(each) for each in kind if each != "null"] + ["null"] * ("null" in kind)
    if isinstance(kind, str):
        return [kind]
    first = next((_BY_KEY[key] for key in schema if key in _BY_KEY), "string")
    return [first, *(each for each in ("string", "number", "boolean", "object", "array", "null") if each != first)]
