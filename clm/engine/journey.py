"""Journeys as people entered them: each stays on the version of the campaign file that took them in."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from clm.config import Configuration, Rules
from clm.domain.campaign import Campaign
from clm.store import enrolments
from clm.store.database import Transaction


@dataclass(frozen=True, slots=True)
class Journey:
    """One version of a campaign, with its conditions parsed."""

    campaign: Campaign
    version: str
    rules: Rules


@dataclass(slots=True)
class Journeys:
    """All versions somebody may be on, read once each."""

    configuration: Configuration
    _known: dict[tuple[str, str], Journey] = field(default_factory=dict)

    def live(self) -> list[Campaign]:
        """The campaigns that take people in and send, most urgent first."""
        live = [campaign for campaign in self.configuration.campaigns if campaign.status == "live"]
        return sorted(live, key=lambda campaign: (-campaign.priority, campaign.campaign))

    def versions(self, tx: Transaction, campaign: Campaign) -> list[Journey]:
        """Every version of a live campaign; title, status and priority are always those of today's file."""
        journeys = []
        for version, definition in enrolments.versions_in_flight(tx, campaign.campaign):
            key = (campaign.campaign, version)
            if key not in self._known:
                kept = json.loads(definition) | campaign.model_dump(include={"title", "status", "priority"})
                then = Campaign.model_validate(kept)
                self._known[key] = Journey(then, version, self.configuration.rules(then))
            journeys.append(self._known[key])
        return journeys

    def known(self, tx: Transaction) -> dict[tuple[str, str], Journey]:
        """Every version of every live campaign, by campaign and version."""
        return {
            (journey.campaign.campaign, journey.version): journey
            for campaign in self.live()
            for journey in self.versions(tx, campaign)
        }
