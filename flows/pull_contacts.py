"""Pull contacts, orders and events from every source."""

from __future__ import annotations

from datetime import datetime

from prefect import flow

from tasks.facts import feeds, pull
from tasks.project import moment, run_name


@flow(name="pull-contacts", flow_run_name=run_name("pull-contacts"))
def pull_contacts(as_of: datetime | None = None) -> dict[str, dict[str, int]]:
    """Read what is new in each source of config/sources.yaml; returns counts per feed."""
    now = moment(as_of)
    return {feed: pull(feed, now) for feed in feeds()}
