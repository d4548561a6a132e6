"""Lua that runs inside Redis, where nothing else happens meanwhile."""

import hashlib

__all__ = ["SCRIPTS", "Script"]

_PRELUDE = r"""
local base, call = KEYS[1], redis.call
-- Keys that were written live on for the retention.
local function keep(...)
  for _, name in ipairs({...}) do call('EXPIRE', base .. name, ARGV[1]) end
end
-- Counts all that happens in the project: what came before has a smaller number.
local function number()
  return call('HINCRBY', base .. 'state', 'number', 1)
end
-- So many of a kind went because there was no room for them.
local function evicted(kind, many)
  if many > 0 then call('HINCRBY', 'mockapi:evictions', kind, many) end
end
-- What a script answers, and whether the project stands in the list of projects.
local function done(result)
  if result == nil then result = false end
  return {call('EXISTS', base .. 'known'), result}
end
"""


SCRIPTS: "list[Script]" = []
"""All there are: filled as modules are imported, and never changed afterwards."""


class Script:
    """A script about one project: `KEYS[1]` is what its keys begin with, `ARGV[1]` the retention, from `ARGV[2]` its arguments.

    One that changes something returns `done(…)`. All are loaded into Redis when a connection is made.
    """

    def __init__(self, *parts: str) -> None:
        self.source = (_PRELUDE + "\n".join(parts)).encode()
        self.sha = hashlib.sha1(self.source, usedforsecurity=False).hexdigest()
        SCRIPTS.append(self)
