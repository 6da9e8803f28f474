"""Coupons: everybody gets a code of their own, keeps it while it holds, and nobody gets what is somebody else's."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest
from sqlalchemy import func, select, update

from clm.content.brand import Brand
from clm.content.library import TemplateLibrary
from clm.domain.instant import DAY_MS, HOUR_MS, iso
from clm.domain.offer import CODE_ALPHABET, Offer
from clm.domain.outcome import InDoubt, NotSent, Rejected
from clm.domain.policy import Policy
from clm.engine.coupons import Desk, give
from clm.engine.dispatch import Dispatcher
from clm.engine.handover import Handed, HandOver
from clm.store import coupons as stored
from clm.store import doubt, leases
from clm.store.database import Database
from clm.store.schema import contacts, coupons, messages
from tests.engine.guarded import NOON, Guarded, ask
from tests.engine.rehearsal import TWO_DAYS, Seen, campaign
from tests.engine.shop import order

SPRING = Offer("spring", "percent", 5, prefix="SPRING", percent=15)
POOL = Offer("pool", "gift", 5, gift={"en": "a tin of Assam", "fa": "یک قوطی چای آسام"}, warn_below=2)
HELLO = {"send": "hello", "channel": "email", "coupon": "spring"}
AGAIN = {"send": "again", "channel": "email", "coupon": "spring"}
FROM_POOL = {"send": "hello", "channel": "email", "coupon": "pool", "within": "3h"}
EMPTY = "no code of offer `pool` is left"


class Giving(Guarded):
    """A rehearsal of letters that carry codes."""

    offers: Mapping[str, Offer] = MappingProxyType({"spring": SPRING, "pool": POOL})

    def told(self, field: str = "code") -> list[str]:
        """What the letters that left said of their coupon, in order."""
        return [re.findall(rf"{field}=(.*)", one.content.text)[0] for one in self.mail.handed]

    def codes(self) -> list[tuple[Any, ...]]:
        """Every code with what has become of it, oldest first: offer, whose, and whether it was given and closed."""
        c = coupons.c
        query = select(c.offer, c.contact_id, c.issued_at, c.closed_at).order_by(c.id)
        with self.database.read() as tx:
            return [
                (one.offer, one.contact_id, one.issued_at is not None, one.closed_at is not None)
                for one in tx.execute(query)
            ]

    def stock(self, *codes: str) -> None:
        """Codes of the pool."""
        with self.database.write() as tx:
            stored.add(tx, "pool", codes, now=NOON)

    def queued(self, contact: str, *campaigns: str) -> list[Any]:
        """Messages of the contact that wait to be written, as a dispatcher reads them."""
        self.have(*(campaign(name, steps=[HELLO]) for name in campaigns))
        self.customer(contact)
        self.decide(NOON)
        c, m = contacts.c, messages.c
        theirs = select(m.id).join(contacts, c.id == m.contact_id).where(c.external_id == contact).order_by(m.id)
        with self.database.write() as tx:
            tx.execute(update(messages).values(lease_token=contact, lease_until=self.clock))
            return leases.leased(tx, contact, lock=False, ids=list(tx.scalars(theirs)))

    def desk(self) -> Desk:
        """Where codes are handed out at noon."""
        return Desk(self.offers, "en", "UTC", NOON)

    def held(self, row: Any, offer: str) -> str:
        """The code that is held for a message, in a transaction of its own."""
        with self.database.write() as tx:
            return self.desk().hold(tx, [(row, offer)]).given[row.id].code

    def intended(self) -> tuple[Dispatcher, HandOver]:
        """The most urgent message, about to be handed over, and by whom."""
        dispatcher = self.dispatcher(NOON)
        leased = dispatcher.lease()
        assert leased is not None
        batch = dispatcher.write(leased)
        (one,) = dispatcher.intend(batch, batch.next(1), Counter())
        return dispatcher, one

    def batches(self, now: int) -> list[Handed]:
        """What became of each batch until nothing is due."""
        dispatcher, found = self.dispatcher(now), []
        while (handed := dispatcher.batch()).leased:
            found.append(handed)
        return found


@pytest.fixture(scope="module")
def letters(tmp_path_factory: pytest.TempPathFactory, own_brand: Brand) -> TemplateLibrary:
    """Words that say all that they know of the coupon."""
    folder = tmp_path_factory.mktemp("letters")
    fields = ("code", "kind", "percent", "gift", "days")
    words = "\n".join(f"{name}={{{{ coupon.{name} | default('') }}}}" for name in fields)
    words += "\nuntil={{ coupon.expires_at | date }}\n"
    for name in ("nudge", "other"):
        for step in ("hello", "again", "last"):
            place = folder / name / step / "en"
            place.mkdir(parents=True)
            (place / "subject.txt").write_text(step)
            (place / "body.txt").write_text(words)
            (place / "body.mjml").write_text(
                "<mjml><mj-body><mj-section><mj-column><mj-text>{{ coupon.code }}"
                "</mj-text></mj-column></mj-section></mj-body></mjml>"
            )
    return TemplateLibrary.load(folder, brand=own_brand, default_locale="en")


@pytest.fixture
def giving(database: Database, letters: TemplateLibrary, own_brand: Brand) -> Giving:
    """The process on an empty database, with offers."""
    return Giving(database, letters, own_brand)


def test_everybody_gets_a_code_of_their_own(giving: Giving) -> None:
    """It is drawn from letters nobody confuses, holds to the end of its last day, and is given with the intent."""
    giving.have(campaign(steps=[HELLO]))
    giving.customer("ada", zone="Asia/Tehran")
    giving.customer("bob")
    assert giving.run(NOON) == {"sent": 2}
    codes = giving.told()
    assert len(set(codes)) == 2
    assert all(re.fullmatch(rf"SPRING-[{CODE_ALPHABET}]{{6}}", code) for code in codes)
    assert (giving.told("percent"), giving.told("days")) == (["15", "15"], ["5", "5"])
    with giving.database.read() as tx:
        rows = tx.execute(select(coupons).order_by(coupons.c.id)).all()
    assert [row.code for row in rows] == codes
    assert {row.issued_at for row in rows} == {NOON}
    # In Tehran the last day is over earlier than in London.
    assert [iso(row.expires_at) for row in rows] == ["2024-10-09T20:29:59Z", "2024-10-09T22:59:59Z"]


def test_who_is_written_to_again_gets_the_same_code_while_it_holds(giving: Giving) -> None:
    """The reminder names the same code and the days that are left; after its last day there is a new one."""
    giving.have(campaign(steps=[HELLO, TWO_DAYS, AGAIN, {"wait": "4d"}, {**AGAIN, "send": "last"}]))
    giving.customer()
    for days in (0, 2, 6):
        giving.run(NOON + days * DAY_MS)
    first, second, third = giving.told()
    assert first == second != third
    assert giving.told("days") == ["5", "3", "5"]
    assert [one[2:] for one in giving.codes()] == [(True, True), (True, False)]


def test_a_message_that_is_tried_again_gives_its_whole_time(giving: Giving) -> None:
    """What did not leave has promised nothing: the days are counted from the try that reached the provider."""
    giving.have(campaign(steps=[HELLO]))
    giving.customer()
    giving.decide(NOON)
    giving.mail.answer = lambda _envelope: NotSent("the provider is away")
    giving.hand_over(NOON)
    giving.mail.answer = type(giving.mail)().answer
    giving.clock += DAY_MS
    giving.hand_over(NOON + 2 * DAY_MS)
    assert giving.told("days") == ["5", "5"]
    assert len(set(giving.told())) == 1


def test_a_message_that_is_never_sent_gives_its_code_back(giving: Giving) -> None:
    """What was made here is deleted, a pool's is free again and goes to the next; what waits keeps its code."""
    giving.policy = Policy(offers=ask("order_count >= 2"), service_first=ask("last_rating <= 2"))
    giving.have(campaign(steps=[HELLO]), campaign("other", steps=[FROM_POOL]))
    giving.stock("ONE-CODE", "TWO-CODE")
    giving.customer()
    giving.know(last_rating=1)
    giving.decide(NOON)
    assert giving.hand_over(NOON) == {"deferred": 2}
    assert [one[2:] for one in giving.codes()] == [(False, False)] * 3
    assert sum(one[1] is not None for one in giving.codes()) == 2, "what waits holds its code"
    giving.know(last_rating=5)
    assert giving.hand_over(NOON + 6 * HOUR_MS) == {"refused": 1, "expired": 1}
    assert giving.codes() == [("pool", None, False, False)] * 2


