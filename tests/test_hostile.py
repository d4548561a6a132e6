"""What hostile readers found, held: each case once broke something."""

import asyncio
import json
import re

import httpx
import pytest
from openai.types.responses import Response
from pydantic import TypeAdapter
from starlette.testclient import TestClient

from mockapi.engine import score as score_module
from mockapi.engine.items import Shaping
from mockapi.engine.pace import Pace
from mockapi.engine.score import ScoreKey, score_of
from mockapi.errors import ScenarioError
from mockapi.scenario.load import load_file, load_text
from mockapi.scenario.reply import message_drafts
from mockapi.server import build_app
from mockapi.settings import Settings

from .conftest import make_app, parse_sse

AUTH = {"authorization": "Bearer k"}


def ask(text, body=None, **settings):
    """One answer of an application with this scenario."""
    client = TestClient(make_app(text, **settings), raise_server_exceptions=False)
    return client.post("/v1/responses", json={"model": "gpt-4o", "input": "hi", **(body or {})}, headers=AUTH)


@pytest.mark.parametrize(
    "text",
    [
        "steps: [{when: {body: {/metadata: {equals: 1}}}, reply: x}]",
        "steps: [{when: {body: {/x: {any: 5}}}, reply: x}]",
        "steps: [{when: {body: {/input: {matches: '('}}}, reply: x}]",
        "steps: [{when: {input: '/a{99999999999999}/'}, reply: x}]",
        "steps: [{reply: '{{ input is foo }}'}]",
        "steps: [{reply: '{{ " + "+".join(["1"] * 1200) + " }}'}]",
        "steps: [{reply: '{{ " + "[" * 100 + "]" * 100 + " }}'}]",
        "steps: [{reply: '" + "{% if input %}" * 150 + "{% endif %}" * 150 + "'}]",
        "steps: [{reply: [{json: {x: .inf}}]}]",
        "steps: [{reply: [{json: {x: .nan}}]}]",
        "steps: [{reply: x, pace: {chunk: 5000000000}}]",
        "steps: [{reply: x, pace: {first: " + "9" * 400 + "h}}]",
        "steps: [{reply: [{message: {text: hi, logprobs: [{logprob: -0.1}]}}]}]",
        "steps: [{reply: [{message: {text: hello world, logprobs: [{token: xx, logprob: -0.1}]}}]}]",
        "steps: [{reply: [{type: message, content: [{type: output_text, text: hi, logprobs: [1]}]}]}]",
        "steps: [{reply: [{type: message, content: [{type: output_text, text: hi, annotations: [a]}]}]}]",
        "steps: [{reply: [{type: message, content: [{type: summary_text, text: hi}]}]}]",
        "steps: [{reply: [{message: {text: a, content: [{text: b}]}}]}]",
        "steps: [{reply: [{message: {text: a, annotations: [{type: file_citation, file_id: f, index: 0}]}}]}]",
        "steps: [{reply: [{function_call: {name: f, is_async: true}}]}]",
        'steps: [{error: {status: 400, headers: {content-length: "3"}}}]',
        'steps: [{error: {status: 400, headers: {x a: "3"}}}]',
        'steps: [{error: {status: 400, headers: {x-a: "a\\r\\nb"}}}]',
        "steps: [{error: {status: 400, headers: {x-€: a}}}]",
    ],
    ids=range(24),
)
def test_refused_at_load_with_its_place(text):
    with pytest.raises(ScenarioError) as caught:
        load_text(text)
    assert re.match(r"scenario:\d+:\d+: ", str(caught.value.problems[0]))


@pytest.mark.parametrize("depth", [5_000, 40_000, 200_000])
def test_deep_files_are_refused_without_a_crash(depth):
    for text in ("steps: " + "[" * depth, "steps: " + "[" * depth + "]" * depth, "- " * depth + "x"):
        with pytest.raises(ScenarioError, match=r"nested deeper|is not YAML"):
            load_text(text)


