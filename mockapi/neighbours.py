"""What the workers of one server ask each other: each listens on loopback, for those alone that were forked of the same foreman.

A scrape reaches any of them, and must tell of all.
"""

import asyncio
import hmac
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from mockapi.clock import within
from mockapi.errors import UsageError

__all__ = ["Neighbours"]

_PATIENCE_S = 1.0
_LOOPBACK = "127.0.0.1"
_TOKEN_BYTES = 32

Tell = Callable[[], Awaitable[str]]
"""What a worker answers."""


class Neighbours:
    """The sockets of some workers, made before they are; whoever replaces one has the same."""

    def __init__(self, count: int) -> None:
        self._token = secrets.token_bytes(_TOKEN_BYTES)
        self._sockets = [_listening() for _ in range(count)]
        self._ports = [each.getsockname()[1] for each in self._sockets]
        self._number = 0

    @asynccontextmanager
    async def answering(self, number: int, tell: Tell) -> AsyncIterator[None]:
        """Be the worker of this number, and answer the others as long as this lasts."""
        self._number = number

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                async with within(_PATIENCE_S):
                    if hmac.compare_digest(await reader.readexactly(_TOKEN_BYTES), self._token):
                        writer.write((await tell()).encode())
                        await writer.drain()
            except (OSError, EOFError, TimeoutError):  # who asked has gone, or is none of us
                return
            finally:
                writer.close()

        server = await asyncio.start_server(answer, sock=self._sockets[number])
        try:
            yield
        finally:
            server.close()

    async def ask(self) -> Sequence[str]:
        """What the others tell, in their order; without those that do not answer within a second."""
        others = [port for number, port in enumerate(self._ports) if number != self._number]
        return [text for text in await asyncio.gather(*map(self._asked, others)) if text]

    def close(self) -> None:
        """Give the sockets up."""
        for each in self._sockets:
            each.close()

    async def _asked(self, port: int) -> str:
        try:
            async with within(_PATIENCE_S):
                reader, writer = await asyncio.open_connection(_LOOPBACK, port)
                try:
                    writer.write(self._token)
                    return (await reader.read()).decode()
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return ""


def _listening() -> socket.socket:
    made = socket.socket(socket.AF_INET)
    try:
        made.bind((_LOOPBACK, 0))
        made.listen()
    except OSError as error:
        made.close()
        raise UsageError(f"--workers: they ask each other over {_LOOPBACK}, and cannot listen there: {error.strerror}") from None
    made.setblocking(False)
    return made
