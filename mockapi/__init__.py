"""mockapi: a local mock server that emulates OpenAI's Responses and Conversations APIs."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mockapi.errors import MockApiError, ScenarioError, UsageError, VerificationError
    from mockapi.mocking import MockServer
    from mockapi.project import Project, RecordedRequest

__all__ = [
    "MockApiError",
    "MockServer",
    "Project",
    "RecordedRequest",
    "ScenarioError",
    "UsageError",
    "VerificationError",
    "__version__",
]

__version__ = "0.1.0"

_MODULES = {"MockServer": "mocking", "Project": "project", "RecordedRequest": "project"}


def __getattr__(name: str) -> object:
    """Import what is asked for, when it is: `import mockapi` alone costs nothing."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(f"{__name__}.{_MODULES.get(name, 'errors')}"), name)
    globals()[name] = value
    return value
