"""Cross-origin requests: which web pages may call the emulated API. Never the admin API (DESIGN.md "When nothing matches")."""

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["with_cors"]

_READABLE = ("x-request-id", "openai-processing-ms", "retry-after", "x-should-retry", "x-mock-scenario", "x-mock-step")


def with_cors(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    """The application, callable from pages of these origins (`*` for any); without origins from none."""
    if not origins:
        return app
    shared = CORSMiddleware(app, allow_origins=origins, allow_methods=["*"], allow_headers=["*"], expose_headers=_READABLE)

    async def pick(scope: Scope, receive: Receive, send: Send) -> None:
        is_ours = scope["type"] == "http" and scope["path"].startswith("/_mock")
        await (app if is_ours else shared)(scope, receive, send)

    return pick
