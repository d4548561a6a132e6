"""The file: opened when it is needed, its errors turned into ours.

Calls are made in the loop itself: each takes some microseconds, less than a way to another thread and back. Nobody waits in
SQLite: where another process writes at this moment, the loop goes on with other work, and the call is made again.
"""

import os
import sqlite3
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from mockapi.clock import outside_time, stopwatch
from mockapi.errors import StoreError, UsageError
from mockapi.stores.sqlite.schema import APPLICATION, TABLES, VERSION

__all__ = ["Database", "HasDatabase", "reads", "writes"]

_AGAIN_S = 0.001
_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_OURS = (sqlite3.ProgrammingError, sqlite3.InterfaceError, sqlite3.IntegrityError)
"""Errors of this program, not of the file."""

_PRAGMAS = (
    "journal_mode = WAL",  # what was committed survives the process, however it ends; readers and the writer do not wait
    "synchronous = NORMAL",  # the disk is waited for at checkpoints alone: a power cut may cost the newest commits, not the file
    "wal_autocheckpoint = 4000",
    "cache_size = -32000",
    "temp_store = MEMORY",
)
_P = ParamSpec("_P")
_T = TypeVar("_T")


class Database:
    """One connection of one process."""

    def __init__(self, file: str, patience_s: float = 2.0) -> None:
        """`patience_s` bounds how long a call tries to get at a file that others hold."""
        self.file = file
        self._patience_s = patience_s
        self._connection: sqlite3.Connection | None = None
        self._opened_file: object = None

    @property
    def has_moved(self) -> bool:
        """Whether the file that is open is no longer the one of that name: it was deleted, or another took its place."""
        return self._connection is not None and _identity_of(self.file) != self._opened_file

    def execute(self, statement: str, values: Sequence[object] | dict[str, object] = ()) -> sqlite3.Cursor:
        """Run one statement, prepared the first time."""
        return (self._connection or self._opened()).execute(statement, values)

    def one(self, statement: str, values: Sequence[object] = ()) -> Any:
        """The first row, or None."""
        return self.execute(statement, values).fetchone()

    def executemany(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        """Run one statement for each row of values."""
        (self._connection or self._opened()).executemany(statement, rows)

    def transact(self, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Do some work as the only one who writes: all of it, or nothing."""
        connection = self._connection or self._opened()
        connection.execute("BEGIN IMMEDIATE")
        try:
            result = work(*args, **kwargs)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                with suppress(sqlite3.Error):  # why it failed is told already
                    connection.execute("ROLLBACK")
            raise
        return result

    async def insist(self, error: sqlite3.Error, work: Callable[[], _T]) -> _T:
        """Do work that met an error again while others hold the file; `StoreError` when that takes too long, or is not why."""
        until = stopwatch() + self._patience_s
        while True:
            if isinstance(error, _OURS):
                raise error
            if not _is_busy(error):
                self.close()  # whatever it is: the next call begins anew
                raise self._lost(error)
            if stopwatch() >= until:
                raise self._lost(error)
            await outside_time(_AGAIN_S)
            try:
                return work()
            except sqlite3.Error as again:
                error = again

    async def open(self) -> None:
        """Open the file, make what is missing; `UsageError` in one sentence if it cannot be used."""
        until = stopwatch() + self._patience_s
        while True:
            try:
                self.transact(lambda: None)  # it must be allowed to write
            except sqlite3.Error as error:
                self.close()
                if not _is_busy(error) or stopwatch() >= until:
                    raise UsageError(f"--store sqlite:///{self.file}: {_reason(error, self.file)}") from None
                await outside_time(_AGAIN_S)
            else:
                return

    def close(self) -> None:
        """Give the file up; the next call opens it again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            # Only one thread at a time uses it, but the one that made it need not be that one.
            made = sqlite3.connect(self.file, timeout=0, isolation_level=None, cached_statements=256, check_same_thread=False)
            try:
                self._prepare(made)
            except BaseException:
                made.close()
                raise
            self._opened_file = _identity_of(self.file)
            self._connection = made
        return self._connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}").close()
        if self._is_ours(connection):
            return
        connection.execute("BEGIN IMMEDIATE")
        if not self._is_ours(connection):  # another process may have been faster
            for statement in TABLES.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION}")
            connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")

    def _is_ours(self, connection: sqlite3.Connection) -> bool:
        """Whether the tables are there; `_ForeignError` if others are."""
        ((version,),) = connection.execute("PRAGMA user_version")
        ((application,),) = connection.execute("PRAGMA application_id")
        if (application, version) == (APPLICATION, VERSION):
            return True
        if application == APPLICATION and version > VERSION:
            raise _ForeignError("it was written by a newer mockapi; update, or choose another file")
        if application == APPLICATION and version:
            raise _ForeignError(
                "it was written by an older mockapi, whose files cannot be read; delete it, or choose another file"
            )
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone() != (0,):
            raise _ForeignError("it is another program's database; choose another file")
        return False

    def _lost(self, error: sqlite3.Error) -> StoreError:
        return StoreError(f"The store in {self.file} does not answer: {_reason(error, self.file)}.")


class _ForeignError(sqlite3.DatabaseError):
    """The file is a database, but none of this release."""


class HasDatabase(Protocol):
    """Part of a store."""

    db: Database


_S = TypeVar("_S", bound=HasDatabase)
_Async = Callable[Concatenate[_S, _P], Coroutine[Any, Any, _T]]


def reads(method: Callable[Concatenate[_S, _P], _T]) -> _Async[_S, _P, _T]:
    """A call of one statement that changes nothing: `StoreError` if the file cannot be read."""

    @wraps(method)
    async def call(self: _S, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return method(self, *args, **kwargs)
        except sqlite3.Error as error:
            return await self.db.insist(error, lambda: method(self, *args, **kwargs))

    return call


def writes(method: Callable[Concatenate[_S, _P], _T]) -> _Async[_S, _P, _T]:
    """A call that is one transaction: when it returns, what it did survives the process. `StoreError` if nothing was done."""

    @wraps(method)
    async def call(self: _S, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return self.db.transact(method, self, *args, **kwargs)
        except sqlite3.Error as error:
            return await self.db.insist(error, lambda: self.db.transact(method, self, *args, **kwargs))

    return call


def _why_closed(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"there is no folder {folder}"
    if path.is_dir():
        return "it is a folder; name a file in it"
    if not os.access(folder, os.W_OK):  # two more files stand beside it
        return f"its folder {folder} may not be written"
    return "it cannot be opened"


def _identity_of(file: str) -> object:
    """Equal as long as a name means the same file."""
    try:
        found = Path(file).stat()
    except OSError:  # there is none, which is not the same as anything
        return object()
    return found.st_dev, found.st_ino


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _is_busy(error: sqlite3.Error) -> bool:
    return _code(error) in _BUSY


def _reason(error: sqlite3.Error, file: str) -> str:
    """Why it cannot be used, and what to look at, in half a sentence."""
    if _is_busy(error):
        return "another program holds a lock on it"
    if _code(error) == sqlite3.SQLITE_NOTADB:
        return "it is no SQLite database; choose another file"
    if _code(error) == sqlite3.SQLITE_CORRUPT:
        return "it is damaged; delete it, or put a copy back"
    if _code(error) == sqlite3.SQLITE_CANTOPEN:
        return _why_closed(Path(file))
    if _code(error) == sqlite3.SQLITE_IOERR:
        return f"its disk fails, or has no room ({error})"
    if _code(error) == sqlite3.SQLITE_READONLY:
        return "it may not be written"
    return str(error)
