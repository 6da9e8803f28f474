"""Makes the words of leased messages, each from what is known of its contact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from clm.content.library import TemplateLibrary
from clm.content.links import Links
from clm.domain.content import Content
from clm.domain.fact import FACTS
from clm.domain.instant import from_ms
from clm.engine import authorisation
from clm.engine.handover import Batch, Leased
from clm.errors import RenderError
from clm.faults import FaultPoint, reach
from clm.store import orders
from clm.store.database import Found, Transaction

PRODUCTS_MAX = 5
_TIMES = frozenset(name for name, fact in FACTS.items() if fact.type == "time")


@dataclass(frozen=True, slots=True)
class Writer:
    """Everything words are made with."""

    library: TemplateLibrary
    links: Links
    currency: str
    now: int

    def write(self, leased: Leased) -> Batch:
        """The words of each message; one whose words cannot be made is kept with the reason."""
        contents: dict[int, Content] = {}
        stopped: dict[int, str] = {}
        for row in leased.rows:
            reach(FaultPoint.RENDERING)
            context = self._context(row, leased.products.get(row.contact_id, ()))
            try:
                contents[row.id] = self.library.render(row.campaign, row.step, row.channel, row.locale, context)
            except RenderError as error:
                stopped[row.id] = str(error)
        reach(FaultPoint.RENDERED)
        waiting = [(row.id, row.contact_id) for row in leased.rows]
        return Batch(leased.token, leased.journeys, leased.asked, contents, stopped, waiting)

    def _context(self, row: Found, products: Sequence[Mapping[str, object]]) -> dict[str, Any]:
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
            "last_order": {
                "id": facts.get("last_order_id"),
                "ordered_at": facts.get("last_order_at"),
                "products": list(products) or None,
            },
            "currency": self.currency,
            "links": {
                "unsubscribe": self.links.unsubscribe(row.contact_id),
                "preferences": self.links.preferences(row.contact_id),
            },
            "now": from_ms(self.now),
        }


def products_of(tx: Transaction, rows: Sequence[Found]) -> dict[int, list[dict[str, Any]]]:
    """What each contact bought last, dearest first, at most PRODUCTS_MAX."""
    found: dict[int, list[dict[str, Any]]] = {}
    for line in orders.last_order_lines(tx, {row.contact_id for row in rows}):
        bought = found.setdefault(line.contact_id, [])
        if line.name and len(bought) < PRODUCTS_MAX:
            bought.append({"name": line.name, "category": line.category, "quantity": line.quantity})
    return found
