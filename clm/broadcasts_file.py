"""Reads config/broadcasts/: letters that go out once, each a file of its own."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from clm.domain.broadcast import Broadcast, WallTime, Where
from clm.domain.campaign import ARMS_MAX, WEIGHT_MAX, Condition, Goal, Lateness, Percent
from clm.domain.condition_parser import parse_condition
from clm.domain.duration import FROM_FILE
from clm.domain.instant import DAY_MS
from clm.domain.language import ConditionError, Language
from clm.domain.naming import Name
from clm.domain.nearest import nearest
from clm.errors import ConfigurationError, Fault
from clm.yaml_file import Loc, YamlFile

FOLDER = "broadcasts"
BROADCASTS_MAX = 200


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BroadcastArm(_Part):
    """One of the letters that lots are drawn between."""

    name: Name
    weight: int = Field(default=1, ge=1, le=WEIGHT_MAX)
    send: Name


class BroadcastFile(_Part):
    """One file of config/broadcasts/, as marketers write it."""

    broadcast: Name
    title: str
    topic: Name | None = None
    """What it is about (config/topics.yaml): who wants no word on it gets none."""
    to: Condition
    unless: Condition | None = None
    """Asked again when the letter is about to leave."""
    at: WallTime
    where: Where = "contact"
    within: Lateness = DAY_MS
    """How late it may leave."""
    channel: Literal["email", "sms"]
    send: Name | None = None
    """The words, templates/<broadcast>/<send>/."""
    split: list[BroadcastArm] | None = Field(default=None, min_length=2, max_length=ARMS_MAX)
    """Several letters instead of one, to tell which does better."""
    coupon: Name | None = None
    survey: Name | None = None
    priority: int = Field(default=50, ge=0, le=100)
    holdout: Percent = 0.0
    goal: Goal | None = None

    @model_validator(mode="after")
    def _one_letter_or_several(self) -> BroadcastFile:
        if (self.send is None) == (self.split is None):
            raise ValueError("sends one letter (`send: letter`) or draws lots between several (`split:`); write one")
        if self.split is not None:
            for each in ("name", "send"):
                found = [getattr(arm, each) for arm in self.split]
                if len(set(found)) < len(found):
                    raise ValueError(f"two arms of `split` have the same `{each}`; nobody could tell them apart")
        return self

    def campaign(self) -> Broadcast:
        """The campaign that it is."""
        return Broadcast.model_validate(
            {
                "campaign": self.broadcast,
                "title": self.title,
                "status": "live",
                "topic": self.topic,
                "priority": self.priority,
                "enter": {"when": self.to, "once_per": "contact"},
                "unless": self.unless,
                "goal": self.goal,
                "holdout": self.holdout,
                "at": self.at,
                "where": self.where,
                "steps": self._steps(),
            }
        )

    def _steps(self) -> list[dict[str, Any]]:
        if self.split is None:
            return [self._letter(self.send)]
        arms = [{"name": arm.name, "weight": arm.weight, "steps": [self._letter(arm.send)]} for arm in self.split]
        return [{"split": arms}]

    def _letter(self, send: str | None) -> dict[str, Any]:
        letter = {"send": send, "channel": self.channel, "within": self.within}
        return letter | {"coupon": self.coupon, "survey": self.survey}


@dataclass(frozen=True, slots=True)
class Known:
    """What broadcasts may name; None where its own file is faulty and told of already."""

    campaigns: Collection[str]
    offers: Collection[str] | None
    surveys: Collection[str] | None
    topics: Collection[str] | None


def load_broadcasts(config: Path, language: Language, known: Known) -> tuple[Broadcast, ...]:
    """The broadcasts under `config`; none where there is no such folder. Raises ConfigurationError with every fault."""
    folder = config / FOLDER
    paths = sorted(folder.glob("*.yaml"))
    faults: list[Fault] = []
    found: list[Broadcast] = []
    if len(paths) > BROADCASTS_MAX:
        faults.append(Fault(str(folder), f"holds more than {BROADCASTS_MAX} broadcasts; remove those long gone out"))
    for path in paths[:BROADCASTS_MAX]:
        try:
            found.append(_load(path, language, known))
        except ConfigurationError as error:
            faults += error.faults
    if faults:
        raise ConfigurationError(faults)
    return tuple(found)


def _load(path: Path, language: Language, known: Known) -> Broadcast:
    file = YamlFile(path)
    faults: list[Fault] = []
    read: BroadcastFile | None = None
    try:
        read = BroadcastFile.model_validate(file.data, context=FROM_FILE)
    except ValidationError as error:
        faults += file.faults_of(error, BroadcastFile)
    if read is not None:
        faults += [file.fault(loc, message) for loc, message in _names(path, read, known)]
        language = replace(language, steps=[step.send for step in read.campaign().sends])
    for loc, text, scope in _conditions(file.data):
        try:
            parse_condition(text, language, scope)
        except ConditionError as error:
            faults.append(file.fault(loc, str(error), offset=error.offset))
    if faults or read is None:
        raise ConfigurationError(faults)
    return read.campaign()


def _names(path: Path, read: BroadcastFile, known: Known) -> Iterator[tuple[Loc, str]]:
    """Names that are taken, or that nothing has."""
    if read.broadcast != path.stem:
        yield ("broadcast",), f"is `{read.broadcast}` but the file is {path.name}; they must be the same"
    if read.broadcast in known.campaigns:
        yield ("broadcast",), f"there is a campaign `{read.broadcast}` already; choose another name"
    for setting, name, names, place in (
        ("coupon", read.coupon, known.offers, "offer of config/offers.yaml"),
        ("survey", read.survey, known.surveys, "survey of config/surveys.yaml"),
        ("topic", read.topic, known.topics, "topic of config/topics.yaml"),
    ):
        if name is not None and names is not None and name not in names:
            told = f" (known: {', '.join(names)})" if names else " (there is none)"
            yield (setting,), f"`{name}` is no {place}{nearest(name, names)}{told}"


def _conditions(data: Mapping[str, Any]) -> Iterator[tuple[Loc, str, Literal["contact", "enrolment"]]]:
    goal = data.get("goal")
    found: tuple[tuple[Loc, Any, Literal["contact", "enrolment"]], ...] = (
        (("to",), data.get("to"), "contact"),
        (("unless",), data.get("unless"), "enrolment"),
        (("goal", "when"), goal.get("when") if isinstance(goal, Mapping) else None, "enrolment"),
    )
    yield from ((loc, text, scope) for loc, text, scope in found if isinstance(text, str))
