"""The short way of ready answers over a real socket: what a client gets is what uvicorn would have sent."""

import asyncio
import json
import socket

import pytest
import uvicorn
from uvicorn.server import ServerState

from mockapi.http.head import Head, HeadForm
from mockapi.http.parsing import PAIRS, pair_of
from mockapi.http.protocol import Protocol
from mockapi.http.refusal import MOST_HEAD

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
        while state.connections:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0)
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


def head(size, long=False):
    """A request whose URL, names and values are so many bytes: many short headers, or a long one."""
    left = size - len("/hostxcontent-length3") - len("connectionclose")
    lines = [f"n{n:05}: {'v' * 94}" for n in range(0 if long else (left - 1) // 100)]
    left -= 100 * len(lines)
    return ask("/", *lines, f"x: {'v' * (left - 1)}", LAST)


TOO_LONG = {
    "a header": head(MOST_HEAD + 1, long=True),
    "many headers": head(MOST_HEAD + 1),
    "a name": ask("/", f"{'a' * MOST_HEAD}: b"),
    "a URL": ask("/" + "a" * MOST_HEAD),
    "a query": ask("/?" + "a" * 40_000, f"x-a: {'a' * 30_000}"),
    "a header without end": b"GET / HTTP/1.1\r\nx-a: " + b"a" * 1_000_000,
    "a name without end": b"GET / HTTP/1.1\r\n" + b"a" * 1_000_000,
    "a URL without end": b"GET /" + b"a" * 1_000_000,
    "headers without end": b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 200_000,
    "nothing without end": b"\r\n" * 500_000,
}
CHUNKED = "transfer-encoding: chunked"
TRAILED = ask("/pieces", CHUNKED).replace(b"content-length: 3\r\n", b"")[:-3] + b"3\r\nyou\r\n0\r\n"


def pieces(data, size):
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize(
    "before", [[], ["/"], ["/slow"], ["/", "/slow", "/"]], ids=["first", "later", "behind one", "behind many"]
)
@pytest.mark.parametrize("app", [app, AtOnce(app)], ids=["a task", "at once"])
@pytest.mark.parametrize("sent", TOO_LONG.values(), ids=TOO_LONG)
def test_a_head_that_is_too_long_is_told_so(before, app, sent):
    answer = talk(*map(ask, before), sent, ask(), app=app)  # what comes behind it is passed over
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == len(before)
    check_refused(answer.split(b"hello you")[-1])


def check_refused(answer, code="mock_headers_too_large"):
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 431 ")
    assert b"\r\nconnection: close" in head
    assert f"content-length: {len(body)}".encode() in head
    assert json.loads(body)["error"]["code"] == code


@pytest.mark.parametrize("before", [[], ["/"], ["/slow", "/"]], ids=["first", "later", "behind some"])
@pytest.mark.parametrize("app", [app, AtOnce(app)], ids=["a task", "at once"])
def test_a_trailer_without_end_is_told_so(before, app):
    received = []

    async def reading(scope, receive, send):
        while scope["path"] == "/pieces":
            message = await receive()
            received.append(message["type"])
            if message["type"] == "http.disconnect":
                return
        await app(scope, receive, send)

    endless = TRAILED + b"x: " + b"a" * 1_000_000
    answer = talk(*map(ask, before), endless, ask(), app=AtOnce(reading) if isinstance(app, AtOnce) else reading)
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == len(before)
    check_refused(answer.split(b"hello you")[-1])
    assert received[-1:] in ([], ["http.disconnect"])  # nobody waits for the rest


def test_trailers_are_no_headers():
    seen = []

    async def looking(scope, receive, send):
        while (await receive())["more_body"]:
            pass
        seen.extend(name for name, _ in scope["headers"])
        await app({**scope, "path": "/"}, receive_nothing, send)

    async def receive_nothing():
        return {}

    answer = talk(TRAILED + b"authorization: Bearer k\r\n\r\n" + ask("/", LAST), app=looking)
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert b"transfer-encoding" in seen
    assert b"authorization" not in seen


@pytest.mark.parametrize("size", [7, 500, 70_000, 1_000_000])
@pytest.mark.parametrize("is_long", [True, False], ids=["one header", "many headers"])
def test_the_bound_is_exact_however_the_bytes_come(size, is_long):
    for extra, status in ((0, b"200"), (1, b"431")):
        _, wire, protocol = connected(begins=False)
        for piece in pieces(head(MOST_HEAD + extra, is_long), size):
            protocol.data_received(piece)
        assert (b"HTTP/1.1 431" in wire.written) == (status == b"431")
        assert len(protocol.begun) == (status == b"200")


@pytest.mark.parametrize(
    "sent",
    [
        ask("/" + "a" * 40_000 + "?" + "b" * 25_000, LAST),
        ask("/", body=b"b" * 1_000_000) * 2 + ask("/", LAST),
        ask("/", f"x-a: {'a' * 40_000}") * 20 + ask("/", LAST),
        TRAILED + b"a: b\r\n" * 5_000 + b"\r\n" + ask("/", LAST),
    ],
    ids=["a URL", "bodies", "many requests", "trailers"],
)
def test_what_is_no_longer_than_that_passes(sent):
    ours = talk(sent)
    assert ours.count(b"HTTP/1.1 200 OK") == ours.count(b"HTTP/1.1") == sent.count(b"POST ")


UPGRADE = ("connection: Upgrade, HTTP2-Settings", "http2-settings: AAMAAABkAARAAAAAAAIAAAAA")
BODIES = {
    "a body": (ask("/", *UPGRADE, "upgrade: h2c"), b"you"),
    "chunks": (
        ask("/", CHUNKED, *UPGRADE, "upgrade: h2c", body=b"3\r\nyou\r\n0\r\n\r\n").replace(b"content-length: 13\r\n", b""),
        b"you",
    ),
    "no body": (ask("/", *UPGRADE, "upgrade: websocket", method="GET", body=b""), b""),
    "no length": (ask("/", *UPGRADE, "upgrade: websocket", body=b"").replace(b"content-length: 0\r\n", b""), b""),
}


@pytest.mark.parametrize(("sent", "body"), BODIES.values(), ids=BODIES)
def test_an_upgrade_is_declined_and_the_body_is_read(sent, body):
    """What `curl --http2` and Java's HttpClient send."""
    answer = talk(sent)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"connection: close\r\n\r\nhello " + body)
    for cut in range(1, len(sent)):
        _, wire, protocol = connected(begins=False)
        protocol.data_received(sent[:cut])
        if body and sent[:cut].endswith(body[:1]):
            assert protocol.begun[0].more_body
        protocol.data_received(sent[cut:])
        protocol.data_received(b"POST / HTTP/1.1\r\n\r\n")
        (cycle,) = protocol.begun
        assert (bytes(cycle.body), cycle.more_body, cycle.keep_alive, wire.written) == (body, False, False, b"")


def test_an_upgrade_whose_body_cannot_be_read_is_refused():
    sent = ask("/", "transfer-encoding: gzip", *UPGRADE, "upgrade: h2c").replace(b"content-length: 3\r\n", b"")
    assert talk(sent).startswith(b"HTTP/1.1 400 ")
    broken = ask("/", CHUNKED, *UPGRADE, "upgrade: h2c", body=b"nonsense\r\n").replace(b"content-length: 10\r\n", b"")
    assert talk(broken).startswith(b"HTTP/1.1 400 ")


def test_what_comes_behind_a_declined_upgrade_is_not_read():
    upgrade = ask("/", *UPGRADE, "upgrade: h2c")
    for behind in (ask("/"), upgrade, upgrade * 2, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\0" * 1_000):
        assert talk(upgrade + behind).count(b"HTTP/1.1 ") == 1
        for cut in range(1, len(upgrade + behind)):
            _, wire, protocol = connected(begins=False)
            protocol.data_received((upgrade + behind)[:cut])
            protocol.data_received((upgrade + behind)[cut:])
            (cycle,) = protocol.begun
            assert (bytes(cycle.body), cycle.more_body, wire.written) == (b"you", False, b"")
    answers = talk(ask("/slow") + upgrade * 2)
    assert answers.count(b"HTTP/1.1 200 OK") == answers.count(b"HTTP/1.1 ") == 2


def test_no_http_behind_a_request_does_not_take_its_answer():
    answer = talk(ask() + b"nonsense\r\n\r\n")
    assert answer.index(b"hello you") < answer.index(b"HTTP/1.1 400 ")


async def refusing(scope, receive, send):
    await send({"type": "http.response.start", "status": 401, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"no"})


@pytest.mark.parametrize("size", [100, 5_000_000])
def test_who_is_refused_before_its_body_is_read_sees_why(size):
    answer = talk(ask("/", LAST, body=b"b" * size), app=refusing)
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert answer.endswith(b"\r\n\r\nno")


@pytest.mark.parametrize("app", [app, refusing], ids=["a head", "plain headers"])
def test_an_answer_that_read_nothing_lingers(app):
    """With `connection: close`, over a transport: the rest is passed over, and nothing behind it is answered."""

    async def unread(scope, receive, send):
        await app(scope, nothing, send)

    async def nothing():
        return {}

    answer = talk(ask("/", LAST, body=b"b" * 3_000_000), ask(), app=unread)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert answer.endswith((b"hello ", b"no"))


def test_a_refusal_is_not_written_into_an_answer_that_has_begun():
    """A stream, say, whose client goes on sending a body that breaks off."""
    loop, wire, protocol = connected(begins=False)
    protocol.data_received(TRAILED)
    (cycle,) = protocol.begun
    cycle.response_started, protocol._answering = True, cycle
    protocol.data_received(b"nonsense\r\n")
    assert (wire.written, wire.has_eof, cycle.disconnected) == (b"", True, True)
    loop.go(2.1)
    assert wire.is_closed


def test_nothing_is_written_behind_an_answer_whose_request_breaks_off():
    """A client would take it as the answer to its next request."""
    _, wire, protocol = connected(begins=False)
    protocol.data_received(TRAILED)
    (cycle,) = protocol.begun
    cycle.response_started = cycle.response_complete = True
    protocol.data_received(b"nonsense\r\n")
    assert (wire.written, wire.has_eof) == (b"", True)


def test_requests_behind_one_another_are_not_added_up():
    for sent in (
        ask("/", method="GET", body=b""),
        ask("/x", CHUNKED, body=b"0\r\nx: y\r\n\r\n").replace(b"content-length: 11\r\n", b""),
    ):
        _, wire, protocol = connected(begins=False)
        for _ in range(100):
            protocol.data_received(sent * 100)
            assert (wire.written, len(protocol.pipeline) + len(protocol.begun)) == (b"", 100)
            protocol.pipeline.clear()
            protocol.begun, protocol.cycle = (), None


def test_nothing_is_read_while_many_requests_wait():
    """A client that does not wait for answers cannot fill the memory with what it asks."""
    _, wire, protocol = connected(begins=False)
    protocol.data_received(ask() * 103)
    for left in range(102, -1, -1):
        cycle = protocol.begun[-1]
        assert cycle.whole_body() == b"you"
        assert len(protocol.pipeline) == left
        assert wire.is_paused == (left >= 100)  # behind a few, that the client hangs up is seen
        cycle.response_complete = True
        protocol.on_response_complete()


def test_leave_is_not_given_to_who_was_refused():
    """Its body broke off before anybody asked for it; nothing can be written behind the refusal."""
    _, wire, protocol = connected(begins=False)
    protocol.data_received(TRAILED.replace(b"3\r\nyou\r\n0\r\n", b"").replace(b"host: x", b"host: x\r\nexpect: 100-continue"))
    (cycle,) = protocol.begun
    protocol.data_received(b"zz\r\n")
    assert (wire.written.count(b"HTTP/1.1 400"), wire.has_eof) == (1, True)
    assert asyncio.run(cycle.receive()) == {"type": "http.disconnect"}
    assert b"100 Continue" not in wire.written


def test_paused_reading_goes_on_while_it_lingers():
    """Else the rest stays where it is, and closing resets the connection."""
    _, wire, protocol = connected(begins=False)
    head = b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n"
    protocol.data_received(head + b"%x\r\n%b\r\nnonsense\r\n" % (100_000, b"b" * 100_000))
    assert wire.written.startswith(b"HTTP/1.1 400 ")
    assert (wire.is_paused, wire.has_eof, protocol.begun) == (False, True, ())


def test_who_waits_for_leave_and_is_refused_must_not_go_on():
    """Whether it sends its body is not known: what comes next could be either."""
    asked = ask("/", "expect: 100-continue")
    answer = talk(asked[:-3], app=refusing)
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"connection: close" in answer


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

    def call_soon(self, call):
        call()

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

    is_closed = is_paused = has_eof = False
    written = b""

    def write(self, data):
        self.written += data

    def can_write_eof(self):
        return True

    def write_eof(self):
        self.has_eof = True

    def pause_reading(self):
        self.is_paused = True

    def resume_reading(self):
        self.is_paused = False

    def close(self):
        self.is_closed = True

    def is_closing(self):
        return self.is_closed


class Begun(Protocol):
    """Remembers requests instead of answering them."""

    def _begin(self, cycle):
        self.begun = [*self.begun, cycle]

    begun = ()


def connected(begins=True):
    loop, wire = Loop(), Wire()
    config = uvicorn.Config(app, ws="none", log_config=None, timeout_keep_alive=5)
    protocol = (Protocol if begins else Begun)(config, ServerState(), {}, _loop=loop)
    protocol.connection_made(wire)
    return loop, wire, protocol


def answered():
    """A connection on which one request was answered."""
    loop, wire, protocol = connected(begins=False)
    protocol.data_received(ask())
    protocol.begun[0].response_complete = True
    protocol.on_response_complete()
    return loop, wire, protocol


def test_an_idle_connection_is_closed():
    loop, wire, _ = answered()
    loop.go(4.9)
    assert not wire.is_closed
    loop.go(0.2)
    assert wire.is_closed


def test_one_in_use_is_not():
    loop, wire, protocol = answered()
    for part in (b"GET / HT", b"TP/1.1\r\n", b"host: x\r\n", b"a: b\r\n", b"\r\n"):
        loop.go(4.9)
        protocol.data_received(part)
    loop.go(60)  # a request is answered
    assert (wire.is_closed, len(protocol.begun)) == (False, 2)


@pytest.mark.parametrize("last", [b"\r\n", b"GET / HT", b"GET / HTTP/1.1\r\nhost: x\r\n"], ids=["nothing", "a line", "a head"])
def test_one_whose_client_has_stopped_in_the_middle_is_closed(last):
    loop, wire, protocol = answered()
    loop.go(4)
    protocol.data_received(last)
    loop.go(4.9)
    assert not wire.is_closed
    loop.go(0.2)
    assert wire.is_closed


def test_the_rest_of_a_body_that_nobody_read_does_not_keep_it_open():
    loop, wire, protocol = connected(begins=False)
    protocol.data_received(ask("/", body=b"b" * 1_000)[:-900])
    protocol.begun[0].response_complete = True
    protocol.on_response_complete()
    protocol.data_received(b"b" * 900)
    loop.go(5.1)
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


def test_what_is_remembered_of_heads_is_short_and_of_a_bounded_number():
    PAIRS.clear()
    _, _, protocol = connected(begins=False)
    protocol.data_received(ask("/" + "a" * 300, f"x: {'v' * 300}", f"{'n' * 300}: v", "X-Short: v"))
    assert PAIRS[b"X-Short", b"v"] == (b"x-short", b"v")
    assert all(len(name) + len(value) < 256 for name, value in PAIRS)
    assert protocol.begun[0].scope["path"] == "/" + "a" * 300
    for number in range(10_000):
        pair_of(b"x", b"%d" % number)
    assert len(PAIRS) <= 4_096


def test_a_permitted_head_behind_others_in_pieces_is_never_refused():
    """Nothing of an earlier head is counted for a later one."""
    _, wire, protocol = connected(begins=False)
    for size in (40_000, 60_000, 100, 100, 60_000, 65_000, 100) * 3:
        sent = ask("/", f"x-a: {'a' * (size // 2)}", f"x-b: {'b' * (size // 2)}")
        for piece in pieces(sent, 20_000):
            protocol.data_received(piece)
        for cycle in protocol.begun:
            cycle.response_complete = True
    assert (wire.written, len(protocol.begun)) == (b"", 21)
