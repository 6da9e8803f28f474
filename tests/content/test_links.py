"""Links that know who clicks, and nobody else can make."""

from __future__ import annotations

from typing import get_args

import pytest
from itsdangerous import URLSafeSerializer
from itsdangerous.encoding import base64_encode

from clm.content.links import NUMBER_MAX, ContactPurpose, Links, Purpose, sample_url, signing_keys
from clm.errors import ConfigurationError

OLD, NEW = "0123456789abcdef" * 2, "fedcba9876543210" * 2
URL = "https://mail.shop.example/"


def _token(url: str) -> str:
    return url.rpartition("/")[2]


def test_an_unsubscribe_link_leads_back_to_its_contact() -> None:
    """The address alone says who wants no more mail."""
    links = Links(URL, [NEW])
    url = links.unsubscribe(123_456)
    assert url.startswith("https://mail.shop.example/u/")
    assert links.contact_of(_token(url), "unsubscribe") == 123_456


def test_links_are_short_and_show_nothing() -> None:
    """A link fits a header line (long folded ones broke DKIM) and holds no name or address."""
    assert len(Links(URL, [NEW]).unsubscribe(10**9)) < 78


def test_a_token_that_was_tampered_with_says_nothing() -> None:
    """Changing one character, or using another key, opens nothing."""
    links = Links(URL, [NEW])
    token = _token(links.unsubscribe(1))
    forged = _token(links.unsubscribe(2)).partition(".")[0] + "." + token.partition(".")[2]
    for wrong in (forged, token[:-1], token + "x", "", "." * 200, "MQ", token * 20):
        assert links.contact_of(wrong, "unsubscribe") is None
    assert Links(URL, [OLD]).contact_of(token, "unsubscribe") is None


def test_a_token_opens_one_purpose_alone() -> None:
    """A token made for something else with the same key does not unsubscribe anybody."""
    foreign = URLSafeSerializer([NEW], salt="preferences").dumps(1)
    assert isinstance(foreign, str)
    assert Links(URL, [NEW]).contact_of(foreign, "unsubscribe") is None


def test_links_outlive_a_change_of_keys() -> None:
    """After a new key is put first, old links still work and new ones no longer need the old key."""
    old_token = _token(Links(URL, [OLD]).unsubscribe(7))
    rotated = Links(URL, [NEW, OLD])
    assert rotated.contact_of(old_token, "unsubscribe") == 7
    assert Links(URL, [NEW]).contact_of(_token(rotated.unsubscribe(7)), "unsubscribe") == 7


def test_keys_are_split_newest_first() -> None:
    """Keys stand in one setting, separated by commas."""
    assert signing_keys(f" {NEW}, {OLD},\n") == [NEW, OLD]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" , ", "empty"),
        ("short", "fewer than 32"),
        ("changeme" * 4, "placeholder"),
        (",".join([NEW] * 11), "more than 10"),
    ],
)
def test_weak_keys_are_refused(text: str, reason: str) -> None:
    """A key that protects nothing is refused, and the message neither shows it nor leaves one without a remedy."""
    with pytest.raises(ConfigurationError, match=reason) as error:
        signing_keys(text)
    assert "openssl rand" in str(error.value)
    assert "changemechangeme" not in str(error.value)


@pytest.mark.parametrize("purpose", get_args(Purpose))
def test_a_sample_is_as_long_as_the_longest_link_and_opens_nothing(purpose: Purpose) -> None:
    """Whoever counts the segments of an SMS by a made-up link counts what a real one takes; nobody speaks by it."""
    links = Links(URL, [NEW])
    sample = sample_url(URL, purpose)
    more = ("noor@example.com",) if purpose == "confirm" else ()
    longest: str = getattr(links, purpose)(NUMBER_MAX, *more)
    assert len(sample) == len(longest) >= len(getattr(links, purpose)(123_456, *more))
    assert sample.rpartition("/")[0] == longest.rpartition("/")[0]
    assert {links.contact_of(_token(sample), one) for one in get_args(ContactPurpose)} == {None}
    assert links.asked_of(_token(sample)) is None
    assert links.message_of(_token(sample)) is None


def test_a_confirming_link_is_for_one_contact_and_one_address() -> None:
    """Whoever had the letter confirms what it was sent to; capitals and new keys change nothing."""
    token = _token(Links(URL, [OLD]).confirm(7, "Noor@Example.com"))
    links = Links(URL, [NEW, OLD])
    assert links.asked_of(token) == 7
    assert links.confirms(token, "noor@example.com")
    assert not links.confirms(token, "nora@example.com")
    assert not links.confirms(_token(links.confirm(8, "noor@example.com")).partition(".")[0] + ".x", "noor@example.com")
    other = base64_encode("8").decode() + "." + token.partition(".")[2]
    assert links.asked_of(other) == 8
    assert not links.confirms(other, "noor@example.com")
    assert links.contact_of(token, "unsubscribe") is None


@pytest.mark.parametrize("number", ["x", "-1", "0", "9" * 40])
def test_what_is_no_number_of_a_contact_is_nobody(number: str) -> None:
    """No database is asked about a number that it could not hold."""
    assert Links(URL, [NEW]).asked_of(base64_encode(number).decode() + ".x") is None
