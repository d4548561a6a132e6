"""The store: its parts together, what other processes tell, what is forgotten altogether."""

import logging
import os
from collections.abc import Mapping, Sequence

from mockapi.clock import outside_time
from mockapi.errors import StoreError
from mockapi.stores.base import ALL_PROJECTS, Standing, Store
from mockapi.stores.sqlite.database import reads, writes
from mockapi.stores.sqlite.outbox import Outbox
from mockapi.stores.sqlite.projects import sweep
from mockapi.stores.sqlite.responses import Responses
from mockapi.stores.sqlite.schema import VERSION
from mockapi.stores.sqlite.scripts import Scripts
from mockapi.stores.sqlite.threads import Threads

__all__ = ["SqliteStore"]

log = logging.getLogger("mockapi")

_LOOK_S = 0.05  # between two looks for news
_MOST_NEWS = 10_000
_AT_ONCE, _BESIDE = 500, 100  # rows that are swept away by who forgets them, and by each look for news


class SqliteStore(Responses, Threads, Scripts, Outbox, Store):
    """State in a file; bounds as `MemoryStore` has them. Opens the file when it is needed, again and again if that fails."""

    def __init__(self, file: str, max_responses: int = 100_000, max_projects: int = 10_000, max_entries: int = 1_000) -> None:
        super().__init__(file, max_responses, max_projects, max_entries)
        self._heard = -1
        self._me = b""

    @writes
    def take_call(self, project: str, key: bytes) -> Standing:
        """See `Store`: inside one transaction each of these costs less than half."""
        return Standing(
            self._take_ordinal(self.number_of(project), key),
            self._scenarios(project),
            self._scenarios(ALL_PROJECTS),
            self._faults(project),
            self._faults(ALL_PROJECTS),
            self._offset(project),
        )

    @writes
    def forget(self, project: str) -> None:
        """See `Store`."""
        self.db.execute("UPDATE projects SET name = NULL WHERE name = ?", (project,))
        sweep(self.db, _AT_ONCE)

    @writes
    def forget_all(self) -> None:
        """See `Store`."""
        self.db.execute("UPDATE projects SET name = NULL")
        sweep(self.db, _AT_ONCE)

    @writes
    def _sweep(self) -> None:
        sweep(self.db, _BESIDE)

    async def get_evictions(self) -> Mapping[str, int]:
        """See `Store`; of this process alone, of whatever project."""
        return {kind: many for kind, many in self.evicted.items() if many}

    async def is_ready(self) -> bool:
        """Whether the file can be read and written now."""
        try:
            await self._writes_the_same()
        except StoreError:
            return False
        return True

    @writes
    def _writes_the_same(self) -> None:
        self.db.execute(f"PRAGMA user_version = {VERSION}")  # a full disk lets everybody begin, and nobody write

    @writes
    def tell(self, topic: str) -> None:
        """See `Store`."""
        told = self.db.execute("INSERT INTO news(sender, topic) VALUES (?, ?)", (self._name(), topic)).lastrowid or 0
        self.db.execute("DELETE FROM news WHERE seq <= ?", (told - _MOST_NEWS,))

    async def heard(self) -> Sequence[str]:
        """See `Store`."""
        while True:
            if self.db.has_moved:
                log.warning("the file of the store, %s, was deleted or replaced: what it held is gone", self.db.file)
                self.db.close()
                self._heard = -1
                await self._listen()
                return (ALL_PROJECTS,)
            topics, has_gone = await self._news()
            if has_gone:
                await self._sweep()
            if topics:
                return topics
            await outside_time(_LOOK_S)

    @reads
    def _news(self) -> tuple[Sequence[str], bool]:
        """What others have told since the last look; and whether there is something to be swept away."""
        self._begin_hearing()
        rows = self.db.execute(
            "SELECT seq, topic FROM news WHERE seq > ? AND sender != ?", (self._heard, self._name())
        ).fetchall()
        if rows:
            self._heard = rows[-1][0]
        gone = self.db.one("SELECT 1 FROM projects WHERE name IS NULL LIMIT 1")
        return [*dict.fromkeys(topic for _, topic in rows)], gone is not None

    @reads
    def _listen(self) -> None:
        self._begin_hearing()

    def _begin_hearing(self) -> None:
        if self._heard < 0:
            (newest,) = self.db.one("SELECT coalesce(max(seq), 0) FROM news")
            self._heard = int(newest)

    def _name(self) -> bytes:
        """What tells this store's news from those of others."""
        if not self._me:
            self._me = os.urandom(16)
        return self._me

    async def open(self) -> None:
        """See `Store`."""
        await self.db.open()
        await self._listen()

    async def close(self) -> None:
        """See `Store`."""
        self.db.close()
        self._me, self._heard = b"", -1
