"""A shop with messages queued, the provider they go to, and what both say of them afterwards."""

from __future__ import annotations

import contextlib
import re
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import func, select

from benchmarks.fake_events import SendGridKey
from benchmarks.fake_provider import FakeProvider
from clm.domain.instant import DAY_MS, SECOND_MS
from clm.domain.message import ENDS
from clm.domain.provider_event import ProviderEvent
from clm.domain.record import ContactRecord
from clm.engine.advance import advance
from clm.engine.enrol import enrol
from clm.engine.profile import refresh
from clm.engine.receive import Received, receive
from clm.engine.workspace import Workspace, open_workspace
from clm.settings import Settings
from clm.store.database import Database
from clm.store.schema import delivery_events, messages
from tests.conftest import PROJECT
from tests.engine.shop import Shop, order

PEOPLE = 12
AT_ONCE = 4
"""So few at the same time that they are handed over in several turns."""
TIMEOUT_SECONDS = 5
CAMPAIGN = """\
campaign: nudge
title: Nudge
status: live
purpose: marketing
priority: 50
enter: {when: order_count >= 1, once_per: contact}
steps:
  - {send: hello, channel: email}
"""
WORDS = {
    "subject.txt": "Hello",
    "body.txt": "Good day.",
    "body.mjml": "<mjml><mj-body><mj-section><mj-column><mj-text>Good day.</mj-text></mj-column></mj-section></mj-body>"
    "</mjml>",
}


@dataclass(frozen=True, slots=True)
class Stage:
    """What a process needs to know to work on the scene; it travels to other processes."""

    folder: Path
    url: str
    provider_url: str
    now: int
    webhook_key: str
    """With which the provider's events are checked."""

    @property
    def settings(self) -> Settings:
        """As the environment of a live shop would give them."""
        return Settings(
            home=self.folder / "home",
            config=self.folder / "config",
            templates=self.folder / "templates",
            database_url=SecretStr(self.url),
            live=True,
            sendgrid_api_key=SecretStr("SG.a-key-for-the-fake-provider"),
            sendgrid_api_url=self.provider_url,
            sendgrid_webhook_key=SecretStr(self.webhook_key),
        )

    @property
    def _ahead(self) -> Path:
        return self.folder / "clock"

    def clock(self) -> int:
        """Wall-clock time as every process of the scene reads it: the real one, put forward by the test."""
        ahead = 0
        with contextlib.suppress(FileNotFoundError, ValueError):
            ahead = int(self._ahead.read_text())
        return time.time_ns() // 1_000_000 + ahead

    def put_clock_forward(self, seconds: int) -> None:
        """Let so much time pass for everybody at once."""
        fresh = self._ahead.with_suffix(".new")
        fresh.write_text(str(seconds * SECOND_MS))
        fresh.replace(self._ahead)


@dataclass(frozen=True, slots=True)
class Seen:
    """One message as the database has it, and how often the provider took it."""

    id: int
    status: str
    reason: str | None
    accepted: int