def test_a_code_of_a_message_that_never_left_goes_back(giving: Giving) -> None:
    """It was given with the intent, but the provider took nothing, and then it was too late: nobody has seen it."""
    giving.have(campaign(steps=[FROM_POOL]), campaign("other", steps=[{**HELLO, "within": "3h"}]))
    giving.stock("ONE-CODE")
    giving.customer()
    giving.decide(NOON)
    giving.mail.answer = lambda _envelope: NotSent("the provider is away")
    giving.hand_over(NOON)
    giving.clock += HOUR_MS
    giving.hand_over(NOON + HOUR_MS)
    assert len(giving.mail.handed) == 4
    assert [one[2:] for one in giving.codes()] == [(False, False)] * 2, "both are only held again"
    giving.clock += HOUR_MS
    giving.reconcile(NOON + 4 * HOUR_MS)
    assert {one.status for one in giving.messages()} == {"expired"}
    assert giving.codes() == [("pool", None, False, False)]


@pytest.mark.parametrize("suppress", [None, "invalid"])
def test_a_code_of_a_message_that_was_refused_goes_back(giving: Giving, suppress: str | None) -> None:
    """Letters that the provider refuses for good, or whose address is none, do not drain a pool."""
    giving.have(campaign(steps=[FROM_POOL]), campaign("other", steps=[HELLO]))
    giving.stock("ONE-CODE")
    giving.customer()
    giving.decide(NOON)
    giving.mail.answer = lambda _envelope: Rejected("there is no such mailbox", suppress)
    giving.hand_over(NOON)
    assert "rejected" in {one.status for one in giving.messages()}
    assert giving.codes() == [("pool", None, False, False)]


