"""Lengths of time in campaign files and all others: with their unit, and neither nothing nor beyond all plans."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from clm.config import load_configuration
from clm.domain.campaign import Campaign
from tests.conftest import PROJECT
from tests.domain.test_campaign_files import HELLO, Config, campaign, faults

OTHER = "{{name: b, weight: 1, steps: []}}]}}]\n"
LENGTHS = [
    ("enter: {{when: order_count >= 1, once_per: contact, again_after: {0}}}\n", "enter.again_after"),
    (
        "enter: {{when: order_count >= 1, once_per: contact, at_most: {{entries: 5, within: {0}}}}}\n",
        "enter.at_most.within",
    ),
    ("goal: {{when: ordered_since_entry, within: {0}}}\n", "goal.within"),
    ("steps: [{{send: hello, channel: email, within: {0}}}]\n", "steps.1.within"),
    ("steps: [{{send: hello, channel: email}}, {{wait: {0}}}]\n", "steps.2.wait"),
    (
        "steps: [{{wait_until: {{when: sms_consent, at_most: {0}}}}}, {{send: hello, channel: email}}]\n",
        "steps.1.wait_until.at_most",
    ),
    (
        "steps: [{{wait_until: {{at: '09:00', at_most: {0}}}}}, {{send: hello, channel: email}}]\n",
        "steps.1.wait_until.at_most",
    ),
    (
        "steps: [{{branch: [{{steps: [{{wait: {0}}}]}}]}}, {{send: hello, channel: email}}]\n",
        "steps.1.branch.1.steps.1.wait",
    ),
    (
        "steps: [{{split: [{{name: a, weight: 1, steps: [{{send: a, channel: sms, within: {0}}}]}}, " + OTHER,
        "steps.1.split.1.steps.1.within",
    ),
]
"""Every length of time that a campaign's file may name, to be filled in, and the field of its fault."""
AGES = 9999 * 7 * 86_400_000


def lasting(setting: str, written: str) -> str:
    """The nudge campaign with one length of time written as told."""
    line = setting.format(written)
    key = line.split(":")[0]
    kept = {
        "enter": "enter: {when: order_count >= 1, once_per: contact}\n",
        "steps": "steps: [{send: hello, channel: email}]\n",
    }
    return "campaign: nudge\ntitle: Nudge\nstatus: live\n" + "".join((kept | {key: line}).values())


@pytest.mark.parametrize(("setting", "field"), LENGTHS)
@pytest.mark.parametrize("written", ["6", "-6", "3600000", "1.5", "'6'", "10:00", "true", "-6d", "6 days"])
def test_a_length_of_time_has_its_unit(config_folder: Config, setting: str, field: str, written: str) -> None:
    """A bare number is days to one reader and minutes to another, and was milliseconds to the engine."""
    (fault,) = faults(config_folder(nudge=lasting(setting, written)))
    assert fault.startswith("campaigns/nudge.yaml:")
    told = {"10:00": "600", "true": "True", "'6'": "6"}.get(written, written)
    assert fault.endswith(f" {field}: `{told}` is not a duration; write 30m, 4h, 6d or 2w")


@pytest.mark.parametrize(("setting", "field"), LENGTHS)
def test_a_length_of_time_is_not_nothing(config_folder: Config, setting: str, field: str) -> None:
    """No wait or window is over as it begins, and a letter has the hour that runs may take to send it."""
    sends = field.startswith("steps") and field.endswith(".within")
    least, short = ("1h", ["0d", "0m", "59m"]) if sends else ("1m", ["0d", "0m"])
    for written in short:
        (fault,) = faults(config_folder(nudge=lasting(setting, written)))
        assert f" {field}: `{written}` is too short" in fault
        assert f"write {least} or more" in fault
    load_configuration(config_folder(nudge=lasting(setting, least)))


@pytest.mark.parametrize(("setting", "field"), LENGTHS)
def test_a_length_of_time_is_not_beyond_all_plans(config_folder: Config, setting: str, field: str) -> None:
    """A campaign looks five years ahead at most; more is a slip, told with file, line, field and remedy."""
    for written in ("9999w", "9999d", "261w", "1826d"):
        (fault,) = faults(config_folder(nudge=lasting(setting, written)))
        assert re.match(r"campaigns/nudge.yaml:\d+:\d+: ", fault)
        assert fault.endswith(f" {field}: `{written}` is too long; write 1825d (five years) or less")
    load_configuration(config_folder(nudge=lasting(setting, "1825d")))


def test_what_people_are_on_is_read_whatever_a_file_may_say_today() -> None:
    """A kept definition is in milliseconds, also those that a file could have said once and may not now."""
    steps = [{"wait": 0}, HELLO | {"within": 7}, {"wait_until": {"when": "sms_consent", "at_most": 6}}, {"wait": AGES}]
    entered = {"when": "order_count >= 1", "once_per": "contact", "again_after": 0}
    once = campaign(steps=steps, goal={"when": "ordered_since_entry", "within": 60}, enter=entered)
    kept = json.loads(once.definition())
    assert kept["steps"] == steps
    assert (kept["goal"]["within"], kept["enter"]["again_after"]) == (60, 0)
    again = Campaign.model_validate(kept | {"title": "Nudge", "status": "live", "priority": 50})
    assert again == once
    assert again.version == once.version


def test_no_length_of_time_in_any_file_is_read_without_its_unit(tmp_path: Path) -> None:
    """Of the shipped configuration, policy, scores, campaigns and broadcasts alike: each is told where it stands."""
    folder = shutil.copytree(PROJECT / "config", tmp_path / "config")
    wanted = set()
    for path in folder.rglob("*.yaml"):
        lines = path.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines, 1):
            code, comment = re.fullmatch(r"(.*?)(\s#.*)?", line).groups("")  # type: ignore[union-attr]
            found = re.findall(r": (\d+)[mhdw](?![\w])", code)
            wanted |= {(path.relative_to(folder).as_posix(), number, bare) for bare in found}
            lines[number - 1] = re.sub(r"(: \d+)[mhdw](?![\w])", r"\1", code) + comment
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    files = {file for file, *_ in wanted}
    assert {"policy.yaml", "rfm.yaml", "broadcasts/harvest.yaml", "campaigns/trial.yaml"} <= files
    told = [re.match(r"([^:]+):(\d+):\d+: [\w.]+: `(\d+)` is not a duration; ", fault) for fault in faults(folder)]
    assert {(one[1], int(one[2]), one[3]) for one in told if one} == wanted
