"""`--mockapi-report`: what every test asked, and which steps of the scenarios no test used."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mockapi.project import Project
from mockapi.wire.json import dumps, loads, pretty

__all__ = ["TestReport"]

_OWN = ("0-reply-", "zzz-")  # scenarios that the plugin itself makes
_MOST_TOLD = 10


class TestReport:
    """Collects while tests run, if a file was asked for; parts of several processes are merged."""

    __test__ = False  # not a test of pytest's

    def __init__(self, file: str | None) -> None:
        self._file = file
        self._tests: list[dict[str, Any]] = []
        self._steps: dict[tuple[str, str, int], dict[str, Any]] = {}

    def add(self, test: str, project: Project) -> None:
        """What one test asked and used."""
        if self._file is None:
            return
        self._tests.append({"test": test, "requests": project.journal})
        for scenario in project.scenarios:
            if not scenario["name"].startswith(_OWN):
                self._count(scenario, project.files.get(scenario["name"], scenario["file"]))

    def _count(self, scenario: dict[str, Any], file: str) -> None:
        for step in scenario["steps"]:
            self._add({"scenario": scenario["name"], "file": file, **step})

    def _add(self, row: dict[str, Any]) -> None:
        known = self._steps.setdefault((row["file"], row["name"], row["line"]), {**row, "hits": 0})
        known["hits"] += row["hits"]

    @property
    def part(self) -> str:
        """What this process has collected."""
        return dumps({"tests": self._tests, "steps": [*self._steps.values()]}).decode()

    def merge(self, part: str) -> None:
        """Add what another process has collected."""
        read: Any = loads(part)
        self._tests += read["tests"]
        for row in read["steps"]:
            self._add(row)

    def write(self) -> None:
        """Write the file, if one was asked for."""
        if self._file is None:
            return
        tests = sorted(self._tests, key=lambda each: str(each["test"]))
        rows = [*self._rows()]
        coverage = {"steps": rows, "unused": [row for row in rows if not row["hits"]]}
        Path(self._file).write_bytes(pretty({"tests": tests, "coverage": coverage}) + b"\n")

    def _rows(self) -> Iterator[dict[str, Any]]:
        for key in sorted(self._steps):
            row = self._steps[key]
            yield {
                "scenario": row["scenario"],
                "file": row["file"],
                "step": row["name"],
                "line": row["line"],
                "hits": row["hits"],
            }

    @property
    def summary(self) -> list[str]:
        """For the terminal."""
        if self._file is None:
            return []
        rows = [*self._rows()]
        unused = [row for row in rows if not row["hits"]]
        lines = [f"mockapi: {self._file}: {len(rows) - len(unused)} of {len(rows)} scenario steps were used"]
        lines += [f"  no test used {row['scenario']}, {row['step']} ({row['file']}:{row['line']})" for row in unused[:_MOST_TOLD]]
        return lines + ([f"  and {len(unused) - _MOST_TOLD} more"] if len(unused) > _MOST_TOLD else [])
