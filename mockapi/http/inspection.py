"""The part of the admin API that judges: verification, explanation, and what the calls have left behind."""

from collections.abc import Mapping

from mockapi.http.exchange import Exchange
from mockapi.http.guard import admin_body, admin_project
from mockapi.service.core import Core
from mockapi.service.explaining import Explaining
from mockapi.service.overview import Overview
from mockapi.service.verification import NOT_VERIFIED, Finding, Verification
from mockapi.wire.json import JsonObject

__all__ = ["InspectionApi"]


class InspectionApi:
    """What a test asks about the requests that were made."""

    def __init__(self, core: Core) -> None:
        self._settings = core.settings
        self._verification = Verification(core)
        self._overview = Overview(core)
        self._explaining = Explaining(core)

    async def explain(self, exchange: Exchange) -> None:
        """`GET /_mock/requests/{id}/explanation`: which step answers this call, and why the others do not."""
        project = admin_project(exchange, self._settings)
        entry, explanation = await self._explaining.explain(project, exchange.path_params["id"])
        answered = {"scenario": entry.scenario or None, "step": entry.step or None, "status": entry.status}
        await exchange.answer_json({"id": entry.id, "answered": answered, **explanation.data})

    async def responses(self, exchange: Exchange) -> None:
        """`GET /_mock/responses`: the responses that this project's calls have made, as they are now."""
        project = admin_project(exchange, self._settings)
        await exchange.answer_json({"data": await self._overview.responses(project)})

    async def conversations(self, exchange: Exchange) -> None:
        """`GET /_mock/conversations`: the conversations that were made or used, with their items."""
        project = admin_project(exchange, self._settings)
        await exchange.answer_json({"data": await self._overview.conversations(project)})

    async def verify(self, exchange: Exchange) -> None:
        """`POST /_mock/verify`: 200 if everything that is expected holds, else 409 that says what was found instead."""
        project = admin_project(exchange, self._settings)
        form = await admin_body(exchange, self._settings.max_body)
        findings = await self._verification.verify(project, form)
        failed = {check: finding for check, finding in findings.items() if not finding.holds}
        if failed:
            await exchange.answer_json(_refusal(failed), 409, [_NO_RETRY])
        else:
            found = {check: finding.found for check, finding in findings.items()}
            await exchange.answer_json({"status": "verified", "found": found})


_NO_RETRY = (b"x-should-retry", b"false")


def _refusal(findings: Mapping[str, Finding]) -> JsonObject:
    """The error in the API's shape, and the same as data."""
    message = "\n".join(map(str, findings.values()))
    error = {"message": message, "type": "mock_error", "param": None, "code": NOT_VERIFIED}
    failed = [{"check": check, **finding.data, "message": str(finding)} for check, finding in findings.items()]
    return {"error": error, "failed": failed}
