"""The marks that a letter asks for: in the words of config/surveys.yaml, each in one piece on the smallest phone."""

from __future__ import annotations

import re

import pytest

from clm.content.brand import Brand, spoken
from clm.content.personas import sample_survey
from clm.engine.surveys import wording
from clm.surveys_file import load_surveys
from tests.content.conftest import PROJECT, Desk, persona

LOCALES = ("en", "fa", "ar", "th", "ru")
SURVEYS = load_surveys(PROJECT / "config", LOCALES)
SCORED = [name for name, survey in SURVEYS.items() if survey.marks]
PARTS = ("_base/scale.mjml", *(f"_base/{locale}/scale.txt" for locale in LOCALES))


@pytest.fixture
def asking(desk: Desk) -> Desk:
    """A desk with the shipped scale, in a letter of each language."""
    for part in PARTS:
        desk.write(part, (PROJECT / "templates" / part).read_text(encoding="utf-8"))
    for locale in LOCALES:
        desk.mail(text="{% include '_base/scale.txt' %}", locale=locale)
        body = '<mjml><mj-body><mj-section><mj-column><mj-include path="_base/scale.mjml" /></mj-column></mj-section>'
        desk.write(f"welcome/hello/{locale}/body.mjml", f"{body}</mj-body></mjml>")
    return desk


def _asked(desk: Desk, brand: Brand, name: str, locale: str) -> tuple[str, str]:
    survey = SURVEYS[name]
    said = wording(survey, (locale,), spoken(brand, locale))
    known = sample_survey(name, survey.marks, public_url="https://mail.shop.example", words=said)
    content = desk.library().render("welcome", "hello", "email", locale, {**persona(locale=locale), "survey": known})
    return content.html or "", content.text


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("name", SCORED)
def test_the_ends_are_called_as_the_survey_calls_them(asking: Desk, brand: Brand, name: str, locale: str) -> None:
    """A question about recommending has the ends of its own scale, not those of another, in HTML and in text."""
    html, text = _asked(asking, brand, name, locale)
    words = SURVEYS[name].words[locale]
    first, last = (line for line in text.splitlines() if words.low_end in line or words.high_end in line)
    assert words.low_end in first
    assert first.endswith(f"?a={SURVEYS[name].marks[0]}")
    assert words.high_end in last
    assert last.endswith(f"?a={SURVEYS[name].marks[-1]}")
    shown = re.sub(r"<[^>]+>", " ", html)
    assert words.low_end in shown
    assert words.high_end in shown


@pytest.mark.parametrize("name", SCORED)
def test_every_mark_is_asked_for_once_and_in_order(asking: Desk, brand: Brand, name: str) -> None:
    """Cutting a long scale in two loses no mark; a mark of two digits is not broken, wherever it stands."""
    html, _ = _asked(asking, brand, name, "en")
    marks = list(SURVEYS[name].marks)
    assert [int(mark) for mark in re.findall(r'href="[^"]*\?a=(\d+)"', html)] == marks
    assert html.count('class="half') == (2 if len(marks) > 6 else 0)
    assert html.count("white-space:nowrap") >= len(marks)


def test_a_letter_asks_in_the_words_of_its_language(brand: Brand) -> None:
    """The brand's name stands where the words name it; a language that the survey lacks has the next best words."""
    said = wording(SURVEYS["nps"], ("fr", "ru", "en"), spoken(brand, "ru"))
    assert said["question"] == f"Насколько вероятно, что вы посоветуете {brand.name} друзьям?"
    assert wording(SURVEYS["nps"], ("fr",), {"name": "B"})["low_end"] == "Not at all likely"
    assert "low_end" not in wording(SURVEYS["three_questions"], ("en",), {"name": "B"})
