"""Faults as a client sees them: on raw sockets, and through the official SDK, sync and async."""

import asyncio
import errno
import json
import socket

import httpx
import openai
import pytest

from .conftest import parse_sse

NOT_JSON = r"Unterminated|Expecting|delimiter"
SCENARIO = """
steps:
  - {when: {input: delay}, reply: one, fault: {delay: 1h}}
  - {when: {input: timeout}, reply: one, fault: timeout}
  - {when: {input: impatient}, reply: one, fault: {timeout: 10ms}}
  - {when: {input: refused}, reply: one, fault: disconnect}
  - {when: {input: bytes}, reply: one, fault: {disconnect: {after_bytes: 30}}}
  - {when: {input: cut}, reply: one two three four, fault: {disconnect: output_text.delta#2}}
  - {when: {input: reset}, reply: one two three four, fault: {disconnect: output_text.delta#2, reset: true}}
  - {when: {input: stall}, reply: one two three four, fault: {stall: {at: output_text.delta#1}}}
  - {when: {input: pause}, reply: one two three four, fault: {stall: {at: output_text.delta#1, for: 1h}}}
  - {when: {input: truncate}, reply: one two three four, fault: {truncate: output_text.delta#2}}
  - {when: {input: error}, reply: one two three four, fault: {stream_error: {at: output_text.delta#2, code: rate_limit_exceeded}}}
  - {when: {input: own words}, reply: one two, fault: {stream_error: {at: 4, code: strange, message: Well.}}}
  - {when: {input: malformed}, reply: one two three four, fault: {malformed: output_text.delta#2}}
  - {when: {input: corrupt}, reply: one, fault: corrupt_json}
  - {when: {input: duplicate}, reply: one two three four, fault: {duplicate: output_text.delta#2}}
  - {when: {input: reorder}, reply: one two three four, fault: {reorder: output_text.delta#2}}
  - {when: {input: drop}, reply: one two three four, fault: {drop: output_text.delta#2}}
  - {when: {input: unknown}, reply: one two three four, fault: {unknown_event: output_text.delta#2}}
  - {when: {input: torn}, reply: zwölf Öl €, fault: split_utf8}
  - {when: {input: html}, reply: one, fault: {html_error: 504}}
  - {when: {input: slow}, reply: one, fault: {slow_body: 100B/s}}
  - {when: {input: refusal}, error: rate_limit_exceeded, fault: disconnect}
  - {when: {input: far}, reply: one, fault: {disconnect: output_text.delta#9}}
  - {when: {endpoint: responses.retrieve}, times: 1, fault: disconnect}
  - {when: {endpoint: responses.input_tokens}, fault: corrupt_json}
  - {when: {endpoint: responses.compact}, fault: {html_error: 503}}
  - {when: {endpoint: conversations.create}, fault: {disconnect: {after_bytes: 1}}}
  - {when: {endpoint: conversations.items.list}, error: server_error, fault: corrupt_json}
"""


@pytest.fixture
def server(serve):
    return serve(SCENARIO)


def raw(server, text, *, stream, path="/v1/responses"):
    """(all that came over a socket of its own, how it ended: a clean end or the error's number); the server is done with it."""
    host, port = server.url.removeprefix("http://").split(":")
    body = json.dumps({"model": "gpt-4o", "input": text, "stream": stream}).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer test-key\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    got, error = b"", None
    with socket.create_connection((host, int(port)), timeout=10) as sock:
        sock.sendall(head.encode() + body)
        try:
            while piece := sock.recv(65_536):
                got += piece
        except OSError as raised:
            error = raised.errno
    server.settle()
    return got, error


def journal(server, key="test-key"):
    answer = httpx.get(f"{server.url}/_mock/requests", headers={"authorization": f"Bearer {key}"})
    return answer.json()["data"]


def deltas(got):
    return [data["delta"] for _, data in parse_sse(plain(got)) if data["type"].endswith("output_text.delta")]


