"""`mockapi check --strict`: what can do nothing is told, with its place, and only where that is certain."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from mockapi.cli import main
from mockapi.scenario.audit import audit_source
from mockapi.scenario.covering import covers, wants_of
from mockapi.scenario.match import compile_when, match_criteria
from mockapi.scenario.model import When
from mockapi.scenario.source import read_source

from .conftest import SCENARIOS
from .test_match import ASSISTANT, CALL, FUNCTION, OUTPUT, USER, F, facts


def findings(text):
    return [(problem.key, problem.message) for problem in audit_source(read_source(Path("x"), name="x", text=text))]


def is_unreachable(first, second, head=""):
    found = findings(f"{head}steps: [{{reply: a, {first}}}, {{reply: b, {second}}}]")
    assert [key for key, message in found if "never answers" not in message] == []
    return [key for key, _ in found] == ["steps[1]"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("name: all", "when: {input: hi}"),
        ("when: {input: hi}", "when: {input: hi}"),
        ("when: {input: HI}", "when: {input: hi there}"),
        ("when: {input: hi}", "when: {input: {equals: Hi there}}"),
        ("when: {input: /h./i}", "when: {input: {equals: Hi there}}"),
        ("when: {input: {not: bye}}", "when: {input: {equals: hi}}"),
        ("when: {input: hi}", "when: {input: {all: [hi, there]}}"),
        ("when: {input: {any: [hi, hello]}}", "when: {input: hello}"),
        ("when: {input: hi}", "when: {input: {any: [hi you, hi all]}}"),
        ("when: {input: /a/}", "when: {input: /a/, turn: 2}"),
        ("when: {model: '*'}", "when: {input: hi}"),
        ("when: {model: gpt-4*}", "when: {model: gpt-4o, stream: true}"),
        ("when: {tools: [a]}", "when: {tools: [b, a]}"),
        ("when: {tool_output: a}", "when: {tool_output: {name: a, output: hi}, input: x}"),
        ("when: {input: x, tool_output: a}", "when: {input: xy, tool_output: a}"),
        ("when: {headers: {X-A: a}}", "when: {headers: {x-a: ab, y: b}}"),
        ("when: {body: {/a: 1}}", "when: {body: {/a: 1, /b: 2}}"),
        ("when: {metadata: {a: b}}", "when: {metadata: {a: b, c: d}}"),
        ("when: {conversation: true}", "when: {conversation: conv_1}"),
        ("when: {endpoint: 'responses.*'}", "when: {endpoint: responses.create}"),
        ("when: {input: hi}, chance: 0.5, error: rate_limit_exceeded", "when: {input: hi}"),
        ("when: {input: hi}, chance: 1", "when: {input: hi}"),
    ],
)
def test_a_step_behind_one_that_always_answers_is_told(first, second):
    assert is_unreachable(first, second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("when: {input: hi}", "when: {}"),
        ("when: {input: hi there}", "when: {input: hi}"),
        ("when: {input: hi}, times: 3", "when: {input: hi}"),
        ("when: {input: hi}, chance: 0.5", "when: {input: hi}"),
        ("when: {input: hi}", "when: {input: hi, tool_output: a}"),
        ("when: {input: hi}", "when: {input: /hi there/}"),
        ("when: {input: /hi/}", "when: {input: hi}"),
        ("when: {model: gpt-4o}", "when: {model: gpt-4*}"),
        ("when: {tools: [a, b]}", "when: {tools: [a]}"),
        ("when: {tool_output: {call_id: call_1}}", "when: {tool_output: a}"),
        ("when: {headers: {a: x, b: x}}", "when: {headers: {a: x}}"),
        ("when: {body: {/a: true}}", "when: {body: {/a: 1}}"),
        ("when: {turn: 1}", "when: {turn: 2}"),
        ("when: {endpoint: responses.compact}", "when: {}"),
        ("when: {}", "when: {endpoint: 'responses.c*'}"),
        ("when: {conversation: conv_1}", "when: {conversation: true}"),
        ("when: {input: {any: [hi, hello]}}", "when: {input: {any: [hi, bye]}}"),
    ],
)
def test_what_may_still_answer_is_not(first, second):
    assert not is_unreachable(first, second)


def test_a_reply_under_a_glob_hides_nothing_from_operations_that_have_none():
    read = "{when: {endpoint: responses.retrieve}, error: server_error}"
    assert findings(f"steps: [{{when: {{endpoint: '*'}}, reply: a}}, {read}]") == []
    assert len(findings(f"steps: [{{when: {{endpoint: '*'}}, fault: {{delay: 1s}}}}, {read}]")) == 1
    count = "{when: {endpoint: responses.input_tokens}, reply: {usage: {input_tokens: 1}}}"
    assert len(findings(f"steps: [{{when: {{endpoint: '*'}}, reply: a}}, {count}]")) == 1


def test_the_steps_of_a_script_take_turns():
    assert not is_unreachable("name: a", "name: b", head="mode: script\n")


def test_a_chance_of_nothing_is_told():
    assert findings("steps: [{chance: 0, reply: x}]") == [("steps[0].chance", "never answers: its chance is 0")]
    assert findings("steps: [{chance: 0, reply: x, error: rate_limit_exceeded}]") == []


TEXTS = ["", "hi", "hi there", "weather", "paris", "/weather/i", "/in (?P<city>\\w+)/", "{}"]
MATCHERS = st.recursive(
    st.sampled_from(TEXTS)
    | st.builds(lambda kind, text: {kind: text}, st.sampled_from(["equals", "contains"]), st.sampled_from(TEXTS)),
    lambda inner: (
        st.builds(lambda each: {"not": each}, inner)
        | st.builds(lambda kind, each: {kind: each}, st.sampled_from(["any", "all"]), st.lists(inner, max_size=2))
    ),
    max_leaves=3,
)
WHENS = st.fixed_dictionaries(
    {},
    optional={
        "model": st.sampled_from(["*", "gpt-4*", "gpt-4o", "gpt-5"]),
        "input": MATCHERS,
        "tool_output": st.sampled_from(["get_weather", {"call_id": "call_1"}, {"name": "get_weather", "output": "temp"}]),
        "turn": st.integers(1, 2),
        "instructions": MATCHERS,
        "tools": st.lists(st.sampled_from(["f", "get_weather"]), max_size=2),
        "headers": st.dictionaries(st.sampled_from(["a", "A"]), MATCHERS, max_size=2),
        "metadata": st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from(["x", "y"]), max_size=2),
        "body": st.dictionaries(st.sampled_from(["/model", "/n"]), st.sampled_from(["gpt", "gpt-4o", 1, True]), max_size=2),
        "previous_response": st.sampled_from([True, False, "resp_1"]),
    },
)
REQUESTS = [
    facts(),
    facts(input="hi there", tools=[F], headers={"a": "hi"}, instructions="weather"),
    facts(input=[USER, CALL, OUTPUT], tools=[FUNCTION, F], metadata={"a": "x", "b": "y"}, model="gpt-5"),
    facts(input=[USER, CALL, OUTPUT, {"role": "user", "content": "hi"}], previous_response_id="resp_1"),
    facts(input=[USER, ASSISTANT, {"role": "user", "content": "paris"}], instructions="hi there", headers={"a": "paris"}),
]


@given(WHENS, WHENS)
def test_covering_is_never_claimed_wrongly(one, other):
    first, second = When.model_validate(one), When.model_validate({**one, **other})
    for earlier, later in ((first, second), (second, first), (first, When.model_validate(other))):
        if covers(wants_of(earlier), wants_of(later)):
            answered = [each for each in REQUESTS if match_criteria(compile_when(later), each) is not None]
            assert [each for each in answered if match_criteria(compile_when(earlier), each) is None] == []


def test_names_that_templates_do_not_know():
    text = r"""
