"""The admin API under `/_mock`: health, scenarios, the journal, the verdict, the clock, reset.

Everything but health and readiness is about the caller's project (its API key and `OpenAI-Project`), or with `?project=*`
about all.
"""

from datetime import UTC, datetime

from mockapi.admin import Admin
from mockapi.errors import MockError
from mockapi.http.exchange import Exchange
from mockapi.http.guard import admin_body, admin_project, check_admin, check_scrape
from mockapi.http.messages import JSON, Answer, caller_of, read_body
from mockapi.wire.json import JsonObject

__all__ = ["AdminApi"]

_MOST_LISTED = 1_000


class AdminApi:
    """What a person, a test or a container asks about the server itself."""

    def __init__(self, admin: Admin) -> None:
        self._admin = admin

    async def health(self, exchange: Exchange) -> None:
        """`GET /_mock/health`: the process answers; no key is needed."""
        await exchange.answer_json({"status": "ok"})

    async def ready(self, exchange: Exchange) -> None:
        """`GET /_mock/ready`: scenarios are loaded and the store answers, else 503; no key is needed."""
        is_ready = await self._admin.is_ready()
        body: JsonObject = {
            "status": "ready" if is_ready else "unavailable",
            "scenarios": len(self._admin.library.scenarios),
            "evictions": await self._admin.evictions() if is_ready else {},
        }
        await exchange.answer_json(body, 200 if is_ready else 503)

    async def metrics(self, exchange: Exchange) -> None:
        """`GET /metrics`: what the server has counted, as Prometheus reads it; the admin key may come as a bearer token."""
        check_scrape(exchange, self._admin.settings)
        text = await self._admin.metrics()
        await exchange.answer(Answer(200, text.encode(), [(b"content-type", b"text/plain; version=0.0.4; charset=utf-8")]))

    def _project(self, exchange: Exchange) -> str:
        """Check that the caller may ask, and say for which project."""
        return admin_project(exchange, self._admin.settings)

    async def list_scenarios(self, exchange: Exchange) -> None:
        """`GET /_mock/scenarios`: each with its steps and how often they answered."""
        await exchange.answer_json({"scenarios": await self._admin.scenarios(self._project(exchange))})

    async def put_scenario(self, exchange: Exchange) -> None:
        """`PUT /_mock/scenarios/{name}`: upload YAML or JSON for this project, or for all."""
        project = self._project(exchange)
        body = await read_body(exchange.receive, self._admin.settings.max_body, exchange.headers)
        name = exchange.path_params["name"]
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError:
            raise MockError("A scenario is UTF-8 text.", status=400, code="mock_invalid_scenario") from None
        await self._admin.put_scenario(project, name, text)
        await exchange.answer_json({"name": name, "status": "loaded"})

    async def get_scenario(self, exchange: Exchange) -> None:
        """`GET /_mock/scenarios/{name}`: an uploaded scenario's text."""
        text = await self._admin.get_scenario(self._project(exchange), exchange.path_params["name"])
        await exchange.answer(Answer(200, text.encode(), [(b"content-type", b"application/yaml; charset=utf-8")]))

    async def drop_scenario(self, exchange: Exchange) -> None:
        """`DELETE /_mock/scenarios/{name}`: remove an uploaded scenario."""
        await self._admin.drop_scenario(self._project(exchange), exchange.path_params["name"])
        await exchange.answer_json({"name": exchange.path_params["name"], "status": "removed"})

    async def reload(self, exchange: Exchange) -> None:
        """`POST /_mock/scenarios/reload`: read the files again; a broken one keeps the last good version of all."""
        check_admin(exchange, self._admin.settings)
        if self._admin.settings.api_keys:
            caller_of(exchange.headers, self._admin.settings.api_keys)
        changed = await self._admin.reload()
        await exchange.answer_json({"scenarios": len(self._admin.library.scenarios), "changed": list(changed)})

    async def list_requests(self, exchange: Exchange) -> None:
        """`GET /_mock/requests`: the journal, oldest first; filters and pages as docs/admin.md says."""
        project, query = self._project(exchange), exchange.query
        unknown = sorted(set(query) - {"operation", "scenario", "unmatched", "legacy", "limit", "after", "project"})
        if unknown:
            raise MockError(f"There is no filter '{unknown[0]}'.", status=400, code="mock_invalid_query")
        limit = _whole(query.get("limit", "100"), "limit")
        entries, has_more = await self._admin.journal(
            project,
            operation=query.get("operation"),
            scenario=query.get("scenario"),
            is_unmatched=_flag(query.get("unmatched"), "unmatched"),
            is_legacy=_flag(query.get("legacy"), "legacy"),
            after=query.get("after"),
            limit=limit,
        )
        await exchange.answer_json({"data": entries, "has_more": has_more})

    async def get_request(self, exchange: Exchange) -> None:
        """`GET /_mock/requests/{id}`: one call, with its request and its answer or events."""
        await exchange.answer_json(await self._admin.journal_entry(self._project(exchange), exchange.path_params["id"]))

    async def clear_requests(self, exchange: Exchange) -> None:
        """`DELETE /_mock/requests`: empty the journal."""
        await self._admin.clear_journal(self._project(exchange))
        await exchange.answer_json({"status": "cleared"})

    async def get_clock(self, exchange: Exchange) -> None:
        """`GET /_mock/clock`: the project's time."""
        await exchange.answer_json(self._clock_body(await self._admin.now(self._project(exchange))))

    async def move_clock(self, exchange: Exchange) -> None:
        """`POST /_mock/clock`: `{"advance": "10m"}` or `{"set": "2026-02-01T00:00:00Z"}`, forward only."""
        project = self._project(exchange)
        body = await admin_body(exchange, self._admin.settings.max_body)
        await exchange.answer_json(self._clock_body(await self._admin.move_clock(project, body)))

    def _clock_body(self, now: float) -> JsonObject:
        moment = datetime.fromtimestamp(now, UTC).isoformat().replace("+00:00", "Z")
        return {"now": moment, "unix": now, "clock": self._admin.settings.clock}

    async def usage(self, exchange: Exchange) -> None:
        """`GET /_mock/usage`: tokens, tool calls and their cost per model and day of the clock."""
        await exchange.answer_json(await self._admin.usage(self._project(exchange)))

    async def verdict(self, exchange: Exchange) -> None:
        """`GET /_mock/verdict`: how the client under test behaved."""
        await exchange.answer_json(await self._admin.verdict(self._project(exchange)))

    async def list_faults(self, exchange: Exchange) -> None:
        """`GET /_mock/faults`: what is switched on, in the order that it is tried."""
        await exchange.answer_json({"faults": await self._admin.faults.listed(self._project(exchange))})

    async def arm_fault(self, exchange: Exchange) -> None:
        """`POST /_mock/faults`: switch one on: `{"name", "when", "fault" or "error", "times", "chance", "armed"}`."""
        project = self._project(exchange)
        body = await admin_body(exchange, self._admin.settings.max_body)
        await exchange.answer_json(await self._admin.faults.arm(project, body))

    async def drop_faults(self, exchange: Exchange) -> None:
        """`DELETE /_mock/faults`: switch all of them off."""
        await self._admin.faults.disarm(self._project(exchange), None)
        await exchange.answer_json({"status": "off"})

    async def drop_fault(self, exchange: Exchange) -> None:
        """`DELETE /_mock/faults/{name}`: switch one off."""
        name = exchange.path_params["name"]
        await self._admin.faults.disarm(self._project(exchange), name)
        await exchange.answer_json({"name": name, "status": "off"})

    async def advance(self, exchange: Exchange) -> None:
        """`POST /_mock/responses/{response_id}/advance`: move a `manual` background run to its next status."""
        body = await self._admin.advance(self._project(exchange), exchange.path_params["response_id"])
        await exchange.answer(Answer(200, body, [JSON]))

    async def reset(self, exchange: Exchange) -> None:
        """`POST /_mock/reset`: forget everything of this project, or of all."""
        await self._admin.reset(self._project(exchange))
        await exchange.answer_json({"status": "reset"})


def _flag(text: str | None, name: str) -> bool | None:
    if text not in (None, "true", "false"):
        raise MockError(f"'{name}' is true or false.", status=400, code="mock_invalid_query")
    return None if text is None else text == "true"


def _whole(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 9) or not 1 <= int(text) <= _MOST_LISTED:
        raise MockError(f"'{name}' must be a whole number from 1 to {_MOST_LISTED}.", status=400, code="mock_invalid_query")
    return int(text)
