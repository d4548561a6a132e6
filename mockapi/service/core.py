"""What all use cases share: who calls, what identifies a call, the project's time, what exists."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import NamedTuple

from mockapi.clock import LATEST, Clock
from mockapi.engine.planner import Moment
from mockapi.errors import MockError, StoreError
from mockapi.scenario.library import Library
from mockapi.scenario.tried import Tried
from mockapi.seldom import Seldom
from mockapi.service.metrics import Metrics
from mockapi.service.pending import Pending
from mockapi.settings import Settings
from mockapi.stores.base import Standing, Store
from mockapi.stores.records import Entry
from mockapi.wire.catalogue import told
from mockapi.wire.counter import counter_of
from mockapi.wire.ids import digest, digest_within
from mockapi.wire.json import JsonObject, is_too_deep, loads, repeated_key
from mockapi.wire.models import names_of

__all__ = ["Call", "Core"]

# Ids inside a request carry seconds; content is compared without them, so that a chain derives the same ids on any day.
_SECONDS = re.compile(rb"(_[0-9a-f]{18})[0-9a-f]{8}(?=[0-9a-f]{24})")


class Call(NamedTuple):
    """One HTTP call as the use cases see it; `target` is the path's part that names what it is about.

    `standing` is what the store had for it when it came, where that was asked for (`Core.known`).
    """

    project: str
    operation: str
    body: bytes = b""
    headers: Mapping[str, str] | None = None
    scenario: str | None = None
    target: str = ""
    standing: Standing | None = None

    @property
    def key(self) -> str:
        """The caller's API key."""
        return self.project.partition("\n")[0]


