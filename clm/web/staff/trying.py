"""A message of the gallery, sent as a test to somebody of the team, as `clm preview --send-to` does."""

from __future__ import annotations

import logging
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from clm.channels.connect import connect
from clm.content.brand import Brand
from clm.domain.content import Content
from clm.domain.outcome import Accepted, Outcome
from clm.engine.preview import Preview, test_refusal
from clm.errors import ConfigurationError, Fault
from clm.sources import values
from clm.web.responses import root_of
from clm.web.staff.desk import AtDesk, Desk, MemberForm, NothingHereError
from clm.web.staff.gallery import Asked, asked_of, content_of, shown

log = logging.getLogger("clm.web")
router = APIRouter(prefix="/staff/gallery")

COLLEAGUES_MAX = 20


def colleagues(told: str, brand: Brand) -> tuple[str, ...]:
    """The addresses that tests may go to: the team's, and those of CLM_TEST_TO; raises ConfigurationError for no such.

    Nobody else, because whoever has an account here must not be able to write to strangers.
    """
    found = {str(brand.team.email): None}
    for one in filter(None, (part.strip() for part in told.split(","))):
        try:
            address = values.email(one) if "@" in one else values.phone(one, None)
        except ValueError as error:
            raise ConfigurationError([Fault("CLM_TEST_TO", f"`{one}` {error}")]) from None
        found |= {address: None} if address else {}
    if len(found) > COLLEAGUES_MAX:
        raise ConfigurationError([Fault("CLM_TEST_TO", f"names more than {COLLEAGUES_MAX} addresses")])
    return tuple(found)


@router.post("/{campaign}/{step}/{locale}")
def send_test(request: Request, desk: AtDesk, form: MemberForm, asked: Annotated[Asked, Depends(asked_of)]) -> Response:
    """Send it, and show it in the inbox where it has gone no further; otherwise say what came of it."""
    to = form.get("to")
    if to not in desk.colleagues_by(asked.line.step.channel):
        raise NothingHereError
    content, _ = content_of(desk, asked)
    if content is None:
        return shown(request, desk, form.visit, asked)
    number = _number(desk)
    by, outcome = _sent(desk, asked, content, to, number)
    log.info("a test of %s/%s is sent by %s", asked.line.campaign.campaign, asked.line.step.send, by)
    if isinstance(outcome, Accepted) and by == "outbox":
        place = "sms" if asked.line.step.channel == "sms" else "mail"
        return RedirectResponse(f"{root_of(request)}staff/inbox/{place}/{number}", 303)
    said = f"Sent to {to} by {by}." if isinstance(outcome, Accepted) else f"Not sent to {to}: {outcome.reason}."
    return shown(request, desk, form.visit, asked, said=said, sent=isinstance(outcome, Accepted))


def _number(desk: Desk) -> int:
    """Its name in the outbox: the instant, or the next that is free."""
    number = desk.now()
    while desk.inbox.holds("mail", number) or desk.inbox.holds("sms", number):
        number += 1
    return number


def _sent(desk: Desk, asked: Asked, content: Content, to: str, number: int) -> tuple[str, Outcome]:
    project, settings = desk.projects.current(), desk.reception.settings
    step, campaign = asked.line.step, asked.line.campaign.campaign
    channel = connect(settings, project.configuration.policy.delivery.routes)[step.channel]
    refusal = test_refusal(desk.reception.database, step, to)
    if refusal is not None:
        return channel.name, refusal
    preview = Preview(project, settings, desk.now())
    return channel.name, preview.send(content, step, to, channel, campaign=campaign, message_id=number)
