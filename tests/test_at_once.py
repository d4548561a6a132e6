"""Requests that begin outside a task: they are answered at once, or go on as tasks, and nobody can tell the difference."""

import asyncio
import gc
import json
import socket
from contextvars import ContextVar, copy_context

import httpx
import pytest
import uvicorn
from uvicorn.server import ServerState

from mockapi.http.cycle import Cycle, begun
from mockapi.http.protocol import TRANSPORT, Protocol
from mockapi.server import build_app
from mockapi.settings import Settings
from mockapi.stores.base import Store
from mockapi.stores.memory import MemoryStore
from tests.test_protocol import LAST, AtOnce, ask, talk

pytestmark = pytest.mark.anyio

START = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
END = {"type": "http.response.body", "body": b"ok"}


class Wire(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self):
        super().__init__()
        self.written, self.is_closed = b"", False

    def write(self, data):
        self.written += data

    def get_extra_info(self, name, default=None):
        return default

    def is_closing(self):
        return self.is_closed

    def close(self):
        self.is_closed = True

    def pause_reading(self):
        pass

    def resume_reading(self):
        pass

    @property
    def answers(self):
        return self.written.count(b"HTTP/1.1 200")


def connected(app):
    wire, state = Wire(), ServerState()
    config = uvicorn.Config(AtOnce(app), ws="none", log_config=None, access_log=False)
    config.load()
    protocol = Protocol(config, state, {})
    protocol.connection_made(wire)
    return wire, protocol, state


async def give(protocol, *parts):
    """As the loop does it: outside any task; then a turn of the loop is over."""
    for part in parts:
        asyncio.get_running_loop().call_soon(protocol.data_received, part)
    await asyncio.sleep(0)


async def answer(scope, receive, send):
    await send(START)
    await send(END)


async def test_an_answer_that_waits_for_nothing_needs_no_task():
    tasks = []

    async def app(scope, receive, send):
        assert (await receive())["body"] == b"you"
        tasks.append(asyncio.current_task())
        await answer(scope, receive, send)

    wire, protocol, state = connected(app)
    await give(protocol, ask())
    await give(protocol, ask())
    assert (wire.answers, tasks, state.tasks) == (2, [None, None], set())


async def test_what_waits_goes_on_as_a_task_that_the_server_knows():
    tasks, door = [], asyncio.Event()

    async def app(scope, receive, send):
        tasks.append(asyncio.current_task())
        await asyncio.sleep(0)
        tasks.append(asyncio.current_task())
        await door.wait()
        async with asyncio.timeout(60):  # what needs a task has one
            await answer(scope, receive, send)

    wire, protocol, state = connected(app)
    await give(protocol, ask())
    assert (wire.answers, tasks, len(state.tasks)) == (0, [None], 1)
    (task,) = state.tasks
    door.set()
    await task
    assert (wire.answers, tasks) == (1, [None, task])
    await asyncio.sleep(0)
    assert not state.tasks


async def test_an_application_that_does_not_say_so_begins_in_a_task():
    tasks = []

    async def app(scope, receive, send):
        tasks.append(asyncio.current_task())

    _, protocol, state = connected(app)
    protocol._begins_at_once = False
    await give(protocol, ask())
    assert tasks == []
    await asyncio.gather(*state.tasks)
    assert None not in tasks
    assert len(tasks) == 1


async def test_a_thousand_pipelined_requests_are_answered_in_order_one_a_turn():
    paths = []

    async def app(scope, receive, send):
        paths.append(scope["path"])
        if scope["path"].endswith("7"):
            await asyncio.sleep(0)
        await answer(scope, receive, send)

    wire, protocol, _ = connected(app)
    await give(protocol, b"".join(ask(f"/{number}") for number in range(1_000)))
    for turn in range(1, 6):
        assert len(paths) == turn  # whoever else has something to do comes in between
        await asyncio.sleep(0)
    for _ in range(1_200):
        await asyncio.sleep(0)
    assert wire.answers == 1_000
    assert paths == [f"/{number}" for number in range(1_000)]


