"""Errors a scenario can ask for by code: status, type, message and headers (ERRORS.md §8, §12)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mockapi.errors import ApiError, MockError

__all__ = ["ERROR_CODES", "CatalogueRow", "check_header", "error_from", "failure_of"]

_RATE = (
    "Rate limit reached for {model} in organization org-mock on {what} per min ({short}): Limit {limit}, Used {limit}, "
    "Requested 1. Please try again in 1s. Visit https://platform.openai.com/account/rate-limits to learn more."
)
_SERVER = (
    "An error occurred while processing your request. You can retry your request, or contact us through our help center "
    "at help.openai.com if the error persists. Please include the request ID {request_id} in your message."
)


@dataclass(frozen=True, slots=True)
class CatalogueRow:
    """One error of the real API."""

    code: str
    status: int
    type: str
    message: str
    param: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


_RETRY = {"retry-after": "1"}
_ROWS = (
    CatalogueRow(
        "rate_limit_exceeded",
        429,
        "requests",
        _RATE.replace("{what}", "requests").replace("{short}", "RPM"),
        None,
        _RETRY,
    ),
    CatalogueRow("rate_limit_exceeded", 429, "tokens", _RATE.replace("{what}", "tokens").replace("{short}", "TPM"), None, _RETRY),
    CatalogueRow(
        "insufficient_quota",
        429,
        "insufficient_quota",
        "You exceeded your current quota, please check your plan and billing details. For more information on this error, "
        "read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors.",
    ),
    CatalogueRow("server_error", 500, "server_error", _SERVER),
    CatalogueRow(
        "server_is_overloaded",
        503,
        "service_unavailable_error",
        "Our servers are currently overloaded. Please try again later.",
        None,
        _RETRY,
    ),
    CatalogueRow(
        "context_length_exceeded",
        400,
        "invalid_request_error",
        "Your input exceeds the context window of this model. Please adjust your input and try again.",
        "input",
    ),
    CatalogueRow("model_not_found", 400, "invalid_request_error", "The requested model '{model}' does not exist.", "model"),
    CatalogueRow(
        "conversation_locked",
        400,
        "invalid_request_error",
        "Another process is currently operating on this conversation. Please retry in a few seconds.",
        "conversation",
    ),
    CatalogueRow(
        "invalid_prompt",
        400,
        "invalid_request_error",
        "Invalid prompt: your prompt was flagged as potentially violating our usage policy. Please try again with a "
        "different prompt: https://platform.openai.com/docs/guides/reasoning#advice-on-prompting",
    ),
    CatalogueRow(
        "cyber_policy",
        400,
        "invalid_request",
        "This request has been flagged for potentially high-risk cyber activity.",
    ),
)
ERROR_CODES = tuple(dict.fromkeys(row.code for row in _ROWS))
"""Codes that a scenario may name bare."""


def _row(code: str | None, kind: str | None) -> CatalogueRow | None:
    rows = [row for row in _ROWS if row.code == code]
    return next((row for row in rows if row.type == kind), rows[0] if rows else None)


def error_from(form: Mapping[str, object], names: Mapping[str, str]) -> ApiError:
    """The error a scenario asks for: what it gives wins, the rest comes from the catalogue's row of that code.

    `names` fill `{model}` and `{request_id}` in the catalogue's messages.
    """
    code, kind = form.get("code"), form.get("type")
    row = _row(str(code), kind if isinstance(kind, str) else None)
    status = form.get("status", row.status if row else 400)
    message = form.get("message")
    if message is None:
        message = _filled(row.message, names) if row else f"The scenario answers with status {status}."
    default_type = "server_error" if isinstance(status, int) and status >= 500 else "invalid_request_error"
    given = form.get("headers")
    headers = {**(row.headers if row else {}), **(given if isinstance(given, Mapping) else {})}
    for value in headers.values():
        try:
            check_header(str(value))
        except ValueError as problem:
            raise MockError(str(problem), status=500, code="mock_template_error") from None
    param = form.get("param", row.param if row else None)
    return ApiError(
        str(message),
        status=status if isinstance(status, int) else 400,
        type=str(kind) if kind else (row.type if row else default_type),
        param=None if param is None else str(param),
        code=None if code is None else str(code),
        headers={str(key).lower(): str(value) for key, value in headers.items()},
    )


def check_header(value: str) -> None:
    """ValueError if no header can carry the value."""
    if not all(character == "\t" or (" " <= character <= "ÿ" and character != "\x7f") for character in value):
        raise ValueError(f"a header cannot carry {value!r}")


def _filled(message: str, names: Mapping[str, str]) -> str:
    for name, value in {"limit": "3", **names}.items():
        message = message.replace(f"{{{name}}}", value)
    return message


def failure_of(form: Mapping[str, object], names: Mapping[str, str]) -> dict[str, object]:
    """The nested `error` of a failing stream: type, code, message, param, in the recorded order (ERRORS.md §12)."""
    known = _row(str(form["code"]), None)
    unknown = {"type": "server_error", "message": "The model failed to generate a response."}
    error = error_from(form if known else {**unknown, **form}, names)
    return {"type": error.type, "code": error.code, "message": error.message, "param": error.param}
