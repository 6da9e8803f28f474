"""What each shipped campaign sends whom it has taken in, and when, as the engine has it on either database."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from clm.domain.instant import DAY_MS
from clm.engine.advance import advance
from clm.engine.journey import Journeys
from clm.store.schema import enrolments, messages, suppressions
from tests.engine.shop import NOW, order

from .town import BIRTHDAY, BORN_ON, Town, all_live, those_in

pytestmark = pytest.mark.slow


def _mails(*steps: tuple[float, str]) -> list[tuple[float, str, str]]:
    return [(day, step, "email") for day, step in steps]


def test_welcome_shows_best_sellers_to_who_did_not_look_round(town: Town) -> None:
    """Three letters, and no code for somebody who has shown no interest."""
    town.person("ada", signed_up_at=NOW)
    assert town.walk("welcome", days=7) == _mails((0, "hello"), (2, "story"), (4, "best_sellers"))


def test_welcome_follows_what_somebody_looks_at(town: Town) -> None:
    """Spices looked at make the third letter one of spices, and two products in a week earn the code."""
    town.person("ada", signed_up_at=NOW)
    looked = [(day, "viewed_product", {"category": "Spices", "product_id": str(day)}) for day in (1, 3)]
    assert town.walk("welcome", *looked, days=7) == _mails((0, "hello"), (2, "story"), (4, "spice_shelf"), (7, "code"))


def test_second_purchase_reminds_by_sms_where_agreed(town: Town) -> None:
    """Two days before the code runs out, by SMS for those who agreed to it."""
    town.person("ada", 40)
    assert town.walk("second_purchase", days=5) == [(0, "incentive", "email"), (5, "reminder_sms", "sms")]


def test_second_purchase_reminds_by_mail_otherwise(town: Town) -> None:
    """Nobody is left without the reminder."""
    town.person("ada", 40, sms_consent=False)
    assert town.walk("second_purchase", days=5) == _mails((0, "incentive"), (5, "reminder"))


def test_no_sms_reminds_of_a_letter_that_was_not_sent(town: Town) -> None:
    """Without consent to e-mail there is no offer, so nobody enters for the SMS alone."""
    town.person("ada", 40, email_consent=False)
    town.person("bob", 40)
    assert those_in(town.entered(), "second_purchase") == {"bob"}


def test_win_back_has_no_last_call_for_an_offer_that_was_not_sent(town: Town) -> None:
    """Good customers without consent to e-mail get no SMS about it either: the letter is drawn, and refused."""
    town.person("ada", email_consent=False)
    town.shop.tell(order("big", "ada", at=NOW - 100 * DAY_MS, amount=30_000))
    assert town.walk("win_back", days=24)[-1] == (24, "last_letter", "email")


@pytest.mark.parametrize(("pence", "last"), [(1_000, ("last_letter", "email")), (30_000, ("last_call", "sms"))])
def test_win_back_saves_the_sms_for_good_customers(town: Town, pence: int, last: tuple[str, str]) -> None:
    """The last word after 24 days is an SMS to those who spent more than 200 in a year, and a letter to the others."""
    town.person("ada", 120)
    town.shop.tell(order("big", "ada", at=NOW - 100 * DAY_MS, amount=pence))
    expected = [*_mails((0, "news"), (6, "value"), (13, "incentive")), (24, *last)]
    assert town.walk("win_back", days=24) == expected


def test_a_low_mark_is_reminded_of_until_it_is_settled(town: Town) -> None:
    """An alert at once and another after 48 hours; a better mark in between ends it."""
    town.person("ada", 40)
    town.did("ada", "survey_answered", 0, survey="rating", score=1)
    assert town.walk("feedback_low", days=3) == [(0, "alert", "staff"), (2, "overdue", "staff")]


def test_a_low_mark_that_is_settled_is_let_be(town: Town) -> None:
    """Once they have given a good mark, nobody is reminded."""
    town.person("ada", 40)
    town.did("ada", "survey_answered", 0, survey="rating", score=1)
    settled = (1, "survey_answered", {"survey": "rating", "score": 4})
    assert town.walk("feedback_low", settled, days=3) == [(0, "alert", "staff")]


@pytest.mark.parametrize("helpdesk", [False, True])
def test_a_low_mark_put_right_before_the_run_tells_nobody(town: Town, helpdesk: bool) -> None:
    """Whatever else their helpdesk has open; a later low mark does."""
    town.person("ada", 40)
    if helpdesk:
        town.did("ada", "ticket_opened", 3, ticket_id="t1")
    town.did("ada", "survey_answered", 0.5, survey="rating", score=1)
    town.put_right("ada", days=0.25)
    assert "feedback_low" not in town.entered().get("ada", set())
    town.did("ada", "survey_answered", 0, survey="rating", score=2)
    assert "feedback_low" in town.entered()["ada"]


def test_a_low_mark_that_the_helpdesk_has_settled_tells_nobody(town: Town) -> None:
    """It closes the ticket by its id, and says nothing of how."""
    town.person("ada", 40)
    town.did("ada", "survey_answered", 0.5, survey="csat", score=1)
    town.did("ada", "ticket_opened", 0.5, ticket_id="survey 1", topic="low mark")
    town.did("ada", "ticket_closed", 0.25, ticket_id="survey 1")
    assert "feedback_low" not in town.entered().get("ada", set())


def test_another_ticket_closed_puts_nothing_right(town: Town) -> None:
    """Where the one that the low mark opened is open still."""
    town.person("ada", 40)
    town.did("ada", "ticket_opened", 3, ticket_id="t1")
    town.did("ada", "survey_answered", 0.5, survey="nps", score=1)
    town.did("ada", "ticket_opened", 0.5, ticket_id="survey 1", topic="low mark")
    town.did("ada", "ticket_closed", 0.25, ticket_id="t1")
    assert "feedback_low" in town.entered()["ada"]


def test_a_low_mark_put_right_is_not_overdue(town: Town) -> None:
    """Even while their helpdesk has another ticket open."""
    town.person("ada", 40)
    town.did("ada", "ticket_opened", 3, ticket_id="t1")
    town.did("ada", "survey_answered", 0, survey="rating", score=1)
    settled = (1, "ticket_closed", {"ticket_id": "rating 1 from shop e1", "resolution": "put right"})
    assert town.walk("feedback_low", settled, days=3) == [(0, "alert", "staff")]


def test_a_trial_in_use_gets_its_badges(town: Town) -> None:
    """A badge with each of three uses in the first week, and notice on day 25."""
    town.person("ada")
    town.did("ada", "trial_started", 0)
    uses = [(day, "app_used", {}) for day in (1, 2, 5)]
    badges = [(1, "first_badge"), (2, "second_badge"), (5, "third_badge")]
    assert town.walk("trial", *uses, days=25) == _mails(*badges, (25, "notice"))


def test_a_slow_trial_is_nudged_once(town: Town) -> None:
    """A nudge after a week without three uses; the third badge comes whenever they get there."""
    town.person("ada")
    town.did("ada", "trial_started", 0)
    uses = [(day, "app_used", {}) for day in (1, 9, 12)]
    assert town.walk("trial", *uses, days=25) == _mails(
        (1, "first_badge"), (7, "nudge"), (12, "third_badge"), (25, "notice")
    )


def test_a_trial_never_used_is_told_of_its_end(town: Town) -> None:
    """No badge that was not earned: a nudge, and notice on day 25."""
    town.person("ada")
    town.did("ada", "trial_started", 0)
    assert town.walk("trial", days=25) == _mails((7, "nudge"), (25, "notice"))


def test_a_birthday_is_wished_at_nine(town: Town) -> None:
    """Who has their day from midnight on is written to at nine, where they live."""
    town.person("ada", 40, zone="UTC")
    town.known("ada", born_on=BORN_ON, birthday=BIRTHDAY, born_on_told_at=NOW - 40 * DAY_MS)
    assert town.walk("birthday", days=1, every=3) == _mails((9 / 24, "gift"))


def test_sunset_asks_twice_and_lets_go(town: Town) -> None:
    """Two letters a week apart, and a week after the second the address is suppressed."""
    town.person("ada")
    town.known("ada", emails_sent=8, last_activity_at=NOW - 200 * DAY_MS)
    assert town.walk("sunset", days=14) == _mails((0, "question"), (7, "goodbye"))
    with town.database.read() as tx:
        [row] = tx.execute(select(suppressions.c.channel, suppressions.c.at)).all()
    assert (row.channel, (row.at - NOW) / DAY_MS) == ("email", 14)


@pytest.mark.parametrize("event", ["visited", "cart_updated", "app_used"])
def test_a_sign_of_life_ends_the_sunset(town: Town, event: str) -> None:
    """Who does anything of their own stays on the list."""
    town.person("ada")
    town.known("ada", emails_sent=8, last_activity_at=NOW - 200 * DAY_MS)
    assert town.walk("sunset", (3, event, {}), days=14) == _mails((0, "question"))
    with town.database.read() as tx:
        assert not tx.execute(select(suppressions.c.id)).all()


def test_keeping_the_letters_is_the_goal_of_the_sunset(town: Town) -> None:
    """The button of our own page is enough, without any event of a provider: nobody is let go who has pressed it."""
    town.person("ada")
    town.known("ada", emails_sent=8, last_activity_at=NOW - 200 * DAY_MS)
    assert town.walk("sunset", (3, "preferences_saved", {"letters": "yes"}), days=15) == _mails((0, "question"))
    with town.database.read() as tx:
        assert tx.execute(select(enrolments.c.status, enrolments.c.exit_reason)).one() == ("exited", "goal reached")
        assert not tx.execute(select(suppressions.c.id)).all()


def test_a_letter_that_is_opened_ends_the_sunset(town: Town) -> None:
    """Who looks at what we write, of whatever campaign, reads us after all."""
    town.person("ada")
    town.known("ada", emails_sent=8, last_activity_at=NOW - 200 * DAY_MS)
    assert town.walk("sunset", days=3) == _mails((0, "question"))
    town.known("ada", last_reaction_at=NOW + 4 * DAY_MS)
    journeys = Journeys(all_live())
    [campaign] = [one for one in journeys.configuration.campaigns if one.campaign == "sunset"]
    advance(town.database, journeys, campaign, now=NOW + 8 * DAY_MS)
    with town.database.read() as tx:
        assert tx.execute(select(enrolments.c.status, enrolments.c.exit_reason)).one() == (
            "exited",
            "came back by themselves",
        )
        assert tx.scalars(select(messages.c.step)).all() == ["question"]
