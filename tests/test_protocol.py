"""The short way of ready answers over a real socket: what a client gets is what uvicorn would have sent."""

import asyncio
import json
import socket

import pytest
import uvicorn
from uvicorn.server import ServerState

from mockapi.http.head import Head, HeadForm
from mockapi.http.protocol import MOST_HEAD, Protocol

FORM = HeadForm([(b"x-constant", b"100%b"), (b"x-id", None), (b"content-length", None)])
UNSIZED = HeadForm([(b"x-id", None)])


async def app(scope, receive, send):
    """Answers by path; the request's body comes back behind the path's own."""
    asked = (await receive()).get("body", b"")
    kind, body = scope["path"].strip("/"), b"hello " + asked
    head = Head(FORM, (b"1", b"%d" % len(body)))
    if kind in ("unsized", "empty"):
        head, body = Head(UNSIZED, (b"2",)), body if kind == "unsized" else b""
    if kind == "plain":
        head = [*head]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    if kind == "pieces":
        await send({"type": "http.response.body", "body": body[:2], "more_body": True})
        body = body[2:]
    elif kind == "broken":
        raise RuntimeError
    elif kind == "slow":
        await asyncio.sleep(0)
    await send({"type": "http.response.body", "body": body})


class AtOnce:
    """An application that may begin outside a task."""

    begins_at_once = True

    def __init__(self, app):
        self._app = app

    async def __call__(self, scope, receive, send):
        await self._app(scope, receive, send)


def talk(*sent: bytes, http=Protocol, app=app) -> bytes:
    """All that a server of this protocol answers until it closes the connection."""

    async def run():
        config = uvicorn.Config(
            app, http=http, ws="none", log_config=None, lifespan="off", server_header=False, date_header=False
        )
        config.load()
        state = ServerState()
        sock = socket.create_server(("127.0.0.1", 0))
        serving = await asyncio.get_running_loop().create_server(lambda: config.http_protocol_class(config, state, {}), sock=sock)
        reader, writer = await asyncio.open_connection("127.0.0.1", sock.getsockname()[1])
        for each in sent:
            writer.write(each)
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        serving.close()
        await serving.wait_closed()
        await asyncio.gather(*state.tasks)
        return answer

    return asyncio.run(run())


