"""The index of steps finds what trying every step finds: on random steps, requests and uses."""

from fnmatch import fnmatchcase

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from mockapi.scenario.context import NEW_CONTEXT, ToolOutput
from mockapi.scenario.index import StepIndex
from mockapi.scenario.load import CREATE, load_text
from mockapi.scenario.match import Facts, match_criteria
from mockapi.scenario.pieces import Words, pieces_of
from mockapi.scenario.select import Candidate
from mockapi.scenario.tried import Shelf, Tried
from mockapi.wire.json import dumps
from mockapi.wire.parse import parse_create

from .conftest import make_app

LETTERS = "abAB ß \n.7é天" + "ẞİıſKŉﬁΣςÅᾳ\u0301\u0307\u2003\x1c\u200d"  # also what casefolding makes longer, parts or joins
ODD = [None, [], {}, 1, 1.5, True, "x", [[]], {"a": []}]
TEXTS = st.text(LETTERS, max_size=12)
WORDS = st.sampled_from(
    ["paris", "Paris in", " in the rain", "rain", "order 1001", "order 10012", "question 7", "STRASSE", "ß", "天気", "a", " "]
)
NEEDLES = st.one_of(WORDS, TEXTS)
PLAIN = st.one_of(NEEDLES, st.builds(lambda text: {"equals": text}, NEEDLES), st.builds(lambda text: {"contains": text}, NEEDLES))
MATCHERS = st.one_of(
    PLAIN,
    st.just("/pa.is/i"),
    st.builds(lambda text: {"not": text}, NEEDLES),
    st.builds(lambda kind, inner: {kind: inner}, st.sampled_from(["any", "all"]), st.lists(PLAIN, min_size=1, max_size=3)),
)
NAMES = st.sampled_from(["one", "two", "three"])
WHENS = st.fixed_dictionaries(
    {},
    optional={
        "model": st.sampled_from(["gpt-4o", "gpt-*", "o3"]),
        "input": MATCHERS,
        "instructions": MATCHERS,
        "turn": st.integers(1, 2),
        "stream": st.booleans(),
        "tools": st.lists(NAMES, max_size=2),
        "tool_output": st.one_of(NAMES, st.builds(lambda name, text: {"name": name, "output": text}, NAMES, NEEDLES)),
        "approval": st.booleans(),
        "previous_response": st.one_of(st.booleans(), st.just("resp_1")),
        "metadata": st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from(["1", "2"]), min_size=1),
        "headers": st.dictionaries(st.sampled_from(["X-One", "x-two"]), MATCHERS, min_size=1),
        "body": st.dictionaries(
            st.sampled_from(["/user", "/metadata/a", "/temperature", "/gone"]),
            st.one_of(st.sampled_from([1, 1.0, True, None, {"a": "1"}]), MATCHERS),
            min_size=1,
        ),
    },
)
REQUESTS = st.fixed_dictionaries(
    {"model": st.sampled_from(["gpt-4o", "o3"]), "input": st.just("x")},
    optional={
        "instructions": NEEDLES,
        "stream": st.booleans(),
        "previous_response_id": st.sampled_from(["resp_1", "resp_2"]),
        "metadata": st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from(["1", "2"])),
        "user": NEEDLES,
        "temperature": st.sampled_from([1, 0.5]),
        "tools": st.lists(NAMES.map(lambda name: {"type": "function", "name": name, "parameters": None}), max_size=2),
    },
)
CONTEXTS = st.builds(
    lambda texts, name, output, approvals, runs: NEW_CONTEXT._replace(
        user_text=" ".join(texts),
        has_user=True,
        has_user_after=bool(approvals),
        outputs=(ToolOutput(name, "call_1", output),) if output else (),
        approvals=approvals,
        runs=runs,
    ),
    st.lists(NEEDLES, max_size=4),
    NAMES,
    NEEDLES,
    st.lists(st.booleans(), max_size=1).map(tuple),
    st.integers(0, 1),
)


