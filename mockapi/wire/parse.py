"""From a parsed body of `POST /v1/responses` to a request: the checks, in the real API's order (ERRORS.md §1).

Types first, as `CreateRequest` has them; then what is right by itself and wrong together.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from mockapi.wire.catalogue import told
from mockapi.wire.content import MAX_TEXT
from mockapi.wire.json import JsonObject, dumps
from mockapi.wire.models import MAX_MODEL
from mockapi.wire.requests import CreateRequest
from mockapi.wire.strict import check_strict
from mockapi.wire.tools import tool_names
from mockapi.wire.typed import keys_of
from mockapi.wire.validation import api_error, missing_parameter

__all__ = ["parse_create", "without_invalid"]


@cache
def _body() -> type[BaseModel]:
    """Built for the first request, or when a server that is ready has nothing else to do: it takes as long as a start may."""
    fields: Any = {name: (kind, getattr(CreateRequest, name)) for name, kind in CreateRequest.__annotations__.items()}
    return create_model("CreateRequest", __config__=ConfigDict(extra="forbid", strict=True), __module__=__name__, **fields)


def _validated(given: Mapping[str, object]) -> CreateRequest:
    checked = _body().__pydantic_validator__.validate_python(given)
    return CreateRequest(**{name: getattr(checked, name) for name in checked.model_fields_set})


def parse_create(raw: Mapping[str, object], *, lenient: bool = False) -> CreateRequest:
    """Check a parsed JSON body; `ApiError` in the real API's words for the first thing wrong.

    A null is an omitted parameter, except for `model` and `input` (ERRORS.md §1). `lenient` drops whatever is wrong instead.
    """
    if lenient:
        return _parse_leniently(raw)
    plain = _plain(raw)
    if plain is not None:
        return plain
    given = raw
    if None in raw.values():
        given = {key: value for key, value in raw.items() if value is not None or key in ("model", "input")}
    if "model" not in given and "prompt" not in given:
        raise missing_parameter("model")
    if "input" not in given and not given.keys() & {"prompt", "previous_response_id", "conversation", "messages"}:
        raise missing_parameter("input")
    try:
        request = _validated(given)
    except ValidationError as error:
        raise api_error(error, given, _body()) from None
    _check_together(request)
    return request


_VALID_BY_TYPE: Mapping[str, type] = {
    "model": str, "input": str, "instructions": str, "previous_response_id": str, "user": str,
    "stream": bool, "store": bool, "background": bool, "parallel_tool_calls": bool,
}  # fmt: skip
"""Parameters of which every value of this type is valid (`input` and `model` are bounded too), whatever else is asked."""


def _plain(raw: Mapping[str, object]) -> CreateRequest | None:
    """A request of such parameters alone, as most are, which no validator has to look at: what it would make of it."""
    kinds = _VALID_BY_TYPE
    for name, value in raw.items():
        if type(value) is not kinds.get(name):
            return None
    if "model" not in raw or "input" not in raw:
        return None
    if len(raw["input"]) > MAX_TEXT or len(raw["model"]) > MAX_MODEL:  # type: ignore[arg-type]  # strings
        return None
    return CreateRequest(**raw)


def _check_together(request: CreateRequest) -> None:
    """What is right by itself and wrong together, or only under its own rules."""
    if _TOGETHER.isdisjoint(request.given):
        return
    if request.stream_options is not None and not request.stream:
        raise told("stream_options_without_stream")
    if request.background_options is not None:
        _check_window(request, request.background_options.get("completion_window"))
    choice = request.tool_choice
    if choice == "required" and not request.tools:
        raise told("tool_choice_without_tools")
    if isinstance(choice, dict) and choice["type"] in ("function", "custom"):
        names = set(tool_names(request.tools))
        if choice["name"] not in names:
            raise told("tool_choice_not_found", kind=choice["type"])
    if request.tools or request.text:
        check_strict(request.text, request.tools)
        _check_words(request)
        _check_pictures(request)


_TOGETHER = frozenset(("stream_options", "background_options", "tool_choice", "tools", "text"))


def _check_window(request: CreateRequest, window: str | None) -> None:
    """The discounted windows want a plain background run (SDK 3.54, `BackgroundOptions`)."""
    is_plain = request.background and not request.stream and request.service_tier in ("auto", "default")
    if window in ("2h", "8h") and not is_plain:
        raise told("completion_window_not_allowed", window=window)


def _check_words(request: CreateRequest) -> None:
    """`json_object` wants the word in the input; what a request goes on from, and sealed or kept items, may have it."""
    form = (request.text or {}).get("format")
    if form is None or form.get("type") != "json_object" or _goes_on(request):
        return
    if b"json" not in dumps(request.input).lower():
        raise told("no_json_word")


def _check_pictures(request: CreateRequest) -> None:
    """What image generation refuses: to edit nothing, and options that a model has not (ERRORS.md §7)."""
    for tool in request.tools:
        if tool["type"] != "image_generation":
            continue
        if tool.get("input_fidelity") is not None and str(tool.get("model")).startswith(_NO_FIDELITY):
            raise told("invalid_input_fidelity_model", model=tool["model"])
        is_edit = tool.get("action") == "edit" and tool.get("input_image_mask") is None
        if is_edit and not _goes_on(request) and not any(mark in dumps(request.input) for mark in _PICTURES):
            raise told("image_edit_without_source")


def _goes_on(request: CreateRequest) -> bool:
    """Whether there is an input beyond the request's own, or one that cannot be read here."""
    if request.previous_response_id or request.conversation or request.prompt:
        return True
    items = [] if isinstance(request.input, str) else request.input
    kinds = (item.get("type") or ("message" if "role" in item else "item_reference") for item in items)
    return any(kind in _SEALED for kind in kinds)


_NO_FIDELITY = "gpt-image-2-codex"
_PICTURES = (b'"input_image"', b'"image_generation_call"', b'"computer_call_output"')
_SEALED = ("compaction", "item_reference")

_LENIENT_MODEL = "gpt-4o"


def _parse_leniently(raw: Mapping[str, object]) -> CreateRequest:
    """Missing and invalid parameters take their defaults; of a list only the invalid elements are dropped."""
    given: JsonObject = {key: value for key, value in raw.items() if value is not None}
    if not given.get("model") or not isinstance(given["model"], str):
        given["model"] = _LENIENT_MODEL
    while True:
        try:
            return _validated(given)
        except ValidationError as error:
            given = without_invalid(given, error)


def without_invalid(given: JsonObject, error: ValidationError) -> JsonObject:
    """One step towards a valid body: every invalid parameter goes, or loses its invalid elements."""
    kept = dict(given)
    for details in error.errors(include_url=False):
        name, *inside = keys_of(details["loc"])
        value, index = given.get(str(name)), inside[0] if inside else None
        if isinstance(value, list) and isinstance(index, int):
            others = kept.get(str(name))
            kept[str(name)] = [each for each in others if each is not value[index]] if isinstance(others, list) else []
        else:
            kept.pop(str(name), None)
    return kept
