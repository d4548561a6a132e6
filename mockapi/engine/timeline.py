"""The timeline: a plan played on a clock. Stream, body, poll and resume are readings of it (DESIGN.md).

Pure: `now` is always given. Offsets are seconds since the response was created.
"""

import math
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

from mockapi.engine.plan import NEVER_S, Background, Ending, Plan, Progress
from mockapi.engine.score import Score, including
from mockapi.engine.shaping import SHOWABLE
from mockapi.scenario.context import Call
from mockapi.wire.events import encode_data, frame
from mockapi.wire.json import JsonObject
from mockapi.wire.objects import Snapshot, encode_response

__all__ = [
    "KEPT_S",
    "SOON_S",
    "Event",
    "Piece",
    "Timeline",
    "elapsed_at",
    "ends_at",
    "is_visible",
    "run_status_at",
    "state_at",
    "status_at",
    "timeline_at",
]

KEPT_S = 30 * 86_400.0
"""Seconds that a stored response is kept (WIRE.md §6)."""

SOON_S = 1e-5
"""What is due that soon is due now: a clock that counts from 1970 cannot tell smaller times apart, and sums of floats drift."""

KEPT_UNSTORED_S = 600.0
"""Seconds that a background run with `store: false` can be polled after its end (WIRE.md §8)."""


class Event(NamedTuple):
    """One stream event: when it is due, its type, its `sequence_number`, and its JSON on one line."""

    offset_s: float
    type: str
    sequence_number: int
    data: bytes

    @property
    def framed(self) -> bytes:
        """As a server-sent event."""
        return frame(self.type, self.data)


class Piece(NamedTuple):
    """What goes out together: when it is due, framed events, the last one's `sequence_number`."""

    offset_s: float
    data: bytes
    last: int