@pytest.mark.parametrize("at_last", ["expired", "rejected"])
@pytest.mark.parametrize("seen", ["lost", "in doubt before", "another letter carries it", "it was used"])
def test_a_code_that_somebody_may_have_seen_never_goes_back(giving: Giving, seen: str, at_last: str) -> None:
    """Though the last that is known of its message is that it did not leave: nobody else gets the code."""
    answer = NotSent("it did not leave") if at_last == "expired" else Rejected("there is no such mailbox")
    stands = {"queued": 1} if at_last == "expired" else {"rejected": 1}
    giving.offers = {"pool": replace(POOL, uses=2)}
    giving.mail.idempotent = seen == "lost"
    giving.have(campaign(steps=[FROM_POOL]))
    giving.stock("ONE-CODE")
    giving.customer()
    giving.decide(NOON)
    dispatcher, one = giving.intended()
    dispatcher.settle([dispatcher.answered(one, InDoubt("no answer came"))])
    if seen in {"lost", "in doubt before"}:
        with giving.database.write() as tx:
            doubt.close(tx, {one.envelope.message_id: "to be sent again"}, "queued", now=NOON)
        giving.clock += HOUR_MS
        giving.mail.answer = lambda _envelope: answer
        assert giving.hand_over(NOON) == stands
    else:
        if seen == "it was used":
            giving.shop.tell(order("o9", "bob")._replace(coupon="ONE-CODE"))
        else:
            giving.have(campaign("other", steps=[FROM_POOL]))
            assert giving.run(NOON) == {"sent": 1}
        dispatcher.settle([dispatcher.answered(one, answer)])
    giving.clock += HOUR_MS
    giving.reconcile(NOON + 4 * HOUR_MS)
    assert giving.messages("nudge")[0].status == at_last
    ((_, whose, was_given, _),) = giving.codes()
    assert (whose is not None, was_given) == (True, True)


