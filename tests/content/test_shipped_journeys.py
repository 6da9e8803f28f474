"""Who enters which shipped campaign and what it sends them, as the engine has it on either database."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from itertools import count
from typing import Any

import pytest
from sqlalchemy import select, update

from clm.config import Configuration, load_configuration
from clm.domain.instant import DAY_MS, HOUR_MS, from_ms, to_ms
from clm.domain.record import ContactRecord, EventRecord
from clm.engine.advance import advance
from clm.engine.enrol import enrol
from clm.engine.journey import Journeys
from clm.engine.profile import refresh
from clm.store.changes import stamp
from clm.store.conditions import compiled
from clm.store.database import Database
from clm.store.schema import contacts, enrolments, group_history, messages, profiles, suppressions
from tests.engine.shop import NOW, Shop, order

from .conftest import PROJECT
from .test_campaigns import TABLE

pytestmark = pytest.mark.slow

ROWS = count(1)
TODAY = from_ms(NOW)
BORN_ON = to_ms(datetime(1988, TODAY.month, TODAY.day, tzinfo=UTC))
BIRTHDAY = 100 * TODAY.month + TODAY.day


Event = tuple[float, str, dict[str, Any]]
"""Days after entering, name, properties."""


@cache
def _all_live() -> Configuration:
    """The shipped configuration with its drafts switched on."""
    shipped = load_configuration(PROJECT / "config")
    live = tuple(campaign.model_copy(update={"status": "live"}) for campaign in shipped.campaigns)
    return replace(shipped, campaigns=live)


class Town:
    """People of a small town, told to a shop one by one; times are days before now."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.shop = Shop(database)

    def person(self, name: str, *ordered: float, **details: Any) -> None:
        """Somebody who agreed to both channels and placed an order so many days ago each."""
        said: dict[str, Any] = {"email": f"{name}@example.com", "email_consent": True, "sms_consent": True, **details}
        self.shop.tell(ContactRecord(name, consent_at=NOW - 900 * DAY_MS, **said))
        for days in ordered:
            self.shop.tell(order(f"{name}-{next(ROWS)}", name, at=NOW - round(days * DAY_MS)))

    def did(self, name: str, event: str, days: float, **properties: Any) -> None:
        """Something that happened so many days ago."""
        at = NOW - round(days * DAY_MS)
        self.shop.tell(EventRecord(f"e{next(ROWS)}", name, event, at, json.dumps(properties, sort_keys=True)))

    def known(self, name: str, **columns: Any) -> None:
        """What scores and handovers have put into the profile; `rfm_group` since a day ago."""
        with self.database.write() as tx:
            [contact_id] = tx.execute(select(contacts.c.id).where(contacts.c.external_id == name)).scalars()
            columns["changed"] = stamp(tx)
            tx.execute(update(profiles).where(profiles.c.contact_id == contact_id).values(columns))
            if "rfm_group" in columns:
                row = {"contact_id": contact_id, "since": NOW - DAY_MS, "name": columns["rfm_group"]}
                tx.execute(group_history.insert().values(row))

    def entered(self) -> dict[str, set[str]]:
        """Everybody's campaigns, after one run of all of them."""
        refresh(self.database, now=NOW)
        configuration = _all_live()
        for campaign in configuration.campaigns:
            enrol(self.database, Journeys(configuration), campaign, now=NOW)
        query = select(contacts.c.external_id, enrolments.c.campaign).join_from(enrolments, contacts)
        found: dict[str, set[str]] = {}
        with self.database.read() as tx:
            for name, campaign in tx.execute(query):
                found.setdefault(name, set()).add(campaign)
        return found

    def walk(self, name: str, *later: Event, days: int, every: int = 24) -> list[tuple[float, str, str]]:
        """What the campaign `name` would send the one who enters it: days after entering, step, channel.

        It is run every so many hours, for so many days, and what it would send counts as sent.
        """
        journeys = Journeys(_all_live())
        [campaign] = [one for one in journeys.configuration.campaigns if one.campaign == name]
        refresh(self.database, now=NOW)
        assert enrol(self.database, journeys, campaign, now=NOW) == 1
        with self.database.write() as tx:
            tx.execute(update(enrolments).values(holdout=None))  # lots may fall as they like elsewhere
        for hour in range(0, days * 24 + 1, every):
            now = NOW + hour * HOUR_MS
            told = [event for event in later if event[0] * 24 == hour]
            for after, event, properties in told:
                self.did("ada", event, -after, **properties)
            if told:
                refresh(self.database, now=now)
            advance(self.database, journeys, campaign, now=now)
            with self.database.write() as tx:
                tx.execute(update(messages).where(messages.c.status == "queued").values(status="sent"))
        m = messages.c
        with self.database.read() as tx:
            rows = tx.execute(select(m.due_at, m.step, m.channel).order_by(m.due_at, m.id)).all()
        return [((row.due_at - NOW) / DAY_MS, row.step, row.channel) for row in rows]

    def refund(self, name: str, order_id: str) -> None:
        """An order taken back, whole, at this instant."""
        self.shop.tell(order(f"back-{order_id}", name, at=NOW, kind="cancellation", cancels=order_id))
        refresh(self.database, now=NOW)

    def let_be(self, name: str) -> set[str]:
        """Whom in the campaign `name` nothing more is sent to, by its `unless`."""
        configuration = _all_live()
        [campaign] = [one for one in configuration.campaigns if one.campaign == name]
        unless = configuration.rules(campaign).unless
        assert unless is not None
        joined = contacts.join(profiles, profiles.c.contact_id == contacts.c.id).join(
            enrolments, enrolments.c.contact_id == contacts.c.id
        )
        query = select(contacts.c.external_id).select_from(joined).where(enrolments.c.campaign == name)
        with self.database.read() as tx:
            return set(tx.scalars(query.where(compiled(unless, NOW))))


