"""Conversations in Redis: records, and items that are paged by number and found by id."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from mockapi.errors import damaged
from mockapi.stores.codec import conversation_from, conversation_to
from mockapi.stores.records import ConversationRecord, ItemRecord
from mockapi.stores.redis.base import Base, decoded_name, encoded_name
from mockapi.stores.redis.script import Script

__all__ = ["Threads"]

# thread: id → version, count, line feed, the record. threads: ids by when they came. data: conversation 0 item → number in 16
# digits, the item. place: conversation 0 number 0 item, sorted as text. holder: item 0 when it came there 0 conversation, too.

_ITEMS = r"""
-- Appends ARGV[first], … (id, JSON, id, JSON); how many items the conversation has had then.
local function append(id, count, first)
  for at = first, #ARGV, 2 do
    local item = ARGV[at]
    local field = id .. '\0' .. item
    if call('HEXISTS', base .. 'data', field) == 0 then
      local number_16 = string.format('%016d', count)
      call('HSET', base .. 'data', field, number_16 .. ARGV[at + 1])
      call('ZADD', base .. 'place', 0, id .. '\0' .. number_16 .. '\0' .. item)
      call('ZADD', base .. 'holder', 0, item .. '\0' .. string.format('%016d', number()) .. '\0' .. id)
      count = count + 1
    end
  end
  keep('thread', 'threads', 'data', 'place', 'holder', 'state')
  return count
end

