"""Conversations of one project in memory: records, and items that are paged by number and found by id."""

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from mockapi.stores.bounds import Tally, item_bytes
from mockapi.stores.records import ConversationRecord, ItemRecord

__all__ = ["Threads"]

_THREAD_BYTES = 2_500


@dataclass(slots=True)
class _Thread:
    record: ConversationRecord
    items: dict[str, ItemRecord] = field(default_factory=dict)
    order: list[int] = field(default_factory=list)  # the numbers of the items that are there, ascending
    by_number: dict[int, str] = field(default_factory=dict)

    def append(self, added: Iterable[tuple[str, bytes]]) -> int:
        """How many bytes more there are."""
        number, size = self.record.count, 0
        for item_id, data in added:
            if item_id in self.items:  # an item stands in a conversation once
                continue
            self.items[item_id] = ItemRecord(item_id, number, data)
            self.order.append(number)
            self.by_number[number] = item_id
            number += 1
            size += item_bytes(data)
        self.record = replace(self.record, count=number)
        return size

    def remove(self, item_id: str) -> int:
        """How many bytes there are less."""
        item = self.items.pop(item_id, None)
        if item is None:
            return 0
        del self.by_number[item.number]
        del self.order[bisect_left(self.order, item.number)]
        return item_bytes(item.data)


class Threads:
    """At most `most` conversations; the oldest go first."""

    def __init__(self, most: int, tally: Tally) -> None:
        self._most = most
        self._tally = tally
        self._threads: OrderedDict[str, _Thread] = OrderedDict()
        self._owners: dict[str, str] = {}
        self._others: dict[str, dict[str, None]] = {}  # of items that stand in several conversations

    def get(self, conversation_id: str) -> ConversationRecord | None:
        """See `Store.get_conversation`."""
        thread = self._threads.get(conversation_id)
        return thread.record if thread else None

    def add(self, record: ConversationRecord, items: Sequence[tuple[str, bytes]]) -> bool:
        """See `Store.add_conversation`."""
        if record.id in self._threads:
            return False
        thread = self._threads[record.id] = _Thread(record)
        self._append(thread, items)
        self._tally.add(_THREAD_BYTES)
        if len(self._threads) > self._most:
            self.drop_oldest()
        return True

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._threads)

    def drop_oldest(self) -> None:
        """There is no room for it."""
        oldest, forgotten = self._threads.popitem(last=False)
        self._disown(oldest, forgotten.items)
        self._tally.add(-_THREAD_BYTES - sum(item_bytes(item.data) for item in forgotten.items.values()))
        self._tally.forget("conversations")

    def change(self, record: ConversationRecord, added: Sequence[tuple[str, bytes]], dropped: str | None) -> bool:
        """See `Store.change_conversation`."""
        thread = self._threads.get(record.id)
        if thread is None or thread.record.version != record.version:
            return False
        thread.record = replace(record, version=record.version + 1)
        self._append(thread, added)
        if dropped is not None:
            self._tally.add(-thread.remove(dropped))
            self._disown(record.id, [dropped])
        return True

    def _append(self, thread: _Thread, items: Sequence[tuple[str, bytes]]) -> None:
        self._tally.add(thread.append(items))
        name = thread.record.id
        for item_id, _ in items:
            owner = self._owners.setdefault(item_id, name)
            if owner != name:
                self._others.setdefault(item_id, {})[name] = None

    def _disown(self, conversation_id: str, item_ids: Iterable[str]) -> None:
        for item_id in item_ids:
            others = self._others.get(item_id)
            if others is not None:
                others.pop(conversation_id, None)
            if self._owners.get(item_id) != conversation_id:
                continue
            if others:
                self._owners[item_id] = next(iter(others))
                del others[self._owners[item_id]]
            else:
                del self._owners[item_id]
            if not others:
                self._others.pop(item_id, None)

    def owner_of(self, item_id: str) -> str | None:
        """The conversation that holds an item."""
        return self._owners.get(item_id)

    def item(self, conversation_id: str, item_id: str) -> ItemRecord | None:
        """See `Store.get_item`."""
        thread = self._threads.get(conversation_id)
        return thread.items.get(item_id) if thread else None

    def page(self, conversation_id: str, limit: int | None, after: int | None, *, is_ascending: bool) -> Sequence[ItemRecord]:
        """See `Store.get_items`."""
        thread = self._threads.get(conversation_id)
        if thread is None:
            return ()
        order = thread.order
        most = len(order) if limit is None else limit
        if is_ascending:
            first = 0 if after is None else bisect_right(order, after)
            numbers = order[first : first + most]
        else:
            end = len(order) if after is None else bisect_left(order, after)
            numbers = order[max(0, end - most) : end][::-1]
        return [thread.items[thread.by_number[number]] for number in numbers]
