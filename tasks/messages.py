"""Tasks that hand messages over and put right what was left behind."""

from __future__ import annotations

from datetime import datetime

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from clm.domain.instant import to_ms
from clm.engine.reconcile import reconcile
from clm.store import messages
from tasks.project import opened, wall_clock


@task(task_run_name="batch {number}", cache_policy=NO_CACHE)
def dispatch_batch(number: int, as_of: datetime) -> dict[str, int]:  # noqa: ARG001 - the number names the task run
    """Hand over one batch of what is due; returns how many were leased and how many went to each status.

    Never retried by Prefect: what a dead batch held is found by its lease.
    """
    handed = opened().dispatcher(now=to_ms(as_of), clock=wall_clock).batch()
    if handed.leased:
        shown = ", ".join(f"{count} {status}" for status, count in sorted(handed.by_status.items()))
        get_run_logger().info("%d messages: %s", handed.leased, shown or "none could be sent now")
    return {"leased": handed.leased, **handed.by_status}


def held_by_others_ms(as_of: datetime) -> int | None:
    """How long, in milliseconds, other dispatchers may still hold something that is due; None if nobody does."""
    until = opened().dispatcher(now=to_ms(as_of), clock=wall_clock).others_until()
    return None if until is None else max(0, until - wall_clock())


@task(task_run_name="reconcile", retries=2, retry_delay_seconds=10, cache_policy=NO_CACHE)
def reconcile_messages_once(as_of: datetime) -> dict[str, int]:
    """Take back what dead dispatchers held and end what is too late; returns how many of each."""
    workspace = opened()
    idempotent = {channel.name for channel in workspace.channels.values() if channel.idempotent}
    done = reconcile(
        workspace.database, workspace.journeys, idempotent=idempotent, now=to_ms(as_of), clock_now=wall_clock()
    )
    get_run_logger().info("%d queued again, %d in doubt, %d expired", done.requeued, done.in_doubt, done.expired)
    return {"requeued": done.requeued, "in_doubt": done.in_doubt, "expired": done.expired}


def standing() -> dict[str, int]:
    """How many messages stand queued, sending or in doubt."""
    with opened().database.read() as tx:
        return messages.standing(tx)
