"""Responses and where their items are; counters and buckets, of which the longest unused go first."""

from collections.abc import Mapping, Sequence
from typing import Any

from mockapi.stores.base import ALL_PROJECTS
from mockapi.stores.codec import response_from, response_to
from mockapi.stores.records import Owner, RecordSource, ResponseRecord
from mockapi.stores.sqlite.database import reads, writes
from mockapi.stores.sqlite.projects import OF, Part
from mockapi.wire.buckets import MINUTE_S, Bucket, Demand, Draw, draw

__all__ = ["Responses"]


class Responses(Part):
    """Part of the store."""

    @writes
    def take_ordinal(self, project: str, key: bytes) -> int:
        """See `Store`."""
        return self._take_ordinal(self.number_of(project), key)

    def _take_ordinal(self, number: int, key: bytes) -> int:
        found = self.db.one("SELECT taken FROM ordinals WHERE project = ? AND key = ?", (number, key))
        taken = 0 if found is None else int(found[0])
        used = self.newest(number, "ordinals")
        if found is not None:
            changed = "UPDATE ordinals SET taken = ?, used = ? WHERE project = ? AND key = ?"
            self.db.execute(changed, (taken + 1, used, number, key))
            return taken
        self.db.execute("INSERT INTO ordinals(project, key, taken, used) VALUES (?, ?, 1, ?)", (number, key, used))
        if (over := self.count(number, "ordinals", 1)) > 0:
            self.evict_oldest(number, "ordinals", over)
        return taken

    @writes
    def add_response(self, project: str, record: RecordSource) -> bool:
        """See `Store`."""
        return self._add_response(self.number_of(project), record.record())

    @writes
    def keep_response(self, project: str, record: RecordSource, amounts: Mapping[str, int]) -> bool:
        """See `Store`."""
        number = self.number_of(project)
        if not self._add_response(number, record.record()):
            return False
        self._add_usage(number, amounts)
        return True

    def _add_response(self, number: int, record: ResponseRecord) -> bool:
        items = tuple(record.item_ids)
        data = response_to(record._replace(progress=b"", item_ids=()))
        row = (number, record.id, record.version, record.progress, "\n".join(items), data)
        added = self.db.execute(
            "INSERT OR IGNORE INTO responses(project, id, version, progress, items, data) VALUES (?, ?, ?, ?, ?, ?)", row
        )
        if not added.rowcount:
            return False
        self.db.executemany(
            "INSERT OR IGNORE INTO response_items(id, response) VALUES (?, ?)", [(each, added.lastrowid) for each in items]
        )
        for _ in range(self.count(number, "responses", 1)):
            oldest = self.db.one("SELECT seq, items FROM responses WHERE project = ? ORDER BY seq LIMIT 1", (number,))
            self._drop_response(number, *oldest)
            self.evicted["responses"] += 1
        return True

    def _drop_response(self, number: int, seq: int, items: str) -> None:
        rows = [(each, seq) for each in items.split("\n")]
        self.db.executemany("DELETE FROM response_items WHERE id = ? AND response = ?", rows)
        self.db.execute("DELETE FROM responses WHERE seq = ?", (seq,))
        self.count(number, "responses", -1)

    @reads
    def get_response(self, project: str, response_id: str) -> ResponseRecord | None:
        """See `Store`."""
        row = self.db.one(
            f"SELECT data, progress, version, items FROM responses WHERE project = {OF} AND id = ?", (project, response_id)
        )
        if row is None:
            return None
        data, progress, version, items = row
        return response_from(data)._replace(
            progress=progress, version=version, item_ids=tuple(items.split("\n")) if items else ()
        )

    @writes
    def set_progress(self, project: str, response_id: str, progress: bytes, version: int) -> bool:
        """See `Store`."""
        changed = "UPDATE responses SET progress = ?, version = version + 1 WHERE project = ? AND id = ? AND version = ?"
        values = (progress, self.number_of(project), response_id, version)
        return self.db.execute(changed, values).rowcount == 1

    @writes
    def drop_response(self, project: str, response_id: str) -> bool:
        """See `Store`."""
        number = self.number_of(project)
        found = self.db.one("SELECT seq, items FROM responses WHERE project = ? AND id = ?", (number, response_id))
        if found is None:
            return False
        self._drop_response(number, *found)
        return True

    @reads
    def find_item(self, project: str, item_id: str) -> Owner | None:
        """See `Store`."""
        found = self.db.one(
            "SELECT r.id FROM response_items i JOIN responses r ON r.seq = i.response"
            f" WHERE i.id = ? AND r.project = {OF} ORDER BY i.response LIMIT 1",
            (item_id, project),
        )
        if found is not None:
            return Owner(found[0])
        found = self.db.one(
            "SELECT t.id FROM thread_items i JOIN threads t ON t.seq = i.thread"
            f" WHERE i.id = ? AND t.project = {OF} ORDER BY i.seq LIMIT 1",
            (item_id, project),
        )
        return None if found is None else Owner(found[0], is_conversation=True)

    @writes
    def take_prefixes(self, project: str, keys: Sequence[bytes]) -> int:
        """See `Store`."""
        number = self.number_of(project)
        known = "SELECT 1 FROM prefixes WHERE project = ? AND key = ?"
        backwards = range(len(keys) - 1, -1, -1)
        last = next((index for index in backwards if self.db.one(known, (number, keys[index])) is not None), -1)
        self.use(number, "prefixes", [(number, key) for key in dict.fromkeys(keys)], "")
        return last

    @writes
    def add_usage(self, project: str, amounts: Mapping[str, int]) -> None:
        """See `Store`."""
        self._add_usage(self.number_of(project), amounts)

    def _add_usage(self, number: int, amounts: Mapping[str, int]) -> None:
        self.db.executemany(
            "INSERT INTO usage(project, name, amount) VALUES (?, ?, ?)"
            " ON CONFLICT DO UPDATE SET amount = amount + excluded.amount",
            [(number, name, amount) for name, amount in amounts.items()],
        )

    @reads
    def get_usage(self, project: str) -> Mapping[str, int]:
        """See `Store`."""
        sums = "SELECT u.name, sum(u.amount) FROM usage u JOIN projects p ON p.id = u.project WHERE "
        if project == ALL_PROJECTS:
            return dict(self.db.execute(f"{sums} p.name IS NOT NULL GROUP BY u.name").fetchall())
        return dict(self.db.execute(f"{sums} p.name = ? GROUP BY u.name", (project,)).fetchall())

    @writes
    def draw(self, project: str, demands: Sequence[Demand], now: float) -> Draw:
        """See `Store`."""
        number = self.number_of(project)
        held = "SELECT level, at FROM buckets WHERE project = ? AND key = ?"
        rows: list[Any] = [self.db.one(held, (number, each.key)) for each in demands]
        drawn = draw([None if row is None else Bucket(*row) for row in rows], demands, now)
        if drawn.is_granted:
            taken = {each.key: (number, each.key, *bucket) for each, bucket in zip(demands, drawn.buckets, strict=True)}
            self.use(number, "buckets", [*taken.values()], "level, at, ")
        oldest = "SELECT at FROM buckets WHERE project = ? ORDER BY used LIMIT 1"
        while (row := self.db.one(oldest, (number,))) is not None and row[0] + MINUTE_S <= now:
            self.drop_oldest(number, "buckets", 1)
        return drawn
