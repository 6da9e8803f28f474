"""What the team reads of a low mark: of which survey and scale, what was written with it, when, about which order."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from clm.content.brand import read_brand
from clm.content.library import TemplateLibrary
from clm.domain.fact import FACTS
from clm.domain.instant import DAY_MS
from clm.domain.record import ContactRecord, EventRecord
from clm.engine.blocks import Blocks
from clm.engine.low_mark import COMMENT_BYTES_MAX, SHOWN_MAX
from clm.settings import Settings
from clm.store import addressees, previewed
from clm.store.database import Database
from clm.surveys_file import load_surveys
from tests.content.conftest import persona
from tests.engine.shop import NOW, Shop

PROJECT = Path(__file__).parents[2]
SURVEYS = load_surveys(PROJECT / "config", [])


@pytest.fixture(scope="module")
def words() -> TemplateLibrary:
    """The templates that clm ships."""
    brand = read_brand(PROJECT / "config" / "brand.yaml")
    return TemplateLibrary.load(
        PROJECT / "templates", brand=brand, default_locale="en", facts=list(FACTS), cache=Settings().cache
    )


@pytest.fixture
def shop(database: Database) -> Shop:
    """Ada."""
    found = Shop(database)
    found.tell(ContactRecord("ada", "ada@example.com", email_consent=True))
    return found


def answers(shop: Shop, *, days: float, name: str = "survey_answered", **said: Any) -> None:
    """Ada answers a survey, so many days ago."""
    shop.tell(EventRecord(f"{name} {days}", "ada", name, int(NOW - days * DAY_MS), json.dumps(said)))


def marks(shop: Shop, words: TemplateLibrary, *, until: float = 0) -> list[dict[str, Any]]:
    """The low marks that the task about Ada is given, of somebody who entered so many days ago."""
    with shop.database.read() as tx:
        row = previewed.as_if_leased(
            tx,
            addressees.named(tx, "ada")["shop"],
            campaign="feedback_low",
            version="1",
            step="alert",
            channel="staff",
            now=int(NOW - until * DAY_MS),
        )
        assert row is not None
        found = Blocks(words, (), frozenset(), NOW, surveys=SURVEYS).of(tx, [row])
    theirs: list[dict[str, Any]] = found.get(0, {}).get("low_marks", [])
    return theirs


def task(words: TemplateLibrary, given: list[dict[str, Any]], step: str = "alert") -> str:
    """What the team reads."""
    known = persona() | {"low_marks": given}
    known["links"] |= {"staff": "https://mail.shop.example/staff/contacts/7"}
    return words.render("feedback_low", step, "staff", None, known).text


@pytest.mark.parametrize("step", ["alert", "overdue"])
def test_the_task_tells_all_of_the_mark(shop: Shop, words: TemplateLibrary, step: str) -> None:
    """Whoever answers within 48 hours need not look for what was said, and has a link to everything else."""
    answers(shop, days=9, survey="rating", score=1, order_id="A-77")
    answers(shop, days=1, survey="nps", score=2, comment="Late again.\nAnd cold.")
    read = task(words, marks(shop, words), step)
    assert "The mark: 2 on the scale of 0 to 10, on October 3, 2024" in read
    assert 'Survey: nps ("How likely are you to recommend Saffron & Sage to a friend?")' in read
    assert "They wrote:\n> Late again.\n> And cold.\n" in read
    assert "Before that: 1 on the scale of 1 to 5, on September 25, 2024" in read
    assert "About the order: A-77" in read
    assert "They wrote nothing with it." in read
    assert "https://mail.shop.example/staff/contacts/7" in read


def test_what_is_low_is_what_the_survey_calls_low(shop: Shop, words: TemplateLibrary) -> None:
    """Better marks, marks of nothing, and what was answered a while ago or after they entered are not among them."""
    answers(shop, days=40, survey="rating", score=1)
    answers(shop, days=5, survey="csat", score=2)
    answers(shop, days=4, survey="nps", score=7)
    answers(shop, days=3, survey="unknown", score=0)
    answers(shop, days=2, survey="rating", score=5)
    answers(shop, days=1, survey="nps", score=0)
    assert [(one["survey"], one["score"]) for one in marks(shop, words)] == [("nps", 0), ("csat", 2)]
    assert [(one["survey"], one["score"]) for one in marks(shop, words, until=1.5)] == [("csat", 2)]


def test_an_answer_given_again_is_one_mark(shop: Shop, words: TemplateLibrary) -> None:
    """A click in the mail, then words on the page, then another mark: one complaint, as it stands, with its words."""
    answers(shop, days=4, survey="rating", score=1, message_id=7)
    answers(shop, days=3, survey="rating", score=2, message_id=7, comment="Late again.")
    answers(shop, days=2, survey="rating", score=1, message_id=8, comment="And cold.")
    answers(shop, days=1, survey="rating", score=1, message_id=7)
    given = marks(shop, words)
    assert [(one["score"], one["comment"]) for one in given] == [(1, "Late again."), (1, "And cold.")]
    assert "Before that: 1 on the scale of 1 to 5, on October 2, 2024" in task(words, given)


def test_a_comment_is_the_customers_and_does_no_harm(
    shop: Shop, words: TemplateLibrary, caplog: pytest.LogCaptureFixture
) -> None:
    """It is quoted line by line, so that it gives no orders; is cut where it is very long; and stands in no log."""
    caplog.set_level(logging.DEBUG)
    hostile = f"{{{{ 7 * 7 }}}}\x00\x1b[31m\r\nWHAT TO DO\n{'ไ' * 5_000}".replace("\x00", "")
    answers(shop, days=2, survey="rating", score=2, comment=hostile, order_id="A\n\nWHAT TO DO")
    answers(shop, days=1, survey="rating", score=1, comment=["not", "a text"], order_id={"no": "id"})
    given = marks(shop, words)
    assert given[0]["comment"] is given[0]["order_id"] is None
    assert given[1]["comment"].endswith("ไ…")
    read = task(words, given)
    assert "\n> {{ 7 * 7 }}[31m\n> WHAT TO DO\n" in read
    assert read.count("\nWHAT TO DO") == 1
    assert "About the order: A WHAT TO DO\n" in read
    assert "ไ" not in caplog.text
    assert "7 * 7" not in caplog.text


def test_however_much_they_wrote_the_task_goes_out(shop: Shop, words: TemplateLibrary) -> None:
    """A task has a limit, above which it would not be sent: the latest comment has most of the room."""
    for number, comment in enumerate(["\n".join("x" * 2_000), "😀" * 4_000, "ไ\n" * 1_000]):
        answers(shop, days=number + 1, survey="nps", score=number, comment=comment, order_id="9\x1b" * 500)
    given = marks(shop, words)
    assert len(given[0]["comment"]) > len(given[1]["comment"])
    assert all(len(one["comment"].encode()) <= COMMENT_BYTES_MAX + 3 for one in given)
    for step in ("alert", "overdue"):
        assert len(task(words, given, step).encode()) < 9_000
        assert len(task(words, given[::-1], step).encode()) < 9_000


def test_a_task_without_a_mark_says_what_it_is_about(words: TemplateLibrary) -> None:
    """Of an answer that is not there any more, the task is what it was."""
    assert task(words, []).startswith("A customer has given us a low mark")
    for number in range(SHOWN_MAX + 1):
        assert "None" not in task(words, [{"survey": "nps", "score": number, "lowest": 0, "highest": 10}])
