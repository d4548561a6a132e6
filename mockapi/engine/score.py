"""The score: everything of a reply that is the same for every response that plays it, rendered once.

Events and output carry slots instead of ids. A score is a pure function of drafts and key, so it can be kept by their content.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from threading import Lock
from typing import NamedTuple

from mockapi.engine.entry import Draft, Play
from mockapi.engine.grammar import grammar_of
from mockapi.engine.items import Finished, Shaping, finish_items
from mockapi.engine.pace import Pace
from mockapi.engine.shaping import showable
from mockapi.scenario.context import APPROVAL, NEW_CONTEXT, Call, awaits_output
from mockapi.wire.counter import Counting, counter_of
from mockapi.wire.events import encode_data, frame, obfuscation
from mockapi.wire.ids import Derivation
from mockapi.wire.json import JsonObject, dumps

__all__ = ["USUAL_KEY", "Block", "Note", "Score", "ScoreKey", "compose", "including", "score_of"]


@dataclass(frozen=True, slots=True)
class ScoreKey:
    """What of plan and request decides the score beside the drafts."""

    shaping: Shaping = Shaping()
    pace: Pace = Pace()
    is_obfuscated: bool = True
    first_sequence: int = 2
    seed: str = ""
    counting: Counting = "estimate"


USUAL_KEY = ScoreKey()
"""That of most requests: whoever makes an equal one hands out this, which is compared and hashed faster."""


def including(key: ScoreKey, include: Sequence[str], seal: str) -> ScoreKey:
    """The key, with what these `include` values show too: what a GET asks for that the create did not."""
    shaping = key.shaping
    has_logprobs = shaping.has_logprobs or "message.output_text.logprobs" in include
    is_encrypted = shaping.is_encrypted or "reasoning.encrypted_content" in include
    shown = showable([*include, *shaping.include])
    changed = replace(shaping, has_logprobs=has_logprobs, is_encrypted=is_encrypted, include=shown, seal=shaping.seal or seal)
    return replace(key, shaping=changed)


@dataclass(frozen=True, slots=True)
class Note:
    """One event of the score; `offset_s` counts from the moment the run begins."""

    offset_s: float
    type: str
    data: bytes


class Block(NamedTuple):
    """Events due together, framed and joined, and how many they are."""

    offset_s: float
    data: bytes
    events: int


@dataclass(frozen=True, slots=True)
class Score:
    """Rendered reply: `notes` in order, `output` the finished items as a JSON array, both with slots.

    `end_s` is when the last event is due. `item_ids` has for each item its id, or the place of its id among the slots;
    `derives_item_ids` tells that it has only places. `kinds` are the types of the items.
    """

    notes: tuple[Note, ...]
    blocks: tuple[Block, ...]
    output: bytes
    finished: Finished
    output_tokens: int
    reasoning_tokens: int
    end_s: float
    slots: tuple[bytes, ...] = ()
    call_items: tuple[tuple[str, Call], ...] = ()
    item_ids: tuple[str | int, ...] = ()
    searches: int = 0
    derives_item_ids: bool = True
    kinds: frozenset[str] = frozenset()

    @property
    def size(self) -> int:
        """About how many bytes it takes: every event stands in it twice, alone and in its block."""
        return 2 * sum(len(note.data) + 200 for note in self.notes) + 2 * len(self.output) + 1_000

    def ids(self, source: Derivation) -> list[str]:
        """The ids of one response, by slot."""
        return source.output_ids(self.finished.prefixes)

    def filled(self, data: bytes, ids: Sequence[str]) -> bytes:
        """A piece of the score with the ids of one response in it."""
        for slot, value in zip(self.slots, ids, strict=True):
            data = data.replace(slot, value.encode())
        return data

    def calls(self, ids: Sequence[str]) -> Mapping[str, Call]:
        """The calls a client has to answer, by call_id."""
        if not self.call_items:
            return _NO_CALLS
        made = {slot.decode(): value for slot, value in zip(self.slots, ids, strict=True)}
        return {made.get(call_id, call_id): call for call_id, call in self.call_items}

    def ids_of_items(self, ids: Sequence[str]) -> tuple[str, ...]:
        """The id of each item, in order."""
        return tuple([ids[own] if isinstance(own, int) else own for own in self.item_ids])


_NO_CALLS: Mapping[str, Call] = {}


class _Shelf:
    """Scores of constant replies by content, at most so many bytes of them; the oldest go first."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._scores: dict[tuple[bytes, ScoreKey], Score] = {}
        self._usual: dict[bytes, Score] = {}  # those of the usual key among them
        self._lock = Lock()

    def get(self, drafts: bytes, key: ScoreKey) -> "Score | None":
        return self._usual.get(drafts) if key is USUAL_KEY else self._scores.get((drafts, key))

    def put(self, drafts: bytes, key: ScoreKey, score: "Score") -> None:
        if score.size > self._most_bytes // 8:
            return
        with self._lock:
            if (drafts, key) in self._scores:
                return
            self._scores[drafts, key] = score
            if key == USUAL_KEY:
                self._usual[drafts] = score
            self._bytes += score.size
            while self._bytes > self._most_bytes:
                oldest = next(iter(self._scores))
                self._bytes -= self._scores.pop(oldest).size
                if oldest[1] == USUAL_KEY:
                    self._usual.pop(oldest[0], None)


_SHELF = _Shelf(most_bytes=16_777_216)


