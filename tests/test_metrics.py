"""`GET /metrics`: what is counted, read by Prometheus' own parser; who may read it; what stores cost and forget."""

import asyncio

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from mockapi.errors import UsageError
from mockapi.neighbours import Neighbours
from mockapi.service.metrics import Metrics, united
from mockapi.stores.measured import measured
from mockapi.stores.memory import MemoryStore

from .conftest import make_app

SCENARIO = """
steps:
  - {when: {input: hello}, reply: hi}
  - {when: {input: broken}, fault: html_error}
  - {when: {input: busy}, error: rate_limit_exceeded}
"""
AUTH = {"authorization": "Bearer k"}


def connect(text=SCENARIO, **settings):
    return TestClient(make_app(text, **settings), base_url="http://localhost")


def read(client, **headers):
    """{name: {labels: value}} of the samples; the names are those of the exposition."""
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = {}
    for family in text_string_to_metric_families(answer.text):
        assert family.documentation
        assert family.type in ("counter", "gauge", "histogram")
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


def ask(client, text, **body):
    return client.post("/v1/responses", json={"model": "m", "input": text, **body}, headers=AUTH)


def test_calls_are_counted_by_operation_and_status():
    client = connect()
    for text in ("hello", "hello", "busy", "who are you", "broken"):
        ask(client, text)
    client.post("/v1/responses", json={}, headers=AUTH)
    client.get("/v1/responses/resp_0", headers=AUTH)
    client.get("/v1/nothing", headers=AUTH)
    client.post("/v1/responses", json={})
    found = read(client)
    calls = found["mockapi_requests_total"]
    assert calls == {
        (("operation", "responses.create"), ("status", "200")): 3,
        (("operation", "responses.create"), ("status", "429")): 1,
        (("operation", "responses.create"), ("status", "502")): 1,
        (("operation", "responses.create"), ("status", "400")): 1,
        (("operation", "responses.create"), ("status", "401")): 1,
        (("operation", "responses.retrieve"), ("status", "404")): 1,
        (("operation", "other"), ("status", "404")): 1,
    }
    assert found["mockapi_creates_total"] == {(("result", "matched"),): 4, (("result", "unmatched"),): 1}
    assert found["mockapi_faults_total"] == {(("fault", "html_error"),): 1}
    assert found["mockapi_streams_open"] == {(): 0}
    assert found["mockapi_uptime_seconds"][()] >= 0
    assert [*found["mockapi_build_info"].values()] == [1]
    assert "mockapi_store_seconds_count" not in found  # the memory store is not timed


def test_a_miss_that_is_an_error_is_unmatched():
    client = connect(unmatched="error")
    assert ask(client, "who are you").status_code == 422
    assert read(client)["mockapi_creates_total"] == {(("result", "matched"),): 0, (("result", "unmatched"),): 1}


def test_paced_streams_tell_how_late_they_are():
    client = connect("steps: [{pace: {first: 300ms}, reply: one two three}]", clock="real")
    assert "response.completed" in ask(client, "x", stream=True).text
    found = read(client)
    count = found["mockapi_stream_lateness_seconds_count"][()]
    assert count >= 1  # the first delta was waited for; what is due together goes out together
    assert found["mockapi_stream_lateness_seconds_bucket"][(("le", "+Inf"),)] == count
    assert found["mockapi_streams_open"] == {(): 0}


def test_what_is_forgotten_shows():
    client = connect(max_responses=2, journal=3)
    for number in range(5):
        ask(client, f"hello {number}")
    found = read(client)["mockapi_evictions_total"]
    assert found[(("kind", "responses"),)] == 3
    assert found[(("kind", "journal"),)] == 2
    assert client.get("/_mock/ready").json()["evictions"] == {kind[0][1]: number for kind, number in found.items()}
    assert read(client)["mockapi_store_bytes"][()] > 0


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"authorization": "Bearer wrong"}, 401),
        ({"authorization": "Basic secret"}, 401),
        ({"authorization": "Bearer secret"}, 200),
        ({"x-mock-admin-key": "secret"}, 200),
        ({"x-mock-admin-key": "wrong", "authorization": "Bearer secret"}, 401),
        ({"authorization": "Bearer secret", "host": "evil.example"}, 403),
    ],
)
def test_the_admin_key_guards_it(headers, status):
    assert connect(admin_key="secret").get("/metrics", headers=headers).status_code == status


