"""A shop's order export of any size, the same one every time."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from clm.domain.instant import DAY_MS, iso

COLUMNS: Final = ("order_id", "contact", "ordered_at", "amount", "kind", "cancels", "country", "email", "email_consent")
END_MS: Final = 1_290_470_400_000
"""2010-11-23 00:00 UTC: the shop's last moment, and the `now` of the benchmarks."""

_SPAN_MS: Final = 730 * DAY_MS
_COUNTRIES: Final = ("GB", "United Kingdom", "EIRE", "Germany", "FR", "Iran", "Unspecified", "US")
_CANCELLED_EVERY: Final = 50
_BAD_EVERY: Final = 1_000
_MIX: Final = 0x9E3779B97F4A7C15


def mixed(number: int) -> int:
    """A number that looks random and is always the same: the finaliser of SplitMix64."""
    number = (number * _MIX) & 0xFFFF_FFFF_FFFF_FFFF
    number = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFF_FFFF_FFFF_FFFF
    return number ^ (number >> 31)


def write_orders(path: Path, *, contacts: int, rows: int) -> Iterator[int]:
    """Write `rows` orders of `contacts` people in order of time, as a shop would; yields the rows written so far.

    Everybody orders about as often as everybody else and nobody twice in a row, so that hardly any batch holds two
    orders of one contact: the hardest case for keeping profiles. Every fiftieth row takes an earlier order back, every
    thousandth cannot be used.
    """
    step = max(_SPAN_MS // rows, 1)
    with path.open("w", encoding="utf-8", newline="") as file:
        write = csv.writer(file).writerow
        write(COLUMNS)
        for row in range(rows):
            chance = mixed(row)
            contact, amount = chance % contacts, 500 + (chance >> 32) % 20_000
            kind, cancels = "order", ""
            if row % _CANCELLED_EVERY == _CANCELLED_EVERY - 1:
                earlier = row - 1 - (chance >> 20) % min(row, 40)
                kind, cancels, contact = "cancellation", f"O{earlier:09d}", mixed(earlier) % contacts
            at = iso(END_MS - _SPAN_MS + row * step)
            shown = "many" if row % _BAD_EVERY == _BAD_EVERY // 2 else f"{amount / 100:.2f}"
            country = _COUNTRIES[contact % len(_COUNTRIES)]
            write((f"O{row:09d}", contact, at, shown, kind, cancels, country, f"c{contact}@example.com", "yes"))
            if row % 10_000 == 0:
                yield row
