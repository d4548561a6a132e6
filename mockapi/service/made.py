"""Records of responses: what is kept of one that was just made."""

from collections.abc import Mapping, Sequence

from mockapi.engine.plan import Plan
from mockapi.engine.score import Score
from mockapi.engine.timeline import Timeline
from mockapi.scenario.context import Context
from mockapi.service.compacted import summary_tokens
from mockapi.service.own import ItemIds, OwnItems
from mockapi.stores.records import ResponseRecord
from mockapi.wire.counter import FRAMING_TOKENS

__all__ = ["Made", "prefix_after", "record_of"]

_CONTEXT_BYTES = 200


def prefix_after(identity: bytes) -> str:
    """What tells the past that ends with this response from any other."""
    return identity[:16].hex()


def record_of(
    timeline: Timeline,
    given: str | Sequence[Mapping[str, object]],
    context: Context,
    parent_id: str | None,
    progress: bytes,
    *,
    known: frozenset[str] = frozenset(),
) -> ResponseRecord:
    """The record of a planned response: its own items get ids (those in `known` keep theirs), `context` goes on past its output.

    `given` are those items in full, or a text; `context` is where the conversation stood after them.
    """
    plan, score = timeline.plan, timeline.score
    after, own = _after(context, plan, score), OwnItems(given, plan, known)
    ids, is_derived = ItemIds(own, plan, score), not known and score.derives_item_ids
    item_ids, stem = (ids, timeline.source.stem) if is_derived else (tuple(ids), "")
    size = timeline.size + 2 * own.size + _CONTEXT_BYTES  # the context's texts are of the own items, or the past's
    fields = timeline.response_id, plan, progress, after, own, parent_id, None, 0, item_ids, 0, stem, size
    return tuple.__new__(ResponseRecord, fields)  # half the time of ResponseRecord(…)


def _after(context: Context, plan: Plan, score: Score) -> Context:
    """Where the conversation stands after the output."""
    items = score.finished.items
    calls = score.calls(score.ids(plan.ids) if score.call_items else ())
    prefix = prefix_after(plan.digest)
    after = context.with_output(calls, has_items=bool(items), tokens=score.output_tokens, prefix=prefix)
    if items and items[-1]["type"] == "compaction":
        return after._replace(tokens=summary_tokens(after.tokens - FRAMING_TOKENS))
    return after


_NOTHING_KNOWN: frozenset[str] = frozenset()


class Made:
    """A response that was made just now, as the store in memory keeps it: its record is made when somebody looks for it.

    Nothing in it is known from elsewhere, and its ids all follow from the plan's.
    """

    __slots__ = ("_context", "_given", "_parent_id", "_plan", "_progress", "_score", "id", "size", "stem")

    def __init__(self, timeline: Timeline, given: str | bytes, context: Context, parent_id: str | None, progress: bytes) -> None:
        """As `record_of`; items are given as JSON, which takes least room."""
        self.id = timeline.response_id
        self.stem = timeline.source.stem
        self.size = timeline.size + 2 * len(given) + _CONTEXT_BYTES
        self._plan = timeline.plan
        self._score = timeline.score
        self._given = given
        self._context = context
        self._parent_id = parent_id
        self._progress = progress

    def record(self) -> ResponseRecord:
        """See `RecordSource`."""
        plan, score = self._plan, self._score
        after, own = _after(self._context, plan, score), OwnItems(self._given, plan, _NOTHING_KNOWN)
        ids = ItemIds(own, plan, score)
        fields = self.id, plan, self._progress, after, own, self._parent_id, None, 0, ids, 0, self.stem, self.size
        return tuple.__new__(ResponseRecord, fields)  # half the time of ResponseRecord(…)

    def __reduce__(self) -> tuple[object, ...]:
        """What leaves the process is the record."""
        return self.record().__reduce__()
