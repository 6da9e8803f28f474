"""Pages by which people come to our letters: signing up, confirming from their own mailbox, and a friend's link."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import date
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from clm.content.formats import written_date
from clm.content.locale import chain, reading_locale
from clm.domain.instant import from_ms
from clm.engine.referral import Invitation, invitation
from clm.engine.signup import ask, asking, confirm
from clm.engine.signup_letter import write_at_once
from clm.engine.subscription import Subscriber
from clm.errors import StoreError
from clm.sources import values as readings
from clm.web.edge import body_of
from clm.web.reception import AtReception, Reception
from clm.web.responses import FORM_BYTES_MAX, away, fields_of, language, not_found, page, subscriber_page
from clm.web.throttle import place_of

router = APIRouter()

_FIELDS_MAX = 10
_NAME_CHARACTERS_MAX = 40
_IN_NAMES = frozenset(" -'’\u200c\u200d")


@router.api_route("/c/{token}", methods=["GET", "HEAD"])
async def ask_before_confirming(token: str, request: Request, reception: AtReception) -> Response:
    """What the button would do; opening the page does nothing, because scanners open every link."""
    return await run_in_threadpool(_asked, request, reception, token)


@router.post("/c/{token}")
async def act_on_confirming(token: str, request: Request, reception: AtReception) -> Response:
    """Take the button for consent."""
    await body_of(request, FORM_BYTES_MAX)
    return await run_in_threadpool(_confirmed, request, reception, token)


@router.api_route("/join", methods=["GET", "HEAD"])
async def show_form(request: Request, reception: AtReception) -> Response:
    """The form to sign up with."""
    return page(request, reception, "join", values=_form())


@router.post("/join")
async def take_form(request: Request, reception: AtReception) -> Response:
    """Note who wants letters; the letter to confirm by is sent by the campaign `confirm`."""
    body = await body_of(request, FORM_BYTES_MAX)
    return await run_in_threadpool(_joined, request, reception, body, None)


@router.api_route("/r/{token}", methods=["GET", "HEAD"])
async def show_invitation(token: str, request: Request, reception: AtReception) -> Response:
    """What a friend is given, by whoever sent them the link."""
    return await run_in_threadpool(_invited, request, reception, token)


@router.post("/r/{token}")
async def take_friend(token: str, request: Request, reception: AtReception) -> Response:
    """The form to sign up with, filled in by a friend."""
    body = await body_of(request, FORM_BYTES_MAX)
    friend_of = reception.links.contact_of(token, "referral")
    if friend_of is None:
        return not_found(request, reception)
    return await run_in_threadpool(_joined, request, reception, body, friend_of)


def _asked(request: Request, reception: Reception, token: str) -> Response:
    try:
        found = _whoever_is_asked(reception, token)
    except StoreError as error:
        return away(request, reception, error)
    if found is None:
        return not_found(request, reception)
    return subscriber_page(request, reception, "confirmed" if found.gets("email") else "confirm", found)


def _confirmed(request: Request, reception: Reception, token: str) -> Response:
    try:
        found = _whoever_is_asked(reception, token)
        if found is not None:
            locale = language(request, reception, found.locale)
            source = f"double opt-in, wording {locale} {reception.words.of(locale).consent}"
            theirs = partial(reception.links.confirms, token)
            found = confirm(reception.database, found.contact_id, theirs=theirs, source=source, now=reception.clock())
    except StoreError as error:
        return away(request, reception, error)
    if found is None:
        return not_found(request, reception)
    return subscriber_page(request, reception, "confirmed", found)


def _whoever_is_asked(reception: Reception, token: str) -> Subscriber | None:
    contact_id = reception.links.asked_of(token)
    if contact_id is None:
        return None
    return asking(reception.database, contact_id, theirs=partial(reception.links.confirms, token))


def _joined(request: Request, reception: Reception, body: bytes, friend_of: int | None) -> Response:
    fields = _fields(body)
    locale = language(request, reception)
    email = _email(fields.get("email", ""))
    wrong = email is None
    if wrong or fields.get("agree") != "yes":
        values = _form(fields, wrong=wrong, agree_first=not wrong)
        return page(request, reception, "join", status=422, values=values)
    if fields.get("website"):  # a field no person sees: only programs fill it in
        return page(request, reception, "joined")
    if not reception.throttle.lets(place_of(request), reception.clock()):
        return page(request, reception, "busy", status=429)
    try:
        whose = ask(
            reception.database,
            email or "",
            first_name=_name(fields.get("first_name", "")),
            locale=locale,
            friend_of=friend_of,
            now=reception.clock(),
        )
    except StoreError as error:
        return away(request, reception, error)
    answer = page(request, reception, "joined")
    # When the page has been sent, so that it takes the same time whoever is asked about.
    answer.background = BackgroundTask(
        write_at_once, reception.database, reception.settings, whose, now=reception.clock()
    )
    return answer


def _invited(request: Request, reception: Reception, token: str) -> Response:
    contact_id = reception.links.contact_of(token, "referral")
    try:
        found = (
            None
            if contact_id is None
            else invitation(
                reception.database, reception.offers() or {}, contact_id, zone=reception.zone, now=reception.clock()
            )
        )
    except StoreError as error:
        return away(request, reception, error)
    if found is None:
        return not_found(request, reception)
    return page(request, reception, "referral", values=_form() | _offered(request, reception, found))


def _offered(request: Request, reception: Reception, found: Invitation) -> dict[str, Any]:
    """What the page says of the code, in the friend's own language."""
    if found.code is None or found.offer is None or found.expires_at is None:
        return {"code": None}
    locale = language(request, reception)
    coupon = {**found.offer.gives(chain(locale, reception.locale)), "code": found.code}
    written = reading_locale(reception.locale, locale)  # a British shop's English page has British dates
    until: date = from_ms(found.expires_at).astimezone(ZoneInfo(found.zone)).date()
    return {
        "code": found.code,
        "reward": reception.rewards.say(written, coupon, currency=reception.currency),
        "until": written_date(until, written),
    }


def _form(fields: Mapping[str, str] | None = None, *, wrong: bool = False, agree_first: bool = False) -> dict[str, Any]:
    given = fields or {}
    told = {name: given.get(name, "") for name in ("email", "first_name")}
    return {"given": told, "agreed": given.get("agree") == "yes", "wrong": wrong, "agree_first": agree_first}


def _fields(body: bytes) -> dict[str, str]:
    return {name: values[0].strip() for name, values in fields_of(body, _FIELDS_MAX).items()}


def _name(text: str) -> str | None:
    """A first name, or nothing: it begins a letter to an address that anybody may have typed in.

    So it is of letters (of any script, with their marks), and nothing that a mail program could take for a link.
    """
    name = " ".join(text.split())
    lettered = all(unicodedata.category(one)[0] in "LM" or one in _IN_NAMES for one in name)
    return name if name and lettered and len(name) <= _NAME_CHARACTERS_MAX else None


def _email(text: str) -> str | None:
    """The address as imports read it, so that both take the same ones."""
    try:
        return readings.email(text)
    except ValueError:
        return None
