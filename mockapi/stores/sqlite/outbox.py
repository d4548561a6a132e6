"""Webhook endpoints and the outbox: what is free is found by URL and due, what is claimed by when its claim runs out."""

from collections.abc import Sequence
from typing import Any

from mockapi.stores.base import ALL_PROJECTS
from mockapi.stores.codec import delivery_from, delivery_to, endpoint_from, endpoint_to
from mockapi.stores.records import Delivery, EndpointRecord, Target
from mockapi.stores.sqlite.database import reads, writes
from mockapi.stores.sqlite.projects import OF, Part

__all__ = ["Outbox"]

_FIELDS = "data, due, version, claim"


class Outbox(Part):
    """Part of the store."""

    @writes
    def add_endpoint(self, project: str, record: EndpointRecord) -> bool:
        """See `Store`."""
        add = "INSERT OR IGNORE INTO endpoints(project, id, version, data) VALUES (?, ?, ?, ?)"
        row = (self.number_of(project), record.id, record.version, endpoint_to(record))
        return self.db.execute(add, row).rowcount == 1

    @reads
    def get_endpoints(self, project: str) -> Sequence[EndpointRecord]:
        """See `Store`."""
        rows = self.db.execute(f"SELECT data FROM endpoints WHERE project = {OF} ORDER BY seq", (project,))
        return tuple([endpoint_from(data) for (data,) in rows])

    @writes
    def change_endpoint(self, project: str, record: EndpointRecord) -> bool:
        """See `Store`."""
        changed = record._replace(version=record.version + 1)
        values = (changed.version, endpoint_to(changed), self.seen(project), record.id, record.version)
        change = "UPDATE endpoints SET version = ?, data = ? WHERE project = ? AND id = ? AND version = ?"
        return self.db.execute(change, values).rowcount == 1

    @writes
    def drop_endpoint(self, project: str, endpoint_id: str) -> bool:
        """See `Store`."""
        dropped = self.db.execute("DELETE FROM endpoints WHERE project = ? AND id = ?", (self.seen(project), endpoint_id))
        return dropped.rowcount == 1

    @writes
    def add_delivery(self, project: str, delivery: Delivery) -> bool:
        """See `Store`."""
        number = self.number_of(project)
        if self.db.one("SELECT 1 FROM deliveries WHERE project = ? AND id = ?", (number, delivery.id)) is not None:
            return False
        (ordinal,) = self.db.one("SELECT ordinal FROM projects WHERE id = ?", (number,))
        self.db.execute("UPDATE projects SET ordinal = ? WHERE id = ?", (ordinal + 1, number))
        placed = delivery._replace(ordinal=ordinal)
        self.db.execute(
            "INSERT INTO deliveries(project, id, response, url, due, version, claim, is_decided, data)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(number, placed.id, placed.response_id, placed.url, placed.due, placed.version, placed.claim),
                *(bool(placed.body), delivery_to(placed)),
            ),
        )
        for _ in range(self.count(number, "deliveries", 1)):
            (oldest,) = self.db.one("SELECT seq FROM deliveries WHERE project = ? ORDER BY seq LIMIT 1", (number,))
            self._drop_delivery(number, oldest)
            self.evicted["deliveries"] += 1
        return True

    def _drop_delivery(self, number: int, seq: int) -> None:
        self.db.execute("DELETE FROM deliveries WHERE seq = ?", (seq,))
        self.count(number, "deliveries", -1)

    @reads
    def get_deliveries(self, project: str) -> Sequence[Delivery]:
        """See `Store`."""
        rows = self.db.execute(f"SELECT {_FIELDS} FROM deliveries WHERE project = {OF} ORDER BY seq", (project,))
        return tuple([_delivery(*row) for row in rows])

    async def outbox_targets(self, wall: float) -> Sequence[Target]:
        """See `Store`."""
        if await self._has_lapsed(wall):
            await self._lapse(wall)
        return await self._targets()

    @reads
    def _has_lapsed(self, wall: float) -> bool:
        return self.db.one("SELECT 1 FROM deliveries WHERE until > 0 AND until <= ? LIMIT 1", (wall,)) is not None

    @writes
    def _lapse(self, wall: float) -> None:
        self._end_claims(wall)

    def _end_claims(self, wall: float) -> None:
        """Claims that ran out: whoever had them is gone."""
        self.db.execute("UPDATE deliveries SET until = 0, claim = claim + 1 WHERE until > 0 AND until <= ?", (wall,))

    @reads
    def _targets(self) -> Sequence[Target]:
        """The first of each URL, by leaping from one to the next."""
        offsets = self.db.execute("SELECT id, name, offset FROM projects WHERE name IS NOT NULL AND deliveries > 0")
        known = {number: (name, offset) for number, name, offset in offsets}
        (everybodys,) = self.db.one("SELECT total(offset) FROM projects WHERE name = ?", (ALL_PROJECTS,))
        found: list[Target] = []
        place: tuple[int, str] = (-1, "")
        leap = (
            "SELECT project, url, due FROM deliveries WHERE until = 0 AND (project, url) > (?, ?)"
            " ORDER BY project, url, due LIMIT 1"
        )
        while (row := self.db.one(leap, place)) is not None:
            number, url, due = row
            place = number, url
            if number in known:
                name, offset = known[number]
                found.append(Target(name, url, due - offset - everybodys))
        return found

    @writes
    def claim_delivery(self, project: str, url: str, now: float, wall: float, until: float) -> Delivery | None:
        """See `Store`."""
        self._end_claims(wall)
        row = self.db.one(
            f"SELECT seq, {_FIELDS} FROM deliveries WHERE until = 0 AND project = ? AND url = ? AND due <= ?"
            " ORDER BY due, seq LIMIT 1",
            (self.seen(project), url, now),
        )
        if row is None:
            return None
        seq, data, due, version, claim = row
        self.db.execute("UPDATE deliveries SET until = ?, claim = ? WHERE seq = ?", (until, claim + 1, seq))
        return _delivery(data, due, version, claim + 1)

    @writes
    def change_delivery(self, project: str, delivery: Delivery) -> bool:
        """See `Store`."""
        found: Any = self.db.one(
            "SELECT seq, version, until FROM deliveries WHERE project = ? AND id = ? AND claim = ?",
            (self.seen(project), delivery.id, delivery.claim),
        )
        if found is None:
            return False
        seq, version, until = found
        claim = delivery.claim + (1 if until else 0)
        self.db.execute("UPDATE deliveries SET until = 0, claim = ? WHERE seq = ?", (claim, seq))
        if version != delivery.version:
            return False
        self.db.execute(
            "UPDATE deliveries SET due = ?, version = ?, is_decided = ?, data = ? WHERE seq = ?",
            (delivery.due, version + 1, bool(delivery.body), delivery_to(delivery), seq),
        )
        return True

    @writes
    def drop_delivery(self, project: str, delivery_id: str) -> None:
        """See `Store`."""
        number = self.seen(project)
        found = self.db.one("SELECT seq FROM deliveries WHERE project = ? AND id = ?", (number, delivery_id))
        if found is not None:
            self._drop_delivery(number, found[0])

    @writes
    def hasten_deliveries(self, project: str, response_id: str, due: float) -> bool:
        """See `Store`."""
        hasten = "UPDATE deliveries SET due = ?, version = version + 1 WHERE project = ? AND response = ? AND is_decided = 0"
        return self.db.execute(hasten, (due, self.seen(project), response_id)).rowcount > 0


def _delivery(data: bytes, due: float, version: int, claim: int) -> Delivery:
    return delivery_from(data)._replace(due=due, version=version, claim=claim)
