"""What a fault makes of an answer: the bytes that go out, and what happens between them. Pure; whoever sends does the rest.

One mechanism for every transport: a stream is given event by event, framed; any other body in one piece, where a position means
half of it. Everything before the position goes out.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from mockapi.scenario.faults import Fault, Position
from mockapi.wire.events import encode_data, frame
from mockapi.wire.json import loads

__all__ = ["Act", "BodyFaults", "Hit", "StreamFaults", "events_in"]


class Hit(NamedTuple):
    """A fault that meets an answer: `fillers` complete the catalogue's messages, `by` is the scenario and step that has it."""

    fault: Fault
    fillers: Mapping[str, str]
    by: tuple[str, str] = ("", "")


Kind = Literal["send", "wait", "end", "cut"]


class Act(NamedTuple):
    """One thing to do: send bytes; wait `seconds` (None: until the client gives up); end cleanly; cut the connection."""

    kind: Kind
    data: bytes = b""
    seconds: float | None = 0.0


END, CUT = Act("end"), Act("cut")

_EVENT = re.compile(rb"event: ([^\n]*)\ndata: (.*)\n\n", re.DOTALL)
_SPENT_S = 0.1  # a slow body is written so often


class Event(NamedTuple):
    """A framed event as it stands in a stream: its type without `response.`, and its JSON."""

    type: str
    data: bytes

    @property
    def framed(self) -> bytes:
        """As a server-sent event."""
        return frame(self.type if self.type in ("error", "keepalive") else f"response.{self.type}", self.data)


def events_in(stream: bytes) -> Iterator[Event]:
    """The events of whole frames."""
    for block in stream.split(b"\n\n")[:-1]:
        found = _EVENT.fullmatch(block + b"\n\n")
        if found is not None:
            yield Event(found[1].decode().removeprefix("response."), found[2])


