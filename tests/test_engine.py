"""Properties of the engine: one plan, several readings that agree."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockapi.engine.items import Cut, ImageSettings, Shaping
from mockapi.engine.pace import Pace, split_text
from mockapi.engine.plan import Background, Ending, Plan, Progress
from mockapi.engine.score import ScoreKey, compose, score_of
from mockapi.engine.timeline import Timeline, state_at
from mockapi.scenario.forms import draft_of, long_item
from mockapi.wire.json import dumps
from mockapi.wire.objects import Usage, echo_request
from mockapi.wire.requests import CreateRequest


def as_draft(item):
    return draft_of(long_item(item))


texts = st.text(max_size=60)
items = st.one_of(
    st.builds(lambda text: {"message": text}, texts),
    st.builds(lambda text: {"refusal": text}, texts),
    st.builds(lambda parts: {"message": {"content": [{"text": part} for part in parts]}}, st.lists(texts, max_size=3)),
    st.builds(lambda parts: {"reasoning": {"summary": parts}}, st.lists(texts, max_size=3)),
    st.builds(lambda text: {"function_call": {"name": "f", "arguments": {"a": text}}}, texts),
    st.builds(lambda text: {"custom_tool_call": {"name": "c", "input": text}}, texts),
    st.builds(lambda text: {"code_interpreter_call": {"code": text, "outputs": text}}, texts),
    st.builds(lambda commands: {"shell_call": {"commands": commands}}, st.lists(texts, max_size=3)),
    st.builds(lambda texts: {"shell_call_output": {"output": [{"stdout": text} for text in texts]}}, st.lists(texts, max_size=3)),
    st.builds(lambda text: {"apply_patch_call": {"operation": {"type": "create_file", "path": "a", "diff": text}}}, texts),
    st.builds(lambda text: {"mcp_call": {"name": "f", "server_label": "s", "arguments": text, "output": text}}, texts),
    st.builds(
        lambda text, count: {"image_generation_call": {"revised_prompt": text, "partial_images": count}}, texts, st.integers(0, 2)
    ),
    st.sampled_from(
        [
            {"web_search_call": "q"},
            {"file_search_call": "q"},
            {"mcp_list_tools": {"server_label": "s"}},
            {"program": "f()"},
            {"function_call": {"name": "f", "arguments": {}, "caller": "program"}},
            {"compaction": {"compacting": 1}},
            {"type": "unheard_of", "anything": [1]},
        ]
    ),
)
drafts = st.lists(items, max_size=4).map(lambda each: dumps([as_draft(item) for item in each]))
chunks = st.one_of(st.sampled_from(["words", "tokens", "chars"]), st.integers(1, 9))
paces = st.builds(
    Pace,
    first_s=st.floats(0, 3),
    interval_s=st.sampled_from([0.0, 0.02, 0.5]),
    chunk=chunks,
    jitter=st.sampled_from([0.0, 0.5, 1.0]),
)
endings = st.sampled_from(
    [
        Ending(),
        Ending("failed", {"type": "server_error", "code": "server_error", "message": "m", "param": None}),
        Ending("incomplete", reason="max_output_tokens"),
    ]
)
backgrounds = st.one_of(
    st.none(), st.builds(Background, queued_s=st.sampled_from([0.0, 2.0]), in_progress_s=st.sampled_from([0.0, 8.0]))
)


@st.composite
def plans(draw):
    pace, ending, background = draw(paces), draw(endings), draw(backgrounds)
    shaping = Shaping(
        has_logprobs=draw(st.booleans()),
        is_encrypted=draw(st.booleans()),
        include=draw(st.sampled_from([(), ("code_interpreter_call.outputs", "web_search_call.action.sources")])),
        one_call=draw(st.booleans()),
        most_hosted=draw(st.sampled_from([None, 1])),
        image=ImageSettings(partial_images=draw(st.integers(0, 1))),
        chunk=pace.chunk,
        cut=Cut(draw(st.sampled_from([None, 3]))) if ending.status == "incomplete" else None,
    )
    key = ScoreKey(
        shaping=shaping,
        pace=pace,
        is_obfuscated=draw(st.booleans()),
        first_sequence=3 if background else 2,
        seed="s" if pace.jitter else "",
    )
    request = CreateRequest(model="gpt-4o", input="x", background=background is not None)
    return Plan(
        digest=draw(st.binary(min_size=32, max_size=32)),
        started_at=1_767_225_600.0,
        echo=echo_request(request),
        drafts=draw(drafts),
        key=key,
        usage=Usage(1, 2, 0),
        ending=ending,
        background=background,
    )


def fold(events):
    """An accumulator of our own: what a careful client makes of a stream, by output index."""
    output, last = {}, None
    for event in events:
        data = json.loads(event.data)
        if data["type"] == "response.output_item.done":
            output[data["output_index"]] = data["item"]
        if "response" in data:
            last = data["response"]
    return last, output


@given(plans())
def test_the_last_snapshot_equals_the_fold_at_the_end(plan):
    timeline = Timeline(plan)
    last, output = fold(timeline.events())
    final = json.loads(timeline.body_at(timeline.ends_s))
    final.pop("billing")
    assert last == final
    assert {index: last["output"][index] for index in output} == output
    without = [item["type"] for index, item in enumerate(last["output"]) if index not in output]
    assert set(without) <= {"mcp_list_tools"}  # of several in a row only the last is done (docs/deviations.md)
    assert last["status"] == plan.ending.status


WHOLE = ("text", "refusal", "arguments", "input", "code", "diff", "command")


@given(plans())
def test_deltas_add_up_to_what_done_says(plan):
    texts: dict = {}
    for event in Timeline(plan).events():
        data = json.loads(event.data)
        places = ("output_index", "content_index", "summary_index", "command_index")
        place = (data["type"].rpartition(".")[0], *(data.get(key) for key in places))
        if data["type"].endswith(".delta") and isinstance(data["delta"], str):
            texts[place] = texts.get(place, "") + data["delta"]
        elif data["type"].endswith(".delta"):
            texts[place] = data["delta"]["stdout"]
        elif data["type"] == "response.shell_call_output_content.done":
            assert texts.get(place, "") == data["output"][0]["stdout"]
        elif data["type"].endswith(".done") and (key := next((key for key in WHOLE if key in data), None)):
            assert texts.get(place, "") == data[key]


@given(plans())
def test_offsets_are_sorted_and_numbers_contiguous(plan):
    events = list(Timeline(plan).events())
    offsets = [event.offset_s for event in events]
    assert offsets == sorted(offsets)
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert [json.loads(event.data)["sequence_number"] for event in events] == list(range(len(events)))


@given(plans(), st.integers(-1, 200))
def test_events_up_to_n_plus_events_after_n_are_all_events(plan, n):
    timeline = Timeline(plan)
    everything = list(timeline.events())
    assert everything[: n + 1] + list(timeline.events(after=n)) == everything


@given(plans())
def test_pieces_are_the_framed_events(plan):
    timeline = Timeline(plan)
    pieces = list(timeline.pieces())
    assert b"".join(piece.data for piece in pieces) == b"".join(event.framed for event in timeline.events())
    assert [piece.last for piece in pieces] == sorted({piece.last for piece in pieces})
    assert pieces[-1].last == len(list(timeline.events())) - 1
    offsets = [piece.offset_s for piece in pieces]
    assert offsets == sorted(set(offsets))


ORDER = {"queued": 0, "in_progress": 1, "completed": 2, "failed": 2, "incomplete": 2}


@given(plans(), st.lists(st.floats(0, 40), min_size=2, max_size=12))
def test_status_never_goes_back(plan, moments):
    timeline = Timeline(plan)
    seen = [ORDER[timeline.status_at(moment)] for moment in sorted(moments)]
    assert seen == sorted(seen)
    assert timeline.status_at(timeline.ends_s) == plan.ending.status


@given(plans())
def test_a_plan_survives_the_store_with_the_same_bytes(plan):
    again = Plan.from_bytes(plan.to_bytes())
    assert again == plan
    assert [event.data for event in Timeline(again).events()] == [event.data for event in Timeline(plan).events()]


@given(drafts, paces)
def test_same_seed_same_bytes(draft, pace):
    key = ScoreKey(pace=pace, seed="seed")
    assert compose(draft, key) == compose(bytes(bytearray(draft)), key) == score_of(draft, key)


@given(texts, chunks)
def test_chunks_join_to_the_text(text, chunk):
    pieces = split_text(text, chunk)
    assert "".join(pieces) == text
    assert all(pieces)


@given(st.text(alphabet="@#0123 x", max_size=30))
def test_text_that_looks_like_a_slot_is_left_alone(text):
    score = score_of(dumps([as_draft({"message": text})]), ScoreKey())
    plan = Plan(
        b"d" * 32, 0.0, echo_request(CreateRequest(model="m", input="x")), dumps([as_draft({"message": text})]), ScoreKey(), {}
    )
    item = json.loads(Timeline(plan, score).output)[0]
    assert item["content"][0]["text"] == text
    assert item["id"].startswith("msg_")


def make_plan(**options):
    request = CreateRequest(model="gpt-4o", input="x")
    draft = dumps([as_draft({"message": "one two three"})])
    return Plan(b"d" * 32, 100.0, echo_request(request), draft, options.pop("key", ScoreKey()), {}, **options)


def test_a_foreground_response_is_visible_once_delivered():
    plan = make_plan()
    assert state_at(plan, Progress(), 1000.0) is None
    assert state_at(plan, Progress(cut="hung_up"), 1000.0) is None
    assert json.loads(state_at(plan, Progress(is_delivered=True), 100.0))["status"] == "completed"


def test_a_background_response_goes_through_its_states():
    plan = make_plan(background=Background(2, 8), key=ScoreKey(first_sequence=3))
    states = [json.loads(state_at(plan, Progress(), 100.0 + s)) for s in (0, 1.9, 2, 9.9, 10, 99)]
    assert [state["status"] for state in states] == ["queued", "queued", "in_progress", "in_progress", "completed", "completed"]
    assert [bool(state["output"]) for state in states] == [False, False, False, False, True, True]
    assert states[-1]["completed_at"] == 110


def test_pace_places_deltas():
    pace = Pace(first_s=0.5, interval_s=0.1)
    assert pace.offsets(3) == pytest.approx([0.5, 0.6, 0.7])
    jittered = Pace(first_s=0.5, interval_s=0.1, jitter=0.2).offsets(50, b"seed")
    steps = [after - before for before, after in itertools.pairwise(jittered)]
    assert all(0.08 - 1e-9 <= step <= 0.12 + 1e-9 for step in steps)
    assert len(set(steps)) > 10


@pytest.mark.parametrize(
    ("item", "field", "tokens", "expected"),
    [
        ({"message": "one two three four"}, "text", None, "one two t"),
        ({"message": "one two three four"}, "text", 2, "one two"),
        ({"message": "one two"}, "text", 16, "one"),
        ({"custom_tool_call": {"name": "c", "input": "abcd"}}, "input", None, "ab"),
        ({"function_call": {"name": "c", "arguments": "abcd"}}, "arguments", None, "ab"),
    ],
)
def test_an_incomplete_response_cuts_its_last_item(item, field, tokens, expected):
    drafts = dumps([as_draft({"message": "whole"}), as_draft(item)])
    first, last = score_of(drafts, ScoreKey(shaping=Shaping(cut=Cut(tokens)))).finished.items
    assert (first["status"], last["status"]) == ("completed", "incomplete")
    assert (last["content"][0] if "content" in last else last)[field] == expected
