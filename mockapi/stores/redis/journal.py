"""Journals and webhook endpoints in Redis."""

from collections.abc import Sequence

from mockapi.stores.base import ALL_PROJECTS
from mockapi.stores.codec import endpoint_from, endpoint_to, entry_from, entry_to
from mockapi.stores.records import EndpointRecord, Entry, EntrySource
from mockapi.stores.redis.base import Base, encoded_name
from mockapi.stores.redis.script import Script

__all__ = ["Journal"]

_MOST_ENTRY_BYTES = 67_108_864  # of one project's journal, whatever its length

# journal: calls, oldest first; sizes: how many bytes each counts as. state: their sum, and how many were forgotten.
# endpoint: id → version, when it came in 16 digits, line feed, the record.

_ADD = Script(
    r"""
call('RPUSH', base .. 'journal', ARGV[2])
call('RPUSH', base .. 'sizes', ARGV[3])
local bytes = call('HINCRBY', base .. 'state', 'bytes', ARGV[3])
local length = call('LLEN', base .. 'journal')
while length > 0 and (length > tonumber(ARGV[4]) or bytes > tonumber(ARGV[5])) do
  call('LTRIM', base .. 'journal', 1, -1)
  bytes = call('HINCRBY', base .. 'state', 'bytes', -tonumber(call('LPOP', base .. 'sizes') or 0))
  call('HINCRBY', base .. 'state', 'forgotten', 1)
  evicted('journal', 1)
  length = length - 1
end
keep('journal', 'sizes', 'state')
return done(0)
"""
)

_GET = Script("return call('LRANGE', base .. 'journal', 0, -1)")
_FORGOTTEN = Script("return tonumber(call('HGET', base .. 'state', 'forgotten') or 0)")

_CLEAR = Script(
    r"""
call('UNLINK', base .. 'journal', base .. 'sizes')
call('HDEL', base .. 'state', 'bytes', 'forgotten')
return 0
"""
)

_ADD_ENDPOINT = Script(
    r"""
if call('HEXISTS', base .. 'endpoint', ARGV[2]) == 1 then return done(0) end
call('HSET', base .. 'endpoint', ARGV[2], ARGV[3] .. ' ' .. string.format('%016d', number()) .. '\n' .. ARGV[4])
keep('endpoint', 'state')
return done(1)
"""
)

_CHANGE_ENDPOINT = Script(
    r"""
local version, place = string.match(call('HGET', base .. 'endpoint', ARGV[2]) or '', '^(%d+) (%d+)\n')
if version ~= ARGV[3] then return done(0) end
call('HSET', base .. 'endpoint', ARGV[2], (tonumber(version) + 1) .. ' ' .. place .. '\n' .. ARGV[4])
keep('endpoint')
return done(1)
"""
)


class Journal(Base):
    """The part of the store about calls that came in, and about webhook endpoints."""

    async def add_entry(self, project: str, entry: EntrySource) -> None:
        """See `Store`."""
        entry = entry.entry()
        await self._write(project, _ADD, entry_to(entry), entry.size, self._max_entries, _MOST_ENTRY_BYTES)

    async def get_entries(self, project: str) -> Sequence[Entry]:
        """See `Store`."""
        projects = await self._projects() if project == ALL_PROJECTS else [project]
        entries = [entry_from(data) for journal in await self._of_all(projects, _GET) for data in journal]
        return tuple(sorted(entries, key=lambda entry: entry.at) if project == ALL_PROJECTS else entries)

    async def forgotten_entries(self, project: str) -> int:
        """See `Store`."""
        projects = await self._projects() if project == ALL_PROJECTS else [project]
        return sum(await self._of_all(projects, _FORGOTTEN))

    async def clear_entries(self, project: str) -> None:
        """See `Store`."""
        await self._of_all(await self._projects() if project == ALL_PROJECTS else [project], _CLEAR)

    async def add_endpoint(self, project: str, record: EndpointRecord) -> bool:
        """See `Store`."""
        name = encoded_name(record.id)
        return bool(await self._write(project, _ADD_ENDPOINT, name, record.version, endpoint_to(record)))

    async def get_endpoints(self, project: str) -> Sequence[EndpointRecord]:
        """See `Store`."""
        found = []
        for kept in await self._link.ask("HVALS", self._key(project, "endpoint")):
            head, _, data = kept.partition(b"\n")
            version, place = head.split()
            found.append((place, endpoint_from(data)._replace(version=int(version))))
        return tuple(record for _, record in sorted(found, key=lambda each: each[0]))

    async def change_endpoint(self, project: str, record: EndpointRecord) -> bool:
        """See `Store`."""
        name = encoded_name(record.id)
        return bool(await self._write(project, _CHANGE_ENDPOINT, name, record.version, endpoint_to(record)))

    async def drop_endpoint(self, project: str, endpoint_id: str) -> bool:
        """See `Store`."""
        return bool(await self._link.ask("HDEL", self._key(project, "endpoint"), encoded_name(endpoint_id)))
