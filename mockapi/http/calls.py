"""From an exchange to a call: who asks, what identifies it, what its path and query say."""

import re

from mockapi.http.exchange import Exchange
from mockapi.http.messages import JSON, Answer, Caller, Headers, RequestHeaders, caller_of, read_body
from mockapi.service.core import Call, Core
from mockapi.service.selection import Selector
from mockapi.wire.catalogue import told
from mockapi.wire.ids import is_id, request_id_of
from mockapi.wire.json import object_of
from mockapi.wire.operations import ListQuery, parse_query
from mockapi.wire.validation import bad_prefix

__all__ = ["Calls", "flag_of", "starting_after"]

_SCRIPTED_IN_THE_SERVICE = ("responses.create", "responses.compact", "responses.input_tokens")
"""Operations whose steps see the effective input."""

_JSON = JSON[1]


class Calls:
    """Makes calls of one server's exchanges."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._selector = Selector(core)

    def caller(self, exchange: Exchange) -> Caller:
        """Who asks; 401 if nobody may."""
        exchange.caller = exchange.caller or caller_of(exchange.headers, self._core.settings.api_keys)
        return exchange.caller

    async def identified(
        self, exchange: Exchange, operation: str, target: str = "", *, has_body: bool = False
    ) -> tuple[Call, bytes]:
        """The call, and the digest its ids derive from; whoever fails from here on has the real headers.

        Raises the error that a scenario scripts for this operation.
        """
        caller = self.caller(exchange)  # before the body is read
        if has_body:
            exchange.body = await read_body(exchange.receive, self._core.settings.max_body, exchange.headers)
            if exchange.headers.raw.get(b"content-type", _JSON) != _JSON and exchange.body and not self._core.is_lenient:
                _check_content_type(exchange.headers)
        call, identity = await self._core.known(
            caller.project, operation, exchange.body, exchange.headers, exchange.scenario, target
        )
        exchange.request_id = request_id_of(identity)
        if operation not in _SCRIPTED_IN_THE_SERVICE:
            exchange.arm(await self._selector.scripted(call, identity, object_of(exchange.body)), self._core)
        return call, identity

    def path_id(self, exchange: Exchange, name: str, prefix: str = "") -> str:
        """An id in the path; 400 if it has not the prefix of its kind."""
        value = exchange.path_params[name]
        if prefix and not is_id(value, prefix) and not self._core.is_lenient:
            raise bad_prefix(name, value, prefix)
        return value

    def query(self, exchange: Exchange) -> ListQuery:
        """The query of a list, checked."""
        return parse_query(exchange.query.multi_items(), lenient=self._core.is_lenient)

    @staticmethod
    async def answer(exchange: Exchange, body: bytes, headers: Headers | None = None) -> None:
        """A ready JSON body with the standard headers."""
        await exchange.answer(Answer(200, body, [JSON, *exchange.standard_headers(), *(headers or [])]))


def _check_content_type(headers: RequestHeaders) -> None:
    """400 for a body that its header says is no JSON, as a form's or a text's does."""
    kind = headers.media_type
    if kind and re.fullmatch(r"application/(?:[^/\s]+\+)?json", kind) is None:
        raise told("unsupported_content_type", type=kind, header=headers["content-type"])


def flag_of(exchange: Exchange, name: str, *, is_lenient: bool = False) -> bool | None:
    """A boolean of the query: literally true or false (WIRE.md §1)."""
    text = exchange.query.get(name)
    if is_lenient and text not in ("true", "false"):
        return None
    if text not in (None, "true", "false"):
        raise told("invalid_type", path=name, expected="a boolean", got="a string")
    return None if text is None else text == "true"


def starting_after(exchange: Exchange, *, is_lenient: bool = False) -> int:
    """The cursor of a stream; -1 where there is none, so that the whole is sent."""
    text = exchange.query.get("starting_after")
    if text is None or (is_lenient and re.fullmatch(r"[0-9]{1,300}", text) is None):
        return -1
    if re.fullmatch(r"-?[0-9]{1,300}", text) is None:
        raise told("invalid_type_integer", path="starting_after")
    if int(text) < 0:
        raise told("integer_below_min_value", path="starting_after", bound=0, value=int(text))
    return int(text)
