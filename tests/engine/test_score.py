"""Scores are what the facts say by the day's measure, written only where they differ, with the groups' history."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from clm.domain.instant import DAY_MS, HOUR_MS
from clm.engine import yardstick
from clm.engine.profile import refresh
from clm.engine.score import Scored, score_contacts
from clm.rfm_file import RfmRules
from clm.store import scores
from clm.store.database import Database
from clm.store.schema import group_history
from tests.databases import empty
from tests.engine.scored import RULES, check_history, five, groups, look_at_everybody, many, score, told
from tests.engine.shop import NOW, Shop, order

pytestmark = pytest.mark.slow

WINDOW = RULES.window


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
    found = score(shop.database, NOW + HOUR_MS, RULES.model_copy(update={"groups": rows}))
    assert found == Scored(measured=False, rescored=1, regrouped=1)
    assert groups(shop.database)["a"][-1] == (NOW + HOUR_MS, None, "asleep")
    assert score(
        shop.database, NOW + 2 * HOUR_MS, RULES.model_copy(update={"window": 30 * DAY_MS, "groups": rows})
    ).measured


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


@pytest.mark.slow
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
        check_history(database)


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
    check_history(shop.database)
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
