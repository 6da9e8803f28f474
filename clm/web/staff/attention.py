"""What needs a person, with all that is known of it; every staff page says in a line that there is something."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from clm.insight.attention import DOUBT_DAYS, QUARANTINE_DAYS
from clm.web.staff.desk import AtDesk, Member

router = APIRouter(prefix="/staff/attention")

SHOWN_MAX = 50


@router.get("")
def listed(request: Request, desk: AtDesk, visit: Member) -> Response:
    """Pools, stops, doubts and quarantine, each with what to do."""
    return desk.page(
        request,
        "attention",
        visit,
        shown_max=SHOWN_MAX,
        doubt_days=DOUBT_DAYS,
        quarantine_days=QUARANTINE_DAYS,
    )
