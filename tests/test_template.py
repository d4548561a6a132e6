"""Templates: whole expressions keep their type; what goes wrong at run time is told with file and line."""

import json

import pytest


def reply(serve, template, **body):
    """The text of a one-message reply."""
    server = serve(f"steps:\n  - reply: {json.dumps(template)}\n")
    answer = server.post({"model": "gpt-4o", "input": "Hello World", **body}).json()
    return answer["output"][0]["content"][0]["text"] if "output" in answer else answer["error"]


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("You said {{ input }}", "You said Hello World"),
        ("{{ input | upper }}", "HELLO WORLD"),
        ("{{ turn }}", "1"),
        ("{{ request.model }} {{ request.metadata.a }}", "gpt-4o b"),
        ("{{ request.metadata }}", '{"a":"b"}'),
        ("{% if turn == 1 %}first{% else %}later{% endif %}", "first"),
        ("{% for word in ['a', 'b'] %}{{ loop.index }}{{ word }} {% endfor %}", "1a 2b "),
        ("{{ missing | default('none') }}", "none"),
        ("{{ '{{' }} literal", "{{ literal"),
        ("{{ conversation[0].content[0].text }}", "Hello World"),
        ("{{ -1 + 3 * 2 }}", "5"),
        ("{{- 1 -}}", "1"),
        ("{{ previous }}", ""),
        ("plain } text { with % signs", "plain } text { with % signs"),
        ("{{ request.metadata.items }}", "an item"),
    ],
)
def test_rendered(serve, template, text):
    assert reply(serve, template, metadata={"a": "b", "items": "an item"} if "items" in template else {"a": "b"}) == text


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ nope }}", "'nope' is undefined"),
        ("{{ request.nope }}", "has no attribute 'nope'"),
        ("{{ match.nope }}", "has no attribute 'nope'"),
        ("hi {{ 1 / 0 }}", "division by zero"),
        ("{{ 'a' * 100000000 }}", "* is for numbers"),
        ("{{ 'x%s' % 3 }}", "% is for numbers"),
        ("{{ input.__class__ }}", "unsafe"),
        (
            "{% for c in conversation | string | list %}x{% endfor %}{% for a in request.metadata.long %}{% endfor %}",
            "200 elements",
        ),
    ],
)
def test_failing_at_run_time_is_told_with_file_and_line_and_not_retried(serve, template, reason):
    server = serve(f"steps:\n  - reply:\n      - message: {json.dumps(template)}\n")
    answer = server.post({"model": "gpt-4o", "input": "x", "metadata": {"long": "x" * 300}})
    assert answer.status_code == 500
    error = answer.json()["error"]
    assert error["code"] == "mock_template_error"
    assert "test:3" in error["message"]
    assert reason in error["message"]
    assert answer.headers["x-should-retry"] == "false"
    assert server.post({"model": "gpt-4o", "input": "x", "metadata": {"a": "b"}}).status_code == 500


def test_whole_expressions_keep_their_type(serve):
    server = serve(
        """
steps:
  - reply:
      - function_call:
          name: f
          arguments: {n: "{{ turn }}", text: "{{ turn }}!", list: "{{ request.tools }}", none: "{{ previous }}"}
      - json: {flag: "{{ request.stream | default(false) }}", words: "{{ ['a', input] }}"}
"""
    )
    output = server.post({"model": "gpt-4o", "input": "x", "tools": []}).json()["output"]
    assert json.loads(output[0]["arguments"]) == {"n": 1, "text": "1!", "list": [], "none": None}
    assert json.loads(output[1]["content"][0]["text"]) == {"flag": False, "words": ["a", "x"]}


def test_errors_and_failures_are_templates_too(serve):
    server = serve(
        """
steps:
  - when: {input: refuse}
    error: {status: 418, message: "{{ input }} is a teapot", code: teapot}
  - fail: {code: server_error, message: "no {{ input }}"}
"""
    )
    answer = server.post({"model": "gpt-4o", "input": "refuse"})
    assert (answer.status_code, answer.json()["error"]["message"]) == (418, "refuse is a teapot")
    assert server.post({"model": "gpt-4o", "input": "luck"}).json()["error"]["message"] == "no luck"
