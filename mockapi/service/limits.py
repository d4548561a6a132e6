"""Rate limits: which one a call is under, and what it takes from that limit's buckets."""

from collections.abc import Mapping
from contextlib import suppress
from fnmatch import fnmatchcase
from math import inf
from typing import NamedTuple, NoReturn

from mockapi.errors import ApiError, MockError
from mockapi.scenario.tried import Tried
from mockapi.service.core import Call, Core
from mockapi.wire.buckets import Demand, seconds_until
from mockapi.wire.ids import ORGANIZATION, digest, project_id_of
from mockapi.wire.limits import Gauge, Kind, Limit, Payer, Rates, limit_error, rate_headers
from mockapi.wire.models import names_of, snapshot_of

__all__ = ["Cost", "RateLimiter"]


class Cost(NamedTuple):
    """What a call takes of its model's limits; `is_shown` where the real API tells how they stand (ERRORS.md §11)."""

    model: object
    tokens: int = 0
    is_shown: bool = True


class RateLimiter:
    """Charges the calls of all projects."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._limit_of_all = core.settings.rate_limit

    def is_limited(self, scenarios: Tried) -> bool:
        """Whether any model has a limit: nothing has to be charged elsewhere."""
        return self._limit_of_all is not None or bool(scenarios.limited)

    async def charge(self, call: Call, scenarios: Tried, cost: Cost) -> Rates | None:
        """Take one request and so many tokens, and tell how the limits stand then; None where there is no limit.

        Raises the 429 of a call that is over its limit; that one is charged nothing. Racing calls never take more than there is.
        """
        found = self._limit(scenarios, cost.model)
        if found is None:
            return None
        demands = _demands(*found, cost)
        now = await self._core.now(call.project)
        is_granted, buckets = await self._core.store.draw(call.project, list(demands.values()), now)
        gauges = {kind: Gauge(demands[kind].capacity, bucket.level) for kind, bucket in zip(demands, buckets, strict=True)}
        rates = Rates(gauges.get("requests"), gauges.get("tokens"))
        if not is_granted:
            kind = max(demands, key=lambda kind: _wait_s(demands[kind], gauges[kind]))
            error = limit_error(kind, str(cost.model), _payer(call), gauges[kind], demands[kind].amount)
            await self._refuse(call.project, error, rate_headers(rates) if cost.is_shown else {})
        return rates

    async def charge_invalid(self, call: Call, cost: Cost) -> None:
        """As `charge`, for a request that is about to be refused for another reason: who is over a limit is told that first."""
        with suppress(MockError):  # a scenario that is not there: it limits nothing
            scenarios = await self._core.tried(call)
            await self.charge(call, scenarios, cost)

    def _limit(self, scenarios: Tried, model: object) -> tuple[str, Limit] | None:
        """(where it is set, the limit): the first scenario's that has one for the model, else the server's."""
        if not isinstance(model, str) or not model:
            return None
        names = names_of(snapshot_of(model))
        for scenario in scenarios.limited:
            for glob, limit in scenario.rate_limits:
                if any(fnmatchcase(name, glob) for name in names):
                    return scenario.name, limit
        return None if self._limit_of_all is None else ("", self._limit_of_all)

    async def _refuse(self, project: str, error: ApiError, headers: Mapping[str, str]) -> NoReturn:
        """Raise it; under the virtual clock the wait that it tells of has passed then (DESIGN.md "Determinism")."""
        error.headers.update(headers)
        if self._core.clock.is_virtual and "retry-after" in error.headers:
            await self._core.move_clock(project, float(error.headers["retry-after"]))
        raise error


def _demands(source: str, limit: Limit, cost: Cost) -> dict[Kind, Demand]:
    """What is asked of each limit's bucket; a limit that is changed begins with a full one."""
    capacities: dict[Kind, int | None] = {"requests": limit.rpm, "tokens": limit.tpm}
    amounts: dict[Kind, int] = {"requests": 1, "tokens": cost.tokens}
    place = "\n".join((source, snapshot_of(str(cost.model)))).encode("utf-8", "surrogatepass")
    return {
        kind: Demand(digest(b"bucket", place, b"%d" % capacity, kind.encode(), size=16), capacity, amounts[kind])
        for kind, capacity in capacities.items()
        if capacity is not None
    }


def _wait_s(demand: Demand, gauge: Gauge) -> float:
    """How long until the bucket gives it; without end if it never holds so much."""
    return inf if demand.amount > gauge.limit else seconds_until(demand.amount, gauge.level, gauge.limit)


def _payer(call: Call) -> Payer:
    """Whose limit it is (ERRORS.md §8)."""
    named = call.project.partition("\n")[2]
    organization = (call.headers or {}).get("openai-organization") or ORGANIZATION
    is_project = bool(named) or call.key.startswith("sk-proj-")
    return Payer(organization, named or project_id_of(call.key), is_project)
