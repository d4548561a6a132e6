"""Suites of tests that pytest runs on its own, with the plugin of this package: the fixture `suite`."""

import gc
import warnings

import pytest
from openai import OpenAI

from mockapi import MockServer

__all__ = ["WEATHER", "alone", "suite", "what_suites_import"]

_HEAD = """
import os
import pytest
from openai import AsyncOpenAI, OpenAI

def ask(text="x", client=None, **body):
    with client or OpenAI(max_retries=0) as client:
        return client.responses.create(model="m", input=text, **body).output_text
"""
_HEAD_WITHOUT_SDK = """
import json
import os
import pytest
from urllib.request import Request, urlopen

def ask(text="x"):
    headers = {"authorization": "Bearer " + os.environ["OPENAI_API_KEY"], "content-type": "application/json"}
    body = json.dumps({"model": "m", "input": text}).encode()
    with urlopen(Request(os.environ["OPENAI_BASE_URL"] + "/responses", body, headers)) as answer:
        return json.load(answer)["output"][0]["content"][0]["text"]
"""
_ASYNCIO = "asyncio_default_fixture_loop_scope = function\n"

WEATHER = (
    "mode: script\nsteps: [{name: ask, when: {input: weather}, reply: sunny}, {name: thank, when: {input: thanks}, reply: bye}]"
)


@pytest.fixture(scope="session")
def what_suites_import() -> None:
    """All that the server and the SDK import at their first request: pytester forgets what a suite in this process imports."""
    import mockapi.scenario.portable
    import mockapi.testing  # noqa: F401

    with MockServer() as mock, OpenAI(base_url=mock.base_url, api_key=mock.api_key) as client:
        mock.reply("x")
        client.responses.create(model="m", input="x", stream=True).close()


@pytest.fixture
def alone(pytester, monkeypatch, what_suites_import):
    """`pytester`, whose sessions load the plugins that are named and no others: to load whatever is installed takes seconds.

    Clients that a session leaves open, as people do, are none of the next session's business.
    """
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-real")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-W ignore:unclosed:ResourceWarning")
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    yield pytester
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def suite(alone):
    """Run a suite with the plugin: `suite(code, *options, plugins=(…), **files)`; in this process unless `apart`.

    A process without the `sdk` begins in half the time.
    """

    def run(
        code: str,
        *options: str,
        ini: str = "",
        apart: bool = False,
        sdk: bool = True,
        plugins: tuple[str, ...] = (),
        **files: str,
    ):
        for name, text in files.items():
            (alone.path / f"{name}.yaml").write_text(text)
        alone.makeini(f"[pytest]\n{_ASYNCIO if 'asyncio' in plugins else ''}{ini}")
        alone.makepyfile(test_it=(_HEAD if sdk else _HEAD_WITHOUT_SDK) + code)
        named = [word for plugin in ("mockapi", *plugins) for word in ("-p", plugin)]
        how = alone.runpytest_subprocess if apart else alone.runpytest_inprocess
        return how(*named, "-p", "no:cacheprovider", *options)

    return run
