"""The part of the admin API that judges: verification of what was asked."""

from mockapi.http.exchange import Exchange
from mockapi.http.guard import admin_body, admin_project
from mockapi.service.core import Core
from mockapi.service.verification import NOT_VERIFIED, Finding, Verification
from mockapi.wire.json import JsonObject

__all__ = ["InspectionApi"]


class InspectionApi:
    """What a test asks about the requests that were made."""

    def __init__(self, core: Core) -> None:
        self._settings = core.settings
        self._verification = Verification(core)

    async def verify(self, exchange: Exchange) -> None:
        """`POST /_mock/verify`: 200 if everything that is expected holds, else 409 that says what was found instead."""
        project = admin_project(exchange, self._settings)
        form = await admin_body(exchange, self._settings.max_body)
        findings = await self._verification.verify(project, form)
        if all(finding.holds for finding in findings):
            await exchange.answer_json({"status": "verified", "found": [finding.found for finding in findings]})
        else:
            await exchange.answer_json(_refusal([finding for finding in findings if not finding.holds]), 409, [_NO_RETRY])


_NO_RETRY = (b"x-should-retry", b"false")


def _refusal(findings: list[Finding]) -> JsonObject:
    """The error in the API's shape, and the same as data."""
    message = "\n".join(str(finding) for finding in findings)
    error = {"message": message, "type": "mock_error", "param": None, "code": NOT_VERIFIED}
    return {"error": error, "failed": [finding.data for finding in findings]}
