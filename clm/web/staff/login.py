"""Signing in and out."""

from __future__ import annotations

import logging
import re
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from clm.engine import staff
from clm.web.responses import root_of
from clm.web.staff.desk import AnyForm, AtDesk, Desk, Form, MemberForm, is_encrypted, is_member, visit_of
from clm.web.staff.session import COOKIE, SESSION_HOURS, Visit
from clm.web.staff.tries import WAIT_SECONDS, Refusal
from clm.web.throttle import place_of

log = logging.getLogger("clm.web")
router = APIRouter(prefix="/staff")

_NEXT = re.compile(r"staff/[\w./?=&%+:@-]{0,500}")
_FIRST = "staff/inbox"
_NAME_CHARACTERS_MAX = 100
"""No account's name is as long."""
_BUSY_SECONDS = 2
_TOLD = {
    Refusal.WRONG: (403, "Name or password is wrong.", None),
    Refusal.WAIT: (429, f"Too many failures. Try again in {WAIT_SECONDS} seconds.", WAIT_SECONDS),
    Refusal.BUSY: (503, "Too many people sign in at once. Try again.", _BUSY_SECONDS),
}
"""Status, what is said, and after how many seconds to try again."""


@router.get("/login")
def ask(request: Request, desk: AtDesk, visit: Annotated[Visit | None, Depends(visit_of)]) -> Response:
    """The login form."""
    return _form(request, desk, visit or desk.sessions.visit(now=desk.now()), request.query_params.get("next", ""))


@router.post("/login")
async def sign_in(request: Request, desk: AtDesk, form: AnyForm) -> Response:
    """Begin a session; the answer is the same whether the name or the password is wrong."""
    name, now = form.get("name").strip().lower()[:_NAME_CHARACTERS_MAX], desk.now()
    check = partial(staff.sign_in, desk.reception.database, name, form.get("password"))
    found = await desk.tries.check(name, place_of(request), check, now=now)
    if isinstance(found, Refusal):
        return await run_in_threadpool(_refused, request, desk, form, found)
    wanted = form.get("next")
    answer = RedirectResponse(root_of(request) + (wanted if _NEXT.fullmatch(wanted) else _FIRST), 303)
    _give(answer, request, desk.sessions.begin(name, found, now=now))
    return answer


@router.post("/logout")
def sign_out(request: Request, _: MemberForm) -> Response:
    """End the session of this browser."""
    answer = RedirectResponse(f"{root_of(request)}staff/login", 303)
    answer.delete_cookie(COOKIE, path=None)  # type: ignore[arg-type]  # as it was set
    return answer


def _refused(request: Request, desk: Desk, form: Form, refusal: Refusal) -> Response:
    status, told, seconds = _TOLD[refusal]
    log.warning("a login is refused: %s", refusal.name.lower())
    answer = _form(request, desk, form.visit, form.get("next"), told, status)
    if seconds is not None:
        answer.headers["Retry-After"] = str(seconds)
    return answer


def _form(
    request: Request, desk: Desk, visit: Visit, wanted: str, told: str | None = None, status: int = 200
) -> Response:
    if visit.name is not None and not is_member(desk, visit):
        visit = desk.sessions.visit(now=desk.now())  # whose account has ended is told no more than a stranger
    nobody = not staff.accounts(desk.reception.database)
    answer = desk.page(request, "login", visit, status=status, wanted=wanted, told=told, nobody=nobody)
    if request.cookies.get(COOKIE) != visit.cookie:
        _give(answer, request, visit)
    return answer


def _give(answer: Response, request: Request, visit: Visit) -> None:
    """Give the browser its cookie, for the staff pages alone: without a path it is for the folder of this page."""
    answer.set_cookie(
        COOKIE,
        visit.cookie,
        max_age=SESSION_HOURS * 3_600,
        path=None,
        secure=is_encrypted(request),
        httponly=True,
        samesite="lax",  # a link in a chat has to find them signed in; forms have their token, and nothing else acts
    )
