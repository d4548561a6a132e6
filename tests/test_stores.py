"""The contract of the store protocol; every backend runs it."""

import asyncio

from mockapi.stores.base import ALL_PROJECTS, Standing, Store
from mockapi.stores.memory import MemoryStore
from mockapi.stores.records import ConversationRecord, Entry, ResponseRecord
from mockapi.wire.buckets import Bucket, Demand, Draw

from .backends import run


def record(name="resp_1", **changes):
    return ResponseRecord(**{"id": name, "plan": b"p", "progress": b"0", "context": b"c", "input_items": b"[]", **changes})


def test_a_response_comes_back_as_it_was(store):
    assert run(store.add_response("a", record()), store.get_response("a", "resp_1")) == [True, record()]


def test_an_id_is_taken_once(store):
    steps = [store.add_response("a", record()), store.add_response("a", record(plan=b"other")), store.get_response("a", "resp_1")]
    assert run(*steps) == [True, False, record()]


def test_unknown_is_none(store):
    assert run(store.get_response("a", "resp_1")) == [None]


def test_projects_are_apart(store):
    steps = [
        store.add_response("a", record()),
        store.get_response("b", "resp_1"),
        store.take_ordinal("a", b"k"),
        store.take_ordinal("b", b"k"),
        store.use_step("a", "s", 0, 1),
        store.use_step("b", "s", 0, 1),
        store.set_progress("b", "resp_1", b"1", 0),
    ]
    assert run(*steps) == [True, None, 0, 0, True, True, False]


def test_ordinals_count_from_zero_by_key(store):
    assert run(*(store.take_ordinal("a", key) for key in (b"k", b"k", b"l", b"k"))) == [0, 1, 0, 2]


def test_what_a_call_asks_for_comes_at_once(store):
    steps = [
        store.take_ordinal("a", b"k"),
        store.put_scenario("a", "own", "1"),
        store.put_scenario(ALL_PROJECTS, "all", "2"),
        store.put_fault("a", "own", "3"),
        store.put_fault(ALL_PROJECTS, "all", "4"),
        store.move_clock("a", 5.0),
        store.move_clock(ALL_PROJECTS, 6.0),
        store.take_call("a", b"k"),
        store.take_call("b", b"k"),
        store.take_ordinal("a", b"k"),
    ]
    mine, others, ordinal = run(*steps)[-3:]
    assert mine == Standing(1, {"own": "1"}, {"all": "2"}, {"own": "3"}, {"all": "4"}, 11.0)
    assert others == Standing(0, {}, {"all": "2"}, {}, {"all": "4"}, 6.0)
    assert ordinal == 2


def test_a_store_may_answer_it_call_by_call(store):
    steps = [
        store.put_fault("a", "f", "1"),
        store.move_clock("a", 2.0),
        Store.take_call(store, "a", b"k"),
        store.take_call("a", b"k"),
    ]
    *_, one_by_one, at_once = run(*steps)
    assert at_once == one_by_one._replace(ordinal=1)


def test_progress_changes_by_compare_and_set(store):
    steps = [
        store.add_response("a", record()),
        store.set_progress("a", "resp_1", b"1", 0),
        store.set_progress("a", "resp_1", b"2", 0),
        store.set_progress("a", "resp_1", b"3", 1),
        store.get_response("a", "resp_1"),
        store.set_progress("a", "resp_2", b"1", 0),
    ]
    assert run(*steps) == [True, True, False, True, record(progress=b"3", version=2), False]


def test_steps_are_used_up_to_their_limit(store):
    uses = [store.use_step("a", "s", 0, 2) for _ in range(3)] + [store.use_step("a", "s", 1, None), store.step_uses("a", "s")]
    assert run(*uses) == [True, True, False, True, {0: 2, 1: 1}]


def test_forgetting_is_for_one_project(store):
    steps = [
        store.add_response("a", record()),
        store.add_response("b", record()),
        store.use_step("a", "s", 0, None),
        store.take_ordinal("a", b"k"),
        store.forget("a"),
        store.get_response("a", "resp_1"),
        store.step_uses("a", "s"),
        store.take_ordinal("a", b"k"),
        store.get_response("b", "resp_1"),
    ]
    assert run(*steps)[5:] == [None, {}, 0, record()]


def entry(number):
    return Entry(f"req_{number}", 1.0, 2.0, "responses.create", "POST", "/v1/responses", "", {}, b"{}", 200, b"{}")


class Over:
    """A call that is over, as the application hands it to a store."""

    at = 1.0

    def __init__(self, number, size=2_000):
        self.size = size
        self._number = number

    def entry(self):
        return entry(self._number)


def test_a_call_that_is_over_is_read_as_its_entry(store):
    steps = [
        store.add_entry("a", Over(1)),
        store.add_entry("a", entry(2)),
        store.add_entry("b", Over(3)),
        store.get_entries("a"),
        store.get_entries("a"),
        store.get_entries("*"),
        store.clear_entries("a"),
        store.get_entries("a"),
    ]
    assert run(*steps)[3:] == [(entry(1), entry(2)), (entry(1), entry(2)), (entry(1), entry(2), entry(3)), None, ()]


