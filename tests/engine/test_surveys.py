"""What customers answer: an event and a fact, once; and a low mark is looked into before anything else is sold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from clm.config import Configuration, load_configuration
from clm.content.brand import Brand
from clm.content.library import TemplateLibrary
from clm.domain.campaign import Campaign
from clm.domain.instant import DAY_MS, HOUR_MS
from clm.domain.record import ContactRecord, EventRecord
from clm.domain.survey import Given, Survey
from clm.engine.inbound import Heard, Sms, hear
from clm.engine.journey import Journeys
from clm.engine.profile import refresh
from clm.engine.surveys import Recorded, answer, asked, matters, open_tickets, resolve
from clm.insight.surveys import Results, results
from clm.store import addressees
from clm.store.conditions import compiled
from clm.store.database import Database
from clm.store.schema import messages, profiles
from tests.conftest import PROJECT
from tests.engine.asked import ask, told
from tests.engine.guarded import Guarded
from tests.engine.rehearsal import campaign, load_words
from tests.engine.shop import NOW, Shop, order

NUMBER = "+447700900123"


@pytest.fixture(scope="module")
def shipped() -> Configuration:
    """The shipped configuration."""
    return load_configuration(PROJECT / "config")


@pytest.fixture
def surveys(shipped: Configuration) -> Mapping[str, Survey]:
    """The shipped surveys."""
    return shipped.surveys


@pytest.fixture
def shop(database: Database) -> Shop:
    """Ada, who has ordered and reads Persian, and Bob, who shares her number and reads Russian."""
    found = Shop(database)
    consent = {"phone": NUMBER, "sms_consent": True, "consent_at": NOW - 1_000}
    found.tell(ContactRecord("bob", locale="ru", **consent), ContactRecord("ada", locale="fa", **consent))
    found.tell(order("o1", at=NOW - 5 * DAY_MS), order("o2", at=NOW - 2 * DAY_MS))
    return found


def give(
    database: Database, surveys: Mapping[str, Survey], message: int, mark: int | None, *, now: int = NOW, **more: str
) -> Recorded | None:
    """Answer a message by its page."""
    found = asked(database, surveys, message)
    assert found is not None
    return answer(database, found, Given(mark=mark, **more), now=now)  # type: ignore[arg-type]


def contact(database: Database, external_id: str = "ada") -> int:
    """The number of a contact."""
    with database.read() as tx:
        return addressees.named(tx, external_id)["shop"]


def answered(event: str, survey: str, score: int, *, at: int) -> EventRecord:
    """An answer that the shop's own file tells."""
    return EventRecord(event, "ada", "survey_answered", at, json.dumps({"survey": survey, "score": score}))


def owed(database: Database, shipped: Configuration, who: int, *, now: int) -> bool:
    """Whether the shipped policy holds promotions to a contact."""
    service_first = shipped.policy.service_first
    assert service_first is not None
    refresh(database, now=now)
    query = select(profiles.c.contact_id).where(profiles.c.contact_id == who, compiled(service_first, now))
    with database.read() as tx:
        return tx.scalar(query) is not None


