"""The README's blocks are true: two commands first, a scenario that loads, code and a curl line that do what it says."""

import json
import os
import re
import subprocess
import sys

import httpx

from mockapi.scenario.load import load_text

from .conftest import ROOT, SCENARIOS, parse_sse

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def test_it_opens_with_two_commands_one_line_each():
    for kind, text in BLOCKS[:2]:
        assert kind == "sh"
        assert text.count("\n") == 1
    assert README.index("```sh") < 20
    assert "mockapi serve scenarios/" in BLOCKS[0][1]
    assert "pytest" in BLOCKS[1][1]


def test_its_scenario_is_one(serve):
    (text,) = [text for kind, text in BLOCKS if kind == "yaml"]
    assert len(load_text(text).steps) == 2
    body = {"model": "m", "input": "weather in Rome", "tools": [{"type": "function", "name": "get_weather"}]}
    output = serve(text).post(body).json()["output"]
    assert [item["type"] for item in output] == ["reasoning", "function_call"]


def test_its_first_test_is_green(alone):
    (code,) = [text for kind, text in BLOCKS if kind == "python" and "def test_" in text]
    alone.makepyfile(code)
    alone.runpytest_inprocess("-p", "mockapi").assert_outcomes(passed=1)


def test_its_python_prints_what_it_says(serve):
    (code,) = [text for kind, text in BLOCKS if kind == "python" and "def test_" not in text]
    server = serve(paths=(SCENARIOS,))
    env = {**os.environ, "OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "any-key"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, timeout=60, check=True)
    assert done.stdout == "Hello Ada, nice to meet you!\nHello from mockapi!"
    assert "prints `Hello Ada, nice to meet you!` and, word by word, `Hello from mockapi!`" in README


def test_its_curl_line_streams(serve):
    (line,) = [text for kind, text in BLOCKS if text.startswith("curl")]
    body = json.loads(re.search(r"-d '(.*)'", line)[1])
    assert "http://127.0.0.1:7357/v1/responses" in line
    headers = dict(re.findall(r"-H '([^:]+): ([^']+)'", line))
    answer = httpx.post(f"{serve(paths=(SCENARIOS,)).base_url}/responses", json=body, headers=headers)
    assert parse_sse(answer.text)[-1][0] == "response.completed"


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)]+)\)", README):
        assert (ROOT / target).exists(), target
