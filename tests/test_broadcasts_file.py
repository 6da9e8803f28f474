"""config/broadcasts/: what a file may say, and how faults are told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from clm.config import Configuration, load_configuration
from clm.domain.broadcast import Broadcast
from clm.domain.campaign import SplitStep
from clm.domain.instant import iso
from clm.errors import ConfigurationError
from tests.conftest import PROJECT

HARVEST = """\
broadcast: harvest
title: The harvest is in
to: email_consent
at: "2030-03-31 01:30"
channel: email
send: letter
"""
NUDGE = """\
campaign: nudge
title: Nudge
status: live
enter: {when: order_count >= 1, once_per: contact}
steps: [{send: hello, channel: email}]
"""


@pytest.fixture
def read(config_folder: Callable[..., Path]) -> Callable[..., Configuration]:
    """Reads a project with one broadcast, of the text given."""

    def reading(text: str, name: str = "harvest") -> Configuration:
        folder = config_folder(nudge=NUDGE)
        (folder / "broadcasts").mkdir(exist_ok=True)
        (folder / "broadcasts" / f"{name}.yaml").write_text(text, encoding="utf-8")
        return load_configuration(folder)

    return reading


def test_a_broadcast_is_a_campaign_that_is_no_campaign(read: Callable[..., Configuration]) -> None:
    """It is listed apart; its time is that of each contact's clock, or of the shop's, also where clocks change."""
    found = read(HARVEST)
    (harvest,) = found.broadcasts
    assert [one.campaign for one in found.campaigns] == ["nudge"]
    assert [one.campaign for one in found.all_campaigns] == ["nudge", "harvest"]
    due = [iso(harvest.due_at(zone, "UTC")) for zone in ("Asia/Tehran", None, "Europe/London", "no zone")]
    told = [f"2030-03-{at}Z" for at in ("30T22:00:00", "31T01:30:00", "31T01:30:00", "31T01:30:00")]
    assert due == told, "London's clocks skip 01:30, and half an hour after one is half past two there"
    (shops,) = read(HARVEST + "where: shop\n").broadcasts
    assert iso(shops.due_at("Asia/Tehran", "Europe/Paris")) == "2030-03-31T00:30:00Z"


def test_lots_may_be_drawn_between_several_letters(read: Callable[..., Configuration]) -> None:
    """As a split of a campaign, with an arm for each."""
    arms = "split: [{name: plain, send: letter}, {name: asking, weight: 2, send: question}]"
    (split,) = read(HARVEST.replace("send: letter", arms)).broadcasts
    assert [step.send for step in split.sends] == ["letter", "question"]
    assert isinstance(split.steps[0], SplitStep)
    assert [arm.weight for arm in split.steps[0].split] == [1, 2]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("broadcast: harvest", "broadcast: autumn", ":1:1: broadcast: is `autumn` but the file is harvest.yaml"),
        ("to: email_consent", "to: email_consnt", ":3:5: to: `email_consnt` is not a fact; did you mean `email_cons"),
        ("to: email_consent", "to: ordered_since_entry", ":3:5: to: `ordered_since_entry`"),
        ('"2030-03-31 01:30"', '"2030-03-32 01:30"', ":4:1: at: `2030-03-32 01:30` is not a date and a time of day"),
        ('"2030-03-31 01:30"', "2030-03-31", ":4:1: at: `2030-03-31` is not a date and a time of day"),
        ("send: letter", "sent: letter", "`sent` is not a setting; did you mean `send`?"),
        ("send: letter", "send: letter\ncoupon: spring", ":7:1: coupon: `spring` is no offer of config/offers.yaml"),
        ("send: letter", "send: letter\ntopic: news", ":7:1: topic: `news` is no topic of config/topics.yaml (there"),
        (
            "send: letter",
            "split: [{name: plain, send: letter}, {name: plain, send: question}]",
            "two arms of `split` have the same `name`; nobody could tell them apart",
        ),
        (
            "send: letter",
            "split: [{name: plain, send: letter}, {name: asking, send: letter}]",
            "two arms of `split` have the same `send`; nobody could tell them apart",
        ),
        ("send: letter", "within: 1d", "sends one letter (`send: letter`) or draws lots between several"),
        ("channel: email", "channel: staff", ":5:1: channel: `staff` is not known here; write `email` or `sms`"),
        ("send: letter", "send: letter\nwithin: 7", ":7:1: within: `7` is not a duration; write 30m, 4h, 6d or 2w"),
        ("send: letter", "send: letter\nwithin: -7", ":7:1: within: `-7` is not a duration"),
        ("send: letter", "send: letter\nwithin: 0d", ":7:1: within: `0d` is too short"),
        ("send: letter", "send: letter\nwithin: 59m", "write 1h or more"),
        (
            "send: letter",
            "send: letter\ngoal: {when: ordered_since_entry, within: 7}",
            ":7:35: goal.within: `7` is not a duration",
        ),
        (
            "send: letter",
            "send: letter\ngoal: {when: ordered_since_entry, within: 0d}",
            ":7:35: goal.within: `0d` is too short; write 1m or more",
        ),
        ("2030-03-31 01:30", "9999-12-31 23:59", ":4:1: at: `9999-12-31 23:59` lies outside of 2000 to 2099; is the y"),
        ("2030-03-31 01:30", "2100-01-01 00:00", ":4:1: at: `2100-01-01 00:00` lies outside of 2000 to 2099"),
        ("2030-03-31 01:30", "0001-01-01 00:00", ":4:1: at: `0001-01-01 00:00` lies outside of 2000 to 2099"),
        ("2030-03-31 01:30", "1999-12-31 23:59", ":4:1: at: `1999-12-31 23:59` lies outside of 2000 to 2099"),
    ],
)
def test_faults_name_file_line_and_remedy(read: Callable[..., Configuration], old: str, new: str, fault: str) -> None:
    """Whatever is wrong is told where it stands."""
    with pytest.raises(ConfigurationError) as refused:
        read(HARVEST.replace(old, new))
    assert "harvest.yaml" in str(refused.value)
    assert fault in str(refused.value)


def test_a_campaigns_name_is_taken(read: Callable[..., Configuration]) -> None:
    """Messages and enrolments of the two could not be told apart."""
    with pytest.raises(ConfigurationError, match="there is a campaign `nudge` already"):
        read(HARVEST.replace("broadcast: harvest", "broadcast: nudge"), "nudge")


def test_the_shipped_broadcasts_are_sound() -> None:
    """Two examples, which harm nobody until they are announced."""
    assert [one.campaign for one in load_configuration(PROJECT / "config").broadcasts] == ["harvest", "recommend"]


@pytest.mark.parametrize("at", ["2000-01-01 00:00", "2099-12-31 23:59"])
def test_a_letter_is_due_in_every_zone_at_the_ends_of_the_years_there_are(
    read: Callable[..., Configuration], at: str
) -> None:
    """The first and the last minute that a file may say are instants from Kiritimati to Pago Pago."""
    (harvest,) = read(HARVEST.replace("2030-03-31 01:30", at)).broadcasts
    due = [harvest.due_at(zone, "UTC") for zone in ("Pacific/Kiritimati", "UTC", "Pacific/Pago_Pago")]
    assert due == sorted(due)
    assert iso(due[1]) == f"{at.replace(' ', 'T')}:00Z"


def test_a_broadcast_that_was_announced_is_read_whatever_a_file_may_say_today() -> None:
    """What was taken in under an older clm, with a year and a deadline that are refused now, reads as it was."""
    kept = {
        "campaign": "harvest",
        "enter": {"when": "email_consent", "once_per": "contact"},
        "at": "9999-12-30 09:00",
        "where": "shop",
        "steps": [{"send": "letter", "channel": "email", "within": 0}],
    }
    found = Broadcast.model_validate(kept | {"title": "The harvest is in", "status": "live"})
    assert (found.at, found.sends[0].within) == ("9999-12-30 09:00", 0)
