"""Scenarios by way of the admin API: uploads, the list, reloads, and how much a project may upload."""

import asyncio

from starlette.testclient import TestClient

from mockapi.scenario.library import _Recent
from mockapi.scenario.load import load_text
from mockapi.server import build_app
from mockapi.settings import Settings
from mockapi.stores.base import ALL_PROJECTS
from mockapi.stores.memory import MemoryStore

from .test_admin import KEY, OTHER, client, code, say

__all__ = ["client"]  # fixtures


def test_uploaded_scenarios_come_first_and_only_for_their_project(client):
    upload = "steps: [{when: {input: hi}, reply: mine}]"
    assert client.put("/_mock/scenarios/own", content=upload, headers=KEY).json() == {"name": "own", "status": "loaded"}
    assert (say(client, "hi"), say(client, "hi", OTHER)) == ("mine", "hello")
    assert client.get("/_mock/scenarios/own", headers=KEY).text == upload
    client.put("/_mock/scenarios/all?project=*", json={"steps": [{"when": {"input": "hi"}, "reply": "everybody's"}]}, headers=KEY)
    assert (say(client, "hi"), say(client, "hi", OTHER)) == ("mine", "everybody's")
    assert client.delete("/_mock/scenarios/own", headers=KEY).status_code == 200
    assert say(client, "hi") == "everybody's"
    assert code(client.delete("/_mock/scenarios/own", headers=KEY)) == (404, "mock_unknown_scenario")
    assert code(client.get("/_mock/scenarios/own", headers=KEY)) == (404, "mock_unknown_scenario")


def test_a_broken_upload_changes_nothing(client):
    client.put("/_mock/scenarios/own", content="steps: [{reply: good}]", headers=KEY)
    for broken in ("steps: [{}]", "[", "scenario: other\nsteps: []"):
        answer = client.put("/_mock/scenarios/own", content=broken, headers=KEY)
        assert code(answer) == (400, "mock_invalid_scenario")
    assert "own:1:9: steps[0]: a step needs one of" in client.put("/_mock/scenarios/own", content="steps: [{}]", headers=KEY).text
    assert code(client.put("/_mock/scenarios/own", content=b"\xff", headers=KEY)) == (400, "mock_invalid_scenario")
    assert say(client, "hi") == "good"


def test_the_list_tells_where_from_and_how_often(client):
    say(client, "once")
    say(client, "hi")
    client.put("/_mock/scenarios/own", content="about: mine\nsteps: [{reply: x, when: {input: zzz}}]", headers=KEY)
    own, server = client.get("/_mock/scenarios", headers=KEY).json()["scenarios"]
    assert (own["name"], own["about"], own["from"]) == ("own", "mine", "project")
    assert (server["name"], server["from"], [step["hits"] for step in server["steps"]]) == ("test", "server", [1, 1])
    (others,) = client.get("/_mock/scenarios", headers=OTHER).json()["scenarios"]
    assert [step["hits"] for step in others["steps"]] == [0, 0]


