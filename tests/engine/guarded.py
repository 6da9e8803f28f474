"""A rehearsal that keeps a policy."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from sqlalchemy import select, update

from clm.content.brand import Brand
from clm.content.library import TemplateLibrary
from clm.domain.condition_parser import parse_condition
from clm.domain.content import ChannelName
from clm.domain.hours import QuietHours
from clm.domain.instant import DAY_MS, HOUR_MS
from clm.domain.policy import Policy
from clm.domain.wish import Wish
from clm.engine.dispatch import Dispatcher
from clm.engine.journey import Journeys
from clm.store import addressees, suppressions, wishes
from clm.store.database import Database, Transaction
from clm.store.schema import contacts, decisions, enrolments, messages, profiles
from tests.engine.rehearsal import Recorder, Rehearsal
from tests.engine.shop import NOW

NOON = NOW + 12 * HOUR_MS
BY_DAY = QuietHours.model_validate({"every day": "09:00-20:00"}).week
NEWS = {"send": "hello", "channel": "email", "within": "3d"}
TEXT = {"send": "hello", "channel": "sms", "within": "3d"}


class Guarded(Rehearsal):
    """A rehearsal with a policy."""

    policy = Policy()

    def __init__(self, database: Database, library: TemplateLibrary, brand: Brand) -> None:
        super().__init__(database, library, brand)
        self.staff = Recorder()

    @property
    def journeys(self) -> Journeys:
        """As a new process reads them."""
        return Journeys(replace(super().journeys.configuration, policy=self.policy))

    def dispatcher(self, now: int) -> Dispatcher:
        """Somebody who hands over at `now`, to the team too."""
        made = super().dispatcher(now)
        channels: dict[ChannelName, Any] = {**made.channels, "staff": self.staff}
        return replace(made, channels=channels)

    def deferred(self) -> list[tuple[str, dict[str, Any]]]:
        """Reason and facts of every decision to wait, in order."""
        return [(reason, facts) for kind, reason, facts in self.decided() if kind == "deferred"]

    def decided(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Kind, reason and facts of every decision on a message, in order."""
        d = decisions.c
        query = select(d.kind, d.reason, d.facts).where(d.message_id.is_not(None)).order_by(d.id)
        with self.database.read() as tx:
            return [(row.kind, row.reason, json.loads(row.facts or "{}")) for row in tx.execute(query)]

    def know(self, **values: Any) -> None:
        """Put facts into every profile, as if they had been computed."""
        with self.database.write() as tx:
            tx.execute(update(profiles).values(**values))

    def wish(self, contact: str, wish: Wish) -> None:
        """Somebody chooses on the preference page."""
        with self.database.write() as tx:
            [contact_id] = addressees.named(tx, contact).values()
            wishes.put(tx, contact_id, wish, source="test", at=NOW)

    def suppress(self, channel: str, address: str) -> None:
        """Somebody opts out."""
        with self.database.write() as tx:
            suppressions.suppress(tx, channel=channel, address=address, reason="unsubscribed", source="test", at=NOW)

    def history(
        self, *days_ago: float, channel: str = "email", status: str = "sent", purpose: str = "marketing"
    ) -> None:
        """Messages of another campaign that left for Ada so many days before noon."""
        with self.database.write() as tx:
            for days in days_ago:
                self.past(tx, NOON - round(days * DAY_MS), channel, status, purpose)

    def past(
        self, tx: Transaction, at: int, channel: str = "email", status: str = "sent", purpose: str = "marketing"
    ) -> None:
        """A message of another campaign that left for Ada."""
        contact = tx.scalar(select(contacts.c.id).where(contacts.c.external_id == "ada"))
        entered = enrolments.insert().values(
            campaign="past", version="past", contact_id=contact, trigger_key=f"{at} {channel} {status}",
            entered_at=at, status="completed", position=1, next_due_at=at,
        ).returning(enrolments.c.id)  # fmt: skip
        tx.execute(messages.insert().values(
            enrolment_id=tx.scalar(entered), contact_id=contact, campaign="past", step="past", channel=channel,
            purpose=purpose, queue_rank=50, status=status, due_at=at, expires_at=NOON + 90 * DAY_MS,
            created_at=at, intended_at=at, attempts=1,
        ))  # fmt: skip


def ask(condition: str) -> Any:
    """A condition of the policy."""
    return parse_condition(condition)
