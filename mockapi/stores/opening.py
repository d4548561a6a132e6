"""From the name of a store to the store: the one place that knows them all. A backend is imported when it is asked for."""

import re

from mockapi.errors import UsageError
from mockapi.settings import Settings
from mockapi.stores.base import Store

__all__ = ["make_store"]


_SQLITE = re.compile(r"sqlite:///(?P<file>.+)")


def make_store(settings: Settings) -> Store:
    """The store that the settings name, not opened yet; `UsageError` if there is none of that name."""
    url = settings.store
    if url == "memory" and settings.workers > 1:
        raise UsageError("--workers needs a store that they can share: --store sqlite:///FILE or redis://HOST:PORT/DB")
    if url == "memory":
        from mockapi.stores.memory import MemoryStore

        most_bytes = settings.max_memory * 1_000_000
        return MemoryStore(settings.max_responses, max_entries=settings.journal, max_bytes=most_bytes)
    if found := _SQLITE.fullmatch(url):
        if found["file"] == ":memory:" or "?" in found["file"]:
            raise UsageError(
                f"--store {url!r}: behind sqlite:/// stands the name of a file, without options; memory is --store memory"
            )
        from mockapi.stores.sqlite import SqliteStore

        return SqliteStore(found["file"], settings.max_responses, max_entries=settings.journal)
    if url.startswith(("redis://", "rediss://")):
        try:
            from mockapi.stores.redis import RedisStore
        except ImportError:
            raise UsageError("--store: Redis needs an extra: pip install 'mockapi[redis]'") from None
        return RedisStore(url, settings.max_responses, max_entries=settings.journal)
    raise UsageError(f"--store {url!r}: a store is memory, sqlite:///FILE or redis://HOST:PORT/DB")
