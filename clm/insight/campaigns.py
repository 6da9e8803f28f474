"""What each campaign did in a stretch of time: entered, queued, sent, and refused with reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from clm.store import enrolments, messages
from clm.store.database import Database


@dataclass(slots=True)
class CampaignReport:
    """One campaign's figures; `ended` counts messages by status and reason; sent ones have none, unless they lapsed."""

    campaign: str
    entered: int = 0
    held_out: int = 0
    """Of those who entered: enrolled and counted, and sent nothing."""
    queued: int = 0
    ended: dict[str, dict[str, int]] = field(default_factory=dict)
    standing: dict[str, int] = field(default_factory=dict)
    """All messages there are, by the status they stand in."""
    waiting_for: dict[str, int] = field(default_factory=dict)
    """Queued messages that have been put off, by what for."""

    @property
    def sent(self) -> int:
        """Messages handed over; one that its provider let lapse is not among them."""
        return self.ended.get("sent", {}).get("", 0)

    @property
    def not_sent(self) -> dict[str, int]:
        """Messages that ended otherwise, by status and reason."""
        return {
            f"{status}: {reason}": count
            for status, reasons in self.ended.items()
            for reason, count in reasons.items()
            if (status, reason) != ("sent", "")
        }


def campaign_reports(database: Database, campaigns: Sequence[str], *, since: int, until: int) -> list[CampaignReport]:
    """Figures after `since`, up to and including `until`, for these campaigns and any other that did something."""
    reports = {campaign: CampaignReport(campaign) for campaign in campaigns}

    def of(campaign: str) -> CampaignReport:
        return reports.setdefault(campaign, CampaignReport(campaign))

    with database.read() as tx:
        for row in enrolments.entered_between(tx, since, until):
            of(row.campaign).entered, of(row.campaign).held_out = row.entered, row.held_out
        for campaign, count in messages.queued_between(tx, since, until).items():
            of(campaign).queued = count
        for row in messages.ended_between(tx, since, until):
            of(row.campaign).ended.setdefault(row.status, {})[row.reason or ""] = row.messages
        for row in messages.standing_by_campaign(tx):
            of(row.campaign).standing[row.status] = row.messages
        for row in messages.waiting_for(tx):
            of(row.campaign).waiting_for[row.reason] = row.messages
    return list(reports.values())


def markdown(reports: Sequence[CampaignReport], *, heading: str) -> str:
    """The reports as a Markdown table, with the reasons for what was not sent below it."""
    lines = [
        f"## {heading}",
        "",
        "| campaign | entered | held out | queued | sent | not sent | sent so far | waiting |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for report in reports:
        figures = (
            report.entered,
            report.held_out,
            report.queued,
            report.sent,
            sum(report.not_sent.values()),
            report.standing.get("sent", 0),
            report.standing.get("queued", 0),
        )
        lines.append(f"| {report.campaign} | " + " | ".join(f"{figure:,}" for figure in figures) + " |")
    lines += _listed("Not sent, and why", {report.campaign: report.not_sent for report in reports})
    lines += _listed("Waiting, and for what", {report.campaign: report.waiting_for for report in reports})
    return "\n".join(lines) + "\n"


def _listed(title: str, reasons: Mapping[str, Mapping[str, int]]) -> list[str]:
    """A bold title and a line for each campaign and reason; nothing where there are none."""
    rows = [(campaign, reason, count) for campaign, counts in reasons.items() for reason, count in counts.items()]
    found = [f"- {campaign}: {count:,} × {reason}" for campaign, reason, count in rows]
    return ["", f"**{title}**", "", *found] if found else []
