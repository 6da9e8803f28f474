"""Codes that are added to an empty pool: who waits for one goes on, and nobody else."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from sqlalchemy import update

from clm.content.brand import Brand
from clm.content.library import TemplateLibrary
from clm.domain.hours import Hours, QuietHours
from clm.domain.instant import HOUR_MS
from clm.domain.policy import Policy
from clm.engine.coupon_pool import add_codes
from clm.store.database import Database
from clm.store.schema import messages
from tests.engine.guarded import NOON
from tests.engine.rehearsal import campaign
from tests.engine.test_coupons import EMPTY, FROM_POOL, Giving

SOON = NOON + 60_000


@pytest.fixture
def giving(database: Database, library: TemplateLibrary, own_brand: Brand) -> Giving:
    """Three letters with codes of an empty pool."""
    found = Giving(database, library, own_brand)
    found.have(campaign(steps=[FROM_POOL]))
    for name in ("ada", "bob", "eve"):
        found.customer(name)
    return found


def add(giving: Giving, *codes: str, now: int = SOON) -> int:
    """More codes; how many messages go on."""
    lines = [f"{code}\n".encode() for code in codes]
    return add_codes(giving.database, "pool", lines, now=now, progress=lambda _: None).brought_forward


def test_who_waits_for_a_code_goes_on_as_soon_as_there_is_one(giving: Giving) -> None:
    """The letters leave with the next dispatcher, not an hour later, and each once."""
    assert giving.run(NOON) == {"deferred": 3}
    assert add(giving, "ONE-1", "TWO-2", "SIX-6", "TEN-0") == 3
    assert giving.hand_over(SOON) == {"sent": 3}
    assert giving.hand_over(SOON + HOUR_MS) == {}


def test_no_more_go_on_than_there_are_codes(giving: Giving) -> None:
    """Two new codes bring two letters forward; the third waits as before. Known codes bring nobody forward."""
    giving.run(NOON)
    assert add(giving, "ONE-1", "TWO-2") == 2
    assert giving.hand_over(SOON) == {"sent": 2}
    assert add(giving, "ONE-1", "TWO-2") == 0
    assert giving.hand_over(SOON) == {}
    assert giving.hand_over(NOON + HOUR_MS) == {"deferred": 1}


def test_the_most_urgent_letter_goes_on_first(giving: Giving) -> None:
    """One new code is for whose campaign comes first, though others have waited as long and were queued before."""
    giving.run(NOON)
    with giving.database.write() as tx:
        last = max(one.id for one in tx.execute(messages.select()))
        tx.execute(update(messages).where(messages.c.id == last).values(queue_rank=-1_000_000))
    assert add(giving, "ONE-1") == 1
    assert giving.hand_over(SOON) == {"sent": 1}
    assert [one.to for one in giving.mail.handed] == ["eve@example.com"]


def test_letters_in_hand_are_left_to_whoever_has_them(giving: Giving) -> None:
    """They decide with the codes there are by then; nobody moves a letter under their hands."""
    giving.run(NOON)
    later = giving.dispatcher(NOON + HOUR_MS)
    leased = later.lease()
    assert leased is not None
    assert add(giving, "ONE-1", "TWO-2", "SIX-6") == 0
    batch = later.write(leased)
    counts: Counter[str] = Counter()
    assert later.intend(batch, batch.next(10), counts) == []
    assert counts == {}, "nobody is put off"
    assert giving.hand_over(NOON + HOUR_MS) == {"sent": 3}


def test_what_waits_for_something_else_waits_on(giving: Giving) -> None:
    """A letter put off for quiet hours, or for another offer's code, is not brought forward; nor one that has left."""
    giving.run(NOON)
    with giving.database.write() as tx:
        ids = [row.id for row in tx.execute(messages.select().order_by(messages.c.id))]
        for number, reason in zip(ids, ("quiet hours until 09:00", "no code of offer `spring` is left"), strict=False):
            tx.execute(update(messages).where(messages.c.id == number).values(reason=reason))
    assert add(giving, "ONE-1", "TWO-2", "SIX-6") == 1
    assert giving.hand_over(SOON) == {"sent": 1}


def test_the_guards_are_asked_again(giving: Giving) -> None:
    """What is brought forward into quiet hours does not go; these end after its deadline, so it never will."""
    giving.run(NOON)
    giving.policy = Policy(hours={"email": Hours(QuietHours.model_validate({"every day": "09:00-12:00"}).week)})
    assert add(giving, "ONE-1", "TWO-2", "SIX-6") == 3
    assert giving.hand_over(SOON) == {"expired": 3}


def test_codes_that_come_while_letters_are_decided_on_are_not_missed(giving: Giving) -> None:
    """Between making the words and deciding codes are added: nobody is put off for an hour."""
    giving.decide(NOON)
    dispatcher = giving.dispatcher(NOON)
    leased = dispatcher.lease()
    assert leased is not None
    batch = dispatcher.write(leased)
    add(giving, "ONE-1", "TWO-2", now=NOON)
    counts: Counter[str] = Counter()
    assert dispatcher.intend(batch, batch.next(10), counts) == []
    assert counts == {"deferred": 1}
    assert giving.hand_over(NOON) == {"sent": 2}
    assert [one.reason for one in giving.messages() if one.status == "queued"] == [EMPTY]


def test_nobody_waits_beside_free_codes_however_it_falls_out(giving: Giving) -> None:
    """Codes come one by one while two dispatchers hand over: in the end there is a letter that waits, or a code."""
    for number in range(27):
        giving.customer(f"c{number}")
    giving.decide(NOON)
    adding = Event()

    def hand_over() -> None:
        while not adding.is_set():
            giving.dispatcher(NOON).batch()

    with ThreadPoolExecutor(2) as pool:
        busy = [pool.submit(hand_over) for _ in range(2)]
        for number in range(30):
            add(giving, f"CODE-{number}", now=NOON)
        adding.set()
        for one in busy:
            one.result()
    giving.hand_over(NOON)
    assert Counter(one.status for one in giving.messages()) == {"sent": 30}
    assert len({one.to for one in giving.mail.handed}) == len(giving.mail.handed) == 30
