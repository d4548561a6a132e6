"""What many steps cost: a request among ten thousand beside one among ten, a miss, and how long they take to load.

In one process and without HTTP, which would only hide the difference.
"""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from mockapi.bench.tools import Row
from mockapi.clock import make_clock, stopwatch
from mockapi.scenario.context import NEW_CONTEXT
from mockapi.scenario.library import Library
from mockapi.scenario.load import load_text
from mockapi.scenario.match import Facts
from mockapi.scenario.select import Candidate, unmatched_message
from mockapi.service.core import Call, Core
from mockapi.service.responses import Responses
from mockapi.settings import Settings
from mockapi.stores.memory import MemoryStore
from mockapi.wire.json import dumps
from mockapi.wire.parse import parse_create

__all__ = ["run_scenario_bench"]

_FEW = 10
_SAMPLES = 1_000
_ROUNDS = 5


class _Kind(NamedTuple):
    """What steps differ by: the `n`th one's `when`, and the model and input that it alone answers."""

    name: str
    when: Callable[[int], str]
    ask: Callable[[int], tuple[str, str]]


_KINDS = (
    _Kind("plain strings", lambda n: f"input: 'question {n}!'", lambda n: ("gpt-4o", f"Please answer question {n}! Now.")),
    _Kind("models", lambda n: f"model: model-{n}", lambda n: (f"model-{n}", "Please answer.")),
)
_MISS = {"model": "other", "input": "Whoever asks this is answered by no step."}


def run_scenario_bench(steps: int = 10_000) -> list[Row]:
    """Rows of figure, the same with ten steps, ratio, unit."""
    pairs = [(kind, _Mock(kind, steps), _Mock(kind, _FEW)) for kind in _KINDS]
    rows = [
        Row(
            f"a request among {steps:,} steps that differ by {kind.name} (beside {_FEW})",
            many.cost_of(*kind.ask(steps)),
            few.cost_of(*kind.ask(_FEW)),
            "µs",
        )
        for kind, many, few in pairs
    ]
    _, many, few = pairs[0]
    rows.append(Row(f"what is told of a miss by {steps:,} steps (beside {_FEW})", many.miss_ms(), few.miss_ms(), "ms"))
    rows.append(Row(f"loading {steps:,} steps (beside {_FEW})", many.loaded_ms, few.loaded_ms, "ms"))
    return rows


class _Mock:
    """The use cases over so many steps in one file."""

    def __init__(self, kind: _Kind, steps: int) -> None:
        lines = (f"  - {{when: {{{kind.when(number)}}}, reply: fine}}" for number in range(1, steps + 1))
        text = "\n".join(["steps:", *lines])
        began = stopwatch()
        library = Library(scenarios=[load_text(text)])
        self.loaded_ms = (stopwatch() - began) * 1000
        self._candidates = [Candidate(scenario, {}) for scenario in library.scenarios]
        self._responses = Responses(Core(Settings(), MemoryStore(), make_clock("real"), library))

    def cost_of(self, model: str, text: str) -> float:
        """Microseconds of a create: the best round."""
        return asyncio.run(self._cost_of(dumps({"model": model, "input": text})))

    def miss_ms(self) -> float:
        """Milliseconds that the text of a 422 takes, which every step is held against."""
        facts = Facts(parse_create(_MISS), {**_MISS}, {}, NEW_CONTEXT)
        began = stopwatch()
        unmatched_message(self._candidates, facts)
        return (stopwatch() - began) * 1000

    async def _cost_of(self, body: bytes) -> float:
        call = Call("p", "responses.create", body, {})
        best = float("inf")
        for _ in range(_ROUNDS):
            began = stopwatch()
            for _ in range(_SAMPLES):
                await self._responses.create(call, await self._responses.core.identify(call))
            best = min(best, (stopwatch() - began) / _SAMPLES * 1e6)
        return best
