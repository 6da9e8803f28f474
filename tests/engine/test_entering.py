"""Who enters a campaign, how many at once, who is held out, and who comes again."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import event, select

from clm.config import Configuration
from clm.domain.campaign import Campaign
from clm.domain.instant import DAY_MS, HOUR_MS
from clm.domain.lot import below, mixed
from clm.domain.policy import Policy
from clm.domain.record import EventRecord
from clm.engine.enrol import enrol
from clm.engine.journey import Journeys
from clm.store import enrolments as store
from clm.store.database import Database
from clm.store.schema import contacts, decisions, enrolments
from tests.engine.shop import NOW, POUNDS, Shop, order

LAPSED = {"when": "days_since(last_order_at) > 90", "once_per": "last_order"}


def nudge(**changes: Any) -> Campaign:
    """A live campaign that everybody enters who has ordered, once; changed as told."""
    plan = {
        "campaign": "nudge", "title": "Nudge", "status": "live", "steps": [{"send": "hello", "channel": "email"}],
        "enter": {"when": "order_count >= 1", "once_per": "contact"},
    }  # fmt: skip
    return Campaign.model_validate(plan | changes)


def happened(external_id: str, contact: str, name: str, *, at: int, **properties: Any) -> EventRecord:
    """Something that a contact did."""
    return EventRecord(external_id, contact, name, at, json.dumps(properties))


def enter(database: Database, campaign: Campaign, now: int = NOW, **policy: Any) -> int:
    """One tick of a campaign; how many entered."""
    journeys = Journeys(Configuration(POUNDS, (campaign,), policy=Policy(**policy)))
    return enrol(database, journeys, campaign, now=now)


def entered(database: Database) -> list[str]:
    """Who is enrolled, in the order of entering."""
    query = select(contacts.c.external_id).join(enrolments, enrolments.c.contact_id == contacts.c.id)
    with database.read() as tx:
        return list(tx.scalars(query.order_by(enrolments.c.id)))


def leave(database: Database, now: int) -> None:
    """Everybody's journey is over."""
    with database.write() as tx:
        store.leave(tx, dict.fromkeys(tx.scalars(select(enrolments.c.id)), "enough"), now=now)


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop without customers."""
    return Shop(database)


def test_whoever_passes_a_threshold_between_ticks_enters(database: Database, shop: Shop) -> None:
    """Ada's last order becomes ninety days old; nothing else happens."""
    shop.tell(order("a1", "ada", at=NOW - 90 * DAY_MS + HOUR_MS))
    campaign = nudge(enter=LAPSED)
    assert enter(database, campaign) == 0
    assert enter(database, campaign, NOW + HOUR_MS) == 0
    assert enter(database, campaign, NOW + HOUR_MS + 1) == 1
    assert enter(database, campaign, NOW + 9 * DAY_MS) == 0


def test_ticks_missed_for_weeks_lose_nobody(database: Database, shop: Shop) -> None:
    """The scheduler was away for a month; whoever passed the threshold meanwhile, and still qualifies, enters."""
    for day in range(30):
        shop.tell(order(f"o{day}", f"c{day}", at=NOW - (89 - day) * DAY_MS))
    campaign = nudge(enter={"when": "days_since(last_order_at) between 90 and 100", "once_per": "last_order"})
    assert enter(database, campaign) == 0
    assert enter(database, campaign, NOW + 30 * DAY_MS) == 11
    with database.read() as tx:
        assert tx.scalar(select(enrolments.c.entered_at).limit(1)) == NOW + 30 * DAY_MS


def test_a_fact_that_comes_late_is_looked_at(database: Database, shop: Shop) -> None:
    """An order of a hundred days ago is imported today: its time says nothing of when it became known."""
    campaign = nudge(enter=LAPSED)
    shop.tell(order("a1", "ada", at=NOW))
    assert enter(database, campaign) == 0
    shop.tell(order("b1", "bob", at=NOW - 100 * DAY_MS), now=NOW + 1)
    assert enter(database, campaign, NOW + 5 * 60_000) == 1
    assert entered(database) == ["bob"]


def test_each_change_is_seen_by_the_next_tick(database: Database, shop: Shop) -> None:
    """One event, one tick, and again: no change falls between two looks."""
    campaign = nudge(enter={"when": "did('viewed', 1)", "once_per": "last('viewed')"})
    for number in range(5):
        at = NOW + number
        shop.tell(happened(f"e{number}", "ada", "viewed", at=at), now=at)
        assert enter(database, campaign, at) == 1


