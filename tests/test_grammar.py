"""Event order and keys equal the facts read off real recordings (tests/facts/event_grammar.json): every event of every stream."""

import json
from pathlib import Path

import pytest

from .conftest import parse_sse

FACTS = json.loads((Path(__file__).parent / "facts" / "event_grammar.json").read_text())

# Recorded streams that are not compared, each with its reason.
NOT_COMPARED = {"openai-custom-tool.1": "made by hand by its authors: no sequence numbers, no obfuscation, no `.done` event"}

# Recorded events of which only the type is compared, each with its reason.
ONLY_TYPES = {
    ("openai-phase.1", "response.output_text.delta"): "trimmed by its authors: deltas without logprobs and obfuscation",
}


def recorded_streams():
    """(name, ordinal in its file) → events, each run of equal deltas written out."""
    streams = {}
    for name, events in FACTS.items():
        ordinal = -1
        for *event, last in events:
            times = int(last[1:]) if isinstance(last, str) and last[:1] == "x" and last[1:].isdigit() else 0
            shape = event if times else [*event, last]
            ordinal += shape[0] == "response.created"
            streams.setdefault((name, ordinal), []).extend([shape] * (times or 1))
    return streams


RECORDED = recorded_streams()


def words(count):
    """A text that is streamed in so many deltas; its n-th word ends at character 2n - 1."""
    return " ".join(["w"] * count)


def message(*counts, kind="url_citation"):
    """A message in so many deltas before, between and after its annotations."""
    ends, total = [], 0
    for count in counts[:-1]:
        total += count
        ends.append(2 * total - 1)
    url = {"type": "url_citation", "start_index": 0, "title": "A", "url": "https://a.example"}
    makers = {
        "url_citation": lambda end: {**url, "end_index": end},
        "file_citation": lambda end: {"type": kind, "file_id": "file-1", "filename": "a.txt", "index": end},
        "container_file_citation": lambda end: {"type": kind, "filename": "a.csv", "start_index": 0, "end_index": end},
    }
    return {"message": {"text": words(sum(counts)), "annotations": [makers[kind](end) for end in ends]}}


def call(**fields):
    return {"function_call": {"name": "f", "arguments": words(13), **fields}}


def code(count):
    return {"code_interpreter_call": {"code": words(count), "outputs": ["42"]}}


THOUGHT = {"reasoning": {}}
MCP = {"server_label": "s", "name": "f", "arguments": {"a": 1}}
MCP_TOOLS = {"mcp_list_tools": {"server_label": "s", "tools": ["f"]}}
SEARCH = {"web_search_call": "news"}
CITED = [15, 5, 7, 5, 4, 9, 7, 9, 11, 8, 7, 25, 9]
ENCRYPTED = {"model": "gpt-5.1-codex-max", "include": ["reasoning.encrypted_content"]}
OUTPUTS = {"include": ["code_interpreter_call.outputs"]}

