"""Mails to the team: of everything that a person should know, once a day, whatever is broken."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from time import sleep

import pytest
from sqlalchemy import select, text

from clm.content.brand import Brand
from clm.content.library import TemplateLibrary
from clm.domain.content import Envelope
from clm.domain.instant import DAY_MS, HOUR_MS, SECOND_MS
from clm.domain.outcome import Accepted, InDoubt, NotSent, Outcome, Rejected
from clm.engine.alerts import LEASE_SECONDS, Mailed, Postbox
from clm.engine.coupon_pool import add_codes
from clm.engine.settling import PAUSE_SECONDS
from clm.store import alerts as stored
from clm.store.alerts import Claimed, Matter
from clm.store.database import Database, Transaction
from clm.store.schema import alerts
from tests.engine.guarded import NOON
from tests.engine.rehearsal import Recorder, campaign
from tests.engine.test_coupons import FROM_POOL, Giving

EMPTY = Matter("no_code", "pool", "no code of offer `pool` is left", "`clm coupons add pool FILE` adds more")


class Telling(Giving):
    """A rehearsal whose team is mailed."""

    brand: Brand

    def postbox(self, now: int) -> Postbox:
        """Where the team's mail is handed over."""
        return Postbox(
            self.database, self.staff, self.brand, "https://shop.example", "Europe/London", now, lambda: self.clock
        )

    def post(self, now: int = NOON) -> list[Mailed]:
        """Mail the team what waits."""
        return self.postbox(now).mail()

    def note(self, matter: Matter = EMPTY, now: int = NOON, *, once: bool = False) -> None:
        """Something comes up."""
        with self.database.write() as tx:
            stored.note(tx, matter, now=now, once=once)

    def mailed(self) -> list[str]:
        """What the team's mails said in their subject lines, in order."""
        return [one.content.subject or "" for one in self.staff.handed]

    def statuses(self) -> list[str]:
        """Where the matters stand."""
        with self.database.read() as tx:
            return list(tx.scalars(select(alerts.c.status).order_by(alerts.c.id)))


@pytest.fixture
def telling(database: Database, library: TemplateLibrary, own_brand: Brand) -> Telling:
    """A shop with nothing to tell yet."""
    found = Telling(database, library, own_brand)
    found.brand = own_brand
    return found


def test_an_empty_pool_is_told_the_team_with_what_waits_and_what_to_do(telling: Telling) -> None:
    """The mail goes to the team's address, says since when, how many messages wait, the remedy, and where to look."""
    telling.have(campaign(steps=[FROM_POOL]))
    for name in ("ada", "bob", "eve"):
        telling.customer(name)
    telling.stock("ONE-CODE")
    telling.run(NOON)
    telling.post(NOON + 60 * SECOND_MS)
    (mail,) = [one for one in telling.staff.handed if "no code" in (one.content.subject or "")]
    assert mail.to == telling.brand.team.email
    assert "no code of offer `pool` is left" in (mail.content.subject or "")
    for words in (
        "Since: 2024-10-04 13:00 (Europe/London)",
        "Waiting: 2 messages",
        "To do: `clm coupons add pool FILE` adds more",
        "https://shop.example/staff/attention",
    ):
        assert words in mail.content.text


def test_a_matter_is_mailed_once_a_day_however_often_it_comes_up(telling: Telling) -> None:
    """Of one kind and subject there is no second mail in a day; after a day, where it still comes up, another."""
    for hour in range(24):
        telling.note(now=NOON + hour * HOUR_MS)
        telling.post(NOON + hour * HOUR_MS)
    assert len(telling.mailed()) == 1
    telling.note(now=NOON + DAY_MS)
    telling.post(NOON + DAY_MS)
    assert len(telling.mailed()) == 2
    assert "Since: 2024-10-04 13:00" in telling.staff.handed[-1].content.text


def test_what_is_over_is_not_mailed_again(telling: Telling) -> None:
    """A matter that does not come up any more makes no mail; one that comes up after days has begun anew."""
    telling.note()
    telling.post()
    telling.post(NOON + 3 * DAY_MS)
    assert len(telling.mailed()) == 1
    telling.note(now=NOON + 3 * DAY_MS)
    telling.post(NOON + 3 * DAY_MS)
    assert "Since: 2024-10-07 13:00" in telling.staff.handed[-1].content.text


def test_more_codes_end_the_matter(telling: Telling) -> None:
    """A pool that is filled and runs empty again has been empty since then, not since the time before."""
    telling.note()
    telling.post()
    add_codes(telling.database, "pool", [b"ONE-1\n"], now=NOON + HOUR_MS, progress=lambda _: None)
    telling.note(now=NOON + 20 * HOUR_MS)
    telling.note(now=NOON + DAY_MS)
    telling.post(NOON + DAY_MS)
    assert len(telling.mailed()) == 2
    assert "Since: 2024-10-05 09:00" in telling.staff.handed[-1].content.text


