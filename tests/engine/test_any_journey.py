"""Whatever the steps, everybody comes to an end, nobody comes to a step twice, and everything happens once."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from clm.content.brand import Brand
from clm.content.library import TemplateLibrary
from clm.domain.campaign import Campaign
from clm.domain.instant import DAY_MS
from clm.domain.node import End, Exit, Suppress, edges
from clm.domain.program import program, program_faults
from clm.engine.advance import advance
from clm.engine.enrol import enrol
from clm.store import enrolments as stored
from clm.store.database import Database, Transaction
from clm.store.schema import campaign_versions, decisions, enrolments, messages, watermarks
from tests.databases import empty
from tests.engine.rehearsal import AGAIN, FIRST_CLOCK, HELLO, LAST, TWO_DAYS, Rehearsal, campaign
from tests.engine.shop import NOW, order
from tests.engine.together import Plan, end_of, gate_for, noted, run_lifecycle, started

pytestmark = pytest.mark.slow

CONDITIONS = (
    "order_count >= 2",
    "order_count >= 3",
    "days_since(last_order_at) > 4",
    "days_since(entered_at) > 2",
    "last_rating <= 2",
)
PEOPLE = ("ada", "bob", "cyd", "dan")


class _Planting:
    """Draws a tree of steps; names are given in the order of the file, so that leads can be to later ones."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw
        self._names: list[str] = []
        self._leads: list[tuple[dict[str, Any], str, int]] = []

    def tree(self) -> list[dict[str, Any]]:
        """Any steps, and at the end one that sends."""
        steps = [*self._some(0), {"send": self._name(), "channel": "email"}]
        for place, key, passed in self._leads:
            place[key] = self._one_of(*self._names[passed:])
        return steps

    def _one_of(self, *values: Any) -> Any:
        return self._draw(st.sampled_from(values))

    def _name(self) -> str:
        self._names.append(f"s{len(self._names)}")
        return self._names[-1]

    def _some(self, deep: int) -> list[dict[str, Any]]:
        steps = [self._step(deep) for _ in range(self._draw(st.integers(0 if deep else 1, 3)))]
        last = self._one_of("on", "on", "exit", "elsewhere") if deep else "on"
        if last == "exit":
            steps.append({"exit": "enough"})
        if last == "elsewhere":
            steps.append({"go_to": ""})
            self._leads.append((steps[-1], "go_to", len(self._names)))
        return steps

    def _step(self, deep: int) -> dict[str, Any]:
        flat = ["send", "send", "wait", "until", "at", "suppress"]
        match self._one_of(*flat, *(["branch", "split"] * 2 if deep < 3 else [])):
            case "send":
                return {"send": self._name(), "channel": "email"}
            case "wait":
                return {"name": self._name(), "wait": self._one_of("0h", "5h", "1d", "3d")}
            case "until":
                return self._until()
            case "at":
                return {"wait_until": {"at": self._one_of("00:00", "09:30")}}
            case "suppress":
                return {"suppress": "email"}
            case "branch":
                return self._branch(deep)
            case _:
                weights = st.integers(1, 3)
                return {
                    "split": [
                        {"name": arm, "weight": self._draw(weights), "steps": self._some(deep + 1)} for arm in "ab"
                    ]
                }

    def _until(self) -> dict[str, Any]:
        otherwise = self._one_of("continue", "exit", "")
        until = {"when": self._one_of(*CONDITIONS), "at_most": self._one_of("1d", "4d"), "otherwise": otherwise}
        step = {"name": self._name(), "wait_until": until}
        if not otherwise:
            self._leads.append((until, "otherwise", len(self._names)))
        return step

    def _branch(self, deep: int) -> dict[str, Any]:
        name, arms = self._name(), []
        for when in self._draw(st.lists(st.sampled_from([*CONDITIONS, None]), min_size=1, max_size=3)):
            arms.append(({"when": when} if when else {}) | {"steps": self._some(deep + 1)})
            if when is None:
                break
        return {"name": name, "branch": arms}


