"""The store in Redis: what its parts do, and what is about all projects, the connection and the news."""

from collections.abc import Mapping, Sequence

from mockapi.clock import outside_time, stopwatch
from mockapi.errors import StoreError, UsageError
from mockapi.stores.base import Store
from mockapi.stores.codec import FORMAT
from mockapi.stores.redis.base import DAY_S, EVICTIONS
from mockapi.stores.redis.counts import Counts
from mockapi.stores.redis.journal import Journal
from mockapi.stores.redis.link import FORMAT_KEY, RefusedError
from mockapi.stores.redis.news import News
from mockapi.stores.redis.outbox import Outbox
from mockapi.stores.redis.responses import Responses
from mockapi.stores.redis.texts import Texts
from mockapi.stores.redis.threads import Threads

__all__ = ["RedisStore"]

_START_S = 3.0


class RedisStore(Responses, Threads, Counts, Texts, Journal, Outbox, Store):
    """As the memory store, for any number of processes and machines; what nobody used for `retention_s` is forgotten.

    At most `max_responses` responses, conversations, content counters and buckets a project, and `max_projects` projects: the
    oldest go first. It works in the loop that it is used in; in another one it connects anew.
    """

    has_common_evictions = True

    def __init__(
        self,
        url: str,
        max_responses: int = 100_000,
        max_projects: int = 10_000,
        max_entries: int = 1_000,
        retention_s: float = 30 * DAY_S,
    ) -> None:
        super().__init__(url, max_responses, max_projects, max_entries, retention_s)
        self._known = {}
        self._news = News(self._address, self._on_cut)

    def _on_cut(self) -> None:
        if self._made is not None and self._made.is_here:
            self._made.forsake_idle()

    async def forget(self, project: str) -> None:
        """See `Store`."""
        await self._forget(project)

    async def forget_all(self) -> None:
        """See `Store`."""
        await self._forget(*await self._projects())

    async def get_evictions(self) -> Mapping[str, int]:
        """See `Store`; of all servers of this Redis together, since the first of them began."""
        told = await self._link.ask("HGETALL", EVICTIONS)
        return {kind.decode(): int(many) for kind, many in zip(told[::2], told[1::2], strict=True)}

    async def is_ready(self) -> bool:
        """See `Store`."""
        try:
            await self._link.ask("SETNX", FORMAT_KEY, FORMAT)  # one that is full, or a replica, answers a PING
        except StoreError:
            return False
        return True

    async def tell(self, topic: str) -> None:
        """See `Store`."""
        await self._link.ask("PUBLISH", self._news.channel, self._news.message(topic))

    async def heard(self) -> Sequence[str]:
        """Waits, and connects again after a break, as long as it takes; then `*`, since news may be lost."""
        topic = await self._news.next()
        return (topic,)

    async def open(self) -> None:
        """See `Store`. A Redis that is just starting is given a few seconds."""
        until = stopwatch() + _START_S
        while True:
            try:
                await self._news.listen()
                await self._link.ask("PING")
            except RefusedError as error:
                raise UsageError(f"--store: {error.message}") from None
            except StoreError as error:
                await self._news.close()
                if stopwatch() > until:
                    raise UsageError(f"--store: {error.message}") from None
                await outside_time(0.2)
            else:
                return

    async def close(self) -> None:
        """See `Store`."""
        await self._news.close()
        if self._made is not None and self._made.is_here:
            await self._made.close()
        self._made = None
