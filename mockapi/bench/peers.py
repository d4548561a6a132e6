"""mockapi beside aimock, the best-known peer that answers `POST /v1/responses`, under the same load and on the same core.

aimock (`npm install @copilotkit/aimock`, Node.js) is given the same texts in the form that it has for them; it keeps no state.
"""

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mockapi.bench.creates import SCENARIO
from mockapi.bench.tools import Row, Running, ask_head, in_turns, serving, stay_off_first_core, stay_on
from mockapi.clock import pause, stopwatch
from mockapi.wire.json import JsonObject, dumps

__all__ = ["find_aimock", "run_peer_bench"]

_SHORT = "Hello there, this is a short answer."
_LONG = "five " * 30  # of pieces of five characters: thirty deltas
_START_S = 20.0


def find_aimock() -> str | None:
    """The program: in the path, or in `node_modules` of this folder; None if it is not installed."""
    here = Path("node_modules/.bin/llmock").absolute()
    return str(here) if here.exists() else shutil.which("llmock")


def run_peer_bench(
    program: str, seconds: float = 3.0, rounds: int = 3, say: Callable[[str], None] = lambda line: None
) -> list[Row]:
    """Rows of our figure, aimock's, ratio, unit; each is the best of its rounds, and they take turns."""
    stay_off_first_core()
    requests: dict[str, JsonObject] = {"JSON creates": {"input": "hi"}, "30-delta streams": {"input": "go", "stream": True}}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.yaml"
        path.write_text(SCENARIO, encoding="utf-8")
        rows = []
        with serving("mockapi", "serve", str(path), "--log-level", "warning") as ours, _aimock(program, Path(folder)) as theirs:
            for name, body in requests.items():
                say(f"{name} beside aimock, {rounds} rounds of {seconds:g} s each")
                request = ask_head(dumps({"model": "gpt-4o", **body}))
                rate, _ = in_turns(f"{name}, beside aimock", ours, theirs, request, seconds, rounds)
                rows.append(rate)  # what one of its threads costs says nothing
        return rows


@contextmanager
def _aimock(program: str, folder: Path) -> Iterator[Running]:
    """As soon as it listens; on the first core, as ours is."""
    replies = {"hi": _SHORT, "go": _LONG}
    fixtures = [{"match": {"userMessage": asked}, "response": {"content": said}} for asked, said in replies.items()]
    (folder / "aimock.json").write_bytes(dumps({"fixtures": fixtures}))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    options = ["--port", str(port), "--fixtures", str(folder / "aimock.json"), "--chunk-size", "5", "--log-level", "silent"]
    command = [program, *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:  # noqa: S603 - what the user has installed
        try:
            began = stopwatch()
            stay_on({0}, process.pid)
            _wait_for(port)
            yield Running(port, process.pid, stopwatch() - began)
        finally:
            process.terminate()


def _wait_for(port: int) -> None:
    until = stopwatch() + _START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if stopwatch() > until:
                raise
            pause(0.05)
        else:
            return
