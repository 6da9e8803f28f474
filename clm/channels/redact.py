"""Words of a provider as we may keep them: providers like to repeat the address they complain about."""

from __future__ import annotations

import re

_ADDRESS = re.compile(r"[^\s<>\"'(),;:]+@[^\s<>\"'(),;]+")
_NUMBER = re.compile(r"\+?\d(?:[\s().-]?\d){6,}")
_LINK = re.compile(r"https?://[^\s<>\"']+", re.IGNORECASE)
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
CHARACTERS_MAX = 500


def redacted(text: str, *, at_most: int = CHARACTERS_MAX) -> str:
    """`text` on one line, without e-mail addresses, telephone numbers and links, cut at `at_most` characters."""
    text = _UNPRINTABLE.sub(" ", text[: at_most * 4])
    text = _NUMBER.sub("…", _ADDRESS.sub("…", _LINK.sub("…", text)))
    return " ".join(text.split())[:at_most]
