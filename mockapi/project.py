"""A project of a mock server, as a test holds it: say what the model answers, break things, move time, see what was asked.

The server may be inside (`MockServer`, the pytest plugin) or outside: everything goes through its admin API.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, urlencode

from mockapi.client import AdminClient, entry_path
from mockapi.errors import ScenarioError, UsageError, is_told
from mockapi.wire.json import dumps

__all__ = ["Project", "RecordedRequest", "Reply"]

Json = dict[str, Any]

Reply = str | Sequence[Mapping[str, Any]] | Mapping[str, Any]
"""What a step's `reply` may be: a text, a list of items, or a mapping with `output` and overrides (docs/scenarios.md)."""

__tracebackhide__ = is_told

_AGAIN = "zzz-last-reply"
_DELIVERY = "webhooks.delivery"
_PLACE = re.compile(r"0-reply-\d+:\d+:\d+: (steps\[0\](\.|: ))?")


class _Unset:
    """Nothing was said."""


_UNSET = _Unset()


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """One request that the server was sent, and how it answered.

    `body` is the JSON of the request (None where there was none), `response` that of the answer; a stream has `events` instead.
    `scenario` and `step` name what answered, and are None for an automatic answer and for a miss, which `is_unmatched` tells.
    """

    id: str
    operation: str
    method: str
    path: str
    status: int | None
    body: Any
    response: Any = field(repr=False)
    events: list[Json] = field(repr=False)
    scenario: str | None
    step: str | None
    is_unmatched: bool
    headers: Mapping[str, str] = field(repr=False)
    note: str | None = None
    fault: str | None = None
    response_id: str | None = None
    at: float = 0.0

    @staticmethod
    def of(entry: Mapping[str, Any]) -> "RecordedRequest":
        """From the journal's own form (docs/admin.md)."""
        return RecordedRequest(
            id=entry["id"],
            operation=entry["operation"],
            method=entry["method"],
            path=entry["path"],
            status=entry["status"],
            body=entry["request"],
            response=entry.get("response"),
            events=entry.get("events") or [],
            scenario=entry["scenario"],
            step=entry["step"],
            is_unmatched=entry["unmatched"],
            headers=entry["headers"],
            note=entry["note"],
            fault=entry["fault"],
            response_id=entry.get("response_id") or _response_id(entry),
            at=entry["at"],
        )


