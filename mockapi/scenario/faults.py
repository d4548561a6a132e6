"""The key `fault`: how an answer is broken on its way, and where. What each fault does is in `mockapi.engine.faults`."""

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticKnownError

from mockapi.scenario.fields import STRICT, Duration
from mockapi.wire.typed import by_kind

__all__ = ["BadJson", "BadToolCall", "Fault", "FaultForm", "Position", "fault_of"]


_POSITION = re.compile(r"(?:response\.)?([a-z_]+(?:\.[a-z_]+)*)(?:#([1-9][0-9]{0,8}))?")
_BYTES = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(B|kB|MB)/s")
_BYTES_OF = {"B": 1.0, "kB": 1_000.0, "MB": 1_000_000.0}
_WHAT_IT_IS = "an event's number (12), or the N-th event of a type (output_text.delta#3)"


@dataclass(frozen=True, slots=True)
class Position:
    """An event of a stream: by `sequence_number`, or the `nth` of a type (without `response.`), counted from 1."""

    number: int | None = None
    type: str = ""
    nth: int = 1

    def __str__(self) -> str:
        return str(self.number) if self.number is not None else f"{self.type}#{self.nth}"


def _position(value: object) -> Position:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9:
        return Position(value)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10:
        return Position(int(value))
    found = _POSITION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"a position is {_WHAT_IT_IS}")
    return Position(None, found[1], int(found[2] or 1))


_POSITION_PATTERN = rf"^(?:[0-9]{{1,9}}|{_POSITION.pattern})$"
_POSITION_SCHEMA = {
    "type": ["integer", "string"],
    "minimum": 0,
    "pattern": _POSITION_PATTERN,
    "examples": [12, "output_text.delta#3"],
    "description": _WHAT_IT_IS,
}
Place = Annotated[Position, BeforeValidator(_position), WithJsonSchema(_POSITION_SCHEMA)]


def _byte_rate(value: object) -> float:
    found = _BYTES.fullmatch(value) if isinstance(value, str) else None
    if found is None or not float(found[1]):
        raise ValueError("a rate of bytes is written like 100B/s, 2kB/s or 1MB/s")
    return float(found[1]) * _BYTES_OF[found[2]]


ByteRate = Annotated[
    float,
    BeforeValidator(_byte_rate),
    WithJsonSchema({"type": "string", "pattern": f"^{_BYTES.pattern}$", "examples": ["100B/s"]}),
]


def _no_number(value: object) -> object:
    if value is True or not isinstance(value, int | float):
        return value
    raise PydanticKnownError("literal_error", {"expected": "True"})  # 1 is equal to it, and means something else


Yes = Annotated[Literal[True], BeforeValidator(_no_number)]
BadToolCall = Literal["invalid_json", "unknown_tool", "missing_argument", "wrong_type"]
BadJson = Literal["invalid", "missing_key", "wrong_type"]


class StallForm(BaseModel):
    """Silence behind an event; without `for` until the client gives up."""

    model_config = STRICT

    at: Place
    """The event after which nothing comes."""
    for_: Annotated[Duration | None, Field(alias="for")] = None
    """How long; until the client gives up unless given."""


class StreamErrorForm(BaseModel):
    """An `error` event and `response.failed` behind an event; code and message are those of `fail`."""

    model_config = STRICT

    at: Place
    """The event after which the error comes."""
    code: str = "server_error"
    """Its code."""
    message: str | None = None
    """What it says."""


_MOST_BYTES = 10**9
_HOW_MANY = "How many bytes of the body are sent before."


class AfterBytes(BaseModel):
    """A connection that is dropped within the body."""

    model_config = STRICT

    after_bytes: Annotated[int, Field(ge=0, le=_MOST_BYTES, description=_HOW_MANY)]


def _drop(value: object) -> object:
    return value if value == "before_headers" or isinstance(value, AfterBytes | Position) else _position(value)


_AFTER_BYTES_SCHEMA = {
    "additionalProperties": False,
    "description": "A connection that is dropped within the body.",
    "properties": {
        "after_bytes": {
            "description": _HOW_MANY, "maximum": _MOST_BYTES, "minimum": 0, "title": "After Bytes", "type": "integer"
        }
    },
    "required": ["after_bytes"],
    "title": "AfterBytes",
    "type": "object",
}  # fmt: skip
"""Written down, not made: pydantic's schemas take a while to load."""

_DROP_SCHEMA = {"anyOf": [_POSITION_SCHEMA, {"const": "before_headers"}, _AFTER_BYTES_SCHEMA]}
Drop = Annotated[
    object,
    by_kind("a position, before_headers, or {after_bytes: N}", number=Place, text=object, mapping=AfterBytes),
    AfterValidator(_drop),
    WithJsonSchema(_DROP_SCHEMA),
]