class TestAnswering:
    """By the page of a message."""

    def test_an_answer_is_an_event_and_a_fact(self, shop: Shop, surveys: Mapping[str, Survey]) -> None:
        """A rating is of the order that was the last one when they were asked, whatever they have ordered since."""
        message = ask(shop.database, at=NOW - DAY_MS)
        shop.tell(order("o3", at=NOW - HOUR_MS))
        recorded = give(shop.database, surveys, message, 4, comment="Good tea")
        assert recorded is not None
        assert recorded.changed
        assert told(shop.database) == [
            {"survey": "rating", "score": 4, "comment": "Good tea", "message_id": message, "order_id": "o2"}
        ]
        assert (shop.profile()["last_rating"], shop.profile()["last_rated_at"]) == (4, NOW)

    def test_the_same_again_changes_nothing_and_another_counts(self, shop: Shop, surveys: Mapping[str, Survey]) -> None:
        """A page sent twice is one answer, a blank comment takes none back; a second thought is the newer answer."""
        message = ask(shop.database)
        give(shop.database, surveys, message, 4, comment="Good tea")
        before = shop.profile()
        for again in ({}, {"comment": "Good tea"}):
            recorded = give(shop.database, surveys, message, 4, now=NOW + 1, **again)
            assert recorded is not None
            assert (recorded.changed, recorded.again) == (False, True)
        assert shop.profile() == before
        give(shop.database, surveys, message, 5)  # in the same millisecond
        assert [one["score"] for one in told(shop.database)] == [4, 5]
        assert shop.profile()["last_rating"] == 5

    def test_of_many_at_once_one_is_recorded(self, shop: Shop, surveys: Mapping[str, Survey]) -> None:
        """A button pressed eight times at the same moment is one answer and one ticket."""
        message = ask(shop.database)
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _: give(shop.database, surveys, message, 1), range(8)))
        assert sum(one is not None and one.changed for one in found) == 1
        assert len(told(shop.database, "survey_answered")) == len(told(shop.database, "ticket_opened")) == 1

    def test_questions_stand_in_the_event_by_their_names(self, shop: Shop, surveys: Mapping[str, Survey]) -> None:
        """So that conditions can ask for them."""
        message = ask(shop.database, survey="three_questions")
        found = asked(shop.database, surveys, message)
        assert found is not None
        answer(shop.database, found, Given(answers={"source": "friend", "friction": "the postage"}), now=NOW)
        assert told(shop.database) == [
            {"survey": "three_questions", "message_id": message, "source": "friend", "friction": "the postage"}
        ]

    def test_nothing_is_asked_by_what_asks_nothing(self, shop: Shop, surveys: Mapping[str, Survey]) -> None:
        """No message, and no survey of that name any more."""
        assert asked(shop.database, surveys, 10**6) is None
        assert asked(shop.database, surveys, ask(shop.database, survey="gone")) is None


