"""Handing over: what policy, words and channels say is what becomes of a message, and its reason is kept."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from clm.domain.instant import DAY_MS
from clm.domain.outcome import Accepted, InDoubt, NotSent, Outcome, Rejected
from clm.domain.policy import TOO_LATE
from clm.domain.record import ContactRecord
from clm.engine.dispatch import LEASE_SECONDS
from clm.store import attempts as attempts_store
from clm.store import leases
from clm.store.attempts import Intent, Settlement
from clm.store.leases import Open
from clm.store.messages import move
from clm.store.schema import attempts
from clm.store.schema import messages as messages_table
from tests.engine.rehearsal import AGAIN, HELLO, TWO_DAYS, Rehearsal, Seen, campaign, written_by
from tests.engine.shop import NOW

OPEN = Open(["email"], ["nudge"])
BROKEN = {"send": "broken", "channel": "email"}
SMS = {"send": "hello", "channel": "sms"}


def tell(rehearsal: Rehearsal, **details: Any) -> None:
    """Ada's source says something new of her."""
    said: dict[str, Any] = {"email": "ada@example.com", "phone": "+447700900123", "email_consent": True}
    rehearsal.shop.tell(ContactRecord("ada", **(said | details)), now=NOW)


@pytest.mark.parametrize(
    ("details", "step", "reason"),
    [
        ({"email_consent": False}, HELLO, "no e-mail consent"),
        ({"email_consent": None}, HELLO, "no e-mail consent"),
        ({"sms_consent": False}, SMS, "no SMS consent"),
        ({"email": None}, HELLO, "no e-mail address"),
        ({"phone": None}, SMS, "no phone number"),
    ],
)
def test_what_may_not_be_sent_is_refused_with_its_reason(
    rehearsal: Rehearsal, details: dict[str, Any], step: dict[str, str], reason: str
) -> None:
    """The reason stands with the message and as a decision, and nothing reaches a channel."""
    rehearsal.have(campaign(steps=[step]))
    rehearsal.customer(**details)
    assert rehearsal.run() == {"refused": 1}
    assert rehearsal.messages() == [Seen("ada", "hello", "refused", reason)]
    assert ("refused", reason) in rehearsal.decisions()
    assert rehearsal.mail.handed + rehearsal.sms.handed == []
    assert rehearsal.run(NOW + DAY_MS) == {}


def test_consent_withdrawn_after_queueing_is_seen(rehearsal: Rehearsal) -> None:
    """The last moment to opt out is the hand-over, not the moment the message was made."""
    rehearsal.have(campaign())
    rehearsal.customer()
    rehearsal.decide()
    tell(rehearsal, email_consent=False)
    assert rehearsal.hand_over() == {"refused": 1}
    assert rehearsal.mail.handed == []


def test_consent_withdrawn_while_words_are_made_is_seen(rehearsal: Rehearsal) -> None:
    """Even between the lease and the intent: what is committed when the intent is recorded counts."""
    rehearsal.have(campaign())
    rehearsal.customer()
    rehearsal.decide()
    dispatcher = rehearsal.dispatcher(NOW)
    render = dispatcher.library.render

    def slow_render(*arguments: Any) -> Any:
        tell(rehearsal, email_consent=False)
        return render(*arguments)

    written_by(dispatcher, slow_render)
    assert dispatcher.batch().by_status == {"refused": 1}


def test_an_address_changed_after_queueing_is_the_one_used(rehearsal: Rehearsal) -> None:
    """Mail goes to where the person is now, and the message remembers where it went."""
    rehearsal.have(campaign())
    rehearsal.customer()
    rehearsal.decide()
    tell(rehearsal, email="ada@example.org")
    rehearsal.hand_over()
    tell(rehearsal, email="ada@example.net")
    assert [envelope.to for envelope in rehearsal.mail.handed] == ["ada@example.org"]
    with rehearsal.database.read() as tx:
        assert tx.scalars(select(messages_table.c.address)).one() == "ada@example.org"


