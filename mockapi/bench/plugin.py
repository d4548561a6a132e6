"""What the pytest plugin costs: its import, a server's start once everything is imported, and the fixture in every test."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from mockapi.bench.tools import Row

__all__ = ["run_plugin_bench"]

_IMPORT = """
import time, pytest
began = time.perf_counter()
import mockapi.pytest_plugin
print("COST", (time.perf_counter() - began) * 1000)
"""
_START = """
import time, mockapi.threaded, mockapi.mocking
began = time.perf_counter()
with mockapi.mocking.MockServer() as mock:
    mock.reset()
    print("COST", (time.perf_counter() - began) * 1000)
"""
_TESTS = """
import time
import pytest

ENDS = {True: [], False: []}

@pytest.mark.parametrize("number", range(300))
def test_bare(number):
    ENDS[False].append(time.perf_counter())

@pytest.mark.parametrize("number", range(300))
def test_with(mockapi, number):
    ENDS[True].append(time.perf_counter())

def test_cost():
    def median(ends):
        gaps = sorted(after - before for before, after in zip(ends[20:], ends[21:]))
        return gaps[len(gaps) // 2] * 1000
    print("COST", median(ENDS[True]) - median(ENDS[False]))
"""


def run_plugin_bench(rounds: int = 3) -> list[Row]:
    """Each figure, the best of its rounds, beside its limit; of other plugins nothing is loaded."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "test_cost.py").write_text(_TESTS, encoding="utf-8")
        return [
            Row("import of mockapi.pytest_plugin (beside its limit)", _best(rounds, ["-c", _IMPORT]), 30, "ms"),
            Row("start of a server, everything imported (beside its limit)", _best(rounds, ["-c", _START]), 150, "ms"),
            Row(
                "the fixture in a test (beside its limit)",
                _best(rounds, ["-m", "pytest", "-sq", *_PLAIN, "test_cost.py"], folder),
                2,
                "ms",
            ),
        ]


_PLAIN = ["-p", "mockapi", "-p", "no:cacheprovider"]


def _best(rounds: int, arguments: list[str], folder: str | None = None) -> float:
    return min(_once(arguments, folder) for _ in range(rounds))


def _once(arguments: list[str], folder: str | None) -> float:
    alone = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}  # what it asks of plugins is unknown here
    command = [sys.executable, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=alone, check=True)  # noqa: S603
    return float(done.stdout.rpartition("COST")[2].split()[0])
