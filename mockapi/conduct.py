"""What a client did, read from the journal: its calls in order, and which of them were the same call made again. Pure.

Time is that of a steady watch (`Entry.began_s`): a client waits in real seconds, whatever the project's clock shows.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import isfinite
from typing import Literal
from urllib.parse import parse_qs

from mockapi.engine.plan import Plan
from mockapi.stores.base import Entry
from mockapi.wire.json import loads

__all__ = ["SKEW_S", "Attempt", "Chain", "Conduct", "conducts"]

Trouble = Literal["", "refused", "unanswered", "cut"]

SKEW_S = 0.05
"""A client may have read the end of an answer a little before the server has written down that it is over."""

_WINDOW_S = 60.0  # whoever makes the same call later than that begins anew
_RESPONSE = re.compile(r"/responses/([^/]+)")
_JUDGED = ("responses.", "conversations.", "models.", "webhook_endpoints.")


@dataclass(frozen=True)
class Attempt:
    """One call of the journal."""

    entry: Entry

    @property
    def id(self) -> str:
        """The journal's id."""
        return self.entry.id

    @property
    def began_s(self) -> float:
        """When it came."""
        return self.entry.began_s

    @property
    def ended_s(self) -> float:
        """When its answer was over."""
        return self.entry.began_s + self.entry.took_ms / 1000

    @property
    def key(self) -> tuple[str | bytes, ...]:
        """What two attempts at the same call have in common; whose call it is aside."""
        entry = self.entry
        return entry.operation, entry.method, entry.path, entry.query, entry.request

    @cached_property
    def trouble(self) -> Trouble:
        """What went wrong for its client: refused by a status, nothing came, or the answer broke off under a fault."""
        status = self.entry.status
        if status is None:
            return "unanswered"
        if status >= 400:
            return "refused"
        return "cut" if self.entry.fault and not self.entry.is_whole else ""

    @property
    def is_met(self) -> bool:
        """Whether a fault or an error met it."""
        return bool(self.entry.fault or self.trouble)

    @property
    def is_torn_stream(self) -> bool:
        """Whether it is a stream whose client got no terminal event."""
        return self.trouble == "cut" and self.entry.last_event is not None

    @property
    def may_be_repeated(self) -> bool:
        """Whether asking again can help: 408, 409, 429, 5xx, no answer, half an answer; `x-should-retry` has the last word."""
        told = self.entry.advice.get("x-should-retry")
        if told in ("true", "false"):
            return told == "true"
        status = self.entry.status or 0
        return self.trouble != "refused" or status in (408, 409, 429) or status >= 500

    @property
    def wait_s(self) -> float | None:
        """How long its client was told to wait; None if it was not, or not in numbers."""
        for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
            try:
                wait_s = float(self.entry.advice[name]) / unit
            except (KeyError, ValueError):
                continue
            return wait_s if isfinite(wait_s) and wait_s > 0 else None
        return None

    def repeats(self, earlier: "Attempt") -> bool:
        """Whether it is another attempt, soon after one that went wrong."""
        pause_s = self.began_s - earlier.ended_s
        return bool(earlier.trouble) and -SKEW_S <= pause_s <= _WINDOW_S + (earlier.wait_s or 0.0)

    def follows(self, earlier: "Attempt") -> bool:
        """Whether it came after an answer was over."""
        return self is not earlier and self.began_s >= earlier.ended_s - SKEW_S and self.began_s > earlier.began_s

    @cached_property
    def body(self) -> Mapping[str, object]:
        """What was sent, as far as it is a JSON object."""
        return _object(self.entry.request)

    @cached_property
    def answer(self) -> Mapping[str, object]:
        """What was to be answered, as far as it is a JSON object."""
        return _object(self.entry.response)

    @cached_property
    def plan(self) -> Plan | None:
        """That of the response it made, where the journal has it."""
        return Plan.of(self.entry.plan) if self.entry.plan else None

    @cached_property
    def target(self) -> str | None:
        """The id of what it made or asked for: a response, or a conversation."""
        if self.plan is not None:
            return self.plan.id or self.plan.ids.id("resp", 0)
        if self.entry.operation in ("responses.create", "conversations.create"):
            made = self.answer.get("id")
            return made if isinstance(made, str) else None
        found = _RESPONSE.search(self.entry.path)
        return found[1] if found else None

    @property
    def is_made_unseen(self) -> bool:
        """Whether it has made something on the server that its client did not get to see whole."""
        return self.entry.operation.endswith(".create") and bool(self.entry.fault and self.trouble and self.target)

    @property
    def is_look(self) -> bool:
        """Whether it reads a response, streamed or not."""
        return self.entry.operation == "responses.retrieve"

    @property
    def is_resumption(self) -> bool:
        """Whether it asks for the stream of a response."""
        return self.is_look and self._asked("stream") == "true"

    @property
    def starting_after(self) -> int:
        """Behind which event it asks for a stream; -1: from the beginning."""
        asked = self._asked("starting_after")
        return int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else -1

    @property
    def is_background(self) -> bool:
        """Whether it streams a background run, which can be resumed."""
        return self.is_resumption or self.body.get("background") is True

    @property
    def polled_status(self) -> str | None:
        """The status that a poll has shown; None if it is no poll, or was not answered."""
        status = self.answer.get("status") if self.is_look and not self.is_resumption and not self.trouble else None
        return status if isinstance(status, str) else None

    def _asked(self, name: str) -> str:
        return parse_qs(self.entry.query).get(name, [""])[-1]


