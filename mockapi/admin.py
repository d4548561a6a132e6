"""The use cases of the admin API: what a test may see and change of a project."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from mockapi.clock import LATEST
from mockapi.engine.plan import Plan
from mockapi.engine.timeline import Timeline
from mockapi.errors import MockError, ScenarioError, StoreError, UsageError
from mockapi.prices import NO_PRICES, Prices, cost_of
from mockapi.scenario.units import parse_duration
from mockapi.service.core import Core
from mockapi.service.faults import Faults
from mockapi.service.metrics import united
from mockapi.service.runs import Runs
from mockapi.service.usage import shown_sums, split_key
from mockapi.stores.base import ALL_PROJECTS, SCENARIO_FILES
from mockapi.stores.records import Entry
from mockapi.wire.json import JsonObject, loads

__all__ = ["Admin"]

_MOST_UPLOADS = 1_000  # of a project
_MOST_UPLOADED = 16_000_000  # characters, and at most so many of each MB of `--max-memory`:
_OF_EACH_MB = 500_000
_MOST_LISTED_BYTES = 4_194_304  # of calls in one listing: a larger one would hold up everybody's requests


class Admin:
    """Looks at and changes the state of projects; `*` is all of them."""

    def __init__(self, core: Core, prices: Prices = NO_PRICES) -> None:
        self.settings = core.settings
        self.store = core.store
        self.library = core.library
        self._core = core
        self._prices = prices
        self._runs = Runs(core)
        self.faults = Faults(core)
        self._others: Callable[[], Awaitable[Sequence[str]]] | None = None

    def work_beside(self, number: int, others: Callable[[], Awaitable[Sequence[str]]]) -> None:
        """Be a worker of this number; `others` asks the rest for their metrics."""
        self._core.metrics.worker, self._others = number, others

    async def is_ready(self) -> bool:
        """Whether requests can be answered."""
        return await self.store.is_ready()

    async def evictions(self) -> Mapping[str, int]:
        """What was forgotten for want of room, by kind."""
        return await self.store.get_evictions()

    async def metrics(self) -> str:
        """What was counted, by all workers, in Prometheus' words."""
        if self._others is None:
            return await self.own_metrics()
        return united([await self.own_metrics(), *await self._others()])

    async def own_metrics(self) -> str:
        """What this worker counted; a store that does not answer now has forgotten nothing."""
        try:
            evictions, held = await self.evictions(), await self.store.get_size()
        except StoreError:
            evictions, held = {}, 0
        return self._core.metrics.text(evictions, held, are_common=self.store.has_common_evictions)

    async def scenarios(self, project: str) -> list[JsonObject]:
        """The scenarios a project's requests are tried with, with the uses of their counted steps."""
        everybodys = await self.store.get_scenarios(ALL_PROJECTS)
        own = await self.store.get_scenarios(project) if project != ALL_PROJECTS else {}
        listed: list[JsonObject] = []
        for scenario in self.library.scenarios_for(own, everybodys):
            hits = await self.store.step_uses(project, scenario.name)
            written = sorted({step.index: step for step in (*scenario.steps, *scenario.others)}.items())
            steps = [{"name": step.name, "line": step.line, "hits": hits.get(index, 0)} for index, step in written]
            place = "project" if scenario.name in own else "all" if scenario.name in everybodys else "server"
            listed.append({"name": scenario.name, "about": scenario.about, "from": place, "file": scenario.file, "steps": steps})
        return listed

    async def put_scenario(self, project: str, name: str, text: str) -> None:
        """Keep an uploaded scenario; `MockError` 400 with every problem if it is invalid, and nothing has changed."""
        try:
            scenario = await asyncio.to_thread(self.library.compiled, name, text)  # megabytes take a second
        except ScenarioError as error:
            raise MockError(str(error), status=400, code="mock_invalid_scenario") from None
        if scenario.name != name:
            message = f"The file calls itself '{scenario.name}', the URL '{name}': they must agree."
            raise MockError(message, status=400, code="mock_invalid_scenario")
        await self._check_room(project, name, text)
        if project == ALL_PROJECTS:
            await self.store.forget_uses(name)
        await self.store.put_scenario(project, name, text)

    async def _check_room(self, project: str, name: str, text: str) -> None:
        """`MockError` 400 if a project would have more uploads than it may: they go for no others, every call reads them."""
        others = {each: known for each, known in (await self.store.get_scenarios(project)).items() if each != name}
        if len(others) >= _MOST_UPLOADS:
            message = f"There are {_MOST_UPLOADS:,} uploaded scenarios already: DELETE some, or POST /_mock/reset."
            raise MockError(message, status=400, code="mock_too_many_scenarios")
        room = min(_MOST_UPLOADED, self.settings.max_memory * _OF_EACH_MB)
        if sum(map(len, others.values())) + len(text) > room:
            most = f"Uploaded scenarios have {room:,} characters together at most"
            message = f"{most}: DELETE some, or let the server read files."
            raise MockError(message, status=400, code="mock_too_many_scenarios")

    async def get_scenario(self, project: str, name: str) -> str:
        """The text of a scenario: an upload of this project or of all, else the server's file as it stands on the disk."""
        for owner in (project, ALL_PROJECTS):
            text = (await self.store.get_scenarios(owner)).get(name)
            if text is not None:
                return text
        file = next((scenario.file for scenario in self.library.scenarios if scenario.name == name), None)
        try:
            if file is not None:
                return await asyncio.to_thread(Path(file).read_text, "utf-8")
        except OSError:
            raise MockError(f"The file of '{name}', {file}, is gone.", status=404, code="mock_unknown_scenario") from None
        raise MockError(f"There is no scenario '{name}'.", status=404, code="mock_unknown_scenario")

    async def drop_scenario(self, project: str, name: str) -> None:
        """Forget an uploaded scenario."""
        if not await self.store.drop_scenario(project, name):
            raise _no_upload(name)

    async def reload(self) -> tuple[str, ...]:
        """Read the server's files again; progress in scenarios that changed starts anew."""
        try:
            changed = self.library.reload()
        except (ScenarioError, UsageError) as error:
            message = f"The last good scenarios stay in use:\n{error}"
            raise MockError(message, status=400, code="mock_invalid_scenario") from None
        for name in changed:
            await self.store.forget_uses(name)
        await self._core.tell(SCENARIO_FILES)
        return changed

    async def journal(
        self,
        project: str,
        *,
        operation: str | None = None,
        scenario: str | None = None,
        is_unmatched: bool | None = None,
        is_legacy: bool | None = None,
        after: str | None = None,
        limit: int = 100,
    ) -> tuple[list[JsonObject], bool]:
        """(calls that fit, oldest first; whether there are more)."""
        entries = list(await self._core.entries(project))
        if after is not None:
            known = [entry.id for entry in entries]
            if after not in known:
                raise _no_entry(after)
            entries = entries[known.index(after) + 1 :]
        fitting = [
            entry
            for entry in entries
            if (operation is None or entry.operation == operation)
            and (scenario is None or entry.scenario == scenario)
            and (is_unmatched is None or entry.is_unmatched == is_unmatched)
            and (is_legacy is None or entry.is_legacy == is_legacy)
        ]
        shown: list[JsonObject] = []
        size = 0
        for entry in fitting[:limit]:
            size += entry.size
            if shown and size > _MOST_LISTED_BYTES:
                break
            shown.append(_shown(entry))
        return shown, len(fitting) > len(shown)

    async def journal_entry(self, project: str, entry_id: str) -> JsonObject:
        """One call."""
        for entry in await self._core.entries(project):
            if entry.id == entry_id:
                return _shown(entry)
        raise _no_entry(entry_id)

    async def verdict(self, project: str) -> JsonObject:
        """How the client of this project behaved under the faults that it met; of `*` every client, each by itself."""
        entries = await self._core.entries(project)
        forgotten = await self.store.forgotten_entries(project)
        from mockapi.verdict import judge  # noqa: PLC0415 - start-up time of servers that nobody asks for one

        return (await asyncio.to_thread(judge, entries, forgotten)).shown

    async def usage(self, project: str) -> JsonObject:
        """Tokens, tool calls and cost by day of the clock and model, oldest first, and all together."""
        by_place: dict[tuple[int, str], dict[str, int]] = {}
        for name, amount in (await self.store.get_usage(project)).items():
            day, model, what = split_key(name)
            by_place.setdefault((day, model), {})[what] = amount
        rows: list[JsonObject] = []
        for (day, model), sums in sorted(by_place.items()):
            moment = datetime.fromtimestamp(day * 86_400, UTC).date().isoformat()
            rows.append({"day": moment, "model": model, **shown_sums(sums), "cost": cost_of(sums, model, self._prices)})
        return {"data": rows, "total": {**shown_sums(*by_place.values()), "cost": _total([row["cost"] for row in rows])}}

    async def now(self, project: str) -> float:
        """The project's time."""
        return await self._core.now(project)

    async def move_clock(self, project: str, body: Mapping[str, object]) -> float:
        """Move a clock forward by `advance` or to `set`; the new time. `MockError` 400 for anything else."""
        now = await self.now(project)
        seconds = _wanted_seconds(body, now)
        if seconds < 0:
            raise MockError("A clock moves forward only; reset takes it back.", status=400, code="mock_clock")
        if now + seconds > LATEST:
            raise MockError("No clock is moved beyond the year 9998.", status=400, code="mock_clock")
        await self._core.move_clock(project, seconds)
        return now + seconds

    async def advance(self, project: str, response_id: str) -> bytes:
        """Move a `manual` background run of this project on; its body then."""
        if project == ALL_PROJECTS:
            raise MockError("A response belongs to one project.", status=400, code="mock_invalid_query")
        return await self._runs.advance(project, response_id)

    async def clear_journal(self, project: str) -> None:
        """Forget the journal, of `*` everybody's, with the calls that were answered just now."""
        await self._core.entering.wait()
        await self.store.clear_entries(project)

    async def reset(self, project: str) -> None:
        """Forget everything of one project, or of all."""
        await self._core.entering.wait()
        await (self.store.forget_all() if project == ALL_PROJECTS else self.store.forget(project))
        await self._core.look_again(project)


