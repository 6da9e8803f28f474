"""Which orders a coupon was used for is told by the shop's orders, once, and is an event of whoever was given it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from clm.domain.instant import DAY_MS
from clm.domain.record import ContactRecord, OrderRecord
from clm.store import addressees
from clm.store import alerts as told
from clm.store import coupons as stored
from clm.store.coupons import Holder, Terms
from clm.store.database import Database
from clm.store.redemptions import Redemption, record
from clm.store.schema import alerts, contacts, coupons, enrolments, events, messages, orders, redemptions
from tests.engine.shop import NOW, Shop, order

LATER = NOW + 2 * DAY_MS


def placed(external_id: str, contact: str, coupon: str, **changes: Any) -> OrderRecord:
    """An order with a code, as the checkout took it."""
    return order(external_id, contact, at=LATER, **changes)._replace(coupon=coupon)


class Giver:
    """Somebody who has given codes."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.shop = Shop(database)

    def give(
        self, code: str, contact: str = "ada", *, offer: str = "spring", issued: bool = True, **terms: Any
    ) -> None:
        """A code that the contact was given at NOW, or that is held for them."""
        self.shop.tell(ContactRecord(contact, email=f"{contact}@example.com"))
        with self.database.write() as tx:
            who = tx.scalars(select(contacts.c.id).where(contacts.c.external_id == contact)).one()
            entered = enrolments.insert().values(
                campaign="nudge", version="1", contact_id=who, trigger_key=code, entered_at=NOW, status="completed",
                position=1, next_due_at=NOW,
            ).returning(enrolments.c.id)  # fmt: skip
            sent = messages.insert().values(
                enrolment_id=tx.scalar(entered), contact_id=who, campaign="nudge", step="hello", channel="email",
                purpose="marketing", queue_rank=50, status="sent", due_at=NOW, expires_at=NOW, created_at=NOW,
                attempts=1,
            ).returning(messages.c.id)  # fmt: skip
            message = int(tx.scalar(sent) or 0)
            stored.make(
                tx, offer, {code: Holder(who, message)}, Terms(**({"uses": 1, "for_friends": False} | terms)), now=NOW
            )
            if issued:
                stored.issue(tx, [(code, NOW + 9 * DAY_MS, message)], now=NOW)

    def events(self) -> list[tuple[str, str, Mapping[str, str], int]]:
        """Contact, name, properties and time of every event."""
        e = events.c
        query = select(contacts.c.external_id, e.name, e.properties, e.at).join(contacts, contacts.c.id == e.contact_id)
        with self.database.read() as tx:
            return [(who, name, json.loads(said), at) for who, name, said, at in tx.execute(query.order_by(e.id))]

    def open_codes(self) -> set[str]:
        """The codes that may be used, or given out."""
        with self.database.read() as tx:
            return set(tx.scalars(select(coupons.c.code).where(coupons.c.closed_at.is_(None))))

    def alerts(self) -> list[str]:
        """What the team is told of codes, in order."""
        with self.database.read() as tx:
            return list(tx.scalars(select(alerts.c.text).order_by(alerts.c.id)))

    def redeemed(self) -> int:
        """How many orders were placed with a coupon of ours."""
        with self.database.read() as tx:
            return len(tx.execute(select(redemptions)).all())


@pytest.fixture
def giver(database: Database) -> Giver:
    """A shop whose customers are given codes."""
    return Giver(database)


def test_an_order_with_a_code_of_ours_is_its_redemption(giver: Giver) -> None:
    """However it was typed; the code is used up, its owner has an event at the order's time."""
    giver.give("SPRING-7KX2MP")
    one = placed("o1", "ada", "SPRING-7KX2MP")
    giver.shop.tell(one, placed("o2", "bob", "FREESHIP"), now=LATER)
    assert giver.events() == [("ada", "coupon_redeemed", {"offer": "spring", "order_id": "o1"}, LATER)]
    assert (giver.open_codes(), giver.redeemed()) == (set(), 1)
    assert giver.shop.tell(one, now=LATER + DAY_MS).unchanged == 1
    giver.shop.tell(one._replace(amount=900), now=LATER + DAY_MS)
    giver.shop.tell(order("r1", "ada", at=LATER + DAY_MS, kind="cancellation", cancels="o1"), now=LATER + DAY_MS)
    assert (len(giver.events()), giver.redeemed(), giver.open_codes()) == (1, 1, set())


