"""Content parts of messages, as requests carry them (SDK `ResponseInputContent`, `ResponseOutputMessage`)."""

from typing import Annotated, Literal, Required

from pydantic import ConfigDict, StringConstraints, with_config

from mockapi.wire.json import JsonObject
from mockapi.wire.media import FILE_DATA, IMAGE_URL, ONE_SOURCE
from mockapi.wire.typed import STRICT, TypedDict, tagged

__all__ = ["MAX_TEXT", "AssistantPart", "OutputPart", "ReasoningText", "SummaryText", "Text", "UserPart"]

MAX_TEXT = 10_485_760  # characters (WIRE.md §1a "Bounds")

Text = Annotated[str, StringConstraints(max_length=MAX_TEXT)]


@with_config(STRICT)
class CacheBreakpoint(TypedDict, total=False):
    """Marks where a cached prefix ends."""

    mode: Required[Literal["explicit"]]
    ttl: Literal["30m", "12h"] | None


@with_config(STRICT)
class InputText(TypedDict, total=False):
    """`input_text`."""

    type: Required[Literal["input_text"]]
    text: Required[Text]
    prompt_cache_breakpoint: CacheBreakpoint | None


@with_config(STRICT)
class InputImage(TypedDict, total=False):
    """`input_image`."""

    type: Required[Literal["input_image"]]
    detail: Literal["low", "high", "auto", "original"] | None
    file_id: str | None
    image_url: Annotated[str, IMAGE_URL] | None
    prompt_cache_breakpoint: CacheBreakpoint | None


@with_config(STRICT)
class InputFile(TypedDict, total=False):
    """`input_file`."""

    type: Required[Literal["input_file"]]
    detail: Literal["auto", "low", "high"] | None
    file_data: Annotated[str, FILE_DATA] | None
    file_id: str | None
    file_url: str | None
    filename: str | None
    prompt_cache_breakpoint: CacheBreakpoint | None


@with_config(STRICT)
class Audio(TypedDict, total=False):
    """Base64 audio."""

    data: Required[str]
    format: Required[Literal["mp3", "wav"]]


@with_config(STRICT)
class InputAudio(TypedDict, total=False):
    """`input_audio`."""

    type: Required[Literal["input_audio"]]
    input_audio: Required[Audio]


@with_config(ConfigDict(extra="allow", strict=True))
class ScopedContent(TypedDict, total=False):
    """`scoped_content`: named by the real API's error texts, shape unknown, so any keys are kept."""

    type: Required[Literal["scoped_content"]]


@with_config(STRICT)
class FileCitation(TypedDict, total=False):
    """`file_citation`."""

    type: Required[Literal["file_citation"]]
    file_id: Required[str]
    filename: Required[str]
    index: Required[int]


@with_config(STRICT)
class UrlCitation(TypedDict, total=False):
    """`url_citation`; indexes count characters."""

    type: Required[Literal["url_citation"]]
    end_index: Required[int]
    start_index: Required[int]
    title: Required[str]
    url: Required[str]


@with_config(STRICT)
class ContainerFileCitation(TypedDict, total=False):
    """`container_file_citation`."""

    type: Required[Literal["container_file_citation"]]
    container_id: Required[str]
    end_index: Required[int]
    file_id: Required[str]
    filename: Required[str]
    start_index: Required[int]


@with_config(STRICT)
class FilePath(TypedDict, total=False):
    """`file_path`."""

    type: Required[Literal["file_path"]]
    file_id: Required[str]
    index: Required[int]


_ANNOTATIONS = {
    "file_citation": FileCitation,
    "url_citation": UrlCitation,
    "container_file_citation": ContainerFileCitation,
    "file_path": FilePath,
}
Annotation = Annotated[JsonObject, tagged(_ANNOTATIONS)]


@with_config(STRICT)
class OutputText(TypedDict, total=False):
    """`output_text`, as replayed by a client."""

    type: Required[Literal["output_text"]]
    text: Required[Text]
    annotations: list[Annotation] | None
    logprobs: list[dict[str, object]] | None


@with_config(STRICT)
class Refusal(TypedDict, total=False):
    """`refusal`."""

    type: Required[Literal["refusal"]]
    refusal: Required[Text]


@with_config(STRICT)
class SummaryText(TypedDict, total=False):
    """`summary_text` of a reasoning item."""

    type: Required[Literal["summary_text"]]
    text: Required[Text]


@with_config(STRICT)
class ReasoningText(TypedDict, total=False):
    """`reasoning_text` of a reasoning item."""

    type: Required[Literal["reasoning_text"]]
    text: Required[Text]


_USER_PARTS = {
    "input_text": InputText,
    "input_image": Annotated[InputImage, ONE_SOURCE],
    "input_file": InputFile,
    "scoped_content": ScopedContent,
    "input_audio": InputAudio,
}
_OUTPUT_PARTS = {name: _USER_PARTS[name] for name in ("input_text", "input_image", "input_file")}

# Every part type there is: an unknown one is told before one that stands in the wrong message (ERRORS.md §4.2).
_PART_TYPES = (
    "input_text",
    "input_image",
    "input_audio",
    "output_text",
    "refusal",
    "input_file",
    "computer_screenshot",
    "summary_text",
    "encrypted_content",
)

UserPart = Annotated[JsonObject, tagged(_USER_PARTS, universe=_PART_TYPES)]
_ASSISTANT_PARTS = {"output_text": OutputText, "refusal": Refusal}
AssistantPart = Annotated[JsonObject, tagged(_ASSISTANT_PARTS, universe=_PART_TYPES)]
OutputPart = Annotated[JsonObject, tagged(_OUTPUT_PARTS)]
