"""What a scenario lays down from the start: hosted prompts, conversations and responses that exist in every project."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, TypeAdapter, WithJsonSchema

from mockapi.scenario.fields import STRICT
from mockapi.scenario.forms import ReplyItem, ShortItem
from mockapi.wire.catalogue import told
from mockapi.wire.content import Text
from mockapi.wire.items import InputItem
from mockapi.wire.json import JsonObject
from mockapi.wire.requests import Metadata
from mockapi.wire.typed import Lazy, OneOf, by_kind
from mockapi.wire.validation import missing_parameter

__all__ = ["PROMPT_VARIABLE", "ConversationSeed", "PromptForm", "PromptMessage", "ResponseSeed", "circular", "fill_prompt"]


def _pick(value: object) -> str | None:
    """Items of the wire have a type or a role; the others are the short forms of replies."""
    if not isinstance(value, Mapping) or value.get("type") == "item_reference":  # write the item itself
        return None
    return "wire" if "role" in value or "type" in value else "short"


@cache
def _seed_items() -> TypeAdapter[JsonObject]:
    return TypeAdapter(Annotated[JsonObject, OneOf(_pick, {"wire": InputItem, "short": ShortItem}, expected="an item")])


SeedItem = Annotated[JsonObject, Lazy(lambda value: _seed_items().validate_python(value), _seed_items)]
Version = Annotated[
    str,
    BeforeValidator(lambda value: str(value) if type(value) is int else value),
    WithJsonSchema({"type": ["string", "integer"]}),
]


class PromptMessage(BaseModel):
    """One message of a prompt template; `{{name}}` stands for a variable."""

    model_config = STRICT

    role: Literal["developer", "system", "user", "assistant"] = "developer"
    """Whose message it is."""
    text: Text
    """What it says; `{{name}}` is a variable."""


class PromptForm(BaseModel):
    """A hosted prompt template."""

    model_config = STRICT

    version: Version = "1"
    """The version that requests may name."""
    model: str | None = None
    """The model of requests that name none."""
    messages: list[PromptMessage] = []
    """What stands before the request's input."""
    variables: list[str] = []
    """The variables that a request must give."""


class ConversationSeed(BaseModel):
    """A conversation that is there from the start."""

    model_config = STRICT

    metadata: Metadata = {}
    """Its metadata."""
    items: list[SeedItem] = []
    """Its items, oldest first: as in a request, or in the short forms of replies."""


class ResponseSeed(BaseModel):
    """A stored response that is there from the start."""

    model_config = STRICT

    input: Annotated[object, by_kind("text or a list of items", text=str, items=list[SeedItem])] = ""
    """What was asked."""
    output: Annotated[object, by_kind("text or a list of items", text=str, items=list[ReplyItem])] = ""
    """What the model said."""
    previous_response_id: str | None = None
    """The response that it follows."""
    model: str = "gpt-4o"
    """Its model."""
    instructions: str | None = None
    """Its instructions."""
    metadata: Metadata = {}
    """Its metadata."""


def circular(responses: Mapping[str, ResponseSeed]) -> Iterator[tuple[tuple[str, str], str]]:
    """(where among the responses, what is wrong) of those that follow themselves."""
    for name in responses:
        seen, after = {name}, responses[name].previous_response_id or ""
        while after in responses and after not in seen:
            seen.add(after)
            after = responses[after].previous_response_id or ""
        if after == name:
            yield (name, "previous_response_id"), "the response follows itself"


PROMPT_VARIABLE = re.compile(r"\{\{\s*([A-Za-z0-9_-]+)\s*\}\}")


def fill_prompt(form: PromptForm, variables: Mapping[str, object]) -> list[JsonObject]:
    """The template's messages with the variables in their places, as `instructions` shows them (WIRE.md §13).

    `ApiError` for a variable that is missing or that the template does not know (words assumed).
    """
    for name in form.variables:
        if name not in variables:
            raise missing_parameter(f"prompt.variables.{name}")
    for name in variables:
        if name not in form.variables:
            raise told("unknown_parameter", path=f"prompt.variables.{name}", hint="")
    return [
        {"type": "message", "content": _parts(message.text, variables), "role": message.role} for message in form.messages
    ]  # fmt: skip


def _parts(text: str, variables: Mapping[str, object]) -> list[JsonObject]:
    """Texts are put into the text; images and files stand behind it as parts of their own."""
    others: list[JsonObject] = []

    def put(found: "re.Match[str]") -> str:
        value = variables.get(found[1], found[0])
        if isinstance(value, Mapping) and value.get("type") != "input_text":
            others.append(dict(value))
            return ""
        return str(value.get("text", "")) if isinstance(value, Mapping) else str(value)

    return [{"type": "input_text", "text": PROMPT_VARIABLE.sub(put, text)}, *others]
