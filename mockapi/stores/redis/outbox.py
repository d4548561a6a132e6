"""The outbox in Redis: one queue a project, sorted by URL and by when each is due; what is claimed stands in none."""

import struct
from collections.abc import Sequence
from typing import Any

from mockapi.clock import wall
from mockapi.stores.base import ALL_PROJECTS
from mockapi.stores.codec import delivery_from, delivery_to
from mockapi.stores.records import Delivery, Target
from mockapi.stores.redis.base import OUTBOXES, Base, decoded_name, encoded_name, encoded_project
from mockapi.stores.redis.script import Script

__all__ = ["Outbox"]

# outbox: id → the delivery. mail: id → what changes of it, and where it stands, packed. queue: url 0 due 0 ordinal 0 id, sorted
# as text. claims: ids by when their claim ends. sibling: response 0 ordinal 0 id. posted: ids by ordinal.

_MAIL = r"""
local function mail_of(id)
  local kept = call('HGET', base .. 'mail', id)
  return kept and cmsgpack.unpack(kept)
end

local function put(id, mail)
  call('HSET', base .. 'mail', id, cmsgpack.pack(mail))
end

local function place(id, mail)
  return mail.url .. '\0' .. mail.due .. '\0' .. mail.ordinal .. '\0' .. id
end

local function queue(id, mail)
  call('ZADD', base .. 'queue', 0, place(id, mail))
end

local function release(id, mail)
  if call('ZREM', base .. 'claims', id) == 0 or not mail then return end
  mail.claim = mail.claim + 1
  put(id, mail)
  queue(id, mail)
end

-- Claims that ran out: whoever had them is gone.
local function lapse(wall)
  for _, id in ipairs(call('ZRANGEBYSCORE', base .. 'claims', '-inf', wall)) do release(id, mail_of(id)) end
end

local function drop(id)
  local mail = mail_of(id)
  if not mail then return end
  call('ZREM', base .. 'claims', id)
  call('ZREM', base .. 'queue', place(id, mail))
  call('ZREM', base .. 'sibling', mail.response .. '\0' .. mail.ordinal .. '\0' .. id)
  call('ZREM', base .. 'posted', id)
  call('HDEL', base .. 'mail', id)
  call('HDEL', base .. 'outbox', id)
end

-- Puts what has changed in the place of what was there; who has claimed it keeps it.
local function replace(id, old, new)
  local is_claimed = call('ZSCORE', base .. 'claims', id)
  if not is_claimed then call('ZREM', base .. 'queue', place(id, old)) end
  new.ordinal, new.version, new.claim = old.ordinal, old.version + 1, old.claim
  put(id, new)
  if not is_claimed then queue(id, new) end
end

local function told(id)
  local mail = mail_of(id)
  return {call('HGET', base .. 'outbox', id), mail.due, mail.ordinal, mail.version, mail.claim}
end

local function kept()
  keep('outbox', 'mail', 'queue', 'claims', 'sibling', 'posted', 'state')
end
"""

_ADD = Script(
    _MAIL,
    r"""
local id = ARGV[2]
if call('HSETNX', base .. 'outbox', id, ARGV[3]) == 0 then return done(0) end
local ordinal = call('HINCRBY', base .. 'state', 'posted', 1) - 1
local mail = {url = ARGV[4], due = ARGV[5], response = ARGV[6], decided = ARGV[7] == '1', version = tonumber(ARGV[8]), claim = 0}
mail.ordinal = string.format('%016d', ordinal)
put(id, mail)
queue(id, mail)
call('ZADD', base .. 'sibling', 0, mail.response .. '\0' .. mail.ordinal .. '\0' .. id)
call('ZADD', base .. 'posted', ordinal, id)
if call('ZCARD', base .. 'posted') > tonumber(ARGV[9]) then
  drop(call('ZRANGE', base .. 'posted', 0, 0)[1])
  evicted('deliveries', 1)
end
kept()
return done(1)
""",
)

_LIST = Script(
    _MAIL,
    r"""
local found = {}
for _, id in ipairs(call('ZRANGE', base .. 'posted', 0, -1)) do found[#found + 1] = told(id) end
return found
""",
)

_TARGETS = Script(
    _MAIL,
    r"""
lapse(ARGV[2])
local found, from = {call('HGET', base .. 'state', 'offset') or '0'}, '-'
while true do
  local first = call('ZRANGEBYLEX', base .. 'queue', from, '+', 'LIMIT', 0, 1)[1]
  if not first then break end
  local url = string.sub(first, 1, string.find(first, '\0', 1, true) - 1)
  found[#found + 1] = url
  found[#found + 1] = string.sub(first, #url + 2, #url + 17)
  from = '[' .. url .. '\1'
end
return {found, call('HLEN', base .. 'outbox')}
""",
)

_CLAIM = Script(
    _MAIL,
    r"""
lapse(ARGV[4])
local url = ARGV[2]
local first = call('ZRANGEBYLEX', base .. 'queue', '[' .. url .. '\0', '[' .. url .. '\0' .. ARGV[3] .. '\255', 'LIMIT', 0, 1)[1]
if not first then return done() end
local id = string.sub(first, #url + 36)
local mail = mail_of(id)
call('ZREM', base .. 'queue', first)
if not mail then return done() end
call('ZADD', base .. 'claims', ARGV[5], id)
mail.claim = mail.claim + 1
put(id, mail)
kept()
return done(told(id))
""",
)

