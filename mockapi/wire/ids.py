"""Ids in the real API's scheme, derived instead of drawn (WIRE.md §3, DESIGN.md "Determinism").

`<prefix>_` + 16 hex partition + 2 hex flag + 8 hex unix seconds + 24 hex. Flag `00` is stored, `01` is `store: false`.
"""

from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

__all__ = ["Derivation", "alnum", "chance", "digest", "is_id", "partition_of", "text_of_length"]

_ALNUM = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_TO_ALNUM = bytes(_ALNUM[byte % 62] for byte in range(256))


def digest(key: bytes, *parts: bytes, size: int = 32) -> bytes:
    """A keyed hash of the parts; parts are length-prefixed, so ("a", "bc") and ("ab", "c") differ."""
    mac = blake2b(key=key[:64], digest_size=size)
    for part in parts:
        mac.update(len(part).to_bytes(8, "big"))
        mac.update(part)
    return mac.digest()


def alnum(data: bytes) -> str:
    """Bytes as `[0-9A-Za-z]`, one character a byte."""
    return data.translate(_TO_ALNUM).decode("ascii")


def text_of_length(seed: bytes, length: int) -> str:
    """Derived `[0-9A-Za-z]` text of any length: obfuscation, opaque content."""
    blocks = (length + 63) // 64
    return alnum(b"".join(blake2b(seed, salt=block.to_bytes(8, "big")).digest() for block in range(blocks)))[:length]


def chance(seed: bytes, *parts: bytes) -> float:
    """A number in [0, 1) decided by hash, never by `random`."""
    return int.from_bytes(digest(seed, *parts, size=8), "big") / 2**64


def is_id(value: str, prefix: str) -> bool:
    """Whether the id begins with `prefix` and an underscore."""
    return value.startswith(prefix + "_")


def partition_of(any_id: str) -> str | None:
    """The 16 hex digits that a chain shares: behind the prefix, or at the end of Conversations API ids."""
    tail = any_id.partition("_")[2]
    if len(tail) == 50:
        return tail[:16]
    if len(tail) == 48:
        return tail[-16:]
    return None


@dataclass(frozen=True)
class Derivation:
    """All ids of one response follow from its digest: nothing is drawn, so nothing differs between runs."""

    digest: bytes
    stored: bool
    seconds: int
    partition: str | None = None

    @cached_property
    def stem(self) -> str:
        """Partition, flag and seconds: what the ids of one response have in common."""
        partition = self.partition or self.digest[:8].hex()
        return f"{partition}{'00' if self.stored else '01'}{self.seconds & 0xFFFFFFFF:08x}"

    def id(self, prefix: str, ordinal: int) -> str:
        """The ordinal-th id; ordinal 0 is the response itself. `call` ids have 24 alphanumerics instead."""
        tail = blake2b(self.digest, digest_size=24, salt=ordinal.to_bytes(8, "big")).digest()
        if prefix == "call":
            return "call_" + alnum(tail)
        return f"{prefix}_{self.stem}{tail[:12].hex()}"
