"""The pages that customers are answered with, each in its reader's language."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse

from clm.content.locale import chain
from clm.domain.wish import FREQUENCIES
from clm.engine.subscription import Subscriber
from clm.errors import StoreError
from clm.web.reception import Reception

log = logging.getLogger("clm.web")

FORM_BYTES_MAX = 64_000
_RETRY_SECONDS = 30


def page(
    request: Request,
    reception: Reception,
    name: str,
    *,
    locale: str | None = None,
    status: int = 200,
    values: Mapping[str, Any] | None = None,
) -> HTMLResponse:
    """One page; without a `locale` in the language that the browser accepts."""
    locale = locale or language(request, reception)
    html = reception.words.page(name, locale, root=root_of(request), **(values or {}))
    return HTMLResponse(html, status, headers={"Content-Language": locale})


def subscriber_page(
    request: Request,
    reception: Reception,
    name: str,
    found: Subscriber,
    *,
    values: Mapping[str, Any] | None = None,
) -> HTMLResponse:
    """One page, in the language of a subscriber, with what they get and may choose."""
    locale = language(request, reception, found.locale)
    token = reception.links.preferences(found.contact_id).rpartition("/")[2]
    about = {
        "choices": [
            {"channel": one.channel, "address": one.address, "on": one.on, "barred": one.barred}
            for one in found.choices
        ],
        "topics": _topics(reception, found, locale),
        "frequencies": FREQUENCIES,
        "frequency": found.wish.frequency,
        "preferences_path": f"{root_of(request)}p/{token}",
    }
    return page(request, reception, name, locale=locale, values={**(values or {}), **about})


def not_found(request: Request, reception: Reception) -> HTMLResponse:
    """The page for a link that leads nowhere, whatever is wrong with it."""
    return page(request, reception, "not_found", status=404)


def away(request: Request, reception: Reception, error: StoreError, *, asked_for: str = "a page") -> HTMLResponse:
    """The page for when the database is away."""
    log.warning("%s is not answered: %s", asked_for, error)
    answer = page(request, reception, "unavailable", status=503)
    answer.headers["Retry-After"] = str(_RETRY_SECONDS)
    return answer


def language(
    request: Request, reception: Reception, own: str | None = None, *, among: Collection[str] | None = None
) -> str:
    """A contact's `own` language, else what their browser accepts, of all or of those `among` which it has to be."""
    return reception.words.locale(own, request.headers.get("accept-language", ""), among=among)


def fields_of(body: bytes, fields_max: int) -> dict[str, list[str]]:
    """What a form says; nothing, where it is none or says more than any of ours."""
    try:
        return parse_qs(body.decode("ascii"), max_num_fields=fields_max)
    except ValueError:
        return {}


def root_of(request: Request, *, part: bool = False) -> str:
    """The way up from this page, also where a proxy serves us under a folder of its own.

    A part is asked for one level below the page that it is put into, whose address is what its links start from.
    """
    return "../" * (request.url.path.count("/") - (2 if part else 1))


def _topics(reception: Reception, found: Subscriber, locale: str) -> list[dict[str, Any]]:
    """What there is to choose from, in the reader's language."""
    return [
        {"topic": topic.name, **topic.words[used].model_dump(), "on": topic.name not in found.wish.topics_off}
        for topic in (reception.topics() or {}).values()
        for used in next(([one] for one in chain(locale, "en") if one in topic.words), [])
    ]
