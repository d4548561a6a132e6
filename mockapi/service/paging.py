"""Pages of item lists: newest first unless asked otherwise, beyond a cursor, at most so many."""

from collections.abc import AsyncIterator

from mockapi.errors import ApiError
from mockapi.wire.catalogue import told
from mockapi.wire.json import JsonObject
from mockapi.wire.listing import gated, list_body
from mockapi.wire.operations import ListQuery

__all__ = ["no_cursor", "page_of"]


async def page_of(newest_first: AsyncIterator[JsonObject], query: ListQuery) -> bytes:
    """One page; newest first no more is read than it takes."""
    if query.order == "asc":
        everything = [item async for item in newest_first][::-1]
        found = everything if query.after is None else _beyond(everything, query.after)
    else:
        found = []
        is_beyond = query.after is None
        async for item in newest_first:
            if is_beyond:
                found.append(item)
            elif item["id"] == query.after:
                is_beyond = True
            if len(found) > query.limit:
                break
        if not is_beyond:
            raise no_cursor(str(query.after))
    shown = [gated(item, query.include) for item in found[: query.limit]]
    return list_body(shown, has_more=len(found) > query.limit)


def _beyond(items: list[JsonObject], cursor: str) -> list[JsonObject]:
    place = next((number for number, item in enumerate(items, 1) if item["id"] == cursor), None)
    if place is None:
        raise no_cursor(cursor)
    return items[place:]


def no_cursor(item_id: str) -> ApiError:
    """A cursor that is not in the list (status and words are assumed: WIRE.md §14.8)."""
    return told("item_not_found", id=item_id[:100], path="after")