def test_a_code_used_too_often_is_told_the_team_once(giver: Giver) -> None:
    """A code good for one order that comes with three is one alert, and one that nobody was given is too."""
    giver.give("SPRING-7KX2MP")
    giver.give("FRIEND-222222", "bob", offer="referral", uses=2)
    giver.shop.tell(placed("o1", "ada", "SPRING-7KX2MP"), placed("o2", "bob", "FRIEND-222222"), now=LATER)
    giver.shop.tell(placed("o3", "cyd", "FRIEND-222222"), now=LATER)
    assert giver.alerts() == []
    giver.shop.tell(placed("o4", "dan", "SPRING-7KX2MP"), now=LATER)
    giver.shop.tell(placed("o5", "eve", "SPRING-7KX2MP"), now=LATER + 3 * DAY_MS)
    assert giver.alerts() == ["code SPRING-7KX2MP of offer `spring` was used for 3 orders, and is good for 1"]


def test_a_code_that_the_team_was_mailed_of_is_not_mailed_again(giver: Giver) -> None:
    """However many days later it comes with yet another order: it stands in `clm coupons`."""
    giver.give("SPRING-7KX2MP")
    giver.shop.tell(placed("o1", "ada", "SPRING-7KX2MP"), placed("o2", "bob", "SPRING-7KX2MP"), now=LATER)
    with giver.database.write() as tx:
        mail = told.claim(tx, lease_until=LATER + DAY_MS, now=LATER, clock_now=LATER)
        assert mail is not None
        told.settle(tx, mail, "sent")
    giver.shop.tell(placed("o3", "cyd", "SPRING-7KX2MP"), now=LATER + 3 * DAY_MS)
    with giver.database.read() as tx:
        assert not told.waiting(tx, clock_now=LATER + 3 * DAY_MS)


def test_the_order_after_a_cancelled_one_is_no_use_too_many(giver: Giver) -> None:
    """Whoever cancels and orders again with their code has used it once."""
    giver.give("SPRING-7KX2MP")
    cancelled = order("r1", "ada", at=LATER, kind="cancellation", cancels="o1")
    giver.shop.tell(placed("o1", "ada", "SPRING-7KX2MP"), cancelled, now=LATER)
    giver.shop.tell(placed("o2", "ada", "SPRING-7KX2MP"), now=LATER)
    assert (giver.alerts(), giver.redeemed()) == ([], 2)


def test_a_friends_order_is_a_recommendation_made(giver: Giver) -> None:
    """The friend uses it once, the owner once; the friend's order alone is a referral, and nobody refers themselves."""
    giver.give("FRIEND-222222", offer="referral", uses=2, for_friends=True)
    giver.shop.tell(placed("o1", "bob", "FRIEND-222222"), now=LATER)
    assert [(who, name) for who, name, _, _ in giver.events()] == [("ada", "coupon_redeemed"), ("ada", "referral_made")]
    assert giver.open_codes() == {"FRIEND-222222"}
    assert giver.shop.profile("ada")["last_activity_at"] == LATER
    giver.shop.tell(placed("o2", "ada", "FRIEND-222222"), now=LATER)
    assert [name for _, name, _, _ in giver.events()].count("referral_made") == 1
    assert giver.open_codes() == set()
    giver.give("FRIEND-333333", "cyd", offer="referral", uses=2, for_friends=True)
    giver.shop.tell(placed("o3", "cyd as a guest", "FRIEND-333333", email="Cyd@example.com"), now=LATER)
    assert [name for _, name, _, _ in giver.events()].count("referral_made") == 1


@pytest.mark.parametrize(
    ("before", "counts"),
    [
        ([], True),
        ([order("o0", "bob", at=LATER - 1)], False),
        ([order("o0", "bob", at=LATER + 1)], True),
        ([order("o0", "bob as a guest", at=LATER - 1, email="BOB@example.com")], False),
        ([order("o0", "bob as a guest", at=LATER - 1, phone="+447700900123")], False),
        ([order("o0", "kim", at=LATER - 1, email="kim@example.com")], True),
    ],
)
def test_only_a_friends_first_order_is_a_recommendation(giver: Giver, before: list[OrderRecord], counts: bool) -> None:
    """By whatever id they ordered before; what somebody bought before they were told of us nobody has brought."""
    giver.give("FRIEND-222222", offer="referral", uses=2, for_friends=True)
    giver.shop.tell(*before, now=LATER + DAY_MS)
    by = {"email": "bob@example.com", "phone": "+447700900123"}
    giver.shop.tell(placed("o1", "bob", "FRIEND-222222", **by), now=LATER + DAY_MS)
    assert [name for _, name, _, _ in giver.events()] == ["coupon_redeemed", *["referral_made"] * counts]


