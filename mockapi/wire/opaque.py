"""Made-up opaque texts: encrypted contents and fingerprints that nobody scripted; they look like the real ones (WIRE.md §4).

They are sealed with a key that every server knows, so that whoever brings one back is believed.
"""

from mockapi.wire.ids import text_of_length
from mockapi.wire.seal import is_sealed_with, seal

__all__ = ["is_opaque", "opaque", "opaque_at_first"]

_PREFIX = "gAAAAAB"
_MADE_UP = b"made up"
_LONGEST_AT_FIRST = 1_548  # characters of a recorded compaction item when it is added


def opaque(secret: bytes, length: int) -> str:
    """A text of about so many characters, derived from what it hides."""
    return seal(_MADE_UP, secret[:64], length)


def is_opaque(text: str) -> bool:
    """Whether a text was made up here."""
    return is_sealed_with(_MADE_UP, text)


def opaque_at_first(text: str) -> str:
    """What an opaque text is when its item is added: another one, shorter than at its end, as recorded."""
    return _PREFIX + text_of_length(text.encode()[:64], max(32, min(_LONGEST_AT_FIRST - len(_PREFIX), len(text) * 3 // 4)))
