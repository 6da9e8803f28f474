"""Customers' pages: unsubscribing and choosing, by the link in a message alone. Looking at one changes nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from clm.content.links import ContactPurpose
from clm.domain.wish import FREQUENCIES, Wish
from clm.engine.signup import save
from clm.engine.subscription import CHANNELS, SubscribedChannel, Subscriber, subscriber, unsubscribe
from clm.errors import StoreError
from clm.insight.drawing import STYLE
from clm.web.edge import body_of
from clm.web.reception import AtReception, Reception
from clm.web.responses import FORM_BYTES_MAX, away, fields_of, language, not_found, subscriber_page

router = APIRouter()

_FIELDS_MAX = 60
_KEEP, _BUTTON = "keep", "yes"
"""In the link of a letter that asks whether to go on (`?keep=yes`), and in what its page sends."""
_ONE_CLICK = "List-Unsubscribe=One-Click"  # RFC 8058, 3.1; as a form, or as part of a multipart one
_MULTIPART_ONE_CLICK = ('name="List-Unsubscribe"', "One-Click")


@router.api_route("/u/{token}", methods=["GET", "HEAD"])
async def ask_before_unsubscribing(token: str, request: Request, reception: AtReception) -> Response:
    """What the button would do; mail scanners open every link, so that opening it does nothing."""
    return await run_in_threadpool(_shown, request, reception, token, "unsubscribe")


@router.post("/u/{token}")
async def act_on_unsubscribing(token: str, request: Request, reception: AtReception) -> Response:
    """Unsubscribe, by the button of the page or by that of a mail program (RFC 8058), which send alike."""
    body = await body_of(request, FORM_BYTES_MAX)
    return await run_in_threadpool(_unsubscribed, request, reception, token, body)


@router.api_route("/p/{token}", methods=["GET", "HEAD"])
async def show_preferences(token: str, request: Request, reception: AtReception) -> Response:
    """How things stand."""
    return await run_in_threadpool(_shown, request, reception, token, "preferences")


@router.post("/p/{token}")
async def choose_preferences(token: str, request: Request, reception: AtReception) -> Response:
    """Switch channels on or off."""
    body = await body_of(request, FORM_BYTES_MAX)
    return await run_in_threadpool(_chosen, request, reception, token, body)


@router.api_route("/style.css", methods=["GET", "HEAD"])
async def style(reception: AtReception) -> Response:
    """How the pages look."""
    return Response(f"{reception.words.style}{STYLE}\n", media_type="text/css")  # and of the staff pages' diagrams


async def nothing_here(request: Request, _: Exception) -> Response:
    """The page for an address that leads nowhere."""
    reception: Reception = request.app.state.reception
    return not_found(request, reception)


def _shown(request: Request, reception: Reception, token: str, purpose: ContactPurpose) -> Response:
    contact_id = reception.links.contact_of(token, purpose)
    try:
        found = None if contact_id is None else subscriber(reception.database, contact_id)
    except StoreError as error:
        return away(request, reception, error)
    if found is None:
        return not_found(request, reception)
    if purpose == "preferences":
        return _preferences(request, reception, found)
    return subscriber_page(request, reception, "unsubscribe" if found.gets("email") else "unsubscribed", found)


def _unsubscribed(request: Request, reception: Reception, token: str, body: bytes) -> Response:
    contact_id = reception.links.contact_of(token, "unsubscribe")
    source = "one-click unsubscribe" if _is_one_click(body) else "unsubscribe page"
    try:
        found = (
            None
            if contact_id is None
            else unsubscribe(reception.database, contact_id, source=source, now=reception.clock())
        )
    except StoreError as error:
        return away(request, reception, error)
    if found is None:
        return not_found(request, reception)
    return subscriber_page(request, reception, "unsubscribed", found)


def _chosen(request: Request, reception: Reception, token: str, body: bytes) -> Response:
    contact_id = reception.links.contact_of(token, "preferences")
    fields = fields_of(body, _FIELDS_MAX)
    try:
        before = None if contact_id is None else subscriber(reception.database, contact_id)
        if before is None:
            return not_found(request, reception)
        locale = language(request, reception, before.locale)
        source = f"preference page, wording {locale} {reception.words.of(locale).wording}"
        topics = reception.topics()
        wanted, wish = _wanted(fields), _wish(fields, before.wish, topics or ())
        if _BUTTON in fields.get(_KEEP, ()):
            source = f"keep-writing button, wording {locale} {reception.words.of(locale).keeping}"
            wanted["email"] = True
        came = _KEEP in fields
        after = save(reception.database, before, wanted, wish, source=source, came=came, now=reception.clock())
    except StoreError as error:
        return away(request, reception, error)
    if after is None:
        return not_found(request, reception)
    if topics is None and "topic_shown" in fields:
        # Whether mail comes at all is kept, whatever is faulty; but nobody is told that more was.
        return away(request, reception, StoreError("config/topics.yaml cannot be read"))
    return _preferences(request, reception, after, before, kept=_BUTTON in fields.get(_KEEP, ()))


def _wanted(fields: Mapping[str, list[str]]) -> dict[SubscribedChannel, bool]:
    """What the form says of the channels that it has shown; a switch that is off is not sent."""
    return {channel: channel in fields.get("on", ()) for channel in CHANNELS if channel in fields.get("shown", ())}


def _wish(fields: Mapping[str, list[str]], before: Wish, topics: Collection[str]) -> Wish:
    """What the form says of the topics that it has shown, and how often; what it has not shown stays."""
    shown, on = set(topics) & set(fields.get("topic_shown", ())), set(fields.get("topic", ()))
    frequency = next((one for one in FREQUENCIES if one in fields.get("frequency", ())), before.frequency)
    return Wish((before.topics_off - shown) | (shown - on), frequency)


def _is_one_click(body: bytes) -> bool:
    text = body.decode("latin-1")
    return text.strip() == _ONE_CLICK or all(part in text for part in _MULTIPART_ONE_CLICK)


def _preferences(
    request: Request,
    reception: Reception,
    found: Subscriber,
    before: Subscriber | None = None,
    *,
    kept: bool = False,
) -> Response:
    letters = next((one for one in found.choices if one.channel == "email" and one.barred is None), None)
    asked = before is None and _BUTTON in request.query_params.getlist(_KEEP)
    values = {
        "keep": letters.address if asked and letters is not None else None,
        "kept": kept and found.gets("email"),
        "saved": before is not None,
        "changed": before is not None and before != found,
        "started": before is not None and found.gets("sms") and not before.gets("sms"),
    }
    return subscriber_page(request, reception, "preferences", found, values=values)