class Timeline:
    """Everything a client can ever see of one response, and when."""

    def __init__(self, plan: Plan, score: Score | None = None, cut_s: float | None = None) -> None:
        """The timeline of a plan; `cut_s` is where in its own time it was cancelled."""
        self.plan = plan
        self.score = score or plan.score
        self.cut_s = cut_s
        self.source = source = plan.ids
        self.response_id = plan.id or source.id("resp", 0)
        self.item_ids = source.output_ids(self.score.finished.prefixes)  # those that stand in the output, by slot
        self.status: str = plan.ending.status
        run = plan.background
        if run is None:
            self.begins_s, self.ends_s = 0.0, self.score.end_s
        else:
            self.begins_s = run.queued_s  # when it goes from queued to in progress
            self.ends_s = self.begins_s + _length(run, self.score)
        if cut_s is not None:
            self.status, self.ends_s = "cancelled", min(self.ends_s, cut_s)

    @property
    def size(self) -> int:
        """About how many bytes its plan takes."""
        return self.plan.size

    @property
    def output(self) -> bytes:
        """The finished items, a JSON array."""
        return self._fill(self.score.output)

    def whole_output(self, seal: str) -> bytes:
        """The finished items with everything that `include` could ask for later; `seal` is the server's key, as hex.

        Log probabilities that were neither asked for nor scripted are not made up for everybody.
        """
        scripted = ("message.output_text.logprobs",) if b'"logprobs":' in self.plan.drafts else ()
        key = including(self.plan.key, (*SHOWABLE, "reasoning.encrypted_content", *scripted), seal)
        return self.output if key == self.plan.key else Timeline(self.plan._replace(key=key)).output

    @property
    def output_ids(self) -> tuple[str, ...]:
        """The id of each item, in order."""
        return self.score.ids_of_items(self.item_ids)

    @property
    def calls(self) -> Mapping[str, Call]:
        """The calls a client has to answer, by call_id."""
        return self.score.calls(self.item_ids)

    @property
    def ended_at(self) -> int:
        """The unix second in which it ends; that of its creation where its own time is counted in moves or polls."""
        run = self.plan.background
        return int(self.plan.started_at + (self.ends_s if run is None or run.moved_by == "clock" else 0.0))

    def _fill(self, data: bytes) -> bytes:
        return self.score.filled(data, self.item_ids)

    def status_at(self, elapsed_s: float) -> str:
        """`queued`, `in_progress` or the terminal status; never goes back as time goes on."""
        if elapsed_s + SOON_S >= self.ends_s:
            return self.status
        return "in_progress" if elapsed_s + SOON_S >= self.begins_s else "queued"

    def body_at(self, elapsed_s: float, *, in_stream: bool = False) -> bytes:
        """The response body at a moment; output is `[]` until the end (WIRE.md §8)."""
        return self._body(self.status_at(elapsed_s), in_stream=in_stream)

    @property
    def answer(self) -> bytes:
        """What a create that is not streamed answers: the finished body, or at once the queued one of a background run."""
        return self._body("queued" if self.plan.background else self.plan.ending.status)

    def _body(self, status: str, *, in_stream: bool = False) -> bytes:
        plan, ending = self.plan, self.plan.ending
        is_over = status not in ("queued", "in_progress", "cancelled")
        completed_at = self.ended_at if status == "completed" else None
        snapshot = Snapshot(
            self.response_id,
            int(plan.started_at),
            status,
            completed_at,
            error=_shown_error(ending.error) if is_over and ending.error else None,
            incomplete_details={"reason": ending.reason} if is_over and ending.reason else None,
            usage=plan.usage if status in ("completed", "incomplete") else None,
            is_billed=is_over and not in_stream,
        )
        return encode_response(plan.echo, snapshot, self.output if is_over else b"[]")

    def _lifecycle(self, event_type: str, number: int, status: str, offset_s: float) -> Event:
        body = self._body(status, in_stream=True)
        data = b'{"type":"%b","response":%b,"sequence_number":%d}' % (event_type.encode(), body, number)
        return Event(offset_s, event_type, number, data)

    @cached_property
    def head(self) -> tuple[Event, ...]:
        """The events before any item."""
        if self.plan.background is None:
            created = self._lifecycle("response.created", 0, "in_progress", 0.0)
            again = created.data.replace(b"response.created", b"response.in_progress", 1)
            again = again[: again.rindex(b":")] + b":1}"
            return created, Event(0.0, "response.in_progress", 1, again)
        return (
            self._lifecycle("response.created", 0, "queued", 0.0),
            self._lifecycle("response.queued", 1, "queued", 0.0),
            self._lifecycle("response.in_progress", 2, "in_progress", self.begins_s),
        )

    def _tail(self, number: int) -> tuple[Event, ...]:
        """The terminal event, before it the `error` event of a failure (WIRE.md §5).

        The API has no event for cancelling; a stream that is open then ends with `response.failed` whose response is cancelled.
        """
        status = self.status
        if status == "cancelled":
            return (self._lifecycle("response.failed", number, status, self.ends_s),)
        if status != "failed":
            return (self._lifecycle(f"response.{status}", number, status, self.ends_s),)
        data = encode_data("error", {"error": self.plan.ending.error, "sequence_number": number})
        failed = self._lifecycle("response.failed", number + 1, status, self.ends_s)
        return Event(self.ends_s, "error", number, data), failed

    def breaking_off(self, error: JsonObject, number: int) -> bytes:
        """Framed events of a failure in the middle: `error` and `response.failed`, from a `sequence_number` on."""
        failing = self.plan._replace(ending=Ending("failed", error), drafts=b"[]")
        return b"".join(event.framed for event in Timeline(failing)._tail(number))

    def _offset(self, index: int) -> float:
        """When the index-th event of the score is due."""
        run, notes = self.plan.background, self.score.notes
        if run is not None and run.is_spread:
            return self.begins_s + run.in_progress_s * (index + 1) / (len(notes) + 1)
        return self.begins_s + notes[index].offset_s

    def events(self, after: int = -1) -> Iterator[Event]:
        """All events with a `sequence_number` over `after`, in order."""
        for event in self._all(after):
            if event.sequence_number > after:
                yield event

    def _all(self, after: int) -> Iterator[Event]:
        head = [event for event in self.head if self.cut_s is None or event.offset_s <= self.cut_s + SOON_S]
        yield from head
        first, notes = len(self.head), self.score.notes
        kept = (
            len(notes) if self.cut_s is None else sum(self._offset(index) <= self.cut_s + SOON_S for index in range(len(notes)))
        )
        for index in range(max(0, after + 1 - first), kept):
            note = notes[index]
            yield Event(self._offset(index), note.type, first + index, self._fill(note.data))
        yield from self._tail(first + kept if len(head) == first else len(head))

    @property
    def stream(self) -> bytes:
        """The whole stream, framed, for whoever waits for nothing."""
        if self.cut_s is not None:
            return b"".join([event.framed for event in self.events()])
        blocks = [self._fill(block.data) for block in self.score.blocks]
        tail = self._tail(len(self.head) + len(self.score.notes))
        return b"".join([*[event.framed for event in self.head], *blocks, *[event.framed for event in tail]])

    def pieces(self, after: int = -1) -> Iterator[Piece]:
        """The stream as framed bytes, what is due together in one piece; offsets ascend."""
        run = self.plan.background
        if after < 0 and self.cut_s is None and not (run and run.is_spread):
            return self._blocks()
        return self._joined(after)

    def _joined(self, after: int) -> Iterator[Piece]:
        """Pieces event by event."""
        pending: list[Event] = []
        for event in self.events(after):
            if pending and event.offset_s != pending[0].offset_s:
                yield _piece(pending)
                pending = []
            pending.append(event)
        if pending:
            yield _piece(pending)

    def _blocks(self) -> Iterator[Piece]:
        """Pieces of the whole, from what the score has joined already."""
        number = len(self.head) - 1
        pending, due = [event.framed for event in self.head], self.head[-1].offset_s
        if self.head[0].offset_s != due:
            yield Piece(0.0, b"".join(pending[:-1]), number - 1)
            pending = pending[-1:]
        for offset, block, events in self._filled_blocks():
            if offset != due:
                yield Piece(due, b"".join(pending), number)
                pending = []
            due, number = offset, number + events
            pending.append(block)
        yield Piece(due, b"".join(pending), number)

    def _filled_blocks(self) -> Iterator[tuple[float, bytes, int]]:
        """One by one: a stream that lasts for minutes is not made in its first second."""
        for block in self.score.blocks:
            yield self.begins_s + block.offset_s, self._fill(block.data), block.events
        tail = self._tail(len(self.head) + len(self.score.notes))
        yield self.ends_s, b"".join(event.framed for event in tail), len(tail)


