"""The contract of the store protocol, continued: bounds and who goes first, order, what is forgotten with what, several servers."""

import asyncio

import pytest

from mockapi.stores.base import uses_of_fault
from mockapi.stores.records import Delivery, Owner
from mockapi.wire.buckets import Demand

from .backends import BACKENDS, run
from .test_outbox import delivery
from .test_store_items import ITEMS, stemmed
from .test_stores import entry, record, thread


@pytest.fixture
def small(backend):
    """A store of three of each."""
    return backend.make(max_responses=3, max_entries=3)


def test_who_was_used_again_is_not_the_oldest(small):
    run(*(small.take_ordinal("a", key) for key in (b"1", b"2", b"3", b"1", b"4")))
    assert run(*(small.take_ordinal("a", key) for key in (b"1", b"3", b"4"))) == [2, 1, 1]
    run(*(small.take_prefixes("a", [key]) for key in (b"1", b"2", b"3", b"1", b"4")))
    assert run(*(small.take_prefixes("a", [key]) for key in (b"1", b"3", b"4"))) == [0, 0, 0]
    run(*(small.draw("a", [Demand(key, 2, 1)], 0.0) for key in (b"1", b"2", b"3", b"1", b"4")))
    assert [each.is_granted for each in run(*(small.draw("a", [Demand(key, 2, 2)], 0.0) for key in (b"3", b"1", b"2")))] == [
        False, False, True
    ]  # fmt: skip


def test_a_key_that_stands_twice_is_one(small):
    assert run(small.take_prefixes("a", [b"1", b"2", b"1"]), small.take_prefixes("a", [b"2", b"3", b"1"])) == [-1, 2]
    assert run(small.take_prefixes("a", [b"1", b"2", b"3"])) == [2]


def test_buckets_that_are_full_again_are_not_needed(store):
    run(*(store.draw("a", [Demand(b"%d" % n, 60, 1)], float(n)) for n in range(5)))
    (drawn,) = run(store.draw("a", [Demand(b"0", 60, 60)], 100.0))
    assert drawn.is_granted


def test_refused_draws_leave_no_bucket_changed(store):
    run(store.draw("a", [Demand(b"k", 10, 10)], 0.0))
    both = [Demand(b"l", 10, 5), Demand(b"k", 10, 5)]
    assert [each.is_granted for each in run(store.draw("a", both, 1.0), store.draw("a", [Demand(b"l", 10, 10)], 1.0))] == [
        False,
        True,
    ]


def test_bounds_are_for_each_project(small):
    run(*(small.add_response(project, record(f"resp_{n}")) for n in range(3) for project in "ab"))
    assert None not in run(*(small.get_response(project, f"resp_{n}") for n in range(3) for project in "ab"))


def test_what_goes_for_want_of_room_is_counted(small):
    assert run(small.get_evictions()) == [{}]
    for n in range(5):
        run(small.add_response("a", record(f"resp_{n}")), small.add_conversation("a", thread(f"conv_{n}")))
        run(small.add_entry("a", entry(n)), small.take_ordinal("a", b"%d" % n), small.take_prefixes("a", [b"%d" % n]))
        run(small.add_delivery("a", delivery(f"wh_{n}")), small.draw("a", [Demand(b"%d" % n, 2, 1)], 0.0))
    kinds = ("responses", "conversations", "journal", "counters", "prefixes", "deliveries", "buckets")
    assert run(small.get_evictions()) == [dict.fromkeys(kinds, 2)]
    run(small.drop_response("a", "resp_4"), small.clear_entries("a"), small.forget("a"))
    assert run(small.get_evictions()) == [dict.fromkeys(kinds, 2)]  # what somebody wanted gone is no loss


def test_projects_that_go_for_want_of_room_are_counted(backend):
    store = backend.make(max_projects=2)
    run(*(store.take_ordinal(project, b"k") for project in "abcd"))
    assert run(store.get_evictions()) == [{"projects": 2}]


def test_what_is_dropped_makes_room(small):
    run(*(small.add_response("a", record(f"resp_{n}")) for n in range(3)), small.drop_response("a", "resp_1"))
    run(small.add_response("a", record("resp_3")))
    assert [each is not None for each in run(*(small.get_response("a", f"resp_{n}") for n in range(4)))] == [
        True,
        False,
        True,
        True,
    ]


