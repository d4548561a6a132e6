"""The response object: every key a real body has, in the real order, with the real defaults (WIRE.md §2)."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from mockapi.wire.json import JsonObject, dumps, loads
from mockapi.wire.models import family_of, snapshot_of
from mockapi.wire.requests import CreateRequest
from mockapi.wire.tools import echo_tool

__all__ = [
    "BILLING",
    "PLAIN",
    "Echo",
    "Snapshot",
    "Usage",
    "echo_request",
    "encode_response",
    "encode_usage",
    "tokens_of",
    "tool_usage",
]

BILLING = b',"billing":{"payer":"developer"}'
_TOKENS = {"image_tokens": 0, "text_tokens": 0}
_IMAGE_TOKENS = {
    "input_tokens": 0,
    "input_tokens_details": _TOKENS,
    "output_tokens": 0,
    "output_tokens_details": _TOKENS,
    "total_tokens": 0,
}
_TIERS = {"auto": "default", "fast": "priority"}
_TEXT = {"format": {"type": "text"}, "verbosity": "medium"}


def tool_usage(searches: int) -> JsonObject:
    """What hosted tools did: so many web searches; no figures of images are made up."""
    return {"image_gen": _IMAGE_TOKENS, "web_search": {"num_requests": searches}}


_UNUSED = dumps(tool_usage(0))


class Echo(NamedTuple):
    """What a body repeats of its request, rendered once: the JSON between the values that change while a response runs."""

    before_billing: bytes
    before_error: bytes
    before_details: bytes
    before_output: bytes
    before_tier: bytes
    tier: bytes
    before_tool_usage: bytes
    tool_usage: bytes
    before_usage: bytes
    after_usage: bytes


class Snapshot(NamedTuple):
    """What of a body depends on the moment: status and what comes with it; times in unix seconds."""

    id: str
    created_at: int
    status: str
    completed_at: int | None = None
    error: Mapping[str, object] | None = None
    incomplete_details: Mapping[str, object] | None = None
    usage: Mapping[str, object] | None = None
    is_billed: bool = False

    @property
    def is_over(self) -> bool:
        """Whether its run has ended, however it did: tools were used only then."""
        return self.status not in ("queued", "in_progress")

    @property
    def has_tier(self) -> bool:
        """`service_tier` is `auto` while queued, in progress, failed or cancelled."""
        return self.status in ("completed", "incomplete")


def echo_request(request: CreateRequest, overrides: Mapping[str, object] = MappingProxyType({})) -> Echo:
    """What the body of this request's response will repeat; never `input`, `include`, `stream` and the like.

    `overrides` are body keys that a scenario scripts; keys that no body has go to the end.
    """
    if not overrides and request.given <= PLAIN:
        return _plain_echo(request.model, request.store, request.background)
    return _rendered(_pairs(request), overrides)


PLAIN = frozenset({"model", "input", "stream", "stream_options", "store", "background", "include"})
"""Parameters that leave no trace in a body but `model`, `store` and `background`."""


@lru_cache(maxsize=1024)
def _plain_echo(model: str, store: bool, background: bool) -> Echo:
    request = CreateRequest(model=model, input="", store=store, background=background)
    return _rendered(_pairs(request), {})


def _rendered(pairs: JsonObject, overrides: Mapping[str, object]) -> Echo:
    """The pairs as JSON, cut at the values that change."""
    merged = {**pairs, **overrides}
    groups: list[JsonObject] = [{}]
    for key, value in merged.items():
        if key in _CUTS:
            groups.append({})
        else:
            groups[-1][key] = value
    first, *others = (dumps(group)[1:-1] for group in groups)
    parts = [b"," + part if part else b"" for part in others]
    tier, used = dumps(merged["service_tier"]), dumps(merged["tool_usage"])
    return Echo._make([first, *parts[:4], tier, parts[4], used, *parts[5:]])


_CUTS = ("completed_at", "error", "incomplete_details", "output", "service_tier", "tool_usage", "usage")


def _pairs(request: CreateRequest) -> JsonObject:
    """Every key of a body after `status`, in the wire's order (WIRE.md §2)."""
    family = family_of(request.model)
    return {
        "background": request.background,
        "completed_at": None,
        **({"conversation": {"id": request.conversation_id}} if request.conversation_id else {}),
        "error": None,
        "frequency_penalty": float(request.frequency_penalty),
        "incomplete_details": None,
        "instructions": request.instructions,
        "max_output_tokens": request.max_output_tokens,
        "max_tool_calls": request.max_tool_calls,
        "model": snapshot_of(request.model),
        "moderation": None,
        "output": None,
        "parallel_tool_calls": request.parallel_tool_calls,
        "presence_penalty": float(request.presence_penalty),
        "previous_response_id": request.previous_response_id,
        **_conditional(request),
        "prompt_cache_key": request.prompt_cache_key,
        **({"prompt_cache_options": _cache_options(request)} if request.prompt_cache_options else {}),
        "prompt_cache_retention": request.prompt_cache_retention or family.cache_retention,
        "reasoning": _echo_reasoning(request),
        "safety_identifier": request.safety_identifier,
        "service_tier": _TIERS.get(request.service_tier, request.service_tier),
        "store": request.store,
        "temperature": 1.0 if request.temperature is None else float(request.temperature),
        "text": _echo_text(request) if request.text else _TEXT,
        "tool_choice": request.tool_choice,
        "tool_usage": tool_usage(0),
        "tools": [echo_tool(tool) for tool in request.tools],
        "top_logprobs": request.top_logprobs,
        "top_p": family.top_p if request.top_p is None else float(request.top_p),
        "truncation": request.truncation,
        "usage": None,
        "user": request.user,
        "metadata": request.metadata or {},
    }