def test_a_letter_that_carries_what_another_could_not_gives_it(giving: Giving) -> None:
    """Written while the first was on its way, and sent after that had come back: the code holds from the second on."""
    first, second = giving.queued("ada", "nudge", "other")
    with giving.database.write() as tx:
        codes = giving.desk().hold(tx, [(first, "spring")])
        give(tx, codes, [first.id], now=NOON)
    with giving.database.write() as tx:
        later = giving.desk().hold(tx, [(second, "spring")])
        stored.hold_again(tx, [first.id])
        give(tx, later, [second.id], now=NOON + 1)
        stored.give_back(tx, [first.id])
        ((issued_at, message_id),) = tx.execute(select(coupons.c.issued_at, coupons.c.message_id))
    assert (issued_at, message_id) == (NOON + 1, second.id)


def test_an_empty_pool_puts_off_its_own_messages_alone(giving: Giving) -> None:
    """The message asks again each hour up to its deadline, with the reason; others go, and people are told once."""
    giving.have(campaign(steps=[FROM_POOL]), campaign("other", steps=[HELLO]))
    giving.stock("ONLY-ONE")
    for name in ("ada", "bob", "cyd"):
        giving.customer(name)
    giving.decide(NOON)
    handed = giving.batches(NOON)
    assert sum((Counter(one.by_status) for one in handed), Counter()) == {"sent": 4, "deferred": 2}
    assert [alert for one in handed for alert in one.alerts] == [f"{EMPTY}; `clm coupons add pool FILE` adds more"]
    assert Counter(one.reason for one in giving.messages("nudge")) == {None: 1, EMPTY: 2}
    giving.stock("ANOTHER")
    assert giving.hand_over(NOON + HOUR_MS) == {"sent": 1, "deferred": 1}
    assert {"ONLY-ONE", "ANOTHER"} < set(giving.told())
    assert giving.hand_over(NOON + 5 * HOUR_MS // 2) == {"deferred": 1}
    giving.reconcile(NOON + 4 * HOUR_MS)
    assert [one for one in giving.messages("nudge") if one.status == "expired"] == [
        Seen("cyd", "hello", "expired", f"{EMPTY}, until it was too late")
    ]
    assert len(giving.deferred()) == 2, "the same reason is kept once"


def test_a_pool_that_runs_low_is_told_of_once_an_hour(giving: Giving) -> None:
    """With fewer codes left than `warn_below`, before there are none; the gift is named in the reader's language."""
    giving.have(campaign(steps=[FROM_POOL]))
    giving.stock(*(f"CODE-{number}" for number in range(4)))
    told = []
    for hours, name in enumerate(("ada", "bob", "cyd")):
        giving.customer(name, locale="fa-IR" if name == "bob" else "de")
        giving.decide(NOON + hours)
        told += [alert for one in giving.batches(NOON + hours) for alert in one.alerts]
    assert told == ["the pool of offer `pool` is down to 1; `clm coupons add pool FILE` adds more"]
    assert giving.told("gift") == ["a tin of Assam", "یک قوطی چای آسام", "a tin of Assam"]


def test_a_code_that_has_gone_is_not_sent(giving: Giving) -> None:
    """Between the words and the intent somebody used it: the message is written anew, with another one."""
    giving.have(campaign(steps=[HELLO]))
    giving.customer()
    giving.decide(NOON)
    dispatcher = giving.dispatcher(NOON)
    leased = dispatcher.lease()
    assert leased is not None
    batch = dispatcher.write(leased)
    with giving.database.write() as tx:
        tx.execute(update(coupons).values(closed_at=NOON))
    assert dispatcher.intend(batch, batch.next(1), Counter()) == []
    assert giving.hand_over(NOON) == {"sent": 1}
    assert giving.told() != [one.code for one in leased.codes.given.values()]


def test_an_offer_that_is_gone_ends_the_message_with_the_reason(giving: Giving) -> None:
    """People in flight may be on a step whose offer was taken out of config/offers.yaml since."""
    giving.have(campaign(steps=[HELLO]))
    giving.customer()
    giving.offers = {}
    assert giving.run(NOON) == {"dead": 1}
    assert giving.messages()[0].reason == "offer `spring` is not in config/offers.yaml any more"


def test_a_code_drawn_before_is_drawn_again(giving: Giving, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two people never get one code, whatever chance says."""
    giving.have(campaign(steps=[HELLO]))
    for name in ("ada", "bob", "cyd"):
        giving.customer(name)
    drawn = iter("AABABC")
    monkeypatch.setattr("clm.engine.coupons._draw", lambda prefix: prefix + next(drawn))
    assert giving.run(NOON) == {"sent": 3}
    assert sorted(giving.told()) == ["SPRINGA", "SPRINGB", "SPRINGC"]


def test_two_at_once_take_different_codes_of_a_pool(giving: Giving) -> None:
    """Whoever comes while another has not committed passes over what that one has taken, and does not wait for it."""
    giving.stock("ONE-CODE", "TWO-CODE")
    (first,), (second,) = giving.queued("ada", "nudge"), giving.queued("bob", "nudge")
    with ThreadPoolExecutor(1) as other:
        with giving.database.write() as tx:
            mine = giving.desk().hold(tx, [(first, "pool")]).given[first.id].code
            theirs = other.submit(giving.held, second, "pool")
            wait([theirs], timeout=0.3)
        assert {mine, theirs.result()} == {"ONE-CODE", "TWO-CODE"}


def test_two_at_once_hold_one_code_for_one_contact(giving: Giving) -> None:
    """Two letters of one person are written at the same moment: the second waits for the first, and has its code."""
    first, second = giving.queued("ada", "nudge", "other")
    with ThreadPoolExecutor(1) as other:
        with giving.database.write() as tx:
            mine = giving.desk().hold(tx, [(first, "spring")]).given[first.id].code
            theirs = other.submit(giving.held, second, "spring")
            wait([theirs], timeout=0.3)
        assert theirs.result() == mine


def test_dispatchers_at_once_never_hand_out_one_code_twice(giving: Giving, database_url: str) -> None:
    """Three of them on one pool, for 16 people with two letters each: twelve codes go to twelve people, once each."""
    giving.have(campaign(steps=[FROM_POOL]), campaign("other", steps=[{**FROM_POOL, "send": "again"}]))
    giving.stock(*(f"CODE-{number:02}" for number in range(12)))
    for number in range(16):
        giving.customer(f"c{number}")
    giving.decide(NOON)

    def hand_over(_number: int) -> None:
        opened = Database(database_url)
        dispatcher = replace(giving.dispatcher(NOON), database=opened)
        for _ in range(200):
            leased = dispatcher.lease(limit=4)
            if leased is None and dispatcher.others_until() is None:
                break
            if leased is not None:
                batch = dispatcher.write(leased)
                dispatcher.settle(
                    [
                        dispatcher.answered(one, giving.mail.answer(one.envelope))
                        for one in dispatcher.intend(batch, batch.next(7), Counter())
                    ]
                )
        opened.close()

    with ThreadPoolExecutor(3) as threads:
        list(threads.map(hand_over, range(3)))
    c, m = coupons.c, messages.c
    with giving.database.read() as tx:
        held = tx.execute(
            select(c.contact_id, func.count()).where(c.issued_at.is_not(None)).group_by(c.contact_id)
        ).all()
        statuses = Counter(tx.scalars(select(m.status)))
    assert [count for _, count in held] == [1] * 12
    assert statuses == {"sent": 24, "queued": 8}
