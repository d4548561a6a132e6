"""The application: a route table and one error mapper."""

import logging
from collections.abc import Awaitable, Callable, Mapping

from starlette.routing import BaseRoute, Route, Router
from starlette.types import Message, Receive, Scope, Send

from mockapi.clock import stopwatch
from mockapi.errors import ApiError, MockError
from mockapi.http.admin import AdminApi
from mockapi.http.messages import NOSNIFF, Answer, error_answer, standard_headers
from mockapi.http.responses import ResponsesApi
from mockapi.service import Service
from mockapi.wire.ids import digest

__all__ = ["make_app"]

log = logging.getLogger("mockapi")

Operation = Callable[[Scope, Receive, Send], Awaitable[str]]
"""Answers one call; returns what the log line says of it."""

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
        Route(f"{base}{path}", _Endpoint(service, operations))
        for base in ("/v1", "/scenarios/{scenario}/v1")
        for path, operations in api
    ]
    routes += [
        Route("/_mock/health", _Endpoint(service, {"GET": admin.health})),
        Route("/_mock/ready", _Endpoint(service, {"GET": admin.ready})),
        Route("/{path:path}", _Endpoint(service, _always(_unknown_url))),
    ]
    return Router(routes=routes, redirect_slashes=False)


def _always(operation: Operation) -> Mapping[str, Operation]:
    return dict.fromkeys(("GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS"), operation)


class _Endpoint:
    """All operations of one path: picks by method, turns errors into answers, writes one log line a call."""

    def __init__(self, service: Service, operations: Mapping[str, Operation]) -> None:
        self._service = service
        self._operations = operations

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = stopwatch()
        sent = _Sent(send)
        try:
            note = await self._operations.get(scope["method"], _wrong_method)(scope, receive, sent)
        except ApiError as error:
            note = error.code or ""
            await self._send_error(error, scope, sent)
        except (ConnectionError, TimeoutError):
            note = "the client hung up"
        except Exception:
            log.exception("a request failed inside the mock: please report this")
            note = "internal error"
            await self._send_error(_internal_error(), scope, sent)
        if log.isEnabledFor(logging.INFO):
            log.info(
                "%s %s %s %.1fms%s",
                scope["method"],
                scope["path"],
                sent.status or "-",
                (stopwatch() - began) * 1000,
                f" {note}" if note else "",
            )

    async def _send_error(self, error: ApiError, scope: Scope, sent: "_Sent") -> None:
        if sent.status is not None:
            return  # the answer has begun; the connection ends without its end
        more = [] if "x-request-id" in error.headers else standard_headers(_request_id(self._service, scope))
        await error_answer(error).send(sent, more)


class _Sent:
    """Passes messages on and remembers the status."""

    __slots__ = ("_send", "status")

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status: int | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)


def _request_id(service: Service, scope: Scope) -> str:
    seed = service.settings.seed.encode()
    return "req_" + digest(seed, scope["method"].encode(), scope["path"].encode(), size=16).hex()


def _internal_error() -> ApiError:
    message = "The server had an error while processing your request. Sorry about that!"
    return ApiError(message, status=500, type="server_error", headers={"x-should-retry": "false"})


async def _wrong_method(scope: Scope, receive: Receive, send: Send) -> str:
    raise ApiError(f"Invalid method for URL ({scope['method']} {scope['path']})", status=405)


async def _not_yet(scope: Scope, receive: Receive, send: Send) -> str:
    message = f"{scope['method']} {scope['path']} exists in the real API, but mockapi does not emulate it yet."
    raise MockError(message, status=404, code="mock_not_emulated")


async def _unknown_url(scope: Scope, receive: Receive, send: Send) -> str:
    await Answer(404, b"", [NOSNIFF]).send(send, standard_headers("req_" + digest(b"", scope["path"].encode()).hex()[:32]))
    return "unknown URL"
