"""An SMS that its carrier took and let lapse has reached nobody: it says so, and stands in nobody's way."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from clm.channels.twilio_events import message_event
from clm.domain.instant import DAY_MS, HOUR_MS
from clm.domain.offer import Offer
from clm.domain.outcome import Accepted, InDoubt
from clm.domain.policy import Cap, Policy
from clm.domain.reference import reference
from clm.engine.receive import Received, receive
from clm.insight.campaigns import campaign_reports
from clm.insight.timeline import timeline_of
from clm.store import references
from clm.store.schema import attempts, contacts, coupons, messages
from tests.engine.guarded import NOON, TEXT, Guarded
from tests.engine.rehearsal import Seen, campaign

LATE = "not delivered, its provider dropped it: 30036 Validity Period Expired"


@pytest.fixture
def texting(guarded: Guarded) -> Guarded:
    """One marketing SMS a week at most, and Ada, whom a campaign wants to text."""
    guarded.policy = Policy(caps=(Cap("sms", 1, 7 * DAY_MS),))
    guarded.sms.name, guarded.sms.idempotent = "twilio", False
    guarded.sms.answer = lambda envelope: Accepted(f"SM{envelope.message_id}")
    guarded.have(campaign(steps=[TEXT]))
    guarded.customer()
    return guarded


def tell(texting: Guarded, *, status: str = "failed", code: int = 30036, ours: bool = True, sid: str = "") -> Received:
    """What Twilio tells of the first SMS, an hour later."""
    with texting.database.read() as tx:
        number = tx.scalars(select(messages.c.id).order_by(messages.c.id)).all()[0]
    key = references.key(texting.database, now=NOON)
    event = message_event(
        sid=sid or f"SM{number}",
        status=status,
        to=None,
        error_code=code,
        error_message="Validity Period Expired",
        reference=reference(number, key) if ours else None,
        at=NOON + HOUR_MS,
    )
    assert event is not None
    return receive(texting.database, [event], now=NOON + HOUR_MS)


def first(texting: Guarded) -> Seen:
    """The first SMS as it stands."""
    return texting.messages("nudge")[0]


@pytest.mark.parametrize("ours", [True, False])
@pytest.mark.parametrize("status", ["failed", "undelivered"])
def test_what_lapsed_at_the_provider_counts_for_no_cap(texting: Guarded, status: str, ours: bool) -> None:
    """However it is told, and told again: the next SMS goes, and the reason stands with the one that did not."""
    assert texting.run(NOON) == {"sent": 1}
    for new in (1, 0):
        assert tell(texting, status=status, ours=ours).new == new
    assert first(texting) == Seen("ada", "hello", "sent", LATE)
    texting.have(campaign("other", steps=[TEXT]), campaign("third", steps=[TEXT]))
    assert texting.run(NOON + 2 * HOUR_MS) == {"sent": 1, "expired": 1}, "one a week, and that one has gone now"


def test_what_did_not_arrive_for_another_reason_counts(texting: Guarded) -> None:
    """A phone that is switched off, or words that a carrier has filtered: it went, and may have come."""
    texting.run(NOON)
    tell(texting, status="undelivered", code=30003)
    assert first(texting).reason is None
    texting.have(campaign("other", steps=[TEXT]))
    assert texting.run(NOON + 2 * HOUR_MS) == {"expired": 1}


def test_one_in_doubt_is_known_by_that(texting: Guarded) -> None:
    """It is in doubt no more, and nothing more may be on its way."""
    texting.sms.answer = lambda _: InDoubt("no answer")
    assert texting.run(NOON)["in_doubt"] == 1
    assert tell(texting).resolved == 1
    assert first(texting) == Seen("ada", "hello", "sent", LATE)


def test_another_hand_over_of_the_same_sms_is_not_meant(texting: Guarded) -> None:
    """Of two that may have gone, the one that lapsed says nothing of the other."""
    texting.run(NOON)
    tell(texting, sid="SM999")
    assert first(texting).reason is None


def test_where_another_hand_over_may_have_gone_it_has_not_lapsed(texting: Guarded) -> None:
    """The SMS counts, whatever became of one of its two hand-overs: the other may have come."""
    texting.run(NOON)
    with texting.database.write() as tx:
        [number] = tx.scalars(select(messages.c.id)).all()
        tx.execute(
            attempts.insert().values(
                message_id=number, number=2, token="other", channel="sms", intended_at=NOON, provider="twilio",
                outcome="in_doubt",
            )
        )  # fmt: skip
    tell(texting)
    assert first(texting).reason is None
    texting.have(campaign("other", steps=[TEXT]))
    assert texting.run(NOON + 2 * HOUR_MS) == {"expired": 1}


def test_what_one_provider_tells_is_not_of_anothers(texting: Guarded) -> None:
    """The same name at two providers is two things."""
    texting.sms.name = "elsewhere"
    texting.run(NOON)
    tell(texting)
    assert first(texting).reason is None


def test_the_code_that_it_carried_goes_back(texting: Guarded) -> None:
    """Nobody has seen it; one that went by another SMS stays theirs."""
    texting.offers = {"spring": Offer("spring", "percent", 5, prefix="SPRING", percent=15)}
    texting.have(campaign(steps=[{**TEXT, "coupon": "spring"}]))
    texting.run(NOON)
    for code, left in ((30003, 1), (30036, 0)):
        tell(texting, code=code, status="failed" if left else "undelivered")
        with texting.database.read() as tx:
            assert len(tx.execute(select(coupons.c.code)).all()) == left


def test_it_is_seen_where_people_look(texting: Guarded) -> None:
    """On the contact's timeline, and among what was not sent in the report."""
    texting.run(NOON)
    tell(texting)
    with texting.database.read() as tx:
        ada = tx.scalars(select(contacts.c.id)).one()
        moments = timeline_of(tx, ada, before=None, limit=50, currency="GBP", when=str).moments
    assert any(LATE in one.title + one.detail for one in moments)
    assert any(one.title.startswith("failed: nudge / hello") and "30036" in one.detail for one in moments)
    (report,) = campaign_reports(texting.database, ["nudge"], since=NOON - 1, until=NOON)[:1]
    assert (report.sent, report.not_sent) == (0, {f"sent: {LATE}": 1})
