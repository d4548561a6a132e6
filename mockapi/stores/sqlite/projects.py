"""Rows of projects: found, made, bounded; and what is kept of them in counted tables, the oldest of which go first."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from mockapi.stores.base import ALL_PROJECTS
from mockapi.stores.sqlite.database import Database
from mockapi.stores.sqlite.schema import ROWS

__all__ = ["Part", "sweep"]

OF = "(SELECT id FROM projects WHERE name = ?)"
"""The number of a project, inside a statement that reads; NULL, which nothing equals, for one that has no state yet."""

_MOST_SWEPT = 500
_KINDS = {"ordinals": "counters"}  # where `Store.get_evictions` has another word than the table


class Part:
    """What the parts of the store share."""

    def __init__(self, file: str, max_responses: int = 100_000, max_projects: int = 10_000, max_entries: int = 1_000) -> None:
        self.db = Database(file)
        self._most = max_responses
        self._most_projects = max_projects
        self._most_entries = max_entries
        self._latest = ""
        self.evicted: Counter[str] = Counter()  # by this process

    def number_of(self, project: str) -> int:
        """The number of a project, which is made if there is none, and is the newest from now on. Inside a transaction."""
        found = self.db.one("SELECT id FROM projects WHERE name = ?", (project,))
        if found is not None and project == self._latest:
            return int(found[0])
        self._latest = project
        (newest,) = self.db.one("SELECT coalesce(max(used), 0) + 1 FROM projects")
        if found is not None:
            self.db.execute("UPDATE projects SET used = ? WHERE id = ?", (newest, found[0]))
            return int(found[0])
        (count,) = self.db.one("SELECT count(name) FROM projects")
        if count >= self._most_projects:
            self._forget_oldest()
        return int(self.db.execute("INSERT INTO projects(name, used) VALUES (?, ?)", (project, newest)).lastrowid or 0)

    def _forget_oldest(self) -> None:
        oldest = "SELECT id FROM projects WHERE name IS NOT NULL AND name != ? ORDER BY used LIMIT 1"
        self.evicted["projects"] += self.db.execute(
            f"UPDATE projects SET name = NULL WHERE id = ({oldest})", (ALL_PROJECTS,)
        ).rowcount
        sweep(self.db, _MOST_SWEPT)

    def seen(self, project: str) -> int:
        """The number of a project, -1 if it has no state yet."""
        found = self.db.one("SELECT id FROM projects WHERE name = ?", (project,))
        return -1 if found is None else int(found[0])

    def count(self, number: int, table: str, more: int) -> int:
        """Count rows of a project in a table on; how many there are beyond the bound."""
        (there,) = self.db.one(f"SELECT {table} FROM projects WHERE id = ?", (number,))
        self.db.execute(f"UPDATE projects SET {table} = ? WHERE id = ?", (there + more, number))
        return int(there) + more - self._most

    def newest(self, number: int, table: str) -> int:
        """A number beyond all that say when rows of a project were used last."""
        (most,) = self.db.one(f"SELECT max(used) FROM {table} WHERE project = ?", (number,))
        return int(most or 0) + 1

    def use(self, number: int, table: str, rows: Sequence[tuple[Any, ...]], columns: str) -> None:
        """Put rows that begin with (project, key) in the place of those of that key, as the newest; the oldest go."""
        used, new = self.newest(number, table), 0
        for place, row in enumerate(rows):
            known = self.db.execute(f"DELETE FROM {table} WHERE project = ? AND key = ?", row[:2]).rowcount
            new += 1 - known
            marks = ", ".join("?" * (len(row) + 1))
            self.db.execute(f"INSERT INTO {table}(project, key, {columns}used) VALUES ({marks})", (*row, used + place))
        if new and (over := self.count(number, table, new)) > 0:
            self.evict_oldest(number, table, over)

    def evict_oldest(self, number: int, table: str, how_many: int) -> None:
        """As `drop_oldest`, because there is no room for them."""
        self.drop_oldest(number, table, how_many)
        self.evicted[_KINDS.get(table, table)] += how_many

    def drop_oldest(self, number: int, table: str, how_many: int) -> None:
        """Forget the rows of a project that were not used for the longest time."""
        oldest = f"SELECT project, key FROM {table} WHERE project = ? ORDER BY used LIMIT ?"
        self.db.execute(f"DELETE FROM {table} WHERE (project, key) IN ({oldest})", (number, how_many))
        self.count(number, table, -how_many)


def sweep(db: Database, most: int) -> bool:
    """Take away some rows of a project that is gone; whether there was one. Inside a transaction."""
    gone = db.one("SELECT id FROM projects WHERE name IS NULL LIMIT 1")
    if gone is None:
        return False
    swept = 0
    for table, where in ROWS.items():
        swept += db.execute(f"DELETE FROM {table} WHERE {where}", {"project": gone[0], "most": most}).rowcount
    if not swept:
        db.execute("DELETE FROM projects WHERE id = ?", gone)
    return True
