"""`clm preview`: messages as they would be, in every language, as files and pictures; or sent to oneself."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from cyclopts import Parameter
from rich.progress import Progress

from clm.channels.connect import connect
from clm.cli.addresses import channel_of, read_address
from clm.cli.pictures import IMAGES_SECONDS_MAX, LOOKS, Camera, NoPicturesError, camera
from clm.cli.sheet import sheet
from clm.cli.terminal import AsJson, err, out, print_json
from clm.content.locale import normalise
from clm.content.personas import PERSONAS
from clm.domain.campaign import Campaign, SendStep
from clm.domain.content import ChannelName
from clm.domain.instant import to_ms
from clm.domain.nearest import nearest
from clm.domain.outcome import Accepted, Outcome
from clm.engine.preview import Preview, Shown, test_refusal
from clm.engine.workspace import Project, load_project, open_database
from clm.errors import ClmError
from clm.settings import Settings
from clm.store import previewed

TESTS_MAX = 50
"""Messages that one command sends as tests: they are for looking at, and for nothing else."""


def preview(
    campaign: Annotated[str, Parameter(help="The campaign's name, as its file has it.")],
    step: Annotated[str | None, Parameter(help="One step; all that send where none is named.")] = None,
    *,
    contact: Annotated[str | None, Parameter(help="As this contact would get it (the shop's own id).")] = None,
    locale: Annotated[list[str] | None, Parameter(help="Only as readers of it; may be given several times.")] = None,
    persona: Annotated[
        str | None, Parameter(help=f"A made-up reader: {', '.join(PERSONAS)}; the first where none is named.")
    ] = None,
    out_: Annotated[Path | None, Parameter(name="--out", help="Folder; default: $CLM_HOME/preview/CAMPAIGN.")] = None,
    png: Annotated[bool, Parameter(negative="--no-png", help="Take pictures, about a second for each message.")] = True,
    send_to: Annotated[
        str | None, Parameter(help="Send them there as tests instead: an e-mail address, or a number for SMS.")
    ] = None,
    json: AsJson = False,
) -> int:
    """Write messages as their readers would see them: HTML, text and pictures (desktop, phone, dark), side by side.

    Links and codes are made up, nothing is recorded, and nobody gets anything but who is named by --send-to.

    Example: clm preview win_back incentive --locale fa --locale en
    """
    if contact is not None and persona is not None:
        raise ClmError("--contact and --persona name two readers; leave one of them out")
    if contact is not None and locale:
        raise ClmError("--contact gets their own language; leave out --locale")
    settings = Settings()
    project = load_project(settings)
    found = _campaign(project, campaign)
    looking = Preview(project, settings, to_ms(datetime.now(UTC)))
    steps = _steps(found, step)
    reader, locales = _persona(persona or PERSONAS[0]), _locales(locale)
    shown = _shown(looking, found, steps, contact=contact, locales=locales, persona=reader)
    if not shown:
        raise _speechless(project, found, steps, locales)
    if send_to is not None:
        return _send(looking, campaign, shown, send_to, json=json)
    folder = out_ or settings.home / "preview" / campaign
    written = _write(folder, shown, settings.chromium, png=png)
    first = () if locales else project.configuration.shop.locales
    page = sheet(f"{found.title} ({campaign})", list(zip(shown, written.files, strict=True)), first=first)
    (folder / "index.html").write_text(page, encoding="utf-8")
    return _told(folder, shown, written, json=json)


def _campaign(project: Project, name: str) -> Campaign:
    known = {one.campaign: one for one in project.configuration.all_campaigns}
    if name not in known:
        raise ClmError(f"there is no campaign `{name}`{nearest(name, known)} (known: {', '.join(known)})")
    return known[name]


def _steps(campaign: Campaign, name: str | None) -> list[SendStep]:
    known = {step.send: step for step in campaign.sends}
    if name is None:
        return list(known.values())
    if name not in known:
        raise ClmError(f"`{campaign.campaign}` sends no `{name}`{nearest(name, known)} (known: {', '.join(known)})")
    return [known[name]]


def _persona(name: str) -> str:
    wanted = name.replace("-", " ").replace("_", " ")
    if wanted not in PERSONAS:
        raise ClmError(f"there is no reader `{name}`{nearest(wanted, PERSONAS)} (known: {', '.join(PERSONAS)})")
    return wanted


def _locales(wanted: list[str] | None) -> list[str] | None:
    """The languages as they are named here, each once; None where none is asked for."""
    if not wanted:
        return None
    names = {one: normalise(one) for one in wanted}
    for one, name in names.items():
        if name is None:
            raise ClmError(f"--locale {one}: is no language; write one like fa or pt-BR")
    return list(dict.fromkeys(name for name in names.values() if name is not None))


def _speechless(project: Project, campaign: Campaign, steps: Sequence[SendStep], locales: list[str] | None) -> ClmError:
    """Nobody would get any words: of none of the languages asked for, or because there are none at all."""
    there = sorted({one for step in steps for one in project.library.locales(campaign.campaign, step.send)})
    wanted = f" in {' or '.join(locales)}" if locales else ""
    known = f" (known: {', '.join(there)})" if there else ""
    return ClmError(f"there are no words{wanted}{known}; `clm check` tells what is missing")


def _shown(
    looking: Preview,
    campaign: Campaign,
    steps: Sequence[SendStep],
    *,
    contact: str | None,
    locales: list[str] | None,
    persona: str,
) -> list[Shown]:
    if contact is None:
        return [one for step in steps for one in looking.to_persona(campaign, step, locales, persona)]
    with closing(open_database(looking.settings)) as database:
        with database.read() as tx:
            contact_id = previewed.contact_id(tx, contact)
        if contact_id is None:
            raise ClmError(f"there is no contact {contact}; --contact takes the shop's own id")
        return [looking.to_contact(database, campaign, step, contact_id) for step in steps]


class _Written(NamedTuple):
    """The files of each message by form, why there are no pictures at all, and what is missing from single ones."""

    files: list[dict[str, str]]
    without_pictures: str | None
    notes: list[str]


def _write(folder: Path, shown: Sequence[Shown], chromium: Path | None, *, png: bool) -> _Written:
    """Write the files of each message."""
    folder.mkdir(parents=True, exist_ok=True)
    without = None if png else "not asked for"
    notes = [
        f"{one.step.send} has no words in {one.locale}; whoever reads that gets those in {one.substitute}"
        for one in shown
        if one.substitute is not None
    ]
    with ExitStack() as stack:
        taking: Camera | None = None
        if png and any(one.content is not None and one.content.html for one in shown):
            try:
                taking = stack.enter_context(camera(chromium))
            except NoPicturesError as error:
                without = str(error)
        progress = stack.enter_context(Progress(console=err, transient=True, disable=not err.is_terminal))
        watched = progress.track(shown, description="writing" if taking is None else "taking pictures")
        files = [_write_one(folder, one, taking, notes) for one in watched]
        if taking is not None and taking.silent:
            hosts = ", ".join(sorted(taking.silent))
            notes.append(f"pictures lack images of {hosts}, which did not come in {IMAGES_SECONDS_MAX:g} s")
        return _Written(files, without, notes)


def _write_one(folder: Path, one: Shown, taking: Camera | None, notes: list[str]) -> dict[str, str]:
    if one.content is None:
        return {}
    name = f"{one.step.send}.{one.locale}"
    files = {"text": f"{name}.txt"}
    subject = f"{one.content.subject}\n\n" if one.content.subject else ""
    (folder / files["text"]).write_text(subject + one.content.text, encoding="utf-8")
    if one.content.html is not None:
        files["html"] = f"{name}.html"
        (folder / files["html"]).write_text(one.content.html, encoding="utf-8")
        if taking is not None:
            try:
                files |= {
                    look: _picture(folder, f"{name}.{look}.png", one.content.html, look, taking) for look in LOOKS
                }
            except NoPicturesError as error:
                notes.append(f"{one.step.send} in {one.locale} is without pictures: {error}")
    return files


def _picture(folder: Path, name: str, html: str, look: str, taking: Camera) -> str:
    taking.take(html, look, folder / name)
    return name


def _told(folder: Path, shown: Sequence[Shown], written: _Written, *, json: bool) -> int:
    faults = [one for one in shown if one.fault is not None]
    if json:
        listed = [_document(one) | {"files": theirs} for one, theirs in zip(shown, written.files, strict=True)]
        told = {"without_pictures": written.without_pictures, "notes": written.notes}
        print_json({"folder": str(folder), "messages": listed, **told})
        return 1 if faults else 0
    for one in faults:
        err.print(f"{one.step.send} in {one.locale}: {one.fault}", markup=False, soft_wrap=True)
    if written.without_pictures:
        err.print(f"without pictures: {written.without_pictures}", markup=False, soft_wrap=True)
    for note in written.notes:
        err.print(note, markup=False, soft_wrap=True)
    sound = len(shown) - len(faults)
    counted = f"{sound} message{'' if sound == 1 else 's'}"
    out.print(f"{counted} in {(folder / 'index.html').resolve()}", markup=False, soft_wrap=True)
    return 1 if faults else 0


def _send(looking: Preview, campaign: str, shown: Sequence[Shown], send_to: str, *, json: bool) -> int:
    """Hand the messages over as tests, those that such an address can get."""
    to, fitting = _address(send_to)
    chosen = [one for one in shown if one.step.channel in fitting and one.content is not None]
    if not chosen:
        raise ClmError(f"nothing of it goes to such an address; {send_to} could get {' and '.join(fitting)}")
    if len(chosen) > TESTS_MAX:
        raise ClmError(f"these are {len(chosen)} messages, more than {TESTS_MAX}; name a step or a --locale")
    channels = connect(looking.settings, looking.project.configuration.policy.delivery.routes)
    outcomes: list[tuple[Shown, Outcome]] = []
    with closing(open_database(looking.settings)) as database:
        for number, one in enumerate(chosen):
            outcome = test_refusal(database, one.step, to)
            if outcome is None and one.content is not None:
                channel = channels[one.step.channel]
                outcome = looking.send(
                    one.content, one.step, to, channel, campaign=campaign, message_id=looking.now + number
                )
            if outcome is not None:
                outcomes.append((one, outcome))
    name = channels[chosen[0].step.channel].name
    accepted = sum(isinstance(outcome, Accepted) for _, outcome in outcomes)
    if json:
        print_json([_document(one) | {"by": name, "outcome": _said(outcome)} for one, outcome in outcomes])
    else:
        for one, outcome in outcomes:
            out.print(f"{one.step.send} in {one.locale}: {_said(outcome)}", markup=False)
        where = "the local outbox; /staff/inbox?kind=test shows it" if name == "outbox" else name
        out.print(f"{accepted} sent as tests, by {where}", markup=False, soft_wrap=True)
    return 0 if accepted == len(outcomes) else 1


def _address(text: str) -> tuple[str, tuple[ChannelName, ...]]:
    """The address as imports read it, and the channels that reach it."""
    channel = channel_of(text)
    if channel is None and text.strip():
        raise ClmError(
            f"--send-to: `{text}` is neither an e-mail address nor a phone number; write me@example.com, or a number"
            " like +44 7700 900123"
        )
    fitting: tuple[ChannelName, ...] = ("sms",) if channel == "sms" else ("email", "staff")
    try:
        found = read_address(text, channel or "email")
    except ValueError as error:
        raise ClmError(f"--send-to {error}") from None
    if found is None:
        raise ClmError("--send-to names no address; write --send-to me@example.com")
    return found, fitting


def _said(outcome: Outcome) -> str:
    return "accepted" if isinstance(outcome, Accepted) else outcome.reason


def _document(one: Shown) -> dict[str, Any]:
    subject = one.content.subject if one.content else None
    return {
        "step": one.step.send,
        "channel": one.step.channel,
        "locale": one.locale,
        "words": one.content.locale if one.content else None,
        "subject": subject,
        "fault": one.fault,
    }
