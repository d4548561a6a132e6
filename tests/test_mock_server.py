"""`MockServer`: what a test of any framework holds in its hands."""

import asyncio
import socket
import subprocess
import sys

import httpx
import pytest
from openai import APIConnectionError, AsyncOpenAI, OpenAI

import mockapi
from mockapi import MockServer, ScenarioError, UsageError, VerificationError
from mockapi.http.journal import Journal

from .conftest import SCENARIOS


@pytest.fixture(scope="module")
def server():
    with MockServer() as started:
        yield started


@pytest.fixture
def mock(server):
    server.reset()
    return server


@pytest.fixture
def client(mock):
    with OpenAI(base_url=mock.base_url, api_key=mock.api_key, max_retries=0) as client:
        yield client


def ask(client, text="x", **body):
    return client.responses.create(model="m", input=text, **body).output_text


def test_the_whole_way(mock, client):
    mock.reply("Hello")
    assert ask(client) == "Hello"
    events = [*client.responses.create(model="m", input="y", stream=True)]
    first, second = mock.requests
    assert (first.body, first.response["object"], first.events) == ({"model": "m", "input": "x"}, "response", [])
    assert [event["type"] for event in second.events] == [event.type for event in events]
    assert (second.response_id, second.response) == (events[0].response.id, None)
    assert [body["id"] for body in mock.responses] == [first.response_id, second.response_id]
    assert mock.usage["total"]["responses"] == 2
    assert mock.last_request == second
    mock.verify(count=2)
    with pytest.raises(
        VerificationError, match=r"Expected 1 request of responses.create with input containing 'x', stream true, found 0"
    ) as failure:
        mock.verify({"stream": True, "input": "x"}, count=1)
    assert isinstance(failure.value, AssertionError)
    assert failure.value.failed[0]["check"] == "when"
    assert mock.explain(first.id)["answers"]["scenario"] == "0-reply-0001"


def test_conversations_are_shown_with_their_items(mock, client):
    mock.reply("Hello")
    conversation = client.conversations.create()
    ask(client, "hi", conversation=conversation.id)
    ask(client, "hi", conversation=conversation.id, store=False)
    (shown,) = mock.conversations
    assert [item["role"] for item in shown["items"]] == ["user", "assistant"] * 2
    client.conversations.delete(conversation.id)
    assert mock.conversations == []


def test_responses_are_shown_as_they_are_now(mock, client):
    mock.reply("later", background="manual")
    response = client.responses.create(model="m", input="x", background=True)
    assert [mock.responses[0]["status"] for _ in range(3)] == ["queued"] * 3  # looking is not polling
    mock.advance_run(response.id)
    assert mock.advance_run(response.id)["status"] == "completed"
    assert mock.responses[0]["output"][0]["content"][0]["text"] == "later"
    mock.verify(all_over=True)
    ask(client, "unstored", store=False)
    assert len(mock.responses) == 2


