"""Stops sending before harm is done, and lets it go on by itself where the harm is over.

Each stop is a row of `stops`: a provider that refuses us (`refused`) or asks for time (`asked`), bounces and complaints
beyond the lines (`breaker`), the first live messages of a version (`canary`), a send far larger than usual
(`blast_radius`). Each is looked at in the transaction that records an intent, so that no dispatcher slips past one that
is committed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from clm.channels import twilio_codes
from clm.domain.content import TEAM
from clm.domain.delivery import BlastRadius, Breaker, Canary, Delivery
from clm.domain.instant import DAY_MS, HOUR_MS
from clm.store import harm, shop, stops
from clm.store.alerts import Matter, note
from clm.store.database import Database, Found, Transaction
from clm.store.leases import Open
from clm.store.stops import Stop, of_campaign, of_sender, of_version

REFUSED_PAUSE_MS = HOUR_MS // 4
"""So long after a provider refused us, one message asks it again."""
PAUSE_MS_MAX = DAY_MS
"""However often a breaker has opened, it tries again once a day."""
_WEEKS_LOOKED_AT = 4
_PROBES_BOUNCED_MIN = 2
"""One dead address among few probes says nothing."""


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that a person should know of: a channel or campaign that stopped, may soon, or goes on again."""

    level: Literal["warning", "error", "info"]
    text: str


class Gate:
    """What the stops that stand let through, for one transaction.

    For how long a provider asked to be left alone is counted by the wall clock, as leases are, whatever instant a run
    is for.
    """

    def __init__(self, standing: Sequence[Stop], *, clock_now: int) -> None:
        self.standing = standing = [stop for stop in standing if stop.kind != "asked" or (stop.until or 0) > clock_now]
        self._spent: Counter[int] = Counter()
        self._of: dict[str, list[Stop]] = {}
        for stop in standing:
            self._of.setdefault(stop.scope, []).append(stop)

    def open(self, channels: Iterable[str], campaigns: Iterable[str], sender_of: Callable[[str], str]) -> Open:
        """The channels, campaigns and versions of which something may go out."""
        versions = [stop.scope.split() for stop in self.standing if not stop.allowed and stop.kind == "canary"]
        campaigns = list(campaigns)
        return Open(
            [one for one in channels if not self._closed(of_sender(one, sender_of(one)))],
            campaigns,
            [one for one in campaigns if self._closed(of_campaign(one))],
            [(campaign, version) for _, campaign, version in versions],
        )

    def lets(self, row: Found, sender: str) -> bool:
        """Whether one more message may go; counts it where only some may."""
        if not self.standing:
            return True
        scopes = [of_sender(row.channel, sender)]
        if row.channel not in TEAM:
            scopes += [of_campaign(row.campaign), of_version(row.campaign, row.version)]
        concerned = [stop for scope in scopes for stop in self._of.get(scope, ())]
        if any(self._spent[stop.id] >= stop.allowed for stop in concerned):
            return False
        self._spent.update(stop.id for stop in concerned)
        return True

    def spent(self) -> dict[Stop, int]:
        """How many messages each stop let through."""
        return {stop: self._spent[stop.id] for stop in self.standing if self._spent[stop.id]}

    def _closed(self, scope: str) -> bool:
        return any(not stop.allowed for stop in self._of.get(scope, ()))


def hatch_canaries(tx: Transaction, canary: Canary, versions: Collection[tuple[str, str]], *, now: int) -> None:
    """Let only the first messages go of versions that nothing was sent of before."""
    scopes = {of_version(*one): one for one in versions}
    for scope in sorted(scopes.keys() - stops.ever(tx, "canary", scopes)):
        reason = f"the first {canary.messages} messages of this version go ahead of the others"
        stops.put(tx, "canary", scope, reason, since=now, allowed=canary.messages)


def hold_if_large(tx: Transaction, blast: BlastRadius, campaign: str, *, now: int) -> bool:
    """Hold a campaign that has queued far more than it ever does, in the transaction that queues it.

    So nobody sees the messages before they see the stop. What a person has released in the last day is not held again.
    """
    lately = harm.queued(tx, campaign, since=now - DAY_MS, until=now)
    if lately <= blast.above:
        return False
    usual = harm.largest_day(tx, campaign, until=now - DAY_MS, weeks=_WEEKS_LOOKED_AT)
    if lately <= blast.times * usual or stops.released_since(tx, "blast_radius", of_campaign(campaign), now - DAY_MS):
        return False
    largest = f"its largest day of four weeks had {usual:,}" if usual else "it has sent nothing in four weeks"
    reason = f"{lately:,} messages in a day, and {largest}"
    if not stops.put(tx, "blast_radius", of_campaign(campaign), reason, since=now):
        return False
    note(tx, Matter("blast_radius", campaign, f"{campaign} is held: {reason}", _lets_go(campaign)), now=now)
    return True


