"""Tasks that take people into campaigns and move them along."""

from __future__ import annotations

from datetime import datetime

from prefect import get_run_logger, task

from clm.domain.instant import to_ms
from clm.engine.advance import advance
from clm.engine.enrol import enrol
from clm.store import broadcasts
from tasks.project import opened
from tasks.retrying import TRIED_AGAIN


def live_campaigns() -> list[str]:
    """The names of the live campaigns, most urgent first; of broadcasts, those that have been announced."""
    workspace = opened()
    names = [campaign.campaign for campaign in workspace.journeys.live()]
    silent = {broadcast.campaign for broadcast in workspace.project.configuration.broadcasts}
    with workspace.database.read() as tx:
        silent -= broadcasts.announced(tx, silent)
    return [name for name in names if name not in silent]


@task(task_run_name="campaign {campaign}", **TRIED_AGAIN)
def run_campaign(campaign: str, as_of: datetime) -> dict[str, int]:
    """Enrol into one live campaign and move its people along; returns how many were enrolled and queued."""
    workspace = opened()
    journeys = workspace.journeys
    found = next(one for one in journeys.live() if one.campaign == campaign)
    enrolled = enrol(workspace.database, journeys, found, now=to_ms(as_of))
    queued = advance(workspace.database, journeys, found, now=to_ms(as_of))
    get_run_logger().info("%s: %d enrolled, %d messages queued", campaign, enrolled, queued)
    return {"enrolled": enrolled, "queued": queued}
