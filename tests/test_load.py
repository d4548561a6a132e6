"""Scenario files: everything that can be refused is refused at load, with file:line:column, the key, and what was meant."""

from base64 import b64encode
from pathlib import Path

import pytest

from mockapi.errors import ScenarioError, UsageError
from mockapi.scenario.load import find_files, load_file, load_paths, load_text
from mockapi.wire.json import loads

from .conftest import SCENARIOS


def problems(text: str) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        load_text(text, "f.yaml")
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("stepps: []", ["f.yaml:1:1: stepps: unknown key; did you mean 'steps'?", "f.yaml:1:1: steps: this key is required"]),
        ("steps: 3", ["f.yaml:1:1: steps: expected a list, got a number"]),
        ("", ["f.yaml:1:1: is empty; it needs at least `steps:`"]),
        ("[]", ["f.yaml:1:1: expected a mapping, got a list"]),
        (
            "steps:\n  - when: {inptu: x}\n    reply: x",
            ["f.yaml:2:12: steps[0].when.inptu: unknown key; did you mean 'input'?"],
        ),
        (
            "steps:\n  - reply: No",
            ['f.yaml:2:5: steps[0].reply: expected text, a list of items, or a mapping, got a boolean; quote it: "No"'],
        ),
        (
            "steps:\n  - reply: 42",
            ['f.yaml:2:5: steps[0].reply: expected text, a list of items, or a mapping, got a number; quote it: "42"'],
        ),
        (
            "steps:\n  - reply:\n    - message: 42",
            [
                "f.yaml:3:7: steps[0].reply[0].message: expected text, or a mapping with the long form, got a number; "
                'quote it: "42"'
            ],
        ),
        (
            "steps:\n  - reply:\n    - messag: hi",
            ["f.yaml:3:7: steps[0].reply[0]: unknown item type 'messag'; did you mean 'message'?"],
        ),
        (
            "steps:\n  - reply:\n    - hi",
            ["f.yaml:3:7: steps[0].reply[0]: expected an item: a mapping with one key, its type; got 'hi'"],
        ),
        (
            "steps:\n  - reply:\n    - function_call: {arguments: {}}",
            ["f.yaml:3:7: steps[0].reply[0].function_call.name: this key is required"],
        ),
        (
            "steps:\n  - reply:\n    - {type: function_call, name: f}",
            ["f.yaml:3:7: steps[0].reply[0].arguments: this key is required"],
        ),
        (
            "steps:\n  - reply:\n    - message: {txt: hi}",
            ["f.yaml:3:17: steps[0].reply[0].message.txt: unknown key; did you mean 'text'?"],
        ),
        ("steps:\n  - {}", ["f.yaml:2:5: steps[0]: a step needs one of reply, error, fail, incomplete, fault"]),
        (
            "steps:\n  - {reply: x, error: server_error}",
            ["f.yaml:2:5: steps[0]: error together with reply needs chance: how often the error comes"],
        ),
        (
            "steps:\n  - error: rate_limit",
            ["f.yaml:2:5: steps[0].error: unknown error code; did you mean 'rate_limit_exceeded'?"],
        ),
        ("steps:\n  - {reply: x, incomplete: never}", [
            "f.yaml:2:16: steps[0].incomplete: expected 'max_output_tokens' or 'content_filter', got 'never'"
        ]),
        (
            "steps:\n  - {reply: x, pace: {first: 3}}",
            ["f.yaml:2:23: steps[0].pace.first: a duration is written like 250ms, 2s, 10m or 1h30m"],
        ),
        (
            "steps:\n  - {reply: x, pace: {rate: 0/s}}",
            ["f.yaml:2:23: steps[0].pace.rate: a rate is written like 50/s or 600/m"],
        ),
        (
            "steps:\n  - {reply: x, when: {input: 42}}",
            ["f.yaml:2:23: steps[0].when.input: expected text, got 42; quote it"],
        ),
        (
            "steps:\n  - {reply: x, when: {input: /(/}}",
            ["f.yaml:2:23: steps[0].when.input: not a regular expression: missing ) at position 1"],
        ),
        (
            "steps:\n  - {reply: x, when: {endpoint: responses.retrieve}}",
            ["f.yaml:2:5: steps[0]: reply is for responses.create, compact and input_tokens; other endpoints take error and fault"],
        ),
        (
            "steps:\n  - {error: server_error, when: {endpoint: responses.retreive}}",
            ["f.yaml:2:34: steps[0].when.endpoint: unknown endpoint; did you mean 'responses.retrieve' or 'responses.create' or 'responses.delete'?"],
        ),
        (
            "steps:\n  - {fail: server_error, when: {endpoint: responses.compact}}",
            ["f.yaml:2:5: steps[0]: fail and incomplete end a response: they are for responses.create alone"],
        ),
        (
            "prompts: {p: {}}\nsteps: []",
            ["f.yaml:1:11: prompts.p: must match the pattern ^pmpt_"],
        ),
        (
            "prompts: {pmpt_1: {messages: [{txt: hi}]}}\nsteps: []",
            [
                "f.yaml:1:31: prompts.pmpt_1.messages[0].text: this key is required",
                "f.yaml:1:32: prompts.pmpt_1.messages[0].txt: unknown key; did you mean 'text'?",
            ],
        ),
        (
            "conversations: {conv_1: {items: [hi]}}\nsteps: []",
            ["f.yaml:1:34: conversations.conv_1.items[0]: expected an item, got 'hi'"],
        ),
        (
            "responses: {resp_1: {output: 3}}\nsteps: []",
            ["f.yaml:1:22: responses.resp_1.output: expected text or a list of items, got a number; quote it: \"3\""],
        ),
        (
            "rate_limits: {gpt-4o: {rmp: 60, tpm: 0}}\nsteps: []",
            [
                "f.yaml:1:24: rate_limits.gpt-4o.rmp: unknown key; did you mean 'rpm'?",
                "f.yaml:1:33: rate_limits.gpt-4o.tpm: tpm is a whole number from 1 to 1000000000, got 0",
            ],
        ),
        (
            "rate_limits: {gpt-4o: {}, o1: 60rpm, 'x*': {rpm: '60'}}\nsteps: []",
            [
                "f.yaml:1:15: rate_limits.gpt-4o: give rpm, tpm or both, like {rpm: 60, tpm: 100000}",
                "f.yaml:1:27: rate_limits.o1: expected a mapping like {rpm: 60, tpm: 100000}, got '60rpm'",
                "f.yaml:1:45: rate_limits.x*.rpm: expected a whole number, got '60'",
            ],
        ),
        (
            "rate_limits: {a: {rpm: -1}, b: {rpm: 1.5}, c: {rpm: 9999999999}, d: }\nsteps: []",
            [
                "f.yaml:1:19: rate_limits.a.rpm: rpm is a whole number from 1 to 1000000000, got -1",
                "f.yaml:1:33: rate_limits.b.rpm: expected a whole number, got a number",
                "f.yaml:1:48: rate_limits.c.rpm: rpm is a whole number from 1 to 1000000000, got 9999999999",
                "f.yaml:1:66: rate_limits.d: expected a mapping like {rpm: 60, tpm: 100000}, got nothing",
            ],
        ),
        ("steps:\n  - {reply: x, times: 0}", ["f.yaml:2:16: steps[0].times: Input should be greater than or equal to 1"]),
        ("a: [", ["f.yaml:2:1: is not YAML: did not find expected node content"]),
        ("steps: []\nsteps: []", ["f.yaml:2:1: the key 'steps' stands here twice"]),
        ("steps: !!python/object:os.system []", [
            "f.yaml:1:8: the tag tag:yaml.org,2002:python/object:os.system is not allowed: scenario files are plain data"
        ]),
        ("steps: &a [*a]", ["f.yaml:1:8: an alias contains itself"]),
        ("? [a]\n: b", ["f.yaml:1:3: a key must be text"]),
    ],
)  # fmt: skip
def test_refused_with_place_key_and_meaning(text, expected):
    assert problems(text) == expected


