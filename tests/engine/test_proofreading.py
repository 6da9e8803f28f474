"""Every message is read in every language before anybody gets it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from clm.engine.proofreading import proofread, readings
from clm.engine.workspace import load_project
from clm.settings import Settings
from tests.small_project import replace, small_project

PROJECT = Path(__file__).parents[2]
NOW = 1_795_000_000_000
ONE = ("referral",)
INVITE = "templates/referral/invite"


@pytest.mark.slow
def test_the_shipped_messages_read_well_in_every_language() -> None:
    """All campaigns, in five languages, for readers of whom all is known, or nothing, or the strangest: no faults."""
    settings = Settings(config=PROJECT / "config", templates=PROJECT / "templates")
    project = load_project(settings)
    assert {one.locale for one in readings(project)} >= {"en", "fa", "ar", "th", "ru"}
    assert [str(fault) for fault in proofread(project, settings, now=NOW)] == []


@pytest.fixture
def small(tmp_path: Path) -> Settings:
    """The shipped project with one campaign alone, to break."""
    return small_project(tmp_path, *ONE, left_out=())


@pytest.mark.parametrize(
    ("breaking", "told"),
    [
        (
            lambda root: shutil.rmtree(root / "templates/referral/invite/th"),
            "templates/referral/invite/th/: has no words by email; `locales` of config/clm.yaml wants them in `th`",
        ),
        (
            lambda root: replace(root / "templates/referral/invite/en/body.mjml", "| default('there')", ""),
            f"{INVITE}/en/body.mjml:12: cannot be written to a reader with some facts: missing value contact.first",
        ),
        (
            lambda root: replace(
                root / "templates/referral/invite/fa/body.mjml",
                '<mj-include path="_base/footer.mjml" />',
                '<mj-raw>{% if contact.country == "ZZ" %}</mj-raw><mj-include path="_base/footer.mjml" />'
                "<mj-raw>{% endif %}</mj-raw>",
            ),
            "templates/referral/invite/fa/body.mjml:27: does not show http://127.0.0.1:8080/u/sample-",
        ),
        (
            lambda root: replace(root / "config/campaigns/referral.yaml", "    coupon: referral\n", ""),
            f"{INVITE}/en/body.mjml:17: cannot be written to a reader with all facts: missing value coupon",
        ),
        (
            lambda root: replace(
                root / "templates/referral/invite/en/body.mjml",
                "{{ brand.links.gifts }}",
                "https://elsewhere.example/x",
            ),
            "templates/referral/invite/en/body.mjml:21: leads to elsewhere.example",
        ),
        (
            lambda root: replace(
                root / "templates/referral/invite/en/body.mjml", "{{ brand.links.gifts }}", "{{ links.staff }}"
            ),
            f"{INVITE}/en/body.mjml:21: cannot be written to a reader with all facts: missing value links.staff",
        ),
        (
            lambda root: replace(root / "config/brand.yaml", 'muted: "#6a5a48"', 'muted: "#c0b8a8"'),
            "config/brand.yaml:41:3: colours.muted: has a contrast of",
        ),
    ],
    ids=["translation", "fallback", "way out", "coupon", "foreign link", "link of the team", "pale colour"],
)
def test_what_would_reach_readers_broken_is_told(
    small: Settings, breaking: Callable[[Path], object], told: str
) -> None:
    """A missing language, fallback or coupon, a link to strangers and a pale colour are told with the file."""
    root = small.config.parent
    assert proofread(load_project(small), small, now=NOW) == []
    breaking(root)
    found = [str(fault).removeprefix(f"{root}/") for fault in proofread(load_project(small), small, now=NOW)]
    assert any(one.startswith(told) for one in found), found
