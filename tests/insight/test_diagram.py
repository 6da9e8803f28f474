"""Diagrams: everything that is in the file is in the picture, and nothing in the file can break it."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from clm.cli.diagram import diagram
from clm.config import load_configuration
from clm.domain.campaign import Campaign
from clm.domain.node import END, ArmUntil
from clm.domain.program import program
from clm.errors import ClmError
from clm.insight.diagram import mermaid, svg
from tests.conftest import PROJECT

SVG = "{http://www.w3.org/2000/svg}"
TREE = Campaign.model_validate(
    {
        "campaign": "nudge",
        "title": 'A <b>"nudge"</b> & more | `so` #1',
        "status": "live",
        "enter": {
            "when": "order_count >= 1 and country = 'GB'",
            "once_per": "last('cart_updated')",
            "again_after": "9d",
        },
        "unless": "open_tickets > 0",
        "goal": {"when": "ordered_since_entry", "within": "30d"},
        "exit": [{"when": "last_rating <= 2", "reason": "not amused"}],
        "holdout": "10%",
        "steps": [
            {"send": "hello", "channel": "email", "coupon": "welcome"},
            {"wait": "36h"},
            {"wait_until": {"when": "clicked('hello')", "at_most": "11d", "otherwise": "last"}, "name": "interest"},
            {
                "split": [
                    {"name": "asked", "weight": 1, "steps": [{"send": "ask", "channel": "sms"}]},
                    {"name": "plain", "weight": 3, "steps": []},
                ]
            },
            {
                "branch": [
                    {"when": "order_count < 5", "steps": [{"send": "call", "channel": "staff"}, {"go_to": "last"}]},
                    {"steps": [{"suppress": "email"}, {"exit": "no <interest>"}]},
                ],
                "name": "value",
            },
            {"wait_until": {"at": "09:00", "on": ["mon", "fri"], "at_most": "7d"}, "name": "last"},
        ],
    }
)


def words(drawn: str) -> str:
    """All that is written in an SVG, line by line; reading it makes sure that it is one."""
    return "\n".join("".join(text.itertext()) for text in ET.fromstring(drawn).iter(f"{SVG}text"))


def test_the_picture_holds_all_that_the_file_says() -> None:
    """Who enters, what ends it, every step with its name, and every way with its condition."""
    told = words(svg(TREE))
    for part in (
        'A <b>"nudge"</b> & more | `so` #1',
        "order_count >= 1 and country = 'GB'",
        "once per last('cart_updated'), again after 9 days",
        "not if",
        "goal (within 30 days)",
        "leaves (not amused) when",
        "10% held out",
        "with the offer welcome",
        "wait 36 hours",
        "wait until · interest",
        "clicked('hello')",
        "asked · weight 1",
        "SMS",
        "to the team",
        "branch · value",
        "order_count < 5",
        "otherwise",
        "goes on at",
        "no more e-mail",
        "no <interest>",
        "09:00 on Mon, Fri, local",
        "at most 7 days",
        "all steps done",
    ):
        assert part in told, part


def test_a_picture_is_told_to_those_who_do_not_see_it() -> None:
    """Title and description are there for screen readers, and are what the picture is labelled by."""
    root = ET.fromstring(svg(TREE))
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert description is not None
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == f"{title.get('id')} {description.get('id')}"
    assert (description.text or "").startswith("enters when: order_count >= 1 and country = 'GB'; once per last(")
    assert "leaves no <interest>" in (description.text or "")


def test_a_picture_is_for_light_and_dark_and_loads_nothing() -> None:
    """It follows the reader's colours, and names no other file."""
    drawn = svg(TREE)
    assert "prefers-color-scheme: dark" in drawn
    assert not re.search(r"href|url\(|<script|<image|@import", drawn)


def test_counts_stand_where_they_belong() -> None:
    """By the key of each step; without counts there are none."""
    counts = {"hello": 1234, "wait-1": 7, "interest": 5, "split-1": 3, "value": 2, "last": 1, END: 99}
    told = words(svg(TREE, counts)).splitlines()
    assert [line for line in told if re.fullmatch(r"[\d,]+", line)] == ["1,234", "7", "5", "3", "2", "1", "99"]
    assert not [line for line in words(svg(TREE)).splitlines() if re.fullmatch(r"[\d,]+", line)]
    assert mermaid(TREE, counts).count("<br/><b>") == len(counts)


@pytest.fixture(scope="module")
def shipped() -> dict[str, Campaign]:
    """The shipped campaigns by name."""
    return {one.campaign: one for one in load_configuration(PROJECT / "config").campaigns}


@pytest.mark.parametrize("name", sorted(path.stem for path in (PROJECT / "config" / "campaigns").glob("*.yaml")))
def test_every_shipped_campaign_can_be_drawn(shipped: dict[str, Campaign], name: str) -> None:
    """Every step is in the picture and led to, and the picture is no wider than a page takes."""
    one = shipped[name]
    root = ET.fromstring(svg(one))
    assert float(root.get("width", "0")) <= 1_000
    told = words(svg(one))
    assert all(step.send in told for step in one.sends)
    drawn = mermaid(one)
    shown = [index for index, node in enumerate(program(one).nodes) if not isinstance(node, ArmUntil)]
    assert re.findall(r"^  n(\d+)[\[({]", drawn, re.MULTILINE) == [str(index) for index in shown]
    led_to = {int(found) for found in re.findall(r"--> ?(?:\|.*\| )?n(\d+)$", drawn, re.MULTILINE)}
    assert led_to == set(shown), "every step is led to"


def test_mermaid_reads_whatever_the_file_says() -> None:
    """Quotes, brackets, bars and hashes are written as entities, so that no text ends its label."""
    for line in mermaid(TREE).splitlines():
        if "acc" not in line:
            inside = re.findall(r'"([^"]*)"', line)
            assert line.count('"') == 2 * len(inside)
            plain = [re.sub(r"<br/>|</?b>|#\w+;", "", text) for text in inside]
            assert not re.search(r'[<>|`#"]', "".join(plain)), line
    assert mermaid(TREE).startswith("flowchart TD\n  accTitle: A <b>")


def test_branches_and_waits_say_which_way_is_which() -> None:
    """Arms carry their conditions, waits carry what ends them."""
    drawn = mermaid(TREE)
    for edge in (
        'n3 -->|"when it holds"| n4',
        'n3 -->|"after 11 days"| n10',
        'n4 -->|"asked, weight 1"| n5',
        'n4 -->|"plain, weight 3"| n6',
        'n6 -->|"order_count #lt; 5"| n7',
        'n6 -->|"otherwise"| n8',
        "n7 --> n10",
    ):
        assert edge in drawn, edge


def test_the_command_prints_or_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Mermaid on stdout by default, SVG where asked, and a campaign that is not there is told with the nearest."""
    monkeypatch.setenv("CLM_CONFIG", str(PROJECT / "config"))
    diagram("win_back")
    assert capsys.readouterr().out.startswith("flowchart TD")
    diagram("win_back", format="svg", out=tmp_path / "x.svg")
    assert capsys.readouterr().out == ""
    ET.parse(tmp_path / "x.svg")
    with pytest.raises(ClmError, match="did you mean `win_back`"):
        diagram("winback")
    with pytest.raises(ClmError, match="cannot write"):
        diagram("win_back", out=tmp_path / "missing" / "x.svg")
