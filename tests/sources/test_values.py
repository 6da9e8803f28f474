"""What values of a file become, and which are refused."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given
from hypothesis import strategies as st

from clm.channels.mime import ascii_address
from clm.domain.instant import iso
from clm.sources import Money, places, values
from clm.sources.instants import instants
from tests.sources.reading import MONEY

LONDON = instants(ZoneInfo("Europe/London"))


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2010-12-01 09:00:00", "2010-12-01T09:00:00Z"),
        ("2010-07-01 09:00", "2010-07-01T08:00:00Z"),
        ("2010-07-01 9:00", "2010-07-01T08:00:00Z"),
        ("2010-07-01", "2010-06-30T23:00:00Z"),
        ("20100701", "2010-06-30T23:00:00Z"),
        ("2010-07-01T09:00:00Z", "2010-07-01T09:00:00Z"),
        ("2010-07-01 09:00:00 UTC", "2010-07-01T09:00:00Z"),
        ("2010-07-01T09:00:00+03:30", "2010-07-01T05:30:00Z"),
        ("2010-07-01 09:00:00 -0500", "2010-07-01T14:00:00Z"),
        ("1277971200", "2010-07-01T08:00:00Z"),
        ("1277971200000", "2010-07-01T08:00:00Z"),
        (1277971200.0, "2010-07-01T08:00:00Z"),
        (datetime(2010, 7, 1, 9, tzinfo=UTC), "2010-07-01T09:00:00Z"),
        (datetime(2010, 7, 1, 9), "2010-07-01T08:00:00Z"),  # noqa: DTZ001 - as Parquet has it
        (date(2010, 7, 1), "2010-06-30T23:00:00Z"),
        # The hour that the autumn change repeats is its first; the one that spring skips counts from before it.
        ("2010-10-31 01:30", "2010-10-31T00:30:00Z"),
        ("2010-03-28 01:30", "2010-03-28T01:30:00Z"),
        ("", None),
        (None, None),
    ],
)
def test_times_are_understood_as_shops_write_them(text: object, meant: str | None) -> None:
    """ISO 8601 with and without zone, dates, epoch seconds and milliseconds; without zone they are local."""
    assert iso(LONDON(text)) == meant


@pytest.mark.parametrize("text", ["01/12/2010", "2010", "2010-13-01", "soon", "12", "99999999999999999", "0001-01-01"])
def test_times_that_could_mean_several_things_are_refused(text: str) -> None:
    """Day-first or month-first dates are not guessed, nor are numbers that are no time of our age."""
    with pytest.raises(ValueError, match="time"):
        LONDON(text)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("United Kingdom", "GB"),
        ("uk", "GB"),
        ("GB", "GB"),
        ("GBR", "GB"),
        ("EIRE", "IE"),
        ("RSA", "ZA"),
        ("USA", "US"),
        ("U.S.A.", "US"),
        ("Korea", "KR"),
        ("iran", "IR"),
        ("Trinidad and Tobago", "TT"),
        ("Côte d'Ivoire", "CI"),
        ("Guinea-Bissau", "GW"),
        ("Czech Republic", "CZ"),
        ("Turkey", "TR"),
        ("Hong Kong", "HK"),
        ("Channel Islands", None),
        ("West Indies", None),
        ("Unspecified", None),
        ("European Union", None),
        ("EU", None),
    ],
)
def test_countries_become_codes(text: str, code: str | None) -> None:
    """Names and codes in English become ISO alpha-2; what names no single country becomes unknown."""
    assert places.country(text) == code


@pytest.mark.parametrize(
    ("text", "tag"),
    [("fa", "fa"), ("pt_br", "pt-BR"), ("EN-th", "en-TH"), ("zh-hant-tw", "zh-Hant-TW"), ("iw", "he"), ("ar", "ar")],
)
def test_locales_become_language_tags(text: str, tag: str) -> None:
    """Language tags are written in one way, also for a language in a country where it is not at home."""
    assert places.locale(text) == tag


@pytest.mark.parametrize("text", ["english", "C", "x-y-z", "12"])
def test_what_is_no_locale_is_refused(text: str) -> None:
    """A language's name is not its tag."""
    with pytest.raises(ValueError, match="not a language tag"):
        places.locale(text)


def test_zones_must_exist() -> None:
    """Only the zones of the IANA database are zones."""
    assert places.zone("Asia/Tehran") == "Asia/Tehran"
    for text in ("Tehran", "UTC+3", "../etc/passwd"):
        with pytest.raises(ValueError, match="IANA"):
            places.zone(text)


@pytest.mark.parametrize(
    ("number", "country", "e164"),
    [
        ("+44 7700 900123", None, "+447700900123"),
        ("07700 900123", "GB", "+447700900123"),
        ("(202) 555-0123", "US", "+12025550123"),
        ("0812345678", "TH", "+66812345678"),
        ("  ", "GB", None),
    ],
)
def test_phone_numbers_become_e164(number: str, country: str | None, e164: str | None) -> None:
    """A number without a country code is one of the row's country."""
    assert values.phone(number, country) == e164


@pytest.mark.parametrize(("number", "country"), [("07700 900123", None), ("12345", "GB"), ("call me", "GB")])
def test_what_is_no_phone_number_is_refused(number: str, country: str | None) -> None:
    """And the reason does not repeat the number, since reasons are printed."""
    with pytest.raises(ValueError, match=r"number|country") as refused:
        values.phone(number, country)
    assert number not in str(refused.value)


