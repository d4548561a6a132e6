"""The public names as a user's type checker sees them: checked by mypy, never run."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, assert_type

from mockapi import MockServer, Project, RecordedRequest, ScenarioError, UsageError, VerificationError
from mockapi.errors import Problem
from mockapi.settings import Settings
from mockapi.testing import Mock


def with_statement() -> None:
    with MockServer("scenarios/", Path("more.yaml"), api_key="sk", clock="real", port=0) as mock:
        assert_type(mock, MockServer)
        assert_type(mock.base_url, str)
        assert_type(mock.api_key, str)
        assert_type(mock.requests, list[RecordedRequest])
        assert_type(mock.last_request.body["input"], Any)
        assert_type(mock.last_request.status, int | None)
        assert_type(mock.last_request.events, list[dict[str, Any]])
        assert_type(mock.responses, list[dict[str, Any]])
        assert_type(mock.conversations, list[dict[str, Any]])
        assert_type(mock.usage, dict[str, Any])
        assert_type(mock.advance("10m"), datetime)
        assert_type(mock.use("a.yaml"), str)
        assert_type(mock.project("sk-other"), Project)


async def async_with_statement() -> None:
    async with MockServer() as mock:
        assert_type(mock, MockServer)


def replies(mock: Mock) -> None:
    mock.reply("Hello", when={"input": "hi"}, times=2, background={"queued": 1}, pace={"first": "300ms"})
    mock.reply([{"function_call": {"name": "f", "arguments": {}}}], times=None)
    mock.reply({"output": "x", "usage": {"output_tokens": 3}}, chance=0.5, fault="timeout")
    mock.reply(error="server_error")
    mock.reply(3)  # type: ignore[arg-type]
    mock.fail_next(429, times=2)
    mock.fault({"disconnect": 3}, when={"model": "gpt-*"})
    mock.verify({"input": "hi"}, count=1)
    mock.verify(sequence=[{"input": "a"}, {"input": "b"}], only=[{}], all_steps_used=True)
    mock.strict = False
    assert_type(mock.server, MockServer | None)


def errors(settings: Mapping[str, Any]) -> None:
    try:
        MockServer(**dict(settings)).start()
    except (UsageError, VerificationError) as error:
        assert_type(error, UsageError | VerificationError)


def what_errors_tell(mock: MockServer) -> None:
    assert_type(mock.settings, Settings)
    try:
        mock.use("steps: 3")
        mock.verify({"input": "x"})
    except VerificationError as error:
        assert_type(error.failed[0]["check"], Any)
    except ScenarioError as error:
        assert_type(error.problems, tuple[Problem, ...])
        assert_type(error.problems[0].line, int)
