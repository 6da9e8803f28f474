"""A small shop that has been at work: people who were written to, one of them unhappy, and an account for the team."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from clm.domain.instant import DAY_MS
from clm.domain.record import ContactRecord, EventRecord
from clm.domain.survey import Given
from clm.engine import surveys
from clm.engine.advance import advance
from clm.engine.enrol import enrol
from clm.engine.profile import refresh
from clm.engine.workspace import Workspace, open_workspace
from clm.settings import Settings
from clm.store import messages
from tests.engine.shop import NOW, Shop, order
from tests.small_project import small_project
from tests.web.staff_browser import employ

CAMPAIGNS = ("win_back", "feedback")


def at_work(folder: Path, empty: Path) -> Settings:
    """The project, its outbox filled by one run; `empty` is a migrated SQLite file to begin with."""
    settings = small_project(folder, *CAMPAIGNS)
    settings.home.mkdir()
    shutil.copyfile(empty, settings.home / "clm.db")
    workspace = open_workspace(settings)
    _people(Shop(workspace.database))
    _run(workspace)
    _unhappy(workspace)
    employ(workspace.database)
    workspace.database.close()
    return settings


def copied(settings: Settings, folder: Path) -> Settings:
    """Another project that stands as that one does, to change at will."""
    shutil.copytree(settings.home.parent, folder)
    return settings.model_copy(
        update={name: folder / getattr(settings, name).name for name in ("home", "config", "templates")}
    )


def _people(shop: Shop) -> None:
    consent = {"email_consent": True, "sms_consent": True, "consent_at": NOW - 500 * DAY_MS}
    people = (("ada", "Ada", "en"), ("shirin", "شیرین", "fa"), ("bob", "Bob", "en"), ("carol", None, None))
    for contact, name, locale in people:
        details = {"first_name": name, "locale": locale, "phone": "+447700900123"} if name else {}
        shop.tell(ContactRecord(contact, email=f"{contact}@example.com", **consent, **details))
        shop.tell(order(f"{contact}-1", contact, at=NOW - 100 * DAY_MS, amount=2_450))
    shop.tell(order("dora-1", "dora", at=NOW - 4 * DAY_MS, email="dora@example.com", **consent))
    delivered = json.dumps({"order_id": "dora-1"})
    shop.tell(EventRecord("d1", "dora", "order_delivered", NOW - 3 * DAY_MS // 2, delivered))


def _run(workspace: Workspace) -> None:
    refresh(workspace.database, now=NOW)
    for campaign in workspace.journeys.live():
        enrol(workspace.database, workspace.journeys, campaign, now=NOW)
        advance(workspace.database, workspace.journeys, campaign, now=NOW)
    dispatcher = workspace.dispatcher(now=NOW, clock=lambda: NOW)
    while dispatcher.batch().leased:
        pass


def _unhappy(workspace: Workspace) -> None:
    with workspace.database.read() as tx:
        [message] = messages.listed(tx, contact="dora", campaign="feedback", status="sent", limit=1)
    asked = surveys.asked(workspace.database, workspace.project.configuration.surveys, message.id)
    assert asked is not None
    surveys.answer(workspace.database, asked, Given(mark=1, comment="The tin was dented."), now=NOW)
