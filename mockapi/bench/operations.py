"""Operations other than a plain create, each beside a bare Starlette route that returns the same bytes."""

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from mockapi.bench.creates import SCENARIO
from mockapi.bench.tools import Row, ask, ask_head, in_turns, serving, stay_off_first_core
from mockapi.wire.json import JsonObject, dumps, loads

__all__ = ["run_operations_bench"]

_NO_MATCH = """
scenario: strict
steps:
  - {when: {input: weather}, reply: a}
  - {when: {input: /sun|moon/, model: gpt-5}, reply: b}
  - {when: {turn: 7}, reply: c}
  - {when: {input: stars}, reply: d}
"""
_CREATE: JsonObject = {"model": "gpt-4o", "input": "hi"}
_Operation = tuple[str, str, str, int, JsonObject | None]
"""Its name, method, path, status, and the body that is sent."""


def run_operations_bench(seconds: float = 3.0, rounds: int = 3, say: Callable[[str], None] = lambda line: None) -> list[Row]:
    """A row an operation, the best of its rounds; ours and theirs take turns."""
    stay_off_first_core()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        usual, strict, answers = (Path(folder) / name for name in ("bench.yaml", "strict.yaml", "answers"))
        usual.write_text(SCENARIO, encoding="utf-8")
        strict.write_text(_NO_MATCH, encoding="utf-8")
        ours = stack.enter_context(serving("mockapi", "serve", str(usual), "--log-level", "warning"))
        refusing = ("--unmatched", "error", "--log-level", "error")
        other = stack.enter_context(serving("mockapi", "serve", str(strict), *refusing))
        rows: list[Row] = []
        for name, method, path, status, body in _operations(ours.port):
            say(f"{name}, {rounds} rounds of {seconds:g} s each")
            server = ours if status == 200 else other
            request = ask_head(b"" if body is None else dumps(body), method, path)
            answer = asyncio.run(ask(server.port, request))
            answers.write_bytes(dumps([answer, answer]))
            options = ("--method", method, "--path", path, "--status", str(status))
            with serving("mockapi.bench.bare", str(answers), *options) as bare:
                rows += in_turns(name, server, bare, request, seconds, rounds)
        return rows


def _operations(port: int) -> Iterator[_Operation]:
    _, created = asyncio.run(ask(port, ask_head(dumps(_CREATE))))
    first = loads(created)
    name = first.get("id") if isinstance(first, dict) else None
    yield "chained creates", "POST", "/v1/responses", 200, {**_CREATE, "previous_response_id": name}
    yield "creates with tools", "POST", "/v1/responses", 200, {**_CREATE, "instructions": "Be short.", "tools": _TOOLS}
    yield "retrieves", "GET", f"/v1/responses/{name}", 200, None
    yield "conversation creates", "POST", "/v1/conversations", 200, {"metadata": {"topic": "bench"}}
    yield "422 with near misses", "POST", "/v1/responses", 422, _CREATE


_TOOLS = [
    {
        "type": "function",
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        "strict": False,
    }
]
