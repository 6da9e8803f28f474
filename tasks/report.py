"""Tasks that tell people what happened."""

from __future__ import annotations

from datetime import datetime

from prefect import task
from prefect.artifacts import create_markdown_artifact

from clm.domain.instant import to_ms
from clm.insight.campaigns import campaign_reports, markdown
from tasks.campaigns import live_campaigns
from tasks.project import opened
from tasks.retrying import TRIED_AGAIN


@task(task_run_name="report", **TRIED_AGAIN)
def post_report(since: datetime, until: datetime, key: str, of: str) -> dict[str, dict[str, int]]:
    """Post the figures per campaign after `since`, up to and including `until`, as the artifact `key`; returns them."""
    workspace = opened()
    live = live_campaigns()
    reports = campaign_reports(workspace.database, live, since=to_ms(since), until=to_ms(until))
    create_markdown_artifact(
        markdown(reports, heading=f"Campaigns, {of}, {until:%Y-%m-%d %H:%M} UTC"),
        key=key,
        description="Per campaign: entered, queued, sent, and not sent with reasons.",
    )
    return {one.campaign: {"entered": one.entered, "queued": one.queued, "sent": one.sent} for one in reports}
