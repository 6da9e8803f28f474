"""What an SMS costs more than it has to, and scales that its words and its survey do not share."""

from __future__ import annotations

from typing import Any

import pytest

from clm.content.lint_sms import dear, misasked
from clm.content.personas import sample_survey

RATING = sample_survey("rating", range(1, 6), public_url="https://x.example")
NPS = sample_survey("nps", range(11), public_url="https://x.example")
QUESTIONS = sample_survey("three_questions", [], public_url="https://x.example")
LONG = "Your tea is on its way and will be with you on Thursday at the latest. We won't write again about it. "


def _dear(text: str) -> list[str]:
    return [one.message for one in dear(text)]


def _misasked(text: str, survey: dict[str, Any], *, by_reply: bool = True) -> list[str]:
    return [one.message for one in misasked("sms.txt" if by_reply else "body.txt", text, survey, locale="en")]


def test_one_curly_apostrophe_is_told_with_what_it_costs() -> None:
    """It turns 160 letters a segment into 70; the character is named, and what to write in its place."""
    (told,) = dear(LONG.replace("'", "’"))
    assert told.message == (
        "takes 2 segments instead of 1, because not every phone has `’` (right single quotation mark)"
    )
    assert told.remedy == "write `'` instead"
    assert told.clue == "’"
    assert _dear(LONG) == []


def test_all_of_several_are_named_once_each() -> None:
    """Quotation marks, dashes, dots and what nobody sees count alike."""
    (told,) = _dear(f"“{LONG}” – “and more”…\u200b")
    for name in ("left double quotation mark", "right double", "en dash", "horizontal ellipsis", "zero width space"):
        assert told.count(name) == 1


def test_a_space_that_does_not_break_becomes_a_plain_one() -> None:
    """French sets one before `!`: to leave it out would join what it keeps apart."""
    (told,) = dear(f"{LONG}Tea\u00a0for\u202fus→`now´\u200b")
    assert told.remedy == "write a plain space, a plain space, `->`, `'`, `'`, nothing instead"


@pytest.mark.parametrize(
    "text",
    [
        "Won’t you come?",
        LONG.replace("'", "’") + "чай",
        LONG + "ç",
        LONG + "🍵",
        "ชา " * 40 + "’",
        "",
        LONG + "≥ 5",
        LONG + "5 ‰",
    ],
    ids=["costs nothing", "Cyrillic", "a letter", "a picture that is meant", "Thai", "nothing", "a sign", "a share"],
)
def test_what_costs_nothing_or_cannot_be_written_otherwise_is_let_pass(text: str) -> None:
    """A short SMS is one segment either way, and another script has no plain letters to go back to."""
    assert _dear(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "How was it? Reply from 1 to 5",
        "Reply with a number from 1 (poor) to 5 (excellent), or answer here: https://x.example/s/sample",
        "عددی از ۱ (ضعیف) تا ۵ (عالی) بفرستید",
        "Reply 1-5",
        "Reply 1–5",
        "ตอบ1ถึง5",
    ],
)
def test_a_scale_that_is_not_the_surveys_is_told(text: str) -> None:
    """`from 1 to 5` under a survey from 0 to 10 is told, in any script's digits; under its own survey it is right."""
    assert _misasked(text, NPS) == ["asks for a mark from 1 to 5, but the survey `nps` goes from 0 to 10"]
    assert _misasked(text, RATING) == []
    assert _misasked(text, QUESTIONS)[0] == "asks for a mark from 1 to 5, but the survey `three_questions` has no marks"


def test_the_scale_of_recommending_is_no_rating() -> None:
    """The other way round, and with a scale that no survey has."""
    told = "but the survey `rating` goes from 1 to 5"
    assert _misasked("Reply from 0 (never) to 10 (always)", RATING) == [f"asks for a mark from 0 to 10, {told}"]
    assert _misasked("Reply from 1 to 10", RATING) == [f"asks for a mark from 1 to 10, {told}"]
    assert _misasked("Reply from 0 (never) to 10 (always)", NPS) == []


