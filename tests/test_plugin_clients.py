"""Clients under the pytest plugin: built too early, kept too long, the SDK's own, in a fork, behind a proxy."""


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
before = openai._client

@pytest.mark.parametrize("number", [1, 2])
def test_module(mockapi, number):
    mockapi.reply(f"number {number}")
    assert openai.responses.create(model="m", input="x").output_text == f"number {number}"

def test_restored():
    assert openai.api_key == "sk-set-at-import"
    assert openai._client is before
    assert openai.http_client is None
    openai.api_key = None
""")
    result.assert_outcomes(passed=3)


def test_a_client_without_a_key_at_import_is_explained(suite, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    result = suite("client = OpenAI()\ndef test_it(mockapi): pass")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["mockapi: an OpenAI client is built while this file is imported*"])


def test_a_client_without_a_key_in_a_wide_fixture_is_explained(suite, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    code = "@pytest.fixture(scope='session')\ndef wide(): return OpenAI()\ndef test_it(wide, mockapi): pass"
    result = suite(code)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["mockapi: an OpenAI client is built in a fixture before `mockapi` has set *"])


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
        sdk=False,
    )
    result.assert_outcomes(passed=1)


def test_a_proxy_is_not_asked_for_the_mock(suite, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    suite("def test_it(mockapi):\n    mockapi.reply('hi')\n    assert ask() == 'hi'").assert_outcomes(passed=1)


def test_another_projects_header_of_the_environment_is_taken_away(suite, monkeypatch):
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj_x")
    suite("def test_it(mockapi):\n    mockapi.reply('hi')\n    assert ask() == 'hi'").assert_outcomes(passed=1)
