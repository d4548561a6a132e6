"""The pytest plugin in company: asyncio, anyio, xdist, its report, a server outside."""

import json

import pytest

from .suites import WEATHER

ASYNC = """
{mark}
async def test_{name}(mockapi):
    mockapi.reply("async")
    async with AsyncOpenAI() as client:
        assert (await client.responses.create(model="m", input="x")).output_text == "async"
        stream = await client.responses.create(model="m", input="x", stream=True)
        assert [event.type async for event in stream][-1] == "response.completed"
    assert mockapi.requests[1].events[-1]["type"] == "response.completed"
"""


def test_async_tests(suite):
    code = "@pytest.fixture\ndef anyio_backend(): return 'asyncio'\n"
    code += "".join(ASYNC.format(mark=f"@pytest.mark.{name}", name=name) for name in ("anyio", "asyncio"))
    suite(code, apart=True, plugins=("anyio", "asyncio")).assert_outcomes(passed=2)


REPORTED = """
@pytest.mark.scenario("weather.yaml")
@pytest.mark.parametrize("number", range(4))
def test_many(mockapi, number):
    mockapi.strict = False
    assert ask("weather") == "sunny"
    assert len(mockapi.requests) == 1
"""


@pytest.mark.parametrize("options", [[], ["-n", "2"]], ids=["alone", "xdist"])
def test_the_report_tells_requests_and_unused_steps(suite, pytester, options):
    result = suite(REPORTED, "--mockapi-report", "report.json", *options, plugins=("xdist",), sdk=False, weather=WEATHER)
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(
        ["mockapi: report.json: 1 of 2 scenario steps were used", "  no test used weather, thank (*weather.yaml:2)"]
    )
    report = json.loads((pytester.path / "report.json").read_text())
    assert [each["test"] for each in report["tests"]] == [f"test_it.py::test_many[{number}]" for number in range(4)]
    assert report["tests"][0]["requests"][0]["request"]["input"] == "weather"
    assert [(row["step"], row["hits"]) for row in report["coverage"]["steps"]] == [("ask", 4), ("thank", 0)]
    assert [row["step"] for row in report["coverage"]["unused"]] == ["thank"]


def test_an_outside_server_gives_the_same(suite, serve):
    server = serve(admin_key="secret")
    code = """
@pytest.mark.scenario("weather.yaml")
def test_all(mockapi):
    assert mockapi.requests == []
    assert [ask("weather"), ask("thanks")] == ["sunny", "bye"]
    mockapi.verify(sequence=[{"input": "weather"}, {"input": "thanks"}], only=[{"model": "m"}], all_steps_used=True)

def test_miss(mockapi):
    with pytest.raises(Exception, match="No scenario step matches"):
        ask("x")
"""
    for _ in range(2):
        result = suite(code, "--mockapi-url", f"{server.url}/v1", "--mockapi-admin-key", "secret", weather=WEATHER)
        result.assert_outcomes(passed=2, errors=1)


OUTSIDE = [
    (["--mockapi-url", "http://127.0.0.1:1"], "", "mockapi: no mock server answers at http://127.0.0.1:1 *: start it, or correct the URL"),
    (["--mockapi-url", "ftp://x"], "", "mockapi: --mockapi-url ftp://x: give it as http://HOST:PORT"),
    (["--mockapi-url", "http://127.0.0.1:1"], "@pytest.fixture\ndef mockapi_settings(): return {'seed': 's'}", "*'seed' is an option of the server at http://127.0.0.1:1: give it to `mockapi serve`"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "code", "words"), OUTSIDE)
def test_an_outside_server_that_cannot_be_used(suite, options, code, words):
    result = suite(f"{code}\ndef test_it(mockapi): pass", *options)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([words])


def test_an_outside_server_that_is_no_mock(suite, stranger):
    url = stranger(200, b'{"ok": true}')
    result = suite("def test_it(mockapi): pass", "--mockapi-url", url)
    result.assert_outcomes(errors=1)
    why = "answers a status that is not `ready`, which no mock server does: correct the URL"
    result.stdout.fnmatch_lines([f"mockapi: {url} {why}"])


def test_an_outside_server_that_takes_some_keys_alone(suite, serve):
    server = serve(api_keys=("sk-a",))
    result = suite("def test_it(mockapi): pass", "--mockapi-url", server.url)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"mockapi: the server at {server.url} takes no keys but its --api-keys: *"])


AGAIN = """
from _pytest.runner import runtestprotocol

def pytest_runtest_protocol(item, nextitem):
    # As pytest-rerunfailures does: another go after a failure, the last one counts.
    for go in range(3):
        item._initrequest()
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        if not any(report.failed for report in reports):
            break
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    return True
"""
RERUN = """
GOES = []

def test_fails_twice(mockapi):
    GOES.append(1)
    assert (mockapi.requests, mockapi.responses, mockapi.scenarios) == ([], [], [])
    mockapi.reply("one", times=1)
    assert ask() == "one"
    assert len(GOES) > 2

def test_is_judged_once(mockapi):
    GOES.append(1)
    if len(GOES) < 5:
        with pytest.raises(Exception, match="No scenario step matches"):
            ask("a miss")
    else:
        mockapi.reply("two", times=1)
        assert ask() == "two"

def test_stays_wrong(mockapi):
    mockapi.reply("never asked for", times=1)
"""


def test_a_test_that_is_run_again_begins_anew(suite, pytester):
    pytester.makeconftest(AGAIN)
    result = suite(RERUN)
    result.assert_outcomes(passed=3, errors=1)
    assert result.stdout.str().partition("short test summary")[0].count("found 1 step that nothing asked for") == 1
    assert "a miss" not in result.stdout.str()
