"""What usage comes to in dollars: built-in tool prices, and a user's file for what changes too often to be built in."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mockapi.errors import ScenarioError, UsageError
from mockapi.scenario.source import read_source

__all__ = ["NO_PRICES", "Prices", "cost_of", "load_prices"]

STRICT = ConfigDict(extra="forbid", frozen=True, defer_build=True)
Dollars = Annotated[float, Field(ge=0, allow_inf_nan=False)]

SESSIONS = {"1g": 0.03, "4g": 0.12, "16g": 0.48, "64g": 1.92}
"""Dollars per code-interpreter session, one container in one hour, by memory."""

FILE_SEARCH = 2.5 / 1_000
"""Dollars per file search call."""


class TokenPrices(BaseModel):
    """Dollars per million tokens of one model; cached input costs as much as other input unless it is given."""

    model_config = STRICT

    input: Dollars
    output: Dollars
    cached_input: Dollars | None = None


class Prices(BaseModel):
    """The prices file: model glob → token prices, the first that fits; `web_search` in dollars per 1,000 calls, `file_storage` in
    dollars per gigabyte and day (the mock stores no files).
    """

    model_config = STRICT

    models: dict[str, TokenPrices] = {}
    web_search: Dollars | None = None
    file_storage: Dollars | None = None


NO_PRICES = Prices.model_construct()


def load_prices(path: Path | None) -> Prices:
    """The prices in a YAML or JSON file; `UsageError` in one sentence if it is not one."""
    if path is None:
        return NO_PRICES
    try:
        data = read_source(path).data
    except ScenarioError as error:
        raise UsageError(f"--prices: {str(error.problems[0]).partition(';')[0]}") from None
    if not isinstance(data, dict):
        raise UsageError(f"--prices: {path}: expected a mapping with models, web_search, file_storage")
    try:
        return Prices.model_validate(data)
    except ValidationError as error:
        details = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in details["loc"])
        raise UsageError(f"--prices: {path}: {where}: {details['msg']}") from None


def cost_of(sums: Mapping[str, int], model: str, prices: Prices) -> dict[str, float | None]:
    """Dollars by kind, null where there is no price; `sums` are those of one model (`service.usage`)."""
    searches = sums.get("calls.web_search_call", 0)
    memories = [(name.partition(".")[2], n) for name, n in sums.items() if name.startswith("code_interpreter_sessions.")]
    sessions = sum(SESSIONS.get(memory, SESSIONS["1g"]) * n for memory, n in memories)
    return {
        "tokens": _tokens(sums, model, prices),
        "web_search": None if prices.web_search is None else _round(prices.web_search * searches / 1_000),
        "file_search": _round(FILE_SEARCH * sums.get("calls.file_search_call", 0)),
        "code_interpreter": _round(sessions),
        "file_storage": None if prices.file_storage is None else 0.0,
    }


def _tokens(sums: Mapping[str, int], model: str, prices: Prices) -> float | None:
    found = next((each for glob, each in prices.models.items() if fnmatchcase(model, glob)), None)
    if found is None:
        return None
    cached = sums.get("cached_tokens", 0)
    fresh = sums.get("input_tokens", 0) - cached
    cached_price = found.input if found.cached_input is None else found.cached_input
    return _round((fresh * found.input + cached * cached_price + sums.get("output_tokens", 0) * found.output) / 1_000_000)


def _round(dollars: float) -> float:
    return round(float(dollars), 9)
