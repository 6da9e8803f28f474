"""What customers have answered: how many, how happily, and how many of those who were asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clm.domain.instant import DAY_MS
from clm.domain.survey import Survey
from clm.store import surveys as stored
from clm.store.database import Database, Transaction
from clm.store.surveys import Response

LATELY_DAYS = 30


@dataclass(frozen=True, slots=True)
class Results:
    """The answers to one survey in one stretch of time; of several answers to one message the latest counts."""

    survey: str
    kind: str | None
    """None of a survey that config/surveys.yaml does not know: a source has told of it."""
    answers: int
    marks: Mapping[float, int]
    """How many gave each mark."""
    low: int
    high: int
    """How many of the marks are low, or high, by what the file says."""
    choices: Mapping[str, Mapping[str, int]]
    """By question, how many made each choice."""
    response: Response

    @property
    def mean(self) -> float | None:
        """The mean mark; None without any."""
        count = sum(self.marks.values())
        return sum(mark * times for mark, times in self.marks.items()) / count if count else None

    @property
    def nps(self) -> float | None:
        """Per cent of promoters (9 and 10) less per cent of detractors (0 to 6), -100 to 100 (Reichheld 2003)."""
        if self.kind != "nps" or not self.marks:
            return None
        promoters = sum(times for mark, times in self.marks.items() if mark >= 9)
        detractors = sum(times for mark, times in self.marks.items() if mark <= 6)
        return 100 * (promoters - detractors) / sum(self.marks.values())

    @property
    def csat(self) -> float | None:
        """The share, 0 to 1, of those who gave a 4 or a 5."""
        if self.kind != "csat" or not self.marks:
            return None
        return sum(times for mark, times in self.marks.items() if mark >= 4) / sum(self.marks.values())

    @property
    def response_rate(self) -> float | None:
        """The share, 0 to 1, of those whom our messages asked who have answered one of them."""
        return self.response.answered / self.response.asked if self.response.asked else None


def results(database: Database, surveys: Mapping[str, Survey], *, now: int) -> tuple[list[Results], list[Results]]:
    """Every survey's results of the last LATELY_DAYS days, and ever; those of the file first."""
    with database.read() as tx:
        return _results(tx, surveys, now - LATELY_DAYS * DAY_MS), _results(tx, surveys, None)


def _results(tx: Transaction, surveys: Mapping[str, Survey], since: int | None) -> list[Results]:
    marks: dict[str, Counter[float]] = {}
    answers: Counter[str] = Counter()
    for row in stored.histogram(tx, "score", since=since):
        answers[row.survey] += row.answers
        if row.said is not None:
            marks.setdefault(row.survey, Counter())[_number(row.said)] += row.answers
    responses = stored.responses(tx, since=since)
    return [
        _of(tx, name, surveys.get(name), answers[name], marks.get(name, Counter()), responses.get(name), since)
        for name in dict.fromkeys([*surveys, *sorted(answers)])
    ]


def _of(  # noqa: PLR0917 - what was counted, in the order of the fields
    tx: Transaction,
    name: str,
    survey: Survey | None,
    answers: int,
    marks: Counter[float],
    response: Response | None,
    since: int | None,
) -> Results:
    low = high = 0
    choices: dict[str, dict[str, int]] = {}
    if survey is not None:
        low = sum(times for mark, times in marks.items() if survey.low is not None and mark <= survey.low)
        high = sum(times for mark, times in marks.items() if survey.high is not None and mark >= survey.high)
        for question, asked in (survey.questions or {}).items():
            if asked.choices is not None:
                rows = stored.histogram(tx, question, since=since)
                given = {row.said: row.answers for row in rows if row.survey == name}
                choices[question] = {choice: given.get(choice, 0) for choice in asked.choices}
    kind = None if survey is None else survey.kind
    ordered = dict(sorted(marks.items()))
    return Results(name, kind, answers, ordered, low, high, choices, response or Response(0, 0))


def _number(said: str) -> float:
    found = float(said)
    return int(found) if found.is_integer() else found


def document(found: Results) -> dict[str, Any]:
    """The results as `clm surveys --json` prints them."""
    return {
        "answers": found.answers,
        "mean": _rounded(found.mean, 3),
        "nps": _rounded(found.nps, 1),
        "csat": _rounded(found.csat, 4),
        "low": found.low,
        "high": found.high,
        "marks": {str(mark): times for mark, times in found.marks.items()},
        "choices": found.choices,
        "asked": found.response.asked,
        "answered": found.response.answered,
        "response_rate": _rounded(found.response_rate, 4),
    }


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
