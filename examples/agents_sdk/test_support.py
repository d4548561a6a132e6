"""Handoff, tool, and a tool that fails."""

import pytest
from support import serve

pytestmark = [pytest.mark.scenario("support.yaml"), pytest.mark.anyio]


@pytest.fixture
def anyio_backend():
    return "asyncio"


async def test_a_refund_is_handed_over_and_made(mockapi):
    made = []

    def make_refund(order, cents):
        made.append((order, cents))
        return f"Order {order} was refunded."

    assert await serve("I want a refund for A-17", make_refund) == ("Done. Order A-17 was refunded.", "refunds")
    assert made == [("A-17", 1250)]
    assert len(mockapi.requests) == 3
    assert mockapi.requests[-1].body["instructions"] == "You make refunds."


async def test_a_refund_that_fails_is_told(mockapi):
    def make_refund(order, cents):
        raise RuntimeError("no such order")

    said, by = await serve("I want a refund for A-17", make_refund)
    assert (said, by) == ("I could not refund it. A colleague will call you.", "refunds")
    told = mockapi.requests[-1].body["input"][-1]
    assert told["type"] == "function_call_output"
    assert told["output"].startswith("An error occurred")  # the agents SDK keeps the reason to itself


async def test_small_talk_stays_with_triage(mockapi):
    assert await serve("Hello!", lambda order, cents: "") == ("How can I help?", "triage")
