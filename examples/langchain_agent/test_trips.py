"""Structured output, tools and streams through LangChain."""

import pytest

pytest.importorskip("langchain_openai", reason="langchain-openai is not installed: pip install -e '.[examples]'")

from langchain_core.tools import tool
from trips import Trip, describe, plan, price

pytestmark = pytest.mark.scenario("trips.yaml")


@tool
def price_of(city: str) -> str:
    """The price of a trip."""
    return {"Oslo": "980"}[city]


def test_a_plan_is_data(mockapi):
    assert plan("3 days in Lisbon, please") == Trip(city="Lisbon", days=3, sights=["the old town", "the harbour"])
    (asked,) = mockapi.requests
    assert asked.body["text"]["format"]["name"] == "Trip"


def test_a_price_is_looked_up(mockapi):
    assert price("What is the cost of Oslo?", price_of) == "It costs 980 euros."
    assert [asked.status for asked in mockapi.requests] == [200, 200]


def test_a_description_is_streamed(mockapi):
    words = list(describe("Bergen"))
    assert "".join(words) == "A quiet town by the sea."
    assert len(words) > 3
