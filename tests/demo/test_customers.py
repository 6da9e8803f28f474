"""The demo shop's customers are believable, and nobody real can be reached through them."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from datetime import date, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import phonenumbers
import pytest

from clm.domain.whereabouts import home_zone
from clm.sources.demo.names import ARABIC, ENGLISH, PERSIAN, RUSSIAN, THAI, NameBook

if TYPE_CHECKING:
    from .conftest import Shop

ABROAD = ("AU", "IE", "IN", "US")  # where people who signed up in Britain live
LANGUAGES = {"GB": "en", "IR": "fa", "AE": "ar", "TH": "th", "RU": "ru"} | dict.fromkeys(ABROAD, "en")
SCRIPTS = {"GB": "LATIN", "IR": "ARABIC", "AE": "ARABIC", "TH": "THAI", "RU": "CYRILLIC"} | dict.fromkeys(
    ABROAD, "LATIN"
)
ZONES = {
    "GB": "Europe/London", "IR": "Asia/Tehran", "AE": "Asia/Dubai", "TH": "Asia/Bangkok", "IE": "Europe/Dublin",
    "IN": "Asia/Kolkata",
}  # fmt: skip
POSTCODES = {
    "GB": r"[A-Z]{1,2}\d{1,2} \d[A-Z]{2}", "US": r"\d{5}", "AU": r"\d{4}", "IN": r"\d{6}", "RU": r"\d{6}",
    "TH": r"\d{5}", "IR": r"\d{5}-\d{5}", "IE": r"D\d\d \d{4}",
}  # fmt: skip


def share(found: int, of: int) -> float:
    """A count as a share."""
    return found / of


def test_the_countries_have_sensible_shares(shop: Shop) -> None:
    """Most customers live in the United Kingdom, about one in eight in each of four others, a few elsewhere."""
    countries = Counter(contact["country"] for contact in shop.contacts)
    assert set(countries) == set(LANGUAGES)
    assert 0.34 < share(countries["GB"], 2000) < 0.45
    assert 0.04 < share(sum(countries[code] for code in ABROAD), 2000) < 0.10
    assert all(0.08 < share(countries[code], 2000) < 0.19 for code in ("IR", "AE", "TH", "RU"))


def test_names_are_written_in_the_script_of_the_language(shop: Shop) -> None:
    """Persian and Arabic names have Arabic letters, Thai names Thai ones, Russian names Cyrillic ones."""
    for contact in shop.contacts:
        letters = [c for c in contact["first_name"] + contact["last_name"] if unicodedata.category(c)[0] == "L"]
        strangers = [c for c in letters if not unicodedata.name(c).startswith(SCRIPTS[contact["country"]])]
        assert not strangers, contact


@pytest.mark.parametrize("book", [ENGLISH, PERSIAN, ARABIC, THAI, RUSSIAN])
def test_each_language_has_enough_names(book: NameBook) -> None:
    """Every language has at least 25 given names of women, of men, and 25 family names, none of them twice."""
    for names in (book.women, book.men, book.families):
        assert len(names) >= 25
        assert len({name.written for name in names}) == len(names)
        assert all(re.fullmatch(r"[a-z]+", name.latin) for name in names)


def test_russian_surnames_agree_with_the_given_name(shop: Shop) -> None:
    """Anna is Ivanova and Vinogradskaya, Ivan is Ivanov and Vinogradsky."""
    women = {name.written for name in RUSSIAN.women}
    seen: Counter[bool] = Counter()
    for contact in shop.contacts:
        first, last = contact["first_name"], contact["last_name"]
        if contact["country"] != "RU" or not first or not last or last in {"Шевченко", "Белых"}:
            continue
        feminine = last.endswith(("ова", "ева", "ёва", "ина", "ая"))
        assert feminine == (first in women), (first, last)
        seen[feminine] += 1
    assert seen[True] > 50
    assert seen[False] > 50


def test_addresses_cannot_reach_anybody(shop: Shop) -> None:
    """Every e-mail address is at a domain reserved for examples, plain ASCII, and belongs to one contact."""
    pattern = re.compile(r"[a-z0-9.]+@example\.(com|org|net)")
    assert all(pattern.fullmatch(contact["email"]) for contact in shop.contacts)
    assert len({contact["email"] for contact in shop.contacts}) == len(shop.contacts)


def test_phone_numbers_are_made_up_and_well_formed(shop: Shop) -> None:
    """British and American numbers are kept for fiction; the others are valid mobile numbers, nobody's twice.

    Whoever moved from Britain to Ireland, Australia or India kept the number.
    """
    phones = [(contact["country"], contact["phone"]) for contact in shop.contacts if contact["phone"]]
    assert len(set(phones)) == len(phones)
    assert 0.75 < share(len(phones), 2000) < 0.90
    for country, phone in phones:
        number = phonenumbers.parse(phone)
        assert phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) == phone
        assert phonenumbers.is_possible_number(number)
        if country == "US":
            assert re.fullmatch(r"\+1\d{3}55501\d\d", phone)
        elif country in {"GB", *ABROAD}:  # reserved for drama, so allotted to nobody, so never "valid"
            assert re.fullmatch(r"\+447700900\d{3}", phone)
        else:
            assert phonenumbers.is_valid_number_for_region(number, country), phone
            assert "0000" in phone or "800" in phone


def test_details_are_missing_now_and_then(shop: Shop) -> None:
    """Some customers have no first name, last name or locale, and some name their region in the locale."""
    for field in ("first_name", "last_name", "locale"):
        assert 0.02 < share(sum(not contact[field] for contact in shop.contacts), 2000) < 0.12, field
    locales = {contact["locale"] for contact in shop.contacts if contact["locale"]}
    assert locales == {form for c, lang in LANGUAGES.items() for form in (lang, f"{lang}-{c}")}
    assert all(contact["locale"][:2] in {"", LANGUAGES[contact["country"]]} for contact in shop.contacts)


def test_consents_are_those_of_a_real_list(shop: Shop) -> None:
    """About 8 % want no e-mail and about 35 % want SMS; nobody without a phone does, nobody consented in advance."""
    refused = sum(contact["email_consent"] == "false" for contact in shop.contacts)
    texted = [contact for contact in shop.contacts if contact["sms_consent"] == "true"]
    assert 0.05 < share(refused, 2000) < 0.11
    assert 0.30 < share(len(texted), 2000) < 0.40
    assert all(contact["phone"] for contact in texted)
    assert all(contact["consent_at"] >= contact["signed_up_at"] for contact in shop.contacts)


def test_everybody_has_a_zone_of_their_country(shop: Shop) -> None:
    """Zones exist, Russia, America and Australia have several, and one in eight people has not told theirs."""
    russian = {contact["time_zone"] for contact in shop.contacts if contact["country"] == "RU"}
    assert len(russian) >= 4
    assert 0.08 < share(sum(not contact["time_zone"] for contact in shop.contacts), 2000) < 0.16
    for contact in shop.contacts:
        if contact["time_zone"]:
            assert ZoneInfo(contact["time_zone"])
            assert contact["time_zone"] == ZONES.get(contact["country"], contact["time_zone"])


def test_postcodes_look_like_those_of_the_country_and_lie_in_its_zone(shop: Shop) -> None:
    """Nine in ten have told one where there are any; the zone that follows from one is the zone that was told."""
    told = [contact for contact in shop.contacts if contact["postcode"]]
    assert 0.65 < share(len(told), 2000) < 0.85
    for contact in told:
        country, postcode = contact["country"], contact["postcode"]
        assert re.fullmatch(POSTCODES[country], postcode), contact
        found = home_zone(zone=None, country=country, postcode=postcode, phone=None)
        if country in {"US", "AU"} and contact["time_zone"]:
            assert ZoneInfo(found).utcoffset(shop.until) == ZoneInfo(contact["time_zone"]).utcoffset(shop.until), (
                contact
            )


def test_some_have_told_their_birthday(shop: Shop) -> None:
    """Nearly half, all grown up, spread over the year."""
    born = [date.fromisoformat(contact["born_on"]) for contact in shop.contacts if contact["born_on"]]
    assert 0.38 < share(len(born), 2000) < 0.52
    assert min(born) > date(1930, 1, 1)
    assert max(born) < (shop.until - timedelta(days=18 * 365)).date()
    assert len({day.month for day in born}) == 12


def test_sign_ups_grow(shop: Shop) -> None:
    """More people sign up in the third year than in the first, and in every month somebody does."""
    months = Counter(contact["signed_up_at"][:7] for contact in shop.contacts)
    assert len(months) == 37
    third, first = len(shop.signed_up_within(timedelta(days=365))), 2000 - len(shop.signed_up_within(timedelta(730)))
    assert third > 1.4 * first


def test_a_welcome_has_somebody_to_greet(shop: Shop) -> None:
    """People signed up in the last two days, the last within hours, and at least three still wait to be greeted."""
    fresh = shop.signed_up_within(timedelta(hours=48))
    buyers = {order["contact"] for order in shop.orders}
    assert len(fresh) >= 5
    assert shop.signed_up_within(timedelta(hours=6))
    assert sum(c["contact"] not in buyers and c["email_consent"] == "true" for c in fresh) >= 3


def test_sources_differ_in_quality(shop: Shop) -> None:
    """Friends of customers buy more often than people who came from Instagram; the market stall is in London."""
    buyers = {order["contact"] for order in shop.orders}
    people: Counter[str] = Counter(contact["acquisition_source"] for contact in shop.contacts)
    bought = Counter(c["acquisition_source"] for c in shop.contacts if c["contact"] in buyers)
    assert len(people) >= 5
    assert share(bought["friend"], people["friend"]) > share(bought["instagram"], people["instagram"]) + 0.1
    stall = {contact["country"] for contact in shop.contacts if contact["acquisition_source"] == "market_stall"}
    assert stall == {"GB"}
