"""Compacting: what comes out, what it holds, who may bring it back; token counts; sealed contents."""

import json

import httpx
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockapi.wire.seal import seal, unseal

SCENARIO = """
steps:
  - when: {endpoint: responses.compact, input: scripted}
    reply:
      - message: A summary of {{ conversation | length }} items.
      - compaction: {encrypted_content: opaque}
  - when: {endpoint: responses.compact, input: broken}
    error: server_error
  - when: {input: weather, tools: [get_weather]}
    reply: [{function_call: {name: get_weather, arguments: {}}}]
  - when: {tool_output: get_weather}
    reply: "{{ tool_outputs.get_weather }}"
  - reply: "turn {{ turn }}: {% for item in conversation %}{{ item.content[0].text if item.type == 'message' else item.type }}|{% endfor %}"
"""
TOOLS = [{"type": "function", "name": "get_weather", "parameters": {"type": "object", "properties": {}}, "strict": False}]


@pytest.fixture
def client(in_process):
    return in_process(SCENARIO)


def say(client, text, **options):
    return client.responses.create(**{"model": "gpt-4o", "input": text, **options})


def dumped(items):
    """Items as a client sends them back; the SDK's own types for compacted user messages warn when they are dumped."""
    found = [json.loads(item.to_json(warnings=False)) for item in items]
    for item in found:
        for part in item.get("content", []):
            part.pop("parsed", None)  # the stream helper's own
    return found


def test_the_body(client):
    first = say(client, "one")
    second = say(client, "two", previous_response_id=first.id)
    body = json.loads(client.responses.compact(model="gpt-4o", previous_response_id=second.id).to_json(warnings=False))
    raw = client.responses.with_raw_response.compact(model="gpt-4o", previous_response_id=second.id)
    assert list(json.loads(raw.text)) == ["id", "object", "created_at", "output", "usage"]
    assert raw.headers["x-ratelimit-limit-requests"] == "30000"
    assert body["object"] == "response.compaction"
    assert body["id"][5:21] == first.id[5:21]
    assert body["id"][21:23] == "01"
    listed = client.responses.input_items.list(second.id, order="asc").data
    assert [(item["type"], item["id"]) for item in body["output"][:2]] == [("message", listed[0].id), ("message", listed[2].id)]
    assert body["output"][0] == {
        "id": listed[0].id, "type": "message", "status": "completed",
        "content": [{"type": "input_text", "text": "one"}], "role": "user",
    }  # fmt: skip
    assert list(json.loads(raw.text)["output"][2]) == ["id", "type", "encrypted_content"]
    assert (body["output"][2]["id"][:4], body["output"][2]["encrypted_content"][:6]) == ("cmp_", "gAAAAA")
    assert body["usage"]["total_tokens"] == body["usage"]["input_tokens"] + body["usage"]["output_tokens"]
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(body["id"])


def test_what_was_compacted_comes_back(client):
    first = say(client, "one")
    second = say(client, "two", previous_response_id=first.id)
    compacted = client.responses.compact(model="gpt-4o", previous_response_id=second.id)
    went_on = say(client, [*dumped(compacted.output), {"role": "user", "content": "three"}])
    assert went_on.output_text == f"turn 3: one|{first.output_text}|two|{second.output_text}|three|"
    assert went_on.id[5:21] == first.id[5:21]
    alone = say(client, [*dumped(compacted.output[-1:]), {"role": "user", "content": "three"}])
    assert alone.output_text == went_on.output_text
    assert alone.usage.input_tokens == went_on.usage.input_tokens  # what stands before the compaction item is not read
    again = client.responses.compact(model="gpt-4o", input=[*dumped(compacted.output), {"role": "user", "content": "three"}])
    assert [item.type for item in again.output] == ["message", "message", "message", "compaction"]
    assert say(client, [*dumped(again.output), {"role": "user", "content": "four"}]).output_text.startswith("turn 3: one|")


