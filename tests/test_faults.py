"""What a fault makes of an answer: pure, event by event, byte by byte; and what may be written under `fault`."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockapi.engine.faults import BodyFaults, StreamFaults, events_in
from mockapi.engine.reach import unreached
from mockapi.errors import ScenarioError
from mockapi.scenario.faults import FaultForm, Position, fault_of
from mockapi.scenario.load import load_text
from mockapi.wire.events import encode_data, frame
from mockapi.wire.ids import text_of_length

TYPES = ["response.created", "response.output_text.delta", "response.output_text.delta", "keepalive", "response.completed"]
FRAMES = [frame(name, encode_data(name, {"sequence_number": n, "delta": "é" * n})) for n, name in enumerate(TYPES)]
FAILURE = frame("error", b'{"type":"error"}')


def fault(**form):
    return fault_of(FaultForm.model_validate(form))


def streamed(written, frames=FRAMES, *, together=False):
    """(bytes that go out, the other acts in order, what was never reached) of a stream."""
    faults = StreamFaults(written, lambda number: FAILURE + b"%d" % number)
    acts = [act for piece in ([b"".join(frames)] if together else frames) for act in faults.feed(piece)]
    acts += faults.finish()
    return b"".join(act.data for act in acts), [(act.kind, act.seconds) for act in acts if act.kind != "send"], faults.unreached


def joined(*numbers):
    return b"".join(FRAMES[n] for n in numbers)


END, CUT = ("end", 0.0), ("cut", 0.0)
UNKNOWN = frame(
    "response.mock_unknown", b'{"type":"response.mock_unknown","note":"no client knows this event","sequence_number":2}'
)


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize(
    ("form", "out", "acts"),
    [
        ({"disconnect": 2}, joined(0, 1, 2), [CUT]),
        ({"disconnect": "output_text.delta#2"}, joined(0, 1, 2), [CUT]),
        ({"disconnect": "response.output_text.delta"}, joined(0, 1), [CUT]),
        ({"disconnect": "keepalive"}, joined(0, 1, 2, 3), [CUT]),
        ({"disconnect": 2, "reset": True}, joined(0, 1, 2), [CUT]),
        ({"disconnect": {"after_bytes": 10}}, joined(0)[:10], [CUT]),
        ({"disconnect": {"after_bytes": 0}}, b"", [CUT]),
        ({"truncate": 0}, joined(0), [END]),
        ({"truncate": "completed"}, joined(0, 1, 2, 3, 4), [END]),
        ({"stall": {"at": 1, "for": "30s"}}, joined(0, 1, 2, 3, 4), [("wait", 30.0), END]),
        ({"stall": {"at": "1"}}, joined(0, 1, 2, 3, 4), [("wait", None), END]),
        ({"stream_error": {"at": 2}}, joined(0, 1, 2) + FAILURE + b"3", [END]),
        ({"duplicate": 1}, joined(0, 1, 1, 2, 3, 4), [END]),
        ({"reorder": 1}, joined(0, 2, 1, 3, 4), [END]),
        ({"drop": 1}, joined(0, 2, 3, 4), [END]),
        ({"unknown_event": 2}, joined(0, 1) + UNKNOWN + joined(2, 3, 4), [END]),
        ({"drop": 1, "duplicate": 2, "truncate": 3}, joined(0, 2, 2, 3), [END]),
        ({"stall": {"at": 1, "for": "2s"}, "disconnect": 1}, joined(0, 1), [("wait", 2.0), CUT]),
        ({"split_utf8": True}, joined(0, 1, 2, 3, 4), [END]),
        ({"delay": "1s"}, joined(0, 1, 2, 3, 4), [END]),
    ],
    ids=str,
)
def test_a_stream_under_a_fault(form, out, acts, together):
    assert streamed(fault(**form), together=together) == (out, acts, [])


def test_malformed_data_is_the_events_first_half():
    out, acts, _ = streamed(fault(malformed=1))
    whole = json.dumps(json.loads(next(events_in(FRAMES[1])).data), ensure_ascii=False, separators=(",", ":")).encode()
    assert out == joined(0) + b"event: response.output_text.delta\ndata: " + whole[: len(whole) // 2] + b"\n\n" + joined(2, 3, 4)
    assert acts == [END]


@pytest.mark.parametrize(
    ("form", "missed"),
    [
        ({"disconnect": 9}, ["disconnect at 9"]),
        ({"drop": "output_text.delta#3", "stall": {"at": 7, "for": "1s"}}, ["drop at output_text.delta#3", "stall at 7"]),
        ({"corrupt_json": True}, ["corrupt_json: this is a stream"]),
        (
            {"disconnect": {"after_bytes": 10_000}},
            [f"disconnect: the body ended {10_000 - len(joined(0, 1, 2, 3, 4))} bytes before"],
        ),
    ],
)
def test_what_is_never_reached_is_told(form, missed):
    assert streamed(fault(**form)) == (joined(0, 1, 2, 3, 4), [END], missed)


def test_a_resumed_stream_keeps_its_numbers():
    assert streamed(fault(disconnect=3), FRAMES[2:])[0] == joined(2, 3)


def test_a_slow_body_waits_between_its_pieces():
    out, acts, _ = streamed(fault(slow_body="100B/s"), FRAMES[:1])
    pieces = -(-len(FRAMES[0]) // 10)
    assert out == FRAMES[0]
    assert [kind for kind, _ in acts] == ["wait"] * (pieces - 1) + ["end"]
    assert sum(seconds for kind, seconds in acts if kind == "wait") == pytest.approx((pieces - 1) * 10 / 100)


@given(st.text(), st.sampled_from(["1B/s", "2kB/s", None]))
def test_every_character_of_several_bytes_is_torn(text, rate):
    body = text.encode()
    acts = BodyFaults(fault(split_utf8=True, **({"slow_body": rate} if rate else {})), body).acts()
    pieces = [act.data for act in acts if act.kind == "send"]
    assert b"".join(pieces) == body
    cuts = {sum(map(len, pieces[:n])) for n in range(len(pieces))}
    assert {place + 1 for place, byte in enumerate(body) if byte >= 0xC0} <= cuts


BODY = b'{"text":"hello, world"}'
HALF = BODY[: len(BODY) // 2]


@pytest.mark.parametrize(
    ("form", "length", "out", "acts"),
    [
        ({"disconnect": 2}, len(BODY), HALF, [CUT]),
        ({"disconnect": {"after_bytes": 5}}, len(BODY), BODY[:5], [CUT]),
        ({"truncate": 2}, None, HALF, [END]),
        ({"corrupt_json": True}, len(HALF), HALF, [END]),
        ({"malformed": 2}, len(HALF), HALF, [END]),
        ({"stall": {"at": 2, "for": "3s"}}, len(BODY), BODY, [("wait", 3.0), END]),
        ({"split_utf8": True}, len(BODY), BODY, [END]),
    ],
    ids=str,
)
def test_a_json_body_under_a_fault(form, length, out, acts):
    faults = BodyFaults(fault(**form), BODY)
    done = list(faults.acts())
    assert faults.length == length
    assert b"".join(act.data for act in done) == out
    assert [(act.kind, act.seconds) for act in done if act.kind != "send"] == acts
    assert list(faults.unreached) == []


def test_a_json_body_has_no_events():
    faults = BodyFaults(fault(drop=1, reorder=2, duplicate=3, unknown_event=4), BODY)
    assert b"".join(act.data for act in faults.acts()) == BODY
    assert faults.unreached == [f"{name}: this is no stream" for name in ("drop", "duplicate", "reorder", "unknown_event")]


@given(st.sampled_from(["disconnect", "truncate", "duplicate", "drop", "reorder"]), st.integers(0, 6), st.booleans())
def test_everything_before_the_position_goes_out_and_nothing_is_invented(name, number, together):
    out, _, missed = streamed(fault(**{name: number}), together=together)
    before = joined(*range(min(number, len(FRAMES))))
    assert out.startswith(before)
    assert {event.data for event in events_in(out)} <= {event.data for event in events_in(joined(*range(len(FRAMES))))}
    is_idle = number >= len(FRAMES) or (name == "reorder" and number == len(FRAMES) - 1)
    assert missed == ([f"{name} at {number}"] if is_idle else [])


def problems(text):
    with pytest.raises(ScenarioError) as caught:
        load_text(text, "f.yaml")
    return [str(problem) for problem in caught.value.problems]


POSITION = "a position is an event's number (12), or the N-th event of a type (output_text.delta#3)"
WHICH = "say which fault: " + ", ".join(name for name in FaultForm.model_fields if name != "reset")


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("{disconect: 3}", "steps[0].fault.disconect: unknown key; did you mean 'disconnect'?"),
        ("{disconnect: out put}", f"steps[0].fault.disconnect: {POSITION}"),
        ("{disconnect: -1}", f"steps[0].fault.disconnect: {POSITION}"),
        ("{truncate: true}", f"steps[0].fault.truncate: {POSITION}"),
        ("{drop: output_text.delta#0}", f"steps[0].fault.drop: {POSITION}"),
        ("{disconnect: {after_bytes: -1}}", "steps[0].fault.disconnect.after_bytes: Input should be greater than or equal to 0"),
        ("{stall: 3}", "steps[0].fault.stall: expected a mapping, got a number"),
        ("{stall: {at: 3, for: 1}}", "steps[0].fault.stall.for: a duration is written like 250ms, 2s, 10m or 1h30m"),
        ("{timeout: 3}", "steps[0].fault.timeout: expected true or a duration, got a number"),
        ("{slow_body: 0B/s}", "steps[0].fault.slow_body: a rate of bytes is written like 100B/s, 2kB/s or 1MB/s"),
        ("{html_error: 200}", "steps[0].fault.html_error: Input should be greater than or equal to 400"),
        (
            "{bad_json: invalit}",
            "steps[0].fault.bad_json: expected 'invalid', 'missing_key' or 'wrong_type', got 'invalit'; did you mean 'invalid'?",
        ),
        ("{}", f"steps[0].fault: {WHICH}"),
        ("{reset: true}", f"steps[0].fault: {WHICH}"),
        ("{delay: 1s, reset: true}", "steps[0].fault: reset tells how disconnect drops the connection: give disconnect too"),
        (
            "{timeout: true, truncate: 3}",
            "steps[0].fault: with timeout the client sees nothing else of the answer: only delay may stand beside it",
        ),
        (
            "{html_error: 502, slow_body: 1B/s}",
            "steps[0].fault: with html_error the client sees nothing else of the answer: only delay may stand beside it",
        ),
        ("3", "steps[0].fault: expected a fault's name or a mapping, got a number"),
    ],
)
def test_a_wrong_fault_is_refused_with_its_place(written, problem):
    (told,) = problems(f"steps:\n  - {{fault: {written}}}")
    assert told.startswith("f.yaml:2:")
    assert told.split(": ", 1)[1] == problem


def test_spoiled_answers_are_the_models():
    (problem,) = problems("steps: [{when: {endpoint: responses.retrieve}, fault: {bad_json: invalid}}]")
    assert problem.endswith("bad_tool_call and bad_json spoil what a model says: they are for responses.create alone")


WORDS = "reply: one two three four"
HALF = " (in a stream; of a JSON body it is the half)"
PICTURE, CALL = "reply: [{image_generation_call: {}}]", "reply: [{mcp_call: {server_label: s, name: n}}]"
JITTER = "pace: {rate: 1/s, jitter: 90%, keepalive: 1s}"


@pytest.mark.parametrize(
    ("step", "idle"),
    [
        (f"{WORDS}, fault: {{truncate: output_text.delta#4}}", []),
        (f"{WORDS}, fault: {{truncate: output_text.delta#5}}", [f"truncate at output_text.delta#5{HALF}"]),
        (f"{WORDS}, fault: {{truncate: reasoning_text.delta}}", [f"truncate at reasoning_text.delta#1{HALF}"]),
        (f"{WORDS}, fault: {{truncate: completed}}", []),
        (f"{WORDS}, fault: {{truncate: 12}}", []),  # of a background stream
        (f"{WORDS}, fault: {{truncate: 40}}", [f"truncate at 40{HALF}"]),
        (f"{WORDS}, incomplete: content_filter, fault: {{drop: output_text.delta#4}}", ["drop at output_text.delta#4"]),
        (f"{WORDS}, fail: server_error, fault: {{drop: completed}}", ["drop at completed#1"]),
        (f"{WORDS}, fail: server_error, fault: {{drop: failed}}", []),
        (f"{WORDS}, fault: {{stream_error: {{at: 5}}, disconnect: 8}}", [f"disconnect at 8{HALF}"]),
        (f"{WORDS}, fault: {{truncate: 3, disconnect: 5}}", [f"disconnect at 5{HALF}"]),
        (f"{WORDS}, fault: {{reorder: completed}}", ["reorder at completed#1"]),
        (f"{WORDS}, fault: {{drop: keepalive}}", ["drop at keepalive#1"]),
        (f"{WORDS}, pace: {{first: 5s, keepalive: 1s}}, fault: {{drop: keepalive}}", []),
        (f"{WORDS}, when: {{stream: false}}, fault: {{drop: 3}}", ["drop: this is no stream"]),
        (f"{WORDS}, when: {{stream: true}}, fault: corrupt_json", ["corrupt_json: this is a stream"]),
        (f"{WORDS}, fault: corrupt_json", []),
        (f"{WORDS}, fault: bad_json", ["bad_json: there is nothing of that kind in the reply"]),
        ("error: server_error, fault: {drop: 3}", ["drop: this is no stream"]),
        ("error: server_error, fault: {stream_error: {at: 3}}", ["stream_error: the answer is an error already"]),
        ("when: {endpoint: conversations.create}, fault: {drop: 3}", ["drop: this is no stream"]),
        ("when: {endpoint: responses.retrieve}, fault: {drop: 3}", []),
        ("reply: '{{ input }}', fault: {truncate: 99}", []),
        ("fault: {drop: 99}", []),
        ("reply: [{reasoning: hm}], fault: {drop: reasoning_summary_text.delta}", []),
        # What a request can add: partial pictures, an approval, a compaction item, room for more tokens, longer waits.
        (f"{PICTURE}, fault: {{drop: image_generation_call.partial_image#3}}", []),
        (f"{PICTURE}, fault: {{drop: image_generation_call.partial_image#4}}", ["drop at image_generation_call.partial_image#4"]),
        (f"{CALL}, fault: {{drop: mcp_call.in_progress#2}}", []),
        (f"{WORDS}, fault: {{drop: output_item.added#2}}", []),
        (f"{WORDS}, incomplete: max_output_tokens, fault: {{drop: output_text.delta#4}}", []),
        (f"{WORDS}, incomplete: max_output_tokens, fault: {{drop: incomplete}}", []),
        (f"{WORDS}, {JITTER}, fault: {{drop: keepalive#3}}", []),
        (f"{WORDS}, {JITTER}, fault: {{drop: keepalive#4}}", ["drop at keepalive#4"]),
        (
            "reply: [{mcp_call: {server_label: s, name: n}}, {mcp_call: {server_label: s, name: n}}], "
            "fault: {truncate: output_item.added#2, drop: completed}",
            [],
        ),
        ("reply: [{json: [1]}], fault: {bad_json: wrong_type}", ["bad_json: there is nothing of that kind in the reply"]),
        # A glob that holds for creates too.
        (f"{WORDS}, when: {{endpoint: 'responses.c*'}}, fault: {{drop: output_text.delta#4}}", []),
        (f"{WORDS}, when: {{endpoint: 'responses.c*'}}, fault: {{drop: output_text.delta#5}}", ["drop at output_text.delta#5"]),
        ("when: {endpoint: 'responses.r*'}, fault: {drop: 3}", []),
    ],
)
def test_check_warns_of_faults_that_have_nothing_to_act_on(step, idle):
    found = [str(problem) for problem in unreached(load_text(f"steps:\n  - {{{step}}}", "f.yaml"))]
    assert found == [f"f.yaml:2:1: steps[0].fault: never reached: {what}" for what in idle]


def test_a_swapped_event_keeps_what_comes_behind_it():
    assert streamed(fault(reorder=1, truncate=1)) == (joined(0, 2, 1), [END], [])
    assert streamed(fault(reorder=1, stall={"at": 1, "for": "2s"}, disconnect=2)) == (joined(0, 2, 1), [CUT], [])
    assert streamed(fault(reorder=4))[2] == ["reorder at 4"]


def test_a_position_reads_as_it_is_written():
    assert (str(Position(3)), str(Position(None, "error", 2)), text_of_length(b"x", 0)) == ("3", "error#2", "")