def test_a_missing_value_stops_that_message_alone(rehearsal: Rehearsal) -> None:
    """A template without a fall-back for a value that is not there: the message is dead, the reason names the value."""
    rehearsal.have(campaign(steps=[BROKEN, TWO_DAYS, AGAIN]))
    rehearsal.customer("ada")
    rehearsal.customer("bob", first_name="Bob")
    assert rehearsal.run() == {"dead": 1, "sent": 1}
    dead = rehearsal.messages()[0]
    assert dead.status == "dead"
    assert "contact.first_name" in (dead.reason or "")
    assert rehearsal.run(NOW + 2 * DAY_MS) == {"sent": 2}  # the journey goes on


def test_what_was_not_sent_in_time_expires(rehearsal: Rehearsal) -> None:
    """News of Monday is not worth sending on Friday: after `within` the message ends, with the reason."""
    rehearsal.have(campaign(steps=[{**HELLO, "within": "3d"}]))
    rehearsal.customer()
    rehearsal.decide()
    assert rehearsal.reconcile(NOW + 3 * DAY_MS).expired == 0
    assert rehearsal.reconcile(NOW + 3 * DAY_MS + 1).expired == 1
    assert rehearsal.messages() == [Seen("ada", "hello", "expired", TOO_LATE)]
    assert rehearsal.hand_over(NOW + 4 * DAY_MS) == {}


def test_a_dispatcher_sends_nothing_too_late_by_itself(rehearsal: Rehearsal) -> None:
    """Where nobody has reconciled, handing over sees the time too."""
    rehearsal.have(campaign(steps=[{**HELLO, "within": "3d"}]))
    rehearsal.customer()
    rehearsal.decide()
    assert rehearsal.hand_over(NOW + 4 * DAY_MS) == {"expired": 1}
    assert rehearsal.messages()[0].reason == TOO_LATE


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        (Accepted("p-1"), "sent", None),
        (Rejected("no such mailbox"), "rejected", "no such mailbox"),
        (InDoubt("the answer was lost"), "in_doubt", "the answer was lost"),
        (NotSent("connection refused"), "queued", "connection refused"),
    ],
)
def test_what_a_channel_answers_is_what_becomes_of_the_message(
    rehearsal: Rehearsal, answer: Outcome, status: str, reason: str | None
) -> None:
    """Accepted is sent, refused for good is rejected, a lost answer is in doubt, not sent waits for another try."""
    rehearsal.have(campaign())
    rehearsal.customer()
    rehearsal.mail.idempotent = False
    rehearsal.mail.answer = lambda _envelope: answer
    assert rehearsal.run() == {status: 1}
    assert rehearsal.messages() == [Seen("ada", "hello", status, reason)]
    assert rehearsal.run(NOW + 1) == {}, "nothing more happens by itself while the lease lasts"


def test_a_lost_answer_of_a_provider_that_tells_repeated_messages_is_no_doubt(rehearsal: Rehearsal) -> None:
    """A webhook that timed out is posted again with the same key, after a pause."""
    rehearsal.have(campaign())
    rehearsal.customer()
    rehearsal.mail.answer = lambda _envelope: InDoubt("no answer came in time")
    assert rehearsal.run() == {"queued": 1}
    rehearsal.mail.answer = lambda _envelope: Accepted()
    rehearsal.lapse()
    assert rehearsal.run() == {"sent": 1}
    first, again = rehearsal.mail.handed
    assert first.reference == again.reference


def test_what_could_not_be_sent_is_tried_again_after_a_pause(rehearsal: Rehearsal) -> None:
    """A provider that is away is asked again when the lease has lapsed; each try is an attempt with its outcome."""
    rehearsal.have(campaign())
    rehearsal.customer()
    rehearsal.mail.answer = lambda _envelope: NotSent("connection refused")
    rehearsal.run()
    assert rehearsal.dispatcher(NOW).others_until() == rehearsal.clock + LEASE_SECONDS * 1_000
    rehearsal.mail.answer = lambda _envelope: Accepted()
    rehearsal.lapse()
    assert rehearsal.run() == {"sent": 1}
    a = attempts.c
    with rehearsal.database.read() as tx:
        tried = [tuple(row) for row in tx.execute(select(a.number, a.outcome, a.detail).order_by(a.number))]
    assert tried == [(1, "not_sent", "connection refused"), (2, "accepted", None)]