def test_an_edited_condition_is_asked_of_everybody(database: Database, shop: Shop) -> None:
    """Whoever qualifies by the new words enters, though nothing about them has changed."""
    shop.tell(order("a1", "ada"))
    assert enter(database, nudge(enter={"when": "order_count >= 2", "once_per": "contact"})) == 0
    assert enter(database, nudge(), NOW + 1) == 1


def test_a_tick_for_an_earlier_instant_loses_nobody_later(database: Database, shop: Shop) -> None:
    """Ada is told of between two ticks, the second of which is run for the day before: the third still finds her."""
    campaign = nudge(enter={"when": "hours_since(last_order_at) > 12", "once_per": "last_order"})
    assert enter(database, campaign, NOW) == 0
    shop.tell(order("a1", "ada", at=NOW - 18 * HOUR_MS))
    assert enter(database, campaign, NOW - DAY_MS) == 0
    assert enter(database, campaign, NOW + 1) == 1


def test_unless_that_ends_lets_people_in(database: Database, shop: Shop) -> None:
    """Ada is kept out as long as she has viewed something in the last day, and comes in when that is over."""
    shop.tell(order("a1", "ada"))
    shop.tell(happened("e1", "ada", "viewed", at=NOW - HOUR_MS))
    campaign = nudge(unless="did('viewed', 1)")
    assert enter(database, campaign) == 0
    assert enter(database, campaign, NOW + 22 * HOUR_MS) == 0
    assert enter(database, campaign, NOW + 23 * HOUR_MS) == 1


def test_who_may_come_again_comes_when_the_time_has_passed(database: Database, shop: Shop) -> None:
    """Thirty days between two entries, counted from entering, and never while still in the campaign."""
    shop.tell(order("a1", "ada"))
    campaign = nudge(enter={"when": "order_count >= 1", "once_per": "contact", "again_after": "30d"})
    assert enter(database, campaign) == 1
    assert enter(database, campaign, NOW + 31 * DAY_MS) == 0  # still in it
    leave(database, NOW + 32 * DAY_MS)
    assert enter(database, campaign, NOW + 32 * DAY_MS) == 1
    leave(database, NOW + 33 * DAY_MS)
    assert enter(database, campaign, NOW + 61 * DAY_MS) == 0
    assert enter(database, campaign, NOW + 62 * DAY_MS) == 1
    with database.read() as tx:
        keys = list(tx.scalars(select(enrolments.c.trigger_key).order_by(enrolments.c.id)))
    assert keys == ["contact", "contact again 1", "contact again 2"]


def test_each_order_enters_once_but_not_too_soon(database: Database, shop: Shop) -> None:
    """`once_per: last_order` with `again_after`: an order within the time enters when the time is over."""
    campaign = nudge(enter={"when": "order_count >= 1", "once_per": "last_order", "again_after": "14d"})
    shop.tell(order("a1", "ada"))
    assert enter(database, campaign) == 1
    leave(database, NOW)
    shop.tell(order("a2", "ada", at=NOW), now=NOW + 1)
    assert enter(database, campaign, NOW + DAY_MS) == 0
    assert enter(database, campaign, NOW + 14 * DAY_MS - 1) == 0
    assert enter(database, campaign, NOW + 14 * DAY_MS) == 1
    assert enter(database, campaign, NOW + 40 * DAY_MS) == 0


def test_each_cart_names_its_own_enrolment(database: Database, shop: Shop) -> None:
    """`once_per: last('cart_updated')`: the same cart never twice, a new one again."""
    campaign = nudge(enter={"when": "hours_since(last('cart_updated')) >= 4", "once_per": "last('cart_updated')"})
    shop.tell(happened("e1", "ada", "cart_updated", at=NOW - 5 * HOUR_MS))
    assert enter(database, campaign) == 1
    assert enter(database, campaign, NOW + HOUR_MS) == 0
    shop.tell(happened("e2", "ada", "cart_updated", at=NOW), now=NOW + HOUR_MS)
    assert enter(database, campaign, NOW + HOUR_MS) == 0
    assert enter(database, campaign, NOW + 4 * HOUR_MS) == 1


