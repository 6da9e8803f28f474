"""Put right what dead dispatchers and lost time left behind."""

from __future__ import annotations

from datetime import datetime

from prefect import flow

from tasks.messages import reconcile_messages_once
from tasks.project import moment, run_name


@flow(name="reconcile-messages", flow_run_name=run_name("reconcile-messages"))
def reconcile_messages(as_of: datetime | None = None) -> dict[str, int]:
    """Take back messages of dead dispatchers and end those that are too late; returns how many of each."""
    return reconcile_messages_once(moment(as_of))
