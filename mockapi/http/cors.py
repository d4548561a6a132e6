"""Cross-origin requests: which web pages may call the emulated API. Never the admin API (DESIGN.md "When nothing matches")."""

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["with_cors"]

_READABLE = ("x-request-id", "openai-processing-ms", "retry-after", "x-should-retry", "x-mock-scenario", "x-mock-step")


def with_cors(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    """The application, callable from pages of these origins (`*` for any); without origins from none."""
    return _Shared(app, origins) if origins else app


class _Shared:
    """An application that is shared with pages of other origins."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self._app = app
        self._shared = CORSMiddleware(
            app, allow_origins=origins, allow_methods=["*"], allow_headers=["*"], expose_headers=_READABLE
        )
        self.begins_at_once: bool = getattr(app, "begins_at_once", False)  # it waits for nothing of its own

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_own = scope["type"] == "http" and scope["path"].startswith("/_mock")
        await (self._app if is_own else self._shared)(scope, receive, send)
