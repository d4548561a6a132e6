"""What the benchmarks share: servers as processes, load, figures side by side.

Both servers run as processes on one core, the load comes from this process on the others. Figures of one run are compared as a
ratio; figures of two runs are not (machines are shared and noisy).
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path
from typing import NamedTuple

from mockapi.clock import stopwatch

__all__ = [
    "Row",
    "Running",
    "ask",
    "ask_head",
    "in_turns",
    "median_us",
    "memory_mb",
    "serving",
    "stay_off_first_core",
    "stay_on",
    "table_of",
]

_CONNECTIONS = 16
_HEADERS = "host: bench\r\nauthorization: Bearer bench\r\ncontent-type: application/json\r\n"


class Row(NamedTuple):
    """One line of the table: what was measured, ours, bare Starlette's, the ratio, and the unit of both."""

    name: str
    ours: float
    bare: float
    unit: str

    @property
    def ratio(self) -> float:
        """Ours by theirs."""
        return self.ours / self.bare


class Running(NamedTuple):
    """A server process: where it listens, and how long it took until it said so."""

    port: int
    pid: int
    started_s: float


def in_turns(
    name: str, ours: Running, theirs: Running, requests: bytes | Iterator[bytes], seconds: float, rounds: int
) -> list[Row]:
    """Answers per second of two servers, which take turns, and what one costs their processor; the best of the rounds.

    `requests` are asked one after the other; one alone again and again.
    """
    load = repeat(requests) if isinstance(requests, bytes) else requests
    turns = [[_loaded(server, load, seconds) for server in (ours, theirs)] for _ in range(rounds)]
    mine, others = zip(*turns, strict=True)
    rate = Row(name, max(mine).rate, max(others).rate, "per second")
    cost = Row(f"{name}: processor time", min(load.cpu_us for load in mine), min(load.cpu_us for load in others), "µs each")
    return [rate, cost]


def table_of(rows: list[Row], beside: str = "bare Starlette") -> str:
    """The rows as a Markdown table; `beside` names what they are compared with."""
    lines = [f"| | mockapi | {beside} | ratio | unit |", "|---|---:|---:|---:|---|"]
    lines += [f"| {row.name} | {row.ours:,.0f} | {row.bare:,.0f} | {row.ratio:.2f} | {row.unit} |" for row in rows]
    return "\n".join(lines)


@contextmanager
def serving(module: str, *arguments: str) -> Iterator[Running]:
    """A server process on the first core; ready when it says so."""
    began = stopwatch()
    command = [sys.executable, "-m", module, *arguments, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own module
        try:
            stay_on({0}, process.pid)
            line = process.stdout.readline() if process.stdout else ""
            port = int(line.rsplit(":", 1)[1].split("/")[0])
            yield Running(port, process.pid, stopwatch() - began)
        finally:
            process.terminate()


def stay_on(cores: set[int], pid: int = 0) -> None:
    """Pin a process, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(pid, cores)


def stay_off_first_core() -> None:
    """Keep this process where no server of the benchmark runs, if there is more than one core."""
    stay_on({*range(os.cpu_count() or 1)} - {0} or {0})


def ask_head(body: bytes, method: str = "POST", path: str = "/v1/responses") -> bytes:
    """A call with this body, by default a create, as it goes over the wire."""
    return f"{method} {path} HTTP/1.1\r\n{_HEADERS}content-length: {len(body)}\r\n\r\n".encode() + body


async def ask(port: int, request: bytes) -> tuple[dict[str, str], str]:
    """One answer: its headers (those that a server does not add by itself) and its body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request.replace(b"host: bench", b"host: bench\r\nconnection: close"))
    answer = await reader.read()
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    pairs = [line.split(": ", 1) for line in head.decode("latin-1").split("\r\n")[1:]]
    headers = {name: value for name, value in pairs if name not in ("date", "connection", "transfer-encoding", "content-length")}
    return headers, (_unchunked(body) if b"chunked" in head else body).decode()


def _unchunked(data: bytes) -> bytes:
    body = b""
    while True:
        size, _, data = data.partition(b"\r\n")
        if not int(size, 16):
            return body
        body, data = body + data[: int(size, 16)], data[int(size, 16) + 2 :]


class _Load(NamedTuple):
    """What a server did under load: answers per second, and microseconds of its processor's time for each."""

    rate: float
    cpu_us: float


def _loaded(server: Running, requests: Iterator[bytes], seconds: float) -> _Load:
    before = _cpu_s(server.pid)
    answers, took_s = asyncio.run(_load(server.port, requests, seconds))
    return _Load(answers / took_s, (_cpu_s(server.pid) - before) / answers * 1e6)


def _cpu_s(pid: int) -> float:
    """Seconds, user and system together, that the first thread of a process has had of a processor: servers have no other."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="utf-8").split()[0]) / 1e9
    except OSError:
        return float("nan")  # not a Linux machine


async def _load(port: int, requests: Iterator[bytes], seconds: float) -> tuple[int, float]:
    """(answers, the seconds that they took) over some connections, each asking again as soon as it is answered."""
    loop = asyncio.get_running_loop()
    began = stopwatch()
    clients = [_Client(requests, began + seconds) for _ in range(_CONNECTIONS)]
    for client in clients:
        await loop.create_connection(lambda client=client: client, "127.0.0.1", port)  # type: ignore[misc]
    await asyncio.gather(*(client.done for client in clients))
    return sum(client.answers for client in clients), stopwatch() - began


class _Client(asyncio.Protocol):
    """Counts answers by their end, which is all that a fast load needs to know."""

    def __init__(self, requests: Iterator[bytes], until: float) -> None:
        self._requests = requests
        self._until = until
        self._seen = b""
        self.answers = 0
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        if isinstance(self._transport, asyncio.WriteTransport):
            self._transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        """Collect until the answer is whole, then ask again."""
        self._seen += data
        if not self._is_whole():
            return
        self.answers += 1
        self._seen = b""
        if stopwatch() < self._until:
            self._ask()
        else:
            self._transport.close()
            self.done.set_result(None)

    def _is_whole(self) -> bool:
        end = self._seen.find(b"\r\n\r\n")
        if end < 0:
            return False
        at = self._seen.find(b"content-length: ", 0, end)
        if at < 0:
            return self._seen.endswith(b"0\r\n\r\n")
        length = int(self._seen[at + 16 : self._seen.index(b"\r", at)])
        return len(self._seen) >= end + 4 + length


async def median_us(use: Callable[[int], Awaitable[object]], samples: int) -> float:
    """The median of so many uses, each given its number, in microseconds."""
    took = []
    for number in range(samples):
        began = stopwatch()
        await use(number)
        took.append((stopwatch() - began) * 1e6)
    return sorted(took)[samples // 2]


def memory_mb(pid: int, which: str = "VmRSS") -> float:
    """Resident memory of a process, in megabytes; `VmHWM`: the most that it ever was."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return float("nan")  # not a Linux machine
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith(which))
