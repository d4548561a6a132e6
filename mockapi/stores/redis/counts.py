"""What is counted in Redis: ordinals, prefixes, sums, buckets, uses of steps."""

from collections.abc import Mapping, Sequence

from mockapi.stores.base import ALL_PROJECTS
from mockapi.stores.redis.base import Base, decoded_name, encoded_name, flat_sums
from mockapi.stores.redis.script import Script
from mockapi.wire.buckets import MINUTE_S, Bucket, Demand, Draw, slack_of

__all__ = ["ORDINAL", "Counts"]

# count: key → how often; counted: keys by their last use. prefix: keys by their last use. usage: name → sum.
# bucket: key → level and time, as 17 digits; buckets: keys by their last use. uses: scenario → {step → how often}, packed.

ORDINAL = Script(
    r"""
local before = call('HINCRBY', base .. 'count', ARGV[2], 1) - 1
call('ZADD', base .. 'counted', number(), ARGV[2])
if call('ZCARD', base .. 'counted') > tonumber(ARGV[3]) then
  call('HDEL', base .. 'count', call('ZPOPMIN', base .. 'counted')[1])
  evicted('counters', 1)
end
keep('count', 'counted', 'state')
return done(before)
"""
)

_PREFIXES = Script(
    r"""
local last = -1
for at = 3, #ARGV do
  if call('ZSCORE', base .. 'prefix', ARGV[at]) then last = at - 3 end
end
for at = 3, #ARGV do call('ZADD', base .. 'prefix', number(), ARGV[at]) end
evicted('prefixes', call('ZREMRANGEBYRANK', base .. 'prefix', 0, -1 - tonumber(ARGV[2])))
keep('prefix', 'state')
return done(last)
"""
)

_ADD_USAGE = Script(
    r"""
for at = 2, #ARGV, 2 do call('HINCRBY', base .. 'usage', ARGV[at], ARGV[at + 1]) end
keep('usage')
return done(0)
"""
)

_GET_USAGE = Script("return call('HGETALL', base .. 'usage')")

# The arithmetic of mockapi.wire.buckets, operation by operation: both count in the same binary fractions.
_DRAW = Script(
    r"""
local now, minute, most = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local function kept(key)
  local level, at = string.match(call('HGET', base .. 'bucket', key) or '', '^(%S+) (%S+)$')
  return tonumber(level), tonumber(at)
end
local levels, times, granted = {}, {}, 1
for at = 5, #ARGV, 4 do
  local capacity, amount, slack = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local level, since = kept(ARGV[at])
  if level then
    level = math.min(level + math.max(0, now - since) * capacity / minute, capacity)
    since = math.max(since, now)
  else
    level, since = capacity, now
  end
  if amount > level + slack then granted = 0 end
  levels[#levels + 1], times[#times + 1] = level, since
end
local drawn = {granted}
for at = 1, #levels do
  local key, amount = ARGV[4 * at + 1], tonumber(ARGV[4 * at + 3])
  local level = granted == 1 and levels[at] - amount or levels[at]
  local written, since = string.format('%.17g', level), string.format('%.17g', times[at])
  drawn[#drawn + 1], drawn[#drawn + 2] = written, since
  if granted == 1 then
    call('HSET', base .. 'bucket', key, written .. ' ' .. since)
    call('ZADD', base .. 'buckets', number(), key)
  end
end
while true do
  local oldest = call('ZRANGE', base .. 'buckets', 0, 0)[1]
  if not oldest then break end
  local _, since = kept(oldest)
  local is_room = call('ZCARD', base .. 'buckets') <= most
  if is_room and since and since + minute > now then break end
  if not is_room then evicted('buckets', 1) end
  call('HDEL', base .. 'bucket', oldest)
  call('ZREM', base .. 'buckets', oldest)
end
keep('bucket', 'buckets', 'state')
return done(drawn)
"""
)

_STEP_USES = Script(
    r"""
local flat = {}
local kept = call('HGET', base .. 'uses', ARGV[2])
for step, used in pairs(kept and cmsgpack.unpack(kept) or {}) do
  flat[#flat + 1] = step
  flat[#flat + 1] = used
end
return flat
"""
)

_USE_STEP = Script(
    r"""
local kept = call('HGET', base .. 'uses', ARGV[2])
local uses, step = kept and cmsgpack.unpack(kept) or {}, tonumber(ARGV[3])
local used = uses[step] or 0
if ARGV[4] ~= '' and used >= tonumber(ARGV[4]) then return done(0) end
uses[step] = used + 1
call('HSET', base .. 'uses', ARGV[2], cmsgpack.pack(uses))
keep('uses')
return done(1)
"""
)

_FORGET_USES = Script(
    r"""
if call('HEXISTS', base .. 'scenario', ARGV[2]) == 0 then call('HDEL', base .. 'uses', ARGV[2]) end
return 0
"""
)


class Counts(Base):
    """The part of the store that counts."""

    async def take_ordinal(self, project: str, key: bytes) -> int:
        """See `Store`."""
        return int(await self._write(project, ORDINAL, key, self._max_responses))

    async def take_prefixes(self, project: str, keys: Sequence[bytes]) -> int:
        """See `Store`."""
        return int(await self._write(project, _PREFIXES, self._max_responses, *keys))

    async def add_usage(self, project: str, amounts: Mapping[str, int]) -> None:
        """See `Store`."""
        if amounts:
            await self._write(project, _ADD_USAGE, *flat_sums(amounts))

    async def get_usage(self, project: str) -> Mapping[str, int]:
        """See `Store`."""
        projects = await self._projects() if project == ALL_PROJECTS else [project]
        sums: dict[str, int] = {}
        for flat in await self._of_all(projects, _GET_USAGE):
            for name, amount in zip(flat[::2], flat[1::2], strict=True):
                own = decoded_name(name)
                sums[own] = sums.get(own, 0) + int(amount)
        return sums

    async def draw(self, project: str, demands: Sequence[Demand], now: float) -> Draw:
        """See `Store`."""
        flat = [part for each in demands for part in (each.key, each.capacity, each.amount, repr(slack_of(each.capacity)))]
        drawn = await self._write(project, _DRAW, repr(now), repr(MINUTE_S), self._max_responses, *flat)
        figures = [float(each) for each in drawn[1:]]
        return Draw(drawn[0] == 1, tuple(map(Bucket, figures[::2], figures[1::2])))

    async def step_uses(self, project: str, scenario: str) -> Mapping[int, int]:
        """See `Store`."""
        flat = await self._read(project, _STEP_USES, encoded_name(scenario))
        return dict(zip(flat[::2], flat[1::2], strict=True))

    async def use_step(self, project: str, scenario: str, step: int, most: int | None) -> bool:
        """See `Store`."""
        return bool(await self._write(project, _USE_STEP, encoded_name(scenario), step, "" if most is None else most))

    async def forget_uses(self, scenario: str) -> None:
        """See `Store`."""
        await self._of_all(await self._projects(), _FORGET_USES, encoded_name(scenario))
