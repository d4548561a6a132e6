"""The store in a SQLite file: it outlives the process, and several processes of one machine can share it."""

from mockapi.stores.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
