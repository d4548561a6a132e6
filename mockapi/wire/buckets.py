"""Token buckets: what they hold, when, and whether all of several give what is asked of them. Pure; time is given to it.

A bucket holds its capacity when nothing was taken, and refills as much within a minute, continuously.
"""

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["MINUTE_S", "Bucket", "Demand", "Draw", "draw", "refilled", "seconds_until", "slack_of"]

MINUTE_S = 60.0
"""A bucket that nothing was taken from for so long is full, and need not be remembered."""


def slack_of(capacity: int) -> float:
    """What binary fractions may lose on the way: a microsecond of refilling, and never a thousandth of what is counted."""
    return min(capacity * 1e-6 / MINUTE_S, 1e-3)


class Bucket(NamedTuple):
    """What a bucket held, at that time of the project's clock (seconds)."""

    level: float
    at: float


class Demand(NamedTuple):
    """What is asked of the bucket `key`; at most `capacity` is ever in it."""

    key: bytes
    capacity: int
    amount: int


class Draw(NamedTuple):
    """Whether the amounts were taken, and what the buckets hold after that: without them, if they were not."""

    is_granted: bool
    buckets: tuple[Bucket, ...]


def refilled(bucket: Bucket | None, capacity: int, now: float) -> Bucket:
    """A bucket at a later time; None is one that is full. Time never goes back in a bucket."""
    if bucket is None:
        return Bucket(float(capacity), now)
    level = bucket.level + max(0.0, now - bucket.at) * capacity / MINUTE_S
    return Bucket(min(level, float(capacity)), max(bucket.at, now))


def draw(buckets: Sequence[Bucket | None], demands: Sequence[Demand], now: float) -> Draw:
    """Take all amounts, each from the bucket in its place, or none if one of them holds too little."""
    full = tuple([refilled(bucket, each.capacity, now) for bucket, each in zip(buckets, demands, strict=True)])
    if any([each.amount > bucket.level + slack_of(each.capacity) for bucket, each in zip(full, demands, strict=True)]):
        return Draw(False, full)
    return Draw(True, tuple([Bucket(bucket.level - each.amount, bucket.at) for bucket, each in zip(full, demands, strict=True)]))


def seconds_until(wanted: float, level: float, capacity: int) -> float:
    """How long a bucket that holds `level` refills until it gives `wanted`; 0 if it does."""
    return max(0.0, wanted - slack_of(capacity) - level) * MINUTE_S / capacity
