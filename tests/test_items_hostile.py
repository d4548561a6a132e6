"""What a hostile reader of the items found: links between turns, containers, listings, keepalives, and what is refused."""

import pytest

from mockapi.errors import ApiError, ScenarioError
from mockapi.scenario.load import load_text
from mockapi.wire.parse import parse_create

from .conftest import parse_sse


def create(server, **body):
    answer = server.post({"model": "gpt-4o", "input": "x", **body})
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(server, **body):
    answer = server.post({"model": "gpt-4o", "input": "x", **body})
    assert answer.status_code == 400, answer.text
    return answer.json()["error"]["message"]


@pytest.mark.parametrize("replays", [False, True])
def test_a_client_answers_a_tool_search(serve, replays):
    server = serve(
        "steps:\n  - {when: {turn: 1}, reply: [{tool_search_call: {arguments: {paths: [f]}, execution: client}}]}\n  - reply: found"
    )
    first = create(server)
    (call,) = first["output"]
    output = {
        "type": "tool_search_output",
        "call_id": call["call_id"],
        "execution": "client",
        "tools": [{"type": "function", "name": "f", "parameters": {}}],
    }
    if replays:
        body = {"input": [{"role": "user", "content": "x"}, call, output], "store": False}
    else:
        body = {"previous_response_id": first["id"], "input": [output]}
    assert create(server, **body)["output"][0]["content"][0]["text"] == "found"
    body["input"] = [each for each in body["input"] if each is not output]
    assert refused(server, **body) == f"No tool output found for tool search call {call['call_id']}."


PROGRAM = """
steps:
  - when: {turn: 1}
    reply:
      - program: await f()
      - function_call: {name: f, arguments: {a: 1}, caller: program}
  - when: {turn: 2}
    reply:
      - function_call: {name: f, arguments: {a: 2}, caller: program}
  - reply:
      - program_output: {result: done}
      - message: Done.
"""


@pytest.mark.parametrize("replays", [False, True])
def test_later_turns_name_the_program_of_the_first(serve, replays):
    server = serve(PROGRAM)
    history = [{"role": "user", "content": "x"}]
    body = create(server, input=history)
    program = body["output"][0]
    for _ in range(2):
        call = body["output"][-1]
        assert call["caller"] == {"type": "program", "caller_id": program["call_id"]}
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": "1", "caller": call["caller"]}
        history += [*body["output"], output]
        body = create(
            server, **({"input": history, "store": False} if replays else {"input": [output], "previous_response_id": body["id"]})
        )
    assert body["output"][0]["call_id"] == program["call_id"]


APPROVAL = """
steps:
  - when: {approval: true}
    reply:
      - mcp_call: {server_label: m, name: n, arguments: {a: 1}, output: one}
      - mcp_call: {server_label: m, name: n, arguments: {a: 2}, output: two}
  - when: {approval: false}
    reply: Not done.
  - reply: [{mcp_approval_request: {server_label: m, name: n, arguments: {a: 1}}}]
"""


def approve(request_id, approve=True):
    return {"type": "mcp_approval_response", "approval_request_id": request_id, "approve": approve}


@pytest.mark.parametrize("stream", [False, True])
def test_the_first_call_behind_an_approval_names_the_request(serve, stream):
    server = serve(APPROVAL)
    first = create(server)
    (asked,) = first["output"]
    answer = server.post(
        {"model": "gpt-4o", "input": [approve(asked["id"])], "previous_response_id": first["id"], "stream": stream}
    )
    body = parse_sse(answer.text)[-1][1]["response"] if stream else answer.json()
    assert [item["approval_request_id"] for item in body["output"]] == [asked["id"], None]
    if stream:
        begun = [data["output_index"] for _, data in parse_sse(answer.text) if data["type"] == "response.mcp_call.in_progress"]
        assert begun == [0, 0, 1]


