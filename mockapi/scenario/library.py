"""Which scenarios there are: the server's own, from disk, and those that were uploaded."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from mockapi.scenario.load import Scenario, load_paths, load_text

__all__ = ["Library"]


@lru_cache(maxsize=1024)
def _compiled(name: str, text: str) -> Scenario:
    return load_text(text, name)


class Library:
    """The server's scenarios; uploaded ones are state, and given to it as texts."""

    def __init__(self, paths: Sequence[Path] = (), scenarios: Sequence[Scenario] | None = None) -> None:
        """Load the paths, unless scenarios are given; `ScenarioError` and `UsageError` as `load_paths`."""
        self._paths = tuple(paths)
        self.scenarios = load_paths(paths) if scenarios is None else tuple(scenarios)

    def compiled(self, name: str, text: str) -> Scenario:
        """An upload, compiled; kept, so that its next use costs nothing. `ScenarioError` with all its problems."""
        return _compiled(name, text)

    def reload(self) -> tuple[str, ...]:
        """Load the paths again; the names that changed, came or went. Raises, and keeps the last good ones, if one is broken."""
        before = {scenario.name: scenario for scenario in self.scenarios}
        self.scenarios = load_paths(self._paths) if self._paths else self.scenarios
        after = {scenario.name: scenario for scenario in self.scenarios}
        stays = {name for name in before.keys() & after.keys() if before[name].digest == after[name].digest}
        return tuple(sorted((before.keys() | after.keys()) - stays))

    def scenarios_for(self, own: Mapping[str, str], everybodys: Mapping[str, str]) -> tuple[Scenario, ...]:
        """What a project's requests are tried with: its own uploads, everybody's, then the server's, each by name."""
        if not own and not everybodys:
            return self.scenarios
        tried: dict[str, Scenario] = {}
        for uploads in (own, everybodys):
            for name in sorted(uploads):
                tried.setdefault(name, _compiled(name, uploads[name]))
        for scenario in self.scenarios:
            tried.setdefault(scenario.name, scenario)
        return tuple(tried.values())
