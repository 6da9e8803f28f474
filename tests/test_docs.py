"""What the README says is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from clm.cli.app import app
from clm.config import load_configuration
from clm.domain.campaign import Campaign
from clm.domain.fact import FACTS
from clm.domain.language import FUNCTIONS
from clm.insight.diagram import mermaid
from clm.settings import Settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_campaign_shown_is_the_one_shipped() -> None:
    """The README's campaign file is config/campaigns/win_back.yaml, comments aside."""
    (shown,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    shipped = (ROOT / "config" / "campaigns" / "win_back.yaml").read_text(encoding="utf-8")
    assert Campaign.model_validate(yaml.safe_load(shown)) == Campaign.model_validate(yaml.safe_load(shipped))


def test_every_command_is_listed() -> None:
    """The README's table names every command there is, and none that is not."""
    listed = set(re.findall(r"`clm (\w+)", README))
    commands = {name for name in app if not name.startswith("-")}
    assert listed == commands


def test_every_setting_is_listed() -> None:
    """The README's table names every environment variable that clm reads, and none that it does not."""
    read = {field.validation_alias or f"CLM_{name.upper()}" for name, field in Settings.model_fields.items()}
    assert set(re.findall(r"`((?:CLM|SENDGRID|TWILIO|SMTP)_[A-Z_]+)`", README)) == read


def test_the_language_page_lists_every_fact_and_function() -> None:
    """docs/conditions.md has a row for each, with the example that `clm facts` prints."""
    page = (ROOT / "docs" / "conditions.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \|.*\| `(.*)` \|$", page, re.MULTILINE))
    assert rows == {one.name: one.example for one in (*FACTS.values(), *FUNCTIONS)}


def test_the_diagrams_are_those_of_the_files() -> None:
    """README and docs/campaigns.md draw the campaigns as they are; `clm diagram` prints them anew."""
    drawn = {one.campaign: mermaid(one).strip() for one in load_configuration(ROOT / "config").campaigns}
    page = (ROOT / "docs" / "campaigns.md").read_text(encoding="utf-8")
    found = dict(re.findall(r"^## `(\w+)`.*?```mermaid\n(.*?)\n```", page, re.DOTALL | re.MULTILINE))
    assert found == drawn
    (shown,) = re.findall(r"```mermaid\n(.*?)\n```", README, re.DOTALL)
    assert shown == drawn["win_back"]


@pytest.mark.parametrize("path", re.findall(r"\]\(([^)#:]+)\)", README))
def test_what_the_readme_links_to_is_there(path: str) -> None:
    """No link of the README leads nowhere."""
    assert (ROOT / path).exists()
