"""The Conversations API: eight operations."""

from mockapi.http.calls import Calls
from mockapi.http.exchange import Exchange
from mockapi.service.conversations import Conversations

__all__ = ["ConversationsApi"]

_ID = "conversation_id"


class ConversationsApi:
    """Operations on conversations and their items."""

    def __init__(self, conversations: Conversations) -> None:
        self._use = conversations
        self._calls = Calls(conversations.core)

    async def create(self, exchange: Exchange) -> None:
        """`POST /v1/conversations`."""
        call, identity = await self._calls.identified(exchange, "conversations.create", has_body=True)
        await self._calls.answer(exchange, await self._use.create(call, identity))

    async def retrieve(self, exchange: Exchange) -> None:
        """`GET /v1/conversations/{conversation_id}`."""
        call, _ = await self._calls.identified(exchange, "conversations.retrieve", exchange.path_params[_ID])
        conversation_id = self._calls.path_id(exchange, _ID, "conv")
        await self._calls.answer(exchange, await self._use.retrieve(call.project, conversation_id))

    async def update(self, exchange: Exchange) -> None:
        """`POST /v1/conversations/{conversation_id}`."""
        call, _ = await self._calls.identified(exchange, "conversations.update", exchange.path_params[_ID], has_body=True)
        conversation_id = self._calls.path_id(exchange, _ID, "conv")
        await self._calls.answer(exchange, await self._use.update(call, conversation_id))

    async def delete(self, exchange: Exchange) -> None:
        """`DELETE /v1/conversations/{conversation_id}`."""
        call, _ = await self._calls.identified(exchange, "conversations.delete", exchange.path_params[_ID])
        conversation_id = self._calls.path_id(exchange, _ID, "conv")
        await self._calls.answer(exchange, await self._use.delete(call.project, conversation_id))

    async def create_items(self, exchange: Exchange) -> None:
        """`POST /v1/conversations/{conversation_id}/items`."""
        target = exchange.path_params[_ID]
        call, identity = await self._calls.identified(exchange, "conversations.items.create", target, has_body=True)
        conversation_id, query = self._calls.path_id(exchange, _ID, "conv"), self._calls.query(exchange)
        await self._calls.answer(exchange, await self._use.add_items(call, identity, conversation_id, query))

    async def list_items(self, exchange: Exchange) -> None:
        """`GET /v1/conversations/{conversation_id}/items`."""
        call, _ = await self._calls.identified(exchange, "conversations.items.list", exchange.path_params[_ID])
        conversation_id, query = self._calls.path_id(exchange, _ID, "conv"), self._calls.query(exchange)
        await self._calls.answer(exchange, await self._use.list_items(call.project, conversation_id, query))

    async def retrieve_item(self, exchange: Exchange) -> None:
        """`GET /v1/conversations/{conversation_id}/items/{item_id}`."""
        target = f"{exchange.path_params[_ID]}/{exchange.path_params['item_id']}"
        call, _ = await self._calls.identified(exchange, "conversations.items.retrieve", target)
        conversation_id, query = self._calls.path_id(exchange, _ID, "conv"), self._calls.query(exchange)
        item_id = self._calls.path_id(exchange, "item_id")
        await self._calls.answer(exchange, await self._use.get_item(call.project, conversation_id, item_id, query))

    async def delete_item(self, exchange: Exchange) -> None:
        """`DELETE /v1/conversations/{conversation_id}/items/{item_id}`."""
        target = f"{exchange.path_params[_ID]}/{exchange.path_params['item_id']}"
        call, _ = await self._calls.identified(exchange, "conversations.items.delete", target)
        conversation_id, item_id = self._calls.path_id(exchange, _ID, "conv"), self._calls.path_id(exchange, "item_id")
        await self._calls.answer(exchange, await self._use.delete_item(call.project, conversation_id, item_id))
