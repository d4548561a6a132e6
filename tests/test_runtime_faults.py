"""Faults that are switched on at run time, and those that a request picks."""

import json

import httpx
import pytest

HEADERS = {"authorization": "Bearer test-key"}


def faults(server, method="GET", body=None, path="", key="test-key", project=""):
    where = f"{server.url}/_mock/faults{path}{'?project=*' if project else ''}"
    return httpx.request(method, where, json=body, headers={"authorization": f"Bearer {key}"})


def arm(server, key="test-key", project="", **form):
    answer = faults(server, "POST", form, key=key, project=project)
    assert answer.status_code == 200, answer.text


def ask(server, text="hi", **options):
    return server.post({"model": "gpt-4o", "input": text}, **options)


def test_a_fault_is_switched_on_listed_and_off(serve):
    server = serve("steps: [{reply: fine}]")
    arm(server, name="page", fault={"html_error": 502})
    arm(server, name="busy", error="server_is_overloaded", when={"input": "busy"}, times=1)
    assert [ask(server).status_code, ask(server).status_code] == [502, 502]
    assert faults(server).json() == {
        "faults": [
            {"name": "page", "what": "html_error", "times": None, "hits": 2, "armed": True},
            {"name": "busy", "what": "error", "times": 1, "hits": 0, "armed": True},
        ]
    }
    assert faults(server, "DELETE", path="/page").json() == {"name": "page", "status": "off"}
    refused = ask(server, "busy")
    assert (refused.status_code, refused.headers["x-mock-scenario"], refused.headers["x-mock-step"]) == (503, "faults", "busy")
    assert (ask(server, "busy").status_code, ask(server).status_code) == (200, 200)
    assert faults(server, "DELETE").json() == {"status": "off"}
    assert faults(server).json() == {"faults": []}
    missing = faults(server, "DELETE", path="/page")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "mock_unknown_fault")


def test_the_same_name_again_begins_anew(serve):
    server = serve("steps: [{reply: fine}]")
    for _ in range(2):
        arm(server, name="once", fault="html_error", times=1)
        assert [ask(server).status_code for _ in range(2)] == [502, 200]


def test_each_project_has_its_own_and_everybodys(serve):
    server = serve("steps: [{reply: fine}]")
    arm(server, name="mine", fault="html_error")
    assert (ask(server).status_code, ask(server, key="other").status_code) == (502, 200)
    arm(server, project="*", name="all", error="server_error")
    assert (ask(server).status_code, ask(server, key="other").status_code) == (502, 500)
    httpx.post(f"{server.url}/_mock/reset", headers=HEADERS)
    assert ask(server).status_code == 500
    faults(server, "DELETE", project="*")
    assert (ask(server).status_code, ask(server, key="other").status_code) == (200, 200)


def test_times_of_everybodys_fault_are_counted_by_project(serve):
    server = serve("steps: [{reply: fine}]")
    arm(server, project="*", name="once", fault="html_error", times=1)
    assert [ask(server, key=key).status_code for key in "aabb"] == [502, 200, 502, 200]
    arm(server, project="*", name="once", fault="html_error", times=1)
    assert ask(server, key="a").status_code == 502


def test_faults_come_before_validation_and_scenarios(serve):
    server = serve("mode: script\nunmatched: error\nsteps: [{reply: fine}]")
    arm(server, name="down", error="server_error", when={"model": "gpt-*"}, times=3)
    assert server.post({"model": "gpt-4o", "bogus": 1}).status_code == 500  # before it is judged
    assert server.post({"model": "gpt-4o", "input": "x", "previous_response_id": "resp_1"}).status_code == 500
    assert ask(server).status_code == 500  # and no step is used up
    assert ask(server).status_code == 200
    assert server.post(b"{").status_code == 400


def test_a_refused_request_meets_its_fault_on_the_way(serve):
    server = serve("steps: [{reply: fine}]")
    arm(server, name="cut", fault="disconnect")
    with pytest.raises(httpx.RemoteProtocolError):
        server.post({"model": "gpt-4o", "bogus": 1})


def test_the_effective_input_is_matched_where_it_is_known(serve):
    server = serve("steps: [{reply: fine}]")
    first = ask(server).json()["id"]
    arm(server, name="second-turn", error="server_error", when={"turn": 2})
    follow = {"model": "gpt-4o", "input": "x", "previous_response_id": first}
    assert (ask(server).status_code, server.post(follow).status_code) == (200, 500)


