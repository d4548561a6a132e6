"""What can go wrong on the way of a webhook, by a scenario's order."""

import asyncio

import pytest
from openai import InvalidWebhookSignatureError

from .test_webhooks import Held, ids, scenario, unwrap


def faulty(receiver, fault, *moves, count=1):
    async def run():
        held = Held(scenario(receiver.url, fault=fault))
        expected = [await held.respond(f"{n}") for n in range(count)]
        seen = []
        for seconds in moves:
            await held.after(seconds)
            seen.append(len(receiver.posts))
        return expected, seen, await held.journal()

    return asyncio.run(run())


def test_fault_delay(receiver):
    _, seen, _ = faulty(receiver, "{delay: 5s}", 0, 4, 1, 1)
    assert seen == [0, 0, 1, 1]
    assert unwrap(receiver.posts[0]).created_at == 1_000_000


def test_fault_duplicate(receiver):
    _, seen, journal = faulty(receiver, "duplicate", 0, 1_000)
    assert seen == [2, 2]
    assert len({(post.headers["webhook-id"], post.body) for post in receiver.posts}) == 1
    assert journal == [(200, "attempt 1"), (200, "attempt 1, duplicate")]


@pytest.mark.parametrize(("count", "order"), [(1, [0]), (2, [1, 0]), (3, [1, 0, 2]), (4, [1, 0, 3, 2])])
def test_fault_out_of_order(receiver, count, order):
    expected, seen, _ = faulty(receiver, "out_of_order", 0, 9, 1, count=count)
    assert ids(receiver.posts) == [expected[n] for n in order]
    assert seen == [count - count % 2, count - count % 2, count]


@pytest.mark.parametrize(("fault", "words"), [("bad_signature", "does not match"), ("stale_timestamp", "too old")])
def test_faults_that_the_sdk_refuses(receiver, fault, words):
    faulty(receiver, fault, 0)
    with pytest.raises(InvalidWebhookSignatureError, match=words):
        unwrap(receiver.posts[0])


def test_fault_never(receiver):
    _, seen, journal = faulty(receiver, "never", 0, 100_000)
    assert (seen, journal) == ([0, 0], [(None, "never sent: fault")])


def test_a_refused_host_is_told_by_the_journal():
    async def run():
        held = Held(scenario("http://169.254.169.254/latest"))
        await held.respond()
        await held.after(0)
        return await held.journal(), await held.core.store.get_deliveries("p")

    ((status, note),), left = asyncio.run(run())
    assert (status, left) == (None, ())
    assert "attempt 1, refused: 169.254.169.254 is a link-local or metadata address" in note
