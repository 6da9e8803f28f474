"""Tell people how it is going."""

from __future__ import annotations

from datetime import datetime, timedelta

from prefect import flow

from tasks.project import moment, run_name
from tasks.report import post_report


@flow(name="report-lifecycle", flow_run_name=run_name("report-lifecycle"))
def report_lifecycle(as_of: datetime | None = None) -> dict[str, dict[str, int]]:
    """Post the last day's figures per campaign as an artifact, and return them."""
    now = moment(as_of)
    return post_report(now - timedelta(days=1), now, "lifecycle-report", "the last 24 hours")
