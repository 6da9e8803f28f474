"""SendGrid's event webhook: signed over the raw bytes, stored before it is acknowledged."""

from __future__ import annotations

import logging
from collections import Counter

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from clm.channels.sendgrid_events import SIGNATURE_HEADER, TIMESTAMP_HEADER, events_of, signature_is_right
from clm.domain.provider_event import ProviderEvent
from clm.errors import StoreError
from clm.faults import FaultPoint, reach
from clm.web.edge import body_of
from clm.web.reception import AtReception, Reception

log = logging.getLogger("clm.web")
router = APIRouter()

BODY_BYTES_MAX = 5_000_000
"""Ten thousand events of ordinary size; SendGrid sends far fewer at once."""
_SMALL_BYTES = 16_384


@router.post("/webhooks/sendgrid")
async def events(request: Request, reception: AtReception) -> Response:
    """204 once all readable events are committed; 503 asks SendGrid to tell them again, as it does for a day."""
    body = await body_of(request, BODY_BYTES_MAX)
    # A small body is read sooner than a thread is woken; a large one must not keep others from being answered.
    small = len(body) <= _SMALL_BYTES
    read = _read(request, body, reception) if small else await run_in_threadpool(_read, request, body, reception)
    if read is None:
        return PlainTextResponse("not signed for us\n", 403)
    told, faults = read
    if faults:
        _say(told, faults)
    if faults and not faults[0].startswith("event "):  # none of them could be read: it is no list of events
        return PlainTextResponse("not a list of events\n", 400)
    try:
        await reception.intake.take(told)
    except StoreError:
        return PlainTextResponse("not stored, tell it again\n", 503)
    return Response(status_code=204)


def _read(request: Request, body: bytes, reception: Reception) -> tuple[list[ProviderEvent], list[str]] | None:
    """The events and what is wrong with others; None where SendGrid has not signed them for us."""
    if not _is_signed(request, body, reception):
        return None
    reach(FaultPoint.EVENTS_CHECKED)
    return events_of(body)


def _is_signed(request: Request, body: bytes, reception: Reception) -> bool:
    key = reception.settings.sendgrid_webhook_key
    if key is None:
        log.warning("a SendGrid webhook is refused: SENDGRID_WEBHOOK_KEY is not set")
        return False
    signature = request.headers.get(SIGNATURE_HEADER, "")
    timestamp = request.headers.get(TIMESTAMP_HEADER, "")
    try:
        right = signature_is_right(body, signature, timestamp, key.get_secret_value(), now=reception.clock())
    except ValueError as error:
        log.error("a SendGrid webhook is refused: %s", error)  # noqa: TRY400 - our own sentence says it all
        return False
    if not right:
        log.warning("a SendGrid webhook is refused: its signature is wrong")
    return right


def _say(told: list[ProviderEvent], faults: list[str]) -> None:
    """What is wrong with how many; faults name fields and never values."""
    kinds = Counter(fault.partition(": ")[2] or fault for fault in faults)
    named = ", ".join(f"{count} × {kind}" for kind, count in kinds.most_common(5))
    log.warning("a SendGrid webhook: %d events read, %d not: %s", len(told), len(faults), named)