@pytest.mark.parametrize("answer", [InDoubt("the answer was lost"), Rejected("no such mailbox")])
def test_what_is_in_doubt_or_rejected_is_never_sent_again_unasked(rehearsal: Rehearsal, answer: Outcome) -> None:
    """However long one waits and however often it runs."""
    rehearsal.mail.idempotent = False
    rehearsal.have(campaign())
    rehearsal.customer()
    rehearsal.mail.answer = lambda _envelope: answer
    rehearsal.run()
    for day in range(1, 5):
        rehearsal.lapse()
        assert rehearsal.run(NOW + day * DAY_MS) == {}
    assert len(rehearsal.mail.handed) == 1


def test_a_transactional_message_needs_no_consent(rehearsal: Rehearsal) -> None:
    """Who ordered is told about the order, whatever they think of marketing."""
    rehearsal.have(campaign(purpose="transactional"))
    rehearsal.customer(email_consent=False)
    assert rehearsal.run() == {"sent": 1}


def test_an_envelope_carries_what_a_provider_needs(rehearsal: Rehearsal) -> None:
    """Sender and reply address of the brand, the person's name, the business time, our own message id."""
    rehearsal.have(campaign(steps=[HELLO, {"send": "again", "channel": "sms"}]))
    rehearsal.customer(first_name="Ada", last_name="King")
    rehearsal.run()
    (mail,), (sms,) = rehearsal.mail.handed, rehearsal.sms.handed
    assert (mail.to, mail.to_name, mail.at_ms) == ("ada@example.com", "Ada King", NOW)
    assert set(mail.headers) == {"Reply-To", "List-Unsubscribe", "List-Unsubscribe-Post"}
    assert mail.headers["List-Unsubscribe"].startswith("<https://shop.example/u/")
    assert (sms.to, sms.content.text.strip(), sms.content.subject) == ("+447700900123", "nudge again", None)
    assert mail.message_id != sms.message_id


class Hands:
    """A dispatcher taken apart, so that it can die between any two steps."""

    def __init__(self, rehearsal: Rehearsal, token: str) -> None:
        self.rehearsal = rehearsal
        self.token = token

    def lease(self) -> int:
        """Take what is free."""
        with self.rehearsal.database.write() as tx:
            clock = self.rehearsal.clock
            ids = leases.lease(
                tx, token=self.token, lease_until=clock + LEASE_SECONDS * 1_000, open_=OPEN, now=NOW,
                clock_now=clock, limit=10,
            )  # fmt: skip
            return len(ids)

    def intend(self, *, number: int = 1) -> int:
        """Record the intent to send the leased message; returns its id."""
        with self.rehearsal.database.write() as tx:
            (row,) = leases.leased(tx, self.token, lock=True)
            intent = Intent(row.id, number, "email", "ada@example.com", "en", "Hello", "mailer", "a.example", 0)
            lease_until = self.rehearsal.clock + LEASE_SECONDS * 1_000
            attempts_store.intend(tx, [intent], token=self.token, lease_until=lease_until, now=NOW)
        message_id: int = row.id
        return message_id

    def settle(self, message_id: int, *, number: int = 1, **changes: Any) -> int:
        """Record that it was accepted, or what is said instead."""
        said = {"status": "sent", "outcome": "accepted", "detail": None} | changes
        with self.rehearsal.database.write() as tx:
            return len(attempts_store.settle(tx, [Settlement(message_id, self.token, number, **said)], now=NOW))


@pytest.fixture
def one_queued(rehearsal: Rehearsal) -> Rehearsal:
    """One message, due."""
    rehearsal.have(campaign())
    rehearsal.customer()
    rehearsal.decide()
    return rehearsal


def test_a_lease_keeps_others_away_until_it_lapses(one_queued: Rehearsal) -> None:
    """A dispatcher that died before the intent blocks its messages for half a minute, no longer."""
    assert Hands(one_queued, "first").lease() == 1
    assert Hands(one_queued, "second").lease() == 0
    one_queued.lapse()
    assert Hands(one_queued, "second").lease() == 1
    with one_queued.database.read() as tx:
        assert leases.leased(tx, "first", lock=False) == []


