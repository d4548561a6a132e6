"""What the pytest plugin does once a test asks for it: servers, a project for each test, what is judged at its end."""

import gc
import hashlib
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from mockapi.client import AdminClient, origin_of
from mockapi.errors import UsageError, VerificationError
from mockapi.mocking import MockServer
from mockapi.project import Project
from mockapi.settings import Settings
from mockapi.testreport import TestReport

__all__ = ["Mock", "MockApiWarning", "Session", "key_of"]

_REAL = "https://api.openai.com/v1"
_EARLY_KEY = "sk-mock-built-before-the-test"
_EARLY = (
    "This OpenAI client was built before the test's environment was set (at import, or in a fixture of a wider scope), so it "
    "does not lead to the test's mock: build it inside the test, or in a fixture that asks for `mockapi`."
)
_OVER = (
    "This OpenAI client was built in a test that is over, so it does not lead to this test's mock: build it anew in every test, "
    "not once for all."
)
_ADVICE = (
    "Answer it with mockapi.reply(...) or a step of a scenario, take out what nothing asks for, or let it pass with "
    'mockapi_settings {"strict": False} (docs/pytest.md).'
)
_RUNNING = "poll it to its end, cancel it, or move the clock with mockapi.advance(...)."
_OF_THE_MODULE = "_ModuleClient"  # the SDK's own, behind `openai.responses`
_FIELDS = {field.name for field in fields(Settings)}


class MockApiWarning(pytest.PytestWarning):
    """A test left something running."""


class Mock(Project):
    """What the fixture `mockapi` gives: the project of one test.

    `strict` may be set to False inside a test: then unmatched requests and unused script steps do not fail it.
    """

    def __init__(self, client: AdminClient, api_key: str, folder: Path, server: MockServer | None) -> None:
        super().__init__(client, api_key, folder)
        self.strict = True
        self.server = server

    def misses(self) -> str:
        """The requests that no step matched, with the nearest steps; empty if all did."""
        try:
            self.verify(all_matched=True)
        except VerificationError as error:
            return str(error)
        except UsageError:
            return ""  # a server that is gone has been told already
        return ""

    def refuse(self, message: str) -> None:
        """Answer everything with this sentence from now on."""
        error = {"status": 400, "code": "mock_stale_client", "type": "mock_error", "message": message}
        self._call("POST", "/faults", {"name": "stale", "when": {"endpoint": "*"}, "error": error})


class Session:
    """The servers of one pytest process."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._servers: dict[Settings, MockServer] = {}
        self._outside: AdminClient | None = None
        self._early: list[Any] | None = None
        self._refusing: set[str] = set()
        self._real_urls = {_REAL, os.environ.get("OPENAI_BASE_URL", _REAL).rstrip("/")}
        self.report = TestReport(config.getoption("--mockapi-report"))

    def begin(self, item: pytest.Item, given: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch) -> Mock:
        """A clean project for a test, its scenarios, its environment."""
        settings = {**self._ini(), **given}
        strict = bool(settings.pop("strict"))
        url = self._config.getoption("--mockapi-url") or self._config.getini("mockapi_url")
        client, server = self._at(url, given) if url else self._inside(settings)
        mock = Mock(client, key_of(item.nodeid), item.path.parent, server)
        mock.strict = strict
        mock.reset()
        if server is None:
            self._lay_down(mock, settings)
        for marker in reversed([*item.iter_markers("scenario")]):
            for file in _files_of(marker):
                mock.use(file)
        self._divert_early_clients(item, mock, monkeypatch)
        _renew_module_client(monkeypatch)
        _set_environment(mock, monkeypatch)
        return mock

    def end(self, test: str, mock: Mock, *, is_judged: bool) -> tuple[str, list[str]]:
        """What a test did wrong, in words; and what it left running."""
        problem, left = self._judged(test, mock, is_judged=is_judged)
        if mock.server is not None:
            for path in mock.server.open_streams(mock.api_key):
                left.append(f"{test} left the answer to {path} open: read the stream to its end, or close it.")
            mock.server.hang_up(mock.api_key)
        self.report.add(test, mock)
        mock.refuse(_OVER)
        return problem, left

    def _judged(self, test: str, mock: Mock, *, is_judged: bool) -> tuple[str, list[str]]:
        try:
            mock.verify(all_over=True, all_matched=is_judged, scripts_used=is_judged)
        except VerificationError as error:
            told = {str(each["check"]): str(each["message"]) for each in error.failed}
            running = told.pop("all_over", None)
            left = [] if running is None else [f"{test} left a background response running: {_RUNNING}\n{running}"]
            return "\n".join([f"mockapi: {test}", *told.values(), _ADVICE]) if told else "", left
        return "", []

    def stop(self) -> None:
        """Stop every server."""
        for server in self._servers.values():
            server.stop()
        self._servers.clear()
        if self._outside is not None:
            self._outside.close()

    def _ini(self) -> dict[str, Any]:
        ini = self._config.getini
        return {
            "strict": ini("mockapi_strict"),
            "scenarios": ini("mockapi_scenarios"),
            "clock": ini("mockapi_clock"),
            "unmatched": ini("mockapi_unmatched"),
        }

    def _inside(self, settings: dict[str, Any]) -> tuple[AdminClient, MockServer]:
        """The server with these settings; it is started for the first test that wants it."""
        paths = [*settings.pop("scenarios"), *settings.pop("paths", ())]
        _check_known(settings)
        server = MockServer(*paths, **settings)
        if server.settings not in self._servers:
            self._servers[server.settings] = server.start()
        started = self._servers[server.settings]
        return started.admin, started

    def _at(self, url: str, given: Mapping[str, Any]) -> tuple[AdminClient, None]:
        """The server at a URL; its own options are what they are."""
        fixed = sorted(set(given) - {"strict", "unmatched", "scenarios"})
        _check_known(given)
        if fixed:
            raise UsageError(f"mockapi_settings: {fixed[0]!r} is an option of the server at {url}: give it to `mockapi serve`")
        if self._outside is None:
            client = AdminClient(origin_of(url, "--mockapi-url"), admin_key=self._config.getoption("--mockapi-admin-key"))
            client.greet(_EARLY_KEY)
            self._outside = client
        return self._outside, None

    @staticmethod
    def _lay_down(mock: Mock, settings: Mapping[str, Any]) -> None:
        """What the options of a server inside do, as scenarios of the project."""
        from mockapi.scenario.load import find_files

        for file in find_files(map(Path, settings["scenarios"])):
            mock.use(file.resolve())
        if settings["unmatched"] == "error":
            mock.use({"scenario": "zzz-unmatched", "unmatched": "error", "steps": []})

    def _divert_early_clients(self, item: pytest.Item, mock: Mock, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let clients that were built too early be told so, instead of asking the real API."""
        if self._early is None:
            self._early = [*_clients(gc.get_objects())]  # those of imports: all tests are collected by now
        held = [*getattr(item, "funcargs", {}).values(), *vars(getattr(item, "cls", None) or object).values()]
        for client in {id(each): each for each in (*self._early, *_clients(held))}.values():
            if str(getattr(client, "base_url", "")).rstrip("/") not in self._real_urls:
                continue
            if mock.base_url not in self._refusing:
                Mock(mock.admin, _EARLY_KEY, Path(), None).refuse(_EARLY)
                self._refusing.add(mock.base_url)
            monkeypatch.setattr(client, "base_url", mock.base_url)
            monkeypatch.setattr(client, "api_key", _EARLY_KEY)


