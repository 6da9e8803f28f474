"""What marketers decide, read from config/ and checked whole: every fault of every file is told at once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, TypeVar

from babel.numbers import get_currency_precision
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from clm.broadcasts_file import Known, load_broadcasts
from clm.domain.atlas import is_zone
from clm.domain.broadcast import Broadcast
from clm.domain.campaign import Campaign, SendStep, conditions_in, every_step
from clm.domain.condition import Condition
from clm.domain.condition_parser import parse_condition
from clm.domain.duration import FROM_FILE
from clm.domain.language import ConditionError, Language
from clm.domain.naming import Locale
from clm.domain.nearest import nearest
from clm.domain.offer import Offer
from clm.domain.policy import Policy
from clm.domain.program import program_faults
from clm.domain.stage import Stages
from clm.domain.survey import Survey
from clm.domain.wish import Topic
from clm.errors import ConfigurationError, Fault
from clm.help_file import HelpEntry, load_help
from clm.offers_file import load_offers
from clm.policy_file import load_policy
from clm.rfm_file import RfmRules, load_rfm
from clm.segments_file import ANY_SEGMENT, Segment, load_segments
from clm.stages_file import load_stages
from clm.surveys_file import load_surveys, unknown_surveys
from clm.topics_file import load_topics, unknown_topics
from clm.yaml_file import YamlFile, read_yaml

CAMPAIGNS_MAX = 500
Scope = Literal["contact", "enrolment"]
Part = TypeVar("Part")


class ShopConfig(BaseModel):
    """config/clm.yaml: what holds for the whole company."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_currency: str = Field(pattern=r"^[A-Z]{3}$")
    rates: dict[str, Decimal] = Field(default_factory=dict)
    """How many units of the base currency one unit of another currency is worth."""
    default_locale: str = "en"
    locales: tuple[Locale, ...] = ()
    """The languages that every message to contacts has to have; `clm check` tells what is missing."""
    time_zone: str = "UTC"
    """IANA zone of dates in conditions, and of contacts of whom no zone is known."""

    @field_validator("time_zone")
    @classmethod
    def _the_zone_is_known(cls, zone: str) -> str:
        if not is_zone(zone):
            raise ValueError(f"`{zone}` is not an IANA time zone; write Europe/London or UTC")
        return zone

    @property
    def spoken(self) -> tuple[str, ...]:
        """The default locale, and the others that every message has to be in."""
        return tuple(dict.fromkeys([self.default_locale, *self.locales]))

    @property
    def minor_per_major(self) -> int:
        """Minor units in one unit of the base currency: 100 pence in a pound, 1 yen in a yen."""
        return int(10 ** get_currency_precision(self.base_currency))


@dataclass(frozen=True, slots=True)
class Rules:
    """A campaign's conditions, parsed."""

    enter: Condition
    unless: Condition | None
    goal: Condition | None


@dataclass(frozen=True, slots=True)
class Configuration:
    """config/, read and checked."""

    shop: ShopConfig
    campaigns: tuple[Campaign, ...]
    segments: Mapping[str, Segment] = field(default_factory=dict)
    stages: Stages = field(default_factory=Stages)
    rfm: RfmRules = field(default_factory=RfmRules)
    policy: Policy = field(default_factory=Policy)
    offers: Mapping[str, Offer] = field(default_factory=dict)
    surveys: Mapping[str, Survey] = field(default_factory=dict)
    help: tuple[HelpEntry, ...] = ()
    topics: Mapping[str, Topic] = field(default_factory=dict)
    broadcasts: tuple[Broadcast, ...] = ()
    _parsed: dict[tuple[str, Scope], Condition] = field(default_factory=dict, compare=False, repr=False)
    """Reading a condition takes a millisecond or two, and every tick asks for each."""

    @property
    def all_campaigns(self) -> tuple[Campaign, ...]:
        """The campaigns, and the broadcasts, which are campaigns too."""
        return (*self.campaigns, *self.broadcasts)

    @property
    def language(self) -> Language:
        """What conditions may speak of."""
        return _language(self.shop, self.segments, self.stages, self.rfm)

    def parse(self, text: str, scope: Scope = "enrolment") -> Condition:
        """The tree of a condition; raises ConditionError, which can only be where names have changed since."""
        key = (text, scope)
        if key not in self._parsed:
            self._parsed[key] = parse_condition(text, self.language, scope)
        return self._parsed[key]

    def rules(self, campaign: Campaign) -> Rules:
        """The campaign's conditions as trees, amounts in minor units of the base currency."""
        return Rules(
            enter=self.parse(campaign.enter.when, "contact"),
            unless=None if campaign.unless is None else self.parse(campaign.unless),
            goal=None if campaign.goal is None else self.parse(campaign.goal.when),
        )


def load_configuration(folder: Path) -> Configuration:
    """Read everything under `folder`; raises ConfigurationError listing every fault of every file."""
    configuration, faults = look_at_configuration(folder)
    if faults or configuration is None:
        raise ConfigurationError(faults)
    return configuration