def test_without_a_key_whoever_is_local_may_read_and_nobody_writes():
    client = connect(api_keys=("only-this",))
    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics", headers={"host": "evil.example"}).status_code == 403
    assert client.post("/metrics").status_code == 405


def test_labels_are_escaped():
    metrics = Metrics()
    metrics.faults['a"b\\c\nd'] += 1
    families = {family.name: family for family in text_string_to_metric_families(metrics.text({}, 0))}
    assert families["mockapi_faults"].samples[0].labels == {"fault": 'a"b\\c\nd'}


def test_calls_of_a_store_are_timed_also_those_that_fail():
    class Failing(MemoryStore):
        async def get_offset(self, project):
            raise OSError("gone")

    async def use():
        metrics = Metrics()
        store = measured(Failing(), metrics.observe_store)
        assert await store.take_ordinal("p", b"k") == 0
        assert await store.take_ordinal("p", b"k") == 1
        with pytest.raises(OSError, match="gone"):
            await store.get_offset("p")
        return metrics.text({}, 0)

    found = {}
    for family in text_string_to_metric_families(asyncio.run(use())):
        found |= {(sample.name, sample.labels.get("call")): sample.value for sample in family.samples}
    assert found["mockapi_store_seconds_count", "take_ordinal"] == 2
    assert found["mockapi_store_seconds_count", "get_offset"] == 1


def test_what_workers_counted_is_one_text_with_a_label_for_each():
    texts = []
    for number in (1, 0):
        metrics = Metrics()
        metrics.worker = number
        metrics.calls = {("responses.create", 200): number + 5}
        metrics.observe_store("take_call", 0.002)
        texts.append(metrics.text({"responses": 7}, 0, are_common=True))
    families = {family.name: family.samples for family in text_string_to_metric_families(united(texts))}
    assert [(sample.labels, sample.value) for sample in families["mockapi_requests"]] == [
        ({"worker": "1", "operation": "responses.create", "status": "200"}, 6),
        ({"worker": "0", "operation": "responses.create", "status": "200"}, 5),
    ]
    assert [(sample.labels, sample.value) for sample in families["mockapi_evictions"]] == [({"kind": "responses"}, 7)]
    assert united(texts).count("# TYPE mockapi_requests_total counter\n") == 1


def test_neighbours_tell_each_other_and_nobody_else():
    async def run():
        neighbours = Neighbours(3)

        async def tell():
            return "one\n"

        async with neighbours.answering(1, tell):
            neighbours._sockets[2].close()  # the third is not there
            reader, writer = await asyncio.open_connection("127.0.0.1", neighbours._ports[1])
            writer.write(b"x" * 32)
            assert await reader.read() == b""
            writer.close()
            neighbours._number = 0
            told = await neighbours.ask()
        neighbours.close()
        return told

    assert asyncio.run(run()) == ["one\n"]


def test_a_head_request_tells_whether_they_can_be_read():
    client = connect(admin_key="secret")
    assert client.head("/metrics").status_code == 401
    answer = client.head("/metrics", headers={"authorization": "Bearer secret"})
    assert (answer.status_code, answer.content, int(answer.headers["content-length"]) > 500) == (200, b"", True)


def test_workers_without_loopback_are_refused_in_a_sentence(monkeypatch):
    monkeypatch.setattr("mockapi.neighbours._LOOPBACK", "192.0.2.1")  # nobody's
    with pytest.raises(UsageError, match="they ask each other over 192"):
        Neighbours(2)
