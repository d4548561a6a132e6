"""The scenario file as pydantic models: the reference for its keys, and the source of its JSON Schema.

Words for what is wrong are made in `mockapi.scenario.report`.
"""

from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from mockapi.scenario.failures import Error, Fail
from mockapi.scenario.faults import FaultKey, fault_of
from mockapi.scenario.fields import STRICT
from mockapi.scenario.forms import ReplyItem
from mockapi.scenario.limits import RateLimits
from mockapi.scenario.seeds import ConversationSeed, PromptForm, ResponseSeed
from mockapi.scenario.text import compile_text, is_matcher
from mockapi.scenario.timing import PaceForm, Run
from mockapi.scenario.webhooks import WebhookForm
from mockapi.wire.typed import by_kind

__all__ = ["ReplyForm", "ScenarioFile", "StepForm", "UsageForm", "When", "has_part"]

NAME_PATTERN = "[A-Za-z0-9._-]+"


def _matcher(value: object) -> object:
    compile_text(value)
    return value


_MATCHER_SCHEMA = {
    "description": "A string is contained in the text; /…/ is a regular expression; or equals, contains, matches, not, any, all.",
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": False,
            "properties": {
                "equals": {"type": "string", "description": "The whole text."},
                "contains": {"type": "string", "description": "A part of the text, whatever the case."},
                "matches": {"type": "string", "description": "A regular expression, with or without slashes."},
                "not": {"description": "A text matcher that does not hold."},
                "any": {"type": "array", "description": "Text matchers of which one holds."},
                "all": {"type": "array", "description": "Text matchers that all hold."},
            },
        },
    ],
}
Matcher = Annotated[object, AfterValidator(_matcher), WithJsonSchema(_MATCHER_SCHEMA)]


OPERATIONS = (
    "responses.create", "responses.retrieve", "responses.cancel", "responses.delete", "responses.input_items",
    "responses.input_tokens", "responses.compact", "conversations.create", "conversations.retrieve", "conversations.update",
    "conversations.delete", "conversations.items.create", "conversations.items.list", "conversations.items.retrieve",
    "conversations.items.delete",
)  # fmt: skip
"""What `endpoint` may name."""

_REPLIED = ("responses.compact", "responses.input_tokens")


def has_part(operation: str, *, replies: bool, breaks: bool) -> bool:
    """Whether a step of a glob does something for an operation: `error` and `fault` break any, a reply answers some alone."""
    return operation == OPERATIONS[0] or breaks or (replies and operation in _REPLIED)


def _endpoint(value: str) -> str:
    if not any(fnmatchcase(name, value) for name in OPERATIONS):
        raise PydanticCustomError("unknown_endpoint", "unknown endpoint", {"known": "|".join(OPERATIONS)})
    return value


_ENDPOINT_SCHEMA = {"anyOf": [{"enum": list(OPERATIONS)}, {"type": "string", "pattern": r"[*?\[]"}]}
Endpoint = Annotated[str, AfterValidator(_endpoint), WithJsonSchema(_ENDPOINT_SCHEMA)]


class ToolOutputForm(BaseModel):
    """A tool output by name, call id or text."""

    model_config = STRICT

    name: str | None = None
    """The name of the call that is answered."""
    call_id: str | None = None
    """The id of the call that is answered."""
    output: Matcher | None = None
    """A text matcher on what the tool said."""


NameOrOutput = Annotated[object, by_kind("a name or a mapping", text=str, mapping=ToolOutputForm)]
NameOrMapping = Annotated[object, by_kind("a name or a mapping", text=str, mapping=dict[str, object])]
FlagOrId = Annotated[object, by_kind("true, false or an id", text=str, flag=bool)]


