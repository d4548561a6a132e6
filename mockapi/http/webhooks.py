"""The webhook endpoints' API: eight operations (the SDK's `client.webhooks`)."""

from mockapi.http.calls import Calls
from mockapi.http.exchange import Exchange
from mockapi.service.endpoints import Endpoints

__all__ = ["WebhooksApi"]

_ID = "webhook_endpoint_id"


class WebhooksApi:
    """Operations on the webhook endpoints of a project."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._use = endpoints
        self._calls = Calls(endpoints.core)

    async def create(self, exchange: Exchange) -> None:
        """`POST /v1/webhook_endpoints`."""
        call, identity = await self._calls.identified(exchange, "webhook_endpoints.create", has_body=True)
        await self._calls.answer(exchange, await self._use.create(call, identity))

    async def list(self, exchange: Exchange) -> None:
        """`GET /v1/webhook_endpoints`."""
        call, _ = await self._calls.identified(exchange, "webhook_endpoints.list")
        await self._calls.answer(exchange, await self._use.list(call.project, self._calls.query(exchange)))

    async def retrieve(self, exchange: Exchange) -> None:
        """`GET /v1/webhook_endpoints/{webhook_endpoint_id}`."""
        endpoint_id = exchange.path_params[_ID]
        call, _ = await self._calls.identified(exchange, "webhook_endpoints.retrieve", endpoint_id)
        await self._calls.answer(exchange, await self._use.retrieve(call.project, endpoint_id))

    async def update(self, exchange: Exchange) -> None:
        """`POST /v1/webhook_endpoints/{webhook_endpoint_id}`."""
        endpoint_id = exchange.path_params[_ID]
        call, _ = await self._calls.identified(exchange, "webhook_endpoints.update", endpoint_id, has_body=True)
        await self._calls.answer(exchange, await self._use.update(call, endpoint_id))

    async def delete(self, exchange: Exchange) -> None:
        """`DELETE /v1/webhook_endpoints/{webhook_endpoint_id}`."""
        endpoint_id = exchange.path_params[_ID]
        call, _ = await self._calls.identified(exchange, "webhook_endpoints.delete", endpoint_id)
        await self._calls.answer(exchange, await self._use.delete(call.project, endpoint_id))

    async def rotate_secret(self, exchange: Exchange) -> None:
        """`POST /v1/webhook_endpoints/{webhook_endpoint_id}/rotate_secret`."""
        endpoint_id = exchange.path_params[_ID]
        call, identity = await self._calls.identified(exchange, "webhook_endpoints.rotate_secret", endpoint_id, has_body=True)
        await self._calls.answer(exchange, await self._use.rotate_secret(call, identity, endpoint_id))

    async def test(self, exchange: Exchange) -> None:
        """`POST /v1/webhook_endpoints/{webhook_endpoint_id}/test`."""
        endpoint_id = exchange.path_params[_ID]
        call, identity = await self._calls.identified(exchange, "webhook_endpoints.test", endpoint_id, has_body=True)
        await self._calls.answer(exchange, await self._use.test(call, identity, endpoint_id))

    async def event_types(self, exchange: Exchange) -> None:
        """`GET /v1/webhook_event_types`."""
        await self._calls.identified(exchange, "webhook_event_types.list")
        await self._calls.answer(exchange, self._use.event_types())
