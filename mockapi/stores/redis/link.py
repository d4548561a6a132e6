"""Connections to one Redis: calls that come together travel together, and no call waits longer than its patience."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from redis.asyncio import Connection, ConnectionPool
from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    NoPermissionError,
    NoScriptError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)

from mockapi.errors import StoreError, UsageError
from mockapi.stores.codec import FORMAT
from mockapi.stores.redis.script import SCRIPTS

__all__ = ["FORMAT_KEY", "Address", "Command", "Link", "RefusedError", "connected", "disconnected", "failure_of", "reply_of"]

FORMAT_KEY = "mockapi:format"

Command = tuple[Any, ...]
"""A command and its arguments: text, bytes, int."""

_PATIENCE_S = 2.0
_REST_S = 0.25  # after a connection could not be made, nobody tries again for so long
_MOST_BATCHES = 4
_MOST_JOBS = 128  # in one batch


class RefusedError(StoreError):
    """Redis is there, and will not have us: asking again does not help until somebody changes something."""


class Address:
    """Where a Redis is; `name` is for people, without the password. `UsageError` for what is no such URL."""

    def __init__(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            self.name = f"{parts.scheme}://{parts.hostname or 'localhost'}:{parts.port or 6379}/{parts.path.strip('/') or 0}"
            if not parts.path.strip("/").isdigit() and parts.path.strip("/"):
                raise ValueError(f"'{parts.path.strip('/')}' is no number of a database")
            self._pool = ConnectionPool.from_url(url, protocol=2, driver_info=None, socket_keepalive=True)
            _made(self._pool)
            self.db = int(parts.path.strip("/") or self._pool.connection_kwargs.get("db") or 0)
        except (ValueError, TypeError, RedisError) as error:
            hint = "redis://[user:password@]host[:port][/number]"
            raise UsageError(f"--store: this is not the address of a Redis ({error}); one looks like {hint}") from None

    def connection(self) -> Connection:
        """A new connection, not yet made; bounds on waiting are the caller's."""
        made = _made(self._pool)
        made.socket_timeout = made.socket_connect_timeout = None
        return made


def _made(pool: ConnectionPool) -> Connection:
    made: Connection = pool.make_connection()  # type: ignore[no-untyped-call]
    return made


async def connected(address: Address) -> Connection:
    """A connection that may be used: the password is right, the format ours, the scripts are there. Raises `StoreError`."""
    connection = address.connection()
    commands: list[Command] = [("SETNX", FORMAT_KEY, FORMAT), ("GET", FORMAT_KEY)]
    commands += [("SCRIPT", "LOAD", script.source) for script in SCRIPTS]
    try:
        async with asyncio.timeout(_PATIENCE_S):
            await connection.connect()  # type: ignore[no-untyped-call]
            _, found, *_ = [reply_of(address, each) for each in await _exchanged(connection, commands)]
            _check_format(address, found)
    except (RedisError, OSError, EOFError) as error:
        await disconnected(connection)
        raise failure_of(address, error) from None
    except BaseException:
        await disconnected(connection)
        raise
    return connection


def _check_format(address: Address, found: bytes) -> None:
    if found == b"%d" % FORMAT:
        return
    if found.isdigit() and int(found) > FORMAT:
        what = (
            f"holds format {int(found)} of a newer mockapi, this one reads {FORMAT}: take the newer mockapi, or another database"
        )
        raise RefusedError(f"{address.name} {what}.")
    raise RefusedError(f"{address.name} has a key {FORMAT_KEY} that mockapi did not write: take another database.")


async def disconnected(connection: Connection) -> None:
    """Give a connection up, whatever state it is in."""
    try:
        await connection.disconnect(nowait=True)
    except (RedisError, OSError):  # it was given up already
        return


async def _exchanged(connection: Connection, commands: Sequence[Command]) -> list[Any]:
    """What Redis answers to each, also where that is an error."""
    await connection.send_packed_command(connection.pack_commands(commands), check_health=False)
    replies: list[Any] = []
    for _ in commands:
        try:
            replies.append(await connection.read_response(disable_decoding=True))
        except ResponseError as error:
            replies.append(error)
    return replies


def reply_of(address: Address, reply: Any) -> Any:
    """A reply; `StoreError` in words if it is an error."""
    if isinstance(reply, Exception):
        raise failure_of(address, reply)
    return reply


def failure_of(address: Address, error: BaseException) -> StoreError:
    """What a client is told of an error of the connection or of Redis."""
    told = str(error).partition(" script: ")[0].strip(" .") or type(error).__name__
    if isinstance(error, TimeoutError) or "Timeout" in type(error).__name__:
        return StoreError(f"The store {address.name} did not answer within {_PATIENCE_S:g} seconds.")
    if isinstance(error, (AuthenticationError, AuthorizationError, NoPermissionError)) or told.startswith(
        ("NOAUTH", "WRONGPASS")
    ):
        return RefusedError(f"The store {address.name} does not let us in ({told}): look at user and password in its URL.")
    if "maxmemory" in told or told.startswith("OOM"):
        return StoreError(f"The store {address.name} is full ({told}): raise its maxmemory, or POST /_mock/reset.")
    if "WRONGTYPE" in told or "wrong kind of value" in told:
        return StoreError(
            f"The store {address.name} has a key of mockapi's that somebody else wrote ({told}): take another database."
        )
    if isinstance(error, ResponseError):
        return StoreError(f"The store {address.name} refused ({told}).")
    return StoreError(f"The store {address.name} cannot be reached ({told}): is it running?")


