"""Script progress, uploads, faults, clocks and the journal."""

from collections.abc import Mapping, Sequence

from mockapi.stores.base import ALL_PROJECTS, uses_of_fault
from mockapi.stores.codec import entry_from, entry_to
from mockapi.stores.records import Entry, EntrySource
from mockapi.stores.sqlite.database import reads, writes
from mockapi.stores.sqlite.projects import OF, Part

__all__ = ["Scripts"]

_MOST_ENTRY_BYTES = 67_108_864  # of one project's journal, whatever its length


class Scripts(Part):
    """Part of the store."""

    @reads
    def step_uses(self, project: str, scenario: str) -> Mapping[int, int]:
        """See `Store`."""
        uses = f"SELECT step, used FROM uses WHERE project = {OF} AND scenario = ?"
        return dict(self.db.execute(uses, (project, scenario)).fetchall())

    @writes
    def use_step(self, project: str, scenario: str, step: int, most: int | None) -> bool:
        """See `Store`."""
        place = (self.number_of(project), scenario, step)
        found = self.db.one("SELECT used FROM uses WHERE project = ? AND scenario = ? AND step = ?", place)
        used = 0 if found is None else int(found[0])
        if most is not None and used >= most:
            return False
        self.db.execute("INSERT OR REPLACE INTO uses(project, scenario, step, used) VALUES (?, ?, ?, ?)", (*place, used + 1))
        return True

    @writes
    def put_scenario(self, project: str, name: str, text: str) -> None:
        """See `Store`."""
        number = self.number_of(project)
        self._drop_script("scenarios", number, name, name)
        self.db.execute("INSERT INTO scenarios(project, name, text) VALUES (?, ?, ?)", (number, name, text))

    @writes
    def drop_scenario(self, project: str, name: str) -> bool:
        """See `Store`."""
        return self._drop_script("scenarios", self.number_of(project), name, name)

    def _drop_script(self, table: str, number: int, name: str, uses: str) -> bool:
        if not self.db.execute(f"DELETE FROM {table} WHERE project = ? AND name = ?", (number, name)).rowcount:
            return False
        self.db.execute("DELETE FROM uses WHERE project = ? AND scenario = ?", (number, uses))
        return True

    @reads
    def get_scenarios(self, project: str) -> Mapping[str, str]:
        """See `Store`."""
        return self._scenarios(project)

    def _scenarios(self, project: str) -> Mapping[str, str]:
        return dict(self.db.execute(f"SELECT name, text FROM scenarios WHERE project = {OF}", (project,)).fetchall())

    @writes
    def forget_uses(self, scenario: str) -> None:
        """See `Store`."""
        own = "SELECT project FROM scenarios WHERE name = ?"  # its own upload of that name has its own progress
        self.db.execute(f"DELETE FROM uses WHERE scenario = ? AND project NOT IN ({own})", (scenario, scenario))

    @writes
    def put_fault(self, project: str, name: str, text: str) -> None:
        """See `Store`."""
        number = self.number_of(project)
        self._drop_script("faults", number, name, uses_of_fault(name))
        self.db.execute("INSERT INTO faults(project, name, text) VALUES (?, ?, ?)", (number, name, text))

    @writes
    def drop_fault(self, project: str, name: str) -> bool:
        """See `Store`."""
        return self._drop_script("faults", self.number_of(project), name, uses_of_fault(name))

    @reads
    def get_faults(self, project: str) -> Mapping[str, str]:
        """See `Store`."""
        return self._faults(project)

    def _faults(self, project: str) -> Mapping[str, str]:
        return dict(self.db.execute(f"SELECT name, text FROM faults WHERE project = {OF} ORDER BY seq", (project,)).fetchall())

    @writes
    def move_clock(self, project: str, seconds: float) -> None:
        """See `Store`."""
        self.db.execute("UPDATE projects SET offset = offset + ? WHERE id = ?", (seconds, self.number_of(project)))

    @reads
    def get_offset(self, project: str) -> float:
        """See `Store`."""
        return self._offset(project)

    def _offset(self, project: str) -> float:
        (offset,) = self.db.one("SELECT total(offset) FROM projects WHERE name IN (?, ?)", (project, ALL_PROJECTS))
        return float(offset)

    @writes
    def add_entry(self, project: str, entry: EntrySource) -> None:
        """See `Store`."""
        entry = entry.entry()
        number, size = self.number_of(project), entry.size
        self.db.execute("INSERT INTO entries(project, size, data) VALUES (?, ?, ?)", (number, size, entry_to(entry)))
        entries, total = self.db.one("SELECT entries, entry_bytes FROM projects WHERE id = ?", (number,))
        entries, total, forgotten = entries + 1, total + size, 0
        while entries and (entries > self._most_entries or total > _MOST_ENTRY_BYTES):
            seq, old = self.db.one("SELECT seq, size FROM entries WHERE project = ? ORDER BY seq LIMIT 1", (number,))
            self.db.execute("DELETE FROM entries WHERE seq = ?", (seq,))
            entries, total, forgotten = entries - 1, total - old, forgotten + 1
        self.evicted["journal"] += forgotten
        self.db.execute(
            "UPDATE projects SET entries = ?, entry_bytes = ?, forgotten = forgotten + ? WHERE id = ?",
            (entries, total, forgotten, number),
        )

    @reads
    def get_entries(self, project: str) -> Sequence[Entry]:
        """See `Store`."""
        if project != ALL_PROJECTS:
            rows = self.db.execute(f"SELECT data FROM entries WHERE project = {OF} ORDER BY seq", (project,))
            return tuple([entry_from(data) for (data,) in rows])
        rows = self.db.execute("SELECT data FROM entries WHERE project IN (SELECT id FROM projects WHERE name IS NOT NULL)")
        return tuple(sorted([entry_from(data) for (data,) in rows], key=lambda entry: entry.at))

    @reads
    def forgotten_entries(self, project: str) -> int:
        """See `Store`."""
        if project == ALL_PROJECTS:
            (count,) = self.db.one("SELECT coalesce(sum(forgotten), 0) FROM projects WHERE name IS NOT NULL")
        else:
            (count,) = self.db.one("SELECT coalesce(sum(forgotten), 0) FROM projects WHERE name = ?", (project,))
        return int(count)

    @writes
    def clear_entries(self, project: str) -> None:
        """See `Store`."""
        fresh = "UPDATE projects SET entries = 0, entry_bytes = 0, forgotten = 0"
        if project == ALL_PROJECTS:
            self.db.execute("DELETE FROM entries")
            self.db.execute(fresh)
        else:
            number = self.number_of(project)
            self.db.execute("DELETE FROM entries WHERE project = ?", (number,))
            self.db.execute(f"{fresh} WHERE id = ?", (number,))