class Scene:
    """The test's own view: it prepares, looks, and judges."""

    def __init__(self, stage: Stage, provider: FakeProvider, key: SendGridKey) -> None:
        self.stage = stage
        self.provider = provider
        self.key = key
        """With which the provider signs its events."""

    def queue(self, people: int = PEOPLE) -> None:
        """So many customers ordered yesterday, and each is to be told hello."""
        stage = self.stage
        with self.workspace() as workspace:
            shop, now = Shop(workspace.database), stage.now
            said = {"email_consent": True, "signed_up_at": now - 100 * DAY_MS}
            contacts = [ContactRecord(f"c{n}", email=f"c{n}@example.com", **said) for n in range(people)]
            shop.tell(*contacts, now=now - 100 * DAY_MS)
            shop.tell(*(order(f"o{n}", f"c{n}", at=now - DAY_MS) for n in range(people)), now=now)
            refresh(workspace.database, now=now)
            for campaign in workspace.journeys.live():
                enrol(workspace.database, workspace.journeys, campaign, now=now)
                advance(workspace.database, workspace.journeys, campaign, now=now)

    @contextlib.contextmanager
    def workspace(self) -> Iterator[Workspace]:
        """The project, as a process that has just started opens it."""
        workspace = open_workspace(self.stage.settings)
        try:
            yield workspace
        finally:
            workspace.database.close()

    def messages(self) -> list[Seen]:
        """Every message, beside what the provider's own log says of it."""
        taken = Counter(one.to for one in self.provider.accepted())
        m = messages.c
        with contextlib.closing(Database(self.stage.url)) as database, database.read() as tx:
            rows = tx.execute(select(m.id, m.status, m.reason, m.address).order_by(m.id)).all()
        return [Seen(row.id, row.status, row.reason, taken[row.address]) for row in rows]

    def events(self) -> list[ProviderEvent]:
        """What the provider would tell of everything that it took."""
        return [
            ProviderEvent(
                provider="sendgrid",
                event_id=f"{one.id}-delivered",
                kind="delivered",
                at=one.at,
                channel="email",
                reference=one.reference,
                provider_message_id=one.id,
            )
            for one in self.provider.accepted()
        ]

    def tell(self) -> Received:
        """Let the provider tell everything it knows."""
        with contextlib.closing(Database(self.stage.url)) as database:
            return receive(database, self.events(), now=self.stage.now)

    def told(self) -> list[str]:
        """The ids of the events that are on record, each as often as it is there."""
        with contextlib.closing(Database(self.stage.url)) as database, database.read() as tx:
            return sorted(tx.scalars(select(delivery_events.c.provider_event_id)))

    def judge(self, *, queued: int = PEOPLE) -> list[Seen]:
        """Hold the guarantee against the provider's log; returns the messages.

        At most one acceptance each; whatever it took is on record as sent or in doubt, and what is on record as sent
        it took; nothing is lost from sight. `queued` is how many there must be.
        """
        seen = self.messages()
        assert len(seen) == queued
        assert sum(one.accepted for one in seen) == len(self.provider.accepted())
        for one in seen:
            assert one.accepted <= 1, one
            assert one.status in ENDS | {"in_doubt"}, one
            assert one.status in {"sent", "in_doubt"} or not one.accepted, one
            assert one.accepted or one.status != "sent", one
            assert one.reason or one.status == "sent", one
        return seen

    def judge_after_events(self, *, queued: int = PEOPLE) -> list[Seen]:
        """The same once the provider has told everything: then nothing that it took is in doubt any more."""
        self.tell()
        seen = self.judge(queued=queued)
        assert [one for one in seen if one.accepted and one.status != "sent"] == []
        return seen

    def counts(self) -> dict[str, int]:
        """How many messages there are in each status."""
        m = messages.c
        with contextlib.closing(Database(self.stage.url)) as database, database.read() as tx:
            rows = tx.execute(select(m.status, func.count().label("messages")).group_by(m.status))
            return {row.status: row.messages for row in rows}


def lay_out(folder: Path, url: str, provider: FakeProvider, *, at_once: int = AT_ONCE) -> Scene:
    """Write the project: the shipped shop and policy, one campaign of one letter."""
    shutil.copytree(PROJECT / "config", folder / "config", ignore=shutil.ignore_patterns("campaigns", "broadcasts"))
    policy = folder / "config" / "policy.yaml"
    routes = f"  routes:\n    email: {{by: sendgrid, at_once: {at_once}, timeout_seconds: {TIMEOUT_SECONDS}}}\n"
    changed, count = re.subn(r"  routes:\n(    .*\n)+", routes, policy.read_text())
    assert count == 1
    # Either would hold messages back until later, or until a person lets them go.
    changed, count = re.subn(r"  (canary|blast_radius): \{.*\}\n", r"  \1: none\n", changed)
    assert count == 2
    policy.write_text(changed)
    (folder / "config" / "campaigns").mkdir()
    (folder / "config" / "campaigns" / "nudge.yaml").write_text(CAMPAIGN)
    words = folder / "templates" / "nudge" / "hello" / "en"
    words.mkdir(parents=True)
    for name, text in WORDS.items():
        (words / name).write_text(text)
    shutil.copytree(PROJECT / "templates" / "_pages", folder / "templates" / "_pages")
    key = SendGridKey()
    stage = Stage(folder, url, provider.url, now=time.time_ns() // 1_000_000, webhook_key=key.public)
    return Scene(stage, provider, key)
