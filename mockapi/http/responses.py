"""The Responses API: create and retrieve."""

from functools import partial

from starlette.types import Receive, Scope, Send

from mockapi.errors import ApiError, MockError
from mockapi.http.messages import (
    JSON,
    Answer,
    Headers,
    caller_of,
    headers_of,
    mock_headers,
    read_body,
    standard_headers,
)
from mockapi.http.streams import send_stream, wait_or_hang_up
from mockapi.service import Call, Created, Service

__all__ = ["ResponsesApi"]


class ResponsesApi:
    """Operations on responses, each an ASGI application that returns what to note in the log."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def create(self, scope: Scope, receive: Receive, send: Send) -> str:
        """`POST /v1/responses`."""
        service = self._service
        headers = headers_of(scope)
        caller = caller_of(headers)
        body = await read_body(receive, service.settings.max_body)
        call = Call(caller.project, "responses.create", body, headers, _scenario_of(scope, headers))
        identity = await service.identify(call)
        request_id = f"req_{identity.hex()[:32]}"
        try:
            created = await service.create(call, identity)
        except ApiError as error:
            error.headers.update(_text(standard_headers(request_id, caller=caller)))
            raise
        plan, timeline = created.plan, created.timeline
        elapsed_ms = 0 if plan.background or created.is_stream else round(timeline.ends_s * 1000)
        common = standard_headers(request_id, elapsed_ms, caller) + mock_headers(plan.scenario, plan.step)
        delivered = partial(_deliver, service, created)
        if created.is_stream:
            await send_stream(timeline, service.clock, delivered, common, scope, receive, send)
        else:
            wait_s = 0.0 if plan.background else timeline.ends_s
            is_there = await wait_or_hang_up(service.clock, wait_s, receive)
            await delivered(is_there)
            if is_there:
                more = [] if plan.background else _rate_headers(created)
                await Answer(200, timeline.answer, [JSON]).send(send, [*common, *more])
        return f"{plan.scenario}/{plan.step}" if plan.scenario else "auto"

    async def retrieve(self, scope: Scope, receive: Receive, send: Send) -> str:
        """`GET /v1/responses/{response_id}`."""
        caller = caller_of(headers_of(scope))
        response_id = scope["path_params"]["response_id"]
        if b"stream=true" in scope["query_string"]:
            message = "Streaming a stored response is not emulated yet."
            raise MockError(message, status=404, code="mock_not_emulated")
        call = Call(caller.project, f"responses.retrieve {response_id}")
        request_id = f"req_{(await self._service.identify(call)).hex()[:32]}"
        body = await self._service.retrieve(caller.project, response_id)
        await Answer(200, body, [JSON]).send(send, standard_headers(request_id, caller=caller))
        return ""


async def _deliver(service: Service, created: Created, is_whole: bool) -> None:
    await service.delivered(created, is_whole=is_whole)


def _scenario_of(scope: Scope, headers: dict[str, str] | object) -> str | None:
    """The scenario a request names: by its URL, or by header."""
    named: str | None = scope["path_params"].get("scenario")
    return named or (headers.get("x-mock-scenario") if isinstance(headers, dict) else None)


def _text(headers: Headers) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in headers}


_LIMIT_TOKENS = 150_000_000


def _rate_headers(created: Created) -> Headers:
    """`x-ratelimit-*`, only on synchronous creates that are not streamed (ERRORS.md §11)."""
    used = created.plan.usage.get("input_tokens", 0)
    left = _LIMIT_TOKENS - (used if isinstance(used, int) else 0)
    return [
        (b"x-ratelimit-limit-requests", b"30000"),
        (b"x-ratelimit-limit-tokens", b"%d" % _LIMIT_TOKENS),
        (b"x-ratelimit-remaining-requests", b"29999"),
        (b"x-ratelimit-remaining-tokens", b"%d" % left),
        (b"x-ratelimit-reset-requests", b"2ms"),
        (b"x-ratelimit-reset-tokens", b"0s"),
    ]
