"""The providers' own OpenAPI documents, and whether requests that were really made, and their answers, keep to them."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from openapi_core import Config, OpenAPI
from openapi_core.testing import MockRequest, MockResponse

from tests.channels.speaking import Request

DOCUMENTS = Path(__file__).parents[3] / "shared" / "openapi"
SENDGRID = ("sendgrid_mail_v3.json", "https://api.sendgrid.com")
SENDGRID_ACTIVITY = ("sendgrid_email_activity_v3.json", "https://api.sendgrid.com")
SENDGRID_SUPPRESSIONS = ("sendgrid_suppressions_v3.json", "https://api.sendgrid.com")
TWILIO = ("twilio_api_v2010.json", "https://api.twilio.com")


@functools.cache
def _document(name: str) -> OpenAPI:
    """A document, read once; it is not checked itself (Twilio's takes a minute)."""
    return OpenAPI.from_dict(
        json.loads((DOCUMENTS / name).read_bytes()),
        config=Config(spec_validator_cls=None),
    )


def require_official(provider: tuple[str, str], request: Request) -> None:
    """Raise what openapi-core finds wrong with a request, as if it had gone to the provider itself."""
    _document(provider[0]).validate_request(_as_made(provider, request))


def require_official_answer(provider: tuple[str, str], request: Request, body: bytes, *, status: int = 200) -> None:
    """Raise what openapi-core finds wrong with an answer, as if the provider itself had given it to the request."""
    _document(provider[0]).validate_response(_as_made(provider, request), MockResponse(body, status))


def _as_made(provider: tuple[str, str], request: Request) -> MockRequest:
    """A request, as if it had gone to the provider itself."""
    method, target, _ = request.line.split(" ")
    parts = urlsplit(target)
    return MockRequest(
        provider[1],
        method.lower(),
        parts.path,
        args=dict(parse_qsl(parts.query)),
        headers=dict(request.headers),
        data=request.body or None,
        content_type=request.headers.get("content-type", "application/json"),
    )
