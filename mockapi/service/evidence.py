"""What the journal remembers of a call, as matching saw it: so that verification and explanation use the criteria of steps."""

from collections.abc import Mapping, Sequence

from mockapi.engine.plan import Plan
from mockapi.engine.timeline import Timeline
from mockapi.errors import ApiError
from mockapi.scenario.context import NEW_CONTEXT
from mockapi.scenario.load import CREATE
from mockapi.scenario.match import Facts, Known
from mockapi.service.core import Call
from mockapi.service.faults import raw_facts
from mockapi.stores.records import Entry
from mockapi.wire.json import JsonObject, object_of
from mockapi.wire.parse import parse_create
from mockapi.wire.requests import CreateRequest

__all__ = ["DELIVERY", "facts_of_body", "facts_of_entry", "made_by"]

DELIVERY = "webhooks.delivery"
"""The operation of calls in the journal that the mock itself made."""


def facts_of_entry(entry: Entry) -> Facts:
    """The facts of a recorded call; of other endpoints than create what its URL, headers and body say, and no past."""
    raw = object_of(entry.request)
    if entry.operation not in (CREATE, "responses.compact", "responses.input_tokens"):
        return raw_facts(Call("", entry.operation, entry.request, entry.headers, target=_target(entry.path)), raw)
    return facts_of_body(raw, entry.headers, entry.known)


def facts_of_body(raw: JsonObject, headers: Mapping[str, str] | None = None, known: Known | None = None) -> Facts:
    """The facts of a create: with what was known of it, else as the first request of its conversation, valid or not."""
    try:
        request = parse_create(raw, lenient=True)
    except ApiError:
        return Facts(CreateRequest(), raw, headers or {}, NEW_CONTEXT)
    if known is None:
        items: Sequence[JsonObject] = request.input_items
        return Facts(request, raw, headers or {}, NEW_CONTEXT.with_items(items))
    said: JsonObject = {"model": known.model, "instructions": known.instructions, "store": known.store}
    return Facts(request.changed(**said), raw, headers or {}, known.context)


def made_by(entry: Entry) -> str:
    """The id of the response that a create made."""
    if entry.plan:
        return Timeline(Plan.of(entry.plan)).response_id
    return str(object_of(entry.response).get("id", ""))


def _target(path: str) -> str:
    """What a path is about: the part behind the collection's name."""
    for collection in ("/responses/", "/conversations/"):
        if collection in path:
            return path.partition(collection)[2]
    return ""
