"""The Responses API: create, retrieve or resume, cancel, delete, list the input, compact, count."""

from mockapi.http.calls import Calls, flag_of, starting_after
from mockapi.http.exchange import Exchange
from mockapi.http.messages import JSON, Answer, Headers, mock_headers
from mockapi.http.streams import send_stream, wait_or_hang_up
from mockapi.service.compaction import Compaction
from mockapi.service.responses import Created, Responses

__all__ = ["ResponsesApi"]


class ResponsesApi:
    """Operations on responses."""

    def __init__(self, responses: Responses, compaction: Compaction) -> None:
        self._use = responses
        self._compaction = compaction
        self._calls = Calls(responses.core)

    async def create(self, exchange: Exchange) -> None:
        """`POST /v1/responses`."""
        call, identity = await self._calls.identified(exchange, "responses.create", has_body=True)
        created = await self._use.create(call, identity)
        plan, exchange.timeline, exchange.known = created.plan, created.timeline, created.known
        exchange.answered_by = (plan.scenario, plan.step)
        exchange.note = f"{plan.scenario}/{plan.step}" if plan.scenario else "auto"
        exchange.arm(created.hit, self._use.core)
        if created.is_stream:
            await self._stream(exchange, created)
        else:
            await self._whole(exchange, created)

    async def _stream(self, exchange: Exchange, created: Created) -> None:
        play = self._use.play(created)

        async def delivered(is_whole: bool) -> None:
            is_whole = is_whole or exchange.is_broken  # on the server it is
            exchange.note += "" if is_whole else ", hung up"
            exchange.is_cut = not is_whole or play.timeline.cut_s is not None
            await self._use.delivered(created, is_whole=is_whole)

        headers = exchange.standard_headers() + mock_headers(created.plan.scenario, created.plan.step)
        await send_stream(play, delivered, headers, exchange.scope, exchange.receive, exchange.send)

    async def _whole(self, exchange: Exchange, created: Created) -> None:
        plan, timeline = created.plan, created.timeline
        wait_s = 0.0 if plan.background else timeline.ends_s
        is_instant = plan.background is not None or self._use.is_instant(created)
        if not is_instant and not await wait_or_hang_up(self._use.play(created), exchange.receive):
            await self._use.delivered(created, is_whole=False)
            exchange.note += ", hung up"
            return
        if not is_instant:
            await self._use.delivered(created, is_whole=True)
        rates = [] if plan.background else _rate_headers(plan.usage.get("input_tokens"))
        standard = exchange.standard_headers(round(wait_s * 1000))
        headers = [JSON, *standard, *mock_headers(plan.scenario, plan.step), *rates]
        await exchange.answer(Answer(200, timeline.answer, headers))

    async def retrieve(self, exchange: Exchange) -> None:
        """`GET /v1/responses/{response_id}`."""
        call, _ = await self._calls.identified(exchange, "responses.retrieve", exchange.path_params[_ID])
        response_id = self._calls.path_id(exchange, _ID, "resp")
        include = self._calls.query(exchange).include
        is_lenient = self._use.core.is_lenient
        flag_of(exchange, "include_obfuscation", is_lenient=is_lenient)  # background streams carry none anyway
        if flag_of(exchange, "stream", is_lenient=is_lenient):
            await self._resume(exchange, call.project, response_id)
        else:
            await self._calls.answer(exchange, await self._use.retrieve(call.project, response_id, include))

    async def _resume(self, exchange: Exchange, project: str, response_id: str) -> None:
        """`GET /v1/responses/{response_id}?stream=true&starting_after=N`."""
        play = await self._use.runs.resume(project, response_id, starting_after(exchange, is_lenient=self._use.core.is_lenient))
        exchange.resumed = play.timeline

        async def delivered(is_whole: bool) -> None:
            exchange.note += "" if is_whole else ", hung up"
            await self._use.delivered(Created(play.timeline, True, project), is_whole=is_whole)

        exchange.note = "resumed"
        headers = exchange.standard_headers()
        await send_stream(play, delivered, headers, exchange.scope, exchange.receive, exchange.send)

    async def cancel(self, exchange: Exchange) -> None:
        """`POST /v1/responses/{response_id}/cancel`."""
        call, _ = await self._calls.identified(exchange, "responses.cancel", exchange.path_params[_ID])
        response_id = self._calls.path_id(exchange, _ID, "resp")
        await self._calls.answer(exchange, await self._use.runs.cancel(call.project, response_id))

    async def delete(self, exchange: Exchange) -> None:
        """`DELETE /v1/responses/{response_id}`."""
        call, _ = await self._calls.identified(exchange, "responses.delete", exchange.path_params[_ID])
        response_id = self._calls.path_id(exchange, _ID, "resp")
        await self._calls.answer(exchange, await self._use.delete(call.project, response_id))

    async def input_items(self, exchange: Exchange) -> None:
        """`GET /v1/responses/{response_id}/input_items`."""
        call, _ = await self._calls.identified(exchange, "responses.input_items", exchange.path_params[_ID])
        response_id, query = self._calls.path_id(exchange, _ID, "resp"), self._calls.query(exchange)
        await self._calls.answer(exchange, await self._use.input_items(call.project, response_id, query))

    async def compact(self, exchange: Exchange) -> None:
        """`POST /v1/responses/compact`."""
        call, identity = await self._calls.identified(exchange, "responses.compact", has_body=True)
        body, hit = await self._compaction.compact(call, identity)
        exchange.arm(hit, self._use.core)
        await self._calls.answer(exchange, body, _rate_headers(0))

    async def input_tokens(self, exchange: Exchange) -> None:
        """`POST /v1/responses/input_tokens`."""
        call, identity = await self._calls.identified(exchange, "responses.input_tokens", has_body=True)
        body, hit = await self._compaction.count(call, identity)
        exchange.arm(hit, self._use.core)
        await self._calls.answer(exchange, body)


_ID = "response_id"
_LIMIT_TOKENS = 150_000_000
_LIMITS = (
    (b"x-ratelimit-limit-requests", b"30000"),
    (b"x-ratelimit-limit-tokens", b"%d" % _LIMIT_TOKENS),
    (b"x-ratelimit-remaining-requests", b"29999"),
)
_RESETS = ((b"x-ratelimit-reset-requests", b"2ms"), (b"x-ratelimit-reset-tokens", b"0s"))


def _rate_headers(used: object) -> Headers:
    """`x-ratelimit-*`, only on compact and on synchronous creates that are not streamed (ERRORS.md §11)."""
    left = _LIMIT_TOKENS - (used if isinstance(used, int) else 0)
    return [*_LIMITS, (b"x-ratelimit-remaining-tokens", b"%d" % left), *_RESETS]