def test_open_calls_survive(client):
    asked = say(client, "weather", tools=TOOLS)
    with pytest.raises(openai.BadRequestError, match="No tool output found for function call"):
        client.responses.compact(model="gpt-4o", previous_response_id=asked.id)


def test_a_compaction_is_read_by_chains_too(client):
    compacted = client.responses.compact(
        model="gpt-4o", input=[{"role": "user", "content": "one"}, {"role": "assistant", "content": "ok"}]
    )
    second = say(client, [*dumped(compacted.output), {"role": "user", "content": "two"}])
    third = say(client, "three", previous_response_id=second.id)
    assert third.output_text.startswith("turn 3: ")


@pytest.mark.parametrize("place", [10, 40, -3])
def test_a_changed_one_is_refused(client, place):
    item = json.loads(client.responses.compact(model="gpt-4o", input="one").output[-1].to_json(warnings=False))
    text = item["encrypted_content"]
    item["encrypted_content"] = text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]
    with pytest.raises(openai.BadRequestError) as caught:
        say(client, [item, {"role": "user", "content": "x"}])
    assert caught.value.code == "invalid_encrypted_content"
    assert caught.value.body["message"] == (
        f"The encrypted content for item {item['id']} could not be verified. "
        "Reason: Encrypted content could not be decrypted or parsed."
    )


def test_a_foreign_one_is_refused(in_process):
    mine, other, elsewhere = in_process(SCENARIO), in_process(SCENARIO, seed="other"), in_process(SCENARIO, key="yours")
    item = json.loads(mine.responses.compact(model="gpt-4o", input="one").output[-1].to_json(warnings=False))
    with pytest.raises(openai.BadRequestError, match="could not be decrypted or parsed"):
        say(other, [item, {"role": "user", "content": "x"}])
    with pytest.raises(openai.BadRequestError, match="organization_id did not match the target organization"):
        say(elsewhere, [item, {"role": "user", "content": "x"}])
    lenient = in_process(SCENARIO, seed="other", history="lenient")
    assert say(lenient, [item, {"role": "user", "content": "x"}]).status == "completed"


def test_a_large_past_is_cut_from_its_oldest_end(client):
    history = []
    for number in range(6):
        history += [
            {"role": "user", "content": f"{number} " + "x" * 300_000},
            {"role": "assistant", "content": "ok"},
        ]
    compacted = client.responses.compact(model="gpt-4o", input=history)
    went_on = say(client, [*dumped(compacted.output[-1:]), {"role": "user", "content": "now"}])
    heads = [text[:2] for text in went_on.output_text.removeprefix("turn 7: ").split("|")]
    assert heads == ["ok", "3 ", "ok", "4 ", "ok", "5 ", "ok", "no", ""]


def test_steps_script_the_output(client):
    compacted = client.responses.compact(model="gpt-4o", input="please: scripted")
    assert [item.type for item in compacted.output] == ["message", "compaction"]
    assert compacted.output[0].content[0].text == "A summary of 1 items."
    went_on = say(client, [*dumped(compacted.output), {"role": "user", "content": "x"}])
    assert went_on.output_text == "turn 1: x|"  # the mock knows the text, but nothing of what it holds
    with pytest.raises(openai.InternalServerError):
        client.responses.compact(model="gpt-4o", input="broken")


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"input": "x"}, "missing_required_parameter", "model"),
        ({"model": "gpt-4o"}, "missing_required_parameter", None),
        ({"model": "gpt-4o", "input": []}, "missing_required_parameter", None),
        ({"model": "", "input": "x"}, "model_not_found", "model"),
        ({"model": "gpt-4o", "input": "x", "tools": []}, "unknown_parameter", "tools"),
        ({"model": "gpt-4o", "input": "x", "conversation": "conv_1"}, "unknown_parameter", "conversation"),
        ({"model": "gpt-4o", "previous_response_id": "resp_x"}, "previous_response_not_found", "previous_response_id"),
        ({"model": "gpt-4o", "input": "x", "prompt_cache_key": "k" * 65}, "string_above_max_length", "prompt_cache_key"),
    ],
)
def test_compact_is_checked(client, body, code, param):
    with pytest.raises(openai.BadRequestError) as caught:
        client.post("/responses/compact", body=body, cast_to=object)
    assert (caught.value.code, caught.value.param) == (code, param)


