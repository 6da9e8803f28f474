"""The demo shop's customers: who signs up, from where, with which name, number and consents.

Every address is at a domain reserved for examples (RFC 2606). Phone numbers:

- United Kingdom: 07700 900000 to 900999, which Ofcom keeps free for drama ("Telephone numbers for use in TV and
  radio drama programmes"). When the thousand are given out, later British customers have no number: one number never
  belongs to two people. phonenumbers calls them possible, not valid, because nobody is allotted them.
- Iran, the United Arab Emirates, Thailand, Russia: we know of no range their regulators reserve for fiction. The
  numbers are valid by the phonenumbers library in form and clearly made up (all zeros after the network's prefix, then
  a running number), but one may belong to somebody: never send live messages to a demo shop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from clm.domain.instant import DAY_MS, from_ms
from clm.sources.demo.names import ARABIC, ENGLISH, PERSIAN, RUSSIAN, THAI, Gender, NameBook
from clm.sources.demo.seasons import Calendar

if TYPE_CHECKING:
    import random

CUSTOMERS_MAX = 50_000

FRESH_SIGN_UPS = 12
"""At least so many customers sign up in the last two days, evenly spread, so that a welcome has somebody to greet."""
_FRESH_STEP_MS = 2 * DAY_MS // FRESH_SIGN_UPS

_GROWTH = 2.2  # sign-ups per day at the end, against those at the beginning
_DOMAINS = ("example.com", "example.org", "example.net")


class Country(NamedTuple):
    """Where the shop ships to, and what people there are like in a file."""

    code: str  # ISO 3166-1 alpha-2
    share: float
    language: str
    names: NameBook
    women: float  # the share of women among the customers
    zones: tuple[str, ...]
    zone_weights: tuple[float, ...]
    phone_prefix: str
    phones: int  # how many numbers lie behind the prefix


COUNTRIES: tuple[Country, ...] = (
    Country("GB", 0.46, "en", ENGLISH, 0.62, ("Europe/London",), (1,), "+447700900", 1_000),
    Country("IR", 0.14, "fa", PERSIAN, 0.58, ("Asia/Tehran",), (1,), "+98900000", 10_000),
    Country("AE", 0.14, "ar", ARABIC, 0.5, ("Asia/Dubai",), (1,), "+97150000", 10_000),
    Country("TH", 0.11, "th", THAI, 0.6, ("Asia/Bangkok",), (1,), "+6680000", 10_000),
    Country(
        "RU",
        0.15,
        "ru",
        RUSSIAN,
        0.64,
        (
            "Europe/Moscow",
            "Asia/Yekaterinburg",
            "Asia/Novosibirsk",
            "Europe/Samara",
            "Asia/Krasnoyarsk",
            "Asia/Vladivostok",
            "Europe/Kaliningrad",
        ),
        (55, 13, 10, 8, 5, 5, 4),
        "+7900000",
        10_000,
    ),
)


class AcquisitionSource(NamedTuple):
    """Where customers first heard of the shop, and how good those customers turn out to be."""

    name: str
    share: float
    never_buys: float  # probability
    pace: float  # of repeat buying, 1 being ordinary
    londoners_only: bool = False


SOURCES: tuple[AcquisitionSource, ...] = (
    AcquisitionSource("google", 0.28, 0.25, 1.0),
    AcquisitionSource("instagram", 0.26, 0.36, 0.7),
    AcquisitionSource("friend", 0.16, 0.11, 1.5),
    AcquisitionSource("newsletter", 0.10, 0.16, 1.2),
    AcquisitionSource("podcast", 0.06, 0.22, 1.0),
    AcquisitionSource("market_stall", 0.14, 0.10, 1.3, londoners_only=True),
)
_STALL_WEEKEND_LIFT = 4.0  # the stall stands on Saturdays and Sundays


@dataclass(frozen=True, slots=True)
class Person:
    """One customer as the shop's files know them."""

    contact: str
    email: str
    phone: str | None
    first_name: str | None
    last_name: str | None
    country: str
    locale: str | None
    zone: str
    signed_up_at: int  # milliseconds, like every instant here
    source: AcquisitionSource
    email_consent: bool
    sms_consent: bool
    consent_at: int  # of the last change


