"""Reads every message as made-up readers would get it, in every language, before anybody real gets one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from clm.content.brand import Brand, hosts_of
from clm.content.catalogue import FILES
from clm.content.legal import REQUIRED
from clm.content.library import Proof
from clm.content.lint import problems
from clm.content.locale import chain
from clm.content.personas import carrying, personas, sample_code, sample_coupon, sample_survey
from clm.content.problem import Problem
from clm.content.tracing import Origin
from clm.domain.campaign import Campaign, SendStep
from clm.domain.content import TEAM, ChannelName, Content
from clm.engine.blame import Message, Places, Told, carried_by, counted, gathered, pair_of, pale
from clm.engine.surveys import wording
from clm.engine.workspace import Project
from clm.errors import Fault, RenderError
from clm.settings import Settings

TYPICAL = frozenset({"all facts", "some facts", "no facts"})
"""Readers as there are many: lengths are judged of theirs."""
Tick = Callable[[], None]
Context = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reading:
    """One message in one language."""

    campaign: Campaign
    step: SendStep
    locale: str

    @property
    def words(self) -> ChannelName:
        """The channel whose files hold its words."""
        return "staff" if self.step.channel in TEAM else self.step.channel

    @property
    def is_marketing_mail(self) -> bool:
        """Whether the law wants a way out and an address in it."""
        return self.words == "email" and self.campaign.purpose == "marketing"


def readings(project: Project) -> list[Reading]:
    """Every message in every language there has to be; the team reads the shop's own."""
    shop = project.configuration.shop
    return [
        Reading(campaign, step, locale)
        for campaign in project.configuration.all_campaigns
        for step in campaign.sends
        for locale in _locales(project, campaign, step, shop.locales)
    ]


def _locales(project: Project, campaign: Campaign, step: SendStep, wanted: Collection[str]) -> list[str]:
    there = project.library.locales(campaign.campaign, step.send)
    return there if step.channel in TEAM else list(dict.fromkeys([*wanted, *there]))


def proofread(project: Project, settings: Settings, *, now: int, tick: Tick = lambda: None) -> list[Fault]:
    """Everything wrong with any message, once each; `tick` is called after each of `readings`.

    What lies in a shared part, or in a colour of the brand, is told there and not of each message.
    """
    reader = _Proofreader(project, settings, now)
    found: list[Told] = []
    for reading in readings(project):
        found += reader.read(reading)
        tick()
    colours = [counted(fault, len(reader.pale_in[pair])) for pair, fault in reader.pale.items()]
    return list(dict.fromkeys([*colours, *gathered(reader.settled(found), project.library.parts)]))


