"""Pace: how a text is cut into deltas, and when each is due."""

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Literal

from mockapi.wire.ids import chance
from mockapi.wire.tokens import split_tokens

__all__ = ["Chunk", "Pace", "split_text"]

Chunk = Literal["words", "tokens", "chars"] | int

_WORDS = re.compile(r"\s*\S+|\s+$|\s+")


@dataclass(frozen=True, slots=True)
class Pace:
    """Timing of a stream, seconds throughout: wait before the first delta, then one delta every `interval_s`.

    `jitter` (0 to 1) moves each interval by at most that share of it, decided by hash. Where nothing else comes for
    `keepalive_s`, a `keepalive` event does (0: never).
    """

    first_s: float = 0.0
    interval_s: float = 0.0
    chunk: Chunk = "words"
    jitter: float = 0.0
    keepalive_s: float = 0.0

    @property
    def is_instant(self) -> bool:
        """Nothing is waited for."""
        return self.first_s == 0.0 and self.interval_s == 0.0

    def offsets(self, deltas: int, seed: bytes = b"") -> list[float]:
        """When each of so many deltas is due, in seconds after the stream began; sorted."""
        if self.is_instant or deltas == 0:
            return [0.0] * deltas
        if not self.jitter:
            return [self.first_s + n * self.interval_s for n in range(deltas)]
        steps = (self.interval_s * (1 + self.jitter * (2 * chance(seed, b"jitter%d" % n) - 1)) for n in range(1, deltas))
        return list(accumulate(steps, initial=self.first_s))


@lru_cache(maxsize=64)
def _every(size: int) -> re.Pattern[str]:
    return re.compile(f".{{1,{size}}}", re.DOTALL)


def split_text(text: str, chunk: Chunk = "words") -> list[str]:
    """The deltas of a text; joined, they are the text; none for the empty one."""
    if chunk == "words":
        return _WORDS.findall(text)
    if chunk == "tokens":
        return [piece for piece in split_tokens(text) if piece]
    return _every(1 if chunk == "chars" else chunk).findall(text)
