"""Campaign files: everything wrong is told at once, with its place."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from clm.config import CAMPAIGNS_MAX, load_configuration
from clm.domain.campaign import Campaign, SendStep
from clm.domain.instant import DAY_MS, HOUR_MS
from clm.errors import ConfigurationError
from tests.conftest import PROJECT

NUDGE = """\
campaign: nudge
title: Nudge
status: live
enter:
  when: order_count >= 1
  once_per: contact
steps:
  - send: hello
    channel: email
"""

KNOWN = "(known: campaign, title, status, purpose, priority, enter, unless, goal, steps)"

Config = Callable[..., Path]


def faults(folder: Path) -> list[str]:
    """What is refused, with file names in place of whole paths."""
    with pytest.raises(ConfigurationError) as refusal:
        load_configuration(folder)
    return [str(fault).replace(f"{folder}/", "") for fault in refusal.value.faults]


def test_the_shipped_configuration_is_sound() -> None:
    """The five campaigns of config/ are live and load without a fault."""
    campaigns = load_configuration(PROJECT / "config").campaigns
    assert {campaign.campaign: campaign.status for campaign in campaigns} == dict.fromkeys(
        ("feedback", "high_value", "second_purchase", "welcome", "win_back"), "live"
    )
    assert [(step.send, step.channel) for step in campaigns[-1].sends][-1] == ("last_call", "sms")


def test_a_campaign_reads_as_written(config_folder: Config) -> None:
    """Durations are milliseconds, a message waits three days for a working machine, marketing is the purpose."""
    text = NUDGE + "  - wait: 6d\n  - send: value\n    channel: sms\n    within: 4h\n"
    (campaign,) = load_configuration(config_folder(nudge=text)).campaigns
    assert campaign.purpose == "marketing"
    assert [step.within for step in campaign.sends] == [3 * DAY_MS, 4 * HOUR_MS]
    assert campaign.steps[1].model_dump() == {"wait": 6 * DAY_MS}


def test_every_fault_of_every_file_is_told_at_once_with_its_place(config_folder: Config) -> None:
    """Nobody mends one fault to be told of the next: file, line and column, field and remedy of all of them."""
    bad = """\
campaign: bad
titel: Bad
status: on
enter:
  when: order_cuont >= 1
  once_per: contact
unless: "open_tickets > 0"
goal: {when: ordered_since_entry and, within: 90x}
steps:
  - send: hello
    channel: fax
  - wait: soon
  - pause: 3d
