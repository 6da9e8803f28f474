"""Stops: harm is noticed, sending waits, and goes on by itself where the harm is over or when a person says so."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from clm.domain.content import Envelope
from clm.domain.delivery import BlastRadius, Breaker, Canary, Delivery, Line
from clm.domain.instant import DAY_MS, HOUR_MS
from clm.domain.outcome import Accepted, NotSent, Outcome, Rejected
from clm.domain.policy import Policy
from clm.domain.provider_event import EventKind, ProviderEvent
from clm.domain.reference import reference
from clm.engine.receive import receive
from clm.engine.safety import REFUSED_PAUSE_MS, Alert, judge
from clm.engine.stream import stream
from clm.store import references, stops
from clm.store.schema import alerts, messages
from clm.store.stops import Stop
from tests.engine.guarded import Guarded
from tests.engine.rehearsal import HELLO, campaign
from tests.engine.shop import NOW

BREAKER = Breaker(
    bounces=Line(warn=0.1, stop=0.2, at_least=2), complaints=Line(warn=0.05, stop=0.1, at_least=2), probe=3
)
DOMAIN = "saffronandsage.example"


@pytest.fixture
def live(guarded: Guarded) -> Guarded:
    """A shop that sends for real."""
    guarded.mail.live = True
    return guarded


def delivery(guarded: Guarded, **rules: Any) -> Delivery:
    """Have these rules of the way out."""
    guarded.policy = Policy(delivery=Delivery(**rules))
    return guarded.policy.delivery


def people(guarded: Guarded, count: int, first: int = 0) -> None:
    """So many more customers."""
    for number in range(first, first + count):
        guarded.customer(f"c{number:03}")


def tell(guarded: Guarded, kind: EventKind, count: int, *, now: int = NOW, skip: int = 0) -> None:
    """Have the provider tell the same of so many messages that were sent."""
    with guarded.database.read() as tx:
        ids = list(tx.scalars(select(messages.c.id).where(messages.c.status == "sent").order_by(messages.c.id)))
    key = references.key(guarded.database, now=now)
    events = [
        ProviderEvent("mailer", f"{kind} {one}", kind, now, "email", reference=reference(one, key))
        for one in ids[skip : skip + count]
    ]
    assert receive(guarded.database, events, now=now).new == count


def judged(guarded: Guarded, now: int) -> list[Alert]:
    """What people are told."""
    dispatcher = guarded.dispatcher(now)
    return judge(guarded.database, guarded.policy.delivery, dispatcher.senders(), now=now)


def standing(guarded: Guarded) -> list[Stop]:
    """What is stopped."""
    with guarded.database.read() as tx:
        return stops.standing(tx)


def statuses(guarded: Guarded) -> dict[str, int]:
    """How many messages stand where."""
    return dict(Counter(one.status for one in guarded.messages()))


def test_the_first_messages_of_a_version_go_ahead(live: Guarded) -> None:
    """Three go, seven wait an hour, and then go by themselves, because nothing came back of the three."""
    delivery(live, canary=Canary(messages=3, wait=HOUR_MS), breaker=BREAKER)
    live.have(campaign())
    people(live, 10)
    live.decide()
    assert stream(live.dispatcher(NOW)).by_status == {"sent": 3}
    assert stream(live.dispatcher(NOW)).leased == 0, "those that wait are not taken in hand again and again"
    assert judged(live, NOW + HOUR_MS - 1) == []
    assert [alert.level for alert in judged(live, NOW + HOUR_MS)] == ["info"]
    assert live.hand_over(NOW + HOUR_MS) == {"sent": 7}
    people(live, 10, first=10)
    assert live.run(NOW + 2 * HOUR_MS) == {"sent": 10}, "a version has its canary once"


def test_what_did_not_leave_is_no_canary(live: Guarded) -> None:
    """The provider was away: the places of those who did not get anything are given to others."""
    delivery(live, canary=Canary(messages=3, wait=HOUR_MS))
    live.have(campaign())
    people(live, 10)
    live.mail.answer = lambda _one: NotSent("connection refused")
    assert live.run() == {"queued": 10}, "each has its turn, and none has gone"
    live.mail.answer = lambda _one: Accepted("p")
    live.lapse()
    assert live.hand_over() == {"sent": 3}


def test_an_edited_campaign_has_a_canary_of_its_own(live: Guarded) -> None:
    """What is sent is another thing now; people on the version of before are not held up by it."""
    delivery(live, canary=Canary(messages=1, wait=HOUR_MS))
    live.have(campaign())
    people(live, 2)
    assert live.run() == {"sent": 1}
    judged(live, NOW + HOUR_MS)
    assert live.hand_over(NOW + HOUR_MS) == {"sent": 1}
    live.have(campaign(goal={"when": "order_count >= 5"}))
    people(live, 3, first=2)
    assert live.run(NOW + 2 * HOUR_MS) == {"sent": 1}
    assert [stop.kind for stop in standing(live)] == ["canary"]


@pytest.mark.parametrize("harm", ["bounced", "complained", "rejected"])
def test_a_canary_that_did_badly_holds_the_others_until_a_person_releases_them(live: Guarded, harm: str) -> None:
    """Two of five bounced, one complained, or two were refused: the rest stays, and people are told how to go on."""
    delivery(live, canary=Canary(messages=5, wait=HOUR_MS), breaker=replace(BREAKER, within=1))
    live.have(campaign())
    people(live, 12)
    live.decide()
    if harm == "rejected":
        live.mail.answer = lambda _one: Rejected("no") if len(live.mail.handed) <= 2 else Accepted("p")
    stream(live.dispatcher(NOW))
    if harm != "rejected":
        tell(live, "bounced" if harm == "bounced" else "complained", 2 if harm == "bounced" else 1)
    (alert,) = judged(live, NOW + HOUR_MS)
    assert alert.level == "error"
    assert "clm release nudge" in alert.text
    assert live.hand_over(NOW + 2 * DAY_MS) == {}
    with live.database.write() as tx:
        stops.release(tx, {standing(live)[0].scope}, at=NOW, by="somebody")
    assert live.hand_over(NOW + 2 * DAY_MS) == {"sent": 7}


def test_without_live_sending_nothing_goes_ahead(guarded: Guarded) -> None:
    """The outbox harms nobody."""
    delivery(guarded, canary=Canary(messages=1))
    guarded.have(campaign())
    people(guarded, 5)
    assert guarded.run() == {"sent": 5}


def test_several_dispatchers_share_one_canary(live: Guarded) -> None:
    """Each counts down in the transaction that records its intents."""
    delivery(live, canary=Canary(messages=4))
    live.have(campaign())
    people(live, 9)
    live.decide()
    one, two = live.dispatcher(NOW), live.dispatcher(NOW)
    first, second = one.lease(limit=4), two.lease(limit=4)
    assert first is not None
    assert second is not None
    counts: Counter[str] = Counter()
    handing = []
    for dispatcher, leased in ((one, first), (two, second)):
        batch = dispatcher.write(leased)
        handing.append(len(dispatcher.intend(batch, batch.next(3), counts)))
    assert handing == [3, 1]


@pytest.mark.parametrize(("kind", "count"), [("bounced", 2), ("complained", 2)])
def test_a_breaker_opens_probes_and_closes(live: Guarded, kind: EventKind, count: int) -> None:
    """Beyond the line the sending domain stops; after a pause three messages try, and if they do well all go."""
    delivery(live, breaker=BREAKER)
    live.have(campaign())
    people(live, 10)
    assert live.run() == {"sent": 10}
    tell(live, kind, count)
    (alert,) = judged(live, NOW + 1)
    assert alert.level == "error"
    assert DOMAIN in alert.text
    people(live, 8, first=10)
    assert live.run(NOW + 2) == {}
    assert statuses(live)["queued"] == 8
    half_open = NOW + 1 + BREAKER.pause
    assert judged(live, half_open) == []
    assert live.hand_over(half_open) == {"sent": 3}
    assert live.hand_over(half_open + 1) == {}
    (alert,) = judged(live, half_open + BREAKER.pause)
    assert alert.level == "info"
    assert live.hand_over(half_open + BREAKER.pause) == {"sent": 5}
    assert not [one for one in judged(live, half_open + BREAKER.pause + 1) if one.level == "error"], "judged already"
    assert standing(live) == []


def test_a_breaker_whose_probes_do_badly_waits_twice_as_long(live: Guarded) -> None:
    """Two of three probes bounce: open again, for two pauses."""
    delivery(live, breaker=BREAKER)
    live.have(campaign())
    people(live, 10)
    live.run()
    tell(live, "bounced", 3)
    judged(live, NOW + 1)
    people(live, 8, first=10)
    half_open = NOW + 1 + BREAKER.pause
    judged(live, half_open)
    assert live.run(half_open) == {"sent": 3}
    tell(live, "bounced", 2, now=half_open + 1, skip=10)
    again = half_open + BREAKER.pause
    assert [alert.level for alert in judged(live, again)] == ["error"]
    (stop,) = standing(live)
    assert (stop.times, stop.until) == (2, again + 2 * BREAKER.pause)
    assert live.hand_over(again + 1) == {}


def test_beyond_the_first_line_people_are_warned(live: Guarded) -> None:
    """Nothing stops yet."""
    delivery(live, breaker=replace(BREAKER, bounces=Line(warn=0.1, stop=0.5, at_least=2)))
    live.have(campaign())
    people(live, 10)
    live.run()
    tell(live, "bounced", 2)
    (alert,) = judged(live, NOW + 1)
    assert (alert.level, "2 of 10 bounced" in alert.text) == ("warning", True)
    assert standing(live) == []


def told(guarded: Guarded) -> list[str]:
    """What the team is to be mailed, in the order of its texts."""
    with guarded.database.read() as tx:
        return sorted(tx.scalars(select(alerts.c.text)))


def test_of_two_lines_that_are_near_the_team_is_told_both(live: Guarded) -> None:
    """Complaints are another matter than bounces, though they are about one sender."""
    delivery(live, breaker=replace(BREAKER, bounces=Line(0.1, 0.5, 2), complaints=Line(0.1, 0.5, 2)))
    live.have(campaign())
    people(live, 10)
    live.run()
    tell(live, "bounced", 2)
    tell(live, "complained", 2, skip=5)
    judged(live, NOW + 1)
    assert ["bounced" in text for text in told(live)] == [True, False]
    assert ["complained" in text for text in told(live)] == [False, True]


def test_of_two_bad_answers_in_one_batch_the_team_is_told_both(live: Guarded) -> None:
    """A provider refuses one message for good, and then us: neither is lost for the other."""
    answers = iter([Rejected("your account has no such sender", alert=True), NotSent("the key is wrong", stop=True)])
    live.mail.answer = lambda _: next(answers, NotSent("the key is wrong", stop=True))
    live.have(campaign())
    people(live, 2)
    live.run()
    assert ["no such sender" in text for text in told(live)] == [False, True]
    assert ["the key is wrong" in text for text in told(live)] == [True, False]


@pytest.mark.parametrize("count", [1, 0])
def test_few_cases_mean_nothing(live: Guarded, count: int) -> None:
    """One bounce of three is a third, and says nothing."""
    delivery(live, breaker=BREAKER)
    live.have(campaign())
    people(live, 3)
    live.run()
    tell(live, "bounced", count) if count else None
    assert judged(live, NOW + 1) == []


def test_a_provider_that_refuses_us_stops_the_channel_and_burns_nothing(live: Guarded) -> None:
    """A wrong key: nobody's message is lost, few are tried, people are told; one tries again after a while."""
    delivery(live)
    live.have(campaign())
    people(live, 40)
    live.decide()
    live.mail.answer = lambda _one: NotSent("SendGrid 401", stop=True)
    handed = stream(live.dispatcher(NOW))
    assert any("stopped" in alert for alert in handed.alerts)
    assert statuses(live) == {"queued": 40}
    tried = len(live.mail.handed)
    live.lapse()
    assert stream(live.dispatcher(NOW)).leased == 0
    judged(live, NOW + REFUSED_PAUSE_MS)
    stream(live.dispatcher(NOW + REFUSED_PAUSE_MS))
    assert len(live.mail.handed) == tried + 1, "one asks whether it is mended"
    assert [stop.kind for stop in standing(live)] == ["refused"]
    live.mail.answer = lambda _one: Accepted("p")
    live.lapse()
    judged(live, NOW + 2 * REFUSED_PAUSE_MS)
    live.lapse()
    assert stream(live.dispatcher(NOW + 2 * REFUSED_PAUSE_MS)).by_status == {"sent": 1}
    assert [alert.level for alert in judged(live, NOW + 3 * REFUSED_PAUSE_MS)] == ["info"]
    live.lapse()
    assert stream(live.dispatcher(NOW + 3 * REFUSED_PAUSE_MS)).by_status == {"sent": 39}


