"""Decide who enters which campaign, move everybody along, and queue what is due."""

from __future__ import annotations

from datetime import datetime

from prefect import flow

from tasks.campaigns import live_campaigns, run_campaign
from tasks.facts import refresh_profiles
from tasks.project import moment, run_name


@flow(name="run-campaigns", flow_run_name=run_name("run-campaigns"))
def run_campaigns(as_of: datetime | None = None) -> dict[str, dict[str, int]]:
    """Run every live campaign once; returns enrolled and queued per campaign."""
    now = moment(as_of)
    refresh_profiles(now)  # conditions look at facts that change by themselves
    # One campaign's failure does not keep the others from running; it is raised when all have had their turn.
    states = {campaign: run_campaign(campaign, now, return_state=True) for campaign in live_campaigns()}
    return {campaign: state.result() for campaign, state in states.items()}
