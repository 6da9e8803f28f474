"""Dispatchers of letters with coupons killed where a code changes hands; fresh ones finish the work.

Codes change hands in three transactions: they are held before the words are made, given with the intent, and held
again with the settlement of what did not leave. Each is met inside, after the last they go back, and between the last
two letters leave. At the other points of a dispatcher (test_killed.py) a code is what it is at one of these.
"""

from __future__ import annotations

import contextlib
import json
import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import select

from benchmarks.fake_provider import FakeProvider, fake_provider
from clm.domain.instant import DAY_MS, SECOND_MS
from clm.domain.record import ContactRecord
from clm.engine.advance import advance
from clm.engine.dispatch import LEASE_SECONDS
from clm.engine.enrol import enrol
from clm.engine.profile import refresh
from clm.engine.settling import PAUSE_SECONDS_MAX
from clm.engine.workspace import Workspace
from clm.faults import FaultPoint
from clm.store import coupons as stored
from clm.store.database import Database
from clm.store.schema import contacts, coupons
from tests.engine.shop import Shop, order
from tests.engine.together import end_of, gate_for, started
from tests.reliability.crashes.acting import come_back, dispatch_all, mark_of, sweep
from tests.reliability.crashes.moments import Moment, fate
from tests.reliability.crashes.scene import AT_ONCE, WORDS, Scene, lay_out

pytestmark = pytest.mark.slow

