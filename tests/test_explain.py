"""`mockapi explain`: which step answers, and why the others do not; from a file, and from a server's journal."""

import json

import httpx
import pytest
from click.testing import CliRunner

from mockapi.cli import main

FILE = """
scenario: talk
steps:
  - {name: greet, when: {input: hello}, reply: hi}
  - {name: model, when: {model: gpt-*, input: hello}, reply: hi}
  - {name: luck, when: {input: luck}, chance: 0.5, reply: won}
  - {name: rest, when: {input: luck}, reply: lost}
  - {name: read, when: {endpoint: responses.retrieve}, error: server_error}
"""


@pytest.fixture
def explain(tmp_path):
    """Run the command on a request: `explain(body, *options)`."""
    path = tmp_path / "talk.yaml"
    path.write_text(FILE)

    def run(body, *options):
        text = body if isinstance(body, str) else json.dumps(body)
        return CliRunner().invoke(main, ["explain", str(path), "--request", "-", *options], input=text)

    return run


def test_it_names_the_step_and_the_others_reasons(explain, tmp_path):
    result = explain({"model": "gpt-5", "input": "hello there"})
    place = f"({tmp_path}/talk.yaml"
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "The request: responses.create, model 'gpt-5', input 'hello there'.",
        f"talk, greet {place}:4) answers:",
        "    ✓ input: wanted containing 'hello', got 'hello there'",
        f"- talk, model {place}:5) would too, but it comes later:",
        "    ✓ model: wanted 'gpt-*', got 'gpt-5'",
        "    ✓ input: wanted containing 'hello', got 'hello there'",
        f"- talk, luck {place}:6) does not:",
        "    ✗ input: wanted containing 'luck', got 'hello there'",
        f"- talk, rest {place}:7) does not:",
        "    ✗ input: wanted containing 'luck', got 'hello there'",
    ]


def test_a_chance_is_told(explain):
    result = explain({"model": "m", "input": "luck"})
    assert "luck (" in result.stdout.splitlines()[1]
    assert "answers if its chance of 0.5 fires:" in result.stdout
    assert f"rest ({result.stdout.split('(')[1].split(':')[0]}:7) answers otherwise:" in result.stdout


def test_a_chance_that_falls_back_answers_either_way_and_one_of_nothing_never(tmp_path):
    path = tmp_path / "luck.yaml"
    path.write_text("steps:\n- {chance: 0, reply: a}\n- {chance: 0.5, reply: b, error: server_error}\n- {reply: c}\n")
    result = CliRunner().invoke(main, ["explain", str(path), "--request", "-"], input='{"model": "m", "input": "x"}')
    assert result.stdout.splitlines()[1:] == [
        f"luck, step 2 ({path}:3) answers plainly, or as it scripts if its chance of 0.5 fires:",
        f"- luck, step 1 ({path}:2) does not:",
        "    ✗ chance: wanted a chance of 0 to fire, got it never does",
        f"- luck, step 3 ({path}:4) would too, but it comes later:",
    ]


def test_nobody_answers(explain):
    result = explain({"model": "m", "input": "bye"})
    assert result.exit_code == 1
    assert result.stdout.splitlines()[1] == "No step answers it."


def test_as_data(explain):
    told = json.loads(explain({"model": "m", "input": "hello"}, "--json").stdout)
    assert (told["answers"]["step"], [step["verdict"] for step in told["steps"]]) == ("greet", ["answers", "no", "no", "no"])
    assert told["steps"][1]["criteria"][0] == {"field": "model", "holds": False, "wanted": "'gpt-*'", "got": "'m'"}


def test_a_call_of_the_journal_may_be_given_too(explain):
    call = {"operation": "responses.create", "headers": {"X-A": "b"}, "request": {"model": "m", "input": "hello"}}
    assert explain(call).exit_code == 0
    assert "with --journal ID --url URL" in explain({**call, "operation": "responses.retrieve"}).stderr


BAD = [
    ("no json", "the request must be a JSON object"),
    ("[]", "the request must be a JSON object"),
]


