"""The scenario key `rate_limits`: requests and tokens a minute, by model."""

from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from mockapi.scenario.fields import STRICT
from mockapi.wire.limits import Limit, check_figure

__all__ = ["RateForm", "RateLimits", "limits_of"]

_EXAMPLE = "{rpm: 60, tpm: 100000}"


def _bounded(value: int, info: ValidationInfo) -> int:
    return check_figure(str(info.field_name), value)


Figure = Annotated[
    int, AfterValidator(_bounded), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 1_000_000_000, "examples": [60]})
]


class RateForm(BaseModel):
    """Requests and tokens a minute of one model; one of them may be left out."""

    model_config = STRICT | {"json_schema_extra": {"minProperties": 1}}

    rpm: Figure | None = None
    """Requests a minute."""
    tpm: Figure | None = None
    """Tokens a minute."""

    @model_validator(mode="after")
    def _limits_something(self) -> "RateForm":
        if self.rpm is None and self.tpm is None:
            raise ValueError(f"give rpm, tpm or both, like {_EXAMPLE}")
        return self


def _mapping(value: object) -> object:
    if not isinstance(value, dict | RateForm):
        got = "nothing" if value is None else repr(value) if isinstance(value, str) else f"a {type(value).__name__}"
        raise ValueError(f"expected a mapping like {_EXAMPLE}, got {got}")
    return value


RateLimits = dict[Annotated[str, Field(min_length=1)], Annotated[RateForm, BeforeValidator(_mapping)]]
"""Model glob → limits."""


def limits_of(forms: RateLimits) -> tuple[tuple[str, Limit], ...]:
    """(model glob, its limits), in the file's order."""
    return tuple((glob, Limit(form.rpm, form.tpm)) for glob, form in forms.items())
