"""A survey as marketers write it: what is asked, on which scale, in which words, and what counts as a low mark."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from clm.domain.naming import Locale, Name

Kind = Literal["rating", "csat", "nps", "questions"]

SCALES: Mapping[str, tuple[int, int]] = {"rating": (1, 5), "csat": (1, 5), "nps": (0, 10)}
"""The lowest and the highest mark of each kind that asks for one; that of NPS is Reichheld's (2003)."""
LOW_MARKS: Mapping[str, int] = {"rating": 2, "nps": 6}
"""These and those below are low whoever tells them; the shipped policy, surveys and campaigns say the same (a test)."""
QUESTIONS_MAX = 8
CHOICES_MAX = 20
COMMENT_CHARACTERS_MAX = 2_000

Text = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")
]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Question(_Part):
    """One question that is answered by a choice or in the person's own words."""

    kind: Literal["choice", "text"]
    choices: Annotated[list[Name], Field(min_length=2, max_length=CHOICES_MAX)] | None = None


class QuestionWords(_Part):
    """A question in one language."""

    ask: Text
    choices: dict[Name, Text] | None = None


class Thanks(_Part):
    """The page after an answer."""

    title: Text
    text: Text
    sorry: Text | None = None
    """Said after a low mark in place of `text`."""


class SurveyWords(_Part):
    """A survey in one language."""

    title: Text
    lead: Text
    question: Text | None = None
    low_end: Text | None = None
    high_end: Text | None = None
    comment: Text | None = None
    questions: dict[Name, QuestionWords] | None = None
    button: Text
    thanks: Thanks


class Survey(_Part):
    """One survey of config/surveys.yaml."""

    kind: Kind
    low: int | None = None
    """This mark and those below it are low: promotions wait, and somebody of the team looks into it."""
    high: int | None = None
    """This mark and those above it are high."""
    comment: bool = False
    questions: dict[Name, Question] | None = Field(default=None, max_length=QUESTIONS_MAX)
    words: dict[Locale, SurveyWords] = Field(min_length=1)

    @property
    def marks(self) -> range:
        """The marks there are to choose from, lowest first; none where only questions are asked."""
        lowest, highest = SCALES.get(self.kind, (0, -1))
        return range(lowest, highest + 1)

    def is_low(self, mark: int | None) -> bool:
        """Whether somebody of the team should look into it."""
        return mark is not None and self.low is not None and mark <= self.low

    def is_high(self, mark: int | None) -> bool:
        """Whether they are as happy as can be."""
        return mark is not None and self.high is not None and mark >= self.high


class Given(_Part):
    """What somebody has answered, cleaned of what does not belong there."""

    mark: int | None = None
    comment: str | None = None
    answers: dict[str, str] = {}
    """By question: the choice, or their own words."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing was answered; a comment alone is no answer to anything."""
        return self.mark is None and not self.answers

    def adds_to(self, before: Given) -> bool:
        """Whether it says anything that an earlier answer has not said; what is left blank says nothing."""
        news = self.comment is not None and self.comment != before.comment
        return news or self.mark != before.mark or not self.answers.items() <= before.answers.items()


def given(survey: Survey, *, mark: str | None, comment: str | None, answers: Mapping[str, str]) -> Given:
    """What a form says, as far as the survey asks for it: marks off the scale and unknown choices are left out."""
    found = as_mark(mark or "")
    said = {}
    for name, question in (survey.questions or {}).items():
        text = own_words(answers.get(name, ""))
        if text is not None and (question.choices is None or text in question.choices):
            said[name] = text
    return Given(
        mark=found if found in survey.marks else None,
        comment=own_words(comment or "") if survey.comment else None,
        answers=said,
    )


def own_words(text: str) -> str | None:
    """A text that somebody typed, without control characters and not without end; None where nothing is left."""
    lines = re.sub("\r\n?|[\u2028\u2029]", "\n", text).replace("\t", " ")
    kept = "".join(
        character for character in lines if character == "\n" or unicodedata.category(character) not in _UNSEEN
    )
    return kept.strip()[:COMMENT_CHARACTERS_MAX].strip() or None


_UNSEEN = frozenset({"Cc", "Cs"})
_AROUND = frozenset("CMPSZ")


def as_mark(text: str) -> int | None:
    """The number that is the whole of a text, in any script's digits: `5`, `5!`, `۵`, `5️⃣`; None for anything else."""
    characters = unicodedata.normalize("NFKC", text[:40])
    bare = [one for one in characters if unicodedata.category(one)[0] not in "CM"]
    while bare and unicodedata.category(bare[-1])[0] in _AROUND:
        bare.pop()
    while bare and unicodedata.category(bare[0])[0] in _AROUND and bare[0] not in "-\u2212":
        bare.pop(0)
    if not 1 <= len(bare) <= 2 or not all(one.isdecimal() for one in bare):
        return None
    return int("".join(bare))


def asked_in(definition: str) -> dict[str, str]:
    """The survey of each step that asks for one, in a campaign's definition as it was kept, whatever else it says."""
    found: dict[str, str] = {}

    def look(value: Any) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("send"), str) and isinstance(value.get("survey"), str):
                found[value["send"]] = value["survey"]
            for part in value.values():
                look(part)
        elif isinstance(value, list):
            for part in value:
                look(part)

    look(json.loads(definition))
    return found
