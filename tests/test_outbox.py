"""The contract of the store protocol, as far as webhooks go; every backend runs it."""

from mockapi.stores.records import Delivery, EndpointRecord, Target

from .backends import run


def delivery(name="wh_1", due=5.0, **changes):
    return Delivery(**{"id": name, "response_id": "resp_1", "url": "u", "secret": "s", "due": due, "events": ("e",), **changes})


def test_deliveries_are_claimed_in_order_of_due_and_by_one_alone(store):
    run(store.add_delivery("a", delivery("wh_1", 7.0)), store.add_delivery("a", delivery("wh_2", 5.0)))
    run(store.add_delivery("a", delivery("wh_3", 5.0)), store.add_delivery("b", delivery("wh_4", 6.0)))
    assert run(store.add_delivery("a", delivery("wh_1"))) == [False]
    claims = [store.claim_delivery("a", "u", 6.0, 100.0, 160.0) for _ in range(3)]
    assert [each and each.id for each in run(*claims)] == ["wh_2", "wh_3", None]
    assert sorted(run(store.outbox_targets(100.0))[0]) == [Target("a", "u", 7.0), Target("b", "u", 6.0)]
    assert run(store.claim_delivery("a", "other", 9.0, 100.0, 160.0)) == [None]
    assert [each.id for each in run(store.get_deliveries("a"))[0]] == ["wh_1", "wh_2", "wh_3"]


def test_a_claim_runs_out(store):
    run(store.add_delivery("a", delivery()))
    (first,) = run(store.claim_delivery("a", "u", 9.0, 100.0, 160.0))
    assert run(store.outbox_targets(159.0), store.outbox_targets(160.0)) == [[], [Target("a", "u", 5.0)]]
    (second,) = run(store.claim_delivery("a", "u", 9.0, 160.0, 220.0))
    assert run(store.change_delivery("a", first._replace(due=50.0)), store.outbox_targets(161.0)) == [False, []]
    assert run(store.change_delivery("a", second._replace(due=8.0)), store.outbox_targets(161.0)) == [
        True,
        [Target("a", "u", 8.0)],
    ]


def test_what_is_hastened_meanwhile_is_not_put_back(store):
    run(store.add_delivery("a", delivery(due=float("inf"))), store.add_delivery("a", delivery("wh_2", body=b"decided")))
    assert run(store.hasten_deliveries("a", "resp_1", 3.0), store.hasten_deliveries("a", "resp_2", 1.0)) == [True, False]
    assert [each.due for each in run(store.get_deliveries("a"))[0]] == [3.0, 5.0]
    (claimed,) = run(store.claim_delivery("a", "u", 4.0, 0.0, 60.0))
    run(store.hasten_deliveries("a", "resp_1", 2.0))
    assert run(store.change_delivery("a", claimed._replace(due=9.0))) == [False]
    assert [each.due for each in run(store.get_deliveries("a"))[0]] == [2.0, 5.0]
    (again,) = run(store.claim_delivery("a", "u", 4.0, 0.0, 60.0))
    assert run(store.change_delivery("a", again._replace(due=9.0, attempt=1))) == [True]
    assert [(each.due, each.attempt) for each in run(store.get_deliveries("a"))[0]] == [(9.0, 1), (5.0, 0)]


def test_dues_are_told_on_a_clock_that_was_never_moved(store):
    steps = [
        store.add_delivery("a", delivery()),
        store.move_clock("a", 2.0),
        store.move_clock("*", 0.5),
        store.outbox_targets(0.0),
    ]
    assert run(*steps)[-1] == [Target("a", "u", 2.5)]


def test_deliveries_are_dropped_and_forgotten(store):
    run(*(store.add_delivery("a", delivery(f"wh_{n}")) for n in range(3)), store.add_delivery("b", delivery()))
    run(store.claim_delivery("a", "u", 9.0, 0.0, 60.0), store.drop_delivery("a", "wh_0"), store.drop_delivery("a", "wh_1"))
    assert [each.id for each in run(store.get_deliveries("a"))[0]] == ["wh_2"]
    steps = [store.drop_delivery("a", "wh_9"), store.forget("a"), store.outbox_targets(0.0), store.drop_delivery("a", "wh_2")]
    assert run(*steps)[2] == [Target("b", "u", 5.0)]
    assert run(store.change_delivery("a", delivery()), store.forget_all(), store.outbox_targets(0.0)) == [False, None, []]


def test_endpoints_are_kept_by_project(store):
    first = EndpointRecord("whe_1", 1.0, "n", "u", ("e",), "s", 1.0)
    second = first._replace(id="whe_2")
    steps = [
        store.add_endpoint("a", first),
        store.add_endpoint("a", second),
        store.add_endpoint("a", first._replace(name="x")),
        store.change_endpoint("a", first._replace(name="y")),
        store.change_endpoint("a", first._replace(name="z")),
        store.get_endpoints("a"),
        store.get_endpoints("b"),
        store.drop_endpoint("b", "whe_1"),
        store.drop_endpoint("a", "whe_1"),
        store.change_endpoint("a", first._replace(version=1)),
        store.get_endpoints("a"),
        store.forget("a"),
        store.get_endpoints("a"),
    ]
    changed = first._replace(name="y", version=1)
    assert run(*steps) == [True, True, False, True, False, (changed, second), (), False, True, False, (second,), None, ()]


def test_the_newest_deliveries_are_kept(backend):
    store = backend.make(max_responses=3)
    run(*(store.add_delivery("a", delivery(f"wh_{n}")) for n in range(5)))
    assert [each.id for each in run(store.get_deliveries("a"))[0]] == ["wh_2", "wh_3", "wh_4"]
