"""Reading providers' own records: what they say of an address counts, and one that is silent holds up no other."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from clm.channels.sendgrid_records import LISTS
from clm.domain.instant import HOUR_MS
from clm.domain.provider_event import ProviderEvent
from clm.engine.receive import Received, receive
from clm.engine.safety import Alert, judge
from clm.engine.sweep import sweep
from clm.errors import ClmError
from clm.store import suppressions
from clm.store.database import Database
from tests.engine.rehearsal import Recorder, Rehearsal, campaign
from tests.engine.shop import NOW

ADDRESS = "ada@example.com"


class Keeps(Recorder):
    """A provider that keeps records."""

    def __init__(self, name: str, *records: ProviderEvent, refuses: bool = False) -> None:
        super().__init__(name, idempotent=False)
        self.records = records
        self.refuses = refuses

    async def sweep(self, *, since: int, until: int) -> Sequence[ProviderEvent]:
        """All of them that are of that time."""
        if self.refuses:
            raise ClmError(f"{self.name} does not tell; its key needs the right to")
        return [one for one in self.records if since <= one.at <= until]


def on_list(name: str, at: int = NOW - HOUR_MS) -> ProviderEvent:
    """That Ada's address came onto one of SendGrid's lists."""
    (one,) = (one for one in LISTS if one.path == name)
    return ProviderEvent(
        "sendgrid", f"suppression:{name}:0123:{at}", one.kind, at, "email", address=ADDRESS, suppress=one.suppress
    )


def suppressed(database: Database) -> str | None:
    """Why nothing goes to Ada."""
    with database.read() as tx:
        return suppressions.suppressed(tx, [("email", ADDRESS)]).get(("email", ADDRESS))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("bounces", "bounced"),
        ("spam_reports", "complained"),
        ("invalid_emails", "invalid"),
        ("unsubscribes", "unsubscribed"),
    ],
)
def test_an_address_on_a_providers_list_gets_nothing(rehearsal: Rehearsal, name: str, reason: str) -> None:
    """Whatever message it was about, if any: the list names none. Read again, it counts once."""
    rehearsal.have(campaign())
    rehearsal.customer()
    rehearsal.decide()
    channels = {"email": Keeps("sendgrid", on_list(name))}
    assert sweep(rehearsal.database, channels, now=NOW) == {"new": 1, "unknown": 1, "suppressed": 1}
    assert suppressed(rehearsal.database) == reason
    assert sweep(rehearsal.database, channels, now=NOW + HOUR_MS // 2) == {"repeated": 1}
    assert rehearsal.hand_over() == {"refused": 1}


def test_what_a_person_took_back_is_not_undone_by_reading_the_list_again(rehearsal: Rehearsal) -> None:
    """An entry counts when it is first read."""
    channels = {"email": Keeps("sendgrid", on_list("unsubscribes"))}
    sweep(rehearsal.database, channels, now=NOW)
    with rehearsal.database.write() as tx:
        suppressions.lift(tx, channel="email", address=ADDRESS, at=NOW)
    sweep(rehearsal.database, channels, now=NOW + 1)
    assert suppressed(rehearsal.database) is None


def test_a_provider_that_does_not_answer_keeps_no_other_from_being_read(rehearsal: Rehearsal) -> None:
    """The error comes when all have been asked, and the one that was silent is read from where it was."""
    silent = Keeps("mailer", on_list("bounces", NOW - 2 * HOUR_MS), refuses=True)
    channels = {"email": silent, "sms": Keeps("sendgrid", on_list("unsubscribes"))}
    with pytest.raises(ClmError, match="mailer does not tell"):
        sweep(rehearsal.database, channels, now=NOW)
    assert suppressed(rehearsal.database) == "unsubscribed"
    silent.refuses = False
    assert sweep(rehearsal.database, channels, now=NOW + HOUR_MS)["new"] == 1


# What people have to look at.

FILTERED = "SMS: filtered by a carrier; look at the words and links (Twilio 30007)"


def failure(number: int, code: int, *, alert: str | None = None) -> ProviderEvent:
    """That an SMS did not arrive."""
    detail = f"{code} Message filtered"
    return ProviderEvent("twilio", f"SM{number}:undelivered", "undelivered", NOW, "sms", alert=alert, detail=detail)


def judged(rehearsal: Rehearsal, now: int) -> list[Alert]:
    """What people are told."""
    dispatcher = rehearsal.dispatcher(now)
    return judge(rehearsal.database, dispatcher.journeys.configuration.policy.delivery, {}, now=now)


def test_what_people_have_to_look_at_is_handed_to_whoever_took_it_in(rehearsal: Rehearsal) -> None:
    """Each text once, of new events alone."""
    events = [failure(1, 30_007, alert=FILTERED), failure(2, 30_007, alert=FILTERED), failure(3, 30_003)]
    assert receive(rehearsal.database, events, now=NOW).alerts == (FILTERED,)
    assert receive(rehearsal.database, events, now=NOW) == Received(repeated=3)


def test_people_are_told_once_an_hour_of_each_kind(rehearsal: Rehearsal) -> None:
    """With how many, and of no code that concerns one number alone."""
    assert judged(rehearsal, NOW) == []
    events = [failure(1, 30_007), failure(2, 30_007), failure(3, 30_003), failure(4, 30_034)]
    receive(rehearsal.database, events, now=NOW)
    told = judged(rehearsal, NOW + 1)
    assert [alert.level for alert in told] == ["error", "error"]
    assert told[0].text == f"{FILTERED}, 2 in the last hour"
    assert "30034" in told[1].text
    receive(rehearsal.database, [failure(5, 30_007)], now=NOW + 2)
    assert judged(rehearsal, NOW + 3) == []
    assert judged(rehearsal, NOW + HOUR_MS + 1) == [Alert("error", f"{FILTERED}, 1 in the last hour")]
    assert judged(rehearsal, NOW + 3 * HOUR_MS) == []


def test_the_words_of_another_provider_are_not_taken_for_codes(rehearsal: Rehearsal) -> None:
    """A number means something where its provider says so."""
    other = ProviderEvent("mailer", "e1", "failed", NOW, "sms", detail="30007 of them")
    receive(rehearsal.database, [other], now=NOW)
    assert judged(rehearsal, NOW + 1) == []
