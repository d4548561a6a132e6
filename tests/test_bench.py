"""The benchmark runs and tells figures; how good they are is not a test's affair."""

import asyncio
import json
import os

import pytest
from click.testing import CliRunner

from mockapi.bench.load import _Client
from mockapi.bench.peers import find_aimock, run_peer_bench
from mockapi.bench.plugin import _TESTS
from mockapi.bench.tools import Row, table_of
from mockapi.cli import main


@pytest.fixture(autouse=True)
def cores_are_given_back():
    """A bench keeps its process off the first core: what this process does and starts later would be kept off it too."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    yield
    os.sched_setaffinity(0, before)


def test_a_short_run_measures_everything():
    result = CliRunner().invoke(main, ["bench", "--seconds", "0.05", "--rounds", "1", "--json"])
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)
    assert [row["name"] for row in rows if "aimock" not in row["name"]] == [
        "JSON creates",
        "JSON creates: processor time",
        "30-delta streams",
        "30-delta streams: processor time",
        "JSON creates, no body twice",
        "JSON creates, no body twice: processor time",
        "30-delta streams, no body twice",
        "30-delta streams, no body twice: processor time",
        "start to ready",
        "memory at rest",
        "memory after load",
    ]
    assert all(row["ours"] > 0 and row["bare"] > 0 and row["ratio"] > 0 for row in rows)


def test_the_table():
    assert table_of([Row("a", 1500, 3000, "per second")]).splitlines()[-1] == "| a | 1,500 | 3,000 | 0.50 | per second |"


def test_what_the_plugin_costs_is_measured(monkeypatch):
    assert _TESTS.count("range(300)") == 2
    monkeypatch.setattr("mockapi.bench.plugin._TESTS", _TESTS.replace("range(300)", "range(40)"))
    result = CliRunner().invoke(main, ["bench", "--plugin", "--rounds", "1", "--json"])
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)
    assert [(row["bare"], row["unit"]) for row in rows] == [(30, "ms"), (150, "ms"), (2, "ms")]
    assert rows[0]["ours"] < 30  # far below: the others are a matter of the machine's load


def test_operations_are_measured_beside_the_same_bytes():
    result = CliRunner().invoke(main, ["bench", "--operations", "--seconds", "0.05", "--rounds", "1", "--json"])
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)
    names = ["chained creates", "creates with tools", "retrieves", "conversation creates", "422 with near misses"]
    assert [row["name"] for row in rows[::2]] == names
    assert [row["name"] for row in rows[1::2]] == [f"{name}: processor time" for name in names]
    assert all(row["ours"] > 0 and row["bare"] > 0 for row in rows)


@pytest.mark.skipif(find_aimock() is None, reason="npm install @copilotkit/aimock was not run here")
def test_aimock_is_measured_where_it_is():
    rows = run_peer_bench(find_aimock(), seconds=0.05, rounds=1)
    assert [row.name for row in rows] == ["JSON creates, beside aimock", "30-delta streams, beside aimock"]
    assert all(row.ours > 0 and row.bare > 0 for row in rows)


def test_aimock_is_found_in_node_modules(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "")
    assert find_aimock() is None
    (tmp_path / "node_modules" / ".bin").mkdir(parents=True)
    program = tmp_path / "node_modules" / ".bin" / "llmock"
    program.touch()
    assert find_aimock() == str(program)


def bench(*arguments):
    result = CliRunner().invoke(main, ["bench", *arguments, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_what_many_steps_cost_is_measured():
    rows = bench("--scenarios", "40")
    assert [row["name"] for row in rows if "aimock" not in row["name"]] == [
        "a request among 40 steps that differ by plain strings (beside 10)",
        "a request among 40 steps that differ by models (beside 10)",
        "what is told of a miss by 40 steps (beside 10)",
        "loading 40 steps (beside 10)",
    ]
    assert all(row["ours"] > 0 and row["bare"] > 0 for row in rows)


def test_what_a_load_leaves_is_measured():
    rows = bench("--load", "200")
    assert [row["name"].partition(":")[0] for row in rows[::2]] == [
        "160 creates",
        "20 creates of 1,000 projects",
        "16 conversations",
        "4 creates of 20 kB",
    ]
    assert all(0 < row["ours"] < 256 for row in rows)


class Wire(asyncio.WriteTransport):
    def __init__(self):
        super().__init__()
        self.written = b""

    def write(self, data):
        self.written += data

    def close(self):
        self.written += b"(closed)"


def test_a_load_counts_answers_however_they_are_torn():
    async def fire():
        client, wire = _Client(iter([b"ask "] * 20)), Wire()
        client.connection_made(wire)
        assert wire.written == b"ask " * 16  # ahead of the answers, but not without end
        client.data_received(b"HTTP/1.1 500 Oh\r\n\r\n" * 4)
        assert wire.written == b"ask " * 20
        for part in (b"HTTP/1", b".1 ", b"200 OK\r\n\r\nHTTP/1.1 ", b"404 No\r\n\r\n"):
            client.data_received(part)
        client.data_received(b"HTTP/1.1 200 OK\r\n\r\n{}" * 13)
        client.connection_lost(None)
        return await client.done

    assert asyncio.run(fire()) == 6  # four and one were refused, one was never answered


def test_what_a_store_costs_as_it_fills_is_measured(backend, monkeypatch):
    from mockapi.bench.store import run_store_bench

    monkeypatch.setattr("mockapi.bench.store._SAMPLES", 20)
    rows = run_store_bench(backend.url, sizes=(30, 40))
    assert [row.name for row in rows][:2] == ["create, 30 stored (beside 30)", "create, 40 stored (beside 30)"]
    assert len(rows) == 10
    assert all(row.ours > 0 and row.bare > 0 for row in rows)


def test_a_store_that_cannot_be_measured_is_refused(tmp_path):
    result = CliRunner().invoke(main, ["bench", "--store", f"sqlite:///{tmp_path}/no/x.db"])
    assert (result.exit_code, result.output) == (
        2,
        f"mockapi: --store sqlite:///{tmp_path}/no/x.db: there is no folder {tmp_path}/no\n",
    )
