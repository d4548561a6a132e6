"""Who may call the admin API. A local server is reachable from every web page its owner visits.

A page can send "simple" requests to any host without asking: forms and texts, with no header of its own. So calls that change
something refuse the content types of forms and foreign origins, and every call needs a `Host` that is local or listed (a name
that a page makes resolve to 127.0.0.1 is neither).
"""

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from mockapi.errors import MockError
from mockapi.http.exchange import Exchange
from mockapi.http.messages import caller_of, read_body
from mockapi.settings import Settings
from mockapi.stores.base import ALL_PROJECTS
from mockapi.wire.json import loads, repeated_key
from mockapi.wire.validation import bounded

__all__ = ["admin_body", "admin_project", "check_admin", "check_scrape"]

_OWN_TYPES = ("application/json", "application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml")


def check_admin(exchange: Exchange, settings: Settings) -> None:
    """`MockError` 401, 403 or 415 if the call may not be made."""
    _check_key(exchange.headers.get("x-mock-admin-key", ""), settings, "in the header X-Mock-Admin-Key")
    _check_host(exchange, settings)
    if exchange.scope["method"] != "GET":
        _check_change(exchange, settings)


def check_scrape(exchange: Exchange, settings: Settings) -> None:
    """`MockError` 401 or 403 if the metrics may not be read: Prometheus sends its credentials as a bearer token."""
    headers = exchange.headers
    scheme, _, token = headers.get("authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    sent = headers.get("x-mock-admin-key", bearer)
    _check_key(sent, settings, "as a bearer token, or in the header X-Mock-Admin-Key")
    _check_host(exchange, settings)


def _check_key(sent: str, settings: Settings, where: str) -> None:
    known = (settings.admin_key.encode(), settings.admin_key.encode("latin-1", "replace"))
    if settings.admin_key and sent.encode("latin-1") not in known:
        message = f"The admin API of this server is guarded: send its --admin-key {where}."
        raise MockError(message, status=401, code="mock_admin_key")


def _check_host(exchange: Exchange, settings: Settings) -> None:
    headers = exchange.headers
    if not _is_allowed(headers.get("host", ""), settings):
        message = f"The admin API may not be called as '{headers.get('host', '')}': list the name with --allowed-hosts."
        raise MockError(message, status=403, code="mock_host_not_allowed")


def _check_change(exchange: Exchange, settings: Settings) -> None:
    headers = exchange.headers
    origin = headers.get("origin")
    if origin is not None and not _is_allowed(origin.partition("://")[2], settings):
        raise MockError(f"A page of '{origin}' may not change this server.", status=403, code="mock_origin_not_allowed")
    content_type = headers.media_type
    has_own_header = "authorization" in headers or "x-mock-admin-key" in headers or "api-key" in headers
    if content_type not in _OWN_TYPES and (content_type or not has_own_header):
        message = "Send a content type that no web form can send: application/json, or application/yaml for a scenario."
        raise MockError(message, status=415, code="mock_content_type")


def _is_allowed(netloc: str, settings: Settings) -> bool:
    try:
        name = (urlsplit(f"//{netloc}").hostname or "").lower()
    except ValueError:
        return False
    listed = {host.lower() for host in (*settings.allowed_hosts, settings.host, "localhost")}
    if "*" in listed or name in listed or netloc.lower() in listed:
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name.endswith(".localhost")


def admin_project(exchange: Exchange, settings: Settings) -> str:
    """Check that the caller may ask, and say for which project."""
    check_admin(exchange, settings)
    project = exchange.query.get("project")
    if project not in (None, ALL_PROJECTS):
        raise MockError("'project' is * or left out: a project is known by its API key.", status=400, code="mock_invalid_query")
    if settings.api_keys or project is None:
        project_of_key = caller_of(exchange.headers, settings.api_keys).project
        return project or project_of_key
    return ALL_PROJECTS


async def admin_body(exchange: Exchange, most: int) -> Mapping[str, object]:
    """The JSON object that was sent; `MockError` 400 for anything else."""
    body = await read_body(exchange.receive, most, exchange.headers)
    try:
        value = loads(body)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise MockError("The body must be a JSON object.", status=400, code="mock_invalid_body")
    twice = repeated_key(body, value)
    if twice is not None:
        message = f"The key '{bounded(twice)}' stands more than once in the same object of the body."
        raise MockError(message, status=400, code="mock_invalid_body")
    return value
