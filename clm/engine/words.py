"""Makes the words of leased messages, each from what is known of its contact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from clm.content.library import TemplateLibrary
from clm.content.links import Links
from clm.content.locale import chain
from clm.domain.content import TEAM, Content
from clm.domain.fact import FACTS
from clm.domain.instant import from_ms
from clm.domain.survey import Survey
from clm.engine import authorisation
from clm.engine.handover import Batch, Leased
from clm.engine.journey import Journey
from clm.engine.surveys import wording
from clm.errors import RenderError
from clm.faults import FaultPoint, reach
from clm.store.database import Found

_TIMES = frozenset(name for name, fact in FACTS.items() if fact.type == "time")


@dataclass(frozen=True, slots=True)
class Writer:
    """Everything words are made with."""

    library: TemplateLibrary
    links: Links
    currency: str
    now: int
    surveys: Mapping[str, Survey] = field(default_factory=dict)

    def write(self, leased: Leased) -> Batch:
        """The words of each message; one whose words cannot be made is kept with the reason."""
        contents: dict[int, Content] = {}
        stopped: dict[int, str] = dict(leased.codes.unknown)
        wordless = stopped.keys() | leased.codes.lacking.keys() | leased.codes.awaited
        for row in leased.rows:
            if row.id in wordless:
                continue
            reach(FaultPoint.RENDERING)
            context = self._context(row, leased.material.of(row))
            context["survey"] = self._survey(row, leased.journeys.get((row.campaign, row.version)))
            try:
                contents[row.id] = self.library.render(row.campaign, row.step, row.channel, row.locale, context)
            except RenderError as error:
                stopped[row.id] = str(error)
        reach(FaultPoint.RENDERED)
        waiting = [(row.id, row.contact_id) for row in leased.rows]
        return Batch(leased.token, leased.journeys, leased.asked, contents, stopped, waiting, leased.codes)

    def _survey(self, row: Found, journey: Journey | None) -> dict[str, Any] | None:
        """The survey that the message's step asks for, with a link that chooses each mark; None where it asks none."""
        steps = journey.campaign.sends if journey is not None else []
        name = next((step.survey for step in steps if step.send == row.step), None)
        if name is None or name not in self.surveys:
            return None
        survey = self.surveys[name]
        locale = self.library.reading_locale(row.campaign, row.step, row.channel, row.locale)
        return {
            "name": name,
            "url": self.links.survey(row.id),
            "scores": [{"value": mark, "url": self.links.survey(row.id, mark)} for mark in survey.marks],
            **wording(survey, chain(locale, ""), self.library.brand(locale)),
        }

    def _context(self, row: Found, material: Mapping[str, Any]) -> dict[str, Any]:
        """Everything a template may speak of, as plain values; what is not known is left out by the library."""
        facts = authorisation.contact_facts(row)
        for name in _TIMES & facts.keys():
            facts[name] = from_ms(facts[name])
        return {
            "contact": {
                "id": row.external_id,
                "first_name": row.first_name,
                "last_name": row.last_name,
                "country": row.country,
                "locale": row.locale,
            },
            "facts": facts,
            **material,
            "last_order": {
                "id": facts.get("last_order_id"),
                "ordered_at": facts.get("last_order_at"),
                **material.get("last_order", {}),
            },
            "currency": self.currency,
            "links": {
                "unsubscribe": self.links.unsubscribe(row.contact_id),
                "preferences": self.links.preferences(row.contact_id),
                "referral": self.links.referral(row.contact_id),
                "confirm": self.links.confirm(row.contact_id, row.email or ""),
                "staff": self.links.staff(row.contact_id) if row.channel in TEAM else None,
            },
            "zone": row.home_zone,
            "now": from_ms(self.now),
        }
