"""Lines of plain text that keep their direction where nothing but their letters tells it.

Mail programs and telephones lay out each line of plain text by its first letter (Unicode Standard Annex 9, rules P2 and
P3). A Persian line that begins with a product's Latin name would run from left to right.
"""

from __future__ import annotations

import re

RIGHT_TO_LEFT_MARK = "\u200f"

_RIGHT = (
    "\u0590-\u05ff\u0608\u060b\u060d\u061b-\u064a\u066d-\u066f\u0671-\u06d5\u06e5\u06e6\u06ee\u06ef\u06fa-\u08ff"
    "\u200f\ufb1d-\ufdff\ufe70-\ufefc"
)
"""Letters alone: digits of Persian and Arabic, and their commas, tell no direction."""
_LEFT = "A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02b8\u0370-\u058f\u0900-\u1fff\u200e\u2c00-\ud7ff"
"""And the mark with which Persian amounts of money begin."""
_BEFORE = rf"[^{_LEFT}{_RIGHT}\n]*"
_BEGINS_LEFT = re.compile(rf"^(?={_BEFORE}[{_LEFT}])(?!{_BEFORE}https?://\S*[ \t]*$)", re.MULTILINE)
"""The beginning of a line whose first letter is written left to right; an address that stands alone is left alone."""


def keep_right_to_left(text: str) -> str:
    """`text` with a mark before each line that would otherwise be laid out from left to right."""
    return _BEGINS_LEFT.sub(RIGHT_TO_LEFT_MARK, text)