steps:
  - when:
      input: '/in (?P<city>\w+)/'
      headers: {x-a: {any: [{matches: 'v(?P<version>\d)'}, hi]}}
    reply:
      - message: "{{ match.city }} {{ match['version'] }} {{ inputs }} {{ turn }}"
      - function_call: {name: f, arguments: {a: "{{ match.town }}"}}
    fail: {code: server_error, message: "{% for item in conversation %}{{ loop.index }}{{ item.role }}{{ today }}{% endfor %}"}
  - when: {input: hi}
    reply: "{{ match.city }}"
  - when: {input: bye}
    reply: "{% for match in conversation %}{{ match.role }}{% endfor %}"
"""
    known = "; known: input, match, request, tool_outputs, turn, conversation, previous"
    assert findings(text) == [
        ("steps[0].reply[0].message", "templates know no name 'inputs'; did you mean 'input'?"),
        (
            "steps[0].reply[1].function_call.arguments.a",
            "no regular expression of this step's `when` has a group 'town'; it has city, version",
        ),
        ("steps[0].fail.message", f"templates know no name 'today'{known}"),
        ("steps[1].reply", "no regular expression of this step's `when` has a group 'city'"),
    ]


PROMPTS = """
prompts:
  pmpt_a: {messages: [{text: "Be {{ kind }} in {{place}}."}], variables: [kind, never]}
  pmpt_b: {messages: [{text: hi}]}
