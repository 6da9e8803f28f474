"""What each campaign did in a stretch of time: entered, queued, sent, and refused with reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from clm.store import enrolments, messages
from clm.store.database import Database


@dataclass(slots=True)
class CampaignReport:
    """One campaign's figures; `ended` counts messages by status and reason, sent ones without a reason."""

    campaign: str
    entered: int = 0
    queued: int = 0
    ended: dict[str, dict[str, int]] = field(default_factory=dict)
    standing: dict[str, int] = field(default_factory=dict)
    """All messages there are, by the status they stand in."""

    @property
    def sent(self) -> int:
        """Messages handed over."""
        return sum(self.ended.get("sent", {}).values())

    @property
    def not_sent(self) -> dict[str, int]:
        """Messages that ended otherwise, by status and reason."""
        return {
            f"{status}: {reason}": count
            for status, reasons in self.ended.items()
            if status != "sent"
            for reason, count in reasons.items()
        }


def campaign_reports(database: Database, campaigns: Sequence[str], *, since: int, until: int) -> list[CampaignReport]:
    """Figures after `since`, up to and including `until`, for these campaigns and any other that did something."""
    reports = {campaign: CampaignReport(campaign) for campaign in campaigns}

    def of(campaign: str) -> CampaignReport:
        return reports.setdefault(campaign, CampaignReport(campaign))

    with database.read() as tx:
        for campaign, count in enrolments.entered_between(tx, since, until).items():
            of(campaign).entered = count
        for campaign, count in messages.queued_between(tx, since, until).items():
            of(campaign).queued = count
        for row in messages.ended_between(tx, since, until):
            of(row.campaign).ended.setdefault(row.status, {})[row.reason or ""] = row.messages
        for row in messages.standing_by_campaign(tx):
            of(row.campaign).standing[row.status] = row.messages
    return list(reports.values())


def markdown(reports: Sequence[CampaignReport], *, heading: str) -> str:
    """The reports as a Markdown table, with the reasons for what was not sent below it."""
    lines = [
        f"## {heading}",
        "",
        "| campaign | entered | queued | sent | not sent | sent so far | waiting |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for report in reports:
        figures = (
            report.entered,
            report.queued,
            report.sent,
            sum(report.not_sent.values()),
            report.standing.get("sent", 0),
            report.standing.get("queued", 0),
        )
        lines.append(f"| {report.campaign} | " + " | ".join(f"{figure:,}" for figure in figures) + " |")
    reasons = [(report.campaign, reason, count) for report in reports for reason, count in report.not_sent.items()]
    if reasons:
        lines += ["", "**Not sent, and why**", ""]
        lines += [f"- {campaign}: {count:,} × {reason}" for campaign, reason, count in reasons]
    return "\n".join(lines) + "\n"
