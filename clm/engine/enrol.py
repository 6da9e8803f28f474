"""Takes people into a campaign: whoever its condition has become true of, once per the fact naming the enrolment."""

from __future__ import annotations

from clm.domain.broadcast import Broadcast
from clm.domain.campaign import Campaign
from clm.domain.condition import Not, before_entering
from clm.domain.content import TEAM
from clm.domain.instant import DAY_MS
from clm.engine.journey import Journeys
from clm.store import entering, watermarks
from clm.store.crossing import candidates, rules_of
from clm.store.database import Database, Transaction
from clm.store.entering import Entrance
from clm.store.narrowing import possible
from clm.store.watermarks import Look

_PAUSE_MS_MIN = 7 * DAY_MS
"""A scheduler away over a holiday is no pause: what came about meanwhile is taken in at once."""


def enrol(database: Database, journeys: Journeys, campaign: Campaign, *, now: int) -> int:
    """Enrol into one live campaign at `now` (milliseconds); returns how many entered.

    Only contacts whose facts changed or who passed a threshold since the last time are looked at. The first time, and
    when the conditions have been edited, everybody is; of those, at most the policy's backlog enters, latest trigger
    first, and the rest follow in the days after as long as the condition still holds. A broadcast takes in nobody: it
    is announced (clm.engine.broadcast).
    """
    if isinstance(campaign, Broadcast):
        return 0
    entrance = entrance_of(journeys, campaign)
    with database.write() as tx:
        rules = rules_of(tx, entrance.when, entrance.unless, entrance.once_per, entrance.again_after)
        look = watermarks.begin(tx, f"enter {campaign.campaign}", rules=rules, now=now)
        entered = _enter(tx, journeys, campaign, entrance, look, now)
        if entered:
            definition = campaign.definition()
            entering.keep_version(
                tx, campaign=campaign.campaign, version=campaign.version, definition=definition, now=now
            )
        return entered


def entrance_of(journeys: Journeys, campaign: Campaign) -> Entrance:
    """Who enters today's version of the campaign, and who of them is held out."""
    rules = journeys.configuration.rules(campaign)
    return Entrance(
        campaign=campaign.campaign,
        version=campaign.version,
        when=rules.enter,
        unless=None if rules.unless is None else before_entering(rules.unless),
        once_per=campaign.enter.once_per,
        again_after=campaign.enter.again_after,
        holdout=campaign.holdout,
        global_holdout=journeys.configuration.policy.holdout if _promotes(campaign) else 0.0,
    )


def _promotes(campaign: Campaign) -> bool:
    """Whether there is something to be measured: not of parcel notices, nor of mails to the team alone."""
    return campaign.purpose == "marketing" and any(step.channel not in TEAM for step in campaign.sends)


def _enter(tx: Transaction, journeys: Journeys, campaign: Campaign, entrance: Entrance, look: Look, now: int) -> int:
    room = _room(tx, campaign, now)
    policy = journeys.configuration.policy
    # A campaign that was paused, or not run for long, finds as many as a new one, and takes them in as slowly. Where
    # its own cap has left people over, all are looked at, so that the latest triggers come first.
    lately = look.mark is not None and now - look.mark.evaluated_at <= max(policy.backlog_within_ms, _PAUSE_MS_MIN)
    quick = lately and (room is None or look.backlog_since is None)
    entered = _enter_turned(tx, entrance, look, room, now) if quick else 0
    full = room is not None and entered >= room  # somebody may have been left over
    if quick and look.backlog_since is None and not full:
        watermarks.end(tx, look, now=now)
        return entered
    since, taken = look.backlog_since, look.backlog_taken
    if since is None or now >= since + policy.backlog_within_ms:
        since, taken = now, 0
    limit = max(0, policy.backlog_entries - taken)
    limit = limit if room is None else min(limit, room - entered)
    among = possible(entrance.when, now)
    more = entering.enter(tx, entrance, among=among, limit=limit, now=now) if limit else 0
    left_over = more >= limit
    watermarks.end(tx, look, now=now, backlog_since=since if left_over else None, backlog_taken=taken + more)
    return entered + more


def _enter_turned(tx: Transaction, entrance: Entrance, look: Look, room: int | None, now: int) -> int:
    """Enrol those of whom the condition has become true since the last look, or `unless` has ceased to be."""
    turning = [entrance.when]
    if entrance.unless is not None:
        turning.append(Not(entrance.unless))
    if entrance.named_by is not None:
        turning.append(entrance.named_by)
    again = None if entrance.again_after is None else (entrance.campaign, entrance.again_after)
    among = candidates(tx, turning, look.mark, now, again_after=again)
    return entering.enter(tx, entrance, among=among, limit=room, now=now)


def _room(tx: Transaction, campaign: Campaign, now: int) -> int | None:
    """How many more may enter now by the campaign's own cap; None without one."""
    cap = campaign.enter.at_most
    if cap is None:
        return None
    return max(0, cap.entries - entering.entered_since(tx, campaign.campaign, now - cap.within))
