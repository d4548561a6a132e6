"""How near a step came to a request: every criterion with ✓ or ✗, wanted and got, in words that a terminal shows well."""

import re
from collections.abc import Callable, Iterable, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from mockapi.scenario.match import HOLDS, Criterion, Facts, Said, shown
from mockapi.wire.json import JsonObject

__all__ = ["Row", "compare", "diff_of", "lines_of", "summary_of"]

_SHORT = 60  # characters of a text that is compared by eye
_MOST_WANTED, _MOST_GOT = 200, 1_500  # words of long texts that are compared
_AROUND = 4  # words that are shown around a difference
_LONGEST_SIDE = 400
_Code = tuple[str, int, int, int, int]  # what difflib says of two stretches
_WORD = re.compile(r"\w+|\s+|[^\w\s]")


class Row(NamedTuple):
    """One criterion held against one request; `diff` shows where two long texts part."""

    field: str
    holds: bool
    wanted: str
    got: str
    diff: tuple[str, ...] = ()

    @property
    def lines(self) -> list[str]:
        """`✗ input: wanted containing 'paris', got 'berlin'`, and the diff below."""
        head = f"{'✓' if self.holds else '✗'} {self.field}: wanted {self.wanted}, got {self.got}"
        return [head, *(f"    {line}" for line in self.diff)]

    @property
    def data(self) -> JsonObject:
        """As JSON."""
        plain: JsonObject = {"field": self.field, "holds": self.holds, "wanted": self.wanted, "got": self.got}
        return {**plain, "diff": list(self.diff)} if self.diff else plain


def compare(criteria: Iterable[Criterion], facts: Facts) -> list[Row]:
    """A row for every criterion, those that do not hold first."""
    rows = [_row(criterion, facts) for criterion in criteria]
    return sorted(rows, key=lambda row: row.holds)


def _row(criterion: Criterion, facts: Facts) -> Row:
    answer = criterion.check(facts, {})
    if answer is HOLDS:
        return Row(criterion.field, True, _cut(criterion.wanted), _cut(shown(criterion.get(facts))))
    came = criterion.get(facts)
    is_text = criterion.literal is not None and isinstance(came, str) and not isinstance(answer, Said)
    diff = diff_of(criterion.literal or "", came) if is_text and isinstance(came, str) else ()
    return Row(criterion.field, False, _cut(criterion.wanted), _cut(shown(answer)), diff)


def _cut(text: str) -> str:
    return text if len(text) <= 2 * _SHORT else f"{text[: 2 * _SHORT]}…"


def lines_of(rows: Sequence[Row], indent: str = "    ") -> list[str]:
    """All rows, a criterion a line."""
    return [f"{indent}{line}" for row in rows for line in row.lines]


def summary_of(facts: Facts) -> str:
    """A request in a few words: `model 'gpt-4o', input 'Hello'`."""
    said = [f"model {_brief(facts.request.model)}"]
    if facts.context.has_user:
        said.append(f"input {_brief(facts.context.user_text)}")
    said += [f"output of {output.name}" for output in facts.context.outputs[-3:]]
    return ", ".join(said)


def _brief(text: str) -> str:
    return repr(text if len(text) <= _SHORT else f"{text[:_SHORT]}…")


def diff_of(wanted: str, got: str) -> tuple[str, ...]:
    """Two lines that show where long texts part, what differs in brackets; none for short texts, or where all differs."""
    if max(len(wanted), len(got)) <= _SHORT or len(wanted) <= _SHORT // 3:
        return ()
    one, other = _WORD.findall(wanted), _WORD.findall(got)
    return _parting(one, other, str.casefold) or _parting(one, other, str)


def _parting(one: Sequence[str], other: Sequence[str], fold: Callable[[str], str]) -> tuple[str, ...]:
    """Where they part: among their first words, or, where those are equal, as far behind as that may be."""
    codes = _codes(one[:_MOST_WANTED], other[:_MOST_GOT], fold)
    begins = codes[0][4] if codes[0][0] == "insert" else 0
    is_far = len(one) > _MOST_WANTED and [code[0] for code in codes if code[0] != "insert"] == ["equal"]
    if is_far:
        same = next((n for n, pair in enumerate(zip(one, other[begins:], strict=False)) if fold(pair[0]) != fold(pair[1])), None)
        start = max(0, (min(len(one), len(other) - begins) if same is None else same) - 2 * _AROUND)
        one, other = one[start:], other[begins + start :]
        codes = _codes(one[:_MOST_WANTED], other[:_MOST_GOT], fold)
    common = [word for kind, before, after, _, _ in codes if kind == "equal" for word in one[before:after]]
    is_alike = is_far or _letters(common) * 2 >= _letters(one[:_MOST_WANTED])
    if not is_alike or all(code[0] == "equal" for code in codes):
        return ()
    left, right = _sides(codes, one, other)
    before = "…" if is_far else ""
    return f"wanted: {before}{_side(left)}", f"got:    {before}{_side(right)}"


def _codes(one: Sequence[str], other: Sequence[str], fold: Callable[[str], str]) -> Sequence[_Code]:
    return SequenceMatcher(None, [*map(fold, one)], [*map(fold, other)], autojunk=False).get_opcodes()


def _sides(codes: Sequence[_Code], one: Sequence[str], other: Sequence[str]) -> tuple[str, str]:
    left, right = "", ""
    for number, (kind, a, b, c, d) in enumerate(codes):
        is_first, is_last = number == 0, number == len(codes) - 1
        if kind == "equal":
            left += _context(one[a:b], is_first=is_first, is_last=is_last)
            right += _context(other[c:d], is_first=is_first, is_last=is_last)
        elif kind == "insert" and (is_first or is_last):
            right += "…"  # what stands around a text that is contained
        else:
            left += _marked(one[a:b])
            right += _marked(other[c:d])
    return left, right


def _letters(words: Sequence[str]) -> int:
    return sum(len(word) for word in words if word.isalnum())


def _marked(words: Sequence[str]) -> str:
    text = "".join(words)
    return f"[{text if len(text) <= 2 * _SHORT else text[: 2 * _SHORT] + '…'}]" if words else "[]"


def _context(words: Sequence[str], *, is_first: bool, is_last: bool) -> str:
    """Equal words: those next to a difference."""
    around = 2 * _AROUND
    if len(words) <= 2 * around:
        return "".join(words)
    head = "" if is_first else "".join(words[:around])
    tail = "" if is_last else "".join(words[-around:])
    return f"{head}…{tail}"


def _side(text: str) -> str:
    flat = text.replace("\r", "").replace("\n", "⏎")
    return flat if len(flat) <= _LONGEST_SIDE else f"{flat[:_LONGEST_SIDE]}…"
