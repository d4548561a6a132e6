"""Sealed texts: what `encrypted_content` carries. Opaque to clients, readable and checkable by the server that made them.

A text looks like the real one's (`gAAAAA…`, URL-safe base64). The same content under the same key is the same text, so that
nothing differs between runs. It keeps honest clients honest; it is not meant to keep a secret from anybody.
"""

import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from hashlib import blake2b, shake_256

__all__ = ["SEAL_PREFIX", "is_sealed_with", "seal", "unseal"]

SEAL_PREFIX = "gAAAAA"
"""How real encrypted contents begin."""

_VERSION = bytes.fromhex("800000000001")
_MAC_BYTES = 16
_MOST_BYTES = 20_971_520  # characters of an encrypted content (WIRE.md §1a "Bounds")
_MOST_CONTENT = 16_777_216  # bytes, unpacked


def seal(key: bytes, content: bytes, pad_to: int = 0) -> str:
    """The content as opaque text, at least `pad_to` characters long."""
    packed = zlib.compress(content, 1)
    body = len(packed).to_bytes(4, "big") + packed
    body += bytes(max(0, pad_to * 3 // 4 - len(body) - len(_VERSION) - _MAC_BYTES))
    mac = blake2b(body, key=key, digest_size=_MAC_BYTES).digest()
    return urlsafe_b64encode(_VERSION + mac + _masked(key, mac, body)).decode()


def unseal(key: bytes, text: str) -> bytes | None:
    """The content of a text that was sealed with this key; None if it was not, or if it was changed."""
    if len(text) > _MOST_BYTES:
        return None
    try:
        raw = urlsafe_b64decode(text.encode("ascii"))
    except (Error, ValueError):
        return None
    if urlsafe_b64encode(raw).decode() != text:  # decoding overlooks characters that are not in the alphabet
        return None
    head = len(_VERSION)
    mac, masked = raw[head : head + _MAC_BYTES], raw[head + _MAC_BYTES :]
    if raw[:head] != _VERSION or len(mac) < _MAC_BYTES:
        return None
    body = _masked(key, mac, masked)
    if blake2b(body, key=key, digest_size=_MAC_BYTES).digest() != mac:
        return None
    length = int.from_bytes(body[:4], "big")
    return zlib.decompressobj().decompress(body[4 : 4 + length], _MOST_CONTENT)


def is_sealed_with(key: bytes, text: str) -> bool:
    """Whether a text was sealed with this key and not changed since."""
    return unseal(key, text) is not None


def _masked(key: bytes, mac: bytes, body: bytes) -> bytes:
    """The body and a stream of bytes, exclusive-or: done twice it is the body again."""
    stream = shake_256(key + mac).digest(len(body))
    return (int.from_bytes(body, "big") ^ int.from_bytes(stream, "big")).to_bytes(len(body), "big")