REPLY = "steps:\n  - reply:\n    - "
IMAGE = "image_generation_call"


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (
            "message: {text: short, annotations: [{type: file_citation, file_id: f, filename: a, index: 6}]}",
            "3:44: steps[0].reply[0].message.annotations[0]: the annotation ends at 6, but the text has 5 characters",
        ),
        (
            "message: {content: [{text: ab, annotations: [{type: url_citation, start_index: 2, end_index: 1, title: t, url: u}]}]}",
            "3:52: steps[0].reply[0].message.content[0].annotations[0]: the annotation begins at 2, after its end at 1",
        ),
        (
            "message: {text: short, annotations: [{type: file_citation, file_id: f, filename: a, index: -1}]}",
            "3:44: steps[0].reply[0].message.annotations[0]: an annotation's indexes count characters from 0",
        ),
        (
            "message: {text: a, id: msg_1}\n    - type: hologram\n      id: msg_1",
            "5:7: steps[0].reply[1].id: 'msg_1' is the id of item 1 already",
        ),
        (
            "function_call: {name: f, call_id: c}\n    - function_call: {name: g, call_id: c}",
            "4:32: steps[0].reply[1].function_call.call_id: 'c' is the call_id of item 1 already",
        ),
        (
            f"{IMAGE}: {{partial_images: ['']}}",
            f"3:48: steps[0].reply[0].{IMAGE}.partial_images[0]: a picture is base64, and not empty",
        ),
        (f"{IMAGE}: {{result: no base64}}", f"3:31: steps[0].reply[0].{IMAGE}.result: a picture is base64, and not empty"),
        (
            f"{IMAGE}: {{partial_images: 2, status: failed}}",
            f"3:31: steps[0].reply[0].{IMAGE}.partial_images: a count of partial images shows the result so often, and there is none",
        ),
        (
            f"{{type: {IMAGE}, partial_images: 1}}",
            "3:37: steps[0].reply[0].partial_images: a count of partial images shows the result so often, and there is none",
        ),
        (
            f"{IMAGE}: {{partial_images: many}}",
            f"3:31: steps[0].reply[0].{IMAGE}.partial_images: expected a count or a list of pictures, got 'many'",
        ),
        (
            f"{IMAGE}: {{result: {{file: a.png}}}}",
            f"3:31: steps[0].reply[0].{IMAGE}.result: a file can be named only in a scenario that is itself read from a file; give base64",
        ),
        (
            "web_search_call: {query: a, action: {query: b}}",
            "3:7: steps[0].reply[0].web_search_call: give query or action, not both",
        ),
        (
            "web_search_call: {action: {type: open, url: u}}",
            "3:25: steps[0].reply[0].web_search_call.action: expected an action: search, open_page or find_in_page, got one of type 'open'",
        ),
        ("web_search_call: {qery: a}", "3:25: steps[0].reply[0].web_search_call.qery: unknown key; did you mean 'query'?"),
        (
            "computer_call: {action: {type: click, x: 1, y: 2}}",
            "3:23: steps[0].reply[0].computer_call.action.button: this key is required",
        ),
        (
            "apply_patch_call: {operation: {type: delete_file, path: a, diff: x}}",
            "3:26: steps[0].reply[0].apply_patch_call.operation: create_file and update_file need a diff, delete_file has none",
        ),
        ("mcp_call: {name: f}", "3:7: steps[0].reply[0].mcp_call.server_label: this key is required"),
        ("{type: mcp_call, name: f, server_label: s}", "3:7: steps[0].reply[0].arguments: this key is required"),
        ("{type: [a]}", "3:7: steps[0].reply[0]: expected text as the item's type, got a list"),
    ],
)
def test_items_that_no_stream_can_show(item, expected):
    assert problems(REPLY + item) == [f"f.yaml:{expected}"]


