"""The store protocol: what is remembered, per project, and how it may change.

Every backend passes `tests/test_stores.py` and `tests/test_store_items.py`. All calls name the project: two projects never see
each other's anything.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

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
from mockapi.wire.buckets import Demand, Draw

__all__ = ["ALL_PROJECTS", "SCENARIO_FILES", "Standing", "Store", "uses_of_fault"]


class Standing(NamedTuple):
    """What the store has for a call when it comes.

    How often its content came before in this project, which it counts; what was uploaded and switched on, by the project itself
    and by all (`*`); and how far the project's clock was moved.
    """

    ordinal: int
    scenarios: Mapping[str, str]
    everybodys_scenarios: Mapping[str, str]
    faults: Mapping[str, str]
    everybodys_faults: Mapping[str, str]
    offset: float


def uses_of_fault(name: str) -> str:
    """What `use_step` counts the uses of a fault under: no scenario has such a name."""
    return f"fault {name}"


ALL_PROJECTS = "*"
"""Everybody: uploads for all, moves of every clock, the journals together."""


SCENARIO_FILES = "\0files"
"""A topic of `Store.tell`: the server's scenario files were read again."""


class Store(Protocol):
    """Bounded memory of responses, conversations, counters and script progress.

    Every call may raise `StoreError` (503) where the store is somewhere else and does not answer.
    """

    is_immediate: bool = False
    """Whether no call ever waits, nor needs an asyncio task to be made in: then requests are answered without one."""

    has_common_evictions: bool = False
    """Whether `get_evictions` tells of all processes on this store together."""

    async def take_ordinal(self, project: str, key: bytes) -> int:
        """How often `key` was taken before in this project, counting this call from then on. Atomic."""

    async def take_call(self, project: str, key: bytes) -> Standing:
        """`take_ordinal`, and what every create asks for, at once: a store elsewhere answers it in one round trip."""
        return Standing(
            await self.take_ordinal(project, key),
            await self.get_scenarios(project),
            await self.get_scenarios(ALL_PROJECTS),
            await self.get_faults(project),
            await self.get_faults(ALL_PROJECTS),
            await self.get_offset(project),
        )

    async def add_response(self, project: str, record: RecordSource) -> bool:
        """Remember a new response; False, and nothing changed, if its id is taken."""

    async def keep_response(self, project: str, record: RecordSource, amounts: Mapping[str, int]) -> bool:
        """`add_response`, and `add_usage` if it was added: one call for stores where each has its price."""
        if not await self.add_response(project, record):
            return False
        if amounts:
            await self.add_usage(project, amounts)
        return True

    async def get_response(self, project: str, response_id: str) -> ResponseRecord | None:
        """The record, or None if there is none (any more)."""

    async def set_progress(self, project: str, response_id: str, progress: bytes, version: int) -> bool:
        """Change the progress if the record still has `version`; False if it has moved on or is gone."""

    async def drop_response(self, project: str, response_id: str) -> bool:
        """Forget a response; False if there is none."""

    async def find_item(self, project: str, item_id: str) -> Owner | None:
        """Which response's `item_ids`, or else which conversation, holds an item; of several responses the first."""

    async def add_conversation(self, project: str, record: ConversationRecord, items: Sequence[tuple[str, bytes]] = ()) -> bool:
        """Remember a new conversation with its first (id, JSON) items; False, and nothing changed, if its id is taken."""

    async def get_conversation(self, project: str, conversation_id: str) -> ConversationRecord | None:
        """The record, or None."""

    async def change_conversation(
        self, project: str, record: ConversationRecord, added: Sequence[tuple[str, bytes]] = (), dropped: str | None = None
    ) -> bool:
        """Replace a record that still has `record.version`, append items and drop one, all or nothing.

        Items that the conversation has already are not appended again.
        The store counts `count` and `version` on. False, and nothing changed, if the record has moved on or is gone.
        """

    async def get_items(
        self, project: str, conversation_id: str, limit: int | None = None, *, after: int | None = None, is_ascending: bool = True
    ) -> Sequence[ItemRecord]:
        """At most `limit` items (None: all) by number, beyond the number `after` in the direction asked for."""

    async def get_item(self, project: str, conversation_id: str, item_id: str) -> ItemRecord | None:
        """One item, or None."""

    async def held_items(self, project: str, item_ids: Collection[str], conversation_id: str | None = None) -> frozenset[str]:
        """Those of the ids that `find_item` finds, or that stand in one conversation, all at once."""
        if conversation_id is None:
            return frozenset([each for each in item_ids if await self.find_item(project, each) is not None])
        return frozenset([each for each in item_ids if await self.get_item(project, conversation_id, each) is not None])

    async def take_prefixes(self, project: str, keys: Sequence[bytes]) -> int:
        """The index of the last of these keys that was taken before, -1 for none; all of them are taken from then on."""

    async def add_usage(self, project: str, amounts: Mapping[str, int]) -> None:
        """Add to the project's sums."""

    async def get_usage(self, project: str) -> Mapping[str, int]:
        """The project's sums by name; of `*` everybody's together."""

    async def draw(self, project: str, demands: Sequence[Demand], now: float) -> Draw:
        """Take all amounts from their buckets at the project's `now`, or nothing at all if one holds too little. Atomic.

        As `mockapi.wire.buckets.draw` has it; a bucket that is not known is full. Those that are full again may be forgotten.
        """

    async def step_uses(self, project: str, scenario: str) -> Mapping[int, int]:
        """How often each step (by its index) of a scenario was used."""

    async def use_step(self, project: str, scenario: str, step: int, most: int | None) -> bool:
        """Count one use of a step unless it was used `most` times already; False then. Atomic."""

    async def put_scenario(self, project: str, name: str, text: str) -> None:
        """Keep an uploaded scenario; one of that name is replaced at once, and how often its steps were used is forgotten."""

    async def drop_scenario(self, project: str, name: str) -> bool:
        """Forget an uploaded scenario and how often its steps were used; False, and nothing changed, if there is none."""

    async def get_scenarios(self, project: str) -> Mapping[str, str]:
        """Uploaded scenarios by name."""

    async def scenarios_for(self, project: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """The project's uploads and everybody's, each as `get_scenarios` has them: every call asks for both."""
        return await self.get_scenarios(project), await self.get_scenarios(ALL_PROJECTS)

    async def forget_uses(self, scenario: str) -> None:
        """Forget how often a scenario's steps were used, in every project that has no upload of that name."""

    async def put_fault(self, project: str, name: str, text: str) -> None:
        """Keep a fault that was switched on, behind those that are; one of that name is replaced, and its uses forgotten."""

    async def drop_fault(self, project: str, name: str) -> bool:
        """Forget a fault and its uses; False, and nothing changed, if there is none."""

    async def get_faults(self, project: str) -> Mapping[str, str]:
        """The faults that are switched on, by name, in the order that they were."""

    async def faults_for(self, project: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """The project's faults and everybody's, each as `get_faults` has them: every call asks for both."""
        return await self.get_faults(project), await self.get_faults(ALL_PROJECTS)

    async def move_clock(self, project: str, seconds: float) -> None:
        """Move a project's clock forward."""

    def offset(self, project: str) -> float | None:
        """`get_offset` at once, of a store in memory; None of the others."""
        return None

    async def get_offset(self, project: str) -> float:
        """How far a project's clock was moved, in seconds; moves of everybody's clock (`*`) included."""

    async def add_entry(self, project: str, entry: EntrySource) -> None:
        """Write a call into the project's journal; the oldest is forgotten when it is full."""

    async def get_entries(self, project: str) -> Sequence[Entry]:
        """The project's journal, oldest first; of `*` everybody's."""

    async def forgotten_entries(self, project: str) -> int:
        """How many calls the project's journal (of `*` all together) forgot because it was full, since it was last cleared."""

    async def clear_entries(self, project: str) -> None:
        """Forget the project's journal; of `*` everybody's."""

    async def add_endpoint(self, project: str, record: EndpointRecord) -> bool:
        """Remember a webhook endpoint; False, and nothing changed, if its id is taken."""

    async def get_endpoints(self, project: str) -> Sequence[EndpointRecord]:
        """The project's webhook endpoints, oldest first."""

    async def change_endpoint(self, project: str, record: EndpointRecord) -> bool:
        """Replace an endpoint that still has `record.version`; False if it has moved on or is gone."""

    async def drop_endpoint(self, project: str, endpoint_id: str) -> bool:
        """Forget an endpoint; False if there is none."""

    async def add_delivery(self, project: str, delivery: Delivery) -> bool:
        """Put an event into the outbox; False, and nothing changed, if its id is there. The oldest goes when it is full."""

    async def get_deliveries(self, project: str) -> Sequence[Delivery]:
        """What is in the project's outbox, in order of `ordinal`."""

    async def outbox_targets(self, wall: float) -> Sequence[Target]:
        """Where anything is to be sent, of all projects, each with its earliest due; without what is claimed at wall time."""

    async def claim_delivery(self, project: str, url: str, now: float, wall: float, until: float) -> Delivery | None:
        """The earliest delivery to a URL that is due at the project's `now`; the caller's alone `until` (wall time). Atomic."""

    async def change_delivery(self, project: str, delivery: Delivery) -> bool:
        """Replace a delivery that still has `delivery.version`; False if it has moved on or is gone.

        The caller's claim is given up either way; False too if somebody else has claimed it since.
        """

    async def drop_delivery(self, project: str, delivery_id: str) -> None:
        """Take a delivery out of the outbox."""

    async def hasten_deliveries(self, project: str, response_id: str, due: float) -> bool:
        """Change when the deliveries of a response are due whose `body` is not decided; False if there are none."""

    async def forget(self, project: str) -> None:
        """Forget everything of one project.

        Responses, conversations, counters, buckets, script progress, clock, uploads, journal, webhook endpoints, outbox.
        """

    async def forget_all(self) -> None:
        """Forget everything of every project."""

    async def get_evictions(self) -> Mapping[str, int]:
        """How much was forgotten because there was no room, by kind, since the server began (in Redis: since the first did)."""

    async def get_size(self) -> int:
        """About how many bytes are held in this process; 0 where they are kept elsewhere."""
        return 0

    async def is_ready(self) -> bool:
        """Whether the store answers."""

    async def tell(self, topic: str) -> None:
        """Let every other process on this store look again at something: a project, `*` for all, or `SCENARIO_FILES`."""

    async def heard(self) -> Sequence[str]:
        """Wait until other processes have told of something, and say what, within 100 ms of it. May return nothing."""

    async def open(self) -> None:
        """Before anything else, inside the loop that will use it; `UsageError` if this store cannot be used at all."""

    async def close(self) -> None:
        """Give up files and connections; what was stored stays."""
