"""The Responses API: create, retrieve or resume, cancel, delete, list the input, compact, count."""

from collections.abc import Sequence

from mockapi.http.calls import Calls, flag_of, starting_after
from mockapi.http.exchange import Exchange
from mockapi.http.head import Head
from mockapi.http.messages import JSON, Answer, Headers, mock_headers, rate_headers, stream_form, tokens_left, whole_form
from mockapi.http.streams import send_stream, wait_or_hang_up
from mockapi.service.amends import Amends
from mockapi.service.compaction import Compacted, Compaction
from mockapi.service.responses import Created, Responses
from mockapi.wire.limits import Rates
from mockapi.wire.limits import rate_headers as limit_headers
from mockapi.wire.objects import tokens_of

__all__ = ["ResponsesApi"]


class ResponsesApi:
    """Operations on responses."""

    def __init__(self, responses: Responses, compaction: Compaction) -> None:
        self._use = responses
        self._compaction = compaction
        self._amends = Amends(responses)
        self._calls = Calls(responses.core)

    async def create(self, exchange: Exchange) -> None:
        """`POST /v1/responses`."""
        call, identity = await self._calls.identified(exchange, "responses.create", has_body=True)
        created = await self._use.create(call, identity)
        exchange.timeline = timeline = created.timeline
        plan, exchange.facts = timeline.plan, created.facts
        exchange.answered_by = (plan.scenario, plan.step)
        exchange.note = f"{plan.scenario}/{plan.step}" if plan.scenario else "auto"
        if created.hit is not None:
            exchange.arm(created.hit, self._use.core)
        if created.is_stream:
            await self._stream(exchange, created)
        else:
            await self._whole(exchange, created)

    async def _stream(self, exchange: Exchange, created: Created) -> None:
        exchange.is_stream = True
        form = stream_form(exchange.identified_caller, created.plan.scenario, created.plan.step)
        head = Head(form, exchange.standard_values())
        if created.plan.background is None and self._use.is_instant(created):  # it was delivered the moment it was made
            exchange.is_cut = created.timeline.cut_s is not None
            await exchange.answer_whole(head, created.timeline.stream)
            return
        play = self._use.play(created)

        async def delivered(is_whole: bool) -> None:
            is_whole = is_whole or exchange.is_broken  # on the server it is
            exchange.note += "" if is_whole else ", hung up"
            exchange.is_cut = not is_whole or play.timeline.cut_s is not None
            await self._amends.delivered(created, is_whole=is_whole)

        await send_stream(exchange, play, delivered, head)

    async def _whole(self, exchange: Exchange, created: Created) -> None:
        plan, timeline = created.plan, created.timeline
        wait_s = 0.0 if plan.background else timeline.ends_s
        is_instant = plan.background is not None or self._use.is_instant(created)
        if not is_instant and not await wait_or_hang_up(self._use.play(created), exchange.receive):
            await self._amends.delivered(created, is_whole=False)
            exchange.note += ", hung up"
            return
        if not is_instant:
            await self._amends.delivered(created, is_whole=True)
        if created.rates is not None:
            await self._limited(exchange, created, round(wait_s * 1000))
            return
        body, (spent, request_id) = timeline.answer, exchange.standard_values(round(wait_s * 1000))
        length = b"%d" % len(body)
        form = whole_form(exchange.identified_caller, plan.scenario, plan.step, plan.background is None)
        left = tokens_left(tokens_of(plan.usage)[0])
        values = (spent, request_id, left, length) if plan.background is None else (spent, request_id, length)
        await exchange.answer_whole(Head(form, values), body)

    async def _limited(self, exchange: Exchange, created: Created, took_ms: int) -> None:
        """The whole body under a real rate limit, whose headers are its own."""
        plan, body = created.plan, created.timeline.answer
        rates = [] if created.rates is None or plan.background else _told(created.rates, tokens_of(plan.usage)[0])
        headers = [JSON, *exchange.standard_headers(took_ms), *mock_headers(plan.scenario, plan.step), *rates]
        await exchange.answer(Answer(200, body, headers))

    async def retrieve(self, exchange: Exchange) -> None:
        """`GET /v1/responses/{response_id}`."""
        call, _ = await self._calls.identified(exchange, "responses.retrieve", exchange.path_params[_ID])
        response_id = self._calls.path_id(exchange, _ID, "resp")
        include = self._calls.query(exchange).include
        is_lenient = self._use.core.is_lenient
        flag_of(exchange, "include_obfuscation", is_lenient=is_lenient)  # background streams carry none anyway
        if flag_of(exchange, "stream", is_lenient=is_lenient):
            await self._resume(exchange, call.project, response_id, include)
        else:
            await self._calls.answer(exchange, await self._use.retrieve(call.project, response_id, include))

    async def _resume(self, exchange: Exchange, project: str, response_id: str, include: Sequence[str]) -> None:
        """`GET /v1/responses/{response_id}?stream=true&starting_after=N`."""
        after = starting_after(exchange, is_lenient=self._use.core.is_lenient)
        play = await self._use.runs.resume(project, response_id, after, include)
        exchange.resumed = play.timeline

        async def delivered(is_whole: bool) -> None:
            exchange.note += "" if is_whole or exchange.is_broken else ", hung up"
            await self._amends.delivered(Created(play.timeline, True, project), is_whole=is_whole)

        exchange.note = "resumed"
        head = Head(stream_form(exchange.identified_caller, "", ""), exchange.standard_values())
        await send_stream(exchange, play, delivered, head)

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
        compacted = await self._compaction.compact(call, identity)
        rates = compacted.rates
        await self._answer(exchange, compacted, rate_headers(0) if rates is None else _told(rates))

    async def input_tokens(self, exchange: Exchange) -> None:
        """`POST /v1/responses/input_tokens`."""
        call, identity = await self._calls.identified(exchange, "responses.input_tokens", has_body=True)
        await self._answer(exchange, await self._compaction.count(call, identity), [])

    async def _answer(self, exchange: Exchange, compacted: Compacted, headers: Headers) -> None:
        """What was made of an effective input, and by which step."""
        if compacted.by[0]:
            exchange.answered_by = compacted.by
            exchange.note = "/".join(compacted.by)
        exchange.arm(compacted.hit, self._use.core)
        await self._calls.answer(exchange, compacted.body, [*headers, *mock_headers(*compacted.by)])


_ID = "response_id"


def _told(rates: Rates, used: int = 0) -> Headers:
    """How real limits stand."""
    return [(name.encode(), value.encode()) for name, value in limit_headers(rates, used).items()]
