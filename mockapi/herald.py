"""The herald: hears what other servers on the same store have changed, and lets those here look again who wait for it."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mockapi.clock import outside_time
from mockapi.errors import ScenarioError, StoreError, UsageError
from mockapi.seldom import Seldom
from mockapi.service.core import Core
from mockapi.stores.base import ALL_PROJECTS, SCENARIO_FILES

__all__ = ["Herald"]

log = logging.getLogger("mockapi")

_AGAIN_S = 1.0


class Herald:
    """One task a server."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._complaints = Seldom()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Hear as long as this lasts, whatever becomes of the store meanwhile."""
        task = asyncio.ensure_future(self._run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                topics = await self._core.store.heard()
            except StoreError as error:
                self._complaints.warn("other servers are not heard: %s", error)
                await outside_time(_AGAIN_S)
                topics = (ALL_PROJECTS,)  # who knows what was missed
            except Exception:  # must not end all hearing
                log.exception("hearing other servers failed inside the mock: please report this")
                await outside_time(_AGAIN_S)
                topics = (ALL_PROJECTS,)
            for topic in topics:
                self.pass_on(topic)

    def pass_on(self, topic: str) -> None:
        """Do what another server's news ask for; nobody is told again."""
        if topic == SCENARIO_FILES:
            self._reload()
        else:
            self._core.clock.wake(topic)
            self._core.outbox_changed.set()

    def _reload(self) -> None:
        try:
            changed = self._core.library.reload()
        except (ScenarioError, UsageError) as error:
            log.warning("scenarios were not reloaded: %s", error)
        else:
            log.info("scenarios reloaded as another server did, changed: %s", ", ".join(changed) or "none")
