"""Twilio's webhooks: what became of an SMS, and what people send us; signed over our public address and the form."""

from __future__ import annotations

import logging
from typing import cast
from xml.sax.saxutils import escape

from fastapi import APIRouter
from multidict import MultiDict
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from clm.channels.twilio import REFERENCE_PARAMETER, STATUS_PATH
from clm.channels.twilio_codes import PROVIDER
from clm.channels.twilio_events import Inbound, form_of, inbound, signature_is_right, status_event
from clm.domain.opt_out import Meaning
from clm.engine.inbound import Sms, hear
from clm.errors import StoreError
from clm.faults import FaultPoint, reach
from clm.web.edge import body_of
from clm.web.reception import AtReception, Reception

log = logging.getLogger("clm.web")
router = APIRouter()

FORM_BYTES_MAX = 64_000
SIGNATURE_HEADER = "X-Twilio-Signature"
_OPT_OUT_TYPES: dict[str, Meaning] = {"STOP": "stop", "START": "start", "HELP": "help"}
_UNSTORED = "not stored, tell it again\n"


@router.post(STATUS_PATH)
async def status(request: Request, reception: AtReception) -> Response:
    """204 once the status is committed; what Twilio may say beyond what we know is acknowledged and left."""
    form = await _signed_form(request, reception)
    if isinstance(form, Response):
        return form
    reach(FaultPoint.EVENTS_CHECKED)
    reference = request.query_params.get(REFERENCE_PARAMETER)
    event = status_event(form, reference=reference, now=reception.clock())
    if event is None:
        log.warning("a Twilio status callback says nothing that we know")
        return Response(status_code=204)
    try:
        await reception.intake.take([event])
    except StoreError:
        return PlainTextResponse(_UNSTORED, 503)
    return Response(status_code=204)


@router.post("/webhooks/twilio/inbound")
async def sms(request: Request, reception: AtReception) -> Response:
    """What to answer, as TwiML, once the SMS and what it asks for are committed."""
    form = await _signed_form(request, reception)
    if isinstance(form, Response):
        return form
    reach(FaultPoint.EVENTS_CHECKED)
    told = inbound(form)
    if told is None:
        log.warning("a Twilio inbound webhook holds no SMS")
        return _twiml(None)
    try:
        words = await run_in_threadpool(_answer, told, reception)
    except StoreError as error:
        log.warning("an SMS is not stored: %s", error)
        return PlainTextResponse(_UNSTORED, 503)
    return _twiml(words)


def _answer(told: Inbound, reception: Reception) -> str | None:
    understood = _OPT_OUT_TYPES.get((told.opt_out or "").upper())
    heard = hear(
        reception.database,
        Sms(PROVIDER, told.message_sid, told.sender, told.text, understood),
        surveys=reception.surveys() or {},
        now=reception.clock(),
    )
    log.info("an SMS: %s%s", heard.meaning or "something else", ", told again" if heard.repeated else "")
    if heard.answer is None:
        return None
    return reception.words.sms(heard.answer, heard.locale)


async def _signed_form(request: Request, reception: Reception) -> MultiDict[str] | Response:
    """The form that Twilio has signed; an answer where it has not, or where it is none."""
    body = await body_of(request, FORM_BYTES_MAX)
    token = reception.settings.twilio_auth_token
    if token is None:
        log.warning("a Twilio webhook is refused: TWILIO_AUTH_TOKEN is not set")
        return PlainTextResponse("not signed for us\n", 403)
    try:
        form = form_of(body)
    except ValueError:
        return PlainTextResponse("not a form\n", 400)
    signature = request.headers.get(SIGNATURE_HEADER, "")
    url = _public_url(request, reception.settings.public_url)
    if not await run_in_threadpool(signature_is_right, url, form, signature, token.get_secret_value()):
        log.warning("a Twilio webhook is refused: its signature is wrong; is CLM_PUBLIC_URL what Twilio calls?")
        return PlainTextResponse("not signed for us\n", 403)
    return form


def _public_url(request: Request, public_url: str) -> str:
    """The address as Twilio has called it, whatever a proxy has made of it since."""
    path = cast("bytes", request.scope.get("raw_path") or request.url.path.encode()).decode("latin-1")
    query = request.scope["query_string"].decode("latin-1")
    return public_url.rstrip("/") + path.partition("?")[0] + (f"?{query}" if query else "")


def _twiml(words: str | None) -> Response:
    message = f"<Message>{escape(words)}</Message>" if words else ""
    inner = f"<Response>{message}</Response>" if message else "<Response/>"
    return Response(f'<?xml version="1.0" encoding="UTF-8"?>{inner}', media_type="application/xml")
