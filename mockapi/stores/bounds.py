"""How much a store in memory holds, and what it forgot to hold no more: in bytes, about, over all projects."""

from collections import Counter

from mockapi.stores.records import Delivery, RecordSource

__all__ = ["KEY_BYTES", "PROJECT_BYTES", "Tally", "Total", "delivery_bytes", "item_bytes", "response_bytes", "text_bytes"]

# Measured beside the process's memory (docs/performance.md): what Python takes for the objects around the bytes.
_RESPONSE_BYTES = 400
_ITEM_BYTES = 500
_DELIVERY_BYTES = 1_500
KEY_BYTES = 250
"""Of a counter, a prefix or a bucket."""
PROJECT_BYTES = 4_000
"""Of a project without anything."""


class Total:
    """What all projects hold together, and how often something was forgotten, by kind (of the journal: `entries`)."""

    __slots__ = ("entries", "forgotten", "held")

    def __init__(self) -> None:
        self.held = 0
        self.entries = 0  # one for nearly every call
        self.forgotten: Counter[str] = Counter()

    @property
    def evictions(self) -> dict[str, int]:
        """What was forgotten for want of room."""
        return {**self.forgotten, **({"journal": self.entries} if self.entries else {})}


class Tally:
    """What one project holds."""

    __slots__ = ("held", "total")

    def __init__(self, total: Total) -> None:
        self.held = 0
        self.total = total

    def add(self, size: int) -> None:
        """So many bytes more, or less."""
        self.held += size
        self.total.held += size

    def forget(self, kind: str, number: int = 1) -> None:
        """So many of a kind were forgotten because there was no room."""
        self.total.forgotten[kind] += number


def response_bytes(source: RecordSource) -> int:
    """Of a response; the same at any time of its life."""
    if source.size:
        return _RESPONSE_BYTES + source.size
    record = source.record()
    plan, context, items = record.plan, record.context, record.input_items
    size = _RESPONSE_BYTES + (len(plan) if isinstance(plan, bytes) else plan.size)
    size += len(context) if isinstance(context, bytes) else context.size
    return size + (len(items) if isinstance(items, bytes) else items.size)


def item_bytes(data: bytes) -> int:
    """Of an item of a conversation."""
    return _ITEM_BYTES + len(data)


def delivery_bytes(delivery: Delivery) -> int:
    """Of an entry of the outbox; its body comes later, and is short."""
    return _DELIVERY_BYTES + len(delivery.url)


def text_bytes(text: str) -> int:
    """Of an uploaded text."""
    return 200 + len(text)
