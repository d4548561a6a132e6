"""Commands that ask: a server which runs already, scenario files about a request, or this machine how quick it is."""

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mockapi.errors import MockApiError, UsageError
from mockapi.settings import Settings
from mockapi.wire.json import dumps

if TYPE_CHECKING:
    from mockapi.bench.tools import Row

__all__ = ["DurationType", "bench", "explain", "verdict"]


@click.command()
@click.option(
    "--url",
    default=f"http://{Settings().host}:{Settings().port}",
    envvar="MOCKAPI_URL",
    show_default=True,
    help="Where the server is.",
)
@click.option(
    "--key", envvar="OPENAI_API_KEY", show_envvar=True, help="The API key of the client under test. Default: all clients."
)
@click.option("--admin-key", envvar="MOCKAPI_ADMIN_KEY", show_envvar=True, help="What the server's --admin-key is.")
@click.option("--project", help="The client's project (OpenAI-Project); * for all clients, each judged by itself.")
@click.option("--json", "as_json", is_flag=True, help="The admin API's JSON instead of a table.")
def verdict(url: str, key: str | None, admin_key: str | None, project: str | None, as_json: bool) -> None:
    """Judge how a client behaved under the faults that it met, from a server's journal. Exit 1 if anything was bad."""
    from mockapi.inquiry import ask_verdict, table_of_verdict  # start-up time of the other commands

    try:
        told = ask_verdict(url, key=key, admin_key=admin_key, project=project)
    except UsageError as error:
        click.echo(f"mockapi: {error}", err=True)
        sys.exit(2)
    click.echo(dumps(told) if as_json else table_of_verdict(told))
    sys.exit(1 if told["verdict"] == "bad" else 0)


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]...")
@click.option("--request", type=click.File(encoding="utf-8"), help="The request's JSON body; - reads it from standard input.")
@click.option("--journal", metavar="ID", help="Instead: a call in the journal of a running server, by its x-request-id.")
@click.option("--url", default=f"http://{Settings().host}:{Settings().port}", show_default=True, help="That server.")
@click.option("--key", default="", envvar="OPENAI_API_KEY", help="The API key that made the call. [env var: OPENAI_API_KEY]")
@click.option("--admin-key", default="", envvar="MOCKAPI_ADMIN_KEY", show_envvar=True, help="The server's --admin-key.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
def explain(
    paths: tuple[Path, ...], request: Any, journal: str | None, url: str, key: str, admin_key: str, as_json: bool
) -> None:
    """Tell which step answers a request, and why the others do not. Exit 1 if none answers."""
    from mockapi.explaining import explain_call, explain_request  # start-up time of the other commands

    if (request is None) == (journal is None) or (journal is not None and paths):
        raise click.UsageError("give either PATH... with --request FILE, or --journal ID with --url URL")
    if request is not None and not paths:
        paths = (Path("scenarios"),)
    try:
        told = explain_request(paths, request.read()) if journal is None else explain_call(journal, url, key or "none", admin_key)
    except UnicodeDecodeError:
        click.echo("mockapi: the request is not UTF-8 text", err=True)
        sys.exit(2)
    except MockApiError as error:
        click.echo(f"mockapi: {str(error).removeprefix('mockapi: ')}", err=True)
        sys.exit(2)
    text = told.pop("text")
    click.echo(dumps(told) if as_json else text)
    sys.exit(0 if told["answers"] else 1)


class DurationType(click.ParamType):  # type: ignore[type-arg]  # generic only in newer releases
    """A duration like 10s; a bare number counts seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds."""
        from mockapi.scenario.units import parse_duration

        try:
            return (
                float(value) if isinstance(value, float) or re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value) else parse_duration(value)
            )
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command()
@click.option("--seconds", default="3s", show_default=True, type=DurationType(), help="Length of one measurement.")
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1), help="Measurements; the best one counts.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array instead of a table.")
@click.option("--state", is_flag=True, help="How cost grows with what is stored, instead: memory, reads, long chains.")
@click.option(
    "--scenarios",
    "steps",
    is_flag=False,
    flag_value=10_000,
    type=click.IntRange(10),
    metavar="[STEPS]",
    help="What so many steps cost, instead; 10,000 unless told.",
)
@click.option(
    "--streams",
    is_flag=False,
    flag_value=500,
    type=click.IntRange(1),
    metavar="[NUMBER]",
    help="How late so many paced streams are, instead, beside bare sse-starlette; 500 unless told.",
)
@click.option(
    "--load",
    is_flag=False,
    flag_value=1_000_000,
    type=click.IntRange(8),
    metavar="[REQUESTS]",
    help="What so many requests leave in memory, instead; a million unless told.",
)
@click.option("--plugin", is_flag=True, help="What the pytest plugin costs, instead; needs mockapi[pytest].")
@click.option("--operations", is_flag=True, help="Chained creates, retrieves, conversations, refusals, instead.")
@click.option("--store", metavar="URL", help="What requests cost on a store as it fills, instead: memory, sqlite:///FILE, …")
def bench(
    seconds: float,
    rounds: int,
    as_json: bool,
    state: bool,
    steps: int | None,
    streams: int | None,
    load: int | None,
    plugin: bool,
    operations: bool,
    store: str | None,
) -> None:
    """Measure this machine: mockapi beside a bare Starlette route that returns the same bytes, in the same run.

    Where Node.js and the npm package @copilotkit/aimock are installed (in ./node_modules or in the path), beside that too.
    """
    from mockapi.bench.load import run_load_bench
    from mockapi.bench.plugin import run_plugin_bench
    from mockapi.bench.scenarios import run_scenario_bench
    from mockapi.bench.state import run_state_bench
    from mockapi.bench.streams import run_stream_bench
    from mockapi.bench.tools import table_of

    if store is not None:
        rows, beside = _on_store(store), "at 1,000"
    elif plugin:
        rows, beside = run_plugin_bench(rounds), "limit"
    elif streams:
        rows, beside = run_stream_bench(streams), "bare sse-starlette"
    elif state:
        rows, beside = run_state_bench(), "beside"
    elif steps:
        rows, beside = run_scenario_bench(steps), "beside"
    elif load:
        rows, beside = run_load_bench(load, _say), "beside"
    else:
        rows, beside = _beside_others(max(0.05, seconds), rounds, operations=operations), "bare Starlette"
    if as_json:
        click.echo(dumps([{**row._asdict(), "ratio": round(row.ratio, 3)} for row in rows]))
    else:
        click.echo(table_of(rows, beside))


def _say(line: str) -> None:
    click.echo(line, err=True)


def _on_store(url: str) -> "list[Row]":
    from mockapi.bench.store import run_store_bench

    try:
        return run_store_bench(url, say=_say)
    except UsageError as error:
        click.echo(f"mockapi: {error}", err=True)
        sys.exit(2)


def _beside_others(seconds: float, rounds: int, *, operations: bool) -> "list[Row]":
    """Beside bare Starlette, and another mock server where it is installed."""
    from mockapi.bench.creates import run_bench
    from mockapi.bench.operations import run_operations_bench
    from mockapi.bench.peers import find_aimock, run_peer_bench

    if operations:
        return run_operations_bench(seconds, rounds, _say)
    rows, aimock = run_bench(seconds, rounds, _say), find_aimock()
    return rows if aimock is None else [*rows, *run_peer_bench(aimock, seconds, rounds, _say)]