def test_memory_forgets_calls_that_are_over_by_their_size():
    store = MemoryStore()
    run(*(store.add_entry("a", Over(number, size=20_000_000)) for number in range(5)))
    assert [each.id for each in run(store.get_entries("a"))[0]] == ["req_2", "req_3", "req_4"]


def test_uploads_belong_to_their_project_and_replace_each_other(store):
    steps = [
        store.put_scenario("a", "s", "one"),
        store.put_scenario("a", "s", "two"),
        store.put_scenario("b", "s", "three"),
        store.get_scenarios("a"),
        store.use_step("a", "s", 0, None),
        store.drop_scenario("a", "s"),
        store.drop_scenario("a", "s"),
        store.get_scenarios("a"),
        store.step_uses("a", "s"),
        store.get_scenarios("b"),
    ]
    _, _, _, _, _, *rest = run(*steps)
    assert rest == [True, False, {}, {}, {"s": "three"}]


def test_an_upload_comes_back_as_it_was(store):
    assert run(store.put_scenario("a", "s", "text: é"), store.get_scenarios("a"))[1] == {"s": "text: é"}


def test_uses_of_a_scenario_are_forgotten_in_every_project(store):
    uses = [store.use_step(project, name, 0, None) for project in "ab" for name in "st"]
    rest = [store.forget_uses("s"), *(store.step_uses(project, name) for project in "ab" for name in "st")]
    assert run(*uses, *rest)[5:] == [{}, {0: 1}, {}, {0: 1}]


def test_clocks_move_by_project(store):
    steps = [
        store.get_offset("a"),
        store.move_clock("a", 2.5),
        store.move_clock("a", 1.0),
        store.get_offset("a"),
        store.get_offset("b"),
    ]
    assert run(*steps) == [0.0, None, None, 3.5, 0.0]


def test_the_journal_is_by_project_and_in_order(store):
    steps = [*(store.add_entry("a", entry(n)) for n in range(3)), store.add_entry("b", entry(9)), store.get_entries("a")]
    assert run(*steps)[-1] == tuple(entry(n) for n in range(3))
    assert run(store.clear_entries("a"), store.get_entries("a"), store.get_entries("b"))[1:] == [(), (entry(9),)]


def test_everybody_is_all_projects_together(store):
    steps = [
        store.add_entry("a", entry(2)._replace(at=2.0)),
        store.add_entry("b", entry(1)),
        store.get_entries("*"),
        store.move_clock("*", 5.0),
        store.move_clock("a", 1.0),
        store.get_offset("a"),
        store.get_offset("new"),
        store.get_offset("*"),
        store.clear_entries("*"),
        store.get_entries("a"),
    ]
    assert run(*steps)[2:] == [(entry(1), entry(2)._replace(at=2.0)), None, None, 6.0, 5.0, 5.0, None, ()]


def test_a_response_is_dropped_once(store):
    steps = [
        store.add_response("a", record(item_ids=("msg_1",))),
        store.drop_response("b", "resp_1"),
        store.drop_response("a", "resp_1"),
        store.drop_response("a", "resp_1"),
        store.get_response("a", "resp_1"),
        store.find_item("a", "msg_1"),
    ]
    assert run(*steps) == [True, False, True, False, None, None]


def thread(name="conv_1", **changes):
    return ConversationRecord(**{"id": name, "created_at": 1.0, "metadata": b"{}", "context": b"c", **changes})


def test_uploads_and_faults_come_with_everybodys(store):
    run(store.put_scenario("a", "s", "1"), store.put_scenario("*", "t", "2"), store.put_fault("*", "f", "3"))
    steps = [store.scenarios_for("a"), store.scenarios_for("b"), store.faults_for("a"), store.faults_for("*")]
    assert run(*steps) == [({"s": "1"}, {"t": "2"}), ({}, {"t": "2"}), ({}, {"f": "3"}), ({"f": "3"}, {"f": "3"})]


def test_prefixes_are_known_from_their_second_time_on(store):
    steps = [
        store.take_prefixes("a", [b"1", b"2"]),
        store.take_prefixes("a", [b"1", b"2", b"3"]),
        store.take_prefixes("a", [b"1", b"9"]),
        store.take_prefixes("a", [b"8"]),
        store.take_prefixes("b", [b"1"]),
    ]
    assert run(*steps) == [-1, 1, 0, -1, -1]


def test_usage_adds_up_by_project(store):
    steps = [
        store.add_usage("a", {"x": 1, "y": 2}),
        store.add_usage("a", {"x": 10}),
        store.add_usage("b", {"x": 100}),
        store.get_usage("a"),
        store.get_usage("*"),
        store.get_usage("new"),
        store.forget("a"),
        store.get_usage("a"),
    ]
    assert run(*steps)[3:] == [{"x": 11, "y": 2}, {"x": 111, "y": 2}, {}, None, {}]


