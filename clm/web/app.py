"""The web application: makes it of the project in the environment, with everything that answers requests."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from clm.config import ShopConfig
from clm.content.brand import read_brand
from clm.content.page_words import PageWords
from clm.content.rewards import Rewards
from clm.domain.instant import to_ms
from clm.engine.signed_links import links_of
from clm.errors import StoreError
from clm.offers_file import load_offers
from clm.settings import Settings
from clm.store.database import Database
from clm.surveys_file import load_surveys
from clm.topics_file import load_topics
from clm.web import home, joining, pages, sendgrid, surveys, twilio
from clm.web.current import Current
from clm.web.edge import Edge
from clm.web.intake import Intake
from clm.web.reception import Reception
from clm.web.staff.entrance import open_desk
from clm.web.throttle import Throttle
from clm.yaml_file import read_yaml


def create_app(settings: Settings | None = None, clock: Callable[[], int] | None = None) -> FastAPI:
    """The application for a project; raises ConfigurationError or StoreError where it cannot answer anybody.

    Of config/ it reads who the shop is and no campaign: a fault in one must not keep anybody from unsubscribing.
    """
    settings = settings or Settings()
    clock = clock or _now
    shop = read_yaml(settings.config / "clm.yaml", ShopConfig)
    brand = read_brand(settings.config / "brand.yaml")
    words = PageWords.load(settings.templates / "_pages", brand=brand, default_locale=shop.default_locale)
    database = Database(settings.store_url)
    database.require_current()
    intake = Intake(database, clock)
    reception = Reception(
        settings,
        database,
        links_of(settings),
        words,
        intake,
        clock,
        Current(settings.config / "surveys.yaml", partial(load_surveys, settings.config, shop.locales)),
        Current(settings.config / "topics.yaml", partial(load_topics, settings.config, shop.locales)),
        Current(
            settings.config / "offers.yaml",
            partial(
                load_offers,
                settings.config,
                minor_per_major=shop.minor_per_major,
                locales=shop.spoken,
            ),
        ),
        Rewards(settings.templates, brand=brand, default_locale=shop.default_locale),
        Throttle(),
        shop.base_currency,
        shop.time_zone,
        shop.default_locale,
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(intake.close)
        database.close()

    app = FastAPI(
        title="clm", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False, lifespan=lifespan
    )
    app.state.reception = reception
    open_desk(app, reception, brand, currency=shop.base_currency)
    app.add_middleware(Edge)
    app.add_exception_handler(404, pages.nothing_here)
    for router in (home.router, pages.router, joining.router, surveys.router, sendgrid.router, twilio.router):
        app.include_router(router)
    app.add_api_route("/health", _health, methods=["GET", "HEAD"])
    app.add_api_route("/ready", _ready, methods=["GET", "HEAD"])
    return app


def _now() -> int:
    return to_ms(datetime.now(UTC))


async def _health() -> Response:
    """The process answers."""
    return JSONResponse({"status": "ok"})


async def _ready(request: Request) -> Response:
    """The database answers too, and is the one that this code knows; `clm up` knows its own by the process."""
    reception: Reception = request.app.state.reception
    try:
        await run_in_threadpool(reception.database.require_current)
    except StoreError:
        return JSONResponse({"status": "no database"}, status_code=503)
    return JSONResponse({"status": "ok", "process": os.getpid()})
