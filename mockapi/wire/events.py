"""Stream events as bytes (WIRE.md §4): key order, framing, obfuscation."""

from collections.abc import Mapping

from mockapi.wire.ids import text_of_length
from mockapi.wire.json import dumps

__all__ = ["encode_data", "frame", "obfuscation"]

BLOCK = 16  # len(delta) + len(obfuscation) is a multiple of this


def encode_data(event_type: str, fields: Mapping[str, object]) -> bytes:
    """The JSON of one event: `type` first, the rest alphabetical, as 2026 recordings have it."""
    return dumps({"type": event_type, **{key: fields[key] for key in sorted(fields)}})


def frame(event_type: str, data: bytes) -> bytes:
    """One server-sent event: `event:` and `data:` lines and a blank one; nothing else is ever sent."""
    return b"event: %b\ndata: %b\n\n" % (event_type.encode(), data)


def obfuscation(delta: str, sequence_number: int) -> str:
    """Padding that hides a delta's length, derived from what it stands beside."""
    length = -len(delta) % BLOCK
    return text_of_length(b"%d:%b" % (sequence_number, delta.encode()[:64]), length) if length else ""
