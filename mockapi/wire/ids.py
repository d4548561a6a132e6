"""Ids in the real API's scheme, derived instead of drawn (WIRE.md §3, DESIGN.md "Determinism").

`<prefix>_` + 16 hex partition + 2 hex flag + 8 hex unix seconds + 24 hex. Flag `00` is stored, `01` is `store: false`.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from struct import Struct

__all__ = [
    "ORGANIZATION",
    "Derivation",
    "alnum",
    "chance",
    "digest",
    "digest_within",
    "is_id",
    "partition_among",
    "partition_of",
    "project_id_of",
    "request_id_of",
    "stem_of",
    "text_of_length",
    "thread_id",
]

_LENGTH = Struct(">Q").pack
_ALNUM = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ORGANIZATION = "org-mock"
"""The organization of callers that name none."""

_TO_ALNUM = bytes(_ALNUM[byte % 62] for byte in range(256))


def digest(key: bytes, *parts: bytes, size: int = 32) -> bytes:
    """A keyed hash of the parts; parts are length-prefixed, so ("a", "bc") and ("ab", "c") differ."""
    framed = b""
    for part in parts:
        framed += _LENGTH(len(part)) + part
    return (blake2b(framed, key=key[:64], digest_size=size) if key else blake2b(framed, digest_size=size)).digest()


def digest_within(key: bytes, place: str, content: bytes, number: int) -> bytes:
    """`digest(key, place, content, number)`, of which key and place are hashed once for all that is of one place."""
    told, state = b"%d" % number, _begun(key, place).copy()
    state.update(_LENGTH(len(content)) + content + _LENGTH(len(told)) + told)
    return state.digest()


@lru_cache(maxsize=1024)
def _begun(key: bytes, place: str) -> blake2b:
    first = place.encode()
    return blake2b(_LENGTH(len(first)) + first, key=key[:64], digest_size=32)


def alnum(data: bytes) -> str:
    """Bytes as `[0-9A-Za-z]`, one character a byte."""
    return data.translate(_TO_ALNUM).decode("ascii")


def text_of_length(seed: bytes, length: int) -> str:
    """Derived `[0-9A-Za-z]` text of any length: obfuscation, opaque content."""
    blocks = (length + 63) // 64
    return alnum(b"".join(blake2b(seed, salt=block.to_bytes(8, "big")).digest() for block in range(blocks)))[:length]


def request_id_of(identity: bytes) -> str:
    """`req_` and 32 hex digits (ERRORS.md §11), from the digest of a call."""
    return f"req_{identity.hex()[:32]}"


def project_id_of(key: str) -> str:
    """The id of the project that an API key belongs to, as answers tell it."""
    return f"proj_{alnum(digest(b'project', key.encode(), size=24))}"


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


def stem_of(any_id: str) -> str:
    """What the ids of one response have in common: partition, flag and seconds, behind the prefix."""
    return any_id.partition("_")[2][:26]


def partition_among(items: Iterable[Mapping[str, object]]) -> str | None:
    """What a client that replays its history goes on with: the partition of the first item whose id has one."""
    given = (partition_of(item_id) for item in items if isinstance(item_id := item.get("id"), str))
    return next((partition for partition in given if partition is not None), None)


class Derivation:
    """All ids of one response follow from its digest: nothing is drawn, so nothing differs between runs."""

    __slots__ = ("_digest", "_tails", "stem")

    def __init__(self, digest: bytes, *, is_stored: bool, seconds: int, partition: str | None = None) -> None:
        self._digest = digest
        flag = "00" if is_stored else "01"
        self.stem = f"{partition or digest[:8].hex()}{flag}{seconds & 0xFFFFFFFF:08x}"
        self._tails = blake2b(digest, digest_size=_TAILS * 12).hexdigest()

    def input_ids(self, prefixes: Sequence[str]) -> list[str]:
        """Ids of the items that the request brought."""
        blocks = range((len(prefixes) + 4) // 5)
        tails = "".join([blake2b(self._digest, salt=b"input %08d" % n, digest_size=60).hexdigest() for n in blocks])
        return [f"{prefix}_{self.stem}{tails[n * 24 : n * 24 + 24]}" for n, prefix in enumerate(prefixes)]

    def output_ids(self, prefixes: Sequence[str]) -> list[str]:
        """Ids of what the response itself brings, by their prefixes: ordinals from 1 on."""
        if len(prefixes) == 1 and prefixes[0] != "call":  # most have one item
            return [f"{prefixes[0]}_{self.stem}{self._tails[24:48]}"]
        return [self.id(prefix, ordinal) for ordinal, prefix in enumerate(prefixes, 1)]

    def id(self, prefix: str, ordinal: int) -> str:
        """The ordinal-th id; ordinal 0 is the response itself. `call` ids have 24 alphanumerics instead."""
        if prefix == "call":
            return "call_" + alnum(blake2b(self._digest, digest_size=24, salt=b"%016d" % ordinal).digest())
        if ordinal < _TAILS:  # the first few are cut from one hash
            return f"{prefix}_{self.stem}{self._tails[ordinal * 24 : ordinal * 24 + 24]}"
        return f"{prefix}_{self.stem}{blake2b(self._digest, digest_size=12, salt=b'%016d' % ordinal).hexdigest()}"


_TAILS = 5


def thread_id(prefix: str, digest: bytes, ordinal: int, seconds: int, partition: str) -> str:
    """An id as the Conversations API makes them: the partition stands at the end (WIRE.md §3)."""
    tail = blake2b(digest, digest_size=12, salt=b"thread%010d" % ordinal).hexdigest()
    return f"{prefix}_{seconds & 0xFFFFFFFF:08x}{tail}{partition}"