class TestLowMarks:
    """What follows from them."""

    def test_open_a_ticket(self, shop: Shop, surveys: Mapping[str, Survey]) -> None:
        """Named after the message, in the very transaction of the answer; what is low the survey says."""
        low = []
        for survey, mark in (("rating", 2), ("rating", 3), ("csat", 1), ("nps", 6), ("nps", 7)):
            message = ask(shop.database, survey=survey)
            give(shop.database, surveys, message, mark)
            if (survey, mark) not in {("rating", 3), ("nps", 7)}:
                low.append((f"survey {message}", "low mark", survey, mark))
        tickets = told(shop.database, "ticket_opened")
        assert [(one["ticket_id"], one["topic"], one["survey"], one["score"]) for one in tickets] == low
        assert shop.profile()["open_tickets"] == 1  # the 3 and the 7 have ended what the 2 and the 6 began

    def test_a_better_mark_to_the_same_survey_ends_it(self, shop: Shop, surveys: Mapping[str, Survey]) -> None:
        """To another survey it does not; and a low one afterwards opens it again."""
        message = ask(shop.database)
        give(shop.database, surveys, message, 1)
        give(shop.database, surveys, ask(shop.database, survey="nps"), 10, now=NOW + 1)
        assert shop.profile()["open_tickets"] == 1
        give(shop.database, surveys, ask(shop.database), 4, now=NOW + 2)
        assert shop.profile()["open_tickets"] == 0
        give(shop.database, surveys, message, 2, now=NOW + 3)
        assert shop.profile()["open_tickets"] == 1

    def test_resolving_closes_what_clm_opened(self, shop: Shop, surveys: Mapping[str, Survey]) -> None:
        """And not what the shop's own helpdesk has opened; a second time there is nothing to close."""
        shop.tell(EventRecord("t1", "ada", "ticket_opened", NOW - 9, '{"ticket_id": "t1"}'))
        message = ask(shop.database)
        give(shop.database, surveys, message, 1)
        assert resolve(shop.database, contact(shop.database), by="eve", now=NOW + 5) == [f"survey {message}"]
        assert told(shop.database, "ticket_closed") == [
            {"ticket_id": f"survey {message}", "by": "eve", "resolution": "put right"}
        ]
        assert shop.profile()["open_tickets"] == 1
        assert resolve(shop.database, contact(shop.database), by="eve", now=NOW + 6) == []

    @pytest.mark.parametrize(
        ("survey", "score", "ends"),
        [("rating", 2, "rating 2"), ("rating", 3, None), ("nps", 6, "nps 6"), ("nps", 7, None), ("csat", 1, None)],
    )
    def test_a_mark_that_a_source_told_is_resolved_too(
        self, shop: Shop, shipped: Configuration, survey: str, score: int, ends: str | None
    ) -> None:
        """Wherever the shipped policy holds promotions for it, whoever told it; once, and they go on."""
        shop.tell(answered("m1", survey, score, at=NOW - HOUR_MS))
        who = contact(shop.database)
        assert owed(shop.database, shipped, who, now=NOW) is (ends is not None)
        ended = [] if ends is None else [f"{ends} from shop m1"]
        with shop.database.read() as tx:
            assert [one.ticket_id for one in matters(tx, who, now=NOW)] == ended
        assert resolve(shop.database, who, by="eve", now=NOW) == ended
        assert owed(shop.database, shipped, who, now=NOW + 1) is False
        assert resolve(shop.database, who, by="eve", now=NOW + 1) == []
        assert shop.profile()["open_tickets"] == 0
        shop.tell(answered("m2", "rating", 1, at=NOW + 2), now=NOW + 3)
        assert owed(shop.database, shipped, who, now=NOW + 3) is True
        assert resolve(shop.database, who, by="eve", now=NOW + 3) == ["rating 1 from shop m2"]

    def test_a_mark_that_holds_nothing_is_not_resolved(self, shop: Shop, shipped: Configuration) -> None:
        """Of more than 30 days ago, of the future, followed by a better one, or by a ticket that was closed."""
        who = contact(shop.database)
        for number, (survey, events) in enumerate({
            "rating": [answered("a", "rating", 1, at=NOW - 30 * DAY_MS), answered("b", "rating", 1, at=NOW + HOUR_MS)],
            "nps": [answered("c", "nps", 0, at=NOW - 9), answered("d", "nps", 7, at=NOW - 8)],
            "both": [
                answered("e", "rating", 2, at=NOW - 7),
                EventRecord("f", "ada", "ticket_closed", NOW - 7, '{"ticket_id": "t1"}'),
            ],
        }.items()):  # fmt: skip
            shop.tell(*events)
            assert owed(shop.database, shipped, who, now=NOW) is False, (number, survey)
            assert resolve(shop.database, who, by="eve", now=NOW) == [], (number, survey)

    def test_an_answer_to_clm_is_one_matter(self, shop: Shop, surveys: Mapping[str, Survey]) -> None:
        """Its ticket and its mark are not told as two; where no ticket stands for it, the mark is."""
        message = ask(shop.database)
        give(shop.database, surveys, message, 2)
        who = contact(shop.database)
        with shop.database.read() as tx:
            assert [one.ticket_id for one in matters(tx, who, now=NOW)] == [f"survey {message}"]
        strict = {**surveys, "nps": surveys["nps"].model_copy(update={"low": 3})}
        other = ask(shop.database, survey="nps")
        give(shop.database, strict, other, 5, now=NOW + 1)
        ended = [f"survey {message}", f"nps 5 from clm survey {other} 1"]
        assert resolve(shop.database, who, by="eve", now=NOW + 2) == ended

    def test_nobody_waits_for_more_than_thirty_days(self, shop: Shop, surveys: Mapping[str, Survey]) -> None:
        """A ticket of clm's that nobody closes counts for so long; the shop's own counts until it is closed."""
        give(shop.database, surveys, ask(shop.database), 1)
        refresh(shop.database, now=NOW + 30 * DAY_MS - 1)
        assert shop.profile()["open_tickets"] == 1
        with shop.database.read() as tx:
            who = addressees.named(tx, "ada")["shop"]
            shown = [len(open_tickets(tx, who, now=NOW + 30 * DAY_MS - more)) for more in (1, 0)]
        assert shown == [1, 0], "the team is shown what holds promotions, and nothing else"
        refresh(shop.database, now=NOW + 30 * DAY_MS)
        assert shop.profile()["open_tickets"] == 0
        assert resolve(shop.database, who, by="eve", now=NOW + 30 * DAY_MS) == []