def test_one_friend_is_brought_once(giver: Giver) -> None:
    """By the first of two orders that come together; one of before that comes to light later brings nobody again."""
    giver.give("FRIEND-222222", offer="referral", uses=9, for_friends=True)
    orders = [placed(f"o{number}", "bob", "FRIEND-222222") for number in range(3)]
    late, second, first = (one._replace(ordered_at=LATER - place) for place, one in enumerate(orders))
    giver.shop.tell(second, first, now=LATER + DAY_MS)
    giver.shop.tell(late._replace(ordered_at=LATER - DAY_MS), now=LATER + DAY_MS)
    made = [said for _, name, said, _ in giver.events() if name == "referral_made"]
    assert (made, giver.redeemed()) == ([{"order_id": "o2"}], 3)


def test_a_code_that_nobody_was_given_is_never_given_out(giver: Giver) -> None:
    """Of a pool, or only held: somebody knows it already. It is nobody's event."""
    with giver.database.write() as tx:
        stored.add(tx, "pool", ["LEAKED-1", "SAFE-1"], now=NOW)
    giver.give("HELD-1", issued=False, uses=2)
    giver.shop.tell(placed("o1", "bob", "LEAKED-1,HELD-1"), now=LATER)
    assert (giver.open_codes(), giver.redeemed(), giver.events()) == ({"SAFE-1"}, 2, [])
    with giver.database.write() as tx:
        assert stored.left(tx, "pool", at_most=9) == 1


def test_codes_come_as_files_write_them(giver: Giver, tmp_path: Path) -> None:
    """In small letters, with blanks, with the unseen marks of right-to-left text, several on one order, or none."""
    for number in range(3):
        giver.give(f"SPRING-{number}{number}{number}", f"c{number}")
    path = tmp_path / "orders.csv"
    path.write_text(
        "order_id,contact,ordered_at,amount,coupon\n"
        "o1,c0,2024-10-05T10:00:00Z,10.00, spring-000 \n"
        "o2,c1,2024-10-05T10:00:00Z,10.00,\u2067SPRING - 111\u2069\n"
        'o3,c2,2024-10-05T10:00:00Z,10.00,"FREESHIP; Spring-222"\n'
        "o4,c2,2024-10-05T10:00:00Z,10.00,\n",
        encoding="utf-8",
    )
    for new in (4, 0):
        assert giver.shop.import_(path, now=LATER)["new"] == new
        assert [said["order_id"] for _, _, said, _ in giver.events()] == ["o1", "o2", "o3"]


def test_two_imports_at_one_moment_use_a_code_up(giver: Giver) -> None:
    """Each would see but its own of two uses, if the second did not wait for the first."""
    giver.give("FRIEND-2", uses=2, for_friends=True)
    giver.shop.tell(*(order(name, "bob", at=LATER, email="bob@example.com") for name in ("o1", "o2")))
    with giver.database.read() as tx:
        coupon, bob = tx.scalars(select(coupons.c.id)).one(), addressees.named(tx, "bob")["shop"]
        ids = tx.scalars(select(orders.c.id).order_by(orders.c.id)).all()

    def use(order_id: int, beside: Callable[[], None] = lambda: None) -> None:
        with giver.database.write() as tx:
            record(tx, [Redemption(coupon, order_id, bob, LATER)], now=LATER)
            beside()

    with ThreadPoolExecutor(1) as pool:

        def other_comes() -> None:
            others.append(pool.submit(use, ids[1]))
            wait(others, timeout=0.3)  # until it stands at the door

        others: list[Future[None]] = []
        use(ids[0], other_comes)
        others[0].result()
    with giver.database.read() as tx:
        assert tx.scalars(select(coupons.c.closed_at)).one() == LATER