@pytest.mark.parametrize(("body", "words"), BAD)
def test_what_cannot_be_read_is_wrong_usage(explain, body, words):
    result = explain(body)
    assert result.exit_code == 2
    assert words in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [["scenarios"], ["--request", "-", "--journal", "x"], ["scenarios", "--journal", "x"], ["gone", "--request", "-"], []],
)
def test_wrong_usage(arguments):
    assert CliRunner().invoke(main, ["explain", *arguments], input="{}").exit_code == 2


def test_a_broken_file_lists_its_problems(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("steps: [{}]")
    result = CliRunner().invoke(main, ["explain", str(path), "--request", "-"], input="{}")
    assert (result.exit_code, "a.yaml:1:9: steps[0]: a step needs" in result.stderr) == (2, True)


def test_from_the_journal_with_the_past_it_had(serve):
    server = serve("mode: script\nsteps: [{name: one, reply: x}, {name: two, when: {turn: 2}, reply: y}]", admin_key="secret")
    first = server.post({"model": "m", "input": "a"})
    second = server.post({"model": "m", "input": "b", "previous_response_id": first.json()["id"]})
    options = ["--url", server.url, "--key", "test-key", "--admin-key", "secret"]

    def run(entry_id, *more):
        return CliRunner().invoke(main, ["explain", "--journal", entry_id, *options, *more])

    result = run(second.headers["x-request-id"])
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[1:3] == ["test, two (test:2) answers:", "    ✓ turn: wanted 2, got 2"]
    assert lines[4] == "    ✗ times: wanted at most 1 use, got 1 use already: it is used up"
    assert json.loads(run(second.headers["x-request-id"], "--json").stdout)["answered"]["step"] == "two"
    gone = "There is no call 'req_gone' in the journal of this API key: another key made it, or the journal has forgotten it."
    assert gone in run("req_gone").stderr
    assert "give it as http://HOST:PORT" in CliRunner().invoke(main, ["explain", "--journal", "x", "--url", "ftp://x"]).stderr


@pytest.mark.parametrize(
    ("content", "content_type", "told"),
    [
        (
            b'{"model": "m", "input": "hello"}',
            "text/plain",
            "400 unsupported_content_type Unsupported content type: 'text/plain'.",
        ),
        (b'{"model": "m", "input": "x", "input": "hello"}', "application/json", "400 invalid_json Invalid body: failed to parse"),
        (
            b'{"model": "m", "input": "hello", "temperature": 9}',
            "application/json",
            "400 decimal_above_max_value Invalid 'temperature'",
        ),
    ],
)
def test_a_call_that_was_refused_is_told_so(serve, content, content_type, told):
    server = serve(FILE)
    headers = {"authorization": "Bearer k", "content-type": content_type}
    answer = httpx.post(f"{server.base_url}/responses", content=content, headers=headers)
    options = ["--journal", answer.headers["x-request-id"], "--url", server.url, "--key", "k"]
    lines = CliRunner().invoke(main, ["explain", *options]).stdout.splitlines()
    assert lines[1].startswith(f"It is refused before any step is tried: {told}")


def test_a_request_that_no_server_takes_is_told_so(explain):
    lines = explain({"model": "m" * 300, "input": "hello"}).stdout.splitlines()
    assert lines[1].startswith(
        "It is refused before any step is tried: 400 string_above_max_length Invalid 'model': string too long"
    )


def test_a_key_that_stands_twice_is_told(explain):
    result = explain('{"model": "m", "input": "x", "input": "hello"}')
    assert (result.exit_code, "the key 'input' more than once" in result.stderr) == (2, True)


def test_a_call_of_another_endpoint_is_explained_by_its_steps(serve):
    server = serve(FILE)
    answer = server.get("/responses/resp_1")
    result = CliRunner().invoke(
        main, ["explain", "--journal", answer.headers["x-request-id"], "--url", server.url, "--key", "test-key"]
    )
    assert result.stdout.splitlines() == ["The request: responses.retrieve.", "talk, read (test:8) answers:"]


def test_a_request_that_is_no_text_is_told(tmp_path):
    (tmp_path / "talk.yaml").write_text(FILE)
    (tmp_path / "request").write_bytes(b"\xff\xfe")
    result = CliRunner().invoke(main, ["explain", str(tmp_path), "--request", str(tmp_path / "request")])
    assert (result.exit_code, result.output) == (2, "mockapi: the request is not UTF-8 text\n")


def test_a_call_of_no_operation_is_explained(serve):
    server = serve(FILE)
    answer = server.get("/nothing")
    options = ["--journal", answer.headers["x-request-id"], "--url", server.url, "--key", "test-key"]
    result = CliRunner().invoke(main, ["explain", *options])
    assert result.stdout.splitlines() == ["The request: nothing that the emulated API has.", "No step answers it."]


def test_a_reply_under_a_glob_is_not_used_up_by_other_endpoints(serve):
    server = serve(
        "steps: [{when: {endpoint: '*'}, reply: once, times: 1}, {when: {endpoint: '*.retrieve'}, error: server_error}]"
    )
    answer = server.get("/responses/resp_1")
    assert (answer.status_code, answer.headers["x-mock-step"]) == (500, "step 2")
    assert server.post({"model": "m", "input": "x"}).headers["x-mock-step"] == "step 1"
    options = ["--journal", answer.headers["x-request-id"], "--url", server.url, "--key", "test-key"]
    result = CliRunner().invoke(main, ["explain", *options])
    assert result.stdout.splitlines() == ["The request: responses.retrieve.", "test, step 2 (test:1) answers:"]


NO_URL = "give it as http://HOST:PORT"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--journal", ""], "'' is no call's id: give the x-request-id of its answer, req_…"),
        (["--journal", "../reset"], "'../reset' is no call's id"),
        (["--journal", "x" * 100_000], "'xxxxxxxxxxxxxxxxxxxx…' is no call's id"),
        (["--journal", "x\ny"], "'x\\ny' is no call's id"),
        (["--journal", "x", "--url", ""], NO_URL),
        (["--journal", "x", "--url", "http://[::1"], NO_URL),
        (["--journal", "x", "--url", "http://a b"], NO_URL),
        (["--journal", "x", "--url", "http://localhost:abc"], NO_URL),
        (["--journal", "x", "--url", "http://localhost:99999"], NO_URL),
        (["--journal", "x", "--key", "ключ"], "the API key has characters that a header cannot hold"),
        (["--journal", "x", "--admin-key", "a\nb"], "the admin key has characters that a header cannot hold"),
    ],
)
def test_what_cannot_be_asked_for_is_one_sentence(options, words):
    result = CliRunner().invoke(main, ["explain", *options])
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert result.stderr.startswith("mockapi: ")
    assert words in result.stderr


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((200, b"<html>"), "answers 200 and no JSON object, which no mock server does: correct the URL"),
        ((200, b"[1]"), "answers 200 and no JSON object, which no mock server does: correct the URL"),
        ((200, b'{"text": "x"}'), "does not explain, which every mock server does: correct the URL"),
        ((200, b""), "does not explain, which every mock server does: correct the URL"),
        ((404, b"\xff"), "answers 404, which no mock server does: correct the URL"),
        ((503, b'{"status": "unavailable"}'), "is not ready: its store does not answer"),
    ],
)
def test_a_server_that_is_no_mock_is_told(stranger, answer, words):
    url = stranger(*answer)
    result = CliRunner().invoke(main, ["explain", "--journal", "req_1", "--url", f"{url}/v1"])
    assert (result.exit_code, result.stderr) == (2, f"mockapi: {url} {words}\n".replace(f"{url} is", f"the server at {url} is"))


def test_a_key_that_a_server_does_not_take_is_told(serve):
    server = serve(FILE, api_keys=("sk-a",))
    result = CliRunner().invoke(main, ["explain", "--journal", "req_1", "--url", server.url, "--key", "sk-b"])
    why = f"the server at {server.url} takes no keys but its --api-keys: ask with one of them, or start it without"
    assert result.stderr == f"mockapi: {why}\n"
