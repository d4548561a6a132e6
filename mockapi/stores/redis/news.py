"""News between processes: a channel of Redis. Who was cut off looks at everything again."""

import asyncio
import uuid
from collections.abc import Callable

from redis.asyncio import Connection
from redis.exceptions import RedisError

from mockapi.clock import outside_time
from mockapi.errors import StoreError
from mockapi.stores.base import ALL_PROJECTS
from mockapi.stores.redis.link import Address, connected, disconnected, failure_of

__all__ = ["News"]

_PAUSES_S = (0.05, 0.1, 0.2, 0.5, 1.0)  # between attempts to connect again
_SILENCE_S = 15.0  # without news the other end is asked whether it is there
_PATIENCE_S = 2.0


class News:
    """What other processes tell; `channel` belongs to one database, since channels of Redis do not."""

    def __init__(self, address: Address, on_cut: Callable[[], None]) -> None:
        self._address = address
        self._on_cut = on_cut
        self._me = uuid.uuid4().hex.encode()
        self.channel = f"mockapi:news:{address.db}"
        self._connection: Connection | None = None
        self._was_cut = False

    def message(self, topic: str) -> bytes:
        """What is published: who, and of what."""
        return self._me + b"\n" + topic.encode("utf-8", "surrogatepass")

    async def listen(self) -> None:
        """Be told of everything from now on; raises `StoreError`."""
        self._me = uuid.uuid4().hex.encode()  # anew: a worker that was forked is somebody else
        connection = await connected(self._address)
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await connection.send_command("SUBSCRIBE", self.channel)
                await connection.read_response(disable_decoding=True)
        except (RedisError, OSError, EOFError) as error:
            await disconnected(connection)
            raise failure_of(self._address, error) from None
        except BaseException:
            await disconnected(connection)
            raise
        self._connection = connection

    async def next(self) -> str:
        """The next topic that another process tells of; `*` when the connection is there again after a break."""
        tries = 0
        while True:
            try:
                if self._connection is None:
                    await self.listen()
                    if self._was_cut:
                        self._was_cut = False
                        return ALL_PROJECTS
                topic = await self._read()
            except (StoreError, RedisError, OSError, EOFError):  # Redis is away; those who need it say so
                await self.close()
                self._was_cut = True
                self._on_cut()
                await outside_time(_PAUSES_S[min(tries, len(_PAUSES_S) - 1)])
                tries += 1
            else:
                tries = 0
                if topic is not None:
                    return topic

    async def _read(self) -> str | None:
        connection = self._connection
        if connection is None:
            raise ConnectionError("closed")
        try:
            async with asyncio.timeout(_SILENCE_S):
                told = await connection.read_response(disable_decoding=True, disconnect_on_error=False)
        except TimeoutError:
            async with asyncio.timeout(_PATIENCE_S):
                await connection.send_command("PING")
                told = await connection.read_response(disable_decoding=True, disconnect_on_error=False)
        if not isinstance(told, list) or told[0] != b"message":
            return None
        sender, _, topic = told[2].partition(b"\n")
        return None if sender == self._me else str(topic.decode("utf-8", "surrogatepass"))

    async def close(self) -> None:
        """Hang up."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await disconnected(connection)
