"""The body of `POST /v1/responses`: every parameter the newest SDK knows, in the real API's order of checking.

Fields stand in the measured order of validation (ERRORS.md §1), since the first error in field order is the one told.
"""

from collections.abc import KeysView
from typing import Annotated, Any, Literal, Required, get_args

from pydantic import Field, StringConstraints, with_config

from mockapi.wire.items import Input
from mockapi.wire.json import JsonObject
from mockapi.wire.tools import StringOrObject, Tool, ToolChoice
from mockapi.wire.typed import FIRST_ERROR, STRICT, AnyObject, ModelName, TypedDict, by_kind, tagged

__all__ = [
    "INCLUDABLE",
    "Conversation",
    "CreateRequest",
    "Includable",
    "Metadata",
    "PromptCacheOptions",
    "ReasoningConfig",
    "TextConfig",
    "full_items",
    "reference_id",
]

Includable = Literal[
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "message.input_image.image_url",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
    "reasoning.encrypted_content",
    "message.output_text.logprobs",
]
INCLUDABLE: tuple[str, ...] = get_args(Includable)

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
Summary = Literal["concise", "detailed", "auto"]
Penalty = Annotated[float, Field(ge=-2, le=2)]
MetadataValue = Annotated[str, StringConstraints(max_length=512)]
MetadataKey = Annotated[str, StringConstraints(max_length=64)]
Metadata = Annotated[dict[MetadataKey, MetadataValue], Field(max_length=16)]


@with_config(STRICT)
class ConversationRef(TypedDict):
    """`conversation` given as an object."""

    id: str


Conversation = Annotated[str | JsonObject, by_kind("one of a string or an object", text=str, mapping=ConversationRef)]


@with_config(STRICT)
class Prompt(TypedDict, total=False):
    """A hosted prompt template."""

    id: Required[str]
    variables: dict[str, StringOrObject] | None
    version: str | None


@with_config(STRICT)
class Mode(TypedDict):
    """What moderation does with a finding."""

    mode: Literal["score", "block"]


@with_config(STRICT)
class ModerationPolicy(TypedDict, total=False):
    """Policy for either side."""

    input: Mode | None
    output: Mode | None


@with_config(STRICT)
class Moderation(TypedDict, total=False):
    """`moderation`."""

    model: Required[str]
    policy: ModerationPolicy | None


@with_config(STRICT)
class FormatText(TypedDict):
    """`text.format` of type text or json_object."""

    type: Literal["json_object", "text"]