class TestBySms:
    """A number in reply."""

    def hear(self, shop: Shop, surveys: Mapping[str, Survey], text: str, *, sid: str = "SM1", now: int = NOW) -> Heard:
        """What comes of an SMS from their number."""
        return hear(shop.database, Sms("twilio", sid, NUMBER, text), surveys=surveys, now=now)

    def test_a_number_is_an_answer(self, shop: Shop, surveys: Mapping[str, Survey]) -> None:
        """By whom the message went to, thanked for once and in their language; told again it is answered alike."""
        message = ask(shop.database, channel="sms")
        assert self.hear(shop, surveys, "۵!") == Heard("answer", "answered", "fa")
        assert [(one["score"], one["message_id"]) for one in told(shop.database)] == [(5, message)]
        assert self.hear(shop, surveys, "۵!") == Heard("answer", "answered", "fa", repeated=True)
        assert self.hear(shop, surveys, "4", sid="SM2") == Heard("answer", None, "fa")
        assert shop.profile()["last_rating"] == 4

    @pytest.mark.parametrize("status", ["sending", "in_doubt", "dead"])
    def test_a_reply_to_what_is_not_known_to_have_come_is_an_answer(
        self, shop: Shop, surveys: Mapping[str, Survey], status: str
    ) -> None:
        """Its provider has not answered, or never did, and the message was given up: who replies has had it."""
        message = ask(shop.database, channel="sms")
        with shop.database.write() as tx:
            tx.execute(messages.update().where(messages.c.id == message).values(status=status))
        assert self.hear(shop, surveys, "4").meaning == "answer"
        assert [(one["score"], one["message_id"]) for one in told(shop.database)] == [(4, message)]

    def test_anything_else_is_none(self, shop: Shop, surveys: Mapping[str, Survey]) -> None:
        """Off the scale, more than a number, or beside a word for stopping, which wins."""
        ask(shop.database, channel="sms")
        for text in ("6", "0", "5 stars", "", "stop 5"):
            assert self.hear(shop, surveys, text, sid=f"SM {text}").meaning == ("stop" if "stop" in text else None)
        assert told(shop.database) == []

    def test_the_survey_of_that_scale_is_meant(self, shop: Shop, surveys: Mapping[str, Survey]) -> None:
        """9 is for NPS alone; what was asked by text before what was asked by mail; a week ago is too long ago."""
        ask(shop.database, survey="csat", channel="sms", at=NOW - 7 * DAY_MS)
        assert self.hear(shop, surveys, "5", sid="SM1").meaning is None
        ask(shop.database, channel="sms", at=NOW - 6 * DAY_MS)
        ask(shop.database, survey="nps")
        self.hear(shop, surveys, "9", sid="SM2")
        self.hear(shop, surveys, "3", sid="SM3")
        assert [(one["survey"], one["score"]) for one in told(shop.database)] == [("nps", 9), ("rating", 3)]

    def test_whoever_has_stopped_gets_no_thanks(self, shop: Shop, surveys: Mapping[str, Survey]) -> None:
        """The answer counts all the same."""
        ask(shop.database, channel="sms")
        self.hear(shop, surveys, "stop please")
        assert self.hear(shop, surveys, "2", sid="SM2") == Heard("answer", None, "fa")
        assert shop.profile()["last_rating"] == 2


class Asking(Guarded):
    """A rehearsal with surveys."""

    surveys: Mapping[str, Survey]

    @property
    def journeys(self) -> Journeys:
        """As a new process reads them."""
        return Journeys(replace(super().journeys.configuration, surveys=self.surveys))


@pytest.fixture(scope="module")
def asking_words(tmp_path_factory: pytest.TempPathFactory, own_brand: Brand) -> TemplateLibrary:
    """Words that ask, sell and alert."""
    folder = tmp_path_factory.mktemp("asking")
    marks = "{% for score in survey.scores %}{{ score.value }}={{ score.url }} {% endfor %}"
    for step, words in {
        "nudge/hello/en/sms.txt": f"{{{{ survey.name }}}} {{{{ survey.url }}}} {marks} {{{{ survey.high_end }}}}",
        "other/hello/en/sms.txt": "Buy",
        "feedback_low/alert/en/subject.txt": "Low",
        "feedback_low/alert/en/task.txt": "Call {{ links.staff }}"
        "{% for one in low_marks | default([]) %} {{ one.survey }} {{ one.score }}, {{ one.question }}{% endfor %}",
        "feedback_low/overdue/en/subject.txt": "Late",
        "feedback_low/overdue/en/task.txt": "Call now",
    }.items():
        place: Path = folder / step
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(words, encoding="utf-8")
    return load_words(folder, own_brand)


