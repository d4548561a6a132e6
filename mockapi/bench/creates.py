"""Creates, start and memory beside a bare Starlette route that returns the same bytes (headers and body), in one run."""

import asyncio
import compileall
import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

from mockapi.bench.tools import Row, ask, ask_head, in_turns, memory_mb, serving, stay_off_first_core
from mockapi.wire.json import dumps

__all__ = ["SCENARIO", "run_bench"]

SCENARIO = """
scenario: bench
steps:
  - when: {stream: true}
    reply: one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
      nineteen twenty and one more and then five words
  - reply: Hello there, this is a short answer.
"""


def run_bench(seconds: float = 3.0, rounds: int = 3, say: Callable[[str], None] = lambda line: None) -> list[Row]:
    """Measure everything; each figure is the best of its rounds, ours and theirs taking turns."""
    stay_off_first_core()
    compileall.compile_dir(Path(__file__).parent.parent, quiet=2)  # bytecode, as pip makes it of what it installs
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.yaml"
        path.write_text(SCENARIO, encoding="utf-8")
        bodies = Path(folder) / "bodies"
        say("starting both servers")
        with serving("mockapi", "serve", str(path), "--log-level", "warning") as ours:
            requests = {"JSON creates": _request({"stream": False}), "30-delta streams": _request({"stream": True})}
            bodies.write_bytes(dumps([asyncio.run(ask(ours.port, request)) for request in requests.values()]))
            with serving("mockapi.bench.bare", str(bodies)) as bare:
                at_rest = Row("memory at rest", memory_mb(ours.pid), memory_mb(bare.pid), "MB")
                rows: list[Row] = []
                loads: dict[str, bytes | Iterator[bytes]] = {**requests}
                loads |= {f"{name}, no body twice": _unlike(request) for name, request in requests.items()}
                for name, load in loads.items():
                    say(f"{name}, {rounds} rounds of {seconds:g} s each")
                    rows += in_turns(name, ours, bare, load, seconds, rounds)
                again = [_starts(path, bodies) for _ in range(rounds)]
                starts = [ours.started_s, *(mine for mine, _ in again)], [bare.started_s, *(theirs for _, theirs in again)]
                rows.append(Row("start to ready", min(starts[0]) * 1000, min(starts[1]) * 1000, "ms"))
                rows.append(at_rest)
                rows.append(Row("memory after load", memory_mb(ours.pid), memory_mb(bare.pid), "MB"))
        return rows


def _starts(scenario: Path, bodies: Path) -> tuple[float, float]:
    """Seconds that both take to be ready, one after the other."""
    with serving("mockapi", "serve", str(scenario), "--log-level", "warning") as ours:
        pass
    with serving("mockapi.bench.bare", str(bodies)) as bare:
        return ours.started_s, bare.started_s


def _request(extra: dict[str, object]) -> bytes:
    return ask_head(dumps({"model": "gpt-4o", "input": "hi", **extra}))


def _unlike(request: bytes) -> Iterator[bytes]:
    """The same request with another input of the same length each time."""
    body = request.partition(b"\r\n\r\n")[2]
    return (ask_head(body.replace(b'"hi"', b'"hi, number %09d"' % number)) for number in count())
