"""The journal: the one place that writes down what was asked and answered."""

import re
from typing import NamedTuple

from mockapi.clock import timestamp
from mockapi.engine.plan import Plan
from mockapi.errors import ApiError, StoreError
from mockapi.http.exchange import Exchange
from mockapi.http.messages import MaskedHeaders, caller_of
from mockapi.scenario.load import CREATE
from mockapi.seldom import Seldom
from mockapi.service.core import Call, Core
from mockapi.service.selection import NO_MATCH
from mockapi.stores.records import Entry
from mockapi.wire.ids import request_id_of
from mockapi.wire.json import Encodable

__all__ = ["Journal"]

_SECRET_QUERY = re.compile(r"(?i)\b(api-key|api_key|key|token)=[^&]*")


class Journal:
    """Writes calls of known callers into their project's journal; keys are masked."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self._complaints = Seldom()
        self._metrics = core.metrics

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

    def count(self, exchange: Exchange, operation: str) -> None:
        """Count a call that is over, whoever made it."""
        metrics = self._metrics
        calls, key = metrics.calls, (operation, exchange.status)
        calls[key] = calls.get(key, 0) + 1
        if operation == CREATE:
            if exchange.answered_by[0]:
                metrics.creates["matched"] += 1
            elif exchange.timeline is not None or exchange.code == NO_MATCH:
                metrics.creates["unmatched"] += 1
        if exchange.fault:
            metrics.faults[exchange.fault] += 1

    async def write(self, exchange: Exchange, operation: str, began_s: float, took_ms: float) -> None:
        """Write one call down, unless nobody knows whose it is; when it began is told by the stopwatch. Nothing comes after.

        The answer has gone out: a store that does not answer costs the entry, and a warning.
        """
        caller, core = exchange.caller, self.core
        if caller is None or exchange.request_id is None:
            return
        number = 0 if core.store.is_immediate else core.entering.begin()
        try:
            offset = core.store.offset(caller.project)
            at = await core.now(caller.project) if offset is None else core.at(offset)
            await core.store.add_entry(caller.project, _told(exchange, at, operation, began_s, took_ms))
        except StoreError as error:
            self._complaints.warn("calls are missing in the journal: %s", error)
        finally:
            if number:
                core.entering.end(number)


class _Told(NamedTuple):
    """A call that is over, as its exchange has it; its entry is made when the journal is read."""

    at: float
    size: int
    exchange: Exchange
    plan: Plan | None
    operation: str
    began_s: float
    took_ms: float

    def entry(self) -> Entry:
        """See `EntrySource`."""
        exchange = self.exchange
        made, caller = self.plan, exchange.identified_caller
        plan: Encodable | bytes = b""
        is_unmatched, is_planned = exchange.code == NO_MATCH, False
        if made is not None:
            is_unmatched = is_unmatched or not made.scenario
            is_planned = exchange.status is not None and not exchange.response and not exchange.is_cut
            if is_planned or exchange.fault:
                plan = made
        query = exchange.scope["query_string"]
        return Entry(
            id=exchange.request_id or "",
            at=self.at,
            took_ms=self.took_ms,
            operation=self.operation,
            method=exchange.scope["method"],
            path=exchange.scope["path"],
            query=_SECRET_QUERY.sub(r"\1=****", query.decode("latin-1")) if query else "",
            headers=MaskedHeaders(exchange.headers.raw),
            request=exchange.body,
            status=exchange.status,
            response=exchange.response,
            plan=plan,
            scenario=exchange.answered_by[0],
            step=exchange.answered_by[1],
            is_stream=exchange.is_stream and is_planned,
            is_unmatched=is_unmatched,
            note=exchange.note,
            fault=exchange.fault,
            is_cut=exchange.is_cut,
            is_legacy=exchange.is_legacy,
            project=caller.project,
            began_s=timestamp(self.began_s),
            advice=exchange.advice,
            is_whole=exchange.is_whole,
            last_event=exchange.last_event,
            has_left=exchange.has_left,
            known=exchange.known,
        )


def _told(exchange: Exchange, at: float, operation: str, began_s: float, took_ms: float) -> _Told:
    """What is kept of a call that is over: of its timeline the plan, of which the rest is made anew when it is asked for."""
    exchange.let_go()
    timeline, plan = exchange.timeline, None
    size = 2 * len(exchange.body) + len(exchange.response) + 1_000  # what matching saw of the body is some of it again
    if timeline is not None:
        plan, exchange.timeline = timeline.plan, None
        size += timeline.size
    return tuple.__new__(_Told, (at, size, exchange, plan, operation, began_s, took_ms))  # half the time of _Told(…)
