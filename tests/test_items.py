"""Every item type: what its form makes of it, and the events between `output_item.added` and `.done` (WIRE.md §3, §4)."""

import base64
import json
import struct

import pytest

from mockapi.engine.grammar import GRAMMAR
from mockapi.engine.score import ScoreKey, compose
from mockapi.scenario.forms import ITEM_TYPES, draft_of, long_item
from mockapi.wire.items import ITEM_TYPES as INPUT_TYPES
from mockapi.wire.json import dumps
from mockapi.wire.parse import parse_create

from .conftest import parse_sse

INCLUDE = ["file_search_call.results", "web_search_call.action.sources", "code_interpreter_call.outputs"]
MCP = {"server_label": "s", "name": "f"}
PATCH = {"type": "update_file", "path": "a.txt", "diff": "-a +b"}

# type → (the item as scripted, the events between, what the finished item must say)
ROWS = {
    "message": ("two words", ["content_part.added", "output_text.delta x2", "output_text.done", "content_part.done"], {}),
    "reasoning": (
        "a thought",
        ["reasoning_summary_part.added", "reasoning_summary_text.delta x2", "reasoning_summary_text.done", "reasoning_summary_part.done"],
        {"summary": [{"type": "summary_text", "text": "a thought"}]},
    ),
    "function_call": (
        {"name": "f", "arguments": {"a": 1}},
        ["function_call_arguments.delta", "function_call_arguments.done"],
        {"status": "completed", "arguments": '{"a":1}'},
    ),
    "custom_tool_call": (
        {"name": "c", "input": "SELECT 1"},
        ["custom_tool_call_input.delta x2", "custom_tool_call_input.done"],
        {"input": "SELECT 1"},
    ),
    "web_search_call": (
        "good news",
        ["web_search_call.in_progress", "web_search_call.searching", "web_search_call.completed"],
        {"status": "completed", "action": {"type": "search", "query": "good news", "sources": []}},
    ),
    "file_search_call": (
        {"queries": ["q"], "results": [{"filename": "a.txt", "text": "t"}]},
        ["file_search_call.in_progress", "file_search_call.searching", "file_search_call.completed"],
        {"queries": ["q"], "status": "completed"},
    ),
    "code_interpreter_call": (
        {"code": "print(1)", "outputs": ["1", {"type": "image", "url": "https://a.example/1.png"}]},
        [
            "code_interpreter_call.in_progress", "code_interpreter_call_code.delta", "code_interpreter_call_code.done",
            "code_interpreter_call.interpreting", "code_interpreter_call.completed",
        ],
        {"outputs": [{"type": "logs", "logs": "1"}, {"type": "image", "url": "https://a.example/1.png"}]},
    ),
    "image_generation_call": (
        {"partial_images": 2, "size": "256x256"},
        [
            "image_generation_call.in_progress", "image_generation_call.generating", "image_generation_call.partial_image x2",
            "image_generation_call.completed",
        ],
        {"size": "256x256", "output_format": "png", "background": "opaque", "revised_prompt": None},
    ),
    "mcp_list_tools": (
        {"server_label": "s", "tools": ["f"]},
        ["mcp_list_tools.in_progress", "mcp_list_tools.completed"],
        {"tools": [{"annotations": {"read_only": False}, "description": None, "input_schema": {"type": "object", "properties": {}}, "name": "f"}]},
    ),
    "mcp_call": (
        {**MCP, "arguments": {"two words": 1}, "output": {"a": 1}},
        ["mcp_call.in_progress", "mcp_call_arguments.delta", "mcp_call_arguments.done", "mcp_call.completed"],
        {"approval_request_id": None, "error": None, "output": '{"a":1}', "status": "completed"},
    ),
    "mcp_approval_request": (MCP, [], {"arguments": "{}", "name": "f", "server_label": "s"}),
    "mcp_approval_response": ({"approve": True}, [], {"approve": True}),
    "computer_call": ({}, [], {"action": {"type": "screenshot"}, "pending_safety_checks": [], "status": "completed"}),
    "computer_call_output": ({"output": {"file_id": "file-1"}}, [], {"output": {"type": "computer_screenshot", "file_id": "file-1"}}),
    "local_shell_call": (
        {"action": {"command": ["ls", "-a"]}}, [], {"action": {"type": "exec", "command": ["ls", "-a"], "env": {}}}
    ),
    "local_shell_call_output": ({"output": "a"}, [], {"output": "a"}),
    "shell_call": (
        {"commands": ["ls -a", "pwd"]},
        [
            "shell_call_command.added", "shell_call_command.delta x2", "shell_call_command.done",
            "shell_call_command.added", "shell_call_command.delta", "shell_call_command.done",
        ],
        {"action": {"commands": ["ls -a", "pwd"], "max_output_length": None, "timeout_ms": None}},
    ),
    "shell_call_output": (
        {"output": [{"stdout": "a"}, {"stderr": "b", "exit_code": 1}, {"outcome": {"type": "timeout"}}]},
        [
            "shell_call_output_content.delta", "shell_call_output_content.done",
            "shell_call_output_content.delta", "shell_call_output_content.done x2",
        ],
        {
            "output": [
                {"outcome": {"type": "exit", "exit_code": 0}, "stderr": "", "stdout": "a"},
                {"outcome": {"type": "exit", "exit_code": 1}, "stderr": "b", "stdout": ""},
                {"outcome": {"type": "timeout"}, "stderr": "", "stdout": ""},
            ]
        },
    ),
    "apply_patch_call": (
        {"operation": PATCH},
        ["apply_patch_call_operation_diff.delta x2", "apply_patch_call_operation_diff.done"],
        {"operation": PATCH},
    ),
    "apply_patch_call_output": ({"output": "done"}, [], {"status": "completed", "output": "done"}),
    "tool_search_call": ({"arguments": {"paths": ["f"]}}, [], {"call_id": None, "execution": "server"}),
    "tool_search_output": (
        {"execution": "client", "tools": [{"type": "namespace", "name": "n", "description": "d", "tools": [{"type": "function", "name": "f"}]}]},
        [],
        {"execution": "client"},
    ),
    "program": ("f()", [], {"code": "f()"}),
    "program_output": ({"result": {"a": 1}}, [], {"result": '{"a":1}', "status": "completed"}),
    "compaction": ({"compacting": 2}, ["compaction.compacting x2"], {}),
    "additional_tools": ({"tools": [{"type": "function", "name": "f"}]}, [], {"role": "developer"}),
    "function_call_output": ({"output": {"a": 1}}, [], {"output": '{"a":1}', "status": "completed"}),
    "custom_tool_call_output": ({"output": [{"type": "input_text", "text": "a"}]}, [], {"output": [{"type": "input_text", "text": "a"}]}),
}  # fmt: skip


