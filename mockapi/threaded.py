"""A server in a thread of this process."""

import asyncio
import os
import socket
import threading
from collections.abc import Iterable
from contextlib import suppress

import uvicorn

from mockapi.errors import UsageError
from mockapi.http.protocol import Protocol
from mockapi.life import Life
from mockapi.server import bind, compose_app
from mockapi.settings import Settings

__all__ = ["ThreadedServer"]

_START_S = 30
_GRACE_S = 1


class _Server(uvicorn.Server):
    """uvicorn, woken when it shall stop instead of looking ten times a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = threading.Event()
        self._stopped = asyncio.Event()
        self.loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.loop = asyncio.get_running_loop()
        self.is_up.set()

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self._stopped.wait()

    def stop(self) -> None:
        self.should_exit = True
        if self.loop is not None:
            with suppress(RuntimeError):  # the loop is closed
                self.loop.call_soon_threadsafe(self._stopped.set)


class ThreadedServer:
    """Serves from the moment it is made until `stop`.

    `UsageError` if the port is taken or the store cannot be used, `ScenarioError` for broken files.
    """

    def __init__(self, settings: Settings) -> None:
        if settings.workers > 1:
            raise UsageError("workers are processes of `mockapi serve`; a server inside this process is one")
        app, _, life = compose_app(settings)
        self._socket = bind(settings)
        self.port: int = self._socket.getsockname()[1]
        self.pid = os.getpid()
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        self.origin = f"http://{host}:{self.port}"
        config = uvicorn.Config(
            app,
            loop="auto",
            http=Protocol,
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=settings.clock == "real",
            timeout_graceful_shutdown=_GRACE_S,
        )
        self._server = _Server(config)
        self._problems: list[UsageError] = []
        self._thread = threading.Thread(target=self._run, args=(config, life), name="mockapi", daemon=True)
        self._thread.start()
        if not self._server.is_up.wait(_START_S):
            raise UsageError(f"mockapi: the server did not start within {_START_S} s")
        if self._problems:
            self.stop()
            raise self._problems[0]

    def _run(self, config: uvicorn.Config, life: Life) -> None:
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            runner.run(self._serve(life))

    async def _serve(self, life: Life) -> None:
        try:
            await life.begin()
        except UsageError as error:
            self._problems.append(error)
            self._server.is_up.set()
        else:
            await self._server.serve(sockets=[self._socket])

    def stop(self) -> None:
        """End it, and wait for that; in a fork of its process, where it does not run, nothing happens."""
        if os.getpid() != self.pid:
            return
        self._server.stop()
        self._thread.join(_START_S)
        self._socket.close()

    def open_streams(self, api_key: str) -> list[str]:
        """The paths of answers to this key that are still on their way."""
        return [path for path, _ in self._open(api_key)]

    def hang_up(self, api_key: str) -> None:
        """Drop the connections of those."""
        for _, transport in self._open(api_key):
            if self._server.loop is not None:
                self._server.loop.call_soon_threadsafe(transport.abort)

    def _open(self, api_key: str) -> Iterable[tuple[str, asyncio.WriteTransport]]:
        """What uvicorn's connections are busy with: it costs the requests themselves nothing."""
        wanted = f"bearer {api_key}".encode().lower()
        for connection in [*self._server.server_state.connections]:
            cycle = getattr(connection, "cycle", None)
            if cycle is None or cycle.response_complete or cycle.disconnected:
                continue
            sent = dict(cycle.scope["headers"]).get(b"authorization", b"")
            if sent.lower() == wanted:
                yield cycle.scope["path"], cycle.transport
