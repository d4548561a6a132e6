"""The command line, run as a user runs it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading

import httpx
import pytest
from click.testing import CliRunner

from mockapi import __version__
from mockapi.cli import main
from mockapi.wire.catalogue import ROWS

from .conftest import ROOT, SCENARIOS

AUTH = {"authorization": "Bearer k"}


def run(*arguments, **options):
    return CliRunner().invoke(main, arguments, **options)


def test_check_says_fine():
    result = run("check", str(SCENARIOS))
    assert (result.exit_code, result.output) == (0, "6 scenarios, no problems\n")


def test_check_tells_every_problem_and_exits_1(tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text("steps:\n  - reply: No\n  - {}\n")
    result = run("check", str(bad))
    assert result.exit_code == 1
    first, second, count = result.output.splitlines()
    assert first.startswith(f"{bad}:2:5: steps[0].reply: ")
    assert second.startswith(f"{bad}:3:5: steps[1]: ")
    assert count == "2 problems"


def test_check_as_json(tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text("steps:\n  - {}\n")
    result = run("check", "--json", str(bad))
    assert result.exit_code == 1
    told = json.loads(result.output)
    assert told["ok"] is False
    assert told["problems"][0] == {
        "file": str(bad),
        "line": 2,
        "column": 5,
        "key": "steps[0]",
        "message": "a step needs one of reply, error, fail, incomplete, fault",
    }
    assert json.loads(run("check", "--json", str(SCENARIOS)).output) == {"ok": True, "problems": [], "warnings": []}


def test_check_warns_of_what_is_odd(tmp_path):
    path = tmp_path / "odd.yaml"
    path.write_text("steps: [{reply: [{type: brand_new_call, id: x_1}]}]")
    result = run("check", str(path))
    assert result.exit_code == 0
    assert result.output.startswith(f"warning: {path}:1:19: steps[0].reply[0].type: ")
    assert result.output.endswith("1 scenario, no problems\n")
    (warning,) = json.loads(run("check", "--json", str(path)).output)["warnings"]
    assert (warning["line"], warning["key"]) == (1, "steps[0].reply[0].type")


def test_check_of_a_missing_path_is_wrong_usage(tmp_path):
    result = run("check", str(tmp_path / "nope"))
    assert result.exit_code == 2
    assert "there is no scenario file or folder at" in result.output


def test_schema_is_json():
    result = run("schema")
    assert result.exit_code == 0
    assert json.loads(result.output)["title"] == "mockapi scenario"


def test_errors_are_listed():
    result = run("errors")
    assert result.exit_code == 0
    head, *lines = result.output.splitlines()
    assert head.split() == ["NAME", "CODE", "STATUS", "TYPE", "PARAM", "KNOWN", "ENDPOINTS"]
    assert len(lines) == 2 * len(ROWS)
    place = next(number for number, line in enumerate(lines) if line.startswith("conversation_locked "))
    assert lines[place].split() == [
        "conversation_locked", "conversation_locked", "400", "invalid_request_error", "conversation", "V", "responses.create"
    ]  # fmt: skip
    assert lines[place + 1].strip().startswith("Another process is currently operating on this conversation.")


@pytest.mark.parametrize(
    ("word", "names"),
    [
        ("503", ["server_is_overloaded", "model_at_capacity"]),
        ("per min (rpm)", ["rate_limit_exceeded"]),
        ("responses.delete", ["response_not_found", "delete_in_flight"]),
    ],
)
def test_errors_are_filtered(word, names):
    result = run("errors", word, "--json")
    rows = json.loads(result.output)
    assert (result.exit_code, [row["name"] for row in rows]) == (0, names)
    assert set(rows[0]) == {
        "name", "code", "status", "type", "param", "message", "headers", "layout", "endpoints", "confidence", "source", "sample", "note"
    }  # fmt: skip


def test_no_error_fits():
    result = run("errors", "zzz")
    assert (result.exit_code, result.output) == (1, "mockapi: no error fits 'zzz'; `mockapi errors` lists all\n")
    assert (run("errors", "zzz", "--json").exit_code, run("errors", "zzz", "--json").output) == (1, "[]\n")


def test_version_and_help():
    assert run("--version").output == f"mockapi, version {__version__}\n"
    text = " ".join(run("serve", "--help").output.split())
    for option in ("--host", "--port", "--clock", "--seed", "--unmatched", "--log-level", "--max-body", "--max-responses"):
        assert option in text
        assert f"env var: MOCKAPI_{option[2:].replace('-', '_').upper()}" in text


def test_every_setting_is_an_option():
    from dataclasses import fields

    from mockapi.settings import Settings

    options = {parameter.name for parameter in main.commands["serve"].params}
    assert {field.name for field in fields(Settings)} == options


def test_serve_answers_logs_and_stops_on_sigterm(spawn):
    server = spawn(str(SCENARIOS))
    answer = httpx.post(f"{server.url}/v1/responses", json={"model": "gpt-4o", "input": "say hello"}, headers=AUTH)
    assert answer.json()["output"][0]["content"][0]["text"] == "Hello from mockapi!"
    assert "date" in answer.headers
    assert "server" not in answer.headers
    httpx.post(f"{server.url}/v1/responses", content=b"{", headers=AUTH)
    server.process.send_signal(signal.SIGTERM)
    out, err = server.process.communicate(timeout=10)
    assert server.process.returncode == 0
    assert out == ""  # the ready line was read already, and comes once
    first, second = err.splitlines()
    assert first.startswith("POST /v1/responses 200 ")
    assert first.endswith(" quickstart/step 2")
    assert second.startswith("POST /v1/responses 400 ")
    assert second.endswith(" invalid_json")


def test_serve_takes_scenarios_of_the_folder_it_stands_in(spawn, tmp_path):
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "own.yaml").write_text("steps: [{reply: mine}]")
    server = spawn("--log-level", "warning", cwd=tmp_path)
    body = httpx.post(f"{server.url}/v1/responses", json={"model": "m", "input": "x"}, headers=AUTH).json()
    assert body["output"][0]["content"][0]["text"] == "mine"


def test_serve_without_scenarios(spawn, tmp_path):
    server = spawn(cwd=tmp_path)
    assert httpx.get(f"{server.url}/_mock/ready").json() == {"status": "ready", "scenarios": 0, "evictions": {}}


def test_settings_come_from_the_environment(spawn, tmp_path, monkeypatch):
    monkeypatch.setenv("MOCKAPI_CLOCK", "virtual")
    monkeypatch.setenv("MOCKAPI_UNMATCHED", "error")
    server = spawn(cwd=tmp_path)
    answer = httpx.post(f"{server.url}/v1/responses", json={"model": "m", "input": "x"}, headers=AUTH)
    assert answer.status_code == 422
    assert "date" not in answer.headers


def serve_briefly(*arguments, cwd=ROOT):
    command = [sys.executable, "-m", "mockapi", "serve", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=20, check=False, env=os.environ)


def test_a_port_in_use_is_one_sentence_and_exit_2():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = serve_briefly("--port", str(port))
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr == (
        f"mockapi: cannot listen on 127.0.0.1:{port}: Address already in use; "
        "stop what uses it, or choose another with --port (0 picks a free one)\n"
    )


def test_serve_of_an_invalid_file_is_exit_2(tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text("steps:\n  - {}\n")
    result = serve_briefly(str(bad), "--port", "0")
    assert result.returncode == 2
    assert result.stderr.startswith(f"{bad}:2:5: steps[0]: ")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("arguments", [["--clock", "sundial"], ["--port", "99999"], ["nope/"]])
def test_wrong_usage_is_exit_2(arguments):
    result = serve_briefly("--port", "0", *arguments)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr


def test_a_running_stream_may_end_after_sigterm(spawn, tmp_path):
    (tmp_path / "slow.yaml").write_text("steps: [{pace: {first: 300ms, rate: 100/s}, reply: one two three}]")
    server = spawn(str(tmp_path / "slow.yaml"))
    began, texts = threading.Event(), []

    def read():
        body = {"model": "m", "input": "x", "stream": True}
        with httpx.stream("POST", f"{server.url}/v1/responses", json=body, headers=AUTH, timeout=20) as answer:
            for chunk in answer.iter_text():
                texts.append(chunk)
                began.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert began.wait(10)
    server.process.send_signal(signal.SIGTERM)
    reader.join(10)
    assert "event: response.completed" in "".join(texts)
    assert server.process.wait(10) == 0


def test_init_writes_a_scenario_that_is_fine(tmp_path):
    folder = tmp_path / "new" / "scenarios"
    result = run("init", str(folder))
    assert (result.exit_code, result.output) == (0, f"wrote {folder}/first.yaml; now run: mockapi serve {folder}\n")
    assert run("check", str(folder)).output == "1 scenario, no problems\n"
    again = run("init", str(folder))
    assert again.exit_code == 2
    assert "is there already" in again.output


def test_init_overwrites_no_file_of_others(tmp_path):
    schema = tmp_path / "scenario.schema.json"
    schema.write_text("mine")
    result = run("init", str(tmp_path))
    assert (result.exit_code, schema.read_text()) == (2, "mine")
    assert "nothing was written" in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["scenario.schema.json"]
    schema.write_text('{"title": "mockapi scenario", "of": "an older release"}')
    assert run("init", str(tmp_path)).exit_code == 0
    assert "$defs" in schema.read_text()


def test_init_cannot_write(tmp_path):
    (tmp_path / "file").write_text("")
    result = run("init", str(tmp_path / "file" / "below"))
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_init_tells_of_a_name_that_no_file_can_have(tmp_path):
    folder = tmp_path / ("x" * 300)
    result = run("init", str(folder))
    assert (result.exit_code, result.output) == (2, f"mockapi: cannot write to {folder}: File name too long\n")


@pytest.mark.parametrize(("name", "shown"), [("my mocks", "'my mocks'"), ("a\nb: c", "DIR")])
def test_init_tells_a_command_that_works_for_odd_names(tmp_path, monkeypatch, name, shown):
    monkeypatch.chdir(tmp_path)
    assert run("init", name).output == f"wrote {name}/first.yaml; now run: mockapi serve {shown}\n"
    assert f"mockapi serve {shown}\n" in (tmp_path / name / "first.yaml").read_text()
    assert run("check", "--strict", name).output == "1 scenario, no problems\n"


def test_the_starter_answers(serve, tmp_path):
    run("init", str(tmp_path))
    server = serve(paths=(tmp_path,), unmatched="error")
    tools = [{"type": "function", "name": "get_weather"}]
    call = server.post({"model": "m", "input": "weather in Rome", "tools": tools}).json()["output"][0]
    assert json.loads(call["arguments"]) == {"city": "Rome"}
    assert [server.post({"model": "m", "input": "busy"}).status_code for _ in range(3)] == [429, 429, 422]


def test_wait(spawn, tmp_path):
    server = spawn(cwd=tmp_path)
    port = server.url.rsplit(":", 1)[1]
    result = run("wait", "--port", port, "--timeout", "5s")
    assert (result.exit_code, result.output) == (0, f"ready on http://127.0.0.1:{port}/v1\n")


def test_wait_gives_up():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = str(silent.getsockname()[1])
    result = run("wait", "--port", port, "--timeout", "100ms")
    assert result.exit_code == 1
    assert result.output == f"mockapi: no server is ready on http://127.0.0.1:{port} within 0.1 s\n"
    assert run("wait", "--timeout", "soon").exit_code == 2


def wait_for_line(process, text):
    """The next line of a server's log that contains a text."""
    for line in process.stderr:
        if text in line:
            return line
    raise AssertionError(f"no line with {text!r}")