def test_use_takes_paths_texts_and_data(mock, client, tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text("steps: [{when: {input: file}, reply: from file}]")
    assert mock.use(file) == "a"
    assert mock.use(str(file)) == "a"
    assert mock.use("scenario: b\nsteps: [{when: {input: text}, reply: from text}]") == "b"
    assert mock.use({"scenario": "c", "steps": [{"when": {"input": "data"}, "reply": "from data"}]}) == "c"
    assert [ask(client, word) for word in ("file", "text", "data")] == ["from file", "from text", "from data"]
    with pytest.raises(UsageError, match=r"there is no scenario file at .*gone.yaml: correct the path"):
        mock.use("gone.yaml")
    with pytest.raises(ScenarioError, match="unknown key"):
        mock.use("steps: [{repl: x}]")
    with pytest.raises(ScenarioError, match=r"expected a mapping"):
        mock.use({"steps": ["x"]})


def test_pictures_beside_a_scenario_come_along(mock, client, tmp_path):
    (tmp_path / "cat.png").write_bytes(b"cat")
    items = "[{image_generation_call: {result: {file: cat.png}}}]"
    file = tmp_path / "a.yaml"
    file.write_text(
        f"steps: [{{when: {{input: other}}, error: server_error}}, {{reply: {items}}}]\nconversations: {{conv_1: {{items: {items}}}}}"
    )
    mock.use(file)
    response = client.responses.create(model="gpt-4o", input="draw", tools=[{"type": "image_generation"}])
    assert (response.output[0].result, response.output[0].output_format) == ("Y2F0", "png")


def test_projects_of_one_server_are_apart(mock, client):
    other = mock.project("sk-other")
    other.reply("theirs")
    mock.reply("mine")
    with OpenAI(base_url=other.base_url, api_key=other.api_key) as stranger:
        assert (ask(client), ask(stranger)) == ("mine", "theirs")
    assert len(other.requests) == len(mock.requests) == 1


FAULTS = [
    (lambda mock: mock.fail_next(), "500"),
    (lambda mock: mock.fail_next("rate_limit_exceeded"), "429"),
    (lambda mock: mock.fail_next(418), "418"),
    (lambda mock: mock.fail_next({"status": 400, "message": "no such thing"}), "no such thing"),
    (lambda mock: mock.fault("html_error: 502", times=1), "502"),
    (lambda mock: mock.fault({"html_error": 503}, name="mine", times=1), "503"),
    (lambda mock: mock.fault("disconnect: before_headers", times=1), "Connection|disconnected|peer closed"),
]


@pytest.mark.parametrize(("arm", "words"), FAULTS)
def test_faults_meet_the_next_request(mock, client, arm, words):
    mock.reply("fine")
    arm(mock)
    with pytest.raises(Exception, match=words):
        ask(client)
    assert ask(client) == "fine"


def test_faults_are_cleared_and_misses_raise(mock, client):
    mock.reply("fine", when={"input": "x"})
    mock.fault("corrupt_json", when={"input": "x"})
    mock.clear_faults()
    assert ask(client) == "fine"
    with pytest.raises(Exception, match="✗ input: wanted containing 'x', got 'y'"):
        ask(client, "y")
    with pytest.raises(UsageError, match=r"mockapi: .*expected 'timeout'"):
        mock.fault("no_such_fault")


WRONG = [
    (lambda mock: mock.reply("x", when={"inptu": "a"}), "mockapi: when.inptu: unknown key; did you mean 'input'?"),
    (lambda mock: mock.reply([{"function_cal": {}}]), "mockapi: reply[0]: unknown item type 'function_cal'; did you mean 'function_call'?"),
    (lambda mock: mock.reply(), "mockapi: a step needs one of reply, error, fail, incomplete, fault"),
    (lambda mock: mock.fault("timeouts"), "mockapi: fault: expected 'timeout', "),
    (lambda mock: mock.fail_next("rate_limit"), "mockapi: error: unknown error code; did you mean 'rate_limit_exceeded'?"),
    (lambda mock: mock.advance("ten"), "mockapi: A duration is written like 250ms, 2s, 10m or 1h30m"),
    (lambda mock: mock.last_request, "mockapi: nothing was asked yet of http://"),
]  # fmt: skip


@pytest.mark.parametrize(("do", "words"), WRONG)
def test_what_cannot_be_done_is_told_in_the_words_of_the_call(mock, do, words):
    with pytest.raises(UsageError) as told:
        do(mock)
    assert str(told.value).startswith(words)
    assert "steps[0]" not in str(told.value)


def test_all_pages_of_the_journal_are_read(mock, client, monkeypatch):
    monkeypatch.setattr("mockapi.admin._MOST_LISTED_BYTES", 1)
    mock.reply("x")
    for number in range(3):
        ask(client, str(number))
    assert [request.body["input"] for request in mock.requests] == ["0", "1", "2"]


def test_nothing_asked_yet(mock):
    with pytest.raises(UsageError, match="nothing was asked yet"):
        mock.last_request  # noqa: B018
    mock.verify(only=[])


def test_async():
    async def run() -> str:
        async with MockServer(SCENARIOS) as mock:
            async with AsyncOpenAI(base_url=mock.base_url, api_key=mock.api_key) as client:
                response = await client.responses.create(model="m", input="Please say hello.")
            mock.verify({"input": "hello"}, count=1)
            return response.output_text

    assert asyncio.run(run()) == "Hello from mockapi!"


def test_a_server_starts_again_and_says_when_it_does_not_run():
    server = MockServer(unmatched="auto", admin_key="secret", clock="real", models=["m"])
    with pytest.raises(UsageError, match="the server is not running: use it inside `with MockServer"):
        server.reply("x")
    for _ in range(2):
        with server as mock:
            assert mock.start() is mock
            assert mock.requests == []
            assert mock.url.startswith("http://127.0.0.1:")
    server.stop()
    assert server.open_streams() == []


def test_wrong_settings():
    with pytest.raises(UsageError, match="there is no setting 'prot'"):
        MockServer(prot=1)
    with pytest.raises(UsageError, match="there is no scenario file or folder at gone"), MockServer("gone"):
        pass
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(UsageError, match="Address already in use"):
        MockServer(port=taken.getsockname()[1]).start()


def test_streams_that_are_open_are_told_and_dropped(mock, client):
    mock.reply("one two", fault={"stall": {"at": 2}})
    with client.responses.create(model="m", input="x", stream=True) as stream:
        assert next(iter(stream)).type == "response.created"
        assert mock.open_streams() == ["/v1/responses"]
        assert mock.open_streams("sk-other") == []
        mock.hang_up()
        with pytest.raises(Exception, match=r"Connection|disconnected|peer closed"):
            list(stream)


def test_another_server_at_the_url_is_told():
    from mockapi.client import AdminClient
    from mockapi.project import Project

    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(UsageError, match=f"no mock server answers at http://127.0.0.1:{port}"):
        Project(AdminClient(f"http://127.0.0.1:{port}"), "k").reset()


def test_a_connection_that_the_server_closed_is_opened_again(mock):
    mock.reset()
    first = mock.admin._connection.sock
    first.shutdown(socket.SHUT_RDWR)
    mock.reply("hi")
    assert mock.admin._connection.sock is not first


def test_public_names_are_there_and_cost_nothing_until_used():
    assert sorted(mockapi.__all__) == mockapi.__all__
    assert all(getattr(mockapi, name) for name in mockapi.__all__)
    with pytest.raises(AttributeError, match="module 'mockapi' has no attribute 'nope'"):
        mockapi.nope  # noqa: B018
    code = "import sys, mockapi, mockapi.pytest_plugin; print([m for m in sys.modules if m.startswith('mockapi')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['mockapi', 'mockapi.pytest_plugin']\n"


def test_state_in_a_file_is_there_for_the_next_server(tmp_path):
    store = f"sqlite:///{tmp_path}/store.db"
    with MockServer(store=store) as mock:
        mock.reply("hi")
        made = httpx.post(f"{mock.base_url}/responses", json={"model": "gpt-4o", "input": "x"}, headers=mock_auth(mock)).json()
    with MockServer(store=store) as mock:
        assert httpx.get(f"{mock.base_url}/responses/{made['id']}", headers=mock_auth(mock)).json() == made


def mock_auth(mock):
    return {"authorization": f"Bearer {mock.api_key}"}


def test_a_store_that_cannot_be_used_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(UsageError, match="there is no folder"), MockServer(store=f"sqlite:///{tmp_path}/no/x.db"):
        pytest.fail("it began")
    with (
        pytest.raises(UsageError, match="a server inside this process is one"),
        MockServer(store=f"sqlite:///{tmp_path}/x.db", workers=2),
    ):
        pytest.fail("it began")


@pytest.mark.parametrize(
    "fault", [{"disconnect": 3}, "disconnect", {"disconnect": 3, "reset": True}, {"disconnect": {"after_bytes": 9}}]
)
def test_a_call_that_was_cut_is_recorded_when_its_client_knows(mock, client, monkeypatch, fault):
    write = Journal.write

    async def late(self, *call):
        for _ in range(1_000):  # until somebody waits for it
            if self.core.entering._waiting:
                break
            await asyncio.sleep(0)
        await write(self, *call)

    mock.reply("one two three", fault=fault)
    monkeypatch.setattr(Journal, "write", late)
    with pytest.raises((APIConnectionError, httpx.HTTPError)):
        list(client.responses.create(model="m", input="x", stream=True))
    assert mock.last_request.fault.startswith("disconnect")
    mock.verify(count=1)
