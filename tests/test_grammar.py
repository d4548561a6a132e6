"""Event order and keys equal the facts read off real recordings (tests/facts/event_grammar.json)."""

import json
import re
from pathlib import Path

import pytest

from .conftest import parse_sse

FACTS = json.loads((Path(__file__).parent / "facts" / "event_grammar.json").read_text())
SUPPORTED = {"message", "reasoning", "function_call"}

# Recorded item shapes that are not compared, each with its reason.
NOT_COMPARED = {
    ("openai-phase.1", 2): "trimmed by its authors: deltas without logprobs and obfuscation",
    ("openai-phase.1", 8): "trimmed by its authors: deltas without logprobs and obfuscation",
    ("programmatic-tool-calling.1", 6): "called by a program: one delta and status in_progress come with a later release",
}


def recorded_items():
    """(stream, index of its first event, events) of every recorded item of a supported type."""
    for name, events in FACTS.items():
        index = 0
        while index < len(events):
            event = events[index]
            if event[0] == "response.output_item.added" and event[2] in SUPPORTED:
                end = next(n for n in range(index, len(events)) if events[n][0] == "response.output_item.done")
                yield name, index, events[index : end + 1]
                index = end
            index += 1


def collapsed(events):
    """Runs of equal events become one: how many deltas a text has is the model's affair."""
    kept = []
    for event in events:
        plain = [part for part in event if not (isinstance(part, str) and part[:1] == "x" and part[1:].isdigit())]
        if not kept or kept[-1] != plain:
            kept.append(plain)
    return kept


def shape(data):
    keys = [data["type"], sorted(data)]
    return [*keys, data["item"]["type"], sorted(data["item"])] if "item" in data else keys


REPLIES = """
steps:
  - when: {input: {equals: plain}}
    reply: Just a few words.
  - when: {input: {equals: phased}}
    reply: [{message: {text: Just a few words., phase: final_answer}}]
  - when: {input: {equals: empty}}
    reply: ""
  - when: {input: {equals: cited once}}
    reply:
      - message:
          text: One fact here. And more words.
          annotations: [{type: file_citation, file_id: file-1, filename: a.txt, index: 14}]
  - when: {input: {equals: cited twice}}
    reply:
      - message:
          text: One fact here. Two facts here. And more words.
          annotations:
            - {type: url_citation, start_index: 0, end_index: 14, title: A, url: "https://a.example"}
            - {type: url_citation, start_index: 15, end_index: 30, title: B, url: "https://b.example"}
  - when: {input: {equals: cited many}}
    reply:
      - message:
          text: {words}
          annotations:
{many}
  - when: {input: {equals: cited at the end}}
    reply:
      - message:
          text: A fact.
          annotations: [{type: url_citation, start_index: 0, end_index: 7, title: A, url: "https://a.example"}]
  - when: {input: {equals: silent thought}}
    reply: [{reasoning: {}}]
  - when: {input: {equals: a thought}}
    reply: [{reasoning: First I think a bit.}]
  - when: {input: {equals: two thoughts}}
    reply: [{reasoning: {summary: [First I think., Then I think again.]}}]
  - when: {input: {equals: many thoughts}}
    reply: [{reasoning: {summary: [One a., Two b., Three c., Four d., Five e., Six f.]}}]
  - when: {input: {equals: call}}
    reply: [{function_call: {name: f, arguments: {a: 1, b: two words}}}]
  - when: {input: {equals: call in a namespace}}
    reply: [{function_call: {name: f, arguments: {a: 1, b: two words}, namespace: n}}]
"""


def _many(count):
    line = "            - {{type: url_citation, start_index: {}, end_index: {}, title: A, url: 'https://a.example'}}"
    return "\n".join(line.format(n, n + 1) for n in range(0, 2 * count, 2))


@pytest.fixture
def our_shapes(serve):
    """Collapsed shapes of our items, as JSON texts, with and without encrypted reasoning and for a model that always has it."""
    web_search = [event[0] for event in FACTS["openai-web-search-tool.1"]]
    citations = web_search.count("response.output_text.annotation.added")
    words = " ".join("abcdefghijklmnopqrstuvwxyz"[: citations + 1])
    server = serve(REPLIES.replace("{many}", _many(citations)).replace("{words}", words))
    inputs = re.findall(r"equals: ([a-z ]+)", REPLIES)
    shapes = {}
    for text in inputs:
        for model, include in (("gpt-4o", []), ("gpt-5", ["reasoning.encrypted_content"]), ("gpt-5.6", [])):
            body = {"model": model, "input": text, "stream": True, "include": include}
            events = [shape(data) for _, data in parse_sse(server.post(body).text)]
            inner = events[2:-1]
            shapes.setdefault(json.dumps(collapsed(inner)), text)
    return shapes


def test_every_recorded_item_shape_is_reproduced(our_shapes):
    missing = {}
    compared = 0
    for name, index, events in recorded_items():
        if (name, index) in NOT_COMPARED:
            continue
        compared += 1
        wanted = collapsed(events)
        if json.dumps(wanted) not in our_shapes:
            missing[name, index] = wanted
    assert compared > 30
    assert not missing, "\n".join(f"{where}: {[event[0] for event in wanted]} {wanted[0]}" for where, wanted in missing.items())


