"""Scores are what the facts say by the day's measure, written only where they differ, with the groups' history."""

from __future__ import annotations

import contextlib
import json
import threading
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from clm.domain.instant import DAY_MS, HOUR_MS
from clm.domain.record import OrderRecord
from clm.engine import yardstick
from clm.engine.profile import refresh
from clm.engine.score import Scored, score_contacts
from clm.rfm_file import RfmRules, load_rfm
from clm.store import scores
from clm.store import shop as shop_values
from clm.store.database import Database
from clm.store.schema import contacts, group_history, profiles
from tests.conftest import PROJECT
from tests.databases import empty
from tests.engine.shop import NOW, Shop, order

pytestmark = pytest.mark.slow

RULES = load_rfm(PROJECT / "config")
WINDOW = RULES.window
MODELLED = ("p_alive", "expected_orders_90d", "predicted_revenue_365d")

Interval = tuple[int, int | None, str]


def score(database: Database, now: int = NOW, rules: RfmRules = RULES, *, force: bool = False) -> Scored:
    """Refresh and score, in a shop on UTC."""
    refresh(database, now=now)
    return score_contacts(database, rules, now=now, force=force)


def groups(database: Database) -> dict[str, list[Interval]]:
    """Every contact's intervals, by the shop's own id, in order."""
    g = group_history.c
    query = select(contacts.c.external_id, g.since, g.until, g.name).join(contacts, contacts.c.id == g.contact_id)
    found: dict[str, list[Interval]] = {}
    with database.read() as tx:
        for row in tx.execute(query.order_by(g.contact_id, g.since)):
            found.setdefault(row.external_id, []).append((row.since, row.until, row.name))
    return found


def told(database: Database, name: str) -> Any:
    """A value that holds for the whole shop."""
    with database.read() as tx:
        found = shop_values.get(tx, name)
    return None if found is None else json.loads(found)


def look_at_everybody(database: Database, now: int) -> Scored:
    """Score as if nobody had ever looked, by the measure that stands."""
    with database.write() as tx:
        tx.execute(text("DELETE FROM watermarks"))
    return score_contacts(database, RULES, now=now)


def five(shop: Shop, *, at: int = NOW) -> None:
    """Five customers from `e`, who ordered last, most often and for most, down to `a`."""
    for place, who in enumerate("abcde"):
        for number in range(place + 1):
            when = at - (100 - 20 * place + number) * DAY_MS
            shop.tell(order(f"{who}{number}", who, at=when, amount=1_000 * (place + 1)), now=at)


def test_five_customers_take_one_quintile_each(shop: Shop) -> None:
    """Quintiles are by rank, 5 is best, and the table of config/rfm.yaml names the group."""
    five(shop)
    shop.tell(order("x", "gone", at=NOW - WINDOW, amount=99_000))
    assert score(shop.database) == Scored(measured=True, rescored=5, regrouped=5)
    found = {who: shop.profile(who) for who in "abcde"}
    assert [found[who]["recency_score"] for who in "abcde"] == [1, 2, 3, 4, 5]
    assert [found[who]["frequency_score"] for who in "abcde"] == [1, 2, 3, 4, 5]
    assert [found[who]["monetary_score"] for who in "abcde"] == [1, 2, 3, 4, 5]
    assert [found[who]["spend_percentile"] for who in "abcde"] == [20, 40, 60, 80, 100]
    assert [found[who]["rfm_group"] for who in "abcde"] == [
        "lost", "hibernating", "needs_attention", "loyal", "champions",
    ]  # fmt: skip
    assert shop.profile("gone")["rfm_group"] is None, "ordered before the window"
    assert shop.profile("gone")["recency_score"] is None


def test_only_what_was_ordered_in_the_window_counts(shop: Shop) -> None:
    """An old customer's orders of before the window count neither in number nor in value; taken-back ones never."""
    shop.tell(
        *(order(f"old{number}", "old", at=NOW - WINDOW - number * DAY_MS, amount=50_000) for number in range(9)),
        order("old", "old", at=NOW - 9 * DAY_MS, amount=100),
        order("void", "old", at=NOW - 8 * DAY_MS, amount=70_000),
        order("back", "old", at=NOW - 7 * DAY_MS, amount=70_000, kind="cancellation", cancels="void"),
        order("new1", "new", at=NOW - 3 * DAY_MS, amount=200),
        order("new2", "new", at=NOW - 2 * DAY_MS, amount=200),
    )
    score(shop.database)
    assert told(shop.database, "rfm_edges")["frequency"] == [1, 1, 2, 2]
    assert told(shop.database, "rfm_edges")["monetary"] == [100, 100, 400, 400]
    assert (shop.profile("old")["frequency_score"], shop.profile("new")["frequency_score"]) == (1, 3)


