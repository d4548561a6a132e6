"""Connections to a Redis: one that is silent, refuses, speaks TLS or holds what is not ours; and calls that wait for one."""

import asyncio
import shutil
import signal
import subprocess
import sys
from contextlib import closing
from socket import create_server

import pytest

from mockapi.errors import StoreError, UsageError
from mockapi.settings import Settings
from mockapi.stores.opening import make_store
from mockapi.stores.redis import RedisStore, link, store

from .backends import run
from .redis_server import RedisServer
from .test_redis import failure, opened, server
from .test_stores import record

__all__ = ["opened", "server"]  # fixtures


def test_who_may_not_listen_is_told_so(server):
    server.ask("ACL", "SETUSER", "deaf", "on", ">p", "~*", "+@all", "resetchannels")
    assert "does not let us in" in refusal(f"redis://deaf:p@127.0.0.1:{server.port}/0")


@pytest.fixture
def silent():
    """Somebody who takes connections and never says a word; how many were made."""
    with closing(create_server(("127.0.0.1", 0))) as sock:
        sock.setblocking(False)

        def count():
            made = 0
            while True:
                try:
                    connection, _ = sock.accept()
                except BlockingIOError:
                    return made
                connection.close()
                made += 1

        yield f"redis://127.0.0.1:{sock.getsockname()[1]}/0", count


def test_silence_ends_and_does_not_make_a_storm(silent, monkeypatch):
    url, count = silent
    monkeypatch.setattr(link, "_PATIENCE_S", 0.2)
    made = RedisStore(url)

    async def many():
        return await asyncio.gather(*(made.take_ordinal("a", b"k") for _ in range(200)), return_exceptions=True)

    results, again = run(many(), many())
    assert {type(each) for each in (*results, *again)} == {StoreError}
    assert "did not answer" in results[0].message
    assert count() <= 4  # connections, for 400 calls
    run(made.close())


def test_a_redis_that_stops_in_the_middle_is_given_up(server, opened, monkeypatch):
    made = opened()
    run(made.add_response("a", record()))
    monkeypatch.setattr(link, "_PATIENCE_S", 0.2)
    server.process.send_signal(signal.SIGSTOP)
    assert "did not answer" in failure(made.get_response("a", "resp_1"))
    assert run(made.is_ready()) == [False]
    server.process.send_signal(signal.SIGCONT)
    monkeypatch.setattr(made._made, "_rests_until", 0.0)
    assert run(made.get_response("a", "resp_1"), made.is_ready()) == [record(), True]


def test_calls_that_come_while_connections_are_hung_up_are_answered(opened):
    made = opened()

    async def calls():
        made._made._idle += [await link.connected(made._address) for _ in range(8)]
        made._made.forsake_idle()
        async with asyncio.timeout(30):
            return await made.take_ordinal("a", b"k")

    assert run(calls()) == [0]


def test_who_gives_up_waiting_leaves_others_alone(opened):
    made = opened()

    async def some_leave():
        calls = [asyncio.ensure_future(made.take_ordinal("a", b"k")) for _ in range(10)]
        await asyncio.sleep(0)
        for each in calls[::2]:
            each.cancel()
        results = await asyncio.gather(*calls, return_exceptions=True)
        return results[1::2], await made.take_ordinal("b", b"k")

    ((kept, other),) = run(some_leave())
    assert len(set(kept)) == 5
    assert other == 0


def refusal(url):
    made = RedisStore(url)
    with pytest.raises(UsageError) as caught:
        run(made.open())
    run(made.close())
    return str(caught.value)


def test_nobody_there_at_the_start(monkeypatch):
    monkeypatch.setattr(store, "_START_S", 0.0)
    assert "redis://127.0.0.1:1/3 cannot be reached" in refusal("redis://:secret@127.0.0.1:1/3")
    assert "secret" not in refusal("redis://:secret@127.0.0.1:1/3")


def test_a_password_must_be_right():
    locked = RedisServer("--requirepass", "right")
    try:
        for user in ("", ":wrong@", "nobody:right@"):
            told = refusal(f"redis://{user}127.0.0.1:{locked.port}/0")
            assert "does not let us in" in told
            assert "right@" not in told
            assert "wrong" not in told.replace("WRONGPASS", "").replace("WRONG", "")
        made = RedisStore(f"redis://:right@127.0.0.1:{locked.port}/0")
        run(made.open(), made.close())
    finally:
        locked.stop()


def test_a_newer_format_is_refused(server, opened):
    made = opened()
    server.ask("SET", "mockapi:format", "99")
    assert "format 99 of a newer mockapi" in refusal(server.url)
    server.ask("SET", "mockapi:format", "mine")
    assert "mockapi did not write" in refusal(server.url)
    run(made.take_ordinal("a", b"k"))  # whoever was connected before goes on
    server.ask("CLIENT", "KILL", "TYPE", "normal")
    assert "mockapi did not write" in "".join(failure(made.take_ordinal("a", b"k")) for _ in range(2))


@pytest.mark.parametrize("url", ["redis://h:x/0", "redis://h:1/zero", "redis://h?nonsense=1", "redis://h:1/0?db=x"])
def test_what_is_no_address_of_a_redis(url):
    with pytest.raises(UsageError, match=r"redis://\[user:password@\]host"):
        RedisStore(url)


def test_the_extra_is_named_where_it_is_missing(monkeypatch):
    for name in [each for each in sys.modules if each.startswith(("mockapi.stores.redis", "redis"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "redis", None)
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(UsageError, match=r"pip install 'mockapi\[redis\]'"):
        make_store(Settings(store="redis://localhost:6379/0"))


@pytest.fixture
def secured(tmp_path):
    """A Redis that speaks TLS, and the file of who vouches for it."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl here to make a certificate with")
    key, certificate = str(tmp_path / "key"), str(tmp_path / "certificate")
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-keyout",
        key,
        "-out",
        certificate,
        *name,
    ]
    subprocess.run(command, check=True, capture_output=True)
    with closing(create_server(("127.0.0.1", 0))) as sock:
        port = sock.getsockname()[1]
    files = ["--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", certificate, "--tls-auth-clients", "no"]
    made = RedisServer("--tls-port", str(port), *files)
    yield f"rediss://127.0.0.1:{port}/2", certificate
    made.stop()


def test_tls_knows_whom_it_speaks_with(secured, monkeypatch):
    url, certificate = secured
    made = RedisStore(f"{url}?ssl_ca_certs={certificate}")
    assert run(made.open(), made.take_ordinal("a", b"k"), made.tell("a"), made.close())[1] == 0
    monkeypatch.setattr(store, "_START_S", 0.0)
    assert "certificate verify failed" in refusal(url)
