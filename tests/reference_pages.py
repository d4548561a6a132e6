"""All pages that are made from code: `python -m tests.reference_pages` writes `docs/reference/*.md`, `errors.md` and `coverage.md`."""

from collections.abc import Iterator, Mapping
from dataclasses import fields

import click

from mockapi.cli import main
from mockapi.scenario.forms import FORMS
from mockapi.scenario.schema import scenario_schema
from mockapi.server import build_app
from mockapi.settings import Settings
from mockapi.wire.json import dumps

from .conftest import ROOT
from .coverage_page import page as coverage_page
from .errors_page import page as errors_page

MADE = "Made from the code by `python -m tests.reference_pages`; a test holds it current."
PARTS = {
    "StepForm": "`steps`",
    "When": "`when`",
    "ToolOutputForm": "`when.tool_output`",
    "ReplyForm": "`reply` as a mapping",
    "UsageForm": "`usage`",
    "ErrorForm": "`error`",
    "FailForm": "`fail`",
    "FaultForm": "`fault`",
    "StallForm": "`fault.stall`",
    "StreamErrorForm": "`fault.stream_error`",
    "AfterBytes": "`fault.disconnect`",
    "PaceForm": "`pace`",
    "BackgroundForm": "`background`",
    "Defaults": "`defaults`",
    "PromptForm": "`prompts`",
    "PromptMessage": "`prompts.….messages`",
    "ConversationSeed": "`conversations`",
    "ResponseSeed": "`responses`",
    "RateForm": "`rate_limits`",
    "WebhookForm": "`webhooks`",
    "DelayForm": "`webhooks.fault`",
}
"""The objects of a scenario file, in the order of the page, and where each stands."""

MOST_SHOWN = 12
"""Values in one cell; longer lists are told elsewhere in the docs."""


def cell(text: object) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ")


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    return [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *(f"| {' | '.join(map(cell, row))} |" for row in rows), ""]


def kind(part: Mapping[str, object]) -> str:
    """The types of a value of the schema, in words."""
    if "$ref" in part:
        name = str(part["$ref"]).rsplit("/", 1)[-1]
        is_item = name.endswith("_item") or name.startswith("Verbatim_")
        return f"mapping ({PARTS[name]})" if name in PARTS else "item" if is_item else "mapping"
    if "const" in part:
        return f"`{part['const']}`"
    if len(part.get("enum", [])) > MOST_SHOWN:
        return "text"
    if "enum" in part:
        return ", ".join(f"`{each}`" for each in part["enum"])
    ways = part.get("anyOf") or part.get("oneOf")
    if ways:
        words = dict.fromkeys(kind(way) for way in ways if way.get("type") != "null")
        return "item" if "item" in words else " or ".join(words)
    if part.get("type") == "array":
        of = kind(part.get("items", {}))
        return f"list of {'items' if of == 'item' else of}"
    words = {"string": "text", "integer": "whole number", "object": "mapping", "boolean": "true or false", None: "any value"}
    types = part.get("type")
    return " or ".join(words.get(each, str(each)) for each in (types if isinstance(types, list) else [types]))


def shown(value: object) -> str:
    return f"`{dumps(value).decode()}`" if not isinstance(value, str) else f"`{value}`"


def examples_of(part: Mapping[str, object]) -> list[object]:
    """Of the key, else of its type."""
    found = list(part.get("examples", []))
    return found or [each for way in part.get("anyOf", []) for each in way.get("examples", [])]


def keys(schema: Mapping[str, object]) -> list[str]:
    required = schema.get("required", [])
    rows = []
    for name, part in schema["properties"].items():
        default = part.get("default")
        told = "required" if name in required else "–" if default in (None, {}, []) else shown(default)
        rows.append((f"`{name}`", kind(part), part["description"], told, ", ".join(map(shown, examples_of(part)))))
    return table(("key", "value", "meaning", "default", "examples"), rows)