class When(BaseModel):
    """What a request must be like; all keys given must hold."""

    model_config = STRICT

    endpoint: Endpoint | None = None
    """The operation, globs allowed; `responses.create` unless given."""
    model: str | None = None
    """A glob on the model's name."""
    input: Matcher | None = None
    """A text matcher on the newest user message."""
    tool_output: NameOrOutput | None = None
    """This turn brings the output of that call: its name, or name, call_id and a text matcher on the output."""
    approval: bool | None = None
    """This turn brings the approval of an MCP call (true) or its refusal (false)."""
    turn: Annotated[int, Field(ge=1)] | None = None
    """1 and the number of the model's turns before."""
    instructions: Matcher | None = None
    """A text matcher on `instructions` and all system and developer messages."""
    tools: list[str] | None = None
    """Names or types of tools that the request offers, all of them."""
    tool_choice: NameOrMapping | None = None
    """What the request sends as `tool_choice`; of a mapping these keys."""
    stream: bool | None = None
    """Whether the answer is streamed."""
    background: bool | None = None
    """Whether the response runs in the background."""
    store: bool | None = None
    """Whether the response is stored; true where the request does not say."""
    conversation: FlagOrId | None = None
    """Whether the request belongs to a conversation, or which."""
    previous_response: FlagOrId | None = None
    """Whether the request follows a response, or which."""
    prompt: str | None = None
    """The id of the hosted prompt that the request names."""
    format: str | None = None
    """The name of the JSON schema that the request asks for, or the type of its `text.format`."""
    metadata: dict[str, str] | None = None
    """Keys and values that are among the request's metadata."""
    headers: dict[str, Matcher] | None = None
    """Name of a header → text matcher."""
    body: dict[Annotated[str, Field(pattern="^/")], object] | None = None
    """JSON Pointer into the request's body → value or text matcher."""

    @model_validator(mode="after")
    def _body_matchers_compile(self) -> "When":
        for value in (self.body or {}).values():
            if is_matcher(value):
                compile_text(value)
        return self


class UsageForm(BaseModel):
    """Token counts that replace the counted ones; the total follows unless it is given."""

    model_config = STRICT

    input_tokens: Annotated[int, Field(ge=0)] | None = None
    """Tokens of the input."""
    output_tokens: Annotated[int, Field(ge=0)] | None = None
    """Tokens of the output, reasoning among them."""
    reasoning_tokens: Annotated[int, Field(ge=0)] | None = None
    """Tokens of reasoning, for the details of the output."""
    cached_tokens: Annotated[int, Field(ge=0)] | None = None
    """Tokens read from the cache, for the details of the input."""
    total_tokens: Annotated[int, Field(ge=0)] | None = None
    """Their sum, unless given."""
    input_tokens_details: dict[str, int] | None = None
    """The details of the input, as they are shown."""
    output_tokens_details: dict[str, int] | None = None
    """The details of the output, as they are shown."""


Output = Annotated[object, by_kind("text or a list of items", text=str, items=list[ReplyItem])]


class ReplyForm(BaseModel):
    """A reply with overrides: any of these keys of the response body wins over what the mock would say."""

    model_config = STRICT

    output: Output = None
    """What the model says: text, or a list of items."""
    id: Annotated[str, Field(pattern="^resp_")] | None = None
    """The response's id; taken once per project."""
    model: str | None = None
    """The model that the response names."""
    usage: UsageForm | None = None
    """Token counts instead of the counted ones."""
    metadata: dict[str, str] | None = None
    """The response's metadata."""
    service_tier: str | None = None
    """The tier that the response names."""
    instructions: str | None = None
    """The instructions that the response shows."""
    moderation: dict[str, object] | None = None
    """The response's `moderation`."""
    tool_usage: dict[str, object] | None = None
    """The response's `tool_usage`."""
    reasoning: dict[str, object] | None = None
    """The response's `reasoning`."""
    prompt_cache_diagnostics: dict[str, object] | None = None
    """The response's `prompt_cache_diagnostics`."""
    input_transformations: list[object] | None = None
    """The response's `input_transformations`."""


Reply = Annotated[
    object,
    by_kind("text, a list of items, or a mapping", text=str, items=list[ReplyItem], mapping=ReplyForm),
]


_WAYS = ("reply", "error", "fail", "incomplete", "fault")
"""What a step does: one of them at least."""


