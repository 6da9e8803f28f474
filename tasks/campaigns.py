"""Tasks that take people into campaigns and move them along."""

from __future__ import annotations

from datetime import datetime

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from clm.domain.instant import to_ms
from clm.engine.advance import advance
from clm.engine.enrol import enrol
from tasks.project import opened


def live_campaigns() -> list[str]:
    """The names of the live campaigns, most urgent first."""
    return [campaign.campaign for campaign in opened().journeys.live()]


@task(task_run_name="campaign {campaign}", retries=2, retry_delay_seconds=10, cache_policy=NO_CACHE)
def run_campaign(campaign: str, as_of: datetime) -> dict[str, int]:
    """Enrol into one live campaign and move its people along; returns how many were enrolled and queued."""
    workspace = opened()
    journeys = workspace.journeys
    found = next(one for one in journeys.live() if one.campaign == campaign)
    enrolled = enrol(workspace.database, journeys, found, now=to_ms(as_of))
    queued = advance(workspace.database, journeys, found, now=to_ms(as_of))
    get_run_logger().info("%s: %d enrolled, %d messages queued", campaign, enrolled, queued)
    return {"enrolled": enrolled, "queued": queued}
