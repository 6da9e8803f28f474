"""The demo shop's customers are believable, and nobody real can be reached through them."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import phonenumbers
import pytest

from clm.sources.demo.names import ARABIC, ENGLISH, PERSIAN, RUSSIAN, THAI, NameBook

if TYPE_CHECKING:
    from .conftest import Shop

LANGUAGES = {"GB": "en", "IR": "fa", "AE": "ar", "TH": "th", "RU": "ru"}
SCRIPTS = {"GB": "LATIN", "IR": "ARABIC", "AE": "ARABIC", "TH": "THAI", "RU": "CYRILLIC"}
ZONES = {"GB": "Europe/London", "IR": "Asia/Tehran", "AE": "Asia/Dubai", "TH": "Asia/Bangkok"}


def share(found: int, of: int) -> float:
    """A count as a share."""
    return found / of


def test_the_five_countries_have_sensible_shares(shop: Shop) -> None:
    """Most customers live in the United Kingdom and each other country has about one in eight."""
    countries = Counter(contact["country"] for contact in shop.contacts)
    assert set(countries) == set(LANGUAGES)
    assert 0.40 < share(countries["GB"], 2000) < 0.52
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
    """British numbers are Ofcom's drama numbers; the others are valid mobile numbers of the country, nobody's twice."""
    phones = [(contact["country"], contact["phone"]) for contact in shop.contacts if contact["phone"]]
    assert len(set(phones)) == len(phones)
    assert 0.75 < share(len(phones), 2000) < 0.90
    for country, phone in phones:
        number = phonenumbers.parse(phone)
        assert phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) == phone
        assert phonenumbers.is_possible_number(number)
        if country == "GB":  # reserved for drama, so allotted to nobody, so never "valid"
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
    """Zones exist, and Russia has several."""
    russian = {contact["time_zone"] for contact in shop.contacts if contact["country"] == "RU"}
    assert len(russian) >= 4
    for contact in shop.contacts:
        assert ZoneInfo(contact["time_zone"])
        assert contact["country"] == "RU" or contact["time_zone"] == ZONES[contact["country"]]


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
