"""Where a contact may be: what is known narrows it, and what is not known stays possible."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers.geodata import GEOCODE_DATA

from clm.domain.atlas import clock, countries_of, is_zone, places, zones_by_country
from clm.domain.regions import MILITARY, TERRITORIES, areas_of_code, regions_of
from clm.domain.whereabouts import Whereabouts, home_zone, whereabouts

NOTHING = {"zone": None, "country": None, "postcode": None, "phone": None}
STATES = frozenset(f"US-{name}" for name in regions_of("US") if name not in MILITARY)

CITIES = [  # ZIP, state, every zone kept where the ZIP's first three digits are
    ("36104", "AL", ["Chicago"]),
    ("99501", "AK", ["Anchorage", "Juneau", "Sitka", "Metlakatla", "Yakutat", "Nome", "Adak"]),
    ("85001", "AZ", ["Phoenix"]),
    ("86504", "AZ", ["Phoenix", "Denver"]),
    ("72201", "AR", ["Chicago"]),
    ("90001", "CA", ["Los_Angeles"]),
    ("96150", "CA", ["Los_Angeles"]),
    ("80202", "CO", ["Denver"]),
    ("06103", "CT", ["New_York"]),
    ("19901", "DE", ["New_York"]),
    ("20001", "DC", ["New_York"]),
    ("33101", "FL", ["New_York"]),
    ("32501", "FL", ["New_York", "Chicago"]),
    ("30303", "GA", ["New_York"]),
    ("39901", "GA", ["New_York"]),
    ("83702", "ID", ["Boise"]),
    ("83814", "ID", ["Los_Angeles"]),
    ("60601", "IL", ["Chicago"]),
    ("46204", "IN", ["Indiana/Indianapolis"]),
    ("46402", "IN", ["Indiana/Indianapolis", "Chicago"]),
    ("50309", "IA", ["Chicago"]),
    ("66603", "KS", ["Chicago"]),
    ("40202", "KY", ["Kentucky/Louisville", "New_York"]),
    ("42101", "KY", ["Chicago"]),
    ("70112", "LA", ["Chicago"]),
    ("04330", "ME", ["New_York"]),
    ("21201", "MD", ["New_York"]),
    ("02108", "MA", ["New_York"]),
    ("05501", "MA", ["New_York"]),
    ("48226", "MI", ["Detroit"]),
    ("49801", "MI", ["Detroit", "Menominee"]),
    ("55102", "MN", ["Chicago"]),
    ("39201", "MS", ["Chicago"]),
    ("65101", "MO", ["Chicago"]),
    ("59601", "MT", ["Denver"]),
    ("68102", "NE", ["Chicago"]),
    ("89101", "NV", ["Los_Angeles"]),
    ("89883", "NV", ["Los_Angeles", "Denver"]),
    ("03301", "NH", ["New_York"]),
    ("07102", "NJ", ["New_York"]),
    ("87501", "NM", ["Denver"]),
    ("10001", "NY", ["New_York"]),
    ("00501", "NY", ["New_York"]),
    ("06390", "NY", ["New_York"]),
    ("27601", "NC", ["New_York"]),
    ("58501", "ND", ["Chicago", "Denver"]),
    ("43215", "OH", ["New_York"]),
    ("73102", "OK", ["Chicago"]),
    ("97201", "OR", ["Los_Angeles"]),
    ("97914", "OR", ["Los_Angeles", "Boise"]),
    ("19103", "PA", ["New_York"]),
    ("02903", "RI", ["New_York"]),
    ("29201", "SC", ["New_York"]),
    ("57101", "SD", ["Chicago"]),
    ("57701", "SD", ["Denver"]),
    ("37201", "TN", ["Chicago"]),
    ("37902", "TN", ["New_York"]),
    ("78701", "TX", ["Chicago"]),
    ("73301", "TX", ["Chicago"]),
    ("79901", "TX", ["Chicago", "Denver"]),
    ("84101", "UT", ["Denver"]),
    ("05601", "VT", ["New_York"]),
    ("20101", "VA", ["New_York"]),
    ("23219", "VA", ["New_York"]),
    ("98101", "WA", ["Los_Angeles"]),
    ("25301", "WV", ["New_York"]),
    ("53202", "WI", ["Chicago"]),
    ("82001", "WY", ["Denver"]),
    ("83414", "WY", ["Denver"]),
]


def where(**known: str) -> Whereabouts:
    """Where somebody may be of whom only so much is known."""
    return whereabouts(**{**NOTHING, **known})


def home(**known: str) -> str | None:
    """Where somebody most likely lives of whom only so much is known."""
    return home_zone(**{**NOTHING, **known})


def test_of_whom_nothing_is_known_nothing_is_said() -> None:
    """No zone and no place: whoever asks takes the shop's own zone."""
    assert where() == Whereabouts((), ())
    assert home() is None
    assert where().or_at("Europe/London") == Whereabouts(("Europe/London",), ())


