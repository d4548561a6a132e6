"""A step's reply, compiled at load: what is constant is rendered once, templates are rendered for each request."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mockapi.errors import MockError
from mockapi.scenario.forms import draft_of, long_item, without_nulls
from mockapi.scenario.template import Render, Where, compile_value
from mockapi.wire.json import JsonObject, dumps, loads

__all__ = ["Rendered", "Reply", "check_json", "compile_reply", "message_drafts"]

Locate = Callable[[tuple[str | int, ...]], Where]


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a reply says to one request: a JSON array of drafts, and overrides of body keys.

    `jsons` are the places of its `json` items: index among the drafts, and where each stands in its file.
    """

    drafts: bytes
    overrides: JsonObject
    is_constant: bool = False
    jsons: tuple[tuple[int, Where], ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """A compiled reply; `render` is None when nothing in it depends on the request."""

    constant: Rendered | None
    render: Render | None = None
    jsons: tuple[tuple[int, Where], ...] = ()

    def rendered(self, names: Callable[[], Mapping[str, object]]) -> Rendered:
        """The reply to one request; `names` is asked only if there is something to render."""
        if self.constant is not None:
            return self.constant
        assert self.render is not None
        return _assembled(self.render(names()), self.jsons)


def compile_reply(reply: object, locate: Locate) -> Reply:
    """Compile a reply as written; it must have passed the model."""
    form = _long_form(reply)
    prefix = 0 if isinstance(reply, Mapping) else 1  # `output` is not written in the short forms
    render = compile_value(form, lambda path: locate(path[prefix:]), _keeps_type)
    jsons = tuple((index, locate(("output", index, "json")[prefix:])) for index in _jsons_of(form["output"]))
    return Reply(_assembled(form, jsons, is_constant=True)) if render is None else Reply(None, render, jsons)


def check_json(reply: Rendered, text: Mapping[str, object] | None) -> None:
    """`MockError` 500 if a `json` item does not fit the schema that `text.format` asks for: the scenario is wrong."""
    form = (text or {}).get("format")
    if not isinstance(form, Mapping) or form.get("type") != "json_schema":
        return
    from mockapi.scenario.fit import misfit  # noqa: PLC0415 - start-up time until a schema is asked for

    drafts: Any = loads(reply.drafts)
    for index, where in reply.jsons:
        problem = misfit(loads(drafts[index]["content"][0]["text"]), form.get("schema"))
        if problem:
            message = (
                f"The json reply at {where} does not fit the schema {str(form.get('name'))!r} that the request asks for: "
                f"{problem}. Mend the scenario, or write fault: {{bad_json: …}} if that is meant."
            )
            raise MockError(message, status=500, code="mock_json_mismatch")


def _jsons_of(output: object) -> list[int]:
    items = output if isinstance(output, list) else []
    return [index for index, item in enumerate(items) if "json" in item and "type" not in item]


def _keeps_type(path: tuple[str | int, ...]) -> bool:
    """A whole expression keeps its type inside `arguments` and `json`; everywhere else the wire wants text."""
    if len(path) <= 3 or path[0] != "output":
        return False
    return (
        path[2] in ("json", "arguments") or path[3] == "arguments"
    )  # `arguments` of an item with its own `type:` are a level up


def message_drafts(text: str) -> bytes:
    """The drafts of one plain message."""
    return dumps([draft_of(long_item({"message": text}))])


def _long_form(reply: object) -> JsonObject:
    """The reply as a mapping whose `output` is a list of items in their long forms."""
    form: JsonObject = without_nulls(reply) if isinstance(reply, Mapping) else {"output": reply}
    output = form.get("output", [])
    items = output if isinstance(output, list) else [{"message": output}]
    return {**form, "output": [long_item(item) for item in items]}


def _assembled(form: object, jsons: tuple[tuple[int, Where], ...], *, is_constant: bool = False) -> Rendered:
    if not isinstance(form, Mapping):
        raise TypeError("a reply renders to a mapping")
    overrides = {str(key): value for key, value in form.items() if key != "output"}
    return Rendered(dumps([draft_of(item) for item in form["output"]]), overrides, is_constant, jsons)