def _conditional(request: CreateRequest) -> JsonObject:
    """Keys that bodies have only when the request named them."""
    extra: JsonObject = {}
    if request.access_programs is not None:
        extra["access_programs"] = request.access_programs
    if request.image is not None:
        compression = request.image.get("context_compression") or "auto"
        extra["image"] = {"context_compression": "enabled" if compression == "enabled" else "disabled"}
    if request.prompt is not None:
        version = request.prompt.get("version") or "1"
        extra["prompt"] = {
            "id": request.prompt["id"],
            "variables": request.prompt.get("variables") or {},
            "version": version,
        }
    return extra


def _cache_options(request: CreateRequest) -> JsonObject:
    options = request.prompt_cache_options or {}
    return {"mode": options.get("mode") or "implicit", "ttl": options.get("ttl") or "30m"}


def _echo_reasoning(request: CreateRequest) -> JsonObject:
    asked, family = request.reasoning or {}, family_of(request.model)
    summary = asked.get("summary")
    if not family.is_reasoning:
        return {"effort": asked.get("effort"), "summary": summary}
    context = asked.get("context")
    return {
        "context": family.context if context in (None, "auto") else context,
        "effort": asked.get("effort") or family.effort,
        "mode": asked.get("mode") or "standard",
        "summary": "detailed" if summary == "auto" else summary,
    }


def _echo_text(request: CreateRequest) -> JsonObject:
    text = request.text or {}
    form = text.get("format") or {"type": "text"}
    if form["type"] == "json_schema":
        strict = form.get("strict")
        form = {
            "type": "json_schema",
            "description": form.get("description"),
            "name": form["name"],
            "schema": form["schema"],
            "strict": True if strict is None else strict,
        }
    return {"format": form, "verbosity": text.get("verbosity") or "medium"}


class Usage(Mapping[str, object]):
    """`usage` as counted, in the wire's key order (WIRE.md §10); all figures are tokens.

    Equal to the dict that it stands for; what a scenario scripts is such a dict.
    """

    __slots__ = ("cached_tokens", "input_tokens", "output_tokens", "reasoning_tokens")

    def __init__(self, input_tokens: int, output_tokens: int, reasoning_tokens: int, cached_tokens: int = 0) -> None:
        self.input_tokens = input_tokens
        self.output_tokens = output_tokens
        self.reasoning_tokens = reasoning_tokens
        self.cached_tokens = cached_tokens

    def __getitem__(self, key: str) -> object:
        return self._shown()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._shown())

    def __len__(self) -> int:
        return 5

    def _shown(self) -> JsonObject:
        shown = loads(self.encoded())
        return shown if isinstance(shown, dict) else {}

    def encoded(self) -> bytes:
        """Its JSON."""
        return (
            b'{"input_tokens":%d,"input_tokens_details":{"cache_write_tokens":0,"cached_tokens":%d},'
            b'"output_tokens":%d,"output_tokens_details":{"reasoning_tokens":%d},"total_tokens":%d}'
        ) % (
            self.input_tokens, self.cached_tokens, self.output_tokens, self.reasoning_tokens,
            self.input_tokens + self.output_tokens,
        )  # fmt: skip


def tokens_of(usage: Mapping[str, object]) -> tuple[int, int, int]:
    """(input, of which cached, output) tokens of a usage; 0 for what is no number."""
    if isinstance(usage, Usage):
        return usage.input_tokens, usage.cached_tokens, usage.output_tokens
    details = usage.get("input_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, Mapping) else 0
    return _count(usage.get("input_tokens")), _count(cached), _count(usage.get("output_tokens"))


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0


def encode_usage(usage: Mapping[str, object]) -> bytes:
    """The JSON of a usage, counted or scripted."""
    return usage.encoded() if isinstance(usage, Usage) else dumps(usage)


def encode_response(echo: Echo, snapshot: Snapshot, output: bytes) -> bytes:
    """The body at one moment; `output` is the JSON array that stands in its place."""
    usage, is_over = snapshot.usage, snapshot.is_over
    parts = (
        b'{"id":%b,"object":"response","created_at":%d,"status":"%b",'
        % (dumps(snapshot.id), snapshot.created_at, snapshot.status.encode()),
        echo.before_billing,
        BILLING if snapshot.is_billed else b"",
        b',"completed_at":null' if snapshot.completed_at is None else b',"completed_at":%d' % snapshot.completed_at,
        echo.before_error,
        b',"error":%b' % dumps(snapshot.error) if snapshot.error else b',"error":null',
        echo.before_details,
        b',"incomplete_details":',
        dumps(snapshot.incomplete_details) if snapshot.incomplete_details else b"null",
        echo.before_output,
        b',"output":',
        output,
        echo.before_tier,
        b',"service_tier":',
        echo.tier if snapshot.has_tier else b'"auto"',
        echo.before_tool_usage,
        b',"tool_usage":',
        echo.tool_usage if is_over else _UNUSED,
        echo.before_usage,
        b',"usage":',
        encode_usage(usage) if usage else b"null",
        echo.after_usage,
        b"}",
    )
    return b"".join(parts)