@pytest.fixture(autouse=True)
def everything_is_filed(monkeypatch):
    """Groups of any size are filed, also those so small that trying them is as quick."""
    monkeypatch.setattr("mockapi.scenario.index._FEW", 0)
    monkeypatch.setattr("mockapi.scenario.index._RARE", 1)
    monkeypatch.setattr("mockapi.scenario.tried._FEW", 0)


def facts_of(body, context=NEW_CONTEXT, **headers):
    return Facts(parse_create(body), body, headers, context)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(WHENS, min_size=1, max_size=12), REQUESTS, CONTEXTS, st.dictionaries(st.sampled_from(["x-one", "x-two"]), NEEDLES)
)
def test_no_step_that_matches_is_left_out(whens, body, context, headers):
    steps = load_text(dumps({"steps": [{"when": when, "reply": "x"} for when in whens]}).decode()).steps
    facts = Facts(parse_create(body), body, headers, context)
    places = [*StepIndex(steps).places(facts)]
    matching = [place for place, step in enumerate(steps) if match_criteria(step.criteria, facts) is not None]
    assert places == sorted(set(places))
    assert set(matching) <= set(places)


@settings(max_examples=300, deadline=None)
@given(TEXTS, TEXTS, TEXTS)
def test_every_piece_of_a_string_is_in_each_text_that_contains_it(before, needle, after):
    words = Words((before + needle + after).casefold())
    for kind, text in pieces_of(needle.casefold()):
        assert text in words.pieces(kind)


STEPS = st.lists(
    st.fixed_dictionaries({"reply": st.just("x")}, optional={"times": st.integers(1, 2), "when": st.fixed_dictionaries({}, optional={"input": NEEDLES, "endpoint": st.sampled_from(["responses.*", "responses.create", "responses.compact"])})}),
    min_size=1,
    max_size=6,
)  # fmt: skip


@st.composite
def uses_of(draw, scenario):
    """As they can come to be: a script's steps are used in order, but for those that answer other endpoints too."""
    if not scenario.is_counted:
        return {}
    if scenario.others or not scenario.is_script:
        return draw(st.dictionaries(st.integers(0, 5), st.integers(1, 2), max_size=6))
    done = draw(st.integers(0, len(scenario.steps)))
    uses = {step.index: step.times for step in scenario.steps[:done]}
    begun = scenario.steps[done : done + 1]
    return uses | {step.index: 1 for step in begun if step.times == 2 and draw(st.booleans())}


@settings(max_examples=120, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["rules", "script"]), STEPS), min_size=1, max_size=4), CONTEXTS, st.data())
def test_the_step_that_answers_is_the_first_that_may(files, context, data):
    scenarios = [
        load_text(dumps({"scenario": f"s{number}", "mode": mode, "steps": steps}).decode())
        for number, (mode, steps) in enumerate(files)
    ]
    facts = facts_of({"model": "gpt-4o", "input": "x"}, context)
    uses = {scenario.name: data.draw(uses_of(scenario)) for scenario in scenarios}
    found = [
        (scenario.name, step.index)
        for scenario, steps in Tried([Shelf(scenarios[:2]), Shelf(scenarios[2:])]).found(CREATE, facts)
        for step in Candidate(scenario, uses[scenario.name]).open_among(steps)
        if match_criteria(step.criteria, facts) is not None
    ]
    expected = []
    for scenario in scenarios:
        left = [step for step in scenario.steps if step.times is None or uses[scenario.name].get(step.index, 0) < step.times]
        tried = left[:1] if scenario.is_script else left
        expected += [(scenario.name, step.index) for step in tried if match_criteria(step.criteria, facts) is not None]
    assert found == expected


MATCHED = [
    {"model": "m"}, {"stream": True}, {"store": False}, {"background": True}, {"format": "x"}, {"turn": 1}, {"prompt": "x"},
    {"metadata": {"a": "1"}}, {"tools": ["one"]}, {"tool_choice": "auto"}, {"previous_response": True}, {"conversation": "x"},
    {"instructions": "x"}, {"input": "x"}, {"body": {"/x": 1}}, {"body": {"/x": None}}, {"body": {"/user": "x"}},
    {"body": {"/text/format/name": "x"}}, {"headers": {"x-one": "x"}}, {"approval": True}, {"tool_output": "one"},
]  # fmt: skip


