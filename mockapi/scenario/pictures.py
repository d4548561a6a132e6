"""Pictures in files beside a scenario: `{file: path}` becomes the file's bytes in base64, once, at load."""

from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path

from mockapi.scenario.places import At, PlaceError, items_of, replaced
from mockapi.scenario.template import is_template
from mockapi.wire.json import JsonObject

__all__ = ["MOST_BYTES", "is_picture", "with_pictures"]

MOST_BYTES = 20_000_000
"""Bytes of one picture: every plan of its step holds them."""

_FORMATS = {".png": "png", ".webp": "webp", ".jpg": "jpeg", ".jpeg": "jpeg", ".gif": "gif", ".svg": "svg"}


def is_picture(path: str) -> bool:
    """Whether a file is called as pictures are."""
    return path.lower().endswith(tuple(_FORMATS))


def with_pictures(reply: object, folder: Path | None) -> object:
    """The reply with its pictures read; `PlaceError` for one that is not inside the folder, or cannot be read.

    `folder` is where the scenario's file lies; None for a scenario that is not a file.
    """
    for at, kind, form in list(items_of(reply)):
        if kind == "image_generation_call":
            reply = replaced(reply, at, _filled(form, folder, at, is_verbatim="type" in form))
    return reply


def _filled(form: Mapping[str, object], folder: Path | None, at: At, *, is_verbatim: bool) -> JsonObject:
    filled = dict(form)
    if isinstance(result := form.get("result"), dict):
        filled["result"] = _read(result, folder, (*at, "result"))
        known = _FORMATS.get(Path(str(result.get("file"))).suffix.lower())
        if known and not is_verbatim and filled.get("output_format") is None:
            filled["output_format"] = known
    if isinstance(partial := form.get("partial_images"), list):
        places = ((*at, "partial_images", index) for index in range(len(partial)))
        filled["partial_images"] = [
            _read(each, folder, place) if isinstance(each, dict) else each for each, place in zip(partial, places, strict=True)
        ]
    return filled


def _read(picture: Mapping[str, object], folder: Path | None, at: At) -> str:
    if set(picture) != {"file"} or not isinstance(picture["file"], str):
        raise PlaceError(at, "a picture is base64, or {file: path}")
    name = picture["file"]
    if folder is None:
        raise PlaceError(at, "a file can be named only in a scenario that is itself read from a file; give base64")
    if is_template(name):
        raise PlaceError(at, "the name of a file is not a template: it is read at load")
    try:
        path = (folder / name).resolve()
        if not path.is_relative_to(folder.resolve()):
            raise PlaceError(at, f"{name!r} is outside the scenario's folder")
        if not path.is_file():
            raise PlaceError(at, f"there is no file {name!r} in the scenario's folder")
        if path.stat().st_size > MOST_BYTES:
            raise PlaceError(at, f"{name!r} has over {MOST_BYTES:,} bytes")
        data = path.read_bytes()
        if not data:
            raise PlaceError(at, f"{name!r} is empty")
        return b64encode(data).decode()
    except (OSError, ValueError) as error:
        raise PlaceError(at, f"{name!r} cannot be read: {error}") from None
