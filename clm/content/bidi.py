"""Lines of plain text that keep their direction where nothing but their letters tells it.

Mail programs and telephones lay out each line of plain text by its first letter (Unicode Standard Annex 9, rules P2 and
P3). A Persian line that begins with a product's Latin name would run from left to right.
"""

from __future__ import annotations

import re

RIGHT_TO_LEFT_MARK = "\u200f"

_RIGHT = "\u0590-\u08ff\u200f\ufb1d-\ufdff\ufe70-\ufefc"
_LEFT = "A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02b8\u0370-\u058f\u0900-\u1fff\u2c00-\ud7ff"
_BEFORE = rf"[^{_LEFT}{_RIGHT}\n]*"
_BEGINS_LEFT = re.compile(rf"^(?={_BEFORE}[{_LEFT}])(?!{_BEFORE}https?://\S*[ \t]*$)", re.MULTILINE)
"""The beginning of a line whose first letter is written left to right; an address that stands alone is left alone."""


def keep_right_to_left(text: str) -> str:
    """`text` with a mark before each line that would otherwise be laid out from left to right."""
    return _BEGINS_LEFT.sub(RIGHT_TO_LEFT_MARK, text)
