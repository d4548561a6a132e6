"""Compaction items: what they hold, sealed; and what comes back of them (WIRE.md §9).

A compaction item replaces everything before it: the turn, the open calls and their names, and the texts, up to a megabyte of
them, the oldest left out first.
"""

from collections.abc import Sequence
from typing import NamedTuple

from mockapi.engine.score import score_of
from mockapi.engine.timeline import Timeline
from mockapi.errors import ApiError
from mockapi.scenario.context import NEW_CONTEXT, Context
from mockapi.service.core import Core
from mockapi.wire.catalogue import told
from mockapi.wire.ids import digest
from mockapi.wire.json import JsonObject, dumps, loads
from mockapi.wire.opaque import is_opaque
from mockapi.wire.requests import CreateRequest
from mockapi.wire.seal import seal, unseal

__all__ = [
    "Restored",
    "compact",
    "expanded",
    "folded",
    "is_compacting",
    "newest",
    "restore",
    "summary_tokens",
    "with_compaction",
]

_MOST_TEXT = 1_000_000  # bytes of items in one compaction item
_LONGEST_FIELD = 65_536  # characters of one text in its context
_SHORTEST_SEAL = 1_024  # characters: recorded ones are longer still


_SHORTEST_SUMMARY, _LONGEST_SUMMARY = 32, 2_000
_DEFAULT_THRESHOLD = 200_000  # tokens; what the real API takes when none is given is not known


class Restored(NamedTuple):
    """What a compaction item stands for: the fold of what it replaced, and its items, oldest first."""

    context: Context
    items: list[JsonObject]


NOTHING = Restored(NEW_CONTEXT, [])
"""What an item holds whose content says nothing to the mock: scripted ones."""


def compact(core: Core, project: str, context: Context, items: Sequence[JsonObject], summary_tokens: int) -> str:
    """The `encrypted_content` of a compaction item for this context and these items."""
    kept: list[JsonObject] = []
    size = 0
    for item in reversed(items):
        size += len(dumps(item))
        if size > _MOST_TEXT:
            break
        kept.append(item)
    folded = context._replace(
        user_text=context.user_text[-_LONGEST_FIELD:],
        outputs=tuple(each._replace(output=each.output[:_LONGEST_FIELD]) for each in context.outputs[-100:]),
        tokens=summary_tokens,
    )
    content = {"project": _owner(project), "context": loads(folded.to_bytes()), "items": kept[::-1]}
    return seal(core.sealing_key, dumps(content), _SHORTEST_SEAL)


def summary_tokens(tokens: int) -> int:
    """Tokens of the summary that replaces an input of so many tokens: an eighth, within bounds (made up)."""
    return min(_LONGEST_SUMMARY, max(_SHORTEST_SUMMARY, tokens // 8))


def is_compacting(request: CreateRequest, timeline: Timeline) -> bool:
    """Whether a response compacts its context: input and output pass the threshold, or the input asks for it by its last item."""
    if timeline.plan.ending.status != "completed" or (request.text_alone and not request.context_management):
        return False
    if request.asks_to_compact:
        return True
    if not request.context_management:
        return False
    asked = request.context_management[0].get("compact_threshold")
    return int(str(timeline.plan.usage["total_tokens"])) > (_DEFAULT_THRESHOLD if asked is None else asked)


def with_compaction(core: Core, project: str, timeline: Timeline, context: Context, before: Sequence[JsonObject]) -> Timeline:
    """The response with a compaction item at its end, which stands for `before` and its own output (WIRE.md §9).

    `context` is where the conversation stood after `before`.
    """
    plan, score = timeline.plan, timeline.score
    own = loads(timeline.whole_output(core.seal))
    items = [*before, *(item for item in own if isinstance(item, dict))] if isinstance(own, list) else list(before)
    tokens = summary_tokens(context.tokens + score.output_tokens)
    after = context.with_output(timeline.calls, has_items=bool(score.finished.items))
    sealed = compact(core, project, after, items, tokens)
    draft = dumps({"verbatim": {"type": "compaction", "encrypted_content": sealed}})
    drafts = b"[%b]" % draft if plan.drafts == b"[]" else b"%b,%b]" % (plan.drafts[:-1], draft)
    output_tokens = int(str(plan.usage["output_tokens"])) + tokens
    usage = {**plan.usage, "output_tokens": output_tokens, "total_tokens": int(str(plan.usage["input_tokens"])) + output_tokens}
    return Timeline(plan._replace(drafts=drafts, usage=usage), score_of(drafts, plan.key))


def restore(core: Core, project: str, item: JsonObject) -> Restored:
    """What an item's `encrypted_content` holds; nothing for reasoning, whose content is only verified.

    `ApiError` 400 if it is not one of this server and project.
    """
    text = str(item["encrypted_content"])
    content = unseal(core.sealing_key, text)
    if content is None and is_opaque(text):
        return NOTHING
    if content is None:
        raise _refused("invalid_encrypted_content", item)
    if item["type"] != "compaction":
        return NOTHING
    held = loads(content)
    if not isinstance(held, dict) or "context" not in held:
        raise _refused("invalid_encrypted_content", item)
    if held["project"] != _owner(project):
        raise _refused("encrypted_content_of_others", item)
    return Restored(Context.from_bytes(dumps(held["context"])), held["items"])


def newest(core: Core, project: str, items: Sequence[JsonObject]) -> tuple[int, Restored | None]:
    """(where the items begin that still count, what stands for those before them): that of the newest compaction item."""
    place = next((n for n in range(len(items), 0, -1) if items[n - 1].get("type") == "compaction"), 0)
    if not place:
        return 0, None
    try:
        return place, restore(core, project, items[place - 1])
    except ApiError:  # scripted, or let pass: it says nothing to the mock
        return place, NOTHING


def expanded(core: Core, project: str, items: list[JsonObject]) -> list[JsonObject]:
    """Items, with what the newest compaction item among them holds in the place of everything up to it."""
    start, restored = newest(core, project, items)
    return items if restored is None else [*restored.items, *items[start:]]


def folded(core: Core, project: str, context: Context, items: Sequence[JsonObject], tokens: int | None = None) -> Context:
    """A context, further on by items; `tokens` is what they cost, where that is known. A compaction item begins anew."""
    start, restored = newest(core, project, items)
    if restored is not None:
        context, items, tokens = restored.context, items[start:], None
    return context.with_items(items, core.counter.count(list(items)) if tokens is None else tokens)


def _owner(project: str) -> str:
    return digest(b"", project.encode("utf-8", "surrogatepass"), size=8).hex()


def _refused(row: str, item: JsonObject) -> ApiError:
    return told(row, id=item.get("id") or f"{str(item['encrypted_content'])[:8]}...")