"""
    folder = config_folder(bad=bad, other=NUDGE)
    (folder / "clm.yaml").write_text("base_currency: pounds\n")
    assert sorted(faults(folder)) == sorted(
        [
            "clm.yaml:1:1: base_currency: String should match pattern '^[A-Z]{3}$'",
            "campaigns/bad.yaml:2:1: titel: `titel` is not a setting; did you mean `title`? " + KNOWN,
            "campaigns/bad.yaml:1:1: title: is required",
            "campaigns/bad.yaml:3:1: status: Input should be 'draft', 'live' or 'paused'",
            "campaigns/bad.yaml:5:9: enter.when: `order_cuont` is not a fact; did you mean `order_count`?",
            "campaigns/bad.yaml:7:10: unless: `open_tickets` is not a fact",
            "campaigns/bad.yaml:8:34: goal.when: is not a condition near `and`",
            "campaigns/bad.yaml:8:39: goal.within: `90x` is not a duration; write 30m, 4h, 6d or 2w",
            "campaigns/bad.yaml:11:5: steps.1.channel: Input should be 'email' or 'sms'",
            "campaigns/bad.yaml:12:5: steps.2.wait: `soon` is not a duration; write 30m, 4h, 6d or 2w",
            "campaigns/bad.yaml:13:5: steps.3: is neither `send: <name>` nor `wait: <duration>`",
            "campaigns/other.yaml:1:1: campaign: is `nudge` but the file is other.yaml; they must be the same",
        ]
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("title: Nudge again\n", "nudge.yaml:10:1: title: `title` is given twice; keep one"),
        ("  - send: hello\n    channel: sms\n", "nudge.yaml:7:1: steps: two steps send `hello`"),
        ("priority: 101\n", "nudge.yaml:10:1: priority: Input should be less than or equal to 100"),
        ("unless: order_count > 1 -- never\n", "nudge.yaml:10:23: unless: holds a comment"),
        ("title: [\n", "nudge.yaml:11:1: is not YAML"),
        ("goal: &goal [*goal]\n", "nudge.yaml:10:"),
        ("unless: !!python/object:os.system x\n", "nudge.yaml:10:9: cannot be read: x"),
        ("unless: 2026-02-31\n", "nudge.yaml:10:9: cannot be read: 2026-02-31"),
        ("unless: \x01\n", "nudge.yaml: is not YAML"),
    ],
)
def test_a_fault_is_told_where_it_stands(config_folder: Config, change: str, says: str) -> None:
    """Whatever is wrong with a file is a ConfigurationError with its place, never a traceback."""
    assert any(says in fault for fault in faults(config_folder(nudge=NUDGE + change)))


def test_a_campaign_that_sends_nothing_is_refused(config_folder: Config) -> None:
    """A journey of waits alone is a mistake."""
    text = NUDGE[: NUDGE.index("steps:")] + "steps:\n  - wait: 3d\n"
    assert faults(config_folder(nudge=text)) == [
        "campaigns/nudge.yaml:7:1: steps: sends nothing; add a step `send: <name>`"
    ]


def test_a_missing_clm_yaml_is_told_with_the_campaigns_faults(config_folder: Config) -> None:
    """A fault in one file hides none in another."""
    folder = config_folder(other=NUDGE)
    (folder / "clm.yaml").unlink()
    assert [fault.split(":")[0] for fault in faults(folder)] == ["clm.yaml", "campaigns/other.yaml"]


def test_a_repeating_file_is_refused_before_it_fills_the_memory(config_folder: Config) -> None:
    """A few anchors that repeat one another stand for billions of values."""
    lines = ["a0: &a0 [1, 1]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    assert "repeats itself" in faults(config_folder(nudge="\n".join(lines)))[0]


def test_more_campaigns_than_anybody_has_are_refused(config_folder: Config) -> None:
    """A folder generated by mistake is told as one fault."""
    names = [f"nudge_{number}" for number in range(CAMPAIGNS_MAX + 1)]
    folder = config_folder(**{name: NUDGE.replace("nudge", name) for name in names})
    assert faults(folder) == [f"campaigns: holds more than {CAMPAIGNS_MAX} campaigns"]


def campaign(**changes: object) -> Campaign:
    """The nudge campaign, changed."""
    given = {
        "campaign": "nudge",
        "title": "Nudge",
        "status": "live",
        "enter": {"when": "order_count >= 1", "once_per": "contact"},
        "steps": [{"send": "hello", "channel": "email"}, {"wait": "2d"}, {"send": "again", "channel": "email"}],
    }
    return Campaign.model_validate(given | changes)


def test_a_version_changes_with_what_people_go_through() -> None:
    """Title, status and priority may change under people in flight; conditions and steps make a new version."""
    before = campaign()
    assert campaign(title="Other", status="paused", priority=10).version == before.version
    assert campaign(steps=[{"send": "hello", "channel": "email"}]).version != before.version
    assert campaign(unless="order_count > 5").version != before.version
    assert campaign(enter={"when": "order_count >= 2", "once_per": "contact"}).version != before.version


def test_a_kept_definition_is_the_same_campaign_again() -> None:
    """What is kept of a version reads back as what it was, milliseconds included."""
    shown = {"title": "Nudge", "status": "live", "priority": 50}
    kept = Campaign.model_validate(json.loads(campaign().definition()) | shown)
    assert kept == campaign()
    assert isinstance(kept.steps[0], SendStep)
