"""`clm check` and `clm db`: the project's own state."""

from __future__ import annotations

from dataclasses import asdict

from cyclopts import App

from clm.channels.connect import connect
from clm.cli.terminal import AsJson, err, out, print_json
from clm.config import load_configuration
from clm.content.brand import read_brand
from clm.content.links import signing_keys
from clm.content.page_words import PageWords
from clm.engine.workspace import Project, load_project
from clm.errors import ConfigurationError, Fault
from clm.settings import Settings
from clm.store.database import Database

db_app = App(name="db", help="The database.")


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
    """Check configuration and templates; lists everything wrong at once, with file and line.

    Where sending is live, also whether every key that it needs is there.

    Example: clm check
    """
    project: Project | None = None
    try:
        project, faults = _looked_at(Settings())
    except ConfigurationError as error:  # of the environment: nobody knows where to look
        faults = error.faults
    if json:
        print_json({"ok": not faults, "faults": [asdict(fault) for fault in faults]})
    elif faults:
        for fault in faults:
            out.print(str(fault), markup=False, soft_wrap=True)
        err.print(f"[bold red]{len(faults)} fault{'s' if len(faults) > 1 else ''}[/]")
    elif project is not None:
        campaigns = project.configuration.campaigns
        live = sum(campaign.status == "live" for campaign in campaigns)
        steps = sum(len(campaign.sends) for campaign in campaigns)
        out.print(
            f"{len(campaigns)} campaigns ({live} live), {steps} messages, {len(project.sources)} feeds: no faults"
        )
    return 1 if faults else 0


def _looked_at(settings: Settings) -> tuple[Project | None, list[Fault]]:
    """The project, and everything wrong with it and with what sending it and answering its customers need."""
    project: Project | None = None
    faults: list[Fault] = []
    try:
        project = load_project(settings)
        faults += _against_the_law(project)
    except ConfigurationError as error:
        faults += error.faults
    for look in (_at_link_keys, _at_webhook_key, _at_provider_keys, _at_pages):
        try:
            look(settings)
        except ConfigurationError as error:
            faults += error.faults
    return project, list(dict.fromkeys(faults))


def _against_the_law(project: Project) -> list[Fault]:
    """Marketing words that do not say who writes, from where, or how to leave."""
    return [
        fault
        for campaign in project.configuration.campaigns
        if campaign.purpose == "marketing"
        for step in campaign.sends
        for fault in project.library.marketing_faults(campaign.campaign, step.send, step.channel)
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


def _at_provider_keys(settings: Settings) -> None:
    """Those of every provider, once sending is live."""
    if settings.live:
        connect(settings, load_configuration(settings.config).policy.delivery.routes)


def _at_pages(settings: Settings) -> None:
    """What customers' pages say; nobody could unsubscribe where that is wrong."""
    brand = read_brand(settings.config / "brand.yaml")
    PageWords.load(settings.templates / "_pages", brand=brand, default_locale="en")
