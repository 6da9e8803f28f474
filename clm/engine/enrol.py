"""Takes people into a campaign: everybody of whom its condition holds, once per the fact that names the enrolment."""

from __future__ import annotations

from clm.domain.campaign import Campaign
from clm.engine.journey import Journeys
from clm.store import enrolments
from clm.store.database import Database


def enrol(database: Database, journeys: Journeys, campaign: Campaign, *, now: int) -> int:
    """Enrol into one live campaign at `now` (milliseconds); returns how many entered."""
    rules = journeys.configuration.rules(campaign)
    with database.write() as tx:
        enrolments.keep_version(
            tx, campaign=campaign.campaign, version=campaign.version, definition=campaign.definition(), now=now
        )
        return enrolments.enter(
            tx,
            campaign=campaign.campaign,
            version=campaign.version,
            when=rules.enter,
            unless=rules.unless,
            once_per=campaign.enter.once_per,
            now=now,
        )
