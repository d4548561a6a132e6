"""Commands for whoever writes scenarios: check them, begin one, what may stand in them."""

import sys
from collections.abc import Sequence
from pathlib import Path
from shlex import quote

import click

from mockapi.errors import MockApiError, Problem, ScenarioError
from mockapi.wire.json import dumps, pretty

__all__ = ["check", "errors", "init", "schema", "tell_problems"]


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of lines.")
@click.option(
    "--strict", is_flag=True, help="Find more: steps, prompts and names of templates that can do nothing. Warnings count: exit 1."
)
def check(paths: tuple[Path, ...], as_json: bool, strict: bool) -> None:
    """Check scenario files: file:line:column, the key, what is wrong, what was probably meant. Exit 1 if anything is."""
    from mockapi.engine.reach import unreached  # start-up time of the other commands
    from mockapi.scenario.audit import audit_files
    from mockapi.scenario.load import load_paths

    problems: Sequence[Problem] = ()
    warnings: list[Problem] = []
    count = 0
    try:
        scenarios = load_paths(paths)
        count = len(scenarios)
        warnings = [warning for scenario in scenarios for warning in (*scenario.warnings, *unreached(scenario))]
        warnings += audit_files(scenario.file for scenario in scenarios) if strict else []
    except ScenarioError as error:
        problems = error.problems
    except MockApiError as error:
        click.echo(f"mockapi: {error}", err=True)
        sys.exit(2)
    is_fine = not problems and not (strict and warnings)
    if as_json:
        click.echo(dumps({"ok": is_fine, "problems": problems, "warnings": warnings}))
    elif problems:
        tell_problems(problems)
    else:
        for warning in warnings:
            click.echo(f"warning: {warning}", err=True)
        verdict = "no problems" if is_fine else _counted(len(warnings), "warning")
        click.echo(f"{_counted(count, 'scenario')}, {verdict}")
    sys.exit(0 if is_fine else 1)


@click.command()
def schema() -> None:
    """Print the JSON Schema of the scenario file, for editors."""
    from mockapi.scenario.schema import scenario_schema  # start-up time of the other commands

    click.echo(pretty(scenario_schema()))


_STARTER = """\
# A scenario to start from. Serve it:  mockapi serve {folder}
# Check it:                            mockapi check {folder}
scenario: first
about: Answers a greeting, calls a function, answers from its output.

steps:
  # A plain string is contained in the newest user message, whatever the case.
  - when:
      input: hello
    reply: Hello! What can I do for you?

  # `/…/` is a regular expression; its named groups are match.NAME. `tools` asks that the request offers the function.
  - when:
      input: /weather in (?P<city>\\w+)/i
      tools: [get_weather]
    reply:
      - function_call: {{name: get_weather, arguments: {{city: "{{{{ match.city }}}}"}}}}

  # This turn brings the output of that call.
  - when:
      tool_output: get_weather
    reply: "The weather: {{{{ tool_outputs.get_weather }}}}"

  # An error instead of an answer, twice; a client that retries gets through at the third try.
  - when:
      input: busy
    times: 2
    error: rate_limit_exceeded
"""


@click.command()
@click.argument("word", default="", metavar="[FILTER]")
@click.option("--json", "as_json", is_flag=True, help="One JSON array, with headers, sample values and notes.")
def errors(word: str, as_json: bool) -> None:
    """List the real API's errors, for `error:` of scenarios. FILTER: a status, or a word in any column; exit 1 if none fits."""
    from mockapi.wire.catalogue.listing import rows_with, shown, table_of

    rows = rows_with(word)
    if not rows and not as_json:
        click.echo(f"mockapi: no error fits {word!r}; `mockapi errors` lists all", err=True)
    else:
        click.echo(pretty([shown(row) for row in rows]) if as_json else table_of(rows))
    sys.exit(0 if rows else 1)


@click.command()
@click.argument("folder", default="scenarios", type=click.Path(path_type=Path, file_okay=False), metavar="[DIR]")
def init(folder: Path) -> None:
    """Write a small commented scenario, and the schema for your editor, into DIR (default: ./scenarios)."""
    from mockapi.scenario.schema import scenario_schema

    target, schema_file = folder / "first.yaml", folder / "scenario.schema.json"
    written = scenario_schema()
    shown = quote(str(folder)) if str(folder).isprintable() else "DIR"
    try:
        if target.exists():
            click.echo(f"mockapi: {target} is there already; nothing was written", err=True)
            sys.exit(2)
        if schema_file.exists() and str(written["title"]).encode() not in schema_file.read_bytes():
            click.echo(f"mockapi: {schema_file} is there already, and is not mockapi's; nothing was written", err=True)
            sys.exit(2)
        folder.mkdir(parents=True, exist_ok=True)
        head = "# yaml-language-server: $schema=./scenario.schema.json\n"
        target.write_text(head + _STARTER.format(folder=shown), encoding="utf-8")
        schema_file.write_bytes(pretty(written) + b"\n")
    except OSError as error:
        click.echo(f"mockapi: cannot write to {folder}: {error.strerror}", err=True)
        sys.exit(2)
    click.echo(f"wrote {target}; now run: mockapi serve {shown}")


def tell_problems(problems: Sequence[Problem]) -> None:
    """A line for each, and how many there are, to standard error."""
    for problem in problems:
        click.echo(str(problem), err=True)
    click.echo(_counted(len(problems), "problem"), err=True)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number != 1 else ''}"