def test_the_latest_of_several_events_names_an_enrolment(database: Database, shop: Shop) -> None:
    """With the properties that are asked for; of two at one instant the one that is written first does."""
    key = "last('answered', score <= 2) or last('opened')"
    campaign = nudge(enter={"when": "order_count = 0", "once_per": key})
    shop.tell(happened("e1", "ada", "answered", at=NOW - 9, score=5))
    assert enter(database, campaign) == 0
    shop.tell(happened("e3", "ada", "opened", at=NOW - 8), happened("e2", "ada", "answered", at=NOW - 8, score=1))
    shop.tell(happened("e4", "ada", "opened", at=NOW - 7 + DAY_MS))
    assert [enter(database, campaign, NOW + after) for after in (0, 1, DAY_MS, DAY_MS + 1)] == [1, 0, 1, 0]
    both = NOW + 2 * DAY_MS
    shop.tell(happened("e5", "ada", "answered", at=both, score=1), now=both)
    assert enter(database, campaign, both) == 1
    shop.tell(happened("e6", "ada", "opened", at=both), now=both)  # the other order, and told later
    assert enter(database, campaign, both + 1) == 0
    with database.read() as tx:
        keys = tx.scalars(select(enrolments.c.trigger_key).order_by(enrolments.c.id)).all()
    assert keys == ["shop:e2", "shop:e4", "shop:e5"]


def test_a_first_run_takes_no_more_than_the_backlog_and_the_rest_follow(database: Database, shop: Shop) -> None:
    """Ten qualify, four may enter a day, latest trigger first; somebody new does not queue behind them."""
    for number in range(10):
        shop.tell(order(f"o{number}", f"c{number}", at=NOW - (200 - number) * DAY_MS))
    campaign = nudge(enter=LAPSED)
    cap = {"backlog_entries": 4, "backlog_within_ms": DAY_MS}
    assert enter(database, campaign, **cap) == 4
    assert entered(database) == ["c9", "c8", "c7", "c6"]
    shop.tell(order("n1", "new", at=NOW - 95 * DAY_MS))
    assert enter(database, campaign, NOW + HOUR_MS, **cap) == 1
    assert entered(database)[-1] == "new"
    assert enter(database, campaign, NOW + DAY_MS, **cap) == 4
    assert enter(database, campaign, NOW + 2 * DAY_MS, **cap) == 2
    assert enter(database, campaign, NOW + 3 * DAY_MS, **cap) == 0
    assert len(entered(database)) == 11


def test_a_campaign_that_was_paused_comes_back_slowly(database: Database, shop: Shop) -> None:
    """Two months later thirty qualify: they are a backlog, not thirty letters at once; after a week they are not."""
    campaign = nudge(enter=LAPSED)
    assert enter(database, campaign) == 0
    for number in range(30):
        shop.tell(order(f"o{number}", f"c{number}", at=NOW - 60 * DAY_MS), now=NOW + 1)
    cap = {"backlog_entries": 4, "backlog_within_ms": DAY_MS}
    assert enter(database, campaign, NOW + 60 * DAY_MS, **cap) == 4
    assert enter(database, campaign, NOW + 61 * DAY_MS, **cap) == 4
    other = nudge(campaign="other", enter=LAPSED)
    enter(database, other, NOW + 25 * DAY_MS, **cap)
    assert enter(database, other, NOW + 31 * DAY_MS, **cap) == 30


def test_what_can_be_asked_of_unless_before_entering_is_asked(database: Database, shop: Shop) -> None:
    """`open tickets, or complained since entering`: the first half keeps people out, the second is for later."""
    shop.tell(order("a1", "ada"), order("b1", "bob"))
    shop.tell(happened("t1", "ada", "ticket_opened", at=NOW - DAY_MS, ticket_id="1"))
    assert enter(database, nudge(unless="open_tickets > 0 or did_since_entry('complained')")) == 1
    assert entered(database) == ["bob"]


def test_nobody_is_held_out_of_notices_and_mails_to_the_team(database: Database, shop: Shop) -> None:
    """The hold-out of everything measures promotions; a parcel notice or an alert is none."""
    for number in range(40):
        shop.tell(order(f"o{number}", f"c{number}"))
    alert = nudge(campaign="alert", steps=[{"send": "hello", "channel": "staff"}])
    for campaign in (nudge(purpose="transactional"), alert):
        assert enter(database, campaign, holdout=0.5) == 40
    with database.read() as tx:
        assert set(tx.scalars(select(enrolments.c.holdout))) == {None}


