"""What a store remembers: responses, conversations, calls, endpoints, deliveries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from mockapi.scenario.match import Known
from mockapi.wire.json import Encodable, encoded

__all__ = [
    "Amounts",
    "ConversationRecord",
    "Delivery",
    "EndpointRecord",
    "Entry",
    "EntrySource",
    "ItemRecord",
    "Owner",
    "RecordSource",
    "ResponseRecord",
    "Target",
    "Turn",
]


class ResponseRecord(NamedTuple):
    """One response: its plan and progress, and what a chain needs at its end, so that depth costs nothing.

    Plan, context and items never change, and most are never read: they may be values whose bytes are made when a store needs
    them (`encoded`), and are read alike (`Plan.of`, `Context.of`, `items_of`). `version` counts the changes of `progress`;
    `input_items` are this request's own, as JSON, with their ids; `item_ids` those and the output's, in order; all of them have
    `stem` behind their prefix, unless that is empty. `before` is how many items its conversation had had when it began.
    """

    id: str
    plan: bytes | Encodable
    progress: bytes
    context: bytes | Encodable
    input_items: bytes | Encodable
    parent_id: str | None = None
    conversation_id: str | None = None
    before: int = 0
    item_ids: Sequence[str] = ()
    version: int = 0
    stem: str = ""
    size: int = 0
    """About how many bytes it takes, if that was counted when it was made."""

    def record(self) -> "ResponseRecord":
        """Itself: see `RecordSource`."""
        return self

    def __reduce__(self) -> tuple[object, ...]:
        """What leaves the process is bytes."""
        plan, context, items = encoded(self.plan), encoded(self.context), encoded(self.input_items)
        written = self._replace(plan=plan, context=context, input_items=items, item_ids=tuple(self.item_ids))
        return ResponseRecord, tuple(written)


class RecordSource(Protocol):
    """A response's record, or what makes it when somebody looks for it; a store elsewhere asks for it at once."""

    @property
    def id(self) -> str:
        """As the record has it."""

    @property
    def stem(self) -> str:
        """As the record has it."""

    @property
    def size(self) -> int:
        """As the record has it."""

    def record(self) -> ResponseRecord:
        """The record; the same each time."""


class ItemRecord(NamedTuple):
    """One item of a conversation: its id, how many items came before it (never reused), and its JSON."""

    id: str
    number: int
    data: bytes


class Turn(NamedTuple):
    """What a running response adds to its conversation when it ends, and when it was due to end (clock, seconds).

    `items` are (id, JSON) pairs, `tokens` what they cost to read; `prefix` tells the past that ends with them from any other.
    `is_kept` tells whether they are appended if it ends as planned; `is_recorded` that the response has a record of its own.
    """

    response_id: str
    due: float
    items: tuple[tuple[str, bytes], ...]
    tokens: int
    prefix: str
    is_kept: bool = True
    is_recorded: bool = True


@dataclass(frozen=True, slots=True)
class ConversationRecord:
    """A conversation without its items: `count` items were ever added, `context` is the fold of those that are there.

    While `turn` is set a response runs on it. One that is deleted keeps its items, which responses may still refer to.
    `version` counts all changes.
    """

    id: str
    created_at: float
    metadata: bytes
    context: bytes
    turn: Turn | None = None
    is_deleted: bool = False
    count: int = 0
    version: int = 0


class Owner(NamedTuple):
    """Where an item is kept."""

    id: str
    is_conversation: bool = False


_NO_ADVICE: Mapping[str, str] = {}


class Entry(NamedTuple):
    """One call in the journal; times in seconds, `took_ms` in ms.

    `plan` is that of the response it made: its events, or what `response` would be, are made of it when they are read; not those
    of an answer that `is_cut`: not all of it went out.

    What the verdict asks for, and no answer shows: `project` (with its key), when the call came (`mockapi.clock.timestamp`),
    what the answer told of asking again, whether the client got it to its end, the last event of a stream that a fault met,
    whether the client hung up with no fault to blame.

    `known` is what matching saw of a create beside its body: where it is missing the body is all there was.
    """

    id: str
    at: float
    took_ms: float
    operation: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    request: bytes
    status: int | None
    response: bytes
    plan: bytes | Encodable = b""
    scenario: str = ""
    step: str = ""
    is_stream: bool = False
    is_unmatched: bool = False
    note: str = ""
    fault: str = ""
    is_cut: bool = False
    is_legacy: bool = False
    project: str = ""
    began_s: float = 0.0
    advice: Mapping[str, str] = _NO_ADVICE
    is_whole: bool = True
    last_event: int | None = None
    has_left: bool = False
    known: Known | None = None

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        plan = len(self.plan) if isinstance(self.plan, bytes) else self.plan.size
        known = 0 if self.known is None else len(self.known.context.user_text) + len(self.known.context.system_text)
        return len(self.request) + len(self.response) + plan + known + 1_000

    def entry(self) -> "Entry":
        """Itself: see `EntrySource`."""
        return self


class Amounts(dict[str, int]):
    """What a response adds to sums, by name. One that comes again is the same object: it is told from others by that."""

    __slots__ = ()
    __hash__ = object.__hash__  # type: ignore[assignment]
    __eq__ = object.__eq__
    __ne__ = object.__ne__


class EntrySource(Protocol):
    """An entry, or a call that is over, of which it is made when somebody reads the journal; a store elsewhere asks at once."""

    @property
    def at(self) -> float:
        """As the entry has it."""

    @property
    def size(self) -> int:
        """About how many bytes it takes."""

    def entry(self) -> Entry:
        """The entry; the same each time."""


class EndpointRecord(NamedTuple):
    """A URL that a client registered for webhooks. `old_secret` signs too until `old_until`; `version` counts all changes."""

    id: str
    created_at: float
    name: str
    url: str
    event_types: tuple[str, ...]
    secret: str
    updated_at: float
    old_secret: str = ""
    old_until: float = 0.0
    version: int = 0


class Delivery(NamedTuple):
    """An entry of the outbox: one event on its way to one URL. `id` is its webhook id, the same at every attempt.

    `due` is in seconds of the project's clock, infinite while nobody knows when the response ends. `events` are the types that
    are sent there. `body` is the event, once it has been decided which it is; `attempt` counts those made, the first was at
    `began_at`. Of an endpoint that a client registered, URL and secret are those of `endpoint_id` at that time. The store sets
    `ordinal`, which tells the order of those due together, and counts changes in `version`, claims and their ends in `claim`.
    """

    id: str
    response_id: str
    url: str
    secret: str
    due: float
    events: tuple[str, ...]
    fault: str = ""
    delay_s: float = 0.0
    endpoint_id: str = ""
    body: bytes = b""
    attempt: int = 0
    began_at: float = 0.0
    ordinal: int = 0
    version: int = 0
    claim: int = 0

    @property
    def is_claimed(self) -> bool:
        """Whether somebody is about to send it; one whose claim has run out counts until it is claimed again."""
        return self.claim % 2 == 1


class Target(NamedTuple):
    """A URL for which a project's outbox holds something; `due` is when a clock that was never moved shows that it is due."""

    project: str
    url: str
    due: float
