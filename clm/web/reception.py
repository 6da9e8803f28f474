"""What every request is answered with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from clm.content.links import Links
from clm.content.page_words import PageWords
from clm.content.rewards import Rewards
from clm.domain.offer import Offer
from clm.domain.survey import Survey
from clm.domain.wish import Topic
from clm.settings import Settings
from clm.store.database import Database
from clm.web.current import Current
from clm.web.intake import Intake
from clm.web.throttle import Throttle


@dataclass(frozen=True, slots=True)
class Reception:
    """The project as the web application works on it."""

    settings: Settings
    database: Database
    links: Links
    words: PageWords
    intake: Intake
    clock: Callable[[], int]
    surveys: Current[dict[str, Survey]]
    topics: Current[dict[str, Topic]]
    offers: Current[dict[str, Offer]]
    rewards: Rewards
    throttle: Throttle
    currency: str
    zone: str
    """IANA zone of the shop."""
    locale: str
    """The shop's own."""


def _reception(request: Request) -> Reception:
    found: Reception = request.app.state.reception
    return found


AtReception = Annotated[Reception, Depends(_reception)]
