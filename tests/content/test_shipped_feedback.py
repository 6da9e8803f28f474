"""Marks, and what follows from them, whatever else was answered before the run that would tell of it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from clm.config import load_configuration
from clm.domain.instant import DAY_MS, HOUR_MS
from clm.domain.survey import LOW_MARKS, Given, Survey
from clm.engine.surveys import answer, asked
from clm.store.database import Database
from tests.engine.asked import ask
from tests.engine.shop import NOW

from .conftest import PROJECT
from .town import Town

pytestmark = pytest.mark.slow

LOW, HIGH = "feedback_low", "feedback_high"


@pytest.fixture(scope="module")
def surveys() -> Mapping[str, Survey]:
    """The shipped surveys."""
    return load_configuration(PROJECT / "config").surveys


@pytest.fixture
def ada(database: Database) -> Town:
    """A town in which Ada lives, who ordered 40 days ago."""
    town = Town(database)
    town.person("ada", 40)
    return town


def give(town: Town, surveys: Mapping[str, Survey], message: int, mark: int, *, hours: float) -> None:
    """Answer a message by its page, so many hours ago."""
    found = asked(town.database, surveys, message)
    assert found is not None
    assert answer(town.database, found, Given(mark=mark), now=NOW - round(hours * HOUR_MS)) is not None


def theirs(town: Town) -> set[str]:
    """The campaigns about marks that one run takes Ada into."""
    return town.entered().get("ada", set()) & {LOW, HIGH}


@pytest.mark.parametrize("survey", LOW_MARKS)
def test_what_is_low_is_the_same_everywhere(ada: Town, surveys: Mapping[str, Survey], survey: str) -> None:
    """The surveys and the campaign draw the line where `clm resolve` does; that the policy does is tested beside it."""
    low = LOW_MARKS[survey]
    assert surveys[survey].low == low
    ada.did("ada", "survey_answered", 0.5, survey=survey, score=low + 1)
    assert theirs(ada) == set()
    ada.did("ada", "survey_answered", 0.25, survey=survey, score=low)
    assert theirs(ada) == {LOW}


@pytest.mark.parametrize("better", [("csat", 5), ("nps", 10), ("rating", 5)])
@pytest.mark.parametrize("low", [("rating", 1), ("nps", 6), ("csat", 2)])
def test_no_complaint_is_lost_to_a_better_mark(
    ada: Town, surveys: Mapping[str, Survey], low: tuple[str, int], better: tuple[str, int]
) -> None:
    """Both given before the run: the team is told of the low one, be the better one of another survey or the same."""
    at = NOW - DAY_MS
    give(ada, surveys, ask(ada.database, survey=low[0], at=at), low[1], hours=2)
    give(ada, surveys, ask(ada.database, survey=better[0], at=at), better[1], hours=1)
    assert LOW in theirs(ada)


def test_a_second_thought_about_the_same_message_is_told_too(ada: Town, surveys: Mapping[str, Survey]) -> None:
    """Whether a run came in between the two must not decide it; nobody is reminded of what is over."""
    message = ask(ada.database, at=NOW - DAY_MS)
    give(ada, surveys, message, 1, hours=2)
    give(ada, surveys, message, 4, hours=1)
    assert [sent for sent in ada.walk(LOW, days=3) if sent[2] == "staff"] == [(0, "alert", "staff")]


@pytest.mark.parametrize("low", [("rating", 2), ("nps", 6)])
@pytest.mark.parametrize("better", ["rating", "nps", "csat"])
def test_no_complaint_that_a_source_tells_is_lost(ada: Town, low: tuple[str, int], better: str) -> None:
    """The shop's own file tells both; what is not over is reminded of."""
    ada.did("ada", "survey_answered", 0.5, survey=low[0], score=low[1])
    ada.did("ada", "survey_answered", 0.25, survey=better, score=5 if better != "nps" else 9)
    over = low[0] == better
    assert ada.walk(LOW, days=3) == [(0, "alert", "staff"), (2, "overdue", "staff")][: 1 if over else 2]


def test_each_low_mark_is_told_once(ada: Town) -> None:
    """Later answers of any kind tell nothing again, be the mark open or settled; another low mark does."""

    def told() -> int:
        ada.entered()
        with ada.database.read() as tx:
            return tx.exec_driver_sql(f"SELECT COUNT(*) FROM enrolments WHERE campaign = '{LOW}'").scalar_one()

    ada.did("ada", "survey_answered", 3, survey="rating", score=1)
    assert told() == 1
    ada.did("ada", "survey_answered", 2, survey="csat", score=5)
    assert told() == 1
    ada.did("ada", "survey_answered", 1, survey="rating", score=5)
    assert told() == 1
    ada.did("ada", "survey_answered", 0.5, survey="nps", score=3)
    assert told() == 2


@pytest.mark.parametrize("closing", [{"resolution": "put right"}, {}])
def test_what_people_of_ours_have_put_right_is_not_told(
    ada: Town, surveys: Mapping[str, Survey], closing: dict[str, str]
) -> None:
    """By `clm resolve` or by the helpdesk, also where another survey was answered since."""
    message = ask(ada.database, at=NOW - DAY_MS)
    give(ada, surveys, message, 1, hours=3)
    ada.did("ada", "ticket_closed", 2 / 24, ticket_id=f"survey {message}", **closing)
    give(ada, surveys, ask(ada.database, survey="csat", at=NOW - DAY_MS), 5, hours=1)
    assert theirs(ada) == set()


@pytest.mark.parametrize("high", [("rating", 5), ("nps", 9)])
@pytest.mark.parametrize(
    ("later", "thanked"),
    [(("csat", 4), True), (("rating", 4), None), (("nps", 8), None), (("rating", 1), False), (("nps", 2), False)],
)
def test_a_high_mark_is_not_lost_either(
    ada: Town, high: tuple[str, int], later: tuple[str, int], thanked: bool | None
) -> None:
    """Another survey's answer takes no thanks away, unless it is a low mark; the same survey's newer answer counts."""
    ada.did("ada", "survey_answered", 0.5, survey=high[0], score=high[1])
    ada.did("ada", "survey_answered", 0.25, survey=later[0], score=later[1])
    expected = high[0] != later[0] if thanked is None else thanked
    assert (HIGH in theirs(ada)) is expected


def test_whoever_complains_by_another_survey_is_not_thanked(ada: Town, surveys: Mapping[str, Survey]) -> None:
    """What is low config/surveys.yaml says; a complaint from before the high mark takes no thanks away."""
    give(ada, surveys, ask(ada.database, survey="nps", at=NOW - DAY_MS), 10, hours=3)
    give(ada, surveys, ask(ada.database, survey="csat", at=NOW - DAY_MS), 1, hours=2)
    assert theirs(ada) == {LOW}
    give(ada, surveys, ask(ada.database, at=NOW - DAY_MS), 5, hours=1)
    assert theirs(ada) == {LOW, HIGH}
