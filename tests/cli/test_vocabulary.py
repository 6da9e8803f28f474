"""`clm facts`, `clm segments`, `clm campaigns` and `clm diagram`: what there is, who is meant, and how it stands."""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from clm.config import load_configuration
from clm.domain.fact import FACTS
from clm.domain.instant import DAY_MS
from clm.domain.record import EventRecord
from clm.engine.advance import advance
from clm.engine.enrol import enrol
from clm.engine.journey import Journeys
from clm.settings import Settings
from clm.store.database import Database
from tests.cli.conftest import ROOT, Clm
from tests.engine.shop import NOW, Shop, order

AT = "2024-10-04T00:00:00Z"


@pytest.fixture
def shop(clm: Clm) -> Shop:
    """Ada, who ordered yesterday and viewed twice; Bob, who ordered half a year ago; Cem, who never did."""
    assert clm("db", "upgrade").returncode == 0
    shop = Shop(Database(Settings().store_url))
    shop.tell(order("a1", "ada", email="ada@example.com", email_consent=True))
    shop.tell(order("b1", "bob", at=NOW - 180 * DAY_MS))
    shop.tell(
        *[EventRecord(f"v{number}", "ada", "viewed_product", NOW - number, "{}") for number in range(2)],
        EventRecord("v3", "cem", "visited", NOW, "{}"),
    )
    shop.database.close()
    return shop


def printed(clm: Clm, *arguments: str) -> Any:
    """The JSON document of a command that ends well."""
    ended = clm(*arguments, "--json")
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@pytest.mark.usefixtures("shop")
def test_facts_say_of_how_many_each_is_known(clm: Clm) -> None:
    """Two of three have ordered, one has consented; computed facts have no count; events are listed as they came."""
    found = printed(clm, "facts")
    known = {fact["name"]: fact["known_of"] for fact in found["facts"]}
    assert found["contacts"] == 3
    assert known.keys() == FACTS.keys()
    assert (known["last_order_at"], known["email_consent"], known["order_count"], known["born_on"]) == (2, 1, 3, 0)
    assert known["local_hour"] is None
    assert known["ordered_since_entry"] is None
    assert found["events"] == [
        {"name": "viewed_product", "events": 2, "contacts": 1, "latest_at": AT},
        {"name": "visited", "events": 1, "contacts": 1, "latest_at": AT},
    ]
    assert {"name", "type", "meaning", "example", "use"} == set(found["functions"][0])
    table = clm("facts").stdout
    for fact in FACTS.values():
        assert fact.name in table
    assert "days_since(last_order_at) > 90" in table, "whole, so that it can be copied"


@pytest.mark.usefixtures("shop")
def test_segments_count_who_is_in_them_at_an_instant(clm: Clm) -> None:
    """Bob is lapsed now, and was not in the week after his order."""
    found = {row["name"]: row["contacts"] for row in printed(clm, "segments", "--at", AT)["segments"]}
    assert (found["first_time"], found["lapsed"], found["registered"]) == (1, 1, 1)
    earlier = printed(clm, "segments", "--at", "2024-04-10")
    assert {row["name"]: row["contacts"] for row in earlier["segments"]}["lapsed"] == 0
    assert [row["name"] for row in earlier["stages"]][-1] == "reach"
    assert {row["name"] for row in earlier["groups"]} >= {"champions", "lost"}
    wrong = clm("segments", "--at", "tomorrow")
    assert (wrong.returncode, "--at tomorrow: write ISO 8601" in wrong.stderr) == (1, True)


@pytest.mark.usefixtures("shop")
def test_campaigns_show_who_is_on_which_version(clm: Clm, tmp_path: Path) -> None:
    """Bob is on the version before the file was edited; of a campaign whose file is gone it is told."""
    config = tmp_path / "config"
    shutil.copytree(ROOT / "config", config)
    _tick(config)
    file = config / "campaigns" / "win_back.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("wait: 6d", "wait: 8d"), encoding="utf-8")
    (config / "campaigns" / "referral.yaml").unlink()
    found = {row["campaign"]: row for row in _campaigns(clm, config)}
    back = found["win_back"]
    assert (back["active"], back["status"], back["priority"]) == (1, "live", 80)
    assert [(one["current"], one["active"]) for one in back["versions"]] == [(False, 1)]
    assert back["version"] != back["versions"][0]["version"]
    assert found["sunset"]["status"] == "draft"
    table = clm("campaigns", CLM_CONFIG=str(config)).stdout
    assert f"on {back['versions'][0]['version']}, from 2024-10-04" in table


def test_a_campaign_is_drawn_from_its_file(clm: Clm, tmp_path: Path) -> None:
    """Mermaid to the screen, a picture to a file; an unknown name is told with the nearest."""
    drawn = clm("diagram", "win_back")
    assert drawn.returncode == 0
    assert drawn.stdout.startswith("flowchart TD")
    picture = tmp_path / "win_back.svg"
    assert clm("diagram", "win_back", "--format", "svg", "--out", str(picture)).returncode == 0
    assert picture.read_text(encoding="utf-8").startswith("<svg")
    wrong = clm("diagram", "win_bak")
    assert wrong.returncode == 1
    assert "did you mean `win_back`?" in wrong.stderr


def _campaigns(clm: Clm, config: Path) -> Any:
    ended = clm("campaigns", "--json", CLM_CONFIG=str(config))
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def _tick(config: Path) -> None:
    configuration = load_configuration(config)
    journeys = Journeys(configuration)
    with contextlib.closing(Database(Settings().store_url)) as database:
        for campaign in journeys.live():
            enrol(database, journeys, campaign, now=NOW)
            advance(database, journeys, campaign, now=NOW)
