"""What a store in memory keeps of one project, and how it makes room: the oldest goes first."""

from collections import OrderedDict, defaultdict, deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from mockapi.stores.bounds import KEY_BYTES, PROJECT_BYTES, Tally, Total, response_bytes
from mockapi.stores.items import ItemIndex
from mockapi.stores.outbox import Outbox
from mockapi.stores.records import Amounts, EndpointRecord, EntrySource, RecordSource, ResponseRecord
from mockapi.stores.threads import Threads
from mockapi.wire.buckets import Bucket

__all__ = ["Kept", "halve"]

_MOST_USAGE = 10_000  # sums: a model of a day has about ten
_MOST_UNSUMMED = 64


@dataclass(slots=True)
class Kept:
    """One project; `tally` counts what it holds."""

    tally: Tally
    threads: Threads
    outbox: Outbox
    responses: OrderedDict[str, RecordSource] = field(default_factory=OrderedDict)
    items: ItemIndex = field(default_factory=ItemIndex)
    ordinals: OrderedDict[bytes, int] = field(default_factory=OrderedDict)
    prefixes: OrderedDict[bytes, None] = field(default_factory=OrderedDict)
    usage: dict[str, int] = field(default_factory=dict)
    unsummed: dict[Amounts, int] = field(default_factory=dict)  # and how often each came since
    buckets: OrderedDict[bytes, Bucket] = field(default_factory=OrderedDict)
    scenarios: dict[str, str] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    entries: deque[EntrySource] = field(default_factory=deque)
    entry_sizes: deque[int] = field(default_factory=deque)
    entry_bytes: int = 0
    forgotten_entries: int = 0
    offset: float = 0.0
    endpoints: dict[str, EndpointRecord] = field(default_factory=dict)
    uses: defaultdict[str, dict[int, int]] = field(default_factory=lambda: defaultdict(dict))

    @staticmethod
    def new(most: int, total: Total) -> "Kept":
        """A project of at most so many conversations and deliveries."""
        tally = Tally(total)
        tally.add(PROJECT_BYTES)
        return Kept(tally, Threads(most, tally), Outbox(most, tally))

    def response(self, response_id: str) -> ResponseRecord | None:
        """A response's record, made now if nobody has asked for it."""
        found = self.responses.get(response_id)
        if found is None:
            return None
        record = self.responses[response_id] = found.record()
        return record

    def drop(self, response_id: str) -> bool:
        """Forget a response and where its items are."""
        record = self.responses.pop(response_id, None)
        if record is None:
            return False
        self.items.drop(record)
        self.tally.add(-response_bytes(record))
        return True

    def drop_oldest_response(self) -> None:
        """There is no room for it."""
        self.drop(next(iter(self.responses)))
        self.tally.forget("responses")

    def bound(self, keys: OrderedDict[bytes, int] | OrderedDict[bytes, None], most: int, kind: str) -> None:
        """Keep so many counters or prefixes."""
        while len(keys) > most:
            keys.popitem(last=False)
            self.tally.add(-KEY_BYTES)
            self.tally.forget(kind)

    def add_usage(self, amounts: Mapping[str, int]) -> None:
        """See `Store.add_usage`; `Amounts` that come again are counted, and summed up when somebody asks."""
        if type(amounts) is not Amounts:
            self._sum(amounts, 1)
            return
        unsummed = self.unsummed
        times = unsummed.get(amounts, 0)
        unsummed[amounts] = times + 1
        if not times and len(unsummed) > _MOST_UNSUMMED:
            self._sum_all()

    @property
    def sums(self) -> Mapping[str, int]:
        """What was used, by name."""
        self._sum_all()
        return self.usage

    def _sum_all(self) -> None:
        unsummed, self.unsummed = self.unsummed, {}
        for amounts, times in unsummed.items():
            self._sum(amounts, times)

    def _sum(self, amounts: Mapping[str, int], times: int) -> None:
        """The oldest sums go first."""
        usage = self.usage
        for name, amount in amounts.items():
            before = usage.get(name)
            usage[name] = amount * times if before is None else before + amount * times
            if before is None:
                self.tally.add(KEY_BYTES)
                if len(usage) > _MOST_USAGE:
                    del usage[next(iter(usage))]
                    self.tally.add(-KEY_BYTES)
                    self.tally.forget("usage")

    def add_entry(self, entry: EntrySource, most: int, most_bytes: int) -> None:
        """Write a call into the journal, which keeps so many, and so many bytes."""
        size = entry.size
        entries, sizes = self.entries, self.entry_sizes
        entries.append(entry)
        sizes.append(size)
        if len(entries) > most:
            entries.popleft()
            size -= sizes.popleft()
            self.forgotten_entries += 1
            self.tally.total.entries += 1
        self.entry_bytes += size
        self.tally.add(size)
        while self.entry_bytes > most_bytes and entries:
            self._drop_entry()

    def _drop_entry(self) -> None:
        self.entries.popleft()
        size = self.entry_sizes.popleft()
        self.entry_bytes -= size
        self.tally.add(-size)
        self.forgotten_entries += 1
        self.tally.total.entries += 1

    def clear_entries(self) -> None:
        """Empty the journal: that is no loss."""
        self.tally.add(-self.entry_bytes)
        self.entries.clear()
        self.entry_sizes.clear()
        self.entry_bytes = self.forgotten_entries = 0

    def halve(self, least: int) -> None:
        """Forget the older half of everything that grows with calls, until there are so many bytes less."""
        goal = self.tally.held - least
        halves = (
            (len(self.responses), self.drop_oldest_response),
            (len(self.entries), self._drop_entry),
            (self.threads.count, self.threads.drop_oldest),
            (len(self.ordinals), lambda: self.bound(self.ordinals, len(self.ordinals) - 1, "counters")),
            (len(self.prefixes), lambda: self.bound(self.prefixes, len(self.prefixes) - 1, "prefixes")),
            (self.outbox.count, self.outbox.drop_oldest),
        )
        for count, drop in halves:
            for _ in range((count + 1) // 2):
                if self.tally.held <= goal:
                    return
                drop()


def halve(projects: Collection[Kept], total: Total, goal: int) -> bool:
    """Let projects in their order forget half of what they hold, until all together hold so little; False if they cannot."""
    while total.held > goal:
        before = total.held
        for kept in [*projects]:
            if total.held <= goal:
                return True
            kept.halve(total.held - goal)
        if total.held == before:
            return False
    return True
