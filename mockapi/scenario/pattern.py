"""A text that fits a regular expression, from its syntax tree. For patterns in JSON Schemas; no look-around."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import regex

from mockapi.scenario.text import LONGEST_SEARCH_S

# The parser is CPython's own: undocumented, but what `re` itself runs on since 3.11.
from re import _parser  # type: ignore[attr-defined]  # isort: skip

__all__ = ["is_found", "text_for_pattern"]

_ALPHABET = "a1A_ -.,:;/@#$%&*+=?!~^|<>()[]{}\"'\\`\t\nbcdefghijklmnopqrstuvwxyzBCDEFGHIJKLMNOPQRSTUVWXYZ023456789é"
_CATEGORIES = {"CATEGORY_DIGIT": "1", "CATEGORY_WORD": "a", "CATEGORY_SPACE": " "}
_NOT_CATEGORIES = {"CATEGORY_NOT_DIGIT": r"\D", "CATEGORY_NOT_WORD": r"\W", "CATEGORY_NOT_SPACE": r"\S"}
_LONGEST = 5_000
_MOST_REPEATS = 20_000


def text_for_pattern(pattern: str, extra: int = 0) -> str | None:
    """A short text that the pattern finds; with `extra`, its first open repeats run that much longer. None: not known."""
    try:
        tree = _parser.parse(pattern)
        writer = _Writer(extra)
        text = writer.text(tree)
    except (re.error, NotImplementedError, RecursionError, OverflowError, ValueError):
        return None
    return text if is_found(pattern, text) else None


def is_found(pattern: str, text: str) -> bool:
    """Whether a pattern finds a text; False where that takes too long, or the text cannot be sent."""
    try:
        text.encode()
        return regex.search(pattern, text, timeout=LONGEST_SEARCH_S) is not None
    except (regex.error, TimeoutError, UnicodeEncodeError):
        return False


def _first(characters: Iterator[str]) -> str:
    for character in characters:
        return character
    raise NotImplementedError("no character is known for a class")


class _Writer:
    def __init__(self, extra: int) -> None:
        self._extra = extra
        self._spent = 0
        self._groups: dict[int, str] = {}

    def text(self, nodes: Iterable[tuple[Any, Any]]) -> str:
        written = "".join(self._one(str(kind), value) for kind, value in nodes)
        if len(written) > _LONGEST:
            raise OverflowError
        return written

    def _one(self, kind: str, value: Any) -> str:
        writer = getattr(self, f"_{kind.lower()}", None)
        if writer is None:
            raise NotImplementedError(kind)
        return str(writer(value))

    def _literal(self, code: int) -> str:
        return chr(code)

    def _not_literal(self, code: int) -> str:
        return _first(each for each in _ALPHABET if ord(each) != code)

    def _any(self, value: object) -> str:
        return "a"

    def _at(self, value: object) -> str:
        return ""

    def _branch(self, value: tuple[object, Sequence[Any]]) -> str:
        return self.text(value[1][0])

    def _subpattern(self, value: tuple[int | None, int, int, Any]) -> str:
        text = self.text(value[3])
        if value[0] is not None:
            self._groups[value[0]] = text
        return text

    def _groupref(self, number: int) -> str:
        return self._groups.get(number, "")

    def _max_repeat(self, value: tuple[int, Any, Any]) -> str:
        least, most, nodes = value
        times = least
        if self._extra and most > least:
            times = min(int(most), least + self._extra)
            self._extra -= times - least
        if times > _LONGEST:
            raise OverflowError
        written: list[str] = []
        size = 0
        for _ in range(times):
            written.append(self.text(nodes))
            size += len(written[-1])
            self._spent += 1
            if size > _LONGEST or self._spent > _MOST_REPEATS:
                raise OverflowError
        return "".join(written)

    _min_repeat = _max_repeat
    _possessive_repeat = _max_repeat

    def _in(self, parts: Sequence[tuple[Any, Any]]) -> str:
        kinds = [(str(kind), value) for kind, value in parts]
        if kinds[0][0] == "NEGATE":
            return _first(each for each in _ALPHABET if not any(_is_in(each, *part) for part in kinds[1:]))
        for kind, value in kinds:
            if kind == "LITERAL":
                return chr(value)
            if kind == "RANGE":
                return chr(value[0])
            if kind == "CATEGORY" and str(value) in _CATEGORIES:
                return _CATEGORIES[str(value)]
        return _first(each for each in _ALPHABET if any(_is_in(each, *part) for part in kinds))


def _is_in(character: str, kind: str, value: Any) -> bool:
    if kind == "LITERAL":
        return bool(ord(character) == value)
    if kind == "RANGE":
        return bool(value[0] <= ord(character) <= value[1])
    name = str(value)
    if name in _NOT_CATEGORIES:
        return re.fullmatch(_NOT_CATEGORIES[name], character) is not None
    positive = {"CATEGORY_DIGIT": r"\d", "CATEGORY_WORD": r"\w", "CATEGORY_SPACE": r"\s"}[name]
    return re.fullmatch(positive, character) is not None
