"""The image's install, entry and health commands, in a clean virtual environment: no Docker engine is needed for that."""

import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest

from .conftest import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text()


def instruction(name):
    (found,) = re.findall(rf"^{name} (\[.*\])$", DOCKERFILE, re.MULTILINE)
    return [str(part) for part in shlex.split(found.strip("[]").replace(",", " "))]


def test_what_the_image_copies_is_there():
    copied = [part for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE) for part in line.split()[:-1]]
    assert copied
    assert [part for part in copied if not (ROOT / part).exists()] == []


@pytest.mark.slow
def test_the_images_commands_work(tmp_path):
    """Needs the package index: run with `-m slow`."""
    source, place = tmp_path / "src", tmp_path / "venv"
    source.mkdir()
    for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE)[:3]:
        *parts, _ = line.split()
        for part in parts:
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
            copy(ROOT / part, source / part)
    (install,) = re.findall(r"^RUN (python -m venv .*)$", DOCKERFILE, re.MULTILINE)
    install = install.replace("/opt/mockapi", str(place)).replace("python -m venv", f"{sys.executable} -m venv", 1)
    subprocess.run(install, shell=True, check=True, cwd=source, capture_output=True)
    variables = dict(re.findall(r"(MOCKAPI_\w+)=(\S+)", DOCKERFILE))
    assert variables == {"MOCKAPI_HOST": "0.0.0.0", "MOCKAPI_ALLOWED_HOSTS": "*"}
    clean = {"PATH": f"{place}/bin:{os.environ['PATH']}", "PYTHONUNBUFFERED": "1", **variables, "MOCKAPI_PORT": "0"}
    serve, scenarios = instruction("CMD"), str(ROOT / "scenarios")
    assert serve == ["serve", "/scenarios"]
    command = [*instruction("ENTRYPOINT"), *serve[:-1], scenarios]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=clean, cwd=tmp_path) as process:
        try:
            port = re.fullmatch(r"mockapi ready on http://0\.0\.0\.0:(\d+)/v1\n", process.stdout.readline())[1]
            (health,) = re.findall(r"^HEALTHCHECK .*CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
            probe = shlex.split(health.strip("[]").replace(",", " "))
            done = subprocess.run(probe, env={**clean, "MOCKAPI_PORT": port}, capture_output=True, text=True, check=False)
            assert (done.returncode, done.stdout) == (0, f"ready on http://127.0.0.1:{port}/v1\n")
        finally:
            process.terminate()
    assert process.returncode == 0
