"""Brings codes that a shop has made into the pool of an offer: good ones go in, the others are told by their line.

Messages that were put off for want of a code go on, as many as there are new ones.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from clm.domain.offer import CODE_CHARACTERS_MAX, canonical, is_code
from clm.engine.coupons import no_code
from clm.errors import ClmError
from clm.store import alerts, coupons, withheld
from clm.store.database import Database

BATCH_LINES = 5_000
"""Per transaction, so that nobody waits long for the write lock."""
LINES_MAX = 2_000_000
_HEADERS = frozenset(
    ("CODE", "CODES", "COUPON", "COUPONS", "COUPONCODE", "COUPON_CODE", "DISCOUNTCODE", "DISCOUNT_CODE")
) | frozenset(
    ("VOUCHER", "VOUCHERS", "VOUCHERCODE", "VOUCHER_CODE", "PROMOCODE", "PROMO_CODE", "GUTSCHEIN", "GUTSCHEINCODE")
)
_APART = re.compile(r"[,;\t]")
_SHOWN_CHARACTERS = 60


class Refused(NamedTuple):
    """A line that is no new code, and why."""

    line: int
    code: str
    reason: str


@dataclass(slots=True)
class Added:
    """What became of the lines of a file; blank ones and a header are not counted."""

    new: int = 0
    known: int = 0
    """Were in the pool before, or had been given out of it."""
    brought_forward: int = 0
    """Messages that waited for a code, and go on now."""
    refused: list[Refused] = field(default_factory=list)


def add_codes(
    database: Database, offer: str, lines: Iterable[bytes], *, now: int, progress: Callable[[int], None]
) -> Added:
    """Add the code of each line, its first column where it has several; told again, a file changes nothing.

    `progress` is told how many bytes were read. Raises ClmError for a file that is no text, or longer than LINES_MAX.
    """
    added = Added()
    seen: dict[str, int] = {}
    waiting: dict[str, int] = {}
    read = 0
    for number, line in enumerate(lines, start=1):
        if number > LINES_MAX:
            raise ClmError(f"line {number:,}: a file may hold {LINES_MAX:,} codes; split it")
        read += len(line)
        code = _code(number, line, seen, added.refused)
        if code is not None:
            waiting[code] = seen[code] = number
        if len(waiting) == BATCH_LINES:
            _store(database, offer, waiting, added, now=now)
            waiting.clear()
            progress(read)
    if waiting:
        _store(database, offer, waiting, added, now=now)
    progress(read)
    added.refused.sort()
    return added


def _code(number: int, line: bytes, seen: dict[str, int], refused: list[Refused]) -> str | None:
    """The code of a line; None where there is none, and it is told why where that is a fault."""
    if number == 1 and line.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ClmError("the file is UTF-16; save it as UTF-8, one code a line")
    try:
        written = _APART.split(line.decode("utf-8-sig"), maxsplit=1)[0].strip().strip('"').strip()
    except UnicodeDecodeError:
        refused.append(Refused(number, "", "is not UTF-8 text; save the file as UTF-8"))
        return None
    code = canonical(written)
    if not code or (number == 1 and code in _HEADERS):
        return None
    if not is_code(code):
        rule = f"a code has 3 to {CODE_CHARACTERS_MAX} letters A to Z, digits, hyphens and underscores"
        refused.append(Refused(number, written[:_SHOWN_CHARACTERS], rule))
        return None
    if code in seen:
        refused.append(Refused(number, code, f"stands in line {seen[code]:,} already"))
        return None
    return code


def _store(database: Database, offer: str, codes: dict[str, int], added: Added, *, now: int) -> None:
    with database.write() as tx:
        coupons.hold_pool(tx, offer)
        before = coupons.offers_of(tx, codes)
        new = coupons.add(tx, offer, [code for code in codes if code not in before], now=now)
        forward = withheld.bring_forward(tx, no_code(offer), now=now, limit=new) if new else 0
        if new:
            alerts.over(tx, "no_code", offer)
    added.new += new
    added.brought_forward += forward
    added.known += sum(of == offer for of in before.values())
    added.refused += [
        Refused(codes[code], code, f"is a code of offer `{of}`; one code cannot be of two")
        for code, of in before.items()
        if of != offer
    ]
