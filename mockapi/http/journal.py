"""The journal: the one place that writes down what was asked and answered."""

from mockapi.http.exchange import Exchange
from mockapi.http.messages import masked
from mockapi.service import NO_MATCH, Service
from mockapi.stores.base import Entry

__all__ = ["Journal"]

_SECRETS = ("authorization", "api-key", "x-mock-admin-key", "cookie")


class Journal:
    """Writes calls of known callers into their project's journal; keys are masked."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def write(self, exchange: Exchange, operation: str, took_ms: float) -> None:
        """Write one call down, unless nobody knows whose it is."""
        caller, scope, plan = exchange.caller, exchange.scope, exchange.plan
        if caller is None or exchange.request_id is None:
            return
        scenario, step = exchange.answered_by
        entry = Entry(
            id=exchange.request_id,
            at=await self._service.now(caller.project),
            took_ms=took_ms,
            operation=operation,
            method=scope["method"],
            path=scope["path"],
            query=scope["query_string"].decode("latin-1"),
            headers={name: masked(value) if name in _SECRETS else value for name, value in exchange.headers.items()},
            request=exchange.body,
            status=exchange.status,
            response=exchange.response,
            plan=plan.to_bytes() if plan and not exchange.response else b"",
            scenario=scenario,
            step=step,
            is_stream=bool(plan and not exchange.response),
            is_unmatched=exchange.code == NO_MATCH or bool(plan and not plan.scenario),
            note=exchange.note,
        )
        await self._service.store.add_entry(caller.project, entry)
