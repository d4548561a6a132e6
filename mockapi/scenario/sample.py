"""A value that is valid under a JSON Schema: deterministic, small, and readable where the schema leaves room.

Written for the schemas people send as `text.format` and function `parameters` (JSON Schema 2020-12 without remote references,
`if`, `not` and `dependentSchemas`). Recursion ends at the shallowest valid value.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from math import ceil, floor, isfinite

from mockapi.scenario.pattern import text_for_pattern
from mockapi.wire.json import JsonObject, dumps

__all__ = ["NoValueError", "sample"]

_DEPTHS = (4, 8, 16, 32)
_MOST_STEPS = 20_000
_MOST_ITEMS = 1_000
_MOST_NAMES = 2_000
_LARGEST = 10**300

_FORMATS = {
    "date-time": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "time": "00:00:00Z",
    "duration": "P1D",
    "email": "user@example.com",
    "idn-email": "user@example.com",
    "hostname": "example.com",
    "idn-hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "uri": "https://example.com/",
    "uri-reference": "https://example.com/",
    "iri": "https://example.com/",
    "iri-reference": "https://example.com/",
    "url": "https://example.com/",
    "json-pointer": "/example",
    "relative-json-pointer": "0",
    "regex": "example",
    "uri-template": "https://example.com/{id}",
    "byte": "ZXhhbXBsZQ==",
}


class NoValueError(ValueError):
    """No value fits, or none was found within the bounds; the message says where in the schema."""


class _TooDeepError(NoValueError):
    pass


def sample(schema: object) -> object:
    """A value valid under the schema; `NoValueError` if it is contradictory, endless or too large."""
    sampler = _Sampler(schema)
    for depth in _DEPTHS[:-1]:
        try:
            return sampler.value(schema, depth, "value")
        except _TooDeepError:
            continue  # a shallower value is nicer; this schema has none
    return sampler.value(schema, _DEPTHS[-1], "value")


class _Sampler:
    def __init__(self, root: object) -> None:
        self._root = root
        self._steps = 0

    def value(self, schema: object, depth: int, name: str) -> object:
        """A value for a (sub)schema; `name` is the property it is for, and words its text."""
        self._steps += 1
        if self._steps > _MOST_STEPS:
            raise NoValueError(f"the schema is too large: no value after {_MOST_STEPS} steps, at {name!r}")
        if schema is False:
            raise NoValueError(f"the schema allows nothing at {name!r}")
        if not isinstance(schema, Mapping):
            return f"example {name}"
        if depth <= 0:
            raise _TooDeepError(f"the schema recurses without end at {name!r}")
        merged = self._resolved(schema, depth, name)
        branches = merged.pop("anyOf", None) or merged.pop("oneOf", None)
        if isinstance(branches, list):
            return self._any(merged, branches, depth, name)
        return self._plain(merged, depth, name)

    def _resolved(self, schema: Mapping[str, object], depth: int, name: str) -> JsonObject:
        """`$ref` followed and `allOf` folded in."""
        merged: JsonObject = dict(schema)
        for _ in range(depth + 1):
            if "$ref" not in merged and "allOf" not in merged:
                return merged
            reference = merged.pop("$ref", None)
            parts = merged.pop("allOf", None)
            if isinstance(reference, str):
                merged = _merge(merged, self._target(reference), name)
            for part in parts if isinstance(parts, list) else []:
                merged = _merge(merged, part, name)
        raise _TooDeepError(f"the schema refers to itself without end at {name!r}")

    def _target(self, reference: str) -> object:
        if not reference.startswith("#"):
            raise NoValueError(f"only references inside the schema are followed, not {reference!r}")
        node = self._root
        for raw in reference.removeprefix("#").split("/")[1:]:
            part = raw.replace("~1", "/").replace("~0", "~").replace("%25", "%")
            if isinstance(node, Mapping) and part in node:
                node = node[part]
            elif isinstance(node, list) and part.isdigit() and int(part) < len(node):
                node = node[int(part)]
            else:
                raise NoValueError(f"the reference {reference!r} leads nowhere")
        return node

    def _any(self, rest: JsonObject, branches: list[object], depth: int, name: str) -> object:
        """The first branch that has a value; null only if nothing else has."""
        failed: NoValueError | None = None
        is_deep = False
        ordered = sorted(branches, key=lambda branch: isinstance(branch, Mapping) and branch.get("type") == "null")
        for branch in ordered:
            try:
                return self.value(_merge(rest, branch, name), depth - 1, name)
            except _TooDeepError as error:
                failed, is_deep = error, True
            except NoValueError as error:
                failed = error
        if is_deep:
            raise _TooDeepError(str(failed))
        raise failed or NoValueError(f"anyOf is empty at {name!r}")

    def _plain(self, schema: JsonObject, depth: int, name: str) -> object:
        if "const" in schema:
            return schema["const"]
        choices = schema.get("enum")
        if isinstance(choices, list):
            fitting = [choice for choice in choices if _has_type(choice, schema.get("type"))]
            if not fitting:
                raise NoValueError(f"no enum value has the type asked for at {name!r}")
            return fitting[0]
        kind = _type_of(schema)
        if kind == "object":
            return self._object(schema, depth, name)
        if kind == "array":
            return self._array(schema, depth, name)
        if kind == "string":
            return _text(schema, name)
        if kind in ("integer", "number"):
            return _number(schema, kind, name)
        return {"boolean": True, "null": None}.get(kind)

    def _object(self, schema: JsonObject, depth: int, name: str) -> JsonObject:
        properties = schema.get("properties")
        known = properties if isinstance(properties, Mapping) else {}
        required = schema.get("required")
        needed = [str(key) for key in required] if isinstance(required, list) else []
        if len(needed) > _MOST_NAMES or len(known) > _MOST_NAMES:
            raise NoValueError(f"the schema is too large: over {_MOST_NAMES} properties at {name!r}")
        required_names = frozenset(needed)
        value: JsonObject = {}
        for key in [*known, *(key for key in needed if key not in known)]:
            part = known.get(key, schema.get("additionalProperties", True))
            try:
                value[str(key)] = self.value(part, depth - 1, str(key))
            except NoValueError:
                if key in required_names:
                    raise
        least, most = _whole(schema, "minProperties", 0), _whole(schema, "maxProperties", _MOST_NAMES)
        for number in range(1, least - len(value) + 1):
            value[f"key_{number}"] = self.value(schema.get("additionalProperties", True), depth - 1, f"key_{number}")
        if len(value) > most:
            value = {key: value[key] for key in [*needed, *(key for key in value if key not in needed)][:most]}
        if len(value) < max(least, len(set(needed))):
            raise NoValueError(f"the bounds of the object contradict each other at {name!r}")
        return value

    def _array(self, schema: JsonObject, depth: int, name: str) -> list[object]:
        least, most = _whole(schema, "minItems", 0), _whole(schema, "maxItems", _MOST_ITEMS)
        if least > most or least > _MOST_ITEMS:
            raise NoValueError(f"the bounds of the array contradict each other, or are too large, at {name!r}")
        prefix, items = schema.get("prefixItems"), schema.get("items", True)
        value: list[object] = []
        for part in islice(prefix if isinstance(prefix, list) else [], most):
            value.append(self.value(part, depth - 1, name))
        if "contains" in schema and len(value) < most:
            value.append(self.value(schema["contains"], depth - 1, name))
        wanted = min(max(least, 1), most)
        try:
            while len(value) < wanted:
                value.append(self._item(items, value, depth, name, is_unique=schema.get("uniqueItems") is True))
        except NoValueError:
            if len(value) < least:
                raise
        return value

    def _item(self, items: object, so_far: list[object], depth: int, name: str, *, is_unique: bool) -> object:
        candidate = self.value(items, depth - 1, name)
        if not is_unique or candidate not in so_far:
            return candidate
        seen = {dumps(value) for value in so_far}
        for other in self._others(items, candidate, len(so_far), depth, name):
            if dumps(other) not in seen:
                return other
        raise NoValueError(f"not enough different items at {name!r}")

    def _others(self, items: object, like: object, number: int, depth: int, name: str) -> Iterator[object]:
        """Values other than `like`, for arrays whose items must differ."""
        schema = self._resolved(items, depth, name) if isinstance(items, Mapping) else {}
        choices = schema.get("enum")
        if isinstance(choices, list):
            yield from choices
        elif "const" in schema:
            return
        elif isinstance(like, bool):
            yield not like
        elif isinstance(like, str) and not schema.keys() & {"format", "pattern"}:
            yield _text({**schema, "minLength": 0}, f"{name} {number + 1}")
        elif isinstance(like, int):
            step = _whole(schema, "multipleOf", 1)
            upper, lower = _edge(schema, "maximum"), _edge(schema, "minimum")
            yield from (like + step * n for n in range(1, number + 2) if upper is None or like + step * n <= upper)
            yield from (like - step * n for n in range(1, number + 2) if lower is None or like - step * n >= lower)


def _merge(left: JsonObject, right: object, name: str) -> JsonObject:
    """Both schemas at once."""
    if right is False:
        raise NoValueError(f"the schema allows nothing at {name!r}")
    if not isinstance(right, Mapping):
        return left
    merged: JsonObject = {**left, **right}
    for key in left.keys() & right.keys():
        merged[key] = _both(key, left[key], right[key], name)
    return merged


def _both(key: str, left: object, right: object, name: str) -> object:
    if key == "properties" and isinstance(left, Mapping) and isinstance(right, Mapping):
        return {**left, **right, **{k: {"allOf": [left[k], right[k]]} for k in left.keys() & right.keys()}}
    if key == "required" and isinstance(left, list) and isinstance(right, list):
        return list(dict.fromkeys(map(str, [*left, *right])))
    if key == "enum" and isinstance(left, list) and isinstance(right, list):
        known = {dumps(each) for each in right}
        return [each for each in left if dumps(each) in known]
    if key == "allOf" and isinstance(left, list) and isinstance(right, list):
        return [*left, *right]
    if key == "type":
        return _common_types(left, right, name)
    if isinstance(left, int | float) and isinstance(right, int | float):
        if key.startswith(("min", "exclusiveMin")):
            return max(left, right)
        if key.startswith(("max", "exclusiveMax")):
            return min(left, right)
    return right


def _common_types(left: object, right: object, name: str) -> object:
    lefts = left if isinstance(left, list) else [left]
    rights = right if isinstance(right, list) else [right]
    common = [each for each in lefts if each in rights or (each == "integer" and "number" in rights)]
    common += [each for each in rights if each == "integer" and "number" in lefts and each not in common]
    if not common:
        raise NoValueError(f"the types contradict each other at {name!r}")
    return common if len(common) > 1 else common[0]


_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
    "array": (list,),
    "object": (dict,),
}


def _has_type(value: object, kind: object) -> bool:
    kinds = kind if isinstance(kind, list) else [kind] if kind else []
    if not kinds:
        return True
    if isinstance(value, bool):
        return "boolean" in kinds
    return any(isinstance(value, _TYPES.get(str(each), (object,))) for each in kinds)


_BY_KEY = {
    "properties": "object", "required": "object", "additionalProperties": "object", "minProperties": "object",
    "items": "array", "prefixItems": "array", "minItems": "array", "contains": "array", "minimum": "number",
    "maximum": "number", "exclusiveMinimum": "number", "exclusiveMaximum": "number", "multipleOf": "number",
}  # fmt: skip


def _type_of(schema: JsonObject) -> str:
    """The type to make: the first that is not null, or what the other keys speak of."""
    kind = schema.get("type")
    if isinstance(kind, list):
        return next((str(each) for each in kind if each != "null"), "null")
    if isinstance(kind, str):
        return kind
    return next((_BY_KEY[key] for key in schema if key in _BY_KEY), "string")


def _whole(schema: Mapping[str, object], key: str, default: int) -> int:
    value = schema.get(key, default)
    return min(int(value), 10**12) if isinstance(value, int | float) else default


def _edge(schema: Mapping[str, object], key: str) -> float | None:
    value = schema.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > _LARGEST:
        return None
    return value


def _text(schema: JsonObject, name: str) -> str:
    least, most = _whole(schema, "minLength", 0), _whole(schema, "maxLength", 10_000_000)
    if least > most or least > 1_000_000:
        raise NoValueError(f"the lengths of the text contradict each other, or are too large, at {name!r}")
    pattern = schema.get("pattern")
    if isinstance(pattern, str):
        return _patterned(pattern, least, most, name)
    given = _FORMATS.get(str(schema.get("format")), f"example {name}")
    padded = given + "x" * (least - len(given))
    return padded[:most]


_MOST_TRIES = 60


def _patterned(pattern: str, least: int, most: int, name: str) -> str:
    """The pattern's text, its open repeats made longer until it is long enough."""
    extra = 0
    for _ in range(_MOST_TRIES):
        text = text_for_pattern(pattern, extra)
        if text is None:
            raise NoValueError(f"no text is known for the pattern {pattern!r} at {name!r}")
        if least <= len(text) <= most:
            return text
        if len(text) > most or (extra and len(text) == len(text_for_pattern(pattern) or "")):
            break
        extra += max(1, (least - len(text)) // _MOST_TRIES)
    raise NoValueError(f"no text of that length fits the pattern {pattern!r} at {name!r}")


def _number(schema: JsonObject, kind: str, name: str) -> int | float:
    low, high = _edge(schema, "minimum"), _edge(schema, "maximum")
    above, below = _edge(schema, "exclusiveMinimum"), _edge(schema, "exclusiveMaximum")
    step = _edge(schema, "multipleOf") or (1 if kind == "integer" else None)
    if kind == "integer" and step is not None and step != int(step):
        step = step * round(1 / (step % 1)) if step % 1 else step
    for candidate in _finite(_candidates(low, high, above, below, step)):
        fits_low = (low is None or candidate >= low) and (above is None or candidate > above)
        fits_high = (high is None or candidate <= high) and (below is None or candidate < below)
        if fits_low and fits_high:
            return int(candidate) if kind == "integer" else candidate
    raise NoValueError(f"the bounds of the number contradict each other at {name!r}")


def _finite(candidates: Iterator[float]) -> Iterator[float]:
    """Candidates as far as they can be computed."""
    try:
        for candidate in candidates:
            if isfinite(candidate):
                yield candidate
    except (OverflowError, ZeroDivisionError, ValueError):
        return


def _candidates(
    low: float | None, high: float | None, above: float | None, below: float | None, step: float | None
) -> Iterator[float]:
    """Round numbers first, then what lies at the bounds."""
    if step is not None:
        yield step
        yield 0
        for bottom in (each for each in (low, above) if each is not None):
            yield from (ceil(bottom / step) * step, (floor(bottom / step) + 1) * step)
        for top in (each for each in (high, below) if each is not None):
            yield from (floor(top / step) * step, (ceil(top / step) - 1) * step)
        return
    yield from (1, 0)
    bottoms = [each for each in (low, above) if each is not None]
    tops = [each for each in (high, below) if each is not None]
    yield from (*bottoms, *tops)
    if bottoms and tops:
        yield (max(bottoms) + min(tops)) / 2
    yield from (bottom + 1 for bottom in bottoms)
    yield from (top - 1 for top in tops)
