"""What the agent asks, what it does with tools, and how it takes failures."""

import pytest
from weather import CutShortError, ask, tell

pytestmark = pytest.mark.scenario("weather.yaml")


@pytest.fixture
def asked_cities():
    return []


@pytest.fixture
def get_weather(asked_cities):
    def look_up(city):
        asked_cities.append(city)
        return f"21 °C in {city}"

    return look_up


def test_it_looks_the_weather_up(mockapi, get_weather, asked_cities):
    assert ask("What is the weather in Rome?", get_weather) == "21 °C in Rome. "
    assert asked_cities == ["Rome"]
    first, second = mockapi.requests
    assert first.body["tools"][0]["name"] == "get_weather"
    assert [item["type"] for item in second.body["input"]] == ["function_call_output"]


def test_it_answers_every_call_of_a_turn(mockapi, get_weather, asked_cities):
    assert ask("Compare Oslo and Rome, please.", get_weather) == "21 °C in Oslo. 21 °C in Rome. "
    assert asked_cities == ["Oslo", "Rome"]
    assert len(mockapi.requests) == 2


def test_it_survives_a_rate_limit(mockapi, get_weather, monkeypatch):
    """The SDK waits as `retry-after` says; here it does not have to."""
    monkeypatch.setattr("openai._base_client.SyncAPIClient._sleep_for_retry", lambda *args, **options: None)
    assert ask("The line is busy; what is the weather in Rome?", get_weather) == "21 °C in Rome. "
    assert [asked.status for asked in mockapi.requests] == [429, 429, 200, 200]


def test_it_notices_a_stream_that_breaks_off(mockapi):
    words = tell("Tell me a story")
    assert [next(words) for _ in range(5)] == ["Once", " upon", " a", " time", " there"]
    with pytest.raises(CutShortError) as raised:
        next(words)
    assert raised.value.so_far == "Once upon a time there"
