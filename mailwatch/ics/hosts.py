"""Which addresses a host name stands for, and whether these belong to the public internet.

What was looked up is what is connected to: a name that answers differently a second time (DNS rebinding) gains nothing.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence

from mailwatch.ics.wording import unavailable, unreadable

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address in its last 32 bits


async def resolve(host: str, port: int, *, allow_private: bool) -> Sequence[IPAddress]:
    """The addresses of a host. Raises CalendarUnreadable if one of them isn't public, and that isn't allowed."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise unavailable("unreachable", host=host) from None
    addresses = list(dict.fromkeys(ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found))
    if not allow_private and not all(map(is_public, addresses)):
        raise unreadable("private_address", host=host)
    return addresses


def is_public(address: IPAddress) -> bool:
    """Whether it is of the public internet, and so is the IPv4 address that an IPv6 address may stand for."""
    inner = _embedded(address)
    if inner is not None:
        return is_public(inner)
    return address.is_global and not address.is_multicast


def _embedded(address: IPAddress) -> ipaddress.IPv4Address | None:
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