@pytest.mark.parametrize(("idempotent", "status"), [(True, "queued"), (False, "in_doubt")])
def test_what_a_dead_dispatcher_was_sending(one_queued: Rehearsal, idempotent: bool, status: str) -> None:
    """After its lease: repeated where the channel tells a repeated id, in doubt where it does not."""
    one_queued.mail.idempotent = idempotent
    hands = Hands(one_queued, "dead")
    hands.lease()
    hands.intend()
    one_queued.reconcile()
    assert one_queued.messages()[0].status == "sending", "its lease has not lapsed"
    one_queued.lapse()
    one_queued.reconcile()
    assert one_queued.messages()[0].status == status
    assert one_queued.run() == ({"sent": 1} if idempotent else {})


def test_an_answer_that_comes_after_somebody_took_over_changes_nothing(one_queued: Rehearsal) -> None:
    """A stopped process that wakes up cannot settle what another has in hand; its attempt keeps the answer."""
    slow, quick = Hands(one_queued, "slow"), Hands(one_queued, "quick")
    slow.lease()
    message_id = slow.intend()
    one_queued.lapse()
    one_queued.reconcile()
    quick.lease()
    quick.intend(number=2)
    assert slow.settle(message_id, status="rejected", outcome="rejected", detail="too slow") == 0
    assert one_queued.messages()[0].status == "sending"
    assert quick.settle(message_id, number=2) == 1
    assert slow.settle(message_id, status="queued", outcome="not_sent") == 0
    assert one_queued.messages()[0].status == "sent"
    a = attempts.c
    with one_queued.database.read() as tx:
        kept = [tuple(row) for row in tx.execute(select(a.number, a.token, a.outcome).order_by(a.number))]
    assert kept == [(1, "slow", "rejected"), (2, "quick", "accepted")]


def test_a_late_answer_closes_a_doubt(one_queued: Rehearsal) -> None:
    """Nobody else may touch what is in doubt, so the answer is still taken when it comes."""
    one_queued.mail.idempotent = False
    hands = Hands(one_queued, "slow")
    hands.lease()
    message_id = hands.intend()
    one_queued.lapse()
    one_queued.reconcile()
    assert one_queued.messages()[0].status == "in_doubt"
    assert hands.settle(message_id) == 1
    assert one_queued.messages()[0] == Seen("ada", "hello", "sent", None)
    assert hands.settle(message_id) == 0


def test_an_end_is_an_end(one_queued: Rehearsal) -> None:
    """Whatever is settled again, a sent message stays sent."""
    hands = Hands(one_queued, "only")
    hands.lease()
    message_id = hands.intend()
    hands.settle(message_id)
    assert hands.settle(message_id, status="queued", outcome="not_sent") == 0
    one_queued.lapse()
    assert one_queued.run() == {}
    assert one_queued.messages()[0].status == "sent"


def test_a_way_that_does_not_exist_is_refused(one_queued: Rehearsal) -> None:
    """One function moves messages, by the table alone."""
    with pytest.raises(ValueError, match="never goes from sent to queued"), one_queued.database.write() as tx:
        move(tx, ("sent", "queued"), [(1,)])


def test_whose_turn_it_is_among_the_messages_of_each_contact(rehearsal: Rehearsal) -> None:
    """A more urgent message that another dispatcher has leased goes first, for every contact of a batch."""
    rehearsal.have(campaign(priority=40), campaign("other", priority=80))
    for name in ("ada", "bob", "cyd"):
        rehearsal.customer(name)
    rehearsal.decide()
    m = messages_table.c
    dispatcher = rehearsal.dispatcher(NOW)
    render = dispatcher.library.render

    def slow_render(*arguments: Any) -> Any:
        with rehearsal.database.write() as tx:  # as if the two had leased at one moment
            theirs = {"lease_token": "theirs", "lease_until": rehearsal.clock + 1_000}
            tx.execute(messages_table.update().where(m.campaign == "other").values(**theirs))
        return render(*arguments)

    written_by(dispatcher, slow_render)
    assert dispatcher.batch().by_status == {}
    assert rehearsal.hand_over() == {}, "whoever is in another's hands is left alone"
    rehearsal.lapse()
    assert rehearsal.hand_over() == {"sent": 6}
    assert rehearsal.handed() == ["other hello"] * 3 + ["nudge hello"] * 3
