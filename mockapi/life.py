"""What goes on in a server beside its requests: its store is open, webhooks go out, the news of other servers are heard."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mockapi.courier import Courier
from mockapi.herald import Herald
from mockapi.service.core import Core
from mockapi.stores.base import SCENARIO_FILES

__all__ = ["Life"]


class Life:
    """The life of one server, from the opening of its store to its closing."""

    def __init__(self, core: Core) -> None:
        self._store = core.store
        self._courier = Courier(core)
        self._herald = Herald(core)
        self._is_open = False

    async def begin(self) -> None:
        """Open the store, once; `UsageError` if it cannot be used at all."""
        if not self._is_open:
            await self._store.open()
            self._is_open = True

    async def rehearse(self) -> None:
        """See whether the store can be opened, and leave no trace of that in this process: others are forked of it."""
        await self._store.open()
        await self._store.close()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """ASGI's lifespan."""
        await self.begin()
        try:
            async with self._herald.running(), self._courier.running():
                yield
        finally:
            self._is_open = False
            await self._store.close()

    def catch_up(self) -> None:
        """Load the scenario files that other servers have read since they were read here; nobody is told."""
        self._herald.pass_on(SCENARIO_FILES)
