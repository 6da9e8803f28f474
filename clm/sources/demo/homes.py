"""Where the demo shop's customers live, and when they were born.

Drawn with dice of its own, after everything else: who the customers are, what they order and when stays what it was
before the shop asked for postcodes. Of those who signed up from Britain, one in six lives elsewhere: in the United
States, Australia, India or Ireland; their orders keep the hours of London. Postcodes begin like those of real towns
and end as the dice say.

Americans have numbers of the block 555-0100 to 555-0199 of their area code, which the numbering plan keeps free for
fiction; whoever lives elsewhere has kept the British number of the sign-up.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from clm.domain.instant import from_ms

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from clm.sources.demo.people import Person

_ABROAD = 0.17  # of those who signed up from Britain; the market stall's customers are Londoners
_POSTCODE_TOLD = {"IR": 0.4, "AE": 0.0}  # nine in ten elsewhere; the Emirates have none
_ZONE_UNTOLD = 0.12
_BIRTHDAY_TOLD = 0.45
_AGE_YOUNGEST, _AGE_OLDEST = 18, 88
_FICTION_FIRST, _FICTION_COUNT = 100, 100  # 555-0100 to 555-0199
_INWARD = "ABDEFGHJLNPQRSTUWXYZ"  # the letters that end British postcodes


class Town(NamedTuple):
    """A place where customers live: how its postcodes begin, its zone, its area code in America."""

    country: str
    postcode: str  # `#` is a digit, `@` a letter that British postcodes end in
    zone: str
    area_code: str | None = None


_ELSEWHERE: tuple[tuple[float, Town], ...] = (
    (8, Town("US", "100##", "America/New_York", "212")),
    (4, Town("US", "0213#", "America/New_York", "617")),
    (4, Town("US", "3313#", "America/New_York", "305")),
    (3, Town("US", "0610#", "America/New_York", "860")),
    (4, Town("US", "6061#", "America/Chicago", "312")),
    (4, Town("US", "787##", "America/Chicago", "512")),
    (2, Town("US", "8020#", "America/Denver", "303")),
    (2, Town("US", "8500#", "America/Phoenix", "602")),
    (6, Town("US", "941##", "America/Los_Angeles", "415")),
    (3, Town("US", "981##", "America/Los_Angeles", "206")),
    (1, Town("US", "968##", "Pacific/Honolulu", "808")),
    (6, Town("AU", "20##", "Australia/Sydney")),
    (5, Town("AU", "30##", "Australia/Melbourne")),
    (3, Town("AU", "40##", "Australia/Brisbane")),
    (2, Town("AU", "50##", "Australia/Adelaide")),
    (2, Town("AU", "60##", "Australia/Perth")),
    (6, Town("IN", "4000##", "Asia/Kolkata")),
    (5, Town("IN", "5600##", "Asia/Kolkata")),
    (7, Town("IE", "D0# ####", "Europe/Dublin")),
)
_BRITISH = (
    "E8", "E17", "N1", "N16", "NW5", "SE15", "SE22", "SW2", "SW11", "W6", "BN1", "BS6", "CB1", "CF11", "EH6", "G12",
    "L8", "LS6", "M21", "NE2", "NG7", "OX4", "S11", "BT9",
)  # fmt: skip
_TOWNS: dict[tuple[str, str], tuple[str, ...]] = {  # by country and zone
    ("GB", "Europe/London"): tuple(f"{district} #@@" for district in _BRITISH),
    ("IR", "Asia/Tehran"): ("15###-#####", "81###-#####", "71###-#####"),
    ("TH", "Asia/Bangkok"): ("101#0", "50###", "83###"),
    ("RU", "Europe/Moscow"): ("1010##", "1251##", "1900##"),
    ("RU", "Asia/Yekaterinburg"): ("6200##",),
    ("RU", "Asia/Novosibirsk"): ("6300##",),
    ("RU", "Europe/Samara"): ("4430##",),
    ("RU", "Asia/Krasnoyarsk"): ("6600##",),
    ("RU", "Asia/Vladivostok"): ("6900##",),
    ("RU", "Europe/Kaliningrad"): ("2360##",),
}


@dataclass(frozen=True, slots=True)
class Home:
    """What the contacts file says of where somebody lives, and when they were born."""

    person: Person  # with the country, locale and phone they have there
    postcode: str | None
    zone: str | None  # None where the shop was not told
    born_on: date | None


def settle(people: list[Person], *, seed: int, until_ms: int) -> Iterator[Home]:
    """A home for each of them, in their order."""
    rng = random.Random(f"homes {seed}")  # noqa: S311 - a reproducible shop is wanted, not a secret
    free = {town.area_code: list(range(_FICTION_COUNT)) for _, town in _ELSEWHERE if town.area_code}
    for numbers in free.values():
        rng.shuffle(numbers)
    for person in people:
        lives, zone, pattern = person, person.zone, None
        if person.country == "GB" and not person.source.londoners_only and rng.random() < _ABROAD:
            town = rng.choices([town for _, town in _ELSEWHERE], [share for share, _ in _ELSEWHERE])[0]
            lives, zone, pattern = _moved(person, town, free), town.zone, town.postcode
        elif (person.country, person.zone) in _TOWNS:
            pattern = rng.choice(_TOWNS[person.country, person.zone])
        told = pattern is not None and rng.random() < _POSTCODE_TOLD.get(lives.country, 0.9)
        yield Home(
            person=lives,
            postcode=_postcode(rng, pattern) if told and pattern is not None else None,
            zone=None if rng.random() < _ZONE_UNTOLD else zone,
            born_on=_birth(rng, from_ms(until_ms)) if rng.random() < _BIRTHDAY_TOLD else None,
        )


def _moved(person: Person, town: Town, free: dict[str, list[int]]) -> Person:
    phone = person.phone
    if phone is not None and town.area_code is not None:
        numbers = free[town.area_code]
        phone = f"+1{town.area_code}5550{_FICTION_FIRST + numbers.pop()}" if numbers else None
    locale = person.locale and person.locale.replace("-GB", f"-{town.country}")
    # Without a number, consent to SMS has nothing to be about.
    return replace(
        person, country=town.country, locale=locale, phone=phone, sms_consent=person.sms_consent and phone is not None
    )


def _postcode(rng: random.Random, pattern: str) -> str:
    drawn = {"#": "0123456789", "@": _INWARD}
    return "".join(rng.choice(drawn[sign]) if sign in drawn else sign for sign in pattern)


def _birth(rng: random.Random, until: datetime) -> date:
    """A day of birth: most customers are in their thirties to fifties."""
    years = min(_AGE_YOUNGEST + rng.gammavariate(4.0, 6.5), _AGE_OLDEST)
    return (until.astimezone(UTC) - timedelta(days=365.25 * years)).date()
