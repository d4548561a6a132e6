"""The journal: the one place that writes down what was asked and answered."""

import re

from mockapi.errors import ApiError
from mockapi.http.exchange import Exchange
from mockapi.http.messages import MaskedHeaders, caller_of
from mockapi.service.core import Call, Core
from mockapi.service.selection import NO_MATCH
from mockapi.stores.base import Entry
from mockapi.wire.ids import request_id_of

__all__ = ["Journal"]

_SECRET_QUERY = re.compile(r"(?i)\b(api-key|api_key|key|token)=[^&]*")


class Journal:
    """Writes calls of known callers into their project's journal; keys are masked."""

    def __init__(self, core: Core) -> None:
        self.core = core

    async def identify(self, exchange: Exchange) -> None:
        """Whose call it is, and an id of its own, for calls that no operation has identified."""
        if exchange.request_id is not None:
            return
        try:
            caller = exchange.caller or caller_of(exchange.headers, self.core.settings.api_keys)
        except ApiError:
            return  # nobody's: such calls are told by the log alone
        exchange.caller = caller
        named = f"{exchange.scope['method']} {exchange.scope['path']}"
        exchange.request_id = request_id_of(await self.core.identify(Call(caller.project, named)))

    async def write(self, exchange: Exchange, operation: str, began_s: float, took_ms: float) -> None:
        """Write one call down, unless nobody knows whose it is; when it began is told by the stopwatch."""
        caller, scope, timeline = exchange.caller, exchange.scope, exchange.timeline
        if caller is None or exchange.request_id is None:
            return
        (scenario, step), query = exchange.answered_by, scope["query_string"]
        is_planned = timeline is not None and exchange.status is not None and not exchange.response and not exchange.is_cut
        entry = Entry(
            id=exchange.request_id,
            at=await self.core.now(caller.project),
            took_ms=took_ms,
            operation=operation,
            method=scope["method"],
            path=scope["path"],
            query=_SECRET_QUERY.sub(r"\1=****", query.decode("latin-1")) if query else "",
            headers=MaskedHeaders(exchange.headers.raw),
            request=exchange.body,
            status=exchange.status,
            response=exchange.response,
            plan=timeline.plan if timeline is not None and (is_planned or exchange.fault) else b"",
            scenario=scenario,
            step=step,
            is_stream=is_planned and exchange.is_stream,
            is_unmatched=exchange.code == NO_MATCH or (timeline is not None and not timeline.plan.scenario),
            note=exchange.note,
            fault=exchange.fault,
            known=exchange.known,
            is_cut=exchange.is_cut,
            is_legacy=exchange.is_legacy,
            project=caller.project,
            began_s=began_s,
            advice=exchange.advice,
            is_whole=exchange.is_whole,
            last_event=exchange.last_event,
        )
        await self.core.store.add_entry(caller.project, entry)
