"""The guards as the dispatcher keeps them: what waits, what is dropped, what is counted, and what is on record."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from clm.content.brand import Brand
from clm.content.library import TemplateLibrary
from clm.domain.condition_parser import parse_condition
from clm.domain.content import ChannelName
from clm.domain.hours import Hours, QuietHours
from clm.domain.instant import DAY_MS, HOUR_MS
from clm.domain.outcome import Accepted, InDoubt, NotSent, Outcome, Rejected
from clm.domain.policy import TOO_LATE, Cap, Policy
from clm.domain.record import ContactRecord
from clm.engine.dispatch import Dispatcher
from clm.engine.journey import Journeys
from clm.store import contacted, suppressions
from clm.store.database import Database, Transaction
from clm.store.schema import contacts, decisions, enrolments, messages, profiles
from tests.databases import empty
from tests.engine.rehearsal import AGAIN, HELLO, TWO_DAYS, Recorder, Rehearsal, Seen, campaign
from tests.engine.shop import NOW, event, order

NOON = NOW + 12 * HOUR_MS
BY_DAY = QuietHours.model_validate({"every day": "09:00-20:00"}).week
NEWS = {"send": "hello", "channel": "email", "within": "3d"}
TEXT = {"send": "hello", "channel": "sms", "within": "3d"}


class Guarded(Rehearsal):
    """A rehearsal with a policy."""

    policy = Policy()

    def __init__(self, database: Database, library: TemplateLibrary, brand: Brand) -> None:
        super().__init__(database, library, brand)
        self.staff = Recorder()

    @property
    def journeys(self) -> Journeys:
        """As a new process reads them."""
        return Journeys(replace(super().journeys.configuration, policy=self.policy))

    def dispatcher(self, now: int) -> Dispatcher:
        """Somebody who hands over at `now`, to the team too."""
        made = super().dispatcher(now)
        channels: dict[ChannelName, Any] = {**made.channels, "staff": self.staff}
        return replace(made, channels=channels)

    def deferred(self) -> list[tuple[str, dict[str, Any]]]:
        """Reason and facts of every decision to wait, in order."""
        return [(reason, facts) for kind, reason, facts in self.decided() if kind == "deferred"]

    def decided(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Kind, reason and facts of every decision on a message, in order."""
        d = decisions.c
        query = select(d.kind, d.reason, d.facts).where(d.message_id.is_not(None)).order_by(d.id)
        with self.database.read() as tx:
            return [(row.kind, row.reason, json.loads(row.facts or "{}")) for row in tx.execute(query)]

    def know(self, **values: Any) -> None:
        """Put facts into every profile, as if they had been computed."""
        with self.database.write() as tx:
            tx.execute(update(profiles).values(**values))

    def suppress(self, channel: str, address: str) -> None:
        """Somebody opts out."""
        with self.database.write() as tx:
            suppressions.suppress(tx, channel=channel, address=address, reason="unsubscribed", source="test", at=NOW)

    def history(
        self, *days_ago: float, channel: str = "email", status: str = "sent", purpose: str = "marketing"
    ) -> None:
        """Messages of another campaign that left for Ada so many days before noon."""
        with self.database.write() as tx:
            for days in days_ago:
                self.past(tx, NOON - round(days * DAY_MS), channel, status, purpose)

    def past(
        self, tx: Transaction, at: int, channel: str = "email", status: str = "sent", purpose: str = "marketing"
    ) -> None:
        """A message of another campaign that left for Ada."""
        contact = tx.scalar(select(contacts.c.id).where(contacts.c.external_id == "ada"))
        entered = enrolments.insert().values(
            campaign="past", version="past", contact_id=contact, trigger_key=f"{at} {channel} {status}",
            entered_at=at, status="completed", position=1, next_due_at=at,
        ).returning(enrolments.c.id)  # fmt: skip
        tx.execute(messages.insert().values(
            enrolment_id=tx.scalar(entered), contact_id=contact, campaign="past", step="past", channel=channel,
            purpose=purpose, queue_rank=50, status=status, due_at=at, expires_at=NOON + 90 * DAY_MS,
            created_at=at, intended_at=at, attempts=1,
        ))  # fmt: skip


