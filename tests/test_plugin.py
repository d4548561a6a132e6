"""The pytest plugin, run by pytest on suites of its own: fixture, isolation, strictness, messages, other plugins."""

import json

import pytest

from mockapi.testing import key_of

HEAD = """
import os
import pytest
from openai import AsyncOpenAI, OpenAI

def ask(text="x", client=None, **body):
    with client or OpenAI(max_retries=0) as client:
        return client.responses.create(model="m", input=text, **body).output_text
"""
ASYNCIO = "[pytest]\nasyncio_default_fixture_loop_scope = function\n"


@pytest.fixture
def suite(pytester, monkeypatch):
    """Run a suite: `suite(code, *options, **files)`; in this process unless `apart`."""
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-real")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)

    def run(code: str, *options: str, ini: str = "", apart: bool = False, **files: str):
        for name, text in files.items():
            (pytester.path / f"{name}.yaml").write_text(text)
        pytester.makeini(ASYNCIO + ini)
        pytester.makepyfile(test_it=HEAD + code)
        how = pytester.runpytest_subprocess if apart else pytester.runpytest_inprocess
        return how("-p", "no:randomly", "-p", "no:cacheprovider", *options)

    return run


def test_a_first_green_test(suite):
    result = suite("""
def test_hello(mockapi):
    mockapi.reply("Hello!")
    assert ask("Hi") == "Hello!"
    assert os.environ["OPENAI_BASE_URL"] == mockapi.base_url
    assert os.environ["OPENAI_API_KEY"] == mockapi.api_key
    request = mockapi.last_request
    assert (request.operation, request.status, request.body["input"]) == ("responses.create", 200, "Hi")
    assert (request.scenario, request.step, request.events) == ("0-reply-0001", "reply 1", [])
    mockapi.verify({"input": "hi"}, count=1)

def test_environment_is_gone():
    assert os.environ["OPENAI_API_KEY"] == "sk-real"
    assert "OPENAI_BASE_URL" not in os.environ
""")
    result.assert_outcomes(passed=2)


def test_tests_never_meet_and_keys_hold(suite):
    code = """
@pytest.mark.parametrize("number", [1, 2])
def test_state(mockapi, number):
    assert mockapi.requests == []
    mockapi.reply(f"number {number}")
    assert ask() == f"number {number}"
    assert mockapi.advance("10m").minute == 10
    print("KEY", mockapi.api_key, mockapi.responses[0]["id"])
"""
    first, second = suite(code, "-s"), suite(code, "-s")
    first.assert_outcomes(passed=2)
    lines = [line for line in first.outlines if "KEY" in line]
    assert lines == [line for line in second.outlines if "KEY" in line]
    assert key_of("test_it.py::test_state[1]") in lines[0]
    assert key_of("test_it.py::test_state[2]") in lines[1]


def test_replies_come_in_order_and_the_last_goes_on(suite):
    result = suite("""
def test_order(mockapi):
    mockapi.reply([{"function_call": {"name": "f", "arguments": {}}}])
    mockapi.reply("then")
    mockapi.reply("rome!", when={"input": "rome"})
    first = OpenAI().responses.create(model="m", input="a")
    assert first.output[0].type == "function_call"
    assert [ask("b"), ask("c"), ask("Rome?"), ask("d")] == ["then", "then", "rome!", "then"]

def test_times(mockapi):
    mockapi.reply("twice", times=2)
    mockapi.reply("always", times=None)
    assert [ask() for _ in range(4)] == ["twice", "twice", "always", "always"]
    mockapi.fail_next("rate_limit_exceeded")
    with pytest.raises(Exception, match="429"):
        ask()
    mockapi.fail_next(503, when={"input": "y"})
    assert ask("x") == "always"
    mockapi.fault("disconnect", times=1)
    with pytest.raises(Exception, match="Connection|disconnected|503"):
        ask("y")
""")
    result.assert_outcomes(passed=2)


