"""The application: a route table and one error mapper."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import quote

from starlette.routing import BaseRoute, Route, Router
from starlette.types import Receive, Scope, Send

from mockapi.clock import stopwatch
from mockapi.errors import ApiError, MockError
from mockapi.http.admin import AdminApi
from mockapi.http.exchange import Exchange
from mockapi.http.messages import NOSNIFF, Answer, ClientGoneError
from mockapi.http.responses import ResponsesApi
from mockapi.service import Service

__all__ = ["make_app"]

log = logging.getLogger("mockapi")

Operation = Callable[[Exchange], Awaitable[None]]
"""Answers one call."""

_LATER = (
    "/responses/{response_id}/cancel", "/responses/{response_id}/input_items", "/responses/input_tokens",
    "/responses/compact", "/conversations", "/conversations/{rest:path}",
)  # fmt: skip


def make_app(service: Service) -> Router:
    """The ASGI application of one server: a router alone, since errors are mapped in one place of our own."""
    responses, admin = ResponsesApi(service), AdminApi(service)
    api: list[tuple[str, Mapping[str, Operation]]] = [
        ("/responses", {"POST": responses.create}),
        *((path, _always(_not_yet)) for path in _LATER),
        ("/responses/{response_id}", {"GET": responses.retrieve, "DELETE": _not_yet}),
    ]
    routes: list[BaseRoute] = [
        Route(f"{base}{path}", _Endpoint(operations)) for base in ("/v1", "/scenarios/{scenario}/v1") for path, operations in api
    ]
    routes += [
        Route("/_mock/health", _Endpoint({"GET": admin.health})),
        Route("/_mock/ready", _Endpoint({"GET": admin.ready})),
    ]
    return Router(routes=routes, redirect_slashes=False, default=_Endpoint(_always(_unknown_url)))


def _always(operation: Operation) -> Mapping[str, Operation]:
    return dict.fromkeys(("GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS"), operation)


class _Endpoint:
    """All operations of one path: picks by method, turns errors into answers, writes one log line a call."""

    def __init__(self, operations: Mapping[str, Operation]) -> None:
        self._operations = operations

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        began = stopwatch()
        exchange = Exchange(scope, receive, send)
        try:
            await self._operations.get(scope["method"], _wrong_method)(exchange)
        except ApiError as error:
            await exchange.fail(error)
        except ClientGoneError:
            exchange.note = "hung up"
        except asyncio.CancelledError:  # only a server that shuts down cancels, after its grace time
            exchange.note = "cut by shutdown"
        except Exception:
            log.exception("a request failed inside the mock: please report this")
            await exchange.fail(_internal_error())
            exchange.note = "internal error"
        if log.isEnabledFor(logging.INFO):
            _write(exchange, (stopwatch() - began) * 1000)


def _write(exchange: Exchange, took_ms: float) -> None:
    """The log line; the path is escaped, so that no request can write lines of its own."""
    scope, note = exchange.scope, f" {exchange.note}" if exchange.note else ""
    path = quote(scope["path"], safe="/:@!$&'()*+,;=~")
    log.info("%s %s %s %.1fms%s", scope["method"], path, exchange.status or "-", took_ms, note)


def _internal_error() -> ApiError:
    message = "The server had an error while processing your request. Sorry about that!"
    return ApiError(message, status=500, type="server_error", headers={"x-should-retry": "false"})


async def _wrong_method(exchange: Exchange) -> None:
    scope = exchange.scope
    raise ApiError(f"Invalid method for URL ({scope['method']} {scope['path']})", status=405)


async def _not_yet(exchange: Exchange) -> None:
    scope = exchange.scope
    message = f"{scope['method']} {scope['path']} exists in the real API, but mockapi does not emulate it yet."
    raise MockError(message, status=404, code="mock_not_emulated")


async def _unknown_url(exchange: Exchange) -> None:
    exchange.note = "unknown URL"
    await exchange.answer(Answer(404, b"", [NOSNIFF, *exchange.standard_headers()]))
