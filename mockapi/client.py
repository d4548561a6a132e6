"""A small client of the admin API: one kept connection, the standard library alone, one sentence for whatever goes wrong."""

import http.client
import os
import re
import ssl
import threading
from typing import Any
from urllib.parse import quote, urlsplit

from mockapi.errors import UsageError, VerificationError, is_told
from mockapi.wire.json import dumps, loads

__all__ = ["AdminClient", "entry_path", "origin_of"]

_TIMEOUT_S = 30.0
_LONGEST_ID = 200

__tracebackhide__ = is_told


def origin_of(url: str, option: str) -> str:
    """The origin of a mock server's URL, whose `http://` and `/v1` may be left out; `UsageError` for what is no URL of one."""
    try:
        place = urlsplit(url if "//" in url else f"http://{url}")
        host, port = place.hostname or "", place.port
        host.encode("ascii")
    except ValueError:
        place, host, port = urlsplit(""), "", None
    if place.scheme not in ("http", "https") or not host or not host.isprintable() or " " in host:
        raise UsageError(f"mockapi: {option} {url}: give it as http://HOST:PORT")
    return f"{place.scheme}://{f'[{host}]' if ':' in host else host}{f':{port}' if port is not None else ''}"


def entry_path(entry_id: str) -> str:
    """Where the journal has a call; `UsageError` for what cannot be its id."""
    if not entry_id or len(entry_id) > _LONGEST_ID or not entry_id.isprintable() or "/" in entry_id:
        shown = entry_id if len(entry_id) <= _LONGEST_ID else f"{entry_id[:20]}…"
        raise UsageError(f"mockapi: {shown!r} is no call's id: give the x-request-id of its answer, req_…")
    return f"/_mock/requests/{quote(entry_id, safe='')}"


class AdminClient:
    """Calls the admin API of the server at an origin (`http://127.0.0.1:7357`); threads may share it.

    With `pid` the server lives in that process: in a fork of it every call is a `UsageError`.
    """

    def __init__(self, origin: str, *, admin_key: str = "", pid: int | None = None) -> None:
        self.origin = origin
        self._admin_key = admin_key
        self._pid = pid
        self._lock = threading.Lock()
        self._connection: http.client.HTTPConnection | None = None
        self._owner = 0

    def call(self, method: str, path: str, api_key: str, body: object = None, *, text: str | None = None) -> Any:
        """What the server answers, as data; `text` is sent as a scenario in YAML.

        `VerificationError` for a verification that fails, `UsageError` for any other refusal and for a server that is not there.
        """
        payload = text.encode() if text is not None else dumps(body) if body is not None else b""
        headers = {"authorization": f"Bearer {api_key}", "content-length": str(len(payload))}
        headers["content-type"] = "application/json" if text is None else "application/yaml"
        if self._admin_key:
            headers["x-mock-admin-key"] = self._admin_key
        for name, value in headers.items():
            if re.search(r"[^\x20-\x7e\xa0-\xff]", value):
                what = "the API key" if name == "authorization" else "the admin key"
                raise UsageError(f"mockapi: {what} has characters that a header cannot hold: give it in plain ASCII")
        with self._lock:
            status, data = self._sent(method, path, payload, headers)
        return self._read(status, data)

    def greet(self, api_key: str) -> None:
        """`UsageError` if what answers at the origin is no mock server."""
        told = self.call("GET", "/_mock/ready", api_key)
        if told.get("status") != "ready":
            raise self._strange("a status that is not `ready`")

    def close(self) -> None:
        """Close the connection; the next call opens one."""
        with self._lock:
            if self._connection is not None and self._owner == os.getpid():
                self._connection.close()
            self._connection = None

    def _sent(self, method: str, path: str, payload: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        for attempt in range(2):
            is_fresh = self._connect()
            connection = self._connection
            if connection is None:
                break
            try:
                connection.request(method, path, payload, headers)
                answer = connection.getresponse()
                return answer.status, answer.read()
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                self._connection = None
                if is_fresh or attempt:  # else the server has closed it for its idleness: ask once more
                    raise self._gone(error) from None
        raise self._gone(None)

    def _connect(self) -> bool:
        """Whether a connection had to be opened; a fork never uses its parent's."""
        here = os.getpid()
        if self._pid not in (None, here):
            raise UsageError(
                f"mockapi: the mock server runs in process {self._pid}, of which this one ({here}) is a fork: "
                "let the client under test ask it over OPENAI_BASE_URL, and use `mockapi` itself in the parent alone"
            )
        if self._connection is not None and self._owner == here:
            return False
        place = urlsplit(self.origin)
        if place.scheme == "https":
            context = ssl.create_default_context()
            self._connection = http.client.HTTPSConnection(place.netloc, timeout=_TIMEOUT_S, context=context)
        else:
            self._connection = http.client.HTTPConnection(place.netloc, timeout=_TIMEOUT_S)
        self._owner = here
        return True

    def _gone(self, error: Exception | None) -> UsageError:
        reason = f" ({error})" if error is not None and str(error) else ""
        return UsageError(f"mockapi: no mock server answers at {self.origin}{reason}: start it, or correct the URL")

    def _read(self, status: int, data: bytes) -> Any:
        try:
            body = loads(data)
        except ValueError:
            body = data.decode("utf-8", "replace")
        if status < 400 and (isinstance(body, dict) or not data):
            return body or {}
        if status < 400:
            raise self._strange(f"{status} and no JSON object")
        answer = body if isinstance(body, dict) else {}
        error = answer.get("error")
        if status == 503 and answer.get("status") == "unavailable":
            raise UsageError(f"mockapi: the server at {self.origin} is not ready: its store does not answer")
        if not isinstance(error, dict):
            raise self._strange(str(status))
        message = str(error.get("message"))
        if error.get("code") == "mock_not_verified":
            raise VerificationError(message, answer.get("failed", ()))
        if status == 401 and error.get("code") == "invalid_api_key":
            message = f"the server at {self.origin} takes no keys but its --api-keys: ask with one of them, or start it without"
        raise UsageError(f"mockapi: {message}")

    def _strange(self, what: str) -> UsageError:
        return UsageError(f"mockapi: {self.origin} answers {what}, which no mock server does: correct the URL")