def test_exceptions_are_still_in_the_facts():
    recorded = {(name, index) for name, index, _ in recorded_items()}
    assert set(NOT_COMPARED) <= recorded


def types_and_keys(stream):
    return [[data["type"], sorted(data)] for _, data in parse_sse(stream)]


def test_a_whole_stream_of_reasoning_and_a_call(serve):
    """The first stream of the recording, with as many words as it has deltas."""
    recorded = FACTS["openai-reasoning-encrypted-content.1"]
    recorded = recorded[: [event[0] for event in recorded].index("response.completed") + 1]
    counts = [int(event[-1][1:]) for event in recorded if isinstance(event[-1], str) and event[-1].startswith("x")]
    server = serve(
        f"""
steps:
  - reply:
      - reasoning: {" ".join(["word"] * counts[0])}
      - function_call: {{name: f, arguments: "{" ".join(["x"] * counts[1])}"}}
"""
    )
    body = {"model": "gpt-5.1-codex-max", "input": "x", "stream": True, "include": ["reasoning.encrypted_content"]}
    ours = [shape(data) for _, data in parse_sse(server.post(body).text)]
    theirs = []
    for event in recorded:
        run = isinstance(event[-1], str) and event[-1].startswith("x") and event[-1][1:].isdigit()
        theirs += [event[:-1]] * int(event[-1][1:]) if run else [event]
    assert ours == theirs


def test_a_failing_stream_is_the_recorded_one(serve):
    server = serve("steps: [{fail: insufficient_quota}]")
    events = parse_sse(server.post({"model": "gpt-4o", "input": "x", "stream": True}).text)
    assert [[data["type"], sorted(data)] for _, data in events] == [event[:2] for event in FACTS["openai-error.1"]]
    error = events[2][1]["error"]
    assert list(error) == ["type", "code", "message", "param"]
    assert (error["type"], error["code"], error["param"]) == ("insufficient_quota", "insufficient_quota", None)
    failed = events[3][1]["response"]
    assert failed["status"] == "failed"
    assert failed["error"] == {"code": "insufficient_quota", "message": error["message"]}
    assert (failed["usage"], failed["service_tier"], failed["output"], failed["completed_at"]) == (None, "auto", [], None)


def test_key_order_on_the_wire(serve):
    """Bodies: id, object, created_at, status, then alphabetical, then usage, user, metadata (WIRE.md §2)."""
    body = serve("steps: [{reply: hi}]").post({"model": "gpt-4o", "input": "x"}).json()
    keys = list(body)
    assert keys[:4] == ["id", "object", "created_at", "status"]
    assert keys[4:-3] == sorted(keys[4:-3])
    assert keys[-3:] == ["usage", "user", "metadata"]
    assert list(body["output"][0]) == ["id", "type", "status", "content", "role"]
    assert list(body["output"][0]["content"][0]) == ["type", "annotations", "logprobs", "text"]


LOGPROBS = {
    "model": "gpt-4o",
    "input": "x",
    "include": ["message.output_text.logprobs"],
    "top_logprobs": 2,
}


def test_logprobs_in_a_stream(serve):
    """WIRE.md §4: one entry a token on deltas, all on done, none on the part, rounded on the item."""
    server = serve("steps: [{reply: one two three}]")
    events = [data for _, data in parse_sse(server.post({**LOGPROBS, "stream": True}).text)]
    deltas = [event for event in events if event["type"] == "response.output_text.delta"]
    assert [len(delta["logprobs"]) for delta in deltas] == [1, 1, 1]
    assert [delta["logprobs"][0]["token"] for delta in deltas] == [delta["delta"] for delta in deltas]
    assert all(len(delta["logprobs"][0]["top_logprobs"]) == 2 for delta in deltas)
    (done,) = [event for event in events if event["type"] == "response.output_text.done"]
    assert done["logprobs"] == [delta["logprobs"][0] for delta in deltas]
    (part,) = [event for event in events if event["type"] == "response.content_part.done"]
    assert part["part"]["logprobs"] == []
    (item,) = [event for event in events if event["type"] == "response.output_item.done"]
    rounded = item["item"]["content"][0]["logprobs"]
    assert [entry["logprob"] for entry in rounded] == [round(entry["logprob"], 6) for entry in done["logprobs"]]


def test_scripted_logprobs_decide_the_deltas_and_show_only_when_included(serve):
    server = serve(
        """
steps:
  - reply:
      - message:
          text: Hello
          logprobs: [{token: Hel, logprob: -0.1, bytes: [72], top_logprobs: []}, {token: lo, logprob: -0.2, bytes: [], top_logprobs: []}]
"""
    )
    events = [data for _, data in parse_sse(server.post({**LOGPROBS, "stream": True}).text)]
    assert [event["delta"] for event in events if event["type"] == "response.output_text.delta"] == ["Hel", "lo"]
    plain = server.post({"model": "gpt-4o", "input": "x"}).json()
    assert plain["output"][0]["content"][0]["logprobs"] == []
