"""Suites of tests that pytest runs on its own, with the plugin of this package: the fixture `suite`."""

import pytest
from openai import OpenAI

from mockapi import MockServer

__all__ = ["WEATHER", "suite", "what_suites_import"]

_HEAD = """
import os
import pytest
from openai import AsyncOpenAI, OpenAI

def ask(text="x", client=None, **body):
    with client or OpenAI(max_retries=0) as client:
        return client.responses.create(model="m", input=text, **body).output_text
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
def suite(pytester, monkeypatch, what_suites_import):
    """Run a suite: `suite(code, *options, plugins=(…), **files)`; in this process unless `apart`.

    It is run with the plugin and those that are named alone: to load whatever is installed takes seconds.
    """
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-real")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run(code: str, *options: str, ini: str = "", apart: bool = False, plugins: tuple[str, ...] = (), **files: str):
        for name, text in files.items():
            (pytester.path / f"{name}.yaml").write_text(text)
        pytester.makeini(f"[pytest]\n{_ASYNCIO if 'asyncio' in plugins else ''}{ini}")
        pytester.makepyfile(test_it=_HEAD + code)
        named = [word for plugin in ("mockapi", *plugins) for word in ("-p", plugin)]
        how = pytester.runpytest_subprocess if apart else pytester.runpytest_inprocess
        return how(*named, "-p", "no:cacheprovider", *options)

    return run