@pytest.mark.parametrize("how", ["signal", "watch", "watch one file"])
def test_scenarios_are_reloaded_and_broken_ones_keep_the_last_good(spawn, tmp_path, how):
    path = tmp_path / "own.yaml"
    path.write_text("steps: [{reply: one}]")
    place = path if how == "watch one file" else tmp_path
    server = spawn(str(place), "--log-level", "warning", *([] if how == "signal" else ["--watch"]))

    def say():
        body = httpx.post(f"{server.url}/v1/responses", json={"model": "m", "input": "x"}, headers=AUTH).json()
        return body["output"][0]["content"][0]["text"]

    def change(text, told):
        draft = tmp_path / "own.yaml.draft"
        draft.write_text(text)
        draft.replace(path)  # how many editors save
        if how == "signal":
            server.process.send_signal(signal.SIGHUP)
        return wait_for_line(server.process, told)

    assert say() == "one"
    assert "changed: own" in change("steps: [{reply: two}]", "scenarios reloaded: 1 loaded")
    assert say() == "two"
    change("steps: [{}]", "scenarios were not reloaded")
    assert say() == "two"
    change("steps: [{reply: three}]", "scenarios reloaded")
    assert say() == "three"


def test_a_store_beside_the_scenarios_is_no_reason_to_read_them_again(spawn, tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text("steps: [{reply: one}]")
    server = spawn(str(path), "--log-level", "warning", "--watch", "--store", f"sqlite:///{tmp_path}/state.db")
    with httpx.Client(headers=AUTH) as client:
        for _ in range(150):
            client.post(f"{server.url}/v1/responses", json={"model": "m", "input": "x"})
    path.write_text("steps: [{reply: two}]")
    assert "changed: own" in server.process.stderr.readline()  # nothing before


def test_json_logs(spawn, tmp_path):
    server = spawn("--log-format", "json", cwd=tmp_path)
    httpx.post(f"{server.url}/v1/responses", json={"model": "m", "input": "x"}, headers=AUTH)
    server.process.terminate()
    _, err = server.process.communicate(timeout=10)
    (line,) = err.splitlines()
    assert json.loads(line)["level"] == "info"
    entry = json.loads(line)
    assert entry["message"].startswith("POST /v1/responses 200 ")
    assert (entry["method"], entry["path"], entry["status"], entry["note"]) == ("POST", "/v1/responses", 200, "auto")
    assert entry["took_ms"] >= 0
    assert entry["request_id"].startswith("req_")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", entry["time"])


def test_durations_of_commands_may_be_bare_seconds():
    for text, seconds in (("0.1", "0.1"), ("100ms", "0.1"), ("0", "0")):
        result = run("wait", "--timeout", text, "--port", "1")
        assert (result.exit_code, f"within {seconds} s" in result.output) == (1, True), result.output
    for text in ("nan", "-1", "1e9", "soon"):
        assert run("wait", "--timeout", text).exit_code == 2