@with_config(STRICT)
class FormatSchema(TypedDict, total=False):
    """`text.format` of type json_schema."""

    type: Required[Literal["json_schema"]]
    name: Required[Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[a-zA-Z0-9_-]+$")]]
    schema: Required[AnyObject]
    description: str | None
    strict: bool | None


Format = Annotated[JsonObject, tagged({"json_object": FormatText, "text": FormatText, "json_schema": FormatSchema})]


@with_config(STRICT)
class TextConfig(TypedDict, total=False):
    """`text`."""

    format: Format | None
    verbosity: Literal["low", "medium", "high"] | None


@with_config(STRICT)
class StreamOptions(TypedDict, total=False):
    """`stream_options`."""

    include_obfuscation: bool | None


@with_config(STRICT)
class ReasoningConfig(TypedDict, total=False):
    """`reasoning`."""

    effort: Effort | None
    summary: Summary | None
    context: Literal["auto", "current_turn", "all_turns"] | None
    mode: str | None


@with_config(STRICT)
class PromptCacheOptions(TypedDict, total=False):
    """`prompt_cache_options`."""

    mode: Literal["implicit", "explicit"] | None
    ttl: Literal["30m", "12h"] | None
    comparison_response_id: str | None
    prewarm: bool | None


@with_config(STRICT)
class ContextManagement(TypedDict, total=False):
    """One entry of `context_management`; the threshold counts tokens."""

    type: Required[Literal["compaction"]]
    compact_threshold: Annotated[int, Field(ge=1000)] | None


@with_config(STRICT)
class AccessPrograms(TypedDict, total=False):
    """`access_programs`."""

    cyber: Literal["standard", "daybreak_blue", "daybreak_red"] | None


@with_config(STRICT)
class BackgroundOptions(TypedDict, total=False):
    """`background_options` (SDK 3.54); a window changes no time here: steps say how long a run takes."""

    completion_window: Literal["soonest", "2h", "8h"] | None
    continuation_id: str | None


@with_config(STRICT)
class ImageConfig(TypedDict, total=False):
    """`image`."""

    context_compression: Literal["auto", "enabled", "disabled"] | None


_NONE: Any = ()  # an omitted array: shared, since it cannot change, where a list would be copied for each request


class CreateRequest:
    """A valid body of `POST /v1/responses`; defaults are those of an omitted parameter. Nobody changes one.

    What was given stands in the object, the rest in the class; the annotations are what pydantic checks (`_body`). It is no model
    of pydantic's: of those every attribute takes five times as long to read, and all parameters are written for each request.
    """

    model: ModelName = ""
    input: Input = _NONE
    previous_response_id: str | None = None
    prompt: Prompt | None = None
    conversation: Conversation | None = None
    moderation: Moderation | None = None
    include: list[Includable] = _NONE
    tools: Annotated[list[Tool], Field(max_length=128), FIRST_ERROR] = _NONE
    tool_choice: ToolChoice = "auto"
    metadata: Metadata | None = None
    text: TextConfig | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    presence_penalty: Penalty = 0.0
    frequency_penalty: Penalty = 0.0
    parallel_tool_calls: bool = True
    stream: bool = False
    stream_options: StreamOptions | None = None
    background: bool = False
    max_output_tokens: Annotated[int, Field(ge=16)] | None = None
    max_tool_calls: Annotated[int, Field(ge=1)] | None = None
    reasoning: ReasoningConfig | None = None
    user: str | None = None
    safety_identifier: Annotated[str, StringConstraints(max_length=128)] | None = None
    prompt_cache_options: PromptCacheOptions | None = None
    prompt_cache_key: Annotated[str, StringConstraints(max_length=64)] | None = None
    prompt_cache_retention: Literal["in_memory", "24h"] | None = None
    truncation: Literal["auto", "disabled"] = "disabled"
    instructions: str | None = None
    store: bool = True
    service_tier: Literal["auto", "default", "fast", "flex", "priority"] = "auto"
    top_logprobs: Annotated[int, Field(ge=0, le=20)] = 0
    context_management: list[ContextManagement] = _NONE
    access_programs: AccessPrograms | None = None
    image: ImageConfig | None = None
    background_options: BackgroundOptions | None = None

    def __init__(self, **given: Any) -> None:
        self.__dict__ = given

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CreateRequest) and self.__dict__ == other.__dict__

    __hash__ = None  # type: ignore[assignment]

    @property
    def given(self) -> KeysView[str]:
        """The parameters that were given."""
        return self.__dict__.keys()

    def changed(self, **update: object) -> "CreateRequest":
        """The same with other values."""
        return CreateRequest(**{**self.__dict__, **update})

    @property
    def input_items(self) -> list[JsonObject]:
        """The input as items; a string is one user message, `{role, content}` messages get their type and parts."""
        return full_items(self.input)

    @property
    def text_alone(self) -> str:
        """The input, if it is one text: one user message that refers to nothing."""
        return self.input if isinstance(self.input, str) else ""

    @property
    def asks_to_compact(self) -> bool:
        """Whether the input's last item asks for compaction."""
        return isinstance(self.input, list) and bool(self.input) and self.input[-1].get("type") == "compaction_trigger"

    @property
    def wants_obfuscation(self) -> bool:
        """Whether deltas carry `obfuscation` (on by default)."""
        return self.stream_options is None or self.stream_options.get("include_obfuscation") is not False

    @property
    def conversation_id(self) -> str | None:
        """The id behind `conversation`, given as a string or as an object."""
        return reference_id(self.conversation)


def reference_id(conversation: str | JsonObject | None) -> str | None:
    """The id in either form of `conversation`."""
    return str(conversation["id"]) if isinstance(conversation, dict) else conversation


def full_items(value: str | list[JsonObject]) -> list[JsonObject]:
    """An input as items: a string is one user message, `{role, content}` messages get their type and parts."""
    if isinstance(value, str):
        return [_message("user", value)] if value else []
    return [_full_item(item) for item in value]


def _message(role: str, text: str) -> JsonObject:
    part = {"type": "output_text", "annotations": [], "logprobs": [], "text": text}
    if role != "assistant":
        part = {"type": "input_text", "text": text}
    return {"type": "message", "status": "completed", "content": [part], "role": role}


def _full_item(item: JsonObject) -> JsonObject:
    if item.get("type") in (None, "message") and "role" in item:
        content = item["content"]
        if isinstance(content, str):
            return {**item, **_message(str(item["role"]), content)}
        return {**item, "type": "message"}
    if item.get("type") is None:
        return {**item, "type": "item_reference"}
    return item
