"""Which of many steps may answer a request, found without trying them all: a step is left out only if it cannot.

Steps are grouped by the exact keys of their `when` (model, turn, format and the like); within a group each is filed under
what is rarest of its other keys: the name of a tool, or a piece of a plain text. Regular expressions, globs and negations
tell nothing: steps that have nothing else are always tried.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from heapq import merge
from typing import NamedTuple

from mockapi.scenario.hints import Hint
from mockapi.scenario.load import Step
from mockapi.scenario.match import Facts
from mockapi.scenario.pieces import Piece, Words, pieces_of

__all__ = ["StepIndex"]

_FEW = 8  # steps that are tried as quickly as they are looked up
_RARE = 8  # steps under one key: a rarer one is not worth a look at another part of the request

_Key = tuple[str, Hashable]
"""Where it is looked for, and what."""


class StepIndex:
    """The steps by their places in the order that they are tried in."""

    def __init__(self, steps: Iterable[Step]) -> None:
        by_shape: dict[tuple[str, ...], dict[tuple[Hashable, ...], list[_Filed]]] = defaultdict(lambda: defaultdict(list))
        getters: dict[str, Callable[[Facts], object]] = {}
        for place, step in enumerate(steps):
            hints = [hint for criterion in step.criteria for hint in criterion.hints]
            exact = {hint.field: hint for hint in hints if hint.kind == "value"}
            getters |= {field: hint.get for field, hint in exact.items()}
            shape = tuple(sorted(exact))
            values = tuple(exact[field].keys[0] for field in shape)
            by_shape[shape][values].append(_Filed(place, [hint for hint in hints if hint.kind != "value"]))
        self._shapes = [
            ([getters[field] for field in shape], {values: _Group(filed) for values, filed in groups.items()})
            for shape, groups in by_shape.items()
        ]

    def places(self, facts: Facts) -> Iterator[int]:
        """Places of the steps that may answer, ascending; lazily, since the first is mostly the one."""
        asked = _Asked(facts)
        always: list[Sequence[int]] = []
        picked: set[int] = set()
        for getters, groups in self._shapes:
            group = groups.get(tuple([get(facts) for get in getters]))
            if group is not None:
                always.append(group.always)
                group.pick(asked, picked)
        return merge(sorted(picked), *always)


class _Filed(NamedTuple):
    """A step in its group: its place, and the hints that are left."""

    place: int
    hints: Sequence[Hint]


class _Asked:
    """What a request has, each part looked at once, and only if a step wants it."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._words: dict[str, Words] = {}

    def words(self, hint: Hint) -> Words:
        """A text of the request."""
        found = self._words.get(hint.field)
        if found is None:
            text = hint.get(self._facts)
            found = self._words[hint.field] = Words(text.casefold() if isinstance(text, str) else "")
        return found

    def members(self, hint: Hint) -> Iterable[Hashable]:
        """What a part of the request lists."""
        found = hint.get(self._facts)
        return [each for each in found if _is_hashable(each)] if isinstance(found, Iterable) else ()


class _Group:
    """Steps with the same exact keys."""

    def __init__(self, filed: Sequence[_Filed]) -> None:
        self.always: Sequence[int] = ()
        self._members: dict[str, tuple[Hint, dict[Hashable, list[int]]]] = {}
        self._texts: dict[str, tuple[Hint, dict[str, dict[str, list[int]]]]] = {}
        if len(filed) <= _FEW:
            self.always = [each.place for each in filed]
            return
        choices = [[_Choice(hint) for hint in each.hints] for each in filed]
        counts = Counter(key for each in choices for choice in each for key in choice.keys)
        always = []
        for each, choice in zip(filed, (_rarest(each, counts) for each in choices), strict=True):
            if choice is None:
                always.append(each.place)
            else:
                self._file(each.place, *choice)
        self.always = always

    def _file(self, place: int, hint: Hint, keys: Iterable[_Key]) -> None:
        for where, what in keys:
            if hint.kind == "member":
                self._members.setdefault(hint.field, (hint, {}))[1].setdefault(what, []).append(place)
            else:
                kinds = self._texts.setdefault(hint.field, (hint, {}))[1]
                kinds.setdefault(where.partition("\n")[0], {}).setdefault(str(what), []).append(place)

    def pick(self, asked: _Asked, picked: set[int]) -> None:
        """Add the places of the steps that may answer."""
        for hint, filed in self._members.values():
            for member in asked.members(hint):
                picked.update(filed.get(member, ()))
        for hint, kinds in self._texts.values():
            words = asked.words(hint)
            for kind, by_piece in kinds.items():
                for piece in by_piece.keys() & words.pieces(kind):
                    picked.update(by_piece[piece])


class _Choice:
    """One hint of a step, and what it could be filed under: any one of a row's keys, for every row."""

    def __init__(self, hint: Hint) -> None:
        self.hint = hint
        if hint.kind == "text":
            self.rows: list[list[_Key]] = [_keys(hint, pieces_of(str(needle))) for needle in hint.keys]
        else:
            self.rows = [[(hint.field, key)] for key in hint.keys]

    @property
    def keys(self) -> Iterator[_Key]:
        """All of them."""
        return (key for row in self.rows for key in row)

    def best(self, counts: Mapping[_Key, int]) -> tuple[int, list[_Key]] | None:
        """(steps that stand under the keys, one key a row); None where a row has none."""
        chosen = []
        for row in self.rows:
            rare = next((key for key in row if counts[key] <= _RARE), None) or min(row, key=counts.__getitem__, default=None)
            if rare is None:
                return None
            chosen.append(rare)
        return sum(counts[key] for key in chosen), chosen


def _keys(hint: Hint, pieces: Iterable[Piece]) -> list[_Key]:
    return [(f"{kind}\n{hint.field}", text) for kind, text in pieces]


def _rarest(choices: Iterable[_Choice], counts: Mapping[_Key, int]) -> tuple[Hint, list[_Key]] | None:
    """What a step is filed under."""
    found = [(best, choice.hint) for choice in choices if (best := choice.best(counts)) is not None]
    if not found:
        return None
    (_, keys), hint = min(found, key=lambda each: each[0][0])
    return hint, keys


def _is_hashable(value: object) -> bool:
    return all(map(_is_hashable, value)) if isinstance(value, tuple) else isinstance(value, Hashable)
