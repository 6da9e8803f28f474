"""Reads config/policy.yaml: what every campaign keeps to, and with it the legal hours of config/sms_hours.yaml."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from clm.domain.campaign import Length, Percent
from clm.domain.condition import Condition
from clm.domain.condition_parser import parse_condition
from clm.domain.content import ChannelName
from clm.domain.delivery import BlastRadius, Breaker, Canary, Delivery, Limits, Line, Provider, Route
from clm.domain.hours import ALWAYS, Hours, QuietHours, Week
from clm.domain.instant import DAY_MS
from clm.domain.language import ConditionError, Language
from clm.domain.nearest import nearest
from clm.domain.policy import Cap, Policy
from clm.errors import ConfigurationError, Fault
from clm.hours_file import load_hours
from clm.yaml_file import MISSING, NO_MAPPING, Loc, YamlFile

CAPS_MAX = 20
WINDOW_DAYS_MAX = 366

_NOTHING: Mapping[Loc, str] = {
    ("gaps",): "gaps: {}",
    ("caps",): "caps: []",
    ("quiet_hours",): "quiet_hours: {}",
    ("service_first",): "service_first: none",
    ("offers",): "offers: none",
    ("holdout",): "holdout: 0%",
    ("backlog",): "backlog: {entries: 1000000, within: 1d}",
    ("delivery",): "delivery: {routes: {}, breaker: none, canary: none, blast_radius: none, silence: 1d}",
    ("delivery", "routes"): "routes: {}",
    ("delivery", "breaker"): "breaker: none",
    ("delivery", "canary"): "canary: none",
    ("delivery", "blast_radius"): "blast_radius: none",
}
"""How each guard is left out on purpose; one that was only forgotten must not be."""

Channel = Literal["email", "sms"]
CARRIERS: Mapping[ChannelName, tuple[Provider, ...]] = {
    "email": ("sendgrid", "smtp", "outbox"),
    "sms": ("twilio", "outbox"),
    "staff": ("sendgrid", "smtp", "webhook", "outbox"),
    "webhook": ("webhook", "outbox"),
}
"""Who can carry which channel."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _or_none(value: Any) -> Any:
    return None if value == "none" else value


def _rate(value: Any) -> float:
    match = re.fullmatch(r"(\d{1,3}(?:\.\d+)?)\s*%", str(value))
    if match is None or not 0 < float(match[1]) <= 100:
        raise ValueError(f"`{value}` is not a rate; write 2% or 0.08%")
    return float(match[1]) / 100


def _not_too_long(value: int) -> int:
    if value > WINDOW_DAYS_MAX * DAY_MS:
        raise ValueError(f"is longer than {WINDOW_DAYS_MAX}d")
    return value


def _url(value: str) -> str:
    if not _URL.fullmatch(value):
        raise ValueError("is not a URL to post to; write https://program.example/path (http:// for this machine alone)")
    return value


Rate = Annotated[float, BeforeValidator(_rate)]
"""A share from 0 to 1, written as 0.08%."""
_Gap = Annotated[Length, Field(ge=0), AfterValidator(_not_too_long)]
_Window = Annotated[Length, Field(gt=0), AfterValidator(_not_too_long)]
_Prefix = Annotated[str, Field(pattern=r"^(default|\+[1-9][0-9]{0,6})$")]
_Price = Annotated[float, Field(ge=0, le=1_000_000)]
_URL = re.compile(
    r"(?:https://[^\s\"'<>@/?#]+|http://(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?)(?:[/?][^\s\"'<>#]*)?"
)


class CapRow(_Strict):
    """At most so many messages in any stretch of time."""

    channel: Literal["email", "sms", "any"]
    at_most: int = Field(ge=1, le=1_000)
    within: _Window


class ServiceRow(_Strict):
    """When service comes before promotions, and how often it is looked at again."""

    when: str
    look_again: _Window


class OffersRow(_Strict):
    """What must hold of whoever is made an offer."""

    need: str


class BacklogRow(_Strict):
    """The most that a full pass takes in of those who qualified before."""

    entries: int = Field(ge=1)
    within: _Window


class RouteRow(_Strict):
    """Who carries a channel, and how hard one process may press them."""

    by: Provider
    at_once: int = Field(ge=1, le=1_000)
    per_second: float | None = Field(default=None, ge=0.1, le=100_000)
    timeout_seconds: float = Field(default=10, gt=0, le=25)  # well below the lease of 30 s
    url: Annotated[str, Field(max_length=500), AfterValidator(_url)] | None = None
    price_per_segment: dict[_Prefix, _Price] = {}


class LineRow(_Strict):
    """When a rate is worth a warning, and when it stops the channel."""

    warn: Rate
    stop: Rate
    at_least: int = Field(ge=1)

    @model_validator(mode="after")
    def _warns_first(self) -> LineRow:
        if self.warn > self.stop:
            raise ValueError("`warn` is above `stop`, so that nobody would be warned; write the smaller rate as `warn`")
        return self


class BreakerRow(_Strict):
    """When a channel and sending domain stop by themselves."""

    within: _Window
    bounces: LineRow
    complaints: LineRow
    pause: _Window
    probe: int = Field(ge=1, le=100_000)


class CanaryRow(_Strict):
    """How many go first when a version of a campaign is live for the first time, and how long the others wait."""

    messages: int = Field(ge=1)
    wait: _Window


class BlastRow(_Strict):
    """When a send is so large that a person has to release it."""

    times: float = Field(ge=1)
    above: int = Field(ge=1)