def test_forgotten_responses_take_their_items_along(small):
    run(*(small.add_response("a", record(f"resp_{n}", item_ids=(f"msg_{n}",))) for n in range(5)))
    assert run(*(small.find_item("a", f"msg_{n}") for n in (1, 2))) == [None, Owner("resp_2")]
    run(*(small.add_response("b", stemmed(n, "msg")) for n in range(5)))
    assert [each is not None for each in run(*(small.find_item("b", stemmed(n, "msg").item_ids[0]) for n in range(5)))] == [
        False, False, True, True, True
    ]  # fmt: skip


def test_a_response_is_asked_before_a_conversation(store):
    run(store.add_conversation("a", thread(), [("msg_1", b"1")]), store.add_response("a", record(item_ids=("msg_1",))))
    assert run(store.find_item("a", "msg_1"), store.drop_response("a", "resp_1"), store.find_item("a", "msg_1")) == [
        Owner("resp_1"), True, Owner("conv_1", is_conversation=True)
    ]  # fmt: skip


def test_numbers_of_items_are_never_used_again(store):
    run(store.add_conversation("a", thread(), ITEMS[:3]), store.change_conversation("a", thread(count=3), dropped="msg_2"))
    run(store.change_conversation("a", thread(count=3, version=1), ITEMS[3:]))
    assert [each.number for each in run(store.get_items("a", "conv_1"))[0]] == [0, 1, 3, 4]
    assert run(store.get_conversation("a", "conv_1")) == [thread(count=5, version=2)]
    run(store.change_conversation("a", thread(count=5, version=2), [ITEMS[2]]))  # one that was dropped may come back
    assert [each.id for each in run(store.get_items("a", "conv_1"))[0]] == ["msg_0", "msg_1", "msg_3", "msg_4", "msg_2"]


def test_the_journal_is_bounded_and_tells_what_it_forgot(small):
    run(*(small.add_entry("a", entry(n)) for n in range(5)), small.add_entry("b", entry(9)))
    assert [each.id for each in run(small.get_entries("a"))[0]] == ["req_2", "req_3", "req_4"]
    assert run(*(small.forgotten_entries(project) for project in ("a", "b", "*", "c"))) == [2, 0, 2, 0]
    run(small.clear_entries("a"))
    assert run(small.get_entries("*"), small.forgotten_entries("*")) == [(entry(9),), 0]
    run(*(small.add_entry("a", entry(n)) for n in range(4)), small.clear_entries("*"))
    assert run(small.get_entries("*"), small.forgotten_entries("a")) == [(), 0]


def test_a_journal_of_nothing(backend):
    store = backend.make(max_entries=0)
    assert run(store.add_entry("a", entry(1)), store.get_entries("a"), store.forgotten_entries("a")) == [None, (), 1]


def test_an_upload_of_its_own_keeps_its_progress(store):
    run(*(store.use_step(project, "s", 0, None) for project in "abb"), store.put_scenario("b", "s", "text"))
    assert run(store.forget_uses("s"), store.step_uses("a", "s"), store.step_uses("b", "s")) == [None, {}, {0: 2}]


def test_an_upload_that_is_replaced_begins_anew(store):
    run(
        *(store.put_scenario(project, "s", "1") for project in "ab"), *(store.use_step(project, "s", 3, None) for project in "ab")
    )
    run(store.use_step("a", "t", 0, None), store.put_scenario("a", "s", "2"))
    assert run(store.get_scenarios("a"), store.step_uses("a", "s"), store.step_uses("b", "s"), store.step_uses("a", "t")) == [
        {"s": "2"},
        {},
        {3: 1},
        {0: 1},
    ]


def test_faults_stand_in_the_order_that_they_were_switched_on(store):
    run(*(store.put_fault("a", name, name) for name in ("z", "y", "x")), store.use_step("a", uses_of_fault("z"), 0, None))
    run(store.put_fault("a", "z", "again"), store.put_fault("b", "w", "w"))
    (faults,) = run(store.get_faults("a"))
    assert list(faults.items()) == [("y", "y"), ("x", "x"), ("z", "again")]
    assert run(store.step_uses("a", uses_of_fault("z"))) == [{}]
    assert run(store.use_step("a", uses_of_fault("y"), 0, 1), store.use_step("a", uses_of_fault("y"), 0, 1)) == [True, False]
    assert run(store.drop_fault("a", "y"), store.drop_fault("a", "y"), store.step_uses("a", uses_of_fault("y"))) == [
        True,
        False,
        {},
    ]