async def test_requests_that_wait_for_their_turn_are_not_begun_once_the_client_is_gone():
    wire, protocol, _ = connected(answer)
    await give(protocol, ask() * 3)
    protocol.connection_lost(ConnectionResetError())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert wire.answers == 1


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_in_pieces_is_received_whole(chunked):
    bodies, body = [], b"abcdefghij" * 20_000

    async def app(scope, receive, send):
        whole, is_more = b"", True
        while is_more:
            message = await receive()
            whole, is_more = whole + message["body"], message["more_body"]
        bodies.append(whole)
        await answer(scope, receive, send)

    wire, protocol, state = connected(app)
    sent = ask(body=body)
    if chunked:
        head = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
        sent = head + b"".join(b"1\r\n%c\r\n" % byte for byte in body[:5_000]) + b"0\r\n\r\n"
    for at in range(0, len(sent), 7_000):
        await give(protocol, sent[at : at + 7_000])
        await asyncio.sleep(0)
    await asyncio.gather(*state.tasks)
    assert bodies == [body[:5_000] if chunked else body]
    assert wire.answers == 1


async def test_a_request_that_is_answered_before_its_body_has_come_leaves_the_connection_usable():
    wire, protocol, _ = connected(answer)
    sent = ask(body=b"x" * 100)
    await give(protocol, sent[:-50])
    await give(protocol, sent[-50:] + ask())
    assert wire.answers == 2


async def test_the_body_that_was_asked_for_with_100_continue():
    wire, protocol, state = connected(_echo)
    sent = ask("/", "expect: 100-continue")
    await give(protocol, sent[:-3])
    assert wire.written == b"HTTP/1.1 100 Continue\r\n\r\n"
    await give(protocol, sent[-3:])
    await asyncio.gather(*state.tasks)
    assert wire.written.endswith(b"you")


async def _echo(scope, receive, send):
    body = (await receive())["body"]
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


def test_a_client_that_is_dropped_in_the_middle_is_gone_for_the_rest():
    seen = []

    async def app(scope, receive, send):
        await receive()
        scope["extensions"][TRANSPORT]["transport"].abort()
        seen.append((await receive())["type"])
        await answer(scope, receive, send)

    assert talk(ask(), app=AtOnce(app)) == b""
    assert seen == ["http.disconnect"]


@pytest.mark.parametrize("turns", [0, 1])
@pytest.mark.parametrize("is_begun", [False, True])
def test_an_error_of_the_application_is_answered_as_uvicorn_does(turns, is_begun):
    async def app(scope, receive, send):
        if is_begun:
            await send(START)
        for _ in range(turns):
            await asyncio.sleep(0)
        raise ValueError

    ours = talk(ask(), app=AtOnce(app))
    assert ours == talk(ask(), http="httptools", app=app)
    assert ours.startswith(b"HTTP/1.1 200" if is_begun else b"HTTP/1.1 500")


def served(app, act, **settings):
    """What `act` makes of a server: it is given the server and a connection to it."""

    async def run():
        config = uvicorn.Config(
            AtOnce(app), http=Protocol, ws="none", log_config=None, lifespan="off", access_log=False, **settings
        )
        server, sock = uvicorn.Server(config), socket.create_server(("127.0.0.1", 0))
        serving = asyncio.ensure_future(server._serve([sock]))
        reader, writer = await asyncio.open_connection(*sock.getsockname())
        try:
            return await act(server, reader, writer)
        finally:
            writer.close()
            server.should_exit = True
            await serving

    return asyncio.run(run())


def test_a_server_that_stops_waits_for_requests_that_go_on_as_tasks():
    async def act(server, reader, writer):
        begun, door = asyncio.Event(), asyncio.Event()
        work.append((begun, door))
        writer.write(ask())
        await begun.wait()
        server.should_exit = True
        asyncio.get_running_loop().call_later(0.05, door.set)
        return await reader.read()

    async def app(scope, receive, send):
        begun, door = work[0]
        begun.set()
        await door.wait()
        await answer(scope, receive, send)

    work = []
    told = served(app, act)
    assert told.startswith(b"HTTP/1.1 200")
    assert told.endswith(b"ok")


def test_one_that_does_not_end_is_cancelled():
    ended, work = [], []

    async def act(server, reader, writer):
        work.append(asyncio.Event())
        writer.write(ask())
        await work[0].wait()
        server.should_exit = True
        return await reader.read()

    async def app(scope, receive, send):
        work[0].set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.append("cancelled")
            await answer(scope, receive, send)

    assert served(app, act, timeout_graceful_shutdown=1).endswith(b"ok")
    assert ended == ["cancelled"]