def test_an_alias_bomb_of_characters_is_refused():
    text = f'steps: [{{reply: [{{json: [&a "{"x" * 100_000}"{", *a" * 1_500}]}}]}}]'
    with pytest.raises(ScenarioError, match="alias bomb"):
        load_text(text)


def test_names_come_from_the_whole_stem_and_are_checked(tmp_path):
    for name in ("v1.2.yaml", "日本.yaml", "UPPER.YAML"):
        (tmp_path / name).write_text("steps: []")
    assert load_file(tmp_path / "v1.2.yaml").name == "v1.2"
    with pytest.raises(ScenarioError, match="cannot be the scenario's name"):
        load_file(tmp_path / "日本.yaml")


def test_json_files_may_escape_what_python_escapes(tmp_path):
    path = tmp_path / "s.json"
    path.write_text(json.dumps({"steps": [{"reply": "😀 and \\ud83d"}]}))
    with TestClient(build_app(Settings(clock="virtual", paths=(path,)))) as client:
        body = client.post("/v1/responses", json={"model": "m", "input": "x"}, headers=AUTH).json()
    assert body["output"][0]["content"][0]["text"] == "😀 and \\ud83d"


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        ("{{ turn }}{# c #}", "1"),
        ("{# c #}{{ turn }}", "1"),
        ("x {{ none }} y", "x  y"),
        ("{{ request.metadata }} {{ request.metadata }}", '{"a":"b"} {"a":"b"}'),
        ("{{ [1, 2] | map('string') | list }}", '["1","2"]'),
        ("{{ 2.5 | round }} {{ 2.25 | round(1) }}", "2.0 2.2"),
    ],
)
def test_templates_write_data(reply, text):
    answer = ask(f"steps: [{{reply: {json.dumps(reply)}}}]", {"metadata": {"a": "b"}})
    assert answer.json()["output"][0]["content"][0]["text"] == text


@pytest.mark.parametrize(
    "reply",
    [
        "{{ input.upper }}",
        "x {{ self }}",
        "{% for i in [1] %}{{ loop }}{% endfor %}",
        "{{ input|list|join(input) }}",
        "{{ input|replace('a', input) }}",
        "{{ turn|round(300000000) }}",
        "{% for a in input|list %}{% for b in input|list %}x{% endfor %}{% endfor %}",
        "{% for a in '" + "x" * 150 + "'|list %}{% for b in '" + "x" * 150 + "'|list %}x{% endfor %}{% endfor %}",
    ],
)
def test_templates_that_leak_or_burn_fail_quickly(reply):
    answer = ask(f"steps: [{{reply: {json.dumps(reply)}}}]", {"input": "a" * 20_000})
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "mock_template_error")
    assert "0x" not in answer.text


def test_infinite_numbers_never_go_out():
    answer = ask('steps: [{reply: [{function_call: {name: f, arguments: {a: "{{ 1e308 * 10 }}"}}}]}]')
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "mock_template_error")
    body = b'{"model": "m", "input": "x", "tools": [{"type": "function", "name": "f", "parameters": {"maximum": 1e999}}]}'
    with TestClient(make_app("steps: []")) as client:
        assert client.post("/v1/responses", content=body, headers=AUTH).json()["error"]["code"] == "invalid_json"


TEMPLATED = """
steps:
  - reply:
      id: ~
      model: "m{{ turn }}"
      metadata: {t: "{{ turn }}"}
      output:
        - message: {text: "{{ turn }}", id: ~, status: ~, phase: ~}
        - function_call: {name: "{{ turn }}", call_id: "{{ turn }}", arguments: {n: "{{ turn }}", l: "{{ request.tools }}"}}
        - {type: message, content: [{type: output_text, text: "{{ turn }}", annotations: []}]}
        - {type: function_call, name: f, call_id: c, arguments: "{{ request.metadata }}", id: ~}
        - custom_tool_call: {name: c, input: "{{ request.metadata }}"}
        - reasoning: {summary: ["{{ turn }}"]}
"""


