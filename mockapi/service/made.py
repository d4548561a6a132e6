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
from mockapi.wire.json import dumps

__all__ = ["Made", "prefix_after"]

_CONTEXT_BYTES = 200


def prefix_after(identity: bytes) -> str:
    """What tells the past that ends with this response from any other."""
    return identity[:16].hex()


def _after(context: Context, plan: Plan, score: Score) -> Context:
    """Where the conversation stands after the output."""
    items = score.finished.items
    calls = score.calls(score.ids(plan.ids) if score.call_items else ())
    prefix = prefix_after(plan.digest)
    after = context.with_output(calls, has_items=bool(items), tokens=score.output_tokens, prefix=prefix)
    if items and items[-1]["type"] == "compaction":
        return after._replace(tokens=summary_tokens(after.tokens - FRAMING_TOKENS))
    return after


_NOTHING: frozenset[str] = frozenset()


class Made:
    """A response that was made just now; its record is made when somebody looks for it (`RecordSource`): most never are."""

    __slots__ = ("_context", "_given", "_known", "_parent_id", "_plan", "_progress", "_score", "id", "size", "stem")

    def __init__(
        self,
        timeline: Timeline,
        given: str | Sequence[Mapping[str, object]],
        context: Context,
        parent_id: str | None,
        progress: bytes,
        *,
        known: frozenset[str] = _NOTHING,
    ) -> None:
        """Its own items get ids (those in `known` keep theirs), `context` goes on past its output.

        `given` are those items in full, or a text; `context` is where the conversation stood after them.
        """
        score = timeline.score
        self._given = given if isinstance(given, str) else dumps(given)  # as JSON they take least room
        self.id = timeline.response_id
        self.stem = "" if known or not score.derives_item_ids else timeline.source.stem
        self.size = (
            timeline.size + 2 * len(self._given) + _CONTEXT_BYTES
        )  # the context's texts are of the own items, or the past's
        self._plan = timeline.plan
        self._score = score
        self._context = context
        self._parent_id = parent_id
        self._progress = progress
        self._known = known

    def record(self) -> ResponseRecord:
        """See `RecordSource`."""
        plan, score = self._plan, self._score
        own = OwnItems(self._given, plan, self._known)
        ids = ItemIds(own, plan, score)
        return ResponseRecord(
            self.id,
            plan,
            self._progress,
            _after(self._context, plan, score),
            own,
            self._parent_id,
            item_ids=ids if self.stem else tuple(ids),
            stem=self.stem,
            size=self.size,
        )

    def __reduce__(self) -> tuple[object, ...]:
        """What leaves the process is the record."""
        return self.record().__reduce__()