def test_an_approval_answers_a_request_once(serve):
    server = serve(APPROVAL)
    first = create(server)
    (asked,) = first["output"]
    told = "No approval request found for approval response with approval_request_id {}."
    follow = {"previous_response_id": first["id"]}
    assert refused(server, input=[approve("mcpr_x")], **follow) == told.format("mcpr_x")
    assert refused(server, input=[approve("mcpr_x")]) == told.format("mcpr_x")
    assert refused(server, input=[approve(asked["id"]), approve(asked["id"], approve=False)], **follow) == told.format(
        asked["id"]
    )
    second = create(server, input=[approve(asked["id"])], **follow)
    assert refused(server, input=[approve(asked["id"])], previous_response_id=second["id"]) == told.format(asked["id"])
    replayed = [{"role": "user", "content": "x"}, asked, approve(asked["id"], approve=False)]
    assert create(server, input=replayed, store=False)["output"][0]["content"][0]["text"] == "Not done."
    unanswered = create(server, input="never mind", **follow)  # a request need not be answered
    assert unanswered["status"] == "completed"


@pytest.mark.parametrize(
    "tool",
    [
        {"type": "code_interpreter", "container": "cntr_abc"},
        {"type": "shell", "environment": {"type": "container_reference", "container_id": "cntr_abc"}},
    ],
)
def test_the_container_that_the_request_names(serve, tool):
    server = serve("steps: [{reply: [{code_interpreter_call: print(1)}, {shell_call: {commands: ls, environment: container}}]}]")
    code, shell = create(server, tools=[tool])["output"]
    assert (code["container_id"], shell["environment"]["container_id"]) == ("cntr_abc", "cntr_abc")
    other = create(server)["output"][0]["container_id"]
    assert other.startswith("cntr_")
    assert other != "cntr_abc"


THOUGHT = "steps: [{reply: [{reasoning: {summary: hm, encrypted_content: SECRET}}, {message: {text: hi, logprobs: [{token: hi, logprob: -0.5}]}}]}]"


def test_listings_include_what_the_create_did_not(serve):
    server = serve(THOUGHT)
    first = create(server, model="gpt-5")
    assert "encrypted_content" not in first["output"][0]
    follow = create(server, model="gpt-5", previous_response_id=first["id"])
    page = server.get(
        f"/responses/{follow['id']}/input_items?include[]=reasoning.encrypted_content&include[]=message.output_text.logprobs"
    ).json()
    message, thought = page["data"][1:3]
    assert thought["encrypted_content"] == "SECRET"
    assert [entry["token"] for entry in message["content"][0]["logprobs"]] == ["hi"]
    plain = server.get(f"/responses/{follow['id']}/input_items").json()["data"]
    assert ("encrypted_content" in plain[2], plain[1]["content"][0]["logprobs"]) == (False, [])


def test_a_resumed_stream_includes_what_the_get_asks_for(serve):
    server = serve("steps: [{reply: [{web_search_call: {query: q, sources: ['https://a.example']}}]}]")
    with server.sdk() as client:
        stream = client.responses.create(model="gpt-4o", input="x", background=True, stream=True)
        response_id = next(iter(stream)).response.id
        stream.close()
        shown = client.responses.retrieve(response_id, stream=True, include=["web_search_call.action.sources"])
        last = list(shown)[-1]
    assert last.response.output[0].action.sources[0].url == "https://a.example"


def test_dropped_calls_take_only_their_own_outputs(serve):
    shells = """
steps:
  - reply:
      - shell_call: {commands: ls, environment: container, call_id: call_a}
      - shell_call: {commands: pwd, environment: container, call_id: call_b}
      - shell_call_output: {stdout: one, call_id: call_a}
      - shell_call_output: {stdout: two, call_id: call_b}
"""
    output = create(serve(shells), max_tool_calls=1)["output"]
    assert [(item["type"], item["call_id"]) for item in output] == [("shell_call", "call_a"), ("shell_call_output", "call_a")]


