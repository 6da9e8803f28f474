"""The first page, for whoever has cut a link short: whose web application it is, and nothing of what else is here."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from clm.web.reception import AtReception
from clm.web.responses import page

router = APIRouter()


@router.api_route("/", methods=["GET", "HEAD"])
async def home(request: Request, reception: AtReception) -> Response:
    """The brand's name, and the way to its shop. The team knows where its own pages are."""
    return page(request, reception, "home")