class StepForm(BaseModel):
    """One step: what it answers, and what it says."""

    model_config = STRICT | {"json_schema_extra": {"anyOf": [{"required": [key]} for key in _WAYS]}}

    name: str | None = None
    """What logs and the header `x-mock-step` call it; `step N` unless given."""
    when: When = Field(default_factory=When)
    """What a request must be like; without it the step matches every create."""
    times: Annotated[int, Field(ge=1)] | None = None
    """At most how often the step is used in one project; 1 in a script, unlimited in rules."""
    chance: Annotated[float, Field(ge=0, le=1)] | None = None
    """How often the step fires, from 0 to 1, decided by hash."""
    reply: Reply | None = None
    """What the model says: text, a list of items, or a mapping with overrides of the response."""
    error: Error | None = None
    """An HTTP error instead of a response: a code of `mockapi errors`, or a mapping."""
    fail: Fail | None = None
    """After the reply the response fails with this code."""
    incomplete: Literal["max_output_tokens", "content_filter"] | None = None
    """The response ends incomplete, for this reason."""
    fault: FaultKey | None = None
    """How the answer is broken on its way (docs/faults.md)."""
    pace: PaceForm | None = None
    """Timing of the answer's events."""
    background: Run | None = None
    """Timing of a background run: durations, polls, `manual`, or where it is stuck."""

    @model_validator(mode="after")
    def _answers_one_way(self) -> "StepForm":
        if all(getattr(self, way) is None for way in _WAYS):
            raise ValueError("a step needs one of reply, error, fail, incomplete, fault")
        if self.fail is not None and self.incomplete is not None:
            raise ValueError("a step ends by fail or by incomplete, not both")
        if self.error is not None and (self.fail is not None or self.incomplete is not None):
            raise ValueError("error answers instead of a response; fail and incomplete end one")
        if self.error is not None and self.reply is not None and self.chance is None:
            raise ValueError("error together with reply needs chance: how often the error comes")
        return self

    @model_validator(mode="after")
    def _fits_its_endpoint(self) -> "StepForm":
        names = [name for name in OPERATIONS if fnmatchcase(name, self.when.endpoint or OPERATIONS[0])]
        if OPERATIONS[0] not in names:
            if self.fail is not None or self.incomplete is not None:
                raise ValueError("fail and incomplete end a response: they are for responses.create alone")
            fault = fault_of(self.fault)
            if fault is not None and (fault.bad_tool_call or fault.bad_json):
                raise ValueError("bad_tool_call and bad_json spoil what a model says: they are for responses.create alone")
            if self.reply is not None and not set(names) <= {"responses.compact", "responses.input_tokens"}:
                raise ValueError("reply is for responses.create, compact and input_tokens; other endpoints take error and fault")
        return self


class Defaults(BaseModel):
    """What holds for every step that does not say otherwise."""

    model_config = STRICT

    model: str | None = None
    """The model that responses name."""
    pace: PaceForm | None = None
    """Timing of the events."""
    usage: UsageForm | None = None
    """Token counts."""
    background: Run | None = None
    """Timing of background runs."""


class ScenarioFile(BaseModel):
    """A scenario file, version 1."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True, title="mockapi scenario")

    scenario: Annotated[str, Field(min_length=1, pattern=f"^{NAME_PATTERN}$")] | None = None
    """The scenario's name, unique among the loaded files; the file's stem unless given."""
    about: str | None = None
    """One line of description."""
    mode: Literal["rules", "script"] = "rules"
    """rules: the first step that matches answers. script: the steps are used in order."""
    unmatched: Literal["auto", "error"] | None = None
    """What a request gets that no step matches: an automatic answer, or a 422 that names the nearest steps."""
    defaults: Defaults = Field(default_factory=Defaults)
    """What holds for every step that does not say otherwise."""
    prompts: dict[Annotated[str, Field(pattern="^pmpt_")], PromptForm] = {}
    """Hosted prompt templates that are there from the start, by id."""
    conversations: dict[Annotated[str, Field(pattern="^conv_")], ConversationSeed] = {}
    """Conversations that are there from the start, by id."""
    responses: dict[Annotated[str, Field(pattern="^resp_")], ResponseSeed] = {}
    """Stored responses that are there from the start, by id."""
    rate_limits: RateLimits = {}
    """Requests and tokens a minute, by glob on the model's name; the first that fits counts."""
    webhooks: WebhookForm | None = None
    """Where the ends of this scenario's background responses are posted."""
    steps: list[StepForm]
    """What is answered, in the order in which it is tried."""
