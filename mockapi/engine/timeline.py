"""The timeline: a plan played on a clock. Stream, body, poll and resume are readings of it (DESIGN.md).

Pure: `now` is always given. Offsets are seconds since the response was created.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import NamedTuple

from mockapi.engine.plan import Plan, Progress
from mockapi.engine.score import Score
from mockapi.engine.shaping import SHOWABLE
from mockapi.scenario.context import Call
from mockapi.wire.events import encode_data, frame
from mockapi.wire.json import JsonObject
from mockapi.wire.objects import Snapshot, encode_response

__all__ = ["Event", "Timeline", "state_at", "status_at"]


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


class Timeline:
    """Everything a client can ever see of one response, and when."""

    def __init__(self, plan: Plan, score: Score | None = None) -> None:
        self.plan = plan
        self.score = score or plan.score
        self.source = plan.ids
        self.response_id = plan.id or self.source.id("resp", 0)
        self.item_ids = self.score.ids(self.source)
        self._stored = b""
        run = plan.background
        self.begins_s = run.queued_s if run else 0.0  # when it goes from queued to in progress
        self.ends_s = self.begins_s + max(run.in_progress_s, self.score.end_s) if run else self.score.end_s

    @property
    def stored(self) -> bytes:
        """The plan as bytes; the same object each time, so that store and journal share it."""
        if not self._stored:
            self._stored = self.plan.to_bytes()
        return self._stored

    @property
    def output(self) -> bytes:
        """The finished items, a JSON array."""
        return self._fill(self.score.output)

    @property
    def whole_output(self) -> bytes:
        """The finished items with everything that `include` could have asked for."""
        key = self.plan.key
        shaping = replace(key.shaping, include=SHOWABLE)
        return self.output if shaping == key.shaping else Timeline(self.plan._replace(key=replace(key, shaping=shaping))).output

    @property
    def output_ids(self) -> tuple[str, ...]:
        """The id of each item, in order."""
        return self.score.ids_of_items(self.item_ids)

    @property
    def calls(self) -> Mapping[str, Call]:
        """The calls a client has to answer, by call_id."""
        return self.score.calls(self.item_ids)

    def _fill(self, data: bytes) -> bytes:
        return self.score.filled(data, self.item_ids)

    def elapsed_s(self, now: float | None) -> float:
        """Where on this timeline a moment of the clock lies; its end where durations pass at once."""
        return self.ends_s if now is None or self.plan.background is None else now - self.plan.started_at

    def status_at(self, elapsed_s: float) -> str:
        """`queued`, `in_progress` or the terminal status; never goes back as time goes on."""
        if elapsed_s >= self.ends_s:
            return self.plan.ending.status
        return "in_progress" if elapsed_s >= self.begins_s else "queued"

    def body_at(self, elapsed_s: float, *, in_stream: bool = False) -> bytes:
        """The response body at a moment; output is `[]` until the end (WIRE.md §8)."""
        return self._body(self.status_at(elapsed_s), in_stream=in_stream)

    @property
    def answer(self) -> bytes:
        """What a create that is not streamed answers: the finished body, or at once the queued one of a background run."""
        return self._body("queued" if self.plan.background else self.plan.ending.status)

    def _body(self, status: str, *, in_stream: bool = False) -> bytes:
        plan, ending = self.plan, self.plan.ending
        is_over = status not in ("queued", "in_progress")
        completed_at = int(plan.started_at + self.ends_s) if status == "completed" else None
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

    @cached_property
    def tail(self) -> tuple[Event, ...]:
        """The terminal event, before it the `error` event of a failure (WIRE.md §5)."""
        number, status = len(self.head) + len(self.score.notes), self.plan.ending.status
        if status != "failed":
            return (self._lifecycle(f"response.{status}", number, status, self.ends_s),)
        data = encode_data("error", {"error": self.plan.ending.error, "sequence_number": number})
        failed = self._lifecycle("response.failed", number + 1, status, self.ends_s)
        return Event(self.ends_s, "error", number, data), failed

    def events(self, after: int = -1) -> Iterator[Event]:
        """All events with a `sequence_number` over `after`, in order."""
        first = len(self.head)
        notes = self.score.notes
        yield from (event for event in self.head if event.sequence_number > after)
        for number in range(max(first, after + 1), first + len(notes)):
            note = notes[number - first]
            yield Event(self.begins_s + note.offset_s, note.type, number, self._fill(note.data))
        yield from (event for event in self.tail if event.sequence_number > after)

    @property
    def stream(self) -> bytes:
        """The whole stream, framed, for whoever waits for nothing."""
        blocks = [self._fill(block) for _, block in self.score.blocks]
        return b"".join([*(event.framed for event in self.head), *blocks, *(event.framed for event in self.tail)])

    def pieces(self) -> Iterator[tuple[float, bytes]]:
        """The whole stream as framed bytes, what is due together in one piece; offsets ascend."""
        pending = [event.framed for event in self.head]
        due = self.head[-1].offset_s
        if self.head[0].offset_s != due:
            yield 0.0, b"".join(pending[:-1])
            pending = pending[-1:]
        blocks = [(self.begins_s + offset, self._fill(block)) for offset, block in self.score.blocks]
        blocks += [(event.offset_s, event.framed) for event in self.tail]
        for offset, block in blocks:
            if offset != due:
                yield due, b"".join(pending)
                pending = []
            due = offset
            pending.append(block)
        yield due, b"".join(pending)


def _shown_error(error: JsonObject) -> JsonObject:
    return {"code": error["code"], "message": error["message"]}


def state_at(plan: Plan, progress: Progress, now: float | None) -> bytes | None:
    """The body a GET shows at `now`; None while a foreground response is not delivered, or when it was hung up.

    `now` is None on a clock whose durations pass at once: every run is over when it is looked at.
    """
    if plan.background is None and (not progress.is_delivered or progress.cut is not None):
        return None
    timeline = Timeline(plan)
    return timeline.body_at(timeline.elapsed_s(now))


def status_at(plan: Plan, progress: Progress, now: float | None) -> str | None:
    """The status of that body, or None where there is none."""
    if plan.background is None:
        return plan.ending.status if progress.is_delivered and progress.cut is None else None
    timeline = Timeline(plan)
    return timeline.status_at(timeline.elapsed_s(now))