def plain(got):
    """The body of an answer sent in chunks, its last event dropped if it is not whole."""
    rest, out = got.split(b"\r\n\r\n", 1)[1], b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        if not length:
            break
        out, rest = out + rest[:length], rest[length + 2 :]
    return out.decode("utf-8", "replace")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("text", ["impatient", "refused", "refusal"])
def test_nothing_comes(server, text, stream):
    assert raw(server, text, stream=stream) == (b"", None)


def test_so_many_bytes_of_the_body(server):
    for stream in (False, True):
        head, body = raw(server, "bytes", stream=stream)[0].split(b"\r\n\r\n", 1)
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert len(plain(b"\r\n\r\n" + body) if stream else body) == 30


def test_a_dropped_connection_delivers_everything_before(server):
    got, ended = raw(server, "cut", stream=True)
    assert (deltas(got), ended) == (["one", " two"], None)
    assert b"\r\n0\r\n" not in got[-10:]


def test_a_reset_is_one_and_delivers_everything_before(server):
    got, ended = raw(server, "reset", stream=True)
    assert (deltas(got), ended) == (["one", " two"], errno.ECONNRESET)
    got, ended = raw(server, "reset", stream=False)
    announced = int(next(line for line in got.split(b"\r\n") if line.lower().startswith(b"content-length")).split(b":")[1])
    assert (len(got.split(b"\r\n\r\n", 1)[1]), ended) == (announced // 2, errno.ECONNRESET)


def test_a_truncated_stream_ends_cleanly(server):
    got, ended = raw(server, "truncate", stream=True)
    assert (deltas(got), ended, got[-5:]) == (["one", " two"], None, b"0\r\n\r\n")
    got, _ = raw(server, "truncate", stream=False)
    assert b"content-length" not in got.split(b"\r\n\r\n")[0].lower()
    with pytest.raises(ValueError, match=NOT_JSON):
        json.loads(plain(got))


def test_characters_are_torn_across_writes(server):
    got, _ = raw(server, "torn", stream=True)
    assert deltas(got) == ["zwölf", " Öl", " €"]
    chunks, rest = [], got.split(b"\r\n\r\n", 1)[1]
    while (length := int(rest.split(b"\r\n", 1)[0], 16)) > 0:
        start = rest.index(b"\r\n") + 2
        chunks, rest = [*chunks, rest[start : start + length]], rest[start + length + 2 :]
    torn = [chunk for chunk in chunks if chunk[-1] >= 0xC0]
    assert len(torn) == sum(byte >= 0xC0 for byte in b"".join(chunks)) > 5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("duplicate", ["one", " two", " two", " three", " four"]),
        ("reorder", ["one", " three", " two", " four"]),
        ("drop", ["one", " three", " four"]),
        ("pause", ["one", " two", " three", " four"]),
        ("far", ["one"]),
    ],
)
def test_events_come_as_the_fault_has_them(server, text, said):
    assert deltas(raw(server, text, stream=True)[0]) == said


def test_an_event_nobody_knows(server):
    events = [data for _, data in parse_sse(plain(raw(server, "unknown", stream=True)[0]))]
    at = next(n for n, event in enumerate(events) if event["type"] == "response.mock_unknown")
    assert (events[at + 1]["delta"], events[at + 1]["sequence_number"]) == (" two", events[at]["sequence_number"])


def test_a_failure_in_the_middle(server):
    *_, last, error, failed = [data for _, data in parse_sse(plain(raw(server, "error", stream=True)[0]))]
    assert last["delta"] == " two"
    assert [error["sequence_number"], failed["sequence_number"]] == [last["sequence_number"] + 1, last["sequence_number"] + 2]
    assert (error["error"]["code"], error["error"]["type"]) == ("rate_limit_exceeded", "requests")
    assert "gpt-4o" in error["error"]["message"]
    assert (failed["response"]["status"], failed["response"]["output"], failed["response"]["usage"]) == ("failed", [], None)
    *_, error, failed = [data for _, data in parse_sse(plain(raw(server, "own words", stream=True)[0]))]
    assert (error["error"]["code"], error["error"]["message"], failed["response"]["error"]["code"]) == (
        "strange",
        "Well.",
        "strange",
    )


