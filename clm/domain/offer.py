"""Offers: what a message gives along as a code, what a code may look like, and how long it holds."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Literal, get_args

from clm.domain.instant import SECOND_MS, from_ms, to_ms

OfferKind = Literal[
    "percent", "amount", "free_shipping", "gift", "points", "draw_entry", "priority_delivery", "early_access"
]
OFFER_KINDS: tuple[OfferKind, ...] = get_args(OfferKind)

CODE_ALPHABET = "23456789BCDFGHJKMNPQRSTVWXZ"
"""Of which generated codes are: nothing that is read for something else (0 O, 1 I L), nothing that makes words."""
CODE_LETTERS = 6
"""After the prefix: 27 to the 6th, 387 million codes of one prefix."""
CODE_CHARACTERS_MAX = 40
_CODE = re.compile(rf"[A-Z0-9][A-Z0-9_-]{{2,{CODE_CHARACTERS_MAX - 1}}}")


@dataclass(frozen=True, slots=True)
class Offer:
    """One offer of config/offers.yaml; of the values, the one of its kind is given."""

    name: str
    kind: OfferKind
    days: int
    """How many days a code holds after the day on which it was given."""
    prefix: str | None = None
    """Of codes that are made here; None where they come from a pool that the shop has filled."""
    uses: int = 1
    for_friends: bool = False
    """Whether it is there to be handed on: a friend's order is then an event of whoever was given the code."""
    warn_below: int = 0
    """Of a pool: with fewer codes left than this, people are told."""
    percent: int | None = None
    amount: int | None = None
    """Minor units of the base currency."""
    points: int | None = None
    gift: Mapping[str, str] = field(default_factory=dict)
    """What it is, by locale."""
    draw: Mapping[str, str] = field(default_factory=dict)
    """What is drawn for, by locale."""

    @property
    def pooled(self) -> bool:
        """Whether its codes come from a pool."""
        return self.prefix is None

    def gives(self, locales: Iterable[str]) -> dict[str, str | int]:
        """What templates are told of it; words are those of the first of `locales` that there are any in."""
        numbers = {"percent": self.percent, "amount": self.amount, "points": self.points}
        found: dict[str, str | int] = {"kind": self.kind}
        found |= {name: value for name, value in numbers.items() if value is not None}
        spoken = tuple(locales)
        for name, words in (("gift", self.gift), ("draw", self.draw)):
            if said := next((words[locale] for locale in spoken if locale in words), None):
                found[name] = said
        return found


def canonical(code: str) -> str:
    """The code as it is compared: in capitals, without blanks and the unseen marks that right-to-left text brings."""
    plain = unicodedata.normalize("NFKC", code)
    return "".join(each for each in plain if not each.isspace() and unicodedata.category(each) != "Cf").upper()


def code_of(prefix: str, letters: str) -> str:
    """A code that is made here; `letters` are CODE_LETTERS of CODE_ALPHABET."""
    return f"{prefix}-{letters}"


def is_code(text: str) -> bool:
    """Whether a canonical text can be a code: 3 to 40 letters, digits, hyphens and underscores."""
    return _CODE.fullmatch(text) is not None


@lru_cache(maxsize=4096)  # most of a run's messages are for the same offers and zones
def holds_until(given_at: int, days: int, zone: tzinfo) -> int:
    """The last second of a code: that of the day `days` after the one on which it is given, where its owner lives.

    A letter names a day, and whoever reads it takes that day to be theirs until midnight.
    """
    last_day = from_ms(given_at).astimezone(zone).date() + timedelta(days=days)
    return to_ms(datetime.combine(last_day + timedelta(days=1), time(), tzinfo=zone)) - SECOND_MS


@lru_cache(maxsize=4096)
def days_left(now: int, expires_at: int, zone: tzinfo) -> int:
    """How many days a letter of `now` may say that are left, where its reader lives; at least one."""
    last_day, today = (from_ms(at).astimezone(zone).date() for at in (expires_at, now))
    return max(1, (last_day - today).days)
