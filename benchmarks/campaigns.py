"""Twenty campaigns to evaluate: the shipped sixteen, all live, and four more with other numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from clm.config import load_configuration
from clm.domain.campaign import Campaign
from clm.engine.journey import Journeys

CONFIG: Final = Path(__file__).parent.parent / "config"
_MORE: Final = {
    "win_back_60": ("win_back", "usual_gap(0.8, 90)", "usual_gap(0.5, 60)"),
    "win_back_182": ("win_back", "usual_gap(0.8, 90)", "usual_gap(0.9, 182)"),
    "second_purchase_late": ("second_purchase", "between 30 and 60", "between 60 and 90"),
    "welcome_week": ("welcome", "<= 48", "<= 168"),
}


def twenty() -> Journeys:
    """The campaigns, as a run reads them."""
    configuration = load_configuration(CONFIG)
    by_name = {one.campaign: one.model_copy(update={"status": "live"}) for one in configuration.campaigns}
    for name, (like, old, new) in _MORE.items():
        by_name[name] = _changed(by_name[like], name, old, new)
    return Journeys(replace(configuration, campaigns=tuple(by_name.values()), _parsed={}))


def _changed(campaign: Campaign, name: str, old: str, new: str) -> Campaign:
    enter = campaign.enter.model_copy(update={"when": campaign.enter.when.replace(old, new)})
    if enter == campaign.enter:
        raise ValueError(f"{campaign.campaign} does not say `{old}` any more")
    return campaign.model_copy(update={"campaign": name, "enter": enter})