def scenario() -> str:
    schema = scenario_schema()
    models = schema["$defs"]
    lines = [
        "# Keys of the scenario file", "", f"{MADE} [The scenario file](../scenarios.md) explains how they work together.", "",
        "## Top level", "", *keys(schema),
    ]  # fmt: skip
    for name, title in PARTS.items():
        lines += (
            [f"## {title}", "", f"{models[name].get('description', '')}".rstrip(), "", *keys(models[name])]
            if name in models
            else []
        )
    lines += [
        "## Items of a reply",
        "",
        "Each is a mapping with one key, its type; text stands for the main field where there is one.",
        "",
    ]
    for name, form in FORMS.items():
        main_field = f" Text stands for `{form.main}`." if form.main else ""
        if form.long is object:
            lines += [f"### `{name}`", "", "Any value, said as JSON.", ""]
        else:
            lines += [f"### `{name}`", "", (models[form.long.__name__].get("description", "") + main_field).strip(), ""]
            lines += keys(models[form.long.__name__])
    return "\n".join(lines)


def default_of(option: click.Option) -> str:
    default = option.default
    if option.is_flag:
        return "off"
    return "–" if default in (None, "", ()) or "UNSET" in repr(default).upper() else f"`{default}`"


def values_of(option: click.Option) -> str:
    if isinstance(option.type, click.Choice):
        return " ".join(f"`{each}`" for each in option.type.choices)
    if isinstance(option.type, click.IntRange):
        return f"{option.type.min} to {option.type.max}" if option.type.max else f"{option.type.min} or more"
    return "on or off" if option.is_flag else option.type.name


def options_of(command: click.Command) -> list[click.Option]:
    return [each for each in command.params if isinstance(each, click.Option)]


def cli() -> str:
    lines = ["# Command line", "", f"{MADE} [Commands](../commands.md) tells more.", ""]
    for name, command in main.commands.items():
        context = click.Context(command, info_name=name, parent=click.Context(main, info_name="mockapi"))
        lines += [f"## `mockapi {name}`", "", "```text", command.get_usage(context).removeprefix("Usage: "), "```", ""]
        lines += ["\n\n".join(" ".join(part.split()) for part in (command.help or "").split("\n\n")), ""]
        rows = [(f"`{', '.join(each.opts)}`", default_of(each), values_of(each), each.help or "") for each in options_of(command)]
        lines += table(("option", "default", "values", "meaning"), rows) if rows else []
    return "\n".join(lines)


def settings() -> str:
    """Every field of `Settings` but the paths, with its option and its variable."""
    options = {option.name: option for option in options_of(main.commands["serve"])}
    rows = [
        (
            f"`{options[each.name].opts[0]}`",
            f"`{options[each.name].envvar}`",
            f"`{each.name}`",
            default_of(options[each.name]),
            options[each.name].help,
        )
        for each in fields(Settings)
        if each.name != "paths"
    ]
    intro = (
        "A setting is an option of `mockapi serve`, a variable of the environment (for containers), and a field of `mockapi.settings.Settings`. "
        "An option wins over a variable. Lists are written with commas."
    )
    return "\n".join(["# Settings", "", MADE, "", intro, "", *table(("option", "variable", "field", "default", "meaning"), rows)])


def admin_routes() -> Iterator[tuple[str, str]]:
    """(method and path, what it does) of every route, from the handlers' docstrings."""
    for route in build_app(Settings()).routes:
        if not route.path.startswith("/_mock"):
            continue
        for method, (_, handler) in route.app._operations.items():
            shown = "GET" if method == "HEAD" else method
            _, told = (handler.__doc__ or "").split(f"`{shown} {route.path}`: ")
            yield f"{method} {route.path}", " ".join(told.split()).rstrip(".")


def admin() -> str:
    lines = ["# Admin API", "", f"{MADE} [The admin API](../admin.md) says who may call it, and how.", ""]
    return "\n".join([*lines, *table(("route", "does"), [(f"`{route}`", told) for route, told in admin_routes()])])


PAGES = {
    "reference/cli.md": cli,
    "reference/settings.md": settings,
    "reference/scenario.md": scenario,
    "reference/admin.md": admin,
    "errors.md": errors_page,
    "coverage.md": coverage_page,
}

if __name__ == "__main__":
    (ROOT / "docs" / "reference").mkdir(exist_ok=True)
    for place, make in PAGES.items():
        (ROOT / "docs" / place).write_text(make())
