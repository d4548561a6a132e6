"""What a client did, read from the journal: its calls in order, and which of them were the same call made again. Pure.

Time is that of a steady watch (`Entry.began_s`): a client waits in real seconds, whatever the project's clock shows.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import heappop, heappush
from itertools import pairwise
from math import isfinite
from typing import Literal
from urllib.parse import parse_qs

from mockapi.engine.plan import Plan
from mockapi.stores.records import Entry
from mockapi.wire.json import object_of

__all__ = ["SKEW_S", "Attempt", "Chain", "Conduct", "conducts"]

Trouble = Literal["", "refused", "unanswered", "cut"]

SKEW_S = 0.05
"""A client may have read the end of an answer a little before the server has written down that it is over."""

_WINDOW_S = 60.0  # whoever makes the same call later than that begins anew
_RESPONSE = re.compile(r"/responses/([^/]+)")
_PICKING = ("x-mock-fault", "x-mock-scenario")  # whoever asks the mock for something else makes another call
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
        sent = entry.id if self.is_unread else entry.request
        return entry.operation, entry.method, entry.path, entry.query, sent, *(entry.headers.get(name, "") for name in _PICKING)

    @property
    def is_unread(self) -> bool:
        """Whether its body was refused for its size, unread: nobody knows if another one was the same."""
        return self.entry.status == 413 and not self.entry.request

    @cached_property
    def retry_count(self) -> int | None:
        """Which retry the SDK says that it is, 0 for a call that is new to it; None for other clients."""
        told = self.entry.headers.get("x-stainless-retry-count", "")
        return int(told) if told.isascii() and told.isdigit() and len(told) < 10 else None

    @cached_property
    def trouble(self) -> Trouble:
        """What went wrong for its client: refused by a status, nothing came, or the answer broke off under a fault."""
        status = self.entry.status
        if status is None:
            return "unanswered"
        if status >= 400:
            return "refused"
        return "cut" if self.entry.fault and not self.entry.is_whole and not self.entry.has_left else ""

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
        """Whether asking again can help: 408, 409, 429 but for quotas, 5xx, no answer, half an answer, a conversation that is
        locked; `x-should-retry` has the last word.
        """
        told = self.entry.advice.get("x-should-retry")
        if told in ("true", "false"):
            return told == "true"
        status = self.entry.status or 0
        if self.trouble != "refused" or status in (408, 409) or status >= 500:
            return True
        return not self.is_over_quota if status == 429 else self.is_locked_out

    @property
    def is_over_quota(self) -> bool:
        """Whether it was refused since a quota is used up, which no client mends."""
        return self.entry.status == 429 and self._error.get("type") == "insufficient_quota"

    @property
    def is_locked_out(self) -> bool:
        """Whether another response was at work on its conversation: it is told to ask again in a few seconds."""
        return self.trouble == "refused" and self._error.get("code") == "conversation_locked"

    @property
    def is_by_state(self) -> bool:
        """Whether nobody has scripted its error or forbidden a retry: what is on the server may have been the reason."""
        return self.trouble == "refused" and not self.entry.scenario and not self.entry.advice.get("x-should-retry")

    @property
    def _error(self) -> Mapping[str, object]:
        error = self.answer.get("error")
        return error if isinstance(error, dict) else {}

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

    @property
    def is_told_to_wait(self) -> bool:
        """Whether a `retry-after` dictates the pause behind it, be it in numbers or as a date."""
        date = self.entry.advice.get("retry-after", "")
        return self.wait_s is not None or any(letter.isalpha() for letter in date)

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
        return object_of(self.entry.request)

    @cached_property
    def answer(self) -> Mapping[str, object]:
        """What was to be answered, as far as it is a JSON object."""
        return object_of(self.entry.response)

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
    def is_settling(self) -> bool:
        """Whether it reads a response, cancels or deletes it: whoever does that knows what it was about."""
        return self.is_look or self.entry.operation in ("responses.cancel", "responses.delete")

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


Chain = Sequence[Attempt]
"""The same call, made again for as long as it went wrong; mostly one attempt."""


class Conduct:
    """What one client (a project) did."""

    def __init__(self, attempts: Sequence[Attempt]) -> None:
        self.attempts = sorted(attempts, key=lambda attempt: attempt.began_s)
        self.chains: Sequence[Chain] = self._chained()

    def _chained(self) -> list[list[Attempt]]:
        chains: list[list[Attempt]] = []
        by_key: dict[tuple[str | bytes, ...], list[Attempt]] = defaultdict(list)
        for attempt in self.attempts:
            by_key[attempt.key].append(attempt)
        for same in by_key.values():
            chains += _chains_of(same)
        return sorted(chains, key=lambda chain: chain[0].began_s)

    @property
    def repeated(self) -> Iterator[tuple[Attempt, Attempt]]:
        """Each attempt that went wrong, and the one after it."""
        for chain in self.chains:
            yield from pairwise(chain)

    def is_alone(self, calls: Chain) -> bool:
        """Whether nobody made the same call meanwhile: otherwise it is not certain who made which attempt."""
        begun_s, over_s = calls[0].began_s, calls[-1].ended_s
        rivals = sum(chain[0].began_s <= over_s and chain[-1].ended_s >= begun_s for chain in self._by_key[calls[0].key])
        return rivals == 1  # the chain that these are of

    @cached_property
    def _by_key(self) -> Mapping[tuple[str | bytes, ...], Sequence[Chain]]:
        found: dict[tuple[str | bytes, ...], list[Chain]] = defaultdict(list)
        for chain in self.chains:
            found[chain[0].key].append(chain)
        return found

    def next_of(self, attempt: Attempt) -> Attempt | None:
        """The next attempt at the same call; None if it was left at that."""
        return self._next.get(id(attempt))

    @cached_property
    def _next(self) -> Mapping[int, Attempt]:
        return {id(earlier): later for earlier, later in self.repeated}

    def settling(self, attempt: Attempt) -> Iterator[Attempt]:
        """The calls that read, cancelled or deleted what it was about, when it was over, in order."""
        return (later for later in self._by_target.get(attempt.target or "", ()) if later.follows(attempt))

    @cached_property
    def _by_target(self) -> Mapping[str, Sequence[Attempt]]:
        found: dict[str, list[Attempt]] = defaultdict(list)
        for attempt in self.attempts:
            if attempt.is_settling and attempt.target:
                found[attempt.target].append(attempt)
        return found

    def built_on(self, attempt: Attempt) -> Iterator[Attempt]:
        """The calls that went on from the response it made, when it was over, in order."""
        return (later for later in self._by_previous.get(attempt.target or "", ()) if later.follows(attempt))

    @cached_property
    def _by_previous(self) -> Mapping[str, Sequence[Attempt]]:
        found: dict[str, list[Attempt]] = defaultdict(list)
        for attempt in self.attempts:
            previous = attempt.body.get("previous_response_id")
            if isinstance(previous, str):
                found[previous].append(attempt)
        return found

    @cached_property
    def polls(self) -> Mapping[str, Sequence[Attempt]]:
        """The polls of each response that was seen unfinished, from then on."""
        found: dict[str, list[Attempt]] = defaultdict(list)
        for attempt in self.attempts:
            status, target = attempt.polled_status, attempt.target
            if status is not None and target is not None and (target in found or status in ("queued", "in_progress")):
                found[target].append(attempt)
        return found


class _Waiting:
    """Attempts that went wrong and wait to be repeated; asked in the order of time."""

    def __init__(self) -> None:
        self._running: list[tuple[float, int, Attempt]] = []  # by their end
        self._over: list[tuple[float, int, Attempt]] = []  # by when they may be repeated

    def add(self, place: int, attempt: Attempt) -> None:
        """One more; `place` is its own among them all."""
        if attempt.trouble:
            heappush(self._running, (attempt.ended_s, place, attempt))

    def taken_by(self, attempt: Attempt) -> Attempt | None:
        """The one that it repeats, which waits no more: whose wait is over first, so that waits are kept if it can be read so."""
        while self._running and self._running[0][0] <= attempt.began_s + SKEW_S:
            _, place, over = heappop(self._running)
            heappush(self._over, (over.began_s + (over.wait_s or 0.0), place, over))
        while self._over:
            earlier = heappop(self._over)[2]
            if attempt.repeats(earlier):  # what is too long ago now is so for all that come later
                return earlier
        return None


def _chains_of(same: Sequence[Attempt]) -> list[list[Attempt]]:
    """Calls that are all the same, in order, as the attempts of one client after another or of several side by side.

    The SDK counts: its n-th retry goes on from the one before it, and a call that is new to it from nothing that it has asked
    again itself.
    """
    before = _retries(same)
    retried = {id(earlier) for earlier in before.values()}
    chain_of: dict[int, list[Attempt]] = {}
    chains: list[list[Attempt]] = []
    waiting = _Waiting()
    for place, attempt in enumerate(same):
        earlier = before.get(id(attempt))
        if earlier is None and not attempt.retry_count:
            earlier = waiting.taken_by(attempt)
        chain = chain_of.get(id(earlier)) if earlier is not None else None
        if chain is None:
            chain = []
            chains.append(chain)
        chain.append(attempt)
        chain_of[id(attempt)] = chain
        if id(attempt) not in retried:
            waiting.add(place, attempt)
    return chains


def _retries(same: Sequence[Attempt]) -> Mapping[int, Attempt]:
    """What each retry that the SDK has counted goes on from, by the `id` of the object."""
    found: dict[int, Attempt] = {}
    waiting: dict[int, _Waiting] = defaultdict(_Waiting)
    for place, attempt in enumerate(same):
        count = attempt.retry_count
        if count is None:
            continue
        earlier = waiting[count - 1].taken_by(attempt) if count else None
        if earlier is not None:
            found[id(attempt)] = earlier
        waiting[count].add(place, attempt)
    return found


def conducts(entries: Sequence[Entry]) -> Sequence[Conduct]:
    """The journal by client; what the server itself sent (webhooks) is none of theirs."""
    by_project: dict[str, list[Attempt]] = defaultdict(list)
    for entry in entries:
        if entry.operation.startswith(_JUDGED):
            by_project[entry.project].append(Attempt(entry))
    return [Conduct(attempts) for attempts in by_project.values()]
