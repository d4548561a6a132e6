"""The composition root: the one place that picks a store and a clock, and the one that runs a server."""

import asyncio
import errno
import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from importlib import import_module
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from mockapi.admin import Admin
from mockapi.clock import make_clock
from mockapi.errors import MockApiError, UsageError
from mockapi.foreman import Foreman, Place
from mockapi.handles import raise_file_limit
from mockapi.http.app import make_app
from mockapi.http.cors import with_cors
from mockapi.http.protocol import Protocol
from mockapi.life import Life
from mockapi.neighbours import Neighbours
from mockapi.prices import load_prices
from mockapi.scenario.library import Library
from mockapi.scenario.load import Scenario, file_states
from mockapi.scenario.pictures import is_picture
from mockapi.service.core import Core
from mockapi.service.metrics import Metrics
from mockapi.service.posting import Poster
from mockapi.settings import Settings
from mockapi.stores.base import Store
from mockapi.stores.measured import measured
from mockapi.stores.opening import make_store
from mockapi.wire.parse import parse_create
from mockapi.wire.tokens import count_text
from mockapi.wire.webhooks import check_secret

__all__ = ["GRACE_S", "bind", "build_app", "compose_app", "serve"]

log = logging.getLogger("mockapi")

_BACKLOG = 4096
GRACE_S = 5
"""Seconds that running streams are given to end after SIGTERM."""


def build_app(settings: Settings, scenarios: Sequence[Scenario] | None = None) -> ASGIApp:
    """The ASGI application for these settings; loads the scenarios at `settings.paths` unless they are given.

    Raises `ScenarioError` for invalid files, `UsageError` for paths that are not there, `tokens` that cannot be counted, and
    webhook settings that cannot work, and a store that nobody knows; one that cannot be used raises it when the lifespan begins.
    """
    return compose_app(settings, scenarios)[0]


def compose_app(settings: Settings, scenarios: Sequence[Scenario] | None = None) -> tuple[ASGIApp, Admin, Life]:
    """As `build_app`, with the admin's use cases, and what goes on beside the requests."""
    core, admin = _compose(settings, scenarios)
    life = Life(core)
    return with_cors(make_app(core, admin, life), settings.cors), admin, life


def _compose(settings: Settings, scenarios: Sequence[Scenario] | None = None) -> tuple[Core, Admin]:
    clock, library, metrics = make_clock(settings.clock), Library(settings.paths, scenarios), Metrics()
    core = Core(settings, _watched(make_store(settings), metrics), clock, library, metrics)
    _check_webhooks(core)
    return core, Admin(core, load_prices(settings.prices))


def _watched(store: Store, metrics: Metrics) -> Store:
    """A store whose calls are timed, unless it is in memory."""
    return store if store.is_immediate else measured(store, metrics.observe_store)


def _check_webhooks(core: Core) -> None:
    """`UsageError` for URLs that nothing may be posted to, and a secret that nothing can be signed with."""
    poster = Poster(core)
    for url in core.settings.webhook_url:
        problem = poster.refusal(url)
        if problem is not None:
            raise UsageError(f"--webhook-url {url}: {problem}")
    try:
        if core.settings.webhook_secret:
            check_secret(core.settings.webhook_secret)
    except ValueError as error:
        raise UsageError(f"--webhook-secret: {error}") from None


def warm_up() -> None:
    """Make what the first requests need, and no start has to wait for: the validator of creates, what carries streams."""
    import_module("sse_starlette.sse")
    parse_create({"model": "gpt-4o", "input": "hello"})
    count_text("hello")