def played(serve, reply, **request):
    """The events of a reply, without the head and the end."""
    server = serve(json.dumps({"steps": [{"reply": reply}]}))
    body = {"model": "gpt-5", "input": "x", "stream": True, **request}
    return [data for _, data in parse_sse(server.post(body).text)][2:-1]


def runs(events):
    """Event types without `response.`, a run of equal deltas as `type xN`."""
    found: list[list] = []
    for event in events:
        kind = event["type"].removeprefix("response.")
        if found and found[-1][0] == kind:
            found[-1][1] += 1
        else:
            found.append([kind, 1])
    return [f"{kind} x{count}" if count > 1 else kind for kind, count in found]


@pytest.mark.parametrize("kind", ROWS)
def test_an_item_and_its_events(serve, kind):
    written, between, wanted = ROWS[kind]
    added, *middle, done = played(serve, [{kind: written}], include=INCLUDE)
    assert (added["type"], done["type"]) == ("response.output_item.added", "response.output_item.done")
    assert runs(middle) == between
    item = done["item"]
    assert item["type"] == kind
    assert item | wanted == item
    assert list(item)[:2] == ["id", "type"]
    assert item["id"].startswith(f"{GRAMMAR[kind].prefix}_")
    assert added["item"]["id"] == item["id"]
    assert added["item"].get("call_id") == item.get("call_id")


