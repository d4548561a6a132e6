"""What models refuse: one table of rules, checked in the measured order after everything else (ERRORS.md §3).

A rule speaks of families of models (`mockapi.wire.models`). Where it is not known what a family offers, nothing is refused.
"""

from collections.abc import Callable
from typing import NamedTuple

from mockapi.errors import ApiError
from mockapi.wire.models import Family, family_of
from mockapi.wire.requests import CreateRequest
from mockapi.wire.validation import listed

__all__ = ["RULES", "Rule", "check_capabilities"]


class Rule(NamedTuple):
    """One refusal: the parameter, when it applies, and how it is told."""

    param: str
    violates: Callable[[CreateRequest, Family], bool]
    error: Callable[[CreateRequest, Family], ApiError]


def _unsupported(param: str, code: str | None) -> Callable[[CreateRequest, Family], ApiError]:
    message = f"Unsupported parameter: '{param}' is not supported with this model."
    return lambda request, family: ApiError(message, param=param, code=code)


def _no_logprobs(param: str) -> Callable[[CreateRequest, Family], ApiError]:
    message = "logprobs are not supported with reasoning models."
    return lambda request, family: ApiError(message, param=param, code="unsupported_parameter")


def _unsupported_value(param: str, value: str, model: str, supported: tuple[str, ...]) -> ApiError:
    message = (
        f"Unsupported value: '{value}' is not supported with the '{model}' model. "
        f"Supported values are: {listed(supported, 'and')}."
    )
    return ApiError(message, param=param, code="unsupported_value")


def _effort(request: CreateRequest) -> str | None:
    return (request.reasoning or {}).get("effort")


def _verbosity(request: CreateRequest) -> str | None:
    return (request.text or {}).get("verbosity")


def _is_reasoning_now(request: CreateRequest, family: Family) -> bool:
    return family.is_reasoning and (_effort(request) or family.effort) != "none"


def _wants_logprobs(request: CreateRequest) -> bool:
    return "message.output_text.logprobs" in request.include


RULES = (
    Rule(
        "temperature",
        lambda request, family: _is_reasoning_now(request, family) and request.temperature not in (None, 1),
        _unsupported("temperature", None),
    ),
    Rule(
        "top_p",
        lambda request, family: _is_reasoning_now(request, family) and request.top_p is not None,
        _unsupported("top_p", None),
    ),
    *(
        Rule(
            name,
            lambda request, family, name=name: _is_reasoning_now(request, family) and name in request.model_fields_set,  # type: ignore[misc]
            _unsupported(name, None),
        )
        for name in ("presence_penalty", "frequency_penalty")
    ),
    Rule(
        "reasoning.effort",
        lambda request, family: not family.is_reasoning and _effort(request) is not None,
        _unsupported("reasoning.effort", "unsupported_parameter"),
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
        "include",
        lambda request, family: family.is_reasoning and _wants_logprobs(request),
        _no_logprobs("include"),
    ),
    Rule(
        "top_logprobs",
        lambda request, family: family.is_reasoning and request.top_logprobs > 0,
        _no_logprobs("top_logprobs"),
    ),
    Rule(
        "include",
        lambda request, family: not family.is_reasoning and "reasoning.encrypted_content" in request.include,
        lambda request, family: ApiError("Encrypted content is not supported with this model.", param="include"),
    ),
    Rule(
        "prompt_cache_retention",
        lambda request, family: family.caches_24h_only and request.prompt_cache_retention == "in_memory",
        lambda request, family: ApiError(
            "This model is compatible only with 24h extended prompt caching",
            param="prompt_cache_retention",
            code="invalid_parameter",
        ),
    ),
)
"""The table; the first rule that is violated is told."""

_TOUCHED = frozenset(rule.param.partition(".")[0] for rule in RULES)


def check_capabilities(request: CreateRequest) -> None:
    """Raise the real API's error for the first thing the request's model does not offer."""
    if _TOUCHED.isdisjoint(request.model_fields_set):
        return
    family = family_of(request.model)
    for rule in RULES:
        if rule.violates(request, family):
            raise rule.error(request, family)
