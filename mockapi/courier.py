"""The courier: looks into the outbox when something is due, and posts it. One task a server; none of its own a delivery.

Deliveries to one URL of a project go out one after the other, in the order in which they are due, also when a clock has jumped;
URLs do not wait for each other.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import inf

from mockapi.clock import is_set_within, outside_time, wall
from mockapi.errors import StoreError
from mockapi.seldom import Seldom
from mockapi.service.core import Core
from mockapi.service.posting import Letter, Poster
from mockapi.service.webhooks import Webhooks, next_attempt
from mockapi.stores.records import Delivery

__all__ = ["Courier"]

log = logging.getLogger("mockapi")

_LEASE_S = 60.0  # wall time after which a claim is void: whoever had it is gone
_AGAIN_S = 1.0  # wall time after which a store that failed is asked again
_MOST_LANES = 32
_GRACE_S = 2.0
_Lane = tuple[str, str]
"""Project and URL."""


class Courier:
    """Sends what is due. Any number may work on one store: each delivery is claimed by one of them at a time."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._store = core.store
        self._webhooks = Webhooks(core)
        self._poster = Poster(core)
        self._lanes: dict[_Lane, asyncio.Task[None]] = {}
        self._is_stopping = False
        self._complaints = Seldom()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send what becomes due as long as this lasts; then attempts that are under way get a moment to end."""
        task = asyncio.ensure_future(self._run())
        try:
            yield
        finally:
            task.cancel()
            self._is_stopping = True
            lanes = [*self._lanes.values()]
            if lanes:
                await asyncio.wait(lanes, timeout=_GRACE_S)
            for lane in lanes:
                lane.cancel()
            await asyncio.gather(task, *lanes, return_exceptions=True)

    async def run_due(self) -> None:
        """Send everything that is due now; returns when nothing is."""
        while True:
            await self._start_lanes()
            if not self._lanes:
                return
            await asyncio.gather(*self._lanes.values())

    async def _run(self) -> None:
        changed = self._core.outbox_changed
        while True:
            changed.clear()
            try:
                seconds = await self._start_lanes()
            except StoreError as error:
                self._complaints.warn("webhooks wait: %s", error)
                seconds = _AGAIN_S
            except Exception:  # must not end all deliveries
                log.exception("the outbox of webhooks could not be read")
                seconds = _LEASE_S
            await is_set_within(changed, seconds)

    async def _start_lanes(self) -> float:
        """Begin to send to every URL that something is due for; the seconds until there is reason to look again."""
        now = self._core.clock.now()
        next_due = inf
        for target in await self._store.outbox_targets(wall()):
            lane = (target.project, target.url)
            if lane in self._lanes:
                continue
            if target.due > now:
                next_due = min(next_due, target.due)
            elif len(self._lanes) < _MOST_LANES:  # the others begin when one of these ends
                self._begin(lane)
        return _LEASE_S if self._core.clock.is_virtual else min(_LEASE_S, next_due - now)

    def _begin(self, lane: _Lane) -> None:
        task = asyncio.ensure_future(self._work(*lane))
        self._lanes[lane] = task

        def ended(task: "asyncio.Task[None]") -> None:
            del self._lanes[lane]
            error = None if task.cancelled() else task.exception()
            if error is None:
                self._core.outbox_changed.set()
            else:  # what was claimed is tried again when the claim has run out
                log.error("webhooks failed inside the mock: please report this", exc_info=error)

        task.add_done_callback(ended)

    async def _work(self, project: str, url: str) -> None:
        """Empty a lane; if the store fails it is kept for a moment, so that the next look comes after it."""
        try:
            await self._drain(project, url)
        except StoreError as error:  # what was claimed is tried again when the claim has run out
            self._complaints.warn("webhooks wait: %s", error)
            await outside_time(_AGAIN_S)

    async def _drain(self, project: str, url: str) -> None:
        """Send everything to one URL that is due, one after the other."""
        while not self._is_stopping:
            now = await self._core.now(project)
            claimed = await self._store.claim_delivery(project, url, now, wall(), wall() + _LEASE_S)
            if claimed is None:
                return
            await self._deliver(project, claimed, now)

    async def _deliver(self, project: str, claimed: Delivery, now: float) -> None:
        try:
            delivery = await self._webhooks.opened(project, claimed, now)
        except StoreError:
            await outside_time(_AGAIN_S)
            await self._store.change_delivery(project, claimed)  # nothing was sent: whoever looks next may have it
            raise
        if delivery is None:
            return
        address = await self._webhooks.address(project, delivery, now)
        if address is None:
            await self._store.drop_delivery(project, delivery.id)
            return
        note = _note(delivery, now)
        letter = Letter(project, delivery.id, address.url, address.secrets, delivery.body, note, delivery.fault)
        if delivery.fault == "never":
            await self._poster.withhold(letter._replace(note="never sent: fault"))
            await self._store.drop_delivery(project, delivery.id)
            return
        outcome = await self._poster.post(letter)
        if outcome.is_delivered and delivery.fault == "duplicate":
            await self._poster.post(letter._replace(note=f"{note}, duplicate"))
        await self._tell(project, delivery, is_done=outcome.is_delivered or outcome.is_final)

    async def _tell(self, project: str, delivery: Delivery, *, is_done: bool) -> None:
        """Write down what came of an attempt: as long as the claim lasts, so that nobody makes it again."""
        until = wall() + _LEASE_S / 2
        while True:
            try:
                await self._webhooks.told(project, delivery, await self._core.now(project), is_delivered=is_done)
            except StoreError:
                if wall() >= until:
                    raise
                await outside_time(_AGAIN_S)
            else:
                return


def _note(delivery: Delivery, now: float) -> str:
    """Which attempt this is; the last one says so."""
    number = delivery.attempt + 1
    is_last = next_attempt(number, delivery.began_at if delivery.attempt else now, now) is None
    return f"attempt {number}{', the last' if is_last else ''}"
