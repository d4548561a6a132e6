"""The Responses API: create and retrieve."""

from mockapi.errors import ApiError, MockError
from mockapi.http.exchange import Exchange
from mockapi.http.messages import JSON, Answer, Caller, Headers, caller_of, mock_headers, read_body
from mockapi.http.streams import send_stream, wait_or_hang_up
from mockapi.service import Call, Created, Service
from mockapi.wire.ids import request_id_of

__all__ = ["ResponsesApi"]


class ResponsesApi:
    """Operations on responses."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def _identified(self, exchange: Exchange, operation: str, body: bytes = b"") -> tuple[Call, bytes]:
        """The call, and the digest its ids derive from; whoever fails from here on has the real headers."""
        caller = exchange.caller or self._caller(exchange)
        call = Call(caller.project, operation, body, exchange.headers, exchange.scenario)
        identity = await self._service.identify(call)
        exchange.request_id = request_id_of(identity)
        return call, identity

    def _caller(self, exchange: Exchange) -> Caller:
        exchange.caller = caller_of(exchange.headers, self._service.settings.api_keys)
        return exchange.caller

    async def create(self, exchange: Exchange) -> None:
        """`POST /v1/responses`."""
        self._caller(exchange)  # before the body is read
        body = exchange.body = await read_body(exchange.receive, self._service.settings.max_body)
        call, identity = await self._identified(exchange, "responses.create", body)
        created = await self._service.create(call, identity)
        plan = exchange.plan = created.plan
        exchange.answered_by = (plan.scenario, plan.step)
        exchange.note = f"{plan.scenario}/{plan.step}" if plan.scenario else "auto"
        if created.is_stream:
            await self._stream(exchange, created)
        else:
            await self._whole(exchange, created)

    async def _stream(self, exchange: Exchange, created: Created) -> None:
        async def delivered(is_whole: bool) -> None:
            exchange.note += "" if is_whole else ", hung up"
            exchange.is_cut = not is_whole
            await self._service.delivered(created, is_whole=is_whole)

        headers = exchange.standard_headers() + mock_headers(created.plan.scenario, created.plan.step)
        clock = self._service.clock
        await send_stream(created.timeline, clock, delivered, headers, exchange.scope, exchange.receive, exchange.send)

    async def _whole(self, exchange: Exchange, created: Created) -> None:
        plan, timeline = created.plan, created.timeline
        wait_s = 0.0 if plan.background else timeline.ends_s
        is_there = await wait_or_hang_up(self._service.clock, wait_s, exchange.receive)
        await self._service.delivered(created, is_whole=is_there)
        if not is_there:
            exchange.note += ", hung up"
            return
        headers = [JSON, *exchange.standard_headers(round(wait_s * 1000)), *mock_headers(plan.scenario, plan.step)]
        if not plan.background:
            headers += _rate_headers(created)
        await exchange.answer(Answer(200, timeline.answer, headers))

    async def retrieve(self, exchange: Exchange) -> None:
        """`GET /v1/responses/{response_id}`."""
        call, _ = await self._identified(exchange, "responses.retrieve")
        stream = exchange.query.get("stream", "false")
        if stream not in ("true", "false"):
            message = "Invalid type for 'stream': expected a boolean, but got a string instead."
            raise ApiError(message, param="stream", code="invalid_type")
        if stream == "true":
            message = "Streaming a stored response is not emulated yet."
            raise MockError(message, status=404, code="mock_not_emulated")
        body = await self._service.retrieve(call.project, exchange.path_params["response_id"])
        await exchange.answer(Answer(200, body, [JSON, *exchange.standard_headers()]))


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