def test_there_is_an_entry_a_form_and_a_row_for_every_type():
    assert set(ROWS) == set(GRAMMAR) == set(ITEM_TYPES)


# What `added` shows, where it is more than the finished item in progress.
OPENINGS = [
    ({"web_search_call": "q"}, {"status": "in_progress"}),
    ({"image_generation_call": {}}, {"status": "in_progress"}),
    ({"file_search_call": "q"}, {"status": "in_progress", "queries": [], "results": None}),
    ({"code_interpreter_call": {"code": "1", "container_id": "cntr_1"}}, {"status": "in_progress", "code": "", "container_id": "cntr_1", "outputs": []}),
    ({"mcp_list_tools": {"server_label": "s", "error": "no"}}, {"server_label": "s", "tools": []}),
    ({"shell_call_output": {"stdout": "a", "call_id": "c"}}, {"status": "completed", "call_id": "c", "max_output_length": None, "output": []}),
    ({"program_output": {"result": "a", "call_id": "c"}}, {"status": "completed", "call_id": "c", "result": ""}),
    (
        {"apply_patch_call": {"call_id": "c", "operation": {"type": "delete_file", "path": "a"}}},
        {"status": "in_progress", "call_id": "c", "operation": {"type": "delete_file", "path": "a"}},
    ),
    (
        {"local_shell_call": {"call_id": "c", "action": {"command": "ls", "env": {"A": "1"}}}},
        {"status": "in_progress", "call_id": "c", "action": {"type": "exec", "command": [], "env": {}}},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("item", "shown"), OPENINGS, ids=lambda part: next(iter(part)))
def test_what_added_shows(serve, item, shown):
    added = played(serve, [item], include=INCLUDE)[0]["item"]
    del added["id"], added["type"]
    assert added == shown


def test_ciphertexts_are_shorter_at_added(serve):
    for item, key in (({"compaction": {}}, "encrypted_content"), ({"program": "f()"}, "fingerprint")):
        added, done = (event["item"][key] for event in played(serve, [item]))
        assert len(added) < len(done)
        assert added.startswith("gAAAAAB")


@pytest.mark.parametrize(
    ("item", "last"),
    [
        ({"web_search_call": {"query": "q", "status": "failed"}}, "web_search_call.searching"),
        ({"file_search_call": {"queries": "q", "status": "incomplete"}}, "file_search_call.searching"),
        ({"code_interpreter_call": {"code": "1", "status": "failed"}}, "code_interpreter_call.interpreting"),
        ({"image_generation_call": {"error": {"message": "no"}}}, "image_generation_call.generating"),
        ({"mcp_list_tools": {"server_label": "s", "error": "no"}}, "mcp_list_tools.failed"),
        ({"mcp_call": {**MCP, "error": "no"}}, "mcp_call.failed"),
        ({"mcp_call": {**MCP, "status": "incomplete"}}, "mcp_call_arguments.done"),
    ],
)
def test_what_did_not_complete_does_not_say_so(serve, item, last):
    *_, before, done = played(serve, [item])
    assert before["type"] == f"response.{last}"
    assert done["item"].get("status") != "completed"


def test_an_mcp_error_in_words_is_what_the_tool_said(serve):
    item = played(serve, [{"mcp_call": {**MCP, "error": "no"}}])[-1]["item"]
    assert item["error"] == {"type": "mcp_tool_execution_error", "content": [{"type": "text", "text": "no"}]}
    assert (item["status"], item["output"]) == ("failed", None)


def test_a_call_begins_again_after_its_approval(serve):
    """Recorded: a second in_progress between delta and done (WIRE.md §4)."""
    events = played(serve, [{"mcp_call": {**MCP, "approval_request_id": "mcpr_1"}}])
    assert runs(events)[1:5] == [
        "mcp_call.in_progress",
        "mcp_call_arguments.delta",
        "mcp_call.in_progress",
        "mcp_call_arguments.done",
    ]


def test_answers_take_the_call_ids_of_what_they_answer(serve):
    reply = [
        {"shell_call": {"commands": "ls", "environment": "container"}}, {"shell_call_output": "a"},
        {"program": "f()"}, {"function_call": {"name": "f", "caller": "program"}}, {"program_output": "r"},
        {"apply_patch_call": {"operation": PATCH, "call_id": "call_mine"}}, {"apply_patch_call_output": {}},
        {"mcp_approval_request": MCP}, {"mcp_approval_response": {"approve": False}},
        {"code_interpreter_call": "1"}, {"code_interpreter_call": "2"},
        {"message": {"text": "file", "annotations": [{"type": "container_file_citation", "filename": "f", "start_index": 0, "end_index": 4}]}},
    ]  # fmt: skip
    items = [event["item"] for event in played(serve, reply) if event["type"].endswith("item.done")]
    shell, printed, program, call, result, _, patched, asked, approved, first, second, message = items
    assert shell["call_id"] == printed["call_id"]
    assert program["call_id"] == result["call_id"]
    assert call["caller"] == {"type": "program", "caller_id": program["call_id"]}
    assert patched["call_id"] == "call_mine"
    assert approved["approval_request_id"] == asked["id"]
    citation = message["content"][0]["annotations"][0]
    container = shell["environment"]["container_id"]
    assert {first["container_id"], second["container_id"], citation["container_id"]} == {container}
    assert container.startswith("cntr_")
    assert citation["file_id"].startswith("cfile_")


def test_a_call_from_a_program_is_one_delta_and_stays_in_progress(serve):
    events = played(serve, [{"program": "f()"}, {"function_call": {"name": "f", "arguments": "a b c", "caller": "program"}}])
    assert runs(events)[2:] == [
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
    ]
    assert events[-1]["item"]["status"] == "in_progress"


OBFUSCATED = {
    "output_text.delta", "function_call_arguments.delta", "reasoning_summary_text.delta", "mcp_call_arguments.delta",
    "code_interpreter_call_code.delta", "shell_call_command.delta", "apply_patch_call_operation_diff.delta",
    "custom_tool_call_input.delta",
}  # fmt: skip


def test_exactly_the_recorded_deltas_are_obfuscated(serve):
    """WIRE.md §4 "Obfuscation"; never in background streams, nor when the request turns it off."""
    reply = [{kind: written} for kind, (written, _, _) in ROWS.items()]
    reply += [{"refusal": "I will not"}, {"reasoning": {"content": "raw"}}]
    events = played(serve, reply)
    deltas = {event["type"].removeprefix("response.") for event in events if event["type"].endswith(".delta")}
    assert {event["type"].removeprefix("response.") for event in events if "obfuscation" in event} == OBFUSCATED
    assert deltas - OBFUSCATED == {"refusal.delta", "reasoning_text.delta", "shell_call_output_content.delta"}
    for event in events:
        if "obfuscation" in event:
            assert (len(event["delta"]) + len(event["obfuscation"])) % 16 == 0
    assert not any("obfuscation" in event for event in played(serve, reply, stream_options={"include_obfuscation": False}))
    assert not any("obfuscation" in event for event in played(serve, reply, background=True))


def test_verbatim_items_are_sent_as_they_are_by_their_types_grammar(serve):
    item = {
        "type": "code_interpreter_call", "id": "ci_mine", "status": "completed", "code": "1", "container_id": "c",
        "outputs": [{"type": "logs", "logs": "1"}], "extra": True,
    }  # fmt: skip
    events = played(serve, [item])
    assert runs(events)[1:-1] == ROWS["code_interpreter_call"][1]
    assert events[-1]["item"] == item


def test_a_verbatim_image_may_have_partial_images(serve):
    picture = base64.b64encode(b"partial").decode()
    item = {"type": "image_generation_call", "result": picture, "partial_images": [picture, picture]}
    events = played(serve, [item])
    assert [event["partial_image_b64"] for event in events if "partial_image_b64" in event] == [picture, picture]
    assert "partial_images" not in events[-1]["item"]


def test_unknown_types_are_added_and_done_as_they_are(serve):
    item = {"type": "hologram", "id": "holo_1", "shape": {"a": [1, None]}, "status": "completed"}
    added, done = played(serve, [item])
    assert added["item"] == done["item"] == item
    assert (added["type"], done["type"]) == ("response.output_item.added", "response.output_item.done")


def test_a_picture_is_as_the_offered_tool_asks_for_it(serve):
    tool = {"type": "image_generation", "size": "512x512", "quality": "high", "partial_images": 3, "background": "auto"}
    events = played(serve, [{"image_generation_call": {"revised_prompt": "a cat"}}], tools=[tool])
    partial = [event for event in events if "partial_image_b64" in event]
    assert [event["partial_image_index"] for event in partial] == [0, 1, 2]
    item = events[-1]["item"]
    assert (item["size"], item["quality"], item["background"]) == ("512x512", "high", "opaque")
    picture = base64.b64decode(item["result"])
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", picture[16:24]) == (8, 8)
    assert partial[0]["partial_image_b64"] == item["result"]
    other = played(serve, [{"image_generation_call": {"revised_prompt": "a dog"}}])[-1]["item"]
    assert other["result"] != item["result"]


def test_what_is_heard_of_a_message(serve):
    """SDK only: the events name neither item nor index, and the item shows nothing of it."""
    events = played(serve, [{"message": {"text": "Hi there", "audio": {"data": "UklGRg=="}}}])
    heard = [event for event in events if "audio" in event["type"]]
    assert runs(heard) == ["audio.delta", "audio.transcript.delta x2", "audio.transcript.done", "audio.done"]
    assert all(set(event) <= {"type", "sequence_number", "delta"} for event in heard)
    assert "audio" not in events[-1]["item"]


CUTS = [
    ({"code_interpreter_call": "abcd"}, {"status": "incomplete", "code": "ab"}),
    ({"shell_call": {"commands": ["pwd", "abcd"]}}, {"status": "incomplete"}),
    ({"shell_call_output": "abcd"}, {"status": "incomplete"}),
    ({"apply_patch_call": {"operation": {"type": "create_file", "path": "a", "diff": "abcd"}}}, {"status": "in_progress"}),
    ({"image_generation_call": {}}, {"status": "generating", "result": None}),
    ({"web_search_call": "q"}, {"status": "incomplete"}),
    ({"mcp_call": {**MCP, "arguments": "abcd"}}, {"status": "incomplete", "arguments": "ab"}),
    ({"program": "abcd"}, {"code": "ab"}),
    ({"program_output": "abcd"}, {"status": "incomplete", "result": "ab"}),
    ({"compaction": {}}, {}),
]


@pytest.mark.parametrize(("item", "wanted"), CUTS, ids=lambda part: next(iter(part), ""))
def test_an_incomplete_response_ends_in_the_middle_of_any_item(serve, item, wanted):
    server = serve(json.dumps({"steps": [{"reply": [item], "incomplete": "max_output_tokens"}]}))
    events = [data for _, data in parse_sse(server.post({"model": "gpt-5", "input": "x", "stream": True}).text)]
    (cut,) = events[-1]["response"]["output"]
    assert cut | wanted == cut
    assert "abcd" not in json.dumps(cut)
    assert not any(event["type"].endswith("_call.completed") for event in events)


def test_everything_a_response_says_can_be_sent_back(serve):
    """The items, that is: whether a history of them makes sense is another question."""
    reply = [{kind: written} for kind, (written, _, _) in ROWS.items() if kind in INPUT_TYPES]
    server = serve(json.dumps({"steps": [{"reply": reply}]}))
    output = server.post({"model": "gpt-5", "input": "x", "include": INCLUDE}).json()["output"]
    assert len(output) == len(reply) > 25
    assert parse_create({"model": "gpt-5", "input": output}).input == output


def test_a_call_that_the_reply_itself_answers_is_not_open():
    reply = [{"function_call": {"name": "f"}}, {"function_call_output": {"output": "a"}}, {"function_call": {"name": "g"}}]
    score = compose(dumps([draft_of(long_item(item)) for item in reply]), ScoreKey())
    assert [(call.type, call.name) for _, call in score.call_items] == [("function_call", "g")]
