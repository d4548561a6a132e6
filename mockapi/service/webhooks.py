"""The outbox of webhooks: what is put into it when a background response begins, and what becomes of it when it is due.

Nothing runs here: an entry says when somebody must look. What the event is follows from the response's status at that moment.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mockapi.engine.plan import Plan, Progress
from mockapi.engine.timeline import ends_at, run_status_at, timeline_at
from mockapi.scenario.webhooks import DelayForm, WebhookForm
from mockapi.service.core import Core
from mockapi.service.records import progress_of
from mockapi.stores.records import Delivery
from mockapi.wire.webhooks import DEFAULT_SECRET, RESPONSE_EVENTS, encode_event

__all__ = ["Address", "Webhooks", "next_attempt"]

_RETRIES_S = (5.0, 30.0, 120.0, 600.0, 3_600.0, 14_400.0, 43_200.0, 86_400.0, 86_400.0)
"""From one failed attempt to the next; what the real API waits is not known, but that it grows and ends after 72 hours."""

_LAST_S = 72 * 3_600.0
_SWAP_S = 10.0  # how long an event that is to come out of order waits for the one that overtakes it
_SOON_S, _LATE_S = 0.001, 60.0  # how soon, and how late, a run that goes on beyond its end is looked at again


class Address(NamedTuple):
    """Where a delivery goes, and what signs it: two secrets while an old one is still good."""

    url: str
    secrets: tuple[str, ...]


class Webhooks:
    """Schedules deliveries and decides what they say."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._store = core.store

    async def schedule(self, project: str, response_id: str, plan: Plan) -> None:
        """A background response has begun: its end will be told.

        To the URL of the scenario that answered, to the endpoints registered in the project and to the server's own.
        """
        targets = await self._targets(project, plan.scenario)
        due = ends_at(plan, Progress(), plan.started_at)
        for target in targets.values():
            identity = self._core.identity_of(project, "webhook", response_id, target.url)
            await self._store.add_delivery(
                project, target._replace(id=f"wh_{identity.hex()[:32]}", response_id=response_id, due=due)
            )
        if targets:
            await self._core.look_again(project)

    async def moved(self, project: str, response_id: str, plan: Plan, progress: Progress) -> None:
        """A run was moved beside the clock, by polls, by hand or by delivery, or cut: its end is another."""
        await self.hasten(project, response_id, ends_at(plan, progress, await self._core.now(project)))

    async def hasten(self, project: str, response_id: str, due: float) -> None:
        """A response ends at `due` (the project's time) instead."""
        if await self._store.hasten_deliveries(project, response_id, due):
            await self._core.look_again(project)

    async def _targets(self, project: str, scenario: str) -> Mapping[str, Delivery]:
        """By URL, each once: the scenario's, the endpoints', the server's."""
        found: dict[str, Delivery] = {}
        settings = self._core.settings
        form = await self._form(project, scenario) if scenario else None
        if form is not None:
            found[form.url] = _scripted(form, settings.webhook_secret or DEFAULT_SECRET)
        for endpoint in await self._store.get_endpoints(project):
            events = tuple(each for each in endpoint.event_types if each in RESPONSE_EVENTS)
            found.setdefault(endpoint.url, _NEW._replace(url=endpoint.url, events=events, endpoint_id=endpoint.id))
        for url in settings.webhook_url:
            found.setdefault(url, _NEW._replace(url=url, secret=settings.webhook_secret or DEFAULT_SECRET))
        return found

    async def _form(self, project: str, name: str) -> WebhookForm | None:
        scenarios = await self._core.scenarios_of(project)
        return next((each.webhooks for each in scenarios if each.name == name), None)

    async def opened(self, project: str, delivery: Delivery, now: float) -> Delivery | None:
        """A claimed delivery that is to be sent now, its event decided; None if it was put back, or is of no interest."""
        if delivery.body:
            return delivery
        record = await self._store.get_response(project, delivery.response_id)
        if record is None:
            await self._store.drop_delivery(project, delivery.id)
            return None
        plan, progress = Plan.of(record.plan), progress_of(record)
        status = run_status_at(plan, progress, now)
        if status in ("queued", "in_progress"):
            due = _next_look(ends_at(plan, progress, now), now)
            await self._store.change_delivery(project, delivery._replace(due=due))
            return None
        event_type = f"response.{status}"
        if event_type not in await self._events(project, delivery):
            await self._store.drop_delivery(project, delivery.id)
            return None
        identity = self._core.identity_of(project, "event", delivery.response_id, event_type)
        ended_at = timeline_at(plan, progress).ended_at
        body = encode_event(f"evt_{identity.hex()[:32]}", event_type, ended_at, delivery.response_id)
        return await self._held(project, delivery._replace(body=body), now)

    async def _held(self, project: str, delivery: Delivery, now: float) -> Delivery | None:
        """The delivery, unless its fault holds it back for now."""
        due = now
        if delivery.fault == "delay":
            due = delivery.due + delivery.delay_s
        elif delivery.fault == "out_of_order" and not await self._overtaken(project, delivery):
            due = now + _SWAP_S
        if due <= now:
            return delivery
        await self._store.change_delivery(project, delivery._replace(due=due))
        return None

    async def _overtaken(self, project: str, delivery: Delivery) -> Sequence[Delivery]:
        """Those that are held back until this one has overtaken them."""
        if delivery.fault != "out_of_order":
            return ()
        return [
            each
            for each in await self._store.get_deliveries(project)
            if each.fault == delivery.fault and each.body and each.url == delivery.url and each.id != delivery.id
        ]

    async def _events(self, project: str, delivery: Delivery) -> Sequence[str]:
        if not delivery.endpoint_id:
            return delivery.events
        endpoints = await self._store.get_endpoints(project)
        return next((each.event_types for each in endpoints if each.id == delivery.endpoint_id), ())

    async def address(self, project: str, delivery: Delivery, now: float) -> Address | None:
        """Where it goes; None if its endpoint was deleted meanwhile."""
        if not delivery.endpoint_id:
            return Address(delivery.url, (delivery.secret,))
        for endpoint in await self._store.get_endpoints(project):
            if endpoint.id == delivery.endpoint_id:
                is_old_good = endpoint.old_secret and now < endpoint.old_until
                return Address(endpoint.url, (endpoint.secret, endpoint.old_secret) if is_old_good else (endpoint.secret,))
        return None

    async def told(self, project: str, delivery: Delivery, now: float, *, is_delivered: bool) -> None:
        """An attempt was made: the delivery is done with, or comes again later."""
        for held in await self._overtaken(project, delivery):
            if not held.is_claimed:  # another server sends it already
                await self._store.change_delivery(project, held._replace(due=now, fault=""))
        began_at = delivery.began_at if delivery.attempt else now
        again_at = None if is_delivered else next_attempt(delivery.attempt + 1, began_at, now)
        if again_at is None:
            await self._store.drop_delivery(project, delivery.id)
            return
        fault = "" if delivery.fault == "out_of_order" else delivery.fault
        tried = delivery._replace(due=again_at, attempt=delivery.attempt + 1, began_at=began_at, fault=fault)
        await self._store.change_delivery(project, tried)


def next_attempt(made: int, began_at: float, now: float) -> float | None:
    """When to try again after so many attempts, the first of which was at `began_at`; None after the last."""
    if made > len(_RETRIES_S):
        return None
    again_at = now + _RETRIES_S[made - 1]
    return again_at if again_at - began_at <= _LAST_S else None


_NEW = Delivery("", "", "", "", 0.0, RESPONSE_EVENTS)


def _scripted(form: WebhookForm, secret: str) -> Delivery:
    return _NEW._replace(
        url=form.url,
        secret=form.secret or secret,
        events=tuple(form.events),
        fault="delay" if isinstance(form.fault, DelayForm) else form.fault or "",
        delay_s=form.fault.delay if isinstance(form.fault, DelayForm) else 0.0,
    )


def _next_look(end: float, now: float) -> float:
    """When a run that is not over at `now` may be: at its end, or where that has passed later and later."""
    return end if end > now else now + min(_LATE_S, max(_SOON_S, now - end))
