"""The pump: first as an async iterator on clocks, then over a socket."""

import socket

import pytest

from mockapi.clock import EPOCH, RealClock, VirtualClock
from mockapi.engine.pace import Pace
from mockapi.engine.plan import Plan
from mockapi.engine.score import ScoreKey
from mockapi.engine.timeline import Timeline
from mockapi.http.streams import pump, wait_or_hang_up
from mockapi.scenario.library import Library
from mockapi.scenario.reply import message_drafts
from mockapi.service.core import Core
from mockapi.service.playing import Play
from mockapi.settings import Settings
from mockapi.stores.memory import MemoryStore
from mockapi.wire.objects import Usage, echo_request
from mockapi.wire.requests import CreateRequest

from .conftest import HandClock, parse_sse

pytestmark = pytest.mark.anyio


@pytest.fixture
def clock():
    return HandClock(0.0)


def timeline(text="one two three", **pace):
    request = CreateRequest(model="m", input="x")
    key = ScoreKey(pace=Pace(**pace))
    return Timeline(Plan(b"d" * 32, 0.0, echo_request(request), message_drafts(text), key, Usage(1, 1, 0), is_stored=False))


def play(clock, text="one two three", **pace):
    core = Core(Settings(), MemoryStore(), clock, Library(scenarios=[]))
    return Play(core, "p", timeline(text, **pace))


class Delivered:
    def __init__(self):
        self.calls = []

    async def __call__(self, is_whole):
        self.calls.append(is_whole)


async def test_each_piece_comes_when_it_is_due(clock):
    delivered = Delivered()
    played = [(clock.time, piece) async for piece in pump(play(clock, first_s=0.5, interval_s=0.1), delivered)]
    assert [moment for moment, _ in played] == pytest.approx([0.0, 0.5, 0.6, 0.7])
    assert delivered.calls == [True]
    assert b"".join(piece for _, piece in played) == b"".join(p.data for p in timeline(first_s=0.5, interval_s=0.1).pieces())


async def test_a_late_stream_joins_what_is_due_and_keeps_its_schedule(clock):
    pieces = []
    async for piece in pump(play(clock, "a b c d e f", first_s=0.0, interval_s=0.1), Delivered()):
        pieces.append((clock.time, piece))
        if len(pieces) == 1:
            clock.time += 0.25  # a slow reader
    assert [round(moment, 3) for moment, _ in pieces] == [0.0, 0.25, 0.3, 0.4, 0.5]
    assert pieces[1][1].count(b"event: response.output_text.delta") == 2


async def test_a_client_that_hangs_up_is_told_to_the_service(clock):
    delivered = Delivered()
    playing = pump(play(clock, first_s=0.5, interval_s=0.1), delivered)
    await anext(playing)
    await playing.aclose()
    assert delivered.calls == [False]


async def test_the_virtual_clock_waits_for_nothing():
    pieces = [piece async for piece in pump(play(VirtualClock(), first_s=60.0, interval_s=60.0), Delivered())]
    assert len(pieces) == 1


async def test_waiting_ends_when_the_client_hangs_up():
    async def gone():
        return {"type": "http.disconnect"}

    real = RealClock()
    started = Plan(b"d" * 32, real.now(), *timeline().plan[2:])
    core = Core(Settings(), MemoryStore(), real, Library(scenarios=[]))
    slow = Timeline(started._replace(key=ScoreKey(pace=Pace(first_s=3600.0))))
    assert await wait_or_hang_up(Play(core, "p", slow), gone) is False
    assert await wait_or_hang_up(play(VirtualClock(), first_s=3600.0), gone) is True
    assert await wait_or_hang_up(play(real), gone) is True


def test_clocks():
    assert VirtualClock().now() == EPOCH
    assert RealClock().now() > EPOCH


PACED = """
steps:
  - when: {input: slow}
    pace: {first: 40ms, rate: 200/s}
    reply: one two three four five
  - when: {input: forever}
    pace: {first: 10ms, rate: 1/h}
    reply: one two three
"""


