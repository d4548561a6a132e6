"""The Node agent against the same server."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent

pytestmark = [
    pytest.mark.scenario("node-weather.yaml"),
    pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed"),
    pytest.mark.skipif(not (HERE / "node_modules" / "openai").is_dir(), reason="run once: npm ci --prefix examples/node_agent"),
]


def run(question):
    """The environment that the fixture set is the agent's too."""
    command = ["node", "agent.mjs", question]
    return subprocess.run(command, cwd=HERE, env=os.environ, capture_output=True, text=True, timeout=60, check=False)


def test_it_looks_the_weather_up(mockapi):
    done = run("What is the weather in Rome?")
    assert (done.stdout, done.stderr) == ("It is 21 °C in Rome.\n", "")
    first, second = mockapi.requests
    assert first.body["stream"] is True
    assert second.body["input"][0]["type"] == "function_call_output"


def test_a_question_that_no_step_knows_says_what_is_missing(mockapi):
    mockapi.strict = False  # such a request is what this test wants
    done = run("Tell me a joke.")
    assert done.returncode != 0
    assert "No scenario step matches this request" in done.stderr
    assert "matching /weather in" in done.stderr
