"""`MockServer`: a mock server for tests of any framework, as a context manager."""

from dataclasses import fields
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from mockapi.client import AdminClient
from mockapi.errors import UsageError
from mockapi.project import Project
from mockapi.settings import Settings

if TYPE_CHECKING:
    from mockapi.threaded import ThreadedServer

__all__ = ["MockServer"]

_DEFAULTS: dict[str, Any] = {"port": 0, "clock": "virtual", "unmatched": "error"}


class MockServer(Project):
    """A server in a thread of this process, and its first project.

    ```python
    with MockServer("scenarios/") as mock:            # or: async with
        mock.reply("Hello!")
        client = OpenAI(base_url=mock.base_url, api_key=mock.api_key)
    ```

    `paths` are scenario files and folders that every project is served; the keywords are the options of `mockapi serve`
    (`Settings`), with a free port, the virtual clock and `unmatched="error"` unless they say otherwise. Entering raises
    `UsageError` for a port that is in use and `ScenarioError` for a broken file. A server can be entered again once it is left.
    """

    def __init__(self, *paths: str | Path, api_key: str = "sk-mock-test", **settings: Any) -> None:
        unknown = sorted(set(settings) - {field.name for field in fields(Settings)})
        if unknown:
            raise UsageError(f"mockapi: there is no setting {unknown[0]!r}; docs/commands.md lists the options of serve")
        given = {name: tuple(value) if isinstance(value, list) else value for name, value in settings.items()}
        self.settings: Settings = Settings(**{**_DEFAULTS, "paths": tuple(map(Path, paths)), **given})
        self._server: ThreadedServer | None = None
        self._opened: AdminClient | None = None
        super().__init__(_NOWHERE, api_key)

    @property
    def admin(self) -> AdminClient:
        """The client of the running server's admin API; `UsageError` where it does not run."""
        if self._opened is None:
            raise UsageError("mockapi: the server is not running: use it inside `with MockServer() as mock:`, or call start()")
        return self._opened

    @property
    def url(self) -> str:
        """Where the server listens, without `/v1`."""
        return self.admin.origin

    def start(self) -> Self:
        """Start serving; `with` does it by itself."""
        from mockapi.threaded import ThreadedServer

        if self._server is None:
            self._server = ThreadedServer(self.settings)
            self._opened = AdminClient(self._server.origin, admin_key=self.settings.admin_key, pid=self._server.pid)
        return self

    def stop(self) -> None:
        """Stop serving, and forget everything; streams that run get a second to end."""
        if self._server is not None:
            self.admin.close()
            self._server.stop()
        self._server = self._opened = None
        self._replies = self._faults = 0

    def project(self, api_key: str, *, folder: Path | None = None) -> Project:
        """Another project of the same server; `folder` is where relative paths of its scenarios begin."""
        return Project(self.admin, api_key, folder)

    def open_streams(self, api_key: str | None = None) -> list[str]:
        """The paths of answers that are still on their way to a key's clients."""
        return [] if self._server is None else self._server.open_streams(api_key or self.api_key)

    def hang_up(self, api_key: str | None = None) -> None:
        """Drop the connections of `open_streams`."""
        if self._server is not None:
            self._server.hang_up(api_key or self.api_key)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        from asyncio import to_thread

        return await to_thread(self.start)

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        from asyncio import to_thread

        await to_thread(self.stop)


_NOWHERE = AdminClient("")
