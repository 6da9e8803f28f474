"""Where a contact may be: the time zones to reckon with, and the places whose law applies.

Nobody tells a shop where they are this minute. What it knows narrows it down: a stored zone, else postcode and
country, else the country, else the phone number, which comes last because it moves with its owner. What is still open
stays open: all zones and all places that are possible are told, and a message goes when it may go to every one of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneNumber
from phonenumbers.timezone import time_zones_for_geographical_number

from clm.domain.atlas import clock, countries_of, country_of, is_zone, zones_by_country
from clm.domain.regions import MILITARY, TERRITORIES, Area, area_of_postcode, areas_of_code, regions_of

_CACHED_MAX = 65_536
_CALLING_CODE_DIGITS_MAX = 3
_AREA_CODE_DIGITS = 3


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Every zone and every place of law somebody may be in, sorted; without zones nothing is known of their time."""

    zones: tuple[str, ...]
    places: tuple[str, ...]

    def or_at(self, zone: str) -> Whereabouts:
        """These, or where no zone is known, the same places at `zone`: the shop's own."""
        return self if self.zones else replace(self, zones=(zone,))


def whereabouts(*, zone: str | None, country: str | None, postcode: str | None, phone: str | None) -> Whereabouts:
    """Where somebody may be, by the best that is known: zone (IANA), country (ISO 3166-1), postcode, phone (E.164).

    What cannot be read (a zone that does not exist, a postcode of no known place) counts as not known.
    """
    stored = zone if zone and is_zone(zone) else None
    area = _area(country, postcode)
    if area is not None:
        return _in_areas((area,), stored)
    if stored is not None and countries_of(stored):
        return _in_countries_of(stored)
    return _in_areas(_areas_of_prefix(_prefix(phone)), stored)


def home_zone(*, zone: str | None, country: str | None, postcode: str | None, phone: str | None) -> str | None:
    """The one zone somebody most likely lives in, for what depends on their own clock; None where nothing tells."""
    if zone and is_zone(zone):
        return zone
    area = _area(country, postcode)
    areas = _areas_of_prefix(_prefix(phone)) if area is None else (area,)
    return areas[0].zones[0] if areas else None


def _area(country: str | None, postcode: str | None) -> Area | None:
    """Where the address lies; None where its country is none."""
    whole = _whole(country) if country else None
    area = area_of_postcode(whole.country, postcode) if whole and postcode else None
    if area is None:
        return whole
    return area if area.zones else _whole(area.country)


def _whole(country: str) -> Area | None:
    zones = zones_by_country().get(country)
    return None if zones is None else Area(country, None, zones)


@lru_cache(maxsize=_CACHED_MAX)
def _in_countries_of(zone: str) -> Whereabouts:
    return _in_areas(_whole_of(countries_of(zone)), zone)


@lru_cache(maxsize=_CACHED_MAX)
def _in_areas(areas: tuple[Area, ...], stored: str | None) -> Whereabouts:
    """All zones and places of the areas; a stored zone is the only zone, and leaves only the regions that keep it."""
    zones = {stored} if stored else {zone for area in areas for zone in area.zones}
    places = {place for area in areas for place in _places(area, zones)}
    return Whereabouts(tuple(sorted(zones)), tuple(sorted(places)))


def _places(area: Area, zones: Iterable[str]) -> Iterable[str]:
    yield area.country
    if area.country in TERRITORIES:
        yield "US"
    if area.region and area.region not in MILITARY:
        yield f"{area.country}-{area.region}"
        return
    regions = {name: kept for name, kept in regions_of(area.country).items() if name not in MILITARY}
    clocks = {clock(zone) for zone in zones}
    alike = [name for name, kept in regions.items() if any(clock(zone) in clocks for zone in kept)]
    # Who serves abroad may be at home in any state, and so may who is where no state's clocks go alike.
    for name in regions if area.region or not alike else alike:
        yield f"{area.country}-{name}"


def _prefix(phone: str | None) -> str:
    """As much of an E.164 number as says where it belongs: the calling code, and for +1 and +7 what follows it."""
    if not phone or not phone.startswith("+"):
        return ""
    if phone.startswith("+1"):
        return phone[1 : 2 + _AREA_CODE_DIGITS]
    return phone[1 : 1 + _CALLING_CODE_DIGITS_MAX]


@lru_cache(maxsize=_CACHED_MAX)
def _areas_of_prefix(prefix: str) -> tuple[Area, ...]:
    """The areas a number that begins so may belong to, the likeliest first; none where it says nothing.

    An area code of North America is one of a state, a province or an island. Elsewhere a mobile number, and SMS go to
    no others, says no more than the country, or the countries that share a calling code.
    """
    if prefix.startswith("1") and len(prefix) == 1 + _AREA_CODE_DIGITS:
        return _areas_of_code(prefix[1:])
    if prefix.startswith("7"):
        return _whole_of(("KZ",) if prefix[1:2] in {"6", "7"} else ("RU",))
    for length in range(1, len(prefix) + 1):
        countries = COUNTRY_CODE_TO_REGION_CODE.get(int(prefix[:length])) if prefix[:length].isdecimal() else None
        if countries:
            return _whole_of(countries)
    return ()


def _areas_of_code(code: str) -> tuple[Area, ...]:
    areas = areas_of_code(code)
    if areas:
        return areas
    everywhere = _whole_of(COUNTRY_CODE_TO_REGION_CODE[1])
    if not code.isdecimal():
        return everywhere
    number = PhoneNumber(country_code=1, national_number=int(code) * 10_000_000)
    zones = time_zones_for_geographical_number(number)
    countries = {country_of(zone) for zone in zones}
    country = countries.pop()
    return (Area(country, None, tuple(zones)),) if country and not countries else everywhere


def _whole_of(countries: Iterable[str]) -> tuple[Area, ...]:
    return tuple(area for area in map(_whole, countries) if area is not None)
