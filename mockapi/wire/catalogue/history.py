"""Inputs that a model cannot go on from (ERRORS.md §6)."""

from mockapi.wire.catalogue.row import Row

__all__ = ["ROWS"]

_SECTION = "§6"
_INPUTS = ("responses.create", "responses.compact", "responses.input_tokens")
_ENCRYPTED = "The encrypted content for item {id} could not be verified. Reason: "

ROWS = (
    Row(
        "no_tool_output",
        "No tool output found for {kind} {call_id}.",
        param="input",
        endpoints=_INPUTS,
        source=_SECTION,
        sample={"kind": "function call", "call_id": "call_123"},
        note="Of custom tool calls, patches and tool searches some fields are not shown.",
    ),
    Row(
        "no_tool_call",
        "No tool call found for {kind} with call_id {call_id}.",
        param="input",
        endpoints=_INPUTS,
        source=_SECTION,
        sample={"kind": "function call output", "call_id": "call_123"},
    ),
    Row(
        "no_approval_request",
        "No approval request found for approval response with approval_request_id {id}.",
        param="input",
        endpoints=_INPUTS,
        confidence="assumed",
        source=_SECTION,
        sample={"id": "mcpr_123"},
        note="How the real API tells it is not known: words after those of tool outputs. Answering twice is told so too.",
    ),
    Row(
        "reasoning_without_follower",
        "Item '{id}' of type 'reasoning' was provided without its required following item.",
        param="input",
        endpoints=_INPUTS,
        source=_SECTION,
        sample={"id": "rs_123"},
    ),
    Row(
        "item_without_reasoning",
        "Item '{id}' of type '{kind}' was provided without its required 'reasoning' item: '{needed}'.",
        param="input",
        endpoints=_INPUTS,
        confidence="V-",
        source=_SECTION,
        sample={"id": "fc_123", "kind": "function_call", "needed": "rs_123"},
    ),
    Row(
        "duplicate_item",
        "Duplicate item found with id {id}. Remove duplicate items from your input and try again.",
        param="input",
        endpoints=(*_INPUTS, "conversations.items.create"),
        confidence="V-",
        source=_SECTION,
        sample={"id": "msg_123"},
    ),
    Row(
        "invalid_encrypted_content",
        _ENCRYPTED + "Encrypted content could not be decrypted or parsed.",
        "invalid_encrypted_content",
        param="input",
        endpoints=(*_INPUTS, "conversations.items.create"),
        source=_SECTION,
        sample={"id": "rs_123"},
        note="`param` is not shown in the source.",
    ),
    Row(
        "encrypted_content_of_others",
        _ENCRYPTED + "Encrypted content organization_id did not match the target organization.",
        "invalid_encrypted_content",
        param="input",
        endpoints=(*_INPUTS, "conversations.items.create"),
        source=_SECTION,
        sample={"id": "rs_123"},
        note="`param` is not shown. Older texts name the content instead of the item.",
    ),
    Row(
        "context_length_exceeded",
        "Your input exceeds the context window of this model. Please adjust your input and try again.",
        "context_length_exceeded",
        param="input",
        source=_SECTION,
    ),
)
