"""What marketers decide, read from config/ and checked whole: every fault of every file is told at once."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from babel.numbers import get_currency_precision
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from clm.domain.campaign import Campaign
from clm.domain.condition import Condition
from clm.domain.condition_parser import ConditionError, parse_condition
from clm.errors import ConfigurationError, Fault
from clm.yaml_file import Loc, YamlFile, read_yaml

CAMPAIGNS_MAX = 500


class ShopConfig(BaseModel):
    """config/clm.yaml: what holds for the whole company."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_currency: str = Field(pattern=r"^[A-Z]{3}$")
    rates: dict[str, Decimal] = Field(default_factory=dict)
    """How many units of the base currency one unit of another currency is worth."""
    default_locale: str = "en"

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

    def rules(self, campaign: Campaign) -> Rules:
        """The campaign's conditions as trees, amounts in minor units of the base currency."""
        per_major = self.shop.minor_per_major

        def parsed(text: str | None, scope: Literal["contact", "enrolment"]) -> Condition | None:
            return None if text is None else parse_condition(text, minor_per_major=per_major, scope=scope)

        return Rules(
            enter=parse_condition(campaign.enter.when, minor_per_major=per_major),
            unless=parsed(campaign.unless, "enrolment"),
            goal=parsed(campaign.goal.when if campaign.goal else None, "enrolment"),
        )


def load_configuration(folder: Path) -> Configuration:
    """Read clm.yaml and campaigns/*.yaml under `folder`; raises ConfigurationError listing every fault."""
    faults: list[Fault] = []
    shop: ShopConfig | None = None
    try:
        shop = read_yaml(folder / "clm.yaml", ShopConfig)
    except ConfigurationError as error:
        faults += error.faults
    campaigns: list[Campaign] = []
    paths = sorted((folder / "campaigns").glob("*.yaml"))
    if len(paths) > CAMPAIGNS_MAX:
        faults.append(Fault(str(folder / "campaigns"), f"holds more than {CAMPAIGNS_MAX} campaigns"))
    for path in paths[:CAMPAIGNS_MAX]:
        try:
            campaigns.append(_load_campaign(path))
        except ConfigurationError as error:
            faults += error.faults
    if faults or shop is None:
        raise ConfigurationError(faults)
    return Configuration(shop, tuple(campaigns))


def _load_campaign(path: Path) -> Campaign:
    file = YamlFile(path)
    faults: list[Fault] = []
    campaign: Campaign | None = None
    try:
        campaign = Campaign.model_validate(file.data)
    except ValidationError as error:
        faults += file.faults_of(error, Campaign)
    if campaign is not None and campaign.campaign != path.stem:
        faults.append(
            file.fault(("campaign",), f"is `{campaign.campaign}` but the file is {path.name}; they must be the same")
        )
    conditions: list[tuple[Loc, Literal["contact", "enrolment"]]] = [
        (("enter", "when"), "contact"),
        (("unless",), "enrolment"),
        (("goal", "when"), "enrolment"),
    ]
    for loc, scope in conditions:
        text = _text_at(file, loc)
        if text is None:
            continue
        try:
            parse_condition(text, scope=scope)
        except ConditionError as error:
            faults.append(file.fault(loc, str(error), offset=error.offset))
    if faults or campaign is None:
        raise ConfigurationError(faults)
    return campaign


def _text_at(file: YamlFile, loc: Loc) -> str | None:
    """The text at `loc`; None where there is none, which the model has complained of if there had to be one."""
    found: Any = file.data
    for key in loc:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, str) else None
