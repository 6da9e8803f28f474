"""Eight dispatchers at once on one database: caps are counted where the intent is recorded, and so are opt-outs."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from clm.config import Configuration
from clm.content.brand import read_brand
from clm.content.library import TemplateLibrary
from clm.content.links import Links
from clm.domain.campaign import Campaign
from clm.domain.content import ChannelName
from clm.domain.instant import DAY_MS
from clm.domain.policy import Cap, Policy
from clm.engine import dispatch
from clm.engine.dispatch import Dispatcher
from clm.engine.journey import Journeys
from clm.store import suppressions
from clm.store.database import Database
from clm.store.schema import attempts, contacts, messages
from tests.conftest import PROJECT
from tests.engine.rehearsal import FIRST_CLOCK, HELLO, KEY, Rehearsal, campaign
from tests.engine.shop import NOW, POUNDS
from tests.engine.together import WAIT_SECONDS_MAX, SharedChannel, end_of, gate_for, noted, started

PEOPLE, QUEUED, CAP, DISPATCHERS = 40, 6, 3, 8
CAMPAIGNS = tuple(
    campaign(f"nudge_{number}", priority=50 + number, steps=[{**HELLO, "within": "9d"}]) for number in range(QUEUED)
)
POLICY = Policy(gaps={"email": 0}, caps=(Cap("email", CAP, 7 * DAY_MS),))


@dataclass(frozen=True, slots=True)
class Plan:
    """What a dispatcher is told."""

    url: str
    words: Path
    folder: Path
    campaigns: tuple[Campaign, ...]
    policy: Policy
    now: int = NOW


def dispatch_all(plan: Plan, gate: Any) -> None:
    """Hand over until nothing is due, in small batches; everybody starts at the gate."""
    dispatch.BATCH_MESSAGES = 11
    brand = read_brand(PROJECT / "config" / "brand.yaml")
    channel = SharedChannel(plan.folder)
    channels: dict[ChannelName, Any] = {"email": channel, "sms": channel}
    with contextlib.closing(Database(plan.url)) as database:
        dispatcher = Dispatcher(
            database=database,
            journeys=Journeys(Configuration(POUNDS, plan.campaigns, policy=plan.policy)),
            library=TemplateLibrary.load(plan.words, brand=brand, default_locale="en"),
            brand=brand,
            links=Links("https://shop.example", [KEY]),
            channels=channels,
            now=plan.now,
            clock=lambda: FIRST_CLOCK,
        )
        gate.wait()
        patience = time.monotonic() + WAIT_SECONDS_MAX
        while time.monotonic() < patience:
            if dispatcher.batch().leased == 0:
                if dispatcher.others_until() is None:
                    return
                time.sleep(0.01)
    raise TimeoutError("others never let go of what is due")


def opt_out_all(url: str, addresses: list[str], folder: Path, gate: Any) -> None:
    """Everybody opts out; notes how many intents there were for each just after it.

    A quarter before the gate opens, the others once something has left: dispatchers meet both, on any machine.
    """
    with contextlib.closing(Database(url)) as database:
        for number, address in enumerate(addresses):
            if number == len(addresses) // 4:
                gate.wait()
                _wait_for_a_message(folder)
            with database.write() as tx:
                suppressions.suppress(
                    tx, channel="email", address=address, reason="unsubscribed", source="test", at=NOW
                )
            with (folder / "opted out").open("a") as lines:
                lines.write(f"{address} {intents(database)[address]}\n")


def _wait_for_a_message(folder: Path) -> None:
    patience = time.monotonic() + WAIT_SECONDS_MAX
    while not noted(folder, "handed"):
        if time.monotonic() > patience:
            raise TimeoutError("nothing was ever handed over")
        time.sleep(0.001)


def intents(database: Database) -> Counter[str]:
    """How many intents to send each address something have been recorded."""
    m = messages.c
    query = select(m.address).join(attempts, attempts.c.message_id == m.id)
    with database.read() as tx:
        return Counter(tx.scalars(query))


@pytest.fixture
def words(tmp_path: Path) -> Path:
    """One line of text for each campaign."""
    body = "<mjml><mj-body><mj-section><mj-column><mj-text>Hi</mj-text></mj-column></mj-section></mj-body></mjml>"
    for one in CAMPAIGNS:
        place = tmp_path / "words" / one.campaign / "hello" / "en"
        place.mkdir(parents=True)
        for name in ("subject.txt", "body.txt"):
            (place / name).write_text(f"{one.campaign} says hello")
        (place / "body.mjml").write_text(body)
    return tmp_path / "words"


@pytest.fixture
def crowd(rehearsal: Rehearsal) -> Rehearsal:
    """Forty people with six messages each, due now."""
    rehearsal.have(*CAMPAIGNS)
    for number in range(PEOPLE):
        rehearsal.customer(f"c{number}")
    rehearsal.decide()
    assert Counter(seen.status for seen in rehearsal.messages()) == {"queued": PEOPLE * QUEUED}
    rehearsal.database.close()  # no connection is carried into another process
    return rehearsal


@pytest.mark.slow
def test_eight_dispatchers_at_once_never_exceed_a_cap(
    crowd: Rehearsal, database_url: str, words: Path, tmp_path: Path
) -> None:
    """Three of six for each of forty people, the most urgent ones; a week later the other three; nothing twice."""
    plan = Plan(database_url, words, tmp_path, CAMPAIGNS, POLICY)
    for now, sent in ((NOW, CAP), (NOW + 7 * DAY_MS - 1, CAP), (NOW + 7 * DAY_MS, 2 * CAP)):
        gate = gate_for(DISPATCHERS)
        plan = Plan(database_url, words, tmp_path, CAMPAIGNS, POLICY, now)
        with started(dispatch_all, [(plan, gate)] * DISPATCHERS) as processes:
            assert end_of(processes) == [0] * DISPATCHERS
        m, c = messages.c, contacts.c
        query = select(c.external_id, m.campaign).join(contacts, c.id == m.contact_id).where(m.status == "sent")
        with crowd.database.read() as tx:
            rows = tx.execute(query).all()
        assert Counter(row.external_id for row in rows) == {f"c{number}": sent for number in range(PEOPLE)}
        if sent == CAP:
            assert {row.campaign for row in rows} == {one.campaign for one in CAMPAIGNS[-CAP:]}, "the most urgent"
        handed = Counter(noted(tmp_path, "handed"))
        assert len(handed) == PEOPLE * sent
        assert set(handed.values()) == {1}, "nothing left twice"
    assert noted(tmp_path, "overlapping") == []
    assert Counter(kind for kind, _ in crowd.decisions() if kind == "deferred") == {"deferred": PEOPLE * CAP}
    assert {crowd.shop.profile(f"c{number}")["emails_sent"] for number in range(PEOPLE)} == {2 * CAP}


@pytest.mark.slow
def test_nothing_is_authorised_after_an_opt_out_was_committed(
    crowd: Rehearsal, database_url: str, words: Path, tmp_path: Path
) -> None:
    """While dispatchers are at it everybody opts out: every intent is older than the suppression, or never was."""
    plan = Plan(database_url, words, tmp_path, CAMPAIGNS, Policy())
    addresses = [f"c{number}@example.com" for number in range(PEOPLE)]
    gate = gate_for(DISPATCHERS)
    with (
        started(dispatch_all, [(plan, gate)] * (DISPATCHERS - 1)) as dispatchers,
        started(opt_out_all, [(database_url, addresses, tmp_path, gate)]) as others,
    ):
        assert end_of([*dispatchers, *others]) == [0] * DISPATCHERS
    statuses = Counter(seen.status for seen in crowd.messages())
    assert set(statuses) == {"sent", "refused"}
    assert statuses.total() == PEOPLE * QUEUED
    then = Counter({address: int(count) for address, count in map(str.split, noted(tmp_path, "opted out"))})
    assert then == intents(crowd.database), "something was authorised that had not seen an opt-out before it"
