"""A 64-bit name for a value, the same in every process: cheap to store, cheap to compare."""

from __future__ import annotations

from hashlib import blake2b


def fingerprint(value: object) -> int:
    """Signed 64-bit hash of the value's repr; two different values agree with odds of 1 in 2^64."""
    return int.from_bytes(blake2b(repr(value).encode(), digest_size=8).digest(), "big", signed=True)
