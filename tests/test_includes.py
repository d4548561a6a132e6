"""What a request's `include`, `max_tool_calls` and `parallel_tool_calls` make of a reply (WIRE.md §3, §11)."""

import json

import pytest
from openai.types.responses import ResponseIncludable

from .conftest import parse_sse

HIDDEN = [
    {"web_search_call": {"query": "q", "sources": ["https://a.example"]}},
    {"file_search_call": {"queries": "q", "results": [{"filename": "a.txt", "file_id": "file-1", "text": "t", "score": 0.5}]}},
    {"code_interpreter_call": {"code": "1", "outputs": "1"}},
    {"reasoning": {"encrypted_content": "secret"}},
    {"message": {"text": "a", "logprobs": [{"token": "a", "logprob": -0.5}]}},
]


def shown(items):
    """Which of the fields that an include adds are there."""
    search, files, code, thought, said = items
    return {
        "web_search_call.action.sources": search["action"].get("sources"),
        "file_search_call.results": files["results"],
        "code_interpreter_call.outputs": code["outputs"],
        "reasoning.encrypted_content": thought.get("encrypted_content"),
        "message.output_text.logprobs": said["content"][0]["logprobs"] or None,
    }


FIELDS = {
    "web_search_call.action.sources": [{"type": "url", "url": "https://a.example"}],
    "file_search_call.results": [{"attributes": {}, "file_id": "file-1", "filename": "a.txt", "score": 0.5, "text": "t"}],
    "code_interpreter_call.outputs": [{"type": "logs", "logs": "1"}],
    "reasoning.encrypted_content": "secret",
    "message.output_text.logprobs": [{"bytes": [97], "logprob": -0.5, "token": "a", "top_logprobs": []}],
}
WITHOUT_EFFECT = {
    "web_search_call.results": "accepted; what it adds was never recorded, and the SDK's type has no field for it",
    "message.input_image.image_url": "about listed input",
    "computer_call_output.output.image_url": "about listed input",
}


@pytest.mark.parametrize("included", [None, *FIELDS, *WITHOUT_EFFECT])
def test_an_include_adds_exactly_its_field(serve, included):
    server = serve(json.dumps({"steps": [{"reply": HIDDEN}]}), capabilities="off")
    body = {"model": "gpt-4o", "input": "x", "include": [included] if included else []}
    wanted = {name: value if name == included else None for name, value in FIELDS.items()}
    assert shown(server.post(body).json()["output"]) == wanted
    events = [data for _, data in parse_sse(server.post({**body, "stream": True}).text)]
    assert shown([event["item"] for event in events if event["type"].endswith("item.done")]) == wanted
    assert shown(events[-1]["response"]["output"]) == wanted


def test_every_include_is_one_or_the_other():
    assert {*FIELDS, *WITHOUT_EFFECT} == set(ResponseIncludable.__args__)


HOSTED = ["web_search_call", "file_search_call", "code_interpreter_call"]


def test_max_tool_calls_drops_further_hosted_calls(serve):
    """And what answers them; calls of the client's do not count."""
    container = {"shell_call": {"commands": "ls", "environment": "container"}}
    reply = [
        {"function_call": {"name": "f"}}, *({kind: "q"} for kind in HOSTED), container, {"shell_call_output": "a"}, {"message": "b"}
    ]  # fmt: skip
    server = serve(json.dumps({"steps": [{"reply": reply}]}))
    for most, kept in ((None, 7), (3, 5), (4, 7), (1, 3)):
        output = server.post({"model": "gpt-5", "input": "x", "max_tool_calls": most}).json()["output"]
        assert len(output) == kept
        assert output[-1]["type"] == "message"


def test_without_parallel_calls_the_client_gets_one(serve):
    reply = [{"web_search_call": "q"}, {"shell_call": "ls"}, {"function_call": {"name": "f"}}, {"web_search_call": "q"}]
    server = serve(json.dumps({"steps": [{"reply": reply}]}))
    output = server.post({"model": "gpt-5", "input": "x", "parallel_tool_calls": False}).json()["output"]
    assert [item["type"] for item in output] == ["web_search_call", "shell_call", "web_search_call"]


def test_searches_are_counted_when_they_have_been_made(serve):
    page = {"web_search_call": {"action": {"type": "open_page", "url": "https://a.example"}}}
    server = serve(json.dumps({"steps": [{"reply": [{"web_search_call": "a"}, page, {"web_search_call": "b"}]}]}))
    events = [data for _, data in parse_sse(server.post({"model": "gpt-5", "input": "x", "stream": True}).text)]
    counts = [event["response"]["tool_usage"]["web_search"]["num_requests"] for event in events if "response" in event]
    assert counts == [0, 0, 2]


def test_scripted_tool_usage_wins(serve):
    server = serve(json.dumps({"steps": [{"reply": {"output": [{"web_search_call": "a"}], "tool_usage": {"mine": 1}}}]}))
    assert server.post({"model": "gpt-5", "input": "x"}).json()["tool_usage"] == {"mine": 1}


def test_a_get_can_include_what_the_create_did_not(in_process):
    client = in_process("""
steps:
  - reply:
      - reasoning: Hm.
      - file_search_call: {queries: [a], results: [{file_id: file-1, filename: a.txt, score: 0.5, text: found}]}
      - code_interpreter_call: {code: print(1), outputs: [{type: logs, logs: "1"}]}
      - message: done
""")
    made = client.responses.create(model="gpt-5", input="x")
    plain = client.responses.retrieve(made.id)
    assert [plain.output[0].encrypted_content, plain.output[1].results, plain.output[2].outputs] == [None, None, None]
    include = ["reasoning.encrypted_content", "file_search_call.results", "code_interpreter_call.outputs"]
    full = client.responses.retrieve(made.id, include=include)
    assert full.output[0].encrypted_content.startswith("gAAAAA")
    assert (full.output[1].results[0].text, full.output[2].outputs[0].logs) == ("found", "1")
    assert [item.id for item in full.output] == [item.id for item in plain.output]
    client.responses.create(model="gpt-5", input=[*full.output, {"role": "user", "content": "go on"}], store=False)
