"""The contract of the store protocol, as far as items and conversations go; every backend runs it."""

import pickle

from mockapi.stores.memory import MemoryStore
from mockapi.stores.records import ItemRecord, Owner, Turn

from .backends import run
from .test_stores import record, thread


def test_items_are_found_with_the_first_response_that_has_them(store):
    steps = [
        store.add_response("a", record(item_ids=("msg_1", "rs_1"))),
        store.add_response("a", record("resp_2", item_ids=("msg_1", "msg_2"))),
        store.find_item("a", "msg_1"),
        store.find_item("a", "msg_2"),
        store.find_item("b", "msg_1"),
        store.drop_response("a", "resp_2"),
        store.find_item("a", "msg_1"),
        store.find_item("a", "msg_2"),
    ]
    assert run(*steps)[2:] == [Owner("resp_1"), Owner("resp_2"), None, True, Owner("resp_1"), None]


ITEMS = [(f"msg_{n}", b"%d" % n) for n in range(5)]


class Ids(tuple):
    """Item ids that tell when they are asked for."""

    asked = 0

    def __iter__(self):
        Ids.asked += 1
        return super().__iter__()


def stemmed(number, *items, stem="a" * 26):
    ids = Ids(f"{each}_{stem}{number:024}" for each in items)
    return record(f"resp_{stem}{number:024}", item_ids=ids, stem=stem)


def test_items_with_a_stem_are_found_like_any(store):
    one, two, other = stemmed(1, "msg", "rs"), stemmed(2, "msg"), stemmed(3, "msg", stem="b" * 26)
    again = record("resp_again", item_ids=(one.item_ids[0],))
    steps = [store.add_response("a", each) for each in (one, two, again, other)]
    found = [store.find_item("a", each) for each in (*one.item_ids, *two.item_ids, *other.item_ids, "msg_" + "a" * 50, "msg")]
    assert run(*steps, *found)[4:] == [Owner(one.id), Owner(one.id), Owner(two.id), Owner(other.id), None, None]


def test_items_with_a_stem_go_with_their_response(store):
    one, two, three = (stemmed(number, "msg") for number in range(3))
    ids = [each.item_ids[0] for each in (one, two, three)]
    steps = [store.add_response("a", one), store.add_response("a", two), store.drop_response("a", one.id)]
    steps += [store.find_item("a", each) for each in ids[:2]]
    steps += [store.add_response("a", three), store.drop_response("a", two.id), store.drop_response("a", three.id)]
    steps += [store.find_item("a", each) for each in ids]
    assert run(*steps) == [True, True, True, None, Owner(two.id), True, True, True, None, None, None]


def test_memory_makes_out_items_when_one_is_asked_for():
    Ids.asked, store = 0, MemoryStore()
    run(store.add_response("a", stemmed(1, "msg")), store.add_response("a", stemmed(2, "msg")))
    run(store.find_item("a", "msg_other"), store.drop_response("a", stemmed(1).id))
    assert Ids.asked == 0


def test_a_record_leaves_the_process_as_bytes():
    class Value:
        size = 1

        def to_bytes(self):
            return b"written"

    kept = record(plan=Value(), context=Value(), input_items=Value(), item_ids=Ids(["msg_1"]))
    assert pickle.loads(pickle.dumps(kept)) == record(
        plan=b"written", context=b"written", input_items=b"written", item_ids=("msg_1",)
    )


def test_a_conversation_comes_back_as_it_was(store):
    steps = [
        store.add_conversation("a", thread(), ITEMS[:2]),
        store.add_conversation("a", thread(metadata=b"other"), ITEMS[2:]),
        store.get_conversation("a", "conv_1"),
        store.get_conversation("b", "conv_1"),
        store.get_item("a", "conv_1", "msg_1"),
        store.get_item("a", "conv_1", "msg_4"),
        store.find_item("a", "msg_0"),
        store.find_item("b", "msg_0"),
    ]
    assert run(*steps) == [
        True, False, thread(count=2), None, ItemRecord("msg_1", 1, b"1"), None, Owner("conv_1", is_conversation=True), None,
    ]  # fmt: skip


