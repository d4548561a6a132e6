"""The admin API under `/_mock`: health and readiness."""

from mockapi.http.exchange import Exchange
from mockapi.http.messages import JSON, Answer
from mockapi.service import Service
from mockapi.wire.json import dumps

__all__ = ["AdminApi"]


class AdminApi:
    """What a person or a container asks about the server itself; no API key is needed."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def health(self, exchange: Exchange) -> None:
        """`GET /_mock/health`: the process answers."""
        await exchange.answer(Answer(200, dumps({"status": "ok"}), [JSON]))

    async def ready(self, exchange: Exchange) -> None:
        """`GET /_mock/ready`: scenarios are loaded and the store answers, else 503."""
        is_ready = await self._service.store.is_ready()
        body = {"status": "ready" if is_ready else "unavailable", "scenarios": len(self._service.scenarios)}
        await exchange.answer(Answer(200 if is_ready else 503, dumps(body), [JSON]))
