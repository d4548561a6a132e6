"""A step's reply, compiled at load: what is constant is rendered once, templates are rendered for each request."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mockapi.scenario.forms import draft_of
from mockapi.scenario.template import Render, Where, compile_value
from mockapi.wire.json import JsonObject, dumps

__all__ = ["Rendered", "Reply", "compile_reply", "message_drafts"]

Locate = Callable[[tuple[str | int, ...]], Where]


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a reply says to one request: a JSON array of drafts, and overrides of body keys."""

    drafts: bytes
    overrides: JsonObject


@dataclass(frozen=True, slots=True)
class Reply:
    """A compiled reply; `render` is None when nothing in it depends on the request."""

    constant: Rendered | None
    render: Render | None = None

    def rendered(self, names: Callable[[], Mapping[str, object]]) -> Rendered:
        """The reply to one request; `names` is asked only if there is something to render."""
        if self.constant is not None:
            return self.constant
        assert self.render is not None
        return _assembled(self.render(names()))


def compile_reply(reply: object, locate: Locate) -> Reply:
    """Compile a reply as written; it must have passed the model."""
    render = compile_value(reply, locate)
    return Reply(_assembled(reply)) if render is None else Reply(None, render)


def message_drafts(text: str) -> bytes:
    """The drafts of one plain message."""
    return dumps([draft_of({"message": text})])


def _assembled(reply: object) -> Rendered:
    if isinstance(reply, Mapping):
        overrides = {str(key): value for key, value in reply.items() if key != "output"}
        return Rendered(_drafts(reply.get("output", [])), overrides)
    return Rendered(_drafts(reply), {})


def _drafts(output: object) -> bytes:
    if isinstance(output, list):
        return dumps([draft_of(item) for item in output])
    return dumps([draft_of({"message": output})])