def test_a_failure_of_what_is_not_streamed_is_the_answer(server):
    answer = server.post({"model": "gpt-4o", "input": "error"})
    assert (answer.status_code, answer.headers["retry-after"], answer.json()["error"]["code"]) == (
        429,
        "1",
        "rate_limit_exceeded",
    )
    answer = server.post({"model": "gpt-4o", "input": "own words"})
    assert (answer.status_code, answer.json()["error"]["message"]) == (500, "Well.")


def test_a_proxys_page(server):
    for stream in (False, True):
        answer = server.post({"model": "gpt-4o", "input": "html", "stream": stream})
        assert (answer.status_code, answer.headers["content-type"]) == (504, "text/html")
        assert "<title>504 Gateway Time-out</title>" in answer.text
        assert "x-request-id" not in answer.headers
    assert journal(server)[-1]["status"] == 504


def test_other_endpoints_break_too(server):
    body = server.post({"model": "gpt-4o", "input": "plain"}).json()
    with pytest.raises(httpx.RemoteProtocolError):
        server.get(f"/responses/{body['id']}")
    assert server.get(f"/responses/{body['id']}").status_code == 200
    post = {"headers": {"authorization": "Bearer test-key"}, "json": {"model": "gpt-4o", "input": "x"}}
    with pytest.raises(ValueError, match=NOT_JSON):
        httpx.post(f"{server.base_url}/responses/input_tokens", **post).json()
    assert httpx.post(f"{server.base_url}/responses/compact", **post).status_code == 503
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.post(f"{server.base_url}/conversations", headers=post["headers"], json={})
    items = server.get("/conversations/conv_1/items")
    assert items.status_code == 500
    with pytest.raises(ValueError, match=NOT_JSON):
        items.json()


def test_a_resumed_stream_breaks_at_its_own_numbers(serve):
    server = serve(
        "steps:\n  - {reply: one two three}\n  - {when: {endpoint: responses.retrieve, body: {}}, fault: {disconnect: 7}}"
    )
    client = server.sdk()
    stream = client.responses.create(model="gpt-4o", input="x", background=True, stream=True)
    first = next(iter(stream))
    resumed = iter(client.responses.retrieve(first.response.id, stream=True, starting_after=4))
    assert [next(resumed).sequence_number for _ in range(3)] == [5, 6, 7]
    with pytest.raises(openai.APIConnectionError):
        next(resumed)


RAISED = [
    ("cut", openai.APIConnectionError), ("reset", openai.APIConnectionError), ("refused", openai.APIConnectionError),
    ("malformed", json.JSONDecodeError), ("html", openai.InternalServerError), ("error", openai.APIError),
    ("timeout", openai.APITimeoutError), ("stall", openai.APITimeoutError),
]  # fmt: skip


@pytest.mark.parametrize(("text", "raised"), RAISED)
def test_what_the_sdk_raises(server, text, raised):
    client = server.sdk(timeout=0.2)
    with pytest.raises(raised):
        for _ in client.responses.create(model="gpt-4o", input=text, stream=True):
            pass


@pytest.mark.anyio
@pytest.mark.parametrize(("text", "raised"), RAISED)
async def test_what_the_async_sdk_raises(server, text, raised):
    async with server.async_sdk(timeout=0.2) as client:
        with pytest.raises(raised):
            async for _ in await client.responses.create(model="gpt-4o", input=text, stream=True):
                pass


def test_the_sdk_cannot_tell_a_truncated_stream_from_a_whole_one(server):
    """Why the fault matters: nothing is raised, and there is no terminal event."""
    seen = [event.type for event in server.sdk().responses.create(model="gpt-4o", input="truncate", stream=True)]
    assert seen[-1] == "response.output_text.delta"


def test_durations_pass_at_once_under_the_virtual_clock(server):
    for text in ("delay", "pause", "slow"):
        assert server.post({"model": "gpt-4o", "input": text}).json()["status"] == "completed"


