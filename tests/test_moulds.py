"""Forms say what the timeline says: a response made by filling in is the one that is rendered."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockapi.engine.mould import _answer, _stream
from mockapi.engine.plan import Plan
from mockapi.engine.timeline import Timeline
from mockapi.wire.json import dumps

from .test_service import create, make

REPLIES = {
    "a message": "hello",
    "per cent": "100% %b %s %d",
    "nothing": "''",
    "several items": "[{reasoning: hm}, {web_search_call: news}, {message: one two}, {function_call: {name: f, arguments: {a: 1}}}]",
    "scripted ids": "[{message: {id: msg_mine, text: hi}}, {message: ho}]",
    "what looks like a second": "4115226307 and 4115239413",
    "what looks like a slot": "'@0#0@ @1#0@'",
    "a scripted response id": "{id: resp_mine, output: hi}",
    "scripted usage": "{usage: {input_tokens: 5}, output: hi}",
    "overrides": "{metadata: {a: '1'}, output: hi}",
    "containers": "[{code_interpreter_call: {code: x}}, {code_interpreter_call: {code: y}}]",
}
PACES = {"at once": "", "slowly": "pace: {first: 1.5s, rate: 7/s},"}
BODIES = {
    "plain": {},
    "stream": {"stream": True},
    "quiet": {"stream": True, "stream_options": {"include_obfuscation": False}},
    "not stored": {"store": False},
    "included": {"include": ["message.output_text.logprobs"]},
}


async def made(service, body, times=3):
    return [(await create(service, {"model": "gpt-4o", "input": f"{number}", **body})).timeline for number in range(times)]


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("pace", PACES.values(), ids=PACES)
@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES)
def test_every_response_of_a_step_is_what_its_plan_says(reply, pace, body):
    timelines = asyncio.run(made(make(f"steps: [{{{pace} reply: {reply}}}]"), body))
    for timeline in timelines:
        read = Timeline(Plan.from_bytes(timeline.plan.to_bytes()))
        assert (timeline.answer, timeline.stream) == (read.answer, read.stream)
        assert timeline.response_id in timeline.answer.decode()


@settings(deadline=None)
@given(st.text(alphabet='ab %@#0123456789"\\é\n', min_size=1, max_size=60))
def test_any_text(text):
    service = make(f"steps: [{{reply: {dumps({'output': text}).decode()}}}]")
    for timeline in asyncio.run(made(service, {}, 2)):
        read = Timeline(timeline.plan)
        assert (timeline.answer, timeline.stream) == (read.answer, read.stream)


def test_counts_of_each_request_are_its_own():
    service = make("steps: [{reply: hi}]")

    async def run():
        sent = ["one", "one two three four five six", "one"]
        return [(await create(service, {"model": "gpt-4o", "input": text})).timeline for text in sent]

    first, second, third = [Timeline(each.plan).plan.usage["input_tokens"] for each in asyncio.run(run())]
    assert first == third < second


def test_what_is_ready_at_once_has_forms():
    def forms(text):
        *_, third = asyncio.run(made(make(text), {}))
        return [third.mould.form(name, read) is not None for name, read in (("answer", _answer), ("stream", _stream))]

    assert forms("steps: [{reply: hi}]") == [True, True]
    assert forms("steps: [{pace: {first: 1s}, reply: hi}]") == [False, False]
    assert forms("steps: [{reply: at 4115226307}]") == [False, False]
