"""The pytest plugin is strict: what it fails a test for, with which words, and how that is switched off."""

import pytest

from .suites import WEATHER


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


LEFT = """
clients = []

def test_run(mockapi):
    mockapi.reply("later", background={"stuck": "queued"})
    ask(background=True)

def test_stream(mockapi):
    mockapi.reply("one two three", fault={"stall": {"at": 2}})
    clients.append(OpenAI())
    stream = clients[0].responses.create(model="m", input="x", stream=True)
    assert next(iter(stream)).type == "response.created"
    mockapi.strict = False

def teardown_module():
    clients[0].close()
"""


def test_what_is_left_running_is_an_error_where_warnings_are(suite):
    result = suite(LEFT, "-W", "error")
    result.assert_outcomes(passed=2, errors=2)
    result.stdout.fnmatch_lines(["test_it.py::test_run left a background response running: *"])


def test_what_is_left_running_is_warned_of(suite):
    result = suite(LEFT, "-W", "default")
    result.assert_outcomes(passed=2, warnings=2)
    result.stdout.fnmatch_lines(
        [
            "*MockApiWarning: test_it.py::test_run left a background response running: poll it to its end, cancel it*",
            "*- resp_* of request 1 * is still queued",
            "*MockApiWarning: test_it.py::test_stream left the answer to /v1/responses open: read the stream to its end, or close it*",
        ]
    )


def test_a_traceback_ends_in_the_test(suite):
    result = suite("""
def test_verify(mockapi):
    mockapi.reply("x")
    ask("berlin")
    mockapi.verify({"input": "paris"})

def test_use(mockapi):
    mockapi.use("steps: [{repl: x}]")

def test_reply(mockapi):
    mockapi.reply("x", when={"inptu": "paris"})

def test_last(mockapi):
    mockapi.last_request
""")
    result.assert_outcomes(failed=4)
    result.stdout.fnmatch_lines(
        [
            ">       mockapi.verify({*",
            "E       *VerificationError: Expected at least 1*",
            "E           ✗ input: wanted containing 'paris', got 'berlin'",
            ">       mockapi.use(*",
            "E       *ScenarioError: scenario:1:*",
        ]
    )
    told = result.stdout.str()
    assert [name for name in ("project.py", "client.py", "load.py", "source.py", "self._call") if name in told] == []


def test_a_request_where_nothing_was_scripted_says_how_to_script(suite):
    result = suite("def test_it(mockapi):\n    ask('x')")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*No scenario is loaded: say what to answer*mockapi.reply(...)*"])


def test_an_interrupted_test_is_not_judged(suite):
    result = suite("def test_it(mockapi):\n    mockapi.reply('unused')\n    raise KeyboardInterrupt", apart=True, sdk=False)
    assert result.ret == 2
    assert "never used" not in result.stdout.str() + result.stderr.str()
    assert "Traceback" not in result.stderr.str()
