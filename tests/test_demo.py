"""The demo: one small scenario a failure, what to send, and what the SDK makes of it."""

import re
import shlex
import sys
from contextlib import suppress

import httpx
import pytest
from click.testing import CliRunner

from mockapi import demo
from mockapi.cli import main
from mockapi.demo import demo_folder, demo_table, failures
from mockapi.engine.reach import unreached
from mockapi.scenario.load import load_paths
from mockapi.wire.json import loads

from .conftest import ROOT

# What the official SDK raises, without retries and with little patience.
RAISED = {
    "bad-arguments": "nothing", "bad-json": "nothing", "context-length": "BadRequestError", "corrupt-json": "JSONDecodeError",
    "dropped": "APIConnectionError", "dropped-stream": "APIConnectionError", "duplicate-event": "nothing",
    "failed-response": "nothing", "failing-stream": "APIError", "incomplete-response": "nothing",
    "lost-poll": "InternalServerError", "malformed-event": "JSONDecodeError", "missing-event": "nothing",
    "overloaded": "InternalServerError", "policy": "BadRequestError", "proxy-page": "InternalServerError",
    "quota": "RateLimitError", "rate-limit": "RateLimitError", "refusal": "nothing", "reordered-events": "nothing",
    "reset-stream": "APIConnectionError", "server-error": "InternalServerError", "slow-body": "nothing",
    "slow-headers": "APITimeoutError", "stalled-stream": "APITimeoutError", "stuck-background": "nothing",
    "timeout": "APITimeoutError", "torn-characters": "nothing", "truncated-stream": "nothing", "unknown-event": "nothing",
    "unknown-tool": "nothing",
}  # fmt: skip


def test_every_failure_says_what_happens_and_what_a_good_client_does():
    assert {failure.name for failure in failures()} == set(RAISED)
    for failure in failures():
        assert failure.happens.endswith(".")
        assert re.fullmatch(r"A good client .+\.", failure.advice)


def test_the_files_are_sound_and_named_like_their_scenarios():
    scenarios = load_paths([demo_folder()])
    assert demo_folder() == ROOT / "scenarios" / "failures"
    assert [scenario.file for scenario in scenarios if not scenario.file.endswith(f"/{scenario.name}.yaml")] == []
    assert [problem for scenario in scenarios for problem in (*scenario.warnings, *unreached(scenario))] == []


@pytest.mark.parametrize("failure", failures(), ids=lambda failure: failure.name)
def test_the_curl_line_meets_the_failure(serve, failure):
    """What the line sends is answered by the scenario's own step."""
    server = serve(paths=(demo_folder(),))
    _, _, url, *options = shlex.split(failure.curl(server.url))
    headers = dict(option.split(": ", 1) for option in options[1:4:2])
    assert loads(options[-1]) == failure.body
    journal = {"authorization": headers["Authorization"]}
    with suppress(httpx.HTTPError):  # most of them are about that
        httpx.post(url, content=options[-1], headers=headers, timeout=0.1)
    entries = []
    while not entries:
        entries = httpx.get(f"{server.url}/_mock/requests", headers=journal).json()["data"]
    assert (entries[0]["scenario"], entries[0]["step"]) == (failure.name, "step 1")


def test_try_runs_them_all_and_tells_what_the_sdk_raised(monkeypatch):
    monkeypatch.setattr(demo, "_PATIENCE_S", 0.3)
    result = CliRunner().invoke(main, ["demo", "--try"])
    assert result.exit_code == 0, result.output
    told = re.findall(r"^([\w-]+): .*\n  SDK raised (\w+) \(", result.output, re.MULTILINE)
    assert dict(told) == RAISED
    assert "9 events, the last one response.output_text.delta; the deltas say 'Paris is the capital of'" in result.output


def test_without_the_sdk_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "openai", None)
    result = CliRunner().invoke(main, ["demo", "--try"])
    assert (result.exit_code, result.output) == (2, "mockapi: --try needs the official SDK: pip install openai\n")


def test_the_server_prints_what_to_try(spawn_command):
    process = spawn_command("demo", "--port", "0")
    lines = []
    while not (lines and lines[-1].startswith("mockapi ready on ")):
        lines.append(process.stdout.readline())
    base = lines[-1].strip().removeprefix("mockapi ready on ").removesuffix("/v1")
    assert "".join(lines[:-1]) == f"{demo_table(base)}\n"
    answer = httpx.post(
        f"{base}/scenarios/proxy-page/v1/responses", json={"model": "m", "input": "x"}, headers={"authorization": "Bearer k"}
    )
    assert answer.status_code == 502