@pytest.fixture
def guarded(database: Database, library: TemplateLibrary, own_brand: Brand) -> Guarded:
    """The process, on an empty database."""
    return Guarded(database, library, own_brand)


def ask(condition: str) -> Any:
    """A condition of the policy."""
    return parse_condition(condition)


# What waits


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


# What is counted


@pytest.mark.parametrize(
    ("status", "counts"),
    [
        ("sent", True),
        ("in_doubt", True),
        ("dead", True),
        ("expired", True),  # its dispatcher died, it was queued again and came too late: it may have left
        ("rejected", False),
    ],
)
def test_what_may_have_left_counts_and_what_cannot_have_does_not(guarded: Guarded, status: str, counts: bool) -> None:
    """In doubt counts as sent, for as long as nobody knows and for ever if nobody learns."""
    guarded.policy = Policy(caps=(Cap("email", 1, 7 * DAY_MS),))
    guarded.have(campaign(steps=[{**HELLO, "within": "9d"}]))
    guarded.customer()
    guarded.history(1, status=status)
    assert guarded.run(NOON) == ({"deferred": 1} if counts else {"sent": 1})


@pytest.mark.parametrize(
    ("answer", "second"),
    [
        (Accepted("p-1"), "deferred"),
        (InDoubt("the answer was lost"), "deferred"),
        (NotSent("connection refused"), "sent"),
        (Rejected("no such mailbox"), "sent"),
    ],
)
def test_only_what_cannot_have_reached_anybody_frees_its_place(guarded: Guarded, answer: Outcome, second: str) -> None:
    """A place in the cap is taken with the intent, and given back where it is certain that nothing came of it."""
    guarded.policy = Policy(caps=(Cap("email", 1, DAY_MS),))
    guarded.have(campaign("other", priority=90))
    guarded.customer()
    guarded.mail.answer = lambda _envelope: answer
    guarded.run(NOON)
    guarded.mail.answer = lambda _envelope: Accepted()
    guarded.have(campaign(priority=95))
    assert guarded.run(NOON + 1) == {second: 1}
    assert guarded.messages("nudge")[0].status == ("queued" if second == "deferred" else "sent")


def test_what_a_dead_dispatcher_may_have_sent_keeps_its_place(guarded: Guarded) -> None:
    """Queued again because repeating it does no harm, it still counts for others, and not against itself."""
    guarded.policy = Policy(caps=(Cap("email", 1, DAY_MS),))
    guarded.have(campaign())
    guarded.customer()
    guarded.decide(NOON)
    dispatcher = guarded.dispatcher(NOON)
    guarded.mail.answer = _die
    with pytest.raises(KeyboardInterrupt):
        dispatcher.batch()
    guarded.mail.answer = lambda _envelope: Accepted()
    guarded.lapse()
    guarded.reconcile(NOON)
    assert guarded.messages() == [Seen("ada", "hello", "queued", None)]
    guarded.have(campaign("other", priority=90))
    guarded.decide(NOON + HOUR_MS)
    assert guarded.hand_over(NOON + HOUR_MS) == {"deferred": 1, "sent": 1}
    assert guarded.messages("nudge") == [Seen("ada", "hello", "sent", None)]
    assert guarded.messages("other")[0].reason == "1 e-mail in 24 hours already"


def _die(_envelope: Any) -> Outcome:
    raise KeyboardInterrupt


def test_what_left_while_words_were_made_counts(guarded: Guarded) -> None:
    """Caps are counted in the transaction that records the intent, not when the message was taken up."""
    guarded.policy = Policy(caps=(Cap("email", 1, DAY_MS),))
    guarded.have(campaign(steps=[NEWS]))
    guarded.customer()
    guarded.decide(NOON)
    dispatcher = guarded.dispatcher(NOON)
    render = dispatcher.library.render

    def slow_render(*arguments: Any) -> Any:
        guarded.history(0)
        return render(*arguments)

    object.__setattr__(dispatcher, "library", type("Slow", (), {"render": staticmethod(slow_render)})())
    assert dispatcher.batch().by_status == {"deferred": 1}


