"""Lets only so many sign-ups through from one place."""

from __future__ import annotations

import re
from collections import deque
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from starlette.requests import Request

ASKS_MAX = 5
ASKS_WITHIN_MS = 600_000
"""So many sign-ups from one address of the network in ten minutes; a household has fewer, a script has more."""
_NETWORKS_MAX = 10_000
_IPV6_PREFIX = 64
"""What one line has: all addresses of it are one place."""
_WITH_PORT = re.compile(r"\[([^\]]*)\](?::\d*)?|([\d.]+):\d*")
"""`[2001:db8::7]:443`, `198.51.100.7:4711`: some proxies name the port too."""


class Throttle:
    """Counts sign-ups by where they come from, in the memory of this process."""

    def __init__(self) -> None:
        self._at: dict[str, deque[int]] = {}

    def lets(self, where: str, now: int) -> bool:
        """Whether one more is let through, and counted."""
        times = self._at.setdefault(where, deque(maxlen=ASKS_MAX))
        if len(times) == ASKS_MAX and abs(now - times[0]) < ASKS_WITHIN_MS:  # a clock may have been put back
            return False
        times.append(now)
        if len(self._at) > _NETWORKS_MAX:  # whoever asked first is forgotten, so that this stays small
            del self._at[next(iter(self._at))]
        return True


def place_of(request: Request) -> str:
    """Where a request comes from: the peer; behind a proxy on this machine, whom the proxy names last.

    Only the last name is the proxy's own word, all before it are the client's.
    """
    peer = request.client.host if request.client else ""
    found = _address(peer)
    if found is None:
        return peer
    if found.is_loopback:
        named = ",".join(request.headers.getlist("x-forwarded-for"))  # some proxies add a line, and not to the line
        found = _address(named.rpartition(",")[2].strip()) or found
    return str(found) if found.version == 4 else str(ip_network((found.packed, _IPV6_PREFIX), strict=False))


def _address(name: str) -> IPv4Address | IPv6Address | None:
    match = _WITH_PORT.fullmatch(name)
    try:
        found = ip_address((match[1] or match[2]) if match else name)
    except ValueError:
        return None
    # `::ffff:198.51.100.7` is how a socket for both kinds names the older one.
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found