WEATHER = (
    "mode: script\nsteps: [{name: ask, when: {input: weather}, reply: sunny}, {name: thank, when: {input: thanks}, reply: bye}]"
)


def test_the_marker_serves_files_beside_the_test(suite):
    result = suite(
        """
import unittest

@pytest.mark.scenario("weather.yaml")
def test_used():
    assert [ask("weather"), ask("thanks")] == ["sunny", "bye"]

@pytest.mark.scenario("weather.yaml", "other.yaml")
class TestAll:
    def test_both(self, mockapi):
        assert [ask("weather"), ask("thanks"), ask("other")] == ["sunny", "bye", "o"]

@pytest.mark.scenario("other.yaml")
class TestOld(unittest.TestCase):
    def test_it(self):
        self.assertEqual(ask("other"), "o")
""",
        weather=WEATHER,
        other="steps: [{when: {input: other}, reply: o}]",
    )
    result.assert_outcomes(passed=3)


def test_an_unmatched_request_fails_the_test_at_teardown(suite):
    result = suite("""
def test_miss(mockapi):
    mockapi.reply("Hello", when={"input": "paris", "model": "m"})
    with pytest.raises(Exception):
        ask("berlin")
""")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "mockapi: test_it.py::test_miss",
            "Expected that a scenario step answers every request, found 1 request without one.",
            "- request 1 (responses.create 422): model 'm', input 'berlin'",
            '    sent: {*"input":*"berlin"*',
            "    The nearest:",
            "    - 0-reply-0001, reply 1 (0-reply-0001:1):",
            "        ✗ input: wanted containing 'paris', got 'berlin'",
            "        ✓ model: wanted 'm', got 'm'",
            "Answer it with mockapi.reply(...)*",
        ]
    )


def test_the_sdks_error_is_readable_and_told_once(suite):
    result = suite("""
def test_miss(mockapi):
    mockapi.reply("Hello", when={"input": "paris"})
    ask("berlin")

def test_swallowed(mockapi):
    mockapi.reply("Hello", when={"input": "paris"})
    try:
        ask("berlin")
    except Exception:
        pass
    assert mockapi.last_request.status == 200
""")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "E *No scenario step matches this request: model 'm', input 'berlin'.",
            "E *✗ input: wanted containing 'paris', got 'berlin'",
        ]
    )
    assert len([line for line in result.outlines if line.strip("- ") == "mockapi"]) == 1  # below the second alone


def test_an_unused_script_step_fails_the_test(suite):
    result = suite(
        """
@pytest.mark.scenario("weather.yaml")
def test_half():
    ask("weather")

def test_unasked(mockapi):
    mockapi.reply("a")
    mockapi.reply("b")
    ask("weather")
    mockapi.reply("rule", when={"input": "never"})
""",
        weather=WEATHER,
    )
    result.assert_outcomes(passed=2, errors=2)
    result.stdout.fnmatch_lines(
        [
            "*found 1 step that nothing asked for.",
            "- never used: weather, thank (weather:2)",
            "    nearest: request 1 (responses.create 200): model 'm', input 'weather'",
            "        ✗ input: wanted containing 'thanks', got 'weather'",
            "- never used: 0-reply-0002, reply 2*",
        ]
    )


def test_a_test_that_did_not_come_to_its_end_is_not_judged(suite):
    result = suite("""
def test_skips(mockapi):
    mockapi.reply("unused")
    pytest.skip("later")

@pytest.mark.xfail(raises=AssertionError, strict=True)
def test_expected(mockapi):
    mockapi.reply("unused")
    assert False

def test_fails(mockapi):
    mockapi.reply("unused")
    assert False

@pytest.fixture
def broken(mockapi):
    mockapi.reply("unused")
    raise OSError("no")

def test_setup(broken): pass
""")
    result.assert_outcomes(skipped=1, xfailed=1, failed=1, errors=1)


