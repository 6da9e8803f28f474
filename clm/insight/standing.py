"""How each campaign stands: its file, who is on which version of it, and what became of those who entered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from clm.config import Configuration
from clm.domain.broadcast import Broadcast
from clm.domain.instant import iso
from clm.store import census, messages
from clm.store.database import Database

COUNTED = ("active", "completed", "exited", "held_out", "goals")


@dataclass(slots=True)
class Standing:
    """One campaign; counts are of enrolments, `messages` by status."""

    campaign: str
    title: str | None
    status: str
    """draft, live or paused, as the file says; removed where there is none any more."""
    priority: int | None
    version: str | None
    """Of today's file; whoever enters now is on it."""
    once: bool = False
    """A broadcast: nobody enters it by themselves."""
    backlog: bool = False
    """More people qualify than may enter at once; they follow by and by."""
    versions: list[dict[str, Any]] = field(default_factory=list)
    messages: dict[str, int] = field(default_factory=dict)

    def total(self, name: str) -> int:
        """A count over all versions."""
        return sum(int(version[name]) for version in self.versions)


def standing_of(database: Database, configuration: Configuration, campaign: str) -> Standing:
    """One campaign that there is a file of; nothing is read of the others."""
    return next(one for one in standings(database, configuration, campaign) if one.campaign == campaign)


def standings(database: Database, configuration: Configuration, alone: str | None = None) -> list[Standing]:
    """Every campaign there is a file of, most urgent first, then broadcasts; and those removed that people were in.

    With `alone` only that campaign is counted.
    """
    files = [(one, isinstance(one, Broadcast)) for one in configuration.all_campaigns]
    files.sort(key=lambda pair: (pair[1], -pair[0].priority, pair[0].campaign))
    found = {
        one.campaign: Standing(one.campaign, one.title, one.status, one.priority, one.version, once=once)
        for one, once in files
    }

    def of(campaign: str) -> Standing:
        return found.setdefault(campaign, Standing(campaign, None, "removed", None, None))

    with database.read() as tx:
        for row in census.enrolled(tx, alone):
            standing = of(row.campaign)
            counts = {name: getattr(row, name) for name in COUNTED}
            current = row.version == standing.version
            first = iso(row.first_entered_at)
            standing.versions.append({"version": row.version, "current": current, "first_entered_at": first, **counts})
        for row in messages.standing_by_campaign(tx, alone):
            of(row.campaign).messages[row.status] = row.messages
        for campaign in census.backlogs(tx):
            of(campaign).backlog = True
    return list(found.values())
