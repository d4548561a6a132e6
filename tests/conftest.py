"""What tests share: a server over a real socket, one in process, and SDK clients of both."""

import asyncio
import compileall
import functools
import gc
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import httpx2
import pytest
import uvicorn
from openai import AsyncOpenAI, OpenAI
from starlette.testclient import TestClient

from mockapi.clock import Clock
from mockapi.http.protocol import Protocol
from mockapi.scenario.load import load_text
from mockapi.server import build_app
from mockapi.settings import Settings

from .backends import backend, store  # noqa: F401 - fixtures
from .receiver import Receiver, start_receiver
from .strangers import stranger
from .suites import alone, suite, what_suites_import

__all__ = ["alone", "stranger", "suite", "what_suites_import"]  # fixtures

ROOT = Path(__file__).parent.parent
SCENARIOS = ROOT / "scenarios"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def pytest_sessionstart(session: pytest.Session) -> None:
    """A hundred servers are started as processes: they find bytecode, as pip makes it of what it installs, even where Python keeps none."""
    if not hasattr(session.config, "workerinput"):
        compileall.compile_dir(ROOT / "mockapi", quiet=2)


def pytest_collection_finish() -> None:
    """What is there now stays to the end: looking through it again and again for garbage took a fifth of the suite's time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def certificates_are_read_once() -> Iterator[None]:
    """Clients share a TLS context: each would read the system's certificates, which takes 20 ms, and speak plain HTTP."""
    with pytest.MonkeyPatch.context() as patch:
        for transports in (httpx._transports.default, httpx2._transports.default):
            patch.setattr(transports, "create_ssl_context", functools.cache(transports.create_ssl_context))
        yield


class HandClock(Clock):
    """A real clock that the test holds in its hands: waiting moves it, nothing else does."""

    is_virtual = False

    def __init__(self, now: float = 1_000_000.0) -> None:
        super().__init__()
        self.time = now

    def now(self) -> float:
        return self.time

    async def wait(self, project: str, seconds: float | None = None, *, since: int | None = None) -> None:
        if seconds is None:
            await super().wait(project, since=since)
        else:
            self.time += max(0.0, seconds)


def gives_way(reading, name: str) -> None:
    """Let others run between a read of a store and its answer, as with a store that is not memory; nothing waits for time."""
    plain = getattr(reading, name)

    async def read(*arguments):
        found = await plain(*arguments)
        await asyncio.sleep(0)
        return found

    setattr(reading, name, read)


