"""How near a step came: rows, their order, and where long texts part."""

import pytest

from mockapi.scenario.context import NEW_CONTEXT
from mockapi.scenario.load import load_text
from mockapi.scenario.match import Facts
from mockapi.scenario.nearness import Row, compare, diff_of, lines_of
from mockapi.scenario.select import Candidate, unmatched_message
from mockapi.wire.parse import parse_create

LONG = "You are a careful assistant who answers questions about the weather in Europe and never makes up numbers."


def facts(body, headers=None):
    request = parse_create({"model": "m", **body})
    return Facts(request, body, headers or {}, NEW_CONTEXT.with_items(request.input_items))


def rows(when, body, headers=None):
    (step,) = load_text(f"steps: [{{when: {when}, reply: x}}]").steps
    return compare(step.criteria, facts(body, headers))


CALL = {"type": "function_call", "call_id": "c", "name": "look_up", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "c", "output": "21"}

GOT = [
    ("{model: gpt-*}", {"input": "x"}, Row("model", False, "'gpt-*'", "'m'")),
    ("{model: m}", {"input": "x"}, Row("model", True, "'m'", "'m'")),
    ("{input: paris}", {"input": "In Paris?"}, Row("input", True, "containing 'paris'", "'In Paris?'")),
    ("{input: paris}", {"input": [CALL, OUTPUT]}, Row("input", False, "containing 'paris'", "tool outputs and no user message after them (name `tool_output` to match such a turn)")),
    ("{tool_output: look_up}", {"input": [CALL, OUTPUT]}, Row("tool_output", True, "'look_up'", '["look_up"]')),
    ("{tool_output: other}", {"input": [CALL, OUTPUT]}, Row("tool_output", False, "'other'", '["look_up"]')),
    ("{approval: true}", {"input": "x"}, Row("approval", False, "true", "no approval")),
    ("{turn: 2}", {"input": [CALL, OUTPUT]}, Row("turn", True, "2", "2")),
    ("{instructions: be kind}", {"input": "x"}, Row("instructions", False, "containing 'be kind'", "nothing")),
    ("{tools: [t]}", {"input": "x", "tools": [{"type": "function", "name": "t", "parameters": None, "strict": False}]}, Row("tools", True, '["t"]', '["function","t"]')),
    ("{stream: true}", {"input": "x"}, Row("stream", False, "true", "false")),
    ("{previous_response: true}", {"input": "x"}, Row("previous_response", False, "true", "none")),
    ("{metadata: {a: b}}", {"input": "x", "metadata": {"a": "b", "c": "d"}}, Row("metadata", True, '{"a":"b"}', '{"a":"b","c":"d"}')),
    ("{headers: {x-a: b}}", {"input": "x"}, Row("headers.x-a", False, "containing 'b'", "nothing")),
    ("{body: {/input: x}}", {"input": "x"}, Row("body/input", True, "containing 'x'", "'x'")),
    ("{body: {/top_p: 1}}", {"input": "x"}, Row("body/top_p", False, "1", "nothing")),
]  # fmt: skip


@pytest.mark.parametrize(("when", "body", "row"), GOT)
def test_a_row_tells_wanted_and_got(when, body, row):
    assert rows(when, body) == [row]


def test_what_fails_stands_first():
    assert [(row.field, row.holds) for row in rows("{model: m, input: a, stream: true}", {"input": "a"})] == [
        ("stream", False),
        ("model", True),
        ("input", True),
    ]


def test_long_texts_show_where_they_part():
    (row,) = rows(f"{{instructions: '{LONG}'}}", {"input": "x", "instructions": "Hello. " + LONG.replace("Europe", "Asia")})
    assert row.lines[1:] == [
        "    wanted: You are a careful …about the weather in [Europe] and never makes up numbers.",
        "    got:    …You are a careful …about the weather in [Asia] and never makes up numbers.",
    ]


DIFFS = [
    ("short", "texts", ()),
    (LONG, "Nothing of that kind was ever said by anybody in this whole conversation of ours, was it?", ()),
    (LONG, LONG.replace("never", "always"), ("[never]", "[always]")),
    (LONG, LONG.replace("careful ", ""), ("careful", "[]")),
    (LONG, LONG.replace("weather in", "weather\nin"), ("[ ]", "[⏎]")),
]


@pytest.mark.parametrize(("wanted", "got", "marks"), DIFFS)
def test_a_diff_marks_what_differs(wanted, got, marks):
    lines = diff_of(wanted, got)
    assert bool(lines) == bool(marks)
    assert all(mark in line for mark, line in zip(marks, lines, strict=bool(marks)))


def test_a_diff_of_huge_texts_stays_small():
    lines = diff_of("the end " * 200_000, "the beginning " * 200_000)
    assert all(len(line) < 500 for line in lines)


FAR = "Number one is followed by number two. " * 60  # many more words than are compared at once


@pytest.mark.parametrize(
    ("wanted", "got"),
    [
        (f"{FAR}Be brief.", f"{FAR}Be long."),
        (f"{FAR}Be brief. {FAR}", f"Hello. {FAR}Be long. {FAR}"),
        (f"{FAR}{FAR}Be brief.", f"{FAR}{FAR}Be long."),
    ],
)
def test_a_difference_far_into_long_texts_is_found(wanted, got):
    left, right = diff_of(wanted, got)
    assert "Be [brief]." in left
    assert "Be [long]." in right
    assert len(left) < 200


def test_a_text_that_breaks_off_is_told():
    left, right = diff_of(f"{FAR}Be brief.", FAR)
    assert left.endswith("two. [Be brief.]")
    assert right.endswith("two. []")


def test_texts_that_differ_in_case_alone():
    assert "BRIEF" in diff_of(f"{LONG} Be brief.", f"{LONG} Be BRIEF.")[1]
    assert "[BRIEF]" in diff_of(f"{FAR}Be brief.", f"{FAR}Be BRIEF.")[1]
    assert diff_of(LONG, LONG) == diff_of(FAR, FAR) == ()


def test_a_script_names_the_step_that_waits():
    script = load_text("mode: script\nsteps: [{name: a, when: {input: a}, reply: x}, {name: b, when: {input: b}, reply: x}]", "s")
    message = unmatched_message([Candidate(script, {})], facts({"input": "b"}))
    assert message.splitlines()[2:] == [
        "- s, a (s:2):",
        "    ✗ input: wanted containing 'a', got 'b'",
        "- s, b (s:2):",
        "    ✗ order: wanted its turn in the script, got the turn of 'a'",
        "    ✓ input: wanted containing 'b', got 'b'",
    ]
    over = unmatched_message([Candidate(script, {0: 1, 1: 1})], facts({"input": "b"}))
    assert "✗ times: wanted at most 1 use, got 1 use already: it is used up" in over


def test_a_chance_that_did_not_fire_is_told():
    scenario = load_text("steps: [{chance: 0.0, reply: x}]", "s")
    assert "✗ chance: wanted a chance of 0 to fire, got it did not" in unmatched_message(
        [Candidate(scenario, {})], facts({"input": "b"})
    )


def test_lines_are_indented():
    assert lines_of([Row("a", False, "b", "c", ("wanted: d",))], "  ") == ["  ✗ a: wanted b, got c", "      wanted: d"]