class DeliveryRows(_Strict):
    """How messages leave."""

    routes: dict[ChannelName, RouteRow]
    breaker: Annotated[BreakerRow | None, BeforeValidator(_or_none)]
    canary: Annotated[CanaryRow | None, BeforeValidator(_or_none)]
    blast_radius: Annotated[BlastRow | None, BeforeValidator(_or_none)]
    silence: _Window


class PolicyFile(_Strict):
    """config/policy.yaml; every guard is named, so that none is missing by accident."""

    gaps: dict[Channel, _Gap]
    caps: list[CapRow] = Field(max_length=CAPS_MAX)
    quiet_hours: dict[Channel, QuietHours]
    service_first: Annotated[ServiceRow | None, BeforeValidator(_or_none)]
    offers: Annotated[OffersRow | None, BeforeValidator(_or_none)]
    holdout: Percent
    backlog: BacklogRow
    delivery: DeliveryRows


def load_policy(folder: Path, language: Language) -> Policy:
    """The policy under `folder`; raises ConfigurationError with every fault of policy.yaml and sms_hours.yaml.

    Nothing is taken for granted: a missing file, or a missing guard, is a fault.
    """
    faults: list[Fault] = []
    legal: dict[str, Week] = {}
    try:
        legal = load_hours(folder / "sms_hours.yaml")
    except ConfigurationError as error:
        faults += error.faults
    try:
        file = _file(folder / "policy.yaml")
        plan = _plan(file)
    except ConfigurationError as error:
        raise ConfigurationError([*error.faults, *faults]) from None
    faults += _route_faults(file, plan.delivery.routes)
    service = offers = None
    if plan.service_first is not None:
        service = _condition(file, ("service_first", "when"), plan.service_first.when, language, faults)
    if plan.offers is not None:
        offers = _condition(file, ("offers", "need"), plan.offers.need, language, faults)
    if faults:
        raise ConfigurationError(faults)
    hours: dict[str, Hours] = {channel: Hours(quiet.week) for channel, quiet in plan.quiet_hours.items()}
    if legal:
        hours["sms"] = Hours(hours["sms"].default if "sms" in hours else ALWAYS, legal)
    return Policy(
        zone=language.zone,
        gaps={str(channel): gap for channel, gap in plan.gaps.items()},
        caps=tuple(Cap(cap.channel, cap.at_most, cap.within) for cap in plan.caps),
        hours=hours,
        service_first=service,
        look_again=plan.service_first.look_again if plan.service_first is not None else DAY_MS,
        offers=offers,
        holdout=plan.holdout,
        backlog_entries=plan.backlog.entries,
        backlog_within_ms=plan.backlog.within,
        delivery=_delivery(plan.delivery),
    )


def _delivery(rows: DeliveryRows) -> Delivery:
    breaker, blast = rows.breaker, rows.blast_radius
    return Delivery(
        routes={
            channel: Route(
                by=row.by,
                limits=Limits(row.at_once, row.per_second, row.timeout_seconds),
                url=row.url,
                price_per_segment=row.price_per_segment,
            )
            for channel, row in rows.routes.items()
        },
        breaker=None
        if breaker is None
        else Breaker(
            within=breaker.within,
            bounces=Line(**breaker.bounces.model_dump()),
            complaints=Line(**breaker.complaints.model_dump()),
            pause=breaker.pause,
            probe=breaker.probe,
        ),
        canary=None if rows.canary is None else Canary(rows.canary.messages, rows.canary.wait),
        blast_radius=None if blast is None else BlastRadius(blast.times, blast.above),
        silence=rows.silence,
    )


def _file(path: Path) -> YamlFile:
    if not path.exists():
        remedy = "does not exist; copy the one that clm ships, and change what is to be otherwise"
        raise ConfigurationError([Fault(str(path), remedy)])
    return YamlFile(path)


def _plan(file: YamlFile) -> PolicyFile:
    try:
        return PolicyFile.model_validate(file.data)
    except ValidationError as error:
        faults = file.faults_of(error, PolicyFile)
    left_out = {str(file.fault(loc, said)): (loc, said) for loc in _NOTHING for said in (MISSING, NO_MAPPING)}
    raise ConfigurationError([_with_remedy(file, fault, left_out.get(str(fault))) for fault in faults])


def _with_remedy(file: YamlFile, fault: Fault, left_out: tuple[Loc, str] | None) -> Fault:
    """How a guard that is not there, or says nothing, is left out on purpose."""
    if left_out is None:
        return fault
    loc, said = left_out
    return file.fault(loc, f"{said}; write `{_NOTHING[loc]}` to do without")


def _route_faults(file: YamlFile, routes: Mapping[ChannelName, RouteRow]) -> list[Fault]:
    """What a route cannot be, for the channel that it is of."""
    faults = []
    for channel, route in routes.items():
        loc = ("delivery", "routes", channel)
        carriers = CARRIERS[channel]
        if route.by not in carriers:
            told = f"`{channel}` cannot go by {route.by}{nearest(route.by, carriers)} (by: {', '.join(carriers)})"
            faults.append(file.fault((*loc, "by"), told))
        if route.by == "webhook" and route.url is None:
            faults.append(file.fault((*loc, "url"), "is required where a route goes by webhook"))
        if route.by != "webhook" and route.url is not None:
            faults.append(
                file.fault((*loc, "url"), f"is read of a route by webhook alone, not by {route.by}; leave it out")
            )
        if route.price_per_segment and channel != "sms":
            faults.append(file.fault((*loc, "price_per_segment"), "is read of SMS alone; leave it out"))
    return faults


def _condition(file: YamlFile, loc: Loc, text: str, language: Language, faults: list[Fault]) -> Condition | None:
    try:
        return parse_condition(text, language)
    except ConditionError as error:
        faults.append(file.fault(loc, str(error), offset=error.offset))
        return None
