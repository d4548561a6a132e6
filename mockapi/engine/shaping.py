"""What of a request decides how drafts become items, and the slots that stand for ids until a response is known.

A *slot* is a piece of text that stands for an id until the response it belongs to is known, so that everything else can be
rendered once per step.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mockapi.engine.pace import Chunk
from mockapi.wire.tokens import count_text, split_tokens

__all__ = [
    "SHOWABLE",
    "Cut",
    "ImageSettings",
    "Shaping",
    "Slots",
    "container_of",
    "image_settings",
    "links_of",
    "showable",
    "slot_text",
]


@dataclass(frozen=True, slots=True)
class Cut:
    """How the last item ends early: at so many tokens if it is longer, else at its half."""

    tokens: int | None = None

    def text(self, text: str) -> str:
        """What is left of a text."""
        if self.tokens is not None and count_text(text) > self.tokens:
            return "".join(split_tokens(text)[: self.tokens])
        return text[: len(text) // 2]


class ImageSettings(NamedTuple):
    """What the offered `image_generation` tool asks for; "" and 0 where it leaves the choice open."""

    background: str = ""
    quality: str = ""
    size: str = ""
    partial_images: int = 0


def image_settings(tools: Sequence[Mapping[str, object]]) -> ImageSettings:
    """The settings of the first `image_generation` tool on offer."""
    if not tools:
        return _UNASKED
    tool = next((tool for tool in tools if tool["type"] == "image_generation"), None)
    return _UNASKED if tool is None else _settings_of(tool)


_UNASKED = ImageSettings()


def _settings_of(tool: Mapping[str, object]) -> ImageSettings:
    def text(key: str) -> str:
        value = tool.get(key)
        return value if isinstance(value, str) and value != "auto" else ""

    partial = tool.get("partial_images")
    return ImageSettings(text("background"), text("quality"), text("size"), partial if isinstance(partial, int) else 0)


SHOWABLE = ("code_interpreter_call.outputs", "file_search_call.results", "web_search_call.action.sources")
"""What a request may include of hosted calls (WIRE.md §3)."""


def showable(include: Sequence[str]) -> tuple[str, ...]:
    """Those of `SHOWABLE` that are included, in its order."""
    return tuple(value for value in SHOWABLE if value in include)


@dataclass(frozen=True, slots=True)
class Shaping:
    """What of the request decides how drafts become items.

    `include` holds those of `SHOWABLE` that the request includes, in that order; `most_hosted` is `max_tool_calls`; `seal` is the
    key, as hex, that encrypted contents are sealed with; `links` are ids of earlier turns (`links_of`), `container` the one that
    the request names.
    """

    has_logprobs: bool = False
    top_logprobs: int = 0
    is_encrypted: bool = False
    encrypts_always: bool = False
    one_call: bool = False
    chunk: Chunk = "words"
    cut: Cut | None = None
    include: tuple[str, ...] = ()
    most_hosted: int | None = None
    image: ImageSettings = ImageSettings()
    seal: str = ""
    links: tuple[tuple[str, str], ...] = ()
    container: str = ""


def links_of(items: Iterable[Mapping[str, object]]) -> tuple[tuple[str, str], ...]:
    """(type, id) of what this turn's items bring back of earlier turns, for a reply that names none.

    The newest program without an output (also as the `caller` of an output), the newest approved request without a call.
    """
    found: dict[str, str] = {}
    for item in items:
        kind, caller = str(item.get("type")), item.get("caller")
        if kind == "program":
            found[kind] = str(item.get("call_id"))
        elif kind == "program_output":
            found.pop("program", None)
        elif isinstance(caller, Mapping) and caller.get("type") == "program" and kind.endswith("_output"):
            found["program"] = str(caller.get("caller_id"))
        elif kind == "mcp_approval_response" and item.get("approve") is True:
            found["mcp_approval_request"] = str(item.get("approval_request_id"))
        elif kind in ("mcp_approval_response", "mcp_call"):
            found.pop("mcp_approval_request", None)
    return tuple(found.items())


def container_of(tools: Sequence[Mapping[str, object]]) -> str:
    """The container that a tool on offer names: hosted code and shells run there; "" where none does."""
    for tool in tools:
        place = tool.get("environment") if tool["type"] == "shell" else tool.get("container")
        if isinstance(place, Mapping):
            place = place.get("container_id")
        if tool["type"] in ("shell", "code_interpreter") and isinstance(place, str):
            return place
    return ""


def slot_text(mark: str, ordinal: int) -> str:
    """The text that stands for an id; `mark` is one that nothing scripted contains."""
    return f"@{mark}#{ordinal}@"


class Slots:
    """Hands out slots in order, and remembers which calls they went to."""

    def __init__(self, mark: str, links: tuple[tuple[str, str], ...] = (), container: str = "") -> None:
        self.mark = mark
        self.prefixes: list[str] = []
        self._container = container
        self._newest: dict[str, str] = dict(links)
        self._approved = self._newest.get("mcp_approval_request")

    def take(self, prefix: str) -> str:
        """A slot for an id of its own."""
        self.prefixes.append(prefix)
        return slot_text(self.mark, len(self.prefixes) - 1)

    def container(self, given: object = None) -> str:
        """The container of a response: all its calls share one, as recorded; the one given, or the newest given before."""
        if isinstance(given, str):
            self._container = given
        if not self._container:
            self._container = self.take("cntr")
        return self._container

    def approved(self) -> str | None:
        """The request that the client has approved in this turn: the first call that asks for it has it."""
        found, self._approved = self._approved, None
        return found

    def remember(self, kind: str, name: object) -> None:
        """The call id (of an approval request: the id) of the newest item of a type."""
        if isinstance(name, str):
            self._newest[kind] = name

    def newest(self, kind: str, prefix: str = "call") -> str:
        """What answers the newest item of a type has to name; a slot of its own if there is none in this reply."""
        return self._newest.get(kind) or self.take(prefix)