# Replies of our own that have the recorded streams' events; what follows is the request, where it matters.
REPLIES = {
    ("azure-text.1", 0): ["w"],
    ("openai-apply-patch-tool.1", 0): [
        [{"apply_patch_call": {"operation": {"type": "create_file", "path": "a", "diff": words(32)}}}]
    ],
    ("openai-client-tool-search.1", 0): [[{"tool_search_call": {"execution": "client", "arguments": {"goal": "g"}}}]],
    ("openai-code-interpreter-tool.1", 0): [
        [THOUGHT, code(74), THOUGHT, code(70), THOUGHT, code(5), THOUGHT, message(209, 0, kind="container_file_citation")],
        OUTPUTS,
    ],
    ("openai-compaction.1", 0): [[message(815), {"compaction": {}}]],
    ("openai-file-search-tool.1", 0): [[THOUGHT, {"file_search_call": "q"}, THOUGHT, message(33, 41, 1, kind="file_citation")]],
    ("openai-image-generation-tool.1", 0): [
        [THOUGHT, {"image_generation_call": {"partial_images": 1, "revised_prompt": "an echidna"}}, {"message": ""}]
    ],
    ("openai-local-shell-tool.1", 0): [[THOUGHT, {"local_shell_call": {"action": {"command": ["ls", "-a"]}}}]],
    ("openai-mcp-tool-approval.1", 0): [[MCP_TOOLS, THOUGHT, {"mcp_approval_request": MCP}]],
    ("openai-mcp-tool.1", 0): [
        [MCP_TOOLS, THOUGHT, {"mcp_call": MCP}, THOUGHT, {"mcp_call": MCP}, THOUGHT, {"message": words(343)}]
    ],
    ("openai-phase.1", 0): [
        [{"message": {"text": "a b", "phase": "commentary"}}, {"message": {"text": "a b", "phase": "final_answer"}}]
    ],
    ("openai-reasoning-encrypted-content.1", 0): [[{"reasoning": words(32)}, call()], ENCRYPTED],
    ("openai-reasoning-encrypted-content.1", 1): [[call()], ENCRYPTED],
    ("openai-reasoning-encrypted-content.1", 2): [[call()], ENCRYPTED],
    ("openai-reasoning-encrypted-content.1", 3): [words(8), ENCRYPTED],
    ("openai-shell-container.1", 0): [
        [{"shell_call": {"commands": words(9), "environment": "container"}}, {"shell_call_output": "hi"}, {"message": words(4)}]
    ],
    ("openai-shell-tool.1", 0): [[{"shell_call": words(5)}]],
    ("openai-shell-tool.1", 1): [words(162)],
    ("openai-tool-search.1", 0): [
        [
            {"tool_search_call": {"arguments": {"paths": ["f"]}}},
            {"tool_search_output": {"tools": [{"type": "function", "name": "f", "defer_loading": True}]}},
            call(namespace="f"),
        ]
    ],
    ("openai-web-search-tool.1", 0): [[*[THOUGHT, SEARCH] * 6, THOUGHT, message(*CITED)]],
    ("programmatic-tool-calling.1", 0): [[THOUGHT, {"program": "f()"}, call(caller="program")], {"model": "gpt-5.6"}],
}


def shape(data):
    keys = [data["type"], sorted(data)]
    return [*keys, data["item"]["type"], sorted(data["item"])] if "item" in data else keys


@pytest.mark.parametrize(("name", "ordinal"), REPLIES, ids=str)
def test_a_recorded_stream_is_reproduced(serve, name, ordinal):
    reply, *request = REPLIES[name, ordinal]
    server = serve(json.dumps({"steps": [{"reply": reply}]}))
    body = {"model": "gpt-5", "input": "x", "stream": True, **(request[0] if request else {})}
    ours = [shape(data) for _, data in parse_sse(server.post(body).text)]
    theirs = RECORDED[name, ordinal]
    assert [event[0] for event in ours] == [event[0] for event in theirs]
    for mine, real in zip(ours, theirs, strict=True):
        assert mine == real or (name, real[0]) in ONLY_TYPES


def test_every_recorded_stream_is_compared_or_an_exception():
    failing = {("openai-error.1", 0)}  # has its own test below
    assert {*REPLIES, *failing, *((name, 0) for name in NOT_COMPARED)} == set(RECORDED)
    assert all((name, 0) in RECORDED for name, _ in ONLY_TYPES)
    assert len(RECORDED) > 20


def test_tool_lists_in_a_row_interleave(serve):
    """WIRE.md §4 "Ordering across items": all begin, all end, and only the last is done before the response is."""
    lists = [{"mcp_list_tools": {"server_label": label, "tools": ["f"]}} for label in "abc"]
    server = serve(json.dumps({"steps": [{"reply": [*lists, {"message": "x"}, lists[0]]}]}))
    events = [data for _, data in parse_sse(server.post({"model": "gpt-4.1", "input": "x", "stream": True}).text)]
    begun = ["output_item.added", "mcp_list_tools.in_progress"]
    alone = [*begun, "mcp_list_tools.completed", "output_item.done"]
    kinds = [event["type"].removeprefix("response.") for event in events]
    assert kinds[2:12] == [*begun * 3, *["mcp_list_tools.completed"] * 3, "output_item.done"]
    assert kinds[-5:-1] == alone
    assert [event["output_index"] for event in events[2:12]] == [0, 0, 1, 1, 2, 2, 0, 1, 2, 2]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert [item["type"] for item in events[-1]["response"]["output"]] == ["mcp_list_tools"] * 3 + ["message", "mcp_list_tools"]


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