def _object(data: bytes) -> Mapping[str, object]:
    try:
        value = loads(data) if data else None
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


Chain = Sequence[Attempt]
"""The same call, made again for as long as it went wrong; mostly one attempt."""


class Conduct:
    """What one client (a project) did."""

    def __init__(self, attempts: Sequence[Attempt]) -> None:
        self.attempts = sorted(attempts, key=lambda attempt: attempt.began_s)
        self.chains: Sequence[Chain] = self._chained()

    def _chained(self) -> list[list[Attempt]]:
        chains: list[list[Attempt]] = []
        last: dict[tuple[str | bytes, ...], list[Attempt]] = {}
        for attempt in self.attempts:
            chain = last.get(attempt.key)
            if chain is None or not attempt.repeats(chain[-1]):
                chain = last[attempt.key] = []
                chains.append(chain)
            chain.append(attempt)
        return chains

    @property
    def repeated(self) -> Iterator[tuple[Attempt, Attempt]]:
        """Each attempt that went wrong, and the one after it."""
        for chain in self.chains:
            yield from pairwise(chain)

    def next_of(self, attempt: Attempt) -> Attempt | None:
        """The next attempt at the same call; None if it was left at that."""
        return next((later for earlier, later in self.repeated if earlier is attempt), None)

    def after(self, attempt: Attempt) -> Iterator[Attempt]:
        """The calls that came when it was over, in order."""
        return (later for later in self.attempts if later.follows(attempt))

    @cached_property
    def polls(self) -> Mapping[str, Sequence[Attempt]]:
        """The polls of each response that was seen unfinished, from then on."""
        found: dict[str, list[Attempt]] = defaultdict(list)
        for attempt in self.attempts:
            status, target = attempt.polled_status, attempt.target
            if status is not None and target is not None and (target in found or status in ("queued", "in_progress")):
                found[target].append(attempt)
        return found


def conducts(entries: Sequence[Entry]) -> Sequence[Conduct]:
    """The journal by client; what the server itself sent (webhooks) is none of theirs."""
    by_project: dict[str, list[Attempt]] = defaultdict(list)
    for entry in entries:
        if entry.operation.startswith(_JUDGED):
            by_project[entry.project].append(Attempt(entry))
    return [Conduct(attempts) for attempts in by_project.values()]