def test_what_somebody_else_is_just_recording_is_waited_for(
    postgres_url: str, library: TemplateLibrary, own_brand: Brand
) -> None:
    """On PostgreSQL: whoever decides on a contact holds the profile; whoever comes second counts what came first."""
    with contextlib.closing(Database(postgres_url)) as database, contextlib.closing(Database(postgres_url)) as other:
        empty(database)
        guarded = Guarded(database, library, own_brand)
        guarded.policy = Policy(caps=(Cap("email", 1, DAY_MS),))
        guarded.have(campaign(steps=[NEWS]))
        guarded.customer()
        guarded.decide(NOON)
        counts: Counter[str] = Counter()
        thread = threading.Thread(target=lambda: counts.update(guarded.hand_over(NOON)))
        theirs = Guarded(other, library, own_brand)
        with other.write() as tx:
            contacted.hold(tx, tx.scalars(select(contacts.c.id)).all())
            thread.start()
            time.sleep(0.3)
            theirs.past(tx, NOON)
        thread.join()
        assert counts == {"deferred": 1}


def test_receipts_and_tasks_for_the_team_take_nobodys_place(guarded: Guarded) -> None:
    """Caps count promotions alone."""
    guarded.policy = Policy(caps=(Cap("any", 1, 7 * DAY_MS),), gaps={"email": DAY_MS})
    guarded.have(campaign())
    guarded.customer()
    guarded.history(0.1, purpose="transactional")
    guarded.history(0.1, channel="staff")
    assert guarded.run(NOON) == {"sent": 1}


def test_a_message_that_was_sent_is_counted_once_in_the_facts(guarded: Guarded) -> None:
    """Conditions may ask how many were sent and when the last was; whoever got one has changed."""
    guarded.have(campaign(steps=[HELLO]), campaign("other", steps=[TEXT]))
    guarded.have(campaign("receipt", purpose="transactional", steps=[HELLO]))
    guarded.customer()
    guarded.decide(NOON)
    before = guarded.shop.profile()["changed"]
    # The words are those of `nudge` and `other`; a receipt has none and dies, which counts for nothing.
    assert guarded.hand_over(NOON) == {"sent": 2, "dead": 1}
    known = guarded.shop.profile()
    assert (known["emails_sent"], known["last_email_at"]) == (1, NOON)
    assert (known["sms_sent"], known["last_sms_at"]) == (1, NOON)
    assert known["changed"] > before
    guarded.lapse()
    guarded.run(NOON + 1)
    assert guarded.shop.profile() == known


def test_a_transactional_message_is_not_counted(guarded: Guarded) -> None:
    """Receipts are no marketing."""
    guarded.have(campaign(purpose="transactional"))
    guarded.customer(email_consent=False)
    assert guarded.run(NOON) == {"sent": 1}
    assert guarded.shop.profile()["emails_sent"] == 0


@pytest.mark.parametrize("answer", [InDoubt("the answer was lost"), NotSent("refused"), Rejected("no such mailbox")])
def test_only_what_was_sent_is_counted_in_the_facts(guarded: Guarded, answer: Outcome) -> None:
    """A doubt counts against the cap, and is no fact yet."""
    guarded.have(campaign())
    guarded.customer()
    guarded.mail.answer = lambda _envelope: answer
    guarded.run(NOON)
    assert guarded.shop.profile()["emails_sent"] == 0


# What is never sent


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

    object.__setattr__(dispatcher, "library", type("Slow", (), {"render": staticmethod(slow_render)})())
    assert dispatcher.batch().by_status == {"refused": 1}


def test_an_offer_without_interest_is_refused_and_the_journey_goes_on(guarded: Guarded) -> None:
    """Whoever is still looking around gets the information that comes after it, not the discount."""
    guarded.policy = Policy(offers=ask("order_count >= 5 or did('view', within = 14, at_least = 2)"))
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

    object.__setattr__(dispatcher, "library", type("Slow", (), {"render": staticmethod(slow_render)})())
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


# To the team


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
