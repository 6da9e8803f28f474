"""Put right what dead dispatchers, lost answers and lost time left behind."""

from __future__ import annotations

from datetime import datetime

from prefect import flow

from tasks.messages import reconcile_messages_once, sweep_providers
from tasks.project import moment, run_name


@flow(name="reconcile-messages", flow_run_name=run_name("reconcile-messages"))
def reconcile_messages(as_of: datetime | None = None) -> dict[str, int]:
    """Read providers' records, take back what dead dispatchers held, close doubts, end what is too late; how many."""
    now = moment(as_of)
    # A provider that does not answer must not keep the rest from being put right.
    swept = sweep_providers(now, return_state=True)
    done = reconcile_messages_once(now)
    if swept.is_failed():
        swept.result()
    return done
