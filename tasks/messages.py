"""Tasks that hand messages over and put right what was left behind."""

from __future__ import annotations

from datetime import datetime

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from clm.domain.instant import to_ms
from clm.engine.reconcile import reconcile
from clm.engine.safety import Alert, judge
from clm.engine.stream import stream
from clm.engine.sweep import sweep
from clm.engine.workspace import Workspace
from clm.store import messages
from tasks.alerts import mail, tell
from tasks.interruption import finishing_first
from tasks.project import opened, wall_clock
from tasks.retrying import TRIED_AGAIN, may_pass

PAUSE = "pause_ms"
"""In the result of `hand_over`: how long the provider asks to be left alone, in milliseconds."""


@task(task_run_name="round {number}", cache_policy=NO_CACHE)
def hand_over(number: int, as_of: datetime) -> dict[str, int]:  # noqa: ARG001 - the number names the task run
    """Hand over what is due, for some seconds at most; returns how many were leased and how many went to each status.

    Never retried by Prefect: what a dead run held is found by its lease. Being ended waits for what is in hand.
    """
    workspace = opened()
    tell(alert for alert in _judged(workspace, as_of) if alert.level != "warning")  # reconciling tells those
    with finishing_first() as interrupted:
        handed = stream(workspace.dispatcher(now=to_ms(as_of), clock=wall_clock), stopping=interrupted)
        tell(Alert("error", text) for text in handed.alerts)
        mail(workspace, as_of)
    if handed.leased:
        shown = ", ".join(f"{count} {status}" for status, count in sorted(handed.by_status.items()))
        get_run_logger().info("%d messages: %s", handed.leased, shown or "none could be sent now")
    return {"leased": handed.leased, PAUSE: handed.pause_ms, **handed.by_status}


def held_by_others_ms(as_of: datetime) -> int | None:
    """How long, in milliseconds, other dispatchers may still hold something that is due; None if nobody does."""
    until = opened().dispatcher(now=to_ms(as_of), clock=wall_clock).others_until()
    return None if until is None else max(0, until - wall_clock())


@task(task_run_name="reconcile", **TRIED_AGAIN)
def reconcile_messages_once(as_of: datetime) -> dict[str, int]:
    """Take back what dead dispatchers held, close doubts, end what is too late, judge stops; returns counts."""
    workspace = opened()
    idempotent = {channel.name for channel in workspace.channels.values() if channel.idempotent}
    done = reconcile(
        workspace.database, workspace.journeys, idempotent=idempotent, now=to_ms(as_of), clock_now=wall_clock()
    )
    tell(_judged(workspace, as_of))
    mail(workspace, as_of)
    counts = {name: getattr(done, name) for name in done.__slots__}
    told = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items() if count)
    get_run_logger().info("put right: %s", told or "nothing was left behind")
    return counts


@task(
    task_run_name="sweep providers",
    retries=1,
    retry_delay_seconds=30,
    retry_condition_fn=may_pass,
    timeout_seconds=600,
    cache_policy=NO_CACHE,
)
def sweep_providers(as_of: datetime) -> dict[str, int]:
    """Read providers' own records, in case their events did not come; returns counts."""
    workspace = opened()
    found = sweep(workspace.database, workspace.channels, now=to_ms(as_of))
    if found:
        get_run_logger().info("providers told: %s", ", ".join(f"{count} {name}" for name, count in found.items()))
    return found


def standing() -> dict[str, int]:
    """How many messages stand queued, sending or in doubt."""
    with opened().database.read() as tx:
        return messages.standing(tx)


def _judged(workspace: Workspace, as_of: datetime) -> list[Alert]:
    """Open, probe and release stops by what came of what was sent; returns what people should know of it."""
    delivery = workspace.project.configuration.policy.delivery
    senders = workspace.dispatcher(now=to_ms(as_of), clock=wall_clock).senders()
    return judge(workspace.database, delivery, senders, now=to_ms(as_of))