def refused(tx: Transaction, channel: str, sender: str, reason: str, *, now: int) -> bool:
    """Stop a channel whose provider refuses us, because the next would meet the same; True where new."""
    scope = of_sender(channel, sender)
    until = now + REFUSED_PAUSE_MS
    if stops.put(tx, "refused", scope, reason, since=now, until=until):
        return True
    for stop in stops.standing(tx, lock=True):
        if stop.kind == "refused" and stop.scope == scope and stop.probed_since is not None:
            stops.wait(tx, stop, reason, until=until, times=stop.times + 1)
    return False


def judge(database: Database, delivery: Delivery, senders: Mapping[str, str], *, now: int) -> list[Alert]:
    """Look at what came of what was sent: open breakers, try again, release what has done well.

    `senders` are those in use, by channel. Returns what people should be told.
    """
    with database.read() as tx:
        if not _worth_a_look(tx, delivery, senders, now=now):
            return []
    alerts: list[Alert] = []
    with database.write(durable=True) as tx:
        standing = stops.standing(tx, lock=True)
        for stop in standing:
            if stop.until is not None and stop.until <= now:
                alerts += _looked_at_again(tx, stop, delivery, now=now)
        broken = {stop.scope for stop in standing if stop.kind == "breaker"}
        if delivery.breaker is not None:
            for channel, sender in senders.items():
                if channel not in TEAM and of_sender(channel, sender) not in broken:
                    alerts += _watched(tx, delivery.breaker, channel, sender, now=now)
        alerts += _held_back(tx, now=now)
    return alerts


def _worth_a_look(tx: Transaction, delivery: Delivery, senders: Mapping[str, str], *, now: int) -> bool:
    """Whether there may be something to do; asked first, without holding up those who send."""
    if any(stop.until is not None and stop.until <= now for stop in stops.standing(tx)):
        return True
    if harm.failures(tx, since=now - HOUR_MS):
        return True
    breaker = delivery.breaker
    if breaker is None:
        return False
    figures = [
        harm.of_sender(tx, channel, sender, since=now - breaker.within)
        for channel, sender in senders.items()
        if channel not in TEAM
    ]
    return any(
        one.bounced >= breaker.bounces.at_least or one.complained >= breaker.complaints.at_least for one in figures
    )


def _held_back(tx: Transaction, *, now: int) -> list[Alert]:
    """What carriers have done in the last hour that a person has to look at; of each kind once an hour."""
    counts: Counter[str] = Counter()
    for failure in harm.failures(tx, since=now - HOUR_MS):
        told = twilio_codes.alert(failure.detail) if failure.provider == twilio_codes.PROVIDER else None
        if told is not None:
            counts[told] += failure.events
    alerts = []
    for told, count in counts.items():
        if shop.is_due(tx, f"alerted: {told}", every=HOUR_MS, now=now):
            text = f"{told}, {count:,} in the last hour"
            alerts.append(Alert("error", text))
            note(tx, Matter("held_back", told, text), now=now)
    return alerts


def _watched(tx: Transaction, breaker: Breaker, channel: str, sender: str, *, now: int) -> list[Alert]:
    figures = harm.of_sender(tx, channel, sender, since=now - breaker.within)
    alerts = []
    for name, count, line in (
        ("bounced", figures.bounced, breaker.bounces),
        ("complained", figures.complained, breaker.complaints),
    ):
        if not figures.sent or count < line.at_least or count / figures.sent < line.warn:
            continue
        told = f"{count:,} of {figures.sent:,} {name} ({count / figures.sent:.2%})"
        scope = of_sender(channel, sender)
        if count / figures.sent < line.stop:
            text = f"{scope}: {told}; beyond {line.stop:.2%} it stops"
            alerts.append(Alert("warning", text))
            note(tx, Matter("near_line", f"{scope} {name}", text), now=now)
            continue
        before = stops.released_since(tx, "breaker", scope, now - DAY_MS)
        if before is not None:
            # What was sent before it probed, or before a person released it, has been judged already.
            since = before.probed_since or before.released_at or now
            if not _bad(harm.of_sender(tx, channel, sender, since=since), breaker):
                continue
        times = 1 if before is None else before.times + 1
        until = now + _pause_of(breaker.pause, times - 1)
        if stops.put(tx, "breaker", scope, told, since=now, until=until, times=times):
            return [_stopped(tx, scope, f"{scope} is stopped: {told}", now=now)]
    return alerts


