"""How late paced streams are when many run at once: mockapi beside a bare sse-starlette generator that sends the same pieces.

Both servers run on one core, the client on the others. An event is late by how much later it comes than its place in the
schedule, counted from the first byte of its stream.
"""

import asyncio
import tempfile
from pathlib import Path

from mockapi.bench.tools import Row, ask_head, serving, stay_off_first_core
from mockapi.clock import make_clock, stopwatch
from mockapi.handles import raise_file_limit
from mockapi.scenario.library import Library
from mockapi.scenario.load import load_text
from mockapi.service.core import Call, Core
from mockapi.service.responses import Responses
from mockapi.settings import Settings
from mockapi.stores.memory import MemoryStore
from mockapi.wire.json import dumps

__all__ = ["run_stream_bench"]

_EVENTS = 25_000  # a second, of all streams together
_SECONDS = 5
_PATIENCE_S = 120  # on a machine that is busy with other things
_BODY = {"model": "gpt-4o", "input": "go", "stream": True}


def run_stream_bench(streams: int = 500) -> list[Row]:
    """Rows of our lateness, theirs, ratio, unit; the more streams, the slower each, so that all together send as much."""
    stay_off_first_core()
    raise_file_limit()
    rate = max(1, _EVENTS // streams)
    scenario = _scenario(rate)
    with tempfile.TemporaryDirectory() as folder:
        path, pieces = Path(folder) / "paced.yaml", Path(folder) / "pieces"
        path.write_text(scenario, encoding="utf-8")
        schedule = asyncio.run(_schedule(scenario))
        pieces.write_bytes(dumps(schedule))
        offsets = [offset for offset, _ in schedule]
        with serving("mockapi", "serve", str(path), "--log-level", "warning") as server:
            ours = asyncio.run(_lateness(server.port, streams, offsets))
        with serving("mockapi.bench.bare", "--paced", str(pieces)) as server:
            theirs = asyncio.run(_lateness(server.port, streams, offsets))
    name = f"{streams:,} streams at {rate} events/s for {_SECONDS} s: lateness, "
    rows = [Row(f"{name}{label}", _at(ours, share), _at(theirs, share), "ms") for label, share in _SHARES]
    return [*rows, Row(f"{streams:,} streams: events that came", float(len(ours)), float(len(theirs)), "events")]


_SHARES = (("median", 0.5), ("99th percentile", 0.99), ("latest", 1.0))


def _at(late: list[float], share: float) -> float:
    return sorted(late)[min(len(late) - 1, int(len(late) * share))] * 1000 if late else float("nan")


def _scenario(rate: int) -> str:
    words = " ".join(["word"] * (rate * _SECONDS))
    return f"scenario: paced\nsteps: [{{pace: {{rate: {rate}/s}}, reply: {words}}}]\n"


async def _schedule(scenario: str) -> list[tuple[float, str]]:
    """The pieces of the stream and when they are due."""
    core = Core(Settings(), MemoryStore(), make_clock("real"), Library(scenarios=[load_text(scenario, "paced")]))
    call = Call("p", "responses.create", dumps(_BODY), {})
    created = await Responses(core).create(call, await core.identify(call))
    return [(piece.offset_s, piece.data.decode()) for piece in created.timeline.pieces()]


async def _lateness(port: int, streams: int, offsets: list[float]) -> list[float]:
    """How late each piece of each stream came, in seconds."""
    loop = asyncio.get_running_loop()
    clients = [_Reader(offsets) for _ in range(streams)]
    for client in clients:
        await loop.create_connection(lambda client=client: client, "127.0.0.1", port)  # type: ignore[misc]
        await asyncio.sleep(0.002)  # as many starts as a busy test run has
    await asyncio.wait([client.done for client in clients], timeout=_PATIENCE_S)
    return [late for client in clients for late in client.late]


class _Reader(asyncio.Protocol):
    """Reads one stream and compares each delta's arrival with its place in the schedule."""

    def __init__(self, offsets: list[float]) -> None:
        self._offsets = offsets
        self._began: float | None = None
        self._seen = 0
        self.late: list[float] = []
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        self._transport = transport
        if isinstance(transport, asyncio.WriteTransport):
            transport.write(ask_head(dumps(_BODY)))

    def data_received(self, data: bytes) -> None:
        """Count the deltas that came."""
        now = stopwatch()
        if self._began is None:
            self._began = now
        for _ in range(data.count(b"event: response.output_text.delta\n")):
            if self._seen < len(self._offsets):
                self.late.append(now - self._began - self._offsets[self._seen])
            self._seen += 1
        if b"event: response.completed\n" in data and not self.done.done():
            self.done.set_result(None)
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Over, one way or the other."""
        if not self.done.done():
            self.done.set_result(None)
