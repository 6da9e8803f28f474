"""The text of a template as it was written: which line something stands in, and leaving something out of it."""

from __future__ import annotations

import re


def line_at(text: str, position: int) -> int:
    """The line of a text that a position is in, the first being 1."""
    return text.count("\n", 0, position) + 1


def blank(found: re.Match[str]) -> str:
    """The ends of lines alone of what was found, so that what follows keeps its line."""
    return "\n" * found[0].count("\n")