class Core:
    """Settings, store, clock and library of one server."""

    def __init__(self, settings: Settings, store: Store, clock: Clock, library: Library, metrics: Metrics | None = None) -> None:
        self.settings = settings
        self.is_lenient = settings.validation == "off"
        """Whether invalid parameters take their defaults."""
        self.store = store
        self.clock = clock
        self.library = library
        self.metrics = metrics or Metrics()
        self.outbox_changed = asyncio.Event()  # wakes who sends webhooks: something new is due, or a clock was moved
        self.entering = Pending()  # calls that are on their way into the journal, behind their answers
        self._complaints = Seldom()
        self.counter = counter_of(settings.tokens)  # what is not installed shows here, not at the first request
        self._seed = digest(b"", settings.seed.encode("utf-8", "surrogateescape"))
        self.sealing_key = digest(self._seed, b"sealed contents")
        self.seal = self.sealing_key.hex()

    async def identify(self, call: Call) -> bytes:
        """The digest all ids of this call derive from: seed, project, content, and how often it was seen (DESIGN.md)."""
        content = _content_of(call.operation, call.body, call.scenario, call.target)
        return self._identity(call.project, content, await self.store.take_ordinal(call.project, content))

    async def known(
        self, project: str, operation: str, body: bytes, headers: Mapping[str, str], scenario: str | None, target: str
    ) -> tuple[Call, bytes]:
        """A call with what the store has for it, for steps and faults that may answer it, and its digest as `identify` has it."""
        content = _content_of(operation, body, scenario, target)
        standing = await self.store.take_call(project, content)
        call = tuple.__new__(Call, (project, operation, body, headers, scenario, target, standing))  # half the time of Call(…)
        return call, self._identity(project, content, standing.ordinal)

    def _identity(self, project: str, content: bytes, ordinal: int) -> bytes:
        return digest_within(self._seed, project, content, ordinal)

    def identity_of(self, project: str, *parts: str) -> bytes:
        """A digest for what no call made: scenario seeds, invented ids."""
        return digest(self._seed, project.encode(), *(part.encode("utf-8", "surrogatepass") for part in parts))

    def parsed(self, body: bytes) -> JsonObject:
        """A body's JSON object; `ApiError` 400 for anything else, and, unless validation is off, for a key that stands twice."""
        try:
            value = loads(body)
        except ValueError as error:
            raise told("json_too_deep" if is_too_deep(error) else "invalid_json") from None
        if not isinstance(value, dict):
            raise told("invalid_json")
        twice = None if self.is_lenient else repeated_key(body, value)
        if twice is not None:
            raise told("repeated_key", key=twice)
        return value

    async def now(self, project: str) -> float:
        """The project's time, in seconds."""
        return self.at(await self.store.get_offset(project))

    def at(self, offset: float) -> float:
        """The time of a project whose clock was moved by so much."""
        now = self.clock.now() + offset
        return now if now < LATEST else LATEST

    async def let_pass(self, project: str, seconds: float) -> None:
        """Wait until so much of the project's time has passed; under a virtual clock it has at once."""
        if self.clock.is_virtual:
            return
        until = await self.now(project) + seconds
        while True:
            changes = self.clock.changes
            left = until - await self.now(project)
            if left <= 0:
                return
            await self.clock.wait(project, left, since=changes)

    async def move_clock(self, project: str, seconds: float) -> None:
        """Move a project's clock forward (`*`: everybody's), and let those look again who wait on it."""
        await self.store.move_clock(project, seconds)
        await self.look_again(project)

    async def changed(self, project: str) -> None:
        """Something of a project (of `*` everybody's) is another: whoever waits on it looks again, on every server."""
        self.clock.wake(project)
        await self.tell(project)

    async def look_again(self, project: str) -> None:
        """As `changed`; and something may have to be sent now."""
        self.outbox_changed.set()
        await self.changed(project)

    async def tell(self, topic: str) -> None:
        """Tell the other servers on this store. What is told of has happened: a store that fails now costs their attention."""
        try:
            await self.store.tell(topic)
        except StoreError as error:
            self._complaints.warn("other servers were not told of a change: %s", error)

    async def entries(self, project: str) -> Sequence[Entry]:
        """The project's journal, with every call that this server has answered."""
        await self.entering.wait()
        return await self.store.get_entries(project)

    async def moment_of(
        self, call: Call, identity: bytes, partition: str | None = None, input_tokens: int = 0, cached_tokens: int = 0
    ) -> Moment:
        """What a plan needs to know of this server, now."""
        offset = await self.store.get_offset(call.project) if call.standing is None else call.standing.offset
        return self.moment(offset, identity, partition, input_tokens, cached_tokens)

    def moment(self, offset: float, identity: bytes, partition: str | None, input_tokens: int, cached_tokens: int) -> Moment:
        """`moment_of` for a project whose clock was moved by so much."""
        fields = identity, self.at(offset), partition, input_tokens, cached_tokens, self.settings.tokens, self.seal, None
        return tuple.__new__(Moment, fields)  # half the time of Moment(…)

    def check_model(self, model: str) -> None:
        """Any name is a model unless the settings list them; the empty one never is."""
        if not self.is_model(model):
            raise told("model_not_found", model=model)

    def check_retention(self, call: Call, previous_response_id: str | None) -> None:
        """A project with zero data retention has nothing to go on from (WIRE.md §6)."""
        if call.key in self.settings.zdr and previous_response_id is not None:
            raise told("zdr_previous_response")

    def is_model(self, name: str) -> bool:
        """Whether a name is a model here."""
        globs = self.settings.models
        if not globs:
            return bool(name)
        return bool(name) and any(fnmatchcase(each, glob) for glob in globs for each in names_of(name))

    async def scenarios_of(self, project: str) -> Tried:
        """What the project's requests are tried with, in order."""
        own, everybodys = await self.store.scenarios_for(project)
        return self.library.scenarios_for(own, everybodys)

    async def tried(self, call: Call) -> Tried:
        """The scenarios that this call is tried with; 404 if it names one that is not there."""
        standing = call.standing
        if standing is not None:
            return self.tried_by(call, standing.scenarios, standing.everybodys_scenarios)
        return self.tried_by(call, *await self.store.scenarios_for(call.project))

    def tried_by(self, call: Call, own: Mapping[str, str], everybodys: Mapping[str, str]) -> Tried:
        """`tried`, where the project's uploads and everybody's are these."""
        scenarios = self.library.scenarios_for(own, everybodys)
        if call.scenario is None:
            return scenarios
        chosen = scenarios.only(call.scenario)
        if chosen is None:
            known = ", ".join(scenario.name for scenario in scenarios) or "none is loaded"
            message = f"There is no scenario '{call.scenario}'. Known: {known}."
            raise MockError(message, status=404, code="mock_unknown_scenario")
        return chosen


def _content_of(operation: str, body: bytes, scenario: str | None, target: str) -> bytes:
    """A digest of what a call says."""
    about = _about if len(target) + len(scenario or "") <= _LONGEST_KEPT else _about.__wrapped__
    said = about(operation, scenario, target) + body
    return digest(b"", _SECONDS.sub(rb"\1", said) if _SECONDS.search(said) else said, size=16)


_LONGEST_KEPT = 256  # characters


@lru_cache(maxsize=1024)
def _about(operation: str, scenario: str | None, target: str) -> bytes:
    return f"{operation}\n{scenario or ''}\n{target}\n".encode("utf-8", "surrogatepass")