def _total(costs: Sequence[object]) -> dict[str, float | None]:
    """Costs by kind together; null where any of them is not known."""
    rows = [cost for cost in costs if isinstance(cost, dict)] or [cost_of({}, "", NO_PRICES)]
    return {kind: None if None in (one := [row[kind] for row in rows]) else round(sum(one), 9) for kind in rows[0]}


def _no_upload(name: str) -> MockError:
    return MockError(f"There is no uploaded scenario '{name}'.", status=404, code="mock_unknown_scenario")


def _no_entry(entry_id: str) -> MockError:
    return MockError(f"There is no call '{entry_id}' in the journal.", status=404, code="mock_unknown_request")


def _wanted_seconds(body: Mapping[str, object], now: float) -> float:
    usage = 'Send {"advance": "10m"} or {"set": "2026-02-01T00:00:00Z"}.'
    if len(body) != 1:
        raise MockError(usage, status=400, code="mock_clock")
    try:
        if "advance" in body:
            return parse_duration(body["advance"])
        moment = datetime.fromisoformat(str(body["set"]))
        if moment.tzinfo is None:
            raise ValueError("the time needs a zone, like Z")
        return moment.timestamp() - now
    except KeyError:
        raise MockError(usage, status=400, code="mock_clock") from None
    except (ValueError, OverflowError) as error:
        reason = str(error)
        raise MockError(f"{reason[:1].upper()}{reason[1:]}. {usage}", status=400, code="mock_clock") from None


def _shown(entry: Entry) -> JsonObject:
    """A call as the journal's readers see it; bodies that are JSON as data."""
    shown: JsonObject = {
        "id": entry.id,
        "at": entry.at,
        "took_ms": round(entry.took_ms, 3),
        "operation": entry.operation,
        "method": entry.method,
        "path": entry.path,
        "query": entry.query,
        "headers": dict(entry.headers),
        "request": _data(entry.request),
        "status": entry.status,
        "scenario": entry.scenario or None,
        "step": entry.step or None,
        "unmatched": entry.is_unmatched,
        "fault": entry.fault or None,
        "note": entry.note or None,
    }
    timeline = Timeline(Plan.of(entry.plan)) if entry.plan else None
    if timeline is not None:
        shown["response_id"] = timeline.response_id  # also where its client never learnt it
    if timeline is not None and entry.is_stream:
        shown["events"] = [loads(event.data) for event in timeline.events()]
    elif timeline is None:
        shown["response"] = _data(entry.response)
    else:
        shown["response"] = None if entry.is_cut else _data(timeline.answer)
    return shown


def _data(body: bytes) -> object:
    if not body:
        return None
    try:
        return loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")
