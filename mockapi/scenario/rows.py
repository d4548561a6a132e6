"""The items of an array in the making: different where they must be, and no more of a kind than may be."""

from collections.abc import Callable, Iterator

from mockapi.scenario.bounds import NoValueError
from mockapi.scenario.combine import holds_of
from mockapi.scenario.judge import Judge
from mockapi.scenario.values import exact, list_of
from mockapi.wire.json import JsonObject

__all__ = ["Row", "part_at", "prefix_of"]

Maker = Callable[[], Iterator[object]]


def prefix_of(schema: JsonObject) -> list[object]:
    """The schemas of the first items (`items` was a list before 2020-12)."""
    return list_of(schema.get("prefixItems")) or list_of(schema.get("items"))


def part_at(schema: JsonObject, index: int) -> object:
    """The schema of the item at a place."""
    prefix = prefix_of(schema)
    if index < len(prefix):
        return prefix[index]
    items = schema.get("items", schema.get("unevaluatedItems", True))
    return schema.get("additionalItems", True) if isinstance(items, list) else items


class Row:
    """Items so far; `is_capped` tells whether `maxContains` is looked at."""

    def __init__(self, schema: JsonObject, judge: Judge, name: str, *, is_capped: bool) -> None:
        self.items: list[object] = []
        self._name = name
        self._judge = judge
        self._seen: set[object] | None = set() if schema.get("uniqueItems") is True else None
        self._caps = [(part, most) for part, _, most in holds_of(schema) if most is not None] if is_capped else []

    def add(self, maker: Maker) -> None:
        """Put the first candidate that may be there behind the items; `NoValueError` if there is none."""
        self.fill(maker, len(self.items) + 1)

    def fill(self, maker: Maker, wanted: int) -> None:
        """Add candidates until there are `wanted` items; the same one again where it may be. `NoValueError` if they run out."""
        while len(self.items) < wanted:
            if not self._take(maker(), wanted):
                raise NoValueError(f"not enough different items at {self._name!r}")

    def _take(self, candidates: Iterator[object], wanted: int) -> bool:
        """Whether something was taken: as many different ones as are wanted, or one."""
        before = len(self.items)
        for candidate in candidates:
            if self._may_have(candidate):
                self.items.append(candidate)
                if self._seen is None or len(self.items) >= wanted:
                    return True
        return len(self.items) >= wanted > before

    def _may_have(self, candidate: object) -> bool:
        for part, most in self._caps:
            if self._judge.fits(candidate, part) is not False and self._count(part) + 1 > most:
                return False
        if self._seen is None:
            return True
        key = exact(candidate)
        is_new = key not in self._seen
        self._seen.add(key)
        return is_new

    def _count(self, part: object) -> int:
        return sum(self._judge.fits(item, part) is not False for item in self.items)
