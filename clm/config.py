"""What marketers decide, read from config/ and checked whole: every fault of every file is told at once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Literal, TypeVar

from babel.numbers import get_currency_precision
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from clm.domain.atlas import is_zone
from clm.domain.campaign import Campaign, conditions_in
from clm.domain.condition import Condition
from clm.domain.condition_parser import parse_condition
from clm.domain.language import ConditionError, Language
from clm.domain.policy import Policy
from clm.domain.program import program_faults
from clm.domain.stage import Stages
from clm.errors import ConfigurationError, Fault
from clm.policy_file import load_policy
from clm.rfm_file import RfmRules, load_rfm
from clm.segments_file import Segment, load_segments
from clm.stages_file import load_stages
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
    time_zone: str = "UTC"
    """IANA zone of dates in conditions, and of contacts of whom no zone is known."""

    @field_validator("time_zone")
    @classmethod
    def _the_zone_is_known(cls, zone: str) -> str:
        if not is_zone(zone):
            raise ValueError(f"`{zone}` is not an IANA time zone; write Europe/London or UTC")
        return zone

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
    _parsed: dict[tuple[str, Scope], Condition] = field(default_factory=dict, compare=False, repr=False)
    """Reading a condition takes a millisecond or two, and every tick asks for each."""

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
    faults: list[Fault] = []

    def part(read: Callable[[], Part], otherwise: Part) -> Part:
        try:
            return read()
        except ConfigurationError as error:
            faults.extend(error.faults)
            return otherwise

    shop = part(lambda: read_yaml(folder / "clm.yaml", ShopConfig), ShopConfig(base_currency="EUR"))
    rfm = part(lambda: load_rfm(folder), RfmRules())
    # Stages ask for segments, and segments for the names of stages: segments are read once without those names.
    unchecked: dict[str, Segment] = {}
    with contextlib.suppress(ConfigurationError):
        unchecked = load_segments(folder, replace(_language(shop, {}, Stages(), rfm), stages=None))
    stages = part(lambda: load_stages(folder, _language(shop, unchecked, Stages(), rfm)), Stages())
    none: dict[str, Segment] = {}
    segments = part(lambda: load_segments(folder, _language(shop, {}, stages, rfm)), none)
    language = _language(shop, segments, stages, rfm)
    policy = part(lambda: load_policy(folder, language), Policy())
    campaigns = _load_campaigns(folder / "campaigns", language, faults)
    if faults:
        raise ConfigurationError(faults)
    return Configuration(shop, campaigns, segments, stages, rfm, policy)


def _language(shop: ShopConfig, segments: Mapping[str, Segment], stages: Stages, rfm: RfmRules) -> Language:
    return Language(
        minor_per_major=shop.minor_per_major,
        zone=shop.time_zone,
        segments={name: segment.condition for name, segment in segments.items()},
        groups=rfm.names,
        stages=stages.names,
    )


def _load_campaigns(folder: Path, language: Language, faults: list[Fault]) -> tuple[Campaign, ...]:
    campaigns: list[Campaign] = []
    paths = sorted(folder.glob("*.yaml"))
    if len(paths) > CAMPAIGNS_MAX:
        faults.append(Fault(str(folder), f"holds more than {CAMPAIGNS_MAX} campaigns"))
    for path in paths[:CAMPAIGNS_MAX]:
        try:
            campaigns.append(_load_campaign(path, language))
        except ConfigurationError as error:
            faults += error.faults
    return tuple(campaigns)


def _load_campaign(path: Path, language: Language) -> Campaign:
    file = YamlFile(path)
    faults: list[Fault] = []
    campaign: Campaign | None = None
    try:
        campaign = Campaign.model_validate(file.data)
    except ValidationError as error:
        faults += file.faults_of(error, Campaign)
    if campaign is not None:
        if campaign.campaign != path.stem:
            message = f"is `{campaign.campaign}` but the file is {path.name}; they must be the same"
            faults.append(file.fault(("campaign",), message))
        faults += [file.fault(loc, message) for loc, message in program_faults(campaign)]
        language = replace(language, steps=[step.send for step in campaign.sends])
    for loc, text, scope in conditions_in(file.data):
        try:
            parse_condition(text, language, scope)
        except ConditionError as error:
            faults.append(file.fault(loc, str(error), offset=error.offset))
    if faults or campaign is None:
        raise ConfigurationError(faults)
    return campaign
