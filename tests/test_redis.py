"""What only the store in Redis can get wrong: keys, expiry, news, a Redis that is away, full or foreign."""

import asyncio
import signal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockapi.errors import StoreError
from mockapi.stores.records import EndpointRecord
from mockapi.stores.redis import RedisStore, news
from mockapi.stores.redis.base import _NAMES
from mockapi.wire.buckets import Demand, draw

from .backends import run
from .redis_server import RedisServer, database
from .test_outbox import delivery
from .test_store_items import ITEMS
from .test_stores import entry, record, thread


@pytest.fixture
def server():
    """A Redis of the test's own, which it may break."""
    made = RedisServer()
    yield made
    made.stop()


@pytest.fixture
def opened(server):
    """Stores on the test's own Redis."""
    stores = []

    def make(**options):
        stores.append(RedisStore(server.url, **options))
        run(stores[-1].open())
        return stores[-1]

    yield make
    run(*(each.close() for each in stores))


def failure(step):
    with pytest.raises(StoreError) as caught:
        run(step)
    assert (caught.value.status, caught.value.headers) == (503, {"retry-after": "1"})
    return caught.value.message


def words(reply):
    return {line for line in reply.decode().split("\r\n") if line and line[0] not in "*$"}


def use_everything(made, project):
    run(
        made.keep_response(project, record(item_ids=("msg_1",)), {"x": 1}),
        made.set_progress(project, "resp_1", b"1", 0),
        made.take_ordinal(project, b"k"),
        made.add_conversation(project, thread(), ITEMS),
        made.take_prefixes(project, [b"1"]),
        made.draw(project, [Demand(b"k", 60, 1)], 0.0),
        made.use_step(project, "s", 0, None),
        made.put_scenario(project, "s", "text"),
        made.put_fault(project, "f", "text"),
        made.move_clock(project, 1.0),
        made.add_entry(project, entry(1)),
        made.add_endpoint(project, EndpointRecord("whe_1", 1.0, "n", "u", ("e",), "s", 1.0)),
        made.add_delivery(project, delivery()),
        made.add_delivery(project, delivery("wh_2")),
        made.claim_delivery(project, "u", 9.0, 0.0, 60.0),
    )


def test_a_project_has_known_keys_alone_and_leaves_none_behind(server, opened):
    made = opened()
    use_everything(made, "key\nproject {b}")
    use_everything(made, "*")
    keys = words(server.ask("KEYS", "*"))
    shared = {"mockapi:format", "mockapi:projects", "mockapi:outboxes"}
    assert shared < keys
    parts = [key.removeprefix("mockapi:").split(":") for key in keys - shared]
    assert len({tag for tag, _ in parts}) == 2
    assert all(tag[0] + tag[-1] == "{}" for tag, _ in parts)  # a cluster keeps them on one node
    assert {name for _, name in parts} == set(_NAMES)
    run(made.forget("key\nproject {b}"))
    assert {tag for tag, _ in parts} > {key.split(":")[1] for key in words(server.ask("KEYS", "mockapi:{*"))}
    server.ask("SET", "somebody", "else's")
    run(made.forget_all())
    assert words(server.ask("KEYS", "*")) == {"mockapi:format", "somebody"}


def test_what_nobody_uses_expires(server, opened):
    made = opened(retention_s=1_000)
    use_everything(made, "a")
    for key in words(server.ask("KEYS", "mockapi:{*")):
        assert 0 < int(server.ask("TTL", key)[1:]) <= 1_000


def test_a_project_that_is_used_keeps_what_was_not_written_again(server, opened):
    made = opened(retention_s=1_000)
    run(made.put_scenario("a", "s", "text"), made.put_scenario("*", "s", "text"))
    keys = [key for key in words(server.ask("KEYS", "mockapi:{*")) if key.endswith(":scenario")]
    assert len(keys) == 2
    for key in keys:
        server.ask("EXPIRE", key, "10")
    run(made.take_ordinal("a", b"k"))
    assert [int(server.ask("TTL", key)[1:]) <= 10 for key in keys] == [True, True]  # once an hour is enough
    other = opened(retention_s=1_000)  # a process that has not used it within the hour
    run(other.take_ordinal("a", b"k"))
    assert [int(server.ask("TTL", key)[1:]) > 10 for key in keys] == [True, True]