LENIENT = [
    ("@pytest.fixture\ndef mockapi_settings(): return {'strict': False}", ""),
    ("@pytest.fixture(scope='session')\ndef mockapi_settings(): return {'unmatched': 'auto', 'strict': False}", ""),
    ("", "mockapi_strict = false\n"),
    ("@pytest.fixture(autouse=True)\ndef lenient(mockapi): mockapi.strict = False", ""),
]


@pytest.mark.parametrize(("code", "ini"), LENIENT)
def test_strictness_can_be_switched_off(suite, code, ini):
    result = suite(
        f"""
{code}

@pytest.mark.scenario("weather.yaml")
def test_it(mockapi):
    try:
        ask("nothing known")
    except Exception as error:
        assert "No scenario step matches" in str(error)
""",
        ini=ini,
        weather=WEATHER,
    )
    result.assert_outcomes(passed=1)


def test_ini_scenarios_are_served_to_every_test(suite):
    result = suite(
        """
def test_shared(mockapi):
    assert ask("weather") == "sunny"
    assert mockapi.scenarios[0]["from"] == "server"
""",
        ini="mockapi_scenarios = weather.yaml\nmockapi_clock = real\n",
        weather=WEATHER,
    )
    result.assert_outcomes(passed=1)


BAD = {
    "missing": ("@pytest.mark.scenario('gone.yaml')\ndef test_it(): pass", "mockapi: there is no scenario file at *gone.yaml: correct the path*"),
    "broken": ("@pytest.mark.scenario('broken.yaml')\ndef test_it(): pass", "mockapi: *broken.yaml:2:*: steps[[]0[]].when.inptu: unknown key; did you mean 'input'?"),
    "setting": ("@pytest.fixture\ndef mockapi_settings(): return {'clok': 1}\ndef test_it(mockapi): pass", "mockapi_settings: there is no setting 'clok'*"),
    "port": ("import socket\n@pytest.fixture\ndef mockapi_settings():\n    with socket.create_server(('127.0.0.1', 0)) as taken:\n        yield {'port': taken.getsockname()[1]}\ndef test_it(mockapi): pass", "mockapi: cannot listen on 127.0.0.1:*; stop what uses it, or choose another with --port (0 picks a free one)"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_ends_with_one_sentence(suite, case):
    code, words = BAD[case]
    result = suite(code, broken="steps:\n- when: {inptu: x}\n  reply: y")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([words])
    assert "During handling" not in result.stdout.str()


def test_a_client_built_at_import_is_told_so(suite):
    result = suite("""
client = OpenAI(max_retries=0)
other = OpenAI(base_url="http://127.0.0.1:1/v1", max_retries=0)

@pytest.fixture(scope="module")
def wide():
    return OpenAI(max_retries=0)

def test_early(mockapi):
    mockapi.reply("never", times=None)
    with pytest.raises(Exception, match="built before the test's environment was set"):
        client.responses.create(model="m", input="x")
    with pytest.raises(Exception, match="Connection"):
        other.responses.create(model="m", input="x")

def test_wide(wide, mockapi):
    with pytest.raises(Exception, match="build it inside the test, or in a fixture that asks for `mockapi`"):
        wide.responses.create(model="m", input="x")

def test_restored():
    assert (str(client.base_url), client.api_key) == ("https://api.openai.com/v1/", "sk-real")

kept = []

def test_keeps(mockapi):
    mockapi.reply("mine")
    kept.append(OpenAI(max_retries=0))
    assert kept[0].responses.create(model="m", input="x").output_text == "mine"

def test_reuses(mockapi):
    with pytest.raises(Exception, match="built in a test that is over"):
        kept[0].responses.create(model="m", input="x")
""")
    result.assert_outcomes(passed=5)


def test_the_sdks_module_client_follows_the_test(suite):
    result = suite("""
import openai
openai.api_key = "sk-set-at-import"

@pytest.mark.parametrize("number", [1, 2])
def test_module(mockapi, number):
    mockapi.reply(f"number {number}")
    assert openai.responses.create(model="m", input="x").output_text == f"number {number}"

def test_restored():
    assert openai.api_key == "sk-set-at-import"
    openai.api_key = None
""")
    result.assert_outcomes(passed=3)


def test_a_client_without_a_key_at_import_is_explained(suite, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    result = suite("client = OpenAI()\ndef test_it(mockapi): pass")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["mockapi: an OpenAI client is built while this file is imported*"])


LEFT = """
def test_run(mockapi):
    mockapi.reply("later", background={"stuck": "queued"})
    ask(background=True)

def test_stream(mockapi):
    mockapi.reply("one two three", fault={"stall": {"at": 2}})
    stream = OpenAI().responses.create(model="m", input="x", stream=True)
    assert next(iter(stream)).type == "response.created"
    mockapi.strict = False
"""


def test_what_is_left_running_is_an_error_where_warnings_are(suite):
    result = suite(LEFT, "-W", "error")
    result.assert_outcomes(passed=2, errors=2)
    result.stdout.fnmatch_lines(["test_it.py::test_run left a background response running: *"])


def test_what_is_left_running_is_warned_of(suite):
    result = suite(LEFT, apart=True)
    result.assert_outcomes(passed=2, warnings=2)
    result.stdout.fnmatch_lines(
        [
            "*MockApiWarning: test_it.py::test_run left a background response running: poll it to its end, cancel it*",
            "*- resp_* of request 1 * is still queued",
            "*MockApiWarning: test_it.py::test_stream left the answer to /v1/responses open: read the stream to its end, or close it*",
        ]
    )


def test_a_fork_is_told_to_use_the_environment(suite):
    result = suite(
        """
def test_fork(mockapi):
    mockapi.reply("hi")
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            mockapi.requests
        except Exception as error:
            os.write(writing, str(error).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert "is a fork: let the client under test ask it over OPENAI_BASE_URL" in os.read(reading, 1000).decode()
    assert ask() == "hi"
""",
        apart=True,
    )
    result.assert_outcomes(passed=1)


ASYNC = """
{mark}
async def test_async(mockapi):
    mockapi.reply("async")
    async with AsyncOpenAI() as client:
        assert (await client.responses.create(model="m", input="x")).output_text == "async"
        stream = await client.responses.create(model="m", input="x", stream=True)
        assert [event.type async for event in stream][-1] == "response.completed"
    assert mockapi.requests[1].events[-1]["type"] == "response.completed"
"""


@pytest.mark.parametrize("mark", ["@pytest.mark.anyio", "@pytest.mark.asyncio"])
def test_async_tests(suite, mark):
    code = "@pytest.fixture\ndef anyio_backend(): return 'asyncio'\n" + ASYNC.format(mark=mark)
    suite(code, apart=True).assert_outcomes(passed=1)


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
    result = suite(REPORTED, "--mockapi-report", "report.json", *options, apart=True, weather=WEATHER)
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


def test_the_plugin_costs_nothing_where_it_is_not_used(suite):
    result = suite(
        """
import sys
def test_it():
    assert "mockapi.pytest_plugin" in sys.modules
    assert not {"mockapi.testing", "mockapi.server", "uvicorn", "pydantic_core.x"} & set(sys.modules)
""",
        apart=True,
    )
    result.assert_outcomes(passed=1)


def test_a_proxy_is_not_asked_for_the_mock(suite, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    suite("def test_it(mockapi):\n    mockapi.reply('hi')\n    assert ask() == 'hi'").assert_outcomes(passed=1)


def test_another_projects_header_of_the_environment_is_taken_away(suite, monkeypatch):
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj_x")
    suite("def test_it(mockapi):\n    mockapi.reply('hi')\n    assert ask() == 'hi'").assert_outcomes(passed=1)
