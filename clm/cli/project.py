"""`clm check` and `clm db`: the project's own state."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial

from cyclopts import App
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from clm.channels.connect import connect
from clm.cli.help_links import foreign_help
from clm.cli.terminal import AsJson, err, out, print_json
from clm.cli.unread import unread
from clm.content.brand import read_brand
from clm.content.links import signing_keys
from clm.content.lint_translation import unfinished
from clm.content.page_samples import unreadable
from clm.content.page_words import PageWords
from clm.domain.delivery import Route
from clm.domain.instant import to_ms
from clm.engine.blame import of_the_law
from clm.engine.proofreading import proofread, readings
from clm.engine.unused import unused
from clm.engine.workspace import Project, look_at_project
from clm.errors import ConfigurationError, Fault
from clm.settings import Settings
from clm.store.database import Database

db_app = App(name="db", help="The database: create it, and bring it to what this clm needs.")


@db_app.command
def upgrade() -> None:
    """Create the database, or migrate it to what this clm needs.

    Example: clm db upgrade
    """
    database = Database(Settings().store_url)
    database.upgrade()
    database.close()
    out.print(f"{database.shown} is up to date")


def check(*, json: AsJson = False) -> int:
    """Check configuration and templates; lists everything wrong at once, with file, line and what to do.

    Every message is read in every language as made-up readers get it: of whom all is known, or nothing, or with names
    that no layout expects. Where sending is live, also whether every key that it needs is there.

    Example: clm check
    """
    project: Project | None = None
    notes: list[Fault] = []
    try:
        settings = Settings()
        project, faults = _looked_at(settings)
        notes = unused(project, settings) if project is not None else []
    except ConfigurationError as error:  # of the environment: nobody knows where to look
        faults = error.faults
    if json:
        told = {"faults": [fault.told() for fault in faults], "notes": [note.told() for note in notes]}
        print_json({"ok": not faults, **told})
        return 1 if faults else 0
    for fault in faults:
        out.print(str(fault), markup=False, soft_wrap=True)
    for note in notes:
        out.print(f"note: {note}", markup=False, soft_wrap=True)
    if faults:
        err.print(f"[bold red]{_counted(len(faults), 'fault')}[/]")
    elif project is not None:
        campaigns = project.configuration.campaigns
        live = sum(campaign.status == "live" for campaign in campaigns)
        steps = sum(len(campaign.sends) for campaign in project.configuration.all_campaigns)
        broadcasts = len(project.configuration.broadcasts)
        once = f", {_counted(broadcasts, 'broadcast')}" if broadcasts else ""
        read = f"{_counted(len(campaigns), 'campaign')} ({live} live){once}, {_counted(steps, 'message')}"
        out.print(f"{read}, {_counted(len(project.sources), 'feed')}: no faults")
    return 1 if faults else 0


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _looked_at(settings: Settings) -> tuple[Project | None, list[Fault]]:
    """The project, and everything wrong with it and with what sending it and answering its customers need."""
    project, faults = look_at_project(settings)
    faults += unread(settings.config)
    if project is not None:
        faults += against_the_law(project)
        default_locale = project.configuration.shop.default_locale
        faults += unfinished(settings.templates, brand=project.brand, default_locale=default_locale)
        faults += _proofread(project, settings)
        faults += foreign_help(project, settings)
    routes = project.configuration.policy.delivery.routes if project is not None else {}
    for look in (_at_link_keys, _at_webhook_key, partial(_at_provider_keys, routes), _at_pages):
        try:
            look(settings)
        except ConfigurationError as error:
            faults += error.faults
    return project, list(dict.fromkeys(faults))


def _proofread(project: Project, settings: Settings) -> list[Fault]:
    """What is wrong with the messages themselves, in any language."""
    with Progress(
        TextColumn("reading every message"), BarColumn(), MofNCompleteColumn(), console=err, transient=True
    ) as bar:
        task = bar.add_task("", total=len(readings(project)))
        return proofread(project, settings, now=to_ms(datetime.now(UTC)), tick=lambda: bar.advance(task))


def against_the_law(project: Project) -> list[Fault]:
    """Marketing words that do not say who writes, from where, or how to leave; and surveys that nobody could answer."""
    library = project.library
    sends = [(one.campaign, step, one.purpose) for one in project.configuration.all_campaigns for step in one.sends]
    unlawful = [
        fault
        for campaign, step, purpose in sends
        if purpose == "marketing"
        for fault in library.marketing_faults(campaign, step.send, step.channel)
    ]
    surveys = [(campaign, step) for campaign, step, _ in sends if step.survey is not None]
    return of_the_law(unlawful, library) + [
        fault for campaign, step in surveys for fault in library.survey_faults(campaign, step.send, step.channel)
    ]


def _at_link_keys(settings: Settings) -> None:
    """Those that are given: without any, one is made when it is first needed."""
    if settings.secret_keys is not None:
        signing_keys(settings.secret_keys.get_secret_value())


def _at_webhook_key(settings: Settings) -> None:
    """Where it is given: with one that is none every event would be refused, and nobody told."""
    if settings.sendgrid_webhook_key is not None:
        from clm.channels.sendgrid_events import signature_is_right  # noqa: PLC0415 - a library that others need not

        try:
            signature_is_right(b"", "", "", settings.sendgrid_webhook_key.get_secret_value(), now=0)
        except ValueError:
            fault = "is not a public key as SendGrid shows it"
            raise ConfigurationError([Fault("SENDGRID_WEBHOOK_KEY", fault)]) from None


def _at_provider_keys(routes: Mapping[str, Route], settings: Settings) -> None:
    """Those of every provider, once sending is live."""
    if settings.live:
        connect(settings, routes)


def _at_pages(settings: Settings) -> None:
    """What customers' pages say and how they are made; nobody could unsubscribe where that is wrong."""
    brand = read_brand(settings.config / "brand.yaml")
    folder = settings.templates / "_pages"
    if faults := unreadable(PageWords.load(folder, brand=brand, default_locale="en"), folder):
        raise ConfigurationError(faults)