def test_conversations_change_by_compare_and_set(store):
    turn = Turn("resp_1", 2.0, (("msg_9", b"9"),), 3, "p")
    steps = [
        store.add_conversation("a", thread(), ITEMS[:1]),
        store.change_conversation("a", thread(count=1, metadata=b"new", turn=turn), ITEMS[1:3]),
        store.change_conversation("a", thread(count=1, metadata=b"late"), ITEMS[3:]),
        store.get_conversation("a", "conv_1"),
        store.change_conversation("a", thread(count=3, version=1), ITEMS[3:4], dropped="msg_1"),
        store.get_conversation("a", "conv_1"),
        store.change_conversation("a", thread("conv_2")),
        store.get_items("a", "conv_1", 10),
        store.find_item("a", "msg_1"),
    ]
    results = run(*steps)
    assert results[1:3] == [True, False]
    assert results[3] == thread(count=3, version=1, metadata=b"new", turn=turn)
    assert results[4:7] == [True, thread(count=4, version=2), False]
    assert [item.id for item in results[7]] == ["msg_0", "msg_2", "msg_3"]
    assert [item.number for item in results[7]] == [0, 2, 3]
    assert results[8] is None


def test_an_item_stands_in_a_conversation_once(store):
    steps = [
        store.add_conversation("a", thread(), [ITEMS[0], ITEMS[0]]),
        store.change_conversation("a", thread(count=1), [ITEMS[1], ITEMS[0], ITEMS[1]]),
        store.get_items("a", "conv_1", 10),
        store.get_conversation("a", "conv_1"),
    ]
    _, changed, items, record = run(*steps)
    assert changed
    assert [(item.id, item.number) for item in items] == [("msg_0", 0), ("msg_1", 1)]
    assert record.count == 2


def test_items_are_paged_in_both_directions(store):
    run(store.add_conversation("a", thread(), ITEMS))

    def ids(limit, **options):
        return [item.id for item in run(store.get_items("a", "conv_1", limit, **options))[0]]

    assert ids(3) == ["msg_0", "msg_1", "msg_2"]
    assert ids(3, after=2) == ["msg_3", "msg_4"]
    assert ids(2, is_ascending=False) == ["msg_4", "msg_3"]
    assert ids(9, after=3, is_ascending=False) == ["msg_2", "msg_1", "msg_0"]
    assert ids(9, after=4) == ids(9, after=0, is_ascending=False) == []
    assert [list(page) for page in run(store.get_items("a", "conv_2", 3), store.get_items("b", "conv_1", 3))] == [[], []]


def test_an_item_in_two_conversations_is_found_while_either_has_it(store):
    steps = [
        store.add_conversation("a", thread(), ITEMS[:1]),
        store.add_conversation("a", thread("conv_2"), ITEMS[:1]),
        store.find_item("a", "msg_0"),
        store.change_conversation("a", thread(count=1), dropped="msg_0"),
        store.find_item("a", "msg_0"),
        store.change_conversation("a", thread("conv_2", count=1), dropped="msg_0"),
        store.find_item("a", "msg_0"),
    ]
    first, second = Owner("conv_1", is_conversation=True), Owner("conv_2", is_conversation=True)
    assert run(*steps)[2:] == [first, True, second, True, None]


def test_several_items_are_looked_for_at_once(store):
    run(store.add_response("a", record(item_ids=("msg_8", "msg_9"))), store.add_conversation("a", thread(), ITEMS[:2]))
    wanted = ["msg_1", "msg_9", "msg_7", "msg_\0", "msg"]
    found = [store.held_items(project, wanted, each) for project in "ab" for each in (None, "conv_1", "conv_2")]
    assert run(*found, store.held_items("a", [])) == [{"msg_1", "msg_9"}, {"msg_1"}, set(), set(), set(), set(), set()]
