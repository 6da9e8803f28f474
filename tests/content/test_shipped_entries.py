"""Who enters which shipped campaign, and who does not, as the engine has it on either database."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from clm.domain.instant import DAY_MS
from clm.engine.enrol import enrol
from clm.engine.journey import Journeys
from clm.engine.profile import refresh
from clm.store.schema import group_history
from tests.engine.shop import NOW, order

from .test_campaigns import TABLE
from .town import BIRTHDAY, BORN_ON, Town, all_live, those_in

pytestmark = pytest.mark.slow


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
    town.person("confirm", email_consent=False)
    town.did("confirm", "signup_requested", 0.1)
    found = town.entered()
    assert found == {name: {name.removesuffix("_nps")} for name in found}
    assert {campaign for one in found.values() for campaign in one} == set(TABLE)


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
    assert those_in(town.entered(), "feedback") == {"arrived", "told_of_another", "untold"}


@pytest.mark.parametrize(("campaign", "before"), [("first_purchase", ()), ("reactivated", (200,))])
def test_a_parcel_that_is_not_told_of_gets_a_week(town: Town, campaign: str, before: tuple[float, ...]) -> None:
    """Where no delivery of the order is told, nobody is thanked before it should have come, and nobody is forgotten."""
    for days in (4, 6.9, 7.1, 13.9, 14.1):
        town.person(f"after_{days}", days, *before)
    town.person("another_parcel", 1, *before)
    town.did("another_parcel", "order_delivered", 2, order_id="sample")
    assert those_in(town.entered(), campaign) == {"after_7.1", "after_13.9"}


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
    assert those_in(found, "slipping_vip") == {"among_those_at_risk", "quiet", "fell_long_ago"}
    assert not those_in(found, "win_back")
    assert those_in(found, "high_value") == {"still_buying"}


def test_those_whom_the_day_has_no_room_for_follow(town: Town) -> None:
    """More than twenty best customers gone quiet enter on several days, until none is left over."""
    for number in range(23):
        town.person(f"quiet_{number}", 150, 170)
        town.known(f"quiet_{number}", rfm_group="cannot_lose")
    assert len(those_in(town.entered(), "slipping_vip")) == 20
    journeys = Journeys(all_live())
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
    assert those_in(town.entered(), "abandoned_cart") == left
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
    assert those_in(town.entered(), "birthday") == {"bought", "looked_round"}
