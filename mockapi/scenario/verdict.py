"""Verdicts: True, False, or None for what cannot be told; and how several make one (Kleene's logic)."""

from collections.abc import Callable, Iterable

__all__ = ["Verdict", "counted", "either", "every", "negated", "some"]

Verdict = bool | None


def negated(verdict: Verdict) -> Verdict:
    """The opposite; what cannot be told stays so."""
    return None if verdict is None else not verdict


def every(verdicts: Iterable[Verdict]) -> Verdict:
    """Whether all hold; the rest is not looked at after one that does not."""
    is_known = True
    for verdict in verdicts:
        if verdict is False:
            return False
        is_known = is_known and verdict is True
    return True if is_known else None


def some(verdicts: Iterable[Verdict]) -> Verdict:
    """Whether at least one holds; the rest is not looked at after it."""
    return negated(every(map(negated, verdicts)))


def either(verdict: Verdict, other: Callable[[], Verdict]) -> Verdict:
    """Whether one of two holds; the other is asked for only if need be."""
    return verdict or some((verdict, other()))


def counted(verdicts: list[Verdict], least: float, most: float) -> Verdict:
    """Whether between `least` and `most` of them hold."""
    surely, perhaps = verdicts.count(True), len(verdicts) - verdicts.count(False)
    if perhaps < least or surely > most:
        return False
    return True if surely >= least and perhaps <= most else None
