"""The command line: reads settings at the edge, prints for people."""

import gc
import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from mockapi import __version__
from mockapi.authoring import check, errors, init, schema, tell_problems
from mockapi.commands import DurationType, bench, explain, verdict
from mockapi.errors import ScenarioError, UsageError
from mockapi.settings import Settings
from mockapi.wire.json import dumps
from mockapi.wire.limits import Limit, parse_limit

__all__ = ["main"]

_DEFAULT_FOLDER = Path("scenarios")
_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_Command = TypeVar("_Command", bound=Callable[..., object])


@click.group(context_settings=_CONTEXT)
@click.version_option(__version__, prog_name="mockapi")
def main() -> None:
    """A local mock server that emulates OpenAI's Responses API from scripted scenario files."""


for _command in (bench, check, errors, explain, init, schema, verdict):
    main.add_command(_command)


class _Listed(click.ParamType):  # type: ignore[type-arg]  # generic only in newer releases
    """Comma-separated values."""

    name = "list"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """A tuple of what is not empty."""
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else tuple(value)


class _RateLimitType(click.ParamType):  # type: ignore[type-arg]  # generic only in newer releases
    """A limit like 60rpm,100000tpm."""

    name = "limit"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Limit | None:
        """Requests and tokens a minute."""
        try:
            return parse_limit(value) if isinstance(value, str) else value
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _setting(name: str, default: object, kind: "click.ParamType[Any]", help_text: str) -> Callable[[_Command], _Command]:
    """An option of `serve` that is also an environment variable, for containers."""
    variable = "MOCKAPI_" + name.removeprefix("--").replace("-", "_").upper()
    return click.option(name, default=default, type=kind, envvar=variable, show_default=True, show_envvar=True, help=help_text)


@main.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]...")
@_setting("--host", Settings().host, click.STRING, "Address to listen on.")
@_setting("--port", Settings().port, click.IntRange(0, 65535), "Port; 0 picks a free one.")
@_setting(
    "--store",
    Settings().store,
    click.STRING,
    "Where state is kept: memory (gone with the process), sqlite:///FILE or redis://HOST:PORT/DB.",
)
@_setting(
    "--workers",
    Settings().workers,
    click.IntRange(1, 64),
    "Processes that serve the port; they need a store that they can share.",
)
@_setting(
    "--clock",
    Settings().clock,
    click.Choice(["real", "virtual"]),
    "real: delays are waited. virtual: time stands at 2026-01-01, delays pass at once, and every run gives the same bytes.",
)
@_setting("--poll-step", "1s", DurationType(), "How far a poll moves an unfinished background run under the virtual clock.")
@_setting("--seed", Settings().seed, click.STRING, "What ids and chance derive from.")
@_setting(
    "--unmatched",
    Settings().unmatched,
    click.Choice(["auto", "error"]),
    "When no step matches. auto: a short text. error: 422 that says how near the nearest steps came.",
)
@_setting(
    "--unknown-ids",
    Settings().unknown_ids,
    click.Choice(["error", "create"]),
    "create: any unknown response, conversation, item or prompt id exists as soon as it is asked for.",
)
@_setting(
    "--validation",
    Settings().validation,
    click.Choice(["on", "off"]),
    "off: missing or invalid parameters take their defaults instead of an error.",
)
@_setting(
    "--history",
    Settings().history,
    click.Choice(["strict", "lenient"]),
    "lenient: tool calls without outputs, missing reasoning, unknown items and the like are accepted.",
)
@_setting(
    "--capabilities",
    Settings().capabilities,
    click.Choice(["on", "off"]),
    "off: models accept parameters that the real ones refuse (temperature on reasoning models, …).",
)
@_setting(
    "--tokens",
    Settings().tokens,
    click.Choice(["estimate", "bpe"]),
    "How usage is counted. bpe: by the real vocabulary of o200k; needs the extra mockapi[tokens].",
)
@_setting("--models", "", _Listed(), "Globs, comma-separated: any other model does not exist. Default: any name is a model.")
@_setting("--zdr", "", _Listed(), "API keys, comma-separated, of projects with zero data retention: nothing is stored.")
@_setting("--rate-limit", "", _RateLimitType(), "What every model has a minute, like 60rpm,100000tpm; scenarios say it by model.")
@click.option(
    "--prices",
    type=click.Path(path_type=Path),
    envvar="MOCKAPI_PRICES",
    show_envvar=True,
    help="YAML file of model token prices, for /_mock/usage.",
)
@_setting("--api-keys", "", _Listed(), "Keys, comma-separated: any other is refused with 401. Default: any key will do.")
@_setting("--admin-key", "", click.STRING, "Guards the admin API: callers send it in X-Mock-Admin-Key. Default: no guard.")
@_setting("--allowed-hosts", "", _Listed(), "Further host names the admin API may be called by, comma-separated; * for any.")
@_setting("--cors", "", _Listed(), "Origins, comma-separated, whose web pages may call the API; * for any. Default: none.")
@click.option(
    "--fault-header",
    is_flag=True,
    envvar="MOCKAPI_FAULT_HEADER",
    show_envvar=True,
    help="Let a request pick its own fault or error: X-Mock-Fault: NAME.",
)
@_setting("--webhook-url", "", _Listed(), "URLs, comma-separated, that are told when a background response of any project ends.")
@_setting("--webhook-secret", "", click.STRING, "Signs webhooks that no scenario names a secret for. Default: a known one.")
@_setting("--webhook-hosts", "", _Listed(), "Hosts beyond loopback that webhooks may go to: globs, comma-separated; * for any.")
@_setting("--journal", Settings().journal, click.IntRange(0), "Calls remembered per project; the oldest are forgotten first.")
@_setting(
    "--log-level",
    Settings().log_level,
    click.Choice(["debug", "info", "warning", "error"]),
    "info: one line a request, on stderr.",
)
@_setting("--log-format", Settings().log_format, click.Choice(["text", "json"]), "json: one JSON object a line.")
@click.option("--watch", is_flag=True, envvar="MOCKAPI_WATCH", show_envvar=True, help="Reload scenarios when their files change.")
@_setting("--max-body", Settings().max_body, click.IntRange(1), "Longest request body, in bytes.")
@_setting(
    "--max-responses",
    Settings().max_responses,
    click.IntRange(1),
    "Stored responses remembered per project; the oldest are forgotten first.",
)
@_setting(
    "--max-memory",
    Settings().max_memory,
    click.IntRange(1),
    "MB that is remembered, about, of all projects together; the oldest is forgotten first.",
)
def serve(paths: tuple[Path, ...], **options: Any) -> None:
    """Serve the scenarios found at PATH: files, folders, or DIR/** for all folders below.

    Without PATH: ./scenarios if it exists, else every request gets a short automatic text.
    """
    gc.disable()  # nothing is garbage before the server runs, which enables it
    from mockapi.server import serve as run  # start-up time of the other commands

    if not paths and _DEFAULT_FOLDER.is_dir():
        paths = (_DEFAULT_FOLDER,)
    settings = Settings(paths=paths, **options)
    _start_log(settings)
    try:
        run(settings, say=click.echo)
    except ScenarioError as error:
        tell_problems(error.problems)
        sys.exit(2)
    except UsageError as error:
        click.echo(f"mockapi: {error}", err=True)
        sys.exit(2)


