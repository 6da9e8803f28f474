"""Tasks that tell people what happened."""

from __future__ import annotations

from datetime import datetime

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from clm.domain.instant import to_ms
from clm.insight.campaigns import campaign_reports, markdown
from tasks.project import opened


@task(task_run_name="report", retries=2, retry_delay_seconds=10, cache_policy=NO_CACHE)
def post_report(since: datetime, until: datetime, key: str, of: str) -> dict[str, dict[str, int]]:
    """Post the figures per campaign after `since`, up to and including `until`, as the artifact `key`; returns them."""
    workspace = opened()
    live = [campaign.campaign for campaign in workspace.journeys.live()]
    reports = campaign_reports(workspace.database, live, since=to_ms(since), until=to_ms(until))
    create_markdown_artifact(
        markdown(reports, heading=f"Campaigns, {of}, {until:%Y-%m-%d %H:%M} UTC"),
        key=key,
        description="Per campaign: entered, queued, sent, and not sent with reasons.",
    )
    return {one.campaign: {"entered": one.entered, "queued": one.queued, "sent": one.sent} for one in reports}