def test_the_shops_zone_replaces_none_that_is_known() -> None:
    """The fallback is for people of unknown zone alone."""
    assert where(country="FR").or_at("Asia/Tokyo") == Whereabouts(("Europe/Paris",), ("FR",))


def test_a_stored_zone_is_the_zone() -> None:
    """It beats postcode, country and phone, but the law is still that of the address."""
    known = {"zone": "Asia/Tehran", "country": "US", "postcode": "33101", "phone": "+447700900123"}
    assert where(**known) == Whereabouts(("Asia/Tehran",), ("US", "US-FL"))
    assert home(**known) == "Asia/Tehran"


def test_a_stored_zone_leaves_only_the_states_that_keep_it() -> None:
    """Mountain Time without summer time is Arizona, and Eastern Time is not California, by an old name too."""
    assert where(zone="America/Phoenix", country="US") == Whereabouts(("America/Phoenix",), ("US", "US-AZ"))
    for name in ("America/New_York", "US/Eastern"):
        eastern = where(zone=name, country="US").places
        assert {"US-FL", "US-NY", "US-TN", "US-IN"} < set(eastern)
        assert not {"US-CA", "US-TX", "US-HI"} & set(eastern)


def test_a_zone_that_no_state_keeps_leaves_all_of_them() -> None:
    """An American whose clock is in Tokyo is at home in any state."""
    assert set(where(zone="Asia/Tokyo", country="US").places) == {"US", *STATES}


def test_a_stored_zone_alone_tells_the_countries_that_keep_it() -> None:
    """London's zone is also Jersey's; an old name is read as the new one; UTC is nobody's, so the phone is asked."""
    assert where(zone="Europe/London").places == ("GB", "GG", "IM", "JE")
    assert where(zone="Asia/Calcutta").places == ("IN",)
    assert where(zone="UTC", phone="+33612345678") == Whereabouts(("UTC",), ("FR",))


@pytest.mark.parametrize("zone", ["Mars/Olympus", "europe/london", "", "../etc/passwd", "Europe", "London"])
def test_a_zone_that_does_not_exist_counts_as_not_known(zone: str) -> None:
    """Then the country tells."""
    assert where(zone=zone, country="GB") == Whereabouts(("Europe/London",), ("GB",))
    assert home(zone=zone, country="GB") == "Europe/London"


@pytest.mark.parametrize(("postcode", "state", "zones"), CITIES)
def test_a_zip_code_tells_the_state_and_its_zones(postcode: str, state: str, zones: list[str]) -> None:
    """State by state; where a prefix lies on the border of two zones, both are possible."""
    expected = Whereabouts(tuple(sorted(f"America/{zone}" for zone in zones)), ("US", f"US-{state}"))
    assert where(country="US", postcode=postcode) == expected
    assert where(country="US", postcode=f"{postcode}-1234", phone="+447700900123") == expected


def test_every_state_has_a_city_in_the_list() -> None:
    """Fifty states and the capital; Hawaii, whose zone is not in America/, is tested by itself."""
    assert {f"US-{state}" for _, state, _ in CITIES} | {"US-HI"} == STATES
    assert len(STATES) == 51
    assert where(country="US", postcode="96813") == Whereabouts(("Pacific/Honolulu",), ("US", "US-HI"))


def test_territories_are_countries_under_federal_law() -> None:
    """Puerto Rico by ZIP, by country and by area code: its own zone, its own place, and the United States."""
    expected = Whereabouts(("America/Puerto_Rico",), ("PR", "US"))
    assert where(country="US", postcode="00901") == expected
    assert where(country="PR") == expected
    assert where(phone="+17872345678") == expected
    assert where(country="US", postcode="96799").places == ("AS", "US")
    assert where(country="US", postcode="96941").places == ("FM",)


def test_military_post_may_be_anywhere_and_of_any_state() -> None:
    """Zones of the region the post goes to, and the law of every state."""
    abroad = where(country="US", postcode="09012")
    assert "Europe/Berlin" in abroad.zones
    assert set(abroad.places) == {"US", *STATES}


@pytest.mark.parametrize("postcode", ["", "2134", "ABCDE", "00000", "99999x", "SW1A 1AA", "１２３"])
def test_a_postcode_of_no_place_counts_as_not_known(postcode: str) -> None:
    """A ZIP that lost its leading zero is not guessed at: the whole country stays possible."""
    assert where(country="US", postcode=postcode) == where(country="US")