@pytest.fixture
def town(database: Database) -> Town:
    """A town without people."""
    return Town(database)


def test_each_campaign_finds_its_own(town: Town) -> None:
    """One person for each campaign of the table: that campaign takes them in, and no other does."""
    town.person("welcome", signed_up_at=NOW - DAY_MS)
    town.person("first_purchase", 6)
    town.did("first_purchase", "order_delivered", 2.5, order_id="1")
    town.person("second_purchase", 40)
    town.person("feedback", 4, 24, 44)
    town.did("feedback", "order_delivered", 1.5, order_id="2")
    town.person("feedback_low", 24, 44)
    town.did("feedback_low", "survey_answered", 1, survey="rating", score=2)
    town.person("feedback_low_nps", 24, 44)
    town.did("feedback_low_nps", "survey_answered", 1, survey="nps", score=6)
    town.person("feedback_high", 24, 44)
    town.did("feedback_high", "survey_answered", 1, survey="rating", score=5)
    town.person("win_back", 120, 150)
    town.person("reactivated", 5, 155)
    town.did("reactivated", "order_delivered", 2.5, order_id="3")
    town.person("high_value", 24, 44)
    town.known("high_value", rfm_group="champions")
    town.person("slipping_vip", 150, 170)
    town.known("slipping_vip", rfm_group="cannot_lose")
    town.person("reorder", 38, 78, 118)
    town.person("abandoned_cart", 44, 64)
    town.did("abandoned_cart", "cart_updated", 0.5, cart_id="c1", value=20)
    town.person("birthday", 44, 64)
    town.known("birthday", born_on=BORN_ON, birthday=BIRTHDAY, born_on_told_at=NOW - 40 * DAY_MS)
    town.person("trial")
    town.did("trial", "trial_started", 1)
    town.person("referral", 22, 52, 82, 112)
    town.person("sunset")
    town.known("sunset", emails_sent=8, last_activity_at=NOW - 200 * DAY_MS)
    found = town.entered()
    assert found == {name: {name.removesuffix("_nps")} for name in found}
    assert {campaign for one in found.values() for campaign in one} == set(TABLE)


def _in(found: dict[str, set[str]], campaign: str) -> set[str]:
    return {name for name, campaigns in found.items() if campaign in campaigns}


def test_nobody_is_asked_about_a_parcel_of_an_earlier_order(town: Town) -> None:
    """A delivery of before the latest order is none of it: neither asked about at once, nor taken for its own later."""
    town.person("ordered_again", 9, 1 / 24)
    town.did("ordered_again", "order_delivered", 1.25, order_id="1")
    town.person("arrived", 9)
    town.did("arrived", "order_delivered", 1.25, order_id="2")
    town.person("asked_already", 9)
    town.did("asked_already", "order_delivered", 5, order_id="3")
    town.person("told_of_another", 9, 40)
    town.did("told_of_another", "order_delivered", 36, order_id="4")
    town.person("untold", 9)
    assert _in(town.entered(), "feedback") == {"arrived", "told_of_another", "untold"}


@pytest.mark.parametrize(("campaign", "before"), [("first_purchase", ()), ("reactivated", (200,))])
def test_a_parcel_that_is_not_told_of_gets_a_week(town: Town, campaign: str, before: tuple[float, ...]) -> None:
    """Where no delivery of the order is told, nobody is thanked before it should have come, and nobody is forgotten."""
    for days in (4, 6.9, 7.1, 13.9, 14.1):
        town.person(f"after_{days}", days, *before)
    town.person("another_parcel", 1, *before)
    town.did("another_parcel", "order_delivered", 2, order_id="sample")
    assert _in(town.entered(), campaign) == {"after_7.1", "after_13.9"}


def test_no_best_customer_is_forgotten_in_silence(town: Town) -> None:
    """Whoever of them is quiet is looked after, however long ago they became so; `win_back` leaves them alone."""
    town.person("among_those_at_risk", 10, 20)
    town.known("among_those_at_risk", rfm_group="at_risk", spend_percentile=95)
    town.person("quiet", 150, 170)
    town.known("quiet", rfm_group="loyal", spend_percentile=95, p_alive=0.8)
    town.person("fell_long_ago", 150, 170)
    town.known("fell_long_ago", rfm_group="cannot_lose")
    with town.database.write() as tx:
        tx.execute(update(group_history).values(since=NOW - 60 * DAY_MS))
    town.person("still_buying", 10, 20)
    town.known("still_buying", rfm_group="loyal", spend_percentile=95, p_alive=0.8)
    found = town.entered()
    assert _in(found, "slipping_vip") == {"among_those_at_risk", "quiet", "fell_long_ago"}
    assert not _in(found, "win_back")
    assert _in(found, "high_value") == {"still_buying"}


