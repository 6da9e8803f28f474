"""Countries and the time zones they keep, as the tz database says.

`zone.tab` and its like come with the tzdata package and are read once, as zoneinfo reads its own files: constants that
are delivered with the code, the same for everyone, which is why the domain may read them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo

from clm.domain.regions import MILITARY, regions_of

_MOST_PEOPLE = {  # where zone.tab names another zone first, it goes from east to west
    "AU": "Australia/Sydney",
    "BR": "America/Sao_Paulo",
    "CA": "America/Toronto",
    "PS": "Asia/Hebron",
    "RU": "Europe/Moscow",
    "UA": "Europe/Kyiv",
    "UZ": "Asia/Tashkent",
}
_WINTER = datetime(2026, 1, 1, 12, tzinfo=UTC)
_SUMMER = datetime(2026, 7, 1, 12, tzinfo=UTC)


@cache
def zones_by_country() -> Mapping[str, tuple[str, ...]]:
    """Every zone of each country (ISO 3166-1 alpha-2), the one most people there keep first."""
    found: dict[str, list[str]] = {}
    for country, _, zone, *_ in _rows("zone.tab"):
        found.setdefault(country, []).append(zone)
    for country, zone in _MOST_PEOPLE.items():
        found[country].remove(zone)
        found[country].insert(0, zone)
    return {country: tuple(zones) for country, zones in found.items()}


@cache
def country_of(zone: str) -> str | None:
    """The country that the zone was made for: CA for America/Toronto, though the Bahamas keep the same time."""
    return next((country for country, _, name, *_ in _rows("zone.tab") if name == zone), None)


@cache
def countries_of(zone: str) -> tuple[str, ...]:
    """Every country that keeps the zone, which may go by an old name (`Asia/Calcutta`); none for `UTC`."""
    exact = {country for country, _, name, *_ in _rows("zone.tab") if name == zone}
    shared = {
        country for countries, _, name, *_ in _rows("zone1970.tab") if name == zone for country in countries.split(",")
    }
    return tuple(sorted(exact | shared)) or tuple(sorted(_countries_by_rules().get(_rules(zone), ())))


def is_zone(zone: str) -> bool:
    """Whether the tz database knows the zone by this name."""
    return zone in zones()


@cache
def clock(zone: str) -> tuple[timedelta, timedelta]:
    """How far the zone's clocks are ahead of UTC in winter and in summer: zones alike in both tell the same time."""
    there = ZoneInfo(zone)
    winter, summer = _WINTER.astimezone(there).utcoffset(), _SUMMER.astimezone(there).utcoffset()
    return winter or timedelta(), summer or timedelta()


@cache
def places() -> frozenset[str]:
    """Every place whose law may apply to a contact: countries, `FR`, and regions of some, `US-FL`."""
    countries = zones_by_country()
    regions = {f"{country}-{name}" for country in countries for name in regions_of(country) if name not in MILITARY}
    return frozenset(countries) | regions


@cache
def zones() -> frozenset[str]:
    """Every zone the tz database knows, old names included."""
    return frozenset((resources.files("tzdata") / "zones").read_text(encoding="utf-8").split())


@cache
def _rows(table: str) -> tuple[tuple[str, ...], ...]:
    text = (resources.files("tzdata") / "zoneinfo" / table).read_text(encoding="utf-8")
    return tuple(tuple(line.split("\t")) for line in text.splitlines() if not line.startswith("#"))


@cache
def _rules(zone: str) -> bytes:
    """The zone's compiled rules: an old name has the very ones of the new name."""
    return (resources.files("tzdata").joinpath("zoneinfo", *zone.split("/"))).read_bytes()


@cache
def _countries_by_rules() -> Mapping[bytes, set[str]]:
    found: dict[bytes, set[str]] = {}
    for country, _, zone, *_ in _rows("zone.tab"):
        found.setdefault(_rules(zone), set()).add(country)
    return found
