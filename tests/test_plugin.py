"""The pytest plugin, run by pytest on suites of its own: the fixture, isolation, the marker, settings, what is wrong."""

import pytest

from mockapi.testing import key_of

from .suites import WEATHER


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
    "no file": ("@pytest.mark.scenario()\ndef test_it(): pass", "mockapi: the mark `scenario` names no file: *"),
    "no path": ("@pytest.mark.scenario(3)\ndef test_it(): pass", "mockapi: the mark `scenario` takes paths of scenario files, not 3: *"),
    "keyword": ("@pytest.mark.scenario(file='a.yaml')\ndef test_it(): pass", "mockapi: the mark `scenario` takes paths of scenario files, and no 'file=': *"),
    "a folder": ("@pytest.mark.scenario('.')\ndef test_it(): pass", "mockapi: * is a folder: name its files, or *mockapi_scenarios*"),
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


def test_the_entry_point_is_enough_and_costs_nothing_where_it_is_not_used(suite, monkeypatch):
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    result = suite(
        """
import sys
def test_it(pytestconfig):
    assert pytestconfig.pluginmanager.get_plugin("mockapi") is sys.modules["mockapi.pytest_plugin"]
    assert not {"mockapi.testing", "mockapi.server", "uvicorn"} & set(sys.modules)
""",
        "-p",
        "no:langsmith_plugin",
        apart=True,
        sdk=False,
    )
    result.assert_outcomes(passed=1)
