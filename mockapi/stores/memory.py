"""The default store: dictionaries, bounded, gone with the process."""

from collections import OrderedDict, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from mockapi.stores.base import ResponseRecord, Store

__all__ = ["MemoryStore"]


@dataclass(slots=True)
class _Project:
    responses: OrderedDict[str, ResponseRecord] = field(default_factory=OrderedDict)
    ordinals: OrderedDict[bytes, int] = field(default_factory=OrderedDict)
    uses: defaultdict[str, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))


class MemoryStore(Store):
    """Keeps at most `max_responses` responses and content counters a project, and `max_projects` projects; oldest go first."""

    def __init__(self, max_responses: int = 100_000, max_projects: int = 10_000) -> None:
        self._max_responses = max_responses
        self._max_projects = max_projects
        self._projects: OrderedDict[str, _Project] = OrderedDict()

    def _of(self, project: str) -> _Project:
        found = self._projects.get(project)
        if found is None:
            if len(self._projects) >= self._max_projects:
                self._projects.popitem(last=False)
            found = self._projects[project] = _Project()
        else:
            self._projects.move_to_end(project)
        return found

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

    async def forget(self, project: str) -> None:
        """See `Store`."""
        self._projects.pop(project, None)

    async def is_ready(self) -> bool:
        """Memory always answers."""
        return True