@st.composite
def a_tree(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Steps that may branch, split, wait and lead elsewhere."""
    return _Planting(draw).tree()


@contextlib.contextmanager
def watched(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Where each enrolment was moved to, in order."""
    seen: dict[int, list[int]] = {}
    go_on = stored.go_on

    def watching(tx: Transaction, ids: Sequence[int], *, to: int, due_at: int) -> None:
        for one in ids:
            seen.setdefault(one, [0]).append(to)
        go_on(tx, ids, to=to, due_at=due_at)

    with monkeypatch.context() as patch:
        patch.setattr(stored, "go_on", watching)
        yield seen


@pytest.fixture
def crowd(rehearsal: Rehearsal) -> Callable[[Campaign], Rehearsal]:
    """A shop of a few customers on whom one campaign after the other is tried."""
    for number, name in enumerate(PEOPLE):
        rehearsal.customer(name, at=NOW - number * DAY_MS)
        for again in range(number):
            rehearsal.shop.tell(order(f"{name}-{again + 2}", name, at=NOW - number * DAY_MS))

    def with_only(one: Campaign) -> Rehearsal:
        rehearsal._campaigns = {one.campaign: one}
        with rehearsal.database.write() as tx:
            for table in (decisions, messages, enrolments, campaign_versions, watermarks):
                tx.execute(table.delete())
        return rehearsal

    return with_only


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much])
@given(steps=a_tree(), late=st.sampled_from([0, 0, 1, 30 * DAY_MS]), holdout=st.sampled_from(["0%", "50%"]))
def test_every_journey_ends(
    crowd: Callable[[Campaign], Rehearsal],
    monkeypatch: pytest.MonkeyPatch,
    steps: list[dict[str, Any]],
    late: int,
    holdout: str,
) -> None:
    """Every step leads onwards, the last one to the end; however late a run comes, nobody is lost or held for ever."""
    one = campaign(steps=steps, holdout=holdout)
    assume(not program_faults(one))
    nodes = program(one).nodes
    rehearsal = crowd(one)
    database, journeys = rehearsal.database, rehearsal.journeys
    e = enrolments.c
    with watched(monkeypatch) as seen:
        enrol(database, journeys, one, now=NOW)
        now = NOW
        for _ in range(2 * len(nodes) + 1):
            advance(database, journeys, one, now=now)
            with database.write() as tx:
                tx.execute(update(messages).values(status="sent"))  # or suppressing would wait for it
                due = tx.scalar(select(func.min(e.next_due_at)).where(e.campaign == one.campaign, e.status == "active"))
            if due is None:
                break
            assert due > now, "whoever is due is taken on in the same run"
            now = due + late
    with database.read() as tx:
        ended = tx.execute(select(e.id, e.status, e.position, e.holdout).where(e.campaign == one.campaign)).all()
        m = messages.c
        made = tx.execute(select(m.enrolment_id, m.step).where(m.campaign == one.campaign)).all()
    assert Counter(row.status for row in ended).total() == len(PEOPLE)
    assert {row.status for row in ended} <= {"completed", "exited"}
    keys = {index: node.key for index, node in enumerate(nodes)}
    held_out = {row.id for row in ended if row.holdout}
    for row in ended:
        way = seen.get(row.id, [0])
        assert all(to in edges(nodes[at]) for at, to in pairwise(way)), "only along edges"
        assert all(at < to for at, to in pairwise(way)), "only onwards, so no step twice"
        last = nodes[way[-1]]
        assert (
            isinstance(last, Exit | End)
            or any(isinstance(nodes[to], End) for to in edges(last))
            or (
                isinstance(last, Suppress) and row.status == "exited"  # nobody was asked
            )
        )
        sends = {keys[at] for at in way if keys[at] in {step.send for step in one.sends}}
        got = [step for enrolment_id, step in made if enrolment_id == row.id]
        assert sorted(got) == ([] if row.id in held_out else sorted(sends)), "what is passed is sent, once"


TREE = [
    HELLO,
    {"branch": [{"when": "order_count >= 2", "steps": [AGAIN]}, {"when": "order_count >= 1", "steps": []}]},
    {"split": [{"name": "a", "weight": 1, "steps": [TWO_DAYS]}, {"name": "b", "weight": 1, "steps": [TWO_DAYS]}]},
    {"wait_until": {"when": "days_since(entered_at) >= 3", "at_most": "9d"}},
    LAST,
]


def test_several_runs_at_once_pass_every_step_once(
    rehearsal: Rehearsal, database_url: str, words_folder: Path, tmp_path: Path
) -> None:
    """Three processes at one instant, three times: one message a step, one draw and one branch for everybody."""
    people = [f"c{number}" for number in range(24)]
    for name in people:
        rehearsal.customer(name)
    one = campaign(steps=TREE)
    rehearsal.database.close()  # no connection is carried into another process
    plan = {"url": database_url, "words": words_folder, "folder": tmp_path, "campaigns": (one,), "clock": FIRST_CLOCK}
    for now in (NOW, NOW + 2 * DAY_MS, NOW + 3 * DAY_MS):
        gate = gate_for(3)
        with started(run_lifecycle, [(Plan(now=now, **plan), gate)] * 3) as processes:
            assert end_of(processes) == [0, 0, 0]
    rehearsal.have(one)
    assert Counter((seen.step, seen.status) for seen in rehearsal.messages()) == {
        ("hello", "sent"): len(people),
        ("last", "sent"): len(people),
    }
    assert set(Counter(noted(tmp_path, "handed")).values()) == {1}
    with rehearsal.database.read() as tx:
        assert set(tx.scalars(select(enrolments.c.variant))) == {"split-1=a", "split-1=b"}
        kinds = Counter(tx.scalars(select(decisions.c.kind)))
    assert kinds == {kind: len(people) for kind in ("entered", "branched", "split", "completed")}


def test_two_who_take_at_one_moment_take_different_people(
    postgres_url: str, library: TemplateLibrary, own_brand: Brand
) -> None:
    """On PostgreSQL one run passes over whom another has in hand, and draws and branches the others."""
    with contextlib.closing(Database(postgres_url)) as one, contextlib.closing(Database(postgres_url)) as two:
        empty(one)
        rehearsal = Rehearsal(one, library, own_brand)
        rehearsal.have(campaign(steps=TREE))
        for number in range(10):
            rehearsal.customer(f"c{number}")
        (live,) = rehearsal.journeys.live()
        enrol(one, rehearsal.journeys, live, now=NOW)
        journey = rehearsal.journeys.today(live)
        from clm.store import flight

        with one.write() as mine, two.write() as theirs:
            theirs.exec_driver_sql("SET LOCAL lock_timeout = '2s'")
            asking = list(journey.conditions.values())
            first = flight.due(mine, journey.flight, 0, now=NOW, limit=6, asking=asking, profile=True)
            second = flight.due(theirs, journey.flight, 0, now=NOW, limit=6, asking=asking, profile=True)
        assert (len(first), len(second)) == (6, 4)
        assert not {standing.id for standing in first} & {standing.id for standing in second}