def test_a_second_run_changes_nothing(shop: Shop) -> None:
    """At the same instant, or later the same day without news, no row is written."""
    five(shop)
    score(shop.database)
    before = [shop.profile(who) for who in "abcde"]
    assert score(shop.database) == Scored(measured=False, rescored=0, regrouped=0)
    assert score(shop.database, NOW + HOUR_MS) == Scored(measured=False, rescored=0, regrouped=0)
    assert score(shop.database, NOW, force=True) == Scored(measured=False, rescored=0, regrouped=0), "earlier"
    assert score(shop.database, NOW + HOUR_MS, force=True) == Scored(measured=True, rescored=0, regrouped=0)
    assert [shop.profile(who) for who in "abcde"] == before
    assert told(shop.database, "rfm_edges")["at"] == NOW + HOUR_MS


def test_who_orders_is_scored_by_the_days_measure(shop: Shop) -> None:
    """An order moves its own contact at once, and nobody else until the next day's measure."""
    five(shop)
    score(shop.database)
    edges = told(shop.database, "rfm_edges")
    noon = NOW + 12 * HOUR_MS
    shop.tell(order("a9", "a", at=noon - HOUR_MS, amount=90_000), now=noon)
    assert score(shop.database, noon) == Scored(measured=False, rescored=1, regrouped=1)
    assert told(shop.database, "rfm_edges") == edges
    assert (shop.profile("a")["recency_score"], shop.profile("e")["recency_score"]) == (5, 5)
    assert groups(shop.database)["a"] == [(NOW, noon, "lost"), (noon, None, "champions")]
    assert look_at_everybody(shop.database, noon).rescored == 0
    tomorrow = NOW + DAY_MS
    assert score(shop.database, tomorrow).measured
    assert (shop.profile("a")["recency_score"], shop.profile("e")["recency_score"]) == (5, 4)


def test_a_local_day_begins_in_the_shops_zone(shop: Shop) -> None:
    """One measure a day where the shop is."""
    five(shop)
    found = [
        score_contacts(shop.database, RULES, now=NOW + round(hour * HOUR_MS), zone=zone).measured
        for hour, zone in (
            (8, "Europe/London"),
            (22, "Europe/London"),  # 23 o'clock there
            (23, "Europe/London"),  # midnight
            (23.5, "UTC"),
            (24, "Asia/Tokyo"),  # 9 o'clock there, as the last measure was at 8
            (38.9, "Asia/Tokyo"),
            (39, "Asia/Tokyo"),  # midnight
        )
    ]
    assert found == [True, False, True, False, False, False, True]


def test_only_rows_that_differ_are_stamped(shop: Shop) -> None:
    """Conditions look again at contacts whose scores have changed, and at nobody else."""
    five(shop)
    score(shop.database)
    before = {who: shop.profile(who)["changed"] for who in "abcde"}
    shop.tell(order("c9", "c", at=NOW + HOUR_MS), now=NOW + HOUR_MS)
    told_at = shop.profile("c")["changed"]
    score(shop.database, NOW + 2 * HOUR_MS)
    after = {who: shop.profile(who)["changed"] for who in "abcde"}
    assert {who for who in "abcde" if after[who] != before[who]} == {"c"}
    assert after["c"] > told_at > before["c"]


def test_a_run_that_died_half_way_is_finished_by_the_next(shop: Shop) -> None:
    """A measure that was taken, and nobody scored by it yet, is no reason to leave contacts as they were."""
    five(shop)
    yardstick.take(shop.database, RULES, now=NOW)
    assert score(shop.database, NOW + HOUR_MS) == Scored(measured=False, rescored=5, regrouped=5)


def test_an_earlier_run_changes_nothing(shop: Shop) -> None:
    """What is known of a later instant is not undone by a run for an earlier one."""
    five(shop)
    score(shop.database)
    before, history = [shop.profile(who) for who in "abcde"], groups(shop.database)
    shop.tell(order("late", "b", at=NOW - 30 * DAY_MS), now=NOW)
    changed = shop.profile("b")
    for earlier in (NOW - 1, NOW - 400 * DAY_MS):
        assert score_contacts(shop.database, RULES, now=earlier, force=True) == Scored(False, 0, 0)
    assert [shop.profile(who) for who in "acde"] == [before["abcde".index(who)] for who in "acde"]
    assert shop.profile("b") == changed
    assert groups(shop.database) == history