async def test_each_request_has_a_context_of_its_own_from_begin_to_end():
    seen, name = [], ContextVar("name", default="nobody")

    async def app(scope, receive, send):
        seen.append(name.get())
        name.set("somebody")
        await asyncio.sleep(0)
        seen.append(name.get())
        await answer(scope, receive, send)

    _, protocol, state = connected(app)
    for _ in range(2):
        await give(protocol, ask())
        await asyncio.gather(*state.tasks)
    assert seen == ["nobody", "somebody"] * 2
    assert name.get() == "nobody"


async def rest_of(rest):
    await rest


async def test_two_may_wait_for_what_one_of_them_waited_for_first():
    shared, got = asyncio.get_running_loop().create_future(), []

    async def wait():
        got.append(await shared)

    rest = asyncio.ensure_future(rest_of(begun(wait(), copy_context())))
    other = asyncio.ensure_future(wait())
    await asyncio.sleep(0)
    shared.set_result(1)
    await asyncio.gather(rest, other)
    assert got == [1, 1]


async def test_a_future_that_somebody_else_waits_for_meanwhile():
    shared, got = asyncio.get_running_loop().create_future(), []

    async def wait():
        got.append(await shared)

    left = begun(wait(), copy_context())
    other = asyncio.ensure_future(wait())
    await asyncio.sleep(0)  # it takes the mark that the future is awaited
    rest = asyncio.ensure_future(rest_of(left))
    await asyncio.sleep(0)
    shared.set_result(2)
    await asyncio.gather(rest, other)
    assert got == [2, 2]


@pytest.mark.parametrize("error", [ValueError("no"), asyncio.CancelledError()])
async def test_what_goes_wrong_with_what_it_waited_for_is_raised_inside(error):
    shared, got = asyncio.get_running_loop().create_future(), []

    async def wait():
        try:
            await shared
        except BaseException as caught:
            got.append(type(caught))
            await asyncio.sleep(0)
            raise LookupError from caught

    rest = asyncio.ensure_future(rest_of(begun(wait(), copy_context())))
    await asyncio.sleep(0)
    if isinstance(error, asyncio.CancelledError):
        rest.cancel()
    else:
        shared.set_exception(error)
    with pytest.raises(LookupError):
        await rest
    assert got == [type(error)]


def test_a_cycle_that_is_done_leaves_no_garbage_but_the_newest():
    async def run():
        _, protocol, _ = connected(answer)
        await give(protocol, ask())
        gc.collect()
        gc.disable()
        try:
            for _ in range(50):
                await give(protocol, ask())
            return sum(type(each) is Cycle for each in gc.get_objects())
        finally:
            gc.enable()

    assert 1 <= asyncio.run(run()) <= 2  # the others went when they were done, without the collector


CREATE = {"model": "gpt-4o", "input": "Say hello."}
SENT = {
    "a create": CREATE,
    "a stream": {**CREATE, "stream": True},
    "an invalid one": {**CREATE, "temperature": 9},
    "in the background": {**CREATE, "background": True},
    "no JSON": None,
}


def create(body, *headers):
    data = b"{" if body is None else json.dumps(body).encode()
    return ask("/v1/responses", "authorization: Bearer k", "content-type: application/json", *headers, body=data)


@pytest.mark.parametrize("body", SENT.values(), ids=SENT)
def test_the_mock_answers_the_same_bytes_under_plain_uvicorn(body):
    sent = create(body) + create(body, LAST)
    ours, plain = (talk(sent, http=http, app=build_app(Settings(clock="virtual"))) for http in (Protocol, "httptools"))
    assert ours == plain
    assert ours.count(b"HTTP/1.1 ") == 2


@pytest.mark.parametrize("body", SENT.values(), ids=SENT)
async def test_the_mock_answers_the_same_in_process(body):
    data = b"{" if body is None else json.dumps(body).encode()
    transport = httpx.ASGITransport(build_app(Settings(clock="virtual")))
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        answer = await client.post("/v1/responses", content=data, headers={"authorization": "Bearer k"})
    wired = await asyncio.to_thread(talk, create(body, LAST), app=build_app(Settings(clock="virtual")))
    head, _, rest = wired.partition(b"\r\n\r\n")
    assert int(head.split()[1]) == answer.status_code
    assert answer.content in rest
    assert answer.headers["x-request-id"].encode() in head


def test_it_begins_at_once_unless_its_store_may_wait(monkeypatch):
    for cors in ((), ("*",)):
        assert build_app(Settings(cors=cors)).begins_at_once is True
    monkeypatch.setattr(MemoryStore, "is_immediate", Store.is_immediate)
    for cors in ((), ("*",)):
        assert build_app(Settings(cors=cors)).begins_at_once is False
