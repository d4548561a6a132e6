"""Texts and numbers within the bounds of a folded schema: streams of candidates, the plainest first."""

from collections.abc import Iterator, Mapping
from itertools import chain, islice
from math import ceil, floor, isfinite
from typing import NamedTuple

from mockapi.scenario.bounds import Budget, NoValueError
from mockapi.scenario.combine import PATTERNS
from mockapi.scenario.formats import texts_in_format
from mockapi.scenario.pattern import Patterns
from mockapi.scenario.values import fraction_of, is_number, list_of
from mockapi.wire.json import JsonObject

__all__ = ["MOST_ITEMS", "numbers", "texts", "whole"]

MOST_ITEMS = 1_000
"""The longest array that is made, and so how many different candidates are of use."""

_MOST = MOST_ITEMS + 200
_LARGEST = 10**300
_ODD = ("", "a", "A", "0", "-", "é", "Aa1!Aa1!", "Aa1!Aa1!Aa1!Aa1!")


def whole(schema: Mapping[str, object], key: str, default: int) -> int:
    """A bound on a size, clamped to what is ever reached."""
    value = schema.get(key)
    if value is None:
        return default
    return ceil(max(min(value, 10**12), 0)) if is_number(value) else default


def texts(schema: JsonObject, name: str, patterns: Patterns, budget: Budget) -> Iterator[str]:
    """Texts for the lengths, patterns and format of a schema; they may repeat. `NoValueError` if not one is known."""
    least, most = whole(schema, "minLength", 0), whole(schema, "maxLength", 10_000_000)
    if least > most or least > 1_000_000:
        raise NoValueError(f"the lengths of the text contradict each other, or are too large, at {name!r}")
    stream = _of_length(_plain(schema, name), least, most)
    if PATTERNS in schema:
        stream = _patterned([str(each) for each in list_of(schema[PATTERNS])], stream, least, most, name, patterns)
    for text in stream:
        budget.spend(1 + len(text) // 200)
        yield text


def _plain(schema: JsonObject, name: str) -> Iterator[str]:
    if "format" in schema:
        yield from texts_in_format(str(schema["format"]), _MOST)
    yield f"example {name}"
    yield from (f"example {name} {number}" for number in range(2, 10))
    yield from _ODD
    yield from (f"example {name} {number}" for number in range(10, _MOST))
    yield from map(str, range(_MOST))


def _of_length(sources: Iterator[str], least: int, most: int) -> Iterator[str]:
    return ((text + "x" * (least - len(text)))[:most] for text in sources)


def _patterned(wanted: list[str], plain: Iterator[str], least: int, most: int, name: str, patterns: Patterns) -> Iterator[str]:
    """Texts that every pattern finds: of one pattern, of all in a row, or plain ones that happen to fit."""
    failed: NoValueError | None = None
    try:
        yield from _found(patterns.texts(wanted[0], least, most, name), wanted[1:], patterns)
    except NoValueError as error:
        failed = error
    others = (_of_length(_joined(order, patterns, name), least, most) for order in (wanted, wanted[::-1]) if len(wanted) > 1)
    rest = chain(
        *others, (each for other in wanted[1:] for each in _texts(other, least, most, name, patterns)), islice(plain, 40)
    )
    for text in _found(rest, wanted, patterns):
        failed = None
        yield text
    if failed:
        raise failed


def _found(sources: Iterator[str], wanted: list[str], patterns: Patterns) -> Iterator[str]:
    return (text for text in sources if all(patterns.is_found(each, text) for each in wanted))


def _texts(pattern: str, least: int, most: int, name: str, patterns: Patterns) -> Iterator[str]:
    try:
        yield from islice(patterns.texts(pattern, least, most, name), 40)
    except NoValueError:
        return  # the first pattern's error says it


def _joined(wanted: list[str], patterns: Patterns, name: str) -> Iterator[str]:
    streams = [_texts(each, 0, 1_000, name, patterns) for each in wanted]
    return ("".join(row) for row in zip(*streams, strict=False))


def numbers(schema: JsonObject, kind: str, name: str, budget: Budget) -> Iterator[int | float]:
    """Numbers within the bounds, multiples where asked for; they may repeat. `NoValueError` if there is none."""
    span = _Span.of(schema)
    step = _step(schema, kind)
    known = filter(span.holds, _finite(_multiples(span, step) if step else _reals(span)))
    first = next(known, None)
    if first is None:
        raise NoValueError(f"the bounds of the number contradict each other at {name!r}")
    yield first
    near = _finite(_neighbours(first, step or 1, span))
    for candidate in chain(islice(near, 8), known, near, () if step else _between(span)):
        budget.spend(1)
        yield candidate


class _Span(NamedTuple):
    """The bounds of a number."""

    bottoms: list[int | float]
    tops: list[int | float]
    above: int | float | None
    below: int | float | None

    @classmethod
    def of(cls, schema: JsonObject) -> "_Span":
        low, high = _edge(schema, "minimum"), _edge(schema, "maximum")
        above, below = _edge(schema, "exclusiveMinimum"), _edge(schema, "exclusiveMaximum")
        return cls(_given(low, above), _given(high, below), above, below)

    def holds(self, number: int | float) -> bool:
        is_inside = all(number >= each for each in self.bottoms) and all(number <= each for each in self.tops)
        return is_inside and number not in (self.above, self.below)


def _given(*edges: int | float | None) -> list[int | float]:
    return [each for each in edges if each is not None]


def _edge(schema: JsonObject, key: str) -> int | float | None:
    value = schema.get(key)
    return value if is_number(value) and abs(value) <= _LARGEST else None


def _step(schema: JsonObject, kind: str) -> int | float | None:
    step = _edge(schema, "multipleOf")
    if kind != "integer":
        return abs(step) if step else None
    return abs(fraction_of(step).numerator) if step else 1


def _finite(candidates: Iterator[int | float]) -> Iterator[int | float]:
    """Candidates as far as they can be computed."""
    try:
        yield from filter(isfinite, candidates)
    except (OverflowError, ZeroDivisionError, ValueError):
        return


def _multiples(span: _Span, step: int | float) -> Iterator[int | float]:
    """Round multiples first, then those at the bounds."""
    yield step
    yield 0
    exact = fraction_of(step)
    make = int if isinstance(step, int) else float
    for bottom in map(fraction_of, span.bottoms):
        yield from (make(ceil(bottom / exact) * exact), make((floor(bottom / exact) + 1) * exact))
    for top in map(fraction_of, span.tops):
        yield from (make(floor(top / exact) * exact), make((ceil(top / exact) - 1) * exact))
    yield -step


def _reals(span: _Span) -> Iterator[int | float]:
    """Round numbers first, then what lies at the bounds."""
    bottoms, tops = span.bottoms, span.tops
    yield from (1, 0)
    yield from (*bottoms, *tops)
    if bottoms and tops:
        yield (max(bottoms) + min(tops)) / 2
    yield from (bottom + 1 for bottom in bottoms)
    yield from (top - 1 for top in tops)
    yield from (-1, 0.5, -0.5)


def _neighbours(first: int | float, step: int | float, span: _Span) -> Iterator[int | float]:
    """The numbers a step apart, upwards as far as they go, then downwards."""
    exact, middle = fraction_of(step), fraction_of(first)
    make = int if isinstance(step, int) and isinstance(first, int) else float
    for way in (1, -1):
        for number in range(1, _MOST):
            other = make(middle + way * number * exact)
            if not span.holds(other):
                break
            yield other


def _between(span: _Span) -> Iterator[float]:
    """Numbers inside narrow bounds."""
    low = max(span.bottoms) if span.bottoms else min(span.tops, default=0) - 1
    high = min(span.tops) if span.tops else low + 1
    return (each for each in (low + (high - low) * part / _MOST for part in range(1, _MOST)) if span.holds(each))
