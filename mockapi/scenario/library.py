"""Which scenarios there are: the server's own, from disk, and those that were uploaded."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar

from mockapi.errors import ScenarioError, StoreError
from mockapi.scenario.load import CREATE, Scenario, load_paths, load_text
from mockapi.scenario.tried import Shelf, Tried

__all__ = ["Library"]


_Upload = tuple[str, str]
"""Its name and its text, of which everything else follows."""

_T = TypeVar("_T")
_MOST = 1_024
_MOST_TEXT = 32_000_000  # characters; what is made of them takes some times as much


class _Recent(Generic[_T]):
    """What was made of uploads last; bounded by their number and their length, but for the newest."""

    def __init__(self, make: Callable[[Sequence[_Upload]], _T]) -> None:
        self._make = make
        self._made: dict[tuple[_Upload, ...], _T] = {}
        self._length = 0
        self._lock = Lock()  # uploads are compiled in threads

    def of(self, *uploads: _Upload) -> _T:
        """Made now, or before."""
        with self._lock:
            found = self._made.pop(uploads, None)
            if found is not None:
                self._made[uploads] = found  # the newest
                return found
        made = self._make(uploads)
        with self._lock:
            if uploads not in self._made:
                self._made[uploads] = made
                self._length += _length_of(uploads)
            while len(self._made) > 1 and (len(self._made) > _MOST or self._length > _MOST_TEXT):
                oldest = next(iter(self._made))
                del self._made[oldest]
                self._length -= _length_of(oldest)
        return made


def _length_of(uploads: Sequence[_Upload]) -> int:
    return sum(len(text) for _, text in uploads)


def _shelf_of(uploads: Sequence[_Upload]) -> Shelf:
    shelf = Shelf([load_text(text, name) for name, text in uploads])
    shelf.prepared(CREATE)
    return shelf


_shelves = _Recent(_shelf_of)


class Library:
    """The server's scenarios; uploaded ones are state, and given to it as texts."""

    def __init__(self, paths: Sequence[Path] = (), scenarios: Sequence[Scenario] | None = None) -> None:
        """Load the paths, unless scenarios are given; `ScenarioError` and `UsageError` as `load_paths`."""
        self._paths = tuple(paths)
        self._take(load_paths(paths) if scenarios is None else scenarios)

    def _take(self, scenarios: Sequence[Scenario]) -> None:
        shelf = Shelf(scenarios)
        shelf.prepared(CREATE)

        self._layered = _Recent(lambda uploads: Tried([*(_shelves.of(each) for each in uploads), shelf]))
        self._scenarios = Tried([shelf])

    @property
    def scenarios(self) -> Tried:
        """The server's own."""
        return self._scenarios

    def compiled(self, name: str, text: str) -> Scenario:
        """An upload, compiled; kept, so that its next use costs nothing. `ScenarioError` with all its problems."""
        return _shelves.of((name, text)).scenarios[0]

    def reload(self) -> tuple[str, ...]:
        """Load the paths again; the names that changed, came or went. Raises, and keeps the last good ones, if one is broken."""
        before = {scenario.name: scenario for scenario in self.scenarios}
        if self._paths:
            self._take(load_paths(self._paths))
        after = {scenario.name: scenario for scenario in self.scenarios}
        stays = {name for name in before.keys() & after.keys() if before[name].digest == after[name].digest}
        return tuple(sorted((before.keys() | after.keys()) - stays))

    def scenarios_for(self, own: Mapping[str, str], everybodys: Mapping[str, str]) -> Tried:
        """What a project's requests are tried with: its own uploads, everybody's, then the server's, each by name.

        `StoreError` for an upload that this release cannot use: another one took it.
        """
        if not own and not everybodys:
            return self._scenarios
        try:
            return self._layered.of(*sorted(own.items()), *sorted(everybodys.items()))
        except ScenarioError as error:
            raise StoreError(f"An uploaded scenario in the store cannot be used by this release of mockapi: {error}") from None
