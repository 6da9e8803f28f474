"""What announcing a broadcast would come to: whom it reaches, what the guards would say, when it leaves, what it costs.

People are counted exactly. What the guards would say is asked of some of them, drawn by lot, with what is known now and
for the instant at which each one's letter is due.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from clm.config import Rules
from clm.content.library import TemplateLibrary
from clm.content.locale import chain
from clm.domain.broadcast import Broadcast
from clm.domain.delivery import Canary, Route
from clm.domain.instant import HOUR_MS, from_ms
from clm.domain.node import length
from clm.domain.policy import Defer, Send, Verdict, authorise
from clm.domain.sms import Segments, cost, segments
from clm.engine import authorisation
from clm.engine.broadcast import NotAnnouncedError, announcement
from clm.engine.journey import Journeys
from clm.engine.proofreading import readers, readings
from clm.engine.workspace import Project
from clm.settings import Settings
from clm.store import broadcasts
from clm.store.database import Database, Found, Transaction
from clm.store.entering import Entrance

SAMPLE_MAX = 2_000


@dataclass(slots=True)
class BroadcastPlan:
    """What announcing would come to, in people; instants are milliseconds."""

    matching: int = 0
    announced: int = 0
    """Of those, to whom it has been announced already."""
    late: int = 0
    """Of the others, whose time has passed."""
    late_at_shop: bool = False
    """Whether it has passed by the shop's clock too."""
    begun_at: int | None = None
    """Of one that is due at once: when that was, or would be."""
    canary: Canary | None = None
    """The first letters of a broadcast, after which the others wait."""
    held_out: int = 0
    """Of those who would be taken in: enrolled and counted, and sent nothing."""
    locales: Counter[str] = field(default_factory=Counter)
    """Of those who would get it, by the language of the words."""
    zones: Counter[str] = field(default_factory=Counter)
    first_at: int | None = None
    last_at: int | None = None
    sampled: int = 0
    """Of how many the guards were asked; the counts below are of these."""
    sends: int = 0
    waits: Counter[str] = field(default_factory=Counter)
    """Would be put off at first, by what for."""
    refused: Counter[str] = field(default_factory=Counter)
    segments: int = 0
    """Of the SMS of those sampled who would get one, at once or later."""
    cost: float = 0.0
    """Of these segments, in the base currency."""

    @property
    def new(self) -> int:
        """Who would be taken in."""
        return self.matching - self.announced - self.late

    @property
    def getting(self) -> int:
        """Who would get it, if no guard had anything against it."""
        return self.new - self.held_out

    def of_all(self, counted: float) -> float:
        """What was counted of the sample, for all whom it stands for."""
        return counted * self.getting / self.sampled if self.sampled else 0.0


def refuse(plan: BroadcastPlan, broadcast: Broadcast) -> None:
    """Raise NotAnnouncedError where nobody would be taken in, or some too late, or most not be sent it in time."""
    name, zone = broadcast.campaign, " where they live" if broadcast.where == "contact" else ""
    if not plan.matching:
        raise NotAnnouncedError(f"{name}: `to` holds of nobody")
    if plan.late and plan.begun_at is not None:
        raise NotAnnouncedError(
            f"{name} was announced at {from_ms(plan.begun_at):%Y-%m-%d %H:%M} UTC, and `within` is over for all"
            f" {plan.late:,} who are new; announce the letter to them under another name, in a file of its own"
        )
    if plan.late and not plan.announced:
        others = ", `at: now`, or `where: shop`" if zone and not plan.late_at_shop else ", or `at: now`"
        remedy = f"write a later `at`{others}"
        raise NotAnnouncedError(f"{name}: {broadcast.at} has passed for {plan.late:,} of them{zone}; {remedy}")
    if plan.late and not plan.new:
        remedy = "announce the letter to them under another name, in a file of its own"
        raise NotAnnouncedError(f"{name}: {broadcast.at} has passed for all {plan.late:,} who are new{zone}; {remedy}")
    canary, within = plan.canary, broadcast.sends[0].within
    if canary and not plan.announced and plan.getting > canary.messages and within < canary.wait + HOUR_MS:
        raise NotAnnouncedError(
            f"{name}: the first {canary.messages:,} letters go ahead and the others wait {length(canary.wait)} for them"
            f" (`canary` in policy.yaml), but `within` ends {length(within)} after `at`; write"
            f" `within: {-(-canary.wait // HOUR_MS) + 1}h` or more"
        )