def test_a_project_whose_keys_expired_is_off_the_list(server, opened):
    made = opened(retention_s=1_000)
    run(made.add_usage("a", {"x": 1}))
    server.ask("ZADD", "mockapi:projects", "5", "a")
    run(made.add_usage("b", {"x": 1}))
    assert words(server.ask("ZRANGE", "mockapi:projects", "0", "-1")) == {"b"}


def test_the_project_that_was_unused_longest_goes_first(server, opened):
    made = opened(max_projects=3)
    run(made.move_clock("*", 1.0), *(made.add_response(each, record()) for each in "abc"))
    found = run(*(made.get_response(each, "resp_1") for each in "abc"), made.get_offset("a"))
    assert [each is not None for each in found] == [False, True, True, True]


amounts = st.integers(0, 90)
moments = st.floats(0.0, 1e10, allow_nan=False) | st.floats(1.0, 100.0)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(moments, st.lists(st.tuples(st.sampled_from([7, 60, 100_000]), amounts), min_size=1, max_size=3)), max_size=8
    )
)
def test_buckets_hold_exactly_what_the_pure_function_says(drawn):
    with database() as url:
        made, buckets = RedisStore(url), {}
        for now, wanted in sorted(drawn, key=lambda each: each[0]):
            demands = [Demand(b"%d" % place, capacity, amount) for place, (capacity, amount) in enumerate(wanted)]
            expected = draw([buckets.get(each.key) for each in demands], demands, now)
            assert run(made.draw("a", demands, now)) == [expected]
            if expected.is_granted:
                buckets |= {each.key: bucket for each, bucket in zip(demands, expected.buckets, strict=True)}
            buckets = {key: bucket for key, bucket in buckets.items() if bucket.at + 60.0 > now}
        run(made.close())


def test_two_processes_share_ordinals_steps_and_deliveries(opened):
    one, two = opened(), opened()

    async def race():
        stores = [one, two] * 20
        ordinals = await asyncio.gather(*(each.take_ordinal("a", b"k") for each in stores))
        uses = await asyncio.gather(*(each.use_step("a", "s", 0, 7) for each in stores))
        await asyncio.gather(*(each.add_delivery("a", delivery(f"wh_{n}")) for n, each in enumerate(stores)))
        claims = await asyncio.gather(*(each.claim_delivery("a", "u", 9.0, 0.0, 60.0) for each in stores))
        return ordinals, uses, claims

    ((ordinals, uses, claims),) = run(race())
    assert sorted(ordinals) == list(range(40))
    assert sum(uses) == 7
    assert {each.id for each in claims} == {f"wh_{n}" for n in range(40)}


def test_an_upload_is_seen_by_other_processes_at_once(opened):
    one, two = opened(), opened()
    steps = [two.scenarios_for("a"), one.put_scenario("a", "s", "1"), two.scenarios_for("a"), one.put_scenario("*", "s", "2")]
    steps += [two.scenarios_for("a"), one.forget("a"), two.scenarios_for("a"), one.put_scenario("a", "t", "3")]
    found = run(*steps, two.scenarios_for("a"))[::2]
    assert found == [({}, {}), ({"s": "1"}, {}), ({"s": "1"}, {"s": "2"}), ({}, {"s": "2"}), ({"t": "3"}, {"s": "2"})]


def test_scripts_that_redis_forgot_are_sent_again(server, opened):
    made = opened()
    run(made.take_ordinal("a", b"k"))
    server.ask("SCRIPT", "FLUSH")
    assert run(made.take_ordinal("a", b"k"), made.step_uses("a", "s")) == [1, {}]


def test_news_reach_other_processes_alone(opened):
    one, two = opened(), opened()
    assert run(one.tell("a"), two.tell("b"), one.heard(), two.heard()) == [None, None, ("b",), ("a",)]


