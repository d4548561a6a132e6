"""The scenario key `webhooks`: where the ends of its background responses are posted, and what goes wrong on the way."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel

from mockapi.scenario.fields import STRICT, Duration
from mockapi.wire.typed import by_kind
from mockapi.wire.urls import check_url
from mockapi.wire.webhooks import check_secret

__all__ = ["DelayForm", "WebhookForm"]


def _url(value: str) -> str:
    check_url(value)
    return value


Event = Literal["response.completed", "response.failed", "response.cancelled", "response.incomplete"]
FaultName = Literal["duplicate", "out_of_order", "bad_signature", "stale_timestamp", "never"]


class DelayForm(BaseModel):
    """A delivery that comes late."""

    model_config = STRICT

    delay: Duration
    """How much later, on the project's clock."""


class WebhookForm(BaseModel):
    """One URL, its signing secret (default: the server's), the events it is told of, and a fault of all its deliveries."""

    model_config = STRICT

    url: Annotated[str, AfterValidator(_url)]
    """Where deliveries go."""
    secret: Annotated[str, AfterValidator(check_secret)] | None = None
    """What signs them; the server's unless given."""
    events: list[Event] = ["response.completed", "response.failed", "response.cancelled", "response.incomplete"]
    """The types that are told; all unless given."""
    fault: Annotated[str | DelayForm, by_kind("a fault's name or a mapping", text=FaultName, mapping=DelayForm)] | None = None
    """What goes wrong with every delivery."""