def test_where_only_a_reply_can_answer_both_ends_are_said() -> None:
    """Who gets no link has to know the whole scale; in words it may be said, which nobody can check."""
    assert _misasked("Reply with a number up to 5", RATING) == [
        "does not say that the survey `rating` goes from 1 to 5, and has no link to it"
    ]
    assert _misasked("Reply with a number from one to five", RATING) == []
    assert _misasked(f"It takes 2 minutes: {RATING['url']}", RATING) == []
    assert _misasked("Reply with a number up to 5", RATING, by_reply=False) == []


def test_questions_without_marks_need_a_link_by_sms() -> None:
    """A reply is a number and nothing else, so that nobody could answer; by mail there is the page."""
    (told,) = misasked("sms.txt", "How did you hear of us? Reply to this", QUESTIONS, locale="en")
    assert told.message == (
        "asks `three_questions`, which no reply by SMS can answer: a reply is a number, and this survey has no marks"
    )
    assert told.remedy == "write `{{ survey.url }}`"
    assert _misasked(f"Three questions: {QUESTIONS['url']}", QUESTIONS) == []
    assert _misasked("How did you hear of us?", QUESTIONS, by_reply=False) == []


@pytest.mark.parametrize(
    "text",
    [
        "1: https://x.example/s/a?a=1\n2: https://x.example/s/a?a=2\n5: https://x.example/s/a?a=5",
        "One of 1,284 customers. 1 tea, 15 spices",
        "1. Brew it for 5 minutes",
        "Rated 4.7 of 5 by 1,284",
        "Order 1042 of 3 May, 2 teas",
        "TEA-1 and 5-HTP",
        "1 question! 5 minutes",
        "1 question, 10 seconds",
        "1 minute, 5 questions",
        "It takes 1 to 5 minutes",
        "Until 1/5 or 1/10",
        "1 tea, 10 % off; from £1 to £5",
    ],
)
def test_other_numbers_are_no_scale(text: str) -> None:
    """Counts, dates, codes, means and what stands in two sentences are let pass."""
    assert _misasked(text, NPS, by_reply=False) == []


@pytest.mark.parametrize(
    ("locale", "text"),
    [
        ("de", "1 Frage, 10 Sekunden"),
        ("de", "1 Frage, 10 Sek. Zeit"),
        ("es-MX", "1 pregunta y 5 segundos"),
        ("fr", "1 question, 10 secondes"),
        ("ru", "1 вопрос, 10 секунд"),
        ("fa", "۱ پرسش و ۱۰ ثانیه"),
        ("th", "1 คำถาม 10 วินาที"),
        ("ja", "1問、10秒"),
    ],
)
def test_what_is_counted_in_seconds_is_no_mark(locale: str, text: str) -> None:
    """How long an answer takes is told in every language without being taken for a scale."""
    assert list(misasked("body.txt", text, RATING, locale=locale)) == []
    assert list(misasked("body.txt", "1 mark, or 10 seconded", RATING, locale="en")) != []
    assert list(misasked("body.txt", "От 1 до 10 с нами", RATING, locale="ru")) != []
    assert list(misasked("body.txt", "من 1 إلى 10 درجات", RATING, locale="ar")) != []
    assert list(misasked("body.txt", "1 - 10", RATING, locale=locale)) != []


@pytest.mark.parametrize(
    "text",
    [
        "How was order 12? Reply one to five. We answer 24/7",
        "Reply with a number from one to five. 10 % off your next order",
        "Reply one to five, it takes 2 minutes",
    ],
)
def test_a_scale_in_words_may_stand_beside_other_numbers(text: str) -> None:
    """An order, a share and the time that it takes are no marks, so that nothing is known of the scale."""
    assert _misasked(text, RATING) == []
