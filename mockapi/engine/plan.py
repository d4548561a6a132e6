"""The plan: what a matched step made of a request. Stored as bytes; everything a client can see follows from it and the clock."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal, NamedTuple

from pydantic import TypeAdapter

from mockapi.engine.score import USUAL_KEY, Score, ScoreKey, score_of
from mockapi.wire.ids import Derivation
from mockapi.wire.json import Encodable, JsonObject, dumps, encoded
from mockapi.wire.objects import Echo
from mockapi.wire.typed import TypedDict

__all__ = ["COMPLETED", "NEVER_S", "PLAN_VERSION", "Background", "Ending", "Plan", "Progress"]

PLAN_VERSION = 1


@dataclass(frozen=True, slots=True)
class Ending:
    """How a response ends: the terminal status, and what that status carries."""

    status: Literal["completed", "failed", "incomplete"] = "completed"
    error: JsonObject | None = None
    reason: str | None = None


COMPLETED = Ending()


NEVER_S = 1e15
"""A duration that does not end; JSON has no infinity."""


@dataclass(frozen=True, slots=True)
class Background:
    """A background run: how long it is queued and in progress, and what makes its own time pass.

    With `clock` durations are seconds; with `polls` each poll is one of them; with `manual` each move by hand. Its events lie
    evenly over `in_progress_s` where `is_spread`, else as the pace has them. `is_streamed` tells that it was created with
    `stream`.
    """

    queued_s: float = 0.0
    in_progress_s: float = 0.0
    moved_by: Literal["clock", "polls", "manual"] = "clock"
    is_spread: bool = False
    is_streamed: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """What is not a function of the clock. Changed by compare-and-set.

    Whether delivery ended; how far the response's own time was moved beside the clock (by polls, by hand, by delivery under a
    virtual clock), in seconds or moves; what cut it, and where in its own time; whether it was deleted; and what the clock showed
    when it was cut or moved to its end.
    """

    is_delivered: bool = False
    moved_s: float = 0.0
    cut: Literal["hung_up", "cancelled"] | None = None
    cut_s: float = 0.0
    is_deleted: bool = False
    ended_at: float | None = None


class Plan(NamedTuple):
    """A response before it is played.

    `started_at` is the clock's time in seconds at create; `drafts` is a JSON array of output items as scripted; `usage` is
    scripted or counted at create.
    """

    digest: bytes
    started_at: float
    echo: Echo
    drafts: bytes
    key: ScoreKey
    usage: Mapping[str, object]
    scenario: str = ""
    step: str = ""
    id: str = ""
    partition: str | None = None
    is_stored: bool = True
    ending: Ending = COMPLETED
    background: Background | None = None

    @property
    def ids(self) -> Derivation:
        """Where every id of this response comes from."""
        return Derivation(self.digest, is_stored=self.is_stored, seconds=int(self.started_at), partition=self.partition)

    @property
    def score(self) -> Score:
        """Its score; remembered by content."""
        return score_of(self.drafts, self.key)

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        return sum(map(len, self.echo)) + len(self.drafts) + 500

    def to_bytes(self) -> bytes:
        """For the store: lines of JSON; first what is small, then the echo's parts, then the drafts."""
        small: _Small = {
            "version": PLAN_VERSION, "digest": self.digest.hex(), "started_at": self.started_at, "usage": dict(self.usage),
            "scenario": self.scenario, "step": self.step, "id": self.id, "partition": self.partition,
            "is_stored": self.is_stored,
        }  # fmt: skip
        details = b"null"
        is_usual = self.key is USUAL_KEY or self.key == USUAL_KEY
        if not is_usual or self.ending is not COMPLETED or self.background:
            details = dumps({"key": self.key, "ending": self.ending, "background": self.background})
        return b"\n".join((dumps(small), details, *self.echo, self.drafts))

    @staticmethod
    def of(part: "bytes | Encodable") -> "Plan":
        """A stored plan; ValueError if it is bytes that are not one of this version."""
        return part if isinstance(part, Plan) else Plan.from_bytes(encoded(part))

    @staticmethod
    def from_bytes(data: bytes) -> "Plan":
        """From the store; ValueError if the bytes are not a plan of this version."""
        first, second, *echo, drafts = data.split(b"\n")
        small = _small().validate_json(first)
        if small["version"] != PLAN_VERSION:
            raise ValueError(f"a plan of version {small['version']} cannot be read by this one, {PLAN_VERSION}")
        details = _details().validate_json(second) or _Details(key=USUAL_KEY, ending=COMPLETED, background=None)
        return Plan(
            bytes.fromhex(small["digest"]), small["started_at"], Echo._make(echo), drafts, details["key"],
            small["usage"], small["scenario"], small["step"], small["id"], small["partition"], small["is_stored"],
            details["ending"], details["background"],
        )  # fmt: skip


class _Small(TypedDict):
    version: int
    digest: str
    started_at: float
    usage: JsonObject
    scenario: str
    step: str
    id: str
    partition: str | None
    is_stored: bool


class _Details(TypedDict):
    key: ScoreKey
    ending: Ending
    background: Background | None


@cache
def _small() -> TypeAdapter[_Small]:
    return TypeAdapter(_Small)


@cache
def _details() -> TypeAdapter[_Details | None]:
    """Built when bytes are read: a store in memory never does."""
    return TypeAdapter(_Details | None)
