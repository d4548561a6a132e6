"""Bodies and queries of every operation but create: the same walk, the same words (`wire.validation`).

Fields follow the SDK's parameter types (3.52); their order of checking is that of create as far as they share fields (assumed).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from mockapi.wire.catalogue import told
from mockapi.wire.content import MAX_TEXT
from mockapi.wire.items import Input, InputItem
from mockapi.wire.json import JsonObject
from mockapi.wire.parse import without_invalid
from mockapi.wire.requests import (
    Conversation,
    Includable,
    Metadata,
    PromptCacheOptions,
    ReasoningConfig,
    TextConfig,
    full_items,
    reference_id,
)
from mockapi.wire.tools import Tool, ToolChoice
from mockapi.wire.typed import FIRST_ERROR, ModelName
from mockapi.wire.validation import api_error, missing_parameter

__all__ = [
    "CompactRequest",
    "ConversationCreate",
    "ConversationUpdate",
    "ItemsCreate",
    "ListQuery",
    "TokenCountRequest",
    "parse_body",
    "parse_query",
]

_Model = TypeVar("_Model", bound=BaseModel)
_NONE: Any = ()
_OPEN = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)
MOST_ITEMS = 20
"""Items that one call may add to a conversation."""

Items = Annotated[list[InputItem], Field(max_length=MOST_ITEMS), FIRST_ERROR]


class _WithInput(BaseModel):
    """What names an effective input."""

    model_config = _OPEN

    model: ModelName = ""
    input: Input | None = None
    previous_response_id: str | None = None
    instructions: str | None = None

    @property
    def input_items(self) -> list[JsonObject]:
        """The input as full items."""
        return full_items(self.input or [])

    @property
    def text_alone(self) -> str:
        """The input, if it is one text; else nothing."""
        return self.input if isinstance(self.input, str) else ""


class TokenCountRequest(_WithInput):
    """`POST /v1/responses/input_tokens`: everything is optional."""

    conversation: Conversation | None = None
    tools: Annotated[list[Tool], Field(max_length=128), FIRST_ERROR] = _NONE
    tool_choice: ToolChoice = "auto"
    text: TextConfig | None = None
    parallel_tool_calls: bool = True
    personality: str | None = None
    reasoning: ReasoningConfig | None = None
    truncation: Literal["auto", "disabled"] = "disabled"

    @property
    def conversation_id(self) -> str | None:
        """The id behind `conversation`."""
        return reference_id(self.conversation)


class CompactRequest(_WithInput):
    """`POST /v1/responses/compact`; it takes neither a conversation nor tools."""

    conversation_id: ClassVar[None] = None
    prompt_cache_options: PromptCacheOptions | None = None
    prompt_cache_key: Annotated[str, StringConstraints(max_length=64)] | None = None
    prompt_cache_retention: Literal["in_memory", "24h"] | None = None
    service_tier: Literal["auto", "default", "fast", "flex", "priority"] | None = None
    image: dict[str, object] | None = None


class ConversationCreate(BaseModel):
    """`POST /v1/conversations`."""

    model_config = _OPEN

    items: Items = _NONE
    metadata: Metadata | None = None


class ConversationUpdate(BaseModel):
    """`POST /v1/conversations/{id}`: the metadata as a whole."""

    model_config = _OPEN

    metadata: Metadata


class ItemsCreate(BaseModel):
    """`POST /v1/conversations/{id}/items`."""

    model_config = _OPEN

    items: Items


class ListQuery(BaseModel):
    """The query of a list, and of what else takes `include[]`."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True, defer_build=True)

    after: Annotated[str, StringConstraints(max_length=MAX_TEXT)] | None = None
    include: list[Includable] = _NONE
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    order: Literal["asc", "desc"] = "desc"


def parse_body(model: type[_Model], raw: Mapping[str, object], *, lenient: bool = False) -> _Model:
    """Check a parsed JSON body; `ApiError` in the real API's words for the first thing wrong. A null is an omitted parameter.

    `lenient` drops whatever is wrong instead.
    """
    given: JsonObject = {key: value for key, value in raw.items() if value is not None or (key == "model" and not lenient)}
    required = [name for name, field in model.model_fields.items() if field.is_required()]
    for name in required:
        if name not in given:
            if not lenient:
                raise missing_parameter(name)
            given[name] = [] if name == "items" else {}
    while True:
        try:
            return model.model_validate(given)
        except ValidationError as error:
            if not lenient:
                raise api_error(error, given, model) from None
            given = without_invalid(given, error)
            given |= {name: [] if name == "items" else {} for name in required if name not in given}


def parse_query(pairs: Sequence[tuple[str, str]], *, lenient: bool = False) -> ListQuery:
    """Check a query string; array parameters come as `include[]=…` (WIRE.md §1) or `include=…`."""
    raw: JsonObject = {}
    include = [value for key, value in pairs if key in ("include[]", "include")]
    if include:
        raw["include"] = include
    for key, value in pairs:
        if key == "limit":
            is_number = re.fullmatch(r"-?[0-9]{1,300}", value) is not None
            if not is_number and not lenient:
                raise told("invalid_type_integer", path="limit")
            raw["limit"] = int(value) if is_number else value
        elif key in ("after", "order"):
            raw[key] = value
    return parse_body(ListQuery, raw, lenient=lenient)
