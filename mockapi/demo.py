"""The failures that a client must survive: what to send, what to expect; and what the official SDK makes of each."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from mockapi.clock import stopwatch
from mockapi.errors import UsageError
from mockapi.scenario.load import CREATE, find_files
from mockapi.scenario.model import ScenarioFile, StepForm
from mockapi.scenario.source import read_source
from mockapi.wire.json import JsonObject, dumps

__all__ = ["Failure", "demo_folder", "demo_table", "failures", "outcomes"]

_PATIENCE_S = 1.0
_POLLS = 3
_KEY = "demo"
_PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
_SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "temp_c": {"type": "integer"}},
    "required": ["city", "temp_c"],
}


class Failure(NamedTuple):
    """One scenario of the demo: its name, what happens, what a good client does, and the body of a request that meets it."""

    name: str
    happens: str
    advice: str
    body: JsonObject

    def curl(self, base: str) -> str:
        """A line for the shell; `base` is the server's address."""
        data = dumps(self.body).decode().replace("'", "'\\''")
        where = f"{base}/scenarios/{self.name}/v1/responses"
        return f"curl -N {where} -H 'Authorization: Bearer {_KEY}' -H 'Content-Type: application/json' -d '{data}'"


def demo_folder() -> Path:
    """Where the scenarios of the demo are: inside an installed package, or beside a working copy's."""
    package = Path(__file__).parent
    for place in (package / "failures", package.parent / "scenarios" / "failures"):
        if place.is_dir():
            return place
    raise UsageError("the scenarios of the demo are not installed")


def failures() -> list[Failure]:
    """All of them, by name."""
    return [_failure(path) for path in find_files([demo_folder()])]


def _failure(path: Path) -> Failure:
    file = ScenarioFile.model_validate(read_source(path).data)
    happens, _, advice = str(file.about).strip().partition(" A good client ")
    step = next(step for step in file.steps if (step.when.endpoint or CREATE) == CREATE)
    return Failure(file.scenario or path.stem, happens, f"A good client {advice}", _body(step))


def _body(step: StepForm) -> JsonObject:
    """A request that the step asks for."""
    when = step.when
    body: JsonObject = {"model": "gpt-4o", "input": "What is the capital of France?"}
    if when.stream:
        body["stream"] = True
    if when.background:
        body["background"] = True
    if when.tools:
        body["tools"] = [{"type": "function", "name": name, "parameters": _PARAMETERS} for name in when.tools]
    if when.format:
        body["text"] = {"format": {"type": "json_schema", "name": when.format, "schema": _SCHEMA}}
    return body


def demo_table(base: str) -> str:
    """What to try, and what to expect of it; `base` is the server's address."""
    lines = []
    for failure in failures():
        poll = [f"  then GET {base}/scenarios/{failure.name}/v1/responses/ID"] if failure.body.get("background") else []
        lines += [failure.name, f"  {failure.curl(base)}", *poll, f"  {failure.happens}", f"  {failure.advice}", ""]
    return "\n".join(lines)


class Outcome(NamedTuple):
    """What the SDK made of a failure: an exception, or nothing; and what its caller holds in the hands then."""

    failure: Failure
    raised: str
    told: str
    took_s: float


def outcomes() -> Iterator[Outcome]:
    """Run every failure with the official SDK, without retries and with a timeout of a second, against a server of its own.

    `UsageError` if the SDK is not installed.
    """
    try:
        sdk = import_module("openai")
    except ImportError:
        raise UsageError("--try needs the official SDK: pip install openai") from None
    with _serving() as base:
        for failure in failures():
            client = sdk.OpenAI(
                base_url=f"{base}/scenarios/{failure.name}/v1", api_key=_KEY, max_retries=0, timeout=_PATIENCE_S
            )  # fmt: skip
            began = stopwatch()
            with client:
                raised, told = _tried(client, failure)
            yield Outcome(failure, raised, told, stopwatch() - began)


def _tried(client: Any, failure: Failure) -> tuple[str, str]:
    seen: list[str] = []
    use: Callable[[Any, JsonObject, list[str]], str] = _streamed if failure.body.get("stream") else _whole
    try:
        return "nothing", use(client, failure.body, seen)
    except Exception as error:  # noqa: BLE001 - whatever it raises is the answer to the question
        after = f" after {len(seen)} events" if seen else ""
        return type(error).__name__, f"{_short(str(error))}{after}"


def _streamed(client: Any, body: JsonObject, seen: list[str]) -> str:
    said = ""
    for event in client.responses.create(**body):
        seen.append(event.type)
        said += event.delta if event.type == "response.output_text.delta" else ""
    return f"{len(seen)} events, the last one {seen[-1]}; the deltas say {said!r}"


def _whole(client: Any, body: JsonObject, seen: list[str]) -> str:
    response = client.responses.create(**body)
    for _ in range(_POLLS if body.get("background") else 0):
        response = client.responses.retrieve(response.id)
    calls = [f"{item.name}({item.arguments})" for item in response.output if item.type == "function_call"]
    refusals = [part.refusal for item in response.output for part in getattr(item, "content", ()) if part.type == "refusal"]
    said = "; ".join([*calls, *(f"refusal {refusal!r}" for refusal in refusals)]) or f"text {response.output_text!r}"
    return f"status {response.status}, {said}"


def _short(text: str) -> str:
    flat = re.sub(r"\s+", " ", text)
    return flat if len(flat) <= 120 else f"{flat[:117]}..."


@contextmanager
def _serving() -> Iterator[str]:
    """A server process with the demo's scenarios; its address."""
    command = [sys.executable, "-m", "mockapi", "serve", "--port", "0", "--log-level", "error", str(demo_folder())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own module
        try:
            assert process.stdout is not None
            ready = process.stdout.readline()
            if not ready.startswith("mockapi ready on "):
                raise UsageError("the server of the demo did not start")
            yield ready.strip().removeprefix("mockapi ready on ").removesuffix("/v1")
        finally:
            process.terminate()