def test_those_whom_the_day_has_no_room_for_follow(town: Town) -> None:
    """More than twenty best customers gone quiet enter on several days, until none is left over."""
    for number in range(23):
        town.person(f"quiet_{number}", 150, 170)
        town.known(f"quiet_{number}", rfm_group="cannot_lose")
    assert len(_in(town.entered(), "slipping_vip")) == 20
    journeys = Journeys(_all_live())
    [campaign] = [one for one in journeys.configuration.campaigns if one.campaign == "slipping_vip"]
    assert enrol(town.database, journeys, campaign, now=NOW + 9 * DAY_MS) == 3


def test_an_order_taken_back_is_noticed(town: Town) -> None:
    """What is left is an older order, so thanks, question and reminder of the one that is gone are not sent."""
    town.person("reactivated", 200)
    town.shop.tell(order("r1", "reactivated", at=NOW - 8 * DAY_MS))
    town.person("feedback", 60)
    town.shop.tell(order("f1", "feedback", at=NOW - 8 * DAY_MS))
    town.person("reorder", 118, 78)
    town.shop.tell(order("o1", "reorder", at=NOW - 38 * DAY_MS))
    found = town.entered()
    for campaign, order_id in (("reactivated", "r1"), ("feedback", "f1"), ("reorder", "o1")):
        assert campaign in found[campaign]
        assert campaign not in town.let_be(campaign)
        town.refund(campaign, order_id)
        assert campaign in town.let_be(campaign)


def test_an_emptied_basket_is_not_left_behind(town: Town) -> None:
    """Cleared by hand or by the order itself; filled again, it is. Shops that tell no value are understood too."""
    filled, emptied = {"value": 20}, {"value": 0}
    minute = 1 / 1440
    baskets: dict[str, tuple[tuple[float, ...], dict[float, dict[str, Any]]]] = {
        "left": ((40, 60), {0.5: filled}),
        "left_after_an_order": ((1, 40), {0.5: filled}),
        "left_untold": ((40, 60), {0.5: {}}),
        "filled_again": ((40, 60), {0.6: filled, 0.5: emptied, 0.4: filled}),
        "emptied": ((40, 60), {0.6: filled, 0.5: emptied}),
        "cleared_by_the_order": ((0.5, 40), {0.6: filled, 0.5 - minute: emptied}),
        "cleared_before_the_order": ((0.5, 40), {0.6: filled, 0.5 + minute: emptied}),
        "cleared_untold": ((2.9, 40), {3: {}, 2.9 - minute: {}}),
    }
    for name, (ordered, told) in baskets.items():
        town.person(name, *ordered)
        for days, properties in told.items():
            town.did(name, "cart_updated", days, cart_id=name, **properties)
    left = {"left", "left_after_an_order", "left_untold", "filled_again"}
    assert _in(town.entered(), "abandoned_cart") == left
    assert town.let_be("abandoned_cart") == set()
    town.did("left", "cart_updated", 0, cart_id="left", value=0)
    refresh(town.database, now=NOW)
    assert town.let_be("abandoned_cart") == {"left"}


def test_a_birthday_is_not_spent_on_a_gift_that_is_refused(town: Town) -> None:
    """Who may get an offer enters: buyers, and who has looked round lately; the others may on a later birthday."""
    town.person("bought", 400)
    town.person("looked_round")
    for days in (1, 2):
        town.did("looked_round", "viewed_product", days, product_id=str(days))
    town.person("neither")
    for name in ("bought", "looked_round", "neither"):
        town.known(name, born_on=BORN_ON, birthday=BIRTHDAY, born_on_told_at=NOW - 40 * DAY_MS)
    assert _in(town.entered(), "birthday") == {"bought", "looked_round"}


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
    assert _in(town.entered(), "second_purchase") == {"bob"}


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


def test_a_letter_that_is_opened_ends_the_sunset(town: Town) -> None:
    """Who looks at what we write, of whatever campaign, reads us after all."""
    town.person("ada")
    town.known("ada", emails_sent=8, last_activity_at=NOW - 200 * DAY_MS)
    assert town.walk("sunset", days=3) == _mails((0, "question"))
    town.known("ada", last_reaction_at=NOW + 4 * DAY_MS)
    journeys = Journeys(_all_live())
    [campaign] = [one for one in journeys.configuration.campaigns if one.campaign == "sunset"]
    advance(town.database, journeys, campaign, now=NOW + 8 * DAY_MS)
    with town.database.read() as tx:
        assert tx.execute(select(enrolments.c.status, enrolments.c.exit_reason)).one() == (
            "exited",
            "came back by themselves",
        )
        assert tx.scalars(select(messages.c.step)).all() == ["question"]