def test_history_at_one_instant_is_written_as_if_there_had_been_one_run(shop: Shop) -> None:
    """New facts and a second run at the same instant replace what the first wrote, back to where it began too."""
    five(shop)
    score(shop.database)
    later = NOW + DAY_MS
    shop.tell(order("a9", "a", at=NOW, amount=90_000), now=later)
    score(shop.database, later)
    assert groups(shop.database)["a"] == [(NOW, later, "lost"), (later, None, "potential_loyalist")]
    shop.tell(order("a9-back", "a", at=NOW, amount=90_000, kind="cancellation", cancels="a9"), now=later)
    score(shop.database, later, force=True)
    assert groups(shop.database)["a"] == [(NOW, None, "lost")]
    assert shop.profile("a")["rfm_group"] == "lost"


def test_who_has_no_order_left_has_no_scores(shop: Shop) -> None:
    """A customer whose only order was cancelled leaves the group; the interval ends and none begins."""
    five(shop)
    score(shop.database)
    later = NOW + HOUR_MS
    shop.tell(order("a-back", "a", at=later, amount=1_000, kind="cancellation", cancels="a0"), now=later)
    score(shop.database, later)
    names = ("recency_score", "frequency_score", "monetary_score", "rfm_group", "spend_percentile")
    assert [shop.profile("a")[name] for name in names] == [None] * 5
    assert groups(shop.database)["a"] == [(NOW, later, "lost")]


def test_another_table_of_groups_takes_hold_at_once(shop: Shop) -> None:
    """Editing config/rfm.yaml regroups everybody at the next run, the same day too."""
    five(shop)
    score(shop.database)
    rows = RULES.groups | {1: ["asleep", *RULES.groups[1][1:]]}
    found = score(shop.database, NOW + HOUR_MS, RfmRules(window=WINDOW, groups=rows))
    assert found == Scored(measured=False, rescored=1, regrouped=1)
    assert groups(shop.database)["a"][-1] == (NOW + HOUR_MS, None, "asleep")
    assert score(shop.database, NOW + 2 * HOUR_MS, RfmRules(window=30 * DAY_MS, groups=rows)).measured


def test_without_a_table_there_are_scores_and_no_groups(shop: Shop) -> None:
    """A project without config/rfm.yaml still knows its quintiles."""
    five(shop)
    score(shop.database, rules=RfmRules())
    assert shop.profile("e")["recency_score"] == 5
    assert shop.profile("e")["rfm_group"] is None
    assert groups(shop.database) == {}


def test_transition_matrix(shop: Shop) -> None:
    """From which group to which, counted once per contact, those who stayed and those who came included."""
    five(shop)
    score(shop.database)
    later = NOW + 2 * DAY_MS
    shop.tell(
        order("a9", "a", at=NOW + DAY_MS, amount=90_000), order("f", "f", at=NOW + DAY_MS, amount=1_500), now=later
    )
    score(shop.database, later)
    with shop.database.read() as tx:
        moves = scores.transition_matrix(tx, NOW, later)
        before = scores.transition_matrix(tx, NOW - 1, NOW)
        nothing = scores.transition_matrix(tx, NOW - 2, NOW - 1)
    groups_then = {who: spans[0][2] for who, spans in groups(shop.database).items() if spans[0][0] == NOW}
    groups_now = {who: spans[-1][2] for who, spans in groups(shop.database).items()}
    counted: dict[Any, dict[Any, int]] = {}
    for who in "abcdef":
        row = counted.setdefault(groups_then.get(who), {})
        row[groups_now[who]] = row.get(groups_now[who], 0) + 1
    assert moves == counted
    assert moves[None] == {groups_now["f"]: 1}
    assert sum(before[None].values()) == 5
    assert nothing == {}


def test_usual_gaps_are_kept_with_fifty_customers(shop: Shop) -> None:
    """The cohort's own average gaps, in whole days, once enough of them have two orders; nothing before."""
    shop.tell(*(order(f"{who}-1", f"c{who}", at=NOW - 500 * DAY_MS) for who in range(49)))
    shop.tell(*(order(f"{who}-2", f"c{who}", at=NOW - (499 - who) * DAY_MS) for who in range(49)))
    score(shop.database)
    assert told(shop.database, "usual_gaps") is None
    shop.tell(order("49-1", "c49", at=NOW - 500 * DAY_MS), order("49-2", "c49", at=NOW - 450 * DAY_MS))
    score(shop.database, NOW + DAY_MS)
    gaps = np.arange(1, 51)
    wanted = {str(quantile): round(float(np.quantile(gaps, quantile))) for quantile in (0.5, 0.8, 0.9)}
    assert told(shop.database, "usual_gaps") == wanted