@pytest.mark.parametrize("stream", [False, True])
def test_templated_replies_validate_under_the_sdk(stream):
    answer = ask(TEMPLATED, {"stream": stream, "tools": [], "metadata": {"a": "b"}})
    body = parse_sse(answer.text)[-1][1]["response"] if stream else answer.json()
    TypeAdapter(Response).validate_python(body)
    assert body["id"].startswith("resp_")
    assert (body["model"], body["metadata"]) == ("m1", {"t": "1"})
    message, call, verbatim, raw_call, custom, _ = body["output"]
    assert (message["id"][:4], message["status"], "phase" in message) == ("msg_", "completed", False)
    assert (call["call_id"], json.loads(call["arguments"])) == ("1", {"n": 1, "l": []})
    assert verbatim["content"][0]["text"] == "1"
    assert raw_call["arguments"] == custom["input"] == '{"a":"b"}'
    assert raw_call["id"].startswith("fc_")


def test_verbatim_items_are_always_sent():
    text = "steps: [{reply: [{type: function_call, name: f, call_id: a, arguments: x, verbatim: false}, {type: function_call, name: g, call_id: b, arguments: x}]}]"
    output = ask(text, {"parallel_tool_calls": False}).json()["output"]
    assert [item["name"] for item in output] == ["f", "g"]
    assert output[0]["verbatim"] is False


@pytest.mark.parametrize(
    "use",
    [
        "{{ tool_outputs.get_w.t }}",
        "{{ tool_outputs['get_w'].t }}",
        "{% for k in tool_outputs %}{{ tool_outputs[k].t }}{% endfor %}",
    ],
)
def test_tool_outputs_are_the_same_through_a_chain(serve, use):
    server = serve(
        f"""
steps:
  - when: {{input: call}}
    reply: [{{function_call: {{name: get_w}}}}]
  - when: {{tool_output: get_w}}
    reply: thanks
  - reply: {json.dumps(use)}
"""
    )
    first = server.post({"model": "m", "input": "call"}).json()
    output = {"type": "function_call_output", "call_id": first["output"][0]["call_id"], "output": '{"t": 5}'}
    second = server.post({"model": "m", "input": [output], "previous_response_id": first["id"]}).json()
    third = server.post({"model": "m", "input": "now", "previous_response_id": second["id"]}).json()
    assert third["output"][0]["content"][0]["text"] == "5"


@pytest.mark.parametrize(
    ("extra", "status", "param", "code"),
    [
        ({"<b>": 1}, 400, "<b>", "unknown_parameter"),
        ({"[key]": 1}, 400, "[key]", "unknown_parameter"),
        ({"text": {"<x>": 1}}, 400, "text.<x>", "unknown_parameter"),
        ({"metadata": {"<a": 5}}, 400, "metadata.<a", "invalid_type"),
        ({"tools": [{"type": "code_interpreter", "container": 3}]}, 400, "tools[0].container", "invalid_type"),
        ({"tools": [{"type": "mcp", "server_label": "m", "require_approval": "x"}]}, 400, "tools[0].require_approval", "invalid_value"),
        ({"prompt": {"id": "pmpt_1", "variables": {"a": 3}}}, 400, "prompt.variables.a", "invalid_type"),
        ({"input": [{"type": "user", "content": "a"}]}, 400, "input[0]", "invalid_value"),
        ({"input": [{"type": None, "id": "msg_1"}]}, 404, "input", None),
        ({"model": ""}, 400, "model", "model_not_found"),
        ({"stream_options": {}}, 400, "stream_options", None),
        ({"tool_choice": "required"}, 400, "tool_choice", None),
        ({"tools": [{"type": "custom", "name": "c"}], "tool_choice": {"type": "function", "name": "f"}}, 400, "tool_choice", None),
    ],
)  # fmt: skip
def test_told_at_the_right_place(extra, status, param, code):
    answer = ask("steps: [{reply: fine}]", extra)
    error = answer.json()["error"]
    assert (answer.status_code, error["param"], error["code"]) == (status, param, code)


