"""The local outbox as an inbox: what would have been sent, as mail programs and phones show it."""

from __future__ import annotations

import re
from typing import Annotated, Literal, get_args
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from clm.channels.inbox import KINDS, TEST_IDS
from clm.channels.letter import letter
from clm.domain.sms import segments
from clm.store import timeline
from clm.web.responses import root_of
from clm.web.staff.desk import ID_MAX, AtDesk, Desk, Member, MemberForm, NothingHereError, RowId
from clm.web.staff.frame import framed

router = APIRouter(prefix="/staff/inbox")

PAGE_ITEMS = 40
View = Literal["desktop", "phone", "text", "headers", "source"]
_SEARCH_CHARACTERS_MAX = 200
_LINK = re.compile(r'href="(https?://[^"]+)"')


@router.get("")
def listed(
    request: Request,
    desk: AtDesk,
    visit: Member,
    kind: Annotated[str, Query(max_length=20)] = "",
    search: Annotated[str, Query(max_length=40)] = "",
    before: Annotated[int | None, Query(ge=1, le=ID_MAX)] = None,
) -> Response:
    """A page of it, newest first; `search` is the name of what is looked for."""
    words = desk.searches.words(search)
    chosen = next((one for one in KINDS if one == kind), None)
    page = desk.inbox.page(kind=chosen, search=words or "", before=before, limit=PAGE_ITEMS, tests=kind == "test")
    with desk.reception.database.read() as tx:
        about = timeline.sent_as(tx, [item.id for item in page.items if item.id < TEST_IDS])
    return desk.page(
        request,
        "inbox",
        visit,
        found=page,
        about=about,
        kind=kind,
        kinds=KINDS,
        words=words or "",
        search=search if words else "",
        forgotten=bool(search) and words is None,
        live=desk.reception.settings.live,
    )


@router.post("")
def look(request: Request, desk: AtDesk, form: MemberForm) -> Response:
    """Look for messages by address, name or subject; a form, so that no address stands in an address."""
    words = form.get("words").strip()[:_SEARCH_CHARACTERS_MAX]
    asked = {"kind": form.get("kind"), "search": desk.searches.keep(words) if words else ""}
    query = urlencode({name: value for name, value in asked.items() if value})
    return RedirectResponse(f"{root_of(request)}staff/inbox" + (f"?{query}" if query else ""), 303)


@router.get("/mail/{message_id}")
def mail(request: Request, desk: AtDesk, visit: Member, message_id: RowId, view: str = "", dark: str = "") -> Response:
    """One mail, in one of the ways to look at it."""
    found = letter(_mail(desk, message_id))
    views = [one for one in get_args(View) if found.html is not None or one not in {"desktop", "phone"}]
    shown = view if view in views else views[0]
    links = list(dict.fromkeys(_LINK.findall(found.html or "")))
    return desk.page(
        request,
        "mail",
        visit,
        id=message_id,
        mail=found,
        about=_about(desk, message_id),
        views=views,
        view=shown,
        dark=bool(dark),
        links=[link.replace("&amp;", "&") for link in links],
    )


@router.get("/mail/{message_id}/html")
def mail_html(desk: AtDesk, _: Member, message_id: RowId, dark: str = "") -> Response:
    """Its HTML, for the frame."""
    html = letter(_mail(desk, message_id)).html
    if html is None:
        raise NothingHereError
    return framed(html, dark=bool(dark))


@router.get("/{kind}/{message_id}")
def line(request: Request, desk: AtDesk, visit: Member, kind: Literal["sms", "webhook"], message_id: RowId) -> Response:
    """An SMS as a phone shows it, or what a program would be told."""
    told = desk.inbox.line(kind, message_id)
    if told is None:
        raise NothingHereError
    taken = segments(str(told.get("text", ""))) if kind == "sms" else None
    about = _about(desk, message_id)
    return desk.page(request, "line", visit, kind=kind, id=message_id, told=told, segments=taken, about=about)


def _mail(desk: Desk, message_id: int) -> bytes:
    raw = desk.inbox.mail_bytes(message_id)
    if raw is None:
        raise NothingHereError
    return raw


def _about(desk: Desk, message_id: int) -> object:
    if message_id >= TEST_IDS:
        return None
    with desk.reception.database.read() as tx:
        return timeline.sent_as(tx, [message_id]).get(message_id)
