"""One mock server for the session; for each test a project of its own with the scenarios that its marker names.

The fixture `mockapi` and the marker `scenario` are named as in mockapi's pytest plugin, and mean the same: with the
plugin, delete this file.
"""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import httpx
import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Tell of the marker."""
    config.addinivalue_line(
        "markers", "scenario(*files): serve these scenario files to the test, relative to the file it stands in"
    )


@dataclass(frozen=True)
class Asked:
    """A request that the agent made."""

    body: dict[str, Any]
    status: int | None


@dataclass(frozen=True)
class Mock:
    """The server, as one test sees it."""

    url: str
    api_key: str

    @property
    def base_url(self) -> str:
        """What `OPENAI_BASE_URL` is."""
        return f"{self.url}/v1"

    @property
    def requests(self) -> list[Asked]:
        """What was asked so far, oldest first."""
        journal = self.admin("GET", "requests").json()["data"]
        return [Asked(entry["request"], entry["status"]) for entry in journal]

    def admin(self, method: str, path: str, content: str | None = None) -> httpx.Response:
        """A call of the admin API about this test's project."""
        headers = {"authorization": f"Bearer {self.api_key}", "content-type": "application/yaml"}
        answer = httpx.request(method, f"{self.url}/_mock/{path}", headers=headers, content=content)
        assert answer.is_success, answer.text
        return answer


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start the server as a shell would; its first line says where it is."""
    command = [sys.executable, "-m", "mockapi", "serve", "--port", "0", "--clock", "virtual", "--unmatched", "error"]
    options = ["--log-level", "error", str(tmp_path_factory.mktemp("no-scenarios"))]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        ready = process.stdout.readline()
        assert ready.startswith("mockapi ready on "), ready
        yield ready.removeprefix("mockapi ready on ").strip().removesuffix("/v1")
        process.terminate()


@pytest.fixture
def mockapi(server_url: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Mock:
    """The environment leads to the mock, under a key of this test's own."""
    mock = Mock(server_url, "sk-" + sha256(request.node.nodeid.encode()).hexdigest()[:32])
    monkeypatch.setenv("OPENAI_BASE_URL", mock.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", mock.api_key)
    for marker in request.node.iter_markers("scenario"):
        for name in marker.args:
            file = request.path.parent / name
            mock.admin("PUT", f"scenarios/{file.stem}", file.read_text())
    return mock
