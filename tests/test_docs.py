"""Docs cannot rot: every key of the format, every option and every page is mentioned."""

import re
from typing import get_args

import click
import httpx
import pytest

from mockapi.cli import main
from mockapi.project import Project
from mockapi.scenario.failures import ErrorForm, FailForm
from mockapi.scenario.faults import BadJson, BadToolCall, FaultForm
from mockapi.scenario.forms import FORMS, draft_of, long_item
from mockapi.scenario.limits import RateForm
from mockapi.scenario.load import load_text
from mockapi.scenario.model import (
    OPERATIONS,
    Defaults,
    ReplyForm,
    ScenarioFile,
    StepForm,
    UsageForm,
    When,
)
from mockapi.scenario.seeds import ConversationSeed, PromptForm, PromptMessage, ResponseSeed
from mockapi.scenario.timing import BackgroundForm, PaceForm
from mockapi.scenario.webhooks import DelayForm, FaultName, WebhookForm
from mockapi.server import build_app
from mockapi.service import verification
from mockapi.settings import Settings
from mockapi.verdict import RULES
from mockapi.wire.catalogue import ERROR_NAMES
from mockapi.wire.json import dumps
from mockapi.wire.webhooks import DEFAULT_SECRET

from .conftest import ROOT
from .reference_pages import PAGES, admin_routes

PAGE = (ROOT / "docs" / "scenarios.md").read_text()


@pytest.mark.parametrize(
    "model",
    [
        BackgroundForm,
        PromptForm,
        PromptMessage,
        ConversationSeed,
        ResponseSeed,
        ScenarioFile,
        StepForm,
        When,
        ReplyForm,
        UsageForm,
        PaceForm,
        ErrorForm,
        FailForm,
        Defaults,
        WebhookForm,
        DelayForm,
        RateForm,
    ]
    + [form.long for form in FORMS.values() if form.long is not object],
    ids=lambda model: model.__name__,
)
def test_every_key_is_described(model):
    words = set(re.findall(r"\w+", PAGE))
    names = {field.alias or name for name, field in model.model_fields.items()}
    assert names - words == set()


def test_every_webhook_fault_is_described():
    page = (ROOT / "docs" / "webhooks.md").read_text()
    assert [name for name in get_args(FaultName) if f"`{name}`" not in page] == []


def test_every_fault_is_described():
    page = (ROOT / "docs" / "faults.md").read_text()
    values = [*get_args(BadToolCall), *get_args(BadJson)]
    assert [name for name in (*FaultForm.model_fields, *values) if f"`{name}" not in page] == []


def test_every_rule_of_the_verdict_is_described():
    page = (ROOT / "docs" / "verdict.md").read_text()
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == [*RULES]


def test_every_item_and_code_is_described():
    assert [name for name in (*FORMS, *OPERATIONS) if f"`{name}`" not in PAGE] == []
    page = (ROOT / "docs" / "errors.md").read_text()
    assert [name for name in ERROR_NAMES if f"`{name}`" not in page] == []


def test_the_worked_example_of_contributing(monkeypatch):
    """The weather call of CONTRIBUTING.md: its entry, form and row fit each other."""
    from mockapi.engine import grammar
    from mockapi.engine.score import ScoreKey, compose
    from mockapi.scenario import hosted

    page = (ROOT / "CONTRIBUTING.md").read_text()
    entry, form, row = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    monkeypatch.setitem(grammar.GRAMMAR, "weather_call", eval(f"{{{entry}}}", vars(grammar))["weather_call"])
    code, line = form.split('"weather_call": Item')
    names = dict(vars(hosted))
    exec(code, names)
    monkeypatch.setitem(FORMS, "weather_call", eval(f"{{'weather_call': Item{line}}}", names)["weather_call"])
    written, between, wanted = eval(f"{{{row}}}")["weather_call"]
    score = compose(dumps([draft_of(long_item({"weather_call": written}))]), ScoreKey())
    assert [note.type.removeprefix("response.") for note in score.notes][1:-1] == between
    assert score.finished.items[0].items() >= wanted.items()


