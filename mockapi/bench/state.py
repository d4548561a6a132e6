"""What state costs: memory of stored responses, reads among many, creates at the end of a long chain.

In one process and without HTTP, since the question is how cost grows; each figure stands beside the same at a small scale.
"""

import asyncio
import gc
import tracemalloc

from mockapi.bench.tools import Row, median_us
from mockapi.clock import make_clock
from mockapi.scenario.context import NEW_CONTEXT
from mockapi.scenario.library import Library
from mockapi.scenario.load import CREATE, load_text
from mockapi.scenario.match import Facts
from mockapi.service.conversations import Conversations
from mockapi.service.core import Call, Core
from mockapi.service.faults import Faults
from mockapi.service.responses import Responses
from mockapi.settings import Settings
from mockapi.stores.memory import MemoryStore
from mockapi.wire.json import JsonObject, dumps, loads
from mockapi.wire.operations import ListQuery
from mockapi.wire.parse import parse_create

__all__ = ["run_state_bench"]

_SCENARIO = 'steps: [{background: {in_progress: 1h}, reply: "Hello there, this is a short answer."}]'
_MANY = 100_000
_FEW = 1_000
_DEEP = 500
_RUNS = 10_000
_SAMPLES = 300
_LOOKS = 20


def run_state_bench(many: int = _MANY) -> list[Row]:
    """Rows of figure, the same at a small scale, ratio, unit."""
    return asyncio.run(_run(many))


async def _run(many: int) -> list[Row]:
    mock = _Mock(many)
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    ids = [await mock.create() for _ in range(_FEW)]
    body = len(await mock.responses.retrieve("p", ids[0]))
    small = (tracemalloc.get_traced_memory()[0] - before) / _FEW
    ids += [await mock.create() for _ in range(many - _FEW)]
    large = (tracemalloc.get_traced_memory()[0] - before) / many
    tracemalloc.stop()
    few = _Mock(_FEW)
    few_ids = [await few.create() for _ in range(_FEW)]
    return [
        Row(f"memory a response, {many:,} stored (beside its body)", large, float(body), "bytes"),
        Row(f"memory a response, {many:,} stored (beside {_FEW:,})", large, small, "bytes"),
        Row(
            f"retrieve among {many:,} (beside {_FEW:,})",
            await median_us(lambda n: mock.responses.retrieve("p", ids[-1 - n]), _SAMPLES),
            await median_us(lambda n: few.responses.retrieve("p", few_ids[-1 - n]), _SAMPLES),
            "µs",
        ),
        await _background(),
        await _pages(mock, few, many),
        await _chain(mock),
        await _fault(mock),
    ]


async def _background() -> Row:
    """Memory of runs in flight; nothing else is there for them, no task and no timer."""
    mock = _Mock(_RUNS)
    body = len(await mock.responses.retrieve("p", await mock.create()))
    gc.collect()
    tasks = len(asyncio.all_tasks())
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(_RUNS):
        await mock.create(background=True)
    size = (tracemalloc.get_traced_memory()[0] - before) / _RUNS
    tracemalloc.stop()
    more = len(asyncio.all_tasks()) - tasks
    return Row(f"memory a background run, {_RUNS:,} in flight (beside a stored body; {more} tasks)", size, float(body), "bytes")


async def _pages(mock: "_Mock", few: "_Mock", many: int) -> Row:
    query = ListQuery()
    large, small = await mock.conversation(many), await few.conversation(_FEW)
    ours = await median_us(lambda n: mock.conversations.list_items("p", large, query), _SAMPLES)
    theirs = await median_us(lambda n: few.conversations.list_items("p", small, query), _SAMPLES)
    return Row(f"a page of {many:,} conversation items (beside {_FEW:,})", ours, theirs, "µs")


async def _chain(mock: "_Mock") -> Row:
    root = await mock.create()
    parent = root
    for _ in range(_DEEP):
        parent = await mock.create(previous_response_id=parent)
    deep = await median_us(lambda n: mock.create(previous_response_id=parent), _SAMPLES)
    shallow = await median_us(lambda n: mock.create(previous_response_id=root), _SAMPLES)
    return Row(f"chained create at depth {_DEEP} (beside depth 1)", deep, shallow, "µs")


async def _fault(mock: "_Mock") -> Row:
    """Looking for a fault that is switched on, but does not meet the call."""
    core = mock.responses.core
    faults, raw = Faults(core), JsonObject(model="gpt-4o", input="x")
    call, facts = Call("p", CREATE, b"", {}), Facts(parse_create(raw), raw, {}, NEW_CONTEXT)

    async def look(n: int) -> None:
        for _ in range(_LOOKS):
            await faults.meet(call, facts, b"")

    none = await median_us(look, _SAMPLES) / _LOOKS
    await faults.arm("p", {"name": "other", "when": {"model": "gpt-5*"}, "fault": "html_error"})
    return Row("a fault that does not match, a request (beside none)", await median_us(look, _SAMPLES) / _LOOKS, none, "µs")


class _Mock:
    """The use cases on a memory store of their own."""

    def __init__(self, many: int) -> None:
        store = MemoryStore(max_responses=2 * many, max_bytes=10**12)
        core = Core(Settings(), store, make_clock("real"), Library(scenarios=[load_text(_SCENARIO)]))
        self.responses, self.conversations = Responses(core), Conversations(core)
        self._number = 0

    async def create(self, **fields: object) -> str:
        """A stored response to a question of its own."""
        self._number += 1
        body = dumps({"model": "gpt-4o", "input": f"question number {self._number}", **fields})
        call = Call("p", "responses.create", body, {})
        created = await self.responses.create(call, await self.responses.core.identify(call))
        return created.timeline.response_id

    async def conversation(self, items: int) -> str:
        """A conversation of so many items."""
        call = Call("p", "conversations.create")
        made = loads(await self.conversations.create(call, await self.responses.core.identify(call)))
        conversation_id = str(made["id"]) if isinstance(made, dict) else ""
        for start in range(0, items, 20):
            messages = [{"role": "user", "content": f"message {start + n}"} for n in range(20)]
            added = Call("p", "conversations.items.create", dumps({"items": messages}))
            identity = await self.responses.core.identify(added)
            await self.conversations.add_items(added, identity, conversation_id, ListQuery())
        return conversation_id
