"""The real process on a small shop, with channels that remember and a clock that stands still."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from copy import copy
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import select

from clm.config import Configuration
from clm.content.brand import Brand
from clm.content.library import TemplateLibrary
from clm.content.links import Links
from clm.domain.campaign import Campaign
from clm.domain.content import ChannelName, Content, Envelope
from clm.domain.delivery import Limits
from clm.domain.fact import FACTS
from clm.domain.instant import DAY_MS, SECOND_MS
from clm.domain.offer import Offer
from clm.domain.outcome import Accepted, Outcome
from clm.domain.record import ContactRecord
from clm.engine.advance import advance
from clm.engine.dispatch import LEASE_SECONDS, Dispatcher
from clm.engine.enrol import enrol
from clm.engine.journey import Journeys
from clm.engine.profile import refresh
from clm.engine.reconcile import Reconciled, reconcile
from clm.store import messages
from clm.store.database import Database
from clm.store.schema import decisions, enrolments
from tests.engine.shop import NOW, POUNDS, Shop, order

STEPS = ("hello", "again", "last", "broken")
KEY = "a key of thirty-two characters or more"
HELLO = {"send": "hello", "channel": "email"}
AGAIN = {"send": "again", "channel": "email"}
LAST = {"send": "last", "channel": "email"}
TWO_DAYS = {"wait": "2d"}
FIRST_CLOCK = 1_000 * DAY_MS
"""Wall-clock time has nothing to do with the instant a run is for."""


def write_words(folder: Path) -> Path:
    """Words for the campaigns `nudge` and `other`; step `broken` needs a first name."""
    body = "<mjml><mj-body><mj-section><mj-column><mj-text>{}</mj-text></mj-column></mj-section></mj-body></mjml>"
    for campaign in ("nudge", "other"):
        for step in STEPS:
            words = "Dear {{ contact.first_name }}" if step == "broken" else f"{campaign} {step}"
            place = folder / campaign / step / "en"
            place.mkdir(parents=True)
            for name in ("subject.txt", "body.txt", "sms.txt"):
                (place / name).write_text(words)
            (place / "body.mjml").write_text(body.format(words))
    return folder


def load_words(folder: Path, brand: Brand) -> TemplateLibrary:
    """What `write_words` wrote, compiled."""
    return TemplateLibrary.load(folder, brand=brand, default_locale="en", facts=list(FACTS))


def written_by(dispatcher: Dispatcher, render: Callable[..., Content]) -> None:
    """Let somebody else make the words, to whom other things happen meanwhile."""
    library = copy(dispatcher.library)
    library.render = render  # type: ignore[method-assign]
    object.__setattr__(dispatcher, "library", library)


def campaign(name: str = "nudge", **changes: Any) -> Campaign:
    """A live campaign that says hello by e-mail to everybody who has ordered, once; changed as told."""
    plan: dict[str, Any] = {
        "campaign": name,
        "title": name.title(),
        "status": "live",
        "enter": {"when": "order_count >= 1", "once_per": "contact"},
        "steps": [HELLO],
    }
    return Campaign.model_validate(plan | changes)


class Recorder:
    """A channel that remembers what it was handed, and answers as told."""

    live = False
    limits = Limits()

    def __init__(self, name: str = "recorder", *, idempotent: bool = True) -> None:
        self.name = name
        self.idempotent = idempotent
        self.handed: list[Envelope] = []
        self.answer: Callable[[Envelope], Outcome] = lambda _envelope: Accepted("p-1")

    async def deliver(self, envelope: Envelope) -> Outcome:
        """Remember and answer."""
        self.handed.append(envelope)
        return self.answer(envelope)

    async def turn(self) -> None:
        """Nobody waits."""

    async def close(self) -> None:
        """It has no connections."""


class Seen(NamedTuple):
    """A message as `clm messages` shows it."""

    contact: str
    step: str
    status: str
    reason: str | None


class Rehearsal:
    """One shop, some campaigns, one channel each for mail and SMS."""

    offers: Mapping[str, Offer] = MappingProxyType({})

    def __init__(self, database: Database, library: TemplateLibrary, brand: Brand) -> None:
        self.database = database
        self.shop = Shop(database)
        self.mail, self.sms = Recorder("mailer"), Recorder("texter")
        self.clock = FIRST_CLOCK
        self._library = library
        self._brand = brand
        self._campaigns: dict[str, Campaign] = {}

    def have(self, *campaigns: Campaign) -> None:
        """Put campaign files into config/, in place of those of the same name."""
        self._campaigns |= {one.campaign: one for one in campaigns}

    def customer(self, contact: str = "ada", *, at: int = NOW - DAY_MS, **details: Any) -> None:
        """Somebody who consented to both channels and ordered once, a day ago."""
        said: dict[str, Any] = {
            "email": f"{contact}@example.com",
            "phone": "+447700900123",
            "email_consent": True,
            "sms_consent": True,
            "signed_up_at": NOW - 100 * DAY_MS,
        }
        self.shop.tell(ContactRecord(contact, **(said | details)), now=NOW - 100 * DAY_MS)
        self.shop.tell(order(f"{contact}-1", contact, at=at))

    @property
    def journeys(self) -> Journeys:
        """As a new process reads them."""
        return Journeys(Configuration(POUNDS, tuple(self._campaigns.values()), offers=self.offers))

    def dispatcher(self, now: int) -> Dispatcher:
        """Somebody who hands over at `now`."""
        channels: dict[ChannelName, Any] = {"email": self.mail, "sms": self.sms}
        return Dispatcher(
            database=self.database,
            journeys=self.journeys,
            library=self._library,
            brand=self._brand,
            links=Links("https://shop.example", [KEY]),
            channels=channels,
            now=now,
            clock=lambda: self.clock,
        )

    def decide(self, now: int = NOW) -> dict[str, tuple[int, int]]:
        """Enrol and advance; how many entered and how many messages were queued, per campaign."""
        refresh(self.database, now=now)
        journeys = self.journeys
        return {
            one.campaign: (
                enrol(self.database, journeys, one, now=now),
                advance(self.database, journeys, one, now=now),
            )
            for one in journeys.live()
        }

    def hand_over(self, now: int = NOW) -> Counter[str]:
        """Dispatch until nothing is due; how many went where."""
        dispatcher = self.dispatcher(now)
        counts: Counter[str] = Counter()
        for _ in range(20):
            handed = dispatcher.batch()
            if not handed.leased:
                return counts
            counts.update(handed.by_status)
        raise AssertionError("dispatching never ends")

    def reconcile(self, now: int = NOW) -> Reconciled:
        """Put right what was left behind."""
        idempotent = {channel.name for channel in (self.mail, self.sms) if channel.idempotent}
        return reconcile(self.database, self.journeys, idempotent=idempotent, now=now, clock_now=self.clock)

    def run(self, now: int = NOW) -> Counter[str]:
        """The lifecycle once; how many messages went where."""
        self.decide(now)
        self.reconcile(now)
        return self.hand_over(now)

    def lapse(self) -> None:
        """Let every lease run out."""
        self.clock += (LEASE_SECONDS + 1) * SECOND_MS

    def messages(self, campaign: str | None = None) -> list[Seen]:
        """All messages, oldest first."""
        with self.database.read() as tx:
            rows = messages.listed(tx, contact=None, campaign=campaign, status=None, limit=None)
        return [Seen(row.contact, row.step, row.status, row.reason) for row in rows]

    def handed(self) -> list[str]:
        """What left by mail: subject lines, in order."""
        return [envelope.content.subject or "" for envelope in self.mail.handed]

    def enrolments(self) -> list[tuple[str, str, str | None]]:
        """Trigger key, status and reason of every enrolment, oldest first."""
        e = enrolments.c
        with self.database.read() as tx:
            rows = tx.execute(select(e.trigger_key, e.status, e.exit_reason).order_by(e.id)).all()
        return [(row.trigger_key, row.status, row.exit_reason) for row in rows]

    def decisions(self) -> list[tuple[str, str]]:
        """Kind and reason of every decision, in order."""
        d = decisions.c
        with self.database.read() as tx:
            return [(row.kind, row.reason) for row in tx.execute(select(d.kind, d.reason).order_by(d.at, d.id))]
