"""The messages of a campaign in all their languages next to each other, as live HTML in frames that are shut."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal, get_args

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from clm.content.brand import sender_name
from clm.content.lint import Page
from clm.content.personas import PERSONAS
from clm.domain.content import Content
from clm.domain.sms import Segments, segments
from clm.web.staff.desk import AtDesk, Desk, Member, NothingHereError
from clm.web.staff.gallery import Asked, Flag, Line, Persona, content_of, language, lines_of, reader_of
from clm.web.staff.session import Visit

router = APIRouter(prefix="/staff/gallery")

Look = Literal["desktop", "phone"]
LookName = Annotated[str, Query(max_length=10)]


@dataclass(frozen=True, slots=True)
class Cell:
    """One message in one language: what a reader sees of it before it is opened, and then."""

    locale: str
    content: Content | None
    problem: str | None
    """Why there is none; None too where it has not been written yet."""
    sender: str
    preheader: str
    segments: Segments | None


@dataclass(frozen=True, slots=True)
class Asks:
    """How to look, and as which made-up reader."""

    look: Look
    persona: str
    dark: bool


def asks(look: LookName = "", persona: Persona = "", dark: Flag = "") -> Asks:
    """What the address asks for; raises NothingHereError where there is no such reader."""
    return Asks("phone" if look == "phone" else "desktop", reader_of(persona), bool(dark))


Asking = Annotated[Asks, Depends(asks)]


@router.get("/{campaign}")
def of_campaign(request: Request, desk: AtDesk, visit: Member, campaign: str, asked: Asking) -> Response:
    """Every message of a campaign."""
    return _sheet(request, desk, visit, asked, campaign)


@router.get("/{campaign}/{step}")
def of_step(request: Request, desk: AtDesk, visit: Member, campaign: str, step: str, asked: Asking) -> Response:
    """One message."""
    return _sheet(request, desk, visit, asked, campaign, step)


def _sheet(request: Request, desk: Desk, visit: Visit, asked: Asks, campaign: str, step: str | None = None) -> Response:
    lines = [line for line in lines_of(desk.projects.current()) if line.campaign.campaign == campaign]
    lines = [line for line in lines if step in (None, line.step.send)]
    if not lines:
        raise NothingHereError
    return desk.page(
        request,
        "sheet",
        visit,
        campaign=lines[0].campaign,
        one=step,
        rows=[(line, list(_cells(desk, line, asked.persona))) for line in lines],
        looks=get_args(Look),
        asked=asked,
        personas=PERSONAS,
        language=language,
    )


def _cells(desk: Desk, line: Line, persona: str) -> Iterator[Cell]:
    project = desk.projects.current()
    brand, channel = project.brand, line.step.channel
    for locale in line.locales(project.configuration.shop.locales):
        if locale not in line.there:
            yield Cell(locale, None, None, "", "", None)
            continue
        content, problem = content_of(desk, Asked(line, locale, persona, "", dark=False))
        if content is None:
            yield Cell(locale, None, problem, "", "", None)
            continue
        sender = "" if channel == "webhook" else f"{sender_name(brand, locale)} <{brand.sender.email}>"
        sender = brand.sms_sender if channel == "sms" else sender
        preheader = " ".join(Page(content.html).preheader.split()) if content.html else ""
        taken = segments(content.text) if channel == "sms" else None
        yield Cell(locale, content, None, sender, preheader, taken)
