"""What of a form or an SMS is an answer."""

from __future__ import annotations

import json

import pytest

from clm.domain.survey import COMMENT_CHARACTERS_MAX, Survey, as_mark, asked_in, given, own_words

WORDS = {"en": {"title": "T", "lead": "L", "button": "B", "thanks": {"title": "T", "text": "T"}}}


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        *(("5", 5), (" 5!\n", 5), ("10.", 10), ("۵", 5), ("١٠", 10), ("๕", 5), ("5️⃣", 5), ("(3) 🙂", 3), ("５", 5)),
        *(("", None), ("!", None), ("-5", None), ("1.0", None), ("4,5", None), ("1 0", None), ("5 stars", None)),
        *(("100", None), ("½", None), ("five", None), ("1\x002" * 9, None)),
    ],
)
def test_a_number_is_the_whole_of_it(text: str, mark: int | None) -> None:
    """Any script's digits, with what people put around them; nothing with more in it, which might mean more."""
    assert as_mark(text) == mark


def test_own_words_are_kept_as_people_wrote_them() -> None:
    """Lines, joiners and pictures stay; control characters go, and what is beyond the limit."""
    assert own_words(" a\x00b\x1b[1m\r\nمی‌خواهم\t👩‍🌾\x85 ") == "ab[1m\nمی‌خواهم 👩‍🌾"
    assert own_words("\x00\n ") is None
    assert len(own_words("x" * 9_000) or "") == COMMENT_CHARACTERS_MAX


def test_only_what_is_asked_is_answered() -> None:
    """Marks off the scale, choices that nobody offered and comments that nobody asked for are left out."""
    rating = Survey.model_validate({"kind": "rating", "low": 2, "high": 5, "words": WORDS})
    assert given(rating, mark="6", comment="hello", answers={"source": "x"}).is_empty
    choices = {"kind": "choice", "choices": ["friend", "other"]}
    asked = {"source": choices, "opinion": {"kind": "text"}}
    survey = Survey.model_validate({"kind": "questions", "questions": asked, "words": WORDS})
    said = given(survey, mark="5", comment=None, answers={"source": "nobody", "opinion": " fine ", "more": "x"})
    assert (said.mark, said.answers) == (None, {"opinion": "fine"})


def test_a_definition_says_which_step_asks() -> None:
    """However deep it stands, and whatever else a definition of another time may say."""
    arm = {"steps": [{"send": "text", "survey": "nps", "colour": 1}, {"send": "plain"}]}
    steps = [{"send": "ask", "survey": "rating"}, {"branch": [arm]}]
    assert asked_in(json.dumps({"steps": steps})) == {"ask": "rating", "text": "nps"}