local function disown(id, item)
  for _, each in ipairs(call('ZRANGEBYLEX', base .. 'holder', '[' .. item .. '\0', '[' .. item .. '\0\255')) do
    if string.sub(each, #item + 19) == id then call('ZREM', base .. 'holder', each) end
  end
end

local function remove(id, item)
  local field = id .. '\0' .. item
  local kept = call('HGET', base .. 'data', field)
  if not kept then return end
  call('HDEL', base .. 'data', field)
  call('ZREM', base .. 'place', id .. '\0' .. string.sub(kept, 1, 16) .. '\0' .. item)
  disown(id, item)
end
"""

_ADD = Script(
    _ITEMS,
    r"""
local id = ARGV[2]
if call('HEXISTS', base .. 'thread', id) == 1 then return done(0) end
call('ZADD', base .. 'threads', number(), id)
local count = append(id, tonumber(ARGV[4]), 7)
call('HSET', base .. 'thread', id, ARGV[3] .. ' ' .. count .. '\n' .. ARGV[5])
if call('ZCARD', base .. 'threads') > tonumber(ARGV[6]) then
  local oldest = call('ZPOPMIN', base .. 'threads')[1]
  for _, each in ipairs(call('ZRANGEBYLEX', base .. 'place', '[' .. oldest .. '\0', '[' .. oldest .. '\0\255')) do
    remove(oldest, string.sub(each, #oldest + 19))
  end
  call('HDEL', base .. 'thread', oldest)
  evicted('conversations', 1)
end
keep('thread')
return done(1)
""",
)

_CHANGE = Script(
    _ITEMS,
    r"""
local id = ARGV[2]
local kept = call('HGET', base .. 'thread', id)
if not kept then return done(0) end
local version, count = string.match(kept, '^(%d+) (%d+)\n')
if version ~= ARGV[3] then return done(0) end
count = append(id, tonumber(count), 6)
call('HSET', base .. 'thread', id, (tonumber(version) + 1) .. ' ' .. count .. '\n' .. ARGV[4])
if ARGV[5] ~= '' then remove(id, ARGV[5]) end
return done(1)
""",
)

_PAGE = Script(
    r"""
local id = ARGV[2]
local found
if ARGV[3] == 'up' then
  local from = ARGV[4] == '' and '[' .. id .. '\0' or '(' .. id .. '\0' .. ARGV[4] .. '\0\255'
  found = call('ZRANGEBYLEX', base .. 'place', from, '[' .. id .. '\0\255', 'LIMIT', 0, ARGV[5])
else
  local from = ARGV[4] == '' and '[' .. id .. '\0\255' or '(' .. id .. '\0' .. ARGV[4] .. '\0'
  found = call('ZREVRANGEBYLEX', base .. 'place', from, '[' .. id .. '\0', 'LIMIT', 0, ARGV[5])
end
local page = {}
for _, each in ipairs(found) do
  local item = string.sub(each, #id + 19)
  local kept = call('HGET', base .. 'data', id .. '\0' .. item)
  if kept then
    page[#page + 1] = item
    page[#page + 1] = kept
  end
end
return page
"""
)

# Of each item, named as it is and as part of a key: whether a response or a conversation has it.
_HELD = Script(
    r"""
local held = {}
for at = 2, #ARGV, 2 do
  local found = call('HEXISTS', base .. 'item', ARGV[at])
  if found == 0 then
    local name = ARGV[at + 1]
    found = #call('ZRANGEBYLEX', base .. 'holder', '[' .. name .. '\0', '[' .. name .. '\0\255', 'LIMIT', 0, 1)
  end
  held[#held + 1] = found
end
return held
"""
)


class Threads(Base):
    """The part of the store about conversations."""

    async def add_conversation(self, project: str, record: ConversationRecord, items: Sequence[tuple[str, bytes]] = ()) -> bool:
        """See `Store`."""
        head = (encoded_name(record.id), record.version, record.count, conversation_to(record), self._max_responses)
        return bool(await self._write(project, _ADD, *head, *_flat(items)))

    async def get_conversation(self, project: str, conversation_id: str) -> ConversationRecord | None:
        """See `Store`."""
        kept = await self._link.ask("HGET", self._key(project, "thread"), encoded_name(conversation_id))
        if kept is None:
            return None
        try:
            head, _, data = kept.partition(b"\n")
            version, count = head.split()
            return replace(conversation_from(data), version=int(version), count=int(count))
        except (ValueError, TypeError):
            raise damaged(f"a conversation '{conversation_id}'") from None

    async def change_conversation(
        self, project: str, record: ConversationRecord, added: Sequence[tuple[str, bytes]] = (), dropped: str | None = None
    ) -> bool:
        """See `Store`."""
        gone = b"" if dropped is None else encoded_name(dropped)
        head = (encoded_name(record.id), record.version, conversation_to(record), gone)
        return bool(await self._write(project, _CHANGE, *head, *_flat(added)))

    async def get_items(
        self, project: str, conversation_id: str, limit: int | None = None, *, after: int | None = None, is_ascending: bool = True
    ) -> Sequence[ItemRecord]:
        """See `Store`."""
        way, beyond = "up" if is_ascending else "down", "" if after is None else f"{after:016}"
        most = -1 if limit is None else limit
        page = await self._read(project, _PAGE, encoded_name(conversation_id), way, beyond, most)
        return [_item(decoded_name(item_id), kept) for item_id, kept in zip(page[::2], page[1::2], strict=True)]

    async def get_item(self, project: str, conversation_id: str, item_id: str) -> ItemRecord | None:
        """See `Store`."""
        field = encoded_name(conversation_id) + b"\0" + encoded_name(item_id)
        kept = await self._link.ask("HGET", self._key(project, "data"), field)
        return None if kept is None else _item(item_id, kept)

    async def held_items(self, project: str, item_ids: Collection[str], conversation_id: str | None = None) -> frozenset[str]:
        """See `Store`; in one round trip."""
        ids = [*item_ids]
        if not ids:
            return frozenset()
        if conversation_id is None:
            found = await self._read(project, _HELD, *_item_names(ids))
            return frozenset(each for each, is_held in zip(ids, found, strict=True) if is_held)
        thread = encoded_name(conversation_id)
        kept = await self._link.ask("HMGET", self._key(project, "data"), *(thread + b"\0" + encoded_name(each) for each in ids))
        return frozenset(each for each, data in zip(ids, kept, strict=True) if data is not None)


def _item_names(item_ids: Iterable[str]) -> list[bytes]:
    return [part for each in item_ids for part in (each.encode("utf-8", "surrogatepass"), encoded_name(each))]


def _flat(items: Iterable[tuple[str, bytes]]) -> list[bytes]:
    return [part for item_id, data in items for part in (encoded_name(item_id), data)]


def _item(item_id: str, kept: bytes) -> ItemRecord:
    return ItemRecord(item_id, int(kept[:16]), kept[16:])
