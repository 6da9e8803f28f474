"""Moves people along a campaign's steps: notes goals, waits, and queues what is due."""

from __future__ import annotations

from clm.domain.campaign import Campaign, SendStep, WaitStep
from clm.engine.journey import Journey, Journeys
from clm.store import enrolments, messages
from clm.store.database import Database
from clm.store.messages import Queueing

BATCH_ENROLMENTS = 5_000
"""Enrolments moved per transaction, so that nobody waits long for the write lock."""


def advance(database: Database, journeys: Journeys, campaign: Campaign, *, now: int) -> int:
    """Move everybody in flight in `campaign` as far as they are due at `now`; returns how many messages were queued."""
    with database.read() as tx:
        versions = journeys.in_flight(tx, campaign, now=now)
    queued = 0
    for journey in versions:
        _note_goals(database, journey, now=now)
        for position in range(len(journey.campaign.steps)):
            queued += _pass_step(database, journey, position, now=now)
    return queued


def _note_goals(database: Database, journey: Journey, *, now: int) -> None:
    campaign, goal = journey.campaign, journey.rules.goal
    if goal is None or campaign.goal is None:
        return
    with database.write() as tx:
        enrolments.reach_goal(
            tx, campaign=campaign.campaign, version=journey.version, goal=goal, within=campaign.goal.within, now=now
        )


def _pass_step(database: Database, journey: Journey, position: int, *, now: int) -> int:
    """Take everybody who is due at one step past it, batch by batch."""
    campaign = journey.campaign
    step = campaign.steps[position]
    queued = 0
    while True:
        with database.write() as tx:
            moved = enrolments.move_on(
                tx,
                campaign=campaign.campaign,
                version=journey.version,
                position=position,
                next_due_at=now + step.wait if isinstance(step, WaitStep) else now,
                last=position == len(campaign.steps) - 1,
                now=now,
                limit=BATCH_ENROLMENTS,
            )
            if isinstance(step, SendStep):
                queued += messages.queue(tx, moved, _queueing(campaign, step, now), now=now)
        if len(moved) < BATCH_ENROLMENTS:
            return queued


def _queueing(campaign: Campaign, step: SendStep, now: int) -> Queueing:
    return Queueing(
        campaign=campaign.campaign,
        step=step.send,
        channel=step.channel,
        purpose=campaign.purpose,
        priority=campaign.priority,
        due_at=now,
        expires_at=now + step.within,
    )
