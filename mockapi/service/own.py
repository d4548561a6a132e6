"""A request's own items as its record keeps them: made out in full when somebody reads them, which few ever do."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import overload

from mockapi.engine.plan import Plan
from mockapi.engine.score import Score
from mockapi.wire.json import JsonObject, dumps, loads
from mockapi.wire.listing import ITEM_PREFIXES, listed_item
from mockapi.wire.requests import full_items

__all__ = ["ItemIds", "OwnItems"]


class OwnItems:
    """Items with ids, statuses and the wire's key order; those whose id is in `known` keep theirs."""

    __slots__ = ("_given", "_known", "_plan")

    def __init__(self, given: str | bytes, plan: Plan, known: frozenset[str]) -> None:
        """`given` is a text, which is one user message, or items in full as JSON."""
        self._given = given
        self._plan = plan
        self._known = known

    @property
    def items(self) -> list[JsonObject]:
        """The items, made anew each time."""
        given = full_items(self._given) if isinstance(self._given, str) else loads(self._given)
        own = given if isinstance(given, list) else []
        ids = self._plan.ids.input_ids([ITEM_PREFIXES.get(str(item["type"]), "item") for item in own])
        return [
            listed_item(item, kept if (kept := str(item.get("id"))) in self._known else made)
            for item, made in zip(own, ids, strict=True)
        ]

    @property
    def size(self) -> int:
        """About how many bytes they take."""
        return len(self._given)

    def to_bytes(self) -> bytes:
        """For the store."""
        return dumps(self.items)


_Shape = tuple[tuple[str, ...], tuple[str | int, ...]]
"""Prefixes of the ids that are made for an output, and which of them stands where."""


@lru_cache(maxsize=1024)
def _shared(shape: _Shape) -> _Shape:
    """The same value for outputs of the same shape: one is kept for all."""
    return shape


class ItemIds(Sequence[str]):
    """The ids of a response's own items and of its output, in order; derived from the plan whenever they are asked for."""

    __slots__ = ("_own", "_plan", "_shape")

    def __init__(self, own: OwnItems, plan: Plan, score: Score) -> None:
        self._own = own
        self._plan = plan
        self._shape = _shared((tuple(score.finished.prefixes), score.item_ids))

    def _all(self) -> tuple[str, ...]:
        prefixes, places = self._shape
        made = self._plan.ids.output_ids(prefixes)
        return (
            *(str(item["id"]) for item in self._own.items),
            *(made[place] if isinstance(place, int) else place for place in places),
        )

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...

    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        return self._all()[index]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())
