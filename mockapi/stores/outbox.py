"""The outbox of one project in memory: a queue a URL, sorted by when each is due; what is claimed stands in no queue."""

from bisect import bisect_left, insort
from collections.abc import Iterator

from mockapi.stores.bounds import Tally, delivery_bytes
from mockapi.stores.records import Delivery

__all__ = ["Outbox"]

_Place = tuple[float, int, str]
"""Due, ordinal, id."""


class Outbox:
    """At most `most` deliveries; the oldest go first."""

    def __init__(self, most: int, tally: Tally) -> None:
        self._most = most
        self._tally = tally
        self._entries: dict[str, Delivery] = {}
        self._queues: dict[str, list[_Place]] = {}
        self._of_response: dict[str, list[str]] = {}
        self._claims: dict[str, float] = {}
        self._count = 0

    @property
    def entries(self) -> tuple[Delivery, ...]:
        """See `Store.get_deliveries`."""
        return tuple(self._entries.values())

    def add(self, delivery: Delivery) -> bool:
        """See `Store.add_delivery`."""
        if delivery.id in self._entries:
            return False
        self._entries[delivery.id] = placed = delivery._replace(ordinal=self._count)
        self._count += 1
        self._of_response.setdefault(placed.response_id, []).append(placed.id)
        self._queue(placed)
        self._tally.add(delivery_bytes(placed))
        if len(self._entries) > self._most:
            self.drop_oldest()
        return True

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._entries)

    def drop_oldest(self) -> None:
        """There is no room for it."""
        self.drop(next(iter(self._entries)))
        self._tally.forget("deliveries")

    def targets(self, wall: float) -> Iterator[tuple[str, float]]:
        """(URL, when its earliest delivery is due)."""
        self._lapse(wall)
        return ((url, queue[0][0]) for url, queue in self._queues.items())

    def claim(self, url: str, now: float, wall: float, until: float) -> Delivery | None:
        """See `Store.claim_delivery`."""
        self._lapse(wall)
        queue = self._queues.get(url)
        if not queue or queue[0][0] > now:
            return None
        delivery = self._entries[queue[0][2]]
        self._unqueue(delivery)
        self._claims[delivery.id] = until
        self._entries[delivery.id] = claimed = delivery._replace(claim=delivery.claim + 1)
        return claimed

    def change(self, delivery: Delivery) -> bool:
        """See `Store.change_delivery`."""
        found = self._entries.get(delivery.id)
        if found is None or found.claim != delivery.claim:
            return False
        found = self._release(found)
        if found.version != delivery.version:
            return False
        self._replace(found, delivery)
        return True

    def drop(self, delivery_id: str) -> None:
        """See `Store.drop_delivery`."""
        found = self._entries.pop(delivery_id, None)
        if found is None:
            return
        self._tally.add(-delivery_bytes(found))
        if self._claims.pop(delivery_id, None) is None:
            self._unqueue(found)
        siblings = self._of_response[found.response_id]
        siblings.remove(delivery_id)
        if not siblings:
            del self._of_response[found.response_id]

    def hasten(self, response_id: str, due: float) -> bool:
        """See `Store.hasten_deliveries`."""
        entries = (self._entries[delivery_id] for delivery_id in self._of_response.get(response_id, ()))
        undecided = [entry for entry in entries if not entry.body]
        for found in undecided:
            self._replace(found, found._replace(due=due))
        return bool(undecided)

    def _replace(self, found: Delivery, changed: Delivery) -> None:
        """Put a changed delivery in the place of the one that was there; who has claimed it keeps it."""
        is_claimed = found.id in self._claims
        if not is_claimed:
            self._unqueue(found)
        self._entries[found.id] = kept = changed._replace(ordinal=found.ordinal, version=found.version + 1, claim=found.claim)
        if not is_claimed:
            self._queue(kept)

    def _lapse(self, wall: float) -> None:
        """Claims that ran out: whoever had them is gone."""
        for delivery_id in [each for each, until in self._claims.items() if until <= wall]:
            self._release(self._entries[delivery_id])

    def _release(self, delivery: Delivery) -> Delivery:
        if self._claims.pop(delivery.id, None) is None:
            return delivery
        self._entries[delivery.id] = released = delivery._replace(claim=delivery.claim + 1)
        self._queue(released)
        return released

    def _queue(self, delivery: Delivery) -> None:
        insort(self._queues.setdefault(delivery.url, []), _place(delivery))

    def _unqueue(self, delivery: Delivery) -> None:
        queue = self._queues[delivery.url]
        del queue[bisect_left(queue, _place(delivery))]
        if not queue:
            del self._queues[delivery.url]


def _place(delivery: Delivery) -> _Place:
    return delivery.due, delivery.ordinal, delivery.id
