"""Rate limits, quotas, failures of the server, and the limits of WebSocket mode (ERRORS.md §8, §13)."""

from mockapi.wire.catalogue.row import Row

__all__ = ["ROWS"]

_RETRY = {"retry-after": "1"}
_VISIT = "Visit https://platform.openai.com/account/rate-limits to learn more."
_RATE = (
    "Rate limit reached for {model} in {payer} on {unit}: Limit {limit}, Used {used}, "
    "Requested {requested}. Please try again in {retry}. " + _VISIT
)
_QUOTA = (
    "You exceeded your current quota, please check your plan and billing details. For more information on this error, "
    "read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors."
)
_SAMPLE = {"model": "gpt-4o", "payer": "organization org-mock", "limit": "3", "used": "3", "requested": "1", "retry": "1s"}
_SECTION = "§8"

ROWS = (
    Row(
        "rate_limit_exceeded",
        _RATE.replace("{unit}", "requests per min (RPM)"),
        "rate_limit_exceeded",
        429,
        "requests",
        headers=_RETRY,
        confidence="I",
        source=_SECTION,
        sample=_SAMPLE,
        note="Inferred from the text about tokens. Conflict C8: recordings have the unit as type, the guide `rate_limit_error`.",
    ),
    Row(
        "rate_limit_tokens",
        _RATE.replace("{unit}", "tokens per min (TPM)"),
        "rate_limit_exceeded",
        429,
        "tokens",
        headers=_RETRY,
        source=_SECTION,
        sample=_SAMPLE,
        note="Of keys of projects it says `in project PROJECT organization ORGANIZATION`.",
    ),
    Row(
        "request_too_large",
        "Request too large for {model} in {payer} on tokens per min (TPM): Limit {limit}, "
        "Requested {requested}. The input or output tokens must be reduced in order to run successfully. " + _VISIT,
        "rate_limit_exceeded",
        429,
        "tokens",
        source=_SECTION,
        sample={**_SAMPLE, "payer": "project proj_mock organization org-mock", "limit": "30000", "requested": "40000"},
        note="Without `retry-after`: waiting does not help.",
    ),
    Row("insufficient_quota", _QUOTA, "insufficient_quota", 429, "insufficient_quota", source=_SECTION),
    *(
        Row(
            code,
            _QUOTA,
            code,
            429,
            "insufficient_quota",
            confidence="D",
            source=_SECTION,
            note="The text is not published; that of `insufficient_quota` stands in.",
        )
        for code in (
            "credit_balance_exhausted",
            "organization_spend_limit_exceeded",
            "project_spend_limit_exceeded",
            "organization_usage_limit_exceeded",
        )
    ),
    Row(
        "slow_down",
        "Your request rate rose too quickly. Please slow down and try again.",
        "slow_down",
        429,
        "rate_limit_error",
        headers=_RETRY,
        confidence="D",
        source=_SECTION,
        note="Status, type and code are documented; the text is assumed.",
    ),
    Row(
        "server_error",
        "An error occurred while processing your request. You can retry your request, or contact us through our help center "
        "at help.openai.com if the error persists. Please include the request ID {request_id} in your message.",
        "server_error",
        500,
        "server_error",
        confidence="V-",
        source=_SECTION,
        sample={"request_id": "req_123"},
        note="The code is `server_error` or null.",
    ),
    Row(
        "server_error_older",
        "The server had an error while processing your request. Sorry about that!",
        None,
        500,
        "server_error",
        source=_SECTION,
        note="Not retried when the mock itself says it: a fault of the mock.",
    ),
    Row(
        "server_is_overloaded",
        "Our servers are currently overloaded. Please try again later.",
        "server_is_overloaded",
        503,
        "service_unavailable_error",
        headers=_RETRY,
        confidence="V-",
        source=_SECTION,
        note="`param` is inferred.",
    ),
    Row(
        "model_at_capacity",
        "Selected model is at capacity. Please try a different model.",
        "server_is_overloaded",
        503,
        "service_unavailable_error",
        endpoints=("(in a stream)",),
        confidence="V-",
        source=_SECTION,
        note="Seen inside streams of ChatGPT's backend; status and type are those of the row above.",
    ),
    Row(
        "model_failed",
        "The model failed to generate a response.",
        "server_error",
        500,
        "server_error",
        endpoints=("(in a stream)",),
        confidence="D",
        source="§12",
        note="The error of a response that fails with a code of its own; the status is assumed.",
    ),
    *(
        Row(code, message, code, param=param, endpoints=("(websocket)",), confidence="D", source="§13")
        for code, message, param in (
            (
                "invalid_stream_id",
                "The 'stream_id' field must be a non-empty string with at most 256 characters and may only contain letters, "
                "numbers, underscores, hyphens, and periods.",
                "stream_id",
            ),
            (
                "websocket_stream_limit_reached",
                "This WebSocket connection has reached its maximum number of distinct stream IDs (32). Reuse an existing "
                "stream_id or open a new WebSocket connection.",
                "stream_id",
            ),
            (
                "websocket_connection_limit_reached",
                "Responses websocket connection limit reached (60 minutes). Create a new websocket connection to continue.",
                None,
            ),
        )
    ),
)
