"""Bring up to date what is worked out about contacts: facts that time changes, scores, groups, stages."""

from __future__ import annotations

from datetime import datetime

from prefect import flow

from tasks.facts import refresh_profiles
from tasks.project import moment, run_name
from tasks.scores import place_people, score_people


@flow(name="score-contacts", flow_run_name=run_name("score-contacts"))
def score_contacts(as_of: datetime | None = None, *, force: bool = False) -> dict[str, int]:
    """Refresh profiles, score contacts and place them in stages; returns how many of each changed.

    The scores' measure and the purchase model are taken once a day, or whenever `force` is set.
    """
    now = moment(as_of)
    refreshed = refresh_profiles(now)
    return {"refreshed": refreshed, **score_people(now, force=force), **place_people(now)}
