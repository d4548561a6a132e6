"""Which scenarios there are: the server's own, from disk, and those that were uploaded."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from mockapi.scenario.load import CREATE, Scenario, load_paths, load_text
from mockapi.scenario.tried import Shelf, Tried

__all__ = ["Library"]


@lru_cache(maxsize=1024)
def _compiled(name: str, text: str) -> Scenario:
    return load_text(text, name)


@lru_cache(maxsize=1024)
def _shelf(name: str, text: str) -> Shelf:
    shelf = Shelf([_compiled(name, text)])
    shelf.prepared(CREATE)
    return shelf


class Library:
    """The server's scenarios; uploaded ones are state, and given to it as texts."""

    def __init__(self, paths: Sequence[Path] = (), scenarios: Sequence[Scenario] | None = None) -> None:
        """Load the paths, unless scenarios are given; `ScenarioError` and `UsageError` as `load_paths`."""
        self._paths = tuple(paths)
        self._take(load_paths(paths) if scenarios is None else scenarios)

    def _take(self, scenarios: Sequence[Scenario]) -> None:
        shelf = Shelf(scenarios)
        shelf.prepared(CREATE)

        @lru_cache(maxsize=1024)
        def layered(*uploads: tuple[str, str]) -> Tried:
            return Tried([*(_shelf(*upload) for upload in uploads), shelf])

        self._layered = layered
        self._scenarios = Tried([shelf])

    @property
    def scenarios(self) -> Tried:
        """The server's own."""
        return self._scenarios

    def compiled(self, name: str, text: str) -> Scenario:
        """An upload, compiled; kept, so that its next use costs nothing. `ScenarioError` with all its problems."""
        _compiled(name, text)
        return _shelf(name, text).scenarios[0]

    def reload(self) -> tuple[str, ...]:
        """Load the paths again; the names that changed, came or went. Raises, and keeps the last good ones, if one is broken."""
        before = {scenario.name: scenario for scenario in self.scenarios}
        if self._paths:
            self._take(load_paths(self._paths))
        after = {scenario.name: scenario for scenario in self.scenarios}
        stays = {name for name in before.keys() & after.keys() if before[name].digest == after[name].digest}
        return tuple(sorted((before.keys() | after.keys()) - stays))

    def scenarios_for(self, own: Mapping[str, str], everybodys: Mapping[str, str]) -> Tried:
        """What a project's requests are tried with: its own uploads, everybody's, then the server's, each by name."""
        if not own and not everybodys:
            return self._scenarios
        return self._layered(*sorted(own.items()), *sorted(everybodys.items()))
