"""Reply items as people write them: a one-key mapping whose key is the wire's item type, or a verbatim item with `type`.

One entry in `FORMS` an item type: its long form, and how it becomes a draft (an output item in wire fields, without the ids
and statuses that are filled in later).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator

from mockapi.scenario.template import is_template
from mockapi.wire.content import Annotation
from mockapi.wire.json import JsonObject, dumps
from mockapi.wire.typed import OneOf, by_kind

__all__ = ["FORMS", "ItemForm", "ReplyItem", "draft_of", "long_item", "without_nulls"]

STRICT = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Common(BaseModel):
    """Wire fields any item may give."""

    model_config = STRICT

    id: str | None = None
    status: Literal["in_progress", "completed", "incomplete"] | None = None


class TokenForm(BaseModel):
    """One entry of `logprobs`."""

    model_config = STRICT

    token: str
    logprob: float
    bytes: list[int] | None = None
    top_logprobs: list["TokenForm"] = []


def _check_tokens(text: str | None, logprobs: list[TokenForm] | None) -> None:
    if logprobs and text is not None and not is_template(text) and "".join(each.token for each in logprobs) != text:
        raise ValueError("the tokens of logprobs, joined, must be the text")


class TextPart(BaseModel):
    """A content part of a message."""

    model_config = STRICT

    type: Literal["output_text"] = "output_text"
    text: str
    annotations: list[Annotation] = []
    logprobs: list[TokenForm] | None = None

    @model_validator(mode="after")
    def _tokens_join(self) -> "TextPart":
        _check_tokens(self.text, self.logprobs)
        return self


class RefusalPart(BaseModel):
    """A refusal as a content part."""

    model_config = STRICT

    type: Literal["refusal"]
    refusal: str


def _part(value: object) -> str | None:
    return ("refusal" if value.get("type") == "refusal" else "text") if isinstance(value, dict) else None


Part = Annotated[object, OneOf(_part, {"text": TextPart, "refusal": RefusalPart}, expected="a content part")]


class MessageForm(_Common):
    """The long form of `message`: one text, or several content parts."""

    text: str | None = None
    annotations: list[Annotation] = []
    logprobs: list[TokenForm] | None = None
    phase: Literal["commentary", "final_answer"] | None = None
    role: Literal["assistant"] = "assistant"
    content: list[Part] | None = None

    @model_validator(mode="after")
    def _says_it_once(self) -> "MessageForm":
        if self.content is not None and (self.text is not None or self.annotations or self.logprobs):
            raise ValueError("give text (with annotations and logprobs) or content, not both")
        _check_tokens(self.text, self.logprobs)
        return self


class RefusalForm(_Common):
    """The long form of `refusal`."""

    refusal: str


Texts = Annotated[object, by_kind("text or a list of texts", text=str, items=list[str])]


class ReasoningForm(_Common):
    """The long form of `reasoning`."""

    status: None = None
    summary: Texts = ()
    content: Texts = ()
    encrypted_content: str | None = None


Arguments = Annotated[object, by_kind("a mapping, or text sent as it is", text=str, mapping=dict[str, object])]


class FunctionCallForm(_Common):
    """The long form of `function_call`."""

    name: str
    arguments: Arguments = None
    call_id: str | None = None
    namespace: str | None = None
    caller: dict[str, str] | None = None
    is_async: bool | None = Field(None, alias="async")


class CustomToolCallForm(_Common):
    """The long form of `custom_tool_call`."""

    name: str
    input: str
    call_id: str | None = None
    namespace: str | None = None
    caller: dict[str, str] | None = None


def _text(value: object) -> str:
    """A rendered value as text: an expression keeps its type, and a text field wants words."""
    return value if isinstance(value, str) else "" if value is None else dumps(value).decode()


def _texts(kind: str, value: object) -> list[JsonObject]:
    texts = value if isinstance(value, list) else [value]
    return [{"type": kind, "text": _text(text)} for text in texts]


def _without(form: Mapping[str, object], *names: str) -> JsonObject:
    return {key: value for key, value in form.items() if key not in names}


def _message(form: Mapping[str, object]) -> JsonObject:
    content = form.get("content")
    if not isinstance(content, list):
        part = {key: form[key] for key in ("annotations", "logprobs") if key in form}
        content = [{"text": form.get("text"), **part}]
    parts = [_text_part(part) for part in content]
    return {"type": "message", **_without(form, "text", "annotations", "logprobs", "content"), "content": parts}


def _logprob(entry: Mapping[str, object]) -> JsonObject:
    """A whole entry: bytes follow the token unless they are given."""
    token, top = str(entry["token"]), entry.get("top_logprobs")
    tops = [_logprob(each) for each in top if isinstance(each, Mapping)] if isinstance(top, list) else []
    return {"bytes": list(token.encode()), "logprob": 0.0, **entry, "token": token, "top_logprobs": tops}


def _text_part(part: Mapping[str, object]) -> JsonObject:
    field = "refusal" if part.get("type") == "refusal" else "text"
    logprobs = part.get("logprobs")
    made = [_logprob(each) for each in logprobs if isinstance(each, Mapping)] if isinstance(logprobs, list) else []
    return {"type": "output_text", **part, field: _text(part.get(field)), **({"logprobs": made} if made else {})}


def _refusal(form: Mapping[str, object]) -> JsonObject:
    part = {"type": "refusal", "refusal": _text(form["refusal"])}
    return {"type": "message", **_without(form, "refusal"), "content": [part]}


def _json(form: Mapping[str, object]) -> JsonObject:
    return _message({"text": dumps(form["value"]).decode()})


def _reasoning(form: Mapping[str, object]) -> JsonObject:
    draft: JsonObject = {"type": "reasoning", **form, "summary": _texts("summary_text", form.get("summary", []))}
    if "content" in form:
        draft["content"] = _texts("reasoning_text", form["content"])
    return draft


def _function_call(form: Mapping[str, object]) -> JsonObject:
    arguments = form.get("arguments", {})
    text = arguments if isinstance(arguments, str) else dumps(arguments).decode()
    return {"type": "function_call", **form, "name": _text(form["name"]), "arguments": text}


def _custom_tool_call(form: Mapping[str, object]) -> JsonObject:
    return {"type": "custom_tool_call", **form, "name": _text(form["name"]), "input": _text(form["input"])}


@dataclass(frozen=True, slots=True)
class ItemForm:
    """How one item type is written: its long form, the field a scalar stands for, and its draft."""

    long: Any
    draft: Callable[[Mapping[str, object]], JsonObject]
    main: str | None = None


FORMS: Mapping[str, ItemForm] = {
    "message": ItemForm(MessageForm, _message, "text"),
    "refusal": ItemForm(RefusalForm, _refusal, "refusal"),
    "json": ItemForm(object, _json, "value"),
    "reasoning": ItemForm(ReasoningForm, _reasoning, "summary"),
    "function_call": ItemForm(FunctionCallForm, _function_call),
    "custom_tool_call": ItemForm(CustomToolCallForm, _custom_tool_call),
}
"""Every item type that can be scripted."""


def _one_key(value: object) -> str | None:
    if not isinstance(value, dict):
        return None
    if "type" in value:
        return f"type:{value['type']}"
    return str(next(iter(value))) if len(value) == 1 else None


def _wrapped(name: str, form: ItemForm) -> Any:
    """A mapping with one key; a scalar is the short form where there is one."""
    inner = form.long
    if form.main and form.long is not object:
        long = by_kind("text, or a mapping with the long form", text=str, mapping=form.long)
        inner = Annotated[object, long]
    return create_model(f"{name}_item", __config__=STRICT, item=(inner, Field(alias=name)))


_OPEN = ConfigDict(extra="allow", strict=True, frozen=True)


class _VerbatimText(BaseModel):
    model_config = _OPEN

    type: Literal["output_text"]
    text: str
    annotations: list[Annotation] = []
    logprobs: list[TokenForm] = []


class _VerbatimPart(BaseModel):
    model_config = _OPEN

    type: Literal["summary_text", "reasoning_text"]
    text: str


class _VerbatimRefusal(BaseModel):
    model_config = _OPEN

    type: Literal["refusal"]
    refusal: str


_VERBATIM_PARTS = {"text": _VerbatimText, "refusal": _VerbatimRefusal}
_VerbatimContent = Annotated[object, OneOf(_part, _VERBATIM_PARTS, expected="a content part")]


class _VerbatimMessage(BaseModel):
    model_config = _OPEN

    type: Literal["message"]
    content: list[_VerbatimContent]


class _VerbatimReasoning(BaseModel):
    model_config = _OPEN

    type: Literal["reasoning"]
    summary: list[_VerbatimPart] = []
    content: list[_VerbatimPart] = []


class _VerbatimFunctionCall(BaseModel):
    model_config = _OPEN

    type: Literal["function_call"]
    name: str
    arguments: str


class _VerbatimCustomToolCall(BaseModel):
    model_config = _OPEN

    type: Literal["custom_tool_call"]
    name: str
    input: str


_VERBATIM: Mapping[str, Any] = {
    "message": _VerbatimMessage,
    "reasoning": _VerbatimReasoning,
    "function_call": _VerbatimFunctionCall,
    "custom_tool_call": _VerbatimCustomToolCall,
}
"""What an item with its own `type:` must have for its type's grammar; everything else in it is sent as it is."""