class FaultForm(BaseModel):
    """What goes wrong between a finished answer and its client; several may be combined."""

    model_config = STRICT | {"json_schema_extra": {"minProperties": 1}}

    delay: Duration | None = None
    """The headers come so much later."""
    timeout: Annotated[object, by_kind("true or a duration", flag=Yes, text=Duration)] = None
    """Accepted, and never answered; with a duration, closed then."""
    disconnect: Drop | None = None
    """The connection is closed after this event, after some bytes, or before the headers."""
    reset: bool = False
    """`disconnect` is a TCP reset."""
    stall: StallForm | None = None
    """Silence after an event."""
    truncate: Place | None = None
    """The stream ends after this event, without a terminal one."""
    stream_error: StreamErrorForm | None = None
    """An error event after this one, and `response.failed`."""
    malformed: Place | None = None
    """The data of this event is not JSON."""
    corrupt_json: Yes | None = None
    """The JSON of a body is cut in half."""
    duplicate: Place | None = None
    """This event comes twice."""
    reorder: Place | None = None
    """This event and the next swap places."""
    drop: Place | None = None
    """This event is missing."""
    unknown_event: Place | None = None
    """An event of an unknown type comes before this one."""
    split_utf8: Yes | None = None
    """Every character of several bytes is cut across two writes."""
    html_error: Annotated[int, Field(ge=400, le=599)] | None = None
    """A proxy's HTML page with this status."""
    slow_body: ByteRate | None = None
    """The body trickles: bytes per second."""
    bad_tool_call: BadToolCall | None = None
    """The model calls a tool wrongly, in this way."""
    bad_json: BadJson | None = None
    """A message that is JSON does not fit its schema, in this way."""

    @model_validator(mode="after")
    def _can_be_together(self) -> "FaultForm":
        given = {name for name in self.model_fields_set if getattr(self, name) not in (None, False)}
        if not given - {"reset"}:
            raise ValueError("say which fault: " + ", ".join(name for name in FaultForm.model_fields if name != "reset"))
        if self.reset and self.disconnect is None:
            raise ValueError("reset tells how disconnect drops the connection: give disconnect too")
        for alone in ("timeout", "html_error"):
            if alone in given and given - {alone, "delay"}:
                raise ValueError(f"with {alone} the client sees nothing else of the answer: only delay may stand beside it")
        return self


_BARE: dict[str, dict[str, object]] = {
    "timeout": {"timeout": True},
    "disconnect": {"disconnect": "before_headers"},
    "corrupt_json": {"corrupt_json": True},
    "split_utf8": {"split_utf8": True},
    "html_error": {"html_error": 502},
    "bad_tool_call": {"bad_tool_call": "invalid_json"},
    "bad_json": {"bad_json": "invalid"},
}
"""Faults that may be named without a value."""

BareFault = Literal["timeout", "disconnect", "corrupt_json", "split_utf8", "html_error", "bad_tool_call", "bad_json"]
FaultKey = Annotated[str | FaultForm, by_kind("a fault's name or a mapping", text=BareFault, mapping=FaultForm)]
"""What stands under `fault`."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault, compiled. Times in seconds; `timeout_s` and the time of `stall` may be None: until the client gives up.

    `disconnect` is a position, the number of bytes of the body that go out before, or -1: before the headers. `slow_body` counts
    bytes a second.
    """

    names: tuple[str, ...]
    delay_s: float = 0.0
    times_out: bool = False
    timeout_s: float | None = None
    disconnect: Position | int | None = None
    reset: bool = False
    stall: Position | None = None
    stall_s: float | None = None
    truncate: Position | None = None
    stream_error: Position | None = None
    failure: tuple[str, str | None] = ("server_error", None)
    malformed: Position | None = None
    corrupt_json: bool = False
    duplicate: Position | None = None
    reorder: Position | None = None
    drop: Position | None = None
    unknown_event: Position | None = None
    split_utf8: bool = False
    html_error: int | None = None
    slow_body: float | None = None
    bad_tool_call: BadToolCall | None = None
    bad_json: BadJson | None = None

    def __str__(self) -> str:
        return "+".join(self.names)

    @property
    def positions(self) -> dict[str, Position]:
        """The events that it acts on, by the fault's name."""
        found = {name: getattr(self, name) for name in _PLACED}
        return {name: place for name, place in found.items() if isinstance(place, Position)}


_PLACED = ("disconnect", "stall", "truncate", "stream_error", "malformed", "duplicate", "reorder", "drop", "unknown_event")


def fault_of(written: str | FaultForm | None) -> Fault | None:
    """The fault of a form that passed the model."""
    if written is None:
        return None
    form = FaultForm.model_validate(_BARE[written]) if isinstance(written, str) else written
    given = [name for name in FaultForm.model_fields if name != "reset" and getattr(form, name) not in (None, False)]
    stall, error, cut = form.stall, form.stream_error, form.disconnect
    return Fault(
        names=(*given, *(["reset"] if form.reset else [])),
        delay_s=form.delay or 0.0,
        times_out=form.timeout is not None,
        timeout_s=form.timeout if isinstance(form.timeout, float) else None,
        disconnect=cut.after_bytes if isinstance(cut, AfterBytes) else cut if isinstance(cut, Position) else -1 if cut else None,
        reset=form.reset,
        stall=stall.at if stall else None,
        stall_s=stall.for_ if stall else None,
        truncate=form.truncate,
        stream_error=error.at if error else None,
        failure=(error.code, error.message) if error else ("server_error", None),
        malformed=form.malformed,
        corrupt_json=bool(form.corrupt_json),
        duplicate=form.duplicate,
        reorder=form.reorder,
        drop=form.drop,
        unknown_event=form.unknown_event,
        split_utf8=bool(form.split_utf8),
        html_error=form.html_error,
        slow_body=form.slow_body,
        bad_tool_call=form.bad_tool_call,
        bad_json=form.bad_json,
    )
