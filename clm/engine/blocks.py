"""What letters say of products, points, other customers and what people ask, as names of clm.content.context.

Only what the words of a batch speak of is looked up (clm.engine.known); where nothing of it is, nothing is asked.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

from clm.content.library import TemplateLibrary
from clm.content.locale import chain
from clm.domain.content import ChannelName
from clm.domain.survey import Survey
from clm.engine.best_sold import BestSold
from clm.engine.cart import Cart
from clm.engine.known import OF_ANSWERS, OF_BOUGHT, OF_CART, OF_LAST_ORDER, Known, look_up
from clm.engine.low_mark import low_marks
from clm.engine.shelf import Key, Shelf
from clm.help_file import HelpEntry
from clm.store.database import Found, Transaction
from clm.store.orders import BoughtLine

LINES_MAX = 5
"""Products of the last order, or of a basket, that a letter names."""
HELP_MAX = 3
BLOCKS = (
    *(*OF_LAST_ORDER, *OF_BOUGHT, OF_CART, "products.best_sellers"),
    *("viewed.category", "points", "proof", OF_ANSWERS),
)

Said = TypeVar("Said")


def may_lead_to(url: str, hosts: frozenset[str]) -> bool:
    """Whether a letter may lead to an address."""
    parts = urlsplit(url)
    return parts.netloc.lower() in hosts or parts.hostname in hosts


def needs(names: frozenset[str], block: str) -> bool:
    """Whether words that use `names` need a block: it, the whole that it belongs to, or a part of it."""
    whole = block.partition(".")[0]
    return block in names or whole in names or any(name.startswith(f"{block}.") for name in names)


@dataclass(frozen=True, slots=True)
class Blocks:
    """Finds what the words of leased messages speak of, for one instant."""

    library: TemplateLibrary
    help: Sequence[HelpEntry]
    hosts: frozenset[str]
    """Sites that letters may lead to (`link_hosts` in config/brand.yaml)."""
    now: int
    best: BestSold = field(default_factory=BestSold)
    surveys: Mapping[str, Survey] = field(default_factory=dict)

    def of(self, tx: Transaction, rows: Sequence[Found]) -> dict[int, dict[str, Any]]:
        """The blocks of each message, in the language of its words; what is empty is left out.

        A row is a leased message with `id`, `contact_id`, `campaign`, `step`, `channel`, and the contact's `locale` and
        `source`.
        """
        wanted = self._wanted(rows)
        known = look_up(tx, wanted, self.best, self.now)
        tongues: dict[tuple[str, ...], _Tongue] = {}
        reading: dict[tuple[str, str, ChannelName, str | None], _Tongue] = {}
        found: dict[int, dict[str, Any]] = {}
        for block, theirs in wanted.items():
            whole, _, part = block.partition(".")
            for row in theirs:
                reader = row.campaign, row.step, row.channel, row.locale
                if reader not in reading:
                    locales = chain(self.library.reading_locale(*reader), "")
                    reading[reader] = tongues.setdefault(locales, _Tongue(known.shelf, locales, self.hosts))
                if said := self._said(block, row, known, reading[reader]):
                    own = found.setdefault(row.id, {})
                    if part:
                        own.setdefault(whole, {})[part] = said
                    else:
                        own[whole] = said
        return found

    def _wanted(self, rows: Sequence[Found]) -> dict[str, list[Found]]:
        """The messages whose words speak of each block."""
        blocks: dict[tuple[str, str, ChannelName], list[str]] = {}
        wanted: dict[str, list[Found]] = {}
        for row in rows:
            step = row.campaign, row.step, row.channel
            if step not in blocks:
                names = self.library.speaks_of(*step)
                blocks[step] = [block for block in BLOCKS if needs(names, block)]
            for block in blocks[step]:
                wanted.setdefault(block, []).append(row)
        return wanted

    def _said(self, block: str, row: Found, known: Known, tongue: _Tongue) -> Any:
        lines = known.lines.get(row.contact_id, ())
        match block:
            case "proof":
                return known.proof
            case "points":
                return tongue.points(known.points.get(row.contact_id, {}))
            case "help":
                return tongue.answers(self.help, lines)
            case "last_order.products":
                return [said for line in lines if (said := tongue.line(line))][:LINES_MAX]
            case "viewed.category":
                return tongue.category(known.favourites.get(row.contact_id))
            case "products.cart":
                return self._cart(row, known, tongue)
            case "low_marks":
                given, locales = known.answers.get(row.contact_id, ()), tongue.locales
                brand = self.library.brand(locales[0])
                return low_marks(given, self.surveys, until=row.entered_at, locales=locales, brand=brand)
        return [tongue.ware(key) for key in known.keys(block, row, self.now)]

    def _cart(self, row: Found, known: Known, tongue: _Tongue) -> list[dict[str, Any]]:
        """What is left in their basket; nothing of what they have ordered since."""
        left = known.carts.get(row.contact_id)
        if left is None:
            return []
        bought = known.bought.get(row.contact_id, ())
        had = {(one.source, one.product_id) for one in bought if one.last_at >= left.at}
        ordered_at = row.fact_last_order_at
        if not had and ordered_at is not None and ordered_at >= left.at:
            return []  # an order that does not say of what may have been of all of it
        return tongue.cart(left, had)


@dataclass(frozen=True, slots=True)
class _Tongue:
    """Tells of what was looked up in one language, and where there are no words in it in the shop's own."""

    shelf: Shelf
    locales: tuple[str, ...]
    hosts: frozenset[str]
    _told: dict[Key, dict[str, Any]] = field(default_factory=dict)
    """A batch speaks of the same few products again and again."""

    def ware(self, key: Key) -> dict[str, Any]:
        """A product as letters show it."""
        if key not in self._told:
            ware = self.shelf.wares[key]
            names, categories = ware.in_languages()
            self._told[key] = {
                "id": ware.product_id,
                "name": self._first(names) or ware.name,
                "category": self._first(categories) or ware.category,
                "price": ware.price,
                # A page elsewhere is not led to: the template's own link stands in for it.
                "url": ware.url if ware.url and may_lead_to(ware.url, self.hosts) else None,
                "image_url": ware.image_url,
                "buyers": ware.buyers_90d,
            }
        return self._told[key]

    def line(self, line: BoughtLine) -> dict[str, Any] | None:
        """A product of an order, as its feed tells it or else as the order named it; None where neither names it."""
        key = line.source, line.product_id
        if key in self.shelf.wares:
            return {**self.ware(key), "quantity": line.quantity, "available": self.shelf.wares[key].available}
        if not line.name:
            return None
        return {"id": line.product_id, "name": line.name, "category": line.category, "quantity": line.quantity}

    def cart(self, left: Cart, had: Collection[Key]) -> list[dict[str, Any]]:
        """The products of a basket, as the feed tells them or else as its event named them; none that is gone."""
        found = []
        for item in left.items:
            key = left.source, item.product_id
            ware = self.shelf.wares.get(key)
            if key in had or (ware is None and item.name is None) or (ware is not None and not ware.available):
                continue
            said = {"id": item.product_id, "name": item.name} if ware is None else self.ware(key)
            found.append({**said, "quantity": item.quantity})
        return found[:LINES_MAX]

    def category(self, favourite: tuple[str, str] | None) -> str | None:
        """A category, as its first product names it."""
        if favourite is None:
            return None
        first = next(iter(self.shelf.best_of.get(favourite, ())), None)
        return favourite[1] if first is None else self.ware(first)["category"]

    def points(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Somebody's points as their shop tells them, each number where it is one."""
        found: dict[str, Any] = {}
        for name in ("balance", "to_next"):
            with contextlib.suppress(KeyError, TypeError, ValueError, OverflowError):
                found[name] = int(float(told[name]))  # of a CSV file everything is text
        tiers = {name.removeprefix("tier."): tier for name, tier in told.items() if name.startswith("tier.")}
        tier = self._first(tiers) or told.get("tier")
        return found | ({"tier": tier} if isinstance(tier, str) else {})

    def answers(self, entries: Sequence[HelpEntry], lines: Sequence[BoughtLine]) -> list[dict[str, Any]]:
        """What people ask of what was bought last, the most particular first; never in another tongue."""
        bought = {line.product_id for line in lines}
        categories = {category for line in lines if (category := self._category_of(line))}
        fits = [(fit, entry) for entry in entries if lines and (fit := entry.fit(bought, categories))]
        fits.sort(key=lambda one: -one[0])
        answers = [(words, entry.url) for _, entry in fits if (words := self._first(entry.words))]
        return [{"question": words[0], "answer": words[1], "url": url} for words, url in answers[:HELP_MAX]]

    def _category_of(self, line: BoughtLine) -> str | None:
        """In the shop's own language, as config/help.yaml names it."""
        ware = self.shelf.wares.get((line.source, line.product_id))
        return line.category if ware is None or ware.category is None else ware.category

    def _first(self, texts: Mapping[str, Said]) -> Said | None:
        """The text in the first of the locales that there is one in."""
        return next((texts[locale] for locale in self.locales if locale in texts), None)
