"""One contact, with all that is known: facts, consents, suppressions, campaigns, and what happened, newest first."""

from __future__ import annotations

import re
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from clm.domain.fact import FACTS
from clm.engine import surveys
from clm.insight.timeline import Timeline, money, timeline_of
from clm.store import consents, finding, timeline
from clm.store.database import Found, Transaction
from clm.store.timeline import Place
from clm.web.responses import root_of
from clm.web.staff.desk import AtDesk, Desk, Member, MemberForm, NothingHereError, RowId
from clm.web.staff.figures import moment, number
from clm.web.staff.suppressing import GIVEN, addresses_of, standing_of

router = APIRouter(prefix="/staff/contacts")

PAGE_MOMENTS = 40
FOUND_MAX = 50
LATEST = 15
_WANTED_CHARACTERS_MAX = 254
_READ_AT: dict[str, Literal["mail", "sms", "webhook"]] = {
    "email": "mail",
    "staff": "mail",
    "sms": "sms",
    "webhook": "webhook",
}
"""Under which address of the inbox a channel's messages are."""
_PLACE = re.compile(r"(-?\d{1,15})\.(\d{1,2})\.(\d{1,18})")

Before = Annotated[str, Query(max_length=60)]


@router.get("")
def search(request: Request, desk: AtDesk, visit: Member) -> Response:
    """Where to look for somebody."""
    with desk.reception.database.read() as tx:
        latest = timeline.latest(tx, limit=LATEST)
    return desk.page(request, "contacts", visit, wanted="", found=None, latest=latest)


@router.post("")
def find(request: Request, desk: AtDesk, form: MemberForm) -> Response:
    """Look for somebody by part of what is known of them; a form, so that no address stands in an address."""
    wanted = form.get("wanted").strip()[:_WANTED_CHARACTERS_MAX]
    with desk.reception.database.read() as tx:
        found = finding.find(tx, wanted, limit=FOUND_MAX)
        latest = timeline.latest(tx, limit=LATEST)
    if len(found) == 1:
        return RedirectResponse(f"{root_of(request)}staff/contacts/{found[0].id}", 303)
    return desk.page(request, "contacts", form.visit, wanted=wanted, found=found, latest=latest, found_max=FOUND_MAX)


@router.get("/{contact_id}")
def one(request: Request, desk: AtDesk, visit: Member, contact_id: RowId, before: Before = "") -> Response:
    """Everything about them."""
    with desk.reception.database.read() as tx:
        contact = timeline.contact(tx, contact_id)
        if contact is None:
            raise NothingHereError
        values = _known(desk, tx, contact)
        moments = _timeline(desk, tx, contact_id, before)
    return desk.page(request, "contact", visit, contact=contact, **_shown(desk, moments), **values)


@router.get("/{contact_id}/timeline")
def more(request: Request, desk: AtDesk, visit: Member, contact_id: RowId, before: Before = "") -> Response:
    """The next part of what happened, which the page puts below the last."""
    with desk.reception.database.read() as tx:
        contact = timeline.contact(tx, contact_id)
        if contact is None:
            raise NothingHereError
        moments = _timeline(desk, tx, contact_id, before)
    return desk.page(request, "moments", visit, part=True, contact=contact, **_shown(desk, moments))


@router.post("/{contact_id}/resolve")
def resolve(request: Request, desk: AtDesk, form: MemberForm, contact_id: RowId) -> Response:
    """Say that what troubled them is put right: promotions go on."""
    surveys.resolve(desk.reception.database, contact_id, by=form.visit.name or "", now=desk.now())
    return RedirectResponse(f"{root_of(request)}staff/contacts/{contact_id}", 303)


def _known(desk: Desk, tx: Transaction, contact: Found) -> dict[str, Any]:
    profile = timeline.profile(tx, contact.id)
    return {
        "facts": _facts(desk, profile) if profile is not None else [],
        "statements": list(reversed(consents.of(tx, [contact.id]))),
        "standing": list(standing_of(tx, contact)),
        "reachable": addresses_of(contact),
        "reasons": GIVEN,
        "enrolments": timeline.enrolled(tx, contact.id),
        "matters": surveys.matters(tx, contact.id, now=desk.now()),
    }


def _facts(desk: Desk, profile: Found) -> list[tuple[str, str, str]]:
    """What is known: name, value and meaning of each fact."""
    return [
        (name, _written_as(fact.type, getattr(profile, name), desk), fact.meaning)
        for name, fact in FACTS.items()
        if fact.scope == "contact" and getattr(profile, name) is not None
    ]


def _written_as(kind: str, value: Any, desk: Desk) -> str:
    if kind == "time":
        return moment(value, desk.reception.zone)
    if kind == "money":
        return money(value, desk.currency)
    if kind == "truth":
        return "yes" if value else "no"
    return number(value) if isinstance(value, int | float) else str(value)


def _timeline(desk: Desk, tx: Transaction, contact_id: int, before: str) -> Timeline:
    match = _PLACE.fullmatch(before)
    place = Place(int(match[1]), int(match[2]), int(match[3])) if match else None
    when = partial(moment, zone=desk.reception.zone)
    return timeline_of(tx, contact_id, before=place, limit=PAGE_MOMENTS, currency=desk.currency, when=when)


def _shown(desk: Desk, moments: Timeline) -> dict[str, Any]:
    """The moments, where the next begin, and which messages can be read: those in the outbox, as nothing sent is."""
    told = [(one.message_id, one.channel) for one in moments.moments if one.message_id and one.channel]
    places = {message_id: _READ_AT[channel] for message_id, channel in told}
    return {
        "timeline": moments,
        "older": None if moments.before is None else ".".join(str(part) for part in moments.before),
        "read_at": {number: place for number, place in places.items() if desk.inbox.holds(place, number)},
    }
