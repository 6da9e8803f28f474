"""What is never sent, and what goes to the team instead."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from clm.content.brand import Brand
from clm.content.library import TemplateLibrary
from clm.domain.instant import DAY_MS
from clm.domain.offer import Offer
from clm.domain.policy import Cap, Policy
from clm.domain.record import ContactRecord
from clm.store.database import Database
from clm.store.schema import enrolments
from tests.engine.guarded import NOON, TEXT, Guarded, ask
from tests.engine.rehearsal import AGAIN, HELLO, TWO_DAYS, Seen, campaign, written_by
from tests.engine.shop import NOW, event, order


@pytest.mark.parametrize("purpose", ["marketing", "transactional"])
def test_a_suppressed_address_gets_nothing(guarded: Guarded, purpose: str) -> None:
    """Whatever the purpose, on that channel alone, and with the reason on record."""
    guarded.have(campaign(purpose=purpose), campaign("other", steps=[TEXT]))
    guarded.customer()
    guarded.suppress("email", "Ada@Example.com")
    assert guarded.run(NOON) == {"refused": 1, "sent": 1}
    assert guarded.messages("nudge") == [Seen("ada", "hello", "refused", "address suppressed: unsubscribed")]
    assert ("refused", "address suppressed: unsubscribed", {"suppressed": "unsubscribed"}) in guarded.decided()
    assert guarded.mail.handed == []


@pytest.mark.parametrize(
    "opt_out",
    [
        lambda guarded: guarded.suppress("email", "ada@example.com"),
        lambda guarded: guarded.shop.tell(ContactRecord("ada", email="ada@example.com", email_consent=False), now=NOW),
    ],
)
def test_an_opt_out_while_words_are_made_is_seen(guarded: Guarded, opt_out: Callable[[Guarded], object]) -> None:
    """What is committed when the intent is recorded counts, not what was when the message was taken up."""
    guarded.have(campaign())
    guarded.customer()
    guarded.decide(NOON)
    dispatcher = guarded.dispatcher(NOON)
    render = dispatcher.library.render

    def slow_render(*arguments: Any) -> Any:
        opt_out(guarded)
        return render(*arguments)

    written_by(dispatcher, slow_render)
    assert dispatcher.batch().by_status == {"refused": 1}


def test_an_offer_without_interest_is_refused_and_the_journey_goes_on(guarded: Guarded) -> None:
    """Whoever is still looking around gets the information that comes after it, not the discount."""
    guarded.policy = Policy(offers=ask("order_count >= 5 or did('view', within = 14, at_least = 2)"))
    guarded.offers = {"win_back": Offer("win_back", "percent", 14, prefix="BACK", percent=20)}
    guarded.have(campaign(steps=[{**HELLO, "coupon": "win_back"}, TWO_DAYS, AGAIN]))
    guarded.customer("ada")
    guarded.customer("bob")
    for number in range(2):
        guarded.shop.tell(event(f"e{number}", "bob"))
    assert guarded.run(NOON) == {"refused": 1, "sent": 1}
    assert [envelope.to for envelope in guarded.mail.handed] == ["bob@example.com"]
    ((_, reason, facts),) = guarded.decided()
    assert reason == "an offer needs interest first, and none was shown"
    assert list(facts["offers"].values()) == [1, 0]
    assert guarded.run(NOON + 2 * DAY_MS) == {"sent": 2}


def test_a_campaign_that_is_the_service_does_not_wait_for_it(guarded: Guarded) -> None:
    """Who rated us badly is answered, while promotions wait."""
    guarded.policy = Policy(service_first=ask("last_rating <= 2"))
    guarded.have(campaign(service_first="ignore"), campaign("other"))
    guarded.customer()
    guarded.know(last_rating=1)
    assert guarded.run(NOON) == {"sent": 1, "deferred": 1}
    assert guarded.handed() == ["nudge hello"]
    assert guarded.messages("other")[0].reason == "low rating: promotions wait"


def test_conditions_may_ask_for_anything_the_language_knows(guarded: Guarded) -> None:
    """What was done in a window, reactions and what has happened since entering are looked up for the whole batch."""
    guarded.have(
        campaign(unless="did_since_entry('view') or last('view') > last_order_at", goal={"when": "clicked('hello')"})
    )
    guarded.customer("ada")
    guarded.customer("bob")
    guarded.decide(NOON)
    guarded.shop.tell(event("e1", "bob", at=NOON + 1), now=NOON + 2)
    assert guarded.hand_over(NOON + 3) == {"sent": 1, "refused": 1}
    ((_, reason, facts),) = guarded.decided()
    assert reason == "no longer eligible (unless)"
    assert facts["did_since_entry('view')"] == 1


def test_held_out_people_get_nothing_even_if_something_was_queued(guarded: Guarded) -> None:
    """The last look stops what should not have come this far."""
    guarded.have(campaign())
    guarded.customer()
    guarded.decide(NOON)
    with guarded.database.write() as tx:
        tx.execute(update(enrolments).values(holdout="campaign"))
    assert guarded.hand_over(NOON) == {"refused": 1}
    assert guarded.messages()[0].reason == "held out, to measure the campaign by"


def test_a_journey_moved_to_another_version_meanwhile_is_looked_at_afresh(guarded: Guarded) -> None:
    """Between the lease and the intent the campaign was edited: the batch leaves that message to the next one."""
    guarded.have(campaign())
    guarded.customer()
    guarded.decide(NOON)
    dispatcher = guarded.dispatcher(NOON)
    edited = campaign(unless="order_count > 1")
    guarded.shop.tell(order("ada-2"))
    render = dispatcher.library.render

    def slow_render(*arguments: Any) -> Any:
        guarded.have(edited)
        guarded.customer("bob")
        guarded.decide(NOON + 1)
        with guarded.database.write() as tx:
            tx.execute(update(enrolments).values(version=edited.version))
        return render(*arguments)

    written_by(dispatcher, slow_render)
    assert dispatcher.batch().by_status == {}
    assert {seen.status for seen in guarded.messages() if seen.contact == "ada"} == {"queued"}
    assert guarded.hand_over(NOON + 1) == {"refused": 1, "sent": 1}


def test_a_journey_whose_version_is_nowhere_ends_with_the_reason(guarded: Guarded) -> None:
    """It could be asked again for ever, and no dispatcher would ever be done."""
    guarded.have(campaign())
    guarded.customer()
    guarded.decide(NOON)
    with guarded.database.write() as tx:
        tx.execute(update(enrolments).values(version="gone"))
    assert guarded.hand_over(NOON) == {"dead": 1}
    assert guarded.messages()[0].reason == "its version of the campaign cannot be read any more"


def test_a_task_goes_to_the_team_and_not_to_the_contact(database: Database, own_brand: Brand, tmp_path: Path) -> None:
    """A mail to the address in config/brand.yaml, whatever the contact opted out of and at any hour."""
    folder = tmp_path / "words" / "nudge" / "hello" / "en"
    folder.mkdir(parents=True)
    (folder / "subject.txt").write_text("Call {{ contact.first_name | default('them') }}")
    (folder / "task.txt").write_text("They are about to leave us.")
    library = TemplateLibrary.load(tmp_path / "words", brand=own_brand, default_locale="en", facts=[])
    guarded = Guarded(database, library, own_brand)
    guarded.policy = Policy(gaps={"email": DAY_MS}, caps=(Cap("any", 1, DAY_MS),), service_first=ask("order_count > 0"))
    guarded.have(campaign(steps=[{"send": "hello", "channel": "staff"}]))
    guarded.customer(email_consent=False, sms_consent=False, first_name="Ada", email=None, phone=None)
    guarded.history(0.01)
    assert guarded.run(NOON) == {"sent": 1}
    (task,) = guarded.staff.handed
    assert (task.to, task.to_name, task.sender) == (own_brand.team.email, None, own_brand.sender.email)
    assert (task.content.subject, task.content.html) == ("Call Ada", None)
    assert guarded.mail.handed == []
    assert guarded.shop.profile()["emails_sent"] == 0
