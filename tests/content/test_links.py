"""Links that know who clicks, and nobody else can make."""

from __future__ import annotations

from typing import get_args

import pytest
from itsdangerous import URLSafeSerializer

from clm.content.links import NUMBER_MAX, Links, Purpose, sample_url, signing_keys
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
    longest: str = getattr(links, purpose)(NUMBER_MAX)
    assert len(sample) == len(longest) >= len(getattr(links, purpose)(123_456))
    assert sample.rpartition("/")[0] == longest.rpartition("/")[0]
    assert links.contact_of(_token(sample), purpose) is None
    assert links.message_of(_token(sample)) is None