def test_a_campaigns_own_cap_holds_over_any_stretch(database: Database, shop: Shop) -> None:
    """Three a day, counted over the last 24 hours; nobody who qualifies is forgotten."""
    for number in range(8):
        shop.tell(order(f"o{number}", f"c{number}"))
    campaign = nudge(
        enter={"when": "order_count >= 1", "once_per": "contact", "at_most": {"entries": 3, "within": "1d"}}
    )
    ticks = [NOW, NOW + 6 * HOUR_MS, NOW + DAY_MS, NOW + DAY_MS + HOUR_MS, NOW + 2 * DAY_MS, NOW + 3 * DAY_MS]
    assert [enter(database, campaign, now) for now in ticks] == [3, 0, 3, 0, 2, 0]


def test_the_held_out_are_enrolled_and_counted_and_always_the_same(database: Database, shop: Shop) -> None:
    """One in five of each campaign, one in ten of everything; by lot, whatever database or day."""
    for number in range(300):
        shop.tell(order(f"o{number}", f"c{number}"))
    assert enter(database, nudge(holdout="20%"), holdout=0.1) == 300
    with database.read() as tx:
        query = select(contacts.c.lot, enrolments.c.holdout).join(enrolments, enrolments.c.contact_id == contacts.c.id)
        rows = tx.execute(query).all()
        kinds = Counter(tx.scalars(select(decisions.c.kind)))
        reasons = set(tx.scalars(select(decisions.c.reason).where(decisions.c.kind == "held_out")))
    for lot, holdout in rows:
        everything, this = mixed(lot, "holdout") < below(0.1), mixed(lot, "holdout nudge") < below(0.2)
        assert holdout == ("global" if everything else "campaign" if this else None)
    held_out = sum(holdout is not None for _, holdout in rows)
    assert 60 <= held_out <= 110  # 84 expected, three standard deviations of 7.8 either way
    assert kinds == {"entered": 300 - held_out, "held_out": held_out}
    assert reasons == {"enter.when holds; held out of everything", "enter.when holds; held out of the campaign"}


def test_hold_outs_of_two_campaigns_have_nothing_to_do_with_each_other(database: Database, shop: Shop) -> None:
    """Of those held out of one, about as many are held out of the other as of everybody."""
    for number in range(400):
        shop.tell(order(f"o{number}", f"c{number}"))
    for name in ("nudge", "other"):
        enter(database, nudge(campaign=name, holdout="50%"))
    with database.read() as tx:
        e = enrolments.c
        out = [
            set(tx.scalars(select(e.contact_id).where(e.campaign == name, e.holdout.is_not(None))))
            for name in ("nudge", "other")
        ]
    assert 65 <= len(out[0] & out[1]) <= 135  # 100 expected; standard deviation 8.7


def test_the_facts_that_mattered_are_kept(database: Database, shop: Shop) -> None:
    """A decision says why: the values of everything the condition asked, computed ones included."""
    shop.tell(order("a1", "ada", at=NOW - 91 * DAY_MS))
    shop.tell(happened("e1", "ada", "viewed", at=NOW - DAY_MS, category="tea"))
    when = "days_since(last_order_at) > usual_gap(0.8, 90) and did('viewed', 7, category = 'tea')"
    enter(database, nudge(enter={"when": when, "once_per": "last_order"}))
    with database.read() as tx:
        kept = tx.scalar(select(decisions.c.facts))
    assert json.loads(kept or "") == {
        "last_order_at": NOW - 91 * DAY_MS,
        "usual_gap(0.8, 90)": 90 * DAY_MS,
        "did('viewed', within = 7, category = 'tea')": 1,
    }


def test_a_tick_in_which_nothing_happened_reads_no_profile(database: Database, shop: Shop) -> None:
    """The cost follows what changed: of a thousand contacts none is looked at one by one."""
    shop.tell(*[order(f"o{number}", f"c{number}", at=NOW - 10 * DAY_MS) for number in range(1_000)])
    campaign = nudge(enter=LAPSED)
    enter(database, campaign)
    statements: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    assert enter(database, campaign, NOW + 5 * 60_000) == 0
    inserts = [one for one in statements if one.startswith("INSERT INTO enrolments")]
    assert len(inserts) == 1
    assert "profiles.changed >=" in inserts[0]
    assert "profiles.last_order_at BETWEEN" in inserts[0]