def test_what_is_told_once_is_never_told_again(telling: Telling) -> None:
    """A matter of its own kind, such as one code, has one mail, though it comes up again after days."""
    code = Matter("overused", "BACK-1", "code BACK-1 was used for 2 orders, and is good for 1")
    for day in range(3):
        telling.note(code, NOON + day * DAY_MS, once=True)
        telling.post(NOON + day * DAY_MS)
    assert len(telling.mailed()) == 1


def test_what_is_told_once_and_was_refused_has_not_been_told(telling: Telling) -> None:
    """A mail that its provider refused for good reached nobody: the matter is mailed where it comes up once more."""
    code = Matter("overused", "BACK-1", "code BACK-1 was used for 2 orders, and is good for 1")
    telling.staff.answer = lambda _: Rejected("no such mailbox")
    telling.note(code, once=True)
    telling.post()
    telling.staff.answer = lambda _: Accepted()
    for day in (1, 2, 3):
        telling.note(code, NOON + day * DAY_MS, once=True)
        telling.post(NOON + day * DAY_MS)
    assert (len(telling.mailed()), telling.statuses()) == (2, ["sent"])


def test_matters_of_one_kind_go_in_one_mail(telling: Telling) -> None:
    """A flood of codes makes one mail that names them all; another kind has a mail of its own."""
    for number in range(5):
        telling.note(Matter("overused", f"BACK-{number}", f"code BACK-{number} was used twice"))
    telling.note()
    telling.post()
    assert sorted(one.endswith("and 4 more") for one in telling.mailed()) == [False, True]
    (flood,) = [one.content.text for one in telling.staff.handed if "BACK-0" in one.content.text]
    assert all(f"BACK-{number}" in flood for number in range(5))


def test_two_dispatchers_mail_it_once(telling: Telling) -> None:
    """However many hand over at one moment, the team gets one mail."""
    for _ in range(5):
        telling.note()
    barrier = Barrier(4)

    def together() -> int:
        barrier.wait()
        return len(telling.post())

    with ThreadPoolExecutor(4) as pool:
        assert sum(one.result() for one in [pool.submit(together) for _ in range(4)]) == 1
    assert len(telling.mailed()) == 1


def test_a_channel_that_is_down_is_waited_for(telling: Telling) -> None:
    """What could not be handed over goes out when the channel is back, with a pause between tries, and once."""
    telling.staff.answer = lambda _: NotSent("the key is wrong", stop=True)
    telling.note()
    telling.post()
    telling.post()
    assert len(telling.mailed()) == 1
    for _ in range(3):
        telling.clock += HOUR_MS
        telling.post()
    telling.staff.answer = lambda _: Accepted()
    telling.clock += HOUR_MS
    telling.post(NOON + 2 * DAY_MS)
    telling.clock += HOUR_MS
    telling.post(NOON + 2 * DAY_MS)
    assert len(telling.mailed()) == 5
    assert telling.statuses() == ["sent"]


def test_the_next_day_begins_with_the_shortest_pause(telling: Telling) -> None:
    """How often a mail had to be tried says nothing of tomorrow's, which is tried again after half a minute."""

    def post(answer: Outcome, seconds: int, now: int) -> None:
        telling.staff.answer = lambda _: answer
        telling.clock += seconds * SECOND_MS
        telling.post(now)

    away = NotSent("the server does not answer")
    telling.note()
    for answer in (*[away] * 5, Accepted()):
        post(answer, 3_600, NOON)
    telling.note(now=NOON + DAY_MS)
    post(away, 0, NOON + DAY_MS)
    assert telling.statuses() == ["queued"]
    post(Accepted(), PAUSE_SECONDS, NOON + DAY_MS)
    assert telling.statuses() == ["sent"]


@pytest.mark.parametrize("idempotent", [True, False])
def test_whoever_dies_while_mailing_loses_and_doubles_nothing(telling: Telling, idempotent: bool) -> None:
    """A dead holder's mail is handed over again, as it was, where its provider tells it; elsewhere it is in doubt."""
    telling.staff.idempotent = idempotent
    telling.note()
    with telling.database.write() as tx:
        claimed = stored.claim(
            tx, lease_until=telling.clock + LEASE_SECONDS * SECOND_MS, now=NOON, clock_now=telling.clock
        )
    telling.post()
    assert (claimed is not None, telling.mailed()) == (True, [])
    telling.note(Matter("no_code", "other", "no code of offer `other` is left"))
    telling.clock += (LEASE_SECONDS + 1) * SECOND_MS
    telling.post()
    again = [one for one in telling.staff.handed if "`pool`" in one.content.text]
    assert ([one.message_id % 1_000 for one in again], "`other`" in again[0].content.text if again else None) == (
        ([1], False) if idempotent else ([], None)
    )
    assert telling.statuses() == (["sent", "sent"] if idempotent else ["in_doubt", "sent"])


