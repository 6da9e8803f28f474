"""The low marks that somebody has given, with their comments, for whoever of the team puts it right."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from clm.domain.instant import from_ms
from clm.domain.survey import LOW_MARKS, SCALES, Survey, own_words
from clm.engine.surveys import wording
from clm.store.events import Told

EVENT = "survey_answered"
SHOWN_MAX = 3
TOLD_MAX = 20
"""So many answers of one contact are looked at, the latest first."""
COMMENT_BYTES_MAX, EARLIER_BYTES_MAX = 3_000, 500
"""Of the latest comment and of each before it: a task holds 10,000 bytes with all else; the staff page has the rest."""
LINES_MAX = 40
ORDER_CHARACTERS_MAX = 64


def low_marks(
    told: Sequence[Told],
    surveys: Mapping[str, Survey],
    *,
    until: int,
    locales: Sequence[str],
    brand: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """The low marks up to `until`, the latest first: survey, question, score, lowest, highest, at, comment, order_id.

    What is not known of one is missing. Later marks, of which other tasks tell, are not among them. An answer to our
    question that was given again is one, as it was last; with what they wrote before, if they wrote nothing then.
    """
    found: dict[tuple[str, int] | int, dict[str, Any]] = {}
    for number, one in enumerate(told):
        mark = _mark(one, surveys, locales, brand) if one.at <= until else None
        if mark is not None:
            message_id = mark.pop("message_id")
            known = found.setdefault(number if message_id is None else (one.source, message_id), mark)
            known["comment"] = known["comment"] or mark["comment"]
    shown = list(islice(found.values(), SHOWN_MAX))
    for place, mark in enumerate(shown):
        mark["comment"] = _short(mark["comment"], EARLIER_BYTES_MAX if place else COMMENT_BYTES_MAX)
    return shown


def _mark(
    told: Told, surveys: Mapping[str, Survey], locales: Sequence[str], brand: Mapping[str, Any]
) -> dict[str, Any] | None:
    said = json.loads(told.properties)
    name, score = said.get("survey"), said.get("score")
    if not isinstance(name, str) or isinstance(score, bool) or not isinstance(score, int | float):
        return None
    survey = surveys.get(name)
    low = LOW_MARKS.get(name) if survey is None else survey.low
    if low is None or score > low:
        return None
    lowest, highest = SCALES[name if survey is None else survey.kind]
    comment, order_id, message_id = said.get("comment"), said.get("order_id"), said.get("message_id")
    return {
        "survey": name,
        "question": None if survey is None else wording(survey, locales, brand).get("question"),
        "score": score,
        "lowest": lowest,
        "highest": highest,
        "at": from_ms(told.at),
        "comment": own_words(comment) if isinstance(comment, str) else None,
        "order_id": _named(order_id) if isinstance(order_id, str | int) else None,
        "message_id": message_id if isinstance(message_id, int) else None,
    }


def _named(order_id: str | int) -> str:
    """On one line, so that what stands after it is ours."""
    return " ".join((own_words(str(order_id)) or "").split())[:ORDER_CHARACTERS_MAX]


def _short(comment: str | None, bytes_max: int) -> str | None:
    """A comment of so many bytes and lines at most; what is cut off leaves a mark."""
    if comment is None:
        return None
    *lines, rest = comment.split("\n", LINES_MAX - 1)
    text = "\n".join([*lines, rest.replace("\n", " ")])
    if len(text.encode()) <= bytes_max:
        return text
    return f"{text.encode()[:bytes_max].decode(errors='ignore').rstrip()}…"
