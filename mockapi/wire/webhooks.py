"""What goes over the wire when a background response is over: the event, and its signature (WIRE.md §8 "Webhooks")."""

import base64
import hmac
from collections.abc import Mapping, Sequence

from mockapi.wire.json import dumps

__all__ = [
    "DEFAULT_SECRET",
    "RESPONSE_EVENTS",
    "check_secret",
    "encode_event",
    "secret_of",
    "signed_headers",
]

RESPONSE_EVENTS = ("response.completed", "response.failed", "response.cancelled", "response.incomplete")
"""The events that the mock sends."""

_PREFIX = "whsec_"


def secret_of(key: bytes) -> str:
    """A signing secret as the real API hands them out: `whsec_` and base64."""
    return _PREFIX + base64.b64encode(key).decode()


DEFAULT_SECRET = secret_of(b"mockapi's webhook secret")
"""Signs where neither the scenario nor the settings name a secret: a mock has nothing to hide."""


def check_secret(secret: str) -> str:
    """The secret; ValueError if nothing can be signed with it."""
    if not secret.removeprefix(_PREFIX):
        raise ValueError("a secret is not empty")
    _key(secret)
    return secret


def _key(secret: str) -> bytes:
    """Base64 behind `whsec_`, else the text itself (the SDK's `lib/_webhooks.py`)."""
    if not secret.startswith(_PREFIX):
        return secret.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except ValueError:
        raise ValueError("what follows whsec_ in a secret must be base64") from None


def encode_event(event_id: str, event_type: str, created_at: int, subject_id: str) -> bytes:
    """The body of a delivery: what happened, when, and the id of what it happened to."""
    event = {"object": "event", "id": event_id, "type": event_type, "created_at": created_at, "data": {"id": subject_id}}
    return dumps(event)


def signed_headers(
    webhook_id: str, timestamp: int, body: bytes, secrets: Sequence[str], *, is_forged: bool = False
) -> Mapping[str, str]:
    """The headers of a delivery, with a Standard Webhooks signature for each secret; one that fits none if it is forged."""
    signed = b"%b.%d.%b" % (webhook_id.encode(), timestamp, body)
    keys = [b"forged" + _key(secret) if is_forged else _key(secret) for secret in secrets]
    signatures = [base64.b64encode(hmac.digest(key, signed, "sha256")).decode() for key in keys]
    return {
        "user-agent": "OpenAI/1.0 (+https://platform.openai.com/docs/webhooks)",
        "content-type": "application/json",
        "webhook-id": webhook_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
