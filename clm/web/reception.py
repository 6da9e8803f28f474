"""What every request is answered with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from clm.content.links import Links
from clm.content.page_words import PageWords
from clm.settings import Settings
from clm.store.database import Database
from clm.web.intake import Intake


@dataclass(frozen=True, slots=True)
class Reception:
    """The project as the web application works on it."""

    settings: Settings
    database: Database
    links: Links
    words: PageWords
    intake: Intake
    clock: Callable[[], int]


def _reception(request: Request) -> Reception:
    found: Reception = request.app.state.reception
    return found


AtReception = Annotated[Reception, Depends(_reception)]