def test_a_wait_without_deltas_is_kept_alive(serve):
    server = serve("steps: [{reply: [{computer_call: {}}], pace: {first: 2s, keepalive: 500ms}}]")
    kinds = [data["type"] for _, data in parse_sse(server.post({"model": "gpt-4o", "input": "x", "stream": True}).text)]
    assert kinds[2:] == ["response.output_item.added", "response.output_item.done", *["keepalive"] * 3, "response.completed"]


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        ("image_generation_call: {partial_images: [{file: empty.png}]}", "'empty.png' is empty"),
        (
            "message: {annotations: [{type: url_citation, start_index: 0, end_index: 5, title: t, url: u}]}",
            "the annotation ends at 5, but the text has 0 characters",
        ),
        ("message: {text: x, audio: {data: '!!'}}", "audio is base64"),
        ("mcp_call: {server_label: m, name: n, output: x, error: y}", "a call has an output or an error, not both"),
    ],
)
def test_more_that_no_stream_can_show(tmp_path, item, problem):
    from mockapi.scenario.load import load_file

    (tmp_path / "empty.png").write_bytes(b"")
    path = tmp_path / "s.yaml"
    path.write_text(f"steps:\n  - reply:\n    - {item}")
    with pytest.raises(ScenarioError, match=problem):
        load_file(path)


def test_typed_arguments_of_an_item_that_is_sent_as_it_is(serve):
    item = "{type: tool_search_call, arguments: {n: '{{ turn + 6 }}'}, execution: server, call_id: null}"
    assert create(serve(f"steps: [{{reply: [{item}]}}]"))["output"][0]["arguments"] == {"n": 7}


@pytest.mark.parametrize(
    ("item", "left"),
    [
        ("code_interpreter_call: print(1) and more", {"code": "print(1)"}),
        ("mcp_call: {server_label: m, name: n, arguments: {a: 1}, output: done}", {"arguments": '{"a', "output": None}),
        ("reasoning: {summary: short, content: abcdefgh}", {"content": [{"type": "reasoning_text", "text": "abcd"}]}),
    ],
)
def test_a_cut_item_is_one_that_never_ran(serve, item, left):
    server = serve(f"steps: [{{reply: [{{{item}}}], incomplete: content_filter}}]")
    events = [data for _, data in parse_sse(server.post({"model": "gpt-4o", "input": "x", "stream": True}).text)]
    assert not [event for event in events if event["type"].endswith((".interpreting", "_call.completed"))]
    assert events[-1]["response"]["output"][0].items() >= left.items()


def test_tools_that_the_input_adds_are_offered(serve):
    server = serve("steps: [{when: {tools: [added]}, reply: there}]")
    tool = {"type": "function", "name": "added", "parameters": {"type": "object", "properties": {}}}
    given = [{"type": "additional_tools", "role": "developer", "tools": [tool]}, {"role": "user", "content": "x"}]
    assert create(server, input=given)["output"][0]["content"][0]["text"] == "there"
    assert create(serve(), input=given)["output"][0]["name"] == "added"


def strict(schema):
    return {
        "model": "gpt-4o",
        "input": "x",
        "text": {"format": {"type": "json_schema", "name": "a", "schema": schema, "strict": True}},
    }


def obj(**properties):
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        (
            obj(a={"type": ["object", "null"], "properties": {}}),
            "In context=('properties', 'a'), 'additionalProperties' is required",
        ),
        ({**obj(), "anyOf": [obj()]}, "In context=(), 'anyOf' is not permitted"),
        (obj(a={"enum": list(range(1001))}), "schemas may have 1000 values of enums in total"),
        (obj(a={"enum": [f"{n:0>70}" for n in range(251)]}), "an enum of over 250 values may be 15000 characters long in total"),
        (obj(**{"n" * 120_001: {"type": "string"}}), "names and values of a schema may be 120000 characters long in total"),
    ],
)
def test_more_rules_of_strict_schemas(schema, reason):
    with pytest.raises(ApiError) as caught:
        parse_create(strict(schema))
    assert (caught.value.code, caught.value.param) == ("invalid_json_schema", "text.format.schema")
    assert reason in caught.value.message


def test_strict_functions_of_a_namespace():
    function = {"type": "function", "name": "f", "strict": True, "parameters": {"type": "object", "properties": {"a": {}}}}
    tools = [{"type": "namespace", "name": "n", "description": "d", "tools": [function]}]
    with pytest.raises(ApiError) as caught:
        parse_create({"model": "gpt-4o", "input": "x", "tools": tools})
    assert (caught.value.code, caught.value.param) == ("invalid_function_parameters", "tools[0].tools[0].parameters")


def test_an_output_of_an_earlier_turns_program_is_no_warning():
    assert [load_text(text).warnings for text in (APPROVAL, THOUGHT)] == [(), ()]
