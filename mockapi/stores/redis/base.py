"""What all parts of the Redis store share: names of keys, how scripts are run, and which projects there are."""

import re
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

from mockapi.clock import stopwatch, wall
from mockapi.stores.base import ALL_PROJECTS
from mockapi.stores.redis.link import Address, Command, Link
from mockapi.stores.redis.script import Script

__all__ = ["DAY_S", "EVICTIONS", "OUTBOXES", "PROJECTS", "Base", "decoded_name", "encoded_name", "encoded_project", "flat_sums"]

DAY_S = 86_400.0
_HOUR_S = 3_600.0
_MANY = 100

PROJECTS = "mockapi:projects"
"""The names of all projects but `*`, by when they were last used: as this process saw it, or another within the hour."""

OUTBOXES = "mockapi:outboxes"
"""The names of projects whose outbox may hold something, by when something came in."""

EVICTIONS = "mockapi:evictions"
"""Kind → how many of it went because there was no room, counted by all servers together."""

_NAMES = (
    *("known", "state", "response", "progress", "order", "item", "count", "counted", "prefix", "usage", "bucket", "buckets"),
    *("uses", "scenario", "fault", "journal", "sizes", "endpoint", "thread", "threads", "data", "place", "holder"),
    *("outbox", "mail", "queue", "claims", "sibling", "posted"),
)
"""All keys of a project: nothing has to be searched for when it is forgotten."""

_ESCAPED = re.compile(rb"\\[\\0]")

_TOUCH = Script("for i = 2, #ARGV do keep(ARGV[i]) end")
_KNOW = Script("call('SET', base .. 'known', 1)\nkeep('known')")


def encoded_name(name: str) -> bytes:
    """An id or a name as part of a key: without zeros, which part them there."""
    data = name.encode("utf-8", "surrogatepass")
    return data.replace(b"\\", b"\\\\").replace(b"\0", b"\\0") if b"\0" in data or b"\\" in data else data


def decoded_name(data: bytes) -> str:
    """What was encoded."""
    if b"\\" in data:
        data = _ESCAPED.sub(lambda found: b"\0" if found[0] == b"\\0" else b"\\", data)
    return data.decode("utf-8", "surrogatepass")


def flat_sums(amounts: Mapping[str, int]) -> list[bytes | int]:
    """Names and amounts, one behind the other."""
    return [part for name, amount in amounts.items() for part in (encoded_name(name), int(amount))]


class Base:
    """Runs commands and scripts, and keeps the list of projects right."""

    def __init__(
        self,
        url: str,
        max_responses: int = 100_000,
        max_projects: int = 10_000,
        max_entries: int = 1_000,
        retention_s: float = 30 * DAY_S,
    ) -> None:
        self._address = Address(url)
        self._max_responses = max_responses
        self._max_projects = max_projects
        self._max_entries = max_entries
        self._retention_s = int(retention_s)
        self._made: Link | None = None
        self._bases: dict[str, str] = {}
        self._touched: dict[str, float] = {}
        self._used: dict[bytes, float] = {}  # since the list of projects was last told

    @property
    def _link(self) -> Link:
        """The connections of this loop."""
        link = self._made
        if link is None or not link.is_here:
            link = self._made = Link(self._address)
        return link

    def _base(self, project: str) -> str:
        """What all keys of a project begin with; the braces keep them on one node of a cluster."""
        base = self._bases.get(project)
        if base is None:
            if len(self._bases) >= self._max_projects:
                self._bases.clear()
            tag = blake2b(project.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
            base = self._bases[project] = f"mockapi:{{{tag}}}:"
        return base

    def _key(self, project: str, name: str) -> str:
        return self._base(project) + name

    def _called(self, project: str, script: Script, *arguments: Any) -> Command:
        return "EVALSHA", script.sha, 1, self._base(project), self._retention_s, *arguments

    async def _read(self, project: str, script: Script, *arguments: Any) -> Any:
        """What a script that changes nothing says."""
        return await self._link.ask(*self._called(project, script, *arguments))

    async def _write(self, project: str, script: Script, *arguments: Any, then: Sequence[Command] = ()) -> Any:
        """What a script that changes something says; other commands may go with it, behind it."""
        result, _ = await self._write_and(project, script, *arguments, then=then)
        return result

    async def _write_and(self, project: str, script: Script, *arguments: Any, then: Sequence[Command]) -> tuple[Any, list[Any]]:
        """As `_write`, and what the other commands say."""
        (is_known, result), *told = await self._link.ask_all([self._called(project, script, *arguments), *then])
        if project != ALL_PROJECTS:
            self._used[encoded_project(project)] = wall()
        if not is_known:
            await self._enlist(project)
        elif stopwatch() - self._touched.get(project, -_HOUR_S) >= _HOUR_S:
            await self._touch(project)
        return result, told

    async def _enlist(self, project: str) -> None:
        """Put a project on the list; the one that was not used for the longest time goes when there are too many."""
        await self._touch(project)
        await self._link.ask(*self._called(project, _KNOW))
        everybodys = self._key(ALL_PROJECTS, "known")
        while sum(await self._link.ask_all([("ZCARD", PROJECTS), ("EXISTS", everybodys)])) > self._max_projects:
            oldest = await self._link.ask("ZRANGE", PROJECTS, 0, 0)
            for each in oldest:
                await self._link.ask("HINCRBY", EVICTIONS, "projects", 1)
                await self._forget(each.decode("utf-8", "surrogatepass"))

    async def _touch(self, project: str) -> None:
        """Somebody uses this project: once an hour all of its keys learn of it, and everybody's do too."""
        if len(self._touched) >= self._max_projects:
            self._touched.clear()
        self._touched[project] = stopwatch()
        now, used, self._used = wall(), self._used, {}
        commands: list[Command] = [self._called(each, _TOUCH, *_NAMES) for each in {project, ALL_PROJECTS}]
        commands.append(("ZREMRANGEBYSCORE", PROJECTS, "-inf", now - self._retention_s - 2 * _HOUR_S))
        if project != ALL_PROJECTS:
            commands.append(("ZADD", PROJECTS, now, encoded_project(project)))
            used.pop(encoded_project(project), None)
        if used:
            commands.append(("ZADD", PROJECTS, "XX", *(part for name, at in used.items() for part in (at, name))))
        await self._link.ask_all(commands)

    async def _projects(self) -> list[str]:
        """Every project that may have something, and `*`."""
        names = await self._link.ask("ZRANGE", PROJECTS, 0, -1)
        return [ALL_PROJECTS, *(name.decode("utf-8", "surrogatepass") for name in names)]

    async def _of_all(self, projects: Sequence[str], script: Script, *arguments: Any) -> list[Any]:
        """What a script says of each of these projects; a hundred at a time, so that nobody else waits for long."""
        told: list[Any] = []
        for at in range(0, len(projects), _MANY):
            told += await self._link.ask_all([self._called(each, script, *arguments) for each in projects[at : at + _MANY]])
        return told

    async def _forget(self, *projects: str) -> None:
        """Off the list first: who writes into a project that is not known puts it back."""
        commands: list[Command] = []
        for project in projects:
            name = encoded_project(project)
            commands += [("ZREM", PROJECTS, name), ("ZREM", OUTBOXES, name)]
            commands.append(("UNLINK", *(self._key(project, each) for each in _NAMES)))
        if commands:
            await self._link.ask_all(commands)


def encoded_project(project: str) -> bytes:
    """A project's name in a list of projects."""
    return project.encode("utf-8", "surrogatepass")