def test_a_mail_whose_answer_comes_at_last_is_not_taken_over(telling: Telling) -> None:
    """Whoever would take it over just as its first holder settles it leaves it be: it has arrived, and once."""
    telling.note()
    with telling.database.write() as tx:
        claimed = stored.claim(tx, lease_until=telling.clock, now=NOON, clock_now=telling.clock)
    assert claimed is not None

    def take_over() -> Claimed | None:
        with telling.database.write() as tx:
            later = telling.clock + SECOND_MS
            return stored.claim(tx, lease_until=later + SECOND_MS, now=NOON, clock_now=later)

    with ThreadPoolExecutor(1) as pool:
        with telling.database.write() as tx:
            stored.settle(tx, claimed, "sent")
            other = pool.submit(take_over)
            sleep(0.3)  # until it stands before the row, or at the door
        assert (other.result(), telling.statuses()) == (None, ["sent"])


def test_whoever_was_taken_for_dead_settles_nothing(telling: Telling) -> None:
    """Their answer comes when somebody else has the same mail in hand, and says nothing of what comes of that one."""
    telling.note()
    holders = []
    for late in (0, SECOND_MS):
        until, clock_now = telling.clock + late, telling.clock + late
        with telling.database.write() as tx:
            holders.append(stored.claim(tx, lease_until=until, now=NOON, clock_now=clock_now))
    first, second = holders
    assert first is not None
    assert second is not None
    assert first.mail == second.mail
    with telling.database.write() as tx:
        assert not stored.settle(tx, first, "rejected")
    assert telling.statuses() == ["sending"]
    with telling.database.write() as tx:
        assert stored.settle(tx, second, "sent")
    assert telling.statuses() == ["sent"]


def test_of_two_who_mail_at_one_moment_each_gets_others(telling: Telling) -> None:
    """The second waits until it can see what the first has claimed, and takes what is next, under another number."""
    telling.note()
    telling.note(Matter("overused", "TEA-1", "code TEA-1 was used for 2 orders, and is good for 1"))

    def claim(tx: Transaction) -> Claimed | None:
        return stored.claim(tx, lease_until=telling.clock + SECOND_MS, now=NOON, clock_now=telling.clock)

    def beside() -> Claimed | None:
        with telling.database.write() as tx:
            return claim(tx)

    with ThreadPoolExecutor(1) as pool:
        with telling.database.write() as tx:
            first = claim(tx)
            other = pool.submit(beside)
            sleep(0.3)  # until it stands at the door
        second = other.result()
    assert first is not None
    assert second is not None
    assert {one.matters[0].kind for one in (first, second)} == {"no_code", "overused"}
    assert first.mail != second.mail


def test_a_lost_answer_is_repeated_only_where_it_is_told(telling: Telling) -> None:
    """Nobody gets two: in doubt it rests, and a matter that still stands is mailed a day later."""
    telling.staff = Recorder(idempotent=False)
    telling.staff.answer = lambda _: InDoubt("no answer came in time")
    for hours in (0, 1, 25):
        telling.clock += HOUR_MS
        telling.note(now=NOON + hours * HOUR_MS)
        telling.post(NOON + hours * HOUR_MS)
    assert len(telling.mailed()) == 2


def test_an_answer_is_insisted_on_while_the_database_is_away(telling: Telling) -> None:
    """What came of a mail is recorded as soon as the database is back: otherwise nobody would know that it has gone."""

    def renamed(before: str, after: str) -> None:
        with telling.database.write() as tx:
            tx.execute(text(f"ALTER TABLE {before} RENAME TO {after}"))

    def answer(_: Envelope) -> Outcome:
        renamed("alerts", "away")
        return Accepted()

    telling.staff = Recorder(idempotent=False)
    telling.staff.answer = answer
    telling.note()
    paused: list[float] = []

    def pause(seconds: float) -> None:
        if not paused:
            renamed("away", "alerts")
        paused.append(seconds)

    (mailed,) = replace(telling.postbox(NOON), pause=pause).mail()
    assert (mailed.outcome, telling.statuses(), len(paused)) == (Accepted(), ["sent"], 1)


def test_a_refused_mail_does_not_stop_the_next(telling: Telling) -> None:
    """A provider that refuses one mail for good is asked again with the next matter."""
    telling.staff.answer = lambda _: Rejected("no such mailbox")
    telling.note()
    telling.post()
    telling.staff.answer = lambda _: Accepted()
    telling.note(Matter("canary", "nudge", "nudge is held"))
    telling.post()
    assert telling.statuses() == ["rejected", "sent"]
    assert "https://shop.example/staff/campaigns/nudge" in telling.staff.handed[-1].content.text


def test_nothing_in_a_provider_s_words_breaks_the_subject(telling: Telling) -> None:
    """A reason of several lines is one line in the subject, or the mail could not be written at all."""
    telling.note(Matter("refused", "email x", "email is stopped: 401\r\nBcc: eve@example.com"))
    telling.post()
    assert telling.mailed()[0].isprintable()