def test_what_the_provider_says_of_an_address_is_kept(live: Guarded) -> None:
    """An address refused for good gets nothing more, by any campaign."""
    delivery(live)
    live.have(campaign(), campaign("other", priority=1))
    people(live, 1)

    def answer(_one: Envelope) -> Outcome:
        return Rejected("no such mailbox", suppress="invalid")

    live.mail.answer = answer
    assert live.run() == {"rejected": 1, "refused": 1}
    assert len(live.mail.handed) == 1
    assert [one.reason for one in live.messages("other")] == ["address suppressed: invalid"]


def test_a_send_far_larger_than_usual_is_held(guarded: Guarded) -> None:
    """Ten in a day where the largest day had two: nothing goes until somebody releases it, and then everything does."""
    delivery(guarded, blast_radius=BlastRadius(times=3, above=5))
    guarded.have(campaign(steps=[{**HELLO, "within": "30d"}]))
    people(guarded, 2)
    assert guarded.run() == {"sent": 2}
    people(guarded, 10, first=2)
    later = NOW + 2 * DAY_MS
    assert guarded.run(later) == {}
    (stop,) = standing(guarded)
    assert stop.reason == "10 messages in a day, and its largest day of four weeks had 2"
    with guarded.database.write() as tx:
        stops.release(tx, {stop.scope}, at=later, by="somebody")
    assert guarded.run(later + 1) == {"sent": 10}
    people(guarded, 10, first=12)
    assert guarded.run(later + 2) == {"sent": 10}, "what was released is not held again the same day"


def test_a_send_as_large_as_usual_goes(guarded: Guarded) -> None:
    """Seven after a day of three, and a small shop's first day, are nothing unusual."""
    delivery(guarded, blast_radius=BlastRadius(times=3, above=5))
    guarded.have(campaign())
    people(guarded, 3)
    assert guarded.run() == {"sent": 3}
    people(guarded, 7, first=3)
    assert guarded.run(NOW + 2 * DAY_MS) == {"sent": 7}
    assert standing(guarded) == []


def test_what_is_held_for_contacts_is_still_told_to_the_team(guarded: Guarded) -> None:
    """A held campaign keeps its mails to contacts; a task for the team does not wait for it."""
    delivery(guarded)
    guarded.have(campaign())
    people(guarded, 1)
    guarded.decide()
    with guarded.database.write() as tx:
        stops.put(tx, "blast_radius", stops.of_campaign("nudge"), "large", since=NOW)
        tx.execute(messages.update().values(channel="staff"))
    leased = guarded.dispatcher(NOW).lease()
    assert leased is not None