def _looked_at_again(tx: Transaction, stop: Stop, delivery: Delivery, *, now: int) -> list[Alert]:
    """A stop whose time has come: it tries, is released, or waits on."""
    if stop.kind == "canary":
        return _canary(tx, stop, delivery, now=now)
    if stop.kind == "asked":
        stops.release(tx, {stop.scope}, at=now, by="itself", kinds={"asked"})
        return []
    channel, _, sender = stop.scope.partition(" ")
    pause, probes = REFUSED_PAUSE_MS, 1
    if stop.kind == "breaker" and delivery.breaker is not None:
        pause, probes = delivery.breaker.pause, delivery.breaker.probe
    if stop.probed_since is None:
        stops.probe(tx, stop, allowed=probes, since=now, until=now + pause)
        return []
    figures = harm.of_sender(tx, channel, sender, since=stop.probed_since)
    if not figures.sent:
        stops.probe(tx, stop, allowed=probes, since=now, until=now + pause)
        return []
    if stop.kind == "breaker" and delivery.breaker is not None and _bad(figures, delivery.breaker):
        told = f"{figures.bounced:,} of {figures.sent:,} probes bounced, {figures.complained:,} complained"
        stops.wait(tx, stop, told, until=now + _pause_of(pause, stop.times), times=stop.times + 1)
        return [_stopped(tx, stop.scope, f"{stop.scope} stays stopped: {told}", now=now)]
    stops.release(tx, {stop.scope}, at=now, by="itself", kinds={stop.kind})
    return [Alert("info", f"{stop.scope} goes on: {figures.sent:,} probes did well")]


def _stopped(tx: Transaction, scope: str, text: str, *, now: int) -> Alert:
    """That a breaker has opened, or stays open."""
    remedy = f"find what caused it, then `clm release {scope.partition(' ')[0]}`; else it tries a few by itself"
    note(tx, Matter("breaker", scope, text, remedy), now=now)
    return Alert("error", text)


def _pause_of(pause: int, times: int) -> int:
    """How long a breaker stays open that has opened so often before."""
    return min(pause << min(times, 16), PAUSE_MS_MAX)


def _canary(tx: Transaction, stop: Stop, delivery: Delivery, *, now: int) -> list[Alert]:
    _, campaign, version = stop.scope.split()
    figures = harm.of_version(tx, campaign, version)
    if not figures.sent and not figures.rejected and delivery.canary is not None:
        stops.wait(tx, stop, stop.reason, until=now + delivery.canary.wait, times=stop.times)
        return []  # of none of them is it known yet whether it went
    bad = delivery.breaker is not None and _bad(figures, delivery.breaker)
    if not bad and figures.rejected < max(_PROBES_BOUNCED_MIN, figures.sent / 10):
        stops.release(tx, {stop.scope}, at=now, by="itself", kinds={"canary"})
        return [Alert("info", f"{campaign} goes on: its first {figures.sent:,} messages did well")]
    told = (
        f"of its first {figures.sent + figures.rejected:,} messages {figures.rejected:,} were refused,"
        f" {figures.bounced:,} bounced, {figures.complained:,} complained of"
    )
    stops.wait(tx, stop, told, until=None, times=stop.times)
    matter = Matter("canary", campaign, f"{campaign} is held: {told}", _lets_go(campaign))
    note(tx, matter, now=now)
    return [Alert("error", f"{matter.text}; {matter.remedy}")]


def _lets_go(campaign: str) -> str:
    return f"`clm release {campaign}` lets it go"


def _bad(figures: harm.Figures, breaker: Breaker) -> bool:
    """Whether what was sent since somebody last looked did as badly as what stops a channel, few as it may be."""
    if not figures.sent:
        return False
    bounced = figures.bounced >= _PROBES_BOUNCED_MIN and figures.bounced / figures.sent >= breaker.bounces.stop
    return bounced or (figures.complained > 0 and figures.complained / figures.sent >= breaker.complaints.stop)
