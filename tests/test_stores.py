"""The contract of the store protocol; every backend runs it."""

import asyncio

import pytest

from mockapi.stores.base import Entry, ResponseRecord
from mockapi.stores.memory import MemoryStore

BACKENDS = {"memory": MemoryStore}


@pytest.fixture(params=sorted(BACKENDS))
def store(request):
    return BACKENDS[request.param]()


def record(name="resp_1", **changes):
    return ResponseRecord(**{"id": name, "plan": b"p", "progress": b"0", "context": b"c", "input_items": b"[]", **changes})


def run(*steps):
    async def each():
        return [await step for step in steps]

    return asyncio.run(each())


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


def test_forgetting_everything(store):
    steps = [store.add_response("a", record()), store.move_clock("b", 1.0), store.forget_all(), store.get_response("a", "resp_1")]
    assert run(*steps, store.get_offset("b"))[2:] == [None, None, 0.0]


def test_it_answers(store):
    assert run(store.is_ready()) == [True]


def test_memory_is_bounded_and_forgets_the_oldest():
    store = MemoryStore(max_responses=3, max_projects=2)
    run(
        *(store.add_response("a", record(f"resp_{n}")) for n in range(5)), *(store.take_ordinal("a", b"%d" % n) for n in range(5))
    )
    assert run(*(store.get_response("a", f"resp_{n}") for n in range(2, 5))) == [record(f"resp_{n}") for n in range(2, 5)]
    assert run(store.get_response("a", "resp_1"), store.take_ordinal("a", b"0"), store.take_ordinal("a", b"4")) == [None, 0, 1]
    run(*(store.add_entry("a", entry(n)) for n in range(1_100)))
    assert [each.id for each in run(store.get_entries("a"))[0]] == [f"req_{n}" for n in range(100, 1_100)]
    big = entry(0)._replace(request=b"x" * 20_000_000)
    run(*(store.add_entry("a", big) for _ in range(5)))
    assert len(run(store.get_entries("a"))[0]) == 3  # 64 MB a project, whatever the length
    run(store.add_response("b", record()), store.add_response("c", record()))
    assert run(store.get_response("a", "resp_4"), store.get_response("c", "resp_1")) == [None, record()]
