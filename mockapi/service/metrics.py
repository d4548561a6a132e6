"""What a server counts for whoever watches it: plain numbers on a call's way, in Prometheus' words when they are asked for."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from typing import NamedTuple

from mockapi.clock import stopwatch

__all__ = ["Metrics", "Summary", "united"]

_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
Labels = Mapping[str, str]
Sample = tuple[str, Labels, float]
"""What stands behind the metric's name, labels, value."""


class Summary:
    """How often something took time, and how long, in buckets that hold what took no longer."""

    __slots__ = ("_counts", "total_s")

    def __init__(self) -> None:
        self._counts = [0] * (len(_BUCKETS_S) + 1)
        self.total_s = 0.0

    def observe(self, seconds: float) -> None:
        """It took so long once more."""
        place = 0
        for most in _BUCKETS_S:
            if seconds <= most:
                break
            place += 1
        self._counts[place] += 1
        self.total_s += seconds

    def samples(self, labels: Labels) -> Iterator[Sample]:
        """As a histogram."""
        below = 0
        for most, count in zip((*map(str, _BUCKETS_S), "+Inf"), self._counts, strict=True):
            below += count
            yield "_bucket", {**labels, "le": most}, below
        yield "_sum", labels, self.total_s
        yield "_count", labels, below


class Metrics:
    """The counters of one server. Whoever counts adds to them; nothing is kept by project, and names are few."""

    def __init__(self) -> None:
        self.calls: dict[tuple[str, int | None], int] = {}
        """By operation and status."""
        self.creates: dict[str, int] = {"matched": 0, "unmatched": 0}
        """`matched`, or `unmatched` by any step."""
        self.faults: Counter[str] = Counter()
        self.webhooks: Counter[str] = Counter()
        """`delivered`, `failed`."""
        self.open_streams = 0
        self.lateness = Summary()
        self.store_calls: dict[str, Summary] = {}
        self.worker: int | None = None
        """Which of several workers counts, for the label."""
        self._began = stopwatch()

    def observe_store(self, call: str, seconds: float) -> None:
        """A call of the store took so long."""
        found = self.store_calls.get(call)
        if found is None:
            found = self.store_calls[call] = Summary()
        found.observe(seconds)

    def text(self, evictions: Mapping[str, int], held: int, *, are_common: bool = False) -> str:
        """Everything, as Prometheus reads it (text format 0.0.4); `are_common` tells that all workers have these evictions."""
        own: Labels = {} if self.worker is None else {"worker": str(self.worker)}
        labels = {"version": version("mockapi"), "python": sys.version.partition(" ")[0]}
        calls = (
            ("", {"operation": name or "other", "status": str(status or "none")}, n) for (name, status), n in self.calls.items()
        )
        uptime = stopwatch() - self._began
        kinds = [
            _Kind("build_info", "gauge", "What runs here; always 1.", [("", labels, 1)]),
            _Kind("uptime_seconds", "gauge", "Seconds since the server began.", [("", {}, uptime)]),
            _Kind("requests_total", "counter", "Calls of the emulated API that are over, by operation and status.", calls),
            _Kind("creates_total", "counter", "Creates that a step answered, or none.", _by("result", self.creates)),
            _Kind("faults_total", "counter", "Answers that a fault met, by its kind.", _by("fault", self.faults)),
            _Kind("streams_open", "gauge", "Paced streams on their way.", [("", {}, self.open_streams)]),
            _Kind("stream_lateness_seconds", "histogram", "How late pieces of paced streams were.", self.lateness.samples({})),
            _Kind("store_seconds", "histogram", "How long calls of a store outside the process took.", self._stored()),
            _Kind("store_bytes", "gauge", "About how many bytes the memory store holds.", [("", {}, held)]),
            _Kind(
                "evictions_total", "counter", "What was forgotten for want of room, by kind.", _by("kind", evictions), are_common
            ),
            _Kind("webhooks_total", "counter", "Attempts to deliver webhooks, by how they went.", _by("result", self.webhooks)),
        ]
        return "".join(line for kind in kinds for line in kind.lines(own))

    def _stored(self) -> Iterator[Sample]:
        for call, summary in self.store_calls.items():
            yield from summary.samples({"call": call})


class _Kind(NamedTuple):
    name: str
    type: str
    about: str
    samples: Iterable[Sample]
    is_common: bool = False

    def lines(self, own: Labels) -> Iterator[str]:
        yield f"# HELP mockapi_{self.name} {self.about}\n# TYPE mockapi_{self.name} {self.type}\n"
        for suffix, labels, value in self.samples:
            all_labels = labels if self.is_common else {**own, **labels}
            inside = ",".join(f'{name}="{_escaped(text)}"' for name, text in all_labels.items())
            yield f"mockapi_{self.name}{suffix}{{{inside}}} {value}\n" if inside else f"mockapi_{self.name}{suffix} {value}\n"


def united(texts: Sequence[str]) -> str:
    """The texts of several workers as one: each metric once, with the samples of all; of the same sample the first."""
    kinds: dict[str, dict[str, str]] = {}
    for text in texts:
        lines: dict[str, str] = {}
        for line in text.splitlines(keepends=True):
            if line.startswith("# HELP "):
                lines = kinds.setdefault(line, {})
            lines.setdefault(line.rpartition(" ")[0], line)
    return "".join(line for lines in kinds.values() for line in lines.values())


def _by(label: str, counts: Mapping[str, int]) -> Iterator[Sample]:
    return (("", {label: name}, count) for name, count in counts.items())


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