def test_a_templates_span_and_id_are_not_judged_at_load():
    item = "message: {text: '{{ input }}', annotations: [{type: file_citation, file_id: f, filename: a, index: 600}]}"
    assert load_text(REPLY + item).steps
    assert load_text(REPLY + "json: {id: a}\n    - json: {id: a}").steps


def test_an_unknown_type_is_a_warning():
    (warning,) = load_text(REPLY + "type: mesage\n      content: []", "f.yaml").warnings
    assert str(warning) == (
        "f.yaml:3:7: steps[0].reply[0].type: the item type 'mesage' is not known: it is sent as it is, added and done; "
        "did you mean 'message'?"
    )
    assert load_text(REPLY + "type: message\n      content: []").warnings == ()


CALL_ITEM = "{type: function_call, call_id: call_1, name: f, arguments: '{}'}"


@pytest.mark.parametrize(
    ("text", "warned"),
    [
        (
            REPLY + "shell_call_output: hi",
            "3:7: steps[0].reply[0].shell_call_output: the shell_call_output answers no shell_call: none goes before it",
        ),
        (REPLY + "shell_call: ls\n    - shell_call_output: hi", None),
        (REPLY + "program_output: {result: hi, call_id: call_1}", None),
        (REPLY + "shell_call_output: {stdout: hi, call_id: '{{ input }}'}", None),
        (
            REPLY + "tool_search_output: {tools: []}",
            "3:7: steps[0].reply[0].tool_search_output: the tool_search_output answers no tool_search_call: none goes before it",
        ),
        (
            "steps: []\nconversations:\n  conv_a:\n    items:\n    - {type: function_call_output, call_id: call_1, output: x}",
            "5:7: conversations.conv_a.items[0]: the function_call_output answers no function_call: none goes before it",
        ),
        (
            f"steps: []\nconversations: {{conv_a: {{items: [{CALL_ITEM}, {{type: function_call_output, call_id: call_1, output: x}}]}}}}",
            None,
        ),
        (
            f"steps: []\nresponses: {{resp_a: {{input: [{{role: user, content: x}}, {CALL_ITEM}], output: [{{function_call_output: {{call_id: call_1, output: x}}}}]}}}}",
            None,
        ),
        (
            f"steps: []\nresponses: {{resp_a: {{input: [{CALL_ITEM}, {{type: function_call_output, call_id: call_2, output: x}}]}}}}",
            "2:",
        ),
        (
            "steps: []\nresponses: {resp_a: {previous_response_id: resp_b, input: [{type: function_call_output, call_id: call_2, output: x}]}}",
            None,
        ),
    ],
)
def test_a_tool_output_without_its_call_is_a_warning(text, warned):
    warnings = [str(warning) for warning in load_text(text, "f.yaml").warnings]
    assert len(warnings) == (warned is not None)
    assert all(warning.startswith(f"f.yaml:{warned}") for warning in warnings)


