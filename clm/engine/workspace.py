"""A project as the engine works on it: settings, configuration, words, database and channels, opened together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from urllib.parse import urlsplit

from clm.channels.connect import connect
from clm.channels.loopback import is_loopback
from clm.channels.protocol import Channel
from clm.config import Configuration, look_at_configuration
from clm.content.brand import Brand, read_brand, unsaid
from clm.content.catalogue import FILES
from clm.content.library import TemplateLibrary
from clm.domain.broadcast import Broadcast
from clm.domain.campaign import Campaign
from clm.domain.content import TEAM, ChannelName
from clm.domain.delivery import IDEMPOTENT, Route
from clm.domain.fact import FACTS
from clm.engine.alerts import Postbox
from clm.engine.dispatch import Dispatcher
from clm.engine.handover import Clock
from clm.engine.journey import Journeys
from clm.engine.signed_links import links_of
from clm.errors import ConfigurationError, Fault
from clm.settings import Settings
from clm.sources import FeedSpec, load_sources
from clm.store.database import Database

_DEAF = (
    "is not set, so every event of SendGrid would be refused: dead addresses would be written to again and again, and"
    " no breaker or canary would notice; switch on `Signed Event Webhook` there and set this to its verification key"
)


@dataclass(frozen=True, slots=True)
class Project:
    """config/ and templates/, read and checked against each other."""

    configuration: Configuration
    brand: Brand
    library: TemplateLibrary
    sources: tuple[FeedSpec, ...]


def load_project(settings: Settings) -> Project:
    """Read and check everything marketers decide; raises ConfigurationError listing every fault found."""
    project, faults = look_at_project(settings)
    if faults or project is None:
        raise ConfigurationError(faults)
    return project


def look_at_project(settings: Settings) -> tuple[Project | None, list[Fault]]:
    """As much of the project as is sound, and every fault found; None where too little of it is."""
    configuration, faults = look_at_configuration(settings.config)
    brand: Brand | None = None
    library: TemplateLibrary | None = None
    sources: list[FeedSpec] = []
    try:
        sources = load_sources(settings.config / "sources.yaml", variables={"CLM_HOME": str(settings.home)})
    except ConfigurationError as error:
        faults += error.faults
    try:
        brand = read_brand(settings.config / "brand.yaml")
        library, wrong = TemplateLibrary.look(
            settings.templates,
            brand=brand,
            default_locale=configuration.shop.default_locale if configuration else "en",
            facts=[name for name, fact in FACTS.items() if fact.scope == "contact"],
            cache=settings.cache,
        )
        faults += wrong
    except ConfigurationError as error:
        faults += error.faults
    if configuration:
        faults += live_faults(configuration, settings)
        configuration = configuration if settings.live else _harmless(configuration)
    if configuration and brand:
        shop = configuration.shop
        path = settings.config / "brand.yaml"
        faults += unsaid(path, brand, locales=shop.locales, default_locale=shop.default_locale)
    if configuration and library:
        faults += _steps_without_words(configuration, library, settings)
    if configuration is None or brand is None or library is None:
        return None, faults
    return Project(configuration, brand, library, tuple(sources)), faults


def live_faults(configuration: Configuration, settings: Settings) -> list[Fault]:
    """What must not go live as it is: links nobody can open, and events that are needed and cannot come."""
    faults = _unkept_promises(configuration, settings)
    if settings.live:
        carriers = {route.by for route in configuration.policy.delivery.routes.values()} - IDEMPOTENT
        api_urls = {"sendgrid": settings.sendgrid_api_url, "twilio": settings.twilio_api_url}
        far = {one for one in carriers if not is_loopback(urlsplit(api_urls.get(one, "")).hostname)}
        if "sendgrid" in far and not settings.sendgrid_webhook_key:
            faults.append(Fault("SENDGRID_WEBHOOK_KEY", _DEAF))
        url = urlsplit(settings.public_url)
        if far and (url.scheme != "https" or is_loopback(url.hostname)):
            needed = "links that readers can open" + (", and Twilio an address to call" if "twilio" in far else "")
            remedy = "give the one on the internet, which begins with https://"
            faults.append(Fault("CLM_PUBLIC_URL", f"is {settings.public_url}; live messages need {needed}: {remedy}"))
    return faults


def _unkept_promises(configuration: Configuration, settings: Settings) -> list[Fault]:
    """Campaigns that send at least once, by providers who could not tell what went from what did not."""
    faults = []
    routes = configuration.policy.delivery.routes
    told_by = {
        "sendgrid": ("SENDGRID_WEBHOOK_KEY", settings.sendgrid_webhook_key),
        "twilio": ("TWILIO_AUTH_TOKEN", settings.twilio_auth_token),
    }
    for campaign in configuration.campaigns:
        if campaign.delivery != "at_least_once":
            continue
        file = str(settings.config / "campaigns" / f"{campaign.campaign}.yaml")
        for provider in sorted({routes.get(step.channel, Route()).by for step in campaign.sends}):
            variable, key = told_by.get(provider, (None, None))
            if provider in IDEMPOTENT or key:
                continue
            remedy = f"set {variable}, or leave the setting out" if variable else "leave the setting out"
            reason = f"`delivery: at_least_once` needs {provider}'s events, to tell what went from what did not"
            faults.append(Fault(file, f"{reason}; {remedy}"))
    return faults


def _harmless(configuration: Configuration) -> Configuration:
    """Without canaries and blast radius, where nothing leaves this machine: there is nothing to protect."""
    delivery = replace(configuration.policy.delivery, canary=None, blast_radius=None)
    return replace(configuration, policy=replace(configuration.policy, delivery=delivery))


def _steps_without_words(configuration: Configuration, library: TemplateLibrary, settings: Settings) -> list[Fault]:
    locale = configuration.shop.default_locale
    return [
        Fault(
            str(settings.config / _folder(campaign) / f"{campaign.campaign}.yaml"),
            f"step `{step.send}` has no words by {step.channel}; write"
            f" {settings.templates / campaign.campaign / step.send / locale}/"
            + (f"{{{', '.join(files)}}}" if len(files) > 1 else files[0]),
        )
        for campaign in configuration.all_campaigns
        for step in campaign.sends
        for words in ("staff" if step.channel in TEAM else step.channel,)
        for files in (FILES[words],)
        if words not in library.channels(campaign.campaign, step.send)
        and (campaign.campaign, step.send) not in {place[:2] for place in library.spoilt}
    ]


def _folder(campaign: Campaign) -> str:
    return "broadcasts" if isinstance(campaign, Broadcast) else "campaigns"


@dataclass(frozen=True)
class Workspace:
    """What a task or a command works with; open it with `open_workspace`."""

    settings: Settings
    project: Project
    database: Database
    journeys: Journeys
    """The campaigns, and the versions people are on."""

    @cached_property
    def channels(self) -> Mapping[ChannelName, Channel]:
        """How messages leave: to the local outbox, until sending is live.

        Raises ConfigurationError where it is live and a key is missing.
        """
        return connect(self.settings, self.project.configuration.policy.delivery.routes)

    def dispatcher(self, *, now: int, clock: Clock) -> Dispatcher:
        """Somebody who hands messages over at `now`."""
        return Dispatcher(
            database=self.database,
            journeys=self.journeys,
            library=self.project.library,
            brand=self.project.brand,
            links=links_of(self.settings),
            channels=self.channels,
            now=now,
            clock=clock,
        )

    def postbox(self, *, now: int, clock: Clock) -> Postbox:
        """Where mails to the team are handed over at `now`."""
        return Postbox(
            database=self.database,
            channel=self.channels["staff"],
            brand=self.project.brand,
            public_url=self.settings.public_url,
            zone=self.project.configuration.shop.time_zone,
            now=now,
            clock=clock,
        )


def open_database(settings: Settings, *, create: bool = False) -> Database:
    """The project's database; raises StoreError when its schema is not the one the code knows.

    With `create`, an empty database gets its tables first; one of an older clm is never migrated unasked.
    """
    database = Database(settings.store_url)
    if create and database.is_empty():
        database.upgrade()
    database.require_current()
    return database


def open_workspace(settings: Settings) -> Workspace:
    """Everything, checked; raises ConfigurationError or StoreError."""
    project = load_project(settings)
    return Workspace(settings, project, open_database(settings), Journeys(project.configuration))
