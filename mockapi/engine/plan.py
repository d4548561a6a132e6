"""The plan: what a matched step made of a request. Stored as bytes; everything a client can see follows from it and the clock."""

from dataclasses import dataclass, field
from typing import Literal

from pydantic import TypeAdapter

from mockapi.engine.score import Score, ScoreKey, score_of
from mockapi.wire.ids import Derivation
from mockapi.wire.json import JsonObject, dumps
from mockapi.wire.objects import Echo

__all__ = ["PLAN_VERSION", "Background", "Ending", "Plan", "Progress"]

PLAN_VERSION = 1


@dataclass(frozen=True, slots=True)
class Ending:
    """How a response ends: the terminal status, and what that status carries."""

    status: Literal["completed", "failed", "incomplete"] = "completed"
    error: JsonObject | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Background:
    """A background run: seconds it is queued and in progress."""

    queued_s: float = 0.0
    in_progress_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Progress:
    """What is not a function of the clock: whether delivery ended, and how it was cut. Changed by compare-and-set."""

    is_delivered: bool = False
    cut: Literal["hung_up"] | None = None


@dataclass(frozen=True)
class Plan:
    """A response before it is played.

    `started_at` is the clock's time in seconds at create; `drafts` is a JSON array of output items as scripted; `usage` is
    scripted or counted at create.
    """

    digest: str
    started_at: float
    echo: Echo
    drafts: str
    key: ScoreKey
    usage: JsonObject
    scenario: str = ""
    step: str = ""
    id: str = ""
    partition: str | None = None
    is_stored: bool = True
    ending: Ending = field(default_factory=Ending)
    background: Background | None = None

    @property
    def ids(self) -> Derivation:
        """Where every id of this response comes from."""
        return Derivation(bytes.fromhex(self.digest), self.is_stored, int(self.started_at), self.partition)

    @property
    def response_id(self) -> str:
        """The scripted id, or the derived one."""
        return self.id or self.ids.id("resp", 0)

    @property
    def score(self) -> Score:
        """Its score; remembered by content."""
        return score_of(self.drafts.encode(), self.key)

    def to_bytes(self) -> bytes:
        """For the store."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return dumps({"version": PLAN_VERSION, **values})

    @staticmethod
    def from_bytes(data: bytes) -> "Plan":
        """From the store; ValueError if the bytes are not a plan of this version."""
        stored = _STORED.validate_json(data)
        return stored.plan()


@dataclass(frozen=True)
class _Stored(Plan):
    version: Literal[1] = PLAN_VERSION

    def plan(self) -> Plan:
        return Plan(**{name: getattr(self, name) for name in Plan.__dataclass_fields__})


_STORED = TypeAdapter(_Stored)
