"""Moves people along a campaign's steps: who has reached the goal or has to leave, and who is due at which step."""

from __future__ import annotations

from collections.abc import Sequence

from clm.domain.campaign import Campaign
from clm.domain.node import Hold
from clm.engine.journey import Journey, Journeys
from clm.engine.passage import Passage
from clm.engine.safety import hold_if_large
from clm.store import enrolments, entering, flight
from clm.store.database import Database, Transaction
from clm.store.enrolments import Standing
from clm.store.flight import Flight, Looking

BATCH_ENROLMENTS = 5_000
"""Enrolments moved per transaction, so that nobody waits long for the write lock."""
UNREADABLE = "its version of the campaign cannot be read any more"


def advance(database: Database, journeys: Journeys, campaign: Campaign, *, now: int) -> int:
    """Move everybody in flight in `campaign` as far as they are due at `now`; returns how many messages were queued."""
    if campaign.in_flight == "move":
        _move_to_today(database, journeys, campaign, now=now)
    with database.read() as tx:
        versions, stranded = journeys.in_flight(tx, campaign, now=now)
    for one in stranded:
        _end_all(database, one.flight, campaign, now=now)
    queued = 0
    for journey in versions:
        _look(database, journey, campaign, now=now)
        queued += _pass(database, journeys, journey, campaign, now=now)
    return queued


def _look(database: Database, journey: Journey, today: Campaign, *, now: int) -> None:
    """See of whom a goal, an exit rule, or what they wait for has become true since the last look."""
    campaign = journey.campaign
    if not journey.looked_for:
        return
    with database.write() as tx:
        looking = Looking(tx, journey.flight, asking=journey.looked_for, now=now, limit=BATCH_ENROLMENTS)
        passage = Passage(tx, journey, now=now)
        if journey.rules.goal is not None and campaign.goal is not None:
            for who in looking.reached(journey.rules.goal, within=campaign.goal.within):
                enrolments.note_goal(tx, who, now=now)
                passage.end([one for one in who if one.status == "active"], "goal reached")
        for rule in campaign.exit:
            for who in looking.fulfilled(journey.conditions[rule.when]):
                passage.end(who, rule.reason)
        for index, node in enumerate(journey.program.nodes):
            if isinstance(node, Hold):
                for who in looking.fulfilled(journey.conditions[node.when], position=index):
                    passage.let_through(node, who)
        looking.end()
        _let_in_again(tx, today, passage.ended)


def _pass(database: Database, journeys: Journeys, journey: Journey, today: Campaign, *, now: int) -> int:
    """Take everybody who is due past each node, once, in order; every edge leads to a later node."""
    nodes = journey.program.nodes
    with database.read() as tx:
        awaited = flight.awaited(tx, journey.flight, range(len(nodes)), now=now)
    zone = journeys.configuration.shop.time_zone
    blast = journeys.configuration.policy.delivery.blast_radius
    queued = 0
    for index in range(len(nodes)):
        more = index in awaited
        while more:
            with database.write() as tx:
                passage = Passage(tx, journey, now=now, shop_zone=zone)
                more = passage.take(index, limit=BATCH_ENROLMENTS) == BATCH_ENROLMENTS
                _let_in_again(tx, today, passage.ended)
                if passage.queued and blast is not None:
                    hold_if_large(tx, blast, today.campaign, now=now)
            awaited |= passage.came_to
            queued += passage.queued
    return queued


def _move_to_today(database: Database, journeys: Journeys, campaign: Campaign, *, now: int) -> None:
    """Bring everybody on an older version to the step of the same name of today's; where it is gone, they leave."""
    today = journeys.today(campaign)
    with database.read() as tx:
        readable, stranded = journeys.in_flight(tx, campaign, now=now)
    everybody = [(one.flight, one.program) for one in readable] + [(one.flight, one.program) for one in stranded]
    for theirs, program in everybody:
        if program is None or theirs == today.flight:
            continue
        for index, node in enumerate(program.nodes):
            more = True
            while more:
                with database.write() as tx:
                    who = flight.standing(tx, theirs, index, limit=BATCH_ENROLMENTS)
                    _move(tx, who, node.key, today, now=now)
                more = len(who) == BATCH_ENROLMENTS


def _move(tx: Transaction, who: Sequence[Standing], key: str, today: Journey, *, now: int) -> None:
    """Bring people to the node of that key of today's version, or end their journeys."""
    if not who:
        return
    campaign, to = today.campaign, today.program.index_of(key)
    if to is None:
        reason = f"step `{key.split(':', maxsplit=1)[0]}` was removed from the campaign"
        enrolments.end(tx, who, campaign=campaign.campaign, reason=reason, now=now)
        _let_in_again(tx, campaign, {one.contact_id for one in who})
        return
    entering.keep_version(
        tx, campaign=campaign.campaign, version=today.version, definition=campaign.definition(), now=now
    )
    flight.forget(tx, today.flight)
    enrolments.change_version(tx, [one.id for one in who], today.version, to=to)


def _end_all(database: Database, theirs: Flight, campaign: Campaign, *, now: int) -> None:
    """End the journeys of a version that cannot be read any more: nobody stays in a campaign that goes nowhere."""
    more = True
    while more:
        with database.write() as tx:
            who = flight.standing(tx, theirs, None, limit=BATCH_ENROLMENTS)
            enrolments.end(tx, who, campaign=campaign.campaign, reason=UNREADABLE, now=now)
            _let_in_again(tx, campaign, {one.contact_id for one in who})
        more = len(who) == BATCH_ENROLMENTS


def _let_in_again(tx: Transaction, today: Campaign, contact_ids: set[int]) -> None:
    """Have those looked at who may enter again now that their journeys have ended; by today's file, as entering is."""
    if today.enter.again_after is not None:
        enrolments.let_in_again(tx, contact_ids)
