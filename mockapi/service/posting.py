"""One attempt to deliver a webhook: signed, posted by httpx, written into the journal."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from mockapi.clock import stopwatch, wall, within
from mockapi.service.core import Core
from mockapi.stores.records import Entry
from mockapi.wire.ids import request_id_of
from mockapi.wire.urls import Hosts, check_url
from mockapi.wire.webhooks import signed_headers

if TYPE_CHECKING:
    import httpx

__all__ = ["OPERATION", "Letter", "Outcome", "Poster"]

log = logging.getLogger("mockapi")

OPERATION = "webhooks.delivery"
"""What the journal calls an attempt."""

_PATIENCE_S = 5  # "within a few seconds" (WIRE.md §8)
_STALE_S = 3_600  # clients accept five minutes
_MOST_KEPT = 65_536  # bytes of an answer in the journal


class Letter(NamedTuple):
    """A signed event on its way: `note` tells the journal which attempt it is, and names it among them."""

    project: str
    webhook_id: str
    url: str
    secrets: tuple[str, ...]
    body: bytes
    note: str
    fault: str = ""


class Outcome(NamedTuple):
    """What came of an attempt: the status, or why there is none; `is_final` if another would not help."""

    status: int | None
    answer: bytes = b""
    problem: str = ""
    is_final: bool = False

    @property
    def is_delivered(self) -> bool:
        """2xx; a redirect is a failure."""
        return self.status is not None and 200 <= self.status < 300


class Poster:
    """Posts letters; whatever happens to one is an outcome, never an exception."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._hosts = Hosts(core.settings.webhook_hosts)
        self._tls: ssl.SSLContext | None = None

    def refusal(self, url: str) -> str | None:
        """Why nothing may be posted to a URL, as far as it tells itself; None if it may."""
        try:
            return self._hosts.refusal(check_url(url))
        except ValueError as error:
            return str(error)

    @asynccontextmanager
    async def _client(self, url: str) -> "AsyncIterator[httpx.AsyncClient]":
        """A client for one letter. Proxies of the environment are for the way out, not for the way to here."""
        # The first import takes a tenth of a second, and so do the certificates: streams go on meanwhile.
        await asyncio.to_thread(import_module, "httpx")
        import httpx  # noqa: PLC0415 - start-up time where nothing is posted

        if self._tls is None and url.lower().startswith("https:"):
            self._tls = await asyncio.to_thread(httpx.create_ssl_context)
        transport = httpx.AsyncHTTPTransport(verify=self._tls or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        async with httpx.AsyncClient(transport=transport, trust_env=False, timeout=_PATIENCE_S) as client:
            yield client

    async def post(self, letter: Letter) -> Outcome:
        """Make an attempt."""
        began = stopwatch()
        timestamp = int(wall()) - (_STALE_S if letter.fault == "stale_timestamp" else 0)
        is_forged = letter.fault == "bad_signature"
        headers = dict(signed_headers(letter.webhook_id, timestamp, letter.body, letter.secrets, is_forged=is_forged))
        async with self._client(letter.url) as client:
            outcome = await self._attempt(client, letter, headers)
        self._core.metrics.webhooks["delivered" if outcome.is_delivered else "failed"] += 1
        await self._keep(letter, headers, outcome, (stopwatch() - began) * 1000)
        return outcome

    async def withhold(self, letter: Letter) -> None:
        """Write down that a letter was not sent."""
        await self._keep(letter, {"webhook-id": letter.webhook_id}, Outcome(None), 0.0)

    async def _attempt(self, client: "httpx.AsyncClient", letter: Letter, headers: dict[str, str]) -> Outcome:
        import httpx  # noqa: PLC0415 - as above

        try:
            async with within(_PATIENCE_S):
                refusal = self.refusal(letter.url) or await self._resolved_refusal(httpx.URL(letter.url))
                if refusal is not None:
                    return Outcome(None, problem=f"refused: {refusal}", is_final=True)
                async with client.stream("POST", letter.url, content=letter.body, headers=headers) as answer:
                    return Outcome(answer.status_code, await _beginning(answer))
        except TimeoutError:
            return Outcome(None, problem=f"no answer within {_PATIENCE_S} s")
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            return Outcome(None, problem=f"{type(error).__name__}: {error}".rstrip(": "))

    async def _resolved_refusal(self, url: "httpx.URL") -> str | None:
        """A name may lead anywhere: where it leads now decides too."""
        infos = await asyncio.get_running_loop().getaddrinfo(url.raw_host.decode("ascii"), url.port)
        return self._hosts.refusal(url.host, [str(info[4][0]) for info in infos])

    async def _keep(self, letter: Letter, headers: dict[str, str], outcome: Outcome, took_ms: float) -> None:
        """The log line and the journal entry of an attempt."""
        note = ", ".join(part for part in (letter.note, outcome.problem) if part)
        log.info("webhook %s %s %.1fms %s", letter.webhook_id, outcome.status or "-", took_ms, note)
        identity = self._core.identity_of(letter.project, OPERATION, letter.webhook_id, letter.note)
        entry = Entry(
            id=request_id_of(identity),
            at=await self._core.now(letter.project),
            took_ms=took_ms,
            operation=OPERATION,
            method="POST",
            path=letter.url,
            query="",
            headers=headers,
            request=letter.body,
            status=outcome.status,
            response=outcome.answer,
            note=note,
        )
        await self._core.store.add_entry(letter.project, entry)


async def _beginning(answer: "httpx.Response") -> bytes:
    """As much of an answer as the journal keeps."""
    kept = b""
    async for chunk in answer.aiter_raw():
        kept += chunk
        if len(kept) >= _MOST_KEPT:
            break
    return kept[:_MOST_KEPT]
