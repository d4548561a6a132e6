"""What many requests leave behind: the server's memory half way and at the end, under loads that fill different stores.

A request tells nothing that another has told, so nothing is kept twice. The client writes ahead of the answers (pipelining), and
knows of an answer no more than its status.
"""

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from mockapi.bench.tools import Row, memory_mb, serving, stay_off_first_core
from mockapi.clock import stopwatch
from mockapi.wire.json import dumps

__all__ = ["run_load_bench"]

_SCENARIO = "scenario: load\nsteps: [{reply: 'Hello there, this is a short answer.'}]\n"
_CONNECTIONS = 8
_AHEAD = 16  # requests that a connection is ahead of its answers
_LONG = "word " * 4_000
_LIMIT_MB = 256


class _Kind(NamedTuple):
    """A kind of load: its name, its share of the requests, and the `n`th of them."""

    name: str
    share: float
    ask: Callable[[int], bytes]


def _create(number: int) -> bytes:
    return _post("/v1/responses", {"model": "gpt-4o", "input": f"question number {number}"})


def _of_many(number: int) -> bytes:
    return _post("/v1/responses", {"model": "gpt-4o", "input": f"question number {number}"}, key=f"key-{number % 1000}")


def _conversation(number: int) -> bytes:
    items = [{"role": "user", "content": f"message {number}"}, {"role": "assistant", "content": "an answer"}]
    return _post("/v1/conversations", {"items": items})


def _long(number: int) -> bytes:
    return _post("/v1/responses", {"model": "gpt-4o", "input": f"{number} {_LONG}"})


_KINDS = (
    _Kind("creates", 0.8, _create),
    _Kind("creates of 1,000 projects", 0.1, _of_many),
    _Kind("conversations", 0.08, _conversation),
    _Kind("creates of 20 kB", 0.02, _long),
)


def run_load_bench(requests: int, say: Callable[[str], None] = lambda line: None) -> list[Row]:
    """Rows of memory at the end and half way, and of the highest that it ever was beside 256 MB; a server a kind."""
    stay_off_first_core()
    rows: list[Row] = []
    for kind in _KINDS:
        count = max(2, int(requests * kind.share))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "load.yaml"
            path.write_text(_SCENARIO, encoding="utf-8")
            with serving("mockapi", "serve", str(path), "--log-level", "error") as server:
                questions = (kind.ask(number) for number in range(count))
                began = stopwatch()
                failed = asyncio.run(_fire(server.port, islice(questions, count // 2)))
                half = memory_mb(server.pid)
                failed += asyncio.run(_fire(server.port, questions))
                took = stopwatch() - began
                end, peak = memory_mb(server.pid), memory_mb(server.pid, "VmHWM")
        say(f"{count:,} {kind.name}: {took:.0f} s, {count / took:,.0f} a second, {failed} of them failed")
        rows.append(Row(f"{count:,} {kind.name}: memory at the end (beside half way)", end, half, "MB"))
        rows.append(Row(f"{count:,} {kind.name}: most memory (beside {_LIMIT_MB})", peak, _LIMIT_MB, "MB"))
    return rows


def _post(path: str, body: object, key: str = "bench") -> bytes:
    data = dumps(body)
    head = f"POST {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(data)}\r\n\r\n".encode() + data


async def _fire(port: int, requests: Iterator[bytes]) -> int:
    """Send all requests; how many were not answered with a 2xx."""
    loop = asyncio.get_running_loop()
    clients = [_Client(requests) for _ in range(_CONNECTIONS)]
    for client in clients:
        await loop.create_connection(lambda client=client: client, "127.0.0.1", port)  # type: ignore[misc]
    return sum([await client.done for client in clients])


class _Client(asyncio.Protocol):
    """Takes requests from all clients' common stock as long as there are any."""

    def __init__(self, requests: Iterator[bytes]) -> None:
        self._requests = requests
        self._open = 0
        self._failed = 0
        self._tail = b""
        self.done: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask as much as may be open."""
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        following = [*islice(self._requests, _AHEAD - self._open)]
        self._open += len(following)
        if following and isinstance(self._transport, asyncio.WriteTransport):
            self._transport.write(b"".join(following))
        if not self._open and not self.done.done():
            self.done.set_result(self._failed)
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Count answers by their beginnings, which may be torn; an answer to come has more than its beginning."""
        seen = self._tail + data
        self._tail = seen[-len(_BEGINNING) :]
        begun = seen.count(_BEGINNING)
        self._failed += begun - seen.count(_BEGINNING + b"2")
        if self._tail == _BEGINNING:  # told with its status
            begun, self._failed = begun - 1, self._failed - 1
        self._open -= begun
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        """What is open then has failed."""
        if not self.done.done():
            self.done.set_result(self._failed + self._open)


_BEGINNING = b"HTTP/1.1 "