def test_every_command_and_option_is_described():
    page = (ROOT / "docs" / "commands.md").read_text()
    assert [name for name in main.commands if f"`mockapi {name}" not in page] == []
    for command in main.commands.values():
        options = [name for parameter in command.params if isinstance(parameter, click.Option) for name in parameter.opts]
        assert [name for name in options if f"`{name}" not in page] == []


def test_every_admin_route_is_described():
    page = (ROOT / "docs" / "admin.md").read_text()
    app = build_app(Settings())
    routes = [route for route in app.routes if route.path.startswith("/_mock")]
    assert len(routes) == 18
    for route in routes:
        for method in route.app._operations:
            assert f"`{method} {route.path}" in page, (method, route.path)


def test_the_admin_pages_curl_line(serve):
    line = next(line for line in (ROOT / "docs" / "admin.md").read_text().splitlines() if line.startswith("curl"))
    body = re.search(r"-d '(.*)'", line)[1]
    headers = dict(re.findall(r"-H '([^:]+): ([^']+)'", line))
    server = serve()
    answer = httpx.put(f"{server.url}/_mock/scenarios/greeting", content=body, headers=headers)
    assert answer.json() == {"name": "greeting", "status": "loaded"}
    said = server.post({"model": "m", "input": "hi"}, key="any-key").json()
    assert said["output"][0]["content"][0]["text"] == "hello"


def test_every_command_has_help():
    for name, command in main.commands.items():
        assert command.help, name
        options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
        assert [option.name for option in options if not option.help] == []


@pytest.mark.parametrize("place", PAGES)
def test_the_pages_made_from_code_are_current(place):
    assert (ROOT / "docs" / place).read_text() == PAGES[place](), "run: python -m tests.reference_pages"


def test_the_coverage_page_knows_the_sdks_endpoints():
    from .coverage_page import endpoints

    assert len(set(endpoints())) > 12


def test_the_reference_has_every_admin_route_in_words():
    assert [route for route, told in admin_routes() if not told] == []


def test_the_default_webhook_secret_is_told():
    assert f"`{DEFAULT_SECRET}`" in (ROOT / "docs" / "webhooks.md").read_text()


def test_the_webhook_pages_scenario_loads():
    text = re.search(r"```yaml\n(.*?)```", (ROOT / "docs" / "webhooks.md").read_text(), re.DOTALL)[1]
    assert load_text(text).webhooks.fault.delay == 5.0


def test_the_python_of_the_pytest_page_is_green(alone):
    """Its blocks as the files they speak of: a test, a test with a marker, a conftest.py."""
    first, marked, settings = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "pytest.md").read_text(), re.DOTALL)
    alone.makepyfile(test_hello=first, test_marked=marked, conftest=settings)
    (alone.path / "errors").mkdir()
    for name in re.findall(r"\"(\S+\.yaml)\"", marked):
        (alone.path / name).write_text("steps: [{reply: Hi}]")
    alone.runpytest_inprocess("-p", "mockapi").assert_outcomes(passed=2)


def test_every_method_and_option_of_the_plugin_is_described():
    from mockapi.mocking import MockServer
    from mockapi.testing import Mock

    page, library = (ROOT / "docs" / "pytest.md").read_text(), (ROOT / "docs" / "library.md").read_text()
    names = [name for name in vars(Project) if not name.startswith("_") and name not in ("admin", "files")]
    assert [name for name in names if f"`{name}" not in page] == []
    own = [name for name in vars(MockServer) if not name.startswith("_") and name != "admin"]
    assert [name for name in own if f"`{name}" not in library] == []
    options = re.findall(r"\"(--mockapi-[a-z-]+|mockapi_[a-z]+)\"", (ROOT / "mockapi" / "pytest_plugin.py").read_text())
    assert [name for name in options if f"`{name}" not in page] == []
    assert issubclass(Mock, Project)


def test_the_verification_page_names_every_key():
    page = (ROOT / "docs" / "admin.md").read_text()
    assert [key for key in verification.KEYS if f"`{key}" not in page] == []