def test_all_amounts_are_drawn_or_none(store):
    few, many = Demand(b"few", 60, 30), Demand(b"many", 60, 40)
    steps = [
        store.draw("a", [few, many], 100.0),
        store.draw("a", [few, many], 101.0),  # too little in `many`: nothing is taken of `few` either
        store.draw("a", [few, Demand(b"many", 60, 0)], 101.0),
        store.draw("a", [few], 101.0),
    ]
    assert run(*steps) == [
        Draw(True, (Bucket(30.0, 100.0), Bucket(20.0, 100.0))),
        Draw(False, (Bucket(31.0, 101.0), Bucket(21.0, 101.0))),
        Draw(True, (Bucket(1.0, 101.0), Bucket(21.0, 101.0))),
        Draw(False, (Bucket(1.0, 101.0),)),
    ]


def test_buckets_refill_to_their_capacity_and_belong_to_their_project(store):
    demand = Demand(b"k", 60, 60)
    steps = [store.draw(*each) for each in (("a", [demand], 0.0), ("b", [demand], 0.0), ("a", [demand], 59.0))]
    assert [each.is_granted for each in run(*steps)] == [True, True, False]
    late, early = run(store.draw("a", [demand], 1_000.0), store.draw("a", [demand], 500.0))
    assert late == Draw(True, (Bucket(0.0, 1_000.0),))
    assert early == Draw(False, (Bucket(0.0, 1_000.0),))  # who looked at the clock earlier than another comes later


def test_racing_draws_never_take_more_than_there_is(store):
    async def race():
        return await asyncio.gather(*(store.draw("a", [Demand(b"k", 10, 1)], 0.0) for _ in range(50)))

    assert sum(each.is_granted for each in run(race())[0]) == 10


def test_buckets_are_forgotten_with_their_project(store):
    demand = Demand(b"k", 1, 1)
    steps = [store.draw("a", [demand], 0.0), store.forget("a"), store.draw("a", [demand], 0.0), store.draw("a", [demand], 0.0)]
    assert [each and each.is_granted for each in run(*steps)] == [True, None, True, False]


def test_forgetting_everything(store):
    steps = [store.add_response("a", record()), store.move_clock("b", 1.0), store.forget_all(), store.get_response("a", "resp_1")]
    assert run(*steps, store.get_offset("b"))[2:] == [None, None, 0.0]


def test_it_answers(store):
    assert run(store.is_ready()) == [True]


def test_a_store_is_bounded_and_forgets_the_oldest(backend):
    store = backend.make(max_responses=3, max_projects=2)
    run(
        *(store.add_response("a", record(f"resp_{n}")) for n in range(5)), *(store.take_ordinal("a", b"%d" % n) for n in range(5))
    )
    assert run(*(store.get_response("a", f"resp_{n}") for n in range(2, 5))) == [record(f"resp_{n}") for n in range(2, 5)]
    assert run(store.get_response("a", "resp_1"), store.take_ordinal("a", b"0"), store.take_ordinal("a", b"4")) == [None, 0, 1]
    run(*(store.add_conversation("a", thread(f"conv_{n}"), [(f"msg_{n}", b"x")]) for n in range(5)))
    assert run(*(store.get_conversation("a", f"conv_{n}") for n in (1, 2))) == [None, thread("conv_2", count=1)]
    assert run(store.find_item("a", "msg_1")) == [None]
    run(*(store.take_prefixes("a", [b"%d" % n]) for n in range(5)))
    assert run(store.take_prefixes("a", [b"0"]), store.take_prefixes("a", [b"4"])) == [-1, 0]
    run(*(store.draw("a", [Demand(b"%d" % n, 1, 1)], 0.0) for n in range(5)))
    assert [each.is_granted for each in run(*(store.draw("a", [Demand(b"%d" % n, 1, 1)], 0.0) for n in (4, 2, 1)))] == [
        False,
        False,
        True,
    ]
    run(*(store.add_entry("a", entry(n)) for n in range(1_100)))
    assert [each.id for each in run(store.get_entries("a"))[0]] == [f"req_{n}" for n in range(100, 1_100)]
    big = entry(0)._replace(request=b"x" * 20_000_000)
    run(*(store.add_entry("a", big) for _ in range(5)))
    assert len(run(store.get_entries("a"))[0]) == 3  # 64 MB a project, whatever the length
    told = [store.forgotten_entries("a"), store.forgotten_entries("*"), store.forgotten_entries("b")]
    assert run(*told, store.clear_entries("a"), store.forgotten_entries("a")) == [1_102, 1_102, 0, None, 0]
    run(store.add_response("b", record()), store.add_response("c", record()))
    assert run(store.get_response("a", "resp_4"), store.get_response("c", "resp_1")) == [None, record()]