def test_who_opens_a_store_is_somebody_of_their_own(server):
    made = RedisStore(server.url)
    before = made._news.message("a")
    run(made.open())
    assert made._news.message("a") not in (before, b"\na")  # what was made before a fork is shared by all workers
    run(made.close())


def test_who_was_cut_off_looks_at_everything_again(server, opened):
    one, two = opened(), opened()
    server.kill()
    server.start()
    assert run(one.heard(), two.heard()) == [("*",), ("*",)]
    assert run(one.tell("a"), two.heard()) == [None, ("a",)]


def test_silence_is_not_taken_for_a_break(server, opened, monkeypatch):
    monkeypatch.setattr(news, "_SILENCE_S", 0.01)
    one, two = opened(), opened()
    server.ask("CONFIG", "RESETSTAT")

    async def hear():
        hearing = asyncio.ensure_future(two.heard())
        async with asyncio.timeout(10):
            while True:
                await asyncio.sleep(0)
                if b"cmdstat_ping:calls=" in server.ask("INFO", "commandstats"):
                    break
        await one.tell("a")
        return await hearing

    assert run(hear()) == [("a",)]


def test_an_end_that_fell_silent_is_given_up(server, opened, monkeypatch):
    monkeypatch.setattr(news, "_SILENCE_S", 0.01)
    monkeypatch.setattr(news, "_PATIENCE_S", 0.1)
    made, cut = opened(), asyncio.Event()
    monkeypatch.setattr(made._news, "_on_cut", cut.set)

    async def hear():
        hearing = asyncio.ensure_future(made.heard())
        server.process.send_signal(signal.SIGSTOP)
        await cut.wait()
        server.process.send_signal(signal.SIGCONT)
        return await hearing

    assert run(hear()) == [("*",)]


def test_a_redis_that_comes_back_empty_is_used_on(server, opened):
    made = opened()
    run(made.add_response("a", record()), made.add_delivery("a", delivery()))
    server.kill()
    assert "cannot be reached" in failure(made.get_response("a", "resp_1"))
    server.start()
    run(made.heard())  # it is there again
    assert run(made.get_response("a", "resp_1"), made.outbox_targets(0.0)) == [None, []]
    run(made.add_delivery("a", delivery()), made.add_usage("a", {"x": 1}))
    targets, usage = run(made.outbox_targets(0.0), made.get_usage("*"))
    assert [each.url for each in targets] == ["u"]  # the list of projects is made again
    assert usage == {"x": 1}


def test_a_redis_that_is_full_is_told_as_such(server, opened):
    made = opened()
    run(made.add_response("a", record()))
    server.ask("CONFIG", "SET", "maxmemory", "1")
    assert "maxmemory" in failure(made.add_response("a", record("resp_2")))
    assert run(made.get_response("a", "resp_1"), made.is_ready()) == [record(), False]
    server.ask("CONFIG", "SET", "maxmemory", "0")
    assert run(made.is_ready(), made.add_response("a", record("resp_2"))) == [True, True]


def test_a_primary_that_became_a_replica_is_left(server, opened):
    made = opened()
    run(made.take_ordinal("a", b"k"))
    server.ask("REPLICAOF", "127.0.0.1", "1")
    before = made._made._idle[-1]
    assert "read only replica" in failure(made.take_ordinal("a", b"k"))
    server.ask("REPLICAOF", "NO", "ONE")
    assert run(made.take_ordinal("a", b"k")) == [1]
    assert before not in made._made._idle


def test_keys_of_others_are_told_as_such(server, opened):
    made = opened()
    run(made.add_response("a", record()), made.add_conversation("a", thread()))
    for key in words(server.ask("KEYS", "mockapi:{*")):
        if key.endswith(("response", "thread")):
            name = {"response": "resp_1", "thread": "conv_1"}[key.rpartition(":")[2]]
            server.ask("HSET", key, name, "not ours")
        elif key.endswith("state"):
            server.ask("SET", key, "not ours")
    assert "cannot be read" in failure(made.get_response("a", "resp_1"))
    assert "cannot be read" in failure(made.get_conversation("a", "conv_1"))
    assert "take another database" in failure(made.get_offset("a"))
    assert "take another database" in failure(made.take_ordinal("a", b"k"))
