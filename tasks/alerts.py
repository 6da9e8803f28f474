"""Tells people what they should know of: in the run's log, and as an event that automations can act on."""

from __future__ import annotations

from collections.abc import Iterable

from prefect import get_run_logger
from prefect.events import emit_event

from clm.engine.safety import Alert

EVENT = "clm.alert"
_RESOURCE = "clm.sending"


def tell(alerts: Iterable[Alert]) -> None:
    """Log each alert at its level; warnings and errors are Prefect events too, for automations to pass on."""
    log = get_run_logger()
    for alert in alerts:
        {"error": log.error, "warning": log.warning, "info": log.info}[alert.level](alert.text)
        if alert.level != "info":
            resource = {"prefect.resource.id": _RESOURCE, "clm.level": alert.level}
            emit_event(EVENT, resource=resource, payload={"text": alert.text, "level": alert.level})
