"""How many segments an SMS takes, and what it costs: networks bill each segment (3GPP TS 23.038 and 23.040).

A text of the GSM alphabet alone takes 7 bits a character: 160 in one segment, 153 where there are several, because each
then carries a header. One character beyond it, a curly quote or a `ç`, makes the whole text UCS-2: 70, or 67 a segment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Encoding = Literal["gsm7", "ucs2"]

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""One unit (septet) each."""
EXTENDED = frozenset("\f^{}\\[~]|€")
"""Two units each: an escape, and the character; a segment never ends between them."""

UNITS: Mapping[Encoding, tuple[int, int]] = {"gsm7": (160, 153), "ucs2": (70, 67)}
"""Units in a lone segment, and in each of several."""

DEFAULT_PRICE = "default"
_BEYOND_UTF16_UNIT = 0xFFFF


@dataclass(frozen=True, slots=True)
class Segments:
    """What a text takes on its way."""

    encoding: Encoding
    count: int
    units: int
    """Septets of GSM-7, or UTF-16 units of UCS-2."""


def segments(text: str) -> Segments:
    """The segments of a text; an empty one takes none."""
    characters = frozenset(text)
    if characters <= BASIC | EXTENDED:
        encoding: Encoding = "gsm7"
        sizes = [1 if character in BASIC else 2 for character in text]
    else:
        encoding = "ucs2"
        sizes = [2 if ord(character) > _BEYOND_UTF16_UNIT else 1 for character in text]
    units = sum(sizes)
    alone, of_several = UNITS[encoding]
    if units <= alone:
        return Segments(encoding, min(units, 1), units)
    count, room = 1, of_several
    for size in sizes:
        if size > room:  # nothing of two units is split; what is left of the segment stays empty
            count, room = count + 1, of_several
        room -= size
    return Segments(encoding, count, units)


def cost(taken: Segments, to: str, prices: Mapping[str, float]) -> float | None:
    """What it costs to send to a number, by the longest beginning of it that has a price; None where none has.

    `prices` are those of one segment, by beginnings such as `+44`, and `default` for all other numbers.
    """
    beginnings = [beginning for beginning in prices if beginning != DEFAULT_PRICE and to.startswith(beginning)]
    price = prices.get(max(beginnings, key=len, default=DEFAULT_PRICE))
    return None if price is None else taken.count * price
