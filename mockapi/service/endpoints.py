"""Webhook endpoints: the URLs that an application registers for its project, as the SDK's `client.webhooks` does."""

from collections.abc import AsyncIterator

from mockapi.errors import ApiError, MockError
from mockapi.service.core import Call, Core
from mockapi.service.paging import page_of
from mockapi.service.posting import Letter, Poster
from mockapi.stores.records import EndpointRecord
from mockapi.wire.catalogue import told
from mockapi.wire.endpoints import (
    EVENT_TYPES,
    EndpointCreate,
    EndpointTest,
    EndpointUpdate,
    RotateSecret,
    endpoint_body,
)
from mockapi.wire.ids import digest
from mockapi.wire.json import JsonObject, dumps
from mockapi.wire.operations import ListQuery, parse_body
from mockapi.wire.webhooks import encode_event, secret_of

__all__ = ["Endpoints"]

_MOST = 100
_KEPT_S = 86_400.0  # how long an old secret signs too, if it is kept


class Endpoints:
    """What the mock does with webhook endpoints; bodies out, `ApiError` for what is refused.

    Bodies are always checked, also where `--validation off` takes defaults: a URL has none.
    """

    def __init__(self, core: Core) -> None:
        self.core = core
        self._store = core.store
        self._poster = Poster(core)

    async def create(self, call: Call, identity: bytes) -> bytes:
        """Register a URL; the answer alone has the signing secret."""
        request = parse_body(EndpointCreate, self.core.parsed(call.body))
        self._check(request.url)
        if len(await self._store.get_endpoints(call.project)) >= _MOST:
            message = f"mockapi keeps {_MOST} webhook endpoints per project: delete one first."
            raise MockError(message, status=400, code="mock_too_many_endpoints")
        now = await self.core.now(call.project)
        number = 0
        while True:
            name = digest(identity, b"endpoint", b"%d" % number, size=16).hex()
            secret = secret_of(digest(identity, b"secret", b"%d" % number))
            record = EndpointRecord(f"whe_{name}", now, request.name, request.url, tuple(request.event_types), secret, now)
            if await self._store.add_endpoint(call.project, record):
                return dumps(_shown(record, with_secret=True))
            number += 1

    async def list(self, project: str, query: ListQuery) -> bytes:
        """A page of them, newest first."""
        records = await self._store.get_endpoints(project)

        async def newest_first() -> AsyncIterator[JsonObject]:
            for record in reversed(records):
                yield _shown(record)

        return await page_of(newest_first(), query.model_copy(update={"order": "desc"}))

    async def retrieve(self, project: str, endpoint_id: str) -> bytes:
        """One of them."""
        return dumps(_shown(await self._found(project, endpoint_id)))

    async def update(self, call: Call, endpoint_id: str) -> bytes:
        """Change what the body names; `updated_at` moves only if that is a change."""
        request = parse_body(EndpointUpdate, self.core.parsed(call.body))
        if request.url is not None:
            self._check(request.url)
        while True:
            record = await self._found(call.project, endpoint_id)
            changed = record._replace(
                name=record.name if request.name is None else request.name,
                url=record.url if request.url is None else request.url,
                event_types=record.event_types if request.event_types is None else tuple(request.event_types),
            )
            if changed != record:
                changed = changed._replace(updated_at=await self.core.now(call.project))
            if await self._store.change_endpoint(call.project, changed):
                return dumps(_shown(changed))

    async def delete(self, project: str, endpoint_id: str) -> bytes:
        """Forget one; what is still on its way there is not sent."""
        if not await self._store.drop_endpoint(project, endpoint_id):
            raise _unknown(endpoint_id)
        return dumps({"id": endpoint_id, "object": "webhook_endpoint.deleted", "deleted": True})

    async def rotate_secret(self, call: Call, identity: bytes, endpoint_id: str) -> bytes:
        """Give it a new secret; for 24 hours the old one signs too if that is asked for."""
        request = parse_body(RotateSecret, self.core.parsed(call.body or b"{}"))
        now = await self.core.now(call.project)
        while True:
            record = await self._found(call.project, endpoint_id)
            kept = (record.secret, now + _KEPT_S) if request.keep_old_secret_active_for_24_hours else ("", 0.0)
            secret = secret_of(digest(identity, b"secret", endpoint_id.encode("utf-8", "surrogatepass")))
            changed = record._replace(secret=secret, old_secret=kept[0], old_until=kept[1], updated_at=now)
            if await self._store.change_endpoint(call.project, changed):
                return dumps(_shown(changed, with_secret=True))

    async def test(self, call: Call, identity: bytes, endpoint_id: str) -> bytes:
        """Post a sample event now and tell what the receiver said; 400 if nobody answered (assumed)."""
        request = parse_body(EndpointTest, self.core.parsed(call.body))
        record = await self._found(call.project, endpoint_id)
        sample = digest(identity, b"sample", size=16).hex()
        kind = "resp" if request.event_type.startswith("response.") else request.event_type.partition(".")[0]
        body = encode_event(f"evt_{sample}", request.event_type, int(await self.core.now(call.project)), f"{kind}_{sample}")
        letter = Letter(call.project, f"wh_{sample}", record.url, (record.secret,), body, "test")
        outcome = await self._poster.post(letter)
        if outcome.status is None:
            raise told("webhook_endpoint_unreachable", problem=outcome.problem)
        result = {"object": "webhook_endpoint.test", "webhook_endpoint_id": endpoint_id, "event_type": request.event_type}
        return dumps({**result, "status_code": outcome.status, "success": True})

    @staticmethod
    def event_types() -> bytes:
        """Everything that an endpoint can be registered for; the mock sends what happens to responses."""
        return dumps({"object": "list", "data": EVENT_TYPES})

    def _check(self, url: str) -> None:
        problem = self._poster.refusal(url)
        if problem is not None:
            raise MockError(f"Invalid 'url': {problem}.", status=400, code="mock_webhook_url", param="url")

    async def _found(self, project: str, endpoint_id: str) -> EndpointRecord:
        for record in await self._store.get_endpoints(project):
            if record.id == endpoint_id:
                return record
        raise _unknown(endpoint_id)


def _unknown(endpoint_id: str) -> ApiError:
    """Status and words are assumed, after those of responses."""
    return told("webhook_endpoint_not_found", id=endpoint_id[:100])


def _shown(record: EndpointRecord, *, with_secret: bool = False) -> JsonObject:
    return endpoint_body(
        record.id, record.name, record.url, record.event_types, int(record.created_at), int(record.updated_at), record.secret,
        shown=with_secret,
    )  # fmt: skip