def test_too_little_history_predicts_nothing_and_says_why(shop: Shop) -> None:
    """Below 500 customers and 180 days predictions stay unknown."""
    five(shop)
    score(shop.database)
    assert told(shop.database, "purchase_model") == {
        "at": NOW, "customers": 5, "days": 100, "fitted_on": 5,
        "reason": "needs 500 customers and 180 days of history; there are 5 and 100",
    }  # fmt: skip
    assert [shop.profile("e")[name] for name in MODELLED] == [None, None, None]


def many(count: int, days: int) -> list[OrderRecord]:
    """A shop's customers, who order at rates of their own and stay away in the end."""
    draw = np.random.default_rng(3)
    found = []
    for who in range(count):
        at, rate, leaving = draw.uniform(0, days), draw.gamma(0.6, 1 / 30), draw.beta(1, 3)
        average = 2_000 + 60_000 / draw.gamma(4)
        number = 0
        while at < days:
            amount = max(1, round(average * draw.gamma(6) / 6))
            found.append(order(f"{who}-{number}", f"c{who}", at=NOW - round((days - at) * DAY_MS), amount=amount))
            number += 1
            if number > 1 and draw.uniform() < leaving:
                break
            at += draw.exponential(1 / rate)
    return found


def test_predictions_with_enough_history(shop: Shop) -> None:
    """Every customer has a probability of being alive, orders and revenue to expect; parameters state their errors."""
    shop.tell(*many(800, 400))
    score(shop.database)
    model = told(shop.database, "purchase_model")
    assert (model["customers"], model["fitted_on"]) == (800, 800)
    assert "reason" not in model
    for name in ("r", "alpha"):
        assert 0 < model["bg_nbd"][name]["standard_error"] < model["bg_nbd"][name]["value"]
    assert model["gamma_gamma"]["q"]["value"] > 1
    p = profiles.c
    with shop.database.read() as tx:
        rows = tx.execute(select(p.p_alive, p.expected_orders_90d, p.predicted_revenue_365d)).all()
    assert all(None not in row for row in rows)
    assert all(0 <= row.p_alive <= 1 and row.expected_orders_90d >= 0 for row in rows)
    assert len({row.p_alive for row in rows}) > 20


def test_predictions_go_when_the_gate_closes(shop: Shop) -> None:
    """If customers are too few for a model they were once enough for, no old prediction stands."""
    shop.tell(*many(520, 400))
    score(shop.database)
    assert shop.profile("c1")["p_alive"] is not None
    gone = [row for row in many(520, 400) if int(row.external_id.split("-")[0]) < 30]
    later = NOW + DAY_MS
    shop.tell(
        *(
            order(f"x{row.external_id}", row.contact.external_id, at=NOW, amount=row.amount, kind="cancellation",
                  cancels=row.external_id)
            for row in gone
        ),
        now=later,
    )  # fmt: skip
    score(shop.database, later)
    with shop.database.read() as tx:
        assert tx.scalar(text("SELECT COUNT(*) FROM profiles WHERE p_alive IS NOT NULL")) == 0


def test_both_databases_find_the_same(shop: Shop) -> None:
    """The same facts give the same figures, to the last digit."""
    shop.tell(*many(600, 300))
    score(shop.database)
    model = told(shop.database, "purchase_model")
    p = profiles.c
    with shop.database.read() as tx:
        total = tx.execute(text(
            "SELECT SUM(recency_score * 7 + frequency_score * 5 + monetary_score), SUM(predicted_revenue_365d),"
            " SUM(CAST(ROUND(100 * p_alive) AS INTEGER)) FROM profiles"
        )).one()  # fmt: skip
        assert tx.scalar(select(p.rfm_group).limit(1)) is not None
    found = (model["bg_nbd"]["r"]["value"], model["gamma_gamma"]["v"]["value"], *(int(value) for value in total))
    assert found == pytest.approx(_found_first.setdefault("values", found), rel=0)


_found_first: dict[str, Any] = {}


