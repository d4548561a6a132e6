"""A real Redis for tests: started on a free port, with nothing kept on disk unless asked for; paused, killed, started again."""

import atexit
import contextlib
import ctypes
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

MISSING = "there is no redis-server here: apt-get install redis-server"


def _end_with_us() -> None:
    """Also where nobody stops it: a test process that is killed leaves no server behind (Linux: PR_SET_PDEATHSIG)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def is_there() -> bool:
    return shutil.which("redis-server") is not None


class RedisServer:
    """One server process; `url` is that of its first database."""

    def __init__(self, *options: str, port: int | None = None) -> None:
        if not is_there():
            pytest.skip(MISSING)
        self.options = options
        self.port = port or _free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="mockapi-redis-"))
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--save", ""]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen([*command, *self.options], preexec_fn=_end_with_us, **quiet)  # noqa: PLW1509
        until = time.monotonic() + 10
        while b"PONG" not in (answer := self._ping()) and b"NOAUTH" not in answer:
            assert time.monotonic() < until, "redis-server did not start"
            assert self.process.poll() is None

    def _ping(self) -> bytes:
        try:
            return self.ask("PING")
        except OSError:
            return b""

    def ask(self, *words: str) -> bytes:
        """One command, as a person would type it; what Redis answers, as it is on the wire."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as sock:
            parts = [f"*{len(words)}\r\n", *(f"${len(word.encode())}\r\n{word}\r\n" for word in words)]
            sock.sendall("".join(parts).encode())
            return sock.recv(1_000_000)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        self.kill()
        with contextlib.suppress(OSError):
            shutil.rmtree(self.folder)


_shared: list[RedisServer] = []


@contextlib.contextmanager
def database() -> Iterator[str]:
    """The URL of an empty database of a server that all tests of this process share, one after the other."""
    if not _shared:
        _shared.append(RedisServer())
        atexit.register(_shared[0].stop)
    server = _shared[0]
    server.ask("FLUSHALL")
    yield server.url


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port