class _Proofreader:
    """Reads messages one by one, and keeps what only all of them together can tell."""

    def __init__(self, project: Project, settings: Settings, now: int) -> None:
        self._project = project
        self._settings = settings
        self._now = now
        self._hosts = link_hosts(project.brand, settings.public_url)
        self._places = Places(project.library)
        self.pale = pale(project.brand, settings.config / "brand.yaml")
        self.pale_in: dict[tuple[str, str], set[Message]] = {pair: set() for pair in self.pale}
        """The messages whose words are pale because a colour of the brand is."""
        self._hidden_in: dict[tuple[Origin, str], list[Told]] = {}

    def read(self, reading: Reading) -> Iterator[Told]:
        """What is wrong with one message in one language."""
        library, step = self._project.library, reading.step
        message = Message(reading.campaign.campaign, step.send, reading.locale)
        there = reading.locale in library.locales(message.campaign, message.step, reading.words)
        if message not in library.spoilt and not there:
            told = f"has no words by {step.channel}; `locales` of config/clm.yaml wants them in `{reading.locale}`"
            remedy = f"write {', '.join(FILES[reading.words])} there"
            yield Told(Fault(f"{self._folder(reading)}/", told, remedy=remedy), message, told)
            return
        judged: set[Content | None] = set()
        for name, reader in readers(self._project, self._settings, reading, now=self._now).items():
            try:
                proof = library.proof(message.campaign, message.step, step.channel, message.locale, reader)
            except RenderError:
                return  # all of it is spoilt, which was told when it was read
            for error in proof.stops:
                if (carried := carried_by(error)) and carried in self._unknown(step):
                    continue  # nobody knows what it gives
                for fault, same in self._places.of_stop(error, name, proof.values):
                    yield Told(fault, message, same)
            if proof.content not in judged:  # typical readers come first, of whom more is told
                yield from self._seen(reading, message, reader, proof, typical=name in TYPICAL)
                judged.add(proof.content)

    def _seen(
        self, reading: Reading, message: Message, reader: Context, proof: Proof, *, typical: bool
    ) -> Iterator[Told]:
        """What a reader would stumble over."""
        if proof.content is None:
            return
        shows = _must_show(self._project.brand, reading, reader)
        asks = reading.step.survey and "survey" not in self._unknown(reading.step)
        survey = reader.get("survey") if asks else None
        for problem in problems(
            proof.content, reading.words, hosts=self._hosts, shows=shows, survey=survey, typical=typical
        ):
            file = f"{self._folder(reading)}/{problem.file}"
            if problem.file not in proof.files:
                continue  # that it cannot be read was told
            if (pair := pair_of(problem)) in self.pale:
                self.pale_in[pair].add(message)
            elif problem.about == "shown":
                if (file, shows[problem.clue]) not in self._lacking(reading):
                    yield self._hidden(file, shows[problem.clue], problem, message)
            else:
                for fault in self._places.of_problem(file, problem, proof.values):
                    yield Told(fault, message, problem.message)

    def _unknown(self, step: SendStep) -> set[str]:
        """What a step carries and a faulty file does not tell: its offer, its survey."""
        known = self._project.configuration
        return {
            name
            for name, carried, all_known in (
                ("coupon", step.coupon, known.offers),
                ("survey", step.survey, known.surveys),
            )
            if carried is not None and carried not in all_known
        }

    def _lacking(self, reading: Reading) -> set[tuple[str, str]]:
        """What files of a message do not even speak of that they have to show, which is told elsewhere."""
        library = self._project.library
        return {
            (fault.file, value)
            for fault in library.marketing_faults(reading.campaign.campaign, reading.step.send, reading.words)
            for value in REQUIRED["body.mjml"]
            if value in fault.message
        }

    def _hidden(self, file: str, value: str, problem: Problem, message: Message) -> Told:
        """What some reader does not see: at its line, or at that which includes the part that says it."""
        line, part = self._places.of_value(file, value)
        told = Told(Fault(file, problem.message, line, remedy=problem.remedy), message, problem.message)
        if part is not None:
            self._hidden_in.setdefault((part, problem.file), []).append(told)
        return told

    def settled(self, found: list[Told]) -> Iterator[Told]:
        """What was found, and told of a part what every message that includes it hides."""
        moved: dict[Told, Origin] = {}
        for (part, name), told in self._hidden_in.items():
            including = {
                Message(one.campaign.campaign, one.step.send, one.locale)
                for one in readings(self._project)
                if one.is_marketing_mail and part.file in self._places.sources_of(self._folder(one), name)
            }
            if 1 < len(including) == len({one.message for one in told}):
                moved |= dict.fromkeys(told, part)
        for one in found:
            to = moved.get(one)
            yield one if to is None else replace(one, fault=replace(one.fault, file=to.file, line=to.line))

    def _folder(self, reading: Reading) -> str:
        return f"{self._settings.templates.name}/{reading.campaign.campaign}/{reading.step.send}/{reading.locale}"


def _must_show(brand: Brand, reading: Reading, reader: Context) -> dict[str, str]:
    """What every reader of a marketing mail has to find in it, and what templates call it."""
    if not reading.is_marketing_mail:
        return {}
    return {reader["links"]["unsubscribe"]: "links.unsubscribe", " ".join(brand.address.split()): "brand.address"}


def readers(project: Project, settings: Settings, reading: Reading, *, now: int) -> dict[str, Context]:
    """The made-up readers of one message, each with what its step gives along."""
    configuration, step, locale = project.configuration, reading.step, reading.locale
    made = personas(
        locale,
        brand=project.brand,
        currency=configuration.shop.base_currency,
        now=now,
        public_url=settings.public_url,
    )
    if step.channel not in TEAM:  # a customer is not sent to a page of the team's
        for context in made.values():
            del context["links"]["staff"]
    coupon = survey = None
    if step.coupon is not None:
        offer = configuration.offers.get(step.coupon)
        coupon = (
            sample_coupon("percent", locale, now=now)
            if offer is None
            else (
                sample_coupon(offer.kind, locale, now=now, code=sample_code(offer))
                | offer.gives(chain(locale, configuration.shop.default_locale))
            )
        )
    if step.survey is not None and step.survey in configuration.surveys:
        asked, locales = configuration.surveys[step.survey], chain(locale, configuration.shop.default_locale)
        words = wording(asked, locales, project.library.brand(locale))
        survey = sample_survey(step.survey, asked.marks, public_url=settings.public_url, words=words)
    elif step.survey is not None:
        survey = sample_survey(step.survey, range(1, 6), public_url=settings.public_url)
    return {name: carrying(context, coupon=coupon, survey=survey) for name, context in made.items()}


def link_hosts(brand: Brand, public_url: str) -> frozenset[str]:
    """Where links of messages may lead: the brand's own pages, ours, and what the brand lists beside them.

    Ours may be without encryption, until it is live.
    """
    ours = urlsplit(public_url)
    return hosts_of(brand) | {ours.netloc, f"{ours.scheme}://{ours.netloc}"}
