"""Several workers behind one port: processes that share a store, and the foreman that keeps them at work."""

import os
import re
import signal
import socket
import threading
from pathlib import Path
from time import monotonic

import httpx
import pytest
from click.testing import CliRunner

from mockapi.cli import main
from mockapi.foreman import Foreman

from .test_shared import ask, create

RUN = "steps: [{background: {queued: 1h, in_progress: 1h}, reply: one two three}]"


@pytest.fixture
def workers(spawn, tmp_path):
    """A server of some workers on a file."""
    file = tmp_path / "s.yaml"
    file.write_text(RUN)

    def start(count, *more):
        return spawn(
            str(file), "--log-level", "warning", "--workers", str(count), "--store", f"sqlite:///{tmp_path}/store.db", *more
        )

    return start


def children(server):
    pid = server.process.pid
    return {int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def until(look):
    end = monotonic() + 20
    while not look():
        assert monotonic() < end


def test_workers_answer_for_each_other_and_end_with_exit_0(workers):
    server = workers(2)
    first = children(server)
    assert len(first) == 2
    ids = [create(server, background=True)["id"] for _ in range(8)]  # each over a connection of its own
    assert {ask(server, "GET", f"/v1/responses/{each}")["status"] for each in ids * 2} == {"queued"}
    dead = min(first)
    os.kill(dead, signal.SIGKILL)
    until(lambda: len(children(server) - {dead}) == 2)
    assert {ask(server, "POST", f"/v1/responses/{each}/cancel")["status"] for each in ids} == {"cancelled"}
    server.process.send_signal(signal.SIGTERM)
    out, err = server.process.communicate(timeout=20)
    assert (server.process.returncode, out) == (0, "")  # the ready line came once
    assert f"worker 0 (process {dead}) was killed by SIGKILL; another begins" in err
    assert "Traceback" not in err


def test_a_hangup_reads_the_files_again_in_every_worker(workers, tmp_path):
    server = workers(3)
    (tmp_path / "s.yaml").write_text("steps: [{name: new, reply: new}]")
    server.process.send_signal(signal.SIGHUP)
    names = []

    def look():
        names.append(ask(server, "GET", "/_mock/scenarios")["scenarios"][0]["steps"][0]["name"])
        return names[-12:] == ["new"] * 12

    until(look)
    dead = min(children(server))
    os.kill(dead, signal.SIGKILL)  # who begins later has the new files too
    until(lambda: len(children(server) - {dead}) == 3)
    until(lambda: {create(server)["output"][0]["content"][0]["text"] for _ in range(12)} == {"new"})  # the last one hears of it
    texts = []

    def have_all_answered():
        texts.append(create(server)["output"][0]["content"][0]["text"])
        counted = re.findall(r'worker="(\d)",operation="responses.create"', httpx.get(f"{server.url}/metrics").text)
        return set(counted) == {"0", "1", "2"}

    until(have_all_answered)
    assert set(texts) == {"new"}


def test_workers_end_with_their_foreman(workers):
    server = workers(2)
    left = children(server)
    server.process.kill()
    server.process.wait()

    def are_gone():
        return not any(Path(f"/proc/{each}/cwd").exists() for each in left)

    until(are_gone)


def test_memory_cannot_be_shared():
    result = CliRunner().invoke(main, ["serve", "--workers", "2", "--port", "0"])
    assert result.exit_code == 2
    assert result.output == (
        "mockapi: --workers needs a store that they can share: --store sqlite:///FILE or redis://HOST:PORT/DB\n"
    )


@pytest.mark.parametrize("url", ["sqlite://x.db", "sqlite:///", "file.db", "redis:/x", ""])
def test_stores_that_nobody_knows_are_refused(url):
    result = CliRunner().invoke(main, ["serve", "--store", url, "--port", "0"])
    assert result.exit_code == 2
    assert result.output == f"mockapi: --store {url!r}: a store is memory, sqlite:///FILE or redis://HOST:PORT/DB\n"


@pytest.mark.parametrize("more", [(), ("--workers", "2")])
def test_a_store_that_cannot_be_used_ends_the_server_with_a_sentence(spawn_command, tmp_path, more):
    process = spawn_command("serve", "--port", "0", "--store", f"sqlite:///{tmp_path}/no/x.db", *more)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (2, "")
    assert err == f"mockapi: --store sqlite:///{tmp_path}/no/x.db: there is no folder {tmp_path}/no\n"


@pytest.mark.slow
def test_many_clients_of_many_workers_lose_nothing_while_workers_die(workers):
    server = workers(4)
    ids = []

    def client(key):
        with httpx.Client(headers={"authorization": f"Bearer {key}"}, timeout=20) as session:
            for number in range(100):
                try:
                    answer = session.post(
                        f"{server.url}/v1/responses", json={"model": "gpt-4o", "input": f"{number}", "background": True}
                    )
                except httpx.TransportError:
                    continue  # its worker was killed: nothing was acknowledged
                assert answer.status_code == 200
                ids.append((key, answer.json()["id"]))

    threads = [threading.Thread(target=client, args=(f"k{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for _ in range(4):
        known = len(ids)
        until(lambda known=known: len(ids) > known + 50)
        os.kill(max(children(server)), signal.SIGKILL)
    for thread in threads:
        thread.join()
    with httpx.Client(timeout=20) as session:
        found = {
            session.get(f"{server.url}/v1/responses/{each}", headers={"authorization": f"Bearer {key}"}).status_code
            for key, each in ids
        }
    assert len(set(ids)) == len(ids) > 400
    assert found == {200}


def test_a_worker_that_cannot_begin_ends_all():
    """One that says why, as a wrong setting does, is not replaced again and again."""
    read, write = os.pipe()

    def work(place):
        os.write(write, b"%d" % place.number)
        raise SystemExit(2)

    with pytest.raises(SystemExit) as caught:
        Foreman(2, work, lambda: pytest.fail("ready"), 5.0).run()
    assert caught.value.code == 2
    assert set(os.read(read, 99)) <= set(b"01")
    os.close(read)
    os.close(write)


def test_a_scrape_of_any_worker_tells_of_all(workers):
    server = workers(3)
    for _ in range(12):
        create(server)  # each over a connection of its own

    def counted():
        found = [line for line in ask(server, "GET", "/metrics").splitlines() if line.startswith("mockapi_creates_total")]
        return sum(float(line.rpartition(" ")[2]) for line in found), {line.partition('worker="')[2][0] for line in found}

    assert [counted() for _ in range(6)] == [(12, {"0", "1", "2"})] * 6


@pytest.mark.parametrize("count", [1, 2])
def test_a_second_ctrl_c_cuts_streams_and_nothing_is_said_of_a_bug(workers, tmp_path, count):
    server = workers(count)
    (tmp_path / "s.yaml").write_text("steps: [{pace: {first: 1h}, reply: late}]")
    ask(server, "POST", "/_mock/scenarios/reload")
    body = {"model": "gpt-4o", "input": "x", "stream": True}
    with httpx.stream("POST", f"{server.url}/v1/responses", json=body, headers={"authorization": "Bearer k"}) as stream:
        next(stream.iter_lines())

        def is_closing():
            with socket.socket() as made:
                return made.connect_ex((httpx.URL(server.url).host, httpx.URL(server.url).port or 0)) != 0

        pids = [server.process.pid, *(children(server) if count > 1 else ())]
        for each in pids:
            os.kill(each, signal.SIGINT)
        if count == 1:  # to a worker, its foreman's signal is the first
            until(is_closing)
            server.process.send_signal(signal.SIGINT)
    out, err = server.process.communicate(timeout=20)
    assert (server.process.returncode, out) == (0, "")
    assert "Traceback" not in err


def test_a_hangup_waits_for_a_worker_that_can_hear_it(monkeypatch):
    sent = []
    monkeypatch.setattr("mockapi.foreman._send", lambda process, number: sent.append((process, number)))
    foreman = Foreman(2, lambda place: None, lambda: None, 5.0)
    foreman._take(signal.SIGHUP, None)
    foreman._obey()  # nobody is ready
    foreman._at_work, foreman._began = {20: 0, 21: 1}, {20: 9.0, 21: 3.0}
    foreman._obey()
    assert sent == []
    foreman._on_ready = None
    for _ in range(2):
        foreman._obey()
    assert sent == [(21, signal.SIGHUP)]  # who is there longest, once