def score_of(drafts: bytes, key: ScoreKey, *, is_constant: bool = False) -> Score:
    """The score of a JSON array of drafts; that of a constant reply is kept, since many responses will play it."""
    found = _SHELF.get(drafts, key)
    if found is None:
        found = compose(drafts, key)
        if is_constant and not (key.seed or key.shaping.links or key.shaping.container):
            _SHELF.put(drafts, key, found)
    return found


def compose(drafts: bytes, key: ScoreKey) -> Score:
    """Render a score anew."""
    finished = finish_items(drafts, key.shaping)
    shown = [grammar_of(item["type"]).closing(item) for item in finished.items]
    notes = tuple(_numbered(_timed(list(_drafts(finished, shown, key)), key), key))
    tokens, reasoning = counter_of(key.counting).count_output(finished.items)
    slots = tuple(finished.slot(n).encode() for n in range(len(finished.prefixes)))
    answered = {item.get("call_id") for item in finished.items if str(item["type"]).endswith("_output")}
    open_items = (item for item in finished.items if awaits_output(item) or item["type"] == APPROVAL)
    opened = NEW_CONTEXT.with_items(open_items).calls
    calls = tuple((call_id, call) for call_id, call in opened.items() if call_id not in answered)
    places = {slot.decode(): n for n, slot in enumerate(slots)}
    item_ids = tuple(places.get(item_id, item_id) for item_id in (str(item["id"]) for item in finished.items))
    end_s = max(notes[-1].offset_s, key.pace.first_s) if notes else key.pace.first_s  # the first wait passes without deltas too
    return Score(
        notes, tuple(_blocks(notes)), dumps(shown), finished, tokens, reasoning, end_s, slots, calls, item_ids,
        searches=sum(_is_search(item) for item in finished.items),
        derives_item_ids=not any(isinstance(each, str) for each in item_ids),
        kinds=frozenset(str(item["type"]) for item in finished.items),
    )  # fmt: skip


def _is_search(item: JsonObject) -> bool:
    """What `tool_usage` counts: searches, not the pages opened after them."""
    action = item.get("action") if item["type"] == "web_search_call" else None
    return isinstance(action, dict) and action.get("type") == "search"


def _drafts(finished: Finished, shown: Sequence[JsonObject], key: ScoreKey) -> Iterator[Draft]:
    """All events between the head and the end, with what places them: item and output index."""
    items = zip(finished.items, finished.scripts, shown, strict=True)
    acts = [_Act(index, item, whole, _acted(index, item, script, key)) for index, (item, script, whole) in enumerate(items)]
    for interleaves, together in groupby(acts, key=lambda act: grammar_of(act.item["type"]).interleaves):
        scene = list(together)
        for act in [] if interleaves else scene:
            yield from (act.added, *act.events, act.done)
        if interleaves:
            yield from (draft for act in scene for draft in (act.added, *act.events[:-1]))
            yield from (act.events[-1] for act in scene)
            yield scene[-1].done


class _Act(NamedTuple):
    """One item on the stage: its place, what it is, what `done` shows, and the events between its two ends."""

    place: int
    item: JsonObject
    whole: JsonObject
    events: Sequence[Draft]

    @property
    def added(self) -> Draft:
        opening = grammar_of(self.item["type"]).opening(self.item)
        return Draft("output_item.added", {"output_index": self.place, "item": opening})

    @property
    def done(self) -> Draft:
        return Draft("output_item.done", {"output_index": self.place, "item": self.whole})


def _acted(index: int, item: JsonObject, script: Mapping[str, object], key: ScoreKey) -> list[Draft]:
    at: JsonObject = {"output_index": index}
    places: Mapping[str, JsonObject] = {"item": {"item_id": item["id"], **at}, "output": at, "response": {}}
    events = grammar_of(item["type"]).events(item, Play(key.pace.chunk, script, key.shaping))
    return [draft._replace(fields={**places[draft.place], **draft.fields}) for draft in events]


_KEEPALIVE = Draft("keepalive", {})
"""In no SDK union, but on the wire (WIRE.md §4 "Framing"): it takes a sequence number like any other."""


def _timed(drafts: list[Draft], key: ScoreKey) -> Iterator[tuple[float, Draft]]:
    """Each delta at its own time; everything else together with what went before it."""
    dues = iter(key.pace.offsets(sum(draft.is_delta for draft in drafts), key.seed.encode()))
    now = 0.0
    for draft in drafts:
        due = next(dues) if draft.is_delta else now
        while 0.0 < key.pace.keepalive_s < due - now:
            now += key.pace.keepalive_s
            yield now, _KEEPALIVE
        now = due
        yield now, draft
    while 0.0 < key.pace.keepalive_s < key.pace.first_s - now:  # the first wait passes where there is no delta, too
        now += key.pace.keepalive_s
        yield now, _KEEPALIVE


def _numbered(timed: Iterable[tuple[float, Draft]], key: ScoreKey) -> Iterator[Note]:
    for number, (offset, draft) in enumerate(timed, key.first_sequence):
        fields: Mapping[str, object] = {**draft.fields, "sequence_number": number}
        if draft.is_obfuscated and key.is_obfuscated:
            fields = {**fields, "obfuscation": obfuscation(str(draft.fields["delta"]), number)}
        name = draft.type if draft is _KEEPALIVE else f"response.{draft.type}"
        yield Note(offset, name, encode_data(name, fields))


def _blocks(notes: Iterable[Note]) -> Iterator[Block]:
    """Events due together, framed and joined."""
    for due, together in groupby(notes, key=lambda note: note.offset_s):
        framed = [frame(note.type, note.data) for note in together]
        yield Block(due, b"".join(framed), len(framed))