class _Job(NamedTuple):
    commands: Sequence[Command]
    replies: "asyncio.Future[list[Any]]"


class Link:
    """The connections of one loop. A job's commands go over one connection, one behind the other."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._loop = asyncio.get_running_loop()
        self._idle: list[Connection] = []
        self._waiting: deque[_Job] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._batches = 0  # tasks that look at what waits again before they end
        self._rests_until = 0.0
        self._failed: StoreError | None = None

    @property
    def is_here(self) -> bool:
        """Whether this is the loop that it belongs to."""
        return self._loop is asyncio.get_running_loop()

    async def ask(self, *command: Any) -> Any:
        """One command."""
        return (await self.ask_all([command]))[0]

    async def ask_all(self, commands: Sequence[Command]) -> list[Any]:
        """Several commands in one round trip; the first error is raised as `StoreError`."""
        if self._failed is not None:
            if self._loop.time() < self._rests_until:
                raise type(self._failed)(self._failed.message)
            self._failed = None
        job = _Job(commands, self._loop.create_future())
        self._waiting.append(job)
        if self._batches < _MOST_BATCHES:
            self._batches += 1
            self._keep(self._loop.create_task(self._run()))
        return [reply_of(self._address, each) for each in await job.replies]

    def forsake_idle(self) -> None:
        """Redis was away: connections that nobody uses now are not to be trusted."""
        for connection in self._idle:
            self._keep(self._loop.create_task(disconnected(connection)))
        self._idle.clear()

    async def close(self) -> None:
        """Wait for what is under way, then hang up."""
        while self._tasks:
            await asyncio.wait(self._tasks)
        for connection in self._idle:
            await disconnected(connection)
        self._idle.clear()

    def _keep(self, task: "asyncio.Task[None]") -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self) -> None:
        """Send what waits, until nothing does; no job comes between the last look and the end."""
        try:
            await self._send_waiting()
        finally:
            self._batches -= 1

    async def _send_waiting(self) -> None:
        while self._waiting:
            jobs = [self._waiting.popleft() for _ in range(min(len(self._waiting), _MOST_JOBS))]
            try:
                await self._travel(jobs)
            except (StoreError, RedisError, OSError, EOFError) as error:
                failure = error if isinstance(error, StoreError) else failure_of(self._address, error)
                if self._failed is not None:  # those that wait would meet the same
                    jobs += self._waiting
                    self._waiting.clear()
                _fail(jobs, failure)
            except BaseException:
                _fail([*jobs, *self._waiting], StoreError(f"The connection to {self._address.name} was given up."))
                self._waiting.clear()
                raise

    async def _travel(self, jobs: Sequence[_Job]) -> None:
        connection = self._idle.pop() if self._idle else await self._connected()
        try:
            async with asyncio.timeout(_PATIENCE_S):
                replies = await _exchanged(connection, [command for job in jobs for command in job.commands])
                await _send_scripts(connection, jobs, replies)
        except TimeoutError as error:
            await disconnected(connection)
            self._rest(failure_of(self._address, error))
            raise
        except BaseException:
            await disconnected(connection)
            raise
        if any([type(reply) is ReadOnlyError for reply in replies]):  # a replica now: its name may lead to the new primary
            await disconnected(connection)
        else:
            self._idle.append(connection)
        at = 0
        for job in jobs:
            if not job.replies.done():
                job.replies.set_result(replies[at : at + len(job.commands)])
            at += len(job.commands)

    async def _connected(self) -> Connection:
        try:
            return await connected(self._address)
        except StoreError as failure:
            self._rest(failure)
            raise

    def _rest(self, failure: StoreError) -> None:
        self._rests_until, self._failed = self._loop.time() + _REST_S, failure


def _fail(jobs: Sequence[_Job], failure: StoreError) -> None:
    for job in jobs:
        if not job.replies.done():
            job.replies.set_exception(type(failure)(failure.message))


async def _send_scripts(connection: Connection, jobs: Sequence[_Job], replies: list[Any]) -> None:
    """Redis forgot its scripts (SCRIPT FLUSH): send again those that it did not know, and so did not run, with their text."""
    if not any([type(reply) is NoScriptError for reply in replies]):
        return
    sources = {script.sha: script.source for script in SCRIPTS}
    commands = [command for job in jobs for command in job.commands]
    for place, (command, reply) in enumerate(zip(commands, replies, strict=True)):
        if isinstance(reply, NoScriptError):
            again: Command = ("EVAL", sources[command[1]], *command[2:])
            (replies[place],) = await _exchanged(connection, [again])
