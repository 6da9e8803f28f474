"""How a campaign goes, step by step, with those on earlier versions of its file."""

from __future__ import annotations

import pytest

from clm.config import Configuration
from clm.content.brand import Brand, read_brand
from clm.domain.campaign import Campaign
from clm.insight.diagram import svg
from clm.insight.drawing import STYLE, without_style
from clm.insight.progress import Progress, progress_of
from clm.store.database import Database
from tests.engine.rehearsal import AGAIN, HELLO, LAST, TWO_DAYS, Rehearsal, campaign, load_words, write_words
from tests.engine.shop import POUNDS
from tests.small_project import ROOT


@pytest.fixture
def rehearsal(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Rehearsal:
    """A small shop with words."""
    brand: Brand = read_brand(ROOT / "config" / "brand.yaml")
    words = load_words(write_words(tmp_path_factory.mktemp("words")), brand)
    return Rehearsal(database, words, brand)


def test_each_step_has_its_figures(rehearsal: Rehearsal) -> None:
    """Two were sent the first letter and stand before the second; one has no address; the diagram says so."""
    file = campaign(steps=[HELLO, TWO_DAYS, AGAIN])
    rehearsal.have(file)
    for name in ("ada", "bob"):
        rehearsal.customer(name)
    rehearsal.customer("carol", email=None)
    rehearsal.run()
    found = progress_of(rehearsal.database, Configuration(POUNDS, (file,)), file)
    assert (found.steps["hello"].sent, found.steps["hello"].withheld, found.steps["again"].sent) == (2, 1, 0)
    assert sum(found.in_flight.values()) == found.standing.total("active")
    assert found.elsewhere == 0
    assert found.notes() == {"hello": "2 sent, 1 not sent"}
    drawn = without_style(svg(file, found.in_flight, found.notes()))
    assert "2 sent, 1 not sent" in drawn
    assert "<style" not in drawn
    assert "style=" not in drawn
    assert STYLE in svg(file)


def test_people_on_an_earlier_version_stand_where_the_step_still_is(rehearsal: Rehearsal) -> None:
    """The rest are counted as being elsewhere."""
    before = campaign(steps=[HELLO, TWO_DAYS, AGAIN])
    rehearsal.have(before)
    rehearsal.customer("ada")
    rehearsal.run()

    def seen(today: Campaign) -> Progress:
        return progress_of(rehearsal.database, Configuration(POUNDS, (today,)), today)

    assert (seen(campaign(steps=[HELLO, TWO_DAYS, AGAIN, LAST])).in_flight, seen(before).elsewhere) == ({"again": 1}, 0)
    shorter = seen(campaign(steps=[HELLO]))
    assert (shorter.in_flight, shorter.elsewhere) == ({}, 1)
