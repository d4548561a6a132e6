"""How messages and reasoning are written in a reply."""

from base64 import b64decode
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, model_validator

from mockapi.scenario.fields import OPEN, STRICT, Common, Identified, ItemForm, Texts, as_text, text_list, without
from mockapi.scenario.template import is_template
from mockapi.wire.content import Annotation as WireAnnotation
from mockapi.wire.content import FileCitation, FilePath, UrlCitation
from mockapi.wire.json import JsonObject, dumps
from mockapi.wire.typed import OneOf, tagged

__all__ = ["SPEECH"]


class ContainerFileForm(BaseModel):
    """A citation of a file that code wrote: container and file id are filled in where they are not given."""

    model_config = STRICT

    type: Literal["container_file_citation"]
    filename: str
    start_index: int
    end_index: int
    container_id: str | None = None
    file_id: str | None = None


_ANNOTATIONS = {
    "file_citation": FileCitation,
    "url_citation": UrlCitation,
    "container_file_citation": ContainerFileForm,
    "file_path": FilePath,
}
Annotation = Annotated[object, tagged(_ANNOTATIONS)]


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
    """Citations in the text."""
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


def _base64(value: str) -> str:
    try:
        is_sound = is_template(value) or b64decode(value, validate=True) is not None
    except ValueError:
        is_sound = False
    if not is_sound:
        raise ValueError("audio is base64")
    return value


class AudioForm(BaseModel):
    """What is heard of a message: base64 audio, and its transcript (default: the text)."""

    model_config = STRICT

    data: Annotated[str, AfterValidator(_base64)] = ""
    transcript: str | None = None


class MessageForm(Common):
    """The long form of `message`: one text, or several content parts."""

    text: str | None = None
    annotations: list[Annotation] | None = None
    """Citations in the text."""
    logprobs: list[TokenForm] | None = None
    phase: Literal["commentary", "final_answer"] | None = None
    role: Literal["assistant"] = "assistant"
    """The model's messages are the assistant's."""
    content: list[Part] | None = None
    """Several content parts, in place of `text`."""
    audio: AudioForm | None = None

    @model_validator(mode="after")
    def _says_it_once(self) -> "MessageForm":
        if self.content is not None and (self.text is not None or self.annotations or self.logprobs):
            raise ValueError("give text (with annotations and logprobs) or content, not both")
        _check_tokens(self.text, self.logprobs)
        return self


class RefusalForm(Common):
    """The long form of `refusal`."""

    refusal: str


class ReasoningForm(Identified):
    """The long form of `reasoning`."""

    summary: Texts = ()
    content: Texts = ()
    """The reasoning itself: a text, or a list of texts."""
    encrypted_content: str | None = None
    """What clients bring back unread; made up where it is asked for."""


def _texts(kind: str, value: object) -> list[JsonObject]:
    return [{"type": kind, "text": text} for text in text_list(value)]


def _message(form: Mapping[str, object]) -> JsonObject:
    content, audio = form.get("content"), form.get("audio")
    if not isinstance(content, list):
        part = {key: form[key] for key in ("annotations", "logprobs") if key in form}
        content = [{"text": form.get("text"), **part}]
    parts = [_text_part(part) for part in content]
    item: JsonObject = {"type": "message", **without(form, "text", "annotations", "logprobs", "content", "audio")}
    if isinstance(audio, Mapping):
        said = "".join(as_text(part.get("text")) for part in parts)
        item["script"] = {"audio": {"transcript": said, **audio}}
    return {**item, "content": parts}


def _logprob(entry: Mapping[str, object]) -> JsonObject:
    """A whole entry: bytes follow the token unless they are given."""
    token, top = str(entry["token"]), entry.get("top_logprobs")
    tops = [_logprob(each) for each in top if isinstance(each, Mapping)] if isinstance(top, list) else []
    return {"bytes": list(token.encode()), "logprob": 0.0, **entry, "token": token, "top_logprobs": tops}


def _text_part(part: Mapping[str, object]) -> JsonObject:
    field = "refusal" if part.get("type") == "refusal" else "text"
    logprobs = part.get("logprobs")
    made = [_logprob(each) for each in logprobs if isinstance(each, Mapping)] if isinstance(logprobs, list) else []
    return {"type": "output_text", **part, field: as_text(part.get(field)), **({"logprobs": made} if made else {})}


def _refusal(form: Mapping[str, object]) -> JsonObject:
    part = {"type": "refusal", "refusal": as_text(form["refusal"])}
    return {"type": "message", **without(form, "refusal"), "content": [part]}


def _json(form: Mapping[str, object]) -> JsonObject:
    return _message({"text": dumps(form["value"]).decode()})


def _reasoning(form: Mapping[str, object]) -> JsonObject:
    draft: JsonObject = {"type": "reasoning", **form, "summary": _texts("summary_text", form.get("summary", []))}
    if "content" in form:
        draft["content"] = _texts("reasoning_text", form["content"])
    return draft


class _VerbatimText(BaseModel):
    model_config = OPEN

    type: Literal["output_text"]
    text: str
    annotations: list[WireAnnotation] = []
    logprobs: list[TokenForm] = []


class _VerbatimPart(BaseModel):
    model_config = OPEN

    type: Literal["summary_text", "reasoning_text"]
    text: str


class _VerbatimRefusal(BaseModel):
    model_config = OPEN

    type: Literal["refusal"]
    refusal: str


_VERBATIM_PARTS = {"text": _VerbatimText, "refusal": _VerbatimRefusal}
_VerbatimContent = Annotated[object, OneOf(_part, _VERBATIM_PARTS, expected="a content part")]
_THOUGHTS: Any = (list[_VerbatimPart], [])

SPEECH: Mapping[str, ItemForm] = {
    "message": ItemForm(MessageForm, _message, "text", wire={"content": list[_VerbatimContent]}),
    "refusal": ItemForm(RefusalForm, _refusal, "refusal", wire=None),
    "json": ItemForm(object, _json, "value", wire=None),
    "reasoning": ItemForm(ReasoningForm, _reasoning, "summary", wire={"summary": _THOUGHTS, "content": _THOUGHTS}),
}
"""`refusal` and `json` are ways to write a message; everything else is an item type of the wire."""