PIXEL = b"\x89PNG\r\n\x1a\n"


def scenario_with_picture(folder: Path, name: str) -> Path:
    path = folder / "s.yaml"
    path.write_text(
        f"steps: [{{reply: [{{image_generation_call: {{result: {{file: {name}}}, partial_images: [{{file: {name}}}]}}}}]}}]"
    )
    return path


def test_pictures_are_read_from_the_scenarios_folder(tmp_path):
    (tmp_path / "art").mkdir()
    (tmp_path / "art" / "cat.webp").write_bytes(PIXEL)
    step = load_file(scenario_with_picture(tmp_path, "art/cat.webp")).steps[0]
    (draft,) = loads(step.reply.constant.drafts)
    assert draft["result"] == draft["script"]["partial_images"][0] == b64encode(PIXEL).decode()
    assert draft["output_format"] == "webp"


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("../secret.png", "'../secret.png' is outside the scenario's folder"),
        ("/etc/passwd", "'/etc/passwd' is outside the scenario's folder"),
        ("link.png", "'link.png' is outside the scenario's folder"),
        ("missing.png", "there is no file 'missing.png' in the scenario's folder"),
        ("'{{ input }}'", "the name of a file is not a template: it is read at load"),
        ('"a\\0b"', "cannot be read"),
    ],
)
def test_a_picture_outside_the_folder_is_refused_with_its_place(tmp_path, name, problem):
    (tmp_path / "secret.png").write_bytes(PIXEL)
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "link.png").symlink_to(tmp_path / "secret.png")
    with pytest.raises(ScenarioError) as caught:
        load_file(scenario_with_picture(inside, name))
    (found,) = map(str, caught.value.problems)
    assert "s.yaml:1:43: steps[0].reply[0].image_generation_call.result: " in found
    assert problem in found


@pytest.mark.parametrize("picture", ["{}", "{a: 1}", "{file: 3}", "{file: a.png, other: 1}"])
def test_a_seeds_picture_that_is_neither_base64_nor_a_file_is_refused(picture):
    item = f"{{type: image_generation_call, id: ig_1, status: completed, result: {picture}}}"
    (problem,) = problems(f"steps: []\nconversations: {{conv_1: {{items: [{item}]}}}}")
    assert problem.endswith("conversations.conv_1.items[0].result: a picture is base64, or {file: path}")


def test_an_alias_bomb_is_refused_quickly():
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    (problem,) = problems("\n".join(levels))
    assert "alias bomb" in problem