def _choices() -> dict[str, Any]:
    short = {name: _wrapped(name, form) for name, form in FORMS.items()}
    return short | {f"type:{name}": model for name, model in _VERBATIM.items()}


ReplyItem = Annotated[JsonObject, OneOf(_one_key, _choices(), expected="an item: a mapping with one key, its type", error="item")]


def without_nulls(form: Mapping[str, object]) -> JsonObject:
    """A key that is there without a value was not given."""
    return {str(key): value for key, value in form.items() if value is not None}


def long_item(item: Mapping[str, object]) -> JsonObject:
    """An item as written, its short form spelt out: what a scalar stands for is settled before templates are rendered."""
    if "type" in item:
        return dict(item)
    ((name, value),) = item.items()
    form = FORMS[name]
    is_short = form.main is not None and (form.long is object or not isinstance(value, Mapping))
    if is_short:
        return {name: {form.main: value}}
    return {name: without_nulls(value) if isinstance(value, Mapping) else {}}


def draft_of(item: Mapping[str, object]) -> JsonObject:
    """The draft of an item in its long form, rendered."""
    if "type" in item:
        return {"verbatim": dict(item)}
    ((name, form),) = item.items()
    if not isinstance(form, Mapping):
        raise TypeError(f"{name} is in its long form here")
    return FORMS[name].draft(form)