def test_an_unknown_state_may_be_any() -> None:
    """All zones from Maine to Hawaii, and all states with their laws."""
    unknown = where(country="US")
    assert {"America/New_York", "America/Adak", "Pacific/Honolulu"} < set(unknown.zones)
    assert set(unknown.places) == {"US", *STATES}


def test_a_country_comes_before_the_phone() -> None:
    """A number moves with its owner: an American with a Florida number may live in Hawaii."""
    assert where(country="US", phone="+13055550123") == where(country="US")
    assert where(country="GB", phone="+13055550123") == where(country="GB")


def test_an_area_code_tells_the_state_when_nothing_else_does() -> None:
    """Florida keeps two zones; toll-free numbers may be anywhere in North America."""
    assert where(phone="+13055550123") == Whereabouts(("America/Chicago", "America/New_York"), ("US", "US-FL"))
    anywhere = where(phone="+18005550123")
    assert {"CA", "JM", "PR", "US", *STATES} < set(anywhere.places)
    assert {"America/St_Johns", "Pacific/Guam"} < set(anywhere.zones)


def test_area_codes_agree_with_phonenumbers() -> None:
    """Every area code that phonenumbers places in one state is in the table, and in that state."""
    names = {name: name for name in regions_of("US")} | {
        "California": "CA", "Florida": "FL", "Hawaii": "HI", "New Jersey": "NJ", "Alaska": "AK", "Texas": "TX"
    }  # fmt: skip
    told: dict[str, set[str]] = {}
    for prefix, texts in GEOCODE_DATA.items():
        if prefix.startswith("1") and len(prefix) >= 4 and "en" in texts:
            found = re.search(r", ([A-Z]{2})$", texts["en"])
            state = names.get(found[1] if found else texts["en"])
            if state:
                told.setdefault(prefix[1:4], set()).add(state)
    assert len(told) > 200
    for code, states in told.items():
        if code != "201":  # one exchange of New Jersey's is called New York there
            assert {area.region for area in areas_of_code(code)} == states, code


@pytest.mark.parametrize(
    ("phone", "zones", "countries"),
    [
        ("+33612345678", ("Europe/Paris",), ("FR",)),
        ("+447911123456", ("Europe/Guernsey", "Europe/Isle_of_Man", "Europe/Jersey", "Europe/London"), None),
        ("+34612345678", ("Africa/Ceuta", "Atlantic/Canary", "Europe/Madrid"), ("ES",)),
        ("+12425551234", ("America/Nassau",), ("BS",)),
        ("+971501234567", ("Asia/Dubai",), ("AE",)),
        ("+77011234567", zones_by_country()["KZ"], ("KZ",)),
        ("+79161234567", zones_by_country()["RU"], ("RU",)),
        ("+870773111632", (), ()),
        ("+999123456789", (), ()),
        ("07911123456", (), ()),
        ("+", (), ()),
        ("", (), ()),
    ],
)
def test_elsewhere_a_number_tells_the_country(phone: str, zones: tuple[str, ...], countries: tuple[str, ...]) -> None:
    """Mobile numbers belong to no town: every zone of every country with that calling code is possible."""
    found = where(phone=phone)
    assert found.zones == tuple(sorted(zones))
    assert countries is None or found.places == countries


@pytest.mark.parametrize(
    ("known", "zones", "places_"),
    [
        ({"country": "CA", "postcode": "M5V 3L9"}, ("America/Toronto",), ("CA", "CA-ON")),
        ({"country": "CA", "postcode": "v6b1a1"}, regions_of("CA")["BC"], ("CA", "CA-BC")),
        ({"country": "CA", "postcode": "A1A 1A1"}, regions_of("CA")["NL"], ("CA", "CA-NL")),
        ({"country": "AU", "postcode": "2000"}, ("Australia/Sydney",), ("AU", "AU-NSW")),
        ({"country": "AU", "postcode": "2880"}, regions_of("AU")["NSW"], ("AU", "AU-NSW")),
        ({"country": "AU", "postcode": "4000"}, regions_of("AU")["QLD"], ("AU", "AU-QLD")),
        ({"country": "AU", "postcode": "0800"}, ("Australia/Darwin",), ("AU", "AU-NT")),
        ({"country": "AU", "postcode": "6000"}, regions_of("AU")["WA"], ("AU", "AU-WA")),
        ({"phone": "+15065551234"}, ("America/Moncton",), ("CA", "CA-NB")),
    ],
)
def test_provinces_and_states_of_canada_and_australia(
    known: dict[str, str], zones: tuple[str, ...], places_: tuple[str, ...]
) -> None:
    """By the postcode's first letter or digits, or by a Canadian area code."""
    assert where(**known) == Whereabouts(tuple(sorted(zones)), places_)


