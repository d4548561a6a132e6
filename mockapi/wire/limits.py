"""Rate limits as the real API tells them: messages (ERRORS.md §8), headers (§11); and how people write them."""

import math
import re
from difflib import get_close_matches
from typing import Literal, NamedTuple

from mockapi.errors import ApiError
from mockapi.wire.buckets import seconds_until, slack_of
from mockapi.wire.catalogue import told

__all__ = [
    "MOST_REQUESTS",
    "MOST_TOKENS",
    "Gauge",
    "Kind",
    "Limit",
    "Payer",
    "Rates",
    "check_figure",
    "limit_error",
    "parse_limit",
    "rate_headers",
]

MOST_REQUESTS, MOST_TOKENS = 30_000, 150_000_000
"""A minute's limits that headers show where none is set: those of recordings (ERRORS.md §11)."""

Kind = Literal["requests", "tokens"]
"""What is limited; also the type of the error."""

_MOST = 1_000_000_000


class Limit(NamedTuple):
    """Requests and tokens a minute; None where there is no limit. At least one is given."""

    rpm: int | None = None
    tpm: int | None = None


class Gauge(NamedTuple):
    """One limit of a minute, and how much of it is left."""

    limit: int
    level: float

    @property
    def left(self) -> int:
        """Whole units that are left."""
        return max(0, math.floor(self.level + slack_of(self.limit)))


class Rates(NamedTuple):
    """Where the limits of a model stand; None for what is not limited."""

    requests: Gauge | None = None
    tokens: Gauge | None = None


class Payer(NamedTuple):
    """Whose limits they are; `is_project` if the call names its project, or comes with a project's key."""

    organization: str
    project: str
    is_project: bool = False

    @property
    def in_project(self) -> str:
        """As messages tell it that speak of the project."""
        return f"project {self.project} organization {self.organization}"


def rate_headers(rates: Rates, used: int = 0) -> dict[str, str]:
    """`x-ratelimit-*` in the real API's order; `used` tokens are shown as taken where tokens are not limited."""
    gauges = {
        "requests": rates.requests or Gauge(MOST_REQUESTS, MOST_REQUESTS - 1),
        "tokens": rates.tokens or Gauge(MOST_TOKENS, MOST_TOKENS - used),
    }
    limits = {f"x-ratelimit-limit-{kind}": str(gauge.limit) for kind, gauge in gauges.items()}
    left = {f"x-ratelimit-remaining-{kind}": str(gauge.left) for kind, gauge in gauges.items()}
    resets = {f"x-ratelimit-reset-{kind}": _shown(round(_until_full_s(gauge) * 1000)) for kind, gauge in gauges.items()}
    return {**limits, **left, **resets}


def _until_full_s(gauge: Gauge) -> float:
    return seconds_until(gauge.limit, gauge.level, gauge.limit)


def limit_error(kind: Kind, model: str, payer: Payer, gauge: Gauge, amount: int) -> ApiError:
    """The 429 of a request that asks for more than is left; one that asks for more than the limit is not told to wait."""
    is_too_large = amount > gauge.limit
    shown = payer.in_project if payer.is_project or is_too_large else f"organization {payer.organization}"
    fields = {"model": model, "payer": shown, "limit": gauge.limit, "requested": amount}
    if is_too_large:
        return told("request_too_large", **fields)
    wait_ms = _wait_ms(seconds_until(amount, gauge.level, gauge.limit))
    row = "rate_limit_exceeded" if kind == "requests" else "rate_limit_tokens"
    error = told(row, **fields, used=gauge.limit - gauge.left, retry=_shown(wait_ms))
    error.headers["retry-after"] = str(max(1, -(-wait_ms // 1000)))
    return error


def _wait_ms(seconds: float) -> int:
    """Whole milliseconds that are enough."""
    return max(1, math.ceil(seconds * 1000))


def _shown(milliseconds: int) -> str:
    minutes, rest = divmod(milliseconds, 60_000)
    if minutes:
        return f"{minutes}m{_seconds(rest)}"
    return f"{rest}ms" if 0 < rest < 1000 else _seconds(rest)


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.3f}".rstrip("0").rstrip(".") + "s"


_WRITTEN = "a rate limit is written like 60rpm, 100000tpm or 60rpm,100000tpm"
_PART = re.compile(r"([+-]?[0-9]{1,30})\s*([a-z]+)")


def parse_limit(text: str) -> Limit | None:
    """The limits in `60rpm,100000tpm`; None for nothing; `ValueError` with what to write instead."""
    figures: dict[str, int] = {}
    for part in [each.strip().lower() for each in text.split(",")] if text.strip() else []:
        found = _PART.fullmatch(part)
        if found is None:
            raise ValueError(f"{_WRITTEN}, got {_clipped(text)!r}")
        number, unit = found.groups()
        if unit not in ("rpm", "tpm"):
            near = get_close_matches(unit, ("rpm", "tpm"), n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"{_WRITTEN}, got the unit {_clipped(unit)!r}{hint}")
        if unit in figures:
            raise ValueError(f"{unit} is given twice in {_clipped(text)!r}")
        figures[unit] = check_figure(unit, int(number))
    return Limit(**figures) if figures else None


def check_figure(unit: str, number: int) -> int:
    """The number; `ValueError` if no bucket can be that large or small."""
    if not 1 <= number <= _MOST:
        raise ValueError(f"{unit} is a whole number from 1 to {_MOST}, got {number}")
    return number


def _clipped(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."
