"""Records as bytes, for stores that leave the process: JSON, with what is bytes already behind it as it is.

Nothing but data is ever read back: no class is named in what is stored. What cannot be read raises `StoreError`.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any, TypeVar

from mockapi.errors import damaged
from mockapi.scenario.context import Context
from mockapi.scenario.match import Known
from mockapi.stores.records import ConversationRecord, Delivery, EndpointRecord, Entry, ResponseRecord, Turn
from mockapi.wire.json import Encodable, dumps, encoded, loads

__all__ = [
    "FORMAT",
    "conversation_from",
    "conversation_to",
    "delivery_from",
    "delivery_to",
    "endpoint_from",
    "endpoint_to",
    "entry_from",
    "entry_to",
    "pack",
    "response_from",
    "response_to",
    "unpack",
]

FORMAT = 1
"""Counts the formats of what is stored; a store that was written in a newer one is refused."""

_BLOB = "\0"


def pack(value: object) -> bytes:
    """Anything of JSON and bytes: one line of JSON in which `{"\\0": length}` stands for bytes, and these behind it."""
    blobs: list[bytes] = []
    line = dumps(_hollow(value, blobs))
    return b"\n".join((line, b"".join(blobs)))


_PLAIN = frozenset((str, int, float, bool, type(None)))


def _hollow(value: object, blobs: list[bytes]) -> object:
    if type(value) in _PLAIN:  # most of it: asking what else it may be costs more than all that follows
        return value
    if isinstance(value, bytes):
        blobs.append(value)
        return {_BLOB: len(value)}
    if isinstance(value, Mapping):
        return {name: _hollow(each, blobs) for name, each in value.items()}
    if isinstance(value, (tuple, list)):
        return [_hollow(each, blobs) for each in value]
    return value


def unpack(data: bytes) -> Any:
    """What was packed; tuples have become lists. ValueError for bytes that nobody packed."""
    line, _, blobs = data.partition(b"\n")
    value, at = _filled(loads(line), blobs, 0)
    if at != len(blobs):
        raise ValueError("a stored record was cut or is of another kind")
    return value


def _filled(value: object, blobs: bytes, at: int) -> tuple[Any, int]:
    if isinstance(value, dict):
        length = value.get(_BLOB)
        if isinstance(length, int):
            return blobs[at : at + length], at + length
        filled = {}
        for name, each in value.items():
            filled[name], at = _filled(each, blobs, at)
        return filled, at
    if isinstance(value, list):
        row = []
        for each in value:
            one, at = _filled(each, blobs, at)
            row.append(one)
        return row, at
    return value, at


class _Lately:
    """The bytes of the plan that was asked for last: a response's record and its call in the journal have the same."""

    def __init__(self) -> None:
        self._seen: tuple[object, bytes] = (None, b"")

    def bytes_of(self, plan: bytes | Encodable) -> bytes:
        """Plans never change."""
        if self._seen[0] is not plan:
            self._seen = plan, encoded(plan)
        return self._seen[1]


_LATELY = _Lately()


_T = TypeVar("_T")


def _read(read: Callable[[bytes], _T]) -> Callable[[bytes], _T]:
    """Says of bytes that nobody packed what is wrong with them."""

    @wraps(read)
    def guarded(data: bytes) -> _T:
        try:
            return read(data)
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            what = (read.__doc__ or "").rstrip(".")
            raise damaged(f"{what[:1].lower()}{what[1:]} ({error})") from None

    return guarded


def response_to(record: ResponseRecord) -> bytes:
    """A response, whatever its progress."""
    plan, context, items = _LATELY.bytes_of(record.plan), encoded(record.context), encoded(record.input_items)
    return pack(record._replace(plan=plan, context=context, input_items=items, item_ids=tuple(record.item_ids)))


@_read
def response_from(data: bytes) -> ResponseRecord:
    """A stored response."""
    record = ResponseRecord._make(unpack(data))
    return record._replace(item_ids=tuple(record.item_ids))


def conversation_to(record: ConversationRecord) -> bytes:
    """A conversation without its items."""
    turn = None if record.turn is None else tuple(record.turn)
    fields = (record.id, record.created_at, record.metadata, record.context, turn)
    return pack((*fields, record.is_deleted, record.count, record.version))


@_read
def conversation_from(data: bytes) -> ConversationRecord:
    """A stored conversation."""
    name, created_at, metadata, context, turn, *rest = unpack(data)
    return ConversationRecord(name, created_at, metadata, context, None if turn is None else _turn(turn), *rest)


def _turn(fields: Iterable[Any]) -> Turn:
    turn = Turn._make(fields)
    return turn._replace(items=tuple((item_id, item) for item_id, item in turn.items))


def entry_to(entry: Entry) -> bytes:
    """A call of the journal."""
    known = entry.known
    told = None if known is None else (known.context.to_bytes(), known.model, known.instructions, known.store)
    headers, advice = dict(entry.headers), dict(entry.advice)
    fields = entry._replace(plan=_LATELY.bytes_of(entry.plan), headers=headers, advice=advice)[:-1]
    return pack((*fields, told))


@_read
def entry_from(data: bytes) -> Entry:
    """A stored call."""
    *fields, told = unpack(data)
    if told is None:
        return Entry._make([*fields, None])
    context, *rest = told
    return Entry._make([*fields, Known(Context.from_bytes(context), *rest)])


def endpoint_to(record: EndpointRecord) -> bytes:
    """A webhook endpoint."""
    return pack(record)


@_read
def endpoint_from(data: bytes) -> EndpointRecord:
    """A stored webhook endpoint."""
    record = EndpointRecord._make(unpack(data))
    return record._replace(event_types=tuple(record.event_types))


def delivery_to(delivery: Delivery) -> bytes:
    """An entry of the outbox. A due of infinity is none in JSON."""
    return pack(delivery._replace(due=None if delivery.due == float("inf") else delivery.due))  # type: ignore[arg-type]


@_read
def delivery_from(data: bytes) -> Delivery:
    """A stored entry of the outbox."""
    delivery = Delivery._make(unpack(data))
    due = float("inf") if delivery.due is None else delivery.due  # type: ignore[redundant-expr]
    return delivery._replace(due=due, events=tuple(delivery.events))
