"""Commands that ask a server which runs already."""

import sys

import click

from mockapi.errors import UsageError
from mockapi.settings import Settings
from mockapi.wire.json import dumps

__all__ = ["verdict"]


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
