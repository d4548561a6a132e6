"""`GET /v1/models` and `/v1/models/{model}`."""

from fnmatch import fnmatchcase

from mockapi.errors import ApiError
from mockapi.http.exchange import Exchange
from mockapi.http.messages import caller_of
from mockapi.service.core import Call, Core
from mockapi.wire.catalogue import told
from mockapi.wire.ids import request_id_of
from mockapi.wire.json import JsonObject
from mockapi.wire.models import SNAPSHOTS

__all__ = ["ModelsApi"]

_CREATED = 1_735_689_600


class ModelsApi:
    """The models there are: those that are known, as far as `--models` lets them be."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def list(self, exchange: Exchange) -> None:
        """All known names, aliases and snapshots."""
        await self._identify(exchange)
        globs = self._core.settings.models
        known = {name for pair in SNAPSHOTS.items() for name in pair} | {glob for glob in globs if not set(glob) & set("*?[")}
        names = sorted(name for name in known if not globs or any(fnmatchcase(name, glob) for glob in globs))
        await exchange.answer_json(
            {"object": "list", "data": [_model(name) for name in names]}, headers=exchange.standard_headers()
        )

    async def retrieve(self, exchange: Exchange) -> None:
        """One name; any that a create would accept."""
        await self._identify(exchange)
        name = exchange.path_params["model"]
        if not self._core.is_model(name):
            raise told("model_unknown", model=name)
        await exchange.answer_json(_model(name), headers=exchange.standard_headers())

    async def _identify(self, exchange: Exchange) -> None:
        try:
            caller = exchange.caller = caller_of(exchange.headers, self._core.settings.api_keys)
        except ApiError as error:
            if error.code is None:
                raise told("missing_bearer") from None
            error.layout = "pretty"  # the edge's form is known of /v1/responses only
            raise
        exchange.request_id = request_id_of(await self._core.identify(Call(caller.project, "models")))


def _model(name: str) -> JsonObject:
    return {"id": name, "object": "model", "created": _CREATED, "owned_by": "system"}
