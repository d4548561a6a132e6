"""The backends that the contract of the store protocol is run against; another is one more entry of BACKENDS."""

import asyncio
import atexit
import pickle
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mockapi.stores.base import Store
from mockapi.stores.memory import MemoryStore
from mockapi.stores.sqlite import SqliteStore

from .redis_server import database

__all__ = ["BACKENDS", "Backend", "backend", "run", "store"]

_LOOP = asyncio.new_event_loop()
atexit.register(_LOOP.close)


def run(*steps):
    """What coroutines return, one after the other, all of a process in one loop."""

    async def each():
        return [await step for step in steps]

    return _LOOP.run_until_complete(each())


@dataclass
class Backend:
    """An empty place where state is kept."""

    name: str
    url: str
    """What `--store` calls it."""

    open: Callable[..., Store]
    """A store on it, with the bounds `max_responses`, `max_projects`, `max_entries`; of several each sees what the others do."""

    opened: list[Store] = field(default_factory=list)

    @property
    def is_shared(self) -> bool:
        """Whether it outlives the process."""
        return self.url != "memory"

    def make(self, **bounds) -> Store:
        """A store that is closed when the test is over."""
        made = self.open(**bounds)
        self.opened.append(made)
        run(made.open())
        return made

    async def other(self, store: Store) -> Store:
        """What another process sees of the same state; of memory what it would see if it had been written out."""
        if not self.is_shared:
            return pickle.loads(pickle.dumps(store))
        self.opened.append(self.open())
        await self.opened[-1].open()
        return self.opened[-1]

    def close(self) -> None:
        run(*(each.close() for each in self.opened))


@contextmanager
def _memory(folder: Path) -> Iterator[Backend]:
    yield Backend("memory", "memory", MemoryStore)


@contextmanager
def _redis(folder: Path) -> Iterator[Backend]:
    from mockapi.stores.redis import RedisStore

    with database() as url:
        yield Backend("redis", url, lambda **bounds: RedisStore(url, **bounds))


@contextmanager
def _sqlite(folder: Path) -> Iterator[Backend]:
    file = folder / "store.db"
    yield Backend("sqlite", f"sqlite:///{file}", lambda **bounds: SqliteStore(str(file), **bounds))


BACKENDS: dict[str, Callable[[Path], AbstractContextManager[Backend]]] = {"memory": _memory, "sqlite": _sqlite, "redis": _redis}
"""By name: given an empty folder, a context manager of the backend."""


@pytest.fixture(params=sorted(BACKENDS))
def backend(request, tmp_path):
    """Each backend in turn."""
    with BACKENDS[request.param](tmp_path) as made:
        yield made
        made.close()


@pytest.fixture
def store(backend):
    """An empty store of each backend in turn."""
    return backend.make()