@pytest.mark.parametrize(
    ("known", "zone"),
    [
        ({"country": "US"}, "America/New_York"),
        ({"country": "CA"}, "America/Toronto"),
        ({"country": "AU"}, "Australia/Sydney"),
        ({"country": "BR"}, "America/Sao_Paulo"),
        ({"country": "RU"}, "Europe/Moscow"),
        ({"country": "MX"}, "America/Mexico_City"),
        ({"country": "ID"}, "Asia/Jakarta"),
        ({"country": "ES"}, "Europe/Madrid"),
        ({"country": "UA"}, "Europe/Kyiv"),
        ({"country": "NZ"}, "Pacific/Auckland"),
        ({"country": "US", "postcode": "78701"}, "America/Chicago"),
        ({"country": "US", "postcode": "33101"}, "America/New_York"),
        ({"country": "US", "phone": "+13105550123"}, "America/New_York"),
        ({"phone": "+13105550123"}, "America/Los_Angeles"),
        ({"phone": "+14165550123"}, "America/Toronto"),
        ({"phone": "+18005550123"}, "America/New_York"),
        ({"phone": "+447700900123"}, "Europe/London"),
        ({"phone": "+79161234567"}, "Europe/Moscow"),
        ({"phone": "+61412345678"}, "Australia/Sydney"),
    ],
)
def test_home_is_where_most_people_of_the_place_live(known: dict[str, str], zone: str) -> None:
    """The state's main zone, else the country's most populous one, else that of the number's country."""
    assert home(**known) == zone


ANYTHING = st.none() | st.text(max_size=12)
ZONES = ANYTHING | st.sampled_from(["Europe/London", "US/Eastern", "UTC", "Australia/Lord_Howe", "America/Phoenix"])
COUNTRIES = ANYTHING | st.sampled_from(sorted(zones_by_country()))
POSTCODES = (
    ANYTHING | st.from_regex(r"\A[0-9]{5}(-[0-9]{4})?\Z") | st.from_regex(r"\A[A-Z][0-9][A-Z] [0-9][A-Z][0-9]\Z")
)
PHONES = ANYTHING | st.from_regex(r"\A\+[1-9][0-9]{0,14}\Z") | st.from_regex(r"\A\+1[2-9][0-9]{9}\Z")


@given(zone=ZONES, country=COUNTRIES, postcode=POSTCODES, phone=PHONES)
def test_whatever_is_known(zone: str | None, country: str | None, postcode: str | None, phone: str | None) -> None:
    """Never an error; zones and places exist, sorted and once; home is one of the zones; a state has its country."""
    found = whereabouts(zone=zone, country=country, postcode=postcode, phone=phone)
    likeliest = home_zone(zone=zone, country=country, postcode=postcode, phone=phone)
    assert list(found.zones) == sorted(set(found.zones))
    assert list(found.places) == sorted(set(found.places))
    assert all(is_zone(name) for name in found.zones)
    assert set(found.places) <= places()
    assert (likeliest is None) == (not found.zones)
    assert likeliest is None or likeliest in found.zones
    assert {place.partition("-")[0] for place in found.places} <= set(found.places)
    assert "US" in found.places or not TERRITORIES & set(found.places)
    assert hash(found) == hash(whereabouts(zone=zone, country=country, postcode=postcode, phone=phone))


@given(country=st.sampled_from(["US", "CA", "AU"]), postcode=POSTCODES)
def test_a_postcode_only_narrows(country: str, postcode: str | None) -> None:
    """Every clock that is possible with it is one of the country's, unless the post goes abroad."""
    narrow, wide = where(country=country, postcode=postcode or ""), where(country=country)
    if narrow.places[0] == country and set(narrow.places) < set(wide.places):
        assert {clock(zone) for zone in narrow.zones} <= {clock(zone) for zone in wide.zones}


def test_every_region_is_of_its_country() -> None:
    """The tables name only zones that the tz database gives the country, military post excepted."""
    for country in ("US", "CA", "AU"):
        for name, zones in regions_of(country).items():
            assert all(is_zone(zone) for zone in zones)
            if name not in MILITARY:
                assert {clock(zone) for zone in zones} <= {clock(zone) for zone in zones_by_country()[country]}, name
                assert any(country in countries_of(zone) for zone in zones)
