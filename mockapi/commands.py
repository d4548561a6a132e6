"""Commands that ask: a server which runs already, or scenario files about a request."""

import sys
from pathlib import Path
from typing import Any

import click

from mockapi.errors import MockApiError, UsageError
from mockapi.settings import Settings
from mockapi.wire.json import dumps

__all__ = ["explain", "verdict"]


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
        told = explain_call(journal, url, key or "none", admin_key) if journal else explain_request(paths, request.read())
    except UnicodeDecodeError:
        click.echo("mockapi: the request is not UTF-8 text", err=True)
        sys.exit(2)
    except MockApiError as error:
        click.echo(f"mockapi: {str(error).removeprefix('mockapi: ')}", err=True)
        sys.exit(2)
    text = told.pop("text")
    click.echo(dumps(told) if as_json else text)
    sys.exit(0 if told["answers"] else 1)
