"""What every staff page is answered with: who asks, from where, and how a page is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import SplitResult, parse_qs, quote, urlsplit

from fastapi import Depends, Path
from jinja2 import Environment
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from clm.channels.inbox import Inbox
from clm.domain.content import ChannelName
from clm.engine import staff
from clm.errors import StoreError
from clm.insight.attention import Attention, attention_of
from clm.web.edge import body_of
from clm.web.reception import Reception
from clm.web.responses import root_of
from clm.web.staff.projects import Projects
from clm.web.staff.searches import Searches
from clm.web.staff.session import COOKIE, Sessions, Visit
from clm.web.staff.tries import Tries

FORM_BYTES_MAX = 20_000
_FIELDS_MAX = 50
ID_MAX = 2**62
"""No row's number comes near it, and every database can be asked for it."""
RowId = Annotated[int, Path(ge=1, le=ID_MAX)]
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    # Not `no-referrer`, with which a browser does not say either from which site a form comes.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
FRAME_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data: https:; frame-ancestors 'self'; "
        "sandbox allow-popups allow-popups-to-escape-sandbox"
    )
}
"""Of a mail in a frame: its own styles and pictures, no script, no form, nothing of ours."""


class MisdirectedError(Exception):
    """Asked under a name that is not ours: a stranger's page whose name was made to lead here."""


class SignedOutError(Exception):
    """Nobody is signed in, or no longer."""


class ForgedError(Exception):
    """A form that was not made for whoever sends it."""


class NothingHereError(Exception):
    """There is nothing of that name."""


@dataclass(frozen=True, slots=True)
class Desk:
    """The staff side of the web application."""

    reception: Reception
    pages: Environment
    sessions: Sessions
    tries: Tries
    projects: Projects
    inbox: Inbox
    searches: Searches
    currency: str
    """ISO 4217, of all money that facts speak of."""
    colleagues: tuple[str, ...]
    """The addresses and numbers that tests may be sent to."""

    def now(self) -> int:
        """Milliseconds since 1970 UTC."""
        return self.reception.clock()

    def colleagues_by(self, channel: ChannelName) -> list[str]:
        """Where tests of a message by a channel may go; no program is told of any."""
        if channel == "webhook":
            return []
        return [one for one in self.colleagues if ("@" in one) == (channel != "sms")]

    def attention(self) -> Attention | None:
        """What needs a person, which every page says; None while the database does not answer."""
        offers = self.reception.offers() or {}
        try:
            return attention_of(self.reception.database, offers.values(), now=self.now())
        except StoreError:
            return None

    def page(
        self, request: Request, name: str, visit: Visit, *, status: int = 200, part: bool = False, **values: Any
    ) -> Response:
        """One page, or the part of one that htmx asks for."""
        attention = self.attention() if visit.name and not part else None
        html = self.pages.get_template(f"{name}.html").render(
            root=root_of(request, part=part),
            path=request.url.path.lstrip("/"),
            visit=visit,
            form_token=self.sessions.form_token(visit),
            brand=self.projects.brand,
            now=self.now(),
            zone=self.reception.zone,
            part=part,
            attention=attention,
            **values,
        )
        return HTMLResponse(html, status, headers=HEADERS)


@dataclass(frozen=True, slots=True)
class Form:
    """What somebody sent, once it is sure that it was they."""

    visit: Visit
    fields: dict[str, list[str]]

    def get(self, name: str) -> str:
        """The first value of a field; empty where there is none."""
        return self.fields.get(name, [""])[0]


def desk_of(request: Request) -> Desk:
    """The desk, where the request is for it: only this machine's own names and the public one lead to it.

    Otherwise any page somebody looks at could have its name resolved to this machine, and read what is here.
    """
    desk: Desk = request.app.state.desk
    host = _split(f"//{request.headers.get('host', '')}").hostname
    if host not in {*_LOOPBACK, urlsplit(desk.reception.settings.public_url).hostname}:
        raise MisdirectedError
    return desk


AtDesk = Annotated[Desk, Depends(desk_of)]


def visit_of(request: Request, desk: AtDesk) -> Visit | None:
    """What their cookie says."""
    return desk.sessions.read(request.cookies.get(COOKIE), now=desk.now())


def member_of(desk: AtDesk, visit: Annotated[Visit | None, Depends(visit_of)]) -> Visit:
    """Whoever is signed in, with an account that still stands as it did; raises SignedOutError."""
    if visit is None or not is_member(desk, visit):
        raise SignedOutError
    return visit


def is_member(desk: Desk, visit: Visit) -> bool:
    """Whether their account still stands as it did when they signed in; a cookie alone cannot know."""
    return visit.name is not None and staff.seal(desk.reception.database, visit.name) == visit.seal


async def any_form(request: Request, desk: AtDesk, visit: Annotated[Visit | None, Depends(visit_of)]) -> Form:
    """A form of whoever looks at our pages; raises ForgedError for any other."""
    body = await body_of(request, FORM_BYTES_MAX)
    try:
        fields = parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=_FIELDS_MAX)
    except ValueError:
        raise ForgedError from None
    token = fields.get("token", [""])[0]
    if visit is None or not is_ours(request, desk) or not desk.sessions.is_form_of(visit, token):
        raise ForgedError
    return Form(visit, fields)


async def member_form(desk: AtDesk, form: Annotated[Form, Depends(any_form)]) -> Form:
    """A form of somebody who is signed in."""
    await run_in_threadpool(member_of, desk, form.visit)
    return form


Member = Annotated[Visit, Depends(member_of)]
AnyForm = Annotated[Form, Depends(any_form)]
MemberForm = Annotated[Form, Depends(member_form)]


def is_ours(request: Request, desk: Desk) -> bool:
    """Whether a form was sent from a page of ours, as the browser says."""
    origin = _split(request.headers.get("origin", ""))
    public = urlsplit(desk.reception.settings.public_url)
    asked = request.headers.get("host", "")
    return bool(origin.netloc) and (
        (origin.hostname in _LOOPBACK and origin.netloc == asked)
        or (origin.scheme, origin.netloc) == (public.scheme, public.netloc)
    )


def is_encrypted(request: Request) -> bool:
    """Whether the browser reaches us by HTTPS, through whatever proxy: it says from where the form was sent."""
    return _split(request.headers.get("origin", "")).scheme == "https"


def _split(url: str) -> SplitResult:
    """The parts of an address that a client gave; none where it is no address, as `http://[`."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def login_of(request: Request) -> str:
    """Where whoever is not signed in goes, to come back afterwards."""
    wanted = request.url.path.lstrip("/") + (f"?{request.url.query}" if request.url.query else "")
    return f"{root_of(request)}staff/login?next={quote(wanted, safe='')}"
