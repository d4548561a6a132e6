"""History checks: what is refused in the real API's words, and what a client that replays its history may send."""

import asyncio
import json

import pytest

from mockapi.errors import ApiError
from mockapi.scenario.context import NEW_CONTEXT, Call
from mockapi.scenario.history import check_history
from mockapi.service.compaction import Compaction
from mockapi.service.core import Call as HttpCall

from .test_service import create, make

USER = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}
SAID = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "ho"}], "id": "msg_1"}
THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": []}
CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "call_1", "output": "x"}
OPEN = NEW_CONTEXT._replace(calls={"call_1": Call("function_call", "f")})


def answer_to(call):
    return {"type": f"{call['type'].removesuffix('_call')}_call_output", "call_id": call["call_id"], "output": "x"}


OTHER_CALLS = [
    {"type": "custom_tool_call", "call_id": "call_2", "name": "c", "input": "x"},
    {"type": "apply_patch_call", "call_id": "call_2", "operation": {}, "status": "completed"},
    {"type": "computer_call", "call_id": "call_2"},
    {"type": "local_shell_call", "call_id": "call_2", "action": {}},
    {"type": "shell_call", "call_id": "call_2", "action": {}, "environment": {"type": "local"}},
]

REFUSED = [
    ([USER, CALL], NEW_CONTEXT, {}, "No tool output found for function call call_1."),
    ([USER], OPEN, {}, "No tool output found for function call call_1."),
    ([USER, OUTPUT], NEW_CONTEXT, {}, "No tool call found for function call output with call_id call_1."),
    ([OUTPUT, {**OUTPUT, "call_id": "call_9"}], OPEN, {}, "No tool call found for function call output with call_id call_9."),
    (
        [{**answer_to(OTHER_CALLS[0])}],
        NEW_CONTEXT,
        {},
        "No tool call found for custom tool call output with call_id call_2.",
    ),
    *(
        ([USER, call], NEW_CONTEXT, {}, f"No tool output found for {call['type'].replace('_', ' ')} call_2.")
        for call in OTHER_CALLS
    ),
    (
        [{"type": "tool_search_call", "call_id": "call_3", "execution": "client", "arguments": {}}],
        NEW_CONTEXT,
        {},
        "No tool output found for tool search call call_3.",
    ),
    (
        [USER],
        NEW_CONTEXT._replace(orphans=(("function_call_output", "call_7"),)),
        {},
        "No tool call found for function call output with call_id call_7.",
    ),
    (
        [USER],
        NEW_CONTEXT._replace(thought="rs_7"),
        {},
        "Item 'rs_7' of type 'reasoning' was provided without its required following item.",
    ),
    (
        [{**OUTPUT, "type": "custom_tool_call_output"}],
        OPEN,
        {},
        "No tool call found for custom tool call output with call_id call_1.",
    ),
    ([SAID, SAID], NEW_CONTEXT, {}, "Duplicate item found with id msg_1. Remove duplicate items from your input and try again."),
    ([USER, THOUGHT], NEW_CONTEXT, {}, "Item 'rs_1' of type 'reasoning' was provided without its required following item."),
    ([THOUGHT, USER], NEW_CONTEXT, {}, "Item 'rs_1' of type 'reasoning' was provided without its required following item."),
    ([THOUGHT, OUTPUT], OPEN, {}, "Item 'rs_1' of type 'reasoning' was provided without its required following item."),
    (
        [CALL, OUTPUT],
        NEW_CONTEXT,
        {"fc_1": "rs_1"},
        "Item 'fc_1' of type 'function_call' was provided without its required 'reasoning' item: 'rs_1'.",
    ),
    (
        [SAID],
        NEW_CONTEXT,
        {"msg_1": "rs_1"},
        "Item 'msg_1' of type 'message' was provided without its required 'reasoning' item: 'rs_1'.",
    ),
]

ACCEPTED = [
    ([USER], NEW_CONTEXT, {}),
    ([], NEW_CONTEXT, {}),
    ([OUTPUT], OPEN, {}),
    ([OUTPUT, USER], OPEN, {}),
    ([USER, CALL, OUTPUT, SAID, USER], NEW_CONTEXT, {}),
    ([USER, THOUGHT, CALL, OUTPUT], NEW_CONTEXT, {"fc_1": "rs_1"}),
    ([USER, THOUGHT, {**THOUGHT, "id": "rs_2"}, SAID], NEW_CONTEXT, {}),
    ([THOUGHT, {"type": "web_search_call", "id": "ws_1"}, SAID], NEW_CONTEXT, {}),
    ([{key: value for key, value in THOUGHT.items() if key != "id"}, USER], NEW_CONTEXT, {}),
    ([CALL, {**CALL, "id": "fc_2", "call_id": "call_2"}, {**OUTPUT, "call_id": "call_2"}, OUTPUT], NEW_CONTEXT, {}),
    ([{**CALL, "async": True}], NEW_CONTEXT, {}),
    ([{**CALL, "status": "incomplete"}, USER], NEW_CONTEXT, {}),
    ([SAID], NEW_CONTEXT._replace(thought="rs_7"), {}),
    ([OUTPUT], NEW_CONTEXT._replace(calls={"call_1": Call("function_call", "f", is_optional=True)}), {}),
    *(([USER, call, answer_to(call)], NEW_CONTEXT, {}) for call in OTHER_CALLS),
    ([{"type": "tool_search_call", "call_id": None, "execution": "server", "arguments": {}},
      {"type": "tool_search_output", "call_id": None, "execution": "server", "tools": []}], NEW_CONTEXT, {}),
    ([{"type": "shell_call", "call_id": "call_4", "action": {}, "environment": {"type": "container_reference", "container_id": "c"}},
      {"type": "shell_call_output", "call_id": "call_4", "output": []}], NEW_CONTEXT, {}),
    ([{"type": "program", "id": "cm_1", "call_id": "call_5", "code": "", "fingerprint": ""},
      {"type": "program_output", "id": "cmo_1", "call_id": "call_5", "result": ""}], NEW_CONTEXT, {}),
    ([{"type": "mcp_approval_request", "id": "mcpr_1", "arguments": "{}", "name": "n", "server_label": "s"}], NEW_CONTEXT, {}),
]  # fmt: skip


