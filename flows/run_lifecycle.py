"""The whole lifecycle, once: the main job."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from prefect import flow
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

from clm.domain.message import ENDS, STATUSES
from flows.dispatch_messages import dispatch_messages
from flows.pull_contacts import pull_contacts
from flows.reconcile_messages import reconcile_messages
from flows.run_campaigns import run_campaigns
from flows.score_contacts import score_contacts
from tasks.messages import standing
from tasks.project import moment, run_name
from tasks.report import post_report

Stage = Literal["pull", "score", "campaigns", "reconcile", "dispatch", "report"]
STAGES: tuple[Stage, ...] = ("pull", "score", "campaigns", "reconcile", "dispatch", "report")


@flow(name="run-lifecycle", flow_run_name=run_name("run-lifecycle"))
def run_lifecycle(as_of: datetime | None = None, only: list[Stage] | None = None) -> dict[str, Any]:
    """Pull, score, run campaigns, reconcile, dispatch and report, at `as_of` or now.

    Returns `as_of`, `pulled` (counts per feed), `enrolled` (per campaign), `deferred` (how often a message was put off)
    and `messages`: those this run brought to an end, by status, and those that stand queued, sending or in doubt now.
    """
    now = moment(as_of)
    stages = only or STAGES
    pulled = pull_contacts(now) if "pull" in stages else {}
    if "score" in stages:
        score_contacts(now)
    campaigns = run_campaigns(now) if "campaigns" in stages else {}
    reconciled = reconcile_messages(now) if "reconcile" in stages else {}
    # Without an instant of its own the clock has moved on, and what other runs have queued meanwhile is due too.
    then = moment(as_of)
    handed = dispatch_messages(then) if "dispatch" in stages else {}
    if "report" in stages:
        post_report(now - timedelta(milliseconds=1), then, "lifecycle-run", "this run")
    ended = {status: handed.get(status, 0) for status in sorted(ENDS)}
    ended["expired"] += reconciled.get("expired", 0)
    return {
        "as_of": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "pulled": pulled,
        "enrolled": {campaign: counts["enrolled"] for campaign, counts in campaigns.items()},
        "deferred": handed.get("deferred", 0),
        "messages": dict.fromkeys(STATUSES, 0) | ended | standing(),
    }


if __name__ == "__main__":  # `clm run` starts this in a process of its own, because clm does not know Prefect
    request = json.loads(sys.argv[1])
    when = request["as_of"] and datetime.fromisoformat(request["as_of"])
    # Heartbeats tell a scheduler that a run lives; joining their thread costs a second a flow, and here somebody waits.
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        summary = run_lifecycle(as_of=when, only=request["only"])
    Path(sys.argv[2]).write_text(json.dumps(summary), encoding="utf-8")
