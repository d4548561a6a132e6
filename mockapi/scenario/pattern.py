"""Regular expressions of schemas: whether one finds a text, and texts that one finds, from its syntax tree."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from mockapi.scenario.bounds import Budget, NoValueError

if TYPE_CHECKING:
    import regex

# The parser is CPython's own: undocumented, but what `re` itself runs on since 3.11.
from re import _parser  # type: ignore[attr-defined]  # isort: skip

__all__ = ["Patterns", "text_for_pattern"]

_ALPHABET = "a1A_ -.,:;/@#$%&*+=?!~^|<>()[]{}\"'\\`\t\nbcdefghijklmnopqrstuvwxyzBCDEFGHIJKLMNOPQRSTUVWXYZ023456789é"
_CATEGORIES = {"CATEGORY_DIGIT": "1", "CATEGORY_WORD": "a", "CATEGORY_SPACE": " "}
_NOT_CATEGORIES = {"CATEGORY_NOT_DIGIT": r"\D", "CATEGORY_NOT_WORD": r"\W", "CATEGORY_NOT_SPACE": r"\S"}
_LONGEST = 5_000
_LONGEST_PATTERN = 5_000
_MOST_REPEATS = 20_000
_MOST_TRIES = 60
_MOST_TEXTS = 1_200
_MOST_REPEATED = 20
_HEAVIEST = 10_000
_QUICK_S, _SLOW_S = 0.001, 0.1
_REPEATS = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")

_UNREADABLE = (re.error, NotImplementedError, RecursionError, OverflowError, ValueError)

Nodes = Iterable[tuple[Any, Any]]


def text_for_pattern(pattern: str) -> str | None:
    """A short text that the pattern finds. None: not known."""
    try:
        return next(Patterns(Budget()).texts(pattern, 0, _LONGEST, "value"))
    except NoValueError:
        return None


class Patterns:
    """The patterns of one schema; what they cost is taken from the budget."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._known: dict[tuple[str, str], bool | None] = {}
        self._compiled: dict[str, regex.Pattern[str] | None] = {}

    def is_found(self, pattern: str, text: str) -> bool | None:
        """Whether a pattern finds a text; None where that cannot be told: no such pattern, too slow, text that cannot be sent."""
        key = (pattern, text)
        self._budget.spend(1)
        if key not in self._known:
            self._budget.spend(10 + len(text) // 50)
            self._known[key] = self._search(pattern, text)
        return self._known[key]

    def _search(self, pattern: str, text: str) -> bool | None:
        compiled = self._compile(pattern)
        try:
            text.encode()
            return compiled and compiled.search(text, timeout=_QUICK_S) is not None
        except UnicodeEncodeError:
            return None
        except TimeoutError:
            return self._budget.slowly(lambda: _slow_search(compiled, text))

    def _compile(self, pattern: str) -> "regex.Pattern[str] | None":
        import regex  # noqa: PLC0415 - start-up time where no schema has patterns

        if pattern not in self._compiled:
            self._compiled[pattern] = None
            with suppress(regex.error, *_UNREADABLE):
                self._budget.spend(_tree(pattern)[1] * 5)
                self._compiled[pattern] = regex.compile(pattern)
        return self._compiled[pattern]

    def texts(self, pattern: str, least: int, most: int, name: str) -> Iterator[str]:
        """Texts of a length that the pattern finds, the plainest first; `NoValueError` if none is known. They may repeat."""
        repeated = 0
        for choice in range(_MOST_TEXTS):
            try:
                text, is_repeated = self._longer(_tree(pattern)[0], least, most, choice)
            except _UNREADABLE:
                text, is_repeated = None, True
            is_known = text is not None and self.is_found(pattern, text)
            if not choice and not is_known:
                raise NoValueError(f"no text is known for the pattern {pattern!r} at {name!r}")
            if text is not None and is_known and least <= len(text) <= most:
                if not is_repeated or not choice:
                    yield text
            elif not choice:
                raise NoValueError(f"no text of that length fits the pattern {pattern!r} at {name!r}")
            repeated = repeated + 1 if is_repeated else 0
            if repeated > _MOST_REPEATED:
                yield from self._ended(pattern, least, most)
                return

    def _ended(self, pattern: str, least: int, most: int) -> Iterator[str]:
        """The first text with numbers behind it, for a pattern that leaves the end open."""
        start = self._longer(_tree(pattern)[0], least, most - 4, 0)[0]
        for number in range(_MOST_TEXTS):
            text = f"{start}{number}"
            if len(text) > most or not self.is_found(pattern, text):
                return
            yield text

    def _longer(self, tree: Nodes, least: int, most: int, choice: int) -> tuple[str, bool]:
        """The text of a choice, its open repeats made longer until it is long enough; and whether a smaller choice gave it."""
        shortest, extra = -1, 0
        for _ in range(_MOST_TRIES):
            writer = _Writer(extra, choice)
            text = writer.text(tree)
            self._budget.spend(1 + writer.spent)
            if len(text) >= least or len(text) == shortest:
                return text, writer.is_repeated
            shortest = len(text) if shortest < 0 else shortest
            extra += max(1, (least - len(text)) // _MOST_TRIES)
        return "", True


def _slow_search(compiled: "regex.Pattern[str] | None", text: str) -> bool | None:
    try:
        return compiled and compiled.search(text, timeout=_SLOW_S) is not None
    except TimeoutError:
        return None


@lru_cache(maxsize=256)
def _tree(pattern: str) -> tuple[Any, int]:
    """The syntax tree and its weight; one of _UNREADABLE if there is none, or it cannot be compiled soon."""
    if len(pattern) > _LONGEST_PATTERN:
        raise ValueError("a long pattern")
    tree = _parser.parse(pattern)
    weight = _weight(tree)
    if weight > _HEAVIEST:
        raise ValueError("a heavy pattern")
    return tree, weight


def _weight(nodes: Nodes) -> int:
    """About how many nodes the compiled pattern has: it holds what repeats as often as it must, and nested repeats multiply."""
    total = 0
    for kind, value in nodes:
        if str(kind) == "IN" and _is_nothing(value):
            raise ValueError("a class of no characters: `regex` takes it for one of all")
        if str(kind) in _REPEATS:
            inner = _weight(value[2])
            total += 1 + (value[0] // 100 if inner == 1 else inner * (value[0] + 1))
        else:
            total += 1 + sum(_weight(inner) for inner in _inside(value))
    return total


def _is_nothing(parts: Sequence[tuple[Any, Any]]) -> bool:
    """Whether a class is the opposite of a category together with its opposite (`[^\\s\\S]`)."""
    names = {str(value) for kind, value in parts if str(kind) == "CATEGORY"}
    return str(parts[0][0]) == "NEGATE" and any(each.replace("_NOT_", "_") in names for each in names if "_NOT_" in each)


def _inside(value: object) -> Iterator[Nodes]:
    """The trees under a node."""
    if isinstance(value, _parser.SubPattern):
        yield value
    elif isinstance(value, tuple | list):
        for each in value:
            yield from _inside(each)


class _Writer:
    """Writes one text. `choice` is read as digits: each branch, class and open repeat takes one, and 0 is the plainest."""

    def __init__(self, extra: int, choice: int) -> None:
        self._extra = extra
        self._choice = choice
        self.spent = 0
        self._groups: dict[int, str] = {}

    @property
    def is_repeated(self) -> bool:
        """Whether the choice asked for more than there is: a smaller one wrote the same."""
        return self._choice > 0

    def text(self, nodes: Nodes) -> str:
        written = "".join(self._one(str(kind), value) for kind, value in nodes)
        if len(written) > _LONGEST:
            raise OverflowError
        return written

    def _one(self, kind: str, value: Any) -> str:
        writer = getattr(self, f"_{kind.lower()}", None)
        if writer is None:
            raise NotImplementedError(kind)
        return str(writer(value))

    def _chosen(self, number: int) -> int:
        """Which of a number of ways is taken."""
        self._choice, way = divmod(self._choice, number)
        return way

    def _character(self, first: str, others: Iterator[str]) -> str:
        """The first character; another one of the class if there is a choice left."""
        if not self._choice:
            return first
        every = [first, *(each for each in others if each != first)]
        self.spent += len(_ALPHABET)
        return every[self._chosen(len(every))]

    def _literal(self, code: int) -> str:
        return chr(code)

    def _not_literal(self, code: int) -> str:
        return self._in([("NEGATE", None), ("LITERAL", code)])

    def _any(self, value: object) -> str:
        return self._character("a", iter(_ALPHABET.replace("\n", "")))

    def _at(self, value: object) -> str:
        return ""

    def _assert(self, value: tuple[int, Any]) -> str:
        """What is looked ahead for is written there, for an open part behind it to take in (`^(?=.*\\d).{8,}$`)."""
        return self.text(value[1])

    def _assert_not(self, value: object) -> str:
        return ""

    def _branch(self, value: tuple[object, Sequence[Any]]) -> str:
        return self.text(value[1][self._chosen(len(value[1]))])

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
        times += self._chosen(min(int(most) - times, 2) + 1)
        if times > _LONGEST:
            raise OverflowError
        written: list[str] = []
        size = 0
        for _ in range(times):
            written.append(self.text(nodes))
            size += len(written[-1])
            self.spent += 1
            if size > _LONGEST or self.spent > _MOST_REPEATS:
                raise OverflowError
        return "".join(written)

    _min_repeat = _max_repeat
    _possessive_repeat = _max_repeat

    def _in(self, parts: Sequence[tuple[Any, Any]]) -> str:
        kinds = [(str(kind), value) for kind, value in parts]
        if kinds[0][0] == "NEGATE":
            fitting = (each for each in _ALPHABET if not any(_is_in(each, *part) for part in kinds[1:]))
            return self._character(_first(fitting), fitting)
        fitting = (each for each in _ALPHABET if any(_is_in(each, *part) for part in kinds))
        for kind, value in kinds:
            if kind in ("LITERAL", "RANGE"):
                return self._character(chr(value if kind == "LITERAL" else value[0]), fitting)
            if kind == "CATEGORY" and str(value) in _CATEGORIES:
                return self._character(_CATEGORIES[str(value)], fitting)
        return self._character(_first(fitting), fitting)


def _first(characters: Iterator[str]) -> str:
    for character in characters:
        return character
    raise NotImplementedError("no character is known for a class")


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