"""


def test_prompts_that_nothing_names():
    unused = "unused: no step's `when`, no reply and no seed of these files names this prompt"
    assert findings(PROMPTS + "steps: [{when: {prompt: pmpt_a}, reply: x}, {when: {input: pmpt_b2}, reply: y}]") == [
        ("prompts.pmpt_a.messages[0].text", "'place' is not among the prompt's variables: it stays as it is written"),
        ("prompts.pmpt_a.variables[1]", "unused: no message of the prompt has 'never'"),
        ("prompts.pmpt_b", unused),
    ]
    assert findings(PROMPTS + "steps: [{when: {body: {/prompt/id: pmpt_b}}, reply: '{{ turn }} pmpt_a'}]")[2:] == []


@pytest.mark.parametrize(
    ("step", "is_used"),
    [
        ("reply: x", True),
        ("when: {instructions: tiresome}, reply: x", True),
        ("when: {input: /tiresome/}, reply: x", True),
        ("when: {instructions: never}, reply: x", False),
        ("when: {model: gpt-5*}, reply: x", True),
        ("when: {model: gpt-4*}, reply: x", False),
        ("when: {body: {/prompt/version: '1'}}, reply: x", True),
        ("when: {endpoint: responses.compact}, reply: x", False),
        ("when: {prompt: pmpt_other, instructions: tiresome}, reply: x", False),
        ("when: {input: hi}, reply: '{{ request.prompt.id }}'", True),
    ],
)
def test_a_prompt_that_a_step_answers_without_naming_it_is_used(step, is_used):
    head = "prompts: {pmpt_a: {model: gpt-5, messages: [{text: Be tiresome.}]}}\n"
    found = [key for key, _ in findings(f"{head}steps: [{{{step}}}]")]
    assert found == ([] if is_used else ["prompts.pmpt_a"])


@pytest.mark.parametrize(
    ("matcher", "name"),
    [
        ("{not: '/(?P<a>x)/'}", "a"),
        ("{equals: '/(?P<a>x)/'}", "a"),
        ("{contains: '(?P<a>x)'}", "a"),
        ("'(?P<a>x)'", "a"),
        ("'/(x)/'", "0"),
    ],
)
def test_groups_that_nothing_catches_are_told(matcher, name):
    reply = "{{ match[0] }}" if name == "0" else "{{ match.a }}"
    assert findings(f"steps: [{{when: {{input: {matcher}}}, reply: '{reply}'}}]") == [
        ("steps[0].reply", f"no regular expression of this step's `when` has a group '{name}'")
    ]


def test_groups_under_any_and_all_are_caught():
    when = "{any: [{matches: '(?P<a>x)'}, {all: ['/(?P<b>y)/', {matches: '/(?P<c>z)/i'}]}]}"
    assert (
        findings(f"steps: [{{when: {{body: {{/a: {when}}}}}, reply: '{{{{ match.a }}}}{{{{ match.b }}}}{{{{ match.c }}}}'}}]")
        == []
    )


def run(*arguments):
    return CliRunner().invoke(main, ["check", *map(str, arguments)])


def test_strict_counts_warnings_and_plain_does_not(tmp_path):
    path = tmp_path / "odd.yaml"
    path.write_text("steps:\n  - reply: one\n    fault: {drop: output_text.delta#9}\n  - reply: two\n")
    assert run(path).exit_code == 0
    strict = run("--strict", path)
    assert strict.exit_code == 1
    unreached, unreachable, count = strict.output.splitlines()
    assert unreached.startswith(f"warning: {path}:2:1: steps[0].fault")
    expected = "steps[1]: never answers: steps[0] is earlier, and matches all that this one asks for"
    assert unreachable == f"warning: {path}:4:5: {expected}"
    assert count == "1 scenario, 2 warnings"
    told = json.loads(run("--strict", "--json", path).output)
    assert (told["ok"], len(told["warnings"]), told["problems"]) == (False, 2, [])


def test_a_prompt_may_be_named_in_another_file(tmp_path):
    (tmp_path / "a.yaml").write_text("prompts: {pmpt_x: {messages: [{text: hi}]}}\nsteps: [{when: {input: a}, reply: a}]")
    (tmp_path / "b.yaml").write_text("steps: [{when: {prompt: pmpt_x}, reply: b}]")
    assert run("--strict", tmp_path / "a.yaml").exit_code == 1
    assert (run("--strict", tmp_path).exit_code, run("--strict", tmp_path).output) == (0, "2 scenarios, no problems\n")


def test_the_shipped_scenarios_are_strict():
    assert run("--strict", SCENARIOS / "**").exit_code == 0