def sms_lengths(project: Project, settings: Settings, broadcast: Broadcast, *, now: int) -> dict[str, Segments]:
    """What its SMS takes by language, of several letters the longest, as somebody gets it of whom all is known."""
    found: dict[str, Segments] = {}
    for reading in readings(alone(project, broadcast)):
        if reading.step.channel == "sms":
            reader = readers(project, settings, reading, now=now)["all facts"]
            content = project.library.render(broadcast.campaign, reading.step.send, "sms", reading.locale, reader)
            taken = segments(content.text)
            found[reading.locale] = max(found.get(reading.locale, taken), taken, key=lambda one: one.count)
    return found


def alone(project: Project, broadcast: Broadcast) -> Project:
    """The project as if it had no other campaign."""
    configuration = replace(project.configuration, campaigns=(), broadcasts=(broadcast,))
    return replace(project, configuration=configuration)


def plan_broadcast(
    database: Database,
    journeys: Journeys,
    library: TemplateLibrary,
    broadcast: Broadcast,
    *,
    lengths: Mapping[str, Segments],
    now: int,
) -> BroadcastPlan:
    """What announcing it at `now` would come to; `lengths` are those of an SMS by locale, empty for mail."""
    entrance = announcement(database, journeys, broadcast, now=now)
    canary, begins = journeys.configuration.policy.delivery.canary, entrance.begins[None]
    plan = BroadcastPlan(late_at_shop=broadcast.is_late(begins, now), canary=canary)
    plan.begun_at = begins if broadcast.at_once else None
    there = library.locales(broadcast.campaign, broadcast.sends[0].send)
    default = journeys.configuration.shop.default_locale

    def words_of(locale: str | None) -> str:
        return next((one for one in chain(locale, default) if one in there), default)

    with database.read() as tx:
        for row in broadcasts.reach(tx, entrance, now=now):
            due_at = entrance.begins.get(row.home_zone, entrance.begins[None])
            plan.matching += row.contacts
            if row.announced:
                plan.announced += row.contacts
            elif broadcast.is_late(due_at, now):
                plan.late += row.contacts
            else:
                plan.first_at = min(due_at, plan.first_at or due_at)
                plan.last_at = max(due_at, plan.last_at or due_at)
                _count(plan, row, words_of(row.locale))
        _ask(tx, plan, journeys, broadcast, entrance, lambda locale: lengths.get(words_of(locale)), now=now)
    return plan


def _count(plan: BroadcastPlan, row: Found, locale: str) -> None:
    if row.holdout is not None:
        plan.held_out += row.contacts
        return
    plan.locales[locale] += row.contacts
    plan.zones[row.home_zone or "unknown"] += row.contacts


def _ask(
    tx: Transaction,
    plan: BroadcastPlan,
    journeys: Journeys,
    broadcast: Broadcast,
    entrance: Entrance,
    length: Callable[[str | None], Segments | None],
    *,
    now: int,
) -> None:
    """Put the guards' question about some of those who would get it."""
    policy = journeys.configuration.policy
    today = journeys.today(broadcast)
    # Goal and `unless` speak of an entry that there has not been; whom `unless` keeps out now is not among them.
    journey = replace(today, rules=Rules(today.rules.enter, None, None))
    asked = authorisation.asked([journey], policy)
    step = broadcast.sends[0]
    said = {
        "campaign": broadcast.campaign, "version": broadcast.version, "step": step.send, "channel": step.channel,
        "purpose": broadcast.purpose, "due_at": now, "expires_at": now + step.within,
    }  # fmt: skip
    rows = broadcasts.as_if_due(tx, entrance, said, asked=asked, now=now, limit=SAMPLE_MAX)
    journeys_of = {(broadcast.campaign, broadcast.version): journey}
    others = authorisation.known(tx, rows, journeys_of, policy, now=now)
    names = authorisation.names_of(asked)
    prices = policy.delivery.routes.get("sms", Route()).price_per_segment
    for row in rows:
        due_at = entrance.begins.get(row.home_zone, entrance.begins[None])
        if broadcast.is_late(due_at, now):
            continue
        candidate = authorisation.candidate(row, journey, others, policy, team="")
        candidate = replace(candidate, expires_at=due_at + step.within)
        verdict = authorise(candidate, authorisation.facts(row, names), policy, max(due_at, now))
        plan.sampled += 1
        _told(plan, verdict)
        taken = length(row.locale)
        if taken is not None and isinstance(verdict, Send | Defer):
            plan.segments += taken.count
            plan.cost += cost(taken, row.phone, prices) or 0.0


def _told(plan: BroadcastPlan, verdict: Verdict) -> None:
    if isinstance(verdict, Send):
        plan.sends += 1
        return
    # Not the hour, which is another in each zone.
    reason = "quiet hours" if "quiet_hours" in verdict.facts else verdict.reason
    (plan.waits if isinstance(verdict, Defer) else plan.refused)[reason] += 1