class _Reloader:
    """Reads the scenario files again, on SIGHUP or when they change; a broken one keeps the last good version and says so."""

    def __init__(self, admin: Admin) -> None:
        self._admin = admin
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Reload soon."""
        self._keep(asyncio.ensure_future(self._reload()))

    def watch(self, paths: Sequence[Path]) -> None:
        """Reload whenever something below these paths changes."""
        self._keep(asyncio.ensure_future(self._watch(paths)))

    def _keep(self, task: "asyncio.Task[None]") -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reload(self) -> None:
        try:
            changed = await self._admin.reload()
        except MockApiError as error:
            log.warning("scenarios were not reloaded: %s", error)
        else:
            log.warning(
                "scenarios reloaded: %d loaded, changed: %s", len(self._admin.library.scenarios), ", ".join(changed) or "none"
            )

    async def _watch(self, paths: Sequence[Path]) -> None:
        from watchfiles import awatch  # start-up time where nothing is watched

        # Folders, also of single files: editors replace files, and a watch on the old one would see nothing more.
        places = {path.parent if path.name == "**" or path.is_file() else path for path in paths}
        seen = file_states(paths)
        async for changes in awatch(*places, debounce=100, step=50):
            # A store or a log beside the scenarios changes with every request: that is no reason to read them again.
            states = file_states(paths)
            if states != seen or any([is_picture(path) for _, path in changes]):
                seen = states
                await self._reload()


class _Server(uvicorn.Server):
    """uvicorn, but a signal ends it with exit code 0, and readiness is told once."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None], on_hangup: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._on_hangup = on_hangup

    def end(self) -> None:
        """As a signal would."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        if self.force_exit:  # a second Ctrl-C: nobody waits for streams, but the store is closed
            await self.lifespan.shutdown()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Ask to exit on SIGINT and SIGTERM; do not raise the signal again afterwards."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        if hasattr(signal, "SIGHUP"):
            loop = asyncio.get_running_loop()
            before[signal.SIGHUP] = signal.signal(signal.SIGHUP, lambda number, frame: loop.call_soon_threadsafe(self._on_hangup))
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def bind(settings: Settings) -> socket.socket:
    """A listening socket; `UsageError` in one sentence if the address cannot be used."""
    if not settings.host:
        raise UsageError("--host is empty; 0.0.0.0 listens on all addresses")
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    sock = socket.socket(family)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((settings.host, settings.port))
        sock.listen(_BACKLOG)  # two servers can both bind; only one can listen
    except OSError as error:
        sock.close()
        reason = error.strerror or str(error)
        hint = "choose another address with --host"
        if error.errno == errno.EADDRINUSE:
            hint = "stop what uses it, or choose another with --port (0 picks a free one)"
        raise UsageError(f"cannot listen on {settings.host}:{settings.port}: {reason}; {hint}") from None
    sock.set_inheritable(True)
    return sock


def serve(settings: Settings, say: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; `say` is given the ready line once.

    Raises `ScenarioError` and `UsageError` before anything listens.
    """
    if settings.workers > 1 and not hasattr(os, "fork"):
        raise UsageError("--workers needs a system that can fork: Linux or macOS")
    raise_file_limit()
    app, admin, life = compose_app(settings)
    if settings.workers > 1:
        asyncio.run(life.rehearse())
    sock = bind(settings)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    ready_line = f"mockapi ready on http://{host}:{sock.getsockname()[1]}/v1"
    for name in ("uvicorn", "httpx", "watchfiles"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # What is loaded now lives as long as the process, and what a request makes is mostly kept: collect garbage seldom.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    gc.enable()
    if settings.workers == 1:
        _work(settings, app, admin, life, sock, lambda: say(ready_line))
        return

    neighbours = Neighbours(settings.workers)

    def work(place: Place) -> None:
        admin.work_beside(place.number, neighbours.ask)
        answering = neighbours.answering(place.number, admin.own_metrics)
        try:
            _work(settings, app, admin, life, sock, place.tell_ready, place, answering)
        except UsageError as error:  # a moment ago it could: another worker tries in a moment
            log.error("worker %d cannot begin: %s", place.number, error)
            sys.exit(1)

    try:
        Foreman(settings.workers, work, lambda: say(ready_line), 2 * GRACE_S).run()
    finally:
        neighbours.close()


def _work(
    settings: Settings,
    app: ASGIApp,
    admin: Admin,
    life: Life,
    sock: socket.socket,
    on_ready: Callable[[], None],
    place: Place | None = None,
    beside: AbstractAsyncContextManager[None] | None = None,
) -> None:
    """Be the server, or one of its workers, until a signal ends it."""
    config = uvicorn.Config(
        app,
        loop="auto",
        http=Protocol,
        ws="none",
        lifespan="on",  # the store is open in it, courier and herald live in it
        log_config=None,
        access_log=False,
        proxy_headers=False,  # nothing depends on the client's address or scheme
        server_header=False,
        date_header=settings.clock == "real",
        timeout_graceful_shutdown=GRACE_S,
        backlog=_BACKLOG,
    )
    reloader = _Reloader(admin)

    def tell() -> None:
        if settings.watch and settings.paths and (place is None or place.number == 0):  # the others hear of it by the store
            reloader.watch(settings.paths)
        on_ready()
        asyncio.get_running_loop().call_soon(warm_up)

    async def run() -> None:
        if place is not None:
            asyncio.get_running_loop().add_reader(place.lifeline, server.end)
            if place.is_replacement:
                life.catch_up()
        await life.begin()
        async with beside or nullcontext():
            await server.serve(sockets=[sock])

    server = _Server(config, on_ready=tell, on_hangup=reloader.start)
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(run())
