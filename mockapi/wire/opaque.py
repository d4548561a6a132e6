"""Made-up opaque texts: encrypted contents and fingerprints that nobody scripted; they look like the real ones (WIRE.md §4)."""

from mockapi.wire.ids import text_of_length

__all__ = ["opaque", "opaque_at_first"]

_PREFIX = "gAAAAAB"
_LONGEST_AT_FIRST = 1_548  # characters of a recorded compaction item when it is added


def opaque(secret: bytes, length: int) -> str:
    """A text of so many characters and a prefix, derived from what it hides."""
    return _PREFIX + text_of_length(secret[:64], length)


def opaque_at_first(text: str) -> str:
    """What an opaque text is when its item is added: another one, shorter than at its end, as recorded."""
    return opaque(text.encode(), max(32, min(_LONGEST_AT_FIRST - len(_PREFIX), len(text) * 3 // 4)))
