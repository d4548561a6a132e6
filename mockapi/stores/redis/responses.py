"""Responses in Redis: what never changes, progress beside it, and which of them holds an item."""

from collections.abc import Mapping, Sequence

from mockapi.errors import damaged
from mockapi.stores.codec import response_from, response_to
from mockapi.stores.records import Owner, RecordSource, ResponseRecord
from mockapi.stores.redis.base import Base, decoded_name, encoded_name, flat_sums
from mockapi.stores.redis.script import Script
from mockapi.wire.json import dumps, loads

__all__ = ["Responses"]

# response: id → ids of its items as a line of JSON, then the record. progress: id → version, line feed, progress; none if it
# never changed. order: ids by when they came. item: id of an item → id of the first response that has it.

_DROP = r"""
local function drop(id)
  local kept = call('HGET', base .. 'response', id)
  call('ZREM', base .. 'order', id)
  if not kept then return 0 end
  for _, item in ipairs(cjson.decode(string.match(kept, '^[^\n]*'))) do
    if call('HGET', base .. 'item', item) == id then call('HDEL', base .. 'item', item) end
  end
  call('HDEL', base .. 'response', id)
  call('HDEL', base .. 'progress', id)
  return 1
end
"""

_ADD = Script(
    _DROP,
    r"""
local id, ids = ARGV[2], ARGV[3]
if call('HSETNX', base .. 'response', id, ids .. '\n' .. ARGV[4]) == 0 then return done(0) end
if ARGV[5] ~= '0' then call('HSET', base .. 'progress', id, ARGV[5] .. '\n' .. ARGV[6]) end
if ids ~= '[]' then
  for _, item in ipairs(cjson.decode(ids)) do call('HSETNX', base .. 'item', item, id) end
end
call('ZADD', base .. 'order', number(), id)
if call('ZCARD', base .. 'order') > tonumber(ARGV[7]) then
  drop(call('ZRANGE', base .. 'order', 0, 0)[1])
  evicted('responses', 1)
end
for at = 8, #ARGV, 2 do call('HINCRBY', base .. 'usage', ARGV[at], ARGV[at + 1]) end
keep('response', 'progress', 'order', 'item', 'state', 'usage')
return done(1)
""",
)

_SET_PROGRESS = Script(
    r"""
local id, kept, version = ARGV[2], call('HGET', base .. 'progress', ARGV[2]), nil
if kept then
  version = string.match(kept, '^%d+')
elseif call('HEXISTS', base .. 'response', id) == 1 then
  version = '0'
end
if version ~= ARGV[3] then return done(0) end
call('HSET', base .. 'progress', id, (tonumber(version) + 1) .. '\n' .. ARGV[4])
keep('progress')
return done(1)
"""
)

_DROP_ONE = Script(_DROP, "return done(drop(ARGV[2]))")


class Responses(Base):
    """The part of the store about responses."""

    async def add_response(self, project: str, record: RecordSource) -> bool:
        """See `Store`."""
        return await self.keep_response(project, record, {})

    async def keep_response(self, project: str, record: RecordSource, amounts: Mapping[str, int]) -> bool:
        """See `Store`."""
        record = record.record()
        ids = dumps([*iter(record.item_ids)])  # made out once: a list would ask for its length first
        data = response_to(record._replace(item_ids=()))
        told = (encoded_name(record.id), ids, data, record.version, record.progress, self._max_responses)
        return bool(await self._write(project, _ADD, *told, *flat_sums(amounts)))

    async def get_response(self, project: str, response_id: str) -> ResponseRecord | None:
        """See `Store`."""
        name = encoded_name(response_id)
        moved, kept = await self._link.ask_all(  # in this order: who is dropped meanwhile is gone, not set back
            [("HGET", self._key(project, "progress"), name), ("HGET", self._key(project, "response"), name)]
        )
        if kept is None:
            return None
        try:
            ids, _, data = kept.partition(b"\n")
            record = response_from(data)._replace(item_ids=_ids(loads(ids)))
            if moved is None:
                return record
            version, _, progress = moved.partition(b"\n")
            return record._replace(progress=progress, version=int(version))
        except (ValueError, TypeError):
            raise damaged(f"a response '{response_id}'") from None

    async def set_progress(self, project: str, response_id: str, progress: bytes, version: int) -> bool:
        """See `Store`."""
        return bool(await self._write(project, _SET_PROGRESS, encoded_name(response_id), version, progress))

    async def drop_response(self, project: str, response_id: str) -> bool:
        """See `Store`."""
        return bool(await self._write(project, _DROP_ONE, encoded_name(response_id)))

    async def find_item(self, project: str, item_id: str) -> Owner | None:
        """See `Store`."""
        name = encoded_name(item_id)
        response_id, held = await self._link.ask_all(
            [
                ("HGET", self._key(project, "item"), item_id.encode("utf-8", "surrogatepass")),
                ("ZRANGEBYLEX", self._key(project, "holder"), b"[" + name + b"\0", b"[" + name + b"\0\xff", "LIMIT", 0, 1),
            ]
        )
        if response_id is not None:
            return Owner(decoded_name(response_id))
        return _holder(name, held)


def _ids(value: object) -> tuple[str, ...]:
    return tuple([str(each) for each in value]) if isinstance(value, list) else ()


def _holder(name: bytes, held: Sequence[bytes]) -> Owner | None:
    """The conversation that has an item: the last part of `item 0 number 0 conversation`."""
    return Owner(decoded_name(held[0][len(name) + 18 :]), is_conversation=True) if held else None
