"""Every error the package raises.

MockApiError
├── ScenarioError          a scenario file is wrong (refused at load; `mockapi check` lists the problems)
├── UsageError             wrong settings: a port in use, a path that is not there
├── VerificationError      a test's `verify` does not hold; an AssertionError too
└── ApiError               an answer in the real API's error shape: HTTP status and wire code
    ├── StoreError         the store does not answer: 503, worth asking again
    └── MockError          an answer the real API does not have: codes begin with `mock_`, never retried

An `ApiError` *is* the answer: raise it anywhere below the HTTP layer, and the client gets its body.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

__all__ = [
    "ApiError",
    "Layout",
    "MockApiError",
    "MockError",
    "Problem",
    "ScenarioError",
    "StoreError",
    "UsageError",
    "VerificationError",
    "damaged",
    "is_told",
]


class MockApiError(Exception):
    """Base of everything this package raises on purpose."""


class UsageError(MockApiError):
    """The settings cannot work; the message is one sentence for the person at the shell."""


class VerificationError(MockApiError, AssertionError):
    """What a test expects of the requests does not hold; the message has what was found, and the nearest requests.

    `failed` is the same as data: the `failed` of `POST /_mock/verify`.
    """

    def __init__(self, message: str, failed: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(message)
        self.failed: tuple[Mapping[str, Any], ...] = tuple(failed)


def is_told(info: object) -> bool:
    """Whether pytest's `info` is about one of these errors: what a module's `__tracebackhide__` is, so that tracebacks end in the
    test, where it can be mended."""
    return isinstance(getattr(info, "value", None), MockApiError)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a scenario file; `line` and `column` count from 1, `key` is the path inside the file."""

    file: str
    line: int
    column: int
    key: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}"
        return f"{where}: {self.key}: {self.message}" if self.key else f"{where}: {self.message}"


class ScenarioError(MockApiError):
    """One or more scenario files are invalid; `problems` is sorted by file and line and never empty."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


Layout = Literal["pretty", "line", "edge", "empty"]
"""How a body is written (ERRORS.md §1): indented; on one line; by the real API's edge, as text; not at all."""


class ApiError(MockApiError):
    """An HTTP error with the body `{"error": {"message", "type", "param", "code"}}` (ERRORS.md §1).

    `headers` are sent beside the usual ones. What the real API says stands in `mockapi.wire.catalogue`, whose `told` makes it.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        type: str | None = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
        layout: Layout = "pretty",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.type = type
        self.param = param
        self.code = code
        self.headers: dict[str, str] = dict(headers or {})
        self.layout: Layout = layout
        self.answered_by: tuple[str, str] | None = None  # scenario and step that script this error
        self.known: object = None  # what the request went on from (mockapi.scenario.match.Known)
        self.hit: object = None  # the fault that meets its answer on the way (mockapi.engine.faults.Hit)

    @property
    def body(self) -> dict[str, object]:
        """The JSON body, keys in the real API's order."""
        error = {"message": self.message, "type": self.type, "param": self.param, "code": self.code}
        return {"error": error}


class MockError(ApiError):
    """The mock's own refusal: says what to change, and tells the SDKs not to retry (`x-should-retry: false`)."""

    def __init__(self, message: str, *, status: int, code: str, param: str | None = None) -> None:
        super().__init__(message, status=status, type="mock_error", code=code, param=param, headers={"x-should-retry": "false"})


class StoreError(ApiError):
    """The store (SQLite, Redis) does not answer, or is full; the message tells what to look at. Worth another try in a second."""

    def __init__(self, message: str) -> None:
        kind, headers = "service_unavailable_error", {"retry-after": "1"}
        super().__init__(message, status=503, type=kind, code="mock_store_unavailable", headers=headers)


def damaged(what: str) -> StoreError:
    """What a store holds was not written by a mockapi, or not wholly."""
    return StoreError(f"The store is damaged, or somebody else wrote into it: {what} cannot be read. POST /_mock/reset.")
