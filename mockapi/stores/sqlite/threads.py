"""Conversations: records, and items that are paged by number and found by id."""

from collections.abc import Sequence
from dataclasses import replace

from mockapi.stores.codec import conversation_from, conversation_to
from mockapi.stores.records import ConversationRecord, ItemRecord
from mockapi.stores.sqlite.database import reads, writes
from mockapi.stores.sqlite.projects import OF, Part

__all__ = ["Threads"]


class Threads(Part):
    """Part of the store."""

    @writes
    def add_conversation(self, project: str, record: ConversationRecord, items: Sequence[tuple[str, bytes]] = ()) -> bool:
        """See `Store`."""
        number = self.number_of(project)
        if self.db.one("SELECT 1 FROM threads WHERE project = ? AND id = ?", (number, record.id)) is not None:
            return False
        add = "INSERT INTO threads(project, id, version, data) VALUES (?, ?, ?, x'')"
        seq = self.db.execute(add, (number, record.id, record.version)).lastrowid or 0
        self._append(seq, record, items)
        for _ in range(self.count(number, "threads", 1)):
            (oldest,) = self.db.one("SELECT seq FROM threads WHERE project = ? ORDER BY seq LIMIT 1", (number,))
            self.db.execute("DELETE FROM thread_items WHERE thread = ?", (oldest,))
            self.db.execute("DELETE FROM threads WHERE seq = ?", (oldest,))
            self.count(number, "threads", -1)
            self.evicted["conversations"] += 1
        return True

    def _append(self, seq: int, record: ConversationRecord, items: Sequence[tuple[str, bytes]]) -> None:
        count = record.count
        add = "INSERT OR IGNORE INTO thread_items(thread, number, id, data) VALUES (?, ?, ?, ?)"
        for item_id, data in items:
            count += self.db.execute(add, (seq, count, item_id, data)).rowcount  # an item stands in a conversation once
        written = conversation_to(replace(record, count=count))
        self.db.execute("UPDATE threads SET version = ?, data = ? WHERE seq = ?", (record.version, written, seq))

    @reads
    def get_conversation(self, project: str, conversation_id: str) -> ConversationRecord | None:
        """See `Store`."""
        row = self.db.one(f"SELECT data FROM threads WHERE project = {OF} AND id = ?", (project, conversation_id))
        return None if row is None else conversation_from(row[0])

    @writes
    def change_conversation(
        self, project: str, record: ConversationRecord, added: Sequence[tuple[str, bytes]] = (), dropped: str | None = None
    ) -> bool:
        """See `Store`."""
        number = self.number_of(project)
        values = (number, record.id, record.version)
        found = self.db.one("SELECT seq FROM threads WHERE project = ? AND id = ? AND version = ?", values)
        if found is None:
            return False
        self._append(found[0], replace(record, version=record.version + 1), added)
        if dropped is not None:
            self.db.execute("DELETE FROM thread_items WHERE id = ? AND thread = ?", (dropped, found[0]))
        return True

    @reads
    def get_items(
        self, project: str, conversation_id: str, limit: int | None = None, *, after: int | None = None, is_ascending: bool = True
    ) -> Sequence[ItemRecord]:
        """See `Store`."""
        beyond = "" if after is None else f" AND number {'>' if is_ascending else '<'} {after:d}"
        rows = self.db.execute(
            f"SELECT id, number, data FROM thread_items WHERE thread = (SELECT seq FROM threads WHERE project = {OF} AND id = ?)"
            f"{beyond} ORDER BY number {'' if is_ascending else 'DESC'} LIMIT ?",
            (project, conversation_id, -1 if limit is None else limit),
        )
        return [ItemRecord._make(row) for row in rows]

    @reads
    def get_item(self, project: str, conversation_id: str, item_id: str) -> ItemRecord | None:
        """See `Store`."""
        row = self.db.one(
            "SELECT i.id, i.number, i.data FROM thread_items i JOIN threads t ON t.seq = i.thread"
            f" WHERE t.project = {OF} AND t.id = ? AND i.id = ?",
            (project, conversation_id, item_id),
        )
        return None if row is None else ItemRecord._make(row)
