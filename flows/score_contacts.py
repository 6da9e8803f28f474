"""Bring up to date what changes by itself about contacts as time passes."""

from __future__ import annotations

from datetime import datetime

from prefect import flow

from tasks.facts import refresh_profiles
from tasks.project import moment, run_name


@flow(name="score-contacts", flow_run_name=run_name("score-contacts"))
def score_contacts(as_of: datetime | None = None) -> int:
    """Refresh the profiles that time has changed; returns how many."""
    return refresh_profiles(moment(as_of))
