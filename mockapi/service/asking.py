"""What a create asks: its body checked, what it refers to found, its history looked at."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mockapi.engine.planner import count_input
from mockapi.scenario.match import Facts
from mockapi.scenario.seeds import fill_prompt
from mockapi.service.core import Call, Core
from mockapi.service.past import NO_PAST, Effective, Past, Pasts
from mockapi.service.seeds import Seeds
from mockapi.wire.capabilities import check_capabilities
from mockapi.wire.catalogue import told
from mockapi.wire.json import JsonObject
from mockapi.wire.models import family_of
from mockapi.wire.parse import parse_create
from mockapi.wire.requests import CreateRequest

__all__ = ["Asked", "Asking"]

_ENCRYPTED = "reasoning.encrypted_content"
_MOST_BODIES = 256
_LONGEST_BODY = 4_096  # bytes
_NO_HEADERS: Mapping[str, str] = {}


class Asked(NamedTuple):
    """A request that can be answered: checked, with what it goes on from, and how many tokens its effective input has.

    `instructions` is what is shown for its prompt's messages.
    """

    request: CreateRequest
    effective: Effective
    facts: Facts
    tokens: int
    instructions: Sequence[JsonObject] | None = None


class Asking:
    """Makes requests of bodies.

    What short bodies come to that speak of nothing but themselves is remembered when they come again: it follows from their bytes
    and the settings alone, so that it is never another. Nobody changes a request, nor what was parsed of its body.
    """

    def __init__(self, core: Core, pasts: Pasts, seeds: Seeds) -> None:
        self._core = core
        self._pasts = pasts
        self._seeds = seeds
        self._known: dict[bytes, Asked] = {}
        self._remembers = not core.settings.zdr  # else it matters who asks

    def known(self, call: Call) -> Asked | None:
        """What was made of the same bytes before, if it is remembered."""
        before = self._known.get(call.body)
        if before is None:
            return None
        request, effective, facts, tokens, _ = before
        facts = tuple.__new__(Facts, (request, facts.raw, call.headers or _NO_HEADERS, facts.context))
        return tuple.__new__(Asked, (request, effective, facts, tokens, None))  # half the time of Asked(…)

    async def asked(self, call: Call, raw: JsonObject) -> Asked:
        """The request of a parsed body. `ApiError` in the real API's words."""
        core = self._core
        request = parse_create(raw, lenient=core.is_lenient)
        if core.settings.zdr:
            request = self._with_retention(call, request)
        if request.prompt is None:
            core.check_model(request.model)
            goes_on = request.previous_response_id is not None or request.conversation is not None
            past, shown = await self._pasts.find(call.project, request) if goes_on else NO_PAST, None
        else:
            past, request, shown = await self._prompted(call.project, request)
        self._check_state(request, past)
        if core.settings.capabilities == "on":
            check_capabilities(request)
        effective = await self._pasts.effective(call.project, request, past, is_stored=request.store)
        facts = tuple.__new__(Facts, (request, raw, call.headers or _NO_HEADERS, effective.context))
        tokens = count_input(facts, core.counter)
        if call.standing is not None and call.standing.ordinal > 0 and self._remembers and shown is None and effective.is_alone:
            return self._remembered(call.body, Asked(request, effective, facts, tokens, shown))
        return tuple.__new__(Asked, (request, effective, facts, tokens, shown))  # half the time of Asked(…)

    def _remembered(self, body: bytes, asked: Asked) -> Asked:
        if len(body) <= _LONGEST_BODY:
            if len(self._known) >= _MOST_BODIES:
                del self._known[next(iter(self._known))]
            self._known[body] = asked._replace(facts=asked.facts._replace(headers=_NO_HEADERS))
        return asked

    def _with_retention(self, call: Call, request: CreateRequest) -> CreateRequest:
        """In a project with zero data retention nothing is stored, and reasoning comes encrypted (WIRE.md §6)."""
        if call.key not in self._core.settings.zdr:
            return request
        self._core.check_retention(call, request.previous_response_id)
        if any(tool["type"] == "code_interpreter" for tool in request.tools):
            raise told("zdr_code_interpreter")
        include = [*request.include, _ENCRYPTED] if family_of(request.model).is_reasoning else request.include
        return request.changed(store=False, include=include)

    async def _prompted(self, project: str, request: CreateRequest) -> tuple[Past, CreateRequest, Sequence[JsonObject]]:
        """A request with a prompt: its past, the request with the template's model and instructions, and those as messages."""
        prompt: JsonObject = dict(request.prompt or {})
        past = await self._pasts.find(project, request) if request.conversation_id else None
        version = prompt.get("version")
        variables = prompt.get("variables")
        given = variables if isinstance(variables, dict) else {}
        form = await self._seeds.prompt(project, str(prompt["id"]), version if isinstance(version, str) else None, list(given))
        if form is None:
            raise told("prompt_version_not_found" if version else "prompt_not_found", id=prompt["id"], version=version)
        past = past or await self._pasts.find(project, request)
        messages = fill_prompt(form, given)
        texts = [str(part["text"]) for each in messages for part in _parts(each) if "text" in part]
        update: JsonObject = {
            "model": request.model or form.model or "gpt-4o",
            "instructions": "\n".join([*texts, *([request.instructions] if request.instructions else [])]),
            "prompt": {**prompt, "version": form.version},
        }
        changed = request.changed(**update)
        self._core.check_model(changed.model)
        return past, changed, messages

    def _check_state(self, request: CreateRequest, past: Past) -> None:
        if past.conversation is not None and past.conversation.turn is not None:
            raise told("conversation_locked")
        is_silent = not request.input and not request.previous_response_id and not request.prompt and not request.conversation_id
        if is_silent and not self._core.is_lenient:
            raise told("input_required")


def _parts(message: JsonObject) -> list[JsonObject]:
    content = message.get("content")
    return [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []
