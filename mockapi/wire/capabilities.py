"""What models refuse: one table of rules, checked in the measured order after everything else (ERRORS.md §3).

A rule speaks of families of models (`mockapi.wire.models`). Where it is not known what a family offers, nothing is refused.
"""

from collections.abc import Callable
from typing import NamedTuple

from mockapi.errors import ApiError
from mockapi.wire.catalogue import told
from mockapi.wire.models import Family, family_of
from mockapi.wire.requests import CreateRequest
from mockapi.wire.validation import listed

__all__ = ["RULES", "Rule", "check_capabilities"]

_NEEDS_THOUGHT = ("file_search", "code_interpreter", "image_generation")
_ELSEWHERE = (
    "text-embedding-", "whisper-", "tts-", "dall-e-", "sora-", "omni-moderation-", "text-moderation-", "davinci-", "babbage-",
)  # fmt: skip
"""Beginnings of the names of models that other endpoints serve."""


class Rule(NamedTuple):
    """One refusal: the parameter, when it applies, and how it is told."""

    param: str
    violates: Callable[[CreateRequest, Family], bool]
    error: Callable[[CreateRequest, Family], ApiError]


def _refused(row: str, param: str) -> Callable[[CreateRequest, Family], ApiError]:
    return lambda request, family: told(row, path=param)


def _unsupported_value(param: str, value: str, model: str, supported: tuple[str, ...]) -> ApiError:
    return told("unsupported_value", path=param, value=value, model=model, values=listed(supported, "and"))


def _effort(request: CreateRequest) -> str | None:
    return (request.reasoning or {}).get("effort")


def _verbosity(request: CreateRequest) -> str | None:
    return (request.text or {}).get("verbosity")


def _is_reasoning_now(request: CreateRequest, family: Family) -> bool:
    return family.is_reasoning and (_effort(request) or family.effort) != "none"


def _wants_logprobs(request: CreateRequest) -> bool:
    return "message.output_text.logprobs" in request.include


def _built_in(request: CreateRequest) -> list[str]:
    """Tools that a model which hardly thinks cannot use."""
    types = [str(tool["type"]) for tool in request.tools]
    return [kind for kind in dict.fromkeys(types) if kind in _NEEDS_THOUGHT or kind.startswith("web_search")]


RULES = (
    Rule(
        "temperature",
        lambda request, family: _is_reasoning_now(request, family) and request.temperature not in (None, 1),
        _refused("unsupported_sampling", "temperature"),
    ),
    Rule(
        "top_p",
        lambda request, family: _is_reasoning_now(request, family) and request.top_p is not None,
        _refused("unsupported_sampling", "top_p"),
    ),
    *(
        Rule(
            name,
            lambda request, family, name=name: _is_reasoning_now(request, family) and name in request.given,  # type: ignore[misc]
            _refused("unsupported_sampling", name),
        )
        for name in ("presence_penalty", "frequency_penalty")
    ),
    Rule(
        "reasoning.effort",
        lambda request, family: not family.is_reasoning and _effort(request) is not None,
        _refused("unsupported_parameter", "reasoning.effort"),
    ),
    Rule(
        "reasoning.effort",
        lambda request, family: bool(family.efforts) and _effort(request) not in (None, *family.efforts),
        lambda request, family: _unsupported_value("reasoning.effort", str(_effort(request)), request.model, family.efforts),
    ),
    Rule(
        "text.verbosity",
        lambda request, family: bool(family.verbosities) and _verbosity(request) not in (None, *family.verbosities),
        lambda request, family: _unsupported_value("text.verbosity", str(_verbosity(request)), request.model, family.verbosities),
    ),
    Rule(
        "reasoning.effort",
        lambda request, family: family.is_reasoning and _effort(request) == "minimal" and bool(_built_in(request)),
        lambda request, family: told("unsupported_tools", tools=", ".join(_built_in(request))),
    ),
    Rule(
        "include",
        lambda request, family: family.is_reasoning and _wants_logprobs(request),
        _refused("unsupported_logprobs", "include"),
    ),
    Rule(
        "top_logprobs",
        lambda request, family: family.is_reasoning and request.top_logprobs > 0,
        _refused("unsupported_logprobs", "top_logprobs"),
    ),
    Rule(
        "include",
        lambda request, family: not family.is_reasoning and "reasoning.encrypted_content" in request.include,
        lambda request, family: told("unsupported_encryption"),
    ),
    Rule(
        "prompt_cache_retention",
        lambda request, family: family.caches_24h_only and request.prompt_cache_retention == "in_memory",
        lambda request, family: told("unsupported_cache_retention"),
    ),
)
"""The table; the first rule that is violated is told."""

_TOUCHED = frozenset(rule.param.partition(".")[0] for rule in RULES)


def check_capabilities(request: CreateRequest) -> None:
    """Raise the real API's error for the first thing the request's model does not offer, Responses themselves first."""
    if request.model.startswith(_ELSEWHERE):
        raise told("model_not_supported", model=request.model)
    if _TOUCHED.isdisjoint(request.given):
        return
    family = family_of(request.model)
    for rule in RULES:
        if rule.violates(request, family):
            raise rule.error(request, family)
