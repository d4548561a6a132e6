"""Moulds: what all responses of a constant step to one kind of request have in common, so that one is made by filling in.

A mould's forms are cut from what the timeline renders for a sample, and tried on a second one: nothing is rendered in two ways.
"""

import re
from collections.abc import Callable, Mapping
from operator import itemgetter

from mockapi.engine.plan import Plan
from mockapi.engine.score import Score
from mockapi.engine.timeline import Timeline
from mockapi.wire.ids import digest
from mockapi.wire.objects import Usage, encode_usage

__all__ = ["Mould", "Moulded"]

_LARGEST = 131_072  # `size` of a score whose forms are kept

Read = Callable[[Timeline], bytes]


class Form:
    """Bytes with places for a response's id, its second, its usage, and the ids in its output."""

    __slots__ = ("_parts", "_pick")

    def __init__(self, parts: list[bytes], places: list[int]) -> None:
        """Constant parts, and between any two of them the place of the value that belongs there."""
        self._parts = [piece for part in parts for piece in (b"", part)]  # the first value is put before the first part
        self._pick = itemgetter(-1, *places)  # one more than is shown: of one alone it would make no tuple

    def filled(self, values: tuple[bytes, ...]) -> bytes:
        """The bytes of one response."""
        pieces = self._parts.copy()  # joining takes three quarters of the time of b"%b" % values
        pieces[::2] = self._pick((*values, b""))
        return b"".join(pieces)


class Mould:
    """Plans and timelines of one step for one kind of request; `blank` is a plan without what is a response's own.

    `scripted` is the usage that the step scripts. Forms are cut at the second response: many moulds have one alone.
    """

    def __init__(self, blank: Plan, score: Score, scripted: Mapping[str, object]) -> None:
        self.blank = blank
        self.size = blank.size
        """About how many bytes each of its plans takes."""
        self.score = score
        self.scripted = scripted
        self._forms: dict[str, Form | None] = {}
        self._is_used = False

    def timeline(self, identity: bytes, started_at: float, usage: Mapping[str, object], partition: str | None) -> Timeline:
        """The timeline of one response."""
        _, _, echo, drafts, key, _, scenario, step, own_id, _, is_stored, ending, background = self.blank
        plan = tuple.__new__(Plan, (
            identity, started_at, echo, drafts, key, usage, scenario, step, own_id, partition, is_stored, ending, background
        ))  # fmt: skip  # half the time of Plan(…)
        is_first, self._is_used = not self._is_used, True
        if is_first:
            return Timeline(plan, self.score)
        moulded = Moulded(plan, self.score)
        moulded.mould = self
        return moulded

    def usual(self, identity: bytes, started_at: float, input_tokens: int, cached_tokens: int, partition: str | None) -> Timeline:
        """The timeline of one response whose usage is counted."""
        score = self.score
        usage = Usage(input_tokens, score.output_tokens, score.reasoning_tokens, cached_tokens)
        return self.timeline(identity, started_at, usage, partition)

    def form(self, name: str, read: Read) -> Form | None:
        """The form of what `read` reads from timelines; None where there is none: what waits, or is too large."""
        try:
            return self._forms[name]
        except KeyError:
            form = self._forms[name] = self._cut(read)
            return form

    def _cut(self, read: Read) -> Form | None:
        timeline = self._sample(b"first", 4_115_226_307.0)
        if timeline.ends_s != 0.0 or self.score.size > _LARGEST:
            return None
        values = _values(timeline)
        marks = values[1:] if self.blank.id else values  # an id that is scripted is always the same
        found = re.split(b"(%b)" % b"|".join(map(re.escape, marks)), read(timeline))
        form = Form(found[::2], [values.index(mark) for mark in found[1::2]])
        other = self._sample(b"second", 4_115_239_413.0)
        return form if form.filled(_values(other)) == read(other) else None  # a text looks like a mark

    def _sample(self, name: bytes, started_at: float) -> Timeline:
        usage = {"sample": digest(b"mould", name).hex()}
        return Timeline(self.blank._replace(digest=digest(b"mould", name), started_at=started_at, usage=usage), self.score)


def _values(timeline: Timeline) -> tuple[bytes, ...]:
    plan = timeline.plan
    ids = [each.encode() for each in timeline.item_ids]
    return (timeline.response_id.encode(), b"%d" % plan.started_at, encode_usage(plan.usage), *ids)


class Moulded(Timeline):
    """The timeline of a mould's response, but for its first: what is asked for most is filled in."""

    mould: Mould

    @property
    def size(self) -> int:
        """As any timeline has it."""
        return self.mould.size

    @property
    def answer(self) -> bytes:
        """As any timeline has it."""
        form = self.mould.form("answer", _answer)
        return super().answer if form is None else form.filled(_values(self))

    @property
    def stream(self) -> bytes:
        """As any timeline has it."""
        form = self.mould.form("stream", _stream)
        return super().stream if form is None else form.filled(_values(self))


def _answer(timeline: Timeline) -> bytes:
    return timeline.answer


def _stream(timeline: Timeline) -> bytes:
    return timeline.stream