def test_reload_keeps_the_last_good_version(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("mode: script\nsteps: [{reply: one}, {reply: two}]")
    client = TestClient(build_app(Settings(clock="virtual", paths=(tmp_path,))), base_url="http://localhost")
    assert say(client, "x") == "one"
    assert client.post("/_mock/scenarios/reload", headers=KEY).json() == {"scenarios": 1, "changed": []}
    assert say(client, "x") == "two"  # unchanged: progress stays
    path.write_text("steps: [{}]")
    answer = client.post("/_mock/scenarios/reload", headers=KEY)
    assert code(answer) == (400, "mock_invalid_scenario")
    assert "The last good scenarios stay in use" in answer.text
    path.write_text("mode: script\nsteps: [{reply: three}]")
    assert client.post("/_mock/scenarios/reload", headers=KEY).json() == {"scenarios": 1, "changed": ["a"]}
    assert say(client, "x") == "three"


def test_uploads_are_tried_by_name():
    client = TestClient(
        build_app(Settings(clock="virtual"), [load_text("steps: [{reply: z}]", "z")]), base_url="http://localhost"
    )
    for name in ("b", "a"):
        client.put(f"/_mock/scenarios/{name}", content=f"steps: [{{reply: {name}}}]", headers=KEY)
    assert say(client, "x") == "a"
    assert say(client, "x", {**KEY, "x-mock-scenario": "z"}) == "z"


def test_an_upload_for_all_begins_anew_for_everybody(client):
    for reply in ("g1", "g2"):
        client.put("/_mock/scenarios/g?project=*", content=f"steps: [{{times: 1, reply: {reply}}}]", headers=KEY)
        assert (say(client, "x"), say(client, "x", OTHER)) == (reply, reply)


def test_a_reload_leaves_uploads_of_that_name_alone(tmp_path):
    folder = tmp_path / "scenarios"
    folder.mkdir()
    path = folder / "a.yaml"
    path.write_text("steps: []")
    client = TestClient(build_app(Settings(clock="virtual", paths=(folder,))), base_url="http://localhost")
    client.put("/_mock/scenarios/a", content="steps: [{times: 1, reply: mine}]", headers=KEY)
    assert say(client, "x") == "mine"
    path.write_text("steps: [{reply: disk}]")
    assert client.post("/_mock/scenarios/reload", headers=KEY).json()["changed"] == ["a"]
    assert say(client, "x") != "mine"
    path.unlink()
    folder.rmdir()
    assert code(client.post("/_mock/scenarios/reload", headers=KEY)) == (400, "mock_invalid_scenario")


def test_uploads_for_all_outlive_many_projects():
    async def run():
        store = MemoryStore(max_projects=5)
        await store.put_scenario(ALL_PROJECTS, "s", "text")
        for n in range(20):
            await store.move_clock(f"p{n}", 1.0)
        return await store.get_scenarios(ALL_PROJECTS)

    assert asyncio.run(run()) == {"s": "text"}


def test_a_scenario_that_came_is_told_by_reload(tmp_path):
    client = TestClient(build_app(Settings(clock="virtual", paths=(tmp_path,))), base_url="http://localhost")
    (tmp_path / "new.yaml").write_text("steps: [{reply: one}]")
    assert client.post("/_mock/scenarios/reload", headers=KEY).json() == {"scenarios": 1, "changed": ["new"]}
    (tmp_path / "new.yaml").unlink()
    assert client.post("/_mock/scenarios/reload", headers=KEY).json() == {"scenarios": 0, "changed": ["new"]}


def test_the_text_of_any_scenario_can_be_read(tmp_path):
    file = tmp_path / "on-disk.yaml"
    file.write_text("steps: [{reply: é}]", encoding="utf-8")
    client = TestClient(build_app(Settings(clock="virtual", paths=(tmp_path,))), base_url="http://localhost")
    assert client.get("/_mock/scenarios/on-disk", headers=KEY).text == "steps: [{reply: é}]"
    everybodys = {"project": "*"}
    client.put("/_mock/scenarios/on-disk", content="steps: [{reply: all}]", headers=KEY, params=everybodys)
    assert client.get("/_mock/scenarios/on-disk", headers=KEY).text == "steps: [{reply: all}]"
    client.put("/_mock/scenarios/on-disk", content="steps: [{reply: own}]", headers=KEY)
    assert client.get("/_mock/scenarios/on-disk", headers=KEY).text == "steps: [{reply: own}]"
    client.delete("/_mock/scenarios/on-disk", headers=KEY)
    client.delete("/_mock/scenarios/on-disk", headers=KEY, params=everybodys)
    file.unlink()
    assert code(client.get("/_mock/scenarios/on-disk", headers=KEY)) == (404, "mock_unknown_scenario")
    assert code(client.get("/_mock/scenarios/never", headers=KEY)) == (404, "mock_unknown_scenario")


def test_a_project_has_so_many_uploads_and_no_more(client, monkeypatch):
    monkeypatch.setattr("mockapi.admin._MOST_UPLOADS", 2)
    monkeypatch.setattr("mockapi.admin._MOST_UPLOADED", 200)
    yaml = {**KEY, "content-type": "application/yaml"}

    def put(name, text="hi", **headers):
        answer = client.put(f"/_mock/scenarios/{name}", content=f"steps: [{{reply: {text}}}]", headers={**yaml, **headers})
        return (200, "") if answer.status_code == 200 else code(answer)

    assert [put("a"), put("b"), put("c")] == [(200, ""), (200, ""), (400, "mock_too_many_scenarios")]
    assert put("b", "again") == (200, "")
    assert put("b", "x" * 170) == (400, "mock_too_many_scenarios")
    assert put("c", authorization="Bearer other") == (200, "")
    client.delete("/_mock/scenarios/a", headers=KEY)
    assert put("c") == (200, "")


def test_an_upload_for_all_that_is_refused_changes_nothing(client, monkeypatch):
    monkeypatch.setattr("mockapi.admin._MOST_UPLOADED", 200)

    def put(text):
        return client.put("/_mock/scenarios/all?project=*", content=text, headers={**KEY, "content-type": "application/yaml"})

    assert put("steps: [{when: {input: hi}, reply: counted, times: 1}]").status_code == 200
    assert (say(client, "hi"), say(client, "hi")) == ("counted", "hello")
    assert code(put(f"steps: [{{reply: {'x' * 200}}}]")) == (400, "mock_too_many_scenarios")
    assert say(client, "hi") == "hello"  # it is used up still


def test_what_was_made_of_uploads_is_bounded_by_their_length(monkeypatch):
    monkeypatch.setattr("mockapi.scenario.library._MOST_TEXT", 100)
    made = []
    recent = _Recent(lambda uploads: made.append(uploads) or uploads)
    one, two, large = ("one", "x" * 40), ("two", "x" * 50), ("large", "x" * 300)
    for asked in (one, two, one, large, large, one, two):
        assert recent.of(asked) == (asked,)
    assert made == [(one,), (two,), (large,), (one,), (two,)]
