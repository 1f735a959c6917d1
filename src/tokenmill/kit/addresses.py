"""Finds out where a host is, and refuses places that strangers must not make us speak to."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[list[str]]]
"""All addresses of a host. Raises OSError for one that is not there."""


class Forbidden(Exception):
    """A host that is not to be spoken to, or not there; the reason holds no address."""


_NAT64: Final = ip_network("64:ff9b::/96")
_COMPATIBLE: Final = ip_network("::/96")
"""IPv6 addresses that once stood for the IPv4 ones in their last 32 bits."""
_REFUSED: Final = frozenset({ip_address("168.63.129.16")})
"""Public by its number, and yet the inside of a cloud: Azure's own services answer there."""


async def system_addresses(host: str, port: int) -> list[str]:
    """What the system's resolver says."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(place[0]) for *_, place in found]


def is_public(address: Address) -> bool:
    """May anybody make us speak to it? An address that stands for another is judged by that one."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address.teredo is not None:
            return False
        if inner is None and (address in _NAT64 or address in _COMPATIBLE):
            inner = IPv4Address(int(address) & 0xFFFF_FFFF)
        if inner is not None:
            return is_public(inner)
    return address.is_global and not address.is_multicast and address not in _REFUSED


async def checked_addresses(
    resolve: Resolve, host: str, port: int, *, loopback: bool, allowed: Callable[[Address], bool] = is_public
) -> list[str]:
    """The addresses of the host, all of them `allowed`; who connects to these has not asked a name again.

    `loopback` allows this machine itself as well. Raises Forbidden.
    """
    try:
        found = [ip_address(text.partition("%")[0]) for text in await resolve(host, port)]
    except (OSError, UnicodeError):
        raise Forbidden("its host has no address") from None
    if not found:
        raise Forbidden("its host has no address")
    if all(allowed(address) or (loopback and address.is_loopback) for address in found):
        return [str(address) for address in found]
    raise Forbidden("its host is not a public address")
