"""The default store: dictionaries, bounded, gone with the process."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence

from mockapi.stores.base import ALL_PROJECTS, Standing, Store, uses_of_fault
from mockapi.stores.bounds import KEY_BYTES, Total, response_bytes, text_bytes
from mockapi.stores.kept import Kept, halve
from mockapi.stores.records import (
    ConversationRecord,
    Delivery,
    EndpointRecord,
    Entry,
    EntrySource,
    ItemRecord,
    Owner,
    RecordSource,
    ResponseRecord,
    Target,
)
from mockapi.wire.buckets import MINUTE_S, Demand, Draw, draw

__all__ = ["MemoryStore"]


MOST_BYTES = 128_000_000
"""What all projects together may hold, unless the settings say otherwise."""

_MOST_ENTRY_BYTES = 67_108_864  # of one project's journal, whatever its length
_NOBODY = Kept.new(1, Total())
"""What is read of a project that has no state yet; never changed."""


class MemoryStore(Store):
    """At most `max_responses` responses, conversations, content counters and buckets a project, and `max_projects` projects.

    Together they hold `max_bytes`, about. The oldest go first, of projects those at rest for longest; what went is counted.
    """

    is_immediate = True

    def __init__(
        self, max_responses: int = 100_000, max_projects: int = 10_000, max_entries: int = 1_000, max_bytes: int = MOST_BYTES
    ) -> None:
        self._max_responses = max_responses
        self._max_entries = max_entries
        self._max_projects = max_projects
        self._max_bytes = max_bytes
        self._total = Total()
        self._projects: OrderedDict[str, Kept] = OrderedDict()

    def _of(self, project: str) -> Kept:
        try:
            self._projects.move_to_end(project)
        except KeyError:
            if len(self._projects) >= self._max_projects:
                self._forget_oldest()
            self._projects[project] = Kept.new(self._max_responses, self._total)
        return self._projects[project]

    def _seen(self, project: str) -> Kept:
        return self._projects.get(project, _NOBODY)

    def _forget_oldest(self) -> None:
        oldest = next((project for project in self._projects if project != ALL_PROJECTS), None)
        if oldest is not None:
            self._drop_project(oldest)
            self._total.forgotten["projects"] += 1

    def _drop_project(self, project: str) -> None:
        found = self._projects.pop(project, None)
        if found is not None:
            found.tally.add(-found.tally.held)

    def _make_room(self) -> None:
        """Somewhat more than needed, so that it is seldom done."""
        goal = self._max_bytes - self._max_bytes // 64
        while self._total.held > goal and not halve(self._projects.values(), self._total, goal):
            if len(self._projects) <= 1 + (ALL_PROJECTS in self._projects):
                return
            self._forget_oldest()  # uploads and the like are all that is left

    async def take_ordinal(self, project: str, key: bytes) -> int:
        """See `Store`."""
        return self._taken(self._of(project), key)

    def _taken(self, known: Kept, key: bytes) -> int:
        ordinals = known.ordinals
        ordinal = ordinals.get(key, 0)
        ordinals[key] = ordinal + 1
        if ordinal:
            ordinals.move_to_end(key)
        else:
            known.tally.add(KEY_BYTES)
            known.bound(ordinals, self._max_responses, "counters")
        return ordinal

    async def take_call(self, project: str, key: bytes) -> Standing:
        """See `Store`."""
        own, everybody = self._of(project), self._projects.get(ALL_PROJECTS, _NOBODY)
        ordinal = self._taken(own, key)
        offset = own.offset + everybody.offset
        fields = ordinal, own.scenarios, everybody.scenarios, own.faults, everybody.faults, offset
        return tuple.__new__(Standing, fields)  # half the time of Standing(…)

    async def add_response(self, project: str, record: RecordSource) -> bool:
        """See `Store`."""
        return self._add_response(self._of(project), record)

    async def keep_response(self, project: str, record: RecordSource, amounts: Mapping[str, int]) -> bool:
        """See `Store`."""
        known = self._of(project)
        is_added = self._add_response(known, record)
        if is_added and amounts:
            known.add_usage(amounts)
        return is_added

    def _add_response(self, known: Kept, record: RecordSource) -> bool:
        responses, response_id = known.responses, record.id
        if response_id in responses:
            return False
        responses[response_id] = record
        known.items.add(record)
        known.tally.add(response_bytes(record))
        if len(responses) > self._max_responses:
            known.drop_oldest_response()
        if self._total.held > self._max_bytes:
            self._make_room()
        return True

    async def get_response(self, project: str, response_id: str) -> ResponseRecord | None:
        """See `Store`."""
        return self._seen(project).response(response_id)

    async def set_progress(self, project: str, response_id: str, progress: bytes, version: int) -> bool:
        """See `Store`."""
        known = self._of(project)
        record = known.response(response_id)
        if record is None or record.version != version:
            return False
        known.responses[response_id] = record._replace(progress=progress, version=version + 1)
        return True

    async def drop_response(self, project: str, response_id: str) -> bool:
        """See `Store`."""
        return self._of(project).drop(response_id)

    async def find_item(self, project: str, item_id: str) -> Owner | None:
        """See `Store`."""
        known = self._seen(project)
        response_id = known.items.owner_of(item_id)
        if response_id is not None:
            return Owner(response_id)
        conversation_id = known.threads.owner_of(item_id)
        return None if conversation_id is None else Owner(conversation_id, is_conversation=True)

    async def add_conversation(self, project: str, record: ConversationRecord, items: Sequence[tuple[str, bytes]] = ()) -> bool:
        """See `Store`."""
        is_added = self._of(project).threads.add(record, items)
        if self._total.held > self._max_bytes:
            self._make_room()
        return is_added

    async def get_conversation(self, project: str, conversation_id: str) -> ConversationRecord | None:
        """See `Store`."""
        return self._seen(project).threads.get(conversation_id)

    async def change_conversation(
        self, project: str, record: ConversationRecord, added: Sequence[tuple[str, bytes]] = (), dropped: str | None = None
    ) -> bool:
        """See `Store`."""
        is_changed = self._of(project).threads.change(record, added, dropped)
        if self._total.held > self._max_bytes:
            self._make_room()
        return is_changed

    async def get_items(
        self, project: str, conversation_id: str, limit: int | None = None, *, after: int | None = None, is_ascending: bool = True
    ) -> Sequence[ItemRecord]:
        """See `Store`."""
        return self._seen(project).threads.page(conversation_id, limit, after, is_ascending=is_ascending)

    async def get_item(self, project: str, conversation_id: str, item_id: str) -> ItemRecord | None:
        """See `Store`."""
        return self._seen(project).threads.item(conversation_id, item_id)

    async def take_prefixes(self, project: str, keys: Sequence[bytes]) -> int:
        """See `Store`."""
        known = self._of(project)
        prefixes = known.prefixes
        before = len(prefixes)
        last = max((index for index, key in enumerate(keys) if key in prefixes), default=-1)
        for key in keys:
            prefixes[key] = None
            prefixes.move_to_end(key)
        known.tally.add((len(prefixes) - before) * KEY_BYTES)
        known.bound(prefixes, self._max_responses, "prefixes")
        return last

    async def add_usage(self, project: str, amounts: Mapping[str, int]) -> None:
        """See `Store`."""
        self._of(project).add_usage(amounts)

    async def get_usage(self, project: str) -> Mapping[str, int]:
        """See `Store`."""
        if project != ALL_PROJECTS:
            return self._seen(project).sums
        sums: dict[str, int] = {}
        for known in self._projects.values():
            for name, amount in known.sums.items():
                sums[name] = sums.get(name, 0) + amount
        return sums

    async def draw(self, project: str, demands: Sequence[Demand], now: float) -> Draw:
        """See `Store`."""
        known = self._of(project)
        buckets, before = known.buckets, len(known.buckets)
        drawn = draw([buckets.get(each.key) for each in demands], demands, now)
        if drawn.is_granted:
            for each, bucket in zip(demands, drawn.buckets, strict=True):
                buckets[each.key] = bucket
                buckets.move_to_end(each.key)
        while buckets:
            oldest = next(iter(buckets.values()))
            is_full = oldest.at + MINUTE_S <= now
            if len(buckets) <= self._max_responses and not is_full:
                break
            buckets.popitem(last=False)
            known.tally.forget("buckets", 0 if is_full else 1)
        known.tally.add((len(buckets) - before) * KEY_BYTES)
        return drawn

    async def step_uses(self, project: str, scenario: str) -> Mapping[int, int]:
        """See `Store`."""
        return self._seen(project).uses.get(scenario, {})

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
        known = self._of(project)
        if (before := known.scenarios.get(name)) is not None:
            known.tally.add(-text_bytes(before))
            known.uses.pop(name, None)
        known.tally.add(text_bytes(text))
        known.scenarios[name] = text
        if self._total.held > self._max_bytes:
            self._make_room()

    async def drop_scenario(self, project: str, name: str) -> bool:
        """See `Store`."""
        known = self._of(project)
        text = known.scenarios.pop(name, None)
        if text is None:
            return False
        known.tally.add(-text_bytes(text))
        known.uses.pop(name, None)
        return True

    async def get_scenarios(self, project: str) -> Mapping[str, str]:
        """See `Store`."""
        return self._seen(project).scenarios

    async def scenarios_for(self, project: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """See `Store`."""
        return self._seen(project).scenarios, self._seen(ALL_PROJECTS).scenarios

    async def forget_uses(self, scenario: str) -> None:
        """See `Store`."""
        for known in self._projects.values():
            if scenario not in known.scenarios:  # its own upload of that name has its own progress
                known.uses.pop(scenario, None)

    async def put_fault(self, project: str, name: str, text: str) -> None:
        """See `Store`."""
        await self.drop_fault(project, name)
        self._of(project).faults[name] = text

    async def drop_fault(self, project: str, name: str) -> bool:
        """See `Store`."""
        known = self._of(project)
        if known.faults.pop(name, None) is None:
            return False
        known.uses.pop(uses_of_fault(name), None)
        return True

    async def get_faults(self, project: str) -> Mapping[str, str]:
        """See `Store`."""
        return self._seen(project).faults

    async def faults_for(self, project: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """See `Store`."""
        return self._seen(project).faults, self._seen(ALL_PROJECTS).faults

    async def move_clock(self, project: str, seconds: float) -> None:
        """See `Store`."""
        self._of(project).offset += seconds

    async def get_offset(self, project: str) -> float:
        """See `Store`."""
        return self.offset(project)

    def offset(self, project: str) -> float:
        """See `Store`."""
        find = self._projects.get
        own = find(project, _NOBODY).offset
        return own if project == ALL_PROJECTS else own + find(ALL_PROJECTS, _NOBODY).offset

    async def add_entry(self, project: str, entry: EntrySource) -> None:
        """See `Store`."""
        self._of(project).add_entry(entry, self._max_entries, _MOST_ENTRY_BYTES)
        if self._total.held > self._max_bytes:
            self._make_room()

    async def get_entries(self, project: str) -> Sequence[Entry]:
        """See `Store`."""
        if project == ALL_PROJECTS:
            everything = (entry for known in self._projects.values() for entry in known.entries)
            return tuple(entry.entry() for entry in sorted(everything, key=lambda entry: entry.at))
        return tuple(entry.entry() for entry in self._seen(project).entries)

    async def forgotten_entries(self, project: str) -> int:
        """See `Store`."""
        seen = self._projects.values() if project == ALL_PROJECTS else [self._seen(project)]
        return sum(known.forgotten_entries for known in seen)

    async def clear_entries(self, project: str) -> None:
        """See `Store`."""
        for known in self._projects.values() if project == ALL_PROJECTS else [self._of(project)]:
            known.clear_entries()

    async def add_endpoint(self, project: str, record: EndpointRecord) -> bool:
        """See `Store`."""
        return self._of(project).endpoints.setdefault(record.id, record) is record

    async def get_endpoints(self, project: str) -> Sequence[EndpointRecord]:
        """See `Store`."""
        return tuple(self._seen(project).endpoints.values())

    async def change_endpoint(self, project: str, record: EndpointRecord) -> bool:
        """See `Store`."""
        endpoints = self._seen(project).endpoints
        found = endpoints.get(record.id)
        if found is None or found.version != record.version:
            return False
        endpoints[record.id] = record._replace(version=record.version + 1)
        return True

    async def drop_endpoint(self, project: str, endpoint_id: str) -> bool:
        """See `Store`."""
        return self._seen(project).endpoints.pop(endpoint_id, None) is not None

    async def add_delivery(self, project: str, delivery: Delivery) -> bool:
        """See `Store`."""
        return self._of(project).outbox.add(delivery)

    async def get_deliveries(self, project: str) -> Sequence[Delivery]:
        """See `Store`."""
        return self._seen(project).outbox.entries

    async def outbox_targets(self, wall: float) -> Sequence[Target]:
        """See `Store`."""
        everybodys = self._seen(ALL_PROJECTS).offset
        return [
            Target(project, url, due - known.offset - everybodys)
            for project, known in self._projects.items()
            for url, due in known.outbox.targets(wall)
        ]

    async def claim_delivery(self, project: str, url: str, now: float, wall: float, until: float) -> Delivery | None:
        """See `Store`."""
        return self._seen(project).outbox.claim(url, now, wall, until)

    async def change_delivery(self, project: str, delivery: Delivery) -> bool:
        """See `Store`."""
        return self._seen(project).outbox.change(delivery)

    async def drop_delivery(self, project: str, delivery_id: str) -> None:
        """See `Store`."""
        self._seen(project).outbox.drop(delivery_id)

    async def hasten_deliveries(self, project: str, response_id: str, due: float) -> bool:
        """See `Store`."""
        return self._seen(project).outbox.hasten(response_id, due)

    async def forget(self, project: str) -> None:
        """See `Store`."""
        self._drop_project(project)

    async def forget_all(self) -> None:
        """See `Store`."""
        for project in [*self._projects]:
            self._drop_project(project)

    async def get_evictions(self) -> Mapping[str, int]:
        """See `Store`."""
        return self._total.evictions

    async def get_size(self) -> int:
        """See `Store`."""
        return self._total.held

    async def is_ready(self) -> bool:
        """Memory always answers."""
        return True

    async def tell(self, topic: str) -> None:
        """Nobody else is there."""

    async def heard(self) -> Sequence[str]:
        """Nobody tells anything."""
        await asyncio.get_running_loop().create_future()
        return ()

    async def open(self) -> None:
        """Nothing is to be opened."""

    async def close(self) -> None:
        """Memory goes with the process."""