class StreamFaults:
    """A fault on one stream."""

    def __init__(self, fault: Fault, failing: Callable[[int], bytes]) -> None:
        """`failing` gives the framed events of a failure from a `sequence_number` on."""
        self._fault = fault
        self._failing = failing
        self._seen: Counter[str] = Counter()
        self._number = -1
        self._held = b""
        self._held_acts: list[Act] = []
        self._out = _Outlet(fault)
        self._missed = set(fault.positions)
        self.is_over = False
        self.last = -1
        """The `sequence_number` of the last event that went out whole; -1 for none."""
        self.is_whole = False
        """Whether a terminal event went out whole: a client that reads it knows that this was all."""

    @property
    def unreached(self) -> Sequence[str]:
        """What found nothing to act on so far, in words."""
        missed = [f"{name} at {self._fault.positions[name]}" for name in sorted(self._missed)]
        return [*missed, *(["corrupt_json: this is a stream"] if self._fault.corrupt_json else []), *self._out.unreached]

    def feed(self, stream: bytes) -> Iterator[Act]:
        """What to do with whole frames; nothing once it is over."""
        for event in events_in(stream):
            if self.is_over:
                return
            self._number = _number_of(event.data, self._number + 1)
            self._seen[event.type] += 1
            yield from self._watched(self._acts(event))

    def finish(self) -> Iterator[Act]:
        """What is left when the stream ends by itself."""
        if not self.is_over:
            if self._held:
                self._missed.add("reorder")  # there was nothing to swap places with
            left = [Act("send", self._held)] if self._held else []
            yield from self._watched(iter([*left, *self._held_acts, END]))
            self._held, self._held_acts = b"", []

    def _watched(self, acts: Iterator[Act]) -> Iterator[Act]:
        for act in self._out.passed(acts):
            self.is_over = self.is_over or act.kind in ("end", "cut")
            yield act

    def _is_at(self, name: str, place: object, event: Event) -> bool:
        if not isinstance(place, Position):
            return False
        is_here = (
            place.number == self._number
            if place.number is not None
            else place.type == event.type and place.nth == self._seen[event.type]
        )
        if is_here:
            self._missed.discard(name)
        return is_here

    def _acts(self, event: Event) -> Iterator[Act]:
        data = self._changed(event)
        if self._is_at("reorder", self._fault.reorder, event):
            self._held, self._held_acts = data, list(self._behind(event))
            self._tell(event, data)
            return
        yield Act("send", data + self._held)
        self._tell(event, data)
        behind, self._held, self._held_acts = self._held_acts, b"", []
        yield from self._behind(event)
        yield from behind  # what was held has left last

    def _tell(self, event: Event, data: bytes) -> None:
        """An event has gone out, unless it was spoiled or left out."""
        if event.framed in data:
            self.last = self._number
            self.is_whole = self.is_whole or event.type in _TERMINAL

    def _changed(self, event: Event) -> bytes:
        """The event's bytes: spoiled, doubled, gone, or behind one that no client knows."""
        fault, data = self._fault, event.framed
        if self._is_at("malformed", fault.malformed, event):
            data = event._replace(data=event.data[: max(1, len(event.data) // 2)]).framed
        if self._is_at("drop", fault.drop, event):
            data = b""
        if self._is_at("duplicate", fault.duplicate, event):
            data *= 2
        if self._is_at("unknown_event", fault.unknown_event, event):
            fields = {"sequence_number": self._number, "note": "no client knows this event"}
            data = frame(_UNKNOWN, encode_data(_UNKNOWN, fields)) + data
        return data

    def _behind(self, event: Event) -> Iterator[Act]:
        """What happens right after the event has left."""
        fault = self._fault
        if self._is_at("stall", fault.stall, event):
            yield Act("wait", seconds=fault.stall_s)
        if self._is_at("stream_error", fault.stream_error, event):
            yield Act("send", self._failing(self._number + 1))
            self.is_whole = True
            yield END
        if self._is_at("truncate", fault.truncate, event):
            yield END
        if self._is_at("disconnect", fault.disconnect, event):
            yield CUT


_UNKNOWN = "response.mock_unknown"
_TERMINAL = ("completed", "failed", "incomplete")


def _number_of(data: bytes, expected: int) -> int:
    """The event's `sequence_number`; those of a stream that is resumed do not begin at 0."""
    fields = loads(data)
    number = fields.get("sequence_number") if isinstance(fields, dict) else None
    return number if isinstance(number, int) else expected


_OF_EVENTS = ("drop", "duplicate", "reorder", "unknown_event")


class BodyFaults:
    """A fault on a body that is no stream; `length` is the content length that is announced, None for none."""

    def __init__(self, fault: Fault, body: bytes) -> None:
        self._fault = fault
        half = body[: len(body) // 2]
        self._is_halved = bool(fault.corrupt_json or fault.malformed)
        self.is_spoiled = self._is_halved or fault.truncate is not None  # half of it is all there is
        self._body = half if self._is_halved else body
        self._rest = b"" if self._is_halved else body[len(half) :]
        self._half = half
        self.length: int | None = None if fault.truncate else len(self._body)
        self.is_whole = False
        """Whether all of the body went out as it was."""
        self._out = _Outlet(fault)

    @property
    def unreached(self) -> Sequence[str]:
        """What found nothing to act on, in words: a body has no events."""
        missed = [f"{name}: this is no stream" for name in _OF_EVENTS if name in self._fault.positions]
        missed += ["stream_error: the answer is an error already"] if self._fault.stream_error else []
        return [*missed, *self._out.unreached]

    def acts(self) -> Iterator[Act]:
        """What to do for the whole body."""
        yield from self._out.passed(self._acts())

    def _acts(self) -> Iterator[Act]:
        fault = self._fault
        yield Act("send", self._half)
        if fault.stall:
            yield Act("wait", seconds=fault.stall_s)
        if isinstance(fault.disconnect, Position):
            yield CUT
        if not fault.truncate:
            yield Act("send", self._rest)
            self.is_whole = not self._is_halved
        yield END


class _Outlet:
    """The last stage: how bytes are written, and how many are. After an end or a cut nothing comes."""

    def __init__(self, fault: Fault) -> None:
        self._fault = fault
        cut = fault.disconnect
        self._left = cut if isinstance(cut, int) and cut >= 0 else None
        self._owed_s = 0.0

    @property
    def unreached(self) -> Sequence[str]:
        """Bytes that were never written, in words."""
        return [f"disconnect: the body ended {self._left} bytes before"] if self._left else []

    def passed(self, acts: Iterator[Act]) -> Iterator[Act]:
        for act in acts:
            is_short = self._left is not None and len(act.data) > self._left
            if act.kind != "send":
                yield act
            elif act.data:
                yield from self._written(act.data)
            if act.kind in ("end", "cut"):
                return
            if self._left == 0:
                if not is_short:
                    next(acts, None)  # it has left to its last byte, and whoever sent it learns that
                yield CUT
                return

    def _written(self, data: bytes) -> Iterator[Act]:
        if self._left is not None:
            data = data[: self._left]
            self._left -= len(data)
        for piece in self._trickled(data):
            if self._owed_s:  # paid before the next piece: whoever has the last one need not wait for more
                yield Act("wait", seconds=self._owed_s)
            yield from (Act("send", part) for part in (_torn(piece) if self._fault.split_utf8 else [piece]))
            self._owed_s = len(piece) / self._fault.slow_body if self._fault.slow_body else 0.0

    def _trickled(self, data: bytes) -> Iterator[bytes]:
        rate = self._fault.slow_body
        size = max(1, int(rate * _SPENT_S)) if rate else max(1, len(data))
        for start in range(0, len(data), size):
            yield data[start : start + size]


def _torn(data: bytes) -> Iterator[bytes]:
    """Cut within every character that takes several bytes."""
    start = 0
    for place, byte in enumerate(data):
        if byte >= 0xC0 and place + 1 < len(data):  # the first byte of several
            yield data[start : place + 1]
            start = place + 1
    yield data[start:]
