"""The main job, run once through the worker as its schedules would, and what came of it."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from rich.table import Table

from clm.cli.services.steps import Interrupts, StepError

if TYPE_CHECKING:
    from collections.abc import Callable

    from clm.cli.services.prefect_api import PrefectServer

MAIN_JOB = "run-lifecycle/run-lifecycle"

_PICK_UP_SECONDS_MAX = 120.0
_RUN_SECONDS_MAX = 6 * 3_600.0
_LOG_SECONDS_MAX = 5.0
_LOG_LINES_MAX = 20
_ERROR = 40
_FINAL_STATES = frozenset({"COMPLETED", "FAILED", "CRASHED", "CANCELLED"})


def run_main_job(server: PrefectServer, interrupts: Interrupts, say: Callable[[str], None]) -> str:
    """Run the main job to its end, saying what it is at; returns the flow run's id.

    Raises StepError with the end of its log unless it completes.
    """
    flow_run_id = server.start_run(MAIN_JOB)
    started = time.monotonic()
    while (run := server.flow_run(flow_run_id))["state_type"] not in _FINAL_STATES:
        waited = time.monotonic() - started
        if waited > _RUN_SECONDS_MAX or (run["state_type"] == "SCHEDULED" and waited > _PICK_UP_SECONDS_MAX):
            raise StepError(f"The lifecycle run is {run['state_name']} after {waited:.0f} s.")
        step = server.newest_step(flow_run_id)
        say(f"{run['state_name']}{f', {step}' if step else ''}")
        interrupts.pause(0.5)
    say(run["name"])
    if run["state_type"] != "COMPLETED":
        lines = "\n".join(_last_lines(server, interrupts, flow_run_id))
        raise StepError(f"The lifecycle run ended as {run['state_name']}: {run['state'].get('message')}\n\n{lines}")
    return flow_run_id


def _last_lines(server: PrefectServer, interrupts: Interrupts, flow_run_id: str) -> list[str]:
    """The end of a failed run's log; the process may have sent it a little later than its state."""
    deadline = time.monotonic() + _LOG_SECONDS_MAX
    while True:
        log = server.log(flow_run_id)
        if any(entry["level"] >= _ERROR for entry in log) or time.monotonic() > deadline:
            return [line for entry in log for line in entry["message"].splitlines()][-_LOG_LINES_MAX:]
        interrupts.pause()


def sent_table(messages: list[dict[str, Any]]) -> Table:
    """How many messages each campaign has, by channel and status."""
    counts = Counter((row["campaign"], row["channel"], row["status"]) for row in messages)
    by_status = Counter(row["status"] for row in messages)
    statuses = [status for status, _ in by_status.most_common()]
    table = Table(title="Messages", show_footer=True)
    table.add_column("campaign", footer="all")
    table.add_column("channel")
    for status in statuses:
        table.add_column(status, footer=f"{by_status[status]:,}", justify="right")
    for campaign, channel in sorted({key[:2] for key in counts}):
        row = [counts[campaign, channel, status] for status in statuses]
        table.add_row(campaign, channel, *(f"{count:,}" if count else "" for count in row))
    return table