def test_from_the_question_to_the_settlement(
    database: Database, asking_words: TemplateLibrary, own_brand: Brand, shipped: Configuration
) -> None:
    """Asked with a link for each mark; a low one alerts the team and holds promotions; once resolved, they go."""
    shop = Asking(database, asking_words, own_brand)
    shop.surveys, shop.policy = shipped.surveys, replace(shipped.policy, gaps={}, caps=(), hours={}, offers=None)
    text = {"send": "hello", "channel": "sms"}
    shop.customer()
    shop.have(campaign(steps=[{**text, "survey": "rating"}]))
    assert shop.run(NOW) == {"sent": 1}
    said = shop.sms.handed[0].content.text
    token = said.split()[1].rpartition("/")[2]
    assert said.startswith(f"rating https://shop.example/s/{token} 1=https://shop.example/s/{token}?a=1 ")
    assert said.count("?a=") == 5
    assert said.endswith(" Excellent")

    low = next(one for one in shipped.campaigns if one.campaign == "feedback_low")
    shop.have(campaign("other", steps=[text]), Campaign.model_validate(low.model_dump()))
    message = shop.sms.handed[0].message_id
    assert give(database, shipped.surveys, message, 1, now=NOW + 1) is not None
    assert shop.run(NOW + 2) == {"sent": 1, "deferred": 1}
    assert [one.content.subject for one in shop.staff.handed] == ["Low"]
    page = f"https://shop.example/staff/contacts/{contact(database)}"
    assert shop.staff.handed[0].content.text == f"Call {page} rating 1, How happy are you with your last order?\n"
    assert [reason for reason, _ in shop.deferred()] == ["open ticket: promotions wait"]

    resolve(database, contact(database), by="eve", now=NOW + HOUR_MS)
    assert shop.run(NOW + 7 * HOUR_MS) == {"sent": 1}
    assert shop.sms.handed[-1].content.text == "Buy"
    shop.run(NOW + 3 * DAY_MS)
    assert ("other", "goal reached") not in shop.decisions()
    assert [one for one in shop.enrolments() if one[2] == "goal reached"] == [
        (f"clm:survey {message} 1", "exited", "goal reached")
    ]
    assert len(shop.staff.handed) == 1  # nobody is told that it is overdue


def test_what_was_answered_is_counted(shop: Shop, surveys: Mapping[str, Survey]) -> None:
    """NPS, CSAT, mean, marks and choices; the latest answer to a message, and whoever was reminded as asked once."""
    database = shop.database
    for mark, at in ((10, NOW), (9, NOW), (8, NOW), (2, NOW - 40 * DAY_MS)):
        give(database, surveys, ask(database, survey="nps", at=at - 1), mark, now=at)
    twice = ask(database, survey="csat", reminded=True)
    give(database, surveys, twice, 2, now=NOW - 5)
    give(database, surveys, twice, 5)
    ask(database, survey="csat")
    shop.tell(EventRecord("e1", "ada", "survey_answered", NOW - 9, '{"survey": "csat", "score": 3}'))
    found = asked(database, surveys, ask(database, survey="three_questions"))
    assert found is not None
    answer(database, found, Given(answers={"source": "friend"}), now=NOW)

    lately, ever = ({one.survey: one for one in half} for half in results(database, surveys, now=NOW + 1))
    assert (lately["nps"].answers, lately["nps"].mean, lately["nps"].nps) == (3, 9, pytest.approx(200 / 3))
    assert (ever["nps"].answers, ever["nps"].nps, ever["nps"].low, ever["nps"].high) == (4, 25, 1, 2)
    csat = ever["csat"]
    assert (csat.marks, csat.csat, csat.mean) == ({3: 1, 5: 1}, 0.5, 4)
    assert (csat.response, csat.response_rate) == ((2, 1), 0.5)
    assert ever["three_questions"].choices["source"]["friend"] == 1
    assert _nothing(ever["rating"])


def _nothing(found: Results) -> bool:
    return (found.answers, found.mean, found.response_rate) == (0, None, None)