@pytest.mark.parametrize(("items", "past", "reasoning_of", "message"), REFUSED)
def test_refused(items, past, reasoning_of, message):
    with pytest.raises(ApiError) as caught:
        check_history(items, past, reasoning_of)
    error = caught.value
    assert (error.message, error.status, error.type, error.param, error.code) == (
        message, 400, "invalid_request_error", "input", None,
    )  # fmt: skip


@pytest.mark.parametrize(("items", "past", "reasoning_of"), ACCEPTED)
def test_accepted(items, past, reasoning_of):
    check_history(items, past, reasoning_of)


def operations(body, **settings):
    """The same input through create, compact and input_tokens: (status, message) of each."""

    async def run():
        service = make("steps: [{reply: hi}]", **settings)
        compaction = Compaction(service.core)
        told = []
        for name, use in (("create", None), ("compact", compaction.compact), ("input_tokens", compaction.count)):
            call = HttpCall("p", f"responses.{name}", json.dumps(body).encode(), {})
            identity = await service.core.identify(call)
            try:
                await (service.create(call, identity) if use is None else use(call, identity))
                told.append((200, ""))
            except ApiError as error:
                told.append((error.status, error.message))
        return told

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("items", "status", "message"),
    [
        ([CALL], 400, "No tool output found for function call call_1."),
        ([{"type": "item_reference", "id": "msg_x"}], 404, "Item with id 'msg_x' not found."),
        ([{"id": "msg_x"}], 404, "Item with id 'msg_x' not found."),
        ([THOUGHT, SAID], 404, "Item with id 'rs_1' not found."),
    ],
)
def test_every_operation_on_an_input_checks_it(items, status, message):
    assert operations({"model": "gpt-5", "input": items}) == [(status, message)] * 3
    assert operations({"model": "gpt-5", "input": [*items, USER]}, history="lenient") == [(200, "")] * 3


def test_items_are_not_persisted_without_store():
    async def run():
        service = make("steps: [{reply: hi}]")
        with pytest.raises(ApiError) as caught:
            await create(service, {"model": "gpt-5", "input": [THOUGHT, SAID], "store": False})
        return caught.value

    error = asyncio.run(run())
    assert (error.status, error.message, error.param) == (
        404,
        "Item with id 'rs_1' not found. Items are not persisted when `store` is set to false. Try again with `store` set to "
        "true, or remove this item from your input.",
        "input",
    )


AGENT = """
steps:
  - when: {tool_output: f}
    reply: [{reasoning: I have it.}, {message: All done.}]
  - reply: [{reasoning: I need both.}, {function_call: {name: f, arguments: {n: 1}}}, {function_call: {name: f, arguments: {n: 2}}}]
"""
TOOLS = [{"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}, "strict": False}]


@pytest.mark.parametrize("is_stored", [True, False])
@pytest.mark.parametrize("is_encrypted", [True, False])
@pytest.mark.parametrize("strip", [(), ("id",), ("id", "status"), ("status",)])
def test_a_client_that_replays_its_own_history_passes(in_process, is_stored, is_encrypted, strip):
    """However it does so; only reasoning that neither the server kept nor the client can show again is left out."""
    client = in_process(AGENT)
    options = {"model": "gpt-5", "tools": TOOLS, "store": is_stored}
    if is_encrypted:
        options["include"] = ["reasoning.encrypted_content"]
    history = [{"role": "user", "content": "go"}]
    for _ in range(3):
        response = client.responses.create(input=history, **options)
        for item in response.output:
            replayed = {key: value for key, value in item.model_dump(exclude_none=True).items() if key not in strip}
            if item.type != "reasoning" or (("id" not in strip and is_stored) or is_encrypted):
                replayed.setdefault("id", item.id) if item.type == "reasoning" else None
                history.append(replayed)
        history += [
            {"type": "function_call_output", "call_id": item.call_id, "output": "1"}
            for item in response.output
            if item.type == "function_call"
        ]
        if response.output_text:
            history.append({"role": "user", "content": "again"})
    assert response.status == "completed"


def test_references_stand_for_what_they_name(in_process):
    client = in_process("steps: [{when: {turn: 2}, reply: '{{ conversation[0].content[0].text }}'}, {reply: first}]")
    first = client.responses.create(model="gpt-4o", input="hello")
    listed = client.responses.input_items.list(first.id).data[0]
    again = [{"type": "item_reference", "id": each} for each in (listed.id, first.output[0].id)]
    second = client.responses.create(model="gpt-4o", input=[*again, {"role": "user", "content": "go on"}])
    assert second.output_text == "hello"
    assert [item.id for item in client.responses.input_items.list(second.id, order="asc")][:2] == [listed.id, first.output[0].id]
    assert second.id[5:21] == first.id[5:21]
    kept = client.responses.create(model="gpt-4o", input=[*again, {"role": "user", "content": "go on"}], store=False)
    assert kept.output_text == "hello"
