"""Letting nothing go to an address of a contact any more, or messages again, as `clm suppress` does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, get_args

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from clm.engine.subscription import SubscribedChannel
from clm.store import suppressions, timeline
from clm.store.database import Found, Transaction
from clm.web.responses import root_of
from clm.web.staff.desk import AtDesk, Form, MemberForm, NothingHereError, RowId

router = APIRouter(prefix="/staff/contacts")

GIVEN = {
    "unsubscribed": "they asked us to stop",
    "complained": "they complained",
    "invalid": "the address is wrong, or somebody else’s",
    "manual": "we have decided so",
}
"""The reasons that a page may give, in words."""
LIFTED = frozenset({"manual", "invalid", "bounced", "sunset"})
"""What the team may take back on a page. What a person has said is theirs to take back."""


class Standing(NamedTuple):
    """A reason why nothing goes to an address."""

    channel: SubscribedChannel
    reason: str
    at: int
    source: str
    may_lift: bool


def addresses_of(contact: Found) -> dict[SubscribedChannel, str]:
    """What a contact can be reached by."""
    found: dict[SubscribedChannel, str | None] = {"email": contact.email, "sms": contact.phone}
    return {channel: address for channel, address in found.items() if address}


def standing_of(tx: Transaction, contact: Found) -> Iterator[Standing]:
    """Every reason that stands for an address of a contact."""
    for channel, address in addresses_of(contact).items():
        for row in suppressions.standing(tx, channel=channel, address=address):
            if row.lifted_at is None:
                yield Standing(channel, row.reason, row.at, row.source, row.reason in LIFTED)


@router.post("/{contact_id}/suppress")
def suppress(request: Request, desk: AtDesk, form: MemberForm, contact_id: RowId) -> Response:
    """Let nothing go to one of their addresses from now on."""
    reason = form.get("reason")
    if reason not in GIVEN:
        raise NothingHereError
    with desk.reception.database.write(durable=True) as tx:
        channel, address = _address(tx, contact_id, form)
        source = f"staff page, {form.visit.name}"
        suppressions.suppress(tx, channel=channel, address=address, reason=reason, source=source, at=desk.now())
    return _back(request, contact_id)


@router.post("/{contact_id}/lift")
def lift(request: Request, desk: AtDesk, form: MemberForm, contact_id: RowId) -> Response:
    """Take back one reason that the team may take back."""
    reason = form.get("reason")
    if reason not in LIFTED:
        raise NothingHereError
    with desk.reception.database.write(durable=True) as tx:
        channel, address = _address(tx, contact_id, form)
        suppressions.lift(tx, channel=channel, address=address, reason=reason, at=desk.now())
    return _back(request, contact_id)


def _address(tx: Transaction, contact_id: int, form: Form) -> tuple[SubscribedChannel, str]:
    """Which of their addresses the form means; raises NothingHereError where they have none of that kind."""
    contact = timeline.contact(tx, contact_id)
    known = {} if contact is None else addresses_of(contact)
    for channel in get_args(SubscribedChannel):
        if channel == form.get("channel") and channel in known:
            return channel, known[channel]
    raise NothingHereError


def _back(request: Request, contact_id: int) -> Response:
    return RedirectResponse(f"{root_of(request)}staff/contacts/{contact_id}", 303)
