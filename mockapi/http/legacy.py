"""The Assistants API, removed on 2026-08-26: a removed route's 404; log and journal say what replaces a call (ERRORS.md §14)."""

import re
from typing import NamedTuple

from mockapi.http.exchange import Exchange
from mockapi.wire.catalogue import told

__all__ = ["LEGACY_PATHS", "REPLACEMENTS", "Replacement", "gone", "replacement_of"]

LEGACY_PATHS = ("/assistants", "/assistants/{rest:path}", "/threads", "/threads/{rest:path}")
"""Routes, below each base, whose calls are all answered by `gone`."""


class Replacement(NamedTuple):
    """A call of the removed API, and what does its work today."""

    method: str
    path: str
    instead: str


_KEEP = "keep model, instructions and tools in your code, or in a prompt, and send them with POST /v1/responses"
_THREAD, _RUN = "/threads/{thread_id}", "/threads/{thread_id}/runs/{run_id}"
_ITEM = "/v1/conversations/{conversation_id}/items/{item_id}"

REPLACEMENTS = (
    Replacement("POST", "/assistants", _KEEP),
    Replacement("GET", "/assistants", _KEEP),
    Replacement("GET", "/assistants/{assistant_id}", _KEEP),
    Replacement("POST", "/assistants/{assistant_id}", _KEEP),
    Replacement("DELETE", "/assistants/{assistant_id}", _KEEP),
    Replacement("POST", "/threads", "POST /v1/conversations"),
    Replacement("POST", "/threads/runs", "POST /v1/conversations, then POST /v1/responses with its id as conversation"),
    Replacement("GET", _THREAD, "GET /v1/conversations/{conversation_id}"),
    Replacement("POST", _THREAD, "POST /v1/conversations/{conversation_id}"),
    Replacement("DELETE", _THREAD, "DELETE /v1/conversations/{conversation_id}"),
    Replacement("GET", f"{_THREAD}/messages", "GET /v1/conversations/{conversation_id}/items"),
    Replacement("POST", f"{_THREAD}/messages", "POST /v1/conversations/{conversation_id}/items"),
    Replacement("GET", f"{_THREAD}/messages/{{message_id}}", f"GET {_ITEM}"),
    Replacement(
        "POST",
        f"{_THREAD}/messages/{{message_id}}",
        f"DELETE {_ITEM}, then POST /v1/conversations/{{conversation_id}}/items: items do not change, and have no metadata",
    ),
    Replacement("DELETE", f"{_THREAD}/messages/{{message_id}}", f"DELETE {_ITEM}"),
    Replacement(
        "POST", f"{_THREAD}/runs", "POST /v1/responses with the conversation, background: true where the run is polled for"
    ),
    Replacement("GET", f"{_THREAD}/runs", "GET /v1/responses/{response_id} for each: responses are not listed, keep their ids"),
    Replacement("GET", _RUN, "GET /v1/responses/{response_id}"),
    Replacement("POST", _RUN, "the metadata of POST /v1/responses: that of a response does not change"),
    Replacement("POST", f"{_RUN}/cancel", "POST /v1/responses/{response_id}/cancel"),
    Replacement(
        "POST",
        f"{_RUN}/submit_tool_outputs",
        "POST /v1/responses with function_call_output items, and the conversation or previous_response_id",
    ),
    Replacement("GET", f"{_RUN}/steps", "the output items of GET /v1/responses/{response_id}"),
    Replacement("GET", f"{_RUN}/steps/{{step_id}}", "the output items of GET /v1/responses/{response_id}"),
)
"""The calls that the Assistants API had; where paths overlap, the first row is meant."""

_BASE = re.compile(r"^(?:/scenarios/[^/]+/v1|/openai/v1|/openai|/v1)")
_PATTERNS = tuple((row, re.compile(re.sub(r"\{\w+\}", "[^/]+", row.path) + "/?")) for row in REPLACEMENTS)


def replacement_of(method: str, path: str) -> str:
    """What takes the place of a call, its path below the base; of one that never was, where to read on."""
    for row, pattern in _PATTERNS:
        if row.method == method and pattern.fullmatch(path):
            return row.instead
    return "Responses and Conversations; no such call was known"


async def gone(exchange: Exchange) -> None:
    """Answer as a removed route; log and journal say what takes its place."""
    scope = exchange.scope
    path = _BASE.sub("", scope["path"], count=1)
    await exchange.fail(told("removed_api"))
    exchange.is_legacy = True
    exchange.note = f"the Assistants API is gone since 2026-08-26; instead: {replacement_of(scope['method'], path)}"
