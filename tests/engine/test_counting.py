"""What is counted for caps and in the facts, whoever records it meanwhile."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import select

from clm.content.brand import Brand
from clm.content.library import TemplateLibrary
from clm.domain.instant import DAY_MS, HOUR_MS
from clm.domain.outcome import Accepted, InDoubt, NotSent, Outcome, Rejected
from clm.domain.policy import Cap, Policy
from clm.store import contacted
from clm.store.database import Database
from clm.store.schema import contacts
from tests.databases import empty
from tests.engine.guarded import NEWS, NOON, TEXT, Guarded
from tests.engine.rehearsal import HELLO, Seen, campaign, written_by


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
    guarded.mail.idempotent = False
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

    written_by(dispatcher, slow_render)
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