@main.command()
@click.option("--host", default=Settings().host, envvar="MOCKAPI_HOST", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=Settings().port, envvar="MOCKAPI_PORT", show_default=True, type=click.IntRange(0, 65535), help="Its port."
)
@click.option("--try", "tries", is_flag=True, help="Run every failure with the official SDK, and tell what it raised.")
def demo(host: str, port: int, tries: bool) -> None:
    """Serve a scenario for every failure that a client must survive, and print what to try."""
    from mockapi.demo import demo_folder, demo_table, outcomes
    from mockapi.server import serve as run

    def tell(ready: str) -> None:
        base = ready.removeprefix("mockapi ready on ").removesuffix("/v1")
        click.echo(f"{demo_table(base)}\n{ready}")

    try:
        if tries:
            for failure, raised, told, took_s in outcomes():
                click.echo(
                    f"{failure.name}: {failure.happens}\n  SDK raised {raised} ({took_s:.1f} s): {told}\n  {failure.advice}\n"
                )
        else:
            settings = Settings(paths=(demo_folder(),), host=host, port=port)
            _start_log(settings)
            run(settings, say=tell)
    except UsageError as error:
        click.echo(f"mockapi: {error}", err=True)
        sys.exit(2)


@main.command()
@click.option("--timeout", default="10s", show_default=True, type=DurationType(), help="How long to wait: 500ms, 10s, 2m.")
@click.option("--host", default=Settings().host, envvar="MOCKAPI_HOST", show_default=True, help="Where the server is.")
@click.option(
    "--port", default=Settings().port, envvar="MOCKAPI_PORT", show_default=True, type=click.IntRange(1, 65535), help="Its port."
)
def wait(timeout: float, host: str, port: int) -> None:
    """Return when a server is ready; exit 1 if it is not in time. For CI scripts and container health checks."""
    from mockapi.waiting import is_ready_within

    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - where it listens on all addresses
    host = f"[{host}]" if ":" in host else host
    if not is_ready_within(f"http://{host}:{port}/_mock/ready", timeout):
        click.echo(f"mockapi: no server is ready on http://{host}:{port} within {timeout:g} s", err=True)
        sys.exit(1)
    click.echo(f"ready on http://{host}:{port}/v1")


class _JsonLines(logging.Formatter):
    """One JSON object a line: time, level, message, a call's own fields, and the traceback where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        entry: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "call", {}),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return dumps(entry).decode()


def _start_log(settings: Settings) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines() if settings.log_format == "json" else logging.Formatter("%(message)s"))
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler])
