"""Tells people what they should know of: in the run's log, as an event that automations can act on, and by mail."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from prefect import get_run_logger
from prefect.events import emit_event

from clm.domain.instant import to_ms
from clm.domain.outcome import Accepted, NotSent
from clm.engine.safety import Alert
from clm.engine.workspace import Workspace
from clm.errors import StoreError
from tasks.project import wall_clock

EVENT = "clm.alert"
_RESOURCE = "clm.sending"
_TOLD_BY_MAIL_ALONE = frozenset({"overused", "blast_radius"})
"""What comes up where no run tells of it: with orders that are taken in, and with campaigns. Told when it is mailed."""


def tell(alerts: Iterable[Alert]) -> None:
    """Log each alert at its level; warnings and errors are Prefect events too, for automations to pass on."""
    log = get_run_logger()
    for alert in alerts:
        {"error": log.error, "warning": log.warning, "info": log.info}[alert.level](alert.text)
        if alert.level != "info":
            resource = {"prefect.resource.id": _RESOURCE, "clm.level": alert.level}
            emit_event(EVENT, resource=resource, payload={"text": alert.text, "level": alert.level})


def mail(workspace: Workspace, as_of: datetime) -> None:
    """Mail the team what waits for it, and log what came of it."""
    log = get_run_logger()
    try:
        mails = workspace.postbox(now=to_ms(as_of), clock=wall_clock).mail()
    except StoreError as error:  # what was handed over before is settled, and must not look as if it had failed
        log.warning("mails to the team wait for the next run: %s", error)
        return
    for one in mails:
        told = "; ".join(one.texts)
        if one.kind in _TOLD_BY_MAIL_ALONE and not isinstance(one.outcome, NotSent):
            tell(Alert("warning", text) for text in one.texts)
        match one.outcome:
            case Accepted():
                log.info("the team was mailed: %s", told)
            case NotSent(reason):
                log.warning("a mail to the team waits (%s): %s", reason, told)
            case outcome:
                log.error("a mail to the team may not have arrived (%s): %s", outcome.reason, told)