def _piece(events: list[Event]) -> Piece:
    return Piece(events[0].offset_s, b"".join(event.framed for event in events), events[-1].sequence_number)


def _length(run: Background, score: Score) -> float:
    """How long a response is in progress: as it is told to, and as its pace takes where that is counted in seconds too."""
    return run.in_progress_s if run.is_spread or run.moved_by != "clock" else max(run.in_progress_s, score.end_s)


def _shown_error(error: JsonObject) -> JsonObject:
    return {"code": error["code"], "message": error["message"]}


def timeline_at(plan: Plan, progress: Progress) -> Timeline:
    """The timeline as it was cut."""
    return Timeline(plan, cut_s=progress.cut_s if progress.cut == "cancelled" else None)


def elapsed_at(plan: Plan, progress: Progress, now: float) -> float:
    """How far a background run is in its own time at a moment of the clock."""
    run = plan.background
    by_clock = now - plan.started_at if run is not None and run.moved_by == "clock" else 0.0
    return by_clock + progress.moved_s


def ends_at(plan: Plan, progress: Progress, now: float) -> float:
    """What the clock shows when a response is over, as things stand; infinite where only polls, hands or nothing end it."""
    run, ends_s = plan.background, timeline_at(plan, progress).ends_s
    if run is None or run.moved_by == "clock":
        return plan.started_at + ends_s - progress.moved_s if ends_s < NEVER_S else math.inf
    return now if progress.moved_s >= ends_s else math.inf


def is_visible(plan: Plan, progress: Progress, now: float) -> bool:
    """Whether a GET finds the response: delivered, or a background run; not deleted, and not forgotten with time.

    A stored response is kept for 30 days from its creation, a background run that is not stored for ten minutes from its end.
    """
    if progress.is_deleted or progress.cut == "hung_up" or now >= plan.started_at + KEPT_S:
        return False
    if plan.background is None:
        return progress.is_delivered
    if plan.is_stored:
        return True
    ended_at = ends_at(plan, progress, now) if progress.ended_at is None else progress.ended_at
    return now < ended_at + KEPT_UNSTORED_S


def state_at(plan: Plan, progress: Progress, now: float) -> bytes | None:
    """The body a GET shows at `now`, None where it finds nothing."""
    if not is_visible(plan, progress, now):
        return None
    timeline = timeline_at(plan, progress)
    return timeline.body_at(timeline.ends_s if plan.background is None else elapsed_at(plan, progress, now))


def status_at(plan: Plan, progress: Progress, now: float) -> str | None:
    """The status of that body, or None where there is none."""
    if not is_visible(plan, progress, now):
        return None
    return run_status_at(plan, progress, now)


def run_status_at(plan: Plan, progress: Progress, now: float) -> str:
    """How far the run is, whether or not anybody may look at it."""
    if plan.background is None:
        return plan.ending.status if progress.is_delivered and progress.cut != "hung_up" else "in_progress"
    return timeline_at(plan, progress).status_at(elapsed_at(plan, progress, now))
