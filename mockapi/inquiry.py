"""Asking a running server for its verdict, with the standard library alone, and showing it to people."""

import http.client
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping

from mockapi.errors import UsageError
from mockapi.wire.json import JsonObject, loads

__all__ = ["ask_verdict", "table_of_verdict"]

_EVERYBODY = "*"
_PATIENCE_S = 30.0
_MOST_SHOWN = 4  # calls of one judgement in the table; JSON has all


def ask_verdict(url: str, *, key: str | None, admin_key: str | None, project: str | None) -> JsonObject:
    """The body of `GET /_mock/verdict`; without a key that on all clients. `UsageError` says why there is none."""
    is_for_all = project == _EVERYBODY or (key is None and project is None)
    if project is not None and not is_for_all and key is None:
        raise UsageError("a project is known by its key too: give --key, or --project '*' for all clients")
    headers = {"x-mock-admin-key": admin_key, "authorization": f"Bearer {key}" if key else None}
    headers["openai-project"] = None if is_for_all else project
    where = f"{url.rstrip('/').removesuffix('/v1')}/_mock/verdict{'?project=*' if is_for_all else ''}"
    status, body = _fetched(where, {name: value for name, value in headers.items() if value is not None})
    if status == 200 and isinstance(body.get("judgements"), list) and "verdict" in body:
        return dict(body)
    error = body.get("error")
    said = error.get("message") if isinstance(error, dict) else "this does not look like mockapi"
    raise UsageError(f"no verdict from {where}: {status}, {said}")


def _fetched(url: str, headers: Mapping[str, str]) -> tuple[int, Mapping[str, object]]:
    """(status, the JSON object that came, an empty one for anything else); `UsageError` if nothing came."""
    try:
        scheme = urllib.parse.urlsplit(url).scheme
    except ValueError:
        scheme = ""
    if scheme not in ("http", "https"):
        raise UsageError(f"--url is http://HOST:PORT, not {url}")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a local server is never behind a proxy
    try:
        with opener.open(urllib.request.Request(url, headers=dict(headers)), timeout=_PATIENCE_S) as answer:  # noqa: S310 - checked
            status, data = int(answer.status), answer.read()
    except urllib.error.HTTPError as error:
        status, data = error.code, error.read()
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise UsageError(f"no server answers at {url}: {getattr(error, 'reason', error)}") from None
    try:
        value = loads(data)
    except ValueError:
        value = None
    return status, value if isinstance(value, dict) else {}


def table_of_verdict(told: Mapping[str, object]) -> str:
    """The judgements as lines for people, the bad ones first, and what they come to."""
    judgements = [each for each in _list(told["judgements"]) if isinstance(each, dict)]
    order = {"bad": 0, "unknown": 1, "good": 2}
    rows: list[str] = []
    for judgement in sorted(judgements, key=lambda each: order.get(each["verdict"], 3)):
        calls = [str(call) for call in _list(judgement["evidence"])]
        more = f" and {len(calls) - _MOST_SHOWN} more" if len(calls) > _MOST_SHOWN else ""
        rows.append(f"{judgement['verdict']:<9}{judgement['rule']:<19}{judgement['why']}")
        rows.append(f"{'':28}{' '.join(calls[:_MOST_SHOWN])}{more}")
    return "\n".join([*rows, str(told.get("summary", ""))])


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
