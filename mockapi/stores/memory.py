"""The default store: dictionaries, bounded, gone with the process."""

from collections import OrderedDict, defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from mockapi.stores.base import ALL_PROJECTS, Entry, ResponseRecord, Store

__all__ = ["MemoryStore"]


@dataclass(slots=True)
class _Project:
    responses: OrderedDict[str, ResponseRecord] = field(default_factory=OrderedDict)
    ordinals: OrderedDict[bytes, int] = field(default_factory=OrderedDict)
    scenarios: dict[str, str] = field(default_factory=dict)
    entries: deque[Entry] = field(default_factory=deque)
    entry_bytes: int = 0
    offset: float = 0.0
    uses: defaultdict[str, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))


_MOST_ENTRY_BYTES = 67_108_864  # of one project's journal, whatever its length


class MemoryStore(Store):
    """Keeps at most `max_responses` responses and content counters a project, and `max_projects` projects; oldest go first."""

    def __init__(self, max_responses: int = 100_000, max_projects: int = 10_000, max_entries: int = 1_000) -> None:
        self._max_responses = max_responses
        self._max_entries = max_entries
        self._max_projects = max_projects
        self._projects: OrderedDict[str, _Project] = OrderedDict()

    def _of(self, project: str) -> _Project:
        found = self._projects.get(project)
        if found is None:
            if len(self._projects) >= self._max_projects:
                self._forget_oldest()
            found = self._projects[project] = _Project()
        else:
            self._projects.move_to_end(project)
        return found

    def _forget_oldest(self) -> None:
        oldest = next((project for project in self._projects if project != ALL_PROJECTS), None)
        if oldest is not None:
            del self._projects[oldest]

    async def take_ordinal(self, project: str, key: bytes) -> int:
        """See `Store`."""
        ordinals = self._of(project).ordinals
        ordinal = ordinals.get(key, 0)
        ordinals[key] = ordinal + 1
        ordinals.move_to_end(key)
        if len(ordinals) > self._max_responses:
            ordinals.popitem(last=False)
        return ordinal

    async def add_response(self, project: str, record: ResponseRecord) -> bool:
        """See `Store`."""
        responses = self._of(project).responses
        if record.id in responses:
            return False
        responses[record.id] = record
        if len(responses) > self._max_responses:
            responses.popitem(last=False)
        return True

    async def get_response(self, project: str, response_id: str) -> ResponseRecord | None:
        """See `Store`."""
        known = self._projects.get(project)
        return known.responses.get(response_id) if known else None

    async def set_progress(self, project: str, response_id: str, progress: bytes, version: int) -> bool:
        """See `Store`."""
        responses = self._of(project).responses
        record = responses.get(response_id)
        if record is None or record.version != version:
            return False
        responses[response_id] = replace(record, progress=progress, version=version + 1)
        return True

    async def step_uses(self, project: str, scenario: str) -> Mapping[int, int]:
        """See `Store`."""
        known = self._projects.get(project)
        return known.uses.get(scenario, {}) if known else {}

    async def use_step(self, project: str, scenario: str, step: int, most: int | None) -> bool:
        """See `Store`."""
        uses = self._of(project).uses[scenario]
        used = uses.get(step, 0)
        if most is not None and used >= most:
            return False
        uses[step] = used + 1
        return True

    async def put_scenario(self, project: str, name: str, text: str) -> None:
        """See `Store`."""
        self._of(project).scenarios[name] = text

    async def drop_scenario(self, project: str, name: str) -> bool:
        """See `Store`."""
        known = self._of(project)
        if known.scenarios.pop(name, None) is None:
            return False
        known.uses.pop(name, None)
        return True

    async def get_scenarios(self, project: str) -> Mapping[str, str]:
        """See `Store`."""
        known = self._projects.get(project)
        return known.scenarios if known else {}

    async def forget_uses(self, scenario: str) -> None:
        """See `Store`."""
        for known in self._projects.values():
            if scenario not in known.scenarios:  # its own upload of that name has its own progress
                known.uses.pop(scenario, None)

    async def move_clock(self, project: str, seconds: float) -> None:
        """See `Store`."""
        self._of(project).offset += seconds

    async def get_offset(self, project: str) -> float:
        """See `Store`."""
        known, all_known = self._projects.get(project), self._projects.get(ALL_PROJECTS)
        own = known.offset if known else 0.0
        return own + (all_known.offset if all_known and all_known is not known else 0.0)

    async def add_entry(self, project: str, entry: Entry) -> None:
        """See `Store`."""
        known = self._of(project)
        known.entries.append(entry)
        known.entry_bytes += entry.size
        while known.entries and (len(known.entries) > self._max_entries or known.entry_bytes > _MOST_ENTRY_BYTES):
            known.entry_bytes -= known.entries.popleft().size

    async def get_entries(self, project: str) -> Sequence[Entry]:
        """See `Store`."""
        if project == ALL_PROJECTS:
            everything = (entry for known in self._projects.values() for entry in known.entries)
            return tuple(sorted(everything, key=lambda entry: entry.at))
        own = self._projects.get(project)
        return tuple(own.entries) if own else ()

    async def clear_entries(self, project: str) -> None:
        """See `Store`."""
        for known in self._projects.values() if project == ALL_PROJECTS else [self._of(project)]:
            known.entries.clear()
            known.entry_bytes = 0

    async def forget(self, project: str) -> None:
        """See `Store`."""
        self._projects.pop(project, None)

    async def forget_all(self) -> None:
        """See `Store`."""
        self._projects.clear()

    async def is_ready(self) -> bool:
        """Memory always answers."""
        return True
