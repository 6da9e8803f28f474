"""What waits: until when, with which reason on record, and when it is dropped."""

from __future__ import annotations

import pytest

from clm.domain.hours import Hours
from clm.domain.instant import DAY_MS, HOUR_MS
from clm.domain.policy import TOO_LATE, Cap, Policy
from clm.domain.wish import Frequency, Wish
from tests.engine.guarded import BY_DAY, NEWS, NOON, TEXT, Guarded, ask
from tests.engine.rehearsal import AGAIN, HELLO, TWO_DAYS, Seen, campaign
from tests.engine.shop import NOW


def test_a_message_in_quiet_hours_waits_and_leaves_when_they_end(guarded: Guarded) -> None:
    """It stays queued with its reason, is in nobody's hands, and its contact's other channels are not held up."""
    guarded.policy = Policy(hours={"sms": Hours(BY_DAY)})
    guarded.have(campaign(steps=[TEXT]), campaign("other", steps=[NEWS]))
    guarded.customer(country="GB")
    assert guarded.run(NOW) == {"deferred": 1, "sent": 1}
    reason = "quiet until 09:00 Europe/London"
    assert guarded.messages("nudge") == [Seen("ada", "hello", "queued", reason)]
    facts = {"zones": ["Europe/London"], "places": ["GB"], "opens": "2024-10-04T08:00:00Z"}
    assert guarded.deferred() == [(reason, {"quiet_hours": facts})]
    assert guarded.dispatcher(NOW).others_until() is None
    assert guarded.run(NOW + 8 * HOUR_MS - 1) == {}, "nobody looks before it is time"
    assert guarded.run(NOW + 8 * HOUR_MS) == {"sent": 1}
    assert guarded.messages("nudge") == [Seen("ada", "hello", "sent", None)]


def test_where_a_contact_is_decides_what_is_quiet(guarded: Guarded) -> None:
    """A zone that was told, else the postcode, else the country, else the number; else the shop's own zone."""
    guarded.policy = Policy(zone="Asia/Tokyo", hours={"sms": Hours(BY_DAY)})
    guarded.have(campaign(steps=[TEXT]))
    guarded.customer("zone", zone="Europe/Rome", phone="+447700900123")
    guarded.customer("number", phone="+447700900123")
    guarded.customer("nowhere", phone="+88213300655")
    assert guarded.run(NOW + 7 * HOUR_MS) == {"sent": 2, "deferred": 1}
    assert [seen.contact for seen in guarded.messages() if seen.status == "queued"] == ["number"]


def test_the_same_reason_is_on_record_once_however_often_it_is_looked_at(guarded: Guarded) -> None:
    """A ticket open for a day is one decision; what it then waits for is another."""
    guarded.policy = Policy(service_first=ask("open_tickets > 0"), look_again=6 * HOUR_MS, gaps={"email": 4 * DAY_MS})
    guarded.have(campaign(steps=[{**HELLO, "within": "9d"}]))
    guarded.customer()
    guarded.know(open_tickets=2)
    for hours in (0, 6, 12, 18):
        assert guarded.run(NOON + hours * HOUR_MS) == {"deferred": 1}
        assert guarded.run(NOON + hours * HOUR_MS + 1) == {}, "it is looked at again when it is time"
    ticket = ("open ticket: promotions wait", {"service_first": {"open_tickets": 2}})
    assert guarded.deferred() == [ticket]
    guarded.know(open_tickets=0)
    guarded.history(0)
    assert guarded.run(NOON + DAY_MS) == {"deferred": 1}
    assert [reason for reason, _ in guarded.deferred()] == [ticket[0], "an e-mail less than 4 days ago"]
    assert guarded.run(NOON + 4 * DAY_MS) == {"sent": 1}


@pytest.mark.parametrize(("frequency", "days"), [("weekly", 7), ("monthly", 30)])
def test_no_mail_comes_sooner_than_somebody_wishes(guarded: Guarded, frequency: Frequency, days: int) -> None:
    """By their own choice on the preference page, whatever the shop's policy allows; each waits for the rest of it."""
    guarded.have(campaign(steps=[{**HELLO, "within": "9d"}]))
    guarded.customer()
    guarded.wish("ada", Wish(frequency=frequency))
    guarded.history(days - 3)
    assert guarded.run(NOON) == {"deferred": 1}
    assert [reason for reason, _ in guarded.deferred()] == [f"wants no more than one e-mail in {days} days"]
    assert guarded.run(NOON + 3 * DAY_MS - 1) == {}
    assert guarded.run(NOON + 3 * DAY_MS) == {"sent": 1}


def test_how_often_mail_may_come_is_a_wish_about_marketing_mail(guarded: Guarded) -> None:
    """SMS, and what somebody is owed, do not wait for it."""
    guarded.have(campaign(steps=[TEXT]), campaign("other", purpose="transactional"))
    guarded.customer()
    guarded.wish("ada", Wish(frequency="monthly"))
    guarded.history(1)
    assert guarded.run(NOON) == {"sent": 2}


def test_of_two_campaigns_the_more_urgent_goes_first_and_the_other_waits_its_turn(guarded: Guarded) -> None:
    """Priority decides who takes the place; the loser is deferred, and goes when there is room."""
    guarded.policy = Policy(gaps={"email": 16 * HOUR_MS})
    guarded.have(campaign(priority=40), campaign("other", priority=80))
    guarded.customer()
    assert guarded.run(NOON) == {"sent": 1, "deferred": 1}
    assert guarded.handed() == ["other hello"]
    assert guarded.messages("nudge")[0].reason == "an e-mail less than 16 hours ago"
    assert guarded.run(NOON + 16 * HOUR_MS) == {"sent": 1}
    assert guarded.handed() == ["other hello", "nudge hello"]


def test_the_loser_is_dropped_at_its_deadline_with_what_it_waited_for(guarded: Guarded) -> None:
    """Never silently: the message, and the decision, say what was in the way."""
    guarded.policy = Policy(caps=(Cap("email", 1, 7 * DAY_MS),))
    guarded.have(campaign(priority=40, steps=[NEWS, TWO_DAYS, AGAIN]), campaign("other", priority=80))
    guarded.customer()
    assert guarded.run(NOON) == {"sent": 1, "expired": 1}
    reason = "1 e-mail in 7 days already, until it was too late"
    assert guarded.messages("nudge") == [Seen("ada", "hello", "expired", reason)]
    ((kind, told, facts),) = [one for one in guarded.decided() if one[0] != "deferred"]
    assert (kind, told) == ("expired", reason)
    assert facts == {"cap": {"channel": "email", "sent": 1, "at_most": 1, "within": "7 days"}}
    assert sorted(status for _, status, _ in guarded.enrolments()) == ["active", "completed"], "its journey goes on"


def test_what_nobody_came_to_send_in_time_says_so_and_what_waited_to_its_deadline_says_that(guarded: Guarded) -> None:
    """Reconciling tells a machine that stood still from a ticket that stayed open."""
    guarded.policy = Policy(service_first=ask("open_tickets > 0"), look_again=30 * DAY_MS)
    guarded.have(campaign(steps=[NEWS]))
    guarded.customer("ada")
    assert guarded.decide(NOON)
    guarded.know(open_tickets=1)
    assert guarded.hand_over(NOON) == {"deferred": 1}
    guarded.customer("bob", at=NOON)
    guarded.decide(NOON + 1)
    guarded.reconcile(NOON + 4 * DAY_MS)
    assert [seen.reason for seen in guarded.messages()] == [
        "open ticket: promotions wait, until it was too late",
        TOO_LATE,
    ]