KILLED = -signal.SIGKILL
OFFERS = """\
offers:
  spring: {kind: percent, percent: 15, days: 1, codes: generated, prefix: SPRING}
  tin: {kind: free_shipping, days: 1, codes: pool}
"""
CAMPAIGN = """\
campaign: nudge
title: Nudge
status: live
purpose: marketing
delivery: at_least_once
in_flight: move
priority: 50
enter: {when: order_count >= 1, once_per: contact}
steps:
  - branch:
      - when: order_count >= 2
        steps: [{send: tin, channel: email, coupon: tin, within: 8d}]
      - steps: [{send: hello, channel: email, coupon: spring, within: 8d}]
  - wait: 30d
  - {send: goodbye, channel: email}
"""
LETTER = "Your code: {{ coupon.code }}."
LETTERS = 24
"""So many that some are left for others, however many are on their way when the first answers come."""
STOCK = [f"TIN-{number}" for number in range(LETTERS // 2 + 1)]
"""One more than are needed, so that both what is lost and what is taken twice shows."""
HOLDING = "UPDATE coupons SET contact_id"
"""Codes of both kinds are with their contacts, and nothing is committed."""
HOLDING_AGAIN = "UPDATE coupons SET issued_at = NULL"
"""Codes of what did not leave are only held, and nothing is committed."""
LONG_SILENT_MS = 3 * DAY_MS
"""Longer than a provider may take to tell, and than a code of these offers holds."""


@dataclass(frozen=True, slots=True)
class Codes:
    """Every code as the database has it."""

    given: dict[str, str]
    """By address; both kinds."""
    held: dict[str, str]
    """The same of those that no letter has left with."""
    free: list[str]
    closed: list[str]
    expires_at: dict[str, int]
    """Of those that were given, by address."""


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[FakeProvider]:
    """One that keeps every letter as it came."""
    with fake_provider(tmp_path, keep_requests=True) as opened:
        yield opened


@pytest.fixture
def scene(tmp_path: Path, database_url: str, provider: FakeProvider) -> Scene:
    """Half of the people are to get a code that is made for them, the others one out of the pool."""
    scene = lay_out(tmp_path, database_url, provider)
    config, now = tmp_path / "config", scene.stage.now
    (config / "offers.yaml").write_text(OFFERS)
    (config / "campaigns" / "nudge.yaml").write_text(CAMPAIGN)
    for step, said in (("hello", LETTER), ("tin", LETTER), ("goodbye", "Goodbye.")):
        words = tmp_path / "templates" / "nudge" / step / "en"
        words.mkdir(parents=True, exist_ok=True)
        for name, text in WORDS.items():
            (words / name).write_text(text.replace("Good day.", said))
    with scene.workspace() as workspace:
        with workspace.database.write() as tx:
            stored.add(tx, "tin", STOCK, now=now)
        shop, known = Shop(workspace.database), {"email_consent": True, "signed_up_at": now - 100 * DAY_MS}
        shop.tell(*(ContactRecord(f"c{n}", email=f"c{n}@example.com", **known) for n in range(LETTERS)), now=now)
        for people in (range(AT_ONCE), range(AT_ONCE, LETTERS)):  # so that the first lot has both kinds
            shop.tell(*(order(f"o{n}", f"c{n}", at=now - DAY_MS) for n in people), now=now)
            shop.tell(*(order(f"p{n}", f"c{n}", at=now - DAY_MS) for n in people if n % 2), now=now)
            refresh(workspace.database, now=now)
            _run_campaign(workspace, now)
    return scene


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(HOLDING, id="holding"),
        FaultPoint.INSIDE_INTENT,
        FaultPoint.ANSWER_IN_HAND,
        pytest.param(HOLDING_AGAIN, id="holding_again"),
    ],
)
def test_everybody_has_one_code_and_their_letters_say_that_one(scene: Scene, moment: Moment) -> None:
    """Whoever has a code when the dispatcher is killed keeps it, also through a letter that is sent days later.

    Two fresh dispatchers finish the work; the provider is silent about what had not left, and that is handed over anew.
    """
    refused = moment is HOLDING_AGAIN
    # Answers take their time, so that they come in turns.
    scene.provider.behave(latency_ms=100, answers={"throttle": 1.0} if refused else {})
    with started(dispatch_all, [(scene.stage, fate(moment))]) as doomed:
        assert end_of(doomed) == [KILLED]
    assert mark_of(scene.stage, "dispatcher").exists()
    promised = _codes(scene)
    kinds = {code.partition("-")[0] for code in (promised.given | promised.held).values()}
    assert kinds == (set() if moment is HOLDING else {"SPRING", "TIN"})
    assert (not promised.given) == (moment in {HOLDING, FaultPoint.INSIDE_INTENT})
    _judge_letters(scene, promised)
    scene.provider.behave(latency_ms=0, answers={})
    scene.stage.put_clock_forward(PAUSE_SECONDS_MAX)
    with started(come_back, [(scene.stage, gate_for(2))] * 2) as fresh:
        assert end_of(fresh) == [0, 0]
    scene.tell()
    _judge_letters(scene, _codes(scene))
    doubted = scene.counts().get("in_doubt", 0)
    assert doubted or not refused
    later = replace(scene.stage, now=scene.stage.now + LONG_SILENT_MS)
    if doubted:
        scene.stage.put_clock_forward(PAUSE_SECONDS_MAX + LONG_SILENT_MS // SECOND_MS)
        with started(come_back, [(later,)]) as fresh:
            assert end_of(fresh) == [0]
    assert scene.counts() == {"sent": LETTERS}
    scene.judge(queued=LETTERS)
    codes = _codes(scene)
    assert codes.given == _judge_letters(scene, codes)
    assert len(codes.given) == LETTERS
    assert (codes.held, codes.closed) == ({}, [])
    assert codes.free == [code for code in STOCK if code not in codes.given.values()]
    assert len(codes.free) == len(STOCK) - LETTERS // 2
    assert codes.given.items() >= promised.given.items() | promised.held.items()
    assert sum(until > later.now for until in codes.expires_at.values()) == doubted


def test_codes_of_letters_that_never_leave_are_all_free_again(scene: Scene) -> None:
    """Some were given, and held again since the provider took nothing; now it is too late, and all go back."""
    scene.provider.behave(answers={"throttle": 1.0})
    with started(dispatch_all, [(scene.stage, fate(FaultPoint.SETTLED))]) as doomed:
        assert end_of(doomed) == [KILLED]
    before = _codes(scene)
    assert _judge_letters(scene, before).keys() & before.held.keys()
    scene.stage.put_clock_forward(LEASE_SECONDS + 9 * DAY_MS // SECOND_MS)
    with started(sweep, [(replace(scene.stage, now=scene.stage.now + 9 * DAY_MS),)]) as sweeper:
        assert end_of(sweeper) == [0]
    counts = scene.counts()
    assert counts["expired"] == LETTERS - counts.get("in_doubt", 0)
    assert len(before.given) == counts.get("in_doubt", 0)  # nobody knows of those, and theirs stay given
    free = [code for code in STOCK if code not in before.given.values()]
    assert _codes(scene) == Codes(before.given, {}, free, [], before.expires_at)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_code_of_an_offer_that_was_taken_out_meanwhile_goes_back(scene: Scene) -> None:
    """Held when the dispatcher was killed; the campaign was changed, and the letter leaves with another code."""
    with started(dispatch_all, [(scene.stage, fate(FaultPoint.RENDERED))]) as doomed:
        assert end_of(doomed) == [KILLED]
    assert set(STOCK) & set(_codes(scene).held.values())
    (scene.stage.folder / "config" / "campaigns" / "nudge.yaml").write_text(
        CAMPAIGN.replace("coupon: tin", "coupon: spring")
    )
    with scene.workspace() as workspace:
        _run_campaign(workspace, scene.stage.now)
    scene.stage.put_clock_forward(LEASE_SECONDS + 1)
    with started(come_back, [(scene.stage,)]) as fresh:
        assert end_of(fresh) == [0]
    assert scene.counts() == {"sent": LETTERS}
    codes = _codes(scene)
    assert (codes.held, codes.free, codes.closed) == ({}, STOCK, [])
    assert codes.given == _judge_letters(scene, codes)


def _run_campaign(workspace: Workspace, now: int) -> None:
    """As the file is now."""
    (campaign,) = workspace.journeys.live()
    enrol(workspace.database, workspace.journeys, campaign, now=now)
    advance(workspace.database, workspace.journeys, campaign, now=now)


def _codes(scene: Scene) -> Codes:
    c = coupons.c
    query = select(c.code, c.issued_at, c.expires_at, c.closed_at, contacts.c.email)
    query = query.outerjoin(contacts, contacts.c.id == c.contact_id).order_by(c.id)
    with contextlib.closing(Database(scene.stage.url)) as database, database.read() as tx:
        rows = tx.execute(query).all()
    standing = [row for row in rows if row.closed_at is None]
    given = [row for row in standing if row.issued_at is not None]
    return Codes(
        given={row.email: row.code for row in given},
        held={row.email: row.code for row in standing if row.email is not None and row.issued_at is None},
        free=[row.code for row in standing if row.email is None],
        closed=[row.code for row in rows if row.closed_at is not None],
        expires_at={row.email: row.expires_at for row in given},
    )


def _judge_letters(scene: Scene, codes: Codes) -> dict[str, str]:
    """The code in the letters to each address, which is one, nobody else's, and theirs by the database.

    Asked is every letter that came to the provider's door; what it refused for now is no letter that it has, and its
    code may still be only held.
    """
    said: dict[str, set[str]] = {}
    for line in scene.provider.requests.read_bytes().split(b"\n") if scene.provider.requests.exists() else []:
        if line.startswith(b"{"):
            letter = json.loads(line)
            (to,) = letter["personalizations"][0]["to"]
            (code,) = re.findall(r"Your code: ([A-Z0-9-]+)\.", letter["content"][0]["value"])
            said.setdefault(to["email"], set()).add(code)
    assert all(len(found) == 1 for found in said.values()), said
    letters = {address: code for address, (code,) in said.items()}
    assert len(set(letters.values())) == len(letters), letters
    assert (codes.given | codes.held).items() >= letters.items()
    taken = {one.to for one in scene.provider.accepted()}
    assert codes.given.keys() >= taken
    assert letters.keys() >= taken
    return letters