class Project:
    """One project of a server: what its API key alone sees. Two of them never meet.

    Every method raises `UsageError` in one sentence where it cannot do what it is asked for.
    """

    def __init__(self, client: AdminClient, api_key: str, folder: Path | None = None) -> None:
        self._client = client
        self._api_key = api_key
        self._folder = folder
        self._replies = 0
        self._faults = 0
        self._files: dict[str, str] = {}

    @property
    def base_url(self) -> str:
        """What `OPENAI_BASE_URL`, or a client's `base_url`, is set to."""
        return f"{self.admin.origin}/v1"

    @property
    def api_key(self) -> str:
        """The API key that makes a request one of this project."""
        return self._api_key

    @property
    def requests(self) -> list[RecordedRequest]:
        """All requests of this project that are over, oldest first."""
        return [RecordedRequest.of(entry) for entry in self._journal() if entry["operation"] != _DELIVERY]

    @property
    def deliveries(self) -> list[RecordedRequest]:
        """The webhooks that the server posted or tried to, oldest first."""
        return [RecordedRequest.of(entry) for entry in self._journal(operation=_DELIVERY)]

    @property
    def last_request(self) -> RecordedRequest:
        """The newest of `requests`; `UsageError` if there is none."""
        requests = self.requests
        if not requests:
            raise UsageError(
                f"mockapi: nothing was asked yet of {self.base_url} with this API key: does the code under test build its client "
                "inside the test, of OPENAI_BASE_URL and OPENAI_API_KEY?"
            )
        return requests[-1]

    @property
    def responses(self) -> list[Json]:
        """The responses that were made, oldest first, as they are now. Looking at them moves no background run."""
        return list(self._call("GET", "/responses")["data"])

    @property
    def conversations(self) -> list[Json]:
        """The conversations that were made or used, each with its `items`."""
        return list(self._call("GET", "/conversations")["data"])

    @property
    def usage(self) -> Json:
        """Tokens, tool calls and their cost (docs/admin.md)."""
        return dict(self._call("GET", "/usage"))

    @property
    def scenarios(self) -> list[Json]:
        """The scenarios that requests are tried with, in order, each with the hits of its steps."""
        return list(self._call("GET", "/scenarios")["scenarios"])

    def reply(
        self,
        reply: Reply | None = None,
        *,
        when: Mapping[str, Any] | None = None,
        times: int | _Unset | None = _UNSET,
        name: str | None = None,
        background: Mapping[str, Any] | str | None = None,
        pace: Mapping[str, Any] | None = None,
        chance: float | None = None,
        error: Mapping[str, Any] | str | None = None,
        fail: Mapping[str, Any] | str | None = None,
        incomplete: Literal["max_output_tokens", "content_filter"] | None = None,
        fault: Mapping[str, Any] | str | None = None,
    ) -> None:
        """Let the model say this. The keywords are the keys of a scenario's step.

        Without `when` replies are used in order, a request each, and the last one goes on answering where nothing else does;
        `times` says how many requests one answers, and then it goes no further. With `when` a reply answers whatever
        matches, at most `times` times (None: always). Replies come before the scenarios of `use`.
        """
        given = {
            "name": name, "when": dict(when) if when is not None else None, "reply": reply, "chance": chance, "error": error,
            "fail": fail, "incomplete": incomplete, "fault": fault, "pace": pace, "background": background,
        }  # fmt: skip
        self._replies += 1
        step = {"name": f"reply {self._replies}", **{key: value for key, value in given.items() if value is not None}}
        scenario = f"0-reply-{self._replies:04}"
        is_queued = when is None and times is not None
        if isinstance(times, int):
            step["times"] = times
        try:
            self._put(scenario, None, {"scenario": scenario, "mode": "script" if is_queued else "rules", "steps": [step]})
        except UsageError as refused:
            raise UsageError(_PLACE.sub("", str(refused))) from None  # in the words of the call, not of a file that nobody wrote
        if when is None and isinstance(times, _Unset):
            self._put(_AGAIN, None, {"scenario": _AGAIN, "steps": [step]})

    def use(self, scenario: str | Path | Mapping[str, Any]) -> str:
        """Serve a scenario in this project: a file's path, YAML or JSON as text, or data. Its name.

        `ScenarioError` with every problem of a broken one; `UsageError` for a file that is not there.
        """
        from mockapi.scenario.load import load_text
        from mockapi.scenario.portable import portable

        try:
            if isinstance(scenario, Mapping):
                scenario = dumps(scenario).decode()
            if isinstance(scenario, str) and ("\n" in scenario or scenario.lstrip().startswith("{") or "steps:" in scenario):
                return self._put(load_text(scenario).name, scenario)
            path = self._found(Path(scenario))
            name, text = portable(path)
        except ScenarioError as error:
            raise error.with_traceback(None) from None  # its traceback ends where the scenario is given
        self._files[name] = str(path)
        return self._put(name, text)

    def _found(self, path: Path) -> Path:
        place = path if self._folder is None else self._folder / path
        if place.is_dir():
            raise UsageError(f"mockapi: {place} is a folder: name its files, or serve all of them with `mockapi_scenarios`")
        if not place.is_file():
            raise UsageError(f"mockapi: there is no scenario file at {place}: correct the path, or give the scenario as text")
        return place

    def fail_next(
        self, error: str | int | Mapping[str, Any] = "server_error", *, times: int = 1, when: Mapping[str, Any] | None = None
    ) -> None:
        """Let the next request (or `times` of them; those that match `when`) fail: an error's code, a status, or an `error`."""
        form = {"status": error} if isinstance(error, int) else error if isinstance(error, str) else dict(error)
        self._arm({"error": form, "times": times, "when": when})

    def fault(
        self,
        fault: str | Mapping[str, Any],
        *,
        name: str | None = None,
        when: Mapping[str, Any] | None = None,
        times: int | None = None,
        chance: float | None = None,
    ) -> None:
        """Break answers on their way (docs/faults.md): `"timeout"`, `"disconnect: output_text.delta#2"`, `{"delay": "3s"}`."""
        self._arm({"name": name, "fault": _fault_of(fault), "when": when, "times": times, "chance": chance})

    def clear_faults(self) -> None:
        """Switch off everything that `fault` and `fail_next` have switched on."""
        self._call("DELETE", "/faults")

    def advance(self, duration: str) -> datetime:
        """Move this project's clock forward (`"10m"`); the time that it shows then."""
        return datetime.fromisoformat(self._call("POST", "/clock", {"advance": duration})["now"])

    def advance_run(self, response_id: str) -> Json:
        """Move a background run of a step with `background: manual` to its next status; the response then."""
        return dict(self._call("POST", f"/responses/{quote(response_id, safe='')}/advance"))

    def verify(
        self,
        when: Mapping[str, Any] | None = None,
        *,
        count: int | None = None,
        at_least: int | None = None,
        at_most: int | None = None,
        sequence: Sequence[Mapping[str, Any]] | None = None,
        only: Sequence[Mapping[str, Any]] | None = None,
        all_steps_used: bool = False,
        all_matched: bool = False,
        scripts_used: bool = False,
        all_over: bool = False,
    ) -> None:
        """Hold the requests so far against what a test expects; all that is given must hold.

        `when` is that of a step, and must fit exactly `count` requests (else `at_least`, which is 1 if nothing is said, and
        `at_most`); `sequence` must have come in that order, whatever stood between; `only` says that nothing else was asked.
        `all_steps_used`, `all_matched`, `scripts_used` and `all_over` are told in docs/admin.md.
        `VerificationError`, an `AssertionError`, tells what was found and the nearest requests, criterion by criterion.
        """
        form = {"when": when, "count": count, "at_least": at_least, "at_most": at_most, "sequence": sequence, "only": only}
        flags = {"all_steps_used": all_steps_used, "all_matched": all_matched, "scripts_used": scripts_used}
        flags["all_over"] = all_over
        given = {key: value for key, value in form.items() if value is not None}
        asked = given or {key: True for key, value in flags.items() if value} or {"when": {}}
        self._call("POST", "/verify", {**asked, **{key: True for key, value in flags.items() if value}})

    def explain(self, request_id: str) -> Json:
        """Which step answers a recorded request, and why the others do not (docs/admin.md)."""
        return dict(self.admin.call("GET", f"{entry_path(request_id)}/explanation", self.api_key))

    def reset(self) -> None:
        """Forget everything of this project: responses, scenarios, faults, clock, journal."""
        self._call("POST", "/reset")
        self._replies = self._faults = 0

    def _arm(self, form: Json) -> None:
        self._faults += 1
        given = {key: value for key, value in form.items() if value is not None}
        self._call("POST", "/faults", {"name": f"fault-{self._faults}", **given})

    def _put(self, name: str, text: str | None, data: Json | None = None) -> str:
        self._call("PUT", f"/scenarios/{quote(name, safe='')}", data, text=text)
        return name

    def _journal(self, **filters: str) -> Iterator[Json]:
        after: dict[str, str] = {}
        while True:
            query = urlencode({"limit": "1000", **filters, **after})
            page = self._call("GET", f"/requests?{query}")
            yield from page["data"]
            if not page["has_more"]:
                return
            after = {"after": page["data"][-1]["id"]}

    def _call(self, method: str, path: str, body: object = None, *, text: str | None = None) -> Any:
        return self.admin.call(method, f"/_mock{path}", self.api_key, body, text=text)

    @property
    def journal(self) -> list[Json]:
        """The journal in its own form (docs/admin.md), webhooks included."""
        return [*self._journal()]

    @property
    def files(self) -> Mapping[str, str]:
        """The files of `use`, by the names of their scenarios."""
        return self._files

    @property
    def admin(self) -> AdminClient:
        """The client of the admin API that this is a face of."""
        return self._client


def _response_id(entry: Mapping[str, Any]) -> str | None:
    body = entry.get("response")
    return body.get("id") if isinstance(body, dict) and body.get("object") == "response" else None


def _fault_of(fault: str | Mapping[str, Any]) -> object:
    """`disconnect: 3` as one writes it in a header is a mapping."""
    if not isinstance(fault, str):
        return dict(fault)
    name, colon, value = fault.partition(":")
    return {name.strip(): int(value) if value.strip().isdecimal() else value.strip()} if colon else fault
