"""Every message in every language, as made-up readers or a known contact would get it, one at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, NamedTuple

from babel import Locale
from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from clm.content.brand import hosts_of
from clm.content.locale import babel_locale, chain
from clm.content.personas import PERSONAS
from clm.domain.campaign import Campaign, SendStep
from clm.domain.content import Content
from clm.domain.sms import segments
from clm.engine.preview import Preview
from clm.engine.proofreading import Reading, readings
from clm.engine.workspace import Project
from clm.errors import RenderError
from clm.store import previewed
from clm.web.staff.desk import AtDesk, Desk, Member, NothingHereError
from clm.web.staff.frame import framed
from clm.web.staff.session import Visit

router = APIRouter(prefix="/staff/gallery")

Persona = Annotated[str, Query(max_length=40)]
ContactName = Annotated[str, Query(max_length=200)]
Flag = Annotated[str, Query(max_length=5)]
_ENGLISH = Locale("en")


@dataclass(frozen=True, slots=True)
class Line:
    """One message of the gallery: which locales it has words in, and in which it ought to."""

    campaign: Campaign
    step: SendStep
    wanted: frozenset[str]
    there: frozenset[str]

    def locales(self, first: tuple[str, ...]) -> list[str]:
        """All of either, those of the shop first."""
        found = self.wanted | self.there
        return [*(one for one in first if one in found), *sorted(found.difference(first))]


@router.get("")
def index(request: Request, desk: AtDesk, visit: Member, campaign: ContactName = "") -> Response:
    """Messages by campaign, each with how it begins and the languages it is in; what is missing is marked."""
    project = desk.projects.current()
    lines = [line for line in lines_of(project) if campaign in ("", line.campaign.campaign)]
    campaigns: dict[str, list[Line]] = {}
    for line in lines:
        campaigns.setdefault(line.campaign.campaign, []).append(line)
    return desk.page(
        request,
        "gallery",
        visit,
        campaigns=campaigns,
        count=len(lines),
        begins={(line.campaign.campaign, line.step.send): _beginning(desk, project, line) for line in lines},
        locales=project.configuration.shop.locales,
        language=language,
        missing=sum(len(line.wanted - line.there) for line in lines),
        campaign=campaign,
    )


class Place(NamedTuple):
    """Which words an address names."""

    campaign: str
    step: str
    locale: str


def place_of(campaign: str, step: str, locale: str) -> Place:
    """The words that the path names."""
    return Place(campaign, step, locale)


@dataclass(frozen=True, slots=True)
class Asked:
    """One message in one language, for one reader: a contact where one is named, else a made-up one."""

    line: Line
    locale: str
    persona: str
    contact: str
    dark: bool


def asked_of(
    desk: AtDesk,
    _: Member,
    place: Annotated[Place, Depends(place_of)],
    persona: Persona = "",
    contact: ContactName = "",
    dark: Flag = "",
) -> Asked:
    """What the address asks for; raises NothingHereError where there are no words in such a language, or no reader."""
    locales = chain(place.locale, "")
    reader = reader_of(persona)
    for line in lines_of(desk.projects.current()):
        if (line.campaign.campaign, line.step.send) == place[:2] and not line.there.isdisjoint(locales):
            return Asked(line, locales[0], reader, contact.replace("\0", "").strip(), bool(dark))
    raise NothingHereError


def reader_of(persona: str) -> str:
    """The made-up reader of that name, or the first; raises NothingHereError where there is no such."""
    reader = persona or PERSONAS[0]
    if reader not in PERSONAS:
        raise NothingHereError
    return reader


@router.get("/{campaign}/{step}/{locale}")
def message(request: Request, desk: AtDesk, visit: Member, asked: Annotated[Asked, Depends(asked_of)]) -> Response:
    """The message, and ways to look at it."""
    return shown(request, desk, visit, asked)


def shown(
    request: Request, desk: Desk, visit: Visit, asked: Asked, *, said: str | None = None, sent: bool = False
) -> Response:
    """Its page, with what came of a test of it."""
    content, problem = content_of(desk, asked)
    by_sms = asked.line.step.channel == "sms"
    return desk.page(
        request,
        "message",
        visit,
        asked=asked,
        locales=sorted({asked.locale, *asked.line.there}),
        language=language,
        content=content,
        problem=problem,
        personas=PERSONAS,
        segments=segments(content.text) if content and by_sms else None,
        colleagues=desk.colleagues_by(asked.line.step.channel),
        live=desk.reception.settings.live,
        said=said,
        sent=sent,
    )


@router.get("/{campaign}/{step}/{locale}/html")
def message_html(desk: AtDesk, asked: Annotated[Asked, Depends(asked_of)]) -> Response:
    """Its HTML, for the frame; of made-up readers with the brand's own pictures alone."""
    content, _ = content_of(desk, asked)
    if content is None or content.html is None:
        raise NothingHereError
    hosts = None if asked.contact else hosts_of(desk.projects.current().brand)
    return framed(content.html, dark=asked.dark, hosts=hosts)


def lines_of(project: Project) -> list[Line]:
    """Every message that campaigns send, in the order of their files."""
    wanted: dict[tuple[str, str], list[Reading]] = {}
    for reading in readings(project):
        wanted.setdefault((reading.campaign.campaign, reading.step.send), []).append(reading)
    return [
        Line(
            found[0].campaign,
            found[0].step,
            frozenset(reading.locale for reading in found),
            frozenset(project.library.locales(*key)),
        )
        for key, found in wanted.items()
    ]


def language(locale: str) -> str:
    """A language by its name in English: `Persian`, `Portuguese (Brazil)`; the tag where nobody knows one."""
    known = babel_locale(locale)
    return (known and known.get_display_name(_ENGLISH)) or locale


def content_of(desk: Desk, asked: Asked) -> tuple[Content | None, str | None]:
    """The words, or why there are none."""
    preview = Preview(desk.projects.current(), desk.reception.settings, desk.now())
    database, line = desk.reception.database, asked.line
    try:
        if not asked.contact:
            return preview.of_persona(line.campaign, line.step, asked.locale, asked.persona), None
        with database.read() as tx:
            contact_id = previewed.contact_id(tx, asked.contact)
        if contact_id is None:
            return None, f"There is no contact {asked.contact}."
        return preview.of_contact(database, line.campaign, line.step, contact_id), None
    except RenderError as error:
        return None, f"It cannot be written: {error}"


def _beginning(desk: Desk, project: Project, line: Line) -> tuple[str, str]:
    """The subject, or of what has none the text, in the shop's own language or the first there is; and which."""
    own = chain(project.configuration.shop.default_locale, "")
    locale = next((one for one in (*own, *sorted(line.there)) if one in line.there), "")
    if not locale:
        return "", ""
    content, problem = content_of(desk, Asked(line, locale, PERSONAS[0], "", dark=False))
    return (problem or "") if content is None else (content.subject or content.text), locale