def test_deep_nesting_is_refused():
    (problem,) = problems("steps: " + "[" * 5000 + "]" * 5000)
    assert "nested deeper" in problem or "is not YAML" in problem


def test_not_utf8_and_unreadable(tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(ScenarioError, match="is not UTF-8"):
        load_file(bad)
    with pytest.raises(ScenarioError, match="cannot be read"):
        load_file(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("{{ foo() }}", "call is not allowed"),
        ("{{ input.upper() }}", "call is not allowed"),
        ("{% set x = 1 %}", "assign is not allowed"),
        ("{% macro m() %}{% endmacro %}", "macro is not allowed"),
        ("{% include 'x' %}", "include is not allowed"),
        ("{% import 'x' as y %}", "import is not allowed"),
        ("{{ input | center(99999999) }}", "the filter 'center' is not allowed"),
        ("{{ 2 ** 99999999 }}", "pow is not allowed"),
        ("{% for a in x %}{% for b in x %}{% for c in x %}{% endfor %}{% endfor %}{% endfor %}", "2 deep at most"),
        ("{{ input", "not a template"),
        ("{% for x in input recursive %}{% endfor %}", "2 deep at most"),
    ],
)
def test_templates_outside_the_allow_list_are_refused_with_their_line(template, problem):
    text = f"steps:\n  - reply:\n      - message: hi\n      - message: |\n          {template}\n"
    (found,) = problems(text)
    assert found.startswith("f.yaml:4:9: steps[0].reply[1].message: ")
    assert problem in found


def test_a_template_in_an_error_is_checked_too():
    (found,) = problems('steps:\n  - error: {status: 400, message: "{{ foo() }}"}')
    assert found.startswith("f.yaml:2:26: steps[0].error.message: call is not allowed")


def test_json_files_are_read(tmp_path):
    path = tmp_path / "one.json"
    path.write_text('{"steps": [{"reply": "x", "when": {"input": "\\u00e9"}}]}')
    assert load_file(path).name == "one"


def test_names_default_to_the_stem_and_must_be_unique(tmp_path):
    (tmp_path / "a.yaml").write_text("steps: [{reply: x}]")
    (tmp_path / "b.yml").write_text("scenario: a\nsteps: [{reply: x}]")
    with pytest.raises(ScenarioError, match=r"b\.yml:1:1: scenario: the name 'a' is taken by .*a\.yaml"):
        load_paths([tmp_path])


def test_all_problems_of_all_files_are_told(tmp_path):
    (tmp_path / "a.yaml").write_text("steps: [{}]")
    (tmp_path / "b.yaml").write_text("stepps: []\nsteps: [{reply: 1}]")
    with pytest.raises(ScenarioError) as caught:
        load_paths([tmp_path])
    assert len(caught.value.problems) == 3


def test_folders_are_searched_one_level_or_all(tmp_path):
    (tmp_path / "deep").mkdir()
    for name in ("b.yaml", "a.yml", "c.json", "x.schema.json", "notes.txt", "deep/d.yaml"):
        (tmp_path / name).write_text("steps: []")
    assert [path.name for path in find_files([tmp_path])] == ["a.yml", "b.yaml", "c.json"]
    assert [path.name for path in find_files([tmp_path / "**"])] == ["a.yml", "b.yaml", "c.json", "d.yaml"]
    with pytest.raises(UsageError, match="no scenario file or folder at"):
        find_files([tmp_path / "nope"])


def test_ten_thousand_steps_load():
    text = "steps:\n" + "".join(f"  - {{when: {{input: word{n}}}, reply: answer {n}}}\n" for n in range(10_000))
    assert len(load_text(text).steps) == 10_000


@pytest.mark.parametrize(("written", "seconds"), [("250ms", 0.25), ("2s", 2), ("10m", 600), ("1h30m", 5400), ("1.5s", 1.5)])
def test_durations(written, seconds):
    scenario = load_text(f"steps: [{{reply: x, pace: {{first: {written}}}}}]")
    assert scenario.steps[0].pace.first == seconds


def test_paths_are_kept_as_given():
    assert load_file(SCENARIOS / "quickstart.yaml").file == str(SCENARIOS / "quickstart.yaml")
    assert Path(load_file(SCENARIOS / "quickstart.yaml").file).exists()
