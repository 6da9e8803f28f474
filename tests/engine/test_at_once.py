"""Several processes at once, and processes that die: everything happens once all the same."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import select, text, update

from clm.content.brand import Brand
from clm.content.library import TemplateLibrary
from clm.domain.instant import DAY_MS, SECOND_MS
from clm.engine.dispatch import LEASE_SECONDS
from clm.engine.enrol import enrol
from clm.store import attempts as attempts_store
from clm.store import flight, leases
from clm.store.attempts import ContactBusyError, Intent
from clm.store.database import Database, Transaction
from clm.store.flight import Flight
from clm.store.leases import Open
from clm.store.schema import attempts
from clm.store.schema import enrolments as enrolments_table
from clm.store.schema import messages as messages_table
from tests.databases import empty
from tests.engine.rehearsal import AGAIN, FIRST_CLOCK, HELLO, TWO_DAYS, Rehearsal, campaign
from tests.engine.shop import NOW, Shop, csv_of
from tests.engine.together import (
    WAIT_SECONDS_MAX,
    Fate,
    Plan,
    end_of,
    gate_for,
    noted,
    pull_file,
    run_lifecycle,
    started,
)

pytestmark = pytest.mark.slow

PEOPLE = 24
OPEN = Open(["email"], ["nudge"])
CAMPAIGNS = (campaign("nudge", steps=[HELLO, TWO_DAYS, AGAIN]), campaign("other", priority=60))
LATER = FIRST_CLOCK + (LEASE_SECONDS + 1) * SECOND_MS


@pytest.fixture
def crowd(rehearsal: Rehearsal) -> Rehearsal:
    """People who may enter two campaigns."""
    rehearsal.have(*CAMPAIGNS)
    for number in range(PEOPLE):
        rehearsal.customer(f"c{number}")
    return rehearsal


@pytest.fixture
def plan(crowd: Rehearsal, database_url: str, words_folder: Path, tmp_path: Path) -> dict[str, Any]:
    """What every process is told."""
    crowd.database.close()  # no connection is carried into another process
    return {
        "url": database_url,
        "words": words_folder,
        "folder": tmp_path,
        "campaigns": CAMPAIGNS,
        "clock": FIRST_CLOCK,
    }


def test_several_runs_at_once_do_everything_once(crowd: Rehearsal, plan: dict[str, Any], tmp_path: Path) -> None:
    """Three processes enrol, advance and dispatch at one instant: one enrolment, one message, one hand-over each."""
    for now in (NOW, NOW + 2 * DAY_MS):
        gate = gate_for(3)
        with started(run_lifecycle, [(Plan(now=now, **plan), gate)] * 3) as processes:
            assert end_of(processes) == [0, 0, 0]
    handed = Counter(noted(tmp_path, "handed"))
    assert len(handed) == 3 * PEOPLE
    assert set(handed.values()) == {1}
    assert noted(tmp_path, "overlapping") == [], "somebody was being sent two messages at one time"
    assert Counter((seen.step, seen.status) for seen in crowd.messages()) == {
        ("hello", "sent"): 2 * PEOPLE,
        ("again", "sent"): PEOPLE,
    }
    with crowd.database.read() as tx:
        assert len(tx.scalars(select(enrolments_table.c.id)).all()) == 2 * PEOPLE
        assert len(tx.scalars(select(attempts.c.id)).all()) == 3 * PEOPLE


def test_two_who_want_the_same_people_in_turns_both_get_on(crowd: Rehearsal) -> None:
    """Two dispatchers intend messages of the same contacts in opposite orders: one waits or steps back, none fails."""
    crowd.decide()
    m = messages_table.c
    with crowd.database.read() as tx:
        rows = tx.execute(select(m.id, m.contact_id, m.campaign).order_by(m.contact_id)).all()
    forth = [row.id for row in rows if row.campaign == "nudge"]
    back = [row.id for row in reversed(rows) if row.campaign == "other"]
    outcomes: list[str] = []

    def intend(ids: list[int], token: str) -> None:
        other = Database(crowd.database.engine.url.render_as_string(hide_password=False))
        try:
            with other.write() as tx:
                for message_id in ids:  # one statement each, so that the two interleave
                    intent = Intent(message_id, 1, "email", "a@b.example", "en", None, "recorder", "b.example", 0)
                    attempts_store.intend(tx, [intent], token=token, lease_until=NOW, now=NOW)
                    time.sleep(0.001)
            outcomes.append("intended")
        except ContactBusyError:
            outcomes.append("stepped back")
        finally:
            other.close()

    threads = [Thread(target=intend, args=pair) for pair in ((forth, "forth"), (back, "back"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["intended", "stepped back"]


def test_two_who_take_at_one_moment_take_different_people(
    postgres_url: str, library: TemplateLibrary, own_brand: Brand
) -> None:
    """On PostgreSQL two transactions run side by side: neither waits for what the other has in hand, nor takes it."""
    with contextlib.closing(Database(postgres_url)) as one, contextlib.closing(Database(postgres_url)) as two:
        empty(one)
        rehearsal = Rehearsal(one, library, own_brand)
        rehearsal.have(campaign(steps=[HELLO, TWO_DAYS, AGAIN]))
        for number in range(10):
            rehearsal.customer(f"c{number}")
        (journey,) = rehearsal.journeys.live()
        enrol(one, rehearsal.journeys, journey, now=NOW)

        def move(tx: Transaction) -> set[int]:
            return {one.id for one in flight.due(tx, Flight("nudge", journey.version), 0, now=NOW, limit=6)}

        def lease(tx: Transaction, token: str) -> set[int]:
            leases.lease(tx, token=token, lease_until=LATER, open_=OPEN, now=NOW, clock_now=FIRST_CLOCK, limit=6)
            return {row.id for row in leases.leased(tx, token, lock=True)}

        with one.write() as mine, two.write() as theirs:
            theirs.execute(text("SET LOCAL lock_timeout = '2s'"))
            assert (len(first := move(mine)), len(second := move(theirs))) == (6, 4)
            assert not first & second
        with one.write() as tx:
            tx.execute(update(enrolments_table).values(position=0))
        rehearsal.decide()
        with one.write() as mine, two.write() as theirs:
            theirs.execute(text("SET LOCAL lock_timeout = '2s'"))
            assert (len(first := lease(mine, "mine")), len(second := lease(theirs, "theirs"))) == (6, 4)
            assert not first & second


@pytest.mark.slow
@pytest.mark.parametrize("fate", ["killed before it left", "killed after it left"])
@pytest.mark.parametrize("idempotent", [True, False])
def test_a_process_killed_while_handing_over(
    crowd: Rehearsal, plan: dict[str, Any], tmp_path: Path, fate: Fate, idempotent: bool
) -> None:
    """After its lease, what it held is repeated where a repeated id does no harm, and in doubt where it might."""
    with started(run_lifecycle, [(Plan(now=NOW, fate=fate, idempotent=idempotent, **plan),)]) as processes:
        assert end_of(processes) == [-signal.SIGKILL]
    statuses = Counter(seen.status for seen in crowd.messages())
    held = statuses["sending"]
    assert held == 7, "the batch it died in"
    # Somebody else at the same moment leaves it alone.
    with started(run_lifecycle, [(Plan(now=NOW, idempotent=idempotent, **plan),)]) as processes:
        # Those seven people's other messages wait too: nobody is being sent two at a time.
        _until(lambda: Counter(seen.status for seen in crowd.messages())["sent"] == 2 * (PEOPLE - held))
        time.sleep(0.2)
        assert processes[0].is_alive(), "it waits for the lease"
    assert Counter(seen.status for seen in crowd.messages())["sending"] == held
    with started(run_lifecycle, [(Plan(now=NOW, idempotent=idempotent, **(plan | {"clock": LATER})),)]) as processes:
        assert end_of(processes) == [0]
    statuses = Counter(seen.status for seen in crowd.messages())
    handed = Counter(noted(tmp_path, "handed"))
    if idempotent:
        assert statuses == {"sent": 2 * PEOPLE}
        assert len(handed) == 2 * PEOPLE
        repeated = {count for count in handed.values() if count > 1}
        assert repeated <= {2}
    else:
        assert statuses == {"sent": 2 * PEOPLE - held, "in_doubt": held}
        assert set(handed.values()) == {1}, "nothing in doubt is ever sent again unasked"


@pytest.mark.slow
def test_a_process_that_was_stopped_and_wakes_up_settles_nothing(
    crowd: Rehearsal, plan: dict[str, Any], tmp_path: Path
) -> None:
    """Its lease ran out while it slept and another took over; its late answers change no message."""
    with started(run_lifecycle, [(Plan(now=NOW, fate="stopped after it left", **plan),)]) as (sleeper,):
        _until(lambda: bool(noted(tmp_path, "stopped")))
        with started(run_lifecycle, [(Plan(now=NOW, **(plan | {"clock": LATER})),)]) as processes:
            assert end_of(processes) == [0]
        before = crowd.messages()
        assert {seen.status for seen in before} == {"sent"}
        os.kill(int(noted(tmp_path, "stopped")[0]), signal.SIGCONT)
        assert end_of([sleeper]) == [0]
    assert crowd.messages() == before
    a, m = attempts.c, messages_table.c
    with crowd.database.read() as tx:
        last = tx.execute(select(m.id, m.attempts)).all()
        assert {row.attempts for row in last} == {1, 2}
        settled = Counter(tx.scalars(select(a.outcome)))
    assert settled == {"accepted": 2 * PEOPLE + 7}, "the sleeper's seven answers are kept with their attempts"


def test_two_imports_of_one_file_at_once(database_url: str, tmp_path: Path) -> None:
    """Two processes read the same export: every order is there once, and the profiles are right."""
    path = tmp_path / "orders.csv"
    path.write_text(csv_of(200))
    gate = gate_for(2)
    with started(pull_file, [(database_url, path, gate)] * 2) as processes:
        assert end_of(processes) == [0, 0]
    assert sum(map(int, path.with_suffix(".new").read_text().split())) == 200, "each order was new to one of them"
    _all_there(database_url, path, 200)


@pytest.mark.slow
@pytest.mark.parametrize("batch", [1, 7, 20])
def test_an_import_killed_half_way_is_finished_by_the_next(database_url: str, tmp_path: Path, batch: int) -> None:
    """SIGKILL inside a batch's transaction: that batch is gone, the next pull goes on from the one before."""
    path = tmp_path / "orders.csv"
    path.write_text(csv_of(200))
    with started(pull_file, [(database_url, path, None, batch)]) as processes:
        assert end_of(processes) == [-signal.SIGKILL]
    database = Database(database_url)
    shop = Shop(database)
    assert len(shop.order_ids()) == 10 * (batch - 1)
    assert shop.pull(path).counts.new == 200 - 10 * (batch - 1)
    database.close()
    _all_there(database_url, path, 200)


def _until(holds: Callable[[], bool]) -> None:
    patience = time.monotonic() + WAIT_SECONDS_MAX
    while not holds():
        assert time.monotonic() < patience, "it never came to that"
        time.sleep(0.05)


def _all_there(url: str, path: Path, count: int) -> None:
    database = Database(url)
    shop = Shop(database)
    assert len(shop.order_ids()) == count
    found = [shop.profile(f"c{number}") for number in range(7)]
    assert sum(one["order_count"] for one in found) == count
    assert sum(one["revenue"] for one in found) == count * (count + 1) // 2 * 100
    assert shop.pull(path).counts.new == 0
    database.close()
