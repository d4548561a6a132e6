"""Where the mock may post to: only URLs that a person means, and no host but this one unless the settings list it.

A mock server that posts to any URL it is given would let whoever can reach it reach everything else on its network.
"""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from socket import inet_aton
from urllib.parse import urlsplit

__all__ = ["MAX_URL", "Hosts", "check_url"]

MAX_URL = 2_048
"""Longest URL, in characters."""

_Address = IPv4Address | IPv6Address
_METADATA = frozenset((ip_address("100.100.100.200"), ip_address("fd00:ec2::254")))
"""Where clouds answer with credentials, beyond the link-local ranges."""

_NAT64 = IPv6Network("64:ff9b::/96")


def check_url(url: str) -> str:
    """The host of an http or https URL; ValueError that says what is wrong with it."""
    if len(url) > MAX_URL:
        raise ValueError(f"the URL has over {MAX_URL} characters")
    if re.search(r"[\\\x00-\x20\x7f]", url):
        raise ValueError("a URL has no spaces, control characters or backslashes")
    try:
        parts = urlsplit(url)
        host = parts.hostname
        parts.port  # noqa: B018 - read for its check
    except ValueError as error:
        raise ValueError(f"this is no URL: {error}") from None
    if parts.scheme not in ("http", "https"):
        raise ValueError(f"the URL must begin with http:// or https://, not {parts.scheme or 'nothing'}")
    if "@" in parts.netloc:
        raise ValueError("the URL must not carry a user name or password")
    if not host:
        raise ValueError("the URL names no host")
    return host


class Hosts:
    """Which hosts may be posted to: loopback, and those listed (globs, `*` for any).

    Link-local and metadata addresses are refused even then, unless they are listed letter by letter.
    """

    def __init__(self, listed: Sequence[str]) -> None:
        self._listed = tuple(each.lower().strip("[]") if ":" in each else each.lower() for each in listed)

    def refusal(self, host: str, resolved: Sequence[str] = ()) -> str | None:
        """Why a host is refused, as written and, where known, by what its name resolves to; None if it is not."""
        name = host.lower().strip("[]").rstrip(".")
        if name in self._listed:
            return None
        addresses = [address for each in (name, *resolved) if (address := _address(each)) is not None]
        for address in addresses:
            if _is_forbidden(address) and str(address) not in self._listed:
                return f"{host} is a link-local or metadata address: list it literally with --webhook-hosts if you mean it"
        if any(fnmatchcase(name, glob) for glob in self._listed) or any(str(address) in self._listed for address in addresses):
            return None
        is_local = name == "localhost" or name.endswith(".localhost") or _address(name) is not None
        if is_local and all(_is_loopback(address) for address in addresses):
            return None
        return f"{host} is not this machine: list it with --webhook-hosts (globs, * for any)"


def _address(text: str) -> _Address | None:
    """An IP address, also in the odd forms that resolvers take (2130706433, 0x7f.1) and without its zone."""
    try:
        address: _Address = ip_address(text.partition("%")[0])
    except ValueError:
        if not re.fullmatch(r"[0-9a-fx]+(\.[0-9a-fx]+){0,3}", text):
            return None
        try:
            return IPv4Address(inet_aton(text))
        except OSError:
            return None
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        return inner or address
    return address


def _is_forbidden(address: _Address) -> bool:
    return address.is_link_local or address in _METADATA


def _is_loopback(address: _Address) -> bool:
    return address.is_loopback
