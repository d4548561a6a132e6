"""`docs/coverage.md`: what of the installed SDK is supported. `python -m tests.coverage_page > docs/coverage.md`."""

import re
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import get_args

import openai
from openai.types.conversations.conversation_create_params import ConversationCreateParams
from openai.types.conversations.conversation_update_params import ConversationUpdateParams
from openai.types.conversations.item_create_params import ItemCreateParams
from openai.types.conversations.item_list_params import ItemListParams
from openai.types.conversations.item_retrieve_params import ItemRetrieveParams
from openai.types.responses import (
    ResponseIncludable,
    ResponseInputItemParam,
    ResponseOutputItem,
    ResponseStreamEvent,
    response_compact_params,
    response_create_params,
    response_retrieve_params,
)
from openai.types.responses.input_item_list_params import InputItemListParams
from openai.types.responses.input_token_count_params import InputTokenCountParams
from openai.types.responses.tool_param import ToolParam

from mockapi.engine.grammar import GRAMMAR
from mockapi.server import build_app
from mockapi.settings import Settings
from mockapi.wire.items import ITEM_TYPES
from mockapi.wire.later import LATER_EVENTS, LATER_ITEMS, LATER_PARAMETERS
from mockapi.wire.operations import (
    CompactRequest,
    ConversationCreate,
    ConversationUpdate,
    ItemsCreate,
    ListQuery,
    TokenCountRequest,
)
from mockapi.wire.requests import INCLUDABLE, CreateRequest
from mockapi.wire.tools import TOOL_TYPES

RESOURCES = (
    "responses/responses.py",
    "responses/input_items.py",
    "responses/input_tokens.py",
    "conversations/conversations.py",
    "conversations/items.py",
    "webhooks/webhooks.py",
    "webhooks/event_types.py",
)


def type_names(union: object) -> set[str]:
    from .test_contract import type_names as names

    return names(union)


def endpoints() -> Iterator[tuple[str, str]]:
    """(method, path) of every call that the SDK's resources make."""
    root = Path(openai.__file__).parent / "resources"
    for name in RESOURCES:
        source = (root / name).read_text()
        for verb, path in re.findall(r'self\._(get_api_list|get|post|delete)\(\s*(?:path_template\(\s*)?"(/[^"]*)"', source):
            yield ("GET" if verb == "get_api_list" else verb.upper()), path


def ours() -> set[tuple[str, str]]:
    routes = [route for route in build_app(Settings()).routes if route.path.startswith("/v1/")]
    return {
        (method, route.path.removeprefix("/v1"))
        for route in routes
        for method, (name, _) in route.app._operations.items()
        if name
    }


def table(title: str, names: Iterable[str], missing: Iterable[str]) -> str:
    lost = set(missing)
    rows = [f"| `{name}` | {'no' if name in lost else 'yes'} |" for name in sorted(set(names))]
    return "\n".join([f"## {title}", "", "| | supported |", "|---|---|", *rows, ""])


def others() -> dict[str, tuple[set[str], set[str]]]:
    """Call → (parameters the SDK knows, those supported) of everything that is not a create of responses."""
    listed, resumed = set(ListQuery.model_fields), {"include", "include_obfuscation", "starting_after", "stream"}
    retrieve: set[str] = set()
    for kind in ("ResponseRetrieveParamsBase", "ResponseRetrieveParamsNonStreaming", "ResponseRetrieveParamsStreaming"):
        retrieve |= set(getattr(response_retrieve_params, kind).__annotations__)

    def of(params: type) -> set[str]:
        return set(params.__annotations__) - {"conversation_id"}  # in the path

    return {
        "GET /v1/responses/{response_id}": (retrieve, resumed),
        "GET /v1/responses/{response_id}/input_items": (of(InputItemListParams), listed),
        "POST /v1/conversations": (of(ConversationCreateParams), set(ConversationCreate.model_fields)),
        "POST /v1/conversations/{conversation_id}": (of(ConversationUpdateParams), set(ConversationUpdate.model_fields)),
        "POST /v1/conversations/{conversation_id}/items": (of(ItemCreateParams), set(ItemsCreate.model_fields) | {"include"}),
        "GET /v1/conversations/{conversation_id}/items": (of(ItemListParams), listed),
        "GET /v1/conversations/{conversation_id}/items/{item_id}": (of(ItemRetrieveParams), {"include"}),
    }


def page() -> str:
    create = set(response_create_params.ResponseCreateParamsBase.__annotations__) | {"stream"}
    compact = set(response_compact_params.ResponseCompactParams.__annotations__)
    count = set(InputTokenCountParams.__annotations__)
    output, inputs, tools = type_names(ResponseOutputItem), type_names(ResponseInputItemParam), type_names(ToolParam)
    events, include = type_names(ResponseStreamEvent), set(get_args(ResponseIncludable))
    calls, routed = {f"{method} {path}" for method, path in endpoints()}, {f"{method} {path}" for method, path in ours()}
    parts = [
        "# Coverage",
        "",
        f"What the installed SDK (`openai` {version('openai')}) knows and whether mockapi supports it. Made by `python -m tests.reference_pages`;",
        "a test holds it current.",
        "",
        table("Endpoints", calls, calls - routed),
        table(
            "Parameters of POST /v1/responses",
            create,
            (create - set(CreateRequest.__annotations__)) | (create & LATER_PARAMETERS),
        ),
        table("Parameters of POST /v1/responses/compact", compact, compact - set(CompactRequest.model_fields)),
        table("Parameters of POST /v1/responses/input_tokens", count, count - set(TokenCountRequest.model_fields)),
        *(table(f"Parameters of {call}", known, known - supported) for call, (known, supported) in others().items()),
        table("Output items that can be scripted", output, (output - set(GRAMMAR)) | (output & LATER_ITEMS)),
        table("Input items", inputs, inputs - set(ITEM_TYPES) - {"configuration_update"}),
        table("Tools", tools, tools - set(TOOL_TYPES)),
        table("Stream events", events, events & LATER_EVENTS),
        table("`include`", include, include - set(INCLUDABLE)),
        "[Deviations](deviations.md) tells where what is supported differs from the real API.",
        "",
    ]
    return "\n".join(parts)


if __name__ == "__main__":
    print(page(), end="")
