"""Every fenced block of the docs is true: scenarios load, Python and shell lines run against a server, JSON is JSON.

What is not run here has an HTML comment before it, `<!-- not run: why -->`, `<!-- parsed: why -->`, `<!-- compiled: why -->` or
`<!-- tested: where -->`, and stands in `MARKED`.
"""

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
import yaml

from mockapi.prices import load_prices
from mockapi.scenario.load import load_text
from mockapi.settings import Settings
from mockapi.wire.json import loads

from .conftest import ROOT, SCENARIOS

PAGES = [*sorted((ROOT / "docs").rglob("*.md"))]
MARKED = [
    ("docker.md", "not run", "sh"),  # it builds an image
    ("docker.md", "parsed", "yaml"),  # a Compose file
    *[("scaling.md", "not run", "sh")] * 3,  # they need a Redis and a cluster
    ("metrics.md", "not run", "yaml"),  # for a Prometheus
    ("ci.md", "parsed", "yaml"),  # a workflow of GitHub Actions
    ("ci.md", "compiled", "python"),  # it starts a container
    ("pytest.md", "not run", "sh"),  # it installs
    *[("pytest.md", "tested", "python")] * 3,  # files of a test session
]
_BLOCK = re.compile(r"(?:^<!-- (not run|parsed|compiled|tested): ([^\n]+) -->\n)?^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_OURS = str(Path(sys.executable).parent)


class Block(NamedTuple):
    page: str
    mark: str
    reason: str
    kind: str
    text: str

    def __str__(self):
        return f"{self.page}:{self.kind}:{self.text.splitlines()[0][:40]}"


BLOCKS = [Block(path.name, *found.groups()) for path in PAGES for found in _BLOCK.finditer(path.read_text())]


def of_kind(*kinds, mark=None):
    return pytest.mark.parametrize("block", [each for each in BLOCKS if each.kind in kinds and each.mark == mark], ids=str)


def test_every_block_is_of_a_kind_that_is_looked_at():
    assert {block.kind for block in BLOCKS} == {"yaml", "python", "sh", "json", "text", ""}
    fences = sum(path.read_text().count("\n```") for path in PAGES)
    assert fences == 2 * len(BLOCKS)


def test_what_is_not_run_is_listed():
    marked = [block for block in BLOCKS if block.mark]
    assert sorted((block.page, block.mark, block.kind) for block in marked) == sorted(MARKED)
    assert [block for block in marked if len(block.reason) < 20] == []


@of_kind("yaml")
def test_yaml_is_a_scenario_or_a_list_of_prices(block, tmp_path):
    if "models" in yaml.safe_load(block.text):
        (tmp_path / "prices.yaml").write_text(block.text)
        assert load_prices(tmp_path / "prices.yaml")
    else:
        assert load_text(block.text).steps


@of_kind("json")
def test_json_is_json(block):
    assert loads(block.text)


@of_kind("python")
def test_python_prints_what_the_page_says(block, serve, tmp_path):
    """Against a server of the page's own scenarios."""
    for number, other in enumerate(each for each in BLOCKS if each.page == block.page and each.kind == "yaml"):
        (tmp_path / f"{number}.yaml").write_text(other.text)
    server = serve(paths=(tmp_path,), unmatched="error")
    env = {**os.environ, "OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "any-key"}
    done = subprocess.run([sys.executable, "-c", block.text], capture_output=True, text=True, env=env, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    page = " ".join((ROOT / "docs" / block.page).read_text().split())
    assert done.stdout.strip()
    assert f"prints `{done.stdout.strip()}`" in page


def commands(kind):
    lines = [(block, line) for block in BLOCKS if block.kind == "sh" and not block.mark for line in block.text.splitlines()]
    return pytest.mark.parametrize("line", [line for _, line in lines if line.startswith(kind)])


def test_every_shell_line_is_run_by_a_test_below():
    lines = [line for block in BLOCKS if block.kind == "sh" and not block.mark for line in block.text.splitlines()]
    assert [line for line in lines if not line.startswith(("curl ", "mockapi ", "export OPENAI_"))] == []


@commands("curl ")
def test_curl_lines_are_answered(line, serve):
    words = shlex.split(line)[1:]
    options = {"-X": [], "-H": [], "-d": []}
    url = ""
    while words:
        word = words.pop(0)
        if word in options:
            options[word].append(words.pop(0))
        elif word != "-N":
            url = word
    assert url.startswith("http://127.0.0.1:7357/")
    method = next(iter(options["-X"]), "POST" if options["-d"] else "GET")
    headers = dict(each.split(": ", 1) for each in options["-H"])
    server = serve(paths=(SCENARIOS,))
    if url.endswith("/verify"):
        server.post({"model": "gpt-4o", "input": "hello"}, key=headers["Authorization"].removeprefix("Bearer "))
    where = url.replace("http://127.0.0.1:7357", server.url)
    answer = httpx.request(method, where, headers=headers, content="".join(options["-d"]) or None)
    assert answer.status_code == 200, answer.text


def in_folder(tmp_path, line, **env):
    """Run a line where the scenarios are, with our program first in the path."""
    if not (tmp_path / "scenarios").exists() and "init" not in line:
        shutil.copytree(SCENARIOS, tmp_path / "scenarios")
    variables = {**os.environ, "PATH": f"{_OURS}:{os.environ['PATH']}", **env}
    return subprocess.run(
        ["bash", "-ec", line], cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=60, check=False
    )


@commands("mockapi ")
def test_commands_work(line, tmp_path):
    """Those that serve are stopped when they are ready."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    if line.startswith(("mockapi wait", "mockapi verdict")):
        line = f"mockapi serve scenarios & mockapi wait --timeout 20s; {line}"
    elif line.startswith("mockapi serve"):
        line = f"{line.rstrip('& ')} & mockapi wait --timeout 20s"
    stop = "trap 'kill $! 2> /dev/null || true; wait' EXIT"
    done = in_folder(tmp_path, f"{stop}; {line}", MOCKAPI_PORT=port, MOCKAPI_URL=f"http://127.0.0.1:{port}")
    assert done.returncode == 0, done.stderr


def test_the_first_page_serves_what_init_writes(tmp_path):
    (page,) = [block for block in BLOCKS if block.page == "index.md" and block.kind == "yaml"]
    (prints,) = re.findall(r"prints `(.*?)`", (ROOT / "docs" / "index.md").read_text())
    assert in_folder(tmp_path, "mockapi init").returncode == 0
    written = yaml.safe_load((tmp_path / "scenarios" / "first.yaml").read_text())
    assert written["steps"][0] == yaml.safe_load(page.text)["steps"][0]
    assert written["steps"][0]["reply"] == prints


def test_the_problem_matcher_of_the_editor_page(tmp_path):
    """What `mockapi check` writes fits the expression that VS Code is given."""
    tasks = next(loads(block.text) for block in BLOCKS if block.page == "editor.md" and "problemMatcher" in block.text)
    task = tasks["tasks"][0]
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "a.yaml").write_text("steps:\n  - reply: a\n  - reply: b\n")
    line = in_folder(tmp_path, task["command"]).stderr.splitlines()[0]
    found = re.match(task["problemMatcher"]["pattern"]["regexp"], line)
    assert found.groups()[:4] == ("warning", "scenarios/a.yaml", "3", "5")
    (tmp_path / "scenarios" / "a.yaml").write_text("steps: [{}]\n")
    line = in_folder(tmp_path, task["command"]).stderr.splitlines()[0]
    assert re.match(task["problemMatcher"]["pattern"]["regexp"], line).groups()[:4] == (None, "scenarios/a.yaml", "1", "9")


VARIABLES = {f"MOCKAPI_{field.name.upper()}" for field in fields(Settings)} - {"MOCKAPI_PATHS"}


def variables_of(value):
    """Every MOCKAPI_ variable that is set somewhere in a file, with its value."""
    if isinstance(value, dict):
        for key, each in value.items():
            if str(key).startswith("MOCKAPI_"):
                yield key, each
            yield from variables_of(each)


@of_kind("yaml", mark="parsed")
def test_workflows_and_compose_files_set_what_there_is(block):
    found = dict(variables_of(yaml.safe_load(block.text)))
    assert found == {"MOCKAPI_CLOCK": "virtual", "MOCKAPI_UNMATCHED": "error"}
    assert set(found) <= VARIABLES
    assert "http://mockapi:7357/v1" in block.text or "http://127.0.0.1:7357/v1" in block.text


def workflow():
    (block,) = [block for block in BLOCKS if block.page == "ci.md" and block.mark == "parsed"]
    return yaml.safe_load(block.text)["jobs"]["test"]


def test_the_service_container_is_the_images():
    dockerfile = (ROOT / "Dockerfile").read_text()
    service = workflow()["services"]["mockapi"]
    (command,) = re.findall(r'--health-cmd "(.*?)"', service["options"])
    (probe,) = re.findall(r"^HEALTHCHECK (.*) CMD \[(.*)\]$", dockerfile, re.MULTILINE)
    assert shlex.split(command) == shlex.split(probe[1].replace(",", " "))
    for name, value in re.findall(r"--(interval|timeout|start-period)=(\S+)", probe[0]):
        assert f"--health-{name} {value}" in service["options"]
    (port,) = re.findall(r"^EXPOSE (\d+)$", dockerfile, re.MULTILINE)
    assert service["ports"] == [f"{port}:{port}"]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_upload_of_the_workflow(serve, tmp_path):
    (upload,) = [step["run"] for step in workflow()["steps"] if step.get("name") == "Upload the scenarios"]
    server = serve(unmatched="error")
    done = in_folder(tmp_path, upload.replace("http://127.0.0.1:7357", server.url), OPENAI_API_KEY="any-key")
    assert done.returncode == 0, done.stdout + done.stderr
    said = server.post({"model": "gpt-4o", "input": "Please say hello."}, key="another").json()
    assert said["output"][0]["content"][0]["text"] == "Hello from mockapi!"


def test_the_testcontainers_example(tmp_path):
    """Types and options fit; nothing here starts a container."""
    pytest.importorskip("mypy", reason="mypy is not installed")
    pytest.importorskip("testcontainers", reason="testcontainers is not installed")
    (block,) = [block for block in BLOCKS if block.mark == "compiled"]
    (tmp_path / "conftest.py").write_text(block.text)
    options = ["--strict", "--config-file=", f"--cache-dir={ROOT}/.mypy_cache"]
    command = [
        sys.executable,
        "-m",
        "mypy",
        *options,
        str(tmp_path / "conftest.py"),
    ]  # apart: in process it raises recursion limits
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert set(re.findall(r"MOCKAPI_\w+", block.text)) <= VARIABLES
    assert "with_exposed_ports(7357)" in block.text
    assert 'CMD ["serve", "/scenarios"]' in (ROOT / "Dockerfile").read_text()