@pytest.mark.parametrize(
    ("endpoint", "method", "path"),
    [
        ("responses.retrieve", "GET", "/responses/resp_1"),
        ("responses.cancel", "POST", "/responses/resp_1/cancel"),
        ("responses.delete", "DELETE", "/responses/resp_1"),
        ("responses.input_items", "GET", "/responses/resp_1/input_items"),
        ("responses.compact", "POST", "/responses/compact"),
        ("responses.input_tokens", "POST", "/responses/input_tokens"),
        ("conversations.create", "POST", "/conversations"),
        ("conversations.items.*", "GET", "/conversations/conv_1/items"),
        ("conversations.*", "DELETE", "/conversations/conv_1/items/msg_1"),
    ],
)
def test_every_endpoint_can_be_broken(serve, endpoint, method, path):
    server = serve()
    body = {"model": "gpt-4o", "input": "x"} if path.endswith(("compact", "tokens")) else {}

    def call():
        return httpx.request(method, f"{server.base_url}{path}", headers=HEADERS, json=body if method == "POST" else None)

    before = call().status_code
    arm(server, name="page", fault={"html_error": 503}, when={"endpoint": endpoint})
    assert (before != 503, call().status_code, ask(server).status_code) == (True, 503, 200)
    arm(server, name="page", error="server_is_overloaded", when={"endpoint": endpoint})
    assert call().json()["error"]["code"] == "server_is_overloaded"


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({}, "'name' is missing: up to 64 letters, digits, '.', '_' and '-'."),
        ({"name": "a b", "fault": "timeout"}, "'name' is missing: up to 64 letters, digits, '.', '_' and '-'."),
        ({"name": "x", "flaut": "timeout"}, "There is no key 'flaut'. Keys: armed, chance, error, fault, name, times, when."),
        ({"name": "x"}, "a step needs one of reply, error, fail, incomplete, fault"),
        ({"name": "x", "fault": "tiemout"}, "fault: expected 'timeout', 'disconnect', 'corrupt_json', 'split_utf8', 'html_error', 'bad_tool_call' or 'bad_json', got 'tiemout'; did you mean 'timeout'?"),
        ({"name": "x", "fault": "timeout", "when": {"imput": "x"}}, "when.imput: unknown key; did you mean 'input'?"),
        ({"name": "x", "fault": "timeout", "times": 0}, "times: Input should be greater than or equal to 1"),
        ({"name": "x", "fault": "timeout", "armed": "no"}, "'armed' is true or false."),
    ],
)  # fmt: skip
def test_a_wrong_fault_is_refused_and_nothing_has_changed(serve, form, message):
    server = serve()
    answer = faults(server, "POST", form)
    assert (answer.status_code, answer.json()["error"]["code"], answer.json()["error"]["message"]) == (
        400,
        "mock_invalid_fault",
        message,
    )
    assert faults(server).json() == {"faults": []}


def test_a_project_has_a_hundred_at_most(serve):
    server = serve()
    for n in range(100):
        arm(server, name=f"f{n}", fault="timeout", times=1, when={"input": "never"})
    assert (
        faults(server, "POST", {"name": "more", "fault": "timeout"}).json()["error"]["message"]
        == "There are 100 faults already: DELETE some."
    )
    arm(server, name="f5", fault="html_error")
    assert ask(server).status_code == 502


def picked(server, fault, **body):
    return server.post({"model": "gpt-4o", "input": "x", **body}, headers={"x-mock-fault": fault})


def test_a_request_picks_its_fault(serve):
    server = serve("steps: [{reply: one two three}]", fault_header=True)
    arm(server, name="page", fault="html_error", when={"input": "never"}, armed=False, times=2)
    assert ask(server).status_code == 200
    assert [picked(server, "page").status_code for _ in range(3)] == [502, 502, 200]
    assert faults(server).json()["faults"][0] == {"name": "page", "what": "html_error", "times": 2, "hits": 2, "armed": False}
    assert picked(server, "html_error: 504").status_code == 504
    assert picked(server, "{html_error: 520, delay: 1s}").status_code == 520
    assert picked(server, "rate_limit_exceeded").status_code == 429
    assert picked(server, "status: 418").status_code == 418
    with pytest.raises(httpx.RemoteProtocolError):
        picked(server, "disconnect: output_text.delta#2", stream=True)
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"{server.base_url}/responses/resp_1", headers={**HEADERS, "x-mock-fault": "disconnect"})
    client = server.sdk(default_headers={"X-Mock-Fault": "corrupt_json"})
    with pytest.raises(json.JSONDecodeError):
        client.responses.create(model="gpt-4o", input="x")


def test_a_fault_nobody_knows_is_told(serve):
    server = serve(fault_header=True)
    arm(server, name="page", fault="html_error", armed=False)
    answer = picked(server, "tiemout")
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "mock_invalid_fault")
    assert error["message"].startswith(
        "X-Mock-Fault: 'tiemout' is no fault's name, no fault and no error. Known by name: page. As a fault: "
    )
    assert picked(server, "x" * 1001).json()["error"]["message"] == "X-Mock-Fault has 1000 characters at most."
    for strange in ("{", "]: [", "&a *a", "!!python/object:os.system x", ": : :", "'"):
        assert picked(server, strange).status_code == 400


def test_without_the_option_the_header_means_nothing(serve):
    assert picked(serve("steps: [{reply: fine}]"), "timeout").status_code == 200
