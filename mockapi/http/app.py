"""The application: a route table and one error mapper."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property
from urllib.parse import quote

from starlette.routing import BaseRoute, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from mockapi.admin import Admin
from mockapi.clock import stopwatch
from mockapi.errors import ApiError, MockError, StoreError
from mockapi.http.admin import AdminApi
from mockapi.http.conversations import ConversationsApi
from mockapi.http.exchange import Exchange
from mockapi.http.inspection import InspectionApi
from mockapi.http.journal import Journal
from mockapi.http.legacy import LEGACY_PATHS, gone
from mockapi.http.messages import ClientGoneError
from mockapi.http.models import ModelsApi
from mockapi.http.responses import ResponsesApi
from mockapi.http.webhooks import WebhooksApi
from mockapi.life import Life
from mockapi.service.compaction import Compaction
from mockapi.service.conversations import Conversations
from mockapi.service.core import Core
from mockapi.service.endpoints import Endpoints
from mockapi.service.responses import Responses
from mockapi.wire.catalogue import told

__all__ = ["make_app"]

log = logging.getLogger("mockapi")

Operation = Callable[[Exchange], Awaitable[None]]
"""Answers one call."""

Named = tuple[str, Operation]
"""An operation and its name in scenarios and the journal; empty where it has none."""

_OTHERS = (
    "/chat/completions", "/completions", "/embeddings", "/files", "/files/{rest:path}", "/images/generations", "/images/edits",
    "/audio/{rest:path}", "/moderations", "/batches", "/batches/{rest:path}", "/vector_stores", "/vector_stores/{rest:path}",
    "/fine_tuning/{rest:path}", "/uploads", "/uploads/{rest:path}", "/containers", "/containers/{rest:path}",
    "/realtime/{rest:path}",
    "/evals", "/evals/{rest:path}", "/videos", "/videos/{rest:path}",
)  # fmt: skip


def make_app(core: Core, admin: Admin, life: Life) -> Router:
    """The ASGI application of one server: a router alone, since errors are mapped in one place of our own.

    What goes on beside its requests does so as long as the application lives (ASGI's lifespan).
    """
    admin_api, journal = AdminApi(admin), Journal(core)
    api: list[tuple[str, Mapping[str, Named]]] = [
        *_responses_routes(ResponsesApi(Responses(core), Compaction(core))),
        *_conversations_routes(ConversationsApi(Conversations(core))),
        *_models_routes(ModelsApi(core)),
        *_webhooks_routes(WebhooksApi(Endpoints(core))),
        *((path, _always("", _not_emulated)) for path in _OTHERS),
        *((path, _always("", gone)) for path in LEGACY_PATHS),
    ]
    table: dict[str, ASGIApp] = {
        f"{base}{path}": _Endpoint(operations, journal)
        for base in ("/v1", "/scenarios/{scenario}/v1", "/openai/v1", "/openai")
        for path, operations in api
    }
    table |= {f"/_mock{path}": _Endpoint(operations) for path, operations in _admin_routes(admin_api, InspectionApi(core))}
    table["/metrics"] = _Endpoint(dict.fromkeys(("GET", "HEAD"), ("", admin_api.metrics)))
    router = _Router(table, _Endpoint(_always("", _unknown_url), journal), life)
    router.begins_at_once = core.store.is_immediate
    return router


class _Router(Router):
    """Starlette's router; paths without parameters are looked up, only for others are the patterns compiled and tried in turn."""

    begins_at_once = False  # see `mockapi.http.protocol`: nothing that needs a task comes before something is waited for

    def __init__(self, table: Mapping[str, ASGIApp], unknown: ASGIApp, life: Life) -> None:
        super().__init__(redirect_slashes=False, default=unknown, lifespan=lambda app: life.running())
        self._table = table
        del self.routes  # there are some when they are asked for

    @cached_property
    def routes(self) -> list[BaseRoute]:  # type: ignore[override]
        """All of them, in order."""
        return [Route(path, app) for path, app in self._table.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        app = None if scope.get("root_path") or "{" in path else self._table.get(path)
        if app is not None:
            await app(scope, receive, send)
            return
        await super().__call__(scope, receive, send)


_Routes = list[tuple[str, Mapping[str, Named]]]


def _responses_routes(api: ResponsesApi) -> _Routes:
    return [
        ("/responses", {"POST": ("responses.create", api.create)}),
        ("/responses/compact", {"POST": ("responses.compact", api.compact)}),
        ("/responses/input_tokens", {"POST": ("responses.input_tokens", api.input_tokens)}),
        ("/responses/{response_id}", {"GET": ("responses.retrieve", api.retrieve), "DELETE": ("responses.delete", api.delete)}),
        ("/responses/{response_id}/input_items", {"GET": ("responses.input_items", api.input_items)}),
        ("/responses/{response_id}/cancel", {"POST": ("responses.cancel", api.cancel)}),
    ]


def _conversations_routes(api: ConversationsApi) -> _Routes:
    one, items = "/conversations/{conversation_id}", "/conversations/{conversation_id}/items"
    return [
        ("/conversations", {"POST": ("conversations.create", api.create)}),
        (
            one,
            {
                "GET": ("conversations.retrieve", api.retrieve),
                "POST": ("conversations.update", api.update),
                "DELETE": ("conversations.delete", api.delete),
            },
        ),
        (
            items,
            {
                "GET": ("conversations.items.list", api.list_items),
                "POST": ("conversations.items.create", api.create_items),
            },
        ),
        (
            f"{items}/{{item_id}}",
            {
                "GET": ("conversations.items.retrieve", api.retrieve_item),
                "DELETE": ("conversations.items.delete", api.delete_item),
            },
        ),
    ]


def _models_routes(api: ModelsApi) -> _Routes:
    return [
        ("/models", {"GET": ("models.list", api.list)}),
        ("/models/{model:path}", {"GET": ("models.retrieve", api.retrieve)}),
    ]


def _webhooks_routes(api: WebhooksApi) -> _Routes:
    one = "/webhook_endpoints/{webhook_endpoint_id}"
    return [
        (
            "/webhook_endpoints",
            {"GET": ("webhook_endpoints.list", api.list), "POST": ("webhook_endpoints.create", api.create)},
        ),
        (
            one,
            {
                "GET": ("webhook_endpoints.retrieve", api.retrieve),
                "POST": ("webhook_endpoints.update", api.update),
                "DELETE": ("webhook_endpoints.delete", api.delete),
            },
        ),
        (f"{one}/rotate_secret", {"POST": ("webhook_endpoints.rotate_secret", api.rotate_secret)}),
        (f"{one}/test", {"POST": ("webhook_endpoints.test", api.test)}),
        ("/webhook_event_types", {"GET": ("webhook_event_types.list", api.event_types)}),
    ]


def _admin_routes(api: AdminApi, inspection: InspectionApi) -> list[tuple[str, Mapping[str, Named]]]:
    routes: list[tuple[str, Mapping[str, Operation]]] = [
        ("/health", {"GET": api.health, "HEAD": api.health}),
        ("/ready", {"GET": api.ready, "HEAD": api.ready}),
        ("/scenarios", {"GET": api.list_scenarios}),
        ("/scenarios/reload", {"POST": api.reload}),
        ("/scenarios/{name}", {"PUT": api.put_scenario, "GET": api.get_scenario, "DELETE": api.drop_scenario}),
        ("/requests", {"GET": api.list_requests, "DELETE": api.clear_requests}),
        ("/requests/{id}", {"GET": api.get_request}),
        ("/requests/{id}/explanation", {"GET": inspection.explain}),
        ("/verify", {"POST": inspection.verify}),
        ("/responses", {"GET": inspection.responses}),
        ("/conversations", {"GET": inspection.conversations}),
        ("/clock", {"GET": api.get_clock, "POST": api.move_clock}),
        ("/usage", {"GET": api.usage}),
        ("/verdict", {"GET": api.verdict}),
        ("/faults", {"GET": api.list_faults, "POST": api.arm_fault, "DELETE": api.drop_faults}),
        ("/faults/{name}", {"DELETE": api.drop_fault}),
        ("/responses/{response_id}/advance", {"POST": api.advance}),
        ("/reset", {"POST": api.reset}),
    ]
    return [(path, {method: ("", operation) for method, operation in methods.items()}) for path, methods in routes]


def _always(name: str, operation: Operation) -> Mapping[str, Named]:
    return dict.fromkeys(("GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS"), (name, operation))


class _Endpoint:
    """All operations of one path: picks by method, turns errors into answers, writes one log line a call."""

    def __init__(self, operations: Mapping[str, Named], journal: Journal | None = None) -> None:
        self._operations = operations
        self._journal = journal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        began = stopwatch()
        exchange = Exchange(scope, receive, send)
        name, operation = self._operations.get(scope["method"], _WRONG_METHOD)
        try:
            try:
                if self._journal is not None and not name:
                    await self._journal.identify(exchange)
                await operation(exchange)
            except ApiError as error:
                await self._refuse(exchange, error)
            except ClientGoneError:
                exchange.note = "hung up"
            except asyncio.CancelledError:  # only a server that shuts down cancels, after its grace time
                await exchange.fail(_shutting_down())
                exchange.note = "cut by shutdown"
            except Exception:
                log.exception("a request failed inside the mock: please report this")
                await exchange.fail(_internal_error())
                exchange.note = "internal error"
            exchange.settle()
            took_ms = (stopwatch() - began) * 1000
            if self._journal is not None:
                self._journal.count(exchange, name)
                await self._journal.write(exchange, name, began, took_ms)
        finally:
            exchange.entered()
        if log.isEnabledFor(logging.INFO):
            _write(exchange, took_ms)

    async def _refuse(self, exchange: Exchange, error: ApiError) -> None:
        try:
            if self._journal is not None and not isinstance(error, StoreError):
                await self._journal.identify(exchange)
                exchange.arm(error.hit, self._journal.core)
            await exchange.fail(error)
        except StoreError as lost:  # that an error is an error needs no store
            await exchange.fail(lost)


_LONGEST_PATH = 1_000  # characters


def _write(exchange: Exchange, took_ms: float) -> None:
    """The log line; the path is escaped and cut, so that no request can write lines of its own or flood the log."""
    scope, note = exchange.scope, f" {exchange.note}" if exchange.note else ""
    path = quote(scope["path"][:_LONGEST_PATH], safe="/:@!$&'()*+,;=~")
    call = {"method": scope["method"], "path": path, "status": exchange.status, "took_ms": round(took_ms, 1)}
    extra = {"call": {**call, "request_id": exchange.request_id, "note": exchange.note or None}}
    log.info("%s %s %s %.1fms%s", scope["method"], path, exchange.status or "-", took_ms, note, extra=extra)


def _shutting_down() -> ApiError:
    message = "The server is shutting down; this response was not finished."
    return ApiError(message, status=503, type="service_unavailable_error", code="server_is_overloaded")


def _internal_error() -> ApiError:
    error = told("server_error_older")
    error.headers["x-should-retry"] = "false"
    return error


async def _not_emulated(exchange: Exchange) -> None:
    scope = exchange.scope
    message = f"{scope['method']} {scope['path']} belongs to the real API, but mockapi emulates Responses and Conversations only."
    raise MockError(message, status=404, code="mock_not_emulated")


async def _wrong_method(exchange: Exchange) -> None:
    scope = exchange.scope
    raise told("wrong_method", method=scope["method"], url=scope["path"])


async def _unknown_url(exchange: Exchange) -> None:
    await exchange.fail(told("unknown_url"))
    exchange.note = "unknown URL"


_WRONG_METHOD: Named = ("", _wrong_method)