def _files_of(marker: pytest.Mark) -> Iterator[Path]:
    """The paths that a mark names."""
    example = '@pytest.mark.scenario("weather.yaml")'
    if marker.kwargs:
        raise UsageError(f"the mark `scenario` takes paths of scenario files, and no '{next(iter(marker.kwargs))}=': {example}")
    if not marker.args:
        raise UsageError(f"the mark `scenario` names no file: {example}")
    for file in marker.args:
        if not isinstance(file, str | os.PathLike):
            raise UsageError(f"the mark `scenario` takes paths of scenario files, not {file!r}: {example}")
        yield Path(file)


def _clients(objects: Iterable[object]) -> Iterator[Any]:
    """The SDK's clients among some objects."""
    sdk = sys.modules.get("openai")
    kinds = tuple(kind for name in ("OpenAI", "AsyncOpenAI") if isinstance(kind := getattr(sdk, name, None), type))
    made = (each for each in objects if issubclass(type(each), kinds)) if kinds else iter(())
    return (each for each in made if type(each).__name__ != _OF_THE_MODULE)


def _renew_module_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """`openai.responses.create(…)` without a client: it is built anew, of this test's environment."""
    sdk = sys.modules.get("openai")
    for name in ("_client", "api_key", "base_url", "organization", "project"):
        if hasattr(sdk, name):  # also where it is None: the client that a test makes is forgotten at its end
            monkeypatch.setattr(sdk, name, None)
    if hasattr(sdk, "http_client"):  # the module keeps its client's connections there: they go with the test, a user's own stay
        monkeypatch.setattr(sdk, "http_client", getattr(sdk, "http_client", None))


def _check_known(settings: Mapping[str, Any]) -> None:
    unknown = sorted(set(settings) - _FIELDS - {"strict", "scenarios"})
    if unknown:
        raise UsageError(f"mockapi_settings: there is no setting {unknown[0]!r}; docs/pytest.md lists them")


def _set_environment(mock: Mock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", mock.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", mock.api_key)
    for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):  # the mock's projects are told apart by them
        monkeypatch.delenv(name, raising=False)
    if any(name.lower() in ("http_proxy", "https_proxy", "all_proxy") for name in os.environ):
        host = urlsplit(mock.base_url).hostname or ""
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.setenv(name, ",".join(filter(None, (os.environ.get(name), host))))


def key_of(test: str) -> str:
    """The API key of a test: the same on every run, so that ids are, and of no other test."""
    return f"sk-mock-{hashlib.sha256(test.encode()).hexdigest()[:24]}"
