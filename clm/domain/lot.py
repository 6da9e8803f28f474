"""Drawing lots: who is held out of a campaign, and which arm of a split somebody gets, the same way every time.

Each contact carries one number drawn from its source and external id. A campaign or split mixes it with a salt of its
own by a multiplication modulo a prime (Carter and Wegman, Universal classes of hash functions, 1979), which SQL can do
as well as Python: being held out of one campaign says nothing about being held out of another.
"""

from __future__ import annotations

from hashlib import blake2b

LOTS = 2**31 - 1
"""How many lots there are: a prime, small enough that a product of two fits 64 bits."""


def lot_of(source: str, external_id: str) -> int:
    """The contact's own lot, from 0 to LOTS - 1."""
    return _drawn(f"{source}\0{external_id}") % LOTS


def mixing(salt: str) -> tuple[int, int]:
    """Factor and summand by which `salt` mixes lots: `(factor * lot + summand) % LOTS` is the mixed lot."""
    drawn = _drawn(salt)
    return 1 + drawn % (LOTS - 1), drawn // LOTS % LOTS


def mixed(lot: int, salt: str) -> int:
    """The lot as `salt` mixes it, from 0 to LOTS - 1."""
    factor, summand = mixing(salt)
    return (factor * lot + summand) % LOTS


def below(share: float) -> int:
    """The limit under which a mixed lot lies for `share` (0 to 1) of all contacts."""
    return round(share * LOTS)


def _drawn(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
