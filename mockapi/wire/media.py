"""What a type alone cannot say of images, files and remote tools: which keys exclude each other, what a data URL may hold.

For annotations of fields and parts; the words are rows of the catalogue (ERRORS.md §7). Where it is not known that the real API
refuses something, it is accepted.
"""

import re
from binascii import Error, a2b_base64
from collections.abc import Callable, Mapping

from pydantic import AfterValidator

from mockapi.wire.json import JsonObject
from mockapi.wire.typed import refuse
from mockapi.wire.validation import listed

__all__ = ["FILE_DATA", "IMAGE_URL", "MCP_SERVER", "ONE_SOURCE"]

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S")
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/=_\s-]")
_PLAIN = str.maketrans("-_", "+/")  # the alphabet of URLs
_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a")
_NO_FILES = ("image", "audio", "video", "font")


def _check_image_url(value: str) -> str:
    if value[:5].lower() == "data:":
        _check_image_data(value[5:])
    elif _URL.match(value) is None:
        refuse("image_url_not_a_url")
    return value


def _check_image_data(value: str) -> None:
    """MIME type, `;base64`, and the first bytes of a picture."""
    head, _, data = value.partition(",")
    if not head.lower().endswith(";base64"):
        refuse("image_without_base64")
    mime = head.partition(";")[0]
    if not mime.lower().startswith("image/"):
        refuse("image_mime_type", mime=mime[:100])
    try:
        first = a2b_base64("".join(data[:64].translate(_PLAIN).split())[:24].rstrip("=").ljust(24, "A"))
    except Error:
        first = b""
    if _NOT_BASE64.search(data) or len("".join(data.split()).rstrip("=")) % 4 == 1:
        refuse("image_bad_base64")
    if not first.startswith(_STARTS) and not (first[:4] == b"RIFF" and first[8:12] == b"WEBP"):
        refuse("not_an_image")


def _check_file_data(value: str) -> str:
    if value[:5].lower() == "data:":
        mime = re.split("[;,]", value[5:200], maxsplit=1)[0]
        if mime.partition("/")[0].lower() in _NO_FILES:
            refuse("file_mime_type", mime=mime)
    return value


def _given(value: Mapping[str, object], names: tuple[str, ...]) -> list[str]:
    return [name for name in names if value.get(name) is not None]


def _exactly_one(*names: str) -> Callable[[JsonObject], JsonObject]:
    def check(value: JsonObject) -> JsonObject:
        given = _given(value, names)
        if len(given) > 1:
            refuse("mutually_exclusive_parameters", names=listed(names, "or"))
        if not given:
            refuse("missing_mutually_exclusive_parameters", names=listed(names, "or"))
        return value

    return check


def _check_server(value: JsonObject) -> JsonObject:
    given = _given(value, ("server_url", "connector_id", "tunnel_id"))
    if len(given) > 1:
        refuse("mutually_exclusive_parameters", names=listed(given, "or"))
    if given == ["connector_id"] and value.get("authorization") is None:
        refuse("connector_without_authorization")
    return value


IMAGE_URL = AfterValidator(_check_image_url)
"""Metadata of a URL of a picture: it is one, or a data URL that holds a picture."""

ONE_SOURCE = AfterValidator(_exactly_one("file_id", "image_url"))
"""Metadata of an image part: it has one source."""

FILE_DATA = AfterValidator(_check_file_data)
"""Metadata of a file's data: not a picture, sound, film or font."""

MCP_SERVER = AfterValidator(_check_server)
"""Metadata of an `mcp` tool: one server at most; a connector comes with its authorization."""