@pytest.mark.parametrize(
    "text", ["ada", "ada@", "@example.com", "a b@example.com", "ada@example", "ada@localhost.test"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    """Addresses that no mail could reach are refused."""
    with pytest.raises(ValueError, match="is not an e-mail address"):
        values.email(text)


@pytest.mark.parametrize("text", ["josé@example.org", "زوئی@مثال.ایران", "ａda@example.org"])
def test_an_address_that_no_mail_is_sent_to_is_refused(text: str) -> None:
    """Providers take ASCII alone before the @; the reason says so without repeating the address."""
    with pytest.raises(ValueError, match="is not an e-mail address that can be written to: before the @") as refused:
        values.email(text)
    assert text.partition("@")[0] not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "kept"),
    [("ada@مثال.ایران", "ada@مثال.ایران"), ("Ada@MÜNCHEN.example", "Ada@münchen.example"), ("a'b@é.fr", "a'b@é.fr")],
)
def test_domains_of_any_script_are_addresses(text: str, kept: str) -> None:
    """A domain has an ASCII form that mail goes to, and every address that is kept can stand in a mail."""
    assert values.email(text) == kept
    assert ascii_address("to", kept).isascii()


def test_addresses_keep_their_local_part_and_lower_their_domain() -> None:
    """Only the domain is free of case."""
    assert values.email(" Ada.Lovelace+shop@EXAMPLE.Com ") == "Ada.Lovelace+shop@example.com"


_WORDS = st.text("abZ09.-_+@'é ", max_size=12)


@given(st.builds("{}@{}.{}".format, _WORDS, _WORDS, st.sampled_from(["com", "TEST", "co.uk", "local", "x1", "a-b"])))
def test_the_quick_way_with_addresses_agrees_with_the_careful_one(address: str) -> None:
    """Whatever the text, our short cut and the full validator give the same address or the same refusal."""
    try:
        expected = validate_email(address.strip(), check_deliverability=False, allow_smtputf8=False).normalized
    except EmailNotValidError:
        with pytest.raises(ValueError, match="is not an e-mail address"):
            values.email(address)
    else:
        assert values.email(address) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("TRUE", True),
        ("1", True),
        ("Subscribed", True),
        ("opt-in", True),
        ("no", False),
        ("never subscribed", False),
        (True, True),
        (0, False),
        ("", None),
        (None, None),
        (float("nan"), None),
    ],
)
def test_consent_is_read_as_shops_write_it(text: object, said: bool | None) -> None:
    """Empty means that the source does not say, which is not the same as no."""
    assert values.yes_no(text) is said


def test_consent_that_is_unclear_is_refused() -> None:
    """Nobody's consent is guessed."""
    with pytest.raises(ValueError, match="neither yes nor no"):
        values.yes_no("pending")


@pytest.mark.parametrize(
    ("text", "amount"),
    [("12.5", "12.5"), ("1,234.50", "1234.50"), ("-3", "-3"), (0.1, "0.1"), (7, "7"), ("1e2", "100")],
)
def test_amounts_are_exact_decimals(text: object, amount: str) -> None:
    """Amounts are never binary fractions."""
    assert values.amount(text) == Decimal(amount)


@pytest.mark.parametrize("text", ["£5", "12,50", "1.234,50", "five", ".", "1 000", True, "inf", "9" * 50])
def test_amounts_that_are_unclear_are_refused(text: object) -> None:
    """A decimal comma is not taken for a thousands comma, nor a sign for a currency."""
    with pytest.raises(ValueError, match=r"is not an amount|longer"):
        values.amount(text)


def test_money_follows_the_decimals_of_each_currency() -> None:
    """Pounds have two decimals, yen none and dinars three; halves go to the even neighbour."""
    assert MONEY.minor_units(Decimal("12.345"), "GBP") == 1234
    assert MONEY.minor_units(Decimal("12.355"), "GBP") == 1236
    assert MONEY.minor_units(Decimal(1500), "JPY") == 1500
    assert MONEY.minor_units(Decimal("1.234"), "KWD") == 1234


def test_money_is_worth_what_the_rates_say() -> None:
    """Minor units of another currency become minor units of the base currency."""
    assert MONEY.in_base(1000, "USD") == 800
    assert MONEY.in_base(1000, "JPY") == 550
    assert MONEY.in_base(1000, "KWD") == 250
    assert MONEY.in_base(1000, "GBP") == 1000
    assert Money("JPY", {"GBP": Decimal(180)}).in_base(1000, "GBP") == 1800


@pytest.mark.parametrize(("value", "text"), [(13085.0, "13085"), (7, "7"), (" x ", "x"), ("", None), ("0012", "0012")])
def test_ids_stay_as_written(value: object, text: str | None) -> None:
    """Leading zeros stay, and the `.0` that tables add to numbers goes."""
    assert values.identifier(value) == text


@pytest.mark.parametrize("value", ["a\0b", "a\nb", "a\u2028b", "a\x9bb", "a\udce9b", "x" * 201, {"a": 1}, [1], b"x"])
def test_ids_and_names_that_could_do_harm_are_refused(value: object) -> None:
    """Control characters, line breaks, broken text, overlong and nested values are no id."""
    with pytest.raises(ValueError, match=r"control|UTF-8|longer|single"):
        values.identifier(value)


def test_names_keep_the_joiners_that_scripts_need() -> None:
    """Persian and Thai names pass unharmed."""
    for text in ("\u0639\u0644\u06cc\u200c\u0631\u0636\u0627", "สมชาย", "Анна", "O\u2019Brien", "Jo\u00a0Ann"):
        assert values.name(text) == text