def sign_up(rng: random.Random, *, customers: int, since_ms: int, until_ms: int) -> list[Person]:
    """So many customers, in the order they signed up between the two instants; the last only hours before the end."""
    newest_first = sorted(_sign_up_moments(rng, customers, since_ms, until_ms), reverse=True)
    for number, (moment, country, zone) in enumerate(newest_first[:FRESH_SIGN_UPS]):
        if moment < until_ms - (number + 1) * _FRESH_STEP_MS:
            newest_first[number] = (until_ms - int((number + rng.uniform(0.02, 0.98)) * _FRESH_STEP_MS), country, zone)
    addresses = _Addresses(rng)
    return [
        _person(
            rng,
            addresses,
            contact=f"C{number:05d}",
            country=COUNTRIES[country],
            zone=zone,
            moment=moment,
            until=until_ms,
        )
        for number, (moment, country, zone) in enumerate(sorted(newest_first), start=1)
    ]


def _sign_up_moments(rng: random.Random, customers: int, since_ms: int, until_ms: int) -> list[tuple[int, int, str]]:
    days = (until_ms - since_ms) // DAY_MS + 2
    first = from_ms(since_ms).date()
    calendars = [Calendar(country.code, first=first, days=days, growth=_GROWTH) for country in COUNTRIES]
    found = []
    # Every draw is within a few per cent of landing inside; the bound only ends a loop that could not end.
    for _ in range(customers * 10):
        index = rng.choices(range(len(COUNTRIES)), [country.share for country in COUNTRIES])[0]
        zone = rng.choices(COUNTRIES[index].zones, COUNTRIES[index].zone_weights)[0]
        calendar = calendars[index]
        moment = calendar.instant(calendar.advance(0.0, rng.random() * calendar.length), zone)
        if since_ms <= moment <= until_ms:
            found.append((moment, index, zone))
            if len(found) == customers:
                break
    return found


class _Addresses:
    """E-mail addresses and phone numbers nobody has been given yet."""

    def __init__(self, rng: random.Random) -> None:
        self._taken: set[str] = set()
        self._phones = {country.code: _shuffled(rng, country.phones) for country in COUNTRIES}

    def email(self, rng: random.Random, given: str, family: str) -> str:
        """An address made of the name, with a number where the plain one is taken."""
        local = rng.choice((f"{given}.{family}", f"{given}{family}", f"{given[0]}.{family}", f"{family}.{given}"))
        if rng.random() < 0.35:
            local += str(rng.randint(60, 99) if rng.random() < 0.7 else rng.randint(1, 59))
        domain = rng.choices(_DOMAINS, (70, 15, 15))[0]
        address, number = f"{local}@{domain}", 1
        while address in self._taken:  # ends: each turn tries a number not tried before
            number += 1
            address = f"{local}.{number}@{domain}"
        self._taken.add(address)
        return address

    def phone(self, country: Country) -> str | None:
        """The next free number of a country, or None when all are given out."""
        free = self._phones[country.code]
        return f"{country.phone_prefix}{free.pop():0{len(str(country.phones)) - 1}d}" if free else None


def _shuffled(rng: random.Random, count: int) -> list[int]:
    numbers = list(range(count))
    rng.shuffle(numbers)
    return numbers


def _person(
    rng: random.Random, addresses: _Addresses, *, contact: str, country: Country, zone: str, moment: int, until: int
) -> Person:
    names = country.names
    gender: Gender = "woman" if rng.random() < country.women else "man"
    given = rng.choice(names.given(gender))
    family = names.family(rng.randrange(len(names.families)), gender)
    phone = addresses.phone(country) if rng.random() < 0.82 else None
    last_name = family.written if rng.random() > 0.07 else None
    return Person(
        contact=contact,
        email=addresses.email(rng, given.latin, family.latin),
        phone=phone,
        first_name=given.written if rng.random() > 0.05 else None,
        last_name=last_name,
        country=country.code,
        locale=rng.choices((country.language, f"{country.language}-{country.code}", None), (70, 24, 6))[0],
        zone=zone,
        signed_up_at=moment,
        source=_source(rng, country.code, moment),
        email_consent=rng.random() > 0.08,
        sms_consent=phone is not None and rng.random() < 0.43,
        # One in eight has changed their mind since; the file tells the last answer.
        consent_at=moment if rng.random() > 0.12 else rng.randint(moment, until),
    )


def _source(rng: random.Random, country: str, moment: int) -> AcquisitionSource:
    weekend = from_ms(moment).weekday() >= 5
    return rng.choices(
        SOURCES,
        [
            source.share * (_STALL_WEEKEND_LIFT if weekend else 0.5) * (country == "GB")
            if source.londoners_only
            else source.share
            for source in SOURCES
        ],
    )[0]