@pytest.fixture(scope="module")
def asked():
    """The status and the step of an answer, of a server that looks steps up and of one that tries them all."""
    text = dumps({"steps": [{"when": when, "reply": "x"} for when in MATCHED * 2]}).decode()
    with pytest.MonkeyPatch.context() as patch:
        clients = []
        for few in (0, 1_000):
            patch.setattr("mockapi.scenario.tried._FEW", few)
            patch.setattr("mockapi.scenario.index._FEW", 0)
            app = make_app(text, validation="off", history="lenient", unmatched="error")
            clients.append(TestClient(app, headers={"authorization": "Bearer k"}, raise_server_exceptions=False))

    def ask(body):
        answers = [client.post("/v1/responses", json=body) for client in clients]
        return [(answer.status_code, answer.headers.get("x-mock-step")) for answer in answers]

    return ask


NAMED = ["model", "stream", "store", "background", "text", "prompt", "metadata", "tools", "tool_choice", "instructions", "input", "user", "x"]  # fmt: skip


@pytest.mark.parametrize("name", NAMED)
def test_values_of_any_type_are_looked_up_as_they_are_tried(asked, name):
    for value in ODD:
        for body in ({name: value}, {"text": {"format": {"type": "json_schema", "name": value}}}, {"prompt": {"id": value}}):
            found, tried = asked({"model": "gpt-4o", "input": "y", **body})
            assert found == tried
            assert found[0] < 500


def test_other_operations_have_their_own_steps():
    scenario = load_text(
        "steps: [{when: {endpoint: 'responses.*', input: a}, reply: x}, {when: {endpoint: responses.delete}, error: server_error}]"
    )
    shelf = Shelf([scenario])
    assert [shelf.has(name) for name in (CREATE, "responses.delete", "conversations.create")] == [True, True, False]
    found = [step for _, steps in shelf.found("responses.delete", facts_of({"model": "m", "input": "x"})) for step in steps]
    assert found == [step for step in scenario.others if fnmatchcase("responses.delete", step.endpoint)][1:]


def test_an_upload_comes_before_the_servers_scenario_of_that_name():
    text = "scenario: {name}\nsteps: [{{when: {{input: hi}}, reply: {reply}}}]"
    mine, server = load_text(text.format(name="a", reply="mine")), load_text(text.format(name="a", reply="server"))
    other = load_text(text.format(name="b", reply="other"))
    tried = Tried([Shelf([mine]), Shelf([server, other])])
    assert [*tried] == [mine, other]
    found = [
        scenario
        for scenario, _ in tried.found(
            CREATE, facts_of({"model": "m", "input": "x"}, NEW_CONTEXT._replace(user_text="hi", has_user=True))
        )
    ]
    assert found == [mine, other]


def test_what_is_reloaded_or_uploaded_is_indexed_anew(tmp_path):
    steps = "\n".join(f"  - {{when: {{input: question {number}}}, reply: answer {number}}}" for number in range(40))
    path = tmp_path / "many.yaml"
    path.write_text(f"steps:\n{steps}\n")
    app = make_app(None, paths=(tmp_path,))
    client = TestClient(app, headers={"authorization": "Bearer k"}, base_url="http://localhost")

    def said(text):
        answer = client.post("/v1/responses", json={"model": "m", "input": text}).json()
        return answer["output"][0]["content"][0]["text"]

    assert [said("Question 7?"), said("question 39")] == ["answer 7", "answer 3"]  # `question 3` is contained, and comes first
    path.write_text(f"steps:\n{steps.replace('answer', 'other')}\n")
    client.post("/_mock/scenarios/reload", headers={"content-type": "application/json"})
    assert said("question 8") == "other 8"
    client.put(
        "/_mock/scenarios/mine",
        content=f"scenario: mine\nsteps:\n{steps.replace('answer', 'mine')}\n",
        headers={"content-type": "application/yaml"},
    )
    assert said("question 8") == "mine 8"
    client.delete("/_mock/scenarios/mine")
    assert said("question 8") == "other 8"
