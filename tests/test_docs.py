"""What the README says is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from clm.cli.app import app
from clm.domain.campaign import Campaign
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
    assert set(re.findall(r"`(CLM_\w+)`", README)) == {f"CLM_{name.upper()}" for name in Settings.model_fields}


@pytest.mark.parametrize("path", re.findall(r"\]\(([^)#:]+)\)", README))
def test_what_the_readme_links_to_is_there(path: str) -> None:
    """No link of the README leads nowhere."""
    assert (ROOT / path).exists()
