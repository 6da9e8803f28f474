"""Queues the letter that asks whose an address is as soon as somebody has asked for letters.

They are looking at the page, and the campaign's next run may be minutes away. This is that run, for one contact: the
same condition, the same name of the enrolment and the same steps, so that whichever of the two comes second finds
nothing to do.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path

from clm.config import load_configuration
from clm.domain.campaign import Campaign
from clm.domain.node import Send
from clm.engine.enrol import entrance_of
from clm.engine.journey import Journeys
from clm.engine.passage import Passage
from clm.engine.safety import hold_if_large
from clm.engine.signup import ASKED
from clm.engine.subscription import committed
from clm.errors import ClmError, ConfigurationError
from clm.settings import Settings
from clm.stamp import stamp_of
from clm.store import enrolments, entering
from clm.store.database import Database, Transaction

LETTERS_MAX = 100
"""Those who have one address do not wait for more."""
log = logging.getLogger("clm.web")


def write_at_once(database: Database, settings: Settings, contact_ids: Collection[int], *, now: int) -> int:
    """Take those who asked into the campaigns that an asking names, and queue their letters; how many were queued.

    Raises nothing: what could not be queued, because a file of config/ is faulty or the database is busy, is left to
    the campaign's next run, and told in the log.
    """
    try:
        journeys = _journeys(settings.config, stamp_of([settings.config], "*.yaml"))
    except OSError as error:  # somebody is putting the files in place
        log.warning("letters to those who sign up wait for their campaign's run: %s", error)
        return 0
    if journeys is None:
        return 0
    queued = 0
    for campaign in journeys.live():
        # Where only so many may enter, or the first step is no letter, it is for a run to decide.
        if ASKED not in campaign.enter.once_per or campaign.enter.at_most is not None:
            continue

        def work(tx: Transaction, campaign: Campaign = campaign) -> int:
            return _queue(tx, journeys, campaign, contact_ids, live=settings.live, now=now)

        try:
            queued += committed(database, work)
        except ClmError as error:
            log.warning("%s is left to its next run: %s", campaign.campaign, error)
    return queued


def _queue(
    tx: Transaction, journeys: Journeys, campaign: Campaign, contact_ids: Collection[int], *, live: bool, now: int
) -> int:
    journey = journeys.today(campaign)
    if not isinstance(journey.program.nodes[0], Send):
        return 0
    among = entering.some(contact_ids)
    if not entering.enter(tx, entrance_of(journeys, campaign), among=among, limit=None, now=now):
        return 0
    name, definition = campaign.campaign, campaign.definition()
    entering.keep_version(tx, campaign=name, version=campaign.version, definition=definition, now=now)
    # Others who stand there are left to a run, which looks for exits and goals first.
    shop_zone = journeys.configuration.shop.time_zone
    passage = Passage(tx, journey, now=now, shop_zone=shop_zone, among=contact_ids)
    passage.take(0, limit=LETTERS_MAX)
    if campaign.enter.again_after is not None:
        enrolments.let_in_again(tx, passage.ended)
    blast = journeys.configuration.policy.delivery.blast_radius
    if passage.queued and blast is not None and live:
        hold_if_large(tx, blast, name, now=now)
    return passage.queued


@lru_cache(maxsize=1)
def _journeys(config: Path, _stamp: int) -> Journeys | None:
    """The campaigns as the files are that were written last; None where one of them is faulty."""
    try:
        return Journeys(load_configuration(config))
    except ConfigurationError as error:
        log.warning("letters to those who sign up wait for their campaign's run: %s", error.faults[0])
        return None
