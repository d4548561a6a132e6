"""What was uploaded and switched on, and how far clocks were moved, in Redis. Texts travel only when they have changed."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mockapi.stores.base import ALL_PROJECTS, Standing, uses_of_fault
from mockapi.stores.redis.base import Base, decoded_name, encoded_name
from mockapi.stores.redis.counts import ORDINAL
from mockapi.stores.redis.link import Command
from mockapi.stores.redis.script import Script

__all__ = ["Texts"]

# scenario, fault: name → number in 16 digits by which they are in order, text. state: under these names a token that no
# other state of the texts ever had, and the offset of the clock as 17 digits.

_PUT = Script(
    r"""
local kind, name = ARGV[2], ARGV[3]
local kept = call('HGET', base .. kind, name)
local place = kept and string.sub(kept, 1, 16)
if not place or ARGV[6] ~= '' then place = string.format('%016d', number()) end
if kept and ARGV[6] ~= '' then call('HDEL', base .. 'uses', ARGV[6]) end
call('HSET', base .. kind, name, place .. ARGV[4])
call('HSET', base .. 'state', kind, ARGV[5])
keep(kind, 'state')
return done(0)
"""
)

_DROP = Script(
    r"""
local kind, name = ARGV[2], ARGV[3]
if call('HDEL', base .. kind, name) == 0 then return done(0) end
call('HDEL', base .. 'uses', ARGV[4])
call('HSET', base .. 'state', kind, ARGV[5])
keep('state')
return done(1)
"""
)

_SINCE = r"""
-- The token of the texts, and the texts if it is another than that one.
local function since(kind, known)
  local token = call('HGET', base .. 'state', kind) or ''
  return token, token ~= known and call('HGETALL', base .. kind)
end
"""

_GET = Script(_SINCE, "return {since(ARGV[2], ARGV[3])}")

_STANDING = Script(
    _SINCE,
    r"""
local scenario_token, scenarios = since('scenario', ARGV[2])
local fault_token, faults = since('fault', ARGV[3])
return {call('HGET', base .. 'state', 'offset') or '0', scenario_token, scenarios, fault_token, faults}
""",
)

_MOVE = Script(
    r"""
local offset = tonumber(call('HGET', base .. 'state', 'offset') or '0') + tonumber(ARGV[2])
call('HSET', base .. 'state', 'offset', string.format('%.17g', offset))
keep('state')
return done(0)
"""
)


class _Known(NamedTuple):
    """Texts as they were when they had this token."""

    token: bytes = b""
    texts: Mapping[str, str] = {}


_NOTHING = _Known()


class Texts(Base):
    """The part of the store about uploads, faults and clocks."""

    _known: dict[tuple[str, str], _Known]

    async def put_scenario(self, project: str, name: str, text: str) -> None:
        """See `Store`."""
        own = encoded_name(name)
        await self._write(project, _PUT, "scenario", own, _text(text), uuid.uuid4().bytes, own)

    async def drop_scenario(self, project: str, name: str) -> bool:
        """See `Store`."""
        own = encoded_name(name)
        return bool(await self._write(project, _DROP, "scenario", own, own, uuid.uuid4().bytes))

    async def get_scenarios(self, project: str) -> Mapping[str, str]:
        """See `Store`."""
        return (await self._texts("scenario", project))[0]

    async def put_fault(self, project: str, name: str, text: str) -> None:
        """See `Store`."""
        uses = encoded_name(uses_of_fault(name))
        await self._write(project, _PUT, "fault", encoded_name(name), _text(text), uuid.uuid4().bytes, uses)

    async def drop_fault(self, project: str, name: str) -> bool:
        """See `Store`."""
        uses = encoded_name(uses_of_fault(name))
        return bool(await self._write(project, _DROP, "fault", encoded_name(name), uses, uuid.uuid4().bytes))

    async def get_faults(self, project: str) -> Mapping[str, str]:
        """See `Store`."""
        return (await self._texts("fault", project))[0]

    async def move_clock(self, project: str, seconds: float) -> None:
        """See `Store`."""
        await self._write(project, _MOVE, repr(float(seconds)))

    async def get_offset(self, project: str) -> float:
        """See `Store`."""
        return _sum(await self._link.ask_all(self._offsets(project)))

    def _offsets(self, project: str) -> list[Command]:
        projects = (project,) if project == ALL_PROJECTS else (project, ALL_PROJECTS)
        return [("HGET", self._key(each, "state"), "offset") for each in projects]

    async def scenarios_for(self, project: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """See `Store`; in one round trip."""
        own, everybodys = await self._texts("scenario", project, ALL_PROJECTS)
        return own, everybodys

    async def faults_for(self, project: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """See `Store`; in one round trip."""
        own, everybodys = await self._texts("fault", project, ALL_PROJECTS)
        return own, everybodys

    async def take_call(self, project: str, key: bytes) -> Standing:
        """See `Store`; in one round trip."""
        asked = [(each, self._of(each, "scenario"), self._of(each, "fault")) for each in (project, ALL_PROJECTS)]
        calls = [self._called(each, _STANDING, scenarios.token, faults.token) for each, scenarios, faults in asked]
        ordinal, told = await self._write_and(project, ORDINAL, key, self._max_responses, then=calls)
        found: list[Mapping[str, str]] = []
        for (each, scenarios, faults), (_, scenario_token, scenario_flat, fault_token, fault_flat) in zip(
            asked, told, strict=True
        ):
            found.append(self._newest(each, "scenario", scenarios, scenario_token, scenario_flat))
            found.append(self._newest(each, "fault", faults, fault_token, fault_flat))
        (offset, *_), (everybodys, *_) = told
        moved = float(offset) if project == ALL_PROJECTS else float(offset) + float(everybodys)
        return Standing(int(ordinal), found[0], found[2], found[1], found[3], moved)

    async def _texts(self, kind: str, *projects: str) -> list[Mapping[str, str]]:
        known = [self._of(project, kind) for project in projects]
        calls = [self._called(project, _GET, kind, each.token) for project, each in zip(projects, known, strict=True)]
        found: list[Mapping[str, str]] = []
        for project, each, (token, flat) in zip(projects, known, await self._link.ask_all(calls), strict=True):
            found.append(self._newest(project, kind, each, token, flat))
        return found

    def _of(self, project: str, kind: str) -> _Known:
        return self._known.get((project, kind), _NOTHING)

    def _newest(self, project: str, kind: str, known: _Known, token: bytes, flat: Sequence[bytes] | None) -> Mapping[str, str]:
        """What Redis told, or what was known when it was asked, if that still holds."""
        return known.texts if flat is None else self._learnt(project, kind, token, flat)

    def _learnt(self, project: str, kind: str, token: bytes, flat: Sequence[bytes]) -> Mapping[str, str]:
        if len(self._known) >= self._max_projects:
            self._known.clear()
        pairs = sorted(zip(flat[1::2], flat[::2], strict=True))
        texts = {decoded_name(name): text[16:].decode("utf-8", "surrogatepass") for text, name in pairs}
        self._known[project, kind] = _Known(token, texts)
        return texts


def _sum(offsets: Sequence[Any]) -> float:
    return sum([float(each or 0.0) for each in offsets], 0.0)


def _text(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
