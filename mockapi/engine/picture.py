"""A tiny picture, made of nothing but a hash: what an image generation shows when no picture is scripted."""

import zlib
from base64 import b64encode
from hashlib import blake2b

__all__ = ["tiny_picture"]

_SIDE = 8  # pixels


def tiny_picture(words: str) -> str:
    """A PNG of 8 by 8 pixels in base64; other words, other colours."""
    row = _SIDE * 3
    colours = b"".join(blake2b(words.encode(), salt=bytes([line]) * 8, digest_size=row).digest() for line in range(_SIDE))
    lines = b"".join(b"\0" + colours[start : start + row] for start in range(0, len(colours), row))
    size = _SIDE.to_bytes(4, "big")
    header = _chunk(b"IHDR", size + size + bytes([8, 2, 0, 0, 0]))  # eight bits of red, green and blue
    # Level 0: what zlib compresses differs between its versions, what it stores does not.
    return b64encode(b"\x89PNG\r\n\x1a\n" + header + _chunk(b"IDAT", zlib.compress(lines, 0)) + _chunk(b"IEND", b"")).decode()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
