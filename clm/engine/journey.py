"""Journeys as people entered them: each stays on the version of the campaign file that took them in."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from pydantic import ValidationError

from clm.config import Configuration, Rules
from clm.domain.campaign import TODAYS, Campaign
from clm.domain.condition import Condition
from clm.domain.instant import DAY_MS
from clm.domain.language import ConditionError
from clm.domain.node import Hold, Program
from clm.domain.program import ProgramError, program
from clm.store import enrolments
from clm.store.database import Found, Transaction
from clm.store.flight import Flight

GOAL_OPEN_DAYS_MAX = 366
"""So long after entering, a goal reached by somebody who has been through all steps is still noted."""


@dataclass(frozen=True, slots=True)
class Journey:
    """One version of a campaign, with its steps laid out and its conditions parsed."""

    campaign: Campaign
    version: str
    rules: Rules
    program: Program
    conditions: Mapping[str, Condition]
    """Every condition of the campaign, by its text."""

    @property
    def flight(self) -> Flight:
        """Everybody who is on it."""
        return Flight(self.campaign.campaign, self.version)

    @property
    def looked_for(self) -> tuple[Condition, ...]:
        """What ends or lets go on a journey between steps: the goal, the exit rules, and what people are held for."""
        goal = () if self.rules.goal is None else (self.rules.goal,)
        holds = [node.when for node in self.program.nodes if isinstance(node, Hold)]
        return (*goal, *(self.conditions[text] for text in [*(rule.when for rule in self.campaign.exit), *holds]))


@dataclass(frozen=True, slots=True)
class Stranded:
    """A version that somebody is on and nobody can be taken along any more: a name it speaks of is gone."""

    flight: Flight
    program: Program | None
    """Its steps, where those at least can still be told."""


@dataclass(slots=True)
class Journeys:
    """All versions somebody may be on, read once each."""

    configuration: Configuration
    _read: dict[tuple[str, str], Journey | None] = field(default_factory=dict)

    def live(self) -> list[Campaign]:
        """The campaigns that take people in and send, most urgent first."""
        live = [campaign for campaign in self.configuration.all_campaigns if campaign.status == "live"]
        return sorted(live, key=lambda campaign: (-campaign.priority, campaign.campaign))

    def today(self, campaign: Campaign) -> Journey:
        """The version that today's file takes people in on."""
        return self._laid_out(campaign, campaign.version)

    def in_flight(self, tx: Transaction, campaign: Campaign, *, now: int) -> tuple[list[Journey], list[Stranded]]:
        """The versions of a live campaign that somebody is on: those that can be read, and those that no longer can."""
        rows = enrolments.versions_in_flight(tx, campaign.campaign, since=now - GOAL_OPEN_DAYS_MAX * DAY_MS)
        found = self._journeys(rows)
        today = self._live(campaign.campaign)
        stranded = [
            Stranded(Flight(row.campaign, row.version), program_then(row, today))
            for row in rows
            if today is not None and found[row.campaign, row.version] is None
        ]
        return [journey for journey in found.values() if journey is not None], stranded

    def _live(self, name: str) -> Campaign | None:
        return next((one for one in self.live() if one.campaign == name), None)

    def of(self, tx: Transaction, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], Journey | None]:
        """The versions named by (campaign, version); None for one that this clm cannot read any more."""
        return self._journeys(enrolments.versions(tx, keys))

    def _journeys(self, rows: Iterable[Found]) -> dict[tuple[str, str], Journey | None]:
        found = {}
        for row in rows:
            key = (row.campaign, row.version)
            if key not in self._read:
                self._read[key] = self._journey(row)
            found[key] = self._read[key]
        return found

    def _journey(self, row: Found) -> Journey | None:
        today = self._live(row.campaign)
        if today is None:
            return None
        try:
            return self._laid_out(_then(row, today), row.version)
        except (ValidationError, ConditionError, ProgramError):
            return None

    def _laid_out(self, campaign: Campaign, version: str) -> Journey:
        parse = self.configuration.parse
        conditions = {text: parse(text, scope) for _, text, scope in campaign.conditions()}
        return Journey(campaign, version, self.configuration.rules(campaign), program(campaign), conditions)


def _then(row: Found, today: Campaign) -> Campaign:
    """Title, status, priority and in_flight are always those of today's file; the rest is as it was."""
    return type(today).model_validate(json.loads(row.definition) | today.model_dump(include=TODAYS))


def program_then(row: Found, today: Campaign) -> Program | None:
    """A version's steps as they were; None where they cannot be read any more."""
    try:
        return program(_then(row, today))
    except (ValidationError, ProgramError):
        return None