@pytest.mark.parametrize("is_stream", [False, True])
def test_a_response_compacts_its_own_context(client, is_stream):
    history = [{"role": "user", "content": "word " * 1_200}]
    options = {"model": "gpt-4o", "input": history, "context_management": [{"type": "compaction", "compact_threshold": 1_000}]}
    if is_stream:
        with client.responses.stream(**options) as stream:
            events = [event.type for event in stream]
            response = stream.get_final_response()
        assert events[-3:] == ["response.output_item.added", "response.output_item.done", "response.completed"]
    else:
        response = client.responses.create(**options)
    assert [item.type for item in response.output] == ["message", "compaction"]
    assert "context_management" not in json.loads(response.to_json(warnings=False))
    assert response.usage.total_tokens == response.usage.input_tokens + response.usage.output_tokens
    replayed = say(client, [*history, *dumped(response.output), {"role": "user", "content": "next"}])
    alone = say(client, [*dumped(response.output[1:]), {"role": "user", "content": "next"}])
    chained = say(client, "next", previous_response_id=response.id)
    for each in (replayed, alone, chained):
        assert each.output_text.startswith("turn 2: word ")
        assert each.usage.input_tokens < 400
        assert each.id[5:21] == response.id[5:21]


def test_below_its_threshold_nothing_is_compacted(client):
    options = {"context_management": [{"type": "compaction", "compact_threshold": 1_000}]}
    assert [item.type for item in say(client, "short", **options).output] == ["message"]


def test_a_trigger_compacts_at_once(client):
    response = say(client, [{"role": "user", "content": "one"}, {"type": "compaction_trigger"}])
    assert [item.type for item in response.output] == ["message", "compaction"]
    assert say(client, [*dumped(response.output[1:]), {"role": "user", "content": "two"}]).output_text.startswith("turn 2: one|")


def test_counts_agree_with_usage(client):
    first = say(client, "Tell me a joke.")
    assert first.usage.input_tokens == 12
    assert client.responses.input_tokens.count(model="gpt-4o", input="Tell me a joke.").input_tokens == 12
    options = {"input": "weather", "instructions": "Be brief and kind.", "tools": TOOLS}
    assert (
        client.responses.input_tokens.count(model="gpt-4o", **options).input_tokens
        == say(client, "", **options).usage.input_tokens
    )
    options = {"input": "again", "previous_response_id": first.id}
    assert (
        client.responses.input_tokens.count(model="gpt-4o", **options).input_tokens
        == say(client, "", **options).usage.input_tokens
    )
    made = client.conversations.create(items=[{"role": "user", "content": "hello"}])
    options = {"input": "again", "conversation": made.id}
    assert (
        client.responses.input_tokens.count(model="gpt-4o", **options).input_tokens
        == say(client, "", **options).usage.input_tokens
    )
    raw = client.responses.input_tokens.with_raw_response.count(model="gpt-4o", input="x")
    assert list(json.loads(raw.text)) == ["object", "input_tokens"]
    assert "x-ratelimit-limit-requests" not in raw.headers
    assert client.responses.input_tokens.count().input_tokens > 0


def test_a_step_scripts_the_count(in_process):
    client = in_process("steps: [{when: {endpoint: responses.input_tokens}, reply: {usage: {input_tokens: 4321}}}, {reply: x}]")
    assert client.responses.input_tokens.count(model="gpt-4o", input="x").input_tokens == 4321


