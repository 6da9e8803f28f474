"""In doubt: it closes by evidence, by somebody who knows, or by a silence that means something; never by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import select, update

from clm.broadcasts_file import BroadcastFile
from clm.channels.protocol import Answer, Question
from clm.config import Configuration
from clm.domain.content import Envelope
from clm.domain.instant import DAY_MS, HOUR_MS
from clm.domain.outcome import Accepted, InDoubt, Outcome
from clm.domain.provider_event import ProviderEvent
from clm.domain.reference import reference
from clm.engine import doubt
from clm.engine.journey import Journeys
from clm.engine.receive import Received, receive
from clm.engine.reconcile import reconcile as put_right
from clm.engine.sweep import sweep
from clm.errors import ClmError
from clm.store import doubt as stored
from clm.store import references
from clm.store.schema import attempts, delivery_events, messages
from tests.engine.rehearsal import Recorder, Rehearsal, Seen, campaign
from tests.engine.shop import NOW, POUNDS

SILENCE = DAY_MS


class Keeps(Recorder):
    """A provider that keeps records, and can be asked."""

    def __init__(self) -> None:
        super().__init__("keeps", idempotent=False)
        self.answers: dict[str, Answer] = {}
        self.asked: list[Question] = []
        self.records: list[ProviderEvent] = []
        self.swept: list[tuple[int, int]] = []

    async def ask(self, question: Question) -> Answer:
        """What its records say."""
        self.asked.append(question)
        return self.answers.get(question.reference, Answer(found=False))

    async def sweep(self, *, since: int, until: int) -> Sequence[ProviderEvent]:
        """All of them."""
        self.swept.append((since, until))
        return self.records


@pytest.fixture
def doubted(rehearsal: Rehearsal) -> Rehearsal:
    """One message in doubt, at NOW, by a provider that keeps records."""
    rehearsal.mail = Keeps()
    rehearsal.mail.answer = lambda _one: InDoubt("no answer came in time")
    rehearsal.have(campaign())
    rehearsal.customer()
    assert rehearsal.run() == {"in_doubt": 1}
    return rehearsal


def told(rehearsal: Rehearsal, *message_ids: int, kind: str = "delivered", now: int = NOW + 1) -> Received:
    """Have the provider tell of these messages."""
    key = references.key(rehearsal.database, now=now)
    events = [
        replace(
            ProviderEvent("keeps", f"{kind} {one}", "delivered", now, "email", reference=reference(one, key)),
            kind=kind,  # type: ignore[arg-type]
        )
        for one in message_ids
    ]
    return receive(rehearsal.database, events, now=now)


def first(rehearsal: Rehearsal) -> int:
    """The number of the first message."""
    with rehearsal.database.read() as tx:
        return tx.scalars(select(messages.c.id).order_by(messages.c.id)).first() or 0


def only(rehearsal: Rehearsal) -> Seen:
    """What became of the first message."""
    return rehearsal.messages()[0]


def others(rehearsal: Rehearsal, count: int, *, at: int = NOW + HOUR_MS) -> list[int]:
    """So many more messages, accepted later; their numbers."""
    rehearsal.mail.answer = lambda _one: Accepted("p")
    for number in range(count):
        rehearsal.customer(f"later{number}")
    assert rehearsal.run(at) == {"sent": count}
    with rehearsal.database.read() as tx:
        return list(tx.scalars(select(messages.c.id).where(messages.c.status == "sent").order_by(messages.c.id)))


def reconcile(rehearsal: Rehearsal, now: int, *, delivery: str = "at_most_once") -> None:
    """Put right what was left behind."""
    rehearsal.have(campaign(delivery=delivery))
    rehearsal.reconcile(now)


@pytest.mark.parametrize("kind", ["processed", "delivered", "bounced", "dropped", "opened"])
def test_whatever_the_provider_tells_of_it_it_has_it(doubted: Rehearsal, kind: str) -> None:
    """Any event about a message shows that its provider accepted it; the contact is counted as written to."""
    received = told(doubted, first(doubted), kind=kind)
    assert (received.new, received.resolved) == (1, 1)
    assert only(doubted) == Seen("ada", "hello", "sent", None)
    assert doubted.shop.profile()["emails_sent"] == 1
    assert told(doubted, first(doubted), kind=kind) == Received(repeated=1)


def test_events_that_came_before_it_was_in_doubt_count(rehearsal: Rehearsal) -> None:
    """The dispatcher died with the answer in hand; the event had come already, and the sweeper finds it."""
    rehearsal.mail = Keeps()
    rehearsal.have(campaign())
    rehearsal.customer()
    rehearsal.decide()
    dispatcher = rehearsal.dispatcher(NOW)
    leased = dispatcher.lease()
    assert leased is not None
    batch = dispatcher.write(leased)
    dispatcher.intend(batch, batch.next(1), Counter())
    with rehearsal.database.write() as tx:
        tx.execute(
            delivery_events.insert().values(
                provider="keeps", provider_event_id="e", message_id=first(rehearsal), kind="delivered", at=NOW,
                by_machine=False, recorded_at=NOW,
            )
        )  # fmt: skip
    rehearsal.lapse()
    assert rehearsal.reconcile().in_doubt == 1
    assert only(rehearsal).status == "sent"


def test_an_event_before_the_answer_is_the_answer(rehearsal: Rehearsal) -> None:
    """The webhook was quicker than the dispatcher: the message is sent, and stays so when the answer is lost."""
    rehearsal.mail = Keeps()

    def answer(envelope: Envelope) -> Outcome:
        told(rehearsal, envelope.message_id)
        return InDoubt("reset")

    rehearsal.mail.answer = answer
    rehearsal.have(campaign())
    rehearsal.customer()
    rehearsal.run()
    assert only(rehearsal).status == "sent"


def test_silence_means_nothing_while_nobody_is_told_of(doubted: Rehearsal) -> None:
    """Our endpoint may have been down: the message stays in doubt, for everybody to see."""
    second, *_ = others(doubted, 4)
    reconcile(doubted, NOW + 5 * SILENCE)
    assert only(doubted).status == "in_doubt"
    told(doubted, second)  # one of four is too little to say that the endpoint was up
    reconcile(doubted, NOW + 5 * SILENCE)
    assert only(doubted).status == "in_doubt"


def test_silence_counts_once_later_messages_are_told_of(doubted: Rehearsal) -> None:
    """Not before its time; then the message ends, with the reason."""
    told(doubted, *others(doubted, 3))
    reconcile(doubted, NOW + SILENCE - 1)
    assert only(doubted).status == "in_doubt"
    reconcile(doubted, NOW + SILENCE)
    assert only(doubted).status == "dead"
    assert only(doubted).reason == "in doubt, and its provider stayed silent (no answer came in time)"
    assert told(doubted, first(doubted)).resolved == 0
    assert only(doubted).status == "dead", "an end stays"


def test_a_silent_message_is_handed_over_again_where_the_campaign_wants_it(doubted: Rehearsal) -> None:
    """At least once: the same message, the same reference, a second attempt."""
    told(doubted, *others(doubted, 3))
    reconcile(doubted, NOW + SILENCE, delivery="at_least_once")
    assert only(doubted).status == "queued"
    assert doubted.hand_over(NOW + SILENCE) == {"sent": 1}
    before, *_, again = doubted.mail.handed
    assert (before.reference, before.message_id) == (again.reference, again.message_id)
    with doubted.database.read() as tx:
        assert list(
            tx.scalars(
                select(attempts.c.number).where(attempts.c.message_id == before.message_id).order_by(attempts.c.number)
            )
        ) == [1, 2]


def test_a_broadcast_never_goes_again(doubted: Rehearsal) -> None:
    """Its file cannot ask for it, so after a silence its letter ends, though its name is that of no campaign."""
    letter: dict[str, Any] = {
        "broadcast": "nudge", "title": "News", "to": "email_consent", "at": "2026-12-01 09:00", "channel": "email",
        "send": "hello",
    }  # fmt: skip
    with pytest.raises(ValidationError, match="delivery"):
        BroadcastFile.model_validate(letter | {"delivery": "at_least_once"})
    told(doubted, *others(doubted, 3))
    broadcast = BroadcastFile.model_validate(letter).campaign()
    journeys = Journeys(Configuration(POUNDS, (), broadcasts=(broadcast,)))
    put_right(doubted.database, journeys, idempotent=(), now=NOW + SILENCE, clock_now=doubted.clock)
    assert only(doubted).status == "dead"


def test_an_event_that_comes_after_all_keeps_it_from_going_again(doubted: Rehearsal) -> None:
    """Queued again after a silence, and then the provider tells of it: it is sent, and does not go a second time."""
    told(doubted, *others(doubted, 3))
    reconcile(doubted, NOW + SILENCE, delivery="at_least_once")
    assert told(doubted, first(doubted), now=NOW + SILENCE).resolved == 1
    assert doubted.hand_over(NOW + SILENCE) == {}
    assert only(doubted).status == "sent"


def test_an_event_about_a_message_of_another_database_resolves_nothing(doubted: Rehearsal) -> None:
    """A staging copy shares the account: its references are not ours, and are kept and counted as unknown."""
    event = ProviderEvent("keeps", "e1", "delivered", NOW, "email", reference=reference(first(doubted), "another key"))
    received = receive(doubted.database, [event], now=NOW)
    assert (received.new, received.unknown, received.resolved) == (1, 1, 0)
    assert only(doubted).status == "in_doubt"


def test_a_provider_that_is_asked_and_has_it_closes_the_doubt(doubted: Rehearsal) -> None:
    """What it has is sent; what it does not have stays in doubt, because records may lag."""
    keeps = doubted.mail
    assert isinstance(keeps, Keeps)
    with doubted.database.read() as tx:
        rows = stored.listed(tx)
    (replied,) = doubt.ask(doubted.database, {"email": keeps}, rows, now=NOW)
    assert not replied.answer.found
    assert only(doubted).status == "in_doubt"
    keeps.answers[keeps.asked[0].reference] = Answer(found=True, provider_id="p")
    doubt.ask(doubted.database, {"email": keeps}, rows, now=NOW)
    assert only(doubted).status == "sent"
    assert keeps.asked[0].to == "ada@example.com"


def test_a_provider_that_cannot_be_asked_is_said_with_what_to_do(doubted: Rehearsal) -> None:
    """The remedy names the command and the message."""
    with doubted.database.read() as tx:
        rows = stored.listed(tx)
    with pytest.raises(ClmError, match=f"clm doubt resolve {first(doubted)} --as sent"):
        doubt.ask(doubted.database, {"email": Recorder("keeps")}, rows, now=NOW)


@pytest.mark.parametrize(
    ("decision", "status"), [("sent", "sent"), ("not-sent", "queued"), ("rejected", "rejected"), ("dead", "dead")]
)
def test_somebody_who_knows_may_decide(doubted: Rehearsal, decision: doubt.Decision, status: str) -> None:
    """Each decision is a way of the table; a message that is not in doubt is left alone."""
    one = first(doubted)
    assert doubt.resolve(doubted.database, [one, one + 99], decision, why="seen there", now=NOW) == [one]
    assert only(doubted).status == status
    assert only(doubted).reason == (None if status == "sent" else "seen there")
    assert doubt.resolve(doubted.database, [one], "dead", why="again", now=NOW) == []


def test_what_a_provider_recorded_makes_up_for_events_that_did_not_come(doubted: Rehearsal) -> None:
    """Read beside the webhook, from where the last reading ended and a little before; told twice counts once."""
    keeps = doubted.mail
    assert isinstance(keeps, Keeps)
    with doubted.database.write() as tx:
        tx.execute(update(attempts).values(provider_id="SM1"))
    keeps.records = [ProviderEvent("keeps", "SM1:delivered", "delivered", NOW, "email", provider_message_id="SM1")]
    assert sweep(doubted.database, {"email": keeps}, now=NOW) == {"new": 1, "resolved": 1}
    assert only(doubted).status == "sent"
    assert sweep(doubted.database, {"email": keeps}, now=NOW + HOUR_MS) == {"repeated": 1}
    (first_since, first_until), (second_since, _) = keeps.swept
    assert first_until == NOW
    assert first_since < second_since < NOW


def test_how_far_a_provider_was_read_is_remembered_after_its_events_are_stored(doubted: Rehearsal) -> None:
    """A reading that fails is read again from where it began."""
    keeps = doubted.mail
    assert isinstance(keeps, Keeps)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("clm.engine.sweep.receive", _fails)
        keeps.records = [ProviderEvent("keeps", "e", "delivered", NOW, "email")]
        with pytest.raises(ClmError):
            sweep(doubted.database, {"email": keeps}, now=NOW)
    sweep(doubted.database, {"email": keeps}, now=NOW + HOUR_MS)
    assert keeps.swept[1][0] == keeps.swept[0][0] + HOUR_MS, "as if it had never been read"


def _fails(*_: Any, **__: Any) -> None:
    raise ClmError("the database is away")