def test_a_million_wrong_items_are_one_error():
    answer = ask("steps: []", {"input": [1] * 1_000_000})
    assert answer.json()["error"]["param"] == "input[0]"
    answer = ask("steps: []", {"truncation": "x" * 5_000_000})
    assert len(answer.content) < 3_000


def test_scripted_headers_win():
    text = (
        'steps: [{error: {status: 400, headers: {X-Request-Id: req_mine, Content-Type: text/weird, openai-processing-ms: "77"}}}]'
    )
    answer = ask(text)
    assert (answer.headers["x-request-id"], answer.headers["openai-processing-ms"]) == ("req_mine", "77")
    assert answer.headers.get_list("content-type") == ["text/weird"]
    assert (answer.headers["x-mock-scenario"], answer.headers["x-mock-step"]) == ("test", "step 1")


def test_a_header_that_a_template_breaks_is_told():
    answer = ask('steps: [{error: {status: 400, headers: {x-a: "{{ input }}"}}}]', {"input": "a\r\nx-evil: 1"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "mock_template_error")


def test_a_file_may_ask_for_the_automatic_answer():
    assert ask("unmatched: auto\nsteps: []", unmatched="error").status_code == 200
    assert ask("steps: []", unmatched="error").status_code == 422


def test_a_background_run_with_pace_takes_polls_under_the_virtual_clock():
    client = TestClient(make_app("steps: [{pace: {first: 1s, rate: 10/s}, reply: one two}]"))
    created = client.post("/v1/responses", json={"model": "m", "input": "x", "background": True}, headers=AUTH).json()
    assert created["status"] == "queued"
    states = [client.get(f"/v1/responses/{created['id']}", headers=AUTH).json()["status"] for _ in range(3)]
    assert states == ["in_progress", "in_progress", "completed"]  # 1.1 s, a second each poll


def test_the_first_wait_passes_without_deltas_too():
    answer = ask("steps: [{pace: {first: 2s}, fail: server_error}]")
    assert answer.headers["openai-processing-ms"] == "2000"


def test_usage_of_a_response_stopped_by_its_limit():
    text = "steps: [{incomplete: max_output_tokens, reply: [{reasoning: " + "word " * 50 + "}, {message: " + "word " * 50 + "}]}]"
    body = ask(text, {"max_output_tokens": 16}).json()
    assert (body["status"], body["usage"]["output_tokens"]) == ("incomplete", 16)
    assert body["output"][-1]["content"][0]["text"].split() == ["word"] * 16


def test_the_named_scenario_is_part_of_a_requests_identity(serve, tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.yaml").write_text("steps: [{reply: x}]")

    def run():
        server = serve(paths=(tmp_path,))

        async def race():
            async with httpx.AsyncClient(base_url=server.base_url, headers=AUTH, timeout=20) as client:
                body = {"model": "m", "input": "same"}
                calls = (client.post("/responses", json=body, headers={"x-mock-scenario": "ab"[n % 2]}) for n in range(20))
                return sorted((a.headers["x-mock-scenario"], a.json()["id"]) for a in await asyncio.gather(*calls))

        return asyncio.run(race())

    assert run() == run()


def test_the_last_use_of_a_step_is_given_once(serve):
    server = serve("steps: [{times: 3, reply: rare}, {reply: common}]")

    async def race():
        async with httpx.AsyncClient(base_url=server.base_url, headers=AUTH, timeout=20) as client:
            answers = await asyncio.gather(*(client.post("/responses", json={"model": "m", "input": "x"}) for _ in range(24)))
            return [answer.json()["output"][0]["content"][0]["text"] for answer in answers]

    assert sorted(asyncio.run(race())) == ["common"] * 21 + ["rare"] * 3


@pytest.mark.parametrize(
    ("query", "status", "message"),
    [
        ("?upstream=true", 200, None),
        ("?stream=false", 200, None),
        ("?stream=1", 400, "Invalid type for 'stream'"),
        ("?stream=true", 400, "This response cannot be streamed because it was not created with background=true."),
    ],
)
def test_the_query_of_a_get(query, status, message):
    client = TestClient(make_app("steps: [{reply: hi}]"))
    created = client.post("/v1/responses", json={"model": "m", "input": "x"}, headers=AUTH).json()
    answer = client.get(f"/v1/responses/{created['id']}{query}", headers=AUTH)
    assert answer.status_code == status
    assert message is None or message in answer.json()["error"]["message"]


def test_errors_of_known_callers_carry_the_real_headers_and_ids_of_their_own():
    client = TestClient(make_app("steps: []"))
    first, second = (client.get("/v1/responses/resp_x", headers=AUTH) for _ in range(2))
    assert first.headers["openai-organization"] == "org-mock"
    assert first.headers["openai-project"].startswith("proj_")
    assert first.headers["x-request-id"] != second.headers["x-request-id"]


def test_no_request_writes_log_lines_of_its_own(caplog):
    with TestClient(make_app("steps: []")) as client, caplog.at_level("INFO", "mockapi"):
        for path in ("/v1/responses/resp_x%0aPOST%20FORGED%20200", "/foo%0abar"):
            answer = client.get(path, headers=AUTH)
            assert answer.status_code == 404
            assert "x-request-id" in answer.headers
    assert len(caplog.messages) == 2
    assert all("\n" not in message for message in caplog.messages)


@pytest.mark.parametrize(
    ("key", "content_type", "shown"),
    [
        ("sk-proj-abcdefghijklmnop", "text/plain", "sk-proj-************mnop"),
        ("invalid-key", "application/json", "invalid-key"),
        ("test-context-key", "application/json", "test-con****-key"),
    ],
)
def test_wrong_keys_get_the_two_forms_of_401(key, content_type, shown):
    client = TestClient(make_app("steps: [{reply: hi}]", api_keys=("good", "better")))
    answer = client.post("/v1/responses", json={}, headers={"authorization": f"Bearer {key}"})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == content_type
    assert answer.headers["www-authenticate"] == 'Bearer realm="OpenAI API"'
    body = answer.json()
    assert body["error"]["message"] == (
        f"Incorrect API key provided: {shown}. You can find your API key at https://platform.openai.com/account/api-keys."
    )
    assert body["error"]["code"] == "invalid_api_key"
    assert (body.get("status"), list(body["error"])[2]) == ((401, "code") if content_type == "text/plain" else (None, "param"))
    for good in ({"authorization": "Bearer good"}, {"api-key": "better"}):
        assert client.post("/v1/responses", json={"model": "m", "input": "x"}, headers=good).status_code == 200


def test_models_can_be_listed():
    for model, status in (("gpt-5.6", 200), ("gpt-4o", 400)):
        answer = ask("steps: [{reply: hi}]", {"model": model}, models=("gpt-5*",))
        assert answer.status_code == status
    assert answer.json()["error"] == {
        "message": "The requested model 'gpt-4o' does not exist.",
        "type": "invalid_request_error",
        "param": "model",
        "code": "model_not_found",
    }


REASONING = {"model": "gpt-5.6"}


@pytest.mark.parametrize(
    ("body", "code", "param", "message"),
    [
        ({**REASONING, "temperature": 0.5}, None, "temperature", "Unsupported parameter: 'temperature' is not supported with this model."),
        ({**REASONING, "top_p": 1}, None, "top_p", "Unsupported parameter: 'top_p' is not supported with this model."),
        ({**REASONING, "presence_penalty": 1}, None, "presence_penalty", "Unsupported parameter: 'presence_penalty' is not supported with this model."),
        ({**REASONING, "frequency_penalty": 1, "temperature": 0}, None, "temperature", "Unsupported parameter: 'temperature' is not supported with this model."),
        ({**REASONING, "top_logprobs": 2}, "unsupported_parameter", "top_logprobs", "logprobs are not supported with reasoning models."),
        ({**REASONING, "include": ["message.output_text.logprobs"], "top_logprobs": 2}, "unsupported_parameter", "include", "logprobs are not supported with reasoning models."),
        ({**REASONING, "reasoning": {"effort": "minimal"}}, "unsupported_value", "reasoning.effort", "Unsupported value: 'minimal' is not supported with the 'gpt-5.6' model. Supported values are: 'none', 'low', 'medium', 'high', 'xhigh', and 'max'."),
        ({**REASONING, "prompt_cache_retention": "in_memory"}, "invalid_parameter", "prompt_cache_retention", "This model is compatible only with 24h extended prompt caching"),
        ({"reasoning": {"effort": "low"}}, "unsupported_parameter", "reasoning.effort", "Unsupported parameter: 'reasoning.effort' is not supported with this model."),
        ({"include": ["reasoning.encrypted_content"]}, None, "include", "Encrypted content is not supported with this model."),
        ({"model": "gpt-4.1-mini", "text": {"verbosity": "low"}}, "unsupported_value", "text.verbosity", "Unsupported value: 'low' is not supported with the 'gpt-4.1-mini' model. Supported values are: 'medium'."),
    ],
)  # fmt: skip
def test_models_refuse_what_the_real_ones_do(body, code, param, message):
    answer = ask("steps: [{reply: hi}]", body)
    assert answer.status_code == 400
    assert answer.json()["error"] == {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    assert ask("steps: [{reply: hi}]", body, capabilities="off").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {**REASONING, "temperature": 1},
        {**REASONING, "temperature": 0.5, "reasoning": {"effort": "none"}},
        {"model": "gpt-5.2", "top_p": 0.5},
        {"temperature": 0.5, "top_p": 0.5},
    ],
)
def test_models_accept_what_the_real_ones_do(body):
    assert ask("steps: [{reply: hi}]", body).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"model": 7, "input": "x"},
        {"input": [{"bogus": 1}, {"role": "user", "content": "kept"}]},
        {"temperature": "hot", "tools": [{"type": "nope"}, {"type": "web_search"}], "bogus": 1},
        {"metadata": {"a": 1}, "reasoning": "x", "stream_options": {"include_usage": True}},
        {"messages": [], "include": ["bogus"], "text": {"format": {}}},
    ],
)
def test_validation_off_takes_defaults(body):
    answer = ask("steps: [{reply: '{{ input }}'}]", body, validation="off")
    assert answer.status_code == 200, answer.text
    TypeAdapter(Response).validate_python(answer.json())
    if isinstance(body.get("input"), list):
        assert answer.json()["output"][0]["content"][0]["text"] == "kept"


def test_scores_are_kept_by_bytes_and_only_of_constant_replies(monkeypatch):
    shelf = score_module._Shelf(most_bytes=100_000)
    monkeypatch.setattr(score_module, "_SHELF", shelf)
    for n in range(300):
        score_of(message_drafts(f"number {n}"), ScoreKey(), is_constant=True)
    assert shelf._bytes <= 100_000
    assert 5 < len(shelf._scores) < 100
    kept = len(shelf._scores)
    score_of(message_drafts("templated"), ScoreKey())
    score_of(message_drafts("jittered"), ScoreKey(pace=Pace(jitter=0.5), seed="s"), is_constant=True)
    score_of(message_drafts("long " * 5_000), ScoreKey(shaping=Shaping(has_logprobs=True)), is_constant=True)
    assert len(shelf._scores) == kept
