"""The pytest plugin: the fixture `mockapi`, the marker `scenario`, the options. The rest is imported when a test needs it.

docs/pytest.md is its manual.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mockapi.testing import Mock, Session

__all__ = ["mockapi", "mockapi_settings"]

_SESSION: "pytest.StashKey[Session]" = pytest.StashKey()
_ACTIVE: "pytest.StashKey[Mock]" = pytest.StashKey()
_HAS_PASSED: pytest.StashKey[bool] = pytest.StashKey()

_TOLD = "No scenario step matches this request"
_IMPORTED_TOO_EARLY = (
    "mockapi: an OpenAI client is built while this file is imported, before any test has set OPENAI_API_KEY and OPENAI_BASE_URL: "
    "build it inside the test, or in a fixture that asks for `mockapi`."
)

_FIXTURE_TOO_EARLY = (
    "mockapi: an OpenAI client is built in a fixture before `mockapi` has set OPENAI_API_KEY and OPENAI_BASE_URL: let that "
    "fixture ask for `mockapi`, with the scope of a test."
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """The command line and the ini file."""
    group = parser.getgroup("mockapi", "mock of OpenAI's Responses API")
    group.addoption("--mockapi-url", metavar="URL", help="Use the mock server at this URL instead of one inside this process.")
    group.addoption("--mockapi-admin-key", metavar="KEY", default="", help="The --admin-key of that server.")
    group.addoption("--mockapi-report", metavar="FILE", help="Write every test's requests, and which steps were used, as JSON.")
    parser.addini("mockapi_url", "The same as --mockapi-url.", default="")
    parser.addini("mockapi_strict", "Fail a test for unmatched requests and unused script steps.", type="bool", default=True)
    parser.addini("mockapi_scenarios", "Scenario files and folders that every test is served.", type="paths", default=[])
    parser.addini("mockapi_clock", "virtual or real.", default="virtual")
    parser.addini("mockapi_unmatched", "error or auto: what a request gets that no step matches.", default="error")


def pytest_configure(config: pytest.Config) -> None:
    """Tell of the marker."""
    line = "scenario(*files): serve these scenario files to the test, relative to the file that it stands in"
    config.addinivalue_line("markers", line)


def pytest_itemcollected(item: pytest.Item) -> None:
    """A test with the marker has the fixture, whether it names it or not."""
    names: list[str] | None = getattr(item, "fixturenames", None)
    if names is not None and "mockapi" not in names and item.get_closest_marker("scenario"):
        names.insert(0, "mockapi")


@pytest.fixture
def mockapi_settings() -> Mapping[str, Any]:
    """Override this to change the server's options (`{"unmatched": "auto", "seed": "x"}`), or `{"strict": False}`."""
    return {}


@pytest.fixture
def mockapi(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, mockapi_settings: Mapping[str, Any]
) -> "Iterator[Mock]":
    """A project of a mock server for this test alone; `OPENAI_BASE_URL` and `OPENAI_API_KEY` lead there."""
    from mockapi.errors import MockApiError

    item: pytest.Item = request.node
    mock: Mock | None = None
    problem = ""
    session = _session(request.config)
    try:
        mock = session.begin(item, mockapi_settings, monkeypatch)
    except MockApiError as error:
        problem = _sentence(error)
    if mock is None:
        pytest.fail(problem, pytrace=False)
    item.stash[_ACTIVE] = mock
    item.stash[_HAS_PASSED] = False
    yield mock
    del item.stash[_ACTIVE]
    is_judged = mock.strict and item.stash[_HAS_PASSED]
    try:
        problem, left = session.end(item.nodeid, mock, is_judged=is_judged)
    except MockApiError as error:
        problem, left = _sentence(error), []
    if problem := "\n".join(filter(None, (problem, *_warned(item, left)))):
        pytest.fail(problem, pytrace=False)


def _warned(item: pytest.Item, left: Sequence[str]) -> Iterator[str]:
    """Warn of what a test left running; what comes back is an error in this session (`-W error`)."""
    from mockapi.testing import MockApiWarning

    for text in left:
        try:
            item.warn(MockApiWarning(text))
        except MockApiWarning:
            yield text


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: "pytest.CallInfo[None]"
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Below a test that failed: the requests that no step matched, which may be why."""
    report = yield
    mock = item.stash.get(_ACTIVE, None)
    if call.when == "call":  # never for an interrupted test; skipped and expected failures did not come to their end either
        item.stash[_HAS_PASSED] = call.excinfo is None
    has_fixture = "mockapi" in getattr(item, "fixturenames", ())
    if report.when == "setup" and report.failed and has_fixture and mock is None and "OPENAI_API_KEY" in str(report.longrepr):
        report.sections.append(("mockapi", _FIXTURE_TOO_EARLY))
    if report.when == "call" and report.failed:
        text = mock.misses() if mock is not None else ""
        if text and _TOLD not in str(report.longrepr):  # by the SDK's error, else
            report.sections.append(("mockapi", text))
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Say what to do about a client that is built at import, where the SDK says only that it has no key."""
    report = yield
    if report.failed and "OPENAI_API_KEY" in str(report.longrepr):
        report.sections.append(("mockapi", _IMPORTED_TOO_EARLY))
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """What an xdist worker has seen."""
    part = getattr(node, "workeroutput", {}).get("mockapi")
    if part:
        _session(node.config).report.merge(part)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stop the servers, write the report."""
    config = session.config
    known = config.stash.get(_SESSION, None)
    if known is None and config.getoption("--mockapi-report"):
        known = _session(config)
    if known is None:
        return
    known.stop()
    if hasattr(config, "workeroutput"):
        config.workeroutput["mockapi"] = known.report.part
    else:
        known.report.write()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Where the report is, and the steps that no test used."""
    known = config.stash.get(_SESSION, None)
    for line in known.report.summary if known is not None else ():
        terminalreporter.write_line(line)


def _session(config: pytest.Config) -> "Session":
    from mockapi.testing import Session

    if _SESSION not in config.stash:
        config.stash[_SESSION] = Session(config)
    return config.stash[_SESSION]


def _sentence(error: Exception) -> str:
    text = str(error)
    return text if text.startswith("mockapi") else f"mockapi: {text}"