def test_who_reads_has_a_copy(store):
    """What was handed out stays as it was when the store changes."""
    run(store.put_scenario("a", "s", "1"), store.add_endpoint("a", _endpoint()))
    endpoints, entries = run(store.get_endpoints("a"), store.get_entries("a"))
    run(store.drop_endpoint("a", "whe_1"), store.add_entry("a", entry(1)))
    assert (len(endpoints), len(entries)) == (1, 0)


def _endpoint():
    from mockapi.stores.records import EndpointRecord

    return EndpointRecord("whe_1", 1.0, "n", "u", ("e",), "s", 1.0)


def test_a_response_and_what_it_costs_are_kept_together(store):
    steps = [
        store.keep_response("a", record(), {"x": 2}),
        store.keep_response("a", record(plan=b"other"), {"x": 5}),
        store.keep_response("a", record("resp_2"), {}),
        store.get_response("a", "resp_1"),
        store.get_usage("a"),
    ]
    assert run(*steps) == [True, False, True, record(), {"x": 2}]


class Source:
    """What a record is made of, when somebody looks for it."""

    def __init__(self, made):
        self.id, self.stem, self.size = made.id, made.stem, 1_000
        self._made = made

    def record(self):
        return self._made

    def __reduce__(self):
        return self._made.__reduce__()


def test_what_a_record_is_made_of_is_kept_as_the_record_is(store, small):
    one, two, three, four = (stemmed(number, "msg") for number in range(4))
    steps = [
        store.keep_response("a", Source(one), {"x": 2}),
        store.keep_response("a", Source(one), {"x": 5}),
        store.keep_response("a", Source(two), {}),
        store.find_item("a", one.item_ids[0]),
        store.set_progress("a", one.id, b"1", 0),
        store.set_progress("a", one.id, b"2", 0),
        store.get_response("a", one.id),
        store.get_response("a", two.id),
        store.get_usage("a"),
        store.drop_response("a", two.id),
        store.find_item("a", two.item_ids[0]),
    ]
    moved = one._replace(progress=b"1", version=1)
    assert run(*steps) == [True, False, True, Owner(one.id), True, False, moved, two, {"x": 2}, True, None]
    run(*(small.keep_response("a", Source(each), {}) for each in (one, two, three, four)))
    assert run(small.get_response("a", one.id), small.find_item("a", one.item_ids[0])) == [None, None]
    assert run(small.find_item("a", four.item_ids[0])) == [Owner(four.id)]


def test_a_delivery_says_whether_somebody_sends_it(store):
    run(store.add_delivery("a", delivery()))

    def is_claimed():
        return run(store.get_deliveries("a"))[0][0].is_claimed

    seen = [is_claimed()]
    (claimed,) = run(store.claim_delivery("a", "u", 9.0, 0.0, 60.0))
    seen += [is_claimed(), claimed.is_claimed]
    run(store.change_delivery("a", claimed._replace(due=6.0)))
    seen.append(is_claimed())
    run(store.claim_delivery("a", "u", 9.0, 0.0, 60.0), store.outbox_targets(61.0))
    seen.append(is_claimed())
    assert seen == [False, True, True, False, False]


def test_who_read_a_delivery_cannot_take_it_from_who_claimed_it_since(store):
    run(store.add_delivery("a", delivery()))
    ((read,),) = run(store.get_deliveries("a"))
    (claimed,) = run(store.claim_delivery("a", "u", 9.0, 0.0, 60.0))
    assert run(store.change_delivery("a", read._replace(due=1.0)), store.claim_delivery("a", "u", 9.0, 0.0, 60.0)) == [
        False,
        None,
    ]
    assert run(store.change_delivery("a", claimed._replace(attempt=1))) == [True]


def test_claims_race(backend):
    """Of many who claim at once each gets another delivery."""
    first, second = backend.make(), None

    async def race():
        nonlocal second
        second = await backend.other(first) if backend.is_shared else first
        for n in range(20):
            await first.add_delivery("a", delivery(f"wh_{n}"))
        stores = [first, second] * 15
        return await asyncio.gather(*(each.claim_delivery("a", "u", 9.0, 0.0, 60.0) for each in stores))

    claimed = [each.id for each in run(race())[0] if each is not None]
    assert sorted(claimed) == sorted(f"wh_{n}" for n in range(20))


