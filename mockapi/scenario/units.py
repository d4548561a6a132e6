"""Durations and rates as people write them."""

import re

__all__ = ["DURATION", "RATE", "parse_duration", "parse_rate"]

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
LONGEST_S = 10 * 365 * 86400.0
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")
_RATE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*/\s*(s|m|h)")

DURATION, RATE = f"^{_WHOLE.pattern}$", f"^{_RATE.pattern}$"
"""How they are written, for the JSON Schema."""


def parse_duration(text: object) -> float:
    """Seconds in `250ms`, `2s`, `10m`, `1h30m`; ValueError with what to write instead."""
    if not isinstance(text, str) or not _WHOLE.fullmatch(text):
        raise ValueError("a duration is written like 250ms, 2s, 10m or 1h30m")
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))
    if seconds > LONGEST_S:
        raise ValueError("a duration is ten years at most")
    return seconds


def parse_rate(text: object) -> float:
    """Events per second in `50/s`, `600/m`; ValueError with what to write instead."""
    found = _RATE.fullmatch(text) if isinstance(text, str) else None
    if found is None or float(found[1]) == 0:
        raise ValueError("a rate is written like 50/s or 600/m")
    return float(found[1]) / _SECONDS[found[2]]