@settings(max_examples=25)
@given(
    story=st.lists(
        st.tuples(
            st.lists(
                st.tuples(
                    st.integers(0, 5), st.integers(-900, 0), st.sampled_from([0, 100, 100, 250, 4_000]), st.booleans()
                ),
                max_size=8,
            ),
            st.integers(0, 50),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_scores_are_what_ranking_says(database: Database, story: list[Any]) -> None:
    """Whatever is ordered, late or taken back, at each instant of looking: the ranks of whoever ordered in the window.

    Compared with plain arithmetic over the orders told; after news of the same day with a look at everybody.
    """
    empty(database)
    shop, now, number = Shop(database), NOW, 0
    orders: list[tuple[str, int, int]] = []
    for batch, hours in story:
        now += hours * HOUR_MS
        for who, day, amount, back in batch:
            number += 1
            at = now + day * DAY_MS - number  # no two at one instant
            shop.tell(order(f"o{number}", f"c{who}", at=at, amount=amount), now=now)
            if back:
                shop.tell(
                    order(f"b{number}", f"c{who}", at=at, amount=amount, kind="refund", cancels=f"o{number}"), now=now
                )
            else:
                orders.append((f"c{who}", at, amount))
        score(database, now)
        assert look_at_everybody(database, now).rescored == 0, "scoring what has changed leaves nothing to do"
        score(database, now, force=True)
        _compare(shop, orders, now)
        _check_history(database)


def _compare(shop: Shop, orders: list[tuple[str, int, int]], now: int) -> None:
    inside = [one for one in orders if one[1] > now - WINDOW]
    facts = {
        who: (
            max(at for name, at, _ in inside if name == who),
            sum(name == who for name, _, _ in inside),
            sum(amount for name, _, amount in inside if name == who),
        )
        for who in {name for name, _, _ in inside}
    }
    for who in {name for name, _, _ in orders}:
        found = shop.profile(who)
        scored = (found["recency_score"], found["frequency_score"], found["monetary_score"])
        if who not in facts:
            assert scored == (None, None, None)
            continue
        wanted = tuple(
            1 + 5 * sum(other[fact] < facts[who][fact] for other in facts.values()) // len(facts) for fact in range(3)
        )
        assert scored == wanted
        assert found["rfm_group"] == RULES.group(*wanted)


def _check_history(database: Database) -> None:
    """Intervals neither overlap nor turn round, and the open one is the group of the profile."""
    p = profiles.c
    query = select(contacts.c.external_id, p.rfm_group).join(contacts, contacts.c.id == p.contact_id)
    with database.read() as tx:
        now_in = {row.external_id: row.rfm_group for row in tx.execute(query)}
    history = groups(database)
    for who, group in now_in.items():
        spans = history.get(who, [])
        assert all(until is not None and since < until for since, until, _ in spans[:-1])
        assert all(one[1] <= other[0] for one, other in pairwise(spans))
        assert (spans[-1][2] if spans and spans[-1][1] is None else None) == group


def test_two_runs_at_once_write_once(database_url: str, shop: Shop) -> None:
    """Of two runs at the same instant each contact is written by one, and the history holds one interval each."""
    shop.tell(*many(300, 100))
    refresh(shop.database, now=NOW)
    found: list[Scored] = []

    def run() -> None:
        with contextlib.closing(Database(database_url)) as own:
            found.append(score_contacts(own, RULES, now=NOW))

    runs = [threading.Thread(target=run) for _ in range(2)]
    for one in runs:
        one.start()
    for one in runs:
        one.join()
    assert sum(one.rescored for one in found) == 300
    _check_history(shop.database)
    assert all(len(spans) == 1 for spans in groups(shop.database).values())
    assert look_at_everybody(shop.database, NOW).rescored == 0


def test_an_order_that_commits_meanwhile_is_not_overwritten(shop: Shop) -> None:
    """Scores computed from facts that have changed since are not written; the next run sees the newer facts."""
    five(shop)
    yardstick.take(shop.database, RULES, now=NOW)
    with shop.database.read() as tx:
        rows = next(scores.pages(tx))
        seen = {row.contact_id: row.changed for row in rows}
    shop.tell(order("a9", "a", at=NOW - HOUR_MS, amount=90_000), now=NOW)
    whom = shop.profile("a")["contact_id"]
    with shop.database.write() as tx:
        values = [(1, 1, 1, 1.0, None, None, None, "lost", one) for one in seen]
        written = scores.write(tx, values, seen, dict.fromkeys(seen, "lost"), now=NOW)
    assert (written.written, written.moved) == (4, 4)
    assert shop.profile("a")["rfm_group"] is None
    assert whom not in _members(shop.database)
    score(shop.database)
    assert shop.profile("a")["rfm_group"] == "champions"


def _members(database: Database) -> list[int]:
    with database.read() as tx:
        return list(tx.scalars(select(group_history.c.contact_id)))
