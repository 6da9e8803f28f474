"""How one campaign goes, step by step, as its page shows it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from clm.config import Configuration
from clm.domain.campaign import Campaign
from clm.domain.node import END, Program
from clm.domain.program import program
from clm.engine.journey import program_then
from clm.insight.standing import Standing, standing_of
from clm.store import enrolments, progress
from clm.store.database import Database, Found, Transaction

REASONS_MAX = 20


@dataclass(slots=True)
class StepFigures:
    """The messages of one step, by what became of them."""

    queued: int = 0
    sent: int = 0
    withheld: int = 0
    """Refused, rejected, expired or dead."""
    in_doubt: int = 0

    @property
    def told(self) -> str:
        """As the diagram says it; empty where there was nothing yet."""
        named = (("queued", self.queued), ("sent", self.sent), ("not sent", self.withheld), ("in doubt", self.in_doubt))
        return ", ".join(f"{count:,} {name}" for name, count in named if count)


@dataclass(slots=True)
class Progress:
    """One campaign's figures at one moment."""

    standing: Standing
    in_flight: dict[str, int] = field(default_factory=dict)
    """People by the key of the node they stand before; those on earlier versions where the step still is."""
    elsewhere: int = 0
    """People before steps that today's file does not have."""
    steps: dict[str, StepFigures] = field(default_factory=dict)
    """By the name of what is sent."""
    reasons: list[Found] = field(default_factory=list)

    def notes(self) -> Mapping[str, str]:
        """What the diagram says beside each step that sends."""
        return {key: told for key, figures in self.steps.items() if (told := figures.told)}


_WITHHELD = frozenset({"refused", "rejected", "expired", "dead"})


def progress_of(database: Database, configuration: Configuration, campaign: Campaign) -> Progress:
    """The figures of a campaign as they are committed now."""
    standing = standing_of(database, configuration, campaign.campaign)
    found = Progress(standing, steps={step.send: StepFigures() for step in campaign.sends})
    with database.read() as tx:
        counts = _by_key(tx, campaign)
        for row in progress.by_step(tx, campaign.campaign):
            _count(found.steps.setdefault(row.step, StepFigures()), row.status, row.messages)
        found.reasons = progress.reasons(tx, campaign.campaign, limit=REASONS_MAX)
    today = {_shown(node.key) for node in program(campaign).nodes}
    found.in_flight = {key: count for key, count in counts.items() if key in today}
    found.elsewhere = sum(counts.values()) - sum(found.in_flight.values())
    return found


def _by_key(tx: Transaction, campaign: Campaign) -> Counter[str]:
    rows = progress.in_flight(tx, campaign.campaign)
    keys = {(campaign.campaign, row.version) for row in rows}
    programs: dict[str, Program | None] = {
        row.version: program_then(row, campaign) for row in enrolments.versions(tx, keys)
    }
    counts: Counter[str] = Counter()
    for row in rows:
        laid_out = programs.get(row.version)
        known = laid_out is not None and row.position < len(laid_out.nodes)
        counts[_shown(laid_out.nodes[row.position].key) if laid_out and known else "?"] += row.people
    return counts


def _shown(key: str) -> str:
    """The step that a node belongs to: beginning to wait and being held are one."""
    return key if key == END else key.partition(":")[0]


def _count(figures: StepFigures, status: str, messages: int) -> None:
    if status == "sent":
        figures.sent += messages
    elif status in _WITHHELD:
        figures.withheld += messages
    elif status == "in_doubt":
        figures.in_doubt += messages
    else:
        figures.queued += messages
