"""Hand queued messages over, round by round, until none is due."""

from __future__ import annotations

import time
from collections import Counter
from datetime import datetime

from prefect import flow, get_run_logger

from tasks.messages import PAUSE, hand_over, held_by_others_ms, reconcile_messages_once
from tasks.project import moment, run_name

ROUNDS_MAX = 10_000
WAIT_SECONDS_MAX = 75
"""Two leases and a little: after that, what others hold, or a provider that is away, is left to the next run."""


@flow(name="dispatch-messages", flow_run_name=run_name("dispatch-messages"))
def dispatch_messages(as_of: datetime | None = None) -> dict[str, int]:
    """Hand over everything due; returns how many messages went to each status.

    What another dispatcher holds is waited for: it either settles it or is dead, and then its lease lapses and it is
    ours. So a run after a crash finishes what the dead one began. Each round is for the instant it begins at, unless
    one is given: a run that begins before quiet hours must not go on into them.
    """
    counts: Counter[str] = Counter()
    waited = 0.0
    for number in range(1, ROUNDS_MAX + 1):
        now = moment(as_of)
        handed = Counter(hand_over(number, now))
        leased, pause_ms = handed.pop("leased"), handed.pop(PAUSE)
        counts += handed
        if leased and handed and not pause_ms:
            waited = 0.0
            continue
        held_ms = pause_ms or held_by_others_ms(now)
        if held_ms is None or waited >= WAIT_SECONDS_MAX:
            break
        if waited == 0:
            get_run_logger().info("messages that are due are held, by others or after a failed try; waiting")
        pause = min(held_ms / 1000 + 0.1, 2.0)
        time.sleep(pause)
        waited += pause
        counts["expired"] += reconcile_messages_once(now)["expired"]
    return dict(counts)
