"""Tasks that score contacts and place them in the stages of the lifecycle."""

from __future__ import annotations

from datetime import datetime

from prefect import get_run_logger, task

from clm.domain.instant import to_ms
from clm.engine.score import score_contacts
from clm.engine.stage import place_contacts
from tasks.project import opened
from tasks.retrying import TRIED_AGAIN


@task(task_run_name="score contacts", **TRIED_AGAIN)
def score_people(as_of: datetime, *, force: bool) -> dict[str, int]:
    """Score whoever has changed, and everybody once a day; returns how many scores and RFM groups are others now."""
    workspace = opened()
    plan = workspace.project.configuration
    scored = score_contacts(workspace.database, plan.rfm, now=to_ms(as_of), zone=plan.shop.time_zone, force=force)
    whom = "everybody by a new day's measure" if scored.measured else "whoever has changed"
    get_run_logger().info("%s: %d rescored, %d in another group", whom, scored.rescored, scored.regrouped)
    return {"measured": int(scored.measured), "rescored": scored.rescored, "regrouped": scored.regrouped}


@task(task_run_name="place in stages", **TRIED_AGAIN)
def place_people(as_of: datetime) -> dict[str, int]:
    """Put contacts into the first stage of config/stages.yaml that holds; returns how many moved."""
    workspace = opened()
    placed = place_contacts(workspace.database, workspace.project.configuration.stages, now=to_ms(as_of))
    get_run_logger().info("%d contacts came into another stage", placed.moved)
    return {"moved": placed.moved}