async def test_a_paced_stream_over_a_socket_is_the_whole_stream(serve):
    real, virtual = serve(PACED, clock="real"), serve(PACED)
    body = {"model": "m", "input": "slow", "stream": True}
    types = [[name for name, _ in parse_sse(server.post(body).text)] for server in (real, virtual)]
    assert types[0] == types[1]
    answer = real.post(body)
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["x-mock-scenario"] == "test"
    last = parse_sse(answer.text)[-1][1]["response"]
    assert real.get(f"/responses/{last['id']}").status_code == 200


async def test_a_paced_json_body_comes_when_its_timeline_has_passed(serve):
    answer = serve(PACED, clock="real").post({"model": "m", "input": "slow"})
    assert answer.json()["status"] == "completed"
    assert answer.elapsed.total_seconds() >= 0.06
    assert int(answer.headers["openai-processing-ms"]) >= 60


@pytest.mark.parametrize("stream", ["true", "false"])
async def test_a_sync_response_whose_client_hung_up_is_cancelled(serve, stream):
    """A later GET is 404, as on the real API."""
    server = serve(PACED, clock="real")
    port = int(server.url.rsplit(":", 1)[1])
    body = b'{"model": "m", "input": "forever", "stream": %b}' % stream.encode()
    head = b"POST /v1/responses HTTP/1.1\r\nhost: x\r\nauthorization: Bearer test-key\r\ncontent-length: %d\r\n\r\n" % len(body)
    seen = b""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        sock.sendall(head + body)
        while stream == "true" and b"output_text.delta" not in seen:
            seen += sock.recv(65536)
    if stream == "true":
        response_id = seen.split(b'"id":"')[1].split(b'"')[0].decode()
        assert server.get(f"/responses/{response_id}").status_code == 404
    assert server.post({"model": "m", "input": "slow"}).status_code == 200


async def test_a_running_response_is_not_visible_yet(serve):
    server = serve(PACED, clock="real")
    port = int(server.url.rsplit(":", 1)[1])
    body = b'{"model": "m", "input": "forever", "stream": true}'
    head = b"POST /v1/responses HTTP/1.1\r\nhost: x\r\nauthorization: Bearer test-key\r\ncontent-length: %d\r\n\r\n" % len(body)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        sock.sendall(head + body)
        seen = b""
        while b"output_text.delta" not in seen:
            seen += sock.recv(65536)
        response_id = seen.split(b'"id":"')[1].split(b'"')[0].decode()
        assert server.get(f"/responses/{response_id}").status_code == 404


KEEPALIVE = "steps: [{pace: {first: 70s, rate: 1/m, keepalive: 30s}, reply: one two}]"


async def test_idle_streams_are_kept_alive(serve, in_process):
    answer = serve(KEEPALIVE).post({"model": "m", "input": "x", "stream": True})
    events = parse_sse(answer.text)
    assert [data["sequence_number"] for _, data in events] == list(range(len(events)))
    names = [name for name, _ in events]
    assert names.count("keepalive") == 2 + 1  # in 70 s before the first delta, in 60 s between the two
    assert all(set(data) == {"type", "sequence_number"} for name, data in events if name == "keepalive")
    assert names[:2] == ["response.created", "response.in_progress"]
    with in_process(KEEPALIVE).responses.stream(model="gpt-4o", input="x") as stream:
        assert stream.get_final_response().output_text == "one two"


async def test_the_timeline_says_when_they_come():
    offsets = [event.offset_s for event in timeline(first_s=70.0, interval_s=60.0, keepalive_s=30.0).events()]
    kept = [e.offset_s for e in timeline(first_s=70.0, interval_s=60.0, keepalive_s=30.0).events() if e.type == "keepalive"]
    assert kept == [30.0, 60.0, 100.0, 160.0]
    assert offsets == sorted(offsets)
