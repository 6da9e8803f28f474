"""The name by which a provider knows one of our messages: its number, sealed with a key of this database.

The seal keeps the messages of two databases that share one account at a provider apart (a staging copy's number 42 is
not ours), and lets nobody who has seen one reference make up another.
"""

from __future__ import annotations

import hmac
import re

_SEAL_CHARACTERS = 12  # 48 bits: one guess in 280 million million is right
_REFERENCE = re.compile(rf"m(\d{{1,18}})-([0-9a-f]{{{_SEAL_CHARACTERS}}})")


def reference(message_id: int, key: str) -> str:
    """The reference of a message, `m42-0123456789ab`."""
    return f"m{message_id}-{_seal(message_id, key)}"


def message_of(given: str, key: str) -> int | None:
    """The number of the message that a reference names; None where it was not made with this key."""
    match = _REFERENCE.fullmatch(given)
    if match is None or not hmac.compare_digest(match[2], _seal(int(match[1]), key)):
        return None
    return int(match[1])


def _seal(message_id: int, key: str) -> str:
    return hmac.digest(key.encode(), str(message_id).encode(), "sha256").hex()[:_SEAL_CHARACTERS]
