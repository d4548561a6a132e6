"""Pages of item lists: newest first unless asked otherwise, beyond a cursor, at most so many."""

from collections.abc import Sequence

from mockapi.errors import ApiError
from mockapi.wire.json import JsonObject
from mockapi.wire.listing import gated, list_body
from mockapi.wire.operations import ListQuery

__all__ = ["no_cursor", "page_of"]


def page_of(items: Sequence[JsonObject], query: ListQuery) -> bytes:
    """One page of items that are given oldest first."""
    ordered = list(items) if query.order == "asc" else list(items[::-1])
    if query.after is not None:
        place = next((number for number, item in enumerate(ordered, 1) if item["id"] == query.after), None)
        if place is None:
            raise no_cursor(query.after)
        ordered = ordered[place:]
    shown = [gated(item, query.include) for item in ordered[: query.limit]]
    return list_body(shown, has_more=len(ordered) > query.limit)


def no_cursor(item_id: str) -> ApiError:
    """A cursor that is not in the list (status and words are assumed: WIRE.md §14.8)."""
    return ApiError(f"Item with id '{item_id[:100]}' not found.", status=404, param="after")
