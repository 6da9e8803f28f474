"""config/surveys.yaml: surveys in every language of the shop, and how a fault in them is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from clm.config import load_configuration
from clm.errors import ConfigurationError
from clm.surveys_file import load_surveys
from tests.conftest import PROJECT

THANKS = {"title": "Thanks", "text": "We have it."}
SCORED = {
    "title": "How was it?",
    "lead": "A word.",
    "question": "How was {brand}?",
    "low_end": "Bad",
    "high_end": "Good",
    "button": "Send",
    "thanks": {**THANKS, "sorry": "Sorry."},
}
RATING: dict[str, Any] = {"kind": "rating", "low": 2, "high": 5, "words": {"en": SCORED}}
ASKED = {"source": {"kind": "choice", "choices": ["friend", "other"]}}
SAID = {"source": {"ask": "How?", "choices": {"friend": "A friend", "other": "Other"}}}
QUESTIONS: dict[str, Any] = {
    "kind": "questions",
    "questions": ASKED,
    "words": {"en": {"title": "T", "lead": "L", "questions": SAID, "button": "B", "thanks": THANKS}},
}
FEEDBACK = """campaign: feedback
title: Feedback
status: draft
enter: {when: order_count >= 1, once_per: last_order}
steps:
  - branch:
      - steps:
          - {send: ask, channel: email, survey: ratting}
"""


def write(folder: Path, **surveys: Any) -> Path:
    """A config/ folder with these surveys."""
    (folder / "surveys.yaml").write_text(yaml.safe_dump({"surveys": surveys}, sort_keys=False), encoding="utf-8")
    return folder


def changed(survey: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with another value at a path; None takes it out."""
    found: dict[str, Any] = yaml.safe_load(yaml.safe_dump(survey))
    *way, last = path.split(".")
    place = found
    for key in way:
        place = place[key]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return found


def test_the_shipped_surveys_are_sound() -> None:
    """Four, each in the five languages, on the scales they are named for."""
    found = load_configuration(PROJECT / "config").surveys
    assert list(found) == ["rating", "csat", "nps", "three_questions"]
    assert all(set(survey.words) == {"en", "fa", "ar", "th", "ru"} for survey in found.values())
    assert [(len(survey.marks), survey.low, survey.high) for survey in found.values()] == [
        *((5, 2, 5), (5, 2, 4), (11, 6, 9), (0, None, None))
    ]


def test_a_shop_without_surveys_needs_no_file(tmp_path: Path) -> None:
    """No surveys.yaml, no surveys."""
    assert load_surveys(tmp_path, ["en"]) == {}


@pytest.mark.parametrize(
    ("survey", "told"),
    [
        (changed(RATING, "low", 0), "rating.low: is 0; marks go from 1 to 5"),
        (changed(RATING, "low", 5), "rating.low: is 5, which is not below `high`, 5"),
        (changed(RATING, "high", None), "rating.high: is required: the mark, 1 to 5"),
        (changed(RATING, "kind", "csat"), "rating.kind: must be `rating`: facts and conditions know"),
        (changed(RATING, "comment", True), "words.en.comment: is required"),
        (changed(RATING, "words.en.comment", "More?"), "words.en.comment: is never shown"),
        (changed(RATING, "words.en.thanks.sorry", None), "words.en.thanks.sorry: is required"),
        (
            changed(RATING, "words.en.title", "Dear {name}"),
            "words.en.title: names {name}; there are {brand}, {reply_to}",
        ),
        (changed(RATING, "words.en.title", "Dear {brand"), "words.en.title: has a brace that stands alone"),
        (changed(RATING, "words.en.title", "{brand!x}"), "words.en.title: says in braces how to write a value"),
        (changed(RATING, "words.en.lead", "{brand:d}"), "words.en.lead: says in braces how to write a value"),
        (changed(RATING, "words.en.title", "a\x07"), "words.en.title"),
        (changed(RATING, "words.en.titel", "x"), "`titel` is not a setting"),
        (changed(RATING, "words.Deutsch", SCORED), "words.Deutsch: `Deutsch` is not a locale; write en, fa or pt-BR"),
        (changed(QUESTIONS, "low", 2), "low: is for surveys that ask for a mark"),
        (
            changed(QUESTIONS, "questions.score", {"kind": "text"}),
            "questions.score: is a name that means something else",
        ),
        (changed(QUESTIONS, "questions.source.choices", None), "questions.source: needs `choices: [one, another]`"),
        (changed(QUESTIONS, "words.en.questions.source.choices.other", None), "choices: lacks the choice `other`"),
        (
            changed(QUESTIONS, "words.en.questions.sauce", {"ask": "?"}),
            "is no question of the survey; did you mean `source`?",
        ),
    ],
)
def test_a_fault_is_told_with_its_place_and_remedy(tmp_path: Path, survey: dict[str, Any], told: str) -> None:
    """What nobody could answer is refused when it is loaded, with file and line."""
    name = "rating" if survey["kind"] != "questions" else "asked"
    with pytest.raises(ConfigurationError) as refusal:
        load_surveys(write(tmp_path, **{name: survey}), ["en"])
    assert told in str(refusal.value)
    assert all(fault.line is not None and fault.line > 1 for fault in refusal.value.faults)


def test_no_language_of_the_shop_may_be_missing(tmp_path: Path) -> None:
    """Where the shop names none, what one survey speaks the others have to speak too."""
    other = changed(RATING, "words.fa", SCORED)
    with pytest.raises(ConfigurationError, match="words: lacks the language `th`"):
        load_surveys(write(tmp_path, rating=RATING), ["en", "th"])
    with pytest.raises(ConfigurationError, match=r"surveys\.asked\.words: lacks the language `fa`"):
        load_surveys(write(tmp_path, rating=other, asked=QUESTIONS), [])


def test_a_step_asks_for_a_survey_that_there_is(config_folder: Callable[..., Path]) -> None:
    """A misspelt one is told where it stands; while the surveys themselves are faulty, no step is blamed."""
    folder = write(config_folder(feedback=FEEDBACK), rating=RATING)
    with pytest.raises(ConfigurationError) as refusal:
        load_configuration(folder)
    (fault,) = refusal.value.faults
    assert str(fault).endswith(
        "feedback.yaml:8:41: steps.1.branch.1.steps.1.survey: `ratting` is no survey of config/surveys.yaml;"
        " did you mean `rating`? (known: rating)"
    )
    write(folder, rating=changed(RATING, "low", 9))
    with pytest.raises(ConfigurationError) as refusal:
        load_configuration(folder)
    assert [fault.field for fault in refusal.value.faults] == ["surveys.rating.low"]
