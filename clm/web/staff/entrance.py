"""The way in to the staff pages: puts them into the application, and says what is said instead of a page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib import resources

from fastapi import APIRouter, FastAPI
from fastapi.exception_handlers import request_validation_exception_handler
from fastapi.exceptions import RequestValidationError
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from clm.channels.inbox import Inbox
from clm.content.brand import Brand
from clm.engine.signed_links import keys_of
from clm.errors import ConfigurationError, StoreError
from clm.web.reception import Reception
from clm.web.responses import root_of
from clm.web.staff import attention, campaigns, contacts, gallery, login, sheet, suppressing, trying
from clm.web.staff import inbox as mail
from clm.web.staff.desk import (
    HEADERS,
    Desk,
    ForgedError,
    Member,
    MemberForm,
    MisdirectedError,
    NothingHereError,
    SignedOutError,
    login_of,
    visit_of,
)
from clm.web.staff.figures import filters
from clm.web.staff.projects import NotReadyError, Projects
from clm.web.staff.searches import Searches
from clm.web.staff.session import Sessions
from clm.web.staff.tries import Tries

_SCRIPT = resources.files("clm.web") / "static" / "htmx.min.js"
_SCRIPT_SECONDS = 3_600
router = APIRouter(prefix="/staff")
elsewhere = APIRouter(prefix="/staff/{path:path}")
"""Every address that no other route is for; the last to be asked."""


def open_desk(app: FastAPI, reception: Reception, brand: Brand, *, currency: str) -> None:
    """Let the application answer the team."""
    folder = reception.settings.templates / "_staff"
    pages = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters |= filters(reception.zone)
    sessions = Sessions(keys_of(reception.settings))
    projects = Projects(reception.settings, brand)
    inbox = Inbox(reception.settings.outbox, str(brand.team.email))
    colleagues = trying.colleagues(reception.settings.test_to, brand)
    app.state.desk = Desk(reception, pages, sessions, Tries(), projects, inbox, Searches(), currency, colleagues)
    rooms = (login, mail, gallery, sheet, trying, campaigns, contacts, suppressing, attention)
    for part in (router, *(room.router for room in rooms), elsewhere):
        app.include_router(part)
    for error, answer in _ANSWERS.items():
        app.add_exception_handler(error, answer)


@router.get("")
def first_page(request: Request) -> Response:
    """Where everybody begins."""
    return RedirectResponse(f"{root_of(request)}staff/inbox", 303)


@router.get("/htmx.min.js")
def script() -> Response:
    """The only script of the staff pages (htmx 2, 0BSD), from this machine."""
    headers = {"Cache-Control": f"max-age={_SCRIPT_SECONDS}"}
    return Response(_SCRIPT.read_bytes(), media_type="text/javascript", headers=headers)


@elsewhere.get("")
def no_such_page(_: Member) -> Response:
    """An address that leads nowhere; whoever is not signed in is not told so."""
    raise NothingHereError


@elsewhere.post("")
def no_such_form(_: MemberForm) -> Response:
    """The same for a form."""
    raise NothingHereError


async def _misdirected(_: Request, __: Exception) -> Response:
    return PlainTextResponse(
        "the staff pages answer on this machine (http://127.0.0.1) and under CLM_PUBLIC_URL\n", 421
    )


async def _signed_out(request: Request, _: Exception) -> Response:
    if request.headers.get("hx-request") == "true":  # the page itself knows the way to the login, and back
        return PlainTextResponse("signed out\n", 401, {"HX-Refresh": "true"})
    if request.method == "GET":
        return RedirectResponse(login_of(request), 303, headers=HEADERS)
    return PlainTextResponse("signed out; sign in and try again\n", 401)


async def _forged(_: Request, __: Exception) -> Response:
    return PlainTextResponse("this form is too old, or not from here; load the page again\n", 403)


async def _nothing(request: Request, _: Exception) -> Response:
    return await _instead(request, 404, "There is nothing here", ["It may have been there, and is gone."])


async def _misspelt(request: Request, error: Exception) -> Response:
    """An address whose parts cannot be, as `/staff/contacts/abc`; of the staff pages alone."""
    if isinstance(error, RequestValidationError) and not request.url.path.startswith("/staff/"):
        return await request_validation_exception_handler(request, error)
    return await _nothing(request, error)


async def _misconfigured(request: Request, error: Exception) -> Response:
    faults = [str(fault) for fault in error.faults] if isinstance(error, ConfigurationError) else []
    return await _instead(request, 503, "The configuration has faults", faults)


async def _not_ready(request: Request, _: Exception) -> Response:
    answer = await _instead(
        request, 503, "Reading the templates", ["They have changed, or were not read yet. One moment."]
    )
    answer.headers["Refresh"] = "2"
    return answer


async def _away(request: Request, error: Exception) -> Response:
    return await _instead(request, 503, "The database does not answer", [str(error)])


async def _instead(request: Request, status: int, title: str, lines: list[str]) -> Response:
    """A page in place of the one that was asked for; it asks the database too, and nobody else waits for that."""
    desk: Desk = request.app.state.desk
    visit = visit_of(request, desk)
    if visit is None or visit.name is None:  # nobody who is not signed in is told what is wrong
        return PlainTextResponse(f"{title.lower()}\n", status)
    return await run_in_threadpool(desk.page, request, "instead", visit, status=status, title=title, lines=lines)


_ANSWERS: dict[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
    MisdirectedError: _misdirected,
    SignedOutError: _signed_out,
    ForgedError: _forged,
    NothingHereError: _nothing,
    RequestValidationError: _misspelt,
    ConfigurationError: _misconfigured,
    NotReadyError: _not_ready,
    StoreError: _away,
}
