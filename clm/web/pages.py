"""Customers' pages: unsubscribing and choosing, by the link in a message alone. Looking at one changes nothing."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import parse_qs

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from clm.content.links import Purpose
from clm.engine.subscription import CHANNELS, SubscribedChannel, Subscriber, choose, subscriber, unsubscribe
from clm.errors import StoreError
from clm.web.edge import body_of
from clm.web.reception import AtReception, Reception

log = logging.getLogger("clm.web")
router = APIRouter()

FORM_BYTES_MAX = 64_000
_FIELDS_MAX = 20
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
    return Response(reception.words.style, media_type="text/css")


async def nothing_here(request: Request, _: Exception) -> Response:
    """The page for an address that leads nowhere."""
    reception: Reception = request.app.state.reception
    return _page(request, reception, "not_found", None, status=404)


def _shown(request: Request, reception: Reception, token: str, purpose: Purpose) -> Response:
    contact_id = reception.links.contact_of(token, purpose)
    try:
        found = None if contact_id is None else subscriber(reception.database, contact_id)
    except StoreError as error:
        return _away(request, reception, error)
    if found is None:
        return _page(request, reception, "not_found", None, status=404)
    if purpose == "preferences":
        return _preferences(request, reception, found)
    return _page(request, reception, "unsubscribe" if found.gets("email") else "unsubscribed", found)


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
        return _away(request, reception, error)
    if found is None:
        return _page(request, reception, "not_found", None, status=404)
    return _page(request, reception, "unsubscribed", found)


def _chosen(request: Request, reception: Reception, token: str, body: bytes) -> Response:
    contact_id = reception.links.contact_of(token, "preferences")
    wanted = _wanted(body)
    try:
        before = None if contact_id is None else subscriber(reception.database, contact_id)
        if before is None:
            return _page(request, reception, "not_found", None, status=404)
        locale = _locale(request, reception, before)
        source = f"preference page, wording {locale} {reception.words.of(locale).wording}"
        after = choose(reception.database, before.contact_id, wanted, source=source, now=reception.clock())
    except StoreError as error:
        return _away(request, reception, error)
    if after is None:
        return _page(request, reception, "not_found", None, status=404)
    return _preferences(request, reception, after, before)


def _wanted(body: bytes) -> dict[SubscribedChannel, bool]:
    """What the form says of the channels that it has shown; a switch that is off is not sent."""
    try:
        fields = parse_qs(body.decode("ascii"), max_num_fields=_FIELDS_MAX)
    except ValueError:
        return {}
    return {channel: channel in fields.get("on", ()) for channel in CHANNELS if channel in fields.get("shown", ())}


def _is_one_click(body: bytes) -> bool:
    text = body.decode("latin-1")
    return text.strip() == _ONE_CLICK or all(part in text for part in _MULTIPART_ONE_CLICK)


def _preferences(
    request: Request, reception: Reception, found: Subscriber, before: Subscriber | None = None
) -> Response:
    values = {
        "saved": before is not None,
        "changed": before is not None and before != found,
        "started": before is not None and found.gets("sms") and not before.gets("sms"),
    }
    return _page(request, reception, "preferences", found, values=values)


def _page(
    request: Request,
    reception: Reception,
    name: str,
    found: Subscriber | None,
    *,
    status: int = 200,
    values: Mapping[str, Any] | None = None,
) -> Response:
    locale = _locale(request, reception, found)
    more: dict[str, Any] = dict(values or {})
    if found is not None:
        more["choices"] = [
            {"channel": one.channel, "address": one.address, "on": one.on, "barred": one.barred}
            for one in found.choices
        ]
        token = reception.links.preferences(found.contact_id).rpartition("/")[2]
        more["preferences_path"] = f"{_root(request)}p/{token}"
    html = reception.words.page(name, locale, root=_root(request), **more)
    return HTMLResponse(html, status, headers={"Content-Language": locale})


def _root(request: Request) -> str:
    """The way up from this page, also where a proxy serves us under a folder of its own."""
    return "../" * (request.url.path.count("/") - 1)


def _away(request: Request, reception: Reception, error: StoreError) -> Response:
    log.warning("a page is not answered: %s", error)
    page = cast("HTMLResponse", _page(request, reception, "unavailable", None, status=503))
    page.headers["Retry-After"] = "30"
    return page


def _locale(request: Request, reception: Reception, found: Subscriber | None) -> str:
    own = None if found is None else found.locale
    return reception.words.locale(own, request.headers.get("accept-language", ""))