def ask(path="/", *headers, method="POST", version="1.1", body=b"you"):
    lines = [f"{method} {path} HTTP/{version}", "host: x", f"content-length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


LAST = "connection: close"

ROWS = {
    "at once": ask("/", LAST),
    "keep-alive, then close": ask() + ask("/", LAST),
    "pipelined": ask() * 3 + ask("/plain") + ask("/slow") + ask("/unsized") + ask("/", LAST),
    "chunked": ask("/unsized", LAST),
    "chunked and empty": ask("/empty", LAST),
    "HTTP/1.0": ask("/", version="1.0"),
    "HTTP/1.0, chunked": ask("/unsized", version="1.0"),
    "HEAD": ask("/", LAST, method="HEAD", body=b""),
    "HEAD, unsized": ask("/unsized", LAST, method="HEAD", body=b""),
    "a body in pieces": ask("/pieces") + ask("/pieces", LAST),
    "plain headers": ask("/plain", LAST),
    "expect": ask("/", "expect: 100-continue", LAST),
    "an escaped path": ask("/%75nsized?a=%20", LAST),
    "a long URL": ask("/" + "x" * 300 + "?" + "y" * 300, LAST),
    "an upgrade nobody offers": ask("/", "connection: upgrade, close", "upgrade: websocket"),
    "no HTTP": b"nonsense\r\n\r\n",
}


@pytest.mark.parametrize("sent", ROWS.values(), ids=ROWS)
def test_answers_are_those_of_uvicorn(sent):
    ours = talk(sent)
    assert ours
    assert ours == talk(sent, http="httptools")
    assert ours == talk(sent, app=AtOnce(app))


@pytest.mark.parametrize("app", [app, AtOnce(app)], ids=["a task", "at once"])
def test_a_head_is_never_sent_without_its_body(app):
    answer = talk(ask("/broken", LAST), app=app)
    assert answer.startswith(b"HTTP/1.1 500")
    assert b"x-constant" not in answer


def test_a_head_is_pairs_too():
    head = Head(FORM, (b"a", b"3"))
    assert [*head] == [(b"x-constant", b"100%b"), (b"x-id", b"a"), (b"content-length", b"3")]
    assert head.lines == b"x-constant: 100%b\r\nx-id: a\r\ncontent-length: 3\r\n"


@pytest.mark.parametrize("pair", [(b"x-a", b"b\r\nset-cookie: c"), (b"x a", b"b"), (b"x-a\n", None)])
def test_a_form_refuses_what_no_header_can_carry(pair):
    with pytest.raises(ValueError, match="no header can say"):
        HeadForm([pair])


TOO_LONG = {
    "a header": ask("/", f"x-a: {'a' * MOST_HEAD}"),
    "many headers": ask("/", *[f"x-{n}: {'a' * 1000}" for n in range(66)]),
    "a URL": ask("/" + "a" * MOST_HEAD),
    "a query": ask("/?" + "a" * 40_000, f"x-a: {'a' * 30_000}"),
    "a header without end": b"GET / HTTP/1.1\r\nx-a: " + b"a" * 1_000_000,
    "a name without end": b"GET / HTTP/1.1\r\n" + b"a" * 1_000_000,
    "a URL without end": b"GET /" + b"a" * 1_000_000,
    "headers without end": b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 200_000,
}


@pytest.mark.parametrize(
    "before", [[], ["/"], ["/slow"], ["/", "/slow", "/"]], ids=["first", "later", "behind one", "behind many"]
)
@pytest.mark.parametrize("app", [app, AtOnce(app)], ids=["a task", "at once"])
@pytest.mark.parametrize("sent", TOO_LONG.values(), ids=TOO_LONG)
def test_a_head_that_is_too_long_is_told_so(before, app, sent):
    answer = talk(*map(ask, before), sent, ask(), app=app)  # what comes behind it is passed over
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == len(before)
    head, _, body = answer.split(b"hello you")[-1].partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 431 ")
    assert b"\r\nconnection: close" in head
    assert f"content-length: {len(body)}".encode() in head
    assert json.loads(body)["error"]["code"] == "mock_headers_too_large"


@pytest.mark.parametrize(
    "sent",
    [
        ask("/", f"x-a: {'a' * 65_000}", LAST),
        ask("/" + "a" * 40_000 + "?" + "b" * 25_000, LAST),
        ask("/", body=b"b" * 1_000_000) * 2 + ask("/", LAST),
        ask("/", f"x-a: {'a' * 40_000}") * 20 + ask("/", LAST),
    ],
    ids=["a header", "a URL", "bodies", "many requests"],
)
def test_what_is_no_longer_than_that_passes(sent):
    ours = talk(sent)
    assert ours.count(b"HTTP/1.1 200 OK") == ours.count(b"HTTP/1.1") == sent.count(b"POST ")


def test_who_was_refused_may_send_the_rest_for_a_while():
    loop, wire, protocol = connected()
    protocol.data_received(b"GET / HTTP/1.1\r\nx-a: ")
    for _ in range(100):
        protocol.data_received(b"a" * 10_000)
    assert wire.written.count(b"HTTP/1.1 431") == 1
    loop.go(1.9)
    protocol.data_received(b"\r\n\r\n" + ask())
    assert (wire.written.count(b"HTTP/1.1"), wire.is_closed) == (1, False)
    loop.go(0.2)
    assert wire.is_closed


class Loop:
    """Time and timers that the test moves."""

    def __init__(self):
        self.now, self.timers = 0.0, []

    def time(self):
        return self.now

    def call_later(self, seconds, call):
        self.timers.append([self.now + seconds, call])
        return asyncio.Handle(call, (), self)

    def get_debug(self):
        return False

    def go(self, seconds):
        self.now += seconds
        due = [timer for timer in self.timers if timer[0] <= self.now]
        self.timers = [timer for timer in self.timers if timer[0] > self.now]
        for _, call in due:
            call()


class Wire(asyncio.Transport):
    """Remembers what was written, and whether it was closed."""

    is_closed = False
    written = b""

    def write(self, data):
        self.written += data

    def can_write_eof(self):
        return False

    def close(self):
        self.is_closed = True

    def is_closing(self):
        return self.is_closed


def connected():
    loop, wire = Loop(), Wire()
    config = uvicorn.Config(app, ws="none", log_config=None, timeout_keep_alive=5)
    protocol = Protocol(config, ServerState(), {}, _loop=loop)
    protocol.connection_made(wire)
    return loop, wire, protocol


def test_an_idle_connection_is_closed_and_one_in_use_is_not():
    loop, wire, protocol = connected()
    for part in (b"GET / HT", b"TP/1.1\r\n", b"host: x\r\n", b"a: b\r\n"):
        protocol.on_response_complete()
        loop.go(3)
        protocol.data_received(part)
    assert not wire.is_closed
    protocol.on_response_complete()
    loop.go(4.9)
    assert not wire.is_closed
    loop.go(0.2)
    assert wire.is_closed


def test_one_timer_serves_many_answers():
    loop, wire, protocol = connected()
    for _ in range(100):
        protocol.on_response_complete()
        loop.go(0.04)
    assert len(loop.timers) == 1
    loop.go(2)
    assert not wire.is_closed
    loop.go(3)
    assert wire.is_closed