def test_cached_tokens(client):
    long = "word " * 1_500
    first = say(client, long)
    assert first.usage.input_tokens_details.cached_tokens == 0
    again = say(client, long)
    cached = again.usage.input_tokens_details.cached_tokens
    assert (cached % 128, 1_024 <= cached <= again.usage.input_tokens, again.usage.input_tokens - cached < 128) == (0, True, True)
    chained = say(client, "and then?", previous_response_id=first.id)
    assert chained.usage.input_tokens > first.usage.input_tokens
    assert chained.usage.input_tokens_details.cached_tokens >= cached
    other = say(client, long, instructions="Something else.")
    assert other.usage.input_tokens_details.cached_tokens == 0
    short = say(client, "word " * 100)
    assert (
        say(client, "word " * 100).usage.input_tokens_details.cached_tokens == 0 == short.usage.input_tokens_details.cached_tokens
    )


def test_a_replayed_history_is_cached_as_far_as_it_agrees(client):
    long = [{"role": "user", "content": "word " * 1_500}, {"role": "assistant", "content": "ok"}]
    say(client, [*long, {"role": "user", "content": "first"}])
    second = say(client, [*long, {"role": "user", "content": "second"}])
    assert 0 < second.usage.input_tokens - second.usage.input_tokens_details.cached_tokens < 140
    other = say(client, [{"role": "user", "content": "another start"}, *long])
    assert other.usage.input_tokens_details.cached_tokens == 0


def test_the_cache_belongs_to_a_project(in_process):
    for key in ("a", "b"):
        client = in_process(SCENARIO, key=key)
        assert say(client, "word " * 1_500).usage.input_tokens_details.cached_tokens == 0


@given(st.binary(max_size=2_000), st.integers(0, 3_000), st.binary(min_size=1, max_size=32))
def test_seals_open_again(content, pad_to, key):
    text = seal(key, content, pad_to)
    assert unseal(key, text) == content
    assert text.startswith("gAAAAA")
    assert len(text) >= pad_to - 4
    assert seal(key, content, pad_to) == text
    assert unseal(key + b"x", text) is None


@given(st.binary(max_size=200), st.integers(0), st.sampled_from("AZaz09-_=. é\n"))
def test_changed_seals_do_not(content, place, character):
    text = seal(b"key", content)
    place %= len(text)
    changed = text[:place] + character + text[place + 1 :]
    assert (unseal(b"key", changed) is None) == (changed != text)
    assert unseal(b"key", text[:place]) is None
    assert unseal(b"key", text[:place] + character + text[place:]) is None


TOLD = """
scenario: told
steps:
  - {name: count, when: {endpoint: responses.input_tokens}, reply: {usage: {input_tokens: 5}}}
  - {name: broken, when: {endpoint: responses.compact, body: {/input: broken}}, reply: z, fault: {delay: 1ms}}
  - {name: late, when: {endpoint: responses.compact, body: {/input: late}}, fault: {delay: 1ms}}
  - {name: fold, when: {endpoint: responses.compact, body: {/input: fold}}, reply: z}
"""


@pytest.mark.parametrize(
    ("path", "text", "step", "note"),
    [
        ("input_tokens", "x", "count", "told/count"),
        ("compact", "fold", "fold", "told/fold"),
        ("compact", "broken", "broken", "told/broken, fault delay"),
        ("compact", "late", "late", "fault delay"),
        ("compact", "else", None, None),
    ],
)
def test_the_step_that_answers_is_told(serve, path, text, step, note):
    server = serve(TOLD)
    answer = httpx.post(
        f"{server.base_url}/responses/{path}", json={"model": "gpt-4o", "input": text}, headers={"authorization": "Bearer k"}
    )
    assert answer.status_code == 200
    if text != "late":
        assert answer.headers.get("x-mock-step") == step
    (entry,) = httpx.get(f"{server.url}/_mock/requests", headers={"authorization": "Bearer k"}).json()["data"]
    assert (entry["step"], entry["note"]) == (step, note)
