"""What models, projects and organizations do not offer (ERRORS.md §3)."""

from mockapi.wire.catalogue.row import Row

__all__ = ["ROWS"]

_UNSUPPORTED = "Unsupported parameter: '{path}' is not supported with this model."
_VERIFY = (
    " Please go to: https://platform.openai.com/settings/organization/general and click on Verify Organization. If you just "
    "verified, it can take up to 15 minutes for access to propagate."
)
_SECTION = "§3"
_MODEL = {"model": "gpt-0"}

ROWS = (
    Row(
        "model_not_found",
        "The requested model '{model}' does not exist.",
        "model_not_found",
        param="model",
        endpoints=("responses.*",),
        source="§3, §1",
        sample=_MODEL,
        note="Pretty-printed in 2026-04, on one line in the later recording: the newer one.",
        layout="line",
    ),
    Row(
        "model_unknown",
        "The model '{model}' does not exist",
        "model_not_found",
        404,
        param="model",
        endpoints=("models.retrieve",),
        confidence="assumed",
        source=_SECTION,
        sample=_MODEL,
    ),
    Row(
        "model_not_found_chat",
        "The model `{model}` does not exist or you do not have access to it.",
        "model_not_found",
        404,
        endpoints=("(chat.completions)",),
        source=_SECTION,
        sample=_MODEL,
    ),
    Row(
        "model_was_not_found",
        "The requested model, '{model}' was not found.",
        confidence="V-",
        source=_SECTION,
        sample={"model": "gpt-image-1.5"},
        note="Seen once; type, code and `param` are not shown.",
    ),
    Row(
        "model_not_supported",
        "The requested model '{model}' is not supported with the Responses API.",
        param="model",
        confidence="V-",
        source=_SECTION,
        sample={"model": "text-embedding-3-small"},
        note="`param` is inferred, as is the type; the code is not shown.",
    ),
    Row(
        "model_not_for_assistants",
        "The requested model '{model}' cannot be used with the Assistants API.",
        endpoints=("(assistants)",),
        confidence="V-",
        source="§14",
        sample=_MODEL,
        note="Until 2026-08-26, when the API was removed.",
    ),
    Row(
        "unsupported_value",
        "Unsupported value: '{value}' is not supported with the '{model}' model. Supported values are: {values}.",
        "unsupported_value",
        param="{path}",
        source=_SECTION,
        sample={"path": "text.verbosity", "value": "low", "model": "gpt-4.1-mini", "values": "'medium'"},
        note="Of `text.verbosity` code and `param` are inferred.",
    ),
    Row(
        "unsupported_parameter",
        _UNSUPPORTED,
        "unsupported_parameter",
        param="{path}",
        source=_SECTION,
        sample={"path": "reasoning.effort"},
    ),
    Row("unsupported_sampling", _UNSUPPORTED, param="{path}", source=_SECTION, sample={"path": "temperature"}),
    Row(
        "unsupported_logprobs",
        "logprobs are not supported with reasoning models.",
        "unsupported_parameter",
        param="{path}",
        source=_SECTION,
        sample={"path": "top_logprobs"},
    ),
    Row(
        "unsupported_encryption",
        "Encrypted content is not supported with this model.",
        param="include",
        confidence="V-",
        source=_SECTION,
        note="The code is not shown in the source.",
    ),
    Row(
        "unsupported_tools",
        "The following tools cannot be used with reasoning.effort 'minimal': {tools}.",
        param="tools",
        confidence="V-",
        source=_SECTION,
        sample={"tools": "file_search, web_search"},
        note="The code is not shown; which built-in tools are meant, and that they are named by type, is assumed.",
    ),
    Row(
        "unsupported_cache_retention",
        "This model is compatible only with 24h extended prompt caching",
        "invalid_parameter",
        param="prompt_cache_retention",
        source=_SECTION,
    ),
    Row(
        "unverified_for_summaries",
        "Your organization must be verified to generate reasoning summaries." + _VERIFY,
        "unsupported_value",
        param="reasoning.summary",
        source=_SECTION,
    ),
    Row(
        "unverified_for_streams",
        "Your organization must be verified to stream this model." + _VERIFY,
        "unsupported_value",
        param="stream",
        confidence="V-",
        source=_SECTION,
        note="The end of the text is taken from the one about summaries.",
    ),
    Row(
        "service_tier_not_allowed",
        "Invalid service_tier argument: The requested service tier is not allowed for this project.",
        param="service_tier",
        confidence="D",
        source=_SECTION,
    ),
    Row("service_tier_chat", "Invalid service_tier argument", endpoints=("(chat.completions)",), source=_SECTION),
)
