"""Text matchers: plain strings, `/regex/flags`, and the combinations (SCENARIOS.md "Matching")."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import regex

__all__ = ["TextMatcher", "TextResult", "compile_text", "is_matcher", "regex_of"]

LONGEST_SEARCH_S = 0.25
"""A search that takes longer does not match: a pattern can need longer than anybody lives."""

_REGEX = re.compile(r"/(.*)/([imsx]*)", re.DOTALL)


class TextResult(NamedTuple):
    """Whether a text fits, and what the named groups caught."""

    holds: bool
    groups: Mapping[str, str]


_NO = TextResult(False, {})
_YES = TextResult(True, {})


@dataclass(frozen=True, slots=True)
class TextMatcher:
    """A compiled matcher; `wanted` words it for people, `literal` is the text that it compares with, where it is one.

    A text that it fits contains one of `needles`, both casefolded; without any, nothing is known of such texts.
    """

    wanted: str
    test: Callable[[str], TextResult]
    literal: str | None = None
    needles: tuple[str, ...] = ()


def regex_of(text: str) -> "regex.Pattern[str] | None":
    """The pattern of `/…/` or `/…/i` (flags i, m, s, x); None for a plain string; ValueError if it is no regular expression."""
    found = _REGEX.fullmatch(text)
    return _compiled(found[1], found[2]) if found else None


def _compiled(source: str, letters: str = "") -> "regex.Pattern[str]":
    import regex  # noqa: PLC0415 - start-up time where no file has regular expressions

    flags = 0
    for letter in letters:
        flags |= regex.RegexFlag[letter.upper()]
    try:
        return regex.compile(source, flags)
    except (regex.error, OverflowError, RecursionError, ValueError) as error:
        raise ValueError(f"not a regular expression: {error}") from None


def is_matcher(value: object) -> bool:
    """Whether a value under `body` is meant as a text matcher: text, or a mapping of matcher words only."""
    return isinstance(value, str) or (isinstance(value, Mapping) and bool(value) and set(value) <= _WORDS)


_WORDS = frozenset({"equals", "contains", "matches", "not", "any", "all"})


def compile_text(matcher: object) -> TextMatcher:
    """Compile what a scenario says; ValueError says what is wrong with it."""
    if isinstance(matcher, str):
        pattern = regex_of(matcher)
        return _searched(matcher, pattern) if pattern else _contained(matcher)
    if isinstance(matcher, bool | int | float):
        raise ValueError(f"expected text, got {matcher!r}; quote it")
    if not isinstance(matcher, Mapping) or len(matcher) != 1:
        raise ValueError("a text matcher is a string, or one of equals, contains, matches, not, any, all")
    ((kind, value),) = matcher.items()
    if kind in ("any", "all") and isinstance(value, Sequence) and not isinstance(value, str):
        return _combined(str(kind), [compile_text(each) for each in value])
    if kind == "not":
        return _negated(compile_text(value))
    if not isinstance(value, str):
        raise ValueError(f"{kind}: expected text; quote it")
    return _named(str(kind), value)


def _named(kind: str, value: str) -> TextMatcher:
    if kind == "equals":
        return TextMatcher(f"equal to {value!r}", lambda text: _YES if text == value else _NO, value, _needles(value))
    if kind == "contains":
        return _contained(value)
    if kind == "matches":
        return _searched(value, regex_of(value) or _compiled(value))
    raise ValueError(f"unknown text matcher {kind!r}; known: equals, contains, matches, not, any, all")


def _contained(value: str) -> TextMatcher:
    needle = value.casefold()
    return TextMatcher(f"containing {value!r}", lambda text: _YES if needle in text.casefold() else _NO, value, _needles(value))


def _needles(value: str) -> tuple[str, ...]:
    return (value.casefold(),) if value else ()


def _searched(source: str, pattern: "regex.Pattern[str]") -> TextMatcher:
    def test(text: str) -> TextResult:
        try:
            found = pattern.search(text, timeout=LONGEST_SEARCH_S)
        except TimeoutError:
            return _NO
        if found is None:
            return _NO
        return TextResult(True, {key: value for key, value in found.groupdict().items() if value is not None})

    return TextMatcher(f"matching {source}", test)


def _negated(inner: TextMatcher) -> TextMatcher:
    return TextMatcher(f"not {inner.wanted}", lambda text: _NO if inner.test(text).holds else _YES)


def _combined(kind: str, inner: Sequence[TextMatcher]) -> TextMatcher:
    needs = any if kind == "any" else all

    def test(text: str) -> TextResult:
        results = [matcher.test(text) for matcher in inner]
        groups = {key: value for result in results if result.holds for key, value in result.groups.items()}
        return TextResult(needs(result.holds for result in results), groups)

    word = " or " if kind == "any" else " and "
    return TextMatcher("(" + word.join(matcher.wanted for matcher in inner) + ")", test, None, _combined_needles(kind, inner))


def _combined_needles(kind: str, inner: Sequence[TextMatcher]) -> tuple[str, ...]:
    """Of `any` those of all; of `all` those of one, whose shortest is the longest."""
    known = [matcher.needles for matcher in inner if matcher.needles]
    if kind == "any":
        return tuple({needle for needles in known for needle in needles}) if len(known) == len(inner) else ()
    return max(known, key=lambda needles: min(map(len, needles)), default=())
