"""Records what came of handing messages over, whatever happens to the database meanwhile."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from clm.domain.content import TEAM
from clm.domain.instant import SECOND_MS
from clm.domain.outcome import Accepted, InDoubt, NotSent, Rejected
from clm.engine import safety
from clm.engine.handover import Answer, Clock
from clm.errors import StoreError
from clm.faults import FaultPoint, reach
from clm.store import attempts, coupons, stops, suppressions
from clm.store.alerts import Matter, note
from clm.store.attempts import Settlement
from clm.store.database import Database, Transaction

PAUSE_SECONDS = 30
"""After a first try that did not reach the provider; doubled with each further one."""
PAUSE_SECONDS_MAX = 600
RETRY_AFTER_MS_MAX = 3_600 * SECOND_MS
"""However long a provider asks us to wait, it is asked again after an hour."""
_PATIENCE_SECONDS = (0, 0, 0.05, 0.2, 0.5, 1, 2, 4, 8, 15, 15, 15, 15, 15, 15, 15)
"""Between tries to record answers: two minutes in all. They are in nobody's hands but ours, so a database that is away
for a minute must not lose them; what we give up on is found by its lease, and is in doubt."""


@dataclass(frozen=True, slots=True)
class Settled:
    """Where messages went, and what people should know of it."""

    by_status: Counter[str]
    alerts: list[str]


def settle(
    database: Database,
    answers: Sequence[Answer],
    *,
    now: int,
    clock: Clock,
    pause: Callable[[float], None] = time.sleep,
) -> Settled:
    """Record the answers in one transaction, with what they stop and suppress; insists while the database is away."""
    reach(FaultPoint.ANSWER_IN_HAND)
    for seconds in _PATIENCE_SECONDS:
        if seconds:
            pause(seconds)
        try:
            with database.write(durable=True) as tx:
                settled = _settle(tx, answers, now=now, clock_now=clock())
        except StoreError as error:
            refusal = error
            continue
        reach(FaultPoint.SETTLED)
        return settled
    raise refusal


def _settle(tx: Transaction, answers: Sequence[Answer], *, now: int, clock_now: int) -> Settled:
    settlements = [_settlement(answer, clock_now) for answer in answers]
    mine = attempts.settle(tx, settlements, now=now)
    _give_back(tx, [one for one in answers if one.of.envelope.message_id in mine and isinstance(one.outcome, NotSent)])
    refused = [one.of.envelope.message_id for one in answers if isinstance(one.outcome, Rejected)]
    coupons.never_seen(tx, [message_id for message_id in refused if message_id in mine])
    alerts = []
    matters: dict[tuple[str, str], Matter] = {}
    for answer in answers:
        envelope, outcome = answer.of.envelope, answer.outcome
        scope = stops.of_sender(envelope.channel, answer.of.sender)
        # The team's own address may be wrong too, and is mended, not suppressed.
        if isinstance(outcome, Rejected) and outcome.suppress is not None and envelope.channel not in TEAM:
            suppressions.suppress(
                tx, channel=envelope.channel, address=envelope.to, reason=outcome.suppress, source="provider", at=now
            )
        if isinstance(outcome, Rejected) and outcome.alert:
            text = f"{envelope.channel}: {outcome.reason}; the next messages may meet the same"
            alerts.append(text)
            matters["rejected", scope] = Matter("rejected", scope, text)
        if isinstance(outcome, NotSent) and outcome.retry_after_ms is not None:
            until = clock_now + min(outcome.retry_after_ms, RETRY_AFTER_MS_MAX)
            stops.ask_to_wait(tx, scope, outcome.reason, since=now, until=until)
        if isinstance(outcome, NotSent) and outcome.stop:
            safety.refused(tx, envelope.channel, answer.of.sender, outcome.reason, now=now)
            text = f"{envelope.channel} is stopped: {outcome.reason}; nothing is lost, messages wait"
            alerts.append(text)
            remedy = f"mend it, then `clm release {envelope.channel}`"
            matters["refused", scope] = Matter("refused", scope, text, remedy)
    for _, matter in sorted(matters.items()):
        note(tx, matter, now=now)
    by_status: Counter[str] = Counter(one.status for one in settlements if one.id in mine)
    return Settled(by_status, list(dict.fromkeys(alerts)))


def _give_back(tx: Transaction, unsent: Sequence[Answer]) -> None:
    """Hold again the codes of what did not leave, and let others go in its place where a canary had let it go first."""
    if unsent:
        coupons.hold_again(tx, [answer.of.envelope.message_id for answer in unsent])
    to_contacts = [answer.of for answer in unsent if answer.of.envelope.channel not in TEAM]
    versions = Counter((one.envelope.labels[0], one.version) for one in to_contacts)
    for (campaign, version), count in sorted(versions.items()):
        stops.give_back(tx, "canary", stops.of_version(campaign, version), count)


def _settlement(answer: Answer, clock_now: int) -> Settlement:
    one = answer.of
    key = (one.envelope.message_id, one.token, one.number)
    match answer.outcome:
        case Accepted(provider_id):
            return Settlement(*key, "sent", "accepted", None, provider_id)
        case Rejected(reason, suppress):
            return Settlement(*key, "rejected", "bounced" if suppress == "invalid" else "rejected", reason)
        case NotSent(reason, retry_after_ms):
            pause = min(PAUSE_SECONDS * 2 ** min(one.number - 1, 10), PAUSE_SECONDS_MAX) * SECOND_MS
            found = "in_doubt" if answer.doubted else "not_sent"
            return Settlement(*key, "queued", found, reason, pause_until=clock_now + max(pause, retry_after_ms or 0))
        case InDoubt(reason):
            return Settlement(*key, "in_doubt", "in_doubt", reason)
