"""The verdict on a client under test: how it behaved under the faults that met it. Pure: journal entries in, judgements out.

One rule is one function; what cannot be decided from the journal is `unknown`, never guessed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median
from typing import Literal, NamedTuple

from mockapi.conduct import SKEW_S, Attempt, Chain, Conduct, conducts
from mockapi.stores.records import Entry
from mockapi.wire.json import JsonObject

__all__ = ["RULES", "Judgement", "Verdict", "judge"]

Word = Literal["good", "bad", "unknown"]

_MOST_ATTEMPTS = 10  # the SDKs make 3; more than this is no patience but a burden
_TIGHT_S = 0.05
_LONG_S = 5.0  # a pause that need not grow any more: the SDKs stop at 8 s, shortened by a quarter at random
_PATIENT_S = 0.5  # between attempts at a conversation that is locked: its error says, in a few seconds
_SLACK_S = 0.005  # timers of clients ring up to so much early


class Judgement(NamedTuple):
    """What one rule says of some calls: `why` is one sentence, `evidence` their ids in the journal."""

    rule: str
    verdict: Word
    why: str
    evidence: tuple[str, ...]


class _Finding(NamedTuple):
    verdict: Word
    why: str
    calls: Sequence[Attempt]


_Findings = Iterator[_Finding]


@dataclass(frozen=True, slots=True)
class Verdict:
    """All judgements, and of how many calls: `met` of them met a fault or an error; `forgotten` had left the journal before.

    `others` are entries that are not judged: of APIs that the mock does not emulate, and what it sent itself.
    """

    judgements: tuple[Judgement, ...]
    calls: int
    met: int
    forgotten: int
    others: int = 0

    @property
    def word(self) -> Word | None:
        """`bad` if anything is, else `unknown` if anything is, else `good`; None where there is nothing to judge."""
        words = {judgement.verdict for judgement in self.judgements}
        for word in ("bad", "unknown", "good"):
            if word in words:
                return word
        return None

    @property
    def summary(self) -> str:
        """For people: how many are good and bad, or why nothing was judged."""
        lost = f" {self.forgotten} older calls were not judged: the journal has forgotten them." if self.forgotten else ""
        if not self.calls:
            found = "has no call to an API that is emulated" if self.others else "is empty"
            return f"Nothing to judge: the journal {found}.{lost}"
        met = (
            f"{self.met} of {self.calls} calls met a fault or an error" if self.met else f"no fault met any of {self.calls} calls"
        )
        if not self.judgements:
            return f"Nothing to judge: {met}.{lost}"
        words = [judgement.verdict for judgement in self.judgements]
        counts = ", ".join(f"{words.count(word)} {word}" for word in ("bad", "unknown", "good") if word in words)
        return f"{counts}; {met}.{lost}"

    @property
    def shown(self) -> JsonObject:
        """As the admin API answers it."""
        return {
            "verdict": self.word,
            "summary": self.summary,
            "calls": self.calls,
            "met": self.met,
            "forgotten": self.forgotten,
            "judgements": [judgement._asdict() for judgement in self.judgements],
        }


def judge(entries: Sequence[Entry], forgotten: int = 0) -> Verdict:
    """The verdict on the clients of a journal, each project judged by itself."""
    clients = conducts(entries)
    judgements = tuple(
        Judgement(name, found.verdict, found.why, tuple(attempt.id for attempt in found.calls))
        for client in clients
        for name, rule in RULES.items()
        for found in rule(client)
    )
    attempts = [attempt for client in clients for attempt in client.attempts]
    met = sum(attempt.is_met for attempt in attempts)
    return Verdict(judgements, len(attempts), met, forgotten, len(entries) - len(attempts))


def _waits_as_told(client: Conduct) -> _Findings:
    """The next attempt comes no sooner than `retry-after` said; counted between arrivals, so never too strictly."""
    for chain in client.chains:
        told = [pair for pair in pairwise(chain) if pair[0].wait_s is not None and pair[0].may_be_repeated]
        early = [pair for pair in told if _early_by(*pair) > _SLACK_S]
        if early:
            first, again = next((pair for pair in early if not _is_anew(*pair)), early[0])
            when = f"after {_span(again.began_s - first.began_s)}; it was told to wait {_span(first.wait_s or 0)}."
            if _is_anew(first, again):
                yield _Finding("unknown", f"The SDK had given up, and was called again {when}", (first, again))
            else:
                yield _Finding("bad", f"Asked again {when}", (first, again))
        elif told:
            yield _Finding("good", f"Waited as long as it was told, {_span(told[0][0].wait_s or 0)}.", chain)


def _leaves_alone(client: Conduct) -> _Findings:
    """What will never work (a 4xx but 408, 409 and 429, a quota that is used up, `x-should-retry: false`) is sent once."""
    for chain in client.chains:
        hopeless = next((index for index, attempt in enumerate(chain) if not attempt.may_be_repeated), None)
        if hopeless is None:
            continue
        calls, what = chain[hopeless:], _answered(chain[hopeless])
        first, more = calls[0], f"Sent the same call again, {len(calls) - 1} more times, after {what}"
        if first.is_unread:
            yield _Finding(
                "unknown", f"Was refused with {what} before its body was read; whether it sent that again is lost.", calls
            )
        elif len(calls) == 1:
            yield _Finding("good", f"Did not send the same call again after {what}.", calls)
        elif first.is_over_quota and all(again.retry_count for again in calls[1:]):
            yield _Finding("unknown", f"{more} for a quota, which no retry helps; but that is how the SDK is made.", calls)
        elif first.is_by_state and not calls[-1].trouble:
            yield _Finding("unknown", f"{more}, and it worked in the end: something else had changed meanwhile.", calls)
        else:
            yield _Finding("bad", f"{more}, which no retry helps.", calls)


def _asks_again(client: Conduct) -> _Findings:
    """What a second try may cure (408, 409, 429, 5xx, no answer, half a body) gets one, and not without end."""
    for chain in client.chains:
        first = chain[0]
        if not first.trouble or not first.may_be_repeated or first.is_torn_stream:
            continue
        what, count = _answered(first), len(chain)
        if count == 1:
            yield _Finding("unknown", f"Did not ask again after {what}; whether it should have is its own choice.", chain)
        elif max(map(len, _calls_of(chain))) > _MOST_ATTEMPTS:
            yield _Finding("bad", f"Made {count} attempts after {what}: it does not know when to stop.", chain)
        elif count > _MOST_ATTEMPTS:
            yield _Finding("unknown", f"Made {count} attempts after {what}, in several calls of the SDK.", chain)
        else:
            end = "gave up" if chain[-1].trouble else "had its answer"
            yield _Finding("good", f"Asked again after {what}, and {end} at attempt {count}.", chain)


def _backs_off(client: Conduct) -> _Findings:
    """Where nobody told how long to wait, the pauses between attempts grow."""
    for calls in (calls for chain in client.chains for calls in _calls_of(chain)):
        pauses = [_pause(*pair) for pair in pairwise(calls) if pair[0].may_be_repeated and not pair[0].is_told_to_wait]
        if len(pauses) < 2:
            continue
        seen, trend = _listed(pauses), _trend(pauses)
        if max(pauses) < _TIGHT_S:
            yield _Finding("bad", f"Hammered: the pauses between its attempts were {seen}.", calls)
        elif trend > 0 or pauses[-1] >= _LONG_S:
            yield _Finding("good", f"Left more and more time between its attempts: {seen}.", calls)
        elif min(pauses) >= _PATIENT_S and all(call.is_locked_out for call in calls[:-1]):
            yield _Finding("good", f"Gave the conversation time to become free: {seen}.", calls)
        elif len(pauses) == 2:
            yield _Finding("unknown", f"Two pauses that do not grow may be chance: {seen}.", calls)
        elif (max(pauses) <= 1.25 * min(pauses) or _shrink(pauses)) and client.is_alone(calls):
            yield _Finding("bad", f"The pauses between its attempts did not grow: {seen}.", calls)
        else:
            yield _Finding("unknown", f"The pauses between its attempts may be left to chance: {seen}.", calls)


def _notices(client: Conduct) -> _Findings:
    """A stream without its terminal event is not taken for a whole one."""
    for torn in client.attempts:
        if not torn.is_torn_stream:
            continue
        built = next(client.built_on(torn), None)
        cure = _cure(client, torn)
        if cure is not None and (built is None or cure.began_s <= built.began_s):
            yield _Finding("good", f"Noticed that a stream had no terminal event: {_done(cure)}.", (torn, cure))
        elif built is not None:
            yield _Finding(
                "bad", "Went on from a response of whose stream it had seen a part, as if it were whole.", (torn, built)
            )
        elif torn.entry.fault == "stall":
            yield _Finding("good", "Noticed that a stream had fallen silent: it hung up.", (torn,))
        else:
            yield _Finding(
                "unknown", "A stream ended without a terminal event; no later call tells whether that was noticed.", (torn,)
            )


def _resumes(client: Conduct) -> _Findings:
    """The stream of a background run is resumed behind what was seen of it; the run is not started anew."""
    for torn in client.attempts:
        seen = torn.entry.last_event
        if not torn.is_torn_stream or not torn.is_background or seen is None or seen < 0:
            continue
        cure = _cure(client, torn)
        if cure is None:
            yield _Finding("unknown", "The stream of a background run broke off; nobody asked for the rest.", (torn,))
        elif not cure.is_settling:
            yield _Finding(
                "bad", f"Started a background run anew instead of resuming its stream behind event {seen}.", (torn, cure)
            )
        elif not cure.is_resumption:
            what = "Read the response of" if cure.is_look else "Cancelled or deleted"
            yield _Finding("good", f"{what} a background run whose stream had broken off.", (torn, cure))
        elif cure.starting_after > seen:
            why = f"Resumed behind event {cure.starting_after}, but had seen them up to {seen} only."
            yield _Finding("bad", why, (torn, cure))
        else:
            yield _Finding(
                "good", f"Resumed the stream of a background run that had broken off behind event {seen}.", (torn, cure)
            )


def _polls_calmly(client: Conduct) -> _Findings:
    """An unfinished background run is polled with pauses, which do not become shorter."""
    for polls in client.polls.values():
        watched = polls[: _terminal(polls) + 1]
        pauses = [_pause(*pair) for pair in pairwise(watched)]
        if len(pauses) < 2:
            continue
        seen = _listed(pauses)
        if median(pauses) < _TIGHT_S:
            yield _Finding("bad", f"Polled a background run in a tight loop: {seen} between polls.", watched)
        elif _trend(pauses) >= 0:
            yield _Finding("good", f"Polled a background run at pauses that did not become shorter: {seen}.", watched)
        elif _shrink(pauses):
            yield _Finding("bad", f"Polled a background run at shorter and shorter pauses: {seen}.", watched)
        else:
            yield _Finding("unknown", f"The pauses between polls became shorter, which may be chance: {seen}.", watched)


def _stops_polling(client: Conduct) -> _Findings:
    """A run that is over is not polled any more."""
    for polls in client.polls.values():
        end = _terminal(polls)
        more, status = len(polls) - end - 1, polls[end].polled_status if end < len(polls) else None
        if status is None:
            continue
        if more == 0:
            yield _Finding("good", f"Stopped polling when the run was {status}.", polls[end:])
        elif more == 1:
            yield _Finding("unknown", f"Read the response once more after it was {status}; that may be meant.", polls[end:])
        elif _goes_on(polls, end):
            yield _Finding("bad", f"Polled {more} more times after the run was {status}.", polls[end:])
        else:
            yield _Finding(
                "unknown", f"Read the response {more} more times after it was {status}, but not as it polled.", polls[end:]
            )


def _does_nothing_twice(client: Conduct) -> _Findings:
    """A create that the server has carried out, though its client did not see that, is not blindly sent again."""
    for first, again in client.repeated:
        if not first.is_made_unseen:
            continue
        look = next((call for call in client.settling(first) if call.began_s < again.began_s), None)
        key = first.entry.headers.get("idempotency-key")
        if key and key == again.entry.headers.get("idempotency-key"):
            yield _Finding("good", "Sent a create again under the same Idempotency-Key.", (first, again))
        elif look is not None:
            yield _Finding(
                "good",
                f"{'Looked at' if look.is_look else 'Ended'} {first.target} before it sent its create again.",
                (first, look, again),
            )
        elif _can_look(first):
            why = f"Sent a create again without a look at {first.target}, which it knew and which runs on without it."
            yield _Finding("bad", why, (first, again))
        else:
            why = f"Sent a create again that had made {first.target}; it could not rely on finding that, so nothing is decided."
            yield _Finding("unknown", why, (first, again))


RULES: Mapping[str, Callable[[Conduct], _Findings]] = {
    "retry_after": _waits_as_told,
    "no_retry": _leaves_alone,
    "retry": _asks_again,
    "back_off": _backs_off,
    "unfinished_stream": _notices,
    "resume": _resumes,
    "polling": _polls_calmly,
    "end_of_polling": _stops_polling,
    "duplicates": _does_nothing_twice,
}
"""Every rule by its name."""


def _cure(client: Conduct, torn: Attempt) -> Attempt | None:
    """The first call after a torn stream that makes up for it: the same again, a look at the response, or its end."""
    found = [call for call in (client.next_of(torn), next(client.settling(torn), None)) if call is not None]
    return min(found, key=lambda call: call.began_s, default=None)


def _done(cure: Attempt) -> str:
    if cure.is_resumption:
        return "it was resumed"
    if cure.is_settling:
        return "the response was read" if cure.is_look else "the response was cancelled or deleted"
    return "it asked again"


def _can_look(attempt: Attempt) -> bool:
    """Whether its client was told the id of what it has made, and finds it: a run that does not end with the connection."""
    plan, seen = attempt.plan, attempt.entry.last_event
    return seen is not None and seen >= 0 and plan is not None and plan.background is not None


def _calls_of(chain: Chain) -> Sequence[Chain]:
    """The attempts by the calls of the SDK that made them: who calls it anew begins to wait anew."""
    fresh = [place for place, pair in enumerate(pairwise(chain), 1) if _is_anew(*pair)]
    return [chain[start:end] for start, end in pairwise([0, *fresh, len(chain)])]


def _is_anew(first: Attempt, again: Attempt) -> bool:
    """Whether the SDK had asked again, given up, and was called anew; by whom, nobody knows."""
    return bool(first.retry_count) and again.retry_count == 0


def _goes_on(polls: Chain, end: int) -> bool:
    """Whether what came behind the end of a run came as the polls before did: no faster, hardly slower, the same question."""
    watched, more = polls[: end + 1], polls[end:]
    pauses = [_pause(*pair) for pair in pairwise(watched)]
    least, most = min(pauses) / 2, 2 * max(pauses) + 1.0
    is_in_step = all(least <= _pause(*pair) <= most for pair in pairwise(more))
    return is_in_step and {poll.entry.query for poll in more} <= {poll.entry.query for poll in watched}


def _terminal(polls: Chain) -> int:
    """The index of the first poll that showed an end; their number if none did."""
    unfinished = ("queued", "in_progress")
    return next((index for index, poll in enumerate(polls) if poll.polled_status not in unfinished), len(polls))


def _pause(first: Attempt, again: Attempt) -> float:
    return max(0.0, again.began_s - first.ended_s)


def _early_by(first: Attempt, again: Attempt) -> float:
    return (first.wait_s or 0.0) - (again.began_s - first.began_s)


def _trend(pauses: Sequence[float]) -> int:
    """1 if the later half is longer by a fifth, -1 if it is shorter by three tenths, else 0."""
    half = len(pauses) // 2
    early, late = fmean(pauses[:half]), fmean(pauses[-half:])
    return 1 if late > max(1.2 * early, SKEW_S) else -1 if late < 0.7 * early else 0


def _shrink(pauses: Sequence[float]) -> bool:
    """Whether each is shorter than the one before; fewer than four may be chance."""
    return len(pauses) > 3 and all(late < early for early, late in pairwise(pauses))


def _answered(attempt: Attempt) -> str:
    if attempt.trouble == "refused":
        return f"a {attempt.entry.status}"
    return "no answer" if attempt.trouble == "unanswered" else "half an answer"


def _span(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds >= 1 else f"{seconds * 1000:.3g} ms"


def _listed(pauses: Sequence[float]) -> str:
    shown = ", ".join(_span(pause) for pause in pauses[:6])
    return shown + (f" and {len(pauses) - 6} more" if len(pauses) > 6 else "")