class _ThreadServer(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = threading.Event()

    async def startup(self, sockets=None) -> None:
        await super().startup(sockets)
        self.loop = asyncio.get_running_loop()
        self.is_up.set()

    async def settle(self) -> None:
        while tasks := [*self.server_state.tasks]:
            await asyncio.wait(tasks)


@dataclass
class Running:
    """A server over a socket, in a thread of this process, and the SDK clients that were made of it."""

    url: str
    server: _ThreadServer
    clients: list[OpenAI] = field(default_factory=list)

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    def sdk(self, key: str = "test-key", **options) -> OpenAI:
        self.clients.append(OpenAI(base_url=self.base_url, api_key=key, max_retries=0, **options))
        return self.clients[-1]

    def async_sdk(self, key: str = "test-key", **options) -> AsyncOpenAI:
        return AsyncOpenAI(base_url=self.base_url, api_key=key, max_retries=0, **options)

    def post(self, body, key: str = "test-key", **options) -> httpx.Response:
        how = {"content": body} if isinstance(body, bytes) else {"json": body}
        headers = {"authorization": f"Bearer {key}", **options.pop("headers", {})}
        return httpx.post(f"{self.base_url}/responses", headers=headers, timeout=20, **how, **options)

    def settle(self) -> None:
        """Come back when no request is under way: a client that is cut off knows of that before the server has noted it."""
        asyncio.run_coroutine_threadsafe(self.server.settle(), self.server.loop).result(10)

    def get(self, path: str, key: str = "test-key") -> httpx.Response:
        return httpx.get(f"{self.base_url}{path}", headers={"authorization": f"Bearer {key}"})


Serve = Callable[..., Running]
Started = tuple[_ThreadServer, threading.Thread, socket.socket]


@pytest.fixture(scope="session")
def retired() -> Iterator[list[Started]]:
    """Servers that were told to stop: they take a moment, and no test waits for it; at the end all must have stopped."""
    servers: list[Started] = []
    yield servers
    _forget_stopped(servers, wait_s=10)
    assert servers == []


def _forget_stopped(servers: list[Started], wait_s: float) -> None:
    """Let go of those that have stopped, and of all that they remember."""
    for server, thread, sock in [*servers]:
        thread.join(wait_s)
        if not thread.is_alive():
            sock.close()
            servers.remove((server, thread, sock))


@pytest.fixture
def serve(retired: list[Started]) -> Iterator[Serve]:
    """Start servers: `serve(text_or_none, **settings)`; the virtual clock unless told otherwise."""
    running: list[Started] = []
    servers: list[Running] = []
    stores: set[str] = set()

    def start(text: str | None = None, **settings) -> Running:
        app = make_app(text, **settings)
        stores.add(settings.get("store", "memory"))
        sock = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(app, log_config=None, lifespan="on", timeout_graceful_shutdown=1, http=Protocol)
        server = _ThreadServer(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
        thread.start()
        assert server.is_up.wait(10)
        running.append((server, thread, sock))
        servers.append(Running(f"http://127.0.0.1:{sock.getsockname()[1]}", server))
        return servers[-1]

    yield start
    for client in (client for server in servers for client in server.clients):
        client.close()  # also connections of streams that a test left in the middle
    for server, _, _ in running:
        server.should_exit = True
    retired.extend(running)
    writes_on = stores - {"memory"}  # the next test's Redis is the same one: what comes late would be in its way
    _forget_stopped(retired, wait_s=10 if writes_on else 0)


def make_app(text: str | None = None, **settings):
    """An application of one scenario given as text, or of `paths`."""
    options = {"clock": "virtual", **settings}
    scenarios = None if text is None else [load_text(text, "test")]
    return build_app(Settings(**options), scenarios)


@pytest.fixture
def in_process() -> Iterator[Callable[..., OpenAI]]:
    """SDK clients that talk to an application without a socket."""
    opened: list[TestClient] = []

    def connect(text: str | None = None, key: str = "test-key", **settings) -> OpenAI:
        client = TestClient(make_app(text, **settings), base_url="http://testserver")
        opened.append(client)
        return OpenAI(base_url="http://testserver/v1", api_key=key, http_client=client, max_retries=0)

    yield connect
    for client in opened:
        client.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Somebody who receives webhooks."""
    receiving, server = start_receiver()
    yield receiving
    server.shutdown()
    server.server_close()


@dataclass
class Spawned:
    """A `mockapi serve` process."""

    process: subprocess.Popen[str]
    url: str


@pytest.fixture
def spawn_command() -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Run a command of the real program; what still runs at the end is terminated."""
    processes: list[subprocess.Popen[str]] = []

    def start(*arguments: str, cwd: Path | None = None, program: tuple[str, str] = ("-m", "mockapi")) -> "subprocess.Popen[str]":
        command = [sys.executable, *program, *arguments]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd or ROOT)
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.terminate()
        process.communicate(timeout=10)


@pytest.fixture
def spawn(spawn_command) -> Callable[..., Spawned]:
    """Run the real server on a free port and wait for its ready line."""

    def start(*arguments: str, **options) -> Spawned:
        process = spawn_command("serve", "--port", "0", *arguments, **options)
        assert process.stdout
        line = process.stdout.readline()
        assert line.startswith("mockapi ready on http://"), (line, process.stderr and process.stderr.read())
        return Spawned(process, line.removeprefix("mockapi ready on ").strip().removesuffix("/v1"))

    return start


def parse_sse(text: str) -> list[tuple[str, dict]]:
    """(event name, data) of a stream, checking the framing: two lines and a blank one, nothing else."""
    import json

    events = []
    blocks = text.split("\n\n")
    assert blocks[-1] == ""
    for block in blocks[:-1]:
        name, data = block.split("\n")
        assert name.startswith("event: ")
        assert data.startswith("data: ")
        events.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return events
