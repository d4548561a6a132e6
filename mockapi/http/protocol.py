"""uvicorn's HTTP protocol, with the connection in reach of whoever must drop it."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["TRANSPORT", "Protocol"]

TRANSPORT = "mockapi.transport"
"""The scope's extension with the connection's `asyncio.Transport` under "transport"; absent where there is no connection."""


class Protocol(HttpToolsProtocol):
    """Hands the transport to the application."""

    def on_message_begin(self) -> None:
        """A request begins: so does its scope."""
        super().on_message_begin()
        self.scope["extensions"] = {TRANSPORT: {"transport": self.transport}}
