"""What a request costs on a store, as it fills: the application in this process, without sockets, journal included."""

import asyncio
from collections.abc import Callable

from starlette.types import ASGIApp, Message

from mockapi.bench.tools import Row, median_us
from mockapi.life import Life
from mockapi.scenario.load import load_text
from mockapi.server import compose_app
from mockapi.settings import Settings
from mockapi.wire.json import dumps, loads

__all__ = ["SIZES", "run_store_bench"]

SIZES = (1_000, 10_000, 100_000)
_SCENARIO = 'steps: [{reply: "Hello there, this is a short answer."}]'
_SAMPLES = 300
_HEADERS = [(b"host", b"127.0.0.1"), (b"authorization", b"Bearer bench"), (b"content-type", b"application/json")]


def run_store_bench(url: str, sizes: tuple[int, ...] = SIZES, say: Callable[[str], None] = lambda line: None) -> list[Row]:
    """The median cost of some requests when so many responses are stored, beside that at the first size; `url` as `--store`."""
    app, _, life = compose_app(Settings(store=url, max_responses=max(sizes) + 5_000, max_memory=4_096), [load_text(_SCENARIO)])
    return asyncio.run(_run(app, life, sizes, say))


async def _run(app: ASGIApp, life: Life, sizes: tuple[int, ...], say: Callable[[str], None]) -> list[Row]:
    rows: list[Row] = []
    async with life.running():
        mock = _Mock(app)
        await mock.ask("POST", "/_mock/reset")
        first: dict[str, float] = {}
        for size in sizes:
            say(f"{size:,} responses")
            await mock.fill(size)
            for name, use in mock.uses.items():
                took = await median_us(use, _SAMPLES)
                rows.append(Row(f"{name}, {size:,} stored (beside {sizes[0]:,})", took, first.setdefault(name, took), "µs"))
        await mock.ask("POST", "/_mock/reset")
    return sorted(rows, key=lambda row: list(first).index(row.name.partition(",")[0]))


class _Mock:
    """The application, and what was stored in it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._number = 0
        self._ids: list[str] = []
        self._thread = ""
        self.uses = {
            "create": lambda n: self.create(),
            "chained create": lambda n: self.create(previous_response_id=self._ids[n]),
            "retrieve": lambda n: self.ask("GET", f"/v1/responses/{self._ids[-1 - n]}"),
            "add a conversation item": lambda n: self._add(1),
            "a page of items": lambda n: self.ask("GET", f"/v1/conversations/{self._thread}/items"),
        }

    async def fill(self, size: int) -> None:
        """Store so many responses, and as many items of one conversation."""
        while len(self._ids) < size:
            self._ids.append(await self.create())
        if not self._thread:
            self._thread = await self.ask("POST", "/v1/conversations", {})
        for _ in range(size // 20):
            await self._add(20)

    async def _add(self, count: int) -> None:
        items = [{"role": "user", "content": "hello"} for _ in range(count)]
        await self.ask("POST", f"/v1/conversations/{self._thread}/items", {"items": items})

    async def create(self, **fields: object) -> str:
        """A response to a question of its own."""
        self._number += 1
        return await self.ask("POST", "/v1/responses", {"model": "gpt-4o", "input": f"question {self._number}", **fields})

    async def ask(self, method: str, path: str, body: object = None) -> str:
        """The id in the answer."""
        asked: list[Message] = [{"type": "http.request", "body": b"" if body is None else dumps(body)}]
        told: list[Message] = []

        async def receive() -> Message:
            return asked.pop()

        async def send(message: Message) -> None:
            told.append(message)

        scope = {"type": "http", "method": method, "path": path, "query_string": b"", "headers": _HEADERS}
        await self._app(scope, receive, send)
        answer = loads(told[-1]["body"])
        assert told[0]["status"] == 200, answer
        return str(answer.get("id", "")) if isinstance(answer, dict) else ""