def test_a_delay_follows_a_clock_that_is_moved(serve):
    server = serve("steps: [{reply: one, fault: {delay: 1h}}]", clock="real")

    async def late():
        async with server.async_sdk() as client:
            asked = asyncio.ensure_future(client.responses.create(model="gpt-4o", input="x"))
            async with httpx.AsyncClient() as admin:
                while not asked.done():
                    await admin.post(
                        f"{server.url}/_mock/clock", json={"advance": "40m"}, headers={"authorization": "Bearer test-key"}
                    )
            return await asked

    assert asyncio.run(late()).status == "completed"


def test_chance_decides_the_same_way_in_two_runs(serve):
    text = "steps: [{chance: 0.5, reply: one, fault: disconnect}]"

    def run():
        server = serve(text)
        outcomes = []
        for n in range(30):
            try:
                outcomes.append(server.post({"model": "gpt-4o", "input": f"request {n % 7}"}).status_code)
            except httpx.RemoteProtocolError:
                outcomes.append(0)
        return outcomes

    first = run()
    assert set(first) == {0, 200}
    assert run() == first


def test_times_and_script_mode(serve):
    server = serve("mode: script\nsteps: [{fault: {html_error: 502}, times: 2}, {reply: there}]")
    answers = [server.post({"model": "gpt-4o", "input": "x"}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [502, 502, 200]
    assert answers[2].json()["output"][0]["content"][0]["text"] == "there"


TOOL = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {"a": {"type": "string"}}}}


@pytest.mark.parametrize(
    ("how", "name", "arguments"),
    [
        ("invalid_json", "f", '{"a":"x'),
        ("unknown_tool", "f_unknown", '{"a":"x","b":1}'),
        ("missing_argument", "f", '{"b":1}'),
        ("wrong_type", "f", '{"a":42,"b":1}'),
    ],
)
def test_a_tool_is_called_wrongly(serve, how, name, arguments):
    server = serve(
        f"steps: [{{reply: [{{function_call: {{name: f, arguments: {{a: x, b: 1}}}}}}], fault: {{bad_tool_call: {how}}}}}]"
    )
    for stream in (False, True):
        answer = server.post({"model": "gpt-4o", "input": "x", "tools": [TOOL], "stream": stream})
        body = parse_sse(answer.text)[-1][1]["response"] if stream else answer.json()
        assert [(item["name"], item["arguments"]) for item in body["output"]] == [(name, arguments)]
    assert server.get(f"/responses/{body['id']}").json()["output"] == body["output"]


def test_plain_requests_are_spoiled_too(serve):
    """What is made once for a step is not what a fault has spoiled, and the other way round."""
    server = serve(
        "steps: [{chance: 0.5, reply: [{function_call: {name: f, arguments: {a: x}}}], fault: {bad_tool_call: missing_argument}}]"
    )
    said = [server.post({"model": "gpt-4o", "input": f"request {n}"}).json()["output"][0]["arguments"] for n in range(20)]
    assert set(said) == {"{}", '{"a":"x"}'}


@pytest.mark.parametrize(
    ("how", "said"), [("invalid", '{"city":"Osl'), ("missing_key", '{"temp":3}'), ("wrong_type", '{"city":42,"temp":3}')]
)
def test_a_structured_output_does_not_fit(serve, how, said):
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    form = {"type": "json_schema", "name": "place", "schema": schema}
    server = serve(f"steps: [{{reply: [{{json: {{city: Oslo, temp: 3}}}}], fault: {{bad_json: {how}}}}}]")
    body = server.post({"model": "gpt-4o", "input": "x", "text": {"format": form}}).json()
    assert body["output"][0]["content"][0]["text"] == said


def test_the_auto_responder_is_spoiled_as_well(serve):
    server = serve("steps: [{fault: {bad_tool_call: unknown_tool}}]")
    body = server.post({"model": "gpt-4o", "input": "x", "tools": [TOOL]}).json()
    assert body["output"][0]["name"] == "f_unknown"


def test_in_process_a_cut_answer_just_does_not_end(in_process):
    client = in_process(SCENARIO)
    seen = [event.type for event in client.responses.create(model="gpt-4o", input="cut", stream=True)]
    assert seen[-1] == "response.output_text.delta"
