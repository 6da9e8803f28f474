"""The providers' own OpenAPI documents, and whether a request that was really made keeps to them."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from openapi_core import Config, OpenAPI
from openapi_core.testing import MockRequest

from tests.channels.speaking import Request

DOCUMENTS = Path(__file__).parents[3] / "shared" / "openapi"
SENDGRID = ("sendgrid_mail_v3.json", "https://api.sendgrid.com")
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
    name, host = provider
    method, target, _ = request.line.split(" ")
    parts = urlsplit(target)
    _document(name).validate_request(
        MockRequest(
            host,
            method.lower(),
            parts.path,
            args=dict(parse_qsl(parts.query)),
            headers=dict(request.headers),
            data=request.body or None,
            content_type=request.headers.get("content-type", "application/json"),
        )
    )
