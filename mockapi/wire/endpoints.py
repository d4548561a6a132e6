"""Webhook endpoints: what a client sends to register a URL, and what it sees of it (the SDK's `types.webhooks`)."""

from collections.abc import Sequence
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from mockapi.wire.json import JsonObject
from mockapi.wire.urls import MAX_URL

__all__ = ["EVENT_TYPES", "EndpointCreate", "EndpointTest", "EndpointUpdate", "RotateSecret", "endpoint_body"]

_OPEN = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)

EventType = Literal[
    "batch.completed",
    "batch.failed",
    "batch.expired",
    "batch.cancelled",
    "response.completed",
    "response.failed",
    "response.cancelled",
    "response.incomplete",
    "eval.run.succeeded",
    "eval.run.failed",
    "eval.run.canceled",
    "fine_tuning.job.succeeded",
    "fine_tuning.job.failed",
    "fine_tuning.job.cancelled",
    "realtime.call.incoming",
    "video.completed",
    "video.failed",
    "agent.environment.ready",
    "agent.environment.failed",
    "agent.environment.suspended",
    "agent.environment.expired",
    "agent.session.created",
    "agent.session.action_required",
    "agent.session.in_progress",
    "agent.session.idle",
    "agent.session.failed",
    "safety.alert.created",
]
EVENT_TYPES: tuple[str, ...] = get_args(EventType)
"""What an endpoint can be registered for."""

Name = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Url = Annotated[str, StringConstraints(min_length=1, max_length=MAX_URL)]
EventTypes = Annotated[list[EventType], Field(max_length=100)]


class EndpointCreate(BaseModel):
    """`POST /v1/webhook_endpoints`."""

    model_config = _OPEN

    event_types: EventTypes
    name: Name
    url: Url


class EndpointUpdate(BaseModel):
    """`POST /v1/webhook_endpoints/{id}`: what is left out stays."""

    model_config = _OPEN

    event_types: EventTypes | None = None
    name: Name | None = None
    url: Url | None = None


class RotateSecret(BaseModel):
    """`POST /v1/webhook_endpoints/{id}/rotate_secret`."""

    model_config = _OPEN

    keep_old_secret_active_for_24_hours: bool = False


class EndpointTest(BaseModel):
    """`POST /v1/webhook_endpoints/{id}/test`."""

    model_config = _OPEN

    event_type: EventType


def endpoint_body(
    endpoint_id: str,
    name: str,
    url: str,
    event_types: Sequence[str],
    created_at: int,
    updated_at: int,
    secret: str,
    *,
    shown: bool,
) -> JsonObject:
    """The endpoint object; the secret is `shown` on create and rotate alone, else only its last characters (form assumed)."""
    body: JsonObject = {
        "id": endpoint_id,
        "object": "webhook_endpoint",
        "created_at": created_at,
        "event_types": list(event_types),
        "name": name,
        "signing_secret_hint": f"whsec_****{secret[-4:]}",
        "updated_at": updated_at,
        "url": url,
    }
    return {**body, "signing_secret": secret} if shown else body