def look_at_configuration(folder: Path) -> tuple[Configuration | None, list[Fault]]:
    """As much of `folder` as is sound, and every fault of every file.

    What a faulty file would have said is not asked for: names of its groups, stages, segments, offers, surveys and
    topics are taken as they come, so that a campaign may name an offer or a survey that is not there. None where nobody
    knows the shop's money and languages.
    """
    faults: list[Fault] = []

    def part(read: Callable[[], Part]) -> Part | None:
        try:
            return read()
        except ConfigurationError as error:
            faults.extend(error.faults)
            return None

    told = part(lambda: read_yaml(folder / "clm.yaml", ShopConfig))
    shop = told or ShopConfig(base_currency="EUR")
    locales = shop.spoken if told else ()
    rfm = part(lambda: load_rfm(folder))
    stages, segments = _load_named(folder, shop, rfm, part)
    language = _language(shop, segments, stages, rfm)
    policy = part(lambda: load_policy(folder, language))
    offers = part(lambda: load_offers(folder, minor_per_major=shop.minor_per_major, locales=locales))
    surveys = part(lambda: load_surveys(folder, shop.locales))
    answers = part(lambda: load_help(folder))
    campaigns = _load_campaigns(folder / "campaigns", language, offers, faults)
    if surveys is not None:
        faults += unknown_surveys(folder / "campaigns", campaigns, surveys)
    topics = part(lambda: load_topics(folder, shop.locales))
    if topics is not None:
        faults += unknown_topics(folder / "campaigns", campaigns, topics)
    # Their names are taken, sound files or not.
    known = Known([path.stem for path in (folder / "campaigns").glob("*.yaml")], offers, surveys, topics)
    broadcasts = part(lambda: load_broadcasts(folder, language, known))
    if told is None:
        return None, faults
    return Configuration(
        shop, campaigns, segments or {}, stages or Stages(), rfm or RfmRules(), policy or Policy(), offers or {},
        surveys or {}, answers or (), topics or {}, broadcasts or (),
    ), faults  # fmt: skip


def _load_named(
    folder: Path,
    shop: ShopConfig,
    rfm: RfmRules | None,
    part: Callable[[Callable[[], Any]], Any],
) -> tuple[Stages | None, dict[str, Segment] | None]:
    """Stages and segments, each None where its file is faulty.

    Stages ask for segments, and segments for the names of stages: segments are read once without those names.
    """
    unchecked: dict[str, Segment] | None = None
    with contextlib.suppress(ConfigurationError):
        unchecked = load_segments(folder, _language(shop, {}, None, rfm))
    stages: Stages | None = part(lambda: load_stages(folder, _language(shop, unchecked, Stages(), rfm)))
    segments: dict[str, Segment] | None = part(lambda: load_segments(folder, _language(shop, {}, stages, rfm)))
    return stages, segments


def _language(
    shop: ShopConfig, segments: Mapping[str, Segment] | None, stages: Stages | None, rfm: RfmRules | None
) -> Language:
    """What conditions may speak of; names of a faulty file, which is None here, are not checked."""
    return Language(
        minor_per_major=shop.minor_per_major,
        zone=shop.time_zone,
        segments=ANY_SEGMENT if segments is None else {name: one.condition for name, one in segments.items()},
        groups=None if rfm is None else rfm.names,
        stages=None if stages is None else stages.names,
    )


def _load_campaigns(
    folder: Path, language: Language, offers: Mapping[str, Offer] | None, faults: list[Fault]
) -> tuple[Campaign, ...]:
    campaigns: list[Campaign] = []
    paths = sorted(folder.glob("*.yaml"))
    if len(paths) > CAMPAIGNS_MAX:
        faults.append(Fault(str(folder), f"holds more than {CAMPAIGNS_MAX} campaigns"))
    for path in paths[:CAMPAIGNS_MAX]:
        try:
            campaigns.append(_load_campaign(path, language, offers))
        except ConfigurationError as error:
            faults += error.faults
    return tuple(campaigns)


def _load_campaign(path: Path, language: Language, offers: Mapping[str, Offer] | None) -> Campaign:
    file = YamlFile(path)
    faults: list[Fault] = []
    campaign: Campaign | None = None
    try:
        campaign = Campaign.model_validate(file.data, context=FROM_FILE)
    except ValidationError as error:
        faults += file.faults_of(error, Campaign)
    if campaign is not None:
        if campaign.campaign != path.stem:
            message = f"is `{campaign.campaign}` but the file is {path.name}; they must be the same"
            faults.append(file.fault(("campaign",), message))
        faults += [file.fault(loc, message) for loc, message in program_faults(campaign)]
        if offers is not None:
            faults += _without_offer(file, campaign, offers)
        language = replace(language, steps=[step.send for step in campaign.sends])
    for loc, text, scope in conditions_in(file.data):
        try:
            parse_condition(text, language, scope)
        except ConditionError as error:
            faults.append(file.fault(loc, str(error), offset=error.offset))
    if faults or campaign is None:
        raise ConfigurationError(faults)
    return campaign


def _without_offer(file: YamlFile, campaign: Campaign, offers: Mapping[str, Offer]) -> list[Fault]:
    """Steps that carry an offer that config/offers.yaml does not know."""
    known = f" (known: {', '.join(offers)})" if offers else "; config/offers.yaml holds none"
    return [
        file.fault((*loc, "coupon"), f"`{step.coupon}` is no offer{nearest(step.coupon, offers)}{known}")
        for loc, step in every_step(campaign.steps)
        if isinstance(step, SendStep) and step.coupon is not None and step.coupon not in offers
    ]