_CHANGE = Script(
    _MAIL,
    r"""
local id, mail = ARGV[2], mail_of(ARGV[2])
if not mail or mail.claim ~= tonumber(ARGV[3]) then return done(0) end
release(id, mail)
if mail.version ~= tonumber(ARGV[4]) then return done(0) end
call('HSET', base .. 'outbox', id, ARGV[5])
replace(id, mail, {url = ARGV[6], due = ARGV[7], response = mail.response, decided = ARGV[8] == '1'})
kept()
return done(1)
""",
)

_HASTEN = Script(
    _MAIL,
    r"""
local found, response = 0, ARGV[2]
for _, each in ipairs(call('ZRANGEBYLEX', base .. 'sibling', '[' .. response .. '\0', '[' .. response .. '\0\255')) do
  local id = string.sub(each, #response + 19)
  local mail = mail_of(id)
  if mail and not mail.decided then
    replace(id, mail, {url = mail.url, due = ARGV[3], response = response, decided = false})
    found = 1
  end
end
kept()
return done(found)
""",
)

_DROP = Script(_MAIL, "drop(ARGV[2])\nreturn done(0)")

# About no project: off the list of outboxes, unless something came in since it was seen to be empty.
_EMPTY = "if redis.call('ZSCORE', KEYS[1], ARGV[1]) == ARGV[2] then redis.call('ZREM', KEYS[1], ARGV[1]) end return 0"


class Outbox(Base):
    """The part of the store about webhooks on their way."""

    async def add_delivery(self, project: str, delivery: Delivery) -> bool:
        """See `Store`."""
        told = (*_told(delivery), encoded_name(delivery.response_id), int(bool(delivery.body)), delivery.version)
        listed = ("ZADD", OUTBOXES, repr(wall()), encoded_project(project))
        return bool(await self._write(project, _ADD, *told, self._max_responses, then=[listed]))

    async def get_deliveries(self, project: str) -> Sequence[Delivery]:
        """See `Store`."""
        return tuple([self._delivery(each) for each in await self._read(project, _LIST)])

    async def outbox_targets(self, wall: float) -> Sequence[Target]:
        """See `Store`."""
        listed = await self._link.ask("ZRANGE", OUTBOXES, 0, -1, "WITHSCORES")
        if not listed:
            return []
        projects = [name.decode("utf-8", "surrogatepass") for name in listed[::2]]
        (everybodys, _), *all_told = await self._of_all([ALL_PROJECTS, *projects], _TARGETS, repr(wall))
        targets: list[Target] = []
        for project, since, ((offset, *flat), length) in zip(projects, listed[1::2], all_told, strict=True):
            for url, due in zip(flat[::2], flat[1::2], strict=True):
                targets.append(Target(project, decoded_name(url), _seconds(due) - float(offset) - float(everybodys[0])))
            if not length:
                await self._link.ask("EVAL", _EMPTY, 1, OUTBOXES, encoded_project(project), since)
        return targets

    async def claim_delivery(self, project: str, url: str, now: float, wall: float, until: float) -> Delivery | None:
        """See `Store`."""
        found = await self._write(project, _CLAIM, encoded_name(url), _sortable(now), repr(wall), repr(until))
        return None if found is None else self._delivery(found)

    async def change_delivery(self, project: str, delivery: Delivery) -> bool:
        """See `Store`."""
        name, data, url, due = _told(delivery)
        told = (name, delivery.claim, delivery.version, data, url, due, int(bool(delivery.body)))
        return bool(await self._write(project, _CHANGE, *told))

    async def drop_delivery(self, project: str, delivery_id: str) -> None:
        """See `Store`."""
        await self._write(project, _DROP, encoded_name(delivery_id))

    async def hasten_deliveries(self, project: str, response_id: str, due: float) -> bool:
        """See `Store`."""
        return bool(await self._write(project, _HASTEN, encoded_name(response_id), _sortable(due)))

    def _delivery(self, told: Sequence[Any]) -> Delivery:
        data, due, ordinal, version, claim = told
        return delivery_from(data)._replace(due=_seconds(due), ordinal=int(ordinal), version=version, claim=claim)


def _told(delivery: Delivery) -> tuple[bytes, bytes, bytes, str]:
    return encoded_name(delivery.id), delivery_to(delivery), encoded_name(delivery.url), _sortable(delivery.due)


def _sortable(seconds: float) -> str:
    """A number as text that sorts as numbers do: the bits, of negative ones upside down."""
    (bits,) = struct.unpack(">Q", struct.pack(">d", seconds + 0.0))
    return f"{bits ^ (0xFFFF_FFFF_FFFF_FFFF if bits >> 63 else 1 << 63):016x}"


def _seconds(text: bytes) -> float:
    bits = int(text, 16)
    bits ^= 1 << 63 if bits >> 63 else 0xFFFF_FFFF_FFFF_FFFF
    (seconds,) = struct.unpack(">d", struct.pack(">Q", bits))
    return float(seconds)
