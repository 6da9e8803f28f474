"""What people know of codes: the book that is trusted, and what the table of coupons has to say beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from clm.domain.instant import HOUR_MS
from clm.domain.message import ENDS
from clm.domain.offer import Offer

TURNED_MS = 2 * HOUR_MS
"""Two clocks that were turned show times that are apart by so much at most."""
CODES = (
    "SELECT p.code, p.pooled, c.external_id, p.issued_at, p.expires_at, p.closed_at, p.uses, m.status FROM coupons p"
    " LEFT JOIN contacts c ON c.id = p.contact_id LEFT JOIN messages m ON m.id = p.message_id ORDER BY p.id"
)
REDEMPTIONS = (
    "SELECT p.code, o.external_id FROM redemptions r JOIN coupons p ON p.id = r.coupon_id"
    " LEFT JOIN orders o ON o.id = r.order_id"
)


class Told(NamedTuple):
    """What a letter says of a code."""

    code: str
    until: int


class Letter(NamedTuple):
    """One that says a code, as its reader has it."""

    contact: str
    told: Told
    at: int
    """The business time of sending."""


@dataclass(slots=True)
class CodeBook:
    """Which codes there are, who was told which, and what was ordered with them."""

    offers: dict[str, Offer]
    pooled: dict[str, None] = field(default_factory=dict)
    """Those that the shop has brought, oldest first."""
    letters: dict[str, Letter] = field(default_factory=dict)
    """By code, the latest that says it."""
    latest: dict[tuple[str, str], Letter] = field(default_factory=dict)
    """By contact and offer, the latest letter that came."""
    orders: dict[str, set[str]] = field(default_factory=dict)
    """By code, the orders that it was entered for."""
    filled_for_good_at: int | None = None
    """When the pool was filled with more than anybody needs."""

    def offer_of(self, code: str) -> Offer:
        """Which offer a code is of."""
        return self.offers["tin" if code in self.pooled else "spring"]

    def name(self, code: str) -> str:
        """A name of a code that is the same each time the story is told; some are made by lot."""
        return code if code in self.pooled else f"SPRING-{list(self.letters).index(code)}"

    def may_be_used(self, code: str) -> bool:
        """Whether the shop takes it once more."""
        return len(self.orders.get(code, ())) < self.offer_of(code).uses

    def use(self, code: str, orders: set[str]) -> None:
        """It was entered for orders."""
        self.orders.setdefault(code, set()).update(orders)

    def spent(self) -> frozenset[str]:
        """The codes that no order can be placed with any more."""
        return frozenset(code for code in self.orders if not self.may_be_used(code))

    def lying_about(self) -> list[str]:
        """Codes of the pool that nobody was told of and nobody has used."""
        return [code for code in self.pooled if code not in self.letters and code not in self.orders]

    def come(self, letter: Letter, offer: str, *, turned: bool) -> Iterator[str]:
        """A letter with a code has come to its reader; says what is wrong with it."""
        code = letter.told.code
        before, mine = self.letters.get(code), self.latest.get((letter.contact, offer))
        if before is not None and before.contact != letter.contact:
            yield f"says the code that {before.contact} was told"
        if mine is not None and mine.told.code != code and self._holds(mine.told, letter.at, turned=turned):
            yield "says another code than they were told before, which still holds"
        self.letters[code] = self.latest[letter.contact, offer] = letter

    def _holds(self, told: Told, at: int, *, turned: bool) -> bool:
        return told.until > at + TURNED_MS * turned and told.code not in self.spent()


def letter_faults(told: Told | None, offer: str | None, book: CodeBook, spent: frozenset[str]) -> Iterator[str]:
    """What is wrong with the code in a letter that is handed over; `spent` is what its dispatcher could know of."""
    if offer is None:
        return
    if told is None:
        yield f"is to give a code of offer {offer} and has none"
        return
    if (told.code in book.pooled) != book.offers[offer].pooled:
        yield f"gives a code that is none of offer {offer}"
    if told.code in spent:
        yield "gives a code that had been used up before"


class Coupon(NamedTuple):
    """A code as clm's table shows it, with the status of the message that it is of."""

    code: str
    pooled: bool
    contact: str | None
    issued_at: int | None
    expires_at: int | None
    closed_at: int | None
    uses: int
    status: str | None


def code_faults(
    coupons: Sequence[Coupon], redemptions: Sequence[tuple[str, str | None]], book: CodeBook
) -> Iterator[str]:
    """Where the table of coupons says something else than what came about."""
    used: dict[str, set[str | None]] = {}
    for code, order in redemptions:
        used.setdefault(code, set()).add(order)
    if sum(len(orders) for orders in used.values()) != len(redemptions):
        yield "an order counts twice for one code"
    if {code: set(orders) for code, orders in book.orders.items()} != used:
        yield f"orders say the codes {book.orders}, and redeemed are {used}"
    pool = sorted(one.code for one in coupons if one.pooled)
    if pool != sorted(book.pooled):
        yield f"the pool was brought {len(book.pooled)} codes, and has {len(pool)}: {pool}"
    known = {one.code: one for one in coupons}
    for code, letter in book.letters.items():
        one = known.get(code)
        if one is None or one.contact != letter.contact or (one.issued_at is None and one.closed_at is None):
            yield f"{letter.contact} was told {code}, which is not theirs: {one}"
    for one in coupons:
        yield from (f"code {one.code} {fault}" for fault in _standing(one, len(used.get(one.code, ()))))


def _standing(one: Coupon, orders: int) -> Iterator[str]:
    """Whether a code stands, is held and is closed as it should be."""
    if orders > one.uses:
        yield f"is good for {one.uses} orders, and was used for {orders}"
    if one.closed_at is None:
        if orders >= one.uses:
            yield "is used up, and not closed"
        if one.contact is not None and one.issued_at is None and one.status in ENDS:
            yield f"is held for a message that is {one.status}"
        return
    run_out = one.expires_at is not None and one.closed_at >= one.expires_at
    taken_by_somebody_else = orders and one.issued_at is None
    if not (orders >= one.uses or run_out or taken_by_somebody_else):
        yield f"is closed after {orders} orders, before it has run out"
