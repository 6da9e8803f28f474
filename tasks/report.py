"""Tasks that tell people what happened."""

from __future__ import annotations

from datetime import datetime, timedelta

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE

from clm.domain.instant import to_ms
from clm.insight.campaigns import campaign_reports, markdown
from tasks.project import opened


@task(task_run_name="report", retries=2, retry_delay_seconds=10, cache_policy=NO_CACHE)
def post_report(as_of: datetime, period: timedelta | None) -> dict[str, dict[str, int]]:
    """Post the figures per campaign as an artifact: of `period` up to `as_of`, or of that instant alone."""
    workspace = opened()
    until = to_ms(as_of)
    since = until - (1 if period is None else period // timedelta(milliseconds=1))
    live = [campaign.campaign for campaign in workspace.journeys.live()]
    reports = campaign_reports(workspace.database, live, since=since, until=until)
    of = "at this instant" if period is None else f"the last {period.total_seconds() / 3600:g} hours"
    create_markdown_artifact(
        markdown(reports, heading=f"Campaigns {of}, {as_of:%Y-%m-%d %H:%M} UTC"),
        key="lifecycle-run" if period is None else "lifecycle-report",
        description="Per campaign: entered, queued, sent, and not sent with reasons.",
    )
    return {one.campaign: {"entered": one.entered, "queued": one.queued, "sent": one.sent} for one in reports}
