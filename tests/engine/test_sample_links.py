"""Made-up links and codes take the room of real ones, wherever a message is looked at before it is sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from clm.content.links import NUMBER_MAX, Links
from clm.content.personas import sample_code
from clm.domain.offer import CODE_ALPHABET, Offer
from clm.domain.sms import segments
from clm.engine.coupons import _draw
from clm.engine.preview import Preview, SampleLinks
from clm.engine.proofreading import Reading, readers
from clm.engine.workspace import Project, load_project
from clm.settings import Settings

PROJECT = Path(__file__).parents[2]
NOW = 1_795_000_000_000
KEYS = ["0123456789abcdef" * 2]
PURPOSES = ("unsubscribe", "preferences", "referral", "confirm")


@pytest.fixture(scope="module")
def settings() -> Settings:
    """Those of the shipped project."""
    return Settings(config=PROJECT / "config", templates=PROJECT / "templates")


@pytest.fixture(scope="module")
def project(settings: Settings) -> Project:
    """The shipped project."""
    return load_project(settings)


def _question(project: Project, locale: str) -> Reading:
    """The question that is asked by SMS."""
    [campaign] = [one for one in project.configuration.campaigns if one.campaign == "feedback"]
    [step] = [one for one in campaign.sends if one.send == "rating_sms"]
    return Reading(campaign, step, locale)


@pytest.mark.parametrize("locale", ["en", "fa", "ar", "th", "ru"])
def test_the_question_by_sms_is_counted_as_it_is_billed(project: Project, settings: Settings, locale: str) -> None:
    """What a made-up reader gets takes as many segments as what a customer gets, and no more than three."""
    reading = _question(project, locale)
    reader = readers(project, settings, reading, now=NOW)["all facts"]
    real = Links(settings.public_url, KEYS).survey(NUMBER_MAX)
    as_sent = reader | {"survey": reader["survey"] | {"url": real}}
    seen = Preview(project, settings, NOW).of_persona(reading.campaign, reading.step, locale)
    sent = project.library.render("feedback", "rating_sms", "sms", locale, as_sent)
    assert real in sent.text
    assert segments(seen.text) == segments(sent.text)
    assert segments(sent.text).count <= 3


@pytest.mark.parametrize("purpose", PURPOSES)
def test_every_way_of_looking_shows_links_of_a_real_length(project: Project, settings: Settings, purpose: str) -> None:
    """Links of made-up readers, and those that stand for a contact's own in a preview, are alike."""
    reading = _question(project, "en")
    more = ("noor@example.com",) if purpose == "confirm" else ()
    real: str = getattr(Links(settings.public_url, KEYS), purpose)(NUMBER_MAX, *more)
    for reader in readers(project, settings, reading, now=NOW).values():
        assert len(reader["links"][purpose]) == len(real)
    assert len(getattr(SampleLinks(settings.public_url, KEYS), purpose)(1, *more)) == len(real)


@pytest.mark.parametrize("prefix", ["UP", "BACK", "TEAFORTWOLEA"])
def test_a_made_up_code_is_as_long_as_a_real_one_and_is_none(prefix: str) -> None:
    """It begins as those of its offer do, and ends in letters that no code has."""
    code = sample_code(Offer("back", "percent", 7, prefix=prefix, percent=10))
    real = _draw(prefix)
    assert len(code) == len(real)
    assert code.startswith(f"{prefix}-")
    assert not set(code.removeprefix(f"{prefix}-")) <= set(CODE_ALPHABET)
    assert "-" in sample_code(Offer("back", "percent", 7, percent=10))


def test_the_last_call_by_sms_carries_a_code_of_its_offer(project: Project, settings: Settings) -> None:
    """Whoever looks at an SMS with a code sees one that is as long as what customers get."""
    [campaign] = [one for one in project.configuration.campaigns if one.campaign == "win_back"]
    [step] = [one for one in campaign.sends if one.send == "last_call"]
    offer = project.configuration.offers[step.coupon or ""]
    seen = Preview(project, settings, NOW).of_persona(campaign, step, "en")
    assert f" {sample_code(offer)}" in seen.text
