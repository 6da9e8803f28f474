"""Decide who enters which campaign, move everybody along, and queue what is due."""

from __future__ import annotations

from datetime import datetime

from prefect import flow

from tasks.campaigns import live_campaigns, run_campaign
from tasks.project import moment, run_name


@flow(name="run-campaigns", flow_run_name=run_name("run-campaigns"))
def run_campaigns(as_of: datetime | None = None) -> dict[str, dict[str, int]]:
    """Run every live campaign once; returns enrolled and queued per campaign."""
    now = moment(as_of)
    return {campaign: run_campaign(campaign, now) for campaign in live_campaigns()}
