"""People of a small town, and what the shipped campaigns make of them on either database."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from itertools import count
from typing import Any

from sqlalchemy import select, update

from clm.config import Configuration, load_configuration
from clm.domain.instant import DAY_MS, HOUR_MS, from_ms, to_ms
from clm.domain.record import ContactRecord, EventRecord
from clm.engine.advance import advance
from clm.engine.enrol import enrol
from clm.engine.journey import Journeys
from clm.engine.profile import refresh
from clm.engine.surveys import resolve
from clm.store import addressees
from clm.store.changes import stamp
from clm.store.conditions import compiled
from clm.store.database import Database
from clm.store.schema import contacts, enrolments, group_history, messages, profiles
from tests.conftest import PROJECT
from tests.engine.shop import NOW, Shop, order

ROWS = count(1)
TODAY = from_ms(NOW)
BORN_ON = to_ms(datetime(1988, TODAY.month, TODAY.day, tzinfo=UTC))
BIRTHDAY = 100 * TODAY.month + TODAY.day


Event = tuple[float, str, dict[str, Any]]
"""Days after entering, name, properties."""


@cache
def all_live() -> Configuration:
    """The shipped configuration with its drafts switched on."""
    shipped = load_configuration(PROJECT / "config")
    live = tuple(campaign.model_copy(update={"status": "live"}) for campaign in shipped.campaigns)
    return replace(shipped, campaigns=live)


class Town:
    """People of a small town, told to a shop one by one; times are days before now."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.shop = Shop(database)

    def person(self, name: str, *ordered: float, **details: Any) -> None:
        """Somebody who agreed to both channels and placed an order so many days ago each."""
        said: dict[str, Any] = {"email": f"{name}@example.com", "email_consent": True, "sms_consent": True, **details}
        self.shop.tell(ContactRecord(name, consent_at=NOW - 900 * DAY_MS, **said))
        for days in ordered:
            self.shop.tell(order(f"{name}-{next(ROWS)}", name, at=NOW - round(days * DAY_MS)))

    def did(self, name: str, event: str, days: float, **properties: Any) -> None:
        """Something that happened so many days ago."""
        at = NOW - round(days * DAY_MS)
        self.shop.tell(EventRecord(f"e{next(ROWS)}", name, event, at, json.dumps(properties, sort_keys=True)))

    def known(self, name: str, **columns: Any) -> None:
        """What scores and handovers have put into the profile; `rfm_group` since a day ago."""
        with self.database.write() as tx:
            [contact_id] = tx.execute(select(contacts.c.id).where(contacts.c.external_id == name)).scalars()
            columns["changed"] = stamp(tx)
            tx.execute(update(profiles).where(profiles.c.contact_id == contact_id).values(columns))
            if "rfm_group" in columns:
                row = {"contact_id": contact_id, "since": NOW - DAY_MS, "name": columns["rfm_group"]}
                tx.execute(group_history.insert().values(row))

    def entered(self) -> dict[str, set[str]]:
        """Everybody's campaigns, after one run of all of them."""
        refresh(self.database, now=NOW)
        configuration = all_live()
        for campaign in configuration.campaigns:
            enrol(self.database, Journeys(configuration), campaign, now=NOW)
        query = select(contacts.c.external_id, enrolments.c.campaign).join_from(enrolments, contacts)
        found: dict[str, set[str]] = {}
        with self.database.read() as tx:
            for name, campaign in tx.execute(query):
                found.setdefault(name, set()).add(campaign)
        return found

    def walk(self, name: str, *later: Event, days: int, every: int = 24) -> list[tuple[float, str, str]]:
        """What the campaign `name` would send the one who enters it: days after entering, step, channel.

        It is run every so many hours, for so many days, and what it would send counts as sent.
        """
        journeys = Journeys(all_live())
        [campaign] = [one for one in journeys.configuration.campaigns if one.campaign == name]
        refresh(self.database, now=NOW)
        assert enrol(self.database, journeys, campaign, now=NOW) == 1
        with self.database.write() as tx:
            tx.execute(update(enrolments).values(holdout=None))  # lots may fall as they like elsewhere
        for hour in range(0, days * 24 + 1, every):
            now = NOW + hour * HOUR_MS
            told = [event for event in later if event[0] * 24 == hour]
            for after, event, properties in told:
                self.did("ada", event, -after, **properties)
            if told:
                refresh(self.database, now=now)
            advance(self.database, journeys, campaign, now=now)
            with self.database.write() as tx:
                tx.execute(update(messages).where(messages.c.status == "queued").values(status="sent"))
        m = messages.c
        with self.database.read() as tx:
            rows = tx.execute(select(m.due_at, m.step, m.channel).order_by(m.due_at, m.id)).all()
        return [((row.due_at - NOW) / DAY_MS, row.step, row.channel) for row in rows]

    def put_right(self, name: str, *, days: float) -> None:
        """Somebody of the team has done so, so many days ago."""
        with self.database.read() as tx:
            who = addressees.named(tx, name)["shop"]
        assert resolve(self.database, who, by="eve", now=NOW - round(days * DAY_MS))

    def refund(self, name: str, order_id: str) -> None:
        """An order taken back, whole, at this instant."""
        self.shop.tell(order(f"back-{order_id}", name, at=NOW, kind="cancellation", cancels=order_id))
        refresh(self.database, now=NOW)

    def let_be(self, name: str) -> set[str]:
        """Whom in the campaign `name` nothing more is sent to, by its `unless`."""
        configuration = all_live()
        [campaign] = [one for one in configuration.campaigns if one.campaign == name]
        unless = configuration.rules(campaign).unless
        assert unless is not None
        joined = contacts.join(profiles, profiles.c.contact_id == contacts.c.id).join(
            enrolments, enrolments.c.contact_id == contacts.c.id
        )
        query = select(contacts.c.external_id).select_from(joined).where(enrolments.c.campaign == name)
        with self.database.read() as tx:
            return set(tx.scalars(query.where(compiled(unless, NOW))))


def those_in(found: dict[str, set[str]], campaign: str) -> set[str]:
    """Whom the campaign took in."""
    return {name for name, campaigns in found.items() if campaign in campaigns}
