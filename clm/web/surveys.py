"""The page of a survey, by the link in a message alone: looking at it changes nothing, sending it records an answer."""

from __future__ import annotations

import logging

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from clm.domain.survey import COMMENT_CHARACTERS_MAX, QUESTIONS_MAX, Given, SurveyWords, as_mark, given
from clm.engine.surveys import Asked, answer, asked
from clm.errors import StoreError
from clm.web.edge import body_of
from clm.web.reception import AtReception, Reception
from clm.web.responses import away, fields_of, language, not_found, page

log = logging.getLogger("clm.web")
router = APIRouter()

FORM_BYTES_MAX = QUESTIONS_MAX * COMMENT_CHARACTERS_MAX * 12
"""Four bytes of a character, three each as they are sent: nobody who keeps to the limits is refused."""
_FIELDS_MAX = QUESTIONS_MAX + 2


@router.api_route("/s/{token}", methods=["GET", "HEAD"])
async def show_survey(token: str, request: Request, reception: AtReception) -> Response:
    """The survey with the mark of the link chosen; mail scanners open every link, so that opening it does nothing."""
    return await run_in_threadpool(_shown, request, reception, token)


@router.post("/s/{token}")
async def answer_survey(token: str, request: Request, reception: AtReception) -> Response:
    """Record what was chosen."""
    body = await body_of(request, FORM_BYTES_MAX)
    return await run_in_threadpool(_answered, request, reception, token, body)


def _shown(request: Request, reception: Reception, token: str) -> Response:
    try:
        found = _asked(reception, token)
    except StoreError as error:
        return away(request, reception, error, asked_for="a survey")
    if found is None:
        return not_found(request, reception)
    mark = as_mark(request.query_params.get("a", ""))
    return _survey(request, reception, found, Given(mark=mark if mark in found.survey.marks else None))


def _answered(request: Request, reception: Reception, token: str, body: bytes) -> Response:
    fields = _fields(body)
    try:
        found = _asked(reception, token)
        if found is None:
            return not_found(request, reception)
        said = given(found.survey, mark=fields.get("score"), comment=fields.get("comment"), answers=fields)
        if said.is_empty:
            return _survey(request, reception, found, said, lacking=True)
        recorded = answer(reception.database, found, said, now=reception.clock())
    except StoreError as error:
        return away(request, reception, error, asked_for="a survey")
    if recorded is None:
        return not_found(request, reception)
    log.info("an answer to %s%s", found.name, "" if recorded.changed else ", which was there already")
    locale = _locale(request, reception, found)
    values = {"survey": _words(found, locale).model_dump(), "low": found.survey.is_low(said.mark)}
    return page(request, reception, "survey_thanks", locale=locale, values=values)


def _asked(reception: Reception, token: str) -> Asked | None:
    """What the link asks for; raises StoreError where nobody can say, which is no fault of the link."""
    message_id = reception.links.message_of(token)
    if message_id is None:
        return None
    surveys = reception.surveys()
    if surveys is None:
        raise StoreError("config/surveys.yaml cannot be read")
    return asked(reception.database, surveys, message_id)


def _fields(body: bytes) -> dict[str, str]:
    """What the form says; of a field that is sent twice the last."""
    return {name: values[-1] for name, values in fields_of(body, _FIELDS_MAX).items()}


def _survey(request: Request, reception: Reception, found: Asked, said: Given, *, lacking: bool = False) -> Response:
    locale = _locale(request, reception, found)
    words = _words(found, locale)
    asks = words.questions or {}
    values = {
        "survey": words.model_dump(),
        "marks": list(found.survey.marks),
        "chosen": said.mark,
        "comment": said.comment or "",
        "questions": [{"name": name, **asks[name].model_dump()} for name in found.survey.questions or {}],
        "answers": {name: said.answers.get(name, "") for name in asks},
        "characters_max": COMMENT_CHARACTERS_MAX,
        "lacking": lacking,
    }
    return page(request, reception, "survey", locale=locale, status=422 if lacking else 200, values=values)


def _locale(request: Request, reception: Reception, found: Asked) -> str:
    """The contact's language, else the browser's, of those the survey has words in."""
    return language(request, reception, found.locale, among=found.survey.words.keys())


def _words(found: Asked, locale: str) -> SurveyWords:
    words = found.survey.words
    return words.get(locale) or next(iter(words.values()))