def test_a_delivery_comes_back_as_it_was(store):
    kept = Delivery("wh_1", "resp_1", "http://é", "s", float("inf"), ("a", "b"), "delay", 2.5, "whe_1", b"\x00{}", 3, 4.5)
    run(store.add_delivery("a", kept), store.add_delivery("a", delivery("wh_2")))
    assert run(store.get_deliveries("a")) == [(kept, delivery("wh_2")._replace(ordinal=1))]


def test_the_oldest_project_is_forgotten_but_never_everybodys(backend):
    store = backend.make(max_projects=3)
    run(store.move_clock("*", 5.0), store.add_response("a", record()), store.add_response("b", record()))
    run(store.take_ordinal("a", b"k"), store.add_response("c", record()))  # `a` was used after `b`
    assert run(*(store.get_response(each, "resp_1") for each in "abc")) == [record(), None, record()]
    assert run(store.get_offset("new")) == [5.0]


def test_what_was_forgotten_begins_anew(store):
    run(store.add_conversation("a", thread(), ITEMS), store.add_delivery("a", delivery()), store.add_entry("a", entry(1)))
    run(store.add_endpoint("a", _endpoint()), store.put_fault("a", "f", "f"), store.move_clock("a", 1.0), store.forget("a"))
    left = [
        store.get_conversation("a", "conv_1"), store.get_items("a", "conv_1"), store.get_deliveries("a"), store.get_entries("*"),
        store.get_endpoints("a"), store.get_faults("a"), store.get_offset("a"), store.outbox_targets(0.0),
        store.find_item("a", "msg_0"),
    ]  # fmt: skip
    assert [each or None for each in run(*left)] == [None] * len(left)
    assert run(store.add_conversation("a", thread(), ITEMS[:1]), store.add_delivery("a", delivery())) == [True, True]
    assert [each.number for each in run(store.get_items("a", "conv_1"))[0]] == [0]


def test_text_of_any_kind_is_kept(store):
    odd = "né \0 \U0001f600 ' \" % \n"
    run(
        store.put_scenario(odd, odd, odd),
        store.use_step(odd, odd, 1, None),
        store.add_response(odd, record(odd, item_ids=("é",))),
    )
    assert run(store.get_scenarios(odd), store.step_uses(odd, odd)) == [{odd: odd}, {1: 1}]
    assert run(store.get_response(odd, odd), store.find_item(odd, "é")) == [record(odd, item_ids=("é",)), Owner(odd)]


@pytest.fixture(params=[name for name in sorted(BACKENDS) if name != "memory"])
def shared(request, tmp_path):
    """Each backend that processes can share."""
    with BACKENDS[request.param](tmp_path) as made:
        yield made
        made.close()


def test_news_come_to_the_others_and_not_back(shared):
    one, other = shared.make(), shared.make()

    async def hear():
        mine = asyncio.ensure_future(one.heard())
        heard = []
        for topic in ("a", "b", "a", "*", "\0files"):
            await one.tell(topic)
        while "\0files" not in heard:
            heard += await asyncio.wait_for(other.heard(), 10)
        await other.tell("back")
        return heard, list(await asyncio.wait_for(mine, 10))

    heard, back = run(hear())[0]
    assert sorted(set(heard)) == ["\0files", "*", "a", "b"]
    assert back == ["back"]


def test_what_was_told_before_one_listened_is_no_news(shared):
    one = shared.make()
    run(one.tell("old"))
    other = shared.make()

    async def hear():
        await one.tell("new")
        return list(await asyncio.wait_for(other.heard(), 10))

    assert run(hear()) == [["new"]]


def test_a_store_that_was_closed_opens_again(shared):
    store = shared.make()
    run(store.add_response("a", record()), store.close(), store.open())
    assert run(store.get_response("a", "resp_1"), store.is_ready()) == [record(), True]


def test_two_stores_change_the_same(shared):
    one, other = shared.make(), shared.make()
    run(one.add_response("a", record()), one.add_conversation("a", thread()))
    assert run(other.set_progress("a", "resp_1", b"1", 0), one.set_progress("a", "resp_1", b"2", 0)) == [True, False]
    assert run(one.change_conversation("a", thread(), ITEMS[:1]), other.change_conversation("a", thread(), ITEMS[1:])) == [
        True,
        False,
    ]
    assert run(*(each.take_ordinal("a", b"k") for each in (one, other, one))) == [0, 1, 2]
    assert run(*(each.use_step("a", "s", 0, 2) for each in (one, other, one))) == [True, True, False]
    assert run(one.forget("a"), other.get_response("a", "resp_1"), other.take_ordinal("a", b"k")) == [None, None, 0]
