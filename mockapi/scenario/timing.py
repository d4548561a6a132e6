"""When things happen: the pace of an answer's events, and the states of a background run."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, WithJsonSchema, model_validator

from mockapi.scenario.fields import STRICT, Duration
from mockapi.scenario.units import RATE, parse_rate
from mockapi.wire.typed import by_kind

__all__ = ["BackgroundForm", "PaceForm", "Run"]

Rate = Annotated[float, BeforeValidator(parse_rate), WithJsonSchema({"type": "string", "pattern": RATE, "examples": ["50/s"]})]


def _percent(value: object) -> float:
    if isinstance(value, str) and value.isascii() and value.endswith("%") and value[:-1].replace(".", "", 1).isdigit():
        share = float(value[:-1]) / 100
        if share <= 1:
            return share
    raise ValueError("jitter is written like 20%, at most 100%")


Percent = Annotated[
    float, BeforeValidator(_percent), WithJsonSchema({"type": "string", "pattern": r"^[0-9.]+%$", "examples": ["20%"]})
]

Unit = Literal["words", "tokens", "chars"]
Chunk = Annotated[
    Unit | int, by_kind("words, tokens, chars or a number", text=Unit, number=Annotated[int, Field(ge=1, le=1_000_000)])
]


def _not_busy(seconds: float) -> float:
    if 0 < seconds < 0.1:
        raise ValueError("keepalive events come every 100ms at most")
    return seconds


Keepalive = Annotated[Duration, AfterValidator(_not_busy)]


class PaceForm(BaseModel):
    """Timing of the reply's events."""

    model_config = STRICT

    first: Duration = 0.0
    """The wait before the first delta."""
    rate: Rate | None = None
    """Deltas per time; all at once unless given."""
    chunk: Chunk = "words"
    """What a delta holds; a number counts characters."""
    jitter: Percent = 0.0
    """How much longer or shorter an interval may be."""
    keepalive: Keepalive = 0.0
    """A `keepalive` event after each such time without another event."""


Polls = Annotated[int, Field(ge=0, le=1_000_000)]
Span = Annotated[object, by_kind("a duration or a number of polls", text=Duration, number=Polls)]
State = Literal["queued", "in_progress"]


class BackgroundForm(BaseModel):
    """Timing of a background run: durations, or whole numbers of polls that see each state, or where it is stuck."""

    model_config = STRICT | {"json_schema_extra": {"minProperties": 1}}

    queued: Span | None = None
    """How long the run is queued, or how many polls see it so."""
    in_progress: Span | None = None
    """How long the run is in progress, or how many polls see it so."""
    stuck: State | None = None
    """The status that the run never leaves."""

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> "BackgroundForm":
        spans = [span for span in (self.queued, self.in_progress) if span is not None]
        if self.stuck is not None and spans:
            raise ValueError("a run is stuck, or it takes its time: not both")
        if self.stuck is None and not spans:
            raise ValueError("say queued and in_progress, or stuck")
        if len({type(span) for span in spans}) > 1:
            raise ValueError("give queued and in_progress both as durations, or both as numbers of polls")
        return self


Run = Annotated[object, by_kind("manual, or a mapping", text=Literal["manual"], mapping=BackgroundForm)]
